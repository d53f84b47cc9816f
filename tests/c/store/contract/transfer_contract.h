/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_STORE_TRANSFER_CONTRACT_H
#define TESTS_STORE_TRANSFER_CONTRACT_H

/* What carries runs from store to store, and what removes them for good. */

#include "base/error.h"
#include "store/contract/contract.h"

static inline void contract_log_without_journal(
	const char *run_id, const char *key, const struct store_point *points, size_t count)
{
	const struct store_series series = { run_id, key };
	const struct store_batch batch = {
		.series = &series,
		.series_count = 1,
		.points = points,
		.point_count = count,
	};
	MUST(contract_ops->apply(contract_store, &batch, NULL, NULL, &err));
}

/* A store from before inputs does without. */
static inline void contract_log_input(const char *run_id, const mlm_dataset_input *input)
{
	mlm_status status = contract_ops->log_inputs(contract_store, run_id, input, 1, &err);
	CHECK(status == MLM_OK || status == MLM_EUNSUPPORTED);
}

TEST(apply__takes_points_of_no_journal_once)
{
	struct contract_name id = contract_run();
	const struct store_point points[] = { { 0, 0, 1, 0.5 }, { 0, 1, 2, NAN } };
	contract_log_without_journal(id.text, "loss", points, 2);
	contract_log_without_journal(id.text, "loss", points, 2);
	mlm_metric_history *history;
	MUST(contract_ops->get_metric_history(contract_store, id.text, "loss", &history, &err));
	CHECK_INT(history->count, 2);
	arena_free(history->memory);
	mlm_run_list *list = contract_get_run(id.text);
	CHECK_INT(list->items[0].metric_count, 1);
	CHECK_INT(list->items[0].metrics[0].step, 1);
	arena_free(list->memory);
}

/* Of the runs with these first ids, in the order of the visits. */
struct contract_origins {
	const char *ids[2];
	char runs[8][MLM_ID_SIZE];
	size_t count;
};

static inline mlm_status contract_note_origin(
	void *payload, const char *origin, const char *run_id, mlm_error *why)
{
	struct contract_origins *origins = payload;
	(void)why;
	for (size_t i = 0; i < 2; i++)
		if (strcmp(origin, origins->ids[i]) == 0 && origins->count < 8)
			snprintf(origins->runs[origins->count++], MLM_ID_SIZE, "%s", run_id);
	return MLM_OK;
}

static inline mlm_status contract_refuse_origin(
	void *payload, const char *origin, const char *run_id, mlm_error *why)
{
	(void)payload;
	(void)origin;
	(void)run_id;
	return error_set(why, MLM_ESTATE, "contract", "no more");
}

TEST(each_origin__tells_of_the_deleted_runs_first)
{
	struct contract_name runs[] = { contract_run(), contract_run(), contract_run() };
	struct contract_name first = contract_new_run_id(), second = contract_new_run_id();
	struct contract_origins origins = { .ids = { first.text, second.text } };
	const char *const ids[] = { first.text, second.text, first.text };
	for (int i = 0; i < 3; i++) {
		const mlm_text tag = { STORE_ORIGIN_TAG, ids[i] };
		MUST(contract_ops->log_texts(contract_store, runs[i].text, NULL, 0, &tag, 1, &err));
	}
	MUST(contract_ops->set_run_lifecycle(contract_store, runs[2].text, MLM_DELETED, &err));
	MUST(contract_ops->each_origin(contract_store, contract_note_origin, &origins, &err));
	CHECK_INT(origins.count, 3);
	CHECK_STRING(origins.runs[0], runs[2].text);
	CHECK_STATUS(contract_ops->each_origin(contract_store, contract_refuse_origin, NULL, &err),
		MLM_ESTATE);
}

TEST(get_points__gives_every_point_once_in_pages_of_any_size)
{
	struct contract_name id = contract_run();
	const struct store_point points[] = {
		{ 0, -5, 300, 1 },
		{ 0, 0, 200, 2.25 },
		{ 0, 1, 100, 3 },
		{ 0, 1, 100, 4 },
		{ 0, 2, 100, NAN },
	};
	contract_log_without_journal(id.text, "a", points, 1);
	contract_log_without_journal(id.text, "b", points, 5);
	for (size_t capacity = 1; capacity <= 6; capacity++) {
		struct store_cursor cursor = { "" };
		struct store_point page[6];
		bool seen[5] = { false };
		size_t count, total = 0;
		do {
			MUST(contract_ops->get_points(contract_store, id.text, "b", &cursor, page,
				capacity, &count, &err));
			CHECK(count <= capacity);
			for (size_t i = 0; i < count; i++) {
				for (size_t k = 0; k < 5; k++) {
					bool is_same =
						page[i].step == points[k].step &&
						page[i].timestamp_ms == points[k].timestamp_ms &&
						(page[i].value == points[k].value ||
							(isnan(page[i].value) &&
								isnan(points[k].value)));
					CHECK(!is_same || !seen[k]);
					seen[k] = seen[k] || is_same;
				}
			}
			total += count;
		} while (cursor.token[0]);
		CHECK_INT(total, 5);
		for (size_t k = 0; k < 5; k++)
			CHECK(seen[k]);
	}
}

