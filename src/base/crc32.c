/* SPDX-License-Identifier: Apache-2.0 */
#include "base/crc32.h"

#include <zlib.h>

#include "base/library.h"

static struct {
	uLong (*add)(uLong, const Bytef *, z_size_t);
} zlib;

static const char *const names[] = { "libz.so.1", NULL };
static const struct library_function functions[] = { { "crc32_z", &zlib.add } };
static struct library library = { .package = "zlib1g",
	.purpose = "a checksum",
	.names = names,
	.functions = functions,
	.function_count = 1 };

mlm_status crc32_load(mlm_error *err)
{
	return library_load(&library, err);
}

uint32_t crc32_add(uint32_t sum, const void *bytes, size_t size)
{
	return (uint32_t)zlib.add(sum, bytes, size);
}
