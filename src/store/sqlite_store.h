/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_SQLITE_STORE_H
#define STORE_SQLITE_STORE_H

/* What the sqlite_*.c files share. Nothing outside src/store/ includes it. */

#include <sqlite3.h>

#include "base/arena.h"
#include "store/sql_layout.h"
#include "store/store.h"

#define SQLITE_STATEMENTS_MAX 96 /* distinct sources of sqlite_statement() in all files */

struct sqlite_store {
	struct store base;
	sqlite3 *db;
	char *path;
	char *artifacts;
	struct sql_layout layout;
	bool read_only;
	bool for_flusher;
	bool inspect;
	mlm_durability durability;
	bool first_write_unsynced; /* see sqlite_end() */
	uint64_t jitter; /* state of the busy handler's random sleeps */
	int64_t busy_since_ns;
	struct sqlite_cached_statement {
		const char *sql; /* the literal's address is the key */
		sqlite3_stmt *statement;
	} statements[SQLITE_STATEMENTS_MAX];
	size_t statement_count;
	struct sqlite_store *next_open; /* sqlite_fork.c's */
};

static inline struct sqlite_store *sqlite_store_of(struct store *store)
{
	return (struct sqlite_store *)store;
}

/* ---- sqlite_failure.c ---- */

/** Reports what SQLite's last call on this connection said: area "sqlite", detail the extended
 * code, the message begins with doing ("could not read the run"). */
mlm_status sqlite_failed(struct sqlite_store *store, mlm_error *err, const char *doing);
/** As sqlite_failed() for a result code, where there may be no connection yet (db may be NULL). */
mlm_status sqlite_failed_with(
	sqlite3 *db, const char *path, int result, mlm_error *err, const char *doing);
/** MLM_ENOMEM. */
mlm_status sqlite_out_of_memory(mlm_error *err);

/* ---- sqlite_statement.c ---- */

/** A cached statement of this source, reset and without bindings. sql must be a literal (or live
 * as long as the process). Reset it with sqlite3_reset() when done: a statement that is left in the
 * middle keeps its read transaction. */
mlm_status sqlite_statement(
	struct sqlite_store *store, const char *sql, sqlite3_stmt **statement_out, mlm_error *err);
/** A statement of any source; the caller finalizes it. */
mlm_status sqlite_prepare(
	struct sqlite_store *store, const char *sql, sqlite3_stmt **statement_out, mlm_error *err);
void sqlite_statements_close(struct sqlite_store *store);
/** Runs sql, which gives no rows that matter. */
mlm_status sqlite_run(
	struct sqlite_store *store, const char *sql, const char *doing, mlm_error *err);
/** Steps a statement that gives no rows and resets it. */
mlm_status sqlite_step_done(
	struct sqlite_store *store, sqlite3_stmt *statement, const char *doing, mlm_error *err);
/** Binds without copying: text must live until the statement is reset. NULL binds NULL. */
void sqlite_bind(sqlite3_stmt *statement, int index, const char *text);
/** A copy of a text column in the arena; NULL when the column is NULL or, with *failed_out set,
 * when memory ran out. */
const char *sqlite_copy_column(
	struct arena *arena, sqlite3_stmt *statement, int column, bool *failed_out);

/** Several reads that must see one state. */
mlm_status sqlite_begin_read(struct sqlite_store *store, mlm_error *err);
/** BEGIN IMMEDIATE. EIO when the store is read-only, EAGAIN when another writer stayed too long. */
mlm_status sqlite_begin_write(struct sqlite_store *store, mlm_error *err);
/** Ends what begin began: commits when status is MLM_OK, else rolls back. Returns status, or why
 * the commit failed; no transaction is open afterwards. */
mlm_status sqlite_end(struct sqlite_store *store, mlm_status status, mlm_error *err);

/* ---- sqlite_open.c, sqlite_layout.c, sqlite_create.c ---- */

mlm_status sqlite_store_open(
	const struct store_options *options, struct store **store_out, mlm_error *err);
void sqlite_store_close(struct store *store);
/** Fills store->layout. ECORRUPT when the file holds something else than a tracking database.
 * *empty_out: the file has no table at all. */
mlm_status sqlite_layout_read(struct sqlite_store *store, bool *empty_out, mlm_error *err);
/** Puts the empty schema's image at path, unless a file is there; without wal for a file system
 * that cannot share memory. Several processes may do so at once: one wins, all return MLM_OK. */
mlm_status sqlite_create_file(const char *path, bool wal, mlm_error *err);
/** Makes the empty schema in an open file that has no table: slower, but under SQLite's own lock.
 * Another process may have done it meanwhile. */
mlm_status sqlite_fill_empty(struct sqlite_store *store, mlm_error *err);
/** Opens a database that is no tracking store at store->path, with this schema, which makes what is
 * not there and is run on a file of an older version (user_version). The store is zeroed but for
 * path, base and durability, and not moved afterwards. EUNSUPPORTED: the file's version is a newer
 * one. */
mlm_status sqlite_open_plain(
	struct sqlite_store *store, const char *schema, int version, mlm_error *err);
/** What sqlite_open_plain() opened, or did not; the path is the caller's. */
void sqlite_close_plain(struct sqlite_store *store);
/** A new store in memory; the caller closes it. */
mlm_status sqlite_open_image(sqlite3 **image_out, mlm_error *err);
/** Adds the experiment 'Default', id 0, unless there is any. Inside a write. */
mlm_status sqlite_insert_default_experiment(struct sqlite_store *store, mlm_error *err);

/* ---- sqlite_run_read.c ---- */

/** Fills records[0..count) for the runs of these ids, in this order, with info, latest metrics,
 * params, tags and dataset inputs. A handful of queries for any count. Call between
 * sqlite_begin_read() and sqlite_end() when the ids come from another query. ENOTFOUND when a run
 * is not there. Memory is taken from the arena. */
mlm_status sqlite_load_runs(struct sqlite_store *store, struct arena *arena,
	const char *const *run_ids, size_t count, mlm_run_record *records, mlm_error *err);

/* ---- sqlite_experiment_read.c ---- */

/** As sqlite_load_runs() for experiments, with their tags. */
mlm_status sqlite_load_experiments(struct sqlite_store *store, struct arena *arena,
	const int64_t *ids, size_t count, mlm_experiment *experiments, mlm_error *err);

/* ---- sqlite_search.c ---- */

mlm_status sqlite_search_runs(
	struct store *store, const mlm_query *query, mlm_run_list **list_out, mlm_error *err);
mlm_status sqlite_search_experiments(struct store *store, const mlm_query *query,
	mlm_experiment_list **list_out, mlm_error *err);

#endif
