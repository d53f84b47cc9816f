/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "store/answer.h"
#include "store/rest_store.h"

#define SEARCH_PAGE 1000

/* ---- reading ---- */

static void read_experiment(
	struct rest_reader *reader, const json_t *object, mlm_experiment *experiment)
{
	experiment->experiment_id = rest_read_word(reader, object, "experiment_id");
	experiment->name = rest_read_word(reader, object, "name");
	experiment->artifact_location = rest_read_word(reader, object, "artifact_location");
	experiment->lifecycle = rest_read_lifecycle(object);
	experiment->creation_time_ms = rest_read_integer(object, "creation_time", -1);
	experiment->last_update_time_ms = rest_read_integer(object, "last_update_time", -1);
	experiment->tags =
		rest_read_texts(reader, json_object_get(object, "tags"), &experiment->tag_count);
}

/* An answer's list of count experiments, each object from the array or the one given. */
static mlm_status make_list(const struct rest_store *store, const json_t *array, const json_t *one,
	const json_t *answer, mlm_experiment_list **list_out, mlm_error *err)
{
	mlm_experiment_list *list = answer_experiment_list(store->base.allocator);
	if (!list)
		return rest_no_memory(err);
	struct rest_reader reader = { .arena = list->memory };
	size_t count = one ? 1 : json_array_size(array);
	mlm_experiment *items = count ? arena_array(list->memory, count, sizeof(*items)) : NULL;
	reader.out_of_memory = count && !items;
	for (size_t i = 0; i < count && !reader.out_of_memory; i++)
		read_experiment(&reader, one ? one : json_array_get(array, i), &items[i]);
	list->items = items;
	list->count = count;
	list->next_page_token = rest_read_text(&reader, answer, "next_page_token");
	if (reader.out_of_memory) {
		arena_free(list->memory);
		return rest_no_memory(err);
	}
	*list_out = list;
	return MLM_OK;
}

static mlm_status fetch(struct rest_store *store, const char *id, const char *name,
	json_t **answer_out, mlm_error *err)
{
	const char *const by_id[] = { "experiment_id", id, NULL };
	const char *const by_name[] = { "experiment_name", name, NULL };
	mlm_error why = MLM_ERROR_INIT;
	mlm_status status = rest_get(store, id ? "experiments/get" : "experiments/get-by-name",
		id ? by_id : by_name, answer_out, &why);
	/* What cannot be an id is a wrong parameter to the server. */
	if (id && (status == MLM_ENOTFOUND || status == MLM_EINVAL))
		return error_set(err, MLM_ENOTFOUND, "experiment",
			"there is no experiment with the id '%s'", id);
	if (status == MLM_ENOTFOUND)
		return error_set(
			err, status, "experiment", "there is no experiment named '%s'", name);
	if (status != MLM_OK && err)
		*err = why;
	if (status == MLM_OK && !json_is_object(json_object_get(*answer_out, "experiment"))) {
		json_decref(*answer_out);
		*answer_out = NULL;
		return error_set(err, MLM_EPEER, "rest",
			"%s answered without the experiment that it was asked for",
			mlflow_peer_address(store->peer));
	}
	return status;
}

mlm_status rest_get_experiment(struct store *base, const char *id, const char *name,
	mlm_experiment_list **list_out, mlm_error *err)
{
	struct rest_store *store = rest_store_of(base);
	json_t *answer;
	*list_out = NULL;
	mlm_status status = fetch(store, id, name, &answer, err);
	if (status == MLM_OK)
		status = make_list(
			store, NULL, json_object_get(answer, "experiment"), NULL, list_out, err);
	json_decref(answer);
	return status;
}

const char *rest_view_name(mlm_view view)
{
	return view == MLM_VIEW_ACTIVE    ? "ACTIVE_ONLY"
	       : view == MLM_VIEW_DELETED ? "DELETED_ONLY"
					  : "ALL";
}

mlm_status rest_search_experiments(
	struct store *base, const mlm_query *query, mlm_experiment_list **list_out, mlm_error *err)
{
	struct rest_store *store = rest_store_of(base);
	json_t *answer;
	*list_out = NULL;
	json_t *body = json_pack("{s:I, s:s, s:s*, s:s*, s:o}", "max_results",
		(json_int_t)(query->max_results ? query->max_results : MLM_SEARCH_RESULTS_DEFAULT),
		"view_type", rest_view_name(query->view), "filter", query->filter, "page_token",
		query->page_token, "order_by",
		rest_strings(query->order_by, query->order_by_count));
	mlm_status status = rest_post(store, "experiments/search", body, &answer, err);
	if (status == MLM_OK)
		status = make_list(
			store, json_object_get(answer, "experiments"), NULL, answer, list_out, err);
	json_decref(answer);
	return status;
}

/* ---- changing ---- */

/* After a refusal: the experiment's state says more than the server's words, which differ. */
static mlm_status explain(
	struct rest_store *store, const char *id, mlm_status status, mlm_error *err)
{
	json_t *answer;
	if (status != MLM_EINVAL && status != MLM_ESTATE && status != MLM_ENOTFOUND)
		return status;
	mlm_status found = fetch(store, id, NULL, &answer, status == MLM_ENOTFOUND ? err : NULL);
	if (found == MLM_OK &&
		rest_read_lifecycle(json_object_get(answer, "experiment")) == MLM_DELETED)
		status = error_set(err, MLM_ESTATE, "experiment",
			"the experiment %s is deleted; restore it first", id);
	json_decref(answer);
	return status;
}

