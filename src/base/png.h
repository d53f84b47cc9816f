/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_PNG_H
#define BASE_PNG_H

#include <stddef.h>
#include <stdint.h>

#include "mlmanager/allocator.h"
#include "mlmanager/error.h"

#define PNG_SIDE_MAX 65535 /* pixels */

/**
 * Encodes pixels, rows of width * channels bytes from the top, as PNG. channels: 1 grey, 2 grey and
 * alpha, 3 RGB, 4 RGBA.
 *
 * Errors:  EINVAL (a size), EUNSUPPORTED (libpng is not installed), ENOMEM.
 * Owns:    memory_free() *bytes_out.
 */
mlm_status png_encode(const mlm_allocator *allocator, const void *pixels, uint32_t width,
	uint32_t height, uint32_t channels, void **bytes_out, size_t *size_out, mlm_error *err);

#endif