TEST(get_points__has_none_of_an_unknown_key_and_refuses_a_strange_token)
{
	struct contract_name id = contract_run();
	struct store_cursor cursor = { "" };
	struct store_point page[1];
	size_t count = 1;
	MUST(contract_ops->get_points(
		contract_store, id.text, "none", &cursor, page, 1, &count, &err));
	CHECK_INT(count, 0);
	CHECK_STRING(cursor.token, "");
	snprintf(cursor.token, sizeof(cursor.token), "not a token");
	CHECK_STATUS(contract_ops->get_points(
			     contract_store, id.text, "none", &cursor, page, 1, &count, &err),
		MLM_EINVAL);
}

static inline mlm_metric_summary contract_summarize(const char *run_id, const char *key)
{
	mlm_metric_summary sum = { .count = 99 };
	MUST(contract_ops->summarize_metric(contract_store, run_id, key, &sum, &err));
	return sum;
}

TEST(summarize_metric__has_the_extremes_with_their_least_steps_and_the_latest)
{
	struct contract_name id = contract_run();
	const struct store_point points[] = {
		{ 0, -5, 300, 7 },
		{ 0, 0, 200, 2.25 },
		{ 0, 1, 100, NAN },
		{ 0, 2, 100, 2.25 },
		{ 0, 3, 100, 7 },
		{ 0, 4, 50, 3 },
		{ 0, 4, 60, 5 },
		{ 0, 4, 60, 6 },
	};
	contract_log_without_journal(id.text, "a", points, 8);
	contract_log_without_journal(id.text, "b", points, 3);
	mlm_metric_summary sum = contract_summarize(id.text, "a");
	CHECK_INT(sum.count, 8);
	CHECK_INT(sum.nan_count, 1);
	CHECK(sum.min == 2.25 && sum.max == 7 && sum.last == 6);
	CHECK_INT(sum.min_step, 0);
	CHECK_INT(sum.max_step, -5);
	CHECK_INT(sum.last_step, 4);
	sum = contract_summarize(id.text, "b");
	CHECK_INT(sum.count, 3);
	CHECK(isnan(sum.last));
	CHECK_INT(sum.last_step, 1);
}

TEST(summarize_metric__knows_nan_and_infinities)
{
	struct contract_name id = contract_run();
	const struct store_point nans[] = { { 0, 3, 1, NAN }, { 0, 4, 1, NAN } };
	const struct store_point infinities[] = { { 0, 1, 1, INFINITY }, { 0, 2, 1, 0 },
		{ 0, 3, 1, -INFINITY } };
	contract_log_without_journal(id.text, "nan", nans, 2);
	contract_log_without_journal(id.text, "infinite", infinities, 3);
	mlm_metric_summary sum = contract_summarize(id.text, "nan");
	CHECK_INT(sum.count, 2);
	CHECK_INT(sum.nan_count, 2);
	CHECK(sum.min == 0 && sum.max == 0 && isnan(sum.last));
	CHECK_INT(sum.last_step, 4);
	sum = contract_summarize(id.text, "infinite");
	CHECK(sum.min <= -1.7e308 && sum.max >= 1.7e308 && sum.last == sum.min);
	CHECK_INT(sum.min_step, 3);
	CHECK_INT(sum.max_step, 1);
}

TEST(summarize_metric__counts_nothing_of_an_unknown_key_or_run)
{
	struct contract_name id = contract_run();
	CHECK_INT(contract_summarize(id.text, "none").count, 0);
	CHECK_INT(contract_summarize("no such run", "none").count, 0);
}

/* More than a page of any store, and not in the order of the steps. */
TEST(summarize_metric__is_of_all_points_of_a_long_history)
{
	enum { COUNT = 20011 };
	static struct store_point points[COUNT];
	struct contract_name id = contract_run();
	for (int i = 0; i < COUNT; i++)
		points[i] = (struct store_point){ 0, i, COUNT - i, i == 15000 ? -2 : i % 1000 };
	contract_log_without_journal(id.text, "a", points, COUNT);
	mlm_metric_summary sum = contract_summarize(id.text, "a");
	CHECK_INT(sum.count, COUNT);
	CHECK(sum.min == -2 && sum.max == 999 && sum.last == 10);
	CHECK_INT(sum.min_step, 15000);
	CHECK_INT(sum.max_step, 999);
	CHECK_INT(sum.last_step, COUNT - 1);
}

