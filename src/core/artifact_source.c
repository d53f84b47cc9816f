/* SPDX-License-Identifier: Apache-2.0 */
#include "core/artifact_source.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "artifact/artifact_path.h"
#include "artifact/listing.h"
#include "base/error.h"
#include "base/memory.h"

static mlm_status no_memory(mlm_error *err)
{
	return error_set(err, MLM_ENOMEM, "artifact", "memory ran out");
}

mlm_status artifact_sources_begin(
	struct artifact_sources *sources, const mlm_allocator *allocator, mlm_error *err)
{
	*sources = (struct artifact_sources){
		.allocator = allocator,
		.arena = arena_new(allocator),
	};
	return sources->arena ? MLM_OK : no_memory(err);
}

void artifact_sources_end(struct artifact_sources *sources)
{
	for (size_t i = 0; i < sources->count; i++) {
		struct artifact_sources *members = sources->items[i].members;
		if (members)
			artifact_sources_end(members);
		memory_free(sources->allocator, members);
	}
	memory_free(sources->allocator, sources->items);
	arena_free(sources->arena);
}

static mlm_status add(struct artifact_sources *sources, const char *local_path, const char *name,
	int64_t size_bytes, struct artifact_sources *members, mlm_error *err)
{
	if (sources->count == sources->capacity) {
		size_t capacity = sources->capacity ? 2 * sources->capacity : 16;
		struct artifact_source *items =
			memory_resize(sources->allocator, sources->items, capacity, sizeof(*items));
		if (!items)
			return no_memory(err);
		sources->items = items;
		sources->capacity = capacity;
	}
	struct artifact_source *source = &sources->items[sources->count];
	*source = (struct artifact_source){
		.local_path = arena_string(sources->arena, local_path),
		.name = arena_string(sources->arena, name),
		.size_bytes = size_bytes,
	};
	if (!source->local_path || !source->name)
		return no_memory(err);
	source->members = members;
	sources->count++;
	sources->size_bytes += size_bytes;
	return MLM_OK;
}

static mlm_status cannot_read(const char *local_path, mlm_error *err)
{
	return error_set_errno(
		err, errno, "artifact", "cannot read '%.400s', which was to be logged", local_path);
}

static mlm_status add_file(struct artifact_sources *sources, const char *local_path,
	const char *name, const struct stat *about, mlm_error *err)
{
	if (!S_ISREG(about->st_mode))
		return error_set(err, MLM_EINVAL, "artifact",
			"'%.400s' is neither a file nor a directory, so it cannot be logged",
			local_path);
	if (access(local_path, R_OK) != 0)
		return cannot_read(local_path, err);
	mlm_status status = artifact_path_check(name, err);
	return status == MLM_OK ? add(sources, local_path, name, (int64_t)about->st_size, NULL, err)
				: status;
}

/* Names of a directory, sorted, so that trees are logged in one order. */
static mlm_status read_names(const char *local_path, struct listing *names, mlm_error *err)
{
	DIR *stream = opendir(local_path);
	if (!stream)
		return cannot_read(local_path, err);
	mlm_status status = MLM_OK;
	while (status == MLM_OK) {
		errno = 0;
		const struct dirent *entry = readdir(stream);
		if (!entry) {
			status = errno ? cannot_read(local_path, err) : MLM_OK;
			break;
		}
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			status = listing_add(
				names, entry->d_name, strlen(entry->d_name), false, 0, err);
	}
	closedir(stream);
	listing_sort(names);
	return status;
}

static mlm_status add_tree(struct artifact_sources *sources, const char *local_path,
	const char *name, int depth, mlm_error *err);

static mlm_status add_entry(struct artifact_sources *sources, const char *local_path,
	const char *name, int depth, mlm_error *err)
{
	struct stat about;
	struct stat link;
	if (lstat(local_path, &link) != 0 || stat(local_path, &about) != 0)
		return cannot_read(local_path, err);
	if (S_ISLNK(link.st_mode) && S_ISDIR(about.st_mode))
		return error_set(err, MLM_EINVAL, "artifact",
			"'%.400s' is a link to a directory; log that directory by itself",
			local_path);
	return S_ISDIR(about.st_mode) ? add_tree(sources, local_path, name, depth + 1, err)
				      : add_file(sources, local_path, name, &about, err);
}

