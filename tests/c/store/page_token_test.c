/* SPDX-License-Identifier: Apache-2.0 */
#include "store/page_token.h"

#include "check.h"

static mlm_error err;

TEST(page_token_make__writes_what_mlflow_writes)
{
	struct arena *arena = arena_new(NULL);
	CHECK_STRING(page_token_make(arena, 5), "eyJvZmZzZXQiOiA1fQ==");
	CHECK_STRING(page_token_make(arena, 50), "eyJvZmZzZXQiOiA1MH0=");
	CHECK_STRING(page_token_make(arena, 500), "eyJvZmZzZXQiOiA1MDB9");
	arena_free(arena);
}

TEST(page_token_parse__reads_what_make_wrote)
{
	static const int64_t offsets[] = { 1, 9, 10, 99, 100, 50000, INT32_MAX, INT64_MAX };
	struct arena *arena = arena_new(NULL);
	int64_t offset;
	for (size_t i = 0; i < sizeof(offsets) / sizeof(*offsets); i++) {
		MUST(page_token_parse(page_token_make(arena, offsets[i]), &offset, &err));
		CHECK(offset == offsets[i]);
	}
	MUST(page_token_parse(NULL, &offset, &err));
	CHECK_INT(offset, 0);
	MUST(page_token_parse("", &offset, &err));
	CHECK_INT(offset, 0);
	/* without a blank, as other JSON writers do */
	MUST(page_token_parse("eyJvZmZzZXQiOjd9", &offset, &err));
	CHECK_INT(offset, 7);
	arena_free(arena);
}

TEST(page_token_parse__einval_on_anything_else)
{
	static const char *const tokens[] = {
		"5",
		"abc",
		"=",
		"====",
		"eyJvZmZzZXQiOiA1fQ=", /* cut */
		"eyJvZmZzZXQiOiA1fQ",
		"eyJvZmZzZXQiOiA1fQ==eyJv", /* goes on */
		"eyJvZmZzZXQiOiAwfQ==", /* {"offset": 0} */
		"eyJvZmZzZXQiOiAtNX0=", /* {"offset": -5} */
		"eyJvZmZzZXQiOiAiYSJ9", /* {"offset": "a"} */
		"eyJvZmZzZXQiOiA5OTk5OTk5OTk5OTk5OTk5OTk5OX0=", /* over 64 bits */
		"e30=", /* {} */
		"\xff\xff\xff\xff",
		"AAAA", /* NULs */
		"eyJvZmZzZXQiOiA1fSAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAg"
		"ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAg",
	};
	int64_t offset;
	for (size_t i = 0; i < sizeof(tokens) / sizeof(*tokens); i++) {
		CHECK_STATUS(page_token_parse(tokens[i], &offset, &err), MLM_EINVAL);
		CHECK_INT(offset, 0);
	}
}

int main(void)
{
	RUN(page_token_make__writes_what_mlflow_writes);
	RUN(page_token_parse__reads_what_make_wrote);
	RUN(page_token_parse__einval_on_anything_else);
	return check_done();
}
