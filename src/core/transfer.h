/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_TRANSFER_H
#define CORE_TRANSFER_H

/* Where runs come from, where they go, and what both share. A source visits its experiments and
 * their runs one by one; a sink takes each and asks the source for the points. */

#include "artifact/artifact.h"
#include "mlmanager/transfer.h"
#include "store/store.h"

#define TRANSFER_POINTS_MAX 65536u /* in memory, and in one transaction */

struct transfer_source;
struct transfer_lock;

/* Records are borrowed for the call. Another status than MLM_OK ends the visit with it. */
typedef mlm_status (*transfer_experiment_fn)(
	void *payload, const mlm_experiment *experiment, mlm_error *err);
typedef mlm_status (*transfer_run_fn)(void *payload, const mlm_run_record *run, mlm_error *err);

struct transfer_source_ops {
	mlm_status (*each_experiment)(struct transfer_source *source, transfer_experiment_fn visit,
		void *payload, mlm_error *err);
	/* Of the experiment that is being visited. Of the metrics only the keys count. */
	mlm_status (*each_run)(struct transfer_source *source, const mlm_experiment *experiment,
		transfer_run_fn visit, void *payload, mlm_error *err);
	/* As store_ops.get_points, of the run that is being visited. */
	mlm_status (*get_points)(struct transfer_source *source, const mlm_run_record *run,
		const char *key, struct store_cursor *cursor, struct store_point *points,
		size_t capacity, size_t *count_out, mlm_error *err);
	/* The first id of any of its runs; "" where that has its first, or is not there. NULL where
	 * a source cannot look ahead. */
	mlm_status (*get_origin)(struct transfer_source *source, const char *run_id,
		char origin_out[MLM_ID_SIZE], mlm_error *err);
};

/* First member of every source's struct. */
struct transfer_source {
	const struct transfer_source_ops *ops;
	struct run_transfer *transfer;
	/* How the artifacts of its runs are opened; the URI comes with the run. */
	struct artifact_options artifacts;
};

/* One transfer under way. */
struct run_transfer {
	const mlm_allocator *allocator;
	mlm_transfer_options options;
	mlm_transfer_result result;
	struct store_point *points; /* TRANSFER_POINTS_MAX */
	bool is_stopped; /* by who asked for it */
};

/** options may be NULL. Errors: EINVAL, ENOMEM. run_transfer_end() in either case. */
mlm_status run_transfer_begin(struct run_transfer *transfer, const mlm_allocator *allocator,
	const mlm_transfer_options *options, mlm_error *err);
void run_transfer_end(struct run_transfer *transfer);

/** Tells of something that is left out. Errors: ESTATE (the caller wants no more). */
__attribute__((format(printf, 3, 4))) mlm_status run_transfer_problem(
	struct run_transfer *transfer, mlm_error *err, const char *format, ...);

/** Errors: ESTATE (the caller wants no more). */
mlm_status run_transfer_report(
	struct run_transfer *transfer, mlm_transfer_kind kind, const char *text, mlm_error *err);

/* A file under way. Borrows its strings. */
struct transfer_file {
	struct run_transfer *transfer;
	const char *text; /* of the reports */
	const char *what; /* "artifact" */
	const char *path;
	uint64_t done_bytes;
	int64_t total_bytes;
};

/** Tells of more bytes of the file. Errors: ESTATE (the caller wants no more). */
mlm_status transfer_file_moved(struct transfer_file *file, size_t size, mlm_error *err);

/** True of an error that is about one thing, so that the rest can go on. */
bool run_transfer_is_local(const struct run_transfer *transfer, mlm_status status);

/** The first id of a run that has had several; NULL where it has its first. */
const char *transfer_origin_of(const mlm_run_record *run);

struct transfer_chosen_run {
	const char *id;
	const char *experiment_id;
};

/* Runs of a store, those that options name; transfer_store_source_close() when done. */
struct transfer_store_source {
	struct transfer_source base;
	struct store *store;
	struct arena *arena;
	struct transfer_chosen_run *runs; /* those named and the ones nested in them */
	size_t run_count;
	size_t run_capacity;
	bool is_everything;
};

/** The store is borrowed. Errors: ENOTFOUND (a run or experiment that the options name). */
mlm_status transfer_store_source_open(struct transfer_store_source *source,
	struct run_transfer *transfer, struct store *store,
	const struct artifact_options *artifacts, mlm_error *err);
void transfer_store_source_close(struct transfer_store_source *source);

/* A store that takes runs. */
struct transfer_store_sink {
	struct run_transfer *transfer;
	struct store *store; /* NULL in a dry run: one that holds nothing */
	struct artifact_options artifacts;
	bool source_is_newer; /* what differs becomes the source's */
	struct transfer_lock *lock; /* held, but in a dry run */
};

/** Puts all that the source has into the store. */
mlm_status transfer_into_store(
	struct transfer_source *source, const struct transfer_store_sink *sink, mlm_error *err);

#endif
