/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TRANSPORT_HTTP_H
#define TRANSPORT_HTTP_H

/*
 * HTTP requests through libcurl. A client keeps its connections open between requests.
 *
 * Threads: a client is used by one thread at a time; http_client_interrupt() may be called from
 *          any. After fork() the parent's client does nothing in the child.
 *          A wait that its thread's base/patience.h has enough of ends as if interrupted.
 * Secrets: a URL given here carries no user or password, so that no message can show one.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mlmanager/allocator.h"
#include "mlmanager/error.h"

#define HTTP_CONNECT_MS         10000u
#define HTTP_STALL_MS           120000u /* as long as MLflow's own client waits */
#define HTTP_REDIRECTS_MAX      5
#define HTTP_ANSWER_BYTES_MAX   (64u << 20) /* kept in memory, unless the request says otherwise */
#define HTTP_HEADER_BYTES_MAX   (64u << 10) /* of the headers of one answer */
#define HTTP_RETRY_AFTER_MS_MAX 60000u

struct http_client;

/* Zero and NULL are the defaults. Strings are copied. */
struct http_client_options {
	uint32_t connect_ms; /* HTTP_CONNECT_MS */
	uint32_t stall_ms; /* no byte in either direction for so long; HTTP_STALL_MS */
	/* PEM files. ca_file NULL: REQUESTS_CA_BUNDLE, CURL_CA_BUNDLE, SSL_CERT_FILE, else the
	 * system's. */
	const char *ca_file;
	const char *client_certificate; /* with its private key */
	bool insecure_tls; /* the peer's certificate is not looked at */
	bool is_direct; /* not through a proxy that the environment names */
	const mlm_allocator *allocator; /* outlives the client; NULL: malloc() and free() */
};

struct http_header {
	const char *name;
	const char *value;
};

/* Who asks. Never sent to another host than the URL's. */
struct http_login {
	const char *user; /* basic authentication, or the access key of aws_sigv4 */
	const char *password;
	const char *bearer;
	const char *aws_sigv4; /* "aws:amz:REGION:SERVICE": signed with user and password */
};

/* A body that is read as it is sent. */
struct http_source {
	/* Up to size bytes; *got_out 0 is the end. */
	mlm_status (*read)(
		void *payload, void *bytes, size_t size, size_t *got_out, mlm_error *err);
	/* Back to the first byte, for another try. */
	mlm_status (*rewind)(void *payload, mlm_error *err);
	void *payload;
	int64_t size; /* bytes in all; -1: unknown, sent in chunks */
};

/* Takes the body of a 2xx answer as it comes. */
struct http_sink {
	mlm_status (*write)(void *payload, const void *bytes, size_t size, mlm_error *err);
	/* Throws away what came: the answer is going to begin again. */
	mlm_status (*restart)(void *payload, mlm_error *err);
	void *payload;
};

/* Everything is borrowed for the call. */
struct http_request {
	const char *method; /* "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE" */
	const char *url; /* percent-encoded */
	const struct http_header *headers;
	size_t header_count;
	const struct http_login *login; /* NULL: nobody */
	const void *body; /* NULL: source, or no body */
	size_t body_size;
	const struct http_source *source;
	const struct http_sink *sink; /* NULL: the answer is kept in memory */
	size_t answer_bytes_max; /* in memory; 0: HTTP_ANSWER_BYTES_MAX */
	uint32_t total_ms; /* 0: as long as bytes flow */
	/* GET and HEAD only: up to HTTP_REDIRECTS_MAX, never from https to http. */
	bool follows_redirects;
	/* The peer must not see it twice: it travels on a new connection, on which libcurl does
	 * not send again by itself. */
	bool is_once;
};

/* Borrowed from the client until its next request. */
struct http_answer {
	int status; /* 0 when there was none */
	const char *body; /* ended by a NUL that body_size does not count; "" with a sink */
	size_t body_size;
	uint32_t retry_after_ms; /* 0: not said; at most HTTP_RETRY_AFTER_MS_MAX */
	bool was_sent; /* the peer may have seen the request, also where the call failed */
	uint32_t tries; /* how often retry_send() sent it */
};

/** Errors: EUNSUPPORTED (no libcurl), ENOMEM. Owns: *client_out goes to http_client_free(). */
mlm_status http_client_new(
	const struct http_client_options *options, struct http_client **client_out, mlm_error *err);
/** NULL is a no-op. In a forked child only the child's own copy goes, not the connections. */
void http_client_free(struct http_client *client);

/**
 * Sends one request, once, and waits for its answer. Any status is MLM_OK.
 *
 * Errors:  EAGAIN (no route, refused, cut off, interrupted), ETIMEOUT, EPEER (not HTTP, a
 *          certificate that is not trusted, an answer over its ceiling, too many redirects),
 *          EINVAL (a URL), ESTATE (after a fork), ENOMEM, or what source or sink said.
 */
mlm_status http_send(struct http_client *client, const struct http_request *request,
	struct http_answer *answer_out, mlm_error *err);

/** A header of the last answer, NULL when it has none of that name. Borrowed as the answer. */
const char *http_answer_header(const struct http_client *client, const char *name);

/** Waits. False as soon as the client is interrupted, or the patience over. */
bool http_client_wait(struct http_client *client, uint32_t wait_ms);

/** Makes the request or wait that is going on, and all later ones, fail with EAGAIN at once. */
void http_client_interrupt(struct http_client *client);

#endif
