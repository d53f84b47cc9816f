/* SPDX-License-Identifier: Apache-2.0 */
#include "artifact/local_uri.h"

#include <stdbool.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"

static int digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* As Python's unquote: what is no escape stays as it is. */
static char *decode(
	const mlm_allocator *allocator, const char *text, size_t size, bool *has_zero_out)
{
	char *path = memory_new(allocator, size + 1);
	char *to = path;
	for (size_t i = 0; path && i < size; i++) {
		int high = text[i] == '%' && i + 2 < size ? digit_of(text[i + 1]) : -1;
		int low = high >= 0 ? digit_of(text[i + 2]) : -1;
		*to = low >= 0 ? (char)(high * 16 + low) : text[i];
		if (low >= 0)
			i += 2;
		*has_zero_out = *has_zero_out || !*to;
		to++;
	}
	if (path)
		*to = '\0';
	return path;
}

mlm_status local_uri_to_path(
	const mlm_allocator *allocator, const char *uri, char **path_out, mlm_error *err)
{
	const char *path = uri;
	size_t size = strlen(uri);
	bool has_zero = false;
	*path_out = NULL;
	if (strncmp(uri, "file:", 5) == 0) {
		path += 5;
		if (strncmp(path, "//", 2) == 0) {
			const char *host = path + 2;
			path = host + strcspn(host, "/?#");
			size_t host_size = (size_t)(path - host);
			if (host_size > 0 && (host_size != 9 || strncmp(host, "localhost", 9) != 0))
				return error_set(err, MLM_EUNSUPPORTED, "artifact",
					"the artifact URI '%.200s' names another machine; write "
					"file:///PATH for this one",
					uri);
		}
		size = strcspn(path, "?#");
	}
	if (size == 0)
		return error_set(err, MLM_EINVAL, "artifact",
			"the artifact URI '%.200s' names no directory; write file:///PATH or an "
			"absolute path",
			uri);
	*path_out = decode(allocator, path, size, &has_zero);
	if (!*path_out)
		return error_set(err, MLM_ENOMEM, "artifact", "memory ran out");
	if (!has_zero)
		return MLM_OK;
	memory_free(allocator, *path_out);
	*path_out = NULL;
	return error_set(
		err, MLM_EINVAL, "artifact", "the artifact URI '%.200s' holds a zero byte", uri);
}

char *local_uri_of_path(const mlm_allocator *allocator, const char *path)
{
	size_t size = strlen(path);
	char *uri = memory_new(allocator, 3 * size + 1);
	char *to = uri;
	for (size_t i = 0; uri && i < size; i++) {
		*to++ = path[i];
		if (path[i] == '%') {
			*to++ = '2';
			*to++ = '5';
		}
	}
	if (uri)
		*to = '\0';
	return uri;
}
