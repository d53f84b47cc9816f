/* SPDX-License-Identifier: Apache-2.0 */
#include "store/postgres_artifact.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "base/clock.h"
#include "base/error.h"
#include "store/postgres_store.h"

#define CHUNKS_PER_PIECE "16" /* what a transaction frees at most */

/* The names below the directory $2; the comparison does not ask how a language sorts. */
#define BELOW "starts_with(name, $2::text || '/')"

/* What the transactions here are about. */
struct artifact {
	const char *owner, *name;
	struct store_content content;
	int64_t index;
	const void *bytes;
	void *bytes_out;
	size_t size;
	size_t count;
	bool flag;
	PGresult *rows;
};

static mlm_status has_row(struct postgres_store *store, const char *sql,
	const struct postgres_values *values, bool *has_out, mlm_error *err)
{
	PGresult *rows;
	*has_out = false;
	mlm_status status =
		postgres_query(store, "could not look for an artifact", sql, values, &rows, err);
	if (status != MLM_OK)
		return status;
	*has_out = pq.PQntuples(rows) > 0;
	pq.PQclear(rows);
	return MLM_OK;
}

/* Databases that MLflow made have no tables for it, until the first artifact. */
static mlm_status find_tables(struct postgres_store *store, mlm_error *err)
{
	return store->layout.artifacts
		       ? MLM_OK
		       : has_row(store, "SELECT 1 WHERE to_regclass('mlm_artifacts') IS NOT NULL",
				 NULL, &store->layout.artifacts, err);
}

static mlm_status need_tables(struct postgres_store *store, mlm_error *err)
{
	mlm_status status = find_tables(store, err);
	if (status != MLM_OK || store->layout.artifacts)
		return status;
	status = postgres_lock_schema(store, err);
	if (status == MLM_OK)
		status = find_tables(store, err);
	if (status != MLM_OK || store->layout.artifacts)
		return status;
	/* As in image/mlmanager.sql. */
	return postgres_query(store, "could not add the tables of artifacts",
		"CREATE TABLE mlm_artifacts (run_uuid VARCHAR(32) NOT NULL, name TEXT NOT NULL, "
		"size BIGINT NOT NULL, file_ext TEXT NOT NULL, sha256 VARCHAR(64) NOT NULL, "
		"created_time BIGINT NOT NULL, content_id BIGINT NOT NULL UNIQUE, "
		"PRIMARY KEY (run_uuid, name));"
		"CREATE TABLE mlm_artifact_chunks (content_id BIGINT NOT NULL, "
		"chunk BIGINT NOT NULL, bytes BYTEA NOT NULL, PRIMARY KEY (content_id, chunk));"
		"CREATE TABLE mlm_artifact_uploads (content_id BIGINT PRIMARY KEY, "
		"last_time BIGINT NOT NULL);"
		"CREATE FUNCTION mlm_artifacts_waste() RETURNS trigger LANGUAGE plpgsql AS $$ "
		"BEGIN INSERT INTO mlm_artifact_uploads (content_id, last_time) "
		"VALUES (OLD.content_id, 0); RETURN NULL; END $$;"
		"CREATE TRIGGER mlm_artifacts_waste AFTER DELETE ON mlm_artifacts "
		"FOR EACH ROW EXECUTE FUNCTION mlm_artifacts_waste()",
		NULL, NULL, err);
}

/* ---- writing ---- */

static mlm_status begin_body(struct postgres_store *store, void *payload, mlm_error *err)
{
	struct artifact *artifact = payload;
	struct postgres_values values = { 0 };
	int64_t id;
	mlm_status status = need_tables(store, err);
	if (status != MLM_OK)
		return status;
	/* A random number: one that was used before might belong to an upload that goes on. 63
	 * bits do not meet again, and where they did, the key would refuse them. */
	if (getrandom(&id, sizeof(id), 0) != (ssize_t)sizeof(id))
		return error_set(err, MLM_EIO, "postgresql", "the system gave no random number");
	artifact->content.id = id & INT64_MAX;
	postgres_add_integer(&values, artifact->content.id);
	postgres_add_integer(&values, clock_now_ms());
	return postgres_query(store, "could not begin an artifact",
		"INSERT INTO mlm_artifact_uploads (content_id, last_time) "
		"VALUES ($1::bigint, $2::bigint)",
		&values, NULL, err);
}