TEST(log_inputs__adds_what_is_missing_and_keeps_what_is_there)
{
	struct contract_name id = contract_run();
	const mlm_text first[] = { { "mlflow.data.context", "training" }, { "a", "läßt" } };
	const mlm_text second = { "a", "changed" };
	const mlm_dataset_input inputs[] = {
		{ "wine", "abc123", "local", "{\"uri\": \"wine.csv\"}", "{}", NULL, first, 2 },
		{ "other", "def456", "code", "{}", NULL, "{\"rows\": 3}", NULL, 0 },
	};
	const mlm_dataset_input again = { "wine", "abc123", "http", "elsewhere", NULL, NULL,
		&second, 1 };
	MUST(contract_ops->log_inputs(contract_store, id.text, inputs, 2, &err));
	MUST(contract_ops->log_inputs(contract_store, id.text, &again, 1, &err));
	mlm_run_list *list = contract_get_run(id.text);
	const mlm_run_record *run = &list->items[0];
	CHECK_INT(run->dataset_input_count, 2);
	size_t wine =
		run->dataset_input_count == 2 && strcmp(run->dataset_inputs[0].name, "wine") != 0;
	const mlm_dataset_input *input = &run->dataset_inputs[wine];
	CHECK_STRING(input->digest, "abc123");
	CHECK_STRING(input->source_type, "local");
	CHECK_STRING(input->schema, "{}");
	CHECK(!input->profile);
	CHECK_INT(input->tag_count, 2);
	CHECK_STRING(contract_text(input->tags, input->tag_count, "a"), "läßt");
	arena_free(list->memory);
}

TEST(log_inputs__enotfound_estate)
{
	struct contract_name id = contract_run();
	const mlm_dataset_input input = { "d", "1", "local", "{}", NULL, NULL, NULL, 0 };
	CHECK_STATUS(contract_ops->log_inputs(contract_store, "no such run", &input, 1, &err),
		MLM_ENOTFOUND);
	MUST(contract_ops->set_run_lifecycle(contract_store, id.text, MLM_DELETED, &err));
	CHECK_STATUS(
		contract_ops->log_inputs(contract_store, id.text, &input, 1, &err), MLM_ESTATE);
}

TEST(set_run_lifecycle__keeps_the_time_of_the_deletion)
{
	struct contract_name id = contract_run();
	mlm_run_list *list = contract_get_run(id.text);
	CHECK_INT(list->items[0].deleted_time_ms, -1);
	arena_free(list->memory);
	MUST(contract_ops->set_run_lifecycle(contract_store, id.text, MLM_DELETED, &err));
	list = contract_get_run(id.text);
	CHECK(list->items[0].deleted_time_ms > 1700000000000);
	arena_free(list->memory);
}

TEST(purge_run__removes_a_deleted_run_with_its_data_and_no_other)
{
	struct contract_name experiment = contract_experiment();
	struct contract_name id = contract_run_in(experiment.text);
	struct contract_name other = contract_run_in(experiment.text);
	const struct store_point point = { 0, 0, 1, 0.5 };
	const mlm_text text = { "k", "v" };
	const mlm_dataset_input input = { "d", "1", "local", "{}", NULL, NULL, &text, 1 };
	const char *ids[] = { id.text, other.text };
	for (size_t i = 0; i < 2; i++) {
		contract_log_without_journal(ids[i], "loss", &point, 1);
		MUST(contract_ops->log_texts(contract_store, ids[i], &text, 1, &text, 1, &err));
		contract_log_input(ids[i], &input);
	}
	MUST(contract_ops->set_run_lifecycle(contract_store, id.text, MLM_DELETED, &err));
	MUST(contract_ops->purge_run(contract_store, id.text, &err));
	mlm_run_list *list;
	CHECK_STATUS(contract_ops->get_run(contract_store, id.text, &list, &err), MLM_ENOTFOUND);
	struct store_cursor cursor = { "" };
	struct store_point page[1];
	size_t count;
	MUST(contract_ops->get_points(
		contract_store, id.text, "loss", &cursor, page, 1, &count, &err));
	CHECK_INT(count, 0);
	list = contract_get_run(other.text);
	CHECK_INT(list->items[0].metric_count, 1);
	CHECK_INT(list->items[0].param_count, 1);
	for (size_t i = 0; i < list->items[0].dataset_input_count; i++)
		CHECK_INT(list->items[0].dataset_inputs[i].tag_count, 1);
	arena_free(list->memory);
}

