/* SPDX-License-Identifier: Apache-2.0 */
#include "store/sqlite_run.h"

#include <stdlib.h>

#include "base/error.h"
#include "store/sqlite_experiment.h"
#include "store/sqlite_store.h"

/* MLflow gets more tables with each version, so those that refer to a run or to an experiment are
 * looked up. What the schema says ON DELETE is left to SQLite. */

/* Runs each statement that the query makes; ?1 is the id in both. */
static mlm_status run_made(
	struct sqlite_store *store, const char *query, const char *id, mlm_error *err)
{
	sqlite3_stmt *made;
	mlm_status status = sqlite_prepare(store, query, &made, err);
	if (status != MLM_OK)
		return status;
	int result = SQLITE_DONE;
	while (status == MLM_OK && (result = sqlite3_step(made)) == SQLITE_ROW) {
		sqlite3_stmt *statement;
		status = sqlite_prepare(
			store, (const char *)sqlite3_column_text(made, 0), &statement, err);
		if (status != MLM_OK)
			break;
		sqlite_bind(statement, 1, id);
		status = sqlite_step_done(store, statement, "could not remove rows", err);
		sqlite3_finalize(statement);
	}
	if (status == MLM_OK && result != SQLITE_DONE)
		status = sqlite_failed(store, err, "could not read the schema");
	sqlite3_finalize(made);
	return status;
}

typedef mlm_status (*purge_fn)(struct sqlite_store *store, const char *id, mlm_error *err);

static mlm_status purge(struct sqlite_store *store, purge_fn inside, const char *id, mlm_error *err)
{
	mlm_status status = sqlite_begin_write(store, err);
	if (status != MLM_OK)
		return status;
	status = sqlite_run(
		store, "PRAGMA defer_foreign_keys = ON", "could not configure the connection", err);
	if (status == MLM_OK)
		status = inside(store, id, err);
	return sqlite_end(store, status, err);
}

static mlm_status purge_run(struct sqlite_store *store, const char *run_id, mlm_error *err)
{
	/* A link of inputs or entities names its ends by kind and id, without a reference. */
	static const char links[] =
		"SELECT 'DELETE FROM input_tags WHERE input_uuid IN (SELECT input_uuid FROM inputs "
		"WHERE (destination_type = ''RUN'' AND destination_id = ?1) OR "
		"(source_type = ''RUN_OUTPUT'' AND source_id = ?1))' "
		"WHERE EXISTS (SELECT 1 FROM sqlite_master WHERE name = 'input_tags') "
		"UNION ALL SELECT 'DELETE FROM ' || name || ' WHERE "
		"(destination_type IN (''RUN'', ''run'') AND destination_id = ?1) OR "
		"(source_type IN (''RUN_OUTPUT'', ''run'') AND source_id = ?1)' "
		"FROM sqlite_master WHERE type = 'table' "
		"AND name IN ('inputs', 'entity_associations')";
	static const char references[] =
		"SELECT 'DELETE FROM \"' || m.name || '\" WHERE \"' || f.\"from\" || '\" = ?1' "
		"FROM sqlite_master AS m, pragma_foreign_key_list(m.name) AS f "
		"WHERE m.type = 'table' AND f.\"table\" = 'runs' AND f.on_delete = 'NO ACTION' "
		"UNION SELECT 'DELETE FROM \"' || m.name || '\" WHERE \"run_uuid\" = ?1' "
		"FROM sqlite_master AS m, pragma_table_info(m.name) AS c "
		"WHERE m.type = 'table' AND m.name <> 'runs' AND c.name = 'run_uuid'";
	mlm_lifecycle lifecycle;
	mlm_status status = sqlite_find_run(store, run_id, &lifecycle, err);
	if (status == MLM_OK && lifecycle != MLM_DELETED)
		status = error_set(err, MLM_ESTATE, "run",
			"the run %s is not deleted; only deleted runs are removed for good",
			run_id);
	if (status == MLM_OK)
		status = run_made(store, links, run_id, err);
	if (status == MLM_OK)
		status = run_made(store, references, run_id, err);
	if (status == MLM_OK)
		status = run_made(
			store, "SELECT 'DELETE FROM runs WHERE run_uuid = ?1'", run_id, err);
	return status;
}

