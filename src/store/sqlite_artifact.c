/* SPDX-License-Identifier: Apache-2.0 */
#include "store/sqlite_artifact.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/filesystem.h"
#include "store/sqlite_store.h"

#define CHUNKS_PER_PIECE 16 /* what a transaction frees at most */
#define CONTENT_ID_TRIES 8
/* What is left on the disk, for each byte that is added: artifacts are not to take the last of it.
 * The log could not be brought into the file any more, and no point or param be stored. */
#define BYTES_LEFT_PER_BYTE 8

/* The names below a directory d are those from "d/" up to "d0": '0' follows '/'. */
#define BELOW " (name >= ?2 || '/' AND name < ?2 || '0')"

static mlm_status add_tables(struct sqlite_store *store, mlm_error *err)
{
	if (store->layout.artifacts)
		return MLM_OK;
	mlm_status status = sqlite_begin_write(store, err);
	if (status != MLM_OK)
		return status;
	/* As in image/mlmanager.sql. */
	status = sqlite_run(store,
		"CREATE TABLE IF NOT EXISTS mlm_artifacts (run_uuid VARCHAR(32) NOT NULL, "
		"name TEXT NOT NULL, size BIGINT NOT NULL, file_ext TEXT NOT NULL, "
		"sha256 VARCHAR(64) NOT NULL, created_time BIGINT NOT NULL, "
		"content_id BIGINT NOT NULL UNIQUE, PRIMARY KEY (run_uuid, name)) WITHOUT ROWID;"
		"CREATE TABLE IF NOT EXISTS mlm_artifact_chunks (content_id BIGINT NOT NULL, "
		"chunk BIGINT NOT NULL, bytes BLOB NOT NULL, PRIMARY KEY (content_id, chunk));"
		"CREATE TABLE IF NOT EXISTS mlm_artifact_uploads (content_id BIGINT PRIMARY KEY, "
		"last_time BIGINT NOT NULL);"
		"CREATE TRIGGER IF NOT EXISTS mlm_artifacts_waste AFTER DELETE ON mlm_artifacts "
		"BEGIN INSERT INTO mlm_artifact_uploads (content_id, last_time) "
		"VALUES (OLD.content_id, 0); END",
		"could not add the tables of artifacts", err);
	status = sqlite_end(store, status, err);
	store->layout.artifacts = status == MLM_OK;
	return status;
}

/* ---- room ---- */

/* How many bytes of disk an artifact's bytes take, in the file and in the log, with what the file
 * has yet to take from the log. */
static mlm_status bytes_needed(
	struct sqlite_store *store, int64_t size_bytes, int64_t *needed_out, mlm_error *err)
{
	sqlite3_stmt *query;
	struct stat file;
	*needed_out = 0;
	mlm_status status = sqlite_statement(store,
		"SELECT page_count * page_size, freelist_count * page_size "
		"FROM pragma_page_count, pragma_freelist_count, pragma_page_size",
		&query, err);
	if (status != MLM_OK)
		return status;
	if (sqlite3_step(query) == SQLITE_ROW) {
		int64_t used = sqlite3_column_int64(query, 0);
		int64_t unused = sqlite3_column_int64(query, 1);
		int64_t chunk = size_bytes < STORE_CHUNK_BYTES ? size_bytes : STORE_CHUNK_BYTES;
		*needed_out = chunk * (1 + BYTES_LEFT_PER_BYTE);
		if (stat(store->path, &file) == 0 && used > file.st_size)
			*needed_out += used - file.st_size;
		if (size_bytes > unused)
			*needed_out += size_bytes - unused;
	} else {
		status = sqlite_failed(store, err, "could not look for room");
	}
	sqlite3_reset(query);
	return status;
}

