/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/web_address.h"

#include "check.h"

static mlm_error err = MLM_ERROR_INIT;

TEST(web_address_parse__gives_one_server_one_spelling)
{
	static const char *const spellings[][2] = {
		{ "http://localhost:5000", "http://localhost:5000" },
		{ "HTTP://LocalHost:5000/", "http://localhost:5000" },
		{ "http://localhost:80/", "http://localhost" },
		{ "https://Example.org:443/Team/ML//", "https://example.org/Team/ML" },
		{ "https://example.org:80", "https://example.org:80" },
		{ "http://[::1]:5000", "http://[::1]:5000" },
		{ "http://host:", "http://host" },
		{ "http://ada:s%40crat%21@host/x", "http://host/x" },
		{ "http://ada:p@ss@host", "http://host" },
	};
	for (size_t i = 0; i < sizeof(spellings) / sizeof(spellings[0]); i++) {
		struct web_address address;
		MUST(web_address_parse(NULL, spellings[i][0], &address, &err));
		CHECK_STRING(address.base, spellings[i][1]);
		CHECK_INT(address.is_https, spellings[i][1][4] == 's');
		web_address_clear(&address);
	}
}

TEST(web_address_parse__takes_out_user_and_password)
{
	static const struct {
		const char *text, *user, *password;
	} cases[] = {
		{ "http://ada:s%40crat%21@host", "ada", "s@crat!" },
		{ "http://ada:p@ss:w@host", "ada", "p@ss:w" },
		{ "http://ada@host", "ada", "" },
		{ "http://:only@host", "", "only" },
		{ "http://100%:%4@host", "100%", "%4" },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct web_address address;
		MUST(web_address_parse(NULL, cases[i].text, &address, &err));
		CHECK_STRING(address.user, cases[i].user);
		CHECK_STRING(address.password, cases[i].password);
		CHECK_STRING(address.base, "http://host");
		web_address_clear(&address);
	}
	struct web_address address;
	MUST(web_address_parse(NULL, "http://host/@x", &address, &err));
	CHECK(!address.user && !address.password);
	CHECK_STRING(address.base, "http://host/@x");
	web_address_clear(&address);
}

TEST(web_address_parse__einval_says_what_is_wrong_without_the_password)
{
	static const char *const wrong[][2] = {
		{ "ftp://host", "begins with http:// or https://" },
		{ "", "begins with" },
		{ "http://", "names no host" },
		{ "http:///path", "names no host" },
		{ "http://ada:secret@", "names no host" },
		{ "http://ada:secret@:5000", "names no host" },
		{ "http://ada:secret@host:port", "as its port" },
		{ "http://host:70000", "as its port" },
		{ "http://host:-1", "as its port" },
		{ "http://[::1", "without its ']'" },
		{ "http://[::1]5000", "as its port" },
		{ "http://ada:secret@host/?a=b", "'?'" },
		{ "http://host#x", "'#'" },
		{ "http://ho st", "blank" },
		{ "http://host/a\nb", "blank" },
	};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct web_address address;
		CHECK_STATUS(web_address_parse(NULL, wrong[i][0], &address, &err), MLM_EINVAL);
		CHECK_CONTAINS(err.message, wrong[i][1]);
		CHECK(!strstr(err.message, "secret"));
		CHECK(!address.base && !address.user && !address.password);
	}
}

TEST(web_address_is__minds_no_case)
{
	CHECK(web_address_is("http://x"));
	CHECK(web_address_is("HTTPS://x"));
	CHECK(!web_address_is("http:x"));
	CHECK(!web_address_is("sqlite:http://"));
}

TEST(web_address_encode__leaves_what_an_address_may_hold)
{
	char *encoded = web_address_encode(NULL, "a b/ü#%~-._?&=+", "");
	CHECK_STRING(encoded, "a%20b%2F%C3%BC%23%25~-._%3F%26%3D%2B");
	free(encoded);
	encoded = web_address_encode(NULL, "a b/c", "/");
	CHECK_STRING(encoded, "a%20b/c");
	free(encoded);
}

TEST(web_address_decode__undoes_what_is_encoded_and_nothing_else)
{
	const char *text = "a%20b%2F%C3%BC+100%%4";
	char *decoded = web_address_decode(NULL, text, strlen(text));
	CHECK_STRING(decoded, "a b/ü+100%%4");
	free(decoded);
	decoded = web_address_decode(NULL, "%41%42", 4); /* a byte of the second is beyond */
	CHECK_STRING(decoded, "A%");
	free(decoded);
}

int main(void)
{
	RUN(web_address_parse__gives_one_server_one_spelling);
	RUN(web_address_parse__takes_out_user_and_password);
	RUN(web_address_parse__einval_says_what_is_wrong_without_the_password);
	RUN(web_address_is__minds_no_case);
	RUN(web_address_encode__leaves_what_an_address_may_hold);
	RUN(web_address_decode__undoes_what_is_encoded_and_nothing_else);
	return check_done();
}
