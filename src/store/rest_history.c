/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "store/answer.h"
#include "store/point_summary.h"
#include "store/rest_store.h"

/* Points of one request: about 2 MB of JSON and 0.5 s of the server's time. */
#define PAGE_POINTS 20000u

/* One page of points, with the run's own id. A server without pages gives all of them at once,
 * whatever it is asked for. */
static mlm_status fetch_page(struct rest_store *store, const char *run_id, const char *key,
	const char *token, size_t points_max, json_t **answer_out, mlm_error *err)
{
	char points[24];
	snprintf(points, sizeof(points), "%zu", points_max);
	const char *query[] = { "run_id", run_id, "metric_key", key, "max_results", points,
		token[0] ? "page_token" : NULL, token, NULL };
	return rest_get(store, "metrics/get-history", query, answer_out, err);
}

static struct store_point point_of(const json_t *item)
{
	return (struct store_point){
		.step = rest_read_integer(item, "step", 0),
		.timestamp_ms = rest_read_integer(item, "timestamp", 0),
		.value = rest_read_real(item, "value"),
	};
}

/* MLflow's order; it keeps NaN as 0 with a mark beside it. */
static int by_time(const void *left, const void *right)
{
	const struct store_point *a = left, *b = right;
	double x = isnan(a->value) ? 0 : a->value, y = isnan(b->value) ? 0 : b->value;
	if (a->timestamp_ms != b->timestamp_ms)
		return a->timestamp_ms < b->timestamp_ms ? -1 : 1;
	if (a->step != b->step)
		return a->step < b->step ? -1 : 1;
	if (x != y)
		return x < y ? -1 : 1;
	return !!isnan(a->value) - !!isnan(b->value);
}

struct points {
	const mlm_allocator *allocator;
	struct store_point *items;
	size_t count;
	size_t capacity;
	bool sorted;
};

static mlm_status add_page(void *payload, const json_t *page, mlm_error *err)
{
	struct points *points = payload;
	size_t count = json_array_size(page);
	if (points->count + count > points->capacity) {
		size_t capacity = points->capacity * 2 + count;
		struct store_point *grown =
			memory_resize(points->allocator, points->items, capacity, sizeof(*grown));
		if (!grown)
			return rest_no_memory(err);
		points->items = grown;
		points->capacity = capacity;
	}
	for (size_t i = 0; i < count; i++) {
		struct store_point *point = &points->items[points->count++];
		*point = point_of(json_array_get(page, i));
		if (points->count > 1 && by_time(point - 1, point) > 0)
			points->sorted = false;
	}
	return MLM_OK;
}

typedef mlm_status (*page_fn)(void *payload, const json_t *page, mlm_error *err);

/* All points of the metric, page by page. */
static mlm_status each_page(struct rest_store *store, const char *run_id, const char *key,
	page_fn visit, void *payload, mlm_error *err)
{
	json_t *answer = NULL;
	const char *token = "";
	mlm_status status;
	do {
		json_t *next = NULL;
		status = fetch_page(store, run_id, key, token, PAGE_POINTS, &next, err);
		json_decref(answer);
		answer = next;
		if (status == MLM_OK)
			status = visit(payload, json_object_get(answer, "metrics"), err);
		token = json_string_value(json_object_get(answer, "next_page_token"));
	} while (status == MLM_OK && token && token[0]);
	json_decref(answer);
	return status;
}

static mlm_status fill(mlm_metric_history *history, struct points *points, mlm_error *err)
{
	if (points->count == 0)
		return MLM_OK;
	if (!points->sorted)
		qsort(points->items, points->count, sizeof(*points->items), by_time);
	return answer_fill_history(history, points->items, points->count) ? MLM_OK
									  : rest_no_memory(err);
}

