/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_STORE_JOURNAL_CONTRACT_H
#define TESTS_STORE_JOURNAL_CONTRACT_H

#include "store/contract/contract.h"

#define CONTRACT_SERIES_POINTS 1003 /* no multiple of what a backend may put in one statement */

static inline size_t contract_history_count(const char *run_id, const char *key)
{
	mlm_metric_history *history;
	MUST(contract_ops->get_metric_history(contract_store, run_id, key, &history, &err));
	size_t count = history->count;
	arena_free(history->memory);
	return count;
}

static inline double contract_latest(const char *run_id, const char *key)
{
	mlm_run_list *list = contract_get_run(run_id);
	double value = -1;
	for (size_t i = 0; i < list->items[0].metric_count; i++) {
		if (strcmp(list->items[0].metrics[i].key, key) == 0)
			value = list->items[0].metrics[i].value;
	}
	arena_free(list->memory);
	return value;
}

TEST(apply__stores_every_point_of_several_series)
{
	struct contract_name id = contract_run();
	const struct store_series series[] = { { id.text, "acc" }, { id.text, "loss" } };
	struct store_point *points = calloc(2 * CONTRACT_SERIES_POINTS, sizeof(*points));
	for (int i = 0; i < 2 * CONTRACT_SERIES_POINTS; i++) {
		int step = i % CONTRACT_SERIES_POINTS;
		points[i] = (struct store_point){ (uint32_t)(i >= CONTRACT_SERIES_POINTS), step,
			1000 + step, i * 0.25 };
	}
	struct store_batch batch = {
		.series = series,
		.series_count = 2,
		.points = points,
		.point_count = 2 * CONTRACT_SERIES_POINTS,
		.journal_id = id.text,
		.position = 4096,
	};
	MUST(contract_ops->apply(contract_store, &batch, NULL, NULL, &err));
	mlm_metric_history *history;
	MUST(contract_ops->get_metric_history(contract_store, id.text, "loss", &history, &err));
	CHECK_INT(history->count, CONTRACT_SERIES_POINTS);
	bool equal = history->count == CONTRACT_SERIES_POINTS;
	for (size_t i = 0; equal && i < history->count; i++)
		equal = history->steps[i] == (int64_t)i &&
			history->timestamps_ms[i] == 1000 + (int64_t)i &&
			history->values[i] == (double)(CONTRACT_SERIES_POINTS + i) * 0.25;
	CHECK(equal);
	arena_free(history->memory);
	CHECK(contract_latest(id.text, "acc") == (CONTRACT_SERIES_POINTS - 1) * 0.25);
	free(points);
}

TEST(apply__skips_a_batch_that_is_in_already)
{
	struct contract_name id = contract_run();
	const struct store_series series = { id.text, "loss" };
	const struct store_point first = { 0, 0, 1, 1 }, second = { 0, 1, 2, 2 };
	struct store_batch batch = { &series, 1, &first, 1, id.text, 100, NULL, 0 };
	uint64_t position = 1;
	MUST(contract_ops->get_watermark(contract_store, id.text, &position, &err));
	CHECK_INT(position, 0);
	MUST(contract_ops->apply(contract_store, &batch, NULL, NULL, &err));
	MUST(contract_ops->get_watermark(contract_store, id.text, &position, &err));
	CHECK_INT(position, 100);
	batch.points = &second;
	MUST(contract_ops->apply(contract_store, &batch, NULL, NULL, &err));
	batch.position = 99;
	MUST(contract_ops->apply(contract_store, &batch, NULL, NULL, &err));
	CHECK_INT(contract_history_count(id.text, "loss"), 1);
	batch.position = 101;
	MUST(contract_ops->apply(contract_store, &batch, NULL, NULL, &err));
	CHECK_INT(contract_history_count(id.text, "loss"), 2);
	MUST(contract_ops->forget_journal(contract_store, id.text, &err));
	MUST(contract_ops->get_watermark(contract_store, id.text, &position, &err));
	CHECK_INT(position, 0);
}

TEST(apply__keeps_points_as_a_set)
{
	struct contract_name id = contract_run();
	const struct store_series series = { id.text, "loss" };
	const struct store_point points[] = { { 0, 1, 1, 5 }, { 0, 1, 1, 5 }, { 0, 1, 1, NAN },
		{ 0, 1, 1, NAN }, { 0, 1, 1, 0 } };
	const struct store_batch batch = { &series, 1, points, 5, id.text, 1, NULL, 0 };
	MUST(contract_ops->apply(contract_store, &batch, NULL, NULL, &err));
	CHECK_INT(contract_history_count(id.text, "loss"), 3);
}

