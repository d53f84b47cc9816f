/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLMANAGER_RUN_H
#define MLMANAGER_RUN_H

#include "mlmanager/experiment.h"
#include "mlmanager/metric.h"

#ifdef __cplusplus
extern "C" {
#endif

/* MLflow's words are "RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED". */
typedef enum mlm_run_status {
	MLM_RUN_UNCHANGED = 0,
	MLM_RUN_RUNNING = 1,
	MLM_RUN_SCHEDULED = 2,
	MLM_RUN_FINISHED = 3,
	MLM_RUN_FAILED = 4,
	MLM_RUN_KILLED = 5,
} mlm_run_status;

/** MLflow's word for a status; NULL for MLM_RUN_UNCHANGED and unknown numbers. */
MLM_EXPORT const char *mlm_run_status_name(mlm_run_status status);

/** The status of MLflow's word; MLM_RUN_UNCHANGED for any other text. */
MLM_EXPORT mlm_run_status mlm_run_status_parse(const char *name);

/* A run that this manager started or took up. Belongs to the manager: it can be passed until
 * mlm_manager_free(), and calls on it after its end return MLM_ESTATE. */
typedef struct mlm_run mlm_run;

/* One dataset that a run used, with the tags of that use ("mlflow.data.context"). */
typedef struct mlm_dataset_input {
	const char *name;
	const char *digest;
	const char *source_type;
	const char *source;
	const char *schema; /* JSON or NULL */
	const char *profile; /* JSON or NULL */
	const mlm_text *tags;
	size_t tag_count;
} mlm_dataset_input;

/* A run as the store holds it. */
typedef struct mlm_run_record {
	const char *run_id;
	const char *run_name;
	const char *experiment_id;
	const char *user_id;
	const char *artifact_uri;
	mlm_run_status status;
	mlm_lifecycle lifecycle;
	int64_t start_time_ms;
	int64_t end_time_ms; /* -1 while it runs */
	int64_t deleted_time_ms; /* -1 when it is not deleted, or the store does not know */
	const mlm_metric *metrics; /* the latest value of each key, sorted by key */
	size_t metric_count;
	const mlm_text *params; /* sorted by key */
	size_t param_count;
	const mlm_text *tags; /* sorted by key */
	size_t tag_count;
	const mlm_dataset_input *dataset_inputs;
	size_t dataset_input_count;
} mlm_run_record;

/* All memory of the items belongs to the list. */
typedef struct mlm_run_list {
	const mlm_run_record *items;
	size_t count;
	const char *next_page_token; /* NULL on the last page */
	void *memory;
} mlm_run_list;

#define MLM_RUN_OPTIONS_VERSION 1u
typedef struct mlm_run_options {
	uint32_t version;
	const char *run_name; /* NULL: tag mlflow.runName, else a generated one */
	const char *experiment_id; /* NULL: the active experiment */
	const char *user_id; /* NULL: tag mlflow.user, else the login name */
	/* What tag mlflow.source.name shall say; NULL: the program. A host says the script. */
	const char *source_name;
	const mlm_text *tags;
	size_t tag_count;
	bool nested; /* make the active run the parent; without one, just a run */
} mlm_run_options;
#define MLM_RUN_OPTIONS_INIT MLM_OPTIONS_INIT(mlm_run_options, MLM_RUN_OPTIONS_VERSION)

/**
 * Creates a run in the store and makes it the active one, with MLflow's standard tags.
 *
 * Errors:  ESTATE (no experiment is active; a run is active and nested is false; the experiment is
 *          deleted), ENOTFOUND (experiment_id), EINVAL (a tag, run_name against mlflow.runName),
 *          EIO, EFULL.
 */
MLM_EXPORT mlm_status mlm_run_start(
	mlm_manager *manager, const mlm_run_options *options, mlm_run **run_out, mlm_error *err);

/**
 * Takes up an existing run: it alone becomes the stack of active runs. Its status and end time
 * stay as they are. The steps of its metrics go on from those that a tracking server tells now, so
 * that log_metric never asks it; other stores are asked at the first point of each key.
 *
 * Errors:  ENOTFOUND, ESTATE (the run is deleted), EAGAIN (only a server that is away has it).
 */
MLM_EXPORT mlm_status mlm_run_set_active(
	mlm_manager *manager, const char *run_id, mlm_run **run_out, mlm_error *err);

/** The active run, or NULL. */
MLM_EXPORT mlm_run *mlm_run_active(mlm_manager *manager);

/** True until the run has ended or been deleted, or its manager is closed. */
MLM_EXPORT bool mlm_run_is_open(const mlm_run *run);

/** Copies the id of the experiment it belongs to; "" while only the server knows it and is away. */
MLM_EXPORT void mlm_run_experiment_id(const mlm_run *run, char id_out[MLM_ID_SIZE]);

/** Copies its name as of when it was started or taken up, cut to size bytes with the NUL. */
MLM_EXPORT void mlm_run_name(const mlm_run *run, char *name_out, size_t size);

/** Its id, 32 hex digits; "" for NULL. Lives as long as the manager. */
MLM_EXPORT const char *mlm_run_id(const mlm_run *run);

/**
 * Stops and logs its running timers, flushes, and ends the run; its parent becomes active again.
 * MLM_RUN_UNCHANGED means FINISHED for a run that this manager started, and leaves status and end
 * time of one that was taken up. A tracking server that is away is no error: the run has ended, and
 * a line of the log says what waits (delivery.h).
 *
 * Errors:  ESTATE (has ended; a nested run is open). EIO, EFULL, EAGAIN, ETIMEOUT: the run stays
 *          open, call again. Any other is the first error the run remembered: it has ended.
 */
MLM_EXPORT mlm_status mlm_run_end(mlm_run *run, mlm_run_status status, mlm_error *err);

/** Deletes the run, restorably; its parent becomes active again. Errors: ESTATE, EIO. */
MLM_EXPORT mlm_status mlm_run_delete(mlm_run *run, mlm_error *err);

/**
 * Deletes the run's params, metrics, artifacts and the tags that do not begin with "mlflow.", and
 * forgets its timers. A tracking server cannot delete them: there the run is deleted, restorably,
 * the handle has ended, and mlm_run_active() is another run of the same name and parent.
 *
 * Errors:  ESTATE, EIO, EUNSUPPORTED (its artifacts cannot be deleted from here: nothing is).
 */
MLM_EXPORT mlm_status mlm_run_reset(mlm_run *run, mlm_error *err);

/** Appends one metric. key_size 0: up to key's NUL; step and timestamp_ms as in mlm_metric.
 *
 * Errors:  EINVAL (key, timestamp_ms), ESTATE (run ended, manager closed, forked child),
 *          EFULL (journal or disk), EIO.
 * Cost:    no system call, no allocation after a key's first use; about 60 ns.
 */
MLM_EXPORT mlm_status mlm_run_log_metric(mlm_run *run, const char *key, size_t key_size,
	double value, int64_t step, int64_t timestamp_ms, mlm_error *err);

/** Appends metrics[0..count) in order, after checking all of them.
 * Errors: as mlm_run_log_metric(). */
MLM_EXPORT mlm_status mlm_run_log_metrics(
	mlm_run *run, const mlm_metric *metrics, size_t count, mlm_error *err);

/**
 * Copies what this process logged last under each key of the run, the key it logged first coming
 * first, at most 64, and returns how many keys there are, which may be more. For displays:
 * nothing is read from the store, and step and timestamp_ms are not told (MLM_STEP_NEXT,
 * MLM_TIME_NOW). A run that has ended has none.
 *
 * Owns:    the keys are borrowed from the run until it ends.
 */
MLM_EXPORT size_t mlm_run_latest_metrics(mlm_run *run, mlm_metric *metrics_out, size_t capacity);

/**
 * Sets params, all or none. A param that has the same value already is fine.
 *
 * Limits:  key MLM_KEY_MAX, value MLM_PARAM_VALUE_MAX characters; any count.
 * Errors:  EINVAL (key, value), EEXISTS (the param has another value, or gets two in this call, or
 *          a timer of that name runs), ESTATE, EIO, EFULL.
 */
MLM_EXPORT mlm_status mlm_run_log_params(
	mlm_run *run, const mlm_text *params, size_t count, mlm_error *err);

/** Sets tags, all or none; the last of equal keys wins. Limits: MLM_KEY_MAX, MLM_TAG_VALUE_MAX. */
MLM_EXPORT mlm_status mlm_run_set_tags(
	mlm_run *run, const mlm_text *tags, size_t count, mlm_error *err);

/** Metrics, params and tags in one call: everything is checked before anything is written, and
 * params and tags go in together. */
MLM_EXPORT mlm_status mlm_run_log_batch(mlm_run *run, const mlm_metric *metrics,
	size_t metric_count, const mlm_text *params, size_t param_count, const mlm_text *tags,
	size_t tag_count, mlm_error *err);

/** Errors: ENOTFOUND (the run has no such tag), ESTATE. */
MLM_EXPORT mlm_status mlm_run_delete_tag(mlm_run *run, const char *key, mlm_error *err);

/** One run with its data, deleted ones included. Flushes first. Errors: ENOTFOUND.
 * Owns: free *list_out with mlm_run_list_free(). */
MLM_EXPORT mlm_status mlm_run_get(
	mlm_manager *manager, const char *run_id, mlm_run_list **list_out, mlm_error *err);

/** Flushes, then searches. Errors: ESTATE (no experiment named or active), EINVAL (filter,
 * order_by, max_results, page_token). */
MLM_EXPORT mlm_status mlm_run_search(
	mlm_manager *manager, const mlm_query *query, mlm_run_list **list_out, mlm_error *err);

/** NULL is a no-op. */
MLM_EXPORT void mlm_run_list_free(mlm_run_list *list);

/** Deletes any run by its id, restorably. Errors: ENOTFOUND. Deleting again is fine. */
MLM_EXPORT mlm_status mlm_run_delete_id(mlm_manager *manager, const char *run_id, mlm_error *err);

/** Errors: ENOTFOUND. Restoring an active run is fine. */
MLM_EXPORT mlm_status mlm_run_restore_id(mlm_manager *manager, const char *run_id, mlm_error *err);

/** Renames any run: its name and its tag mlflow.runName. Errors: ENOTFOUND, ESTATE (deleted). */
MLM_EXPORT mlm_status mlm_run_rename(
	mlm_manager *manager, const char *run_id, const char *name, mlm_error *err);

#ifdef __cplusplus
}
#endif
#endif
