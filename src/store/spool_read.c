/* SPDX-License-Identifier: Apache-2.0 */
/* A run as its entries tell it, while the store has not made it. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "store/answer.h"
#include "store/point_summary.h"
#include "store/spool_store.h"

#define RUN_NAME_TAG "mlflow.runName"

static mlm_status no_memory(mlm_error *err)
{
	return error_set(err, MLM_ENOMEM, "spool", "memory ran out");
}

/* Calls for each entry of a run, in order. What it is given lives as long as the arena. */
typedef mlm_status (*entry_fn)(
	void *payload, const struct spool_entry *entry, struct arena *arena, mlm_error *err);

/* Each entry is read into the arena, or where that is NULL, into one that the next entry takes. */
static mlm_status each_entry(struct spool_store *spool, const char *run_id, struct arena *kept,
	entry_fn visit, void *payload, mlm_error *err)
{
	struct arena *arena = kept ? kept : arena_new(spool->base.allocator);
	struct spool_record record = { 0 };
	mlm_status status = arena ? MLM_OK : no_memory(err);
	while (status == MLM_OK) {
		struct spool_entry entry;
		if (!kept)
			arena_reset(arena);
		status = spool_queue_next(
			&spool->queue, run_id, record.entry_id, arena, &record, err);
		if (status != MLM_OK || record.entry_id == 0)
			break;
		status = spool_entry_read(&record, run_id, arena, &entry, err);
		if (status == MLM_OK)
			status = visit(payload, &entry, arena, err);
	}
	if (!kept)
		arena_free(arena);
	return status;
}

/* ---- the run ---- */

struct texts {
	mlm_text *items;
	size_t count;
	size_t capacity;
};

struct reading {
	mlm_run_record record;
	struct texts params;
	struct texts tags;
	mlm_metric *metrics;
	size_t metric_count;
	size_t metric_capacity;
	mlm_dataset_input *inputs;
	size_t input_count;
	bool is_begun;
};

/* An array in the arena that holds one more. */
static void *grow(struct arena *arena, void *items, size_t count, size_t *capacity, size_t size)
{
	if (count < *capacity)
		return items;
	size_t wanted = *capacity ? *capacity * 2 : 16;
	void *grown = arena_array(arena, wanted, size);
	if (grown && count)
		memcpy(grown, items, count * size);
	if (grown)
		*capacity = wanted;
	return grown;
}

static bool put_text(struct texts *texts, struct arena *arena, const mlm_text *text)
{
	for (size_t i = 0; i < texts->count; i++) {
		if (strcmp(texts->items[i].key, text->key) == 0) {
			texts->items[i].value = text->value;
			return true;
		}
	}
	mlm_text *grown =
		grow(arena, texts->items, texts->count, &texts->capacity, sizeof(*texts->items));
	if (!grown)
		return false;
	texts->items = grown;
	texts->items[texts->count++] = *text;
	return true;
}

static bool put_texts(struct texts *texts, struct arena *arena, const mlm_text *from, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!put_text(texts, arena, &from[i]))
			return false;
	return true;
}

static void drop_text(struct texts *texts, const char *key)
{
	for (size_t i = 0; i < texts->count; i++)
		if (strcmp(texts->items[i].key, key) == 0)
			texts->items[i--] = texts->items[--texts->count];
}

/* MLflow's latest: the greatest step, then the later, then the greater. */
static bool is_later(const struct store_point *point, const mlm_metric *than)
{
	if (point->step != than->step)
		return point->step > than->step;
	if (point->timestamp_ms != than->timestamp_ms)
		return point->timestamp_ms > than->timestamp_ms;
	return point->value > than->value;
}

