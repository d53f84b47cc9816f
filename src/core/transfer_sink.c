/* SPDX-License-Identifier: Apache-2.0 */
/* A store as the place where runs arrive. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "core/artifact_copy.h"
#include "core/limits.h"
#include "core/run_identity.h"
#include "core/transfer.h"
#include "core/transfer_make.h"

#define SERIES_MAX 1024u /* in one batch */
#define DEFAULT_ID "0" /* MLflow's first experiment, which cannot be deleted */
#define PARENT_TAG "mlflow.parentRunId"

/* A run that came before its parent, which may get another id here: two that start in one
 * millisecond come in any order. */
struct early {
	const char *id; /* the run's, here */
	const char *parent; /* the parent's, there */
	bool has_tag; /* which names that parent as it is there */
	struct early *before;
};

struct arriving {
	struct run_transfer *transfer;
	struct transfer_source *source;
	const struct transfer_store_sink *sink;
	/* The experiment here that takes the runs. "" in a dry run where there is none yet. */
	char experiment_id[MLM_ID_SIZE];
	const char *experiment_name;
	bool is_deleted; /* the experiment here is; its runs are left as they are */
	/* The run: as it comes, as it is here (NULL where a dry run made none). */
	const mlm_run_record *run;
	const mlm_run_record *here;
	char id[MLM_ID_SIZE]; /* the run's, here: another one where the store names runs itself */
	struct arena *arena; /* for one run */
	struct run_identity *identity; /* of runs that have another id here, and of parents */
	struct early *early;
	struct arena *early_arena;
};

static bool is_dry(const struct arriving *arriving)
{
	return arriving->transfer->options.dry_run;
}

static mlm_status no_memory(mlm_error *err)
{
	return error_set(err, MLM_ENOMEM, "transfer", "memory ran out");
}

/* Makes a problem of an error that is about the run alone. */
static mlm_status note(struct arriving *arriving, mlm_status status, const mlm_error *why,
	const char *what, mlm_error *err)
{
	if (status == MLM_OK)
		return MLM_OK;
	if (run_transfer_is_local(arriving->transfer, status))
		return run_transfer_problem(arriving->transfer, err, "run %s: %s%s",
			arriving->run->run_id, what, why->message);
	if (err)
		*err = *why;
	return status;
}

/* ---- experiments ---- */

static const mlm_text *find_text(const mlm_text *texts, size_t count, const char *key)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(texts[i].key, key) == 0)
			return &texts[i];
	}
	return NULL;
}

static mlm_status copy_experiment_tags(struct arriving *arriving, const mlm_experiment *from,
	const mlm_experiment *here, mlm_error *err)
{
	const struct transfer_store_sink *sink = arriving->sink;
	mlm_status status = MLM_OK;
	for (size_t i = 0; i < from->tag_count && status == MLM_OK; i++) {
		const mlm_text *tag = &from->tags[i];
		const mlm_text *checked;
		mlm_error why = MLM_ERROR_INIT;
		const mlm_text *old =
			here ? find_text(here->tags, here->tag_count, tag->key) : NULL;
		if (is_dry(arriving) ||
			(old && (!sink->source_is_newer || strcmp(old->value, tag->value) == 0)))
			continue;
		status = limits_check_texts(tag, 1, MLM_EXPERIMENT_TAG_VALUE_MAX, "tag",
			arriving->arena, &checked, &why);
		if (status == MLM_OK)
			status = sink->store->ops->set_experiment_tag(sink->store,
				arriving->experiment_id, checked->key, checked->value, &why);
		if (status == MLM_OK)
			continue;
		if (run_transfer_is_local(arriving->transfer, status))
			status = run_transfer_problem(arriving->transfer, err,
				"experiment '%s': %s", arriving->experiment_name, why.message);
		else if (err)
			*err = why;
	}
	return status;
}

