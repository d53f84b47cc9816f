/* SPDX-License-Identifier: Apache-2.0 */
#include "artifact/s3_extra.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

#define VARIABLE "MLFLOW_S3_UPLOAD_EXTRA_ARGS"

static const char *header_of(const char *name)
{
	static const struct {
		const char *name;
		const char *header;
	} known[S3_EXTRA_MAX] = {
		{ "ACL", "x-amz-acl" },
		{ "BucketKeyEnabled", "x-amz-server-side-encryption-bucket-key-enabled" },
		{ "CacheControl", "Cache-Control" },
		{ "ExpectedBucketOwner", "x-amz-expected-bucket-owner" },
		{ "GrantFullControl", "x-amz-grant-full-control" },
		{ "GrantRead", "x-amz-grant-read" },
		{ "RequestPayer", "x-amz-request-payer" },
		{ "SSEKMSEncryptionContext", "x-amz-server-side-encryption-context" },
		{ "SSEKMSKeyId", "x-amz-server-side-encryption-aws-kms-key-id" },
		{ "ServerSideEncryption", "x-amz-server-side-encryption" },
		{ "StorageClass", "x-amz-storage-class" },
		{ "Tagging", "x-amz-tagging" },
	};
	for (size_t i = 0; i < S3_EXTRA_MAX; i++)
		if (strcmp(known[i].name, name) == 0)
			return known[i].header;
	return NULL;
}

static bool is_header_text(const char *text)
{
	for (; *text; text++)
		if (iscntrl((unsigned char)*text))
			return false;
	return true;
}

static mlm_status take(
	struct s3_extra *extra, const char *name, const json_t *value, mlm_error *err)
{
	const char *header = header_of(name);
	const char *text = json_is_boolean(value) ? (json_is_true(value) ? "true" : "false")
						  : json_string_value(value);
	if (!header)
		return error_set(err, MLM_EINVAL, "s3",
			VARIABLE " has '%.60s'; known are ACL, BucketKeyEnabled, CacheControl, "
				 "ExpectedBucketOwner, GrantFullControl, GrantRead, RequestPayer, "
				 "SSEKMSEncryptionContext, SSEKMSKeyId, ServerSideEncryption, "
				 "StorageClass and Tagging",
			name);
	if (!text || !is_header_text(text))
		return error_set(
			err, MLM_EINVAL, "s3", VARIABLE ": %.60s is a text or true or false", name);
	extra->headers[extra->count++] = (struct http_header){ header, text };
	return MLM_OK;
}

mlm_status s3_extra_read(struct s3_extra *extra_out, mlm_error *err)
{
	const char *text = getenv(VARIABLE);
	const char *name;
	json_t *value;
	mlm_status status = MLM_OK;
	*extra_out = (struct s3_extra){ .count = 0 };
	if (!text || !text[0])
		return MLM_OK;
	extra_out->arguments = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	if (!json_is_object(extra_out->arguments))
		status = error_set(err, MLM_EINVAL, "s3",
			VARIABLE
			" is no JSON object, such as {\"ServerSideEncryption\": \"AES256\"}");
	else
		json_object_foreach(extra_out->arguments, name, value)
		{
			status = take(extra_out, name, value, err);
			if (status != MLM_OK)
				break;
		}
	if (status != MLM_OK)
		s3_extra_clear(extra_out);
	return status;
}

void s3_extra_clear(struct s3_extra *extra)
{
	json_decref(extra->arguments);
	*extra = (struct s3_extra){ .count = 0 };
}