static mlm_status add_tree(struct artifact_sources *sources, const char *local_path,
	const char *name, int depth, mlm_error *err)
{
	struct listing names;
	char inner_path[PATH_MAX];
	char inner_name[PATH_MAX];
	if (depth > MLM_ARTIFACT_DEPTH_MAX)
		return error_set(err, MLM_EINVAL, "artifact",
			"the directory '%.400s' goes down more than %d levels", local_path,
			MLM_ARTIFACT_DEPTH_MAX);
	mlm_status status = listing_begin(&names, sources->allocator, err);
	if (status == MLM_OK)
		status = read_names(local_path, &names, err);
	for (size_t i = 0; i < names.count && status == MLM_OK; i++) {
		const char *entry = names.entries[i].path;
		int path_size =
			snprintf(inner_path, sizeof(inner_path), "%s/%s", local_path, entry);
		int name_size = snprintf(
			inner_name, sizeof(inner_name), "%s%s%s", name, name[0] ? "/" : "", entry);
		if ((size_t)path_size >= sizeof(inner_path) ||
			(size_t)name_size >= sizeof(inner_name))
			status = error_set(err, MLM_EINVAL, "artifact",
				"a path in the directory '%.300s' is too long", local_path);
		else
			status = add_entry(sources, inner_path, inner_name, depth, err);
	}
	listing_end(&names);
	return status;
}

/* The members' names are those inside the archive: relative to the directory. */
static mlm_status add_archive(
	struct artifact_sources *sources, const char *local_path, const char *name, mlm_error *err)
{
	struct artifact_sources *members = memory_new(sources->allocator, sizeof(*members));
	if (!members)
		return no_memory(err);
	mlm_status status = artifact_sources_begin(members, sources->allocator, err);
	if (status == MLM_OK)
		status = artifact_path_check(name, err);
	if (status == MLM_OK)
		status = add_tree(members, local_path, "", 1, err);
	if (status == MLM_OK)
		status = add(sources, local_path, name, members->size_bytes, members, err);
	if (status != MLM_OK) {
		artifact_sources_end(members);
		memory_free(sources->allocator, members);
	}
	return status;
}

/* The last part of a local path; false for one that ends in "." or "..", or is the root. */
static bool base_name(const char *local_path, const char *ending, char name_out[PATH_MAX])
{
	size_t end = strlen(local_path);
	while (end > 0 && local_path[end - 1] == '/')
		end--;
	size_t start = end;
	while (start > 0 && local_path[start - 1] != '/')
		start--;
	int size = snprintf(name_out, PATH_MAX, "%.*s", (int)(end - start), local_path + start);
	if (size <= 0 || strcmp(name_out, ".") == 0 || strcmp(name_out, "..") == 0)
		return false;
	snprintf(name_out + size, PATH_MAX - (size_t)size, "%s", ending);
	return true;
}

mlm_status artifact_sources_add(struct artifact_sources *sources, const char *local_path,
	const char *name, bool zip, mlm_error *err)
{
	char base[PATH_MAX];
	struct stat about;
	if (stat(local_path, &about) != 0)
		return cannot_read(local_path, err);
	bool is_archive = zip && S_ISDIR(about.st_mode);
	if (!name && !base_name(local_path, is_archive ? ".zip" : "", base))
		return error_set(err, MLM_EINVAL, "artifact",
			"'%.400s' has no name of its own; give the artifact one", local_path);
	if (!name)
		name = base;
	if (is_archive)
		return add_archive(sources, local_path, name, err);
	if (!S_ISDIR(about.st_mode))
		return add_file(sources, local_path, name, &about, err);
	mlm_status status = artifact_path_check(name, err);
	return status == MLM_OK ? add_tree(sources, local_path, name, 1, err) : status;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Whether one of the sorted names is that of a directory which name lies in. */
static const char *directory_among(const char **names, size_t count, const char *name)
{
	char directory[MLM_ARTIFACT_PATH_MAX + 1];
	const char *key = directory;
	for (const char *slash = strchr(name, '/'); slash; slash = strchr(slash + 1, '/')) {
		snprintf(directory, sizeof(directory), "%.*s", (int)(slash - name), name);
		const char *const *found = bsearch(&key, names, count, sizeof(*names), by_name);
		if (found)
			return *found;
	}
	return NULL;
}

mlm_status artifact_sources_check_names(const struct artifact_sources *sources, mlm_error *err)
{
	const char **names = memory_array(sources->allocator, sources->count + 1, sizeof(*names));
	if (!names)
		return no_memory(err);
	for (size_t i = 0; i < sources->count; i++)
		names[i] = sources->items[i].name;
	qsort(names, sources->count, sizeof(*names), by_name);
	mlm_status status = MLM_OK;
	for (size_t i = 1; i < sources->count && status == MLM_OK; i++)
		if (strcmp(names[i - 1], names[i]) == 0)
			status = error_set(err, MLM_EINVAL, "artifact",
				"the artifact name '%.300s' is given twice", names[i]);
	for (size_t i = 0; i < sources->count && status == MLM_OK; i++) {
		const char *directory = directory_among(names, sources->count, names[i]);
		if (directory)
			status = error_set(err, MLM_EINVAL, "artifact",
				"the artifact '%.200s' cannot lie in '%.200s', which is to be a "
				"file",
				names[i], directory);
	}
	memory_free(sources->allocator, names);
	return status;
}