/* Finds or makes the experiment here. */
static mlm_status take_experiment(
	struct arriving *arriving, const mlm_experiment *from, mlm_error *err)
{
	const struct transfer_store_sink *sink = arriving->sink;
	bool is_renamed = arriving->transfer->options.experiment_name != NULL;
	mlm_experiment_list *list = NULL;
	mlm_error why = MLM_ERROR_INIT;
	if (!sink->store)
		return MLM_OK;
	const struct store_ops *ops = sink->store->ops;
	mlm_status status =
		ops->get_experiment(sink->store, NULL, arriving->experiment_name, &list, &why);
	if (status == MLM_ENOTFOUND && is_dry(arriving))
		return MLM_OK;
	if (status == MLM_ENOTFOUND) {
		status = limits_check_experiment_name(arriving->experiment_name, err);
		if (status == MLM_OK)
			status = ops->create_experiment(sink->store, arriving->experiment_name,
				NULL, arriving->experiment_id, err);
		/* Somebody else made it meanwhile. */
		if (status == MLM_EEXISTS)
			status = ops->get_experiment(
				sink->store, NULL, arriving->experiment_name, &list, err);
	} else if (status != MLM_OK && err) {
		*err = why;
	}
	if (status == MLM_OK && list) {
		const mlm_experiment *here = &list->items[0];
		memcpy(arriving->experiment_id, here->experiment_id,
			strnlen(here->experiment_id, MLM_ID_SIZE - 1) + 1);
		arriving->is_deleted = here->lifecycle == MLM_DELETED;
	}
	if (status == MLM_OK && !arriving->is_deleted && !is_renamed)
		status = copy_experiment_tags(arriving, from, list ? &list->items[0] : NULL, err);
	if (list)
		arena_free(list->memory);
	return status;
}

/* One that was deleted where it comes from is deleted here as well, last, so that a transfer which
 * was cut short goes on; unless it holds runs here that nobody deleted. */
static mlm_status delete_experiment(
	struct arriving *arriving, const mlm_experiment *from, mlm_error *err)
{
	struct store *store = arriving->sink->store;
	const char *id = arriving->experiment_id;
	mlm_run_list *list = NULL;
	mlm_query query = MLM_QUERY_INIT;
	if (from->lifecycle != MLM_DELETED || arriving->is_deleted || is_dry(arriving) ||
		arriving->transfer->options.experiment_name || strcmp(id, DEFAULT_ID) == 0)
		return MLM_OK;
	query.experiment_ids = &id;
	query.experiment_count = 1;
	query.max_results = 1;
	mlm_status status = store->ops->search_runs(store, &query, &list, err);
	if (status != MLM_OK)
		return status;
	bool has_active = list->count > 0;
	arena_free(list->memory);
	if (has_active)
		return MLM_OK;
	return store->ops->set_experiment_lifecycle(store, id, MLM_DELETED, err);
}

/* ---- which run here it is ---- */

/* The run here that is the one of this id elsewhere; *list_out NULL when there is none. */
static mlm_status find_run(
	struct arriving *arriving, const char *id, mlm_run_list **list_out, mlm_error *err)
{
	struct store *store = arriving->sink->store;
	const char *here = run_identity_find(arriving->identity, id);
	mlm_error why = MLM_ERROR_INIT;
	if (!store)
		return MLM_OK;
	mlm_status status = store->ops->get_run(store, id, list_out, &why);
	if (status == MLM_ENOTFOUND && here)
		status = store->ops->get_run(store, here, list_out, &why);
	if (status == MLM_ENOTFOUND)
		return MLM_OK;
	if (status != MLM_OK && err)
		*err = why;
	return status;
}

/* The arriving run as it is here, under its id or under the one that it had first: by whichever way
 * it came, it is the same run. */
static mlm_status find_arriving(struct arriving *arriving, mlm_run_list **list_out, mlm_error *err)
{
	const char *origin = transfer_origin_of(arriving->run);
	mlm_status status = find_run(arriving, arriving->run->run_id, list_out, err);
	if (status == MLM_OK && !*list_out && origin)
		status = find_run(arriving, origin, list_out, err);
	return status;
}

