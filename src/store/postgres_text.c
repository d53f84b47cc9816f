/* SPDX-License-Identifier: Apache-2.0 */
#include "store/postgres_run.h"

#include <string.h>

#include "base/error.h"
#include "store/param_conflict.h"
#include "store/postgres_store.h"

#define TEXTS_MAX 1000 /* of one statement; MLflow's batches hold 100 */

/* Keys and values of texts[0..count) as two arrays, behind the run's id. */
struct pairs {
	struct postgres_array keys;
	struct postgres_array texts;
	struct postgres_values values;
};

static mlm_status pairs_begin(struct postgres_store *store, struct pairs *pairs, const char *run_id,
	const mlm_text *texts, size_t count, mlm_error *err)
{
	postgres_array_init(&pairs->keys, store->base.allocator, POSTGRES_TEXT);
	postgres_array_init(&pairs->texts, store->base.allocator, POSTGRES_TEXT);
	for (size_t i = 0; i < count; i++) {
		postgres_array_text(&pairs->keys, texts[i].key);
		postgres_array_text(&pairs->texts, texts[i].value);
	}
	pairs->values.count = 0;
	postgres_add_text(&pairs->values, run_id);
	postgres_add_array(&pairs->values, &pairs->keys);
	postgres_add_array(&pairs->values, &pairs->texts);
	if (!pairs->keys.failed && !pairs->texts.failed)
		return MLM_OK;
	return postgres_out_of_memory(err);
}

static void pairs_end(struct pairs *pairs)
{
	postgres_array_free(&pairs->keys);
	postgres_array_free(&pairs->texts);
}

/* ---- tags ---- */

static mlm_status rename_run(
	struct postgres_store *store, const char *run_id, const char *name, mlm_error *err)
{
	struct postgres_values values = { 0 };
	postgres_add_text(&values, run_id);
	postgres_add_text(&values, name);
	return postgres_query(store, "could not rename a run",
		"UPDATE runs SET name = $2::text WHERE run_uuid = $1::text", &values, NULL, err);
}

/* A run keeps its name when it is to be empty, as in MLflow. */
static bool is_empty_name(const mlm_text *tag)
{
	return !tag->value[0] && strcmp(tag->key, "mlflow.runName") == 0;
}

static mlm_status put_some_tags(struct postgres_store *store, const char *run_id,
	const mlm_text *tags, size_t count, mlm_error *err)
{
	struct pairs pairs;
	mlm_status status = pairs_begin(store, &pairs, run_id, tags, count, err);
	/* A statement may not update a row twice: of equal keys the last one counts. In the order
	 * of the keys, so that two writers take the rows' locks in one order. */
	if (status == MLM_OK)
		status = postgres_query(store, "could not set tags",
			"INSERT INTO tags (run_uuid, key, value) SELECT DISTINCT ON (t.key) "
			"$1::text, "
			"t.key, t.value FROM unnest($2::text[], $3::text[]) WITH ORDINALITY "
			"AS t (key, value, n) WHERE NOT (t.key = 'mlflow.runName' AND t.value = "
			"'') "
			"ORDER BY t.key, t.n DESC "
			"ON CONFLICT (key, run_uuid) DO UPDATE SET value = excluded.value",
			&pairs.values, NULL, err);
	pairs_end(&pairs);
	return status;
}

mlm_status postgres_put_tags(struct postgres_store *store, const char *run_id, const mlm_text *tags,
	size_t count, mlm_error *err)
{
	mlm_status status = MLM_OK;
	const char *name = NULL;
	for (size_t i = 0; i < count && status == MLM_OK; i += TEXTS_MAX) {
		size_t some = count - i < TEXTS_MAX ? count - i : TEXTS_MAX;
		status = put_some_tags(store, run_id, tags + i, some, err);
	}
	for (size_t i = 0; i < count; i++) {
		if (strcmp(tags[i].key, "mlflow.runName") == 0 && !is_empty_name(&tags[i]))
			name = tags[i].value;
	}
	return status == MLM_OK && name ? rename_run(store, run_id, name, err) : status;
}

/* ---- params ---- */