static mlm_status explain_taken(struct rest_store *store, const char *name, mlm_error *err)
{
	json_t *answer;
	fetch(store, NULL, name, &answer, NULL);
	const json_t *experiment = json_object_get(answer, "experiment");
	const char *id = json_string_value(json_object_get(experiment, "experiment_id"));
	if (rest_read_lifecycle(experiment) == MLM_DELETED)
		error_set(err, MLM_EEXISTS, "experiment",
			"a deleted experiment is named '%s' (id %s); restore it or choose another "
			"name",
			name, id ? id : "");
	else
		error_set(err, MLM_EEXISTS, "experiment",
			"an experiment named '%s' exists already (id %s)", name, id ? id : "");
	json_decref(answer);
	return MLM_EEXISTS;
}

mlm_status rest_create_experiment(struct store *base, const char *name,
	const mlm_experiment_options *options, char id_out[MLM_ID_SIZE], mlm_error *err)
{
	struct rest_store *store = rest_store_of(base);
	json_t *answer;
	id_out[0] = '\0';
	json_t *body = json_pack("{s:s, s:s*, s:o}", "name", name, "artifact_location",
		options ? options->artifact_location : NULL, "tags",
		rest_texts(options ? options->tags : NULL, options ? options->tag_count : 0));
	mlm_status status = rest_post(store, "experiments/create", body, &answer, err);
	const char *id = json_string_value(json_object_get(answer, "experiment_id"));
	if (status == MLM_OK && (!id || strlen(id) >= MLM_ID_SIZE))
		status = error_set(err, MLM_EPEER, "rest",
			"%s made an experiment and did not tell its id",
			mlflow_peer_address(store->peer));
	if (status == MLM_OK)
		memcpy(id_out, id, strlen(id) + 1);
	json_decref(answer);
	return status == MLM_EEXISTS ? explain_taken(store, name, err) : status;
}

mlm_status rest_rename_experiment(
	struct store *base, const char *id, const char *name, mlm_error *err)
{
	struct rest_store *store = rest_store_of(base);
	json_t *answer;
	/* A name that is taken is an internal error to some servers. */
	mlm_status status = fetch(store, NULL, name, &answer, err);
	const char *taken = json_string_value(
		json_object_get(json_object_get(answer, "experiment"), "experiment_id"));
	if (status == MLM_OK && taken && strcmp(taken, id) != 0)
		status = error_set(err, MLM_EEXISTS, "experiment",
			"an experiment named '%s' exists already (id %s)", name, taken);
	else if (status == MLM_OK || status == MLM_ENOTFOUND)
		status = explain(store, id,
			rest_post(store, "experiments/update",
				json_pack("{s:s, s:s}", "experiment_id", id, "new_name", name),
				NULL, err),
			err);
	json_decref(answer);
	return status;
}

mlm_status rest_set_experiment_lifecycle(
	struct store *base, const char *id, mlm_lifecycle lifecycle, mlm_error *err)
{
	struct rest_store *store = rest_store_of(base);
	json_t *answer;
	bool deletes = lifecycle == MLM_DELETED;
	mlm_status status = rest_post(store, deletes ? "experiments/delete" : "experiments/restore",
		json_pack("{s:s}", "experiment_id", id), NULL, err);
	/* To MLflow an experiment in the wrong state does not exist; also to the second of two
	 * requests, when the answer to the first was lost. */
	if (status != MLM_ENOTFOUND && status != MLM_ESTATE && status != MLM_EINVAL)
		return status;
	bool was_repeated = mlflow_peer_tries(store->peer) > 1;
	mlm_status found = fetch(store, id, NULL, &answer, err);
	if (found == MLM_OK)
		status = rest_read_lifecycle(json_object_get(answer, "experiment")) != lifecycle
				 ? status
			 : was_repeated ? MLM_OK
					: error_set(err, MLM_ESTATE, "experiment",
						  deletes ? "the experiment %s is deleted already"
							  : "the experiment %s is not deleted",
						  id);
	else
		status = found;
	json_decref(answer);
	return status;
}

mlm_status rest_set_experiment_tag(
	struct store *base, const char *id, const char *key, const char *value, mlm_error *err)
{
	struct rest_store *store = rest_store_of(base);
	json_t *body =
		json_pack("{s:s, s:s, s:s}", "experiment_id", id, "key", key, "value", value);
	return explain(store, id,
		rest_post(store, "experiments/set-experiment-tag", body, NULL, err), err);
}

mlm_status rest_delete_experiment_runs(struct store *base, const char *id, mlm_error *err)
{
	struct rest_store *store = rest_store_of(base);
	json_t *answer;
	mlm_status status = fetch(store, id, NULL, &answer, err);
	json_decref(answer);
	/* What was deleted is not found again, so the first page is always the next one. */
	for (bool more = true; status == MLM_OK && more;) {
		const char *run_id;
		json_t *body = json_pack("{s:[s], s:s, s:i}", "experiment_ids", id, "run_view_type",
			"ACTIVE_ONLY", "max_results", SEARCH_PAGE);
		status = rest_post(store, "runs/search", body, &answer, err);
		const json_t *runs = json_object_get(answer, "runs");
		more = json_array_size(runs) > 0;
		for (size_t i = 0; i < json_array_size(runs) && status == MLM_OK; i++) {
			run_id = json_string_value(json_object_get(
				json_object_get(json_array_get(runs, i), "info"), "run_id"));
			if (run_id)
				status = rest_set_run_lifecycle(base, run_id, MLM_DELETED, err);
		}
		json_decref(answer);
	}
	return status;
}
