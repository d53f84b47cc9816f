/* SPDX-License-Identifier: Apache-2.0 */
#include "store/sqlite_store.h"

#include <assert.h>

#include "base/error.h"

mlm_status sqlite_prepare(
	struct sqlite_store *store, const char *sql, sqlite3_stmt **statement_out, mlm_error *err)
{
	*statement_out = NULL;
	if (sqlite3_prepare_v2(store->db, sql, -1, statement_out, NULL) != SQLITE_OK)
		return sqlite_failed(store, err, "could not prepare a statement");
	return MLM_OK;
}

mlm_status sqlite_statement(
	struct sqlite_store *store, const char *sql, sqlite3_stmt **statement_out, mlm_error *err)
{
	*statement_out = NULL;
	for (size_t i = 0; i < store->statement_count; i++) {
		if (store->statements[i].sql == sql) {
			*statement_out = store->statements[i].statement;
			sqlite3_reset(*statement_out);
			sqlite3_clear_bindings(*statement_out);
			return MLM_OK;
		}
	}
	assert(store->statement_count < SQLITE_STATEMENTS_MAX);
	sqlite3_stmt *statement = NULL;
	if (sqlite3_prepare_v3(store->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL) !=
		SQLITE_OK)
		return sqlite_failed(store, err, "could not prepare a statement");
	store->statements[store->statement_count].sql = sql;
	store->statements[store->statement_count].statement = statement;
	store->statement_count++;
	*statement_out = statement;
	return MLM_OK;
}

void sqlite_statements_close(struct sqlite_store *store)
{
	for (size_t i = 0; i < store->statement_count; i++)
		sqlite3_finalize(store->statements[i].statement);
	store->statement_count = 0;
}

mlm_status sqlite_run(
	struct sqlite_store *store, const char *sql, const char *doing, mlm_error *err)
{
	if (sqlite3_exec(store->db, sql, NULL, NULL, NULL) != SQLITE_OK)
		return sqlite_failed(store, err, doing);
	return MLM_OK;
}

mlm_status sqlite_step_done(
	struct sqlite_store *store, sqlite3_stmt *statement, const char *doing, mlm_error *err)
{
	mlm_status status = MLM_OK;
	int result = sqlite3_step(statement);
	if (result != SQLITE_DONE && result != SQLITE_ROW)
		status = sqlite_failed(store, err, doing);
	sqlite3_reset(statement);
	return status;
}

void sqlite_bind(sqlite3_stmt *statement, int index, const char *text)
{
	/* The only failures are a wrong index, our own bug, and a string over 1 GB. */
	int result = sqlite3_bind_text(statement, index, text, -1, SQLITE_STATIC);
	assert(result == SQLITE_OK);
	(void)result;
}

const char *sqlite_copy_column(
	struct arena *arena, sqlite3_stmt *statement, int column, bool *failed_out)
{
	const char *text = (const char *)sqlite3_column_text(statement, column);
	if (!text) {
		if (sqlite3_column_type(statement, column) != SQLITE_NULL)
			*failed_out = true;
		return NULL;
	}
	char *copy = arena_copy(arena, text, (size_t)sqlite3_column_bytes(statement, column));
	if (!copy)
		*failed_out = true;
	return copy;
}

mlm_status sqlite_begin_read(struct sqlite_store *store, mlm_error *err)
{
	sqlite3_stmt *begin;
	mlm_status status = sqlite_statement(store, "BEGIN", &begin, err);
	if (status != MLM_OK)
		return status;
	return sqlite_step_done(store, begin, "could not begin to read", err);
}

mlm_status sqlite_begin_write(struct sqlite_store *store, mlm_error *err)
{
	if (store->read_only)
		return error_set(
			err, MLM_EIO, "sqlite", "the store '%s' is read-only", store->path);
	/* A deleted file takes writes as if nothing were wrong, and they are gone with it. */
	int has_moved = 0;
	sqlite3_file_control(store->db, "main", SQLITE_FCNTL_HAS_MOVED, &has_moved);
	if (has_moved)
		return error_set(err, MLM_EIO, "sqlite",
			"the store '%s' was deleted, moved or replaced while it was open",
			store->path);
	sqlite3_stmt *begin;
	mlm_status status = sqlite_statement(store, "BEGIN IMMEDIATE", &begin, err);
	if (status != MLM_OK)
		return status;
	return sqlite_step_done(store, begin, "could not begin to write", err);
}

mlm_status sqlite_end(struct sqlite_store *store, mlm_status status, mlm_error *err)
{
	sqlite3_stmt *commit;
	if (status == MLM_OK)
		status = sqlite_statement(store, "COMMIT", &commit, err);
	if (status == MLM_OK)
		status = sqlite_step_done(store, commit, "could not commit", err);
	if (status == MLM_OK && store->first_write_unsynced && sqlite3_total_changes(store->db)) {
		store->first_write_unsynced = false;
		status = sqlite_run(store, "PRAGMA synchronous = NORMAL",
			"could not configure the connection", err);
	}
	/* A full disk makes SQLite roll back by itself; a busy commit leaves it to us. */
	if (status != MLM_OK && !sqlite3_get_autocommit(store->db))
		sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
	return status;
}
