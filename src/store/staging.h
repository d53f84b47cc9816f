/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_STAGING_H
#define STORE_STAGING_H

/*
 * Artifacts that wait for a server that is away: files beside the queue (spool_queue.h), each with
 * a row in it. This knows which there are and in which order they came. artifact/staged.h writes
 * the files and reads them meanwhile, artifact/staged_delivery.h sends them once the server has the
 * run, and core/artifact_sender.h and core/delivery.c decide when. They go beside the queue's
 * entries and not among them: what is small of a run is not held up by what is large.
 *
 * A file is whole before it has its row, and loses its row before it is removed: a kill leaves
 * files without a row at most, which staging_clean() removes.
 *
 * Threads: one at a time. It is not used inside a fork.
 */

#include "base/arena.h"
#include "store/store.h"

struct staging;

#define STAGING_DIRECTORY_NAME "staged" /* in the spool's directory */
#define STAGING_FILE_NAME_MAX  160 /* bytes that staging_name() writes, with the NUL */

/* The run of an artifact. */
struct staged_run {
	char id[MLM_ID_SIZE]; /* that of what is staged, and of what else waits of it */
	char server_id[MLM_ID_SIZE]; /* "": the server has not made it yet */
	bool waits; /* something that is no artifact does */
};

struct staged {
	int64_t number; /* rises in the order in which they were staged; 0: there is none */
	const char *run_id;
	const char *path; /* of the artifact */
	const char *file; /* where its bytes lie */
	int64_t size_bytes;
	const char *refusal; /* why it will never be taken; NULL: it waits */
};

/** Opens no file: options are those of the spool. Errors: EINVAL, ENOMEM.
 * Owns: *staging_out goes to staging_close(). */
mlm_status staging_open(
	const struct store_options *options, struct staging **staging_out, mlm_error *err);
/** NULL is a no-op. */
void staging_close(struct staging *staging);
/** The directory of the files, which need not be there. Lives as long as the staging. */
const char *staging_directory(const struct staging *staging);

/* Errors of all that follows: EIO, EFULL, EAGAIN (held by another process for long), ECORRUPT,
 * ENOMEM. */

/** By either id; one that is not known is taken to be the server's. */
mlm_status staging_find_run(
	struct staging *staging, const char *run_id, struct staged_run *run_out, mlm_error *err);

/** Makes the directory if need be and opens it. Nothing in it is cleaned before it is closed. */
mlm_status staging_open_directory(struct staging *staging, int *directory_out, mlm_error *err);
/** A name for a file in it that nothing else has, with the artifact's own name at its end. */
void staging_name(const char *path, char name_out[STAGING_FILE_NAME_MAX]);
/** Gives a file in the directory, which is whole, its row: from now on it is an artifact of the
 * run, in the place of one of that path that waited. Errors: EEXISTS (a directory of what waits has
 * that path, or a file that of one of its directories). */
mlm_status staging_add(struct staging *staging, const char *run_id, const char *path,
	const char *file_name, int64_t size_bytes, mlm_error *err);

/** What waits of a run under that path. */
mlm_status staging_find(struct staging *staging, const char *run_id, const char *path,
	struct arena *arena, struct staged *staged_out, mlm_error *err);
/** What waits of a run (NULL: of all, run by run, beginning with what waits longest), in order. */
mlm_status staging_list(struct staging *staging, const char *run_id, struct arena *arena,
	const struct staged **items_out, size_t *count_out, mlm_error *err);
/** What was refused, of all runs; of some the file may be gone. */
mlm_status staging_list_refused(struct staging *staging, struct arena *arena,
	const struct staged **items_out, size_t *count_out, mlm_error *err);
/** How much waits of a run, NULL: of all. */
mlm_status staging_count(struct staging *staging, const char *run_id, size_t *count_out,
	uint64_t *bytes_out, mlm_error *err);

/** These wait no more, all or none: rows first, then files. */
mlm_status staging_remove(
	struct staging *staging, const struct staged *const *items, size_t count, mlm_error *err);
/** It will never be taken: the row says why, and the file stays until somebody removes it. */
mlm_status staging_refuse(
	struct staging *staging, const struct staged *staged, const char *why, mlm_error *err);

/** Whoever sends, or deletes what may be on its way, has this lock; staging_unlock() gives it back.
 * *is_taken_out with EAGAIN: another one has it. */
mlm_status staging_lock(struct staging *staging, int *lock_out, bool *is_taken_out, mlm_error *err);
void staging_unlock(int lock);
/** Removes files without a row, which processes have left that were killed, and rows of what was
 * refused whose file somebody has removed. Does nothing while any process is staging. */
mlm_status staging_clean(struct staging *staging, mlm_error *err);

#endif
