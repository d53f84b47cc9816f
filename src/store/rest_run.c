/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "store/answer.h"
#include "store/rest_store.h"
#include "store/run_status.h"

#define EXPERIMENTS_PAGE   1000
#define EXPERIMENTS_IN_ONE 100u /* of a search over all of them */

/* ---- finding ---- */

mlm_status rest_fetch_run(
	struct rest_store *store, const char *run_id, json_t **answer_out, mlm_error *err)
{
	const char *const query[] = { "run_id", run_id, NULL };
	mlm_error why = MLM_ERROR_INIT;
	mlm_status status = rest_get(store, "runs/get", query, answer_out, &why);
	/* What cannot be an id is a wrong parameter to the server. */
	if (status == MLM_ENOTFOUND || status == MLM_EINVAL)
		return error_set(
			err, MLM_ENOTFOUND, "run", "there is no run with the id '%s'", run_id);
	if (status != MLM_OK && err)
		*err = why;
	if (status != MLM_OK || json_is_object(json_object_get(*answer_out, "run")))
		return status;
	json_decref(*answer_out);
	*answer_out = NULL;
	return error_set(err, MLM_EPEER, "rest",
		"%s answered without the run that it was asked for",
		mlflow_peer_address(store->peer));
}

static const json_t *info_of(const json_t *answer)
{
	return json_object_get(json_object_get(answer, "run"), "info");
}

mlm_status rest_explain_run(
	struct rest_store *store, const char *run_id, mlm_status status, mlm_error *err)
{
	json_t *answer;
	if (status != MLM_EINVAL && status != MLM_ESTATE && status != MLM_ENOTFOUND)
		return status;
	mlm_status found =
		rest_fetch_run(store, run_id, &answer, status == MLM_ENOTFOUND ? err : NULL);
	if (found == MLM_ENOTFOUND)
		status = error_set(err, found, "run", "there is no run with the id '%s'", run_id);
	else if (found == MLM_OK && rest_read_lifecycle(info_of(answer)) == MLM_DELETED)
		status = error_set(
			err, MLM_ESTATE, "run", "the run %s is deleted; restore it first", run_id);
	json_decref(answer);
	return status;
}

/* Looks among the runs of these experiments. */
static mlm_status find_among(struct rest_store *store, json_t *experiment_ids, const char *core_id,
	char id_out[MLM_ID_SIZE], mlm_error *err)
{
	char filter[MLM_ID_SIZE + 64];
	json_t *answer;
	snprintf(filter, sizeof(filter), "tags.`" STORE_ORIGIN_TAG "` = '%s'", core_id);
	json_t *body = json_pack("{s:o, s:s, s:s, s:i}", "experiment_ids", experiment_ids, "filter",
		filter, "run_view_type", "ALL", "max_results", 1);
	mlm_status status = rest_post(store, "runs/search", body, &answer, err);
	const json_t *run = json_array_get(json_object_get(answer, "runs"), 0);
	const char *id = json_string_value(json_object_get(json_object_get(run, "info"), "run_id"));
	if (status == MLM_OK && id && strlen(id) < MLM_ID_SIZE)
		memcpy(id_out, id, strlen(id) + 1);
	json_decref(answer);
	return status;
}

static mlm_status find_in_page(struct rest_store *store, const json_t *experiments,
	const char *core_id, char id_out[MLM_ID_SIZE], mlm_error *err)
{
	mlm_status status = MLM_OK;
	size_t count = json_array_size(experiments);
	for (size_t i = 0; i < count && status == MLM_OK && !id_out[0]; i += EXPERIMENTS_IN_ONE) {
		json_t *ids = json_array();
		for (size_t k = i; k < count && k < i + EXPERIMENTS_IN_ONE && ids; k++)
			json_array_append(ids,
				json_object_get(json_array_get(experiments, k), "experiment_id"));
		status = find_among(store, ids, core_id, id_out, err);
	}
	return status;
}