static mlm_status refuse_with_runs(struct sqlite_store *store, const char *id, mlm_error *err)
{
	sqlite3_stmt *rows;
	mlm_status status = sqlite_statement(
		store, "SELECT count(*) FROM runs WHERE experiment_id = ?1", &rows, err);
	if (status != MLM_OK)
		return status;
	sqlite_bind(rows, 1, id);
	if (sqlite3_step(rows) != SQLITE_ROW)
		status = sqlite_failed(store, err, "could not count runs");
	else if (sqlite3_column_int64(rows, 0) > 0)
		status = error_set(err, MLM_ESTATE, "experiment",
			"the experiment %s has %lld runs, which have to be removed first", id,
			(long long)sqlite3_column_int64(rows, 0));
	sqlite3_reset(rows);
	return status;
}

static mlm_status purge_experiment(struct sqlite_store *store, const char *id, mlm_error *err)
{
	/* Some tables have the column and no reference; where one says SET NULL, rows stay. */
	static const char references[] =
		"SELECT 'DELETE FROM \"' || m.name || '\" WHERE experiment_id = ?1' "
		"FROM sqlite_master AS m, pragma_table_info(m.name) AS c "
		"WHERE m.type = 'table' AND m.name NOT IN ('experiments', 'runs') "
		"AND c.name = 'experiment_id' AND NOT EXISTS ("
		"SELECT 1 FROM pragma_foreign_key_list(m.name) AS f "
		"WHERE f.\"from\" = 'experiment_id' AND f.on_delete = 'SET NULL')";
	/* Its datasets go with it; nothing refers to inputs of runs that are gone. */
	static const char links[] =
		"SELECT 'DELETE FROM ' || name || ' WHERE "
		"(destination_type = ''experiment'' AND destination_id = ?1) OR "
		"(source_type = ''experiment'' AND source_id = ?1)' "
		"FROM sqlite_master WHERE type = 'table' AND name = 'entity_associations'";
	mlm_lifecycle lifecycle;
	mlm_status status = sqlite_find_experiment(store, id, &lifecycle, err);
	if (status == MLM_OK && lifecycle != MLM_DELETED)
		status = error_set(err, MLM_ESTATE, "experiment",
			"the experiment %s is not deleted; only deleted experiments are removed "
			"for good",
			id);
	if (status == MLM_OK)
		status = refuse_with_runs(store, id, err);
	if (status == MLM_OK)
		status = run_made(store, links, id, err);
	if (status == MLM_OK)
		status = run_made(store, references, id, err);
	if (status == MLM_OK)
		status = run_made(store,
			"SELECT 'DELETE FROM experiments WHERE experiment_id = ?1'", id, err);
	return status;
}

mlm_status sqlite_purge_run(struct store *store, const char *run_id, mlm_error *err)
{
	return purge(sqlite_store_of(store), purge_run, run_id, err);
}

mlm_status sqlite_purge_experiment(struct store *store, const char *id, mlm_error *err)
{
	return purge(sqlite_store_of(store), purge_experiment, id, err);
}

mlm_status sqlite_get_size(struct store *base, struct store_size *size_out, mlm_error *err)
{
	struct sqlite_store *store = sqlite_store_of(base);
	*size_out = (struct store_size){ 0 };
	sqlite3_stmt *rows;
	mlm_status status = sqlite_statement(store,
		"SELECT p.page_count, f.freelist_count, s.page_size FROM pragma_page_count AS p, "
		"pragma_freelist_count AS f, pragma_page_size AS s",
		&rows, err);
	if (status != MLM_OK)
		return status;
	if (sqlite3_step(rows) == SQLITE_ROW) {
		uint64_t pages = (uint64_t)sqlite3_column_int64(rows, 0);
		uint64_t free_pages = (uint64_t)sqlite3_column_int64(rows, 1);
		uint64_t page_bytes = (uint64_t)sqlite3_column_int64(rows, 2);
		size_out->used_bytes = (pages - free_pages) * page_bytes;
		size_out->free_bytes = free_pages * page_bytes;
	} else {
		status = sqlite_failed(store, err, "could not measure");
	}
	sqlite3_reset(rows);
	return status;
}

mlm_status sqlite_compact(struct store *base, mlm_error *err)
{
	struct sqlite_store *store = sqlite_store_of(base);
	if (store->read_only)
		return error_set(
			err, MLM_EIO, "sqlite", "the store '%s' is read-only", store->path);
	mlm_status status = sqlite_run(store, "VACUUM", "could not compact", err);
	/* What was written lies in the log until then, and the file keeps its size. */
	if (status == MLM_OK)
		status = sqlite_run(
			store, "PRAGMA wal_checkpoint(TRUNCATE)", "could not compact", err);
	return status;
}
