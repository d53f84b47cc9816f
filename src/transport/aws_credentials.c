/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/aws_credentials.h"

#include <jansson.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/clock.h"
#include "base/environment.h"
#include "base/error.h"
#include "base/memory.h"
#include "transport/aws_profile_keys.h"
#include "transport/http.h"
#include "transport/web_address.h"

#define ANSWER_BYTES_MAX  65536u
#define TOKEN_BYTES_MAX   16384
#define INSTANCE_ADDRESS  "http://169.254.169.254"
#define CONTAINER_ADDRESS "http://169.254.170.2"
#define ROLE_PATH         "/latest/meta-data/iam/security-credentials/"

struct aws_credentials {
	const mlm_allocator *allocator;
	pthread_mutex_t lock;
	struct aws_keys keys; /* access_key NULL: not looked up yet */
};

static mlm_status no_memory(mlm_error *err)
{
	return error_set(err, MLM_ENOMEM, "aws", "memory ran out");
}

/* ---- the environment; keys->access_key stays NULL where there is nothing ---- */

static mlm_status from_environment(struct aws_keys *keys, mlm_error *err)
{
	const char *access_key = environment("AWS_ACCESS_KEY_ID");
	const char *secret_key = environment("AWS_SECRET_ACCESS_KEY");
	const char *token = environment("AWS_SESSION_TOKEN");
	if (!access_key && !secret_key)
		return MLM_OK;
	if (!access_key || !secret_key)
		return error_set(err, MLM_EAUTH, "aws", "%s is set and %s is not; set both",
			access_key ? "AWS_ACCESS_KEY_ID" : "AWS_SECRET_ACCESS_KEY",
			access_key ? "AWS_SECRET_ACCESS_KEY" : "AWS_ACCESS_KEY_ID");
	keys->origin = "the environment";
	return aws_keys_set(keys, access_key, secret_key,
		token ? token : environment("AWS_SECURITY_TOKEN"), err);
}

/* ---- services that give keys ---- */

static mlm_status ask(const mlm_allocator *allocator, struct http_client *client,
	const char *method, const char *url, const struct http_header *header, char **text_out,
	mlm_error *err)
{
	struct http_answer answer;
	const struct http_request request = {
		.method = method,
		.url = url,
		.headers = header,
		.header_count = header && header->value ? 1 : 0,
		.answer_bytes_max = ANSWER_BYTES_MAX,
		.total_ms = AWS_METADATA_TOTAL_MS,
	};
	*text_out = NULL;
	mlm_status status = http_send(client, &request, &answer, err);
	if (status == MLM_OK && answer.status != 200)
		return error_set(err, MLM_EAUTH, "aws",
			"the service at %.200s gave no AWS credentials (HTTP status %d)", url,
			answer.status);
	if (status == MLM_OK) {
		*text_out = memory_string(allocator, answer.body);
		status = *text_out ? MLM_OK : no_memory(err);
	}
	return status;
}

static mlm_status read_answer(
	struct aws_keys *keys, const char *url, const char *text, mlm_error *err)
{
	json_t *answer = json_loads(text, 0, NULL);
	const char *access_key = json_string_value(json_object_get(answer, "AccessKeyId"));
	const char *secret_key = json_string_value(json_object_get(answer, "SecretAccessKey"));
	const char *token = json_string_value(json_object_get(answer, "Token"));
	keys->expires_ms = aws_time_read(json_string_value(json_object_get(answer, "Expiration")));
	mlm_status status = access_key && secret_key
				    ? aws_keys_set(keys, access_key, secret_key, token, err)
				    : error_set(err, MLM_EAUTH, "aws",
					      "the service at %.200s answered without AWS "
					      "credentials",
					      url);
	json_decref(answer);
	return status;
}

