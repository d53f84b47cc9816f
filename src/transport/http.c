/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/http.h"

#include <ctype.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/patience.h"
#include "transport/curl_library.h"
#include "transport/web_address.h"

#define POLL_MS          1000 /* libcurl wakes up by itself; this is for what it might miss */
#define BUFFER_BYTES     (256l << 10) /* of uploads and downloads that stream */
#define CONNECTIONS_KEPT 4l
#define EXPECT_WAIT_MS   1l
#define ANSWER_KEPT_MAX  (1u << 20) /* a buffer that grew larger is given back */

struct text_buffer {
	char *bytes; /* NUL-ended */
	size_t size;
	size_t capacity;
};

struct http_client {
	const mlm_allocator *allocator;
	pid_t owner;
	CURLM *multi;
	CURL *easy;
	uint32_t connect_ms;
	uint32_t stall_ms;
	char *ca_file;
	char *client_certificate;
	bool insecure_tls;
	bool is_direct;
	_Atomic bool interrupted;
	struct text_buffer body;
	struct text_buffer headers; /* lines, each ended by a NUL */
	char reason[CURL_ERROR_SIZE];
	char host[128]; /* and port of the last request */
};

/* One request under way. */
struct exchange {
	struct http_client *client;
	const struct http_request *request;
	size_t answer_bytes_max;
	size_t body_sent; /* of a body in memory */
	int status;
	bool is_too_large;
	bool has_headers; /* all of them */
	mlm_status failure; /* of source or sink */
	mlm_error *err;
};

/* ---- memory ---- */

static bool append(
	struct http_client *client, struct text_buffer *buffer, const char *bytes, size_t size)
{
	if (buffer->size + size >= buffer->capacity) {
		size_t capacity = buffer->capacity ? buffer->capacity * 2 : 4096;
		while (capacity <= buffer->size + size)
			capacity *= 2;
		char *grown = memory_resize(client->allocator, buffer->bytes, capacity, 1);
		if (!grown)
			return false;
		buffer->bytes = grown;
		buffer->capacity = capacity;
	}
	memcpy(buffer->bytes + buffer->size, bytes, size);
	buffer->size += size;
	buffer->bytes[buffer->size] = '\0';
	return true;
}

static void empty(struct http_client *client, struct text_buffer *buffer, size_t kept_max)
{
	if (buffer->capacity > kept_max) {
		memory_free(client->allocator, buffer->bytes);
		*buffer = (struct text_buffer){ 0 };
	}
	buffer->size = 0;
	if (buffer->bytes)
		buffer->bytes[0] = '\0';
}

static mlm_status no_memory(mlm_error *err)
{
	return error_set(err, MLM_ENOMEM, "http", "memory ran out");
}

/* ---- the client ---- */

/* An empty text counts as none. False when memory ran out. */
static bool copy(struct http_client *client, const char *text, char **copy_out)
{
	if (!text || !text[0])
		return true;
	*copy_out = memory_string(client->allocator, text);
	return *copy_out != NULL;
}

static const char *first_set(const char *const *names)
{
	for (; *names; names++) {
		const char *value = getenv(*names);
		if (value && value[0])
			return value;
	}
	return NULL;
}

mlm_status http_client_new(
	const struct http_client_options *options, struct http_client **client_out, mlm_error *err)
{
	static const char *const ca_names[] = { "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE",
		"SSL_CERT_FILE", NULL };
	static const struct http_client_options defaults;
	*client_out = NULL;
	if (!options)
		options = &defaults;
	mlm_status status = curl_library_load(err);
	if (status != MLM_OK)
		return status;
	struct http_client *client = memory_new(options->allocator, sizeof(*client));
	if (!client)
		return no_memory(err);
	client->allocator = options->allocator;
	const char *ca_file = options->ca_file ? options->ca_file : first_set(ca_names);
	client->owner = getpid();
	client->connect_ms = options->connect_ms ? options->connect_ms : HTTP_CONNECT_MS;
	client->stall_ms = options->stall_ms ? options->stall_ms : HTTP_STALL_MS;
	client->insecure_tls = options->insecure_tls;
	client->is_direct = options->is_direct;
	bool has_texts = copy(client, ca_file, &client->ca_file) &&
			 copy(client, options->client_certificate, &client->client_certificate);
	client->multi = curl_library.multi_init();
	client->easy = curl_library.easy_init();
	if (!client->multi || !client->easy || !has_texts) {
		http_client_free(client);
		return no_memory(err);
	}
	curl_library.multi_setopt(client->multi, CURLMOPT_MAXCONNECTS, CONNECTIONS_KEPT);
	*client_out = client;
	return MLM_OK;
}

