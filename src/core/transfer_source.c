/* SPDX-License-Identifier: Apache-2.0 */
/* The runs of a store as a source. */
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "core/transfer.h"

#define RUNS_PER_PAGE        100u
#define EXPERIMENTS_PER_PAGE 1000u

static struct transfer_store_source *source_of(struct transfer_source *base)
{
	return (struct transfer_store_source *)base;
}

static mlm_status no_memory(mlm_error *err)
{
	return error_set(err, MLM_ENOMEM, "transfer", "memory ran out");
}

/* ---- what is asked for ---- */

static bool has_run(const struct transfer_store_source *source, const char *id)
{
	for (size_t i = 0; i < source->run_count; i++) {
		if (strcmp(source->runs[i].id, id) == 0)
			return true;
	}
	return false;
}

static mlm_status choose_run(
	struct transfer_store_source *source, const mlm_run_record *run, mlm_error *err)
{
	if (has_run(source, run->run_id))
		return MLM_OK;
	if (source->run_count == source->run_capacity) {
		size_t capacity = source->run_capacity ? source->run_capacity * 2 : 16;
		struct transfer_chosen_run *runs =
			arena_array(source->arena, capacity, sizeof(*runs));
		if (!runs)
			return no_memory(err);
		if (source->run_count > 0)
			memcpy(runs, source->runs, source->run_count * sizeof(*runs));
		source->runs = runs;
		source->run_capacity = capacity;
	}
	struct transfer_chosen_run *chosen = &source->runs[source->run_count];
	chosen->id = arena_string(source->arena, run->run_id);
	chosen->experiment_id = arena_string(source->arena, run->experiment_id);
	if (!chosen->id || !chosen->experiment_id)
		return no_memory(err);
	source->run_count++;
	return MLM_OK;
}

/* Calls visit for every run of a query, page by page. */
static mlm_status search(struct transfer_store_source *source, mlm_query *query,
	transfer_run_fn visit, void *payload, mlm_error *err)
{
	char *token = NULL;
	struct arena *arena = arena_new(source->base.transfer->allocator);
	mlm_status status = arena ? MLM_OK : no_memory(err);
	do {
		mlm_run_list *list = NULL;
		query->max_results = RUNS_PER_PAGE;
		query->page_token = token;
		if (status == MLM_OK)
			status = source->store->ops->search_runs(source->store, query, &list, err);
		if (status != MLM_OK)
			break;
		for (size_t i = 0; i < list->count && status == MLM_OK; i++)
			status = visit(payload, &list->items[i], err);
		arena_reset(arena);
		token = arena_string(arena, list->next_page_token);
		if (list->next_page_token && !token && status == MLM_OK)
			status = no_memory(err);
		arena_free(list->memory);
	} while (status == MLM_OK && token);
	arena_free(arena);
	return status;
}

static mlm_status choose_found(void *payload, const mlm_run_record *run, mlm_error *err)
{
	return choose_run(payload, run, err);
}

/* The runs that are nested in the one at this place, which may get nested ones in their turn. */
static mlm_status choose_nested(struct transfer_store_source *source, size_t place, mlm_error *err)
{
	char filter[MLM_ID_SIZE + 64];
	const struct transfer_chosen_run *parent = &source->runs[place];
	mlm_query query = MLM_QUERY_INIT;
	/* An id with a quote in it is none of MLflow's, and nothing is nested in it. */
	if (strchr(parent->id, '\''))
		return MLM_OK;
	snprintf(filter, sizeof(filter), "tags.`mlflow.parentRunId` = '%s'", parent->id);
	query.filter = filter;
	query.view = MLM_VIEW_ALL;
	query.experiment_ids = &parent->experiment_id;
	query.experiment_count = 1;
	return search(source, &query, choose_found, source, err);
}

static mlm_status choose(struct transfer_store_source *source, mlm_error *err)
{
	const mlm_transfer_options *options = &source->base.transfer->options;
	const struct store_ops *ops = source->store->ops;
	mlm_status status = MLM_OK;
	source->is_everything = options->run_count == 0 && options->experiment_count == 0;
	for (size_t i = 0; i < options->experiment_count && status == MLM_OK; i++) {
		mlm_experiment_list *list = NULL;
		status = ops->get_experiment(
			source->store, options->experiment_ids[i], NULL, &list, err);
		if (status == MLM_OK)
			arena_free(list->memory);
	}
	for (size_t i = 0; i < options->run_count && status == MLM_OK; i++) {
		mlm_run_list *list = NULL;
		status = ops->get_run(source->store, options->run_ids[i], &list, err);
		if (status != MLM_OK)
			break;
		status = choose_run(source, &list->items[0], err);
		arena_free(list->memory);
	}
	for (size_t i = 0; i < source->run_count && status == MLM_OK; i++)
		status = choose_nested(source, i, err);
	return status;
}

static bool is_whole(const struct transfer_store_source *source, const char *experiment_id)
{
	const mlm_transfer_options *options = &source->base.transfer->options;
	for (size_t i = 0; i < options->experiment_count; i++) {
		if (strcmp(options->experiment_ids[i], experiment_id) == 0)
			return true;
	}
	return source->is_everything;
}

/* ---- visiting ---- */

static mlm_status visit_experiment(struct transfer_store_source *source, const char *id,
	transfer_experiment_fn visit, void *payload, mlm_error *err)
{
	mlm_experiment_list *list = NULL;
	mlm_status status = source->store->ops->get_experiment(source->store, id, NULL, &list, err);
	if (status != MLM_OK)
		return status;
	status = visit(payload, &list->items[0], err);
	arena_free(list->memory);
	return status;
}

