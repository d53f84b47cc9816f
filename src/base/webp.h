/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_WEBP_H
#define BASE_WEBP_H

#include <stddef.h>
#include <stdint.h>

#include "mlmanager/allocator.h"
#include "mlmanager/error.h"

/**
 * Encodes pixels, as png_encode() takes them, as WebP: with losses, and made smaller where a side
 * is longer than side_max pixels.
 *
 * Errors:  EINVAL (channels), EUNSUPPORTED (libwebp is not installed), ENOMEM.
 * Owns:    memory_free() *bytes_out.
 */
mlm_status webp_encode(const mlm_allocator *allocator, const void *pixels, uint32_t width,
	uint32_t height, uint32_t channels, uint32_t side_max, void **bytes_out, size_t *size_out,
	mlm_error *err);

#endif