static mlm_status from_instance(struct aws_keys *keys, struct http_client *client, mlm_error *err)
{
	const mlm_allocator *allocator = keys->allocator;
	const struct http_header lifetime = { "X-aws-ec2-metadata-token-ttl-seconds", "21600" };
	const char *base = environment("AWS_EC2_METADATA_SERVICE_ENDPOINT");
	char *token = NULL, *role = NULL, *text = NULL;
	base = base ? base : INSTANCE_ADDRESS;
	int size = (int)strlen(base);
	while (size && base[size - 1] == '/')
		size--;
	char *url = memory_format(allocator, "%.*s/latest/api/token", size, base);
	mlm_status status =
		url ? ask(allocator, client, "PUT", url, &lifetime, &token, err) : no_memory(err);
	memory_free(allocator, url);
	const struct http_header header = { "X-aws-ec2-metadata-token", token };
	url = memory_format(allocator, "%.*s" ROLE_PATH, size, base);
	if (status == MLM_OK)
		status = url ? ask(allocator, client, "GET", url, &header, &role, err)
			     : no_memory(err);
	memory_free(allocator, url);
	url = role ? memory_format(allocator, "%.*s" ROLE_PATH "%.*s", size, base,
			     (int)strcspn(role, "\r\n"), role)
		   : NULL;
	if (status == MLM_OK)
		status = url ? ask(allocator, client, "GET", url, &header, &text, err)
			     : no_memory(err);
	keys->origin = "the metadata of this instance";
	if (status == MLM_OK)
		status = read_answer(keys, url, text, err);
	memory_free(allocator, url);
	aws_secret_free(allocator, token);
	memory_free(allocator, role);
	aws_secret_free(allocator, text);
	return status;
}

