/* SPDX-License-Identifier: Apache-2.0 */
#include "store/sqlite_run.h"

#include <string.h>

#include "base/error.h"
#include "store/param_conflict.h"
#include "store/sqlite_store.h"

static mlm_status rename_run(
	struct sqlite_store *store, const char *run_id, const char *name, mlm_error *err)
{
	sqlite3_stmt *update;
	mlm_status status = sqlite_statement(
		store, "UPDATE runs SET name = ?2 WHERE run_uuid = ?1", &update, err);
	if (status != MLM_OK)
		return status;
	sqlite_bind(update, 1, run_id);
	sqlite_bind(update, 2, name);
	return sqlite_step_done(store, update, "could not rename a run", err);
}

mlm_status sqlite_put_tags(struct sqlite_store *store, const char *run_id, const mlm_text *tags,
	size_t count, mlm_error *err)
{
	sqlite3_stmt *put;
	mlm_status status = sqlite_statement(store,
		"INSERT INTO tags (key, value, run_uuid) VALUES (?1, ?2, ?3) "
		"ON CONFLICT (key, run_uuid) DO UPDATE SET value = excluded.value",
		&put, err);
	for (size_t i = 0; i < count && status == MLM_OK; i++) {
		bool is_name = strcmp(tags[i].key, "mlflow.runName") == 0;
		if (is_name && !tags[i].value[0]) /* a run keeps its name then, as in MLflow */
			continue;
		sqlite_bind(put, 1, tags[i].key);
		sqlite_bind(put, 2, tags[i].value);
		sqlite_bind(put, 3, run_id);
		status = sqlite_step_done(store, put, "could not set a tag", err);
		if (status == MLM_OK && is_name)
			status = rename_run(store, run_id, tags[i].value, err);
	}
	return status;
}

/* The value in the store is compared in SQL only to learn whether it differs. */
static mlm_status require_same_value(
	struct sqlite_store *store, const char *run_id, const mlm_text *param, mlm_error *err)
{
	sqlite3_stmt *rows;
	mlm_status status = sqlite_statement(
		store, "SELECT value FROM params WHERE key = ?1 AND run_uuid = ?2", &rows, err);
	if (status != MLM_OK)
		return status;
	sqlite_bind(rows, 1, param->key);
	sqlite_bind(rows, 2, run_id);
	int result = sqlite3_step(rows);
	if (result != SQLITE_ROW) {
		status = sqlite_failed(store, err, "could not read a param");
	} else {
		const char *old = (const char *)sqlite3_column_text(rows, 0);
		if (!old || strcmp(old, param->value) != 0)
			status = param_conflict(err, run_id, param->key, old, param->value);
	}
	sqlite3_reset(rows);
	return status;
}

static mlm_status put_params(struct sqlite_store *store, const char *run_id, const mlm_text *params,
	size_t count, mlm_error *err)
{
	sqlite3_stmt *put;
	mlm_status status = sqlite_statement(store,
		"INSERT INTO params (key, value, run_uuid) VALUES (?1, ?2, ?3) "
		"ON CONFLICT (key, run_uuid) DO NOTHING",
		&put, err);
	for (size_t i = 0; i < count && status == MLM_OK; i++) {
		sqlite_bind(put, 1, params[i].key);
		sqlite_bind(put, 2, params[i].value);
		sqlite_bind(put, 3, run_id);
		status = sqlite_step_done(store, put, "could not log a param", err);
		if (status == MLM_OK && sqlite3_changes(store->db) == 0)
			status = require_same_value(store, run_id, &params[i], err);
	}
	return status;
}

mlm_status sqlite_log_texts(struct store *base, const char *run_id, const mlm_text *params,
	size_t param_count, const mlm_text *tags, size_t tag_count, mlm_error *err)
{
	struct sqlite_store *store = sqlite_store_of(base);
	mlm_status status = sqlite_begin_write(store, err);
	if (status != MLM_OK)
		return status;
	status = sqlite_require_active_run(store, run_id, err);
	if (status == MLM_OK)
		status = put_params(store, run_id, params, param_count, err);
	if (status == MLM_OK)
		status = sqlite_put_tags(store, run_id, tags, tag_count, err);
	return sqlite_end(store, status, err);
}

mlm_status sqlite_delete_tag(
	struct store *base, const char *run_id, const char *key, mlm_error *err)
{
	struct sqlite_store *store = sqlite_store_of(base);
	sqlite3_stmt *delete;
	mlm_status status = sqlite_begin_write(store, err);
	if (status != MLM_OK)
		return status;
	status = sqlite_require_active_run(store, run_id, err);
	if (status == MLM_OK)
		status = sqlite_statement(
			store, "DELETE FROM tags WHERE key = ?1 AND run_uuid = ?2", &delete, err);
	if (status == MLM_OK) {
		sqlite_bind(delete, 1, key);
		sqlite_bind(delete, 2, run_id);
		status = sqlite_step_done(store, delete, "could not delete a tag", err);
	}
	if (status == MLM_OK && sqlite3_changes(store->db) == 0)
		status = error_set(
			err, MLM_ENOTFOUND, "tag", "the run %s has no tag '%s'", run_id, key);
	return sqlite_end(store, status, err);
}