static mlm_status begin_content(
	struct store *base, int64_t size_bytes, int64_t *content_out, mlm_error *err)
{
	(void)size_bytes; /* the disk is the server's */
	struct artifact artifact = { 0 };
	struct postgres_store *store = postgres_store_of(base);
	mlm_status status = postgres_transact(store, true, begin_body, &artifact, err);
	if (status == MLM_OK)
		store->layout.artifacts = true;
	*content_out = status == MLM_OK ? artifact.content.id : 0;
	return status;
}

static mlm_status taken_for_dead(mlm_error *err)
{
	return error_set(err, MLM_EAGAIN, "postgresql",
		"the upload stood still for an hour and was taken for dead; log the artifact "
		"again");
}

static mlm_status add_body(struct postgres_store *store, void *payload, mlm_error *err)
{
	const struct artifact *artifact = payload;
	struct postgres_values touch = { 0 }, chunk = { 0 };
	int64_t rows = 0;
	postgres_add_integer(&touch, artifact->content.id);
	postgres_add_integer(&touch, clock_now_ms());
	mlm_status status = postgres_change(store, "could not store an artifact",
		"UPDATE mlm_artifact_uploads SET last_time = $2::bigint "
		"WHERE content_id = $1::bigint AND last_time > 0",
		&touch, &rows, err);
	if (status == MLM_OK && rows == 0)
		return taken_for_dead(err);
	if (status != MLM_OK)
		return status;
	postgres_add_integer(&chunk, artifact->content.id);
	postgres_add_integer(&chunk, artifact->index);
	postgres_add_binary(&chunk, artifact->bytes, artifact->size);
	/* There already: put by an attempt whose answer was lost. */
	return postgres_query(store, "could not store an artifact",
		"INSERT INTO mlm_artifact_chunks (content_id, chunk, bytes) "
		"VALUES ($1::bigint, $2::bigint, $3::bytea) ON CONFLICT DO NOTHING",
		&chunk, NULL, err);
}

static mlm_status add_chunk(struct store *base, int64_t content, int64_t index, const void *bytes,
	size_t size, mlm_error *err)
{
	struct artifact artifact = {
		.content.id = content, .index = index, .bytes = bytes, .size = size
	};
	return postgres_transact(postgres_store_of(base), true, add_body, &artifact, err);
}

static mlm_status check_room(
	struct postgres_store *store, const struct artifact *artifact, mlm_error *err)
{
	struct postgres_values values = { 0 };
	bool has = false;
	postgres_add_text(&values, artifact->owner);
	postgres_add_text(&values, artifact->name);
	mlm_status status = has_row(store,
		"SELECT 1 FROM mlm_artifacts WHERE run_uuid = $1::text AND " BELOW " LIMIT 1",
		&values, &has, err);
	if (status == MLM_OK && has)
		return error_set(err, MLM_EEXISTS, "postgresql",
			"the artifact '%.200s' cannot be stored: a directory has that name",
			artifact->name);
	if (status == MLM_OK)
		status = has_row(store,
			"SELECT 1 FROM mlm_artifacts WHERE run_uuid = $1::text AND "
			"starts_with($2::text, name || '/') LIMIT 1",
			&values, &has, err);
	if (status == MLM_OK && has)
		return error_set(err, MLM_EEXISTS, "postgresql",
			"the artifact '%.200s' cannot be stored: a file has the name of one of its "
			"directories",
			artifact->name);
	return status;
}

static const char *extension_of(const char *name)
{
	const char *slash = strrchr(name, '/');
	const char *dot = strrchr(slash ? slash + 1 : name, '.');
	return dot ? dot + 1 : "";
}

/* Two names of one run may exclude each other without being the same row. */
static mlm_status lock_owner(struct postgres_store *store, const char *owner, mlm_error *err)
{
	struct postgres_values values = { 0 };
	postgres_add_text(&values, owner);
	return postgres_query(store, "could not wait for others that store artifacts",
		"SELECT pg_advisory_xact_lock(hashtextextended($1::text, 7813562904416))", &values,
		NULL, err);
}

/* Takes the name from the content that has it. A trigger makes that waste, which is not freed while
 * somebody may be reading it: its time is that of the replacement, below zero. */