/* After the insert each param is there; one with another value was there before, or twice in the
 * call. */
static mlm_status check_params(
	struct postgres_store *store, struct pairs *pairs, const char *run_id, mlm_error *err)
{
	PGresult *rows;
	mlm_status status = postgres_query(store, "could not read params",
		"SELECT p.key, p.value, t.value FROM unnest($2::text[], $3::text[]) "
		"WITH ORDINALITY AS t (key, value, n) JOIN params AS p ON p.key = t.key "
		"WHERE p.run_uuid = $1::text AND p.value <> t.value ORDER BY t.n LIMIT 1",
		&pairs->values, &rows, err);
	if (status != MLM_OK)
		return status;
	if (pq.PQntuples(rows) > 0)
		status = param_conflict(err, run_id, postgres_text(rows, 0, 0),
			postgres_text(rows, 0, 1), postgres_text(rows, 0, 2));
	pq.PQclear(rows);
	return status;
}

static mlm_status put_some_params(struct postgres_store *store, const char *run_id,
	const mlm_text *params, size_t count, mlm_error *err)
{
	struct pairs pairs;
	mlm_status status = pairs_begin(store, &pairs, run_id, params, count, err);
	if (status == MLM_OK)
		status = postgres_query(store, "could not log params",
			"INSERT INTO params (run_uuid, key, value) SELECT DISTINCT ON (t.key) "
			"$1::text, t.key, t.value FROM unnest($2::text[], $3::text[]) "
			"WITH ORDINALITY AS t (key, value, n) ORDER BY t.key, t.n "
			"ON CONFLICT (key, run_uuid) DO NOTHING",
			&pairs.values, NULL, err);
	if (status == MLM_OK)
		status = check_params(store, &pairs, run_id, err);
	pairs_end(&pairs);
	return status;
}

/* ---- the operations ---- */

struct texts {
	const char *run_id;
	const mlm_text *params;
	size_t param_count;
	const mlm_text *tags;
	size_t tag_count;
};

static mlm_status log_all(struct postgres_store *store, void *payload, mlm_error *err)
{
	const struct texts *texts = payload;
	mlm_status status = postgres_require_active_run(store, texts->run_id, err);
	for (size_t i = 0; i < texts->param_count && status == MLM_OK; i += TEXTS_MAX) {
		size_t left = texts->param_count - i;
		status = put_some_params(store, texts->run_id, texts->params + i,
			left < TEXTS_MAX ? left : TEXTS_MAX, err);
	}
	if (status == MLM_OK)
		status =
			postgres_put_tags(store, texts->run_id, texts->tags, texts->tag_count, err);
	return status;
}

mlm_status postgres_log_texts(struct store *base, const char *run_id, const mlm_text *params,
	size_t param_count, const mlm_text *tags, size_t tag_count, mlm_error *err)
{
	struct texts texts = { run_id, params, param_count, tags, tag_count };
	return postgres_transact(postgres_store_of(base), true, log_all, &texts, err);
}

static mlm_status delete_one(struct postgres_store *store, void *payload, mlm_error *err)
{
	const struct texts *texts = payload;
	const char *key = texts->tags[0].key;
	struct postgres_values values = { 0 };
	int64_t rows = 0;
	mlm_status status = postgres_require_active_run(store, texts->run_id, err);
	if (status != MLM_OK)
		return status;
	postgres_add_text(&values, texts->run_id);
	postgres_add_text(&values, key);
	status = postgres_change(store, "could not delete a tag",
		"DELETE FROM tags WHERE run_uuid = $1::text AND key = $2::text", &values, &rows,
		err);
	if (status == MLM_OK && rows == 0 && !store->is_retry)
		status = error_set(err, MLM_ENOTFOUND, "tag", "the run %s has no tag '%s'",
			texts->run_id, key);
	return status;
}

mlm_status postgres_delete_tag(
	struct store *base, const char *run_id, const char *key, mlm_error *err)
{
	const mlm_text tag = { key, "" };
	struct texts texts = { .run_id = run_id, .tags = &tag, .tag_count = 1 };
	return postgres_transact(postgres_store_of(base), true, delete_one, &texts, err);
}
