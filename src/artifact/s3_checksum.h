/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARTIFACT_S3_CHECKSUM_H
#define ARTIFACT_S3_CHECKSUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/sha256.h"

/*
 * The checksum that an object was stored with, and the bytes that come: a SHA-256 of all, one of
 * the SHA-256s of its parts (our own larger ones), or a CRC-32 of all (boto3's). What else there
 * is, is not checked.
 */
struct s3_checksum {
	char wanted[SHA256_BASE64_SIZE]; /* in base64; "" for none */
	uint64_t part_bytes; /* 0: a checksum of all */
	uint64_t part_left;
	struct sha256 *hash; /* of the part, or of all; NULL: a CRC-32 */
	struct sha256 *whole; /* of the parts' SHA-256s */
	uint32_t crc32;
};

/** Begins with an answer's headers, "" or NULL where it has none: x-amz-checksum-sha256 (with "-N"
 * behind it for N parts), the size of these, and x-amz-checksum-crc32. Errors: ENOMEM,
 * EUNSUPPORTED. s3_checksum_end() or s3_checksum_drop() is due in any case. */
mlm_status s3_checksum_begin(struct s3_checksum *checksum_out, const char *sha256,
	const char *part_bytes, const char *crc32, mlm_error *err);
/** The next bytes. Errors: ENOMEM. */
mlm_status s3_checksum_add(
	struct s3_checksum *checksum, const void *bytes, size_t size, mlm_error *err);
/** The next part, whose SHA-256 that is. Only where part_bytes is not 0. */
void s3_checksum_add_part(struct s3_checksum *checksum, const unsigned char *digest);
/** Whether all bytes together have the checksum, or there is none to be checked. */
bool s3_checksum_end(struct s3_checksum *checksum);
void s3_checksum_drop(struct s3_checksum *checksum);

#endif
