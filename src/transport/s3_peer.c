/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/s3_peer.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/environment.h"
#include "base/error.h"
#include "base/memory.h"
#include "transport/aws_credentials.h"
#include "transport/aws_profile.h"
#include "transport/retry.h"
#include "transport/s3_error.h"
#include "transport/web_address.h"

#define EMPTY_SHA256        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define BUCKET_BYTES_MAX    255
#define HOST_PART_BYTES_MAX 63
#define REGION_BYTES_MAX    63

struct s3_peer {
	const mlm_allocator *allocator;
	struct http_client *client;
	struct aws_credentials *credentials;
	bool owns_credentials;
	char *bucket;
	char *endpoint; /* NULL: Amazon's */
	bool is_virtual; /* the bucket is part of the host's name */
	uint32_t retry_ms;
	char region[REGION_BYTES_MAX + 1];
	struct s3_error error;
};

static mlm_status no_memory(mlm_error *err)
{
	return error_set(err, MLM_ENOMEM, "s3", "memory ran out");
}

/* ---- where it is ---- */

static mlm_status read_endpoint(struct s3_peer *peer, mlm_error *err)
{
	static const char *const names[] = { "MLFLOW_S3_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3",
		"AWS_ENDPOINT_URL", NULL };
	return aws_endpoint_read(peer->allocator, names, &peer->endpoint, err);
}

/* Whether the bucket may be the first part of a host's name, which knows no capitals. The star of a
 * certificate stands for one name. */
static bool may_be_host(const struct s3_peer *peer)
{
	size_t size = strlen(peer->bucket);
	bool may_have_dots = peer->endpoint && strncmp(peer->endpoint, "http:", 5) == 0;
	for (const char *c = peer->bucket; *c; c++)
		if (!islower((unsigned char)*c) && !isdigit((unsigned char)*c) && *c != '-' &&
			!(*c == '.' && may_have_dots && c[1] != '.'))
			return false;
	return size <= HOST_PART_BYTES_MAX && peer->bucket[0] != '-' &&
	       isalnum((unsigned char)peer->bucket[size - 1]);
}

static mlm_status choose_style(struct s3_peer *peer, mlm_error *err)
{
	const char *style = environment("MLFLOW_BOTO_CLIENT_ADDRESSING_STYLE");
	char *of_profile = NULL;
	if (!style)
		style = environment("AWS_S3_ADDRESSING_STYLE");
	mlm_status status =
		style ? MLM_OK
		      : aws_profile_read_s3(peer->allocator, "addressing_style", &of_profile, err);
	style = style ? style : of_profile ? of_profile : "auto";
	bool is_virtual = strcmp(style, "virtual") == 0;
	bool is_path = strcmp(style, "path") == 0;
	if (status == MLM_OK && !is_virtual && !is_path && strcmp(style, "auto") != 0)
		status = error_set(err, MLM_EINVAL, "s3",
			"the addressing style of S3 is '%.100s'; there are auto, path and virtual",
			style);
	peer->is_virtual = may_be_host(peer) && (is_virtual || (!is_path && !peer->endpoint));
	memory_free(peer->allocator, of_profile);
	return status;
}

/* "https://host" and what of the path comes before the key. NULL when memory ran out. */
static char *base_of(const struct s3_peer *peer)
{
	char amazon[160];
	const char *endpoint = peer->endpoint;
	if (!endpoint) {
		snprintf(amazon, sizeof(amazon), "https://s3.%s.amazonaws.com%s", peer->region,
			strncmp(peer->region, "cn-", 3) == 0 ? ".cn" : "");
		endpoint = amazon;
	}
	if (!peer->is_virtual)
		return memory_format(peer->allocator, "%s/%s", endpoint, peer->bucket);
	int scheme_size = (int)(strstr(endpoint, "://") - endpoint) + 3;
	return memory_format(peer->allocator, "%.*s%s.%s", scheme_size, endpoint, peer->bucket,
		endpoint + scheme_size);
}

static char *url_of(const struct s3_peer *peer, const struct s3_request *request)
{
	char *base = base_of(peer);
	char *key = web_address_encode(peer->allocator, request->key ? request->key : "", "/");
	bool has_slash = request->key || peer->is_virtual;
	char *url = base && key ? memory_format(peer->allocator, "%s%s%s%s%s", base,
					  has_slash ? "/" : "", key, request->query ? "?" : "",
					  request->query ? request->query : "")
				: NULL;
	memory_free(peer->allocator, base);
	memory_free(peer->allocator, key);
	return url;
}

