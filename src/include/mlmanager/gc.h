/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLMANAGER_GC_H
#define MLMANAGER_GC_H

#include "mlmanager/options.h"
#include "mlmanager/run.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum mlm_gc_kind {
	MLM_GC_RUN = 1, /* it is gone, or would be; bytes are its artifacts' */
	MLM_GC_EXPERIMENT = 2, /* it is gone, or would be */
	MLM_GC_KEPT = 3, /* it stays; why says so */
} mlm_gc_kind;

/* One run or experiment. Strings are borrowed for the call. */
typedef struct mlm_gc_event {
	mlm_gc_kind kind;
	const char *id;
	const char *name;
	const char *why; /* NULL unless kept */
	uint64_t bytes;
	size_t done; /* of total runs */
	size_t total;
} mlm_gc_event;

/** Must not use the manager. False ends the collection with MLM_ESTATE. */
typedef bool (*mlm_gc_fn)(void *payload, const mlm_gc_event *event);

typedef struct mlm_gc_result {
	size_t runs;
	size_t experiments;
	size_t kept;
	uint64_t artifact_bytes;
	/* That are free in the store now, or went to the file system; 0 where a server keeps house
	 * by itself. */
	uint64_t store_bytes;
} mlm_gc_result;

#define MLM_GC_OPTIONS_VERSION 1u
typedef struct mlm_gc_options {
	uint32_t version;
	/* Only these runs; each must be deleted. None: every deleted run. */
	const char *const *run_ids;
	size_t run_count;
	/* Only what is in these experiments, and those of them that are deleted. None: all. */
	const char *const *experiment_ids;
	size_t experiment_count;
	int64_t older_than_ms; /* deleted at least so long ago */
	bool dry_run; /* tells what would go, and changes nothing */
	/* Removes runs whose artifacts cannot be removed as well, and leaves these behind. */
	bool abandon_artifacts;
	bool compact; /* gives the bytes back to the file system: rewrites the database */
	mlm_gc_fn report; /* NULL: nobody is told */
	void *payload;
} mlm_gc_options;
#define MLM_GC_OPTIONS_INIT MLM_OPTIONS_INIT(mlm_gc_options, MLM_GC_OPTIONS_VERSION)

/**
 * Removes deleted runs and experiments for good: their metrics, params, tags, inputs and artifacts
 * and whatever else the store has that refers to them. A run goes after its artifacts; one whose
 * artifacts cannot be removed is kept, so that a later call finishes it. A deleted experiment goes
 * when no run is left in it.
 *
 * Units:   older_than_ms is counted from the deletion. A store made by an MLflow before 2.0 does
 *          not know it; its runs are never older than anything.
 * Errors:  ENOTFOUND (a run or an experiment), ESTATE (a run of run_ids is not deleted, or not long
 *          enough; then nothing is removed), EUNSUPPORTED (the store cannot, or cannot compact),
 *          EIO, EFULL, EAGAIN.
 */
MLM_EXPORT mlm_status mlm_manager_gc(mlm_manager *manager, const mlm_gc_options *options,
	mlm_gc_result *result_out, mlm_error *err);

#ifdef __cplusplus
}
#endif
#endif
