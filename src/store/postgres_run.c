/* SPDX-License-Identifier: Apache-2.0 */
#include "store/postgres_run.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "store/answer.h"
#include "store/artifact_uri.h"
#include "store/postgres_store.h"
#include "store/run_status.h"

#define RUN_NAME_TAG "mlflow.runName"

mlm_status postgres_find_run(struct postgres_store *store, const char *run_id,
	mlm_lifecycle *lifecycle_out, mlm_error *err)
{
	struct postgres_values values = { 0 };
	PGresult *rows;
	postgres_add_text(&values, run_id);
	/* Nobody changes its lifecycle until this transaction is over. */
	mlm_status status = postgres_query(store, "could not read a run",
		"SELECT lifecycle_stage FROM runs WHERE run_uuid = $1::text FOR SHARE", &values,
		&rows, err);
	if (status != MLM_OK)
		return status;
	if (pq.PQntuples(rows) == 0) {
		status = error_set(
			err, MLM_ENOTFOUND, "run", "there is no run with the id '%s'", run_id);
	} else {
		const char *stage = postgres_text(rows, 0, 0);
		*lifecycle_out = stage && strcmp(stage, "deleted") == 0 ? MLM_DELETED : MLM_ACTIVE;
	}
	pq.PQclear(rows);
	return status;
}

mlm_status postgres_require_active_run(
	struct postgres_store *store, const char *run_id, mlm_error *err)
{
	mlm_lifecycle lifecycle;
	mlm_status status = postgres_find_run(store, run_id, &lifecycle, err);
	if (status == MLM_OK && lifecycle == MLM_DELETED)
		return error_set(
			err, MLM_ESTATE, "run", "the run %s is deleted; restore it first", run_id);
	return status;
}

/* ---- creating ---- */

/* *uri_out is the caller's: <the experiment's location>/<run id>/artifacts. The experiment stays
 * active until the run is in. */
static mlm_status artifact_uri_of(struct postgres_store *store, const struct store_new_run *run,
	char **uri_out, mlm_error *err)
{
	struct postgres_values values = { 0 };
	PGresult *rows;
	*uri_out = NULL;
	postgres_add_text(&values, run->experiment_id);
	mlm_status status = postgres_query(store, "could not read an experiment",
		"SELECT lifecycle_stage, artifact_location FROM experiments "
		"WHERE experiment_id::text = $1::text FOR SHARE",
		&values, &rows, err);
	if (status != MLM_OK)
		return status;
	const char *stage = pq.PQntuples(rows) > 0 ? postgres_text(rows, 0, 0) : NULL;
	if (pq.PQntuples(rows) == 0) {
		status = error_set(err, MLM_ENOTFOUND, "experiment",
			"there is no experiment with the id '%s'", run->experiment_id);
	} else if (stage && strcmp(stage, "deleted") == 0) {
		status = error_set(err, MLM_ESTATE, "experiment",
			"the experiment %s is deleted; restore it first", run->experiment_id);
	} else {
		const mlm_allocator *allocator = store->base.allocator;
		const char *root = postgres_text(rows, 0, 1);
		char *tail = memory_format(allocator, "%s/artifacts", run->run_id);
		*uri_out = tail ? artifact_uri_append(allocator, root ? root : "", tail) : NULL;
		memory_free(allocator, tail);
		if (!*uri_out)
			status = postgres_out_of_memory(err);
	}
	pq.PQclear(rows);
	return status;
}

static mlm_status insert_run(struct postgres_store *store, const struct store_new_run *run,
	const char *artifact_uri, mlm_error *err)
{
	struct postgres_values values = { 0 };
	int64_t rows = 0;
	postgres_add_text(&values, run->run_id);
	postgres_add_text(&values, run->run_name);
	postgres_add_text(&values, run->source_name ? run->source_name : "");
	postgres_add_text(&values, run->user_id ? run->user_id : "");
	postgres_add_integer(&values, run->start_time_ms);
	postgres_add_text(&values, artifact_uri);
	postgres_add_text(&values, run->experiment_id);
	mlm_status status = postgres_change(store, "could not create a run",
		"INSERT INTO runs (run_uuid, name, source_type, source_name, entry_point_name, "
		"user_id, status, start_time, source_version, lifecycle_stage, artifact_uri, "
		"experiment_id) VALUES ($1::text, $2::text, 'UNKNOWN', $3::text, '', $4::text, "
		"'RUNNING', $5::bigint, '', 'active', $6::text, $7::int) "
		"ON CONFLICT (run_uuid) DO NOTHING",
		&values, &rows, err);
	/* The id is the caller's own: one that is there after a lost answer is this run. */
	if (status == MLM_OK && rows == 0 && !store->is_retry)
		return error_set(
			err, MLM_EEXISTS, "run", "a run with the id '%s' exists", run->run_id);
	return status;
}