/* The token that a container shows, of the environment or of a file that is renewed. */
static mlm_status read_container_token(
	const mlm_allocator *allocator, char **token_out, mlm_error *err)
{
	const char *path = environment("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
	const char *token = environment("AWS_CONTAINER_AUTHORIZATION_TOKEN");
	char bytes[TOKEN_BYTES_MAX];
	*token_out = NULL;
	if (path) {
		FILE *file = fopen(path, "re");
		if (!file)
			return error_set_errno(err, errno, "aws",
				"cannot read '%.200s', which "
				"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE "
				"names",
				path);
		size_t size = fread(bytes, 1, sizeof(bytes) - 1, file);
		fclose(file);
		bytes[size] = '\0';
		bytes[strcspn(bytes, "\r\n")] = '\0';
		token = bytes;
	}
	if (token) {
		*token_out = memory_string(allocator, token);
		explicit_bzero(bytes, sizeof(bytes));
		return *token_out ? MLM_OK : no_memory(err);
	}
	return MLM_OK;
}

/* Plain HTTP would show the token to all between, so only hosts of this machine may be asked so. */
static bool is_near(const char *url)
{
	static const char *const near[] = { "http://127.", "http://localhost", "http://[::1]",
		"http://169.254.170.2", "http://169.254.170.23", "http://[fd00:ec2::23]" };
	if (strncasecmp(url, "https://", 8) == 0)
		return true;
	for (size_t i = 0; i < sizeof(near) / sizeof(near[0]); i++) {
		size_t size = strlen(near[i]);
		bool is_network = near[i][size - 1] == '.';
		if (strncasecmp(url, near[i], size) == 0 &&
			(is_network ? strspn(url + size, "0123456789.") == strcspn(url + size, ":/")
				    : strchr(":/", url[size]) != NULL))
			return true;
	}
	return false;
}

static mlm_status from_container(
	struct aws_keys *keys, struct http_client *client, const char *url, mlm_error *err)
{
	char *token = NULL, *text = NULL;
	if (!web_address_is(url) || !is_near(url))
		return error_set(err, MLM_EAUTH, "aws",
			"AWS_CONTAINER_CREDENTIALS_FULL_URI is '%.200s'; it begins with https://, "
			"or "
			"with http:// and a host of this machine",
			url);
	mlm_status status = read_container_token(keys->allocator, &token, err);
	const struct http_header header = { "Authorization", token };
	if (status == MLM_OK)
		status = ask(keys->allocator, client, "GET", url, &header, &text, err);
	keys->origin = "the container";
	if (status == MLM_OK)
		status = read_answer(keys, url, text, err);
	aws_secret_free(keys->allocator, token);
	aws_secret_free(keys->allocator, text);
	return status;
}

static mlm_status nothing_found(mlm_error *err)
{
	return error_set(err, MLM_EAUTH, "aws",
		"there are no AWS credentials; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or "
		"write a profile into ~/.aws/credentials");
}

enum service { SERVICE_ANY, SERVICE_CONTAINER, SERVICE_INSTANCE };

static mlm_status from_service(struct aws_keys *keys, enum service service, mlm_error *err)
{
	bool may_be_container = service != SERVICE_INSTANCE;
	const char *relative =
		may_be_container ? environment("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") : NULL;
	const char *full =
		may_be_container ? environment("AWS_CONTAINER_CREDENTIALS_FULL_URI") : NULL;
	const struct http_client_options options = {
		.connect_ms = AWS_METADATA_CONNECT_MS,
		.stall_ms = AWS_METADATA_TOTAL_MS,
		.is_direct = true,
		.allocator = keys->allocator,
	};
	struct http_client *client;
	char *url = NULL;
	mlm_error why = MLM_ERROR_INIT;
	bool may_be_instance = service != SERVICE_CONTAINER &&
			       !environment_is_true(environment("AWS_EC2_METADATA_DISABLED"));
	if (!relative && !full && !may_be_instance)
		return nothing_found(err);
	mlm_status status = http_client_new(&options, &client, err);
	if (status != MLM_OK)
		return status;
	if (relative || full) {
		url = relative ? memory_format(keys->allocator, CONTAINER_ADDRESS "%s", relative)
			       : memory_string(keys->allocator, full);
		status = url ? from_container(keys, client, url, err) : no_memory(err);
	} else {
		status = from_instance(keys, client, &why);
		/* No such service: this is no instance of theirs. */
		if (status != MLM_OK)
			status = status == MLM_ENOMEM ? no_memory(err) : nothing_found(err);
	}
	memory_free(keys->allocator, url);
	http_client_free(client);
	return status;
}

/* Keys that take up a role, from the place that its profile names. */
static mlm_status from_source(struct aws_keys *keys, const char *source, mlm_error *err)
{
	if (strcmp(source, "EcsContainer") == 0)
		return from_service(keys, SERVICE_CONTAINER, err);
	if (strcmp(source, "Ec2InstanceMetadata") == 0)
		return from_service(keys, SERVICE_INSTANCE, err);
	if (strcmp(source, "Environment") != 0)
		return error_set(err, MLM_EAUTH, "aws",
			"credential_source of the AWS profile is '%.100s'; there are Environment, "
			"EcsContainer and Ec2InstanceMetadata",
			source);
	mlm_status status = from_environment(keys, err);
	return status == MLM_OK && !keys->access_key ? nothing_found(err) : status;
}

/* ---- the whole ---- */

mlm_status aws_credentials_new(
	const mlm_allocator *allocator, struct aws_credentials **credentials_out, mlm_error *err)
{
	struct aws_credentials *credentials = memory_new(allocator, sizeof(*credentials));
	*credentials_out = credentials;
	if (!credentials)
		return no_memory(err);
	credentials->allocator = allocator;
	credentials->keys.allocator = allocator;
	pthread_mutex_init(&credentials->lock, NULL);
	return MLM_OK;
}

void aws_credentials_free(struct aws_credentials *credentials)
{
	if (!credentials)
		return;
	aws_keys_clear(&credentials->keys);
	pthread_mutex_destroy(&credentials->lock);
	memory_free(credentials->allocator, credentials);
}

static mlm_status look_up(struct aws_credentials *credentials, mlm_error *err)
{
	struct aws_keys keys = { .allocator = credentials->allocator };
	mlm_status status = from_environment(&keys, err);
	if (status == MLM_OK && !keys.access_key)
		status = aws_profile_keys(&keys, from_source, err);
	if (status == MLM_OK && !keys.access_key)
		status = from_service(&keys, SERVICE_ANY, err);
	if (status != MLM_OK)
		return status;
	aws_keys_clear(&credentials->keys);
	credentials->keys = keys;
	return MLM_OK;
}

mlm_status aws_credentials_take(
	struct aws_credentials *credentials, struct aws_keys *keys_out, mlm_error *err)
{
	struct aws_keys *keys = &credentials->keys;
	mlm_status status = MLM_OK;
	*keys_out = (struct aws_keys){ .allocator = credentials->allocator };
	pthread_mutex_lock(&credentials->lock);
	int64_t left_ms = keys->expires_ms ? keys->expires_ms - clock_now_ms() : INT64_MAX;
	if (!keys->access_key || left_ms < AWS_RENEWAL_MS) {
		mlm_error why = MLM_ERROR_INIT;
		status = look_up(credentials, &why);
		/* What is still valid is used on while the service is away. */
		if (status != MLM_OK && keys->access_key && left_ms > 0)
			status = MLM_OK;
		else if (status != MLM_OK && err)
			*err = why;
	}
	if (status == MLM_OK) {
		keys_out->origin = keys->origin;
		keys_out->expires_ms = keys->expires_ms;
		status = aws_keys_set(
			keys_out, keys->access_key, keys->secret_key, keys->session_token, err);
	}
	pthread_mutex_unlock(&credentials->lock);
	return status;
}

void aws_credentials_expire(struct aws_credentials *credentials)
{
	pthread_mutex_lock(&credentials->lock);
	aws_keys_clear(&credentials->keys);
	pthread_mutex_unlock(&credentials->lock);
}