void http_client_free(struct http_client *client)
{
	if (!client)
		return;
	/* In a child, saying goodbye on a connection would end it for the parent. */
	if (client->owner == getpid()) {
		if (client->easy)
			curl_library.easy_cleanup(client->easy);
		if (client->multi)
			curl_library.multi_cleanup(client->multi);
	}
	memory_free(client->allocator, client->ca_file);
	memory_free(client->allocator, client->client_certificate);
	memory_free(client->allocator, client->body.bytes);
	memory_free(client->allocator, client->headers.bytes);
	memory_free(client->allocator, client);
}

void http_client_interrupt(struct http_client *client)
{
	atomic_store(&client->interrupted, true);
	curl_library.multi_wakeup(client->multi);
}

static int poll_ms(void)
{
	return patience_is_asked() ? (int)PATIENCE_ASK_MS : POLL_MS;
}

bool http_client_wait(struct http_client *client, uint32_t wait_ms)
{
	int64_t until_ns = clock_monotonic_ns() + (int64_t)wait_ms * 1000000;
	while (!atomic_load(&client->interrupted) && patience_lasts(client->host)) {
		int64_t left_ms = (until_ns - clock_monotonic_ns() + 999999) / 1000000;
		int most_ms = poll_ms();
		if (left_ms <= 0)
			return true;
		curl_library.multi_poll(
			client->multi, NULL, 0, left_ms < most_ms ? (int)left_ms : most_ms, NULL);
	}
	return false;
}

/* ---- what libcurl calls ---- */