TEST(apply__latest_is_the_greatest_step_then_time_then_value)
{
	struct contract_name id = contract_run();
	const struct store_series series = { id.text, "loss" };
	const struct {
		struct store_point point;
		double latest;
	} turns[] = {
		{ { 0, 5, 100, 1 }, 1 },
		{ { 0, 4, 900, 2 }, 1 },
		{ { 0, 5, 99, 3 }, 1 },
		{ { 0, 5, 100, 0.5 }, 1 },
		{ { 0, 5, 100, 4 }, 4 },
		{ { 0, 5, 101, -7 }, -7 },
		{ { 0, 6, 1, 8 }, 8 },
	};
	for (size_t i = 0; i < sizeof(turns) / sizeof(turns[0]); i++) {
		const struct store_batch batch = { &series, 1, &turns[i].point, 1, id.text, i + 1,
			NULL, 0 };
		MUST(contract_ops->apply(contract_store, &batch, NULL, NULL, &err));
		CHECK(contract_latest(id.text, "loss") == turns[i].latest);
	}
	const struct store_point nan = { 0, 7, 1, NAN };
	const struct store_batch batch = { &series, 1, &nan, 1, id.text, 100, NULL, 0 };
	MUST(contract_ops->apply(contract_store, &batch, NULL, NULL, &err));
	CHECK(isnan(contract_latest(id.text, "loss")));
}

struct contract_refused {
	int calls;
	size_t points;
	mlm_status statuses[4];
};

static inline void contract_note_refused(
	void *payload, const struct store_series *series, size_t point_count, const mlm_error *why)
{
	struct contract_refused *refused = payload;
	CHECK_CONTAINS(why->message, series->key);
	if (refused->calls < 4)
		refused->statuses[refused->calls] = why->status;
	refused->calls++;
	refused->points += point_count;
}

TEST(apply__leaves_out_refused_series_and_tells)
{
	struct contract_name deleted = contract_run(), good = contract_run();
	MUST(contract_ops->set_run_lifecycle(contract_store, deleted.text, MLM_DELETED, &err));
	const struct store_series series[] = { { deleted.text, "a" }, { deleted.text, "b" },
		{ good.text, "a" }, { "missing", "a" } };
	const struct store_point points[] = { { 0, 0, 1, 1 }, { 0, 1, 1, 1 }, { 1, 0, 1, 1 },
		{ 2, 0, 1, 1 }, { 3, 0, 1, 1 } };
	const struct store_batch batch = { series, 4, points, 5, good.text, 9, NULL, 0 };
	struct contract_refused refused = { 0 };
	MUST(contract_ops->apply(contract_store, &batch, contract_note_refused, &refused, &err));
	CHECK_INT(refused.calls, 3);
	CHECK_INT(refused.points, 4);
	CHECK_INT(refused.statuses[0], MLM_ESTATE);
	CHECK_INT(refused.statuses[1], MLM_ESTATE);
	CHECK_INT(refused.statuses[2], MLM_ENOTFOUND);
	CHECK_INT(contract_history_count(good.text, "a"), 1);
	CHECK_INT(contract_history_count(deleted.text, "a"), 0);
	if (contract_ops->get_watermark) {
		uint64_t position;
		MUST(contract_ops->get_watermark(contract_store, good.text, &position, &err));
		CHECK_INT(position, 9);
	}
}

TEST(apply__kills_only_running_runs_even_without_new_points)
{
	struct contract_name running = contract_run(), finished = contract_run();
	const struct store_run_change change = { MLM_RUN_FINISHED, 50, NULL };
	MUST(contract_ops->update_run(contract_store, finished.text, &change, &err));
	const struct store_killed_run killed[] = { { running.text, 77 }, { finished.text, 77 } };
	const struct store_batch batch = { .journal_id = running.text,
		.position = 0,
		.killed_runs = killed,
		.killed_run_count = 2 };
	MUST(contract_ops->apply(contract_store, &batch, NULL, NULL, &err));
	mlm_run_list *list = contract_get_run(running.text);
	CHECK_INT(list->items[0].status, MLM_RUN_KILLED);
	CHECK_INT(list->items[0].end_time_ms, 77);
	arena_free(list->memory);
	list = contract_get_run(finished.text);
	CHECK_INT(list->items[0].status, MLM_RUN_FINISHED);
	CHECK_INT(list->items[0].end_time_ms, 50);
	arena_free(list->memory);
}

static inline void run_journal_contract(void)
{
	RUN(apply__stores_every_point_of_several_series);
	if (contract_ops->get_watermark)
		RUN(apply__skips_a_batch_that_is_in_already);
	RUN(apply__keeps_points_as_a_set);
	RUN(apply__latest_is_the_greatest_step_then_time_then_value);
	RUN(apply__leaves_out_refused_series_and_tells);
	RUN(apply__kills_only_running_runs_even_without_new_points);
}

#endif