static bool is_bucket(const char *name)
{
	size_t size = strlen(name);
	for (size_t i = 0; i < size; i++)
		if (!isalnum((unsigned char)name[i]) && !strchr("-._", name[i]))
			return false;
	return size > 0 && size <= BUCKET_BYTES_MAX && name[0] != '.';
}

static mlm_status open_client(struct s3_peer *peer, mlm_error *err)
{
	const struct http_client_options options = {
		.ca_file = environment("AWS_CA_BUNDLE"),
		.insecure_tls = environment_is_true(environment("MLFLOW_S3_IGNORE_TLS")),
		.allocator = peer->allocator,
	};
	return http_client_new(&options, &peer->client, err);
}

static void set_region(struct s3_peer *peer, const char *region)
{
	snprintf(peer->region, sizeof(peer->region), "%s", region);
}

mlm_status s3_peer_open(
	const struct s3_peer_options *options, struct s3_peer **peer_out, mlm_error *err)
{
	char *region = NULL;
	*peer_out = NULL;
	if (!is_bucket(options->bucket))
		return error_set(err, MLM_EINVAL, "s3",
			"'%.200s' is no name of a bucket, which has letters, digits, '-', '.' and "
			"'_' only",
			options->bucket);
	struct s3_peer *peer = memory_new(options->allocator, sizeof(*peer));
	if (!peer)
		return no_memory(err);
	peer->allocator = options->allocator;
	peer->retry_ms = options->retry_ms;
	peer->owns_credentials = true;
	peer->bucket = memory_string(peer->allocator, options->bucket);
	mlm_status status = peer->bucket ? read_endpoint(peer, err) : no_memory(err);
	if (status == MLM_OK)
		status = aws_region_read(peer->allocator, &region, err);
	if (status == MLM_OK)
		set_region(peer, region);
	memory_free(peer->allocator, region);
	if (status == MLM_OK)
		status = aws_credentials_new(peer->allocator, &peer->credentials, err);
	if (status == MLM_OK)
		status = open_client(peer, err);
	if (status == MLM_OK)
		status = choose_style(peer, err);
	if (status != MLM_OK) {
		s3_peer_close(peer);
		return status;
	}
	*peer_out = peer;
	return MLM_OK;
}

mlm_status s3_peer_open_beside(struct s3_peer *first, struct s3_peer **peer_out, mlm_error *err)
{
	*peer_out = NULL;
	struct s3_peer *peer = memory_new(first->allocator, sizeof(*peer));
	if (!peer)
		return no_memory(err);
	*peer = (struct s3_peer){
		.allocator = first->allocator,
		.credentials = first->credentials,
		.bucket = memory_string(first->allocator, first->bucket),
		.endpoint =
			first->endpoint ? memory_string(first->allocator, first->endpoint) : NULL,
		.is_virtual = first->is_virtual,
		.retry_ms = first->retry_ms,
	};
	set_region(peer, first->region);
	bool is_copied = peer->bucket && (peer->endpoint || !first->endpoint);
	mlm_status status = is_copied ? open_client(peer, err) : no_memory(err);
	if (status == MLM_OK)
		*peer_out = peer;
	else
		s3_peer_close(peer);
	return status;
}

void s3_peer_close(struct s3_peer *peer)
{
	if (!peer)
		return;
	http_client_free(peer->client);
	if (peer->owns_credentials)
		aws_credentials_free(peer->credentials);
	memory_free(peer->allocator, peer->bucket);
	memory_free(peer->allocator, peer->endpoint);
	memory_free(peer->allocator, peer);
}

void s3_peer_interrupt(struct s3_peer *peer)
{
	http_client_interrupt(peer->client);
}

const char *s3_peer_header(const struct s3_peer *peer, const char *name)
{
	return http_answer_header(peer->client, name);
}

const char *s3_peer_error_code(const struct s3_peer *peer)
{
	return peer->error.code;
}

/* ---- what an error means ---- */

static bool is_one_of(const char *code, const char *const *codes)
{
	for (; *codes; codes++)
		if (strcmp(*codes, code) == 0)
			return true;
	return false;
}

