/* SPDX-License-Identifier: Apache-2.0 */
#include "store/sqlite_run.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "store/answer.h"
#include "store/artifact_uri.h"
#include "store/run_status.h"
#include "store/sqlite_store.h"

#define RUN_NAME_TAG "mlflow.runName"

mlm_status sqlite_find_run(struct sqlite_store *store, const char *run_id,
	mlm_lifecycle *lifecycle_out, mlm_error *err)
{
	sqlite3_stmt *rows;
	mlm_status status = sqlite_statement(store,
		"SELECT lifecycle_stage = 'deleted' FROM runs WHERE run_uuid = ?1", &rows, err);
	if (status != MLM_OK)
		return status;
	sqlite_bind(rows, 1, run_id);
	int result = sqlite3_step(rows);
	if (result == SQLITE_ROW)
		*lifecycle_out = sqlite3_column_int(rows, 0) ? MLM_DELETED : MLM_ACTIVE;
	else if (result == SQLITE_DONE)
		status = error_set(
			err, MLM_ENOTFOUND, "run", "there is no run with the id '%s'", run_id);
	else
		status = sqlite_failed(store, err, "could not read a run");
	sqlite3_reset(rows);
	return status;
}

mlm_status sqlite_require_active_run(struct sqlite_store *store, const char *run_id, mlm_error *err)
{
	mlm_lifecycle lifecycle;
	mlm_status status = sqlite_find_run(store, run_id, &lifecycle, err);
	if (status == MLM_OK && lifecycle == MLM_DELETED)
		return error_set(
			err, MLM_ESTATE, "run", "the run %s is deleted; restore it first", run_id);
	return status;
}

/* ---- creating ---- */

/* *uri_out is the caller's: <the experiment's location>/<run id>/artifacts. */
static mlm_status artifact_uri_of(
	struct sqlite_store *store, const struct store_new_run *run, char **uri_out, mlm_error *err)
{
	*uri_out = NULL;
	sqlite3_stmt *rows;
	mlm_status status = sqlite_statement(store,
		"SELECT lifecycle_stage = 'deleted', artifact_location FROM experiments "
		"WHERE experiment_id = ?1 AND CAST(experiment_id AS TEXT) = ?1",
		&rows, err);
	if (status != MLM_OK)
		return status;
	sqlite_bind(rows, 1, run->experiment_id);
	int result = sqlite3_step(rows);
	if (result == SQLITE_ROW && sqlite3_column_int(rows, 0)) {
		status = error_set(err, MLM_ESTATE, "experiment",
			"the experiment %s is deleted; restore it first", run->experiment_id);
	} else if (result == SQLITE_ROW) {
		const char *root = (const char *)sqlite3_column_text(rows, 1);
		const mlm_allocator *allocator = store->base.allocator;
		char *tail = memory_format(allocator, "%s/artifacts", run->run_id);
		*uri_out = tail ? artifact_uri_append(allocator, root ? root : "", tail) : NULL;
		memory_free(allocator, tail);
		if (!*uri_out)
			status = sqlite_out_of_memory(err);
	} else if (result == SQLITE_DONE) {
		status = error_set(err, MLM_ENOTFOUND, "experiment",
			"there is no experiment with the id '%s'", run->experiment_id);
	} else {
		status = sqlite_failed(store, err, "could not read an experiment");
	}
	sqlite3_reset(rows);
	return status;
}

static mlm_status insert_run(struct sqlite_store *store, const struct store_new_run *run,
	const char *artifact_uri, mlm_error *err)
{
	sqlite3_stmt *insert;
	mlm_status status = sqlite_statement(store,
		"INSERT INTO runs (run_uuid, name, source_type, source_name, entry_point_name, "
		"user_id, status, start_time, source_version, lifecycle_stage, artifact_uri, "
		"experiment_id) VALUES (?1, ?2, 'UNKNOWN', ?3, '', ?4, 'RUNNING', ?5, '', "
		"'active', ?6, ?7)",
		&insert, err);
	if (status != MLM_OK)
		return status;
	sqlite_bind(insert, 1, run->run_id);
	sqlite_bind(insert, 2, run->run_name);
	sqlite_bind(insert, 3, run->source_name ? run->source_name : "");
	sqlite_bind(insert, 4, run->user_id ? run->user_id : "");
	sqlite3_bind_int64(insert, 5, run->start_time_ms);
	sqlite_bind(insert, 6, artifact_uri);
	sqlite_bind(insert, 7, run->experiment_id);
	int result = sqlite3_step(insert);
	int extended = sqlite3_extended_errcode(store->db);
	if (extended == SQLITE_CONSTRAINT_PRIMARYKEY && result != SQLITE_DONE)
		status = error_set(
			err, MLM_EEXISTS, "run", "a run with the id '%s' exists", run->run_id);
	else if (result != SQLITE_DONE)
		status = sqlite_failed(store, err, "could not create a run");
	sqlite3_reset(insert);
	return status;
}

