/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "base/error.h"
#include "base/memory.h"
#include "core/manager.h"
#include "mlmanager/metric.h"
#include "store/store.h"

#define PAGE_POINTS 4096

/* As MLflow tells which point is the latest. */
static bool is_later(const struct store_point *a, const struct store_point *b)
{
	if (a->step != b->step)
		return a->step > b->step;
	if (a->timestamp_ms != b->timestamp_ms)
		return a->timestamp_ms > b->timestamp_ms;
	return a->value > b->value;
}

static void add(mlm_metric_summary *summary, const struct store_point *point)
{
	summary->count++;
	if (isnan(point->value)) {
		summary->nan_count++;
		return;
	}
	bool is_first = summary->count == summary->nan_count + 1;
	if (is_first || point->value < summary->min ||
		(point->value == summary->min && point->step < summary->min_step)) {
		summary->min = point->value;
		summary->min_step = point->step;
	}
	if (is_first || point->value > summary->max ||
		(point->value == summary->max && point->step < summary->max_step)) {
		summary->max = point->value;
		summary->max_step = point->step;
	}
}

static mlm_status summarize(mlm_manager *manager, const char *run_id, const char *key,
	mlm_metric_summary *summary, mlm_error *err)
{
	struct store_cursor cursor = { .token = "" };
	struct store_point last = { .step = 0 };
	struct store_point *page = memory_array(&manager->allocator, PAGE_POINTS, sizeof(*page));
	if (!page)
		return error_set(err, MLM_ENOMEM, "metric", "memory ran out");
	mlm_status status;
	do {
		size_t count;
		status = manager->ops->get_points(
			manager->store, run_id, key, &cursor, page, PAGE_POINTS, &count, err);
		for (size_t i = 0; status == MLM_OK && i < count; i++) {
			if (summary->count == 0 || is_later(&page[i], &last))
				last = page[i];
			add(summary, &page[i]);
		}
	} while (status == MLM_OK && cursor.token[0]);
	memory_free(&manager->allocator, page);
	summary->last = last.value;
	summary->last_step = last.step;
	return status;
}

mlm_status mlm_metric_summary_get(mlm_manager *manager, const char *run_id, const char *key,
	mlm_metric_summary *summary_out, mlm_error *err)
{
	if (!run_id)
		return error_set_null(err, "run", "run_id");
	if (!key)
		return error_set_null(err, "run", "key");
	if (!summary_out)
		return error_set_null(err, "run", "summary_out");
	mlm_metric_summary summary = { 0 };
	*summary_out = summary;
	mlm_status status = manager_enter(manager, err);
	if (status != MLM_OK)
		return status;
	status = manager_flush_inside(manager, MANAGER_FLUSH_WAIT_MS, err);
	if (status == MLM_OK)
		status = summarize(manager, run_id, key, &summary, err);
	manager_leave(manager);
	if (status == MLM_OK)
		*summary_out = summary;
	return status;
}
