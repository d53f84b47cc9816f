/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/mlflow_peer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/environment.h"
#include "base/error.h"
#include "base/memory.h"
#include "transport/mlflow_credentials.h"
#include "transport/retry.h"
#include "transport/web_address.h"

#define EXCERPT_BYTES_MAX 160 /* of an answer that was not understood */
#define MESSAGE_BYTES_MAX 384 /* of what MLflow says */
#define BODY_KEPT_MAX     (1u << 20) /* a body that was larger is given back */

struct mlflow_peer {
	const mlm_allocator *allocator;
	struct http_client *client;
	struct web_address address;
	struct mlflow_credentials credentials;
	struct http_login login; /* of one of the two above */
	uint32_t retry_ms;
	uint32_t request_ms;
	char error_code[MLFLOW_ERROR_CODE_SIZE];
	bool is_unsure;
	uint32_t tries;
	uint32_t retry_after_ms;
	char *body; /* of the call under way */
	size_t body_size;
	size_t body_capacity;
};

static mlm_status no_memory(mlm_error *err)
{
	return error_set(err, MLM_ENOMEM, "http", "memory ran out");
}

/* Takes MLflow's words. */
static mlm_status read_environment(const struct mlflow_peer_options *options,
	struct http_client_options *client, mlm_error *err)
{
	const char *seconds = environment("MLFLOW_HTTP_REQUEST_TIMEOUT");
	char *end = NULL;
	long value = seconds ? strtol(seconds, &end, 10) : 0;
	*client = (struct http_client_options){
		.ca_file = environment("MLFLOW_TRACKING_SERVER_CERT_PATH"),
		.client_certificate = environment("MLFLOW_TRACKING_CLIENT_CERT_PATH"),
		.insecure_tls = environment_is_true(environment("MLFLOW_TRACKING_INSECURE_TLS")),
		.allocator = options->allocator,
	};
	if (client->insecure_tls && client->ca_file)
		return error_set(err, MLM_EINVAL, "http",
			"MLFLOW_TRACKING_INSECURE_TLS is true and "
			"MLFLOW_TRACKING_SERVER_CERT_PATH is set; set one of them");
	if (seconds && (*end || value < 1 || value > 86400))
		return error_set(err, MLM_EINVAL, "http",
			"MLFLOW_HTTP_REQUEST_TIMEOUT is '%s'; it is a number of seconds from 1 to "
			"86400",
			seconds);
	client->stall_ms = (uint32_t)value * 1000;
	return MLM_OK;
}

mlm_status mlflow_peer_open(
	const struct mlflow_peer_options *options, struct mlflow_peer **peer_out, mlm_error *err)
{
	struct http_client_options client_options;
	*peer_out = NULL;
	struct mlflow_peer *peer = memory_new(options->allocator, sizeof(*peer));
	if (!peer)
		return no_memory(err);
	peer->allocator = options->allocator;
	peer->retry_ms = options->retry_ms;
	mlm_status status =
		web_address_parse(options->allocator, options->address, &peer->address, err);
	if (status == MLM_OK)
		status = read_environment(options, &client_options, err);
	if (status == MLM_OK)
		status = mlflow_credentials_read(options->allocator, &peer->credentials, err);
	if (status == MLM_OK)
		status = http_client_new(&client_options, &peer->client, err);
	if (status != MLM_OK) {
		mlflow_peer_close(peer);
		return status;
	}
	if (peer->address.user)
		peer->login = (struct http_login){ .user = peer->address.user,
			.password = peer->address.password };
	else
		peer->login = (struct http_login){ .user = peer->credentials.user,
			.password = peer->credentials.password,
			.bearer = peer->credentials.token };
	*peer_out = peer;
	return MLM_OK;
}

void mlflow_peer_close(struct mlflow_peer *peer)
{
	if (!peer)
		return;
	http_client_free(peer->client);
	web_address_clear(&peer->address);
	mlflow_credentials_clear(&peer->credentials);
	memory_free(peer->allocator, peer->body);
	memory_free(peer->allocator, peer);
}

const char *mlflow_peer_address(const struct mlflow_peer *peer)
{
	return peer->address.base;
}

void mlflow_peer_set_retry_ms(struct mlflow_peer *peer, uint32_t retry_ms)
{
	peer->retry_ms = retry_ms;
}

void mlflow_peer_set_request_ms(struct mlflow_peer *peer, uint32_t request_ms)
{
	peer->request_ms = request_ms;
}

void mlflow_peer_interrupt(struct mlflow_peer *peer)
{
	http_client_interrupt(peer->client);
}

bool mlflow_peer_wait(struct mlflow_peer *peer, uint32_t wait_ms)
{
	return http_client_wait(peer->client, wait_ms);
}

const char *mlflow_peer_error_code(const struct mlflow_peer *peer)
{
	return peer->error_code;
}