mlm_status rest_get_metric_history(struct store *base, const char *run_id, const char *key,
	mlm_metric_history **history_out, mlm_error *err)
{
	struct rest_store *store = rest_store_of(base);
	struct points points = { .allocator = base->allocator, .sorted = true };
	*history_out = NULL;
	mlm_status status = rest_explain_run(
		store, run_id, each_page(store, run_id, key, add_page, &points, err), err);
	/* To some servers a run that does not exist is one without points. */
	if (status == MLM_OK && points.count == 0) {
		json_t *run;
		status = rest_fetch_run(store, run_id, &run, err);
		json_decref(run);
	}
	mlm_metric_history *history = status == MLM_OK ? answer_history(base->allocator) : NULL;
	if (status == MLM_OK)
		status = history ? fill(history, &points, err) : rest_no_memory(err);
	memory_free(base->allocator, points.items);
	if (status == MLM_OK)
		*history_out = history;
	else if (history)
		arena_free(history->memory);
	return status;
}

mlm_status rest_get_points(struct store *base, const char *run_id, const char *key,
	struct store_cursor *cursor, struct store_point *points, size_t capacity, size_t *count_out,
	mlm_error *err)
{
	struct rest_store *store = rest_store_of(base);
	json_t *answer;
	*count_out = 0;
	mlm_status status = fetch_page(store, run_id, key, cursor->token, capacity, &answer, err);
	if (status == MLM_ENOTFOUND) {
		cursor->token[0] = '\0';
		return MLM_OK;
	}
	if (status != MLM_OK)
		return status;
	const json_t *page = json_object_get(answer, "metrics");
	const char *token = json_string_value(json_object_get(answer, "next_page_token"));
	size_t count = json_array_size(page);
	if (count > capacity || (token && strlen(token) >= sizeof(cursor->token)))
		status = error_set(err, MLM_EPEER, "rest",
			"%s does not give the history of a metric in pages",
			mlflow_peer_address(store->peer));
	for (size_t i = 0; i < count && status == MLM_OK; i++)
		points[i] = point_of(json_array_get(page, i));
	if (status == MLM_OK) {
		*count_out = count;
		snprintf(cursor->token, sizeof(cursor->token), "%s", token ? token : "");
	}
	json_decref(answer);
	return status;
}

/* The latest value of a key is the one with its greatest step. */
mlm_status rest_get_max_step(struct store *base, const char *run_id, const char *key,
	bool *found_out, int64_t *step_out, mlm_error *err)
{
	json_t *answer;
	*found_out = false;
	*step_out = 0;
	mlm_status status = rest_fetch_run(rest_store_of(base), run_id, &answer, err);
	const json_t *data = json_object_get(json_object_get(answer, "run"), "data");
	const json_t *metrics = json_object_get(data, "metrics");
	for (size_t i = 0; i < json_array_size(metrics); i++) {
		const json_t *item = json_array_get(metrics, i);
		const char *name = json_string_value(json_object_get(item, "key"));
		if (name && strcmp(name, key) == 0) {
			*found_out = true;
			*step_out = rest_read_integer(item, "step", 0);
		}
	}
	json_decref(answer);
	return status;
}

static mlm_status sum_page(void *payload, const json_t *page, mlm_error *err)
{
	size_t count = json_array_size(page);
	(void)err;
	for (size_t i = 0; i < count; i++) {
		struct store_point point = point_of(json_array_get(page, i));
		point_summary_add(payload, &point);
	}
	return MLM_OK;
}

/* MLflow's API has no such call: the points all come here. */
mlm_status rest_summarize_metric(struct store *base, const char *run_id, const char *key,
	mlm_metric_summary *summary_out, mlm_error *err)
{
	struct point_summary summary = { .sum = { 0 } };
	mlm_error why = MLM_ERROR_INIT;
	mlm_status status = each_page(rest_store_of(base), run_id, key, sum_page, &summary, &why);
	*summary_out = status == MLM_OK ? summary.sum : (mlm_metric_summary){ 0 };
	if (status == MLM_ENOTFOUND)
		return MLM_OK;
	if (status != MLM_OK && err)
		*err = why;
	return status;
}