/* Those that came before this parent get its id now. */
static mlm_status tell_early(struct arriving *arriving, mlm_error *err)
{
	struct store *store = arriving->sink->store;
	const char *there = arriving->run->run_id;
	const mlm_text tag = { PARENT_TAG, arriving->id };
	bool is_same = strcmp(there, arriving->id) == 0;
	mlm_status status = MLM_OK;
	for (const struct early *run = arriving->early; run && status == MLM_OK;
		run = run->before) {
		mlm_error why = MLM_ERROR_INIT;
		if (is_dry(arriving) || strcmp(run->parent, there) != 0 ||
			(is_same && run->has_tag))
			continue;
		status = store->ops->log_texts(store, run->id, NULL, 0, &tag, 1, &why);
		if (status == MLM_ESTATE) /* it came deleted, and takes no more */
			status = MLM_OK;
		status = note(arriving, status, &why, "a nested run keeps another parent: ", err);
	}
	return status;
}

static mlm_status remember_identity(struct arriving *arriving, mlm_error *err)
{
	const char *there = arriving->run->run_id, *origin = transfer_origin_of(arriving->run);
	mlm_status status = run_identity_add(arriving->identity, there, arriving->id, err);
	if (status == MLM_OK && origin)
		status = run_identity_add(arriving->identity, origin, arriving->id, err);
	return status == MLM_OK ? tell_early(arriving, err) : status;
}

static mlm_status remember_early(
	struct arriving *arriving, const char *parent, bool has_tag, mlm_error *err)
{
	struct early *early = arena_alloc(arriving->early_arena, sizeof(*early));
	if (!early)
		return no_memory(err);
	*early = (struct early){
		.id = arena_string(arriving->early_arena, arriving->id),
		.parent = arena_string(arriving->early_arena, parent),
		.has_tag = has_tag,
		.before = arriving->early,
	};
	if (!early->id || !early->parent)
		return no_memory(err);
	arriving->early = early;
	return MLM_OK;
}

/* A parent that has not come in this transfer may have come in another one, by whichever way. */
static mlm_status find_parent(
	struct arriving *arriving, const char *parent, mlm_run_list **list_out, mlm_error *err)
{
	struct transfer_source *source = arriving->source;
	char origin[MLM_ID_SIZE] = "";
	mlm_status status = find_run(arriving, parent, list_out, err);
	if (status == MLM_OK && !*list_out && source->ops->get_origin)
		status = source->ops->get_origin(source, parent, origin, err);
	if (status == MLM_OK && origin[0])
		status = find_run(arriving, origin, list_out, err);
	return status;
}

/* The id that a run's parent has here; *here_out NULL while that is not here. */
static mlm_status identify_parent(
	struct arriving *arriving, const char *parent, const char **here_out, mlm_error *err)
{
	mlm_run_list *list = NULL;
	*here_out = run_identity_find(arriving->identity, parent);
	if (*here_out)
		return MLM_OK;
	mlm_status status = find_parent(arriving, parent, &list, err);
	if (status != MLM_OK || !list)
		return status;
	status = run_identity_add(arriving->identity, parent, list->items[0].run_id, err);
	arena_free(list->memory);
	*here_out = run_identity_find(arriving->identity, parent);
	return status;
}

/* ---- params, tags, inputs ---- */

/* The tag that names a run's parent, by the id that this has here. *is_wanted_out false: the run
 * keeps the tag that it has. *old is its tag, NULL where that does not count. */
static mlm_status rename_parent(struct arriving *arriving, mlm_text *tag, const mlm_text **old,
	bool *is_wanted_out, mlm_error *err)
{
	/* A transfer that was cut short may have left the id that the parent has there. */
	bool is_pending = *old && strcmp((*old)->value, tag->value) == 0;
	const char *here;
	*is_wanted_out = !*old || is_pending || arriving->sink->source_is_newer;
	if (!*is_wanted_out)
		return MLM_OK;
	mlm_status status = identify_parent(arriving, tag->value, &here, err);
	if (status != MLM_OK)
		return status;
	if (!here) {
		*is_wanted_out = !*old;
		return remember_early(arriving, tag->value, !*old || is_pending, err);
	}
	if (is_pending && strcmp(here, tag->value) != 0)
		*old = NULL;
	tag->value = here;
	return MLM_OK;
}

