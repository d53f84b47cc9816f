/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_IMAGE_SCHEMA_IMAGE_H
#define STORE_IMAGE_SCHEMA_IMAGE_H

#include <stddef.h>
#include <stdint.h>

struct schema_image_range {
	uint32_t offset;
	uint32_t size;
};

/* An empty store as an SQLite file. Bytes outside the ranges are zero. */
struct schema_image {
	size_t size;
	const struct schema_image_range *ranges; /* ascending */
	size_t range_count;
	const unsigned char *kept; /* the ranges' bytes, one after the other */
};

extern const struct schema_image schema_image;

#endif