static bool put_points(
	struct reading *reading, struct arena *arena, const struct spool_entry *entry)
{
	size_t *places = arena_array(arena, entry->series_count + 1, sizeof(*places));
	bool *is_new = arena_array(arena, entry->series_count + 1, sizeof(*is_new));
	if (!places || !is_new)
		return false;
	for (size_t i = 0; i < entry->series_count; i++) {
		const char *key = entry->series[i].key;
		size_t at = 0;
		while (at < reading->metric_count && strcmp(reading->metrics[at].key, key) != 0)
			at++;
		places[i] = at;
		if (at < reading->metric_count)
			continue;
		mlm_metric *grown = grow(arena, reading->metrics, reading->metric_count,
			&reading->metric_capacity, sizeof(*grown));
		if (!grown)
			return false;
		reading->metrics = grown;
		reading->metrics[reading->metric_count++] =
			(mlm_metric){ .key = key, .key_size = strlen(key) };
		is_new[i] = true;
	}
	for (size_t i = 0; i < entry->point_count; i++) {
		const struct store_point *point = &entry->points[i];
		mlm_metric *metric = &reading->metrics[places[point->series]];
		if (!is_new[point->series] && !is_later(point, metric))
			continue;
		is_new[point->series] = false;
		metric->value = point->value;
		metric->step = point->step;
		metric->timestamp_ms = point->timestamp_ms;
	}
	return true;
}

static bool put_inputs(
	struct reading *reading, struct arena *arena, const struct spool_entry *entry)
{
	mlm_dataset_input *all =
		arena_array(arena, reading->input_count + entry->input_count + 1, sizeof(*all));
	if (!all)
		return false;
	if (reading->input_count)
		memcpy(all, reading->inputs, reading->input_count * sizeof(*all));
	for (size_t i = 0; i < entry->input_count; i++) {
		bool is_there = false;
		for (size_t k = 0; k < reading->input_count && !is_there; k++)
			is_there = strcmp(all[k].name, entry->inputs[i].name) == 0 &&
				   strcmp(all[k].digest, entry->inputs[i].digest) == 0;
		if (!is_there)
			all[reading->input_count++] = entry->inputs[i];
	}
	reading->inputs = all;
	return true;
}

static bool begin(struct reading *reading, struct arena *arena, const struct store_new_run *create)
{
	mlm_run_record *record = &reading->record;
	record->run_name = create->run_name;
	record->experiment_id = create->experiment_id;
	record->user_id = create->user_id;
	record->start_time_ms = create->start_time_ms;
	record->status = MLM_RUN_RUNNING;
	record->lifecycle = MLM_ACTIVE;
	reading->is_begun = true;
	return put_texts(&reading->tags, arena, create->tags, create->tag_count);
}

static bool change(struct reading *reading, struct arena *arena, const struct store_run_change *to)
{
	if (to->status != MLM_RUN_UNCHANGED)
		reading->record.status = to->status;
	if (to->end_time_ms >= 0)
		reading->record.end_time_ms = to->end_time_ms;
	if (!to->run_name)
		return true;
	reading->record.run_name = to->run_name;
	return put_text(&reading->tags, arena, &(mlm_text){ RUN_NAME_TAG, to->run_name });
}

static mlm_status take(
	void *payload, const struct spool_entry *entry, struct arena *arena, mlm_error *err)
{
	struct reading *reading = payload;
	bool ok = true;
	switch (entry->kind) {
	case SPOOL_CREATE:
		ok = begin(reading, arena, &entry->create);
		break;
	case SPOOL_TEXTS:
		ok = put_texts(&reading->params, arena, entry->params, entry->param_count) &&
		     put_texts(&reading->tags, arena, entry->tags, entry->tag_count);
		break;
	case SPOOL_DELETE_TAG:
		drop_text(&reading->tags, entry->key);
		break;
	case SPOOL_UPDATE:
		ok = change(reading, arena, &entry->change);
		break;
	case SPOOL_LIFECYCLE:
		reading->record.lifecycle = entry->lifecycle;
		break;
	case SPOOL_POINTS:
		ok = put_points(reading, arena, entry);
		break;
	case SPOOL_KILL:
		if (reading->record.status == MLM_RUN_RUNNING) {
			reading->record.status = MLM_RUN_KILLED;
			reading->record.end_time_ms = entry->change.end_time_ms;
		}
		break;
	case SPOOL_INPUTS:
		ok = put_inputs(reading, arena, entry);
		break;
	}
	return ok ? MLM_OK : no_memory(err);
}