/* Those of the texts that are to be written: what the run here lacks and what keeps the limits. */
static mlm_status choose_texts(struct arriving *arriving, bool are_params, mlm_text *chosen,
	size_t *count_out, mlm_error *err)
{
	const mlm_run_record *run = arriving->run, *here = arriving->here;
	const mlm_text *texts = are_params ? run->params : run->tags;
	size_t count = are_params ? run->param_count : run->tag_count;
	mlm_status status = MLM_OK;
	*count_out = 0;
	for (size_t i = 0; i < count && status == MLM_OK; i++) {
		const mlm_text *checked, *old = NULL;
		mlm_text text = texts[i];
		mlm_error why = MLM_ERROR_INIT;
		bool is_wanted = true;
		if (here && are_params)
			old = find_text(here->params, here->param_count, text.key);
		else if (here)
			old = find_text(here->tags, here->tag_count, text.key);
		if (!are_params && strcmp(text.key, STORE_ORIGIN_TAG) == 0)
			is_wanted = !old && strcmp(text.value, arriving->id) != 0;
		else if (!are_params && strcmp(text.key, PARENT_TAG) == 0)
			status = rename_parent(arriving, &text, &old, &is_wanted, err);
		if (status != MLM_OK || !is_wanted)
			continue;
		mlm_status valid = limits_check_texts(&text, 1,
			are_params ? MLM_PARAM_VALUE_MAX : MLM_TAG_VALUE_MAX,
			are_params ? "param" : "tag", arriving->arena, &checked, &why);
		if (valid != MLM_OK) {
			status = note(arriving, valid, &why, "left out: ", err);
			continue;
		}
		if (!old || (!are_params && arriving->sink->source_is_newer &&
				    strcmp(old->value, checked->value) != 0))
			chosen[(*count_out)++] = *checked;
		else if (are_params && strcmp(old->value, checked->value) != 0)
			status = run_transfer_problem(arriving->transfer, err,
				"run %s: the param '%s' is '%.60s' here and stays; it comes as "
				"'%.60s'",
				run->run_id, old->key, old->value, checked->value);
	}
	return status;
}

static mlm_status put_texts(struct arriving *arriving, mlm_error *err)
{
	const mlm_run_record *run = arriving->run;
	struct store *store = arriving->sink->store;
	size_t param_count = 0, tag_count = 0;
	mlm_error why = MLM_ERROR_INIT;
	mlm_text *params = arena_array(arriving->arena, run->param_count + 1, sizeof(*params));
	mlm_text *tags = arena_array(arriving->arena, run->tag_count + 1, sizeof(*tags));
	if (!params || !tags)
		return no_memory(err);
	mlm_status status = choose_texts(arriving, true, params, &param_count, err);
	if (status == MLM_OK)
		status = choose_texts(arriving, false, tags, &tag_count, err);
	if (status != MLM_OK || is_dry(arriving) || param_count + tag_count == 0)
		return status;
	status = store->ops->log_texts(
		store, arriving->id, params, param_count, tags, tag_count, &why);
	return note(arriving, status, &why, "params and tags left out: ", err);
}

static mlm_status put_inputs(struct arriving *arriving, mlm_error *err)
{
	const mlm_run_record *run = arriving->run;
	struct store *store = arriving->sink->store;
	mlm_error why = MLM_ERROR_INIT;
	if (is_dry(arriving) || run->dataset_input_count == 0)
		return MLM_OK;
	mlm_status status = store->ops->log_inputs(
		store, arriving->id, run->dataset_inputs, run->dataset_input_count, &why);
	return note(arriving, status, &why, "dataset inputs left out: ", err);
}

/* ---- points ---- */

struct batch {
	struct store_series series[SERIES_MAX];
	size_t series_count;
	size_t point_count;
	mlm_error refusal; /* the first */
};