static int open_socket(void *payload, curlsocktype purpose, struct curl_sockaddr *address)
{
	(void)payload;
	(void)purpose;
	/* A program that the host starts is none of the peer's business. */
	return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static size_t on_header(char *bytes, size_t size, size_t count, void *payload)
{
	struct exchange *exchange = payload;
	struct text_buffer *headers = &exchange->client->headers;
	size *= count;
	patience_moved();
	if (size >= 5 && strncmp(bytes, "HTTP/", 5) == 0) { /* the answer after a redirect, say */
		const char *space = memchr(bytes, ' ', size);
		empty(exchange->client, headers, HTTP_HEADER_BYTES_MAX * 2);
		exchange->status = space ? (int)strtol(space + 1, NULL, 10) : 0;
		exchange->has_headers = false;
		return size;
	}
	if (headers->size + size > HTTP_HEADER_BYTES_MAX) {
		exchange->is_too_large = true;
		return 0;
	}
	size_t kept = size;
	while (kept && isspace((unsigned char)bytes[kept - 1]))
		kept--;
	exchange->has_headers = exchange->has_headers || kept == 0;
	bool kept_all = append(exchange->client, headers, bytes, kept) &&
			append(exchange->client, headers, "", 1);
	return kept_all ? size : 0;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *payload)
{
	struct exchange *exchange = payload;
	const struct http_sink *sink = exchange->request->sink;
	struct text_buffer *body = &exchange->client->body;
	size *= count;
	patience_moved();
	if (sink && exchange->status >= 200 && exchange->status < 300) {
		exchange->failure = sink->write(sink->payload, bytes, size, exchange->err);
		return exchange->failure == MLM_OK ? size : 0;
	}
	if (body->size + size > exchange->answer_bytes_max) {
		exchange->is_too_large = true;
		return 0;
	}
	return append(exchange->client, body, bytes, size) ? size : 0;
}

static size_t on_read(char *bytes, size_t size, size_t count, void *payload)
{
	struct exchange *exchange = payload;
	const struct http_source *source = exchange->request->source;
	size_t got = 0;
	patience_moved();
	exchange->failure = source->read(source->payload, bytes, size * count, &got, exchange->err);
	return exchange->failure == MLM_OK ? got : CURL_READFUNC_ABORT;
}

/* libcurl only ever asks for the beginning, to send a body again. */
static int on_seek(void *payload, curl_off_t offset, int origin)
{
	struct exchange *exchange = payload;
	const struct http_source *source = exchange->request->source;
	if (offset != 0 || origin != SEEK_SET || !source->rewind)
		return CURL_SEEKFUNC_CANTSEEK;
	exchange->failure = source->rewind(source->payload, exchange->err);
	return exchange->failure == MLM_OK ? CURL_SEEKFUNC_OK : CURL_SEEKFUNC_FAIL;
}

/* ---- asking ---- */

/* Remembers the first refusal of an option, since they all are refused for one reason. */
#define SET(option, value)                                                      \
	do {                                                                    \
		if (code == CURLE_OK)                                           \
			code = curl_library.easy_setopt(easy, (option), value); \
	} while (0)

static CURLcode set_tls(struct http_client *client, CURL *easy)
{
	CURLcode code = CURLE_OK;
	SET(CURLOPT_SSL_VERIFYPEER, client->insecure_tls ? 0l : 1l);
	SET(CURLOPT_SSL_VERIFYHOST, client->insecure_tls ? 0l : 2l);
	if (client->ca_file)
		SET(CURLOPT_CAINFO, client->ca_file);
	if (client->client_certificate) {
		SET(CURLOPT_SSLCERT, client->client_certificate);
		SET(CURLOPT_SSLKEY, client->client_certificate);
	}
	return code;
}

static CURLcode set_login(const struct http_login *login, CURL *easy)
{
	CURLcode code = CURLE_OK;
	if (!login)
		return code;
	if (login->aws_sigv4) {
		SET(CURLOPT_AWS_SIGV4, login->aws_sigv4);
		/* "Expect:" would be signed and not sent. */
		SET(CURLOPT_EXPECT_100_TIMEOUT_MS, EXPECT_WAIT_MS);
	}
	if (login->bearer) {
		SET(CURLOPT_HTTPAUTH, (long)CURLAUTH_BEARER);
		SET(CURLOPT_XOAUTH2_BEARER, login->bearer);
	} else if (login->user) {
		if (!login->aws_sigv4)
			SET(CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
		SET(CURLOPT_USERNAME, login->user);
		SET(CURLOPT_PASSWORD, login->password ? login->password : "");
	}
	return code;
}

static CURLcode set_body(struct exchange *exchange, CURL *easy)
{
	const struct http_request *request = exchange->request;
	CURLcode code = CURLE_OK;
	bool is_get = strcmp(request->method, "GET") == 0;
	if (strcmp(request->method, "HEAD") == 0) {
		SET(CURLOPT_NOBODY, 1l);
	} else if (request->source) {
		SET(CURLOPT_UPLOAD, 1l);
		SET(CURLOPT_READFUNCTION, on_read);
		SET(CURLOPT_READDATA, exchange);
		SET(CURLOPT_SEEKFUNCTION, on_seek);
		SET(CURLOPT_SEEKDATA, exchange);
		SET(CURLOPT_UPLOAD_BUFFERSIZE, BUFFER_BYTES);
		SET(CURLOPT_INFILESIZE_LARGE, (curl_off_t)request->source->size);
	} else if (request->body || strcmp(request->method, "POST") == 0 ||
		   strcmp(request->method, "PUT") == 0) {
		SET(CURLOPT_POST, 1l);
		SET(CURLOPT_POSTFIELDS, request->body ? request->body : "");
		SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_size);
	} else if (is_get) {
		SET(CURLOPT_HTTPGET, 1l);
	}
	if (!is_get && strcmp(request->method, "HEAD") != 0)
		SET(CURLOPT_CUSTOMREQUEST, request->method);
	return code;
}

static CURLcode set_limits(struct exchange *exchange, CURL *easy)
{
	const struct http_client *client = exchange->client;
	const struct http_request *request = exchange->request;
	bool is_https = strncasecmp(request->url, "https:", 6) == 0;
	bool reads = strcmp(request->method, "GET") == 0 || strcmp(request->method, "HEAD") == 0;
	CURLcode code = CURLE_OK;
	SET(CURLOPT_CONNECTTIMEOUT_MS, (long)client->connect_ms);
	SET(CURLOPT_LOW_SPEED_LIMIT, 1l);
	SET(CURLOPT_LOW_SPEED_TIME, (long)((client->stall_ms + 999) / 1000));
	SET(CURLOPT_TIMEOUT_MS, (long)request->total_ms);
	SET(CURLOPT_PROTOCOLS_STR, "http,https");
	SET(CURLOPT_REDIR_PROTOCOLS_STR, is_https ? "https" : "http,https");
	SET(CURLOPT_FOLLOWLOCATION, request->follows_redirects && reads ? 1l : 0l);
	SET(CURLOPT_MAXREDIRS, (long)HTTP_REDIRECTS_MAX);
	SET(CURLOPT_FRESH_CONNECT, request->is_once ? 1l : 0l);
	if (client->is_direct)
		SET(CURLOPT_NOPROXY, "*");
	return code;
}

static CURLcode set_options(struct exchange *exchange, struct curl_slist *headers)
{
	struct http_client *client = exchange->client;
	CURL *easy = client->easy;
	CURLcode code = CURLE_OK;
	curl_library.easy_reset(easy);
	SET(CURLOPT_NOSIGNAL, 1l);
	SET(CURLOPT_QUICK_EXIT, 1l); /* an interrupt does not wait for a name server */
	SET(CURLOPT_ERRORBUFFER, client->reason);
	SET(CURLOPT_URL, exchange->request->url);
	SET(CURLOPT_PATH_AS_IS, 1l); /* a name of an artifact may be anything */
	SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	SET(CURLOPT_USERAGENT, "mlmanager");
	SET(CURLOPT_TCP_KEEPALIVE, 1l);
	SET(CURLOPT_OPENSOCKETFUNCTION, open_socket);
	SET(CURLOPT_HTTPHEADER, headers);
	SET(CURLOPT_HEADERFUNCTION, on_header);
	SET(CURLOPT_HEADERDATA, exchange);
	SET(CURLOPT_WRITEFUNCTION, on_body);
	SET(CURLOPT_WRITEDATA, exchange);
	/* After a name that was not found the handle still has its buffer and refuses another
	 * size: it goes on with the one it has. */
	curl_library.easy_setopt(easy, CURLOPT_BUFFERSIZE, BUFFER_BYTES);
	if (code == CURLE_OK)
		code = set_limits(exchange, easy);
	if (code == CURLE_OK)
		code = set_tls(client, easy);
	if (code == CURLE_OK)
		code = set_login(exchange->request->login, easy);
	return code == CURLE_OK ? set_body(exchange, easy) : code;
}

static bool add_header(const mlm_allocator *allocator, struct curl_slist **list, const char *name,
	const char *value)
{
	/* libcurl leaves out a header without a value unless it ends in a semicolon. */
	char *line = memory_format(allocator, "%s%s%s", name,
		value && value[0] ? ": "
		: value           ? ";"
				  : ":",
		value ? value : "");
	struct curl_slist *longer = line ? curl_library.slist_append(*list, line) : NULL;
	memory_free(allocator, line);
	if (!longer)
		return false;
	*list = longer;
	return true;
}

static bool make_headers(const mlm_allocator *allocator, const struct http_request *request,
	struct curl_slist **list)
{
	bool is_signed = request->login && request->login->aws_sigv4;
	*list = NULL;
	/* Waiting for a "100 Continue" costs a round trip, and some servers never send it. */
	bool ok = is_signed || add_header(allocator, list, "Expect", NULL);
	for (size_t i = 0; i < request->header_count && ok; i++)
		ok = add_header(
			allocator, list, request->headers[i].name, request->headers[i].value);
	if (!ok) {
		curl_library.slist_free_all(*list);
		*list = NULL;
	}
	return ok;
}

/* ---- waiting ---- */

/* A write to a connection that the peer has closed raises SIGPIPE in some TLS libraries, and the
 * host's handler is the host's. Blocked for this thread, and taken back if it came from here. */
struct quiet_pipe {
	sigset_t before;
	bool was_pending;
};

static void pipe_quieten(struct quiet_pipe *quiet)
{
	sigset_t pipe_only, pending;
	sigemptyset(&pipe_only);
	sigaddset(&pipe_only, SIGPIPE);
	sigpending(&pending);
	quiet->was_pending = sigismember(&pending, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &pipe_only, &quiet->before);
}

static void pipe_restore(const struct quiet_pipe *quiet)
{
	static const struct timespec at_once;
	sigset_t pipe_only, pending;
	sigpending(&pending);
	if (!quiet->was_pending && sigismember(&pending, SIGPIPE)) {
		sigemptyset(&pipe_only);
		sigaddset(&pipe_only, SIGPIPE);
		sigtimedwait(&pipe_only, NULL, &at_once);
	}
	pthread_sigmask(SIG_SETMASK, &quiet->before, NULL);
}

static CURLcode perform(struct http_client *client)
{
	CURLcode result = CURLE_ABORTED_BY_CALLBACK;
	int running = 1;
	if (curl_library.multi_add_handle(client->multi, client->easy) != CURLM_OK)
		return CURLE_OUT_OF_MEMORY;
	while (running && !atomic_load(&client->interrupted) && patience_lasts(client->host)) {
		CURLMcode code = curl_library.multi_perform(client->multi, &running);
		if (code == CURLM_OK && running)
			code = curl_library.multi_poll(client->multi, NULL, 0, poll_ms(), NULL);
		if (code != CURLM_OK) {
			result = CURLE_OUT_OF_MEMORY;
			break;
		}
	}
	int left;
	for (CURLMsg *done; (done = curl_library.multi_info_read(client->multi, &left));)
		if (done->msg == CURLMSG_DONE)
			result = done->data.result;
	curl_library.multi_remove_handle(client->multi, client->easy);
	return result;
}

/* ---- what came of it ---- */

static bool was_sent(CURL *easy, CURLcode code)
{
	long bytes = 0;
	if (code == CURLE_COULDNT_CONNECT || code == CURLE_COULDNT_RESOLVE_HOST ||
		code == CURLE_COULDNT_RESOLVE_PROXY || code == CURLE_SSL_CONNECT_ERROR)
		return false;
	curl_library.easy_getinfo(easy, CURLINFO_REQUEST_SIZE, &bytes);
	return bytes > 0;
}

/* Host and port of a URL, for messages. */
static void host_of(const char *url, char *host_out, size_t size)
{
	const char *begin = strstr(url, "://");
	begin = begin ? begin + 3 : url;
	snprintf(host_out, size, "%.*s", (int)strcspn(begin, "/?#"), begin);
}

static void clean_reason(char *reason, CURLcode code)
{
	if (!reason[0])
		snprintf(reason, CURL_ERROR_SIZE, "%s", curl_library.easy_strerror(code));
	for (char *c = reason; *c; c++)
		if (iscntrl((unsigned char)*c))
			*c = ' ';
	size_t size = strlen(reason);
	while (size && (reason[size - 1] == ' ' || reason[size - 1] == '.'))
		reason[--size] = '\0';
}

static mlm_status fail(const struct exchange *exchange, CURLcode code, mlm_error *err)
{
	struct http_client *client = exchange->client;
	const char *host = client->host;
	if (exchange->failure != MLM_OK)
		return exchange->failure; /* err is filled */
	if (exchange->is_too_large)
		return error_set(err, MLM_EPEER, "http",
			"the answer of %s is larger than %zu bytes", host,
			exchange->answer_bytes_max);
	if (atomic_load(&client->interrupted) || patience_is_over())
		return error_set(
			err, MLM_EAGAIN, "http", "the request to %s was interrupted", host);
	clean_reason(client->reason, code);
	switch (code) {
	case CURLE_OPERATION_TIMEDOUT:
		return error_set(err, MLM_ETIMEOUT, "http", "%s did not answer in time: %s", host,
			client->reason);
	case CURLE_URL_MALFORMAT:
		return error_set(err, MLM_EINVAL, "http", "the address of %s is wrong: %s", host,
			client->reason);
	case CURLE_OUT_OF_MEMORY:
	case CURLE_WRITE_ERROR: /* sinks and ceilings were asked above: a buffer did not grow */
		return no_memory(err);
	case CURLE_PEER_FAILED_VERIFICATION:
		return error_set(err, MLM_EPEER, "http",
			"the certificate of %s is not trusted (%s); name the file of its "
			"certificate authority in CURL_CA_BUNDLE",
			host, client->reason);
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_CERTPROBLEM:
		return error_set(
			err, MLM_EINVAL, "http", "%s cannot be asked: %s", host, client->reason);
	case CURLE_TOO_MANY_REDIRECTS:
	case CURLE_UNSUPPORTED_PROTOCOL:
	case CURLE_WEIRD_SERVER_REPLY:
	case CURLE_BAD_CONTENT_ENCODING:
		return error_set(err, MLM_EPEER, "http", "%s does not answer as an HTTP server: %s",
			host, client->reason);
	default:
		return error_set(
			err, MLM_EAGAIN, "http", "cannot reach %s: %s", host, client->reason);
	}
}

const char *http_answer_header(const struct http_client *client, const char *name)
{
	size_t name_size = strlen(name);
	const char *line = client->headers.bytes;
	const char *end = line + client->headers.size;
	for (; line && line < end; line += strlen(line) + 1) {
		if (strncasecmp(line, name, name_size) == 0 && line[name_size] == ':') {
			const char *value = line + name_size + 1;
			return value + strspn(value, " \t");
		}
	}
	return NULL;
}

/* Seconds or a date. */
static uint32_t retry_after_ms(const struct http_client *client)
{
	const char *text = http_answer_header(client, "Retry-After");
	struct tm at = { 0 };
	double seconds = 0;
	if (!text)
		return 0;
	if (isdigit((unsigned char)text[0]))
		seconds = strtod(text, NULL);
	else if (strptime(text, "%a, %d %b %Y %H:%M:%S GMT", &at))
		seconds = (double)timegm(&at) - (double)clock_now_ms() / 1000;
	double milliseconds = seconds * 1000;
	return !(milliseconds > 0)                       ? 0
	       : milliseconds >= HTTP_RETRY_AFTER_MS_MAX ? HTTP_RETRY_AFTER_MS_MAX
							 : (uint32_t)milliseconds;
}

mlm_status http_send(struct http_client *client, const struct http_request *request,
	struct http_answer *answer_out, mlm_error *err)
{
	struct exchange exchange = {
		.client = client,
		.request = request,
		.answer_bytes_max = request->answer_bytes_max ? request->answer_bytes_max
							      : HTTP_ANSWER_BYTES_MAX,
		.err = err,
	};
	struct curl_slist *headers;
	struct quiet_pipe quiet;
	*answer_out = (struct http_answer){ .body = "" };
	if (client->owner != getpid())
		return error_set(err, MLM_ESTATE, "http",
			"this connection was opened before a fork and belongs to the parent");
	if (!web_address_is(request->url))
		return error_set(err, MLM_EINVAL, "http",
			"the address of a request begins with http:// or https://");
	empty(client, &client->body, ANSWER_KEPT_MAX);
	empty(client, &client->headers, HTTP_HEADER_BYTES_MAX * 2);
	client->reason[0] = '\0';
	host_of(request->url, client->host, sizeof(client->host));
	if (!make_headers(client->allocator, request, &headers))
		return no_memory(err);
	pipe_quieten(&quiet);
	CURLcode code = set_options(&exchange, headers);
	if (code == CURLE_OK)
		code = perform(client);
	/* An answer that is cut off within its headers is a whole one to libcurl. */
	if (code == CURLE_OK && !exchange.has_headers)
		code = CURLE_GOT_NOTHING;
	pipe_restore(&quiet);
	/* The handle keeps pointers to both until it is set up again. */
	curl_library.easy_setopt(client->easy, CURLOPT_HTTPHEADER, NULL);
	curl_library.easy_setopt(client->easy, CURLOPT_ERRORBUFFER, NULL);
	curl_library.slist_free_all(headers);
	answer_out->was_sent = was_sent(client->easy, code);
	if (code != CURLE_OK)
		return fail(&exchange, code, err);
	answer_out->status = exchange.status;
	answer_out->body = client->body.bytes ? client->body.bytes : "";
	answer_out->body_size = client->body.size;
	answer_out->retry_after_ms = retry_after_ms(client);
	return MLM_OK;
}
