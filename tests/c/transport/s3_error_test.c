/* SPDX-License-Identifier: Apache-2.0 */

#include "transport/s3_error.h"

#include "check.h"

static mlm_error err = MLM_ERROR_INIT;

static struct s3_error read_text(const char *text)
{
	struct s3_error error;
	MUST(s3_error_read(NULL, text, strlen(text), &error, &err));
	return error;
}

TEST(s3_error__takes_code_message_and_region)
{
	struct s3_error error = read_text("<?xml version=\"1.0\"?><Error><Code>PermanentRedirect"
					  "</Code><Message>Ask\nthere.</Message><Region>eu-west-1"
					  "</Region></Error>");
	CHECK(error.is_error);
	CHECK_STRING(error.code, "PermanentRedirect");
	CHECK_STRING(error.message, "Ask there");
	CHECK_STRING(error.region, "eu-west-1");
}

TEST(s3_error__is_none_where_the_document_is_something_else)
{
	CHECK(!read_text("<DeleteResult><Error><Code>x</Code></Error></DeleteResult>").is_error);
	CHECK(!read_text("Bad Gateway").is_error);
	CHECK(!read_text("").is_error);
	CHECK_STRING(read_text("<Error><Code>cut").code, "");
}

int main(void)
{
	RUN(s3_error__takes_code_message_and_region);
	RUN(s3_error__is_none_where_the_document_is_something_else);
	return check_done();
}