static int in_key_order(const void *left, const void *right)
{
	const struct store_point *a = left, *b = right;
	if (a->series != b->series)
		return a->series < b->series ? -1 : 1;
	if (a->step != b->step)
		return a->step < b->step ? -1 : 1;
	if (a->timestamp_ms != b->timestamp_ms)
		return a->timestamp_ms < b->timestamp_ms ? -1 : 1;
	return 0;
}

static void on_refused(
	void *payload, const struct store_series *series, size_t point_count, const mlm_error *why)
{
	struct batch *batch = payload;
	(void)series;
	(void)point_count;
	if (batch->refusal.status == MLM_OK)
		batch->refusal = *why;
}

static mlm_status flush_points(struct arriving *arriving, struct batch *batch, mlm_error *err)
{
	struct run_transfer *transfer = arriving->transfer;
	struct store *store = arriving->sink->store;
	struct store_point *points = transfer->points;
	mlm_status status = MLM_OK;
	if (batch->point_count == 0) {
		batch->series_count = 0;
		return MLM_OK;
	}
	for (size_t i = 1; i < batch->point_count; i++) {
		if (in_key_order(&points[i - 1], &points[i]) > 0) {
			qsort(points, batch->point_count, sizeof(*points), in_key_order);
			break;
		}
	}
	const struct store_batch applied = {
		.series = batch->series,
		.series_count = batch->series_count,
		.points = points,
		.point_count = batch->point_count,
	};
	batch->refusal = (mlm_error)MLM_ERROR_INIT;
	if (!is_dry(arriving))
		status = store->ops->apply(store, &applied, on_refused, batch, err);
	if (status == MLM_OK)
		status = note(arriving, batch->refusal.status, &batch->refusal, "", err);
	transfer->result.points += batch->point_count;
	batch->series_count = 0;
	batch->point_count = 0;
	if (status == MLM_OK)
		status = run_transfer_report(
			transfer, MLM_TRANSFER_PROGRESS, arriving->run->run_name, err);
	return status;
}

static mlm_status read_series(
	struct arriving *arriving, struct batch *batch, const char *key, mlm_error *err)
{
	struct store_point *points = arriving->transfer->points;
	struct store_cursor cursor = { "" };
	mlm_status status = MLM_OK;
	do {
		size_t count = 0;
		if (batch->point_count == TRANSFER_POINTS_MAX || batch->series_count == SERIES_MAX)
			status = flush_points(arriving, batch, err);
		if (status != MLM_OK)
			break;
		/* After a flush in the middle the key begins a new list of series. */
		if (batch->series_count == 0 || batch->series[batch->series_count - 1].key != key)
			batch->series[batch->series_count++] =
				(struct store_series){ arriving->id, key };
		status = arriving->source->ops->get_points(arriving->source, arriving->run, key,
			&cursor, points + batch->point_count,
			TRANSFER_POINTS_MAX - batch->point_count, &count, err);
		for (size_t i = 0; i < count; i++)
			points[batch->point_count + i].series = (uint32_t)batch->series_count - 1;
		batch->point_count += count;
	} while (status == MLM_OK && cursor.token[0]);
	return status;
}

static mlm_status put_points(struct arriving *arriving, mlm_error *err)
{
	const mlm_run_record *run = arriving->run;
	struct batch *batch = arena_alloc(arriving->arena, sizeof(*batch));
	mlm_status status = batch ? MLM_OK : no_memory(err);
	for (size_t i = 0; i < run->metric_count && status == MLM_OK; i++) {
		const char *key = run->metrics[i].key;
		mlm_error why = MLM_ERROR_INIT;
		mlm_status read = limits_check_key(key, strlen(key), "metric key", &why);
		if (read == MLM_OK)
			read = read_series(arriving, batch, key, &why);
		status = note(arriving, read, &why, "metric left out: ", err);
	}
	return status == MLM_OK ? flush_points(arriving, batch, err) : status;
}

/* ---- artifacts ---- */

