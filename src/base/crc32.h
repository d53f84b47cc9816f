/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_CRC32_H
#define BASE_CRC32_H

#include <stddef.h>
#include <stdint.h>

#include "mlmanager/error.h"

/* The CRC-32 of gzip and of web services, through zlib. */

/** Errors: EUNSUPPORTED (zlib is not installed). */
mlm_status crc32_load(mlm_error *err);
/** Of what sum is of, and these bytes after it; 0 is the sum of nothing. After crc32_load(). */
uint32_t crc32_add(uint32_t sum, const void *bytes, size_t size);

#endif
