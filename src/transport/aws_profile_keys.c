/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/aws_profile_keys.h"

#include <jansson.h>
#include <stdbool.h>
#include <string.h>

#include "base/command_output.h"
#include "base/environment.h"
#include "base/error.h"
#include "base/memory.h"
#include "transport/aws_profile.h"
#include "transport/aws_sts.h"

#define OUTPUT_BYTES_MAX 65536

/* A profile on the way to keys. */
struct step {
	struct aws_keys *keys; /* to be filled */
	const mlm_allocator *allocator;
	const char *profile;
	aws_source_fn source;
	int depth; /* 1: the profile that was asked for; more: keys for another's role */
};

static mlm_status value_of(
	const struct step *step, const char *key, char **value_out, mlm_error *err)
{
	return aws_profile_read(step->allocator, step->profile, key, value_out, NULL, err);
}

/* ---- keys that stand there ---- */

/* From one of the two files; keys->access_key stays NULL where it has none. */
static mlm_status read_standing(const struct step *step, enum aws_file file, mlm_error *err)
{
	static const char *const names[] = { "aws_access_key_id", "aws_secret_access_key",
		"aws_session_token" };
	char *values[3] = { NULL };
	mlm_status status = MLM_OK;
	for (int i = 0; i < 3 && status == MLM_OK; i++)
		status = aws_profile_read_file(
			step->allocator, file, step->profile, names[i], &values[i], err);
	if (status == MLM_OK && values[0] && !values[1])
		status = error_set(err, MLM_EAUTH, "aws",
			"the AWS profile '%.100s' has an aws_access_key_id and no "
			"aws_secret_access_key",
			step->profile);
	if (status == MLM_OK && values[0])
		status = aws_keys_set(step->keys, values[0], values[1], values[2], err);
	if (status == MLM_OK && values[0])
		step->keys->origin = "the profile of ~/.aws";
	for (int i = 0; i < 3; i++)
		aws_secret_free(step->allocator, values[i]);
	return status;
}

/* ---- what a program prints ---- */

static mlm_status read_printed(const struct step *step, const char *text, mlm_error *err)
{
	json_t *printed = json_loads(text, 0, NULL);
	const char *access_key = json_string_value(json_object_get(printed, "AccessKeyId"));
	const char *secret_key = json_string_value(json_object_get(printed, "SecretAccessKey"));
	const char *token = json_string_value(json_object_get(printed, "SessionToken"));
	const char *expiration = json_string_value(json_object_get(printed, "Expiration"));
	bool is_known = json_integer_value(json_object_get(printed, "Version")) == 1;
	mlm_status status =
		is_known && access_key && secret_key
			? aws_keys_set(step->keys, access_key, secret_key, token, err)
			: error_set(err, MLM_EAUTH, "aws",
				  "the credential_process of the AWS profile '%.100s' printed no "
				  "keys in the form {\"Version\": 1, \"AccessKeyId\": ..., "
				  "\"SecretAccessKey\": ...}",
				  step->profile);
	step->keys->origin = "the credential_process of ~/.aws/config";
	step->keys->expires_ms = aws_time_read(expiration);
	json_decref(printed);
	return status;
}

static mlm_status from_process(const struct step *step, mlm_error *err)
{
	char *line, *printed = NULL;
	mlm_error why = MLM_ERROR_INIT;
	mlm_status status = value_of(step, "credential_process", &line, err);
	if (status != MLM_OK || !line)
		return status;
	status = command_output(
		step->allocator, line, OUTPUT_BYTES_MAX, AWS_PROCESS_MS, &printed, &why);
	if (status == MLM_OK)
		status = read_printed(step, printed, err);
	else
		error_set(err, status = MLM_EAUTH, "aws",
			"the credential_process of the AWS profile '%.100s' failed: %s",
			step->profile, why.message);
	aws_secret_free(step->allocator, printed);
	memory_free(step->allocator, line);
	return status;
}

/* ---- roles ---- */

static mlm_status find_keys(const struct step *step, mlm_error *err);

/* The keys that take the role up: those of another profile. */
static mlm_status keys_of_profile(
	const struct step *step, const char *profile, struct aws_keys *keys, mlm_error *err)
{
	const struct step next = { keys, step->allocator, profile, step->source, step->depth + 1 };
	if (next.depth > AWS_PROFILES_DEEP)
		return error_set(err, MLM_EAUTH, "aws",
			"the AWS profile '%.100s' goes round in circles, or over more than %d "
			"profiles, by source_profile",
			profile, AWS_PROFILES_DEEP);
	mlm_status status = find_keys(&next, err);
	if (status == MLM_OK && !keys->access_key)
		return error_set(err, MLM_EAUTH, "aws",
			"the AWS profile '%.100s', the source_profile of '%.100s', has no keys",
			profile, step->profile);
	return status;
}

