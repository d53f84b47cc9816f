/* SPDX-License-Identifier: Apache-2.0 */
#include "base/sha256.h"

#include <stdio.h>

#include <openssl/evp.h>

#include "base/error.h"
#include "base/library.h"

/* libcrypto's functions, found when the first hash is begun. */
static struct {
	EVP_MD_CTX *(*new_context)(void);
	void (*free_context)(EVP_MD_CTX *);
	const EVP_MD *(*sha256)(void);
	int (*init)(EVP_MD_CTX *, const EVP_MD *, ENGINE *);
	int (*update)(EVP_MD_CTX *, const void *, size_t);
	int (*final)(EVP_MD_CTX *, unsigned char *, unsigned *);
	int (*encode_block)(unsigned char *, const unsigned char *, int);
} crypto;

static const char *const names[] = { "libcrypto.so.3", "libcrypto.so.1.1", NULL };
static const struct library_function functions[] = {
	{ "EVP_MD_CTX_new", &crypto.new_context },
	{ "EVP_MD_CTX_free", &crypto.free_context },
	{ "EVP_sha256", &crypto.sha256 },
	{ "EVP_DigestInit_ex", &crypto.init },
	{ "EVP_DigestUpdate", &crypto.update },
	{ "EVP_DigestFinal_ex", &crypto.final },
	{ "EVP_EncodeBlock", &crypto.encode_block },
};
static struct library library = { .package = "libssl3",
	.purpose = "a checksum",
	.names = names,
	.functions = functions,
	.function_count = sizeof(functions) / sizeof(functions[0]) };

/* The context itself, under a name of ours. */
static EVP_MD_CTX *context_of(struct sha256 *hash)
{
	return (EVP_MD_CTX *)hash;
}

mlm_status sha256_begin(struct sha256 **hash_out, mlm_error *err)
{
	*hash_out = NULL;
	mlm_status status = library_load(&library, err);
	if (status != MLM_OK)
		return status;
	EVP_MD_CTX *context = crypto.new_context();
	if (!context || crypto.init(context, crypto.sha256(), NULL) != 1) {
		crypto.free_context(context);
		return error_set(err, MLM_ENOMEM, "checksum", "memory ran out");
	}
	*hash_out = (struct sha256 *)context;
	return MLM_OK;
}

void sha256_add(struct sha256 *hash, const void *bytes, size_t size)
{
	crypto.update(context_of(hash), bytes, size);
}

void sha256_hex(const unsigned char digest[SHA256_DIGEST_SIZE], char hex_out[SHA256_HEX_SIZE])
{
	for (int i = 0; i < SHA256_DIGEST_SIZE; i++)
		snprintf(hex_out + 2 * i, 3, "%02x", digest[i]);
}

void sha256_base64(
	const unsigned char digest[SHA256_DIGEST_SIZE], char base64_out[SHA256_BASE64_SIZE])
{
	crypto.encode_block((unsigned char *)base64_out, digest, SHA256_DIGEST_SIZE);
}

void sha256_end_digest(struct sha256 *hash, unsigned char digest_out[SHA256_DIGEST_SIZE])
{
	crypto.final(context_of(hash), digest_out, NULL);
	crypto.free_context(context_of(hash));
}

void sha256_end(struct sha256 *hash, char hex_out[SHA256_HEX_SIZE])
{
	unsigned char digest[SHA256_DIGEST_SIZE];
	sha256_end_digest(hash, digest);
	sha256_hex(digest, hex_out);
}

mlm_status sha256_of(const void *bytes, size_t size, unsigned char digest_out[SHA256_DIGEST_SIZE],
	mlm_error *err)
{
	struct sha256 *hash;
	mlm_status status = sha256_begin(&hash, err);
	if (status != MLM_OK)
		return status;
	sha256_add(hash, bytes, size);
	sha256_end_digest(hash, digest_out);
	return MLM_OK;
}

void sha256_drop(struct sha256 *hash)
{
	if (hash)
		crypto.free_context(context_of(hash));
}