bool mlflow_peer_is_unsure(const struct mlflow_peer *peer)
{
	return peer->is_unsure;
}

uint32_t mlflow_peer_tries(const struct mlflow_peer *peer)
{
	return peer->tries;
}

uint32_t mlflow_peer_retry_after_ms(const struct mlflow_peer *peer)
{
	return peer->retry_after_ms;
}

/* ---- what an error means ---- */

static mlm_status status_of_code(const char *code)
{
	static const struct {
		const char *code;
		mlm_status status;
	} codes[] = {
		{ "RESOURCE_DOES_NOT_EXIST", MLM_ENOTFOUND },
		{ "NOT_FOUND", MLM_ENOTFOUND },
		{ "RESOURCE_ALREADY_EXISTS", MLM_EEXISTS },
		{ "ALREADY_EXISTS", MLM_EEXISTS },
		{ "INVALID_PARAMETER_VALUE", MLM_EINVAL },
		{ "BAD_REQUEST", MLM_EINVAL },
		{ "MALFORMED_REQUEST", MLM_EINVAL },
		{ "INVALID_STATE", MLM_ESTATE },
		{ "PERMISSION_DENIED", MLM_EAUTH },
		{ "UNAUTHENTICATED", MLM_EAUTH },
		{ "CUSTOMER_UNAUTHORIZED", MLM_EAUTH },
		{ "REQUEST_LIMIT_EXCEEDED", MLM_EAGAIN },
		{ "RESOURCE_EXHAUSTED", MLM_EAGAIN },
		{ "TEMPORARILY_UNAVAILABLE", MLM_EAGAIN },
		{ "INTERNAL_ERROR", MLM_EAGAIN },
		{ "NOT_IMPLEMENTED", MLM_EUNSUPPORTED },
		{ "FEATURE_DISABLED", MLM_EUNSUPPORTED },
	};
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (strcmp(codes[i].code, code) == 0)
			return codes[i].status;
	return MLM_OK; /* unknown */
}

static mlm_status status_of_http(int http_status)
{
	if (http_status == 401 || http_status == 403 || http_status == 407)
		return MLM_EAUTH;
	if (http_status == 501)
		return MLM_EUNSUPPORTED;
	if (retry_is_passing(http_status) || http_status >= 500)
		return MLM_EAGAIN;
	if (http_status == 413)
		return MLM_EINVAL;
	return MLM_EPEER;
}

/* Printable text of one line; tags says that it is HTML, whose tags are left out. */
static void clean(const char *text, size_t size, bool tags, char *out, size_t out_size)
{
	size_t at = 0;
	bool in_tag = false;
	for (size_t i = 0; i < size && at + 1 < out_size; i++) {
		unsigned char c = (unsigned char)text[i];
		in_tag = in_tag || (tags && c == '<');
		bool is_blank = in_tag || c <= ' ' || c == 0x7F;
		if (c == '>')
			in_tag = false;
		if (!is_blank)
			out[at++] = (char)c;
		else if (at && out[at - 1] != ' ')
			out[at++] = ' ';
	}
	while (at && (out[at - 1] == ' ' || out[at - 1] == '.'))
		at--;
	out[at] = '\0';
}

static void excerpt(const struct http_answer *answer, char out[EXCERPT_BYTES_MAX])
{
	clean(answer->body, answer->body_size, true, out, EXCERPT_BYTES_MAX);
}

static mlm_status fail_without_json(
	const struct mlflow_peer *peer, const struct http_answer *answer, mlm_error *err)
{
	char text[EXCERPT_BYTES_MAX];
	const char *address = peer->address.base;
	mlm_status status = status_of_http(answer->status);
	excerpt(answer, text);
	if (status == MLM_EAUTH)
		return error_set(err, status, "http",
			"%s refused the login (HTTP status %d); set MLFLOW_TRACKING_USERNAME and "
			"MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN",
			address, answer->status);
	if (answer->status >= 300 && answer->status < 400) {
		const char *to = http_answer_header(peer->client, "Location");
		return error_set(err, MLM_EPEER, "http",
			"%s sends requests on to '%.200s' (HTTP status %d); write that server's "
			"address",
			address, to ? to : "", answer->status);
	}
	if (answer->status == 404 || answer->status == 405)
		return error_set(err, MLM_EPEER, "http",
			"%s does not know this call (HTTP status %d): it is no MLflow server, or "
			"an old one%s%s",
			address, answer->status, text[0] ? ": " : "", text);
	return error_set(err, status, "http", "%s answered with HTTP status %d%s%s", address,
		answer->status, text[0] ? ": " : "", text);
}

static mlm_status status_of(const char *code, int http_status)
{
	mlm_status status = status_of_code(code);
	if (status != MLM_OK)
		return status;
	status = status_of_http(http_status);
	return status != MLM_EPEER ? status : http_status == 404 ? MLM_ENOTFOUND : MLM_EINVAL;
}