static mlm_status take_up(const struct step *step, struct aws_role *role,
	const char *source_profile, const char *credential_source, mlm_error *err)
{
	struct aws_keys lender = { .allocator = step->allocator };
	mlm_status status = MLM_OK;
	char *external_id = NULL, *duration_s = NULL, *serial = NULL;
	if (!source_profile == !credential_source)
		return error_set(err, MLM_EAUTH, "aws",
			"the AWS profile '%.100s' has a role_arn; say who takes it up by either "
			"source_profile or credential_source",
			step->profile);
	status = value_of(step, "mfa_serial", &serial, err);
	if (status == MLM_OK && serial)
		status = error_set(err, MLM_EAUTH, "aws",
			"the role of the AWS profile '%.100s' asks for a code (mfa_serial), which "
			"is not done here; run: eval \"$(aws configure export-credentials "
			"--profile %.100s --format env)\"",
			step->profile, step->profile);
	if (status == MLM_OK)
		status = value_of(step, "external_id", &external_id, err);
	if (status == MLM_OK)
		status = value_of(step, "duration_seconds", &duration_s, err);
	if (status == MLM_OK)
		status = source_profile ? keys_of_profile(step, source_profile, &lender, err)
					: step->source(&lender, credential_source, err);
	if (status == MLM_OK) {
		role->keys = &lender;
		role->external_id = external_id;
		role->duration_s = duration_s;
		status = aws_sts_assume(step->allocator, role, step->keys, err);
	}
	aws_keys_clear(&lender);
	memory_free(step->allocator, serial);
	memory_free(step->allocator, external_id);
	memory_free(step->allocator, duration_s);
	return status;
}

/* The role of a profile, taken up by other keys or by a token. The environment's words go before
 * the profile's for a token, and are for the profile that was asked for alone. */
static mlm_status from_role(const struct step *step, mlm_error *err)
{
	bool is_first = step->depth == 1;
	const char *env_file = is_first ? environment("AWS_WEB_IDENTITY_TOKEN_FILE") : NULL;
	const char *env_arn = is_first ? environment("AWS_ROLE_ARN") : NULL;
	const char *env_name = is_first ? environment("AWS_ROLE_SESSION_NAME") : NULL;
	char *values[6] = { NULL };
	static const char *const names[] = { "role_arn", "web_identity_token_file",
		"role_session_name", "source_profile", "credential_source", "aws_access_key_id" };
	mlm_status status = MLM_OK;
	for (int i = 0; i < 6 && status == MLM_OK; i++)
		status = value_of(step, names[i], &values[i], err);
	const char *arn = values[0], *file = values[1], *name = values[2];
	struct aws_role role = { .arn = arn, .session_name = name };
	/* Keys that take a role up come before a role of their profile, which may be the same. */
	bool is_lender = !is_first && values[5];
	if (status == MLM_OK && arn && !file && !is_lender) {
		status = take_up(step, &role, values[3], values[4], err);
	} else if (status == MLM_OK && (env_file || file)) {
		role.arn = env_arn ? env_arn : arn;
		role.session_name = env_name ? env_name : name;
		role.token_file = env_file ? env_file : file;
		status = role.arn ? aws_sts_assume(step->allocator, &role, step->keys, err)
				  : error_set(err, MLM_EAUTH, "aws",
					    "AWS_WEB_IDENTITY_TOKEN_FILE is set and no role is; "
					    "set AWS_ROLE_ARN");
	}
	if (status == MLM_OK && step->keys->access_key)
		step->keys->origin = role.token_file ? "the role of the web identity"
						     : "the role of ~/.aws/config";
	for (int i = 0; i < 6; i++)
		memory_free(step->allocator, values[i]);
	return status;
}

/* Another identity than the one that was asked for is worse than none. */
static mlm_status refuse_login(const struct step *step, mlm_error *err)
{
	static const char *const ways[] = { "sso_account_id", "sso_role_name", "login_session" };
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		char *value;
		mlm_status status = value_of(step, ways[i], &value, err);
		bool is_there = value != NULL;
		memory_free(step->allocator, value);
		if (status != MLM_OK)
			return status;
		if (is_there)
			return error_set(err, MLM_EAUTH, "aws",
				"the AWS profile '%.100s' logs in by the browser (%s), which is "
				"the aws program's to do; run: eval \"$(aws configure "
				"export-credentials --profile %.100s --format env)\", or name the "
				"same program by credential_process",
				step->profile, ways[i], step->profile);
	}
	return MLM_OK;
}

static mlm_status find_keys(const struct step *step, mlm_error *err)
{
	const struct aws_keys *keys = step->keys;
	mlm_status status = from_role(step, err);
	if (status == MLM_OK && !keys->access_key)
		status = refuse_login(step, err);
	if (status == MLM_OK && !keys->access_key)
		status = read_standing(step, AWS_FILE_CREDENTIALS, err);
	if (status == MLM_OK && !keys->access_key)
		status = from_process(step, err);
	if (status == MLM_OK && !keys->access_key)
		status = read_standing(step, AWS_FILE_CONFIG, err);
	return status;
}

mlm_status aws_profile_keys(struct aws_keys *keys, aws_source_fn source, mlm_error *err)
{
	const struct step step = { keys, keys->allocator, aws_profile_name(), source, 1 };
	char *unused;
	bool exists;
	mlm_status status = find_keys(&step, err);
	if (status != MLM_OK || keys->access_key || strcmp(step.profile, "default") == 0)
		return status;
	status = aws_profile_read(keys->allocator, step.profile, "region", &unused, &exists, err);
	memory_free(keys->allocator, unused);
	if (status != MLM_OK || exists)
		return status;
	return error_set(err, MLM_EAUTH, "aws",
		"there is no AWS profile '%.100s' in ~/.aws/credentials or ~/.aws/config; set "
		"AWS_PROFILE to one that is there",
		step.profile);
}
