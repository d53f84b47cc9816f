/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_STORE_DATA_CONTRACT_H
#define TESTS_STORE_DATA_CONTRACT_H

#include <float.h>

#include "store/contract/contract.h"

TEST(log_texts__sets_params_and_tags_sorted_by_key)
{
	struct contract_name id = contract_run();
	const mlm_text params[] = { { "z", "1" }, { "a/b c.d-e_f:g", "läßt 100%" }, { "m", "" } };
	const mlm_text tags[] = { { "t", "first" }, { "t", "last" } };
	MUST(contract_ops->log_texts(contract_store, id.text, params, 3, tags, 2, &err));
	MUST(contract_ops->log_texts(contract_store, id.text, params, 3, NULL, 0, &err));
	mlm_run_list *list = contract_get_run(id.text);
	const mlm_run_record *run = &list->items[0];
	CHECK_INT(run->param_count, 3);
	CHECK_STRING(run->params[0].key, "a/b c.d-e_f:g");
	CHECK_STRING(run->params[0].value, "läßt 100%");
	CHECK_STRING(run->params[1].key, "m");
	CHECK_STRING(run->params[1].value, "");
	CHECK_STRING(run->params[2].key, "z");
	CHECK_STRING(contract_text(run->tags, run->tag_count, "t"), "last");
	arena_free(list->memory);
}

TEST(log_texts__eexists_names_both_values_and_does_nothing)
{
	struct contract_name id = contract_run();
	const mlm_text old = { "lr", "0.1" };
	const mlm_text params[] = { { "new", "1" }, { "lr", "0.2" } };
	const mlm_text tag = { "t", "1" };
	MUST(contract_ops->log_texts(contract_store, id.text, &old, 1, NULL, 0, &err));
	CHECK_STATUS(contract_ops->log_texts(contract_store, id.text, params, 2, &tag, 1, &err),
		MLM_EEXISTS);
	CHECK_CONTAINS(err.message, "'lr'");
	CHECK_CONTAINS(err.message, "'0.1'");
	CHECK_CONTAINS(err.message, "'0.2'");
	mlm_run_list *list = contract_get_run(id.text);
	CHECK_INT(list->items[0].param_count, 1);
	CHECK_STRING(list->items[0].params[0].value, "0.1");
	CHECK_STRING(contract_text(list->items[0].tags, list->items[0].tag_count, "t"), "");
	arena_free(list->memory);
}

TEST(log_texts__run_name_tag_renames)
{
	struct contract_name id = contract_run();
	const mlm_text tag = { "mlflow.runName", "by tag" };
	MUST(contract_ops->log_texts(contract_store, id.text, NULL, 0, &tag, 1, &err));
	mlm_run_list *list = contract_get_run(id.text);
	CHECK_STRING(list->items[0].run_name, "by tag");
	arena_free(list->memory);
}

TEST(log_texts__enotfound_estate)
{
	struct contract_name id = contract_run();
	const mlm_text text = { "k", "v" };
	CHECK_STATUS(
		contract_ops->log_texts(contract_store, "no such run", &text, 1, NULL, 0, &err),
		MLM_ENOTFOUND);
	MUST(contract_ops->set_run_lifecycle(contract_store, id.text, MLM_DELETED, &err));
	CHECK_STATUS(contract_ops->log_texts(contract_store, id.text, NULL, 0, &text, 1, &err),
		MLM_ESTATE);
}

TEST(delete_tag__removes_it_once)
{
	struct contract_name id = contract_run();
	MUST(contract_ops->delete_tag(contract_store, id.text, "mlflow.user", &err));
	mlm_run_list *list = contract_get_run(id.text);
	CHECK_STRING(
		contract_text(list->items[0].tags, list->items[0].tag_count, "mlflow.user"), "");
	arena_free(list->memory);
	CHECK_STATUS(contract_ops->delete_tag(contract_store, id.text, "mlflow.user", &err),
		MLM_ENOTFOUND);
	CHECK_STATUS(
		contract_ops->delete_tag(contract_store, "no such run", "k", &err), MLM_ENOTFOUND);
	MUST(contract_ops->set_run_lifecycle(contract_store, id.text, MLM_DELETED, &err));
	CHECK_STATUS(contract_ops->delete_tag(contract_store, id.text, "mlflow.runName", &err),
		MLM_ESTATE);
}

