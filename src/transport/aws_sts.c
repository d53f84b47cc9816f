/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/aws_sts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/xml.h"
#include "transport/aws_profile.h"
#include "transport/retry.h"
#include "transport/s3_error.h"
#include "transport/web_address.h"

#define ANSWER_BYTES_MAX 65536u
#define TOKEN_BYTES_MAX  16384
#define RETRY_MS         10000u
#define TOTAL_MS         30000u /* of one try */
#define SIGNATURE_BYTES  96

/* ---- the request ---- */

/* Appends "&name=value"; value NULL: nothing. False when memory ran out. */
static bool add(const mlm_allocator *allocator, char **form, const char *name, const char *value)
{
	if (!value)
		return true;
	char *encoded = web_address_encode(allocator, value, "");
	char *longer = encoded ? memory_format(allocator, "%s&%s=%s", *form, name, encoded) : NULL;
	aws_secret_free(allocator, encoded);
	if (longer) {
		aws_secret_free(allocator, *form);
		*form = longer;
	}
	return longer != NULL;
}

static mlm_status read_token(const char *path, char token[TOKEN_BYTES_MAX], mlm_error *err)
{
	FILE *file = fopen(path, "re");
	if (!file)
		return error_set_errno(err, errno, "aws",
			"cannot read '%.300s', the file of the token for the AWS role", path);
	size_t size = fread(token, 1, TOKEN_BYTES_MAX - 1, file);
	fclose(file);
	while (size && strchr(" \t\r\n", token[size - 1]))
		size--;
	token[size] = '\0';
	return size ? MLM_OK
		    : error_set(err, MLM_EAUTH, "aws",
			      "'%.300s', the file of the token for the AWS role, is empty", path);
}

static mlm_status make_form(const mlm_allocator *allocator, const struct aws_role *role,
	char **form_out, mlm_error *err)
{
	char token[TOKEN_BYTES_MAX] = "";
	char name[40];
	*form_out = NULL;
	mlm_status status = role->token_file ? read_token(role->token_file, token, err) : MLM_OK;
	if (status != MLM_OK)
		return status;
	snprintf(name, sizeof(name), "mlmanager-%ld", (long)getpid());
	char *form = memory_format(allocator, "Action=%s&Version=2011-06-15",
		role->token_file ? "AssumeRoleWithWebIdentity" : "AssumeRole");
	bool is_done = form && add(allocator, &form, "RoleArn", role->arn) &&
		       add(allocator, &form, "RoleSessionName",
			       role->session_name ? role->session_name : name) &&
		       add(allocator, &form, "DurationSeconds", role->duration_s) &&
		       add(allocator, &form, "ExternalId", role->external_id) &&
		       add(allocator, &form, "WebIdentityToken", token[0] ? token : NULL);
	explicit_bzero(token, sizeof(token));
	if (!is_done) {
		aws_secret_free(allocator, form);
		return error_set(err, MLM_ENOMEM, "aws", "memory ran out");
	}
	*form_out = form;
	return MLM_OK;
}

static mlm_status find_endpoint(
	const mlm_allocator *allocator, const char *region, char **endpoint_out, mlm_error *err)
{
	static const char *const names[] = { "AWS_ENDPOINT_URL_STS", "AWS_ENDPOINT_URL", NULL };
	mlm_status status = aws_endpoint_read(allocator, names, endpoint_out, err);
	if (status != MLM_OK || *endpoint_out)
		return status;
	*endpoint_out = memory_format(allocator, "https://sts.%s.amazonaws.com%s", region,
		strncmp(region, "cn-", 3) == 0 ? ".cn" : "");
	return *endpoint_out ? MLM_OK : error_set(err, MLM_ENOMEM, "aws", "memory ran out");
}

/* ---- the answer ---- */

struct lent {
	const mlm_allocator *allocator;
	char *access_key, *secret_key, *token;
	int64_t expires_ms;
};

static mlm_status take_element(void *payload, const char *name, const char *text, mlm_error *err)
{
	struct lent *lent = payload;
	char **place = strcmp(name, "AccessKeyId") == 0       ? &lent->access_key
		       : strcmp(name, "SecretAccessKey") == 0 ? &lent->secret_key
		       : strcmp(name, "SessionToken") == 0    ? &lent->token
							      : NULL;
	if (strcmp(name, "Expiration") == 0)
		lent->expires_ms = aws_time_read(text);
	if (!place || *place)
		return MLM_OK;
	*place = memory_string(lent->allocator, text);
	return *place ? MLM_OK : error_set(err, MLM_ENOMEM, "aws", "memory ran out");
}

