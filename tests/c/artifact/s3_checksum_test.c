/* SPDX-License-Identifier: Apache-2.0 */

/* The checksums of 25600 bytes that count from 0 to 255 again and again, made by Python. */

#include "artifact/s3_checksum.h"

#include "check.h"

#define OF_ALL       "IsJ7AhdSWWFAFFqTGU2c3zOwsbRU9Q/RtDBJHrPrPLk="
#define OF_3_PARTS   "0zfAQHZ7dWXbqxPxGaC3HRopx3vkP4r4mL7pjmXN9mw=" /* of 10000 bytes */
#define OF_2_PARTS   "2FLw70D46XCbdkVt3j6BnicNrXX+3R6K7S87NsJ78fs=" /* of 12800 bytes */
#define CRC32_OF_ALL "Ew9NOw=="
#define BYTE_COUNT   25600

static mlm_error err = MLM_ERROR_INIT;

static bool holds(const char *sha256, const char *part_bytes, const char *crc32, int damaged)
{
	static unsigned char bytes[BYTE_COUNT];
	struct s3_checksum checksum;
	for (int i = 0; i < BYTE_COUNT; i++)
		bytes[i] = (unsigned char)(i == damaged ? i + 1 : i);
	MUST(s3_checksum_begin(&checksum, sha256, part_bytes, crc32, &err));
	for (int i = 0; i < BYTE_COUNT; i += 4096) {
		int left = BYTE_COUNT - i;
		MUST(s3_checksum_add(
			&checksum, bytes + i, left < 4096 ? (size_t)left : 4096, &err));
	}
	bool is_right = s3_checksum_end(&checksum);
	s3_checksum_drop(&checksum);
	return is_right;
}

TEST(checksum__of_all_of_parts_or_a_crc32_sees_one_byte)
{
	static const int damaged[] = { 0, 9999, 10000, 25599 };
	CHECK(holds(OF_ALL, NULL, NULL, -1));
	CHECK(holds(OF_3_PARTS "-3", "10000", NULL, -1));
	CHECK(holds(OF_2_PARTS "-2", "12800", "", -1)); /* the last part is full */
	CHECK(holds("", "", CRC32_OF_ALL, -1));
	for (int i = 0; i < 4; i++) {
		CHECK(!holds(OF_ALL, NULL, NULL, damaged[i]));
		CHECK(!holds(OF_3_PARTS "-3", "10000", NULL, damaged[i]));
		CHECK(!holds(OF_2_PARTS "-2", "12800", NULL, damaged[i]));
		CHECK(!holds(NULL, NULL, CRC32_OF_ALL, damaged[i]));
	}
	CHECK(!holds(OF_3_PARTS "-3", "12800", NULL, -1));
}

TEST(checksum__is_not_looked_at_where_it_says_too_little)
{
	CHECK(holds(NULL, NULL, NULL, 7));
	CHECK(holds(OF_3_PARTS "-3", NULL, NULL, 7)); /* parts of a size that is not said */
	CHECK(holds(NULL, NULL, "Ew9NOw==-3", 7));
	CHECK(holds(OF_ALL OF_ALL, NULL, NULL, 7));
	CHECK(!holds(OF_3_PARTS "-3", NULL, CRC32_OF_ALL, 7)); /* the other one is */
}

TEST(checksum__of_nothing)
{
	struct s3_checksum checksum;
	MUST(s3_checksum_begin(
		&checksum, "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", NULL, NULL, &err));
	CHECK(s3_checksum_end(&checksum));
	MUST(s3_checksum_begin(&checksum, OF_3_PARTS "-3", "10", NULL, &err));
	s3_checksum_drop(&checksum);
}

int main(void)
{
	RUN(checksum__of_all_of_parts_or_a_crc32_sees_one_byte);
	RUN(checksum__is_not_looked_at_where_it_says_too_little);
	RUN(checksum__of_nothing);
	return check_done();
}