TEST(purge_run__enotfound_estate)
{
	struct contract_name id = contract_run();
	CHECK_STATUS(contract_ops->purge_run(contract_store, "no such run", &err), MLM_ENOTFOUND);
	CHECK_STATUS(contract_ops->purge_run(contract_store, id.text, &err), MLM_ESTATE);
	CHECK_INT(contract_lifecycle(id.text), MLM_ACTIVE);
}

TEST(purge_experiment__removes_a_deleted_one_without_runs)
{
	struct contract_name name = contract_new_name("purged");
	const mlm_text tag = { "team", "pd" };
	mlm_experiment_options options = MLM_EXPERIMENT_OPTIONS_INIT;
	options.tags = &tag;
	options.tag_count = 1;
	char id[MLM_ID_SIZE], again[MLM_ID_SIZE];
	MUST(contract_ops->create_experiment(contract_store, name.text, &options, id, &err));
	struct contract_name run = contract_run_in(id);
	const mlm_dataset_input input = { "d", "1", "local", "{}", NULL, NULL, NULL, 0 };
	contract_log_input(run.text, &input);

	CHECK_STATUS(contract_ops->purge_experiment(contract_store, id, &err), MLM_ESTATE);
	MUST(contract_ops->set_experiment_lifecycle(contract_store, id, MLM_DELETED, &err));
	CHECK_STATUS(contract_ops->purge_experiment(contract_store, id, &err), MLM_ESTATE);
	CHECK_CONTAINS(err.message, "runs");
	MUST(contract_ops->purge_run(contract_store, run.text, &err));
	MUST(contract_ops->purge_experiment(contract_store, id, &err));

	mlm_experiment_list *list;
	CHECK_STATUS(
		contract_ops->get_experiment(contract_store, id, NULL, &list, &err), MLM_ENOTFOUND);
	CHECK_STATUS(contract_ops->purge_experiment(contract_store, id, &err), MLM_ENOTFOUND);
	MUST(contract_ops->create_experiment(contract_store, name.text, NULL, again, &err));
	list = contract_get_experiment(again);
	CHECK_INT(list->items[0].tag_count, 0);
	arena_free(list->memory);
}

TEST(compact__gives_back_what_a_purge_freed)
{
	enum { COUNT = 20000 };
	static struct store_point points[COUNT];
	struct contract_name id = contract_run();
	struct store_size before, freed, compacted;
	for (int i = 0; i < COUNT; i++)
		points[i] = (struct store_point){ 0, i, i, i };
	contract_log_without_journal(id.text, "loss", points, COUNT);
	MUST(contract_ops->set_run_lifecycle(contract_store, id.text, MLM_DELETED, &err));
	MUST(contract_ops->get_size(contract_store, &before, &err));
	MUST(contract_ops->purge_run(contract_store, id.text, &err));
	MUST(contract_ops->get_size(contract_store, &freed, &err));
	CHECK(freed.used_bytes < before.used_bytes);
	CHECK(freed.free_bytes > before.free_bytes);
	MUST(contract_ops->compact(contract_store, &err));
	MUST(contract_ops->get_size(contract_store, &compacted, &err));
	CHECK_INT(compacted.free_bytes, 0);
	CHECK(compacted.used_bytes <= freed.used_bytes);
}

static inline void run_transfer_contract(void)
{
	RUN(apply__takes_points_of_no_journal_once);
	if (contract_ops->each_origin)
		RUN(each_origin__tells_of_the_deleted_runs_first);
	RUN(get_points__gives_every_point_once_in_pages_of_any_size);
	RUN(get_points__has_none_of_an_unknown_key_and_refuses_a_strange_token);
	RUN(summarize_metric__has_the_extremes_with_their_least_steps_and_the_latest);
	RUN(summarize_metric__knows_nan_and_infinities);
	RUN(summarize_metric__counts_nothing_of_an_unknown_key_or_run);
	RUN(summarize_metric__is_of_all_points_of_a_long_history);
}

/* What stores of older MLflow versions do not have. */
static inline void run_input_contract(void)
{
	RUN(log_inputs__adds_what_is_missing_and_keeps_what_is_there);
	RUN(log_inputs__enotfound_estate);
	if (!(contract_differences & CONTRACT_HIDES_DELETION))
		RUN(set_run_lifecycle__keeps_the_time_of_the_deletion);
}

static inline void run_purge_contract(void)
{
	RUN(purge_run__removes_a_deleted_run_with_its_data_and_no_other);
	RUN(purge_run__enotfound_estate);
	RUN(purge_experiment__removes_a_deleted_one_without_runs);
	if (contract_ops->compact)
		RUN(compact__gives_back_what_a_purge_freed);
}

#endif