/* Empties the log, unless somebody reads from it. */
static void empty_log(struct sqlite_store *store)
{
	uint32_t timeout_ms = store->base.busy_timeout_ms;
	store->base.busy_timeout_ms = 0;
	sqlite3_wal_checkpoint_v2(store->db, "main", SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
	store->base.busy_timeout_ms = timeout_ms;
}

/* EFULL: the disk has not so much room that more than that is left. */
static mlm_status need_room(struct sqlite_store *store, int64_t size_bytes, mlm_error *err)
{
	int64_t needed, left;
	mlm_status status = bytes_needed(store, size_bytes, &needed, err);
	if (status != MLM_OK || needed <= filesystem_free_bytes(store->path))
		return status;
	empty_log(store);
	status = bytes_needed(store, size_bytes, &needed, err);
	if (status != MLM_OK || needed <= (left = filesystem_free_bytes(store->path)))
		return status;
	return error_set(err, MLM_EFULL, "sqlite",
		"could not store an artifact: the disk of the store '%s' is too full, it has %lld "
		"bytes left and %lld are needed",
		store->path, (long long)left, (long long)needed);
}

/* ---- writing ---- */

/* A random number: one that was used before might belong to an upload that still goes on. */
static mlm_status insert_upload(struct sqlite_store *store, int64_t *content_out, mlm_error *err)
{
	sqlite3_stmt *insert;
	mlm_status status = sqlite_statement(store,
		"INSERT OR IGNORE INTO mlm_artifact_uploads (content_id, last_time) "
		"SELECT ?1, ?2 WHERE NOT EXISTS (SELECT 1 FROM mlm_artifacts "
		"WHERE content_id = ?1)",
		&insert, err);
	for (int i = 0; i < CONTENT_ID_TRIES && status == MLM_OK; i++) {
		int64_t id;
		sqlite3_randomness(sizeof(id), &id);
		id &= INT64_MAX;
		sqlite3_bind_int64(insert, 1, id);
		sqlite3_bind_int64(insert, 2, clock_now_ms());
		status = sqlite_step_done(store, insert, "could not begin an artifact", err);
		if (status == MLM_OK && sqlite3_changes(store->db) == 1) {
			*content_out = id;
			return MLM_OK;
		}
	}
	return status != MLM_OK ? status
				: error_set(err, MLM_EAGAIN, "sqlite",
					  "could not find a free number for an artifact");
}

mlm_status sqlite_begin_content(
	struct store *base, int64_t size_bytes, int64_t *content_out, mlm_error *err)
{
	struct sqlite_store *store = sqlite_store_of(base);
	*content_out = 0;
	mlm_status status = add_tables(store, err);
	if (status == MLM_OK && size_bytes > 0)
		status = need_room(store, size_bytes, err);
	if (status == MLM_OK)
		status = sqlite_begin_write(store, err);
	if (status != MLM_OK)
		return status;
	status = sqlite_end(store, insert_upload(store, content_out, err), err);
	if (status != MLM_OK)
		*content_out = 0;
	return status;
}

static mlm_status taken_for_dead(mlm_error *err)
{
	return error_set(err, MLM_EAGAIN, "sqlite",
		"the upload stood still for an hour and was taken for dead; log the artifact "
		"again");
}

/* Says that the upload is alive. */
static mlm_status touch_upload(struct sqlite_store *store, int64_t content, mlm_error *err)
{
	sqlite3_stmt *touch;
	mlm_status status = sqlite_statement(store,
		"UPDATE mlm_artifact_uploads SET last_time = ?2 WHERE content_id = ?1 "
		"AND last_time > 0",
		&touch, err);
	if (status != MLM_OK)
		return status;
	sqlite3_bind_int64(touch, 1, content);
	sqlite3_bind_int64(touch, 2, clock_now_ms());
	status = sqlite_step_done(store, touch, "could not store an artifact", err);
	return status == MLM_OK && sqlite3_changes(store->db) == 0 ? taken_for_dead(err) : status;
}

static mlm_status insert_chunk(struct sqlite_store *store, int64_t content, int64_t index,
	const void *bytes, size_t size, mlm_error *err)
{
	sqlite3_stmt *insert;
	mlm_status status = sqlite_statement(store,
		"INSERT INTO mlm_artifact_chunks (content_id, chunk, bytes) VALUES (?1, ?2, ?3)",
		&insert, err);
	if (status != MLM_OK)
		return status;
	sqlite3_bind_int64(insert, 1, content);
	sqlite3_bind_int64(insert, 2, index);
	sqlite3_bind_blob64(insert, 3, bytes, size, SQLITE_STATIC);
	status = sqlite_step_done(store, insert, "could not store an artifact", err);
	sqlite3_clear_bindings(insert);
	return status;
}

mlm_status sqlite_add_chunk(struct store *base, int64_t content, int64_t index, const void *bytes,
	size_t size, mlm_error *err)
{
	struct sqlite_store *store = sqlite_store_of(base);
	mlm_status status = need_room(store, (int64_t)size, err);
	if (status == MLM_OK)
		status = sqlite_begin_write(store, err);
	if (status != MLM_OK)
		return status;
	status = touch_upload(store, content, err);
	if (status == MLM_OK)
		status = insert_chunk(store, content, index, bytes, size, err);
	return sqlite_end(store, status, err);
}

/* Whether a query about owner and a name has a row. */
static mlm_status has_row(struct sqlite_store *store, const char *sql, const char *owner,
	const char *name, int name_size, bool *has_out, mlm_error *err)
{
	sqlite3_stmt *query;
	*has_out = false;
	mlm_status status = sqlite_statement(store, sql, &query, err);
	if (status != MLM_OK)
		return status;
	sqlite_bind(query, 1, owner);
	sqlite3_bind_text(query, 2, name, name_size, SQLITE_STATIC);
	int result = sqlite3_step(query);
	*has_out = result == SQLITE_ROW;
	if (result != SQLITE_ROW && result != SQLITE_DONE)
		status = sqlite_failed(store, err, "could not look for an artifact");
	sqlite3_reset(query);
	return status;
}

static mlm_status check_room(
	struct sqlite_store *store, const char *owner, const char *name, mlm_error *err)
{
	bool has = false;
	mlm_status status = has_row(store,
		"SELECT 1 FROM mlm_artifacts WHERE run_uuid = ?1 AND" BELOW " LIMIT 1", owner, name,
		-1, &has, err);
	if (status == MLM_OK && has)
		return error_set(err, MLM_EEXISTS, "sqlite",
			"the artifact '%.200s' cannot be stored: a directory has that name", name);
	for (const char *slash = strchr(name, '/'); slash && status == MLM_OK;
		slash = strchr(slash + 1, '/')) {
		status = has_row(store,
			"SELECT 1 FROM mlm_artifacts WHERE run_uuid = ?1 AND name = ?2", owner,
			name, (int)(slash - name), &has, err);
		if (status == MLM_OK && has)
			return error_set(err, MLM_EEXISTS, "sqlite",
				"the artifact '%.200s' cannot be stored: a file has the name of "
				"one "
				"of its directories",
				name);
	}
	return status;
}

static const char *extension_of(const char *name)
{
	const char *slash = strrchr(name, '/');
	const char *dot = strrchr(slash ? slash + 1 : name, '.');
	return dot ? dot + 1 : "";
}

static mlm_status insert_name(struct sqlite_store *store, const char *owner, const char *name,
	const struct store_content *content, mlm_error *err)
{
	sqlite3_stmt *insert;
	mlm_status status = sqlite_statement(store,
		"INSERT INTO mlm_artifacts (run_uuid, name, size, file_ext, sha256, "
		"created_time, content_id) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
		&insert, err);
	if (status != MLM_OK)
		return status;
	sqlite_bind(insert, 1, owner);
	sqlite_bind(insert, 2, name);
	sqlite3_bind_int64(insert, 3, content->size_bytes);
	sqlite_bind(insert, 4, extension_of(name));
	sqlite_bind(insert, 5, content->sha256);
	sqlite3_bind_int64(insert, 6, clock_now_ms());
	sqlite3_bind_int64(insert, 7, content->id);
	return sqlite_step_done(store, insert, "could not store an artifact", err);
}

static mlm_status end_upload(struct sqlite_store *store, int64_t content, mlm_error *err)
{
	sqlite3_stmt *delete;
	mlm_status status = sqlite_statement(store,
		"DELETE FROM mlm_artifact_uploads WHERE content_id = ?1 AND last_time > 0", &delete,
		err);
	if (status != MLM_OK)
		return status;
	sqlite3_bind_int64(delete, 1, content);
	status = sqlite_step_done(store, delete, "could not store an artifact", err);
	return status == MLM_OK && sqlite3_changes(store->db) == 0 ? taken_for_dead(err) : status;
}

/* Deletes a name and those below it as a directory ("": all); a trigger makes their contents
 * waste. */
static mlm_status delete_names(
	struct sqlite_store *store, const char *owner, const char *name, mlm_error *err)
{
	sqlite3_stmt *delete;
	mlm_status status = sqlite_statement(store,
		"DELETE FROM mlm_artifacts WHERE run_uuid = ?1 AND "
		"(?2 = '' OR name = ?2 OR" BELOW ")",
		&delete, err);
	if (status != MLM_OK)
		return status;
	sqlite_bind(delete, 1, owner);
	sqlite_bind(delete, 2, name);
	return sqlite_step_done(store, delete, "could not remove artifacts", err);
}

mlm_status sqlite_name_content(struct store *base, const char *owner, const char *name,
	const struct store_content *content, mlm_error *err)
{
	struct sqlite_store *store = sqlite_store_of(base);
	mlm_status status = sqlite_begin_write(store, err);
	if (status != MLM_OK)
		return status;
	status = end_upload(store, content->id, err);
	if (status == MLM_OK)
		status = check_room(store, owner, name, err);
	if (status == MLM_OK)
		status = delete_names(store, owner, name, err);
	if (status == MLM_OK)
		status = insert_name(store, owner, name, content, err);
	return sqlite_end(store, status, err);
}

mlm_status sqlite_drop_content(struct store *base, int64_t content, mlm_error *err)
{
	struct sqlite_store *store = sqlite_store_of(base);
	sqlite3_stmt *update;
	mlm_status status = sqlite_begin_write(store, err);
	if (status != MLM_OK)
		return status;
	status = sqlite_statement(store,
		"UPDATE mlm_artifact_uploads SET last_time = 0 WHERE content_id = ?1", &update,
		err);
	if (status == MLM_OK) {
		sqlite3_bind_int64(update, 1, content);
		status = sqlite_step_done(store, update, "could not drop an artifact", err);
	}
	return sqlite_end(store, status, err);
}

/* ---- waste ---- */

static mlm_status delete_piece(struct sqlite_store *store, int64_t content, mlm_error *err)
{
	sqlite3_stmt *delete;
	mlm_status status = sqlite_statement(store,
		"DELETE FROM mlm_artifact_chunks WHERE rowid IN (SELECT rowid "
		"FROM mlm_artifact_chunks WHERE content_id = ?1 LIMIT ?2)",
		&delete, err);
	if (status != MLM_OK)
		return status;
	sqlite3_bind_int64(delete, 1, content);
	sqlite3_bind_int(delete, 2, CHUNKS_PER_PIECE);
	status = sqlite_step_done(store, delete, "could not free artifacts", err);
	if (status != MLM_OK || sqlite3_changes(store->db) == CHUNKS_PER_PIECE)
		return status;
	status = sqlite_statement(
		store, "DELETE FROM mlm_artifact_uploads WHERE content_id = ?1", &delete, err);
	if (status != MLM_OK)
		return status;
	sqlite3_bind_int64(delete, 1, content);
	return sqlite_step_done(store, delete, "could not free artifacts", err);
}

/* The first content that is waste; 0 for none. */
static mlm_status find_waste(struct sqlite_store *store, int64_t *content_out, mlm_error *err)
{
	sqlite3_stmt *query;
	*content_out = 0;
	mlm_status status = sqlite_statement(store,
		"SELECT content_id FROM mlm_artifact_uploads WHERE last_time < ?1 LIMIT 1", &query,
		err);
	if (status != MLM_OK)
		return status;
	sqlite3_bind_int64(query, 1, clock_now_ms() - STORE_UPLOAD_STALE_MS);
	int result = sqlite3_step(query);
	if (result == SQLITE_ROW)
		*content_out = sqlite3_column_int64(query, 0);
	else if (result != SQLITE_DONE)
		status = sqlite_failed(store, err, "could not look for waste");
	sqlite3_reset(query);
	return status;
}

mlm_status sqlite_free_waste(struct store *base, bool *more_out, mlm_error *err)
{
	struct sqlite_store *store = sqlite_store_of(base);
	int64_t content = 0;
	*more_out = false;
	if (!store->layout.artifacts)
		return MLM_OK;
	/* Looked for first: most often there is none, and then nobody need wait for a lock. */
	mlm_status status = find_waste(store, &content, err);
	if (status != MLM_OK || content == 0)
		return status;
	status = sqlite_begin_write(store, err);
	if (status != MLM_OK)
		return status;
	status = find_waste(store, &content, err);
	if (status == MLM_OK && content != 0)
		status = delete_piece(store, content, err);
	status = sqlite_end(store, status, err);
	*more_out = status == MLM_OK;
	return status;
}

/* ---- reading ---- */

static mlm_status find_content(struct sqlite_store *store, const char *owner, const char *name,
	struct store_content *content_out, mlm_error *err)
{
	sqlite3_stmt *query;
	mlm_status status = sqlite_statement(store,
		"SELECT content_id, size, sha256 FROM mlm_artifacts WHERE run_uuid = ?1 "
		"AND name = ?2",
		&query, err);
	if (status != MLM_OK)
		return status;
	sqlite_bind(query, 1, owner);
	sqlite_bind(query, 2, name);
	int result = sqlite3_step(query);
	if (result == SQLITE_ROW) {
		const char *sha256 = (const char *)sqlite3_column_text(query, 2);
		content_out->id = sqlite3_column_int64(query, 0);
		content_out->size_bytes = sqlite3_column_int64(query, 1);
		snprintf(content_out->sha256, sizeof(content_out->sha256), "%s",
			sha256 ? sha256 : "");
	} else {
		status = result == SQLITE_DONE
				 ? error_set(err, MLM_ENOTFOUND, "sqlite",
					   "there is no artifact '%.200s' of run %s", name, owner)
				 : sqlite_failed(store, err, "could not look for an artifact");
	}
	sqlite3_reset(query);
	return status;
}

mlm_status sqlite_begin_reading(struct store *base, const char *owner, const char *name,
	struct store_content *content_out, mlm_error *err)
{
	struct sqlite_store *store = sqlite_store_of(base);
	*content_out = (struct store_content){ 0 };
	if (!store->layout.artifacts)
		return error_set(err, MLM_ENOTFOUND, "sqlite",
			"there is no artifact '%.200s' of run %s", name, owner);
	mlm_status status = sqlite_begin_read(store, err);
	if (status != MLM_OK)
		return status;
	status = find_content(store, owner, name, content_out, err);
	/* The transaction stays open: it is what holds the state. */
	return status == MLM_OK ? status : sqlite_end(store, status, err);
}

mlm_status sqlite_read_chunk(struct store *base, int64_t content, int64_t index, void *bytes,
	size_t *size_out, mlm_error *err)
{
	struct sqlite_store *store = sqlite_store_of(base);
	sqlite3_stmt *query;
	*size_out = 0;
	mlm_status status = sqlite_statement(store,
		"SELECT bytes FROM mlm_artifact_chunks WHERE content_id = ?1 AND chunk = ?2",
		&query, err);
	if (status != MLM_OK)
		return status;
	sqlite3_bind_int64(query, 1, content);
	sqlite3_bind_int64(query, 2, index);
	int result = sqlite3_step(query);
	if (result == SQLITE_ROW) {
		const void *from = sqlite3_column_blob(query, 0);
		int size = sqlite3_column_bytes(query, 0);
		if (from && size > 0 && (size_t)size <= STORE_CHUNK_BYTES) {
			memcpy(bytes, from, (size_t)size);
			*size_out = (size_t)size;
		}
	} else if (result != SQLITE_DONE) {
		status = sqlite_failed(store, err, "could not read an artifact");
	}
	sqlite3_reset(query);
	if (status == MLM_OK && *size_out == 0)
		return error_set(err, MLM_ECORRUPT, "sqlite",
			"bytes of an artifact are missing from the store");
	return status;
}

void sqlite_end_reading(struct store *base)
{
	struct sqlite_store *store = sqlite_store_of(base);
	/* Nothing was changed, so nothing can fail to be kept. */
	sqlite3_exec(store->db, "COMMIT", NULL, NULL, NULL);
}

mlm_status sqlite_list_contents(struct store *base, const char *owner, const char *directory,
	store_content_fn visit, void *payload, mlm_error *err)
{
	struct sqlite_store *store = sqlite_store_of(base);
	sqlite3_stmt *query;
	if (!store->layout.artifacts)
		return MLM_OK;
	mlm_status status = sqlite_statement(store,
		"SELECT name, size FROM mlm_artifacts WHERE run_uuid = ?1 AND (?2 = '' OR" BELOW
		") ORDER BY name",
		&query, err);
	if (status != MLM_OK)
		return status;
	sqlite_bind(query, 1, owner);
	sqlite_bind(query, 2, directory);
	int result = SQLITE_DONE;
	while (status == MLM_OK && (result = sqlite3_step(query)) == SQLITE_ROW) {
		const char *name = (const char *)sqlite3_column_text(query, 0);
		if (name)
			status = visit(payload, name, sqlite3_column_int64(query, 1), err);
	}
	if (status == MLM_OK && result != SQLITE_DONE)
		status = sqlite_failed(store, err, "could not list artifacts");
	sqlite3_reset(query);
	return status;
}

mlm_status sqlite_remove_contents(
	struct store *base, const char *owner, const char *name, size_t *count_out, mlm_error *err)
{
	struct sqlite_store *store = sqlite_store_of(base);
	*count_out = 0;
	if (!store->layout.artifacts)
		return MLM_OK;
	mlm_status status = sqlite_begin_write(store, err);
	if (status != MLM_OK)
		return status;
	status = delete_names(store, owner, name, err);
	if (status == MLM_OK)
		*count_out = (size_t)sqlite3_changes(store->db);
	status = sqlite_end(store, status, err);
	if (status != MLM_OK)
		*count_out = 0;
	return status;
}