struct artifacts {
	struct arriving *arriving;
	struct artifact_store *from;
	struct artifact_store *into; /* NULL in a dry run without the run */
};

/* Whether a transfer has brought the run to its end before: then its artifacts are here, and those
 * of the same size need not be read to know that they are the same. */
static bool has_arrived(const struct arriving *arriving)
{
	const mlm_run_record *run = arriving->run, *here = arriving->here;
	return here->status != MLM_RUN_RUNNING && here->status != MLM_RUN_SCHEDULED &&
	       here->status == run->status && here->end_time_ms == run->end_time_ms;
}

static mlm_status take_artifact(void *payload, const mlm_artifact *entry, mlm_error *err)
{
	struct artifacts *artifacts = payload;
	struct arriving *arriving = artifacts->arriving;
	struct run_transfer *transfer = arriving->transfer;
	mlm_artifact here;
	mlm_error why = MLM_ERROR_INIT;
	mlm_status status = MLM_ENOTFOUND;
	/* Opened for the first one: a run without artifacts needs no place for them. */
	if (!artifacts->into && arriving->here) {
		struct artifact_options options = arriving->sink->artifacts;
		options.uri = arriving->here->artifact_uri;
		mlm_status opened = artifact_open(&options, &artifacts->into, err);
		if (opened != MLM_OK)
			return opened;
	}
	if (artifacts->into)
		status = artifact_stat(artifacts->into, entry->path, &here, &why);
	if (status == MLM_OK && !here.is_directory && here.size_bytes == entry->size_bytes) {
		bool is_same = has_arrived(arriving);
		if (!is_same)
			status = artifact_compare(artifacts->from, entry, artifacts->into, transfer,
				arriving->run->run_name, &is_same, &why);
		if (is_same)
			return MLM_OK;
	}
	if (status == MLM_OK && !arriving->sink->source_is_newer)
		return run_transfer_problem(transfer, err,
			"run %s: the artifact '%s' is another one here (%lld bytes; it comes with "
			"%lld) and stays",
			arriving->run->run_id, entry->path, (long long)here.size_bytes,
			(long long)entry->size_bytes);
	if (status == MLM_OK || status == MLM_ENOTFOUND)
		status = is_dry(arriving) ? MLM_OK
					  : artifact_copy(artifacts->from, entry, artifacts->into,
						    transfer, arriving->run->run_name, &why);
	if (status == MLM_OK) {
		transfer->result.artifacts++;
		if (entry->size_bytes > 0)
			transfer->result.artifact_bytes += (uint64_t)entry->size_bytes;
		return run_transfer_report(
			transfer, MLM_TRANSFER_PROGRESS, arriving->run->run_name, err);
	}
	/* One file that cannot be read holds nothing else up. */
	if (status == MLM_EIO)
		status = MLM_EINVAL;
	char what[MLM_ARTIFACT_PATH_MAX + 32];
	snprintf(what, sizeof(what), "artifact '%s' left out: ", entry->path);
	return note(arriving, status, &why, what, err);
}

static mlm_status put_artifacts(struct arriving *arriving, mlm_error *err)
{
	struct artifacts artifacts = { .arriving = arriving };
	struct artifact_options from = arriving->source->artifacts;
	mlm_error why = MLM_ERROR_INIT;
	from.uri = arriving->run->artifact_uri;
	if (!from.uri || !from.uri[0])
		return MLM_OK;
	mlm_status status = artifact_open(&from, &artifacts.from, &why);
	if (status == MLM_OK)
		status = artifact_walk(artifacts.from, "", take_artifact, &artifacts, &why);
	artifact_close(artifacts.into);
	artifact_close(artifacts.from);
	if (status == MLM_EIO)
		status = MLM_EINVAL;
	return note(arriving, status, &why, "artifacts left out: ", err);
}

/* ---- runs ---- */

