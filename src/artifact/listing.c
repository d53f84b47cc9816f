/* SPDX-License-Identifier: Apache-2.0 */
#include "artifact/listing.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"

static mlm_status no_memory(mlm_error *err)
{
	return error_set(err, MLM_ENOMEM, "artifact", "memory ran out");
}

mlm_status listing_begin(struct listing *listing, const mlm_allocator *allocator, mlm_error *err)
{
	*listing = (struct listing){ .allocator = allocator, .arena = arena_new(allocator) };
	return listing->arena ? MLM_OK : no_memory(err);
}

void listing_end(struct listing *listing)
{
	memory_free(listing->allocator, listing->entries);
	arena_free(listing->arena);
}

mlm_status listing_add(struct listing *listing, const char *path, size_t path_size,
	bool is_directory, int64_t size_bytes, mlm_error *err)
{
	if (listing->count == listing->capacity) {
		size_t capacity = listing->capacity ? 2 * listing->capacity : 32;
		mlm_artifact *entries = memory_resize(
			listing->allocator, listing->entries, capacity, sizeof(*entries));
		if (!entries)
			return no_memory(err);
		listing->entries = entries;
		listing->capacity = capacity;
	}
	mlm_artifact *entry = &listing->entries[listing->count];
	*entry = (mlm_artifact){
		.path = arena_copy(listing->arena, path, path_size),
		.is_directory = is_directory,
		.size_bytes = is_directory ? -1 : size_bytes,
	};
	if (!entry->path)
		return no_memory(err);
	listing->count++;
	return MLM_OK;
}

mlm_status listing_keep(void *payload, const mlm_artifact *entry, mlm_error *err)
{
	return listing_add(payload, entry->path, strlen(entry->path), entry->is_directory,
		entry->size_bytes, err);
}

mlm_status listing_add_below(struct listing *listing, const char *directory, const char *path,
	int64_t size_bytes, mlm_error *err)
{
	size_t skipped = directory[0] ? strlen(directory) + 1 : 0;
	const char *slash = strchr(path + skipped, '/');
	if (!slash)
		return listing_add(listing, path, strlen(path), false, size_bytes, err);
	size_t size = (size_t)(slash - path);
	const mlm_artifact *last = listing->count ? &listing->entries[listing->count - 1] : NULL;
	if (last && last->is_directory && strlen(last->path) == size &&
		memcmp(last->path, path, size) == 0)
		return MLM_OK;
	return listing_add(listing, path, size, true, -1, err);
}

static int by_path(const void *a, const void *b)
{
	return strcmp(((const mlm_artifact *)a)->path, ((const mlm_artifact *)b)->path);
}

void listing_sort(struct listing *listing)
{
	if (listing->count > 1)
		qsort(listing->entries, listing->count, sizeof(*listing->entries), by_path);
}
