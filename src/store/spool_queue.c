/* SPDX-License-Identifier: Apache-2.0 */
#include "store/spool_queue.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/directory.h"
#include "base/error.h"
#include "base/memory.h"
#include "store/param_conflict.h"
#include "store/spool_entry.h"
#include "store/sqlite_fork.h"
#include "transport/web_address.h"

#define BUSY_MS 10000u /* every transaction is short; the wait is for a disk that is slow */

/* Of the file, in its user_version. Whoever changes what is in it counts up. */
#define SCHEMA_VERSION 1

static const char schema[] =
	"CREATE TABLE IF NOT EXISTS server (one INTEGER PRIMARY KEY CHECK (one = 1), "
	"away_until_ms INTEGER NOT NULL);"
	"INSERT OR IGNORE INTO server VALUES (1, 0);"
	"CREATE TABLE IF NOT EXISTS experiment (number INTEGER PRIMARY KEY AUTOINCREMENT, "
	"name TEXT NOT NULL, artifact_location TEXT, tags TEXT NOT NULL, server_id TEXT);"
	"CREATE TABLE IF NOT EXISTS run (run_id TEXT PRIMARY KEY, server_id TEXT) WITHOUT ROWID;"
	"CREATE INDEX IF NOT EXISTS run_by_server ON run (server_id);"
	"CREATE TABLE IF NOT EXISTS entry (entry_id INTEGER PRIMARY KEY AUTOINCREMENT, "
	"run_id TEXT NOT NULL, kind INTEGER NOT NULL, body BLOB NOT NULL);"
	"CREATE INDEX IF NOT EXISTS entry_by_run ON entry (run_id, entry_id);"
	"CREATE TABLE IF NOT EXISTS param (run_id TEXT, key TEXT, value TEXT NOT NULL, "
	"PRIMARY KEY (run_id, key)) WITHOUT ROWID;"
	"CREATE TABLE IF NOT EXISTS request (run_id TEXT PRIMARY KEY, since_ms INTEGER NOT NULL) "
	"WITHOUT ROWID;"
	"CREATE TABLE IF NOT EXISTS artifact (number INTEGER PRIMARY KEY AUTOINCREMENT, "
	"run_id TEXT NOT NULL, path TEXT NOT NULL, file TEXT NOT NULL, "
	"size_bytes INTEGER NOT NULL, refusal TEXT);"
	"CREATE INDEX IF NOT EXISTS artifact_by_run ON artifact (run_id, number);";

static mlm_status no_memory(mlm_error *err)
{
	return error_set(err, MLM_ENOMEM, "spool", "memory ran out");
}

