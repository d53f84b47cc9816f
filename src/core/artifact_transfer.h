/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_ARTIFACT_TRANSFER_H
#define CORE_ARTIFACT_TRANSFER_H

/* What the artifact calls share: the way to a run's artifacts, and telling how far a call is. */

#include "artifact/artifact.h"
#include "artifact/artifact_file.h"
#include "base/patience.h"
#include "core/manager.h"

/* One call's bytes on their way. */
struct transfer {
	mlm_artifact_options options;
	const char *name; /* what moves now */
	uint64_t done_bytes;
	int64_t total_bytes;
	int64_t next_ns; /* when to tell again */
	struct patience patience; /* tells also while nothing moves */
	bool is_stopped; /* the progress function has said that it is enough */
};

/** options may be NULL; transfer_end() is due, in the same thread. EINVAL: a version that is
 * unknown, and nothing is due. */
mlm_status transfer_begin(struct transfer *transfer, const mlm_artifact_options *options,
	const char *name, int64_t total_bytes, mlm_error *err);

/** How the call ends that ended like that: ESTATE where the progress function ended it. */
mlm_status transfer_end(struct transfer *transfer, mlm_status status, mlm_error *err);

/** Counts bytes that moved. ESTATE when the progress function says that it is enough. */
mlm_status transfer_moved(struct transfer *transfer, size_t size, mlm_error *err);

/** Takes back bytes that are going to move again. */
void transfer_moved_back(struct transfer *transfer, uint64_t size);

/** A file whose bytes count as moved. */
struct artifact_file transfer_file(struct transfer *transfer, int file, const char *local_path);

/** The artifacts of a run, and with is_written only those of a run that may be written to. Takes
 * the manager's lock. */
mlm_status transfer_open_store(mlm_manager *manager, const char *run_id, bool is_written,
	struct artifact_store **store_out, mlm_error *err);

/** Whether a place bears a run's id. Only such a one is ever emptied: a run's column may say
 * anything. */
bool transfer_is_own_place(const char *artifact_uri, const char *run_id);

/** As transfer_open_store(), of a run that must be open. */
mlm_status transfer_open_run(mlm_run *run, struct artifact_store **store_out, mlm_error *err);

#endif