static mlm_status fill(
	mlm_run_list *list, const char *run_id, struct reading *reading, mlm_error *err)
{
	mlm_run_record *record = arena_alloc(list->memory, sizeof(*record));
	char *id = arena_string(list->memory, run_id);
	if (!record || !id ||
		!put_text(&reading->tags, list->memory, &(mlm_text){ STORE_ORIGIN_TAG, id }))
		return no_memory(err);
	*record = reading->record;
	record->run_id = id;
	record->artifact_uri = "";
	if (record->experiment_id[0] == SPOOL_PROMISE_MARK)
		record->experiment_id = "";
	record->deleted_time_ms = -1;
	answer_sort_metrics(reading->metrics, reading->metric_count);
	answer_sort_texts(reading->params.items, reading->params.count);
	answer_sort_texts(reading->tags.items, reading->tags.count);
	record->metrics = reading->metrics;
	record->metric_count = reading->metric_count;
	record->params = reading->params.items;
	record->param_count = reading->params.count;
	record->tags = reading->tags.items;
	record->tag_count = reading->tags.count;
	record->dataset_inputs = reading->inputs;
	record->dataset_input_count = reading->input_count;
	list->items = record;
	list->count = 1;
	return MLM_OK;
}

mlm_status spool_read_run(
	struct spool_store *spool, const char *run_id, mlm_run_list **list_out, mlm_error *err)
{
	struct reading reading = { .record = { .end_time_ms = -1 } };
	mlm_run_list *list = answer_run_list(spool->base.allocator);
	*list_out = NULL;
	if (!list)
		return no_memory(err);
	mlm_status status = each_entry(spool, run_id, list->memory, take, &reading, err);
	/* Another process has just delivered it. */
	if (status == MLM_OK && !reading.is_begun)
		status = error_set(err, MLM_EAGAIN, "run", "run %s is on its way to the server %s",
			run_id, spool->queue.uri);
	if (status == MLM_OK)
		status = fill(list, run_id, &reading, err);
	if (status == MLM_OK)
		*list_out = list;
	else
		arena_free(list->memory);
	return status;
}

static mlm_status take_points(
	void *payload, const struct spool_entry *entry, struct arena *arena, mlm_error *err)
{
	bool ok = entry->kind != SPOOL_POINTS || put_points(payload, arena, entry);
	return ok ? MLM_OK : no_memory(err);
}

mlm_status spool_add_metrics(
	struct spool_store *spool, const char *run_id, mlm_run_list *list, mlm_error *err)
{
	struct arena *arena = list->memory;
	size_t count = list->items[0].metric_count;
	mlm_run_record *record = arena_alloc(arena, sizeof(*record));
	struct reading reading = {
		.metrics = arena_array(arena, count + 1, sizeof(*reading.metrics)),
		.metric_count = count,
		.metric_capacity = count + 1,
	};
	if (!record || !reading.metrics)
		return no_memory(err);
	*record = list->items[0];
	if (count)
		memcpy(reading.metrics, record->metrics, count * sizeof(*reading.metrics));
	mlm_status status = each_entry(spool, run_id, arena, take_points, &reading, err);
	if (status != MLM_OK)
		return status;
	answer_sort_metrics(reading.metrics, reading.metric_count);
	record->metrics = reading.metrics;
	record->metric_count = reading.metric_count;
	list->items = record;
	return MLM_OK;
}

/* ---- the points of one metric ---- */

struct collecting {
	const mlm_allocator *allocator;
	const char *key;
	struct store_point *points;
	size_t count;
	size_t capacity;
	int64_t max_step;
	bool is_found;
	bool keeps; /* the points, not only the greatest step */
};