static inline void contract_log(
	const char *run_id, const char *key, const struct store_point *points, size_t count)
{
	const struct store_series series = { run_id, key };
	struct contract_name journal = contract_new_name("journal");
	const struct store_batch batch = {
		.series = &series,
		.series_count = 1,
		.points = points,
		.point_count = count,
		.journal_id = journal.text,
		.position = 1,
	};
	MUST(contract_ops->apply(contract_store, &batch, NULL, NULL, &err));
	if (contract_ops->forget_journal)
		MUST(contract_ops->forget_journal(contract_store, journal.text, &err));
}

TEST(get_metric_history__is_in_mlflows_order)
{
	struct contract_name id = contract_run();
	/* By step, as batches come; by time it is another order. */
	const struct store_point points[] = {
		{ 0, -5, 300, 1 },
		{ 0, 0, 200, 2 },
		{ 0, 1, 100, 4 },
		{ 0, 1, 100, 3 },
		{ 0, 2, 100, NAN },
	};
	contract_log(id.text, "loss", points, 5);
	mlm_metric_history *history;
	MUST(contract_ops->get_metric_history(contract_store, id.text, "loss", &history, &err));
	static const int64_t steps[] = { 1, 1, 2, 0, -5 };
	static const double values[] = { 3, 4, NAN, 2, 1 };
	CHECK_INT(history->count, 5);
	for (size_t i = 0; i < history->count && i < 5; i++) {
		CHECK_INT(history->steps[i], steps[i]);
		CHECK(history->values[i] == values[i] ||
			(isnan(values[i]) && isnan(history->values[i])));
	}
	CHECK_INT(history->timestamps_ms[4], 300);
	arena_free(history->memory);
}

TEST(get_metric_history__bounds_infinities_as_mlflow_does)
{
	struct contract_name id = contract_run();
	const struct store_point points[] = { { 0, 0, 1, INFINITY }, { 0, 1, 2, -INFINITY } };
	contract_log(id.text, "loss", points, 2);
	mlm_metric_history *history;
	MUST(contract_ops->get_metric_history(contract_store, id.text, "loss", &history, &err));
	CHECK_INT(history->count, 2);
	CHECK(history->values[0] == DBL_MAX);
	CHECK(history->values[1] == -DBL_MAX);
	arena_free(history->memory);
}

TEST(get_metric_history__is_empty_for_an_unknown_key_and_enotfound_for_a_run)
{
	struct contract_name id = contract_run();
	mlm_metric_history *history;
	MUST(contract_ops->get_metric_history(contract_store, id.text, "none", &history, &err));
	CHECK_INT(history->count, 0);
	arena_free(history->memory);
	CHECK_STATUS(contract_ops->get_metric_history(
			     contract_store, "no such run", "none", &history, &err),
		MLM_ENOTFOUND);
	CHECK(!history);
}

TEST(get_max_step__is_the_greatest_not_the_last)
{
	struct contract_name id = contract_run();
	bool found = true;
	int64_t step = 1;
	MUST(contract_ops->get_max_step(contract_store, id.text, "loss", &found, &step, &err));
	CHECK(!found);
	const struct store_point high = { 0, 41, 1, 0 }, low = { 0, 7, 2, 0 };
	contract_log(id.text, "loss", &high, 1);
	contract_log(id.text, "loss", &low, 1);
	MUST(contract_ops->get_max_step(contract_store, id.text, "loss", &found, &step, &err));
	CHECK(found);
	CHECK_INT(step, 41);
}

static inline void run_data_contract(void)
{
	RUN(log_texts__sets_params_and_tags_sorted_by_key);
	RUN(log_texts__eexists_names_both_values_and_does_nothing);
	RUN(log_texts__run_name_tag_renames);
	RUN(log_texts__enotfound_estate);
	RUN(delete_tag__removes_it_once);
	RUN(get_metric_history__is_in_mlflows_order);
	RUN(get_metric_history__bounds_infinities_as_mlflow_does);
	RUN(get_metric_history__is_empty_for_an_unknown_key_and_enotfound_for_a_run);
	RUN(get_max_step__is_the_greatest_not_the_last);
}

#endif