/* An answer that is no success. */
static mlm_status fail(struct mlflow_peer *peer, const struct http_answer *answer, mlm_error *err)
{
	mlm_status status;
	json_t *body = json_loadb(answer->body, answer->body_size, 0, NULL);
	const char *code = json_string_value(json_object_get(body, "error_code"));
	const char *message = json_string_value(json_object_get(body, "message"));
	if (code)
		snprintf(peer->error_code, sizeof(peer->error_code), "%s", code);
	if (!code || strcmp(code, "ENDPOINT_NOT_FOUND") == 0) {
		status = fail_without_json(peer, answer, err);
	} else {
		char text[MESSAGE_BYTES_MAX];
		message = message && message[0] ? message : code;
		clean(message, strlen(message), false, text, sizeof(text));
		status = status_of(code, answer->status);
		error_set(err, status, "http", "%s: %s", peer->address.base, text);
	}
	if (err)
		err->detail = answer->status;
	json_decref(body);
	return status;
}

/* ---- asking ---- */

/* MLflow says 500 of some refusals that another try would only repeat. */
static bool is_final(const struct http_answer *answer)
{
	return answer->status == 500 && strstr(answer->body, "\"INVALID_STATE\"") != NULL;
}

mlm_status mlflow_peer_send(struct mlflow_peer *peer, const struct http_request *request,
	struct http_answer *answer_out, mlm_error *err)
{
	struct http_request sent = *request;
	peer->error_code[0] = '\0';
	peer->is_unsure = false;
	peer->retry_after_ms = 0;
	char *url = memory_format(peer->allocator, "%s%s", peer->address.base, request->url);
	if (!url)
		return no_memory(err);
	sent.url = url;
	sent.login = &peer->login;
	if (sent.total_ms == 0)
		sent.total_ms = peer->request_ms;
	mlm_status status =
		retry_send(peer->client, &sent, peer->retry_ms, is_final, answer_out, err);
	memory_free(peer->allocator, url);
	peer->tries = answer_out->tries;
	if (status != MLM_OK) {
		peer->is_unsure = answer_out->was_sent;
		return status;
	}
	peer->retry_after_ms = answer_out->retry_after_ms;
	if (answer_out->status >= 200 && answer_out->status < 300)
		return MLM_OK;
	/* A proxy may say so of a request that went through it. */
	peer->is_unsure = answer_out->status >= 500 && answer_out->status != 503;
	return fail(peer, answer_out, err);
}

static mlm_status read_object(const struct mlflow_peer *peer, const struct http_answer *answer,
	json_t **object_out, mlm_error *err)
{
	json_error_t why;
	*object_out = answer->body_size ? json_loadb(answer->body, answer->body_size, 0, &why)
					: json_object();
	if (json_is_object(*object_out))
		return MLM_OK;
	json_decref(*object_out);
	*object_out = NULL;
	char text[EXCERPT_BYTES_MAX];
	excerpt(answer, text);
	return error_set(
		err, MLM_EPEER, "http", "%s did not answer in JSON: %s", peer->address.base, text);
}

static int append(const char *bytes, size_t size, void *payload)
{
	struct mlflow_peer *peer = payload;
	if (peer->body_capacity - peer->body_size < size) {
		size_t capacity = peer->body_capacity ? peer->body_capacity * 2 : 4096;
		while (capacity - peer->body_size < size)
			capacity *= 2;
		char *grown = memory_resize(peer->allocator, peer->body, capacity, 1);
		if (!grown)
			return -1;
		peer->body = grown;
		peer->body_capacity = capacity;
	}
	memcpy(peer->body + peer->body_size, bytes, size);
	peer->body_size += size;
	return 0;
}

static bool write_body(struct mlflow_peer *peer, const json_t *object)
{
	if (peer->body_capacity > BODY_KEPT_MAX) {
		memory_free(peer->allocator, peer->body);
		peer->body = NULL;
		peer->body_capacity = 0;
	}
	peer->body_size = 0;
	return !object || json_dump_callback(object, append, peer, JSON_COMPACT) == 0;
}

mlm_status mlflow_peer_call(struct mlflow_peer *peer, const struct mlflow_call *call,
	json_t **object_out, mlm_error *err)
{
	static const struct http_header json_header = { "Content-Type", "application/json" };
	struct http_answer answer;
	*object_out = NULL;
	if (!write_body(peer, call->body))
		return no_memory(err);
	const struct http_request request = {
		.method = call->method,
		.url = call->path,
		.headers = &json_header,
		.header_count = call->body ? 1 : 0,
		.body = call->body ? peer->body : NULL,
		.body_size = peer->body_size,
		.answer_bytes_max = call->answer_bytes_max,
		.follows_redirects = true,
		.is_once = call->is_once,
	};
	mlm_status status = mlflow_peer_send(peer, &request, &answer, err);
	return status == MLM_OK ? read_object(peer, &answer, object_out, err) : status;
}