mlm_status sqlite_create_run(struct store *base, const struct store_new_run *run,
	char id_out[MLM_ID_SIZE], mlm_error *err)
{
	struct sqlite_store *store = sqlite_store_of(base);
	char *artifact_uri = NULL;
	const mlm_text name = { RUN_NAME_TAG, run->run_name };
	id_out[0] = '\0';
	mlm_status status = sqlite_begin_write(store, err);
	if (status != MLM_OK)
		return status;
	status = artifact_uri_of(store, run, &artifact_uri, err);
	if (status == MLM_OK)
		status = insert_run(store, run, artifact_uri, err);
	if (status == MLM_OK)
		status = sqlite_put_tags(store, run->run_id, run->tags, run->tag_count, err);
	/* The tag follows the column, whatever the tags said. */
	if (status == MLM_OK)
		status = sqlite_put_tags(store, run->run_id, &name, 1, err);
	status = sqlite_end(store, status, err);
	memory_free(base->allocator, artifact_uri);
	if (status == MLM_OK)
		snprintf(id_out, MLM_ID_SIZE, "%s", run->run_id);
	return status;
}

/* ---- reading ---- */

mlm_status sqlite_get_run(
	struct store *base, const char *run_id, mlm_run_list **list_out, mlm_error *err)
{
	struct sqlite_store *store = sqlite_store_of(base);
	*list_out = NULL;
	mlm_run_list *list = answer_run_list(store->base.allocator);
	if (!list)
		return sqlite_out_of_memory(err);
	struct arena *arena = list->memory;
	mlm_run_record *record = arena_alloc(arena, sizeof(*record));
	mlm_status status = record ? sqlite_begin_read(store, err) : sqlite_out_of_memory(err);
	if (status == MLM_OK) {
		status = sqlite_load_runs(store, arena, &run_id, 1, record, err);
		status = sqlite_end(store, status, err);
	}
	if (status != MLM_OK) {
		arena_free(arena);
		return status;
	}
	list->items = record;
	list->count = 1;
	*list_out = list;
	return MLM_OK;
}

/* ---- changing ---- */

static mlm_status change_columns(struct sqlite_store *store, const char *run_id,
	const struct store_run_change *change, mlm_error *err)
{
	sqlite3_stmt *update;
	mlm_status status = sqlite_statement(store,
		"UPDATE runs SET status = coalesce(?2, status), end_time = coalesce(?3, end_time) "
		"WHERE run_uuid = ?1",
		&update, err);
	if (status != MLM_OK)
		return status;
	sqlite_bind(update, 1, run_id);
	sqlite_bind(update, 2, run_status_name(change->status));
	if (change->end_time_ms != -1)
		sqlite3_bind_int64(update, 3, change->end_time_ms);
	return sqlite_step_done(store, update, "could not change a run", err);
}

mlm_status sqlite_update_run(struct store *base, const char *run_id,
	const struct store_run_change *change, mlm_error *err)
{
	struct sqlite_store *store = sqlite_store_of(base);
	mlm_status status = sqlite_begin_write(store, err);
	if (status != MLM_OK)
		return status;
	status = sqlite_require_active_run(store, run_id, err);
	if (status == MLM_OK)
		status = change_columns(store, run_id, change, err);
	if (status == MLM_OK && change->run_name) {
		const mlm_text name = { RUN_NAME_TAG, change->run_name };
		status = sqlite_put_tags(store, run_id, &name, 1, err);
	}
	return sqlite_end(store, status, err);
}