static mlm_status delete_replaced(
	struct postgres_store *store, const struct artifact *artifact, mlm_error *err)
{
	struct postgres_values name = { 0 }, waste = { 0 };
	PGresult *rows;
	postgres_add_text(&name, artifact->owner);
	postgres_add_text(&name, artifact->name);
	mlm_status status = postgres_query(store, "could not replace an artifact",
		"DELETE FROM mlm_artifacts WHERE run_uuid = $1::text AND name = $2::text "
		"RETURNING content_id",
		&name, &rows, err);
	if (status != MLM_OK)
		return status;
	bool is_replaced = pq.PQntuples(rows) > 0;
	if (is_replaced)
		postgres_add_integer(&waste, postgres_integer(rows, 0, 0, 0));
	pq.PQclear(rows);
	if (!is_replaced)
		return MLM_OK;
	postgres_add_integer(&waste, -clock_now_ms());
	return postgres_query(store, "could not replace an artifact",
		"UPDATE mlm_artifact_uploads SET last_time = $2::bigint "
		"WHERE content_id = $1::bigint",
		&waste, NULL, err);
}

/* Deletes a name and those below it as a directory ("": all); a trigger makes their contents
 * waste. */
static mlm_status delete_names(struct postgres_store *store, const struct artifact *artifact,
	int64_t *rows_out, mlm_error *err)
{
	struct postgres_values values = { 0 };
	postgres_add_text(&values, artifact->owner);
	postgres_add_text(&values, artifact->name);
	return postgres_change(store, "could not remove artifacts",
		"DELETE FROM mlm_artifacts WHERE run_uuid = $1::text AND "
		"($2::text = '' OR name = $2::text OR " BELOW ")",
		&values, rows_out, err);
}

static mlm_status insert_name(
	struct postgres_store *store, const struct artifact *artifact, mlm_error *err)
{
	struct postgres_values values = { 0 };
	postgres_add_text(&values, artifact->owner);
	postgres_add_text(&values, artifact->name);
	postgres_add_integer(&values, artifact->content.size_bytes);
	postgres_add_text(&values, extension_of(artifact->name));
	postgres_add_text(&values, artifact->content.sha256);
	postgres_add_integer(&values, clock_now_ms());
	postgres_add_integer(&values, artifact->content.id);
	return postgres_query(store, "could not store an artifact",
		"INSERT INTO mlm_artifacts (run_uuid, name, size, file_ext, sha256, created_time, "
		"content_id) VALUES ($1::text, $2::text, $3::bigint, $4::text, $5::text, "
		"$6::bigint, $7::bigint)",
		&values, NULL, err);
}

static mlm_status name_body(struct postgres_store *store, void *payload, mlm_error *err)
{
	const struct artifact *artifact = payload;
	struct postgres_values content = { 0 };
	bool is_done = false;
	int64_t rows = 0;
	postgres_add_integer(&content, artifact->content.id);
	mlm_status status = lock_owner(store, artifact->owner, err);
	if (status == MLM_OK && store->is_retry)
		status = has_row(store, "SELECT 1 FROM mlm_artifacts WHERE content_id = $1::bigint",
			&content, &is_done, err);
	if (status != MLM_OK || is_done)
		return status;
	status = postgres_change(store, "could not store an artifact",
		"DELETE FROM mlm_artifact_uploads WHERE content_id = $1::bigint AND last_time > 0",
		&content, &rows, err);
	if (status == MLM_OK && rows == 0)
		return taken_for_dead(err);
	if (status == MLM_OK)
		status = check_room(store, artifact, err);
	if (status == MLM_OK)
		status = delete_replaced(store, artifact, err);
	return status == MLM_OK ? insert_name(store, artifact, err) : status;
}

static mlm_status name_content(struct store *base, const char *owner, const char *name,
	const struct store_content *content, mlm_error *err)
{
	struct artifact artifact = { .owner = owner, .name = name, .content = *content };
	return postgres_transact(postgres_store_of(base), true, name_body, &artifact, err);
}

static mlm_status drop_body(struct postgres_store *store, void *payload, mlm_error *err)
{
	const struct artifact *artifact = payload;
	struct postgres_values values = { 0 };
	postgres_add_integer(&values, artifact->content.id);
	return postgres_query(store, "could not drop an artifact",
		"UPDATE mlm_artifact_uploads SET last_time = 0 WHERE content_id = $1::bigint",
		&values, NULL, err);
}

static mlm_status drop_content(struct store *base, int64_t content, mlm_error *err)
{
	struct artifact artifact = { .content.id = content };
	return postgres_transact(postgres_store_of(base), true, drop_body, &artifact, err);
}

/* ---- waste ---- */