/* Beside the statuses of retry_is_passing(). Bytes that were damaged on the way are sent again. */
static bool is_passing(const char *code)
{
	static const char *const codes[] = { "RequestTimeout", "InternalError", "SlowDown",
		"ServiceUnavailable", "OperationAborted", "BadDigest", "IncompleteBody",
		"XAmzContentSHA256Mismatch", "XAmzContentChecksumMismatch", NULL };
	return is_one_of(code, codes);
}

static mlm_status fail_login(
	struct s3_peer *peer, const struct aws_keys *keys, const char *host, mlm_error *err)
{
	const char *code = peer->error.code;
	if (strcmp(code, "SignatureDoesNotMatch") == 0)
		return error_set(err, MLM_EAUTH, "s3",
			"%s refused the AWS secret key of %s: it does not belong to the access "
			"key id",
			host, keys->origin);
	if (strcmp(code, "InvalidAccessKeyId") == 0 || strcmp(code, "XAdminUserNotFound") == 0)
		return error_set(err, MLM_EAUTH, "s3",
			"%s does not know the AWS access key id of %s", host, keys->origin);
	if (strcmp(code, "ExpiredToken") == 0 || strcmp(code, "InvalidToken") == 0)
		return error_set(err, MLM_EAUTH, "s3",
			"%s says that the AWS session token of %s is not valid any more", host,
			keys->origin);
	if (strcmp(code, "RequestTimeTooSkewed") == 0)
		return error_set(err, MLM_EAUTH, "s3",
			"%s refuses the request because this machine's clock is wrong", host);
	return error_set(err, MLM_EAUTH, "s3",
		"%s does not allow the AWS keys of %s this in the bucket '%s'%s%s", host,
		keys->origin, peer->bucket, peer->error.message[0] ? ": " : "",
		peer->error.message);
}

static mlm_status status_of(int http_status)
{
	if (http_status == 404)
		return MLM_ENOTFOUND;
	if (http_status == 412 || http_status == 409 || retry_is_passing(http_status))
		return MLM_EAGAIN;
	if (http_status == 501)
		return MLM_EUNSUPPORTED;
	return http_status == 400 || http_status == 416 ? MLM_EINVAL : MLM_EPEER;
}

static mlm_status fail(struct s3_peer *peer, const struct s3_request *request,
	const struct aws_keys *keys, const struct http_answer *answer, mlm_error *err)
{
	static const char *const of_login[] = { "SignatureDoesNotMatch", "InvalidAccessKeyId",
		"ExpiredToken", "InvalidToken", "RequestTimeTooSkewed", "AccessDenied",
		"XAdminUserNotFound", NULL };
	const char *code = peer->error.code;
	char *base = base_of(peer);
	if (!base)
		return no_memory(err);
	const char *begin = strstr(base, "://") + 3;
	char host[128];
	snprintf(host, sizeof(host), "%.*s", (int)strcspn(begin, "/"), begin);
	memory_free(peer->allocator, base);
	mlm_status status;
	if (answer->status == 401 || answer->status == 403 || is_one_of(code, of_login))
		status = fail_login(peer, keys, host, err);
	else if (strcmp(code, "NoSuchBucket") == 0)
		status = error_set(err, MLM_ENOTFOUND, "s3", "there is no bucket '%s' at %s",
			peer->bucket, host);
	else if (is_passing(code))
		status = error_set(err, MLM_EAGAIN, "s3", "%s says %s of '%.200s': %s", host, code,
			request->key ? request->key : "", peer->error.message);
	else
		status = error_set(err, status_of(answer->status), "s3",
			"%s answered with HTTP status %d for '%.200s'%s%s%s%s", host,
			answer->status, request->key ? request->key : peer->bucket,
			code[0] ? ": " : "", code, peer->error.message[0] ? ", " : "",
			peer->error.message);
	if (err)
		err->detail = answer->status;
	return status;
}

/* ---- asking ---- */