mlm_status rest_find_by_tag(struct rest_store *store, const char *experiment_id,
	const char *core_id, char id_out[MLM_ID_SIZE], mlm_error *err)
{
	id_out[0] = '\0';
	/* It goes between the quotes of a filter. */
	if (!core_id[0] || strspn(core_id, "0123456789abcdefABCDEF-") != strlen(core_id) ||
		strlen(core_id) >= MLM_ID_SIZE)
		return MLM_OK;
	if (experiment_id)
		return find_among(store, json_pack("[s]", experiment_id), core_id, id_out, err);
	json_t *page = NULL;
	mlm_status status = MLM_OK;
	do {
		const char *token = json_string_value(json_object_get(page, "next_page_token"));
		json_t *body = json_pack("{s:i, s:s, s:s*}", "max_results", EXPERIMENTS_PAGE,
			"view_type", "ALL", "page_token", token);
		json_decref(page);
		status = rest_post(store, "experiments/search", body, &page, err);
		if (status == MLM_OK)
			status = find_in_page(
				store, json_object_get(page, "experiments"), core_id, id_out, err);
	} while (status == MLM_OK && !id_out[0] && json_object_get(page, "next_page_token"));
	json_decref(page);
	return status;
}

/* ---- creating ---- */

static json_t *new_run(const struct store_new_run *run)
{
	json_t *tags = rest_texts(run->tags, run->tag_count);
	json_t *tag = tags ? json_pack("{s:s, s:s}", "key", STORE_ORIGIN_TAG, "value", run->run_id)
			   : NULL;
	if (!tags || json_array_append_new(tags, tag) != 0) {
		json_decref(tags);
		return NULL;
	}
	return json_pack("{s:s, s:s, s:s, s:I, s:o}", "experiment_id", run->experiment_id,
		"run_name", run->run_name, "user_id", run->user_id, "start_time",
		(json_int_t)run->start_time_ms, "tags", tags);
}

static mlm_status take_id(const struct rest_store *store, const json_t *answer,
	char id_out[MLM_ID_SIZE], mlm_error *err)
{
	const char *id = json_string_value(json_object_get(info_of(answer), "run_id"));
	if (!id || !id[0] || strlen(id) >= MLM_ID_SIZE)
		return error_set(err, MLM_EPEER, "rest", "%s made a run and did not tell its id",
			mlflow_peer_address(store->peer));
	memcpy(id_out, id, strlen(id) + 1);
	return MLM_OK;
}

static mlm_status explain_experiment(
	struct rest_store *store, const char *id, mlm_status status, mlm_error *err)
{
	mlm_experiment_list *list;
	if (status != MLM_EINVAL && status != MLM_ESTATE && status != MLM_ENOTFOUND)
		return status;
	mlm_error why = MLM_ERROR_INIT;
	mlm_status found = rest_get_experiment(&store->base, id, NULL, &list, &why);
	if (found == MLM_ENOTFOUND) {
		if (err)
			*err = why;
		return found;
	}
	if (found != MLM_OK)
		return status;
	if (list->items[0].lifecycle == MLM_DELETED)
		status = error_set(err, MLM_ESTATE, "experiment",
			"the experiment %s is deleted; restore it first", id);
	arena_free(list->memory);
	return status;
}

mlm_status rest_create_run(struct store *base, const struct store_new_run *run,
	char id_out[MLM_ID_SIZE], mlm_error *err)
{
	struct rest_store *store = rest_store_of(base);
	const char *address = mlflow_peer_address(store->peer);
	mlm_error why = MLM_ERROR_INIT;
	json_t *answer;
	id_out[0] = '\0';
	if (run->may_exist) {
		mlm_status found =
			rest_find_by_tag(store, run->experiment_id, run->run_id, id_out, err);
		if (found != MLM_OK || id_out[0] || run->only_finds)
			return found;
	}
	mlm_status status = rest_post(store, "runs/create", new_run(run), &answer, &why);
	bool is_unsure = status != MLM_OK && mlflow_peer_is_unsure(store->peer);
	if (status == MLM_OK)
		status = take_id(store, answer, id_out, &why);
	json_decref(answer);
	if (is_unsure) {
		error_set(err, MLM_ETIMEOUT, "rest",
			"%s did not say whether it made the run (tag " STORE_ORIGIN_TAG
			" = %s): %s",
			address, run->run_id, why.message);
		if (err)
			err->detail = why.detail;
		return MLM_ETIMEOUT;
	}
	if (status != MLM_OK && err)
		*err = why;
	return explain_experiment(store, run->experiment_id, status, err);
}

/* ---- reading ---- */