static mlm_status create(struct postgres_store *store, void *payload, mlm_error *err)
{
	const struct store_new_run *run = payload;
	const mlm_text name = { RUN_NAME_TAG, run->run_name };
	char *artifact_uri = NULL;
	mlm_status status = artifact_uri_of(store, run, &artifact_uri, err);
	if (status == MLM_OK)
		status = insert_run(store, run, artifact_uri, err);
	if (status == MLM_OK)
		status = postgres_put_tags(store, run->run_id, run->tags, run->tag_count, err);
	/* The tag follows the column, whatever the tags said. */
	if (status == MLM_OK)
		status = postgres_put_tags(store, run->run_id, &name, 1, err);
	memory_free(store->base.allocator, artifact_uri);
	return status;
}

mlm_status postgres_create_run(struct store *base, const struct store_new_run *run,
	char id_out[MLM_ID_SIZE], mlm_error *err)
{
	struct store_new_run copy = *run;
	id_out[0] = '\0';
	mlm_status status = postgres_transact(postgres_store_of(base), true, create, &copy, err);
	if (status == MLM_OK)
		snprintf(id_out, MLM_ID_SIZE, "%s", run->run_id);
	return status;
}

/* ---- reading ---- */

struct reading {
	const char *run_id;
	mlm_run_list *list;
};

static mlm_status read_one(struct postgres_store *store, void *payload, mlm_error *err)
{
	struct reading *reading = payload;
	mlm_run_record *record = arena_alloc(reading->list->memory, sizeof(*record));
	if (!record)
		return postgres_out_of_memory(err);
	reading->list->items = record;
	reading->list->count = 1;
	return postgres_load_runs(store, reading->list->memory, &reading->run_id, 1, record, err);
}

mlm_status postgres_get_run(
	struct store *base, const char *run_id, mlm_run_list **list_out, mlm_error *err)
{
	struct reading reading = { .run_id = run_id, .list = answer_run_list(base->allocator) };
	struct arena *memory = reading.list ? reading.list->memory : NULL;
	mlm_status status = postgres_read_answer(base, memory, read_one, &reading, err);
	*list_out = status == MLM_OK ? reading.list : NULL;
	return status;
}

/* ---- changing ---- */

struct change {
	const char *run_id;
	const struct store_run_change *to;
	mlm_lifecycle lifecycle;
};

static mlm_status update(struct postgres_store *store, void *payload, mlm_error *err)
{
	const struct change *change = payload;
	struct postgres_values values = { 0 };
	mlm_status status = postgres_require_active_run(store, change->run_id, err);
	if (status != MLM_OK)
		return status;
	postgres_add_text(&values, change->run_id);
	postgres_add_text(&values, run_status_name(change->to->status));
	if (change->to->end_time_ms != -1)
		postgres_add_integer(&values, change->to->end_time_ms);
	else
		postgres_add_text(&values, NULL);
	status = postgres_query(store, "could not change a run",
		"UPDATE runs SET status = coalesce($2::text, status), "
		"end_time = coalesce($3::bigint, end_time) WHERE run_uuid = $1::text",
		&values, NULL, err);
	if (status == MLM_OK && change->to->run_name) {
		const mlm_text name = { RUN_NAME_TAG, change->to->run_name };
		status = postgres_put_tags(store, change->run_id, &name, 1, err);
	}
	return status;
}

mlm_status postgres_update_run(struct store *base, const char *run_id,
	const struct store_run_change *change, mlm_error *err)
{
	struct change payload = { .run_id = run_id, .to = change };
	return postgres_transact(postgres_store_of(base), true, update, &payload, err);
}