/* MLflow takes the assessments that a deleted run made along, for good. */
static mlm_status delete_assessments(struct sqlite_store *store, const char *run_id, mlm_error *err)
{
	if (!store->layout.assessment_metadata)
		return MLM_OK;
	sqlite3_stmt *delete;
	mlm_status status = sqlite_statement(store,
		"DELETE FROM assessments WHERE CASE WHEN json_valid(assessment_metadata) THEN "
		"json_extract(assessment_metadata, '$.\"mlflow.assessment.sourceRunId\"') END = ?1",
		&delete, err);
	if (status != MLM_OK)
		return status;
	sqlite_bind(delete, 1, run_id);
	return sqlite_step_done(store, delete, "could not delete assessments", err);
}

mlm_status sqlite_set_run_lifecycle(
	struct store *base, const char *run_id, mlm_lifecycle lifecycle, mlm_error *err)
{
	struct sqlite_store *store = sqlite_store_of(base);
	mlm_lifecycle current;
	mlm_status status = sqlite_begin_write(store, err);
	if (status != MLM_OK)
		return status;
	status = sqlite_find_run(store, run_id, &current, err);
	if (status != MLM_OK || current == lifecycle)
		return sqlite_end(store, status, err);
	if (lifecycle == MLM_DELETED)
		status = delete_assessments(store, run_id, err);
	sqlite3_stmt *update;
	if (status == MLM_OK)
		status = sqlite_statement(store,
			store->layout.run_deleted_time
				? "UPDATE runs SET lifecycle_stage = ?2, deleted_time = ?3 "
				  "WHERE run_uuid = ?1"
				: "UPDATE runs SET lifecycle_stage = ?2 WHERE run_uuid = ?1",
			&update, err);
	if (status == MLM_OK) {
		sqlite_bind(update, 1, run_id);
		sqlite_bind(update, 2, lifecycle == MLM_DELETED ? "deleted" : "active");
		if (lifecycle == MLM_DELETED && store->layout.run_deleted_time)
			sqlite3_bind_int64(update, 3, clock_now_ms());
		status = sqlite_step_done(store, update, "could not change a run", err);
	}
	return sqlite_end(store, status, err);
}

mlm_status sqlite_clear_run(struct store *base, const char *run_id, mlm_error *err)
{
	static const char *const deletes[] = {
		"DELETE FROM params WHERE run_uuid = ?1",
		"DELETE FROM metrics WHERE run_uuid = ?1",
		"DELETE FROM latest_metrics WHERE run_uuid = ?1",
		"DELETE FROM tags WHERE run_uuid = ?1 AND substr(key, 1, 7) <> 'mlflow.' "
		"AND key <> '" STORE_ORIGIN_TAG "'",
	};
	struct sqlite_store *store = sqlite_store_of(base);
	mlm_status status = sqlite_begin_write(store, err);
	if (status != MLM_OK)
		return status;
	status = sqlite_require_active_run(store, run_id, err);
	for (size_t i = 0; i < sizeof(deletes) / sizeof(deletes[0]) && status == MLM_OK; i++) {
		sqlite3_stmt *delete;
		status = sqlite_statement(store, deletes[i], &delete, err);
		if (status != MLM_OK)
			break;
		sqlite_bind(delete, 1, run_id);
		status = sqlite_step_done(store, delete, "could not clear a run", err);
	}
	return sqlite_end(store, status, err);
}

mlm_status sqlite_each_origin(
	struct store *base, store_origin_fn visit, void *payload, mlm_error *err)
{
	struct sqlite_store *store = sqlite_store_of(base);
	sqlite3_stmt *rows;
	mlm_status status = sqlite_statement(store,
		"SELECT t.value, t.run_uuid FROM tags AS t JOIN runs AS r USING (run_uuid) "
		"WHERE t.key = '" STORE_ORIGIN_TAG "' AND t.value <> '' "
		"ORDER BY r.lifecycle_stage IS 'active'",
		&rows, err);
	if (status != MLM_OK)
		return status;
	int result = SQLITE_ROW;
	while (status == MLM_OK && (result = sqlite3_step(rows)) == SQLITE_ROW)
		status = visit(payload, (const char *)sqlite3_column_text(rows, 0),
			(const char *)sqlite3_column_text(rows, 1), err);
	if (result != SQLITE_ROW && result != SQLITE_DONE)
		status = sqlite_failed(store, err, "could not read the first ids of runs");
	sqlite3_reset(rows);
	return status;
}
