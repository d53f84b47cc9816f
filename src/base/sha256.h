/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_SHA256_H
#define BASE_SHA256_H

#include <stddef.h>

#include "mlmanager/error.h"

#define SHA256_DIGEST_SIZE 32
#define SHA256_HEX_SIZE    65 /* bytes, with the NUL */
#define SHA256_BASE64_SIZE 45

/* The SHA-256 of bytes that come one after the other, through OpenSSL's libcrypto. */
struct sha256;

/** Errors: EUNSUPPORTED (libcrypto is not installed), ENOMEM. */
mlm_status sha256_begin(struct sha256 **hash_out, mlm_error *err);
void sha256_add(struct sha256 *hash, const void *bytes, size_t size);
/** Writes 64 lower-case hex digits and a NUL; frees. */
void sha256_end(struct sha256 *hash, char hex_out[SHA256_HEX_SIZE]);
/** The same, as bytes. */
void sha256_end_digest(struct sha256 *hash, unsigned char digest_out[SHA256_DIGEST_SIZE]);
/** The SHA-256 of bytes in memory. Errors: as sha256_begin(). */
mlm_status sha256_of(const void *bytes, size_t size, unsigned char digest_out[SHA256_DIGEST_SIZE],
	mlm_error *err);
/** Frees without a result. NULL is a no-op. */
void sha256_drop(struct sha256 *hash);

/** Writes a digest in hex or in base64, with a NUL. A hash has been begun before. */
void sha256_hex(const unsigned char digest[SHA256_DIGEST_SIZE], char hex_out[SHA256_HEX_SIZE]);
void sha256_base64(
	const unsigned char digest[SHA256_DIGEST_SIZE], char base64_out[SHA256_BASE64_SIZE]);

#endif