/* MLflow takes the assessments that a deleted run made along, for good. */
static mlm_status delete_assessments(
	struct postgres_store *store, const char *run_id, mlm_error *err)
{
	struct postgres_values values = { 0 };
	if (!store->layout.assessment_metadata)
		return MLM_OK;
	postgres_add_text(&values, run_id);
	return postgres_query(store, "could not delete assessments",
		"DELETE FROM assessments WHERE assessment_metadata LIKE "
		"'%mlflow.assessment.sourceRunId%' AND assessment_metadata::json ->> "
		"'mlflow.assessment.sourceRunId' = $1::text",
		&values, NULL, err);
}

static mlm_status set_lifecycle(struct postgres_store *store, void *payload, mlm_error *err)
{
	const struct change *change = payload;
	struct postgres_values values = { 0 };
	bool is_deletion = change->lifecycle == MLM_DELETED;
	mlm_lifecycle current;
	mlm_status status = postgres_find_run(store, change->run_id, &current, err);
	if (status != MLM_OK || current == change->lifecycle)
		return status;
	if (is_deletion)
		status = delete_assessments(store, change->run_id, err);
	if (status != MLM_OK)
		return status;
	postgres_add_text(&values, change->run_id);
	postgres_add_text(&values, is_deletion ? "deleted" : "active");
	if (store->layout.run_deleted_time && is_deletion)
		postgres_add_integer(&values, clock_now_ms());
	else if (store->layout.run_deleted_time)
		postgres_add_text(&values, NULL);
	return postgres_query(store, "could not change a run",
		store->layout.run_deleted_time
			? "UPDATE runs SET lifecycle_stage = $2::text, deleted_time = $3::bigint "
			  "WHERE run_uuid = $1::text"
			: "UPDATE runs SET lifecycle_stage = $2::text WHERE run_uuid = $1::text",
		&values, NULL, err);
}

mlm_status postgres_set_run_lifecycle(
	struct store *base, const char *run_id, mlm_lifecycle lifecycle, mlm_error *err)
{
	struct change change = { .run_id = run_id, .lifecycle = lifecycle };
	return postgres_transact(postgres_store_of(base), true, set_lifecycle, &change, err);
}

static mlm_status clear(struct postgres_store *store, void *payload, mlm_error *err)
{
	static const char *const deletes[] = {
		"DELETE FROM params WHERE run_uuid = $1::text",
		"DELETE FROM metrics WHERE run_uuid = $1::text",
		"DELETE FROM latest_metrics WHERE run_uuid = $1::text",
		"DELETE FROM tags WHERE run_uuid = $1::text AND substr(key, 1, 7) <> 'mlflow.' "
		"AND key <> '" STORE_ORIGIN_TAG "'",
	};
	const struct change *change = payload;
	struct postgres_values values = { 0 };
	postgres_add_text(&values, change->run_id);
	mlm_status status = postgres_require_active_run(store, change->run_id, err);
	for (size_t i = 0; i < sizeof(deletes) / sizeof(deletes[0]) && status == MLM_OK; i++)
		status = postgres_query(
			store, "could not clear a run", deletes[i], &values, NULL, err);
	return status;
}

mlm_status postgres_clear_run(struct store *base, const char *run_id, mlm_error *err)
{
	struct change change = { .run_id = run_id };
	return postgres_transact(postgres_store_of(base), true, clear, &change, err);
}

/* ---- first ids ---- */

struct origins {
	store_origin_fn visit;
	void *payload;
};

static mlm_status read_origins(struct postgres_store *store, void *payload, mlm_error *err)
{
	const struct origins *origins = payload;
	PGresult *rows;
	mlm_status status = postgres_query(store, "could not read the first ids of runs",
		"SELECT t.value, t.run_uuid FROM tags AS t JOIN runs AS r USING (run_uuid) "
		"WHERE t.key = '" STORE_ORIGIN_TAG "' AND t.value <> '' "
		"ORDER BY r.lifecycle_stage IS NOT DISTINCT FROM 'active'",
		NULL, &rows, err);
	if (status != MLM_OK)
		return status;
	for (int row = 0; row < pq.PQntuples(rows) && status == MLM_OK; row++)
		status = origins->visit(origins->payload, postgres_text(rows, row, 0),
			postgres_text(rows, row, 1), err);
	pq.PQclear(rows);
	return status;
}

mlm_status postgres_each_origin(
	struct store *base, store_origin_fn visit, void *payload, mlm_error *err)
{
	struct origins origins = { visit, payload };
	return postgres_transact(postgres_store_of(base), false, read_origins, &origins, err);
}