static mlm_status create_run(struct arriving *arriving, mlm_error *err)
{
	const mlm_run_record *run = arriving->run;
	struct store *store = arriving->sink->store;
	const char *origin = transfer_origin_of(run);
	const mlm_text tag = { STORE_ORIGIN_TAG, origin };
	bool is_tagged = origin && !store->ops->is_remote;
	const struct store_new_run made = {
		/* A store that names runs itself keeps this id as a tag. */
		.run_id = origin && store->ops->is_remote ? origin : run->run_id,
		.experiment_id = arriving->experiment_id,
		.run_name = run->run_name ? run->run_name : "",
		.user_id = run->user_id,
		.source_name = "",
		.start_time_ms = run->start_time_ms,
		/* With the run itself: who is killed now leaves one that is known again. */
		.tags = &tag,
		.tag_count = is_tagged,
		.may_exist = true,
	};
	mlm_status status = transfer_make_run(
		store, &made, arriving->transfer, arriving->sink->lock, arriving->id, err);
	if (status != MLM_EEXISTS)
		return status;
	/* Another process brings the same one. */
	memcpy(arriving->id, run->run_id, strnlen(run->run_id, MLM_ID_SIZE - 1) + 1);
	return MLM_OK;
}

/* Status and end, then whether it is deleted: the last things, since a deleted run takes no more.
 */
static mlm_status finish_run(struct arriving *arriving, mlm_error *err)
{
	const mlm_run_record *run = arriving->run, *here = arriving->here;
	struct store *store = arriving->sink->store;
	mlm_status status = MLM_OK;
	bool is_open = here->status == MLM_RUN_RUNNING || here->status == MLM_RUN_SCHEDULED;
	bool differs = here->status != run->status || here->end_time_ms != run->end_time_ms;
	if (differs && (is_open || arriving->sink->source_is_newer)) {
		const struct store_run_change change = {
			.status = run->status,
			.end_time_ms = run->end_time_ms,
		};
		status = store->ops->update_run(store, arriving->id, &change, err);
	}
	if (status == MLM_OK && run->lifecycle == MLM_DELETED)
		status = store->ops->set_run_lifecycle(store, arriving->id, MLM_DELETED, err);
	return status;
}

static mlm_status put_content(struct arriving *arriving, mlm_error *err)
{
	mlm_status status = put_texts(arriving, err);
	if (status == MLM_OK)
		status = put_inputs(arriving, err);
	if (status == MLM_OK)
		status = put_points(arriving, err);
	if (status == MLM_OK)
		status = put_artifacts(arriving, err);
	if (status == MLM_OK && !is_dry(arriving)) {
		mlm_error why = MLM_ERROR_INIT;
		status = note(arriving, finish_run(arriving, &why), &why, "", err);
	}
	return status;
}

/* *goes_on_out: the run is here and takes what it lacks. */
static mlm_status meet_run(struct arriving *arriving, bool *goes_on_out, mlm_error *err)
{
	const mlm_run_record *run = arriving->run, *here = arriving->here;
	struct run_transfer *transfer = arriving->transfer;
	*goes_on_out = false;
	/* Deleted in both places: its deletion was the last of it that came. */
	if (here && here->lifecycle == MLM_DELETED && run->lifecycle == MLM_DELETED)
		return MLM_OK;
	if (here && here->lifecycle == MLM_DELETED)
		return run_transfer_problem(transfer, err,
			"run %s: left out, since it is deleted here; restore it first",
			run->run_id);
	if (!here && arriving->is_deleted)
		return run_transfer_problem(transfer, err,
			"run %s: left out, since the experiment '%s' is deleted here; restore it "
			"first",
			run->run_id, arriving->experiment_name);
	*goes_on_out = true;
	if (here && strcmp(here->experiment_id, arriving->experiment_id) != 0)
		return run_transfer_problem(transfer, err,
			"run %s: stays in the experiment with the id %s, where it is here, and "
			"does not go to '%s'",
			run->run_id, here->experiment_id, arriving->experiment_name);
	return MLM_OK;
}