/* Others that free do not wait for each other: each takes another content. */
static mlm_status free_body(struct postgres_store *store, void *payload, mlm_error *err)
{
	struct artifact *artifact = payload;
	struct postgres_values since = { 0 };
	PGresult *rows;
	artifact->flag = false;
	mlm_status status = find_tables(store, err);
	if (status != MLM_OK || !store->layout.artifacts)
		return status;
	postgres_add_integer(&since, STORE_REPLACED_KEPT_MS - clock_now_ms());
	postgres_add_integer(&since, clock_now_ms() - STORE_UPLOAD_STALE_MS);
	status = postgres_query(store, "could not look for waste",
		"SELECT content_id FROM mlm_artifact_uploads WHERE last_time BETWEEN $1::bigint "
		"AND $2::bigint LIMIT 1 FOR UPDATE SKIP LOCKED",
		&since, &rows, err);
	if (status != MLM_OK)
		return status;
	artifact->flag = pq.PQntuples(rows) > 0;
	int64_t content = artifact->flag ? postgres_integer(rows, 0, 0, 0) : 0;
	pq.PQclear(rows);
	if (!artifact->flag)
		return MLM_OK;
	struct postgres_values values = { 0 };
	postgres_add_integer(&values, content);
	/* The upload goes once no chunk is left of it. */
	return postgres_query(store, "could not free artifacts",
		"WITH gone AS (DELETE FROM mlm_artifact_chunks WHERE content_id = $1::bigint AND "
		"chunk IN (SELECT chunk FROM mlm_artifact_chunks WHERE content_id = $1::bigint "
		"LIMIT " CHUNKS_PER_PIECE ") RETURNING 1) DELETE FROM mlm_artifact_uploads "
		"WHERE content_id = $1::bigint AND (SELECT count(*) FROM gone) < " CHUNKS_PER_PIECE,
		&values, NULL, err);
}

static mlm_status free_waste(struct store *base, bool *more_out, mlm_error *err)
{
	struct artifact artifact = { 0 };
	mlm_status status =
		postgres_transact(postgres_store_of(base), true, free_body, &artifact, err);
	*more_out = status == MLM_OK && artifact.flag;
	return status;
}

/* ---- reading ---- */

static mlm_status find_content(
	struct postgres_store *store, struct artifact *artifact, mlm_error *err)
{
	struct postgres_values values = { 0 };
	PGresult *rows = NULL;
	mlm_status status = find_tables(store, err);
	postgres_add_text(&values, artifact->owner);
	postgres_add_text(&values, artifact->name);
	if (status == MLM_OK && store->layout.artifacts)
		status = postgres_query(store, "could not look for an artifact",
			"SELECT content_id, size, sha256 FROM mlm_artifacts "
			"WHERE run_uuid = $1::text AND name = $2::text",
			&values, &rows, err);
	if (status != MLM_OK)
		return status;
	if (!rows || pq.PQntuples(rows) == 0) {
		status = error_set(err, MLM_ENOTFOUND, "postgresql",
			"there is no artifact '%.200s' of run %s", artifact->name, artifact->owner);
	} else {
		artifact->content.id = postgres_integer(rows, 0, 0, 0);
		artifact->content.size_bytes = postgres_integer(rows, 0, 1, 0);
		snprintf(artifact->content.sha256, sizeof(artifact->content.sha256), "%s",
			postgres_text(rows, 0, 2));
	}
	pq.PQclear(rows);
	return status;
}

static mlm_status find_body(struct postgres_store *store, void *payload, mlm_error *err)
{
	return find_content(store, payload, err);
}

static mlm_status begin_reading(struct store *base, const char *owner, const char *name,
	struct store_content *content_out, mlm_error *err)
{
	struct artifact artifact = { .owner = owner, .name = name };
	*content_out = (struct store_content){ 0 };
	mlm_status status =
		postgres_transact(postgres_store_of(base), false, find_body, &artifact, err);
	if (status == MLM_OK)
		*content_out = artifact.content;
	return status;
}

/* A chunk that is not there. */
static mlm_status missing_chunk(struct postgres_store *store, int64_t content, mlm_error *err)
{
	struct postgres_values values = { 0 };
	bool is_named;
	postgres_add_integer(&values, content);
	mlm_status status =
		has_row(store, "SELECT 1 FROM mlm_artifacts WHERE content_id = $1::bigint", &values,
			&is_named, err);
	if (status != MLM_OK)
		return status;
	if (is_named)
		return error_set(err, MLM_ECORRUPT, "postgresql",
			"bytes of an artifact are missing from the store");
	return error_set(err, MLM_EAGAIN, "postgresql",
		"the artifact was removed or replaced while it was read; read it again");
}

