/* SPDX-License-Identifier: Apache-2.0 */
#include "mlmanager/gc.h"

#include <string.h>

#include "artifact/artifact.h"
#include "base/arena.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/options.h"
#include "core/artifact_transfer.h"
#include "core/manager.h"

#define PER_PAGE 1000u

struct collected {
	const char *id;
	const char *name;
	const char *artifact_uri; /* of a run */
	const char *experiment_id; /* of a run */
};

struct list {
	struct collected *items;
	size_t count;
	size_t capacity;
};

struct gc {
	mlm_manager *manager;
	struct store *store;
	const struct store_ops *ops;
	mlm_gc_options options;
	mlm_gc_result result;
	struct arena *arena;
	struct list runs; /* to be removed */
	struct list experiments;
	size_t done;
	int64_t deleted_until_ms;
};

static mlm_status no_memory(mlm_error *err)
{
	return error_set(err, MLM_ENOMEM, "gc", "memory ran out");
}

static mlm_status add(
	struct gc *gc, struct list *list, const struct collected *item, mlm_error *err)
{
	if (list->count == list->capacity) {
		size_t capacity = list->capacity ? list->capacity * 2 : 64;
		struct collected *items = arena_array(gc->arena, capacity, sizeof(*items));
		if (!items)
			return no_memory(err);
		if (list->count > 0)
			memcpy(items, list->items, list->count * sizeof(*items));
		list->items = items;
		list->capacity = capacity;
	}
	struct collected *added = &list->items[list->count];
	added->id = arena_string(gc->arena, item->id);
	added->name = arena_string(gc->arena, item->name ? item->name : "");
	added->artifact_uri = arena_string(gc->arena, item->artifact_uri ? item->artifact_uri : "");
	added->experiment_id =
		arena_string(gc->arena, item->experiment_id ? item->experiment_id : "");
	if (!added->id || !added->name || !added->artifact_uri || !added->experiment_id)
		return no_memory(err);
	list->count++;
	return MLM_OK;
}

static bool is_old_enough(const struct gc *gc, int64_t deleted_ms)
{
	return gc->options.older_than_ms <= 0 ||
	       (deleted_ms >= 0 && deleted_ms <= gc->deleted_until_ms);
}

static mlm_status add_run(struct gc *gc, const mlm_run_record *run, mlm_error *err)
{
	const struct collected item = { run->run_id, run->run_name, run->artifact_uri,
		run->experiment_id };
	return add(gc, &gc->runs, &item, err);
}

/* ---- what there is to remove ---- */

static mlm_status find_named_runs(struct gc *gc, mlm_error *err)
{
	mlm_status status = MLM_OK;
	for (size_t i = 0; i < gc->options.run_count && status == MLM_OK; i++) {
		mlm_run_list *list = NULL;
		bool is_again = false;
		status = gc->ops->get_run(gc->store, gc->options.run_ids[i], &list, err);
		if (status != MLM_OK)
			break;
		const mlm_run_record *run = &list->items[0];
		for (size_t k = 0; k < gc->runs.count; k++)
			is_again = is_again || strcmp(gc->runs.items[k].id, run->run_id) == 0;
		if (run->lifecycle != MLM_DELETED)
			status = error_set(err, MLM_ESTATE, "gc",
				"the run %s is not deleted; only deleted runs are removed for good",
				run->run_id);
		else if (!is_old_enough(gc, run->deleted_time_ms))
			status = error_set(err, MLM_ESTATE, "gc",
				"the run %s was not deleted long enough ago", run->run_id);
		else if (!is_again)
			status = add_run(gc, run, err);
		arena_free(list->memory);
	}
	return status;
}

static mlm_status find_runs_of(struct gc *gc, const char *experiment_id, mlm_error *err)
{
	char *token = NULL;
	mlm_query query = MLM_QUERY_INIT;
	mlm_status status = MLM_OK;
	query.view = MLM_VIEW_DELETED;
	query.experiment_ids = &experiment_id;
	query.experiment_count = 1;
	query.max_results = PER_PAGE;
	do {
		mlm_run_list *list = NULL;
		query.page_token = token;
		status = gc->ops->search_runs(gc->store, &query, &list, err);
		if (status != MLM_OK)
			return status;
		for (size_t i = 0; i < list->count && status == MLM_OK; i++) {
			if (is_old_enough(gc, list->items[i].deleted_time_ms))
				status = add_run(gc, &list->items[i], err);
		}
		token = arena_string(gc->arena, list->next_page_token);
		if (status == MLM_OK && list->next_page_token && !token)
			status = no_memory(err);
		arena_free(list->memory);
	} while (status == MLM_OK && token);
	return status;
}

