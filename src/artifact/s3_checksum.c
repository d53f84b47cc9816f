/* SPDX-License-Identifier: Apache-2.0 */
#include "artifact/s3_checksum.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/crc32.h"

static bool is_set(const char *text)
{
	return text && text[0];
}

mlm_status s3_checksum_begin(struct s3_checksum *checksum_out, const char *sha256,
	const char *part_bytes, const char *crc32, mlm_error *err)
{
	struct s3_checksum *checksum = checksum_out;
	*checksum = (struct s3_checksum){ .wanted = "" };
	const char *dash = is_set(sha256) ? strchr(sha256, '-') : NULL;
	if (dash && is_set(part_bytes))
		checksum->part_bytes = strtoull(part_bytes, NULL, 10);
	bool is_sha256 = is_set(sha256) && (!dash || checksum->part_bytes > 0);
	bool is_crc32 = !is_sha256 && is_set(crc32) && !strchr(crc32, '-');
	if (!is_sha256 && !is_crc32)
		return MLM_OK;
	const char *wanted = is_sha256 ? sha256 : crc32;
	int size = (int)(is_sha256 && dash ? (size_t)(dash - sha256) : strlen(wanted));
	if (size >= (int)sizeof(checksum->wanted))
		return MLM_OK; /* no checksum of that kind */
	snprintf(checksum->wanted, sizeof(checksum->wanted), "%.*s", size, wanted);
	if (is_crc32)
		return crc32_load(err);
	checksum->part_left = checksum->part_bytes;
	mlm_status status = sha256_begin(&checksum->hash, err);
	if (status == MLM_OK && dash)
		status = sha256_begin(&checksum->whole, err);
	return status;
}

static void end_part(struct s3_checksum *checksum)
{
	unsigned char digest[SHA256_DIGEST_SIZE];
	sha256_end_digest(checksum->hash, digest);
	sha256_add(checksum->whole, digest, sizeof(digest));
	checksum->hash = NULL;
}

mlm_status s3_checksum_add(
	struct s3_checksum *checksum, const void *bytes, size_t size, mlm_error *err)
{
	const char *from = bytes;
	if (!checksum->wanted[0])
		return MLM_OK;
	if (!checksum->hash && !checksum->whole) {
		checksum->crc32 = crc32_add(checksum->crc32, bytes, size);
		return MLM_OK;
	}
	while (size > 0) {
		if (!checksum->hash) {
			mlm_status status = sha256_begin(&checksum->hash, err);
			if (status != MLM_OK)
				return status;
			checksum->part_left = checksum->part_bytes;
		}
		bool is_end = checksum->whole && size >= checksum->part_left;
		size_t count = is_end ? (size_t)checksum->part_left : size;
		sha256_add(checksum->hash, from, count);
		checksum->part_left -= checksum->whole ? count : 0;
		from += count;
		size -= count;
		if (is_end)
			end_part(checksum);
	}
	return MLM_OK;
}

void s3_checksum_add_part(struct s3_checksum *checksum, const unsigned char *digest)
{
	sha256_drop(checksum->hash);
	checksum->hash = NULL;
	if (checksum->whole)
		sha256_add(checksum->whole, digest, SHA256_DIGEST_SIZE);
}

/* Four bytes in base64, the most significant first. */
static void crc32_base64(uint32_t crc32, char out[9])
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	uint64_t bits = (uint64_t)crc32 << 4; /* of 36, in groups of 6 */
	for (int i = 0; i < 6; i++)
		out[i] = digits[bits >> (30 - 6 * i) & 63];
	memcpy(out + 6, "==", 3);
}

bool s3_checksum_end(struct s3_checksum *checksum)
{
	char text[SHA256_BASE64_SIZE] = "";
	unsigned char digest[SHA256_DIGEST_SIZE];
	if (!checksum->wanted[0])
		return true;
	if (checksum->whole) {
		if (checksum->hash)
			end_part(checksum);
		sha256_end_digest(checksum->whole, digest);
		sha256_base64(digest, text);
	} else if (checksum->hash) {
		sha256_end_digest(checksum->hash, digest);
		sha256_base64(digest, text);
	} else {
		crc32_base64(checksum->crc32, text);
	}
	checksum->hash = NULL;
	checksum->whole = NULL;
	return strcmp(text, checksum->wanted) == 0;
}

void s3_checksum_drop(struct s3_checksum *checksum)
{
	sha256_drop(checksum->hash);
	sha256_drop(checksum->whole);
	checksum->hash = NULL;
	checksum->whole = NULL;
}
