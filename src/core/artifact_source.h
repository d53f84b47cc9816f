/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_ARTIFACT_SOURCE_H
#define CORE_ARTIFACT_SOURCE_H

/* The files that a call is about to log, looked at before the first of them is stored. */

#include "base/arena.h"
#include "mlmanager/artifact.h"

struct artifact_source {
	const char *local_path;
	const char *name; /* of the artifact, or inside the archive */
	int64_t size_bytes;
	struct artifact_sources *members; /* of a directory that becomes an archive, else NULL */
};

struct artifact_sources {
	const mlm_allocator *allocator;
	struct arena *arena;
	struct artifact_source *items;
	size_t count;
	size_t capacity;
	int64_t size_bytes;
};

/** Errors: ENOMEM. Afterwards artifact_sources_end() is due in any case. */
mlm_status artifact_sources_begin(
	struct artifact_sources *sources, const mlm_allocator *allocator, mlm_error *err);
void artifact_sources_end(struct artifact_sources *sources);

/** Adds a file, or all files of a directory; name NULL: the base name. With zip a directory is one
 * source, with its files as members. Errors: as mlm_run_log_artifact(). */
mlm_status artifact_sources_add(struct artifact_sources *sources, const char *local_path,
	const char *name, bool zip, mlm_error *err);

/** EINVAL when two sources have one name. */
mlm_status artifact_sources_check_names(const struct artifact_sources *sources, mlm_error *err);

#endif