static mlm_status find_in(struct gc *gc, const mlm_experiment *experiment, mlm_error *err)
{
	const struct collected item = { experiment->experiment_id, experiment->name, NULL, NULL };
	mlm_status status = find_runs_of(gc, experiment->experiment_id, err);
	/* MLflow's time of a deletion is that of the last change. */
	if (status == MLM_OK && experiment->lifecycle == MLM_DELETED &&
		is_old_enough(gc, experiment->last_update_time_ms))
		status = add(gc, &gc->experiments, &item, err);
	return status;
}

static mlm_status find_everywhere(struct gc *gc, mlm_error *err)
{
	char *token = NULL;
	mlm_query query = MLM_QUERY_INIT;
	mlm_status status = MLM_OK;
	query.view = MLM_VIEW_ALL;
	query.max_results = PER_PAGE;
	do {
		mlm_experiment_list *list = NULL;
		query.page_token = token;
		status = gc->ops->search_experiments(gc->store, &query, &list, err);
		if (status != MLM_OK)
			return status;
		for (size_t i = 0; i < list->count && status == MLM_OK; i++)
			status = find_in(gc, &list->items[i], err);
		token = arena_string(gc->arena, list->next_page_token);
		if (status == MLM_OK && list->next_page_token && !token)
			status = no_memory(err);
		arena_free(list->memory);
	} while (status == MLM_OK && token);
	return status;
}

static mlm_status find_all(struct gc *gc, mlm_error *err)
{
	const mlm_gc_options *options = &gc->options;
	mlm_status status = MLM_OK;
	if (options->run_count > 0)
		return find_named_runs(gc, err);
	if (options->experiment_count == 0)
		return find_everywhere(gc, err);
	for (size_t i = 0; i < options->experiment_count && status == MLM_OK; i++) {
		mlm_experiment_list *list = NULL;
		status = gc->ops->get_experiment(
			gc->store, options->experiment_ids[i], NULL, &list, err);
		if (status != MLM_OK)
			break;
		status = find_in(gc, &list->items[0], err);
		arena_free(list->memory);
	}
	return status;
}

/* ---- removing ---- */

static mlm_status tell(struct gc *gc, mlm_gc_kind kind, const struct collected *item,
	uint64_t bytes, const char *why, mlm_error *err)
{
	const mlm_gc_event event = {
		.kind = kind,
		.id = item->id,
		.name = item->name,
		.why = why,
		.bytes = bytes,
		.done = gc->done,
		.total = gc->runs.count,
	};
	if (!gc->options.report || gc->options.report(gc->options.payload, &event))
		return MLM_OK;
	return error_set(err, MLM_ESTATE, "gc", "the collection was stopped by its caller");
}

static mlm_status add_bytes(void *payload, const mlm_artifact *entry, mlm_error *err)
{
	uint64_t *bytes = payload;
	(void)err;
	if (entry->size_bytes > 0)
		*bytes += (uint64_t)entry->size_bytes;
	return MLM_OK;
}

static mlm_status remove_artifacts(
	struct gc *gc, const struct collected *run, uint64_t *bytes_out, mlm_error *err)
{
	struct artifact_store *artifacts = NULL;
	*bytes_out = 0;
	if (!run->artifact_uri[0])
		return MLM_OK;
	if (!transfer_is_own_place(run->artifact_uri, run->id))
		return error_set(err, MLM_EUNSUPPORTED, "gc",
			"its artifacts lie at '%.200s', which is not the run's own place",
			run->artifact_uri);
	const struct artifact_options options =
		manager_artifact_options(gc->manager, run->artifact_uri);
	mlm_status status = artifact_open(&options, &artifacts, err);
	if (status == MLM_OK)
		status = artifact_walk(artifacts, "", add_bytes, bytes_out, err);
	if (status == MLM_OK && !gc->options.dry_run)
		status = artifact_remove(artifacts, "", err);
	artifact_close(artifacts);
	return status;
}

static mlm_status keep(struct gc *gc, const struct collected *item, const char *why, mlm_error *err)
{
	gc->result.kept++;
	return tell(gc, MLM_GC_KEPT, item, 0, why, err);
}

static mlm_status remove_run(struct gc *gc, const struct collected *run, mlm_error *err)
{
	uint64_t bytes;
	mlm_error why = MLM_ERROR_INIT;
	mlm_run_list *list = NULL;
	/* Somebody may have restored it since it was found. */
	mlm_status status = gc->ops->get_run(gc->store, run->id, &list, &why);
	bool is_deleted = status == MLM_OK && list->items[0].lifecycle == MLM_DELETED;
	if (status == MLM_OK)
		arena_free(list->memory);
	gc->done++;
	if (status == MLM_ENOTFOUND)
		return MLM_OK;
	if (status == MLM_OK && !is_deleted)
		return keep(gc, run, "it was restored meanwhile", err);
	if (status == MLM_OK)
		status = remove_artifacts(gc, run, &bytes, &why);
	if (status != MLM_OK && !gc->options.abandon_artifacts)
		return keep(gc, run, why.message, err);
	if (status != MLM_OK)
		bytes = 0;
	status = gc->options.dry_run ? MLM_OK : gc->ops->purge_run(gc->store, run->id, err);
	if (status != MLM_OK && status != MLM_ENOTFOUND)
		return status;
	gc->result.runs++;
	gc->result.artifact_bytes += bytes;
	return tell(gc, MLM_GC_RUN, run, bytes, NULL, err);
}

