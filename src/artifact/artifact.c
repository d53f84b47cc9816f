/* SPDX-License-Identifier: Apache-2.0 */
#include "artifact/artifact.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "artifact/artifact_path.h"
#include "artifact/listing.h"
#include "base/error.h"

static const struct artifact_ops *const backends[] = {
	&local_artifact_ops,
	&mlflow_artifact_ops,
	&s3_artifact_ops,
	&blob_artifact_ops,
};

#define BACKEND_COUNT (sizeof(backends) / sizeof(backends[0]))

/* The size of the scheme that a URI begins with; 0 for a plain path. */
static size_t scheme_size(const char *uri)
{
	size_t size = 0;
	if (!isalpha((unsigned char)uri[0]))
		return 0;
	while (isalnum((unsigned char)uri[size]) || (uri[size] && strchr("+-.", uri[size])))
		size++;
	return uri[size] == ':' ? size : 0;
}

mlm_status artifact_open(
	const struct artifact_options *options, struct artifact_store **store_out, mlm_error *err)
{
	const char *uri = options->uri;
	size_t size = scheme_size(uri);
	*store_out = NULL;
	if (size == 0)
		return local_artifact_ops.open(options, store_out, err);
	for (size_t i = 0; i < BACKEND_COUNT; i++) {
		const char *scheme = backends[i]->scheme;
		if (strlen(scheme) == size && strncmp(scheme, uri, size) == 0)
			return backends[i]->open(options, store_out, err);
	}
	char known[100] = "";
	for (size_t i = 0; i < BACKEND_COUNT; i++) {
		size_t used = strlen(known);
		snprintf(known + used, sizeof(known) - used, "%s%s:", i ? ", " : "",
			backends[i]->scheme);
	}
	return error_set(err, MLM_EUNSUPPORTED, "artifact",
		"artifacts at '%.200s' cannot be reached from here; the schemes are %s", uri,
		known);
}

void artifact_close(struct artifact_store *store)
{
	if (store)
		store->ops->close(store);
}

uint32_t artifact_retry_ms(const struct artifact_options *options)
{
	return options->retry_ms ? options->retry_ms : ARTIFACT_RETRY_MS;
}

/* "" is the root, where a path may be one of a directory. */
static mlm_status check_or_root(const char *path, mlm_error *err)
{
	return path[0] ? artifact_path_check(path, err) : MLM_OK;
}

mlm_status artifact_put(struct artifact_store *store, const char *path,
	const mlm_artifact_reader *from, mlm_error *err)
{
	mlm_status status = artifact_path_check(path, err);
	return status == MLM_OK ? store->ops->put(store, path, from, err) : status;
}

mlm_status artifact_get(struct artifact_store *store, const char *path,
	const mlm_artifact_writer *into, mlm_error *err)
{
	mlm_status status = artifact_path_check(path, err);
	return status == MLM_OK ? store->ops->get(store, path, into, err) : status;
}

mlm_status artifact_list(struct artifact_store *store, const char *directory,
	artifact_visit_fn visit, void *payload, mlm_error *err)
{
	mlm_status status = check_or_root(directory, err);
	return status == MLM_OK ? store->ops->list(store, directory, visit, payload, err) : status;
}

mlm_status artifact_remove(struct artifact_store *store, const char *path, mlm_error *err)
{
	mlm_status status = check_or_root(path, err);
	return status == MLM_OK ? store->ops->remove(store, path, err) : status;
}

mlm_status artifact_stat(
	struct artifact_store *store, const char *path, mlm_artifact *entry_out, mlm_error *err)
{
	*entry_out = (mlm_artifact){ .size_bytes = -1 };
	mlm_status status = artifact_path_check(path, err);
	return status == MLM_OK ? store->ops->stat(store, path, entry_out, err) : status;
}

static mlm_status walk(struct artifact_store *store, const char *directory, int depth,
	artifact_visit_fn visit, void *payload, mlm_error *err)
{
	if (depth > MLM_ARTIFACT_DEPTH_MAX)
		return error_set(err, MLM_EINVAL, "artifact",
			"the directory '%.200s...' goes down more than %d levels", directory,
			MLM_ARTIFACT_DEPTH_MAX);
	/* Kept first: a backend's listing is over before its files are used. */
	struct listing level;
	mlm_status status = listing_begin(&level, &store->allocator, err);
	if (status == MLM_OK)
		status = artifact_list(store, directory, listing_keep, &level, err);
	for (size_t i = 0; i < level.count && status == MLM_OK; i++) {
		const mlm_artifact *entry = &level.entries[i];
		status = entry->is_directory
				 ? walk(store, entry->path, depth + 1, visit, payload, err)
				 : visit(payload, entry, err);
	}
	listing_end(&level);
	return status;
}

mlm_status artifact_walk(struct artifact_store *store, const char *directory,
	artifact_visit_fn visit, void *payload, mlm_error *err)
{
	return walk(store, directory, 1, visit, payload, err);
}
