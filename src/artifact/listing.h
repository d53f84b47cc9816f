/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARTIFACT_LISTING_H
#define ARTIFACT_LISTING_H

#include "artifact/artifact.h"
#include "base/arena.h"

/* Entries that a backend collects before it shows them, sorted. */
struct listing {
	const mlm_allocator *allocator;
	struct arena *arena;
	mlm_artifact *entries;
	size_t count;
	size_t capacity;
};

/** Errors: ENOMEM. Afterwards listing_end() is due in any case. */
mlm_status listing_begin(struct listing *listing, const mlm_allocator *allocator, mlm_error *err);
void listing_end(struct listing *listing);

/** Adds an entry of this path, which is copied. */
mlm_status listing_add(struct listing *listing, const char *path, size_t path_size,
	bool is_directory, int64_t size_bytes, mlm_error *err);

/** An artifact_visit_fn that adds; payload is the listing. */
mlm_status listing_keep(void *payload, const mlm_artifact *entry, mlm_error *err);

/** Adds what a file of a whole path is in a listing of directory: itself, or the directory on the
 * way to it, once for all files of it that come one after the other. */
mlm_status listing_add_below(struct listing *listing, const char *directory, const char *path,
	int64_t size_bytes, mlm_error *err);

void listing_sort(struct listing *listing);

#endif
