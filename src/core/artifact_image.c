/* SPDX-License-Identifier: Apache-2.0 */
/* Images as artifacts: under a name, or under a key that has one at each step. */
#include "mlmanager/artifact.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/png.h"
#include "base/webp.h"
#include "core/manager.h"

/* What MLflow's page shows in its grid is no larger. */
#define PREVIEW_SIDE 256
#define NAME_BYTES   (MLM_IMAGE_KEY_MAX + 128)

struct image {
	const void *pixels;
	uint32_t width, height, channels;
};

static mlm_status encode(const mlm_run *run, const struct image *image, void **bytes_out,
	size_t *size_out, mlm_error *err)
{
	return png_encode(&run->manager->allocator, image->pixels, image->width, image->height,
		image->channels, bytes_out, size_out, err);
}

mlm_status mlm_run_log_image(mlm_run *run, const char *name, const void *pixels, uint32_t width,
	uint32_t height, uint32_t channels, mlm_error *err)
{
	const struct image image = { pixels, width, height, channels };
	void *bytes;
	size_t size;
	if (!name)
		return error_set_null(err, "artifact", "name");
	if (!pixels)
		return error_set_null(err, "artifact", "pixels");
	mlm_status status = run_check(run, err);
	if (status != MLM_OK)
		return status;
	size_t length = strlen(name);
	if (length < 4 || strcasecmp(name + length - 4, ".png") != 0)
		return error_set(err, MLM_EINVAL, "artifact",
			"the name of an image ends with .png, and '%.200s' does not", name);
	status = encode(run, &image, &bytes, &size, err);
	if (status == MLM_OK)
		status = mlm_run_log_bytes(run, name, bytes, size, err);
	memory_free(&run->manager->allocator, bytes);
	return status;
}

/* ---- by key and step ---- */

static mlm_status check_key(const char *key, mlm_error *err)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789_-./ ";
	size_t size = strlen(key);
	if (size == 0 || size > MLM_IMAGE_KEY_MAX)
		return error_set(err, MLM_EINVAL, "artifact",
			"the key of an image has 1 to %d bytes, and '%.200s' has %zu",
			MLM_IMAGE_KEY_MAX, key, size);
	if (strspn(key, allowed) == size)
		return MLM_OK;
	return error_set(err, MLM_EINVAL, "artifact",
		"the key of an image has ASCII letters, digits, '_', '-', '.', '/' and blanks "
		"only, and '%.200s' has others",
		key);
}

/* As MLflow names them: its page takes such a name apart. The ending is to be put behind. */
static mlm_status make_name(const char *key, int64_t step, int64_t timestamp_ms,
	char name_out[NAME_BYTES], mlm_error *err)
{
	char id[MLM_ID_SIZE];
	mlm_status status = run_new_id(id, err);
	if (status != MLM_OK)
		return status;
	int start = snprintf(name_out, NAME_BYTES, "images/");
	snprintf(name_out + start, NAME_BYTES - (size_t)start,
		"%s+step+%" PRId64 "+timestamp+%" PRId64 "+%.8s-%.4s-%.4s-%.4s-%.12s", key, step,
		timestamp_ms, id, id + 8, id + 12, id + 16, id + 20);
	for (char *c = name_out + start; *c && *c != '+'; c++)
		if (*c == '/')
			*c = '~';
	return MLM_OK;
}

static mlm_status store_both(
	mlm_run *run, const char *name, const struct image *image, mlm_error *err)
{
	static const mlm_text tag = { "mlflow.loggedImages", "True" };
	const mlm_allocator *allocator = &run->manager->allocator;
	char full[NAME_BYTES + 24], preview[NAME_BYTES + 24];
	void *png, *webp = NULL;
	size_t png_size, webp_size;
	snprintf(full, sizeof(full), "%s.png", name);
	snprintf(preview, sizeof(preview), "%s+compressed.webp", name);
	mlm_status status = encode(run, image, &png, &png_size, err);
	if (status == MLM_OK)
		status = webp_encode(allocator, image->pixels, image->width, image->height,
			image->channels, PREVIEW_SIDE, &webp, &webp_size, err);
	if (status == MLM_OK)
		status = mlm_run_log_bytes(run, full, png, png_size, err);
	if (status == MLM_OK) {
		status = mlm_run_log_bytes(run, preview, webp, webp_size, err);
		/* Alone it would stand in the page as one that cannot be shown. */
		if (status != MLM_OK)
			mlm_artifact_delete(run->manager, mlm_run_id(run), full, NULL);
	}
	memory_free(allocator, png);
	memory_free(allocator, webp);
	return status == MLM_OK ? mlm_run_set_tags(run, &tag, 1, err) : status;
}

mlm_status mlm_run_log_image_step(mlm_run *run, const char *key, int64_t step, int64_t timestamp_ms,
	const void *pixels, uint32_t width, uint32_t height, uint32_t channels, mlm_error *err)
{
	const struct image image = { pixels, width, height, channels };
	char name[NAME_BYTES];
	if (!key)
		return error_set_null(err, "artifact", "key");
	if (!pixels)
		return error_set_null(err, "artifact", "pixels");
	mlm_status status = run_check(run, err);
	if (status == MLM_OK)
		status = check_key(key, err);
	if (status != MLM_OK)
		return status;
	if (timestamp_ms == MLM_TIME_NOW)
		timestamp_ms = clock_now_ms();
	if (timestamp_ms < 0)
		return error_set(err, MLM_EINVAL, "artifact",
			"the timestamp %" PRId64 " lies before 1970", timestamp_ms);
	status = make_name(key, step, timestamp_ms, name, err);
	return status == MLM_OK ? store_both(run, name, &image, err) : status;
}
