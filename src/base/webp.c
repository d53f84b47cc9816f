/* SPDX-License-Identifier: Apache-2.0 */
#include "base/webp.h"

#include <stdbool.h>
#include <string.h>

#include <webp/encode.h>

#include "base/error.h"
#include "base/library.h"
#include "base/memory.h"

#define QUALITY 80 /* of 100; what Pillow takes, by which MLflow encodes */

static struct {
	int (*config_init)(WebPConfig *, WebPPreset, float, int);
	int (*picture_init)(WebPPicture *, int);
	int (*import_rgb)(WebPPicture *, const uint8_t *, int);
	int (*import_rgba)(WebPPicture *, const uint8_t *, int);
	int (*rescale)(WebPPicture *, int, int);
	int (*encode)(const WebPConfig *, WebPPicture *);
	void (*picture_free)(WebPPicture *);
	void (*writer_init)(WebPMemoryWriter *);
	void (*writer_clear)(WebPMemoryWriter *);
	WebPWriterFunction write;
} webp;

static const char *const names[] = { "libwebp.so.7", NULL };
static const struct library_function functions[] = {
	{ "WebPConfigInitInternal", &webp.config_init },
	{ "WebPPictureInitInternal", &webp.picture_init },
	{ "WebPPictureImportRGB", &webp.import_rgb },
	{ "WebPPictureImportRGBA", &webp.import_rgba },
	{ "WebPPictureRescale", &webp.rescale },
	{ "WebPEncode", &webp.encode },
	{ "WebPPictureFree", &webp.picture_free },
	{ "WebPMemoryWriterInit", &webp.writer_init },
	{ "WebPMemoryWriterClear", &webp.writer_clear },
	{ "WebPMemoryWrite", &webp.write },
};
static struct library library = { .package = "libwebp7",
	.purpose = "an image as WebP",
	.names = names,
	.functions = functions,
	.function_count = sizeof(functions) / sizeof(functions[0]) };

static mlm_status no_memory(mlm_error *err)
{
	return error_set(err, MLM_ENOMEM, "image", "memory ran out");
}

static mlm_status failed(const WebPPicture *picture, mlm_error *err)
{
	if (picture->error_code == VP8_ENC_ERROR_OUT_OF_MEMORY ||
		picture->error_code == VP8_ENC_ERROR_BITSTREAM_OUT_OF_MEMORY)
		return no_memory(err);
	return error_set(err, MLM_EINVAL, "image", "libwebp could not encode the image (error %d)",
		(int)picture->error_code);
}

/* Colours of grey pixels, which libwebp does not take. */
static void spread_grey(
	const unsigned char *pixels, size_t count, uint32_t channels, unsigned char *to)
{
	for (size_t i = 0; i < count; i++, pixels += channels) {
		memset(to, pixels[0], 3);
		to += 3;
		if (channels == 2)
			*to++ = pixels[1];
	}
}

static mlm_status import(const mlm_allocator *allocator, WebPPicture *picture, const void *pixels,
	uint32_t channels, mlm_error *err)
{
	size_t count = (size_t)picture->width * (size_t)picture->height;
	uint32_t colours = channels == 1 ? 3 : channels == 2 ? 4 : channels;
	unsigned char *spread = NULL;
	if (channels < 3) {
		spread = memory_array(allocator, count, colours);
		if (!spread)
			return no_memory(err);
		spread_grey(pixels, count, channels, spread);
	}
	const uint8_t *from = spread ? spread : pixels;
	int stride = picture->width * (int)colours;
	bool is_done = colours == 4 ? webp.import_rgba(picture, from, stride)
				    : webp.import_rgb(picture, from, stride);
	memory_free(allocator, spread);
	return is_done ? MLM_OK : failed(picture, err);
}

static bool shrink(WebPPicture *picture, uint32_t side_max)
{
	uint32_t width = (uint32_t)picture->width, height = (uint32_t)picture->height;
	uint32_t longer = width > height ? width : height;
	if (longer <= side_max)
		return true;
	uint32_t new_width = (uint32_t)((uint64_t)width * side_max / longer);
	uint32_t new_height = (uint32_t)((uint64_t)height * side_max / longer);
	return webp.rescale(
		picture, new_width > 0 ? (int)new_width : 1, new_height > 0 ? (int)new_height : 1);
}

mlm_status webp_encode(const mlm_allocator *allocator, const void *pixels, uint32_t width,
	uint32_t height, uint32_t channels, uint32_t side_max, void **bytes_out, size_t *size_out,
	mlm_error *err)
{
	WebPConfig config;
	WebPPicture picture;
	WebPMemoryWriter writer;
	*bytes_out = NULL;
	*size_out = 0;
	if (channels < 1 || channels > 4)
		return error_set(err, MLM_EINVAL, "image",
			"an image of %u channels; there are 1 to 4", channels);
	mlm_status status = library_load(&library, err);
	if (status != MLM_OK)
		return status;
	if (!webp.config_init(&config, WEBP_PRESET_DEFAULT, QUALITY, WEBP_ENCODER_ABI_VERSION) ||
		!webp.picture_init(&picture, WEBP_ENCODER_ABI_VERSION))
		return error_set(err, MLM_EUNSUPPORTED, "image",
			"the libwebp that is installed is not the one this was built for");
	webp.writer_init(&writer);
	picture.use_argb = 1;
	picture.width = (int)width;
	picture.height = (int)height;
	picture.writer = webp.write;
	picture.custom_ptr = &writer;
	status = import(allocator, &picture, pixels, channels, err);
	if (status == MLM_OK && (!shrink(&picture, side_max) || !webp.encode(&config, &picture)))
		status = failed(&picture, err);
	if (status == MLM_OK) {
		*bytes_out = memory_new(allocator, writer.size);
		if (*bytes_out) {
			memcpy(*bytes_out, writer.mem, writer.size);
			*size_out = writer.size;
		} else {
			status = no_memory(err);
		}
	}
	webp.picture_free(&picture);
	webp.writer_clear(&writer);
	return status;
}
