/* SPDX-License-Identifier: Apache-2.0 */
#include "store/answer.h"

#include <stdlib.h>
#include <string.h>

mlm_run_list *answer_run_list(const mlm_allocator *allocator)
{
	struct arena *arena = arena_new(allocator);
	mlm_run_list *list = arena ? arena_alloc(arena, sizeof(*list)) : NULL;
	if (list)
		list->memory = arena;
	else
		arena_free(arena);
	return list;
}

mlm_experiment_list *answer_experiment_list(const mlm_allocator *allocator)
{
	struct arena *arena = arena_new(allocator);
	mlm_experiment_list *list = arena ? arena_alloc(arena, sizeof(*list)) : NULL;
	if (list)
		list->memory = arena;
	else
		arena_free(arena);
	return list;
}

mlm_metric_history *answer_history(const mlm_allocator *allocator)
{
	struct arena *arena = arena_new(allocator);
	mlm_metric_history *history = arena ? arena_alloc(arena, sizeof(*history)) : NULL;
	if (history)
		history->memory = arena;
	else
		arena_free(arena);
	return history;
}

static int by_text_key(const void *a, const void *b)
{
	return strcmp(((const mlm_text *)a)->key, ((const mlm_text *)b)->key);
}

static int by_metric_key(const void *a, const void *b)
{
	return strcmp(((const mlm_metric *)a)->key, ((const mlm_metric *)b)->key);
}

bool answer_fill_history(
	mlm_metric_history *history, const struct store_point *points, size_t count)
{
	int64_t *steps = arena_array(history->memory, count, sizeof(*steps));
	int64_t *timestamps_ms = arena_array(history->memory, count, sizeof(*timestamps_ms));
	double *values = arena_array(history->memory, count, sizeof(*values));
	if (!steps || !timestamps_ms || !values)
		return false;
	for (size_t i = 0; i < count; i++) {
		steps[i] = points[i].step;
		timestamps_ms[i] = points[i].timestamp_ms;
		values[i] = points[i].value;
	}
	history->count = count;
	history->steps = steps;
	history->timestamps_ms = timestamps_ms;
	history->values = values;
	return true;
}

void answer_sort_texts(mlm_text *texts, size_t count)
{
	if (count > 1)
		qsort(texts, count, sizeof(*texts), by_text_key);
}

void answer_sort_metrics(mlm_metric *metrics, size_t count)
{
	if (count > 1)
		qsort(metrics, count, sizeof(*metrics), by_metric_key);
}