mlm_status rest_get_run(
	struct store *base, const char *run_id, mlm_run_list **list_out, mlm_error *err)
{
	struct rest_store *store = rest_store_of(base);
	json_t *answer;
	*list_out = NULL;
	mlm_status status = rest_fetch_run(store, run_id, &answer, err);
	if (status == MLM_ENOTFOUND) {
		char id[MLM_ID_SIZE];
		if (rest_find_by_tag(store, NULL, run_id, id, NULL) == MLM_OK && id[0])
			status = rest_fetch_run(store, id, &answer, err);
	}
	if (status != MLM_OK)
		return status;
	mlm_run_list *list = answer_run_list(base->allocator);
	struct rest_reader reader = { .arena = list ? list->memory : NULL };
	json_t *runs = json_pack("[O]", json_object_get(answer, "run"));
	mlm_run_record *record = list && runs ? arena_alloc(list->memory, sizeof(*record)) : NULL;
	if (record) {
		rest_read_runs(&reader, runs, record);
		list->items = record;
		list->count = 1;
	}
	json_decref(runs);
	json_decref(answer);
	if (!record || reader.out_of_memory) {
		if (list)
			arena_free(list->memory);
		return rest_no_memory(err);
	}
	*list_out = list;
	return MLM_OK;
}

mlm_status rest_search_runs(
	struct store *base, const mlm_query *query, mlm_run_list **list_out, mlm_error *err)
{
	struct rest_store *store = rest_store_of(base);
	json_t *answer;
	*list_out = NULL;
	json_t *body = json_pack("{s:o, s:I, s:s, s:s*, s:s*, s:o}", "experiment_ids",
		rest_strings(query->experiment_ids, query->experiment_count), "max_results",
		(json_int_t)(query->max_results ? query->max_results : MLM_SEARCH_RESULTS_DEFAULT),
		"run_view_type", rest_view_name(query->view), "filter", query->filter, "page_token",
		query->page_token, "order_by",
		rest_strings(query->order_by, query->order_by_count));
	mlm_status status = rest_post(store, "runs/search", body, &answer, err);
	if (status != MLM_OK)
		return status;
	const json_t *runs = json_object_get(answer, "runs");
	size_t count = json_array_size(runs);
	mlm_run_list *list = answer_run_list(base->allocator);
	struct rest_reader reader = { .arena = list ? list->memory : NULL };
	mlm_run_record *records =
		list && count ? arena_array(list->memory, count, sizeof(*records)) : NULL;
	if (records)
		rest_read_runs(&reader, runs, records);
	if (list) {
		list->items = records;
		list->count = count;
		list->next_page_token = rest_read_text(&reader, answer, "next_page_token");
	}
	json_decref(answer);
	if (!list || (count && !records) || reader.out_of_memory) {
		if (list)
			arena_free(list->memory);
		return rest_no_memory(err);
	}
	*list_out = list;
	return MLM_OK;
}

/* ---- changing ---- */

mlm_status rest_update_run(struct store *base, const char *run_id,
	const struct store_run_change *change, mlm_error *err)
{
	struct rest_store *store = rest_store_of(base);
	json_t *body = json_pack("{s:s, s:s*, s:s*}", "run_id", run_id, "status",
		run_status_name(change->status), "run_name", change->run_name);
	if (body && change->end_time_ms >= 0 &&
		json_object_set_new(body, "end_time", json_integer(change->end_time_ms)) != 0) {
		json_decref(body);
		body = NULL;
	}
	return rest_explain_run(
		store, run_id, rest_post(store, "runs/update", body, NULL, err), err);
}

mlm_status rest_set_run_lifecycle(
	struct store *base, const char *run_id, mlm_lifecycle lifecycle, mlm_error *err)
{
	struct rest_store *store = rest_store_of(base);
	bool deletes = lifecycle == MLM_DELETED;
	json_t *answer;
	mlm_status status = rest_post(store, deletes ? "runs/delete" : "runs/restore",
		json_pack("{s:s}", "run_id", run_id), NULL, err);
	if (status != MLM_ENOTFOUND && status != MLM_ESTATE && status != MLM_EINVAL)
		return status;
	/* Servers differ in what they make of a run that is in that state already. */
	mlm_status found = rest_fetch_run(store, run_id, &answer, err);
	if (found != MLM_OK)
		return found;
	if (rest_read_lifecycle(info_of(answer)) == lifecycle)
		status = MLM_OK;
	json_decref(answer);
	return status;
}