/* All ids first: a page of the store would be another one once something is created. */
static mlm_status visit_everything(struct transfer_store_source *source,
	transfer_experiment_fn visit, void *payload, mlm_error *err)
{
	struct mlm_experiment_list *lists[64];
	size_t count = 0;
	const char *token = NULL;
	mlm_status status = MLM_OK;
	mlm_query query = MLM_QUERY_INIT;
	query.view = MLM_VIEW_ALL;
	query.max_results = EXPERIMENTS_PER_PAGE;
	do {
		if (count == sizeof(lists) / sizeof(lists[0])) {
			status = error_set(err, MLM_EINVAL, "transfer",
				"the store has more than %zu experiments; name those that are "
				"meant",
				count * EXPERIMENTS_PER_PAGE);
			break;
		}
		query.page_token = token;
		status = source->store->ops->search_experiments(
			source->store, &query, &lists[count], err);
		if (status != MLM_OK)
			break;
		token = lists[count++]->next_page_token;
	} while (token);
	for (size_t i = 0; i < count; i++) {
		for (size_t k = 0; k < lists[i]->count && status == MLM_OK; k++)
			status = visit_experiment(
				source, lists[i]->items[k].experiment_id, visit, payload, err);
		arena_free(lists[i]->memory);
	}
	return status;
}

static mlm_status each_experiment(
	struct transfer_source *base, transfer_experiment_fn visit, void *payload, mlm_error *err)
{
	struct transfer_store_source *source = source_of(base);
	const mlm_transfer_options *options = &base->transfer->options;
	mlm_status status = MLM_OK;
	if (source->is_everything)
		return visit_everything(source, visit, payload, err);
	for (size_t i = 0; i < options->experiment_count && status == MLM_OK; i++) {
		bool is_again = false;
		for (size_t k = 0; k < i; k++)
			is_again = is_again || strcmp(options->experiment_ids[i],
						       options->experiment_ids[k]) == 0;
		if (!is_again)
			status = visit_experiment(
				source, options->experiment_ids[i], visit, payload, err);
	}
	for (size_t i = 0; i < source->run_count && status == MLM_OK; i++) {
		const char *id = source->runs[i].experiment_id;
		bool is_again = is_whole(source, id);
		for (size_t k = 0; k < i; k++)
			is_again = is_again || strcmp(source->runs[k].experiment_id, id) == 0;
		if (!is_again)
			status = visit_experiment(source, id, visit, payload, err);
	}
	return status;
}

static mlm_status each_run(struct transfer_source *base, const mlm_experiment *experiment,
	transfer_run_fn visit, void *payload, mlm_error *err)
{
	/* Parents before those nested in them, and new runs on the last page. */
	static const char *const order[] = { "attributes.start_time ASC" };
	struct transfer_store_source *source = source_of(base);
	mlm_status status = MLM_OK;
	if (is_whole(source, experiment->experiment_id)) {
		mlm_query query = MLM_QUERY_INIT;
		query.view = MLM_VIEW_ALL;
		query.order_by = order;
		query.order_by_count = 1;
		query.experiment_ids = &experiment->experiment_id;
		query.experiment_count = 1;
		return search(source, &query, visit, payload, err);
	}
	for (size_t i = 0; i < source->run_count && status == MLM_OK; i++) {
		mlm_run_list *list = NULL;
		if (strcmp(source->runs[i].experiment_id, experiment->experiment_id) != 0)
			continue;
		status = source->store->ops->get_run(source->store, source->runs[i].id, &list, err);
		if (status != MLM_OK)
			break;
		status = visit(payload, &list->items[0], err);
		arena_free(list->memory);
	}
	return status;
}

static mlm_status get_points(struct transfer_source *base, const mlm_run_record *run,
	const char *key, struct store_cursor *cursor, struct store_point *points, size_t capacity,
	size_t *count_out, mlm_error *err)
{
	struct store *store = source_of(base)->store;
	return store->ops->get_points(
		store, run->run_id, key, cursor, points, capacity, count_out, err);
}

static mlm_status get_origin(struct transfer_source *base, const char *run_id,
	char origin_out[MLM_ID_SIZE], mlm_error *err)
{
	struct store *store = source_of(base)->store;
	mlm_run_list *list;
	mlm_error why = MLM_ERROR_INIT;
	origin_out[0] = '\0';
	mlm_status status = store->ops->get_run(store, run_id, &list, &why);
	if (status == MLM_ENOTFOUND)
		return MLM_OK;
	if (status != MLM_OK) {
		if (err)
			*err = why;
		return status;
	}
	const char *origin = transfer_origin_of(&list->items[0]);
	if (origin)
		memcpy(origin_out, origin, strlen(origin) + 1);
	arena_free(list->memory);
	return MLM_OK;
}

static const struct transfer_source_ops ops = {
	.each_experiment = each_experiment,
	.each_run = each_run,
	.get_points = get_points,
	.get_origin = get_origin,
};

mlm_status transfer_store_source_open(struct transfer_store_source *source,
	struct run_transfer *transfer, struct store *store,
	const struct artifact_options *artifacts, mlm_error *err)
{
	*source = (struct transfer_store_source){
		.base = { &ops, transfer, *artifacts },
		.store = store,
		.arena = arena_new(transfer->allocator),
	};
	return source->arena ? choose(source, err) : no_memory(err);
}

void transfer_store_source_close(struct transfer_store_source *source)
{
	arena_free(source->arena);
}