static mlm_status collect(
	void *payload, const struct spool_entry *entry, struct arena *arena, mlm_error *err)
{
	struct collecting *collecting = payload;
	(void)arena;
	for (size_t i = 0; i < entry->point_count; i++) {
		const struct store_point *point = &entry->points[i];
		if (strcmp(entry->series[point->series].key, collecting->key) != 0)
			continue;
		if (!collecting->is_found || point->step > collecting->max_step)
			collecting->max_step = point->step;
		collecting->is_found = true;
		if (!collecting->keeps)
			continue;
		if (collecting->count == collecting->capacity) {
			size_t capacity = collecting->capacity ? collecting->capacity * 2 : 1024;
			struct store_point *grown = memory_resize(collecting->allocator,
				collecting->points, capacity, sizeof(*grown));
			if (!grown)
				return no_memory(err);
			collecting->points = grown;
			collecting->capacity = capacity;
		}
		collecting->points[collecting->count++] = *point;
	}
	return MLM_OK;
}

static int compare(int64_t a, int64_t b)
{
	return (a > b) - (a < b);
}

static int by_time(const void *a, const void *b)
{
	const struct store_point *x = a, *y = b;
	int order = compare(x->timestamp_ms, y->timestamp_ms);
	if (order == 0)
		order = compare(x->step, y->step);
	return order ? order : (x->value > y->value) - (x->value < y->value);
}

/* A batch may have been put into the queue twice; a point is there once. */
static size_t unify(struct store_point *points, size_t count)
{
	size_t kept = 0;
	for (size_t i = 0; i < count; i++)
		if (kept == 0 || by_time(&points[kept - 1], &points[i]) != 0)
			points[kept++] = points[i];
	return kept;
}

static mlm_status fill_history(
	mlm_metric_history *history, struct collecting *collecting, mlm_error *err)
{
	if (collecting->count == 0)
		return MLM_OK;
	qsort(collecting->points, collecting->count, sizeof(*collecting->points), by_time);
	size_t count = unify(collecting->points, collecting->count);
	return answer_fill_history(history, collecting->points, count) ? MLM_OK : no_memory(err);
}

mlm_status spool_read_history(struct spool_store *spool, const char *run_id, const char *key,
	mlm_metric_history **history_out, mlm_error *err)
{
	struct collecting collecting = {
		.allocator = spool->base.allocator, .key = key, .keeps = true
	};
	*history_out = NULL;
	mlm_status status = each_entry(spool, run_id, NULL, collect, &collecting, err);
	mlm_metric_history *history =
		status == MLM_OK ? answer_history(spool->base.allocator) : NULL;
	if (status == MLM_OK)
		status = history ? fill_history(history, &collecting, err) : no_memory(err);
	memory_free(spool->base.allocator, collecting.points);
	if (status == MLM_OK)
		*history_out = history;
	else if (history)
		arena_free(history->memory);
	return status;
}

mlm_status spool_summarize_metric(struct spool_store *spool, const char *run_id, const char *key,
	mlm_metric_summary *summary_out, mlm_error *err)
{
	mlm_metric_history *history;
	struct point_summary summary = { .sum = { 0 } };
	mlm_status status = spool_read_history(spool, run_id, key, &history, err);
	if (status != MLM_OK)
		return status;
	for (size_t i = 0; i < history->count; i++) {
		const struct store_point point = { 0, history->steps[i], history->timestamps_ms[i],
			history->values[i] };
		point_summary_add(&summary, &point);
	}
	*summary_out = summary.sum;
	arena_free(history->memory);
	return MLM_OK;
}

mlm_status spool_read_max_step(struct spool_store *spool, const char *run_id, const char *key,
	bool *found_out, int64_t *step_out, mlm_error *err)
{
	struct collecting collecting = { .key = key };
	mlm_status status = each_entry(spool, run_id, NULL, collect, &collecting, err);
	*found_out = status == MLM_OK && collecting.is_found;
	*step_out = *found_out ? collecting.max_step : 0;
	return status;
}