static mlm_status refused(const mlm_allocator *allocator, const struct aws_role *role,
	const struct http_answer *answer, mlm_error *err)
{
	struct s3_error said;
	mlm_status status = s3_error_read(allocator, answer->body, answer->body_size, &said, err);
	if (status != MLM_OK)
		return status;
	return error_set(err, MLM_EAUTH, "aws",
		"the AWS role '%.200s' cannot be taken up (HTTP status %d)%s%s%s%s", role->arn,
		answer->status, said.code[0] ? ": " : "", said.code, said.message[0] ? ", " : "",
		said.message);
}

static mlm_status read_answer(const mlm_allocator *allocator, const struct aws_role *role,
	const struct http_answer *answer, struct aws_keys *keys, mlm_error *err)
{
	struct lent lent = { .allocator = allocator };
	if (answer->status != 200)
		return refused(allocator, role, answer, err);
	mlm_status status =
		xml_read(allocator, answer->body, answer->body_size, take_element, &lent, err);
	if (status == MLM_OK && (!lent.access_key || !lent.secret_key))
		status = error_set(err, MLM_EAUTH, "aws",
			"the service that lends the AWS role '%.200s' answered without keys",
			role->arn);
	if (status == MLM_OK)
		status = aws_keys_set(keys, lent.access_key, lent.secret_key, lent.token, err);
	keys->expires_ms = lent.expires_ms;
	aws_secret_free(allocator, lent.access_key);
	aws_secret_free(allocator, lent.secret_key);
	aws_secret_free(allocator, lent.token);
	return status;
}

static mlm_status ask(const mlm_allocator *allocator, const struct aws_role *role,
	const char *region, const char *endpoint, const char *form, struct aws_keys *keys,
	mlm_error *err)
{
	static const struct http_header type = { "Content-Type",
		"application/x-www-form-urlencoded; charset=utf-8" };
	const char *ca_file = getenv("AWS_CA_BUNDLE");
	const struct http_client_options options = {
		.ca_file = ca_file && ca_file[0] ? ca_file : NULL, .allocator = allocator
	};
	char signature[SIGNATURE_BYTES];
	struct http_header headers[2] = { type };
	struct http_login login = { .aws_sigv4 = signature };
	struct http_client *client;
	struct http_answer answer;
	snprintf(signature, sizeof(signature), "aws:amz:%.60s:sts", region);
	struct http_request request = {
		.method = "POST",
		.headers = headers,
		.header_count = 1,
		.body = form,
		.body_size = strlen(form),
		.answer_bytes_max = ANSWER_BYTES_MAX,
		.total_ms = TOTAL_MS,
	};
	if (role->keys) {
		login.user = role->keys->access_key;
		login.password = role->keys->secret_key;
		request.login = &login;
		if (role->keys->session_token)
			headers[request.header_count++] =
				(struct http_header){ "x-amz-security-token",
					role->keys->session_token };
	}
	char *url = memory_format(allocator, "%s/", endpoint);
	request.url = url;
	mlm_status status = url ? http_client_new(&options, &client, err)
				: error_set(err, MLM_ENOMEM, "aws", "memory ran out");
	if (status == MLM_OK) {
		status = retry_send(client, &request, RETRY_MS, NULL, &answer, err);
		if (status == MLM_OK)
			status = read_answer(allocator, role, &answer, keys, err);
		http_client_free(client);
	}
	memory_free(allocator, url);
	return status;
}

mlm_status aws_sts_assume(const mlm_allocator *allocator, const struct aws_role *role,
	struct aws_keys *keys, mlm_error *err)
{
	char *form = NULL, *region = NULL, *endpoint = NULL;
	mlm_status status = make_form(allocator, role, &form, err);
	if (status == MLM_OK)
		status = aws_region_read(allocator, &region, err);
	if (status == MLM_OK)
		status = find_endpoint(allocator, region, &endpoint, err);
	if (status == MLM_OK)
		status = ask(allocator, role, region, endpoint, form, keys, err);
	aws_secret_free(allocator, form);
	memory_free(allocator, region);
	memory_free(allocator, endpoint);
	return status;
}
