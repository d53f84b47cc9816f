/* SPDX-License-Identifier: Apache-2.0 */
#include "artifact/artifact_path.h"

#include <string.h>
#include <utf8proc.h>

#include "base/error.h"

static mlm_status refuse(const char *path, const char *why, mlm_error *err)
{
	return error_set(err, MLM_EINVAL, "artifact",
		"the artifact path '%.200s' %s; write a relative path such as plots/loss.png", path,
		why);
}

static mlm_status check_characters(const char *path, size_t size, mlm_error *err)
{
	for (size_t i = 0; i < size;) {
		utf8proc_int32_t c;
		utf8proc_ssize_t used = utf8proc_iterate(
			(const utf8proc_uint8_t *)path + i, (utf8proc_ssize_t)(size - i), &c);
		if (used <= 0)
			return refuse(path, "is not UTF-8", err);
		if (c < 32 || c == 127)
			return refuse(path, "holds a control character", err);
		i += (size_t)used;
	}
	return MLM_OK;
}

mlm_status artifact_path_check(const char *path, mlm_error *err)
{
	size_t size = strlen(path);
	if (size == 0)
		return error_set(err, MLM_EINVAL, "artifact", "the artifact path is empty");
	if (size > MLM_ARTIFACT_PATH_MAX)
		return error_set(err, MLM_EINVAL, "artifact",
			"the artifact path '%.60s...' has %zu bytes; at most %d are allowed", path,
			size, MLM_ARTIFACT_PATH_MAX);
	if (path[0] == '/')
		return refuse(path, "is absolute", err);
	int depth = 0;
	for (const char *part = path;; part++) {
		size_t part_size = strcspn(part, "/");
		if (part_size == 0)
			return refuse(path, "has an empty part", err);
		if (part_size > MLM_ARTIFACT_PART_MAX)
			return refuse(path, "has a part of more than 255 bytes", err);
		if (part[0] == '.' && (part_size == 1 || (part_size == 2 && part[1] == '.')))
			return refuse(path, "has '.' or '..' in it", err);
		if (strncmp(part, ARTIFACT_TEMPORARY_PREFIX, strlen(ARTIFACT_TEMPORARY_PREFIX)) ==
			0)
			return refuse(path, "begins like an unfinished upload", err);
		if (++depth > MLM_ARTIFACT_DEPTH_MAX)
			return refuse(path, "has more than 64 parts", err);
		part += part_size;
		if (!*part)
			break;
	}
	return check_characters(path, size, err);
}

bool artifact_path_is_below(const char *path, const char *directory)
{
	size_t size = strlen(directory);
	if (size == 0)
		return path[0] != '\0';
	return strncmp(path, directory, size) == 0 && path[size] == '/';
}

const char *artifact_path_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}
