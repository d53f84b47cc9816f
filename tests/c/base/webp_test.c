/* SPDX-License-Identifier: Apache-2.0 */
#include "base/webp.h"

#include "base/memory.h"
#include "check.h"

static mlm_error err = MLM_ERROR_INIT;

struct size {
	uint32_t width, height;
};

/* What the first chunk of the container says: plain lossy, or with alpha. */
static struct size size_of(const unsigned char *bytes, size_t size)
{
	struct size none = { 0, 0 };
	if (size < 30 || memcmp(bytes, "RIFF", 4) != 0 || memcmp(bytes + 8, "WEBP", 4) != 0)
		return none;
	if (memcmp(bytes + 12, "VP8 ", 4) == 0)
		return (struct size){ (uint32_t)(bytes[26] | (bytes[27] & 0x3f) << 8),
			(uint32_t)(bytes[28] | (bytes[29] & 0x3f) << 8) };
	if (memcmp(bytes + 12, "VP8X", 4) == 0)
		return (struct size){ 1u + bytes[24] + (uint32_t)bytes[25] * 256,
			1u + bytes[27] + (uint32_t)bytes[28] * 256 };
	return none;
}

static struct size encode(uint32_t width, uint32_t height, uint32_t channels, uint32_t side_max)
{
	void *bytes;
	size_t size;
	unsigned char *pixels = memory_array(NULL, (size_t)width * height, channels);
	for (size_t i = 0; i < (size_t)width * height * channels; i++)
		pixels[i] = (unsigned char)(i * 37);
	MUST(webp_encode(NULL, pixels, width, height, channels, side_max, &bytes, &size, &err));
	struct size got = size_of(bytes, size);
	memory_free(NULL, bytes);
	memory_free(NULL, pixels);
	return got;
}

/* tests/peers/artifacts.py looks at the pixels. */
TEST(webp_encode__keeps_the_size_of_small_images)
{
	for (uint32_t channels = 1; channels <= 4; channels++) {
		struct size size = encode(30, 20, channels, 256);
		CHECK_INT(size.width, 30);
		CHECK_INT(size.height, 20);
	}
}

TEST(webp_encode__shrinks_to_the_longer_side)
{
	struct size size = encode(1000, 500, 4, 256);
	CHECK_INT(size.width, 256);
	CHECK_INT(size.height, 128);
	size = encode(300, 1200, 3, 256);
	CHECK_INT(size.width, 64);
	CHECK_INT(size.height, 256);
	size = encode(20000, 2, 1, 256);
	CHECK_INT(size.width, 256);
	CHECK_INT(size.height, 1);
}

TEST(webp_encode__einval)
{
	void *bytes;
	size_t size;
	CHECK_STATUS(webp_encode(NULL, "", 1, 1, 5, 256, &bytes, &size, &err), MLM_EINVAL);
	CHECK(!bytes);
}

int main(void)
{
	RUN(webp_encode__keeps_the_size_of_small_images);
	RUN(webp_encode__shrinks_to_the_longer_side);
	RUN(webp_encode__einval);
	return check_done();
}