static mlm_status send_signed(struct s3_peer *peer, const struct s3_request *request,
	const struct aws_keys *keys, struct http_request *sent, struct http_answer *answer_out,
	mlm_error *err)
{
	struct http_header headers[S3_HEADERS_MAX + 3];
	char signature[REGION_BYTES_MAX + 20];
	size_t count = 0;
	for (; count < request->header_count && count < S3_HEADERS_MAX; count++)
		headers[count] = request->headers[count];
	headers[count++] = (struct http_header){ "x-amz-content-sha256",
		request->body ? request->body_sha256 : EMPTY_SHA256 };
	if (keys->session_token)
		headers[count++] =
			(struct http_header){ "x-amz-security-token", keys->session_token };
	snprintf(signature, sizeof(signature), "aws:amz:%s:s3", peer->region);
	const struct http_login login = {
		.user = keys->access_key, .password = keys->secret_key, .aws_sigv4 = signature
	};
	char *url = url_of(peer, request);
	if (!url)
		return no_memory(err);
	*sent = (struct http_request){
		.method = request->method,
		.url = url,
		.headers = headers,
		.header_count = count,
		.login = &login,
		.body = request->body,
		.body_size = request->body_size,
		.sink = request->sink,
	};
	mlm_status status = http_send(peer->client, sent, answer_out, err);
	memory_free(peer->allocator, url);
	/* What decides on another try does not look at these. */
	sent->url = "";
	sent->headers = NULL;
	sent->login = NULL;
	return status;
}

/* A service may find out that it failed when it has begun to say 200. */
static mlm_status read_error(struct s3_peer *peer, const struct s3_request *request,
	const struct http_answer *answer, mlm_error *err)
{
	bool may_be_error = answer->status >= 300 ||
			    (strcmp(request->method, "POST") == 0 && answer->body_size > 0);
	peer->error = (struct s3_error){ .is_error = false };
	if (!may_be_error)
		return MLM_OK;
	mlm_status status =
		s3_error_read(peer->allocator, answer->body, answer->body_size, &peer->error, err);
	if (answer->status >= 300)
		peer->error.is_error = true;
	if (!peer->error.is_error)
		peer->error = (struct s3_error){ .is_error = false };
	return status;
}

/* Whether the bucket is elsewhere; the peer asks there from now on. */
static bool moves(struct s3_peer *peer, const struct http_answer *answer)
{
	const char *region = http_answer_header(peer->client, "x-amz-bucket-region");
	if (answer->status != 301 && answer->status != 307 && answer->status != 400)
		return false;
	if (!region)
		region = peer->error.region;
	if (!region[0] || strlen(region) > REGION_BYTES_MAX || strcmp(region, peer->region) == 0)
		return false;
	for (const char *c = region; *c; c++)
		if (!isalnum((unsigned char)*c) && *c != '-')
			return false;
	set_region(peer, region);
	return true;
}

static mlm_status restart(const struct s3_request *request, mlm_error *err)
{
	const struct http_sink *sink = request->sink;
	return sink && sink->restart ? sink->restart(sink->payload, err) : MLM_OK;
}

mlm_status s3_peer_send(struct s3_peer *peer, const struct s3_request *request,
	struct http_answer *answer_out, mlm_error *err)
{
	struct retry retry;
	bool has_moved = false, has_renewed = false;
	retry_begin(&retry, peer->retry_ms);
	for (;;) {
		struct aws_keys keys;
		struct http_request sent;
		mlm_error why = MLM_ERROR_INIT;
		uint32_t wait_ms = 0;
		*answer_out = (struct http_answer){ .body = "" };
		mlm_status status = aws_credentials_take(peer->credentials, &keys, err);
		if (status != MLM_OK)
			return status;
		status = send_signed(peer, request, &keys, &sent, answer_out, &why);
		answer_out->tries = retry.tries + 1;
		mlm_status outcome = status;
		if (status == MLM_OK)
			status = outcome = read_error(peer, request, answer_out, &why);
		bool is_again = false;
		struct http_answer judged = *answer_out;
		if (status == MLM_OK && peer->error.is_error) {
			is_again = !has_moved && moves(peer, answer_out);
			has_moved = has_moved || is_again;
			if (!is_again && !has_renewed && keys.expires_ms &&
				strcmp(peer->error.code, "ExpiredToken") == 0) {
				aws_credentials_expire(peer->credentials);
				is_again = has_renewed = true;
			}
			if (is_passing(peer->error.code))
				judged.status = 503;
			outcome = fail(peer, request, &keys, answer_out, &why);
		}
		aws_keys_clear(&keys);
		if (outcome == MLM_OK)
			return MLM_OK;
		if (!is_again)
			is_again = retry_again(&retry, &sent, status, &judged, &wait_ms) &&
				   http_client_wait(peer->client, wait_ms);
		if (is_again) {
			outcome = restart(request, &why);
			if (outcome == MLM_OK)
				continue;
		}
		if (err)
			*err = why;
		return outcome;
	}
}
