/* SPDX-License-Identifier: Apache-2.0 */

#include "base/crc32.h"

#include "check.h"

static mlm_error err = MLM_ERROR_INIT;

TEST(crc32__is_that_of_the_standards)
{
	MUST(crc32_load(&err));
	CHECK_INT(crc32_add(0, "", 0), 0);
	CHECK_INT(crc32_add(0, "123456789", 9), 0xCBF43926u);
	CHECK_INT(crc32_add(crc32_add(0, "1234", 4), "56789", 5), 0xCBF43926u);
}

int main(void)
{
	RUN(crc32__is_that_of_the_standards);
	return check_done();
}