static mlm_status read_body(struct postgres_store *store, void *payload, mlm_error *err)
{
	struct artifact *artifact = payload;
	struct postgres_values values = { 0 };
	PGresult *rows;
	postgres_add_integer(&values, artifact->content.id);
	postgres_add_integer(&values, artifact->index);
	mlm_status status = postgres_query_with(store, "could not read an artifact",
		"SELECT bytes FROM mlm_artifact_chunks WHERE content_id = $1::bigint "
		"AND chunk = $2::bigint",
		values.count, values.texts, values.sizes, values.formats, true, &rows, err);
	if (status != MLM_OK)
		return status;
	size_t size = pq.PQntuples(rows) > 0 ? (size_t)pq.PQgetlength(rows, 0, 0) : 0;
	artifact->size = size <= STORE_CHUNK_BYTES ? size : 0;
	if (artifact->size > 0)
		memcpy(artifact->bytes_out, pq.PQgetvalue(rows, 0, 0), artifact->size);
	pq.PQclear(rows);
	return artifact->size > 0 ? MLM_OK : missing_chunk(store, artifact->content.id, err);
}

/* Its connection is given back before the reader gets the bytes, which may take them slowly. */
static mlm_status read_chunk(struct store *base, int64_t content, int64_t index, void *bytes,
	size_t *size_out, mlm_error *err)
{
	struct artifact artifact = { .content.id = content, .index = index, .bytes_out = bytes };
	mlm_status status =
		postgres_transact(postgres_store_of(base), false, read_body, &artifact, err);
	*size_out = status == MLM_OK ? artifact.size : 0;
	return status;
}

static void end_reading(struct store *base)
{
	(void)base;
}

static mlm_status list_body(struct postgres_store *store, void *payload, mlm_error *err)
{
	struct artifact *artifact = payload;
	struct postgres_values values = { 0 };
	mlm_status status = find_tables(store, err);
	if (status != MLM_OK || !store->layout.artifacts)
		return status;
	postgres_add_text(&values, artifact->owner);
	postgres_add_text(&values, artifact->name);
	/* By bytes, as the contract has it. */
	return postgres_query(store, "could not list artifacts",
		"SELECT name, size FROM mlm_artifacts WHERE run_uuid = $1::text AND "
		"($2::text = '' OR " BELOW ") ORDER BY name COLLATE \"C\"",
		&values, &artifact->rows, err);
}

static mlm_status list_contents(struct store *base, const char *owner, const char *directory,
	store_content_fn visit, void *payload, mlm_error *err)
{
	struct artifact artifact = { .owner = owner, .name = directory };
	mlm_status status =
		postgres_transact(postgres_store_of(base), false, list_body, &artifact, err);
	int count = status == MLM_OK && artifact.rows ? pq.PQntuples(artifact.rows) : 0;
	for (int row = 0; row < count && status == MLM_OK; row++)
		status = visit(payload, postgres_text(artifact.rows, row, 0),
			postgres_integer(artifact.rows, row, 1, 0), err);
	pq.PQclear(artifact.rows);
	return status;
}

static mlm_status remove_body(struct postgres_store *store, void *payload, mlm_error *err)
{
	struct artifact *artifact = payload;
	int64_t rows = 0;
	artifact->count = 0;
	mlm_status status = find_tables(store, err);
	if (status != MLM_OK || !store->layout.artifacts)
		return status;
	status = lock_owner(store, artifact->owner, err);
	if (status == MLM_OK)
		status = delete_names(store, artifact, &rows, err);
	/* An attempt whose answer was lost may have found them. */
	artifact->count = rows == 0 && store->is_retry ? 1 : (size_t)rows;
	return status;
}

static mlm_status remove_contents(
	struct store *base, const char *owner, const char *name, size_t *count_out, mlm_error *err)
{
	struct artifact artifact = { .owner = owner, .name = name };
	mlm_status status =
		postgres_transact(postgres_store_of(base), true, remove_body, &artifact, err);
	*count_out = status == MLM_OK ? artifact.count : 0;
	return status;
}

const struct store_artifact_ops postgres_artifact_ops = {
	.begin_content = begin_content,
	.add_chunk = add_chunk,
	.name_content = name_content,
	.drop_content = drop_content,
	.free_waste = free_waste,
	.begin_reading = begin_reading,
	.read_chunk = read_chunk,
	.end_reading = end_reading,
	.list_contents = list_contents,
	.remove_contents = remove_contents,
};