/* *any_out: it has runs that stay. */
static mlm_status has_runs(struct gc *gc, const char *experiment_id, bool *any_out, mlm_error *err)
{
	mlm_run_list *list = NULL;
	mlm_query query = MLM_QUERY_INIT;
	size_t leaving = 0;
	query.view = MLM_VIEW_ALL;
	query.experiment_ids = &experiment_id;
	query.experiment_count = 1;
	/* A dry run's are still there. */
	for (size_t i = 0; gc->options.dry_run && i < gc->runs.count; i++)
		leaving += strcmp(gc->runs.items[i].experiment_id, experiment_id) == 0;
	query.max_results =
		leaving < MLM_SEARCH_RESULTS_MAX ? (uint32_t)leaving + 1 : MLM_SEARCH_RESULTS_MAX;
	mlm_status status = gc->ops->search_runs(gc->store, &query, &list, err);
	if (status != MLM_OK)
		return status;
	*any_out = list->count > leaving;
	arena_free(list->memory);
	return MLM_OK;
}

static mlm_status remove_experiment(
	struct gc *gc, const struct collected *experiment, mlm_error *err)
{
	bool any;
	mlm_error why = MLM_ERROR_INIT;
	mlm_status status = has_runs(gc, experiment->id, &any, err);
	if (status != MLM_OK)
		return status;
	if (any)
		return keep(gc, experiment, "it has runs that stay", err);
	if (!gc->options.dry_run)
		status = gc->ops->purge_experiment(gc->store, experiment->id, &why);
	if (status == MLM_ENOTFOUND || status == MLM_ESTATE)
		return keep(gc, experiment, why.message, err);
	if (status != MLM_OK) {
		if (err)
			*err = why;
		return status;
	}
	gc->result.experiments++;
	return tell(gc, MLM_GC_EXPERIMENT, experiment, 0, NULL, err);
}

static mlm_status remove_all(struct gc *gc, mlm_error *err)
{
	struct store_size before = { 0 }, after = { 0 };
	mlm_status status = gc->ops->get_size ? gc->ops->get_size(gc->store, &before, err) : MLM_OK;
	for (size_t i = 0; i < gc->runs.count && status == MLM_OK; i++)
		status = remove_run(gc, &gc->runs.items[i], err);
	for (size_t i = 0; i < gc->experiments.count && status == MLM_OK; i++)
		status = remove_experiment(gc, &gc->experiments.items[i], err);
	if (status == MLM_OK && gc->options.compact && !gc->options.dry_run)
		status = gc->ops->compact(gc->store, err);
	if (status == MLM_OK && gc->ops->get_size)
		status = gc->ops->get_size(gc->store, &after, err);
	if (status == MLM_OK && after.used_bytes < before.used_bytes)
		gc->result.store_bytes = before.used_bytes - after.used_bytes;
	return status;
}

mlm_status mlm_manager_gc(mlm_manager *manager, const mlm_gc_options *options,
	mlm_gc_result *result_out, mlm_error *err)
{
	static const struct options_layout layout = OPTIONS_LAYOUT(mlm_gc_options, payload);
	if (result_out)
		*result_out = (mlm_gc_result){ 0 };
	mlm_status status = manager_check(manager, err);
	if (status != MLM_OK)
		return status;
	struct gc gc = {
		.manager = manager,
		.ops = manager->ops,
	};
	status = options_take(&gc.options, options, &layout, err);
	if (status != MLM_OK)
		return status;
	if (!gc.ops->purge_run || !gc.ops->purge_experiment)
		return error_set(err, MLM_EUNSUPPORTED, "gc",
			"nothing can be removed for good from a store at '%s://…'; use 'mlflow gc' "
			"on the machine that keeps it",
			gc.ops->scheme);
	if (gc.options.compact && !gc.ops->compact)
		return error_set(err, MLM_EUNSUPPORTED, "gc",
			"the server of a store at '%s:' gives free bytes back by itself; leave out "
			"compact",
			gc.ops->scheme);
	gc.deleted_until_ms = clock_now_ms() - gc.options.older_than_ms;
	status = manager_open_another(manager, !gc.options.dry_run, &gc.store, err);
	gc.arena = arena_new(&manager->allocator);
	if (status == MLM_OK && !gc.arena)
		status = no_memory(err);
	if (status == MLM_OK)
		status = find_all(&gc, err);
	if (status == MLM_OK)
		status = remove_all(&gc, err);
	arena_free(gc.arena);
	if (gc.store)
		gc.store->ops->close(gc.store);
	if (result_out)
		*result_out = gc.result;
	return status;
}
