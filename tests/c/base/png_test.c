/* SPDX-License-Identifier: Apache-2.0 */
#include "base/png.h"

#include "base/memory.h"
#include "check.h"

static mlm_error err = MLM_ERROR_INIT;

static uint32_t big_endian(const unsigned char *bytes)
{
	return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 |
	       bytes[3];
}

/* What the header chunk says, as PNG lays it out; tests/peers/artifacts.py looks at the pixels. */
TEST(png_encode__writes_size_and_kind)
{
	static const unsigned char kinds[] = { 0, 0, 4, 2, 6 };
	const unsigned char pixels[4 * 3 * 2] = { 255, 0, 128 };
	for (uint32_t channels = 1; channels <= 4; channels++) {
		void *memory;
		size_t size;
		MUST(png_encode(NULL, pixels, 3, 2, channels, &memory, &size, &err));
		const unsigned char *bytes = memory;
		CHECK(size > 33 && memcmp(bytes, "\x89PNG\r\n\x1A\n", 8) == 0);
		CHECK_INT(big_endian(bytes + 16), 3);
		CHECK_INT(big_endian(bytes + 20), 2);
		CHECK_INT(bytes[24], 8);
		CHECK_INT(bytes[25], kinds[channels]);
		memory_free(NULL, memory);
	}
}

TEST(png_encode__einval)
{
	void *memory;
	size_t size;
	CHECK_STATUS(png_encode(NULL, "", 0, 1, 1, &memory, &size, &err), MLM_EINVAL);
	CHECK_STATUS(png_encode(NULL, "", 1, 65536, 1, &memory, &size, &err), MLM_EINVAL);
	CHECK_CONTAINS(err.message, "65535");
	CHECK_STATUS(png_encode(NULL, "", 1, 1, 5, &memory, &size, &err), MLM_EINVAL);
	CHECK_CONTAINS(err.message, "4 (RGBA)");
	CHECK(!memory);
}

int main(void)
{
	RUN(png_encode__writes_size_and_kind);
	RUN(png_encode__einval);
	return check_done();
}
