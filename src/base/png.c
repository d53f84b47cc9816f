/* SPDX-License-Identifier: Apache-2.0 */
#include "base/png.h"

#include <string.h>

#include <png.h>

#include "base/error.h"
#include "base/library.h"
#include "base/memory.h"

static int (*write_to_memory)(
	png_imagep, void *, png_alloc_size_t *, int, const void *, png_int_32, const void *);

static const char *const names[] = { "libpng16.so.16", NULL };
static const struct library_function functions[] = {
	{ "png_image_write_to_memory", &write_to_memory },
};
static struct library library = { .package = "libpng16-16",
	.purpose = "an image as PNG",
	.names = names,
	.functions = functions,
	.function_count = 1 };

mlm_status png_encode(const mlm_allocator *allocator, const void *pixels, uint32_t width,
	uint32_t height, uint32_t channels, void **bytes_out, size_t *size_out, mlm_error *err)
{
	static const png_uint_32 formats[] = { 0, PNG_FORMAT_GRAY, PNG_FORMAT_GA, PNG_FORMAT_RGB,
		PNG_FORMAT_RGBA };
	*bytes_out = NULL;
	*size_out = 0;
	if (width < 1 || height < 1 || width > PNG_SIDE_MAX || height > PNG_SIDE_MAX)
		return error_set(err, MLM_EINVAL, "image",
			"an image of %u x %u pixels; width and height lie between 1 and %d", width,
			height, PNG_SIDE_MAX);
	if (channels < 1 || channels > 4)
		return error_set(err, MLM_EINVAL, "image",
			"an image of %u channels; there are 1 (grey), 2 (grey and alpha), 3 (RGB) "
			"and 4 (RGBA)",
			channels);
	mlm_status status = library_load(&library, err);
	if (status != MLM_OK)
		return status;
	png_image image;
	memset(&image, 0, sizeof(image));
	image.version = PNG_IMAGE_VERSION;
	image.width = width;
	image.height = height;
	image.format = formats[channels];
	png_alloc_size_t size = PNG_IMAGE_PNG_SIZE_MAX(image);
	void *bytes = memory_new(allocator, size);
	if (!bytes)
		return error_set(err, MLM_ENOMEM, "image", "memory ran out");
	if (!write_to_memory(&image, bytes, &size, 0, pixels, 0, NULL)) {
		memory_free(allocator, bytes);
		return error_set(err, MLM_EINVAL, "image", "libpng could not encode the image: %s",
			image.message);
	}
	*bytes_out = bytes;
	*size_out = size;
	return MLM_OK;
}