static mlm_status bring_run(struct arriving *arriving, mlm_run_list **list, mlm_error *err)
{
	struct run_transfer *transfer = arriving->transfer;
	bool goes_on;
	mlm_status status = find_arriving(arriving, list, err);
	if (status != MLM_OK)
		return status;
	arriving->here = *list ? &(*list)->items[0] : NULL;
	bool is_new = !arriving->here;
	const char *id = is_new ? arriving->run->run_id : arriving->here->run_id;
	memcpy(arriving->id, id, strnlen(id, MLM_ID_SIZE - 1) + 1);
	status = meet_run(arriving, &goes_on, err);
	if (status != MLM_OK || !goes_on)
		return status;
	if (is_new && !is_dry(arriving)) {
		status = create_run(arriving, err);
		if (status == MLM_OK)
			status = arriving->sink->store->ops->get_run(
				arriving->sink->store, arriving->id, list, err);
		if (status != MLM_OK)
			return status;
		arriving->here = &(*list)->items[0];
	}
	status = remember_identity(arriving, err);
	if (status == MLM_OK)
		status = put_content(arriving, err);
	if (status == MLM_OK && is_new)
		transfer->result.new_runs++;
	return status;
}

static mlm_status on_run(void *payload, const mlm_run_record *run, mlm_error *err)
{
	struct arriving *arriving = payload;
	struct run_transfer *transfer = arriving->transfer;
	mlm_run_list *list = NULL;
	mlm_error why = MLM_ERROR_INIT;
	arena_reset(arriving->arena);
	arriving->run = run;
	mlm_status status = bring_run(arriving, &list, &why);
	if (list)
		arena_free(list->memory);
	status = note(arriving, status, &why, "", err);
	transfer->result.runs++;
	if (status == MLM_OK)
		status = run_transfer_report(transfer, MLM_TRANSFER_RUN, run->run_name, err);
	return status;
}

static mlm_status on_experiment(void *payload, const mlm_experiment *experiment, mlm_error *err)
{
	struct arriving *arriving = payload;
	struct run_transfer *transfer = arriving->transfer;
	const char *name = transfer->options.experiment_name;
	mlm_error why = MLM_ERROR_INIT;
	arena_reset(arriving->arena);
	arriving->experiment_name = name ? name : experiment->name;
	arriving->experiment_id[0] = '\0';
	arriving->is_deleted = false;
	mlm_status status = take_experiment(arriving, experiment, &why);
	if (run_transfer_is_local(transfer, status))
		return run_transfer_problem(transfer, err, "experiment '%s': left out: %s",
			experiment->name, why.message);
	if (status != MLM_OK) {
		if (err)
			*err = why;
		return status;
	}
	status = run_transfer_report(
		transfer, MLM_TRANSFER_EXPERIMENT, arriving->experiment_name, err);
	if (status == MLM_OK)
		status = arriving->source->ops->each_run(
			arriving->source, experiment, on_run, arriving, err);
	if (status == MLM_OK)
		status = delete_experiment(arriving, experiment, err);
	transfer->result.experiments++;
	return status;
}

static mlm_status on_origin(void *payload, const char *origin, const char *run_id, mlm_error *err)
{
	return run_identity_add(payload, origin, run_id, err);
}

mlm_status transfer_into_store(
	struct transfer_source *source, const struct transfer_store_sink *sink, mlm_error *err)
{
	const mlm_allocator *allocator = sink->transfer->allocator;
	struct store *store = sink->store;
	struct arriving arriving = {
		.transfer = sink->transfer,
		.source = source,
		.sink = sink,
		.arena = arena_new(allocator),
		.identity = run_identity_new(allocator),
		.early_arena = arena_new(allocator),
	};
	bool has_memory = arriving.arena && arriving.identity && arriving.early_arena;
	mlm_status status = has_memory ? MLM_OK : no_memory(err);
	if (status == MLM_OK && store && store->ops->each_origin)
		status = store->ops->each_origin(store, on_origin, arriving.identity, err);
	if (status == MLM_OK)
		status = source->ops->each_experiment(source, on_experiment, &arriving, err);
	arena_free(arriving.early_arena);
	run_identity_free(arriving.identity);
	arena_free(arriving.arena);
	return status;
}
