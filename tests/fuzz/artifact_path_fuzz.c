/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads any bytes as the path of an artifact and as a local artifact URI. A path that is accepted
 * stays below where it starts; a URI made of a path is read back as that path.
 */
#include <stdlib.h>
#include <string.h>

#include "artifact/artifact_path.h"
#include "artifact/local_uri.h"
#include "base/memory.h"

#define MUST_HOLD(condition)      \
	do {                      \
		if (!(condition)) \
			abort();  \
	} while (0)

static void check_path(const char *path)
{
	mlm_error err = MLM_ERROR_INIT;
	if (artifact_path_check(path, &err) != MLM_OK) {
		MUST_HOLD(err.status == MLM_EINVAL && err.message[0]);
		return;
	}
	MUST_HOLD(path[0] != '\0' && path[0] != '/' && strlen(path) <= MLM_ARTIFACT_PATH_MAX);
	for (const char *part = path; part; part = strchr(part, '/')) {
		part += part != path;
		size_t size = strcspn(part, "/");
		MUST_HOLD(size > 0 && size <= 255);
		MUST_HOLD(strncmp(part, "..", size) != 0 || size > 2);
	}
	MUST_HOLD(artifact_path_is_below(path, ""));
	MUST_HOLD(!artifact_path_is_below(path, path));
}

static void check_uri(const char *text)
{
	mlm_error err = MLM_ERROR_INIT;
	char *path = NULL;
	if (local_uri_to_path(NULL, text, &path, &err) == MLM_OK)
		MUST_HOLD(path && strlen(path) <= strlen(text));
	else
		MUST_HOLD(!path && err.message[0]);
	memory_free(NULL, path);
	if (text[0] != '/')
		return;
	char *uri = local_uri_of_path(NULL, text);
	MUST_HOLD(uri && local_uri_to_path(NULL, uri, &path, &err) == MLM_OK);
	MUST_HOLD(strcmp(path, text) == 0);
	memory_free(NULL, path);
	memory_free(NULL, uri);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	check_path(text);
	check_uri(text);
	free(text);
	return 0;
}
