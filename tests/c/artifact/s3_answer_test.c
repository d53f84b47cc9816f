/* SPDX-License-Identifier: Apache-2.0 */

#include "artifact/s3_answer.h"

#include "check.h"

static mlm_error err = MLM_ERROR_INIT;

static mlm_status note(void *payload, const char *key, int64_t size_bytes, mlm_error *why)
{
	char *text = payload;
	size_t used = strlen(text);
	(void)why;
	snprintf(text + used, 300 - used, "%s %lld;", key, (long long)size_bytes);
	return MLM_OK;
}

static mlm_status read_page(const char *page, char text[300], char **token_out)
{
	text[0] = '\0';
	return s3_answer_keys(NULL, page, strlen(page), note, text, token_out, &err);
}

TEST(keys__are_files_with_sizes_and_prefixes)
{
	char text[300];
	char *token;
	MUST(read_page("<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
		       "<Name>runs</Name><Prefix>a/</Prefix><IsTruncated>true</IsTruncated>"
		       "<NextContinuationToken>to=ken</NextContinuationToken>"
		       "<Contents><Key>a/b &amp; c</Key><Size>12</Size><Owner><ID>x</ID></Owner>"
		       "</Contents><CommonPrefixes><Prefix>a/d/</Prefix></CommonPrefixes>"
		       "</ListBucketResult>",
		text, &token));
	CHECK_STRING(text, "a/b & c 12;a/d/ -1;");
	CHECK_STRING(token, "to=ken");
	free(token);
	MUST(read_page("<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>",
		text, &token));
	CHECK_STRING(text, "");
	CHECK(!token);
}

TEST(keys__epeer_for_what_is_no_listing)
{
	static const char *const pages[] = { "", "<html><body>Welcome</body></html>",
		"<ListBucketResult><Contents><Key>a</Key>",
		"<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>" };
	char text[300];
	char *token;
	for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
		CHECK_STATUS(read_page(pages[i], text, &token), MLM_EPEER);
		CHECK_CONTAINS(err.message, "does not answer as S3 does");
		CHECK(!token);
	}
}

TEST(text__is_that_of_the_first_element_of_the_name)
{
	const char *answer = "<a><UploadId>one</UploadId><UploadId>two</UploadId></a>";
	char *text;
	MUST(s3_answer_text(NULL, answer, strlen(answer), "UploadId", &text, &err));
	CHECK_STRING(text, "one");
	free(text);
	MUST(s3_answer_text(NULL, answer, strlen(answer), "ETag", &text, &err));
	CHECK(!text);
	CHECK_STATUS(s3_answer_text(NULL, "x", 1, "ETag", &text, &err), MLM_EPEER);
}

int main(void)
{
	RUN(keys__are_files_with_sizes_and_prefixes);
	RUN(keys__epeer_for_what_is_no_listing);
	RUN(text__is_that_of_the_first_element_of_the_name);
	return check_done();
}
