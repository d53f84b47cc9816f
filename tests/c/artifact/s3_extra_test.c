/* SPDX-License-Identifier: Apache-2.0 */

#include "artifact/s3_extra.h"

#include "check.h"

static mlm_error err = MLM_ERROR_INIT;

static mlm_status read_extra(const char *text, struct s3_extra *extra)
{
	setenv("MLFLOW_S3_UPLOAD_EXTRA_ARGS", text, 1);
	return s3_extra_read(extra, &err);
}

TEST(extra__becomes_headers)
{
	struct s3_extra extra;
	MUST(read_extra(
		"{\"ServerSideEncryption\": \"aws:kms\", \"BucketKeyEnabled\": true}", &extra));
	CHECK_INT(extra.count, 2);
	CHECK_STRING(extra.headers[0].name, "x-amz-server-side-encryption");
	CHECK_STRING(extra.headers[0].value, "aws:kms");
	CHECK_STRING(extra.headers[1].value, "true");
	s3_extra_clear(&extra);
	MUST(read_extra("", &extra));
	CHECK_INT(extra.count, 0);
}

TEST(extra__einval_says_what_is_known)
{
	struct s3_extra extra;
	CHECK_STATUS(read_extra("{\"Colour\": \"red\"}", &extra), MLM_EINVAL);
	CHECK_CONTAINS(err.message, "'Colour'");
	CHECK_CONTAINS(err.message, "StorageClass");
	CHECK_STATUS(read_extra("{\"ACL\": 1}", &extra), MLM_EINVAL);
	CHECK_CONTAINS(err.message, "ACL is a text");
	CHECK_STATUS(read_extra("{\"ACL\": \"a\\nb: c\"}", &extra), MLM_EINVAL);
	CHECK_STATUS(read_extra("[1]", &extra), MLM_EINVAL);
	CHECK_STATUS(read_extra("{", &extra), MLM_EINVAL);
	CHECK_CONTAINS(err.message, "no JSON object");
}

int main(void)
{
	RUN(extra__becomes_headers);
	RUN(extra__einval_says_what_is_known);
	return check_done();
}
