/* SPDX-License-Identifier: Apache-2.0 */
#include "base/sha256.h"

#include "check.h"

static mlm_error err = MLM_ERROR_INIT;

TEST(sha256__of_pieces_is_that_of_the_whole)
{
	struct sha256 *hash;
	char hex[SHA256_HEX_SIZE];
	MUST(sha256_begin(&hash, &err));
	sha256_add(hash, "hel", 3);
	sha256_add(hash, "", 0);
	sha256_add(hash, "lo", 2);
	sha256_end(hash, hex);
	CHECK_STRING(hex, "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824");
}

TEST(sha256__of_nothing)
{
	struct sha256 *hash;
	char hex[SHA256_HEX_SIZE];
	MUST(sha256_begin(&hash, &err));
	sha256_end(hash, hex);
	CHECK_STRING(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	MUST(sha256_begin(&hash, &err));
	sha256_drop(hash);
	sha256_drop(NULL);
}

int main(void)
{
	RUN(sha256__of_pieces_is_that_of_the_whole);
	RUN(sha256__of_nothing);
	return check_done();
}
