/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/error.h"
#include "store/answer.h"
#include "store/param_conflict.h"
#include "store/rest_store.h"

/* Params sorted by key, each once: the server refuses a request that names one twice. */
static mlm_status unify(struct arena *arena, const char *run_id, const mlm_text *params,
	size_t count, const mlm_text **unique_out, size_t *unique_count_out, mlm_error *err)
{
	mlm_text *unique = count ? arena_array(arena, count, sizeof(*unique)) : NULL;
	*unique_out = unique;
	*unique_count_out = 0;
	if (count == 0)
		return MLM_OK;
	if (!unique)
		return rest_no_memory(err);
	memcpy(unique, params, count * sizeof(*unique));
	answer_sort_texts(unique, count);
	size_t kept = 0;
	for (size_t i = 0; i < count; i++) {
		if (kept == 0 || strcmp(unique[kept - 1].key, unique[i].key) != 0)
			unique[kept++] = unique[i];
		else if (strcmp(unique[kept - 1].value, unique[i].value) != 0)
			return param_conflict(err, run_id, unique[i].key, unique[kept - 1].value,
				unique[i].value);
	}
	*unique_count_out = kept;
	return MLM_OK;
}

/* Whether one of the params has another value already. MLM_OK: none has. */
static mlm_status compare(struct rest_store *store, const char *run_id, const mlm_text *params,
	size_t count, mlm_error *err)
{
	json_t *answer;
	mlm_status status = rest_fetch_run(store, run_id, &answer, err);
	if (status != MLM_OK)
		return status;
	const json_t *data = json_object_get(json_object_get(answer, "run"), "data");
	const json_t *there = json_object_get(data, "params");
	for (size_t i = 0; i < json_array_size(there) && status == MLM_OK; i++) {
		const json_t *item = json_array_get(there, i);
		const char *key = json_string_value(json_object_get(item, "key"));
		const char *old = json_string_value(json_object_get(item, "value"));
		for (size_t k = 0; k < count && key && status == MLM_OK; k++)
			if (strcmp(params[k].key, key) == 0 &&
				strcmp(params[k].value, old ? old : "") != 0)
				status = param_conflict(err, run_id, key, old, params[k].value);
	}
	json_decref(answer);
	return status;
}

/* One request. After a refusal the run tells what is wrong with it. */
static mlm_status send(struct rest_store *store, const char *run_id, const mlm_text *params,
	size_t param_count, const mlm_text *tags, size_t tag_count, mlm_error *err)
{
	mlm_status status = rest_explain_run(store, run_id,
		rest_post(store, "runs/log-batch",
			json_pack("{s:s, s:o, s:o}", "run_id", run_id, "params",
				rest_texts(params, param_count), "tags",
				rest_texts(tags, tag_count)),
			NULL, err),
		err);
	if (status == MLM_EINVAL && param_count) {
		mlm_error why = MLM_ERROR_INIT;
		if (compare(store, run_id, params, param_count, &why) == MLM_EEXISTS) {
			status = MLM_EEXISTS;
			if (err)
				*err = why;
		}
	}
	return status;
}

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

mlm_status rest_log_texts(struct store *base, const char *run_id, const mlm_text *params,
	size_t param_count, const mlm_text *tags, size_t tag_count, mlm_error *err)
{
	struct rest_store *store = rest_store_of(base);
	struct arena *arena = arena_new(base->allocator);
	if (!arena)
		return rest_no_memory(err);
	mlm_status status = unify(arena, run_id, params, param_count, &params, &param_count, err);
	/* Several requests are no transaction: what a later one would refuse stops the first. */
	if (status == MLM_OK && param_count > REST_TEXTS_MAX)
		status = compare(store, run_id, params, param_count, err);
	while (status == MLM_OK && (param_count || tag_count)) {
		size_t some_params = smaller(param_count, REST_TEXTS_MAX);
		size_t some_tags = smaller(tag_count, REST_TEXTS_MAX);
		status = send(store, run_id, params, some_params, tags, some_tags, err);
		params += some_params;
		param_count -= some_params;
		tags += some_tags;
		tag_count -= some_tags;
	}
	arena_free(arena);
	return status;
}

mlm_status rest_delete_tag(struct store *base, const char *run_id, const char *key, mlm_error *err)
{
	struct rest_store *store = rest_store_of(base);
	mlm_status status = rest_post(store, "runs/delete-tag",
		json_pack("{s:s, s:s}", "run_id", run_id, "key", key), NULL, err);
	/* The first of two requests may have done it, and its answer was lost. */
	if (status == MLM_ENOTFOUND && mlflow_peer_tries(store->peer) > 1)
		return MLM_OK;
	if (status != MLM_ENOTFOUND)
		return rest_explain_run(store, run_id, status, err);
	status = rest_explain_run(store, run_id, status, NULL);
	if (status == MLM_ESTATE)
		return error_set(
			err, status, "run", "the run %s is deleted; restore it first", run_id);
	return error_set(err, MLM_ENOTFOUND, "tag", "the run %s has no tag '%s'", run_id, key);
}