#define GUARDED(operation, parameters, arguments) \
	SQLITE_FORK_GUARDED(spool_queue_##operation, operation, parameters, arguments)

/* ---- opening ---- */

static mlm_status name_file(struct spool_queue *queue, const char *directory, mlm_error *err)
{
	const mlm_allocator *allocator = queue->db.base.allocator;
	queue->db.path = memory_format(allocator, "%s/" SPOOL_FILE_NAME, directory);
	queue->lock_path = memory_format(allocator, "%s/" STORE_SPOOL_LOCK, directory);
	queue->directory = memory_string(allocator, directory);
	return queue->db.path && queue->lock_path && queue->directory ? MLM_OK : no_memory(err);
}

mlm_status spool_queue_init(
	struct spool_queue *queue, const struct store_options *options, mlm_error *err)
{
	struct web_address address = { 0 };
	bool is_web = web_address_is(options->uri);
	*queue = (struct spool_queue){ 0 };
	queue->db.base.allocator = options->allocator;
	queue->db.base.busy_timeout_ms = BUSY_MS;
	queue->db.durability = options->durability;
	mlm_status status = name_file(queue, options->spool, err);
	if (status == MLM_OK && is_web) /* the queue's file holds no password */
		status = web_address_parse(options->allocator, options->uri, &address, err);
	if (status == MLM_OK) {
		queue->uri =
			memory_string(options->allocator, is_web ? address.base : options->uri);
		status = queue->uri ? MLM_OK : no_memory(err);
	}
	if (is_web)
		web_address_clear(&address);
	return status;
}

void spool_queue_close(struct spool_queue *queue)
{
	const mlm_allocator *allocator = queue->db.base.allocator;
	sqlite_fork_enter();
	sqlite_close_plain(&queue->db);
	sqlite_fork_leave(MLM_OK);
	memory_free(allocator, queue->db.path);
	memory_free(allocator, queue->lock_path);
	memory_free(allocator, queue->directory);
	memory_free(allocator, queue->uri);
	*queue = (struct spool_queue){ 0 };
}

static mlm_status name_server(struct spool_queue *queue, mlm_error *err)
{
	char *line = memory_format(queue->db.base.allocator, "store %s\n", queue->uri);
	if (!line)
		return no_memory(err);
	mlm_status status = MLM_OK;
	ssize_t size = (ssize_t)strlen(line);
	int fd = open(queue->lock_path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
	/* The same bytes, whoever writes them. */
	if (fd < 0 || pwrite(fd, line, (size_t)size, 0) != size)
		status =
			error_set_errno(err, errno, "spool", "cannot write '%s'", queue->lock_path);
	if (fd >= 0)
		close(fd);
	memory_free(queue->db.base.allocator, line);
	return status;
}

static mlm_status open_file(
	struct spool_queue *queue, bool create, bool *is_open_out, mlm_error *err)
{
	*is_open_out = false;
	if (!queue->db.db) {
		if (!create && access(queue->db.path, F_OK) != 0)
			return MLM_OK;
		int errnum = directory_make(queue->directory);
		if (errnum != 0)
			return error_set_errno(err, errnum, "spool",
				"cannot make the directory '%s'", queue->directory);
		mlm_status status = name_server(queue, err);
		if (status == MLM_OK)
			status = sqlite_open_plain(&queue->db, schema, SCHEMA_VERSION, err);
		if (status != MLM_OK)
			return status;
	}
	*is_open_out = true;
	return MLM_OK;
}

mlm_status spool_queue_open(
	struct spool_queue *queue, bool create, bool *is_open_out, mlm_error *err)
{
	mlm_status status;
	do {
		sqlite_fork_enter();
		status = open_file(queue, create, is_open_out, err);
	} while (sqlite_fork_leave(status));
	return status;
}

/* ---- reading a row ---- */

/* True with a row, false without or with an error. */
static bool step(
	struct spool_queue *queue, sqlite3_stmt *statement, mlm_status *status_out, mlm_error *err)
{
	int result = sqlite3_step(statement);
	*status_out = MLM_OK;
	if (result != SQLITE_ROW && result != SQLITE_DONE)
		*status_out = sqlite_failed(&queue->db, err, "could not read what waits");
	return result == SQLITE_ROW;
}

static void copy_id(sqlite3_stmt *statement, int column, char id_out[MLM_ID_SIZE])
{
	const char *text = (const char *)sqlite3_column_text(statement, column);
	snprintf(id_out, MLM_ID_SIZE, "%s", text ? text : "");
}

/* ---- the server ---- */

static mlm_status get_away(struct spool_queue *queue, int64_t *until_ms_out, mlm_error *err)
{
	sqlite3_stmt *select;
	*until_ms_out = 0;
	mlm_status status =
		sqlite_statement(&queue->db, "SELECT away_until_ms FROM server", &select, err);
	if (status != MLM_OK)
		return status;
	if (step(queue, select, &status, err))
		*until_ms_out = sqlite3_column_int64(select, 0);
	sqlite3_reset(select);
	return status;
}

GUARDED(get_away, (struct spool_queue * queue, int64_t *until_ms_out, mlm_error *err),
	(queue, until_ms_out, err))

static mlm_status set_away(struct spool_queue *queue, int64_t until_ms, mlm_error *err)
{
	sqlite3_stmt *update;
	mlm_status status =
		sqlite_statement(&queue->db, "UPDATE server SET away_until_ms = ?1", &update, err);
	if (status != MLM_OK)
		return status;
	sqlite3_bind_int64(update, 1, until_ms);
	return sqlite_step_done(&queue->db, update, "could not note that the server is away", err);
}

GUARDED(set_away, (struct spool_queue * queue, int64_t until_ms, mlm_error *err),
	(queue, until_ms, err))

/* ---- experiments ---- */

#define EXPERIMENT_COLUMNS "number, name, artifact_location, tags, server_id FROM experiment "

static mlm_status read_experiment(struct spool_queue *queue, sqlite3_stmt *select,
	struct arena *arena, struct spool_experiment *experiment, bool *found_out, mlm_error *err)
{
	mlm_status status;
	bool failed = false;
	*found_out = step(queue, select, &status, err);
	if (*found_out) {
		*experiment = (struct spool_experiment){
			.number = sqlite3_column_int64(select, 0),
			.name = sqlite_copy_column(arena, select, 1, &failed),
			.artifact_location = sqlite_copy_column(arena, select, 2, &failed),
		};
		copy_id(select, 4, experiment->server_id);
		const char *tags = sqlite_copy_column(arena, select, 3, &failed);
		if (failed)
			status = no_memory(err);
		else
			status = spool_texts_read(
				tags, arena, &experiment->tags, &experiment->tag_count, err);
	}
	sqlite3_reset(select);
	return status;
}

static mlm_status find_experiment(struct spool_queue *queue, const char *name, struct arena *arena,
	struct spool_experiment *experiment, bool *found_out, mlm_error *err)
{
	sqlite3_stmt *select;
	*found_out = false;
	mlm_status status = sqlite_statement(&queue->db,
		"SELECT " EXPERIMENT_COLUMNS "WHERE name = ?1 AND server_id IS NULL", &select, err);
	if (status != MLM_OK)
		return status;
	sqlite_bind(select, 1, name);
	return read_experiment(queue, select, arena, experiment, found_out, err);
}

static mlm_status insert_experiment(struct spool_queue *queue, const char *name,
	const mlm_experiment_options *options, struct arena *arena, mlm_error *err)
{
	sqlite3_stmt *insert;
	const char *tags;
	mlm_status status = spool_texts_write(options ? options->tags : NULL,
		options ? options->tag_count : 0, arena, &tags, err);
	if (status == MLM_OK)
		status = sqlite_statement(&queue->db,
			"INSERT INTO experiment (name, artifact_location, tags) "
			"VALUES (?1, ?2, ?3)",
			&insert, err);
	if (status != MLM_OK)
		return status;
	sqlite_bind(insert, 1, name);
	sqlite_bind(insert, 2, options ? options->artifact_location : NULL);
	sqlite_bind(insert, 3, tags);
	return sqlite_step_done(&queue->db, insert, "could not add the experiment", err);
}

static mlm_status promise(struct spool_queue *queue, const char *name,
	const mlm_experiment_options *options, struct arena *arena,
	struct spool_experiment *experiment_out, mlm_error *err)
{
	bool found = false;
	mlm_status status = sqlite_begin_write(&queue->db, err);
	if (status != MLM_OK)
		return status;
	status = find_experiment(queue, name, arena, experiment_out, &found, err);
	if (status == MLM_OK && !found) {
		status = insert_experiment(queue, name, options, arena, err);
		if (status == MLM_OK)
			status = find_experiment(queue, name, arena, experiment_out, &found, err);
	}
	return sqlite_end(&queue->db, status, err);
}

GUARDED(promise,
	(struct spool_queue * queue, const char *name, const mlm_experiment_options *options,
		struct arena *arena, struct spool_experiment *experiment_out, mlm_error *err),
	(queue, name, options, arena, experiment_out, err))

static mlm_status get_experiment(struct spool_queue *queue, int64_t number, struct arena *arena,
	struct spool_experiment *experiment_out, mlm_error *err)
{
	sqlite3_stmt *select;
	bool found = false;
	mlm_status status = sqlite_statement(
		&queue->db, "SELECT " EXPERIMENT_COLUMNS "WHERE number = ?1", &select, err);
	if (status != MLM_OK)
		return status;
	sqlite3_bind_int64(select, 1, number);
	status = read_experiment(queue, select, arena, experiment_out, &found, err);
	if (status == MLM_OK && !found)
		status = error_set(err, MLM_ENOTFOUND, "experiment",
			"no experiment with the number %lld waits", (long long)number);
	return status;
}

GUARDED(get_experiment,
	(struct spool_queue * queue, int64_t number, struct arena *arena,
		struct spool_experiment *experiment_out, mlm_error *err),
	(queue, number, arena, experiment_out, err))

static mlm_status next_promise(
	struct spool_queue *queue, int64_t after, int64_t *number_out, mlm_error *err)
{
	sqlite3_stmt *select;
	*number_out = 0;
	mlm_status status = sqlite_statement(&queue->db,
		"SELECT number FROM experiment WHERE number > ?1 AND server_id IS NULL "
		"ORDER BY number LIMIT 1",
		&select, err);
	if (status != MLM_OK)
		return status;
	sqlite3_bind_int64(select, 1, after);
	if (step(queue, select, &status, err))
		*number_out = sqlite3_column_int64(select, 0);
	sqlite3_reset(select);
	return status;
}

GUARDED(next_promise,
	(struct spool_queue * queue, int64_t after, int64_t *number_out, mlm_error *err),
	(queue, after, number_out, err))

static mlm_status keep_promise(
	struct spool_queue *queue, int64_t number, const char *server_id, mlm_error *err)
{
	sqlite3_stmt *update;
	mlm_status status = sqlite_statement(
		&queue->db, "UPDATE experiment SET server_id = ?2 WHERE number = ?1", &update, err);
	if (status != MLM_OK)
		return status;
	sqlite3_bind_int64(update, 1, number);
	sqlite_bind(update, 2, server_id);
	return sqlite_step_done(&queue->db, update, "could not note the experiment", err);
}

GUARDED(keep_promise,
	(struct spool_queue * queue, int64_t number, const char *server_id, mlm_error *err),
	(queue, number, server_id, err))

/* ---- runs ---- */

static mlm_status find_run(
	struct spool_queue *queue, const char *run_id, struct spool_run *run_out, mlm_error *err)
{
	sqlite3_stmt *select;
	*run_out = (struct spool_run){ 0 };
	snprintf(run_out->id, sizeof(run_out->id), "%s", run_id);
	memcpy(run_out->server_id, run_out->id, sizeof(run_out->id));
	mlm_status status = sqlite_statement(&queue->db,
		"SELECT run_id, server_id FROM run WHERE run_id = ?1 UNION ALL "
		"SELECT run_id, server_id FROM run WHERE server_id = ?1 LIMIT 1",
		&select, err);
	if (status != MLM_OK)
		return status;
	sqlite_bind(select, 1, run_id);
	if (step(queue, select, &status, err)) {
		copy_id(select, 0, run_out->id);
		copy_id(select, 1, run_out->server_id);
	}
	sqlite3_reset(select);
	if (status == MLM_OK)
		status = sqlite_statement(
			&queue->db, "SELECT 1 FROM entry WHERE run_id = ?1 LIMIT 1", &select, err);
	if (status != MLM_OK)
		return status;
	sqlite_bind(select, 1, run_out->id);
	run_out->waits = step(queue, select, &status, err);
	sqlite3_reset(select);
	return status;
}

GUARDED(find_run,
	(struct spool_queue * queue, const char *run_id, struct spool_run *run_out, mlm_error *err),
	(queue, run_id, run_out, err))

static mlm_status insert_entry(struct spool_queue *queue, const char *run_id, enum spool_kind kind,
	const void *body, size_t size, mlm_error *err)
{
	sqlite3_stmt *insert;
	mlm_status status = sqlite_statement(&queue->db,
		"INSERT INTO entry (run_id, kind, body) VALUES (?1, ?2, ?3)", &insert, err);
	if (status != MLM_OK)
		return status;
	sqlite_bind(insert, 1, run_id);
	sqlite3_bind_int(insert, 2, (int)kind);
	sqlite3_bind_blob64(insert, 3, body, size, SQLITE_STATIC);
	return sqlite_step_done(&queue->db, insert, "could not keep a record", err);
}

static mlm_status insert_run(struct spool_queue *queue, const char *run_id, mlm_error *err)
{
	sqlite3_stmt *insert;
	mlm_status status =
		sqlite_statement(&queue->db, "INSERT INTO run (run_id) VALUES (?1)", &insert, err);
	if (status != MLM_OK)
		return status;
	sqlite_bind(insert, 1, run_id);
	return sqlite_step_done(&queue->db, insert, "could not begin a run", err);
}

static mlm_status insert_request(
	struct spool_queue *queue, const char *run_id, int64_t now_ms, mlm_error *err)
{
	sqlite3_stmt *insert;
	mlm_status status = sqlite_statement(
		&queue->db, "INSERT OR REPLACE INTO request VALUES (?1, ?2)", &insert, err);
	if (status != MLM_OK)
		return status;
	sqlite_bind(insert, 1, run_id);
	sqlite3_bind_int64(insert, 2, now_ms);
	return sqlite_step_done(&queue->db, insert, "could not note a request", err);
}

static mlm_status end_request(struct spool_queue *queue, const char *run_id, mlm_error *err)
{
	sqlite3_stmt *statement;
	mlm_status status = sqlite_statement(
		&queue->db, "DELETE FROM request WHERE run_id = ?1", &statement, err);
	if (status != MLM_OK)
		return status;
	sqlite_bind(statement, 1, run_id);
	return sqlite_step_done(&queue->db, statement, "could not note an answer", err);
}

GUARDED(end_request, (struct spool_queue * queue, const char *run_id, mlm_error *err),
	(queue, run_id, err))

static mlm_status begin_request(struct spool_queue *queue, const char *run_id, int64_t now_ms,
	int64_t *unsettled_until_ms_out, mlm_error *err)
{
	sqlite3_stmt *select;
	*unsettled_until_ms_out = 0;
	mlm_status status = sqlite_statement(
		&queue->db, "SELECT since_ms FROM request WHERE run_id = ?1", &select, err);
	if (status != MLM_OK)
		return status;
	sqlite_bind(select, 1, run_id);
	if (step(queue, select, &status, err)) {
		int64_t since_ms = sqlite3_column_int64(select, 0);
		/* One in the future comes from a clock that was put back. */
		if (since_ms <= now_ms && since_ms + STORE_SETTLE_MS > now_ms)
			*unsettled_until_ms_out = since_ms + STORE_SETTLE_MS;
	}
	sqlite3_reset(select);
	if (status != MLM_OK || *unsettled_until_ms_out)
		return status;
	return insert_request(queue, run_id, now_ms, err);
}

GUARDED(begin_request,
	(struct spool_queue * queue, const char *run_id, int64_t now_ms,
		int64_t *unsettled_until_ms_out, mlm_error *err),
	(queue, run_id, now_ms, unsettled_until_ms_out, err))

static mlm_status add_run(struct spool_queue *queue, const char *run_id, int64_t asked_ms,
	const void *body, size_t size, mlm_error *err)
{
	mlm_status status = sqlite_begin_write(&queue->db, err);
	if (status != MLM_OK)
		return status;
	status = insert_run(queue, run_id, err);
	if (status == MLM_OK && asked_ms)
		status = insert_request(queue, run_id, asked_ms, err);
	if (status == MLM_OK)
		status = insert_entry(queue, run_id, SPOOL_CREATE, body, size, err);
	return sqlite_end(&queue->db, status, err);
}

GUARDED(add_run,
	(struct spool_queue * queue, const char *run_id, int64_t asked_ms, const void *body,
		size_t size, mlm_error *err),
	(queue, run_id, asked_ms, body, size, err))

static mlm_status delete_entry(
	struct spool_queue *queue, int64_t entry_id, const char *run_id, mlm_error *err)
{
	sqlite3_stmt *statement;
	mlm_status status = sqlite_statement(
		&queue->db, "DELETE FROM entry WHERE entry_id = ?1", &statement, err);
	if (status != MLM_OK)
		return status;
	sqlite3_bind_int64(statement, 1, entry_id);
	status = sqlite_step_done(&queue->db, statement, "could not remove a record", err);
	if (status == MLM_OK)
		status = sqlite_statement(&queue->db,
			"DELETE FROM param WHERE run_id = ?1 AND NOT EXISTS "
			"(SELECT 1 FROM entry WHERE run_id = ?1)",
			&statement, err);
	if (status != MLM_OK)
		return status;
	sqlite_bind(statement, 1, run_id);
	return sqlite_step_done(&queue->db, statement, "could not remove a record", err);
}

static mlm_status run_made(struct spool_queue *queue, int64_t entry_id, const char *run_id,
	const char *server_id, mlm_error *err)
{
	sqlite3_stmt *update;
	mlm_status status = sqlite_begin_write(&queue->db, err);
	if (status != MLM_OK)
		return status;
	status = sqlite_statement(
		&queue->db, "UPDATE run SET server_id = ?2 WHERE run_id = ?1", &update, err);
	if (status == MLM_OK) {
		sqlite_bind(update, 1, run_id);
		sqlite_bind(update, 2, server_id);
		status = sqlite_step_done(&queue->db, update, "could not note the run", err);
	}
	if (status == MLM_OK)
		status = end_request(queue, run_id, err);
	if (status == MLM_OK)
		status = delete_entry(queue, entry_id, run_id, err);
	return sqlite_end(&queue->db, status, err);
}

GUARDED(run_made,
	(struct spool_queue * queue, int64_t entry_id, const char *run_id, const char *server_id,
		mlm_error *err),
	(queue, entry_id, run_id, server_id, err))

static mlm_status list_runs(struct spool_queue *queue, struct arena *arena,
	const char *const **run_ids_out, size_t *count_out, mlm_error *err)
{
	sqlite3_stmt *select;
	const char **ids = NULL;
	size_t count = 0, capacity = 0;
	bool failed = false;
	*run_ids_out = NULL;
	*count_out = 0;
	mlm_status status = sqlite_statement(&queue->db,
		"SELECT run_id FROM entry GROUP BY run_id ORDER BY MIN(entry_id)", &select, err);
	if (status != MLM_OK)
		return status;
	while (!failed && step(queue, select, &status, err)) {
		if (count == capacity) {
			capacity = capacity ? capacity * 2 : 64;
			const char **grown = arena_array(arena, capacity, sizeof(*grown));
			failed = !grown;
			if (failed)
				break;
			if (count)
				memcpy(grown, ids, count * sizeof(*grown));
			ids = grown;
		}
		ids[count++] = sqlite_copy_column(arena, select, 0, &failed);
	}
	sqlite3_reset(select);
	if (failed)
		return no_memory(err);
	*run_ids_out = ids;
	*count_out = count;
	return status;
}

GUARDED(list_runs,
	(struct spool_queue * queue, struct arena *arena, const char *const **run_ids_out,
		size_t *count_out, mlm_error *err),
	(queue, arena, run_ids_out, count_out, err))

/* ---- entries ---- */

static mlm_status check_param(
	struct spool_queue *queue, const char *run_id, const mlm_text *param, mlm_error *err)
{
	sqlite3_stmt *select;
	mlm_status status = sqlite_statement(
		&queue->db, "SELECT value FROM param WHERE run_id = ?1 AND key = ?2", &select, err);
	if (status != MLM_OK)
		return status;
	sqlite_bind(select, 1, run_id);
	sqlite_bind(select, 2, param->key);
	if (step(queue, select, &status, err)) {
		const char *old = (const char *)sqlite3_column_text(select, 0);
		if (old && strcmp(old, param->value) != 0)
			status = param_conflict(err, run_id, param->key, old, param->value);
	}
	sqlite3_reset(select);
	return status;
}

static mlm_status keep_param(
	struct spool_queue *queue, const char *run_id, const mlm_text *param, mlm_error *err)
{
	sqlite3_stmt *insert;
	mlm_status status = check_param(queue, run_id, param, err);
	if (status == MLM_OK)
		status = sqlite_statement(&queue->db,
			"INSERT OR IGNORE INTO param VALUES (?1, ?2, ?3)", &insert, err);
	if (status != MLM_OK)
		return status;
	sqlite_bind(insert, 1, run_id);
	sqlite_bind(insert, 2, param->key);
	sqlite_bind(insert, 3, param->value);
	return sqlite_step_done(&queue->db, insert, "could not keep a param", err);
}

static mlm_status add(struct spool_queue *queue, const char *run_id, enum spool_kind kind,
	const void *body, size_t size, const mlm_text *params, size_t param_count, mlm_error *err)
{
	mlm_status status = sqlite_begin_write(&queue->db, err);
	if (status != MLM_OK)
		return status;
	for (size_t i = 0; i < param_count && status == MLM_OK; i++)
		status = keep_param(queue, run_id, &params[i], err);
	if (status == MLM_OK)
		status = insert_entry(queue, run_id, kind, body, size, err);
	return sqlite_end(&queue->db, status, err);
}

GUARDED(add,
	(struct spool_queue * queue, const char *run_id, enum spool_kind kind, const void *body,
		size_t size, const mlm_text *params, size_t param_count, mlm_error *err),
	(queue, run_id, kind, body, size, params, param_count, err))

static mlm_status next(struct spool_queue *queue, const char *run_id, int64_t after,
	struct arena *arena, struct spool_record *record_out, mlm_error *err)
{
	sqlite3_stmt *select;
	*record_out = (struct spool_record){ 0 };
	mlm_status status = sqlite_statement(&queue->db,
		"SELECT entry_id, kind, body FROM entry WHERE run_id = ?1 AND entry_id > ?2 "
		"ORDER BY entry_id LIMIT 1",
		&select, err);
	if (status != MLM_OK)
		return status;
	sqlite_bind(select, 1, run_id);
	sqlite3_bind_int64(select, 2, after);
	if (step(queue, select, &status, err)) {
		const void *body = sqlite3_column_blob(select, 2);
		size_t size = (size_t)sqlite3_column_bytes(select, 2);
		*record_out = (struct spool_record){
			.entry_id = sqlite3_column_int64(select, 0),
			.kind = (enum spool_kind)sqlite3_column_int(select, 1),
			.size = size,
		};
		void *copy = arena_alloc(arena, size + 1); /* aligned, as points need it */
		record_out->body = copy;
		if (copy && size)
			memcpy(copy, body, size);
		if (!copy)
			status = no_memory(err);
	}
	sqlite3_reset(select);
	return status;
}

GUARDED(next,
	(struct spool_queue * queue, const char *run_id, int64_t after, struct arena *arena,
		struct spool_record *record_out, mlm_error *err),
	(queue, run_id, after, arena, record_out, err))

static mlm_status remove_entry(
	struct spool_queue *queue, int64_t entry_id, const char *run_id, mlm_error *err)
{
	mlm_status status = sqlite_begin_write(&queue->db, err);
	if (status != MLM_OK)
		return status;
	return sqlite_end(&queue->db, delete_entry(queue, entry_id, run_id, err), err);
}

mlm_status spool_queue_remove(
	struct spool_queue *queue, int64_t entry_id, const char *run_id, mlm_error *err)
{
	mlm_status status;
	do {
		sqlite_fork_enter();
		status = remove_entry(queue, entry_id, run_id, err);
	} while (sqlite_fork_leave(status));
	return status;
}
