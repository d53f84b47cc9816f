/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_SQLITE_RUN_H
#define STORE_SQLITE_RUN_H

/* The operations of store_ops on runs and their data; store.h says what each does. */

#include "store/store.h"

/* ---- sqlite_run.c ---- */
mlm_status sqlite_create_run(struct store *store, const struct store_new_run *run,
	char id_out[MLM_ID_SIZE], mlm_error *err);
mlm_status sqlite_get_run(
	struct store *store, const char *run_id, mlm_run_list **list_out, mlm_error *err);
mlm_status sqlite_each_origin(
	struct store *store, store_origin_fn visit, void *payload, mlm_error *err);
mlm_status sqlite_update_run(struct store *store, const char *run_id,
	const struct store_run_change *change, mlm_error *err);
mlm_status sqlite_set_run_lifecycle(
	struct store *store, const char *run_id, mlm_lifecycle lifecycle, mlm_error *err);
mlm_status sqlite_clear_run(struct store *store, const char *run_id, mlm_error *err);

/* ---- sqlite_text.c ---- */
mlm_status sqlite_log_texts(struct store *store, const char *run_id, const mlm_text *params,
	size_t param_count, const mlm_text *tags, size_t tag_count, mlm_error *err);
mlm_status sqlite_delete_tag(
	struct store *store, const char *run_id, const char *key, mlm_error *err);

/* ---- sqlite_history.c ---- */
mlm_status sqlite_get_metric_history(struct store *store, const char *run_id, const char *key,
	mlm_metric_history **history_out, mlm_error *err);
mlm_status sqlite_get_max_step(struct store *store, const char *run_id, const char *key,
	bool *found_out, int64_t *step_out, mlm_error *err);

mlm_status sqlite_get_points(struct store *store, const char *run_id, const char *key,
	struct store_cursor *cursor, struct store_point *points, size_t capacity, size_t *count_out,
	mlm_error *err);

mlm_status sqlite_summarize_metric(struct store *store, const char *run_id, const char *key,
	mlm_metric_summary *summary_out, mlm_error *err);

/* ---- sqlite_input.c ---- */
mlm_status sqlite_log_inputs(struct store *store, const char *run_id,
	const mlm_dataset_input *inputs, size_t count, mlm_error *err);

/* ---- sqlite_purge.c ---- */
mlm_status sqlite_purge_run(struct store *store, const char *run_id, mlm_error *err);
mlm_status sqlite_purge_experiment(struct store *store, const char *id, mlm_error *err);
mlm_status sqlite_get_size(struct store *store, struct store_size *size_out, mlm_error *err);
mlm_status sqlite_compact(struct store *store, mlm_error *err);

/* ---- sqlite_apply.c ---- */
mlm_status sqlite_apply(struct store *store, const struct store_batch *batch,
	store_refused_fn refused, void *payload, mlm_error *err);
mlm_status sqlite_get_watermark(
	struct store *store, const char *journal_id, uint64_t *position_out, mlm_error *err);
mlm_status sqlite_forget_journal(struct store *store, const char *journal_id, mlm_error *err);

/* ---- sqlite_check.c ---- */
mlm_status sqlite_check(
	struct store *store, bool repair, mlm_doctor_fn report, void *payload, mlm_error *err);

/* ---- between these files ---- */

struct sqlite_store;

/** ENOTFOUND. */
mlm_status sqlite_find_run(struct sqlite_store *store, const char *run_id,
	mlm_lifecycle *lifecycle_out, mlm_error *err);
/** MLM_OK when the run exists and is active; ENOTFOUND, ESTATE. */
mlm_status sqlite_require_active_run(
	struct sqlite_store *store, const char *run_id, mlm_error *err);
/** Upserts tags in order; mlflow.runName renames the run as well. */
mlm_status sqlite_put_tags(struct sqlite_store *store, const char *run_id, const mlm_text *tags,
	size_t count, mlm_error *err);

#endif
