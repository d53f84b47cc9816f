/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_REST_STORE_H
#define STORE_REST_STORE_H

/*
 * An MLflow tracking server as a store. What its API cannot do: choose a run's id, delete params
 * and metrics, keep a watermark, tell when something was deleted, take more than its limits in one
 * request (so that what is longer is not "all or none").
 *
 * Every request may be sent twice, since an answer may be lost: log-batch writes the same rows
 * again, and the calls that are not so look what came of the first one.
 */

#include "base/arena.h"
#include "store/store.h"
#include "transport/mlflow_peer.h"

/* MLflow's limits of one log-batch request. */
#define REST_METRICS_MAX 1000u
#define REST_TEXTS_MAX   100u

#define REST_ANSWER_BYTES_MAX (1u << 30) /* 50000 runs with all their data */

struct rest_store {
	struct store base;
	struct mlflow_peer *peer;
	bool for_flusher;
	int64_t not_before_ns; /* the server asked to be left alone until then */
};

static inline struct rest_store *rest_store_of(struct store *store)
{
	return (struct rest_store *)store;
}

/* ---- asking: name is what follows /api/2.0/mlflow/ ---- */

/** POSTs body, which it takes over; NULL counts as memory that ran out. answer_out may be NULL. */
mlm_status rest_post(struct rest_store *store, const char *name, json_t *body, json_t **answer_out,
	mlm_error *err);
/** GETs with a query of keys and values, ended by NULL. */
mlm_status rest_get(struct rest_store *store, const char *name, const char *const *query,
	json_t **answer_out, mlm_error *err);

mlm_status rest_no_memory(mlm_error *err);

/* ---- reading answers ---- */

/* Copies into an answer's arena; what ran out is asked for once, at the end. */
struct rest_reader {
	struct arena *arena;
	bool out_of_memory;
};

/** A string of an object, copied; NULL when there is none. */
const char *rest_read_text(struct rest_reader *reader, const json_t *object, const char *key);
/** As before, with "" for none. */
const char *rest_read_word(struct rest_reader *reader, const json_t *object, const char *key);
/** An int64, which protobuf writes as a number or as a string. */
int64_t rest_read_integer(const json_t *object, const char *key, int64_t otherwise);
/** A double, which may be the string "NaN", "Infinity" or "-Infinity". */
double rest_read_real(const json_t *object, const char *key);
/** An array of {key, value}, sorted by key. */
const mlm_text *rest_read_texts(struct rest_reader *reader, const json_t *array, size_t *count_out);
mlm_lifecycle rest_read_lifecycle(const json_t *object);

/* ---- writing requests ---- */

/** MLflow's word for which rows a search sees. */
const char *rest_view_name(mlm_view view);

/* ---- parts of requests; NULL when memory ran out ---- */

json_t *rest_texts(const mlm_text *texts, size_t count);
json_t *rest_strings(const char *const *strings, size_t count);
/** The value of a metric. */
json_t *rest_real(double value);

/* ---- what several files need ---- */

/** The run as the server tells it, by its own id. Errors: ENOTFOUND. Owns: json_decref(). */
mlm_status rest_fetch_run(
	struct rest_store *store, const char *run_id, json_t **answer_out, mlm_error *err);
/** After a change of a run was refused with EINVAL: ESTATE when it is deleted, else status. */
mlm_status rest_explain_run(
	struct rest_store *store, const char *run_id, mlm_status status, mlm_error *err);
/** Fills records[0..count) from the server's runs. */
void rest_read_runs(struct rest_reader *reader, const json_t *runs, mlm_run_record *records);
/** The run that bears the core's id as its tag, among those of an experiment or, where that is
 * NULL, of all. id_out "" when there is none. */
mlm_status rest_find_by_tag(struct rest_store *store, const char *experiment_id,
	const char *core_id, char id_out[MLM_ID_SIZE], mlm_error *err);

/* ---- the operations ---- */

mlm_status rest_create_experiment(struct store *base, const char *name,
	const mlm_experiment_options *options, char id_out[MLM_ID_SIZE], mlm_error *err);
mlm_status rest_get_experiment(struct store *base, const char *id, const char *name,
	mlm_experiment_list **list_out, mlm_error *err);
mlm_status rest_search_experiments(
	struct store *base, const mlm_query *query, mlm_experiment_list **list_out, mlm_error *err);
mlm_status rest_rename_experiment(
	struct store *base, const char *id, const char *name, mlm_error *err);
mlm_status rest_set_experiment_lifecycle(
	struct store *base, const char *id, mlm_lifecycle lifecycle, mlm_error *err);
mlm_status rest_set_experiment_tag(
	struct store *base, const char *id, const char *key, const char *value, mlm_error *err);
mlm_status rest_delete_experiment_runs(struct store *base, const char *id, mlm_error *err);

mlm_status rest_create_run(struct store *base, const struct store_new_run *run,
	char id_out[MLM_ID_SIZE], mlm_error *err);
mlm_status rest_get_run(
	struct store *base, const char *run_id, mlm_run_list **list_out, mlm_error *err);
mlm_status rest_search_runs(
	struct store *base, const mlm_query *query, mlm_run_list **list_out, mlm_error *err);
mlm_status rest_update_run(struct store *base, const char *run_id,
	const struct store_run_change *change, mlm_error *err);
mlm_status rest_set_run_lifecycle(
	struct store *base, const char *run_id, mlm_lifecycle lifecycle, mlm_error *err);

mlm_status rest_log_texts(struct store *base, const char *run_id, const mlm_text *params,
	size_t param_count, const mlm_text *tags, size_t tag_count, mlm_error *err);
mlm_status rest_delete_tag(struct store *base, const char *run_id, const char *key, mlm_error *err);
mlm_status rest_log_inputs(struct store *base, const char *run_id, const mlm_dataset_input *inputs,
	size_t count, mlm_error *err);

mlm_status rest_get_metric_history(struct store *base, const char *run_id, const char *key,
	mlm_metric_history **history_out, mlm_error *err);
mlm_status rest_get_points(struct store *base, const char *run_id, const char *key,
	struct store_cursor *cursor, struct store_point *points, size_t capacity, size_t *count_out,
	mlm_error *err);
mlm_status rest_summarize_metric(struct store *base, const char *run_id, const char *key,
	mlm_metric_summary *summary_out, mlm_error *err);
mlm_status rest_get_max_step(struct store *base, const char *run_id, const char *key,
	bool *found_out, int64_t *step_out, mlm_error *err);

mlm_status rest_apply(struct store *base, const struct store_batch *batch, store_refused_fn refused,
	void *payload, mlm_error *err);

#endif
