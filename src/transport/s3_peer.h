/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TRANSPORT_S3_PEER_H
#define TRANSPORT_S3_PEER_H

/*
 * A bucket of S3, or of a service like it: where it is, who asks (aws_credentials.h), its errors.
 *
 * The service is that of MLFLOW_S3_ENDPOINT_URL, AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL, the
 * profile's endpoint_url, else Amazon's. MLFLOW_S3_IGNORE_TLS true leaves certificates unchecked,
 * AWS_CA_BUNDLE names the file of their authority. The bucket is the first part of the path at an
 * endpoint of one's own and where its name is no host's (with a dot, under https), else part of the
 * host's name; MLFLOW_BOTO_CLIENT_ADDRESSING_STYLE, AWS_S3_ADDRESSING_STYLE or the profile's
 * "s3 = addressing_style" ("path", "virtual", "auto") decides otherwise. A bucket of another
 * region than aws_region_read()'s is asked there.
 *
 * Threads: one at a time, but for s3_peer_interrupt().
 */

#include "transport/http.h"

struct s3_peer;

struct s3_peer_options {
	const char *bucket;
	uint32_t retry_ms; /* how long failed requests are tried again */
	const mlm_allocator *allocator; /* outlives the peer */
};

/** Asks nothing yet. Errors: EINVAL (an address, the bucket's name), EUNSUPPORTED (no libcurl),
 * ENOMEM. Owns: *peer_out goes to s3_peer_close(). */
mlm_status s3_peer_open(
	const struct s3_peer_options *options, struct s3_peer **peer_out, mlm_error *err);
/** Another connection to the same bucket, for another thread; first outlives it. Errors: as
 * before. */
mlm_status s3_peer_open_beside(struct s3_peer *first, struct s3_peer **peer_out, mlm_error *err);
/** NULL is a no-op. */
void s3_peer_close(struct s3_peer *peer);

/** From any thread: requests under way and later ones fail with EAGAIN at once. */
void s3_peer_interrupt(struct s3_peer *peer);

/* Everything is borrowed for the call. */
struct s3_request {
	const char *method;
	const char *key; /* not percent-encoded; NULL: the bucket itself */
	const char *query; /* percent-encoded, its names sorted, each with a '='; NULL: none */
	const struct http_header *headers; /* at most S3_HEADERS_MAX */
	size_t header_count;
	const void *body; /* NULL: none */
	size_t body_size;
	const char *body_sha256; /* in hex, of a body */
	const struct http_sink *sink;
};

#define S3_HEADERS_MAX 24

/**
 * Sends a signed request, again and again where that may help: also when the bytes were damaged on
 * the way, when keys have expired, and at the bucket's own region.
 *
 * Errors:  those of http_send() and aws_credentials_take(); EAUTH (the service refuses the keys, or
 *          what they are not allowed), ENOTFOUND (no such bucket, key or upload; see
 *          s3_peer_error_code()), EAGAIN, EINVAL, EPEER, EUNSUPPORTED.
 */
mlm_status s3_peer_send(struct s3_peer *peer, const struct s3_request *request,
	struct http_answer *answer_out, mlm_error *err);

/** A header of the answer that came last or is coming; NULL when it has none of that name. */
const char *s3_peer_header(const struct s3_peer *peer, const char *name);

/** The service's name of the last error, "NoSuchBucket"; "" when there was none. */
const char *s3_peer_error_code(const struct s3_peer *peer);

#endif
