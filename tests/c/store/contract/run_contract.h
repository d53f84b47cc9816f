/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_STORE_RUN_CONTRACT_H
#define TESTS_STORE_RUN_CONTRACT_H

#include "store/contract/contract.h"

TEST(create_run__is_read_back)
{
	struct contract_name experiment = contract_experiment();
	struct contract_name id = contract_run_in(experiment.text);
	mlm_run_list *list = contract_get_run(id.text);
	CHECK_INT(list->count, 1);
	const mlm_run_record *run = &list->items[0];
	CHECK_STRING(run->run_id, id.text);
	CHECK_STRING(run->run_name, "a run");
	CHECK_STRING(run->experiment_id, experiment.text);
	CHECK_STRING(run->user_id, "ada");
	CHECK_INT(run->status, MLM_RUN_RUNNING);
	CHECK_INT(run->lifecycle, MLM_ACTIVE);
	CHECK_INT(run->start_time_ms, 1700000000000);
	CHECK_INT(run->end_time_ms, -1);
	char uri[256];
	snprintf(uri, sizeof(uri), "%s/%s/%s/artifacts", CONTRACT_ARTIFACTS, experiment.text,
		id.text);
	if (!(contract_differences & CONTRACT_PLACES_ARTIFACTS))
		CHECK_STRING(run->artifact_uri, uri);
	CHECK_INT(run->tag_count, contract_differences & CONTRACT_NAMES_RUNS ? 3 : 2);
	CHECK_STRING(contract_text(run->tags, run->tag_count, "mlflow.runName"), "a run");
	CHECK_STRING(contract_text(run->tags, run->tag_count, "mlflow.user"), "ada");
	CHECK_INT(run->metric_count, 0);
	CHECK_INT(run->param_count, 0);
	CHECK_INT(run->dataset_input_count, 0);
	arena_free(list->memory);
}

TEST(create_run__enotfound_estate_eexists)
{
	struct contract_name experiment = contract_experiment();
	struct contract_name id = contract_run_in(experiment.text);
	struct store_new_run run = {
		.run_id = id.text,
		.experiment_id = experiment.text,
		.run_name = "twice",
		.user_id = "ada",
		.source_name = "",
	};
	char made[MLM_ID_SIZE];
	if (!(contract_differences & CONTRACT_NAMES_RUNS))
		CHECK_STATUS(
			contract_ops->create_run(contract_store, &run, made, &err), MLM_EEXISTS);
	struct contract_name fresh = contract_new_run_id();
	run.run_id = fresh.text;
	run.experiment_id = "987654321";
	CHECK_STATUS(contract_ops->create_run(contract_store, &run, made, &err), MLM_ENOTFOUND);
	MUST(contract_ops->set_experiment_lifecycle(
		contract_store, experiment.text, MLM_DELETED, &err));
	run.experiment_id = experiment.text;
	CHECK_STATUS(contract_ops->create_run(contract_store, &run, made, &err), MLM_ESTATE);
	mlm_run_list *list;
	CHECK_STATUS(contract_ops->get_run(contract_store, fresh.text, &list, &err), MLM_ENOTFOUND);
	CHECK(!list);
}

TEST(create_run__finds_what_an_earlier_call_has_made)
{
	struct contract_name experiment = contract_experiment();
	struct contract_name id = contract_new_run_id();
	struct store_new_run run = {
		.run_id = id.text,
		.experiment_id = experiment.text,
		.run_name = "once",
		.user_id = "ada",
		.source_name = "",
	};
	char first[MLM_ID_SIZE], second[MLM_ID_SIZE];
	MUST(contract_ops->create_run(contract_store, &run, first, &err));
	run.may_exist = true;
	if (contract_differences & CONTRACT_NAMES_RUNS) {
		MUST(contract_ops->create_run(contract_store, &run, second, &err));
		CHECK_STRING(second, first);
		mlm_run_list *list = contract_get_run(id.text);
		CHECK_STRING(list->items[0].run_id, first);
		arena_free(list->memory);
	} else {
		CHECK_STRING(first, id.text);
		CHECK_STATUS(
			contract_ops->create_run(contract_store, &run, second, &err), MLM_EEXISTS);
	}
}

TEST(update_run__changes_what_it_is_told)
{
	struct contract_name id = contract_run();
	struct store_run_change change = { MLM_RUN_FINISHED, 1700000001000, NULL };
	MUST(contract_ops->update_run(contract_store, id.text, &change, &err));
	change = (struct store_run_change){ MLM_RUN_UNCHANGED, -1, "another name" };
	MUST(contract_ops->update_run(contract_store, id.text, &change, &err));
	mlm_run_list *list = contract_get_run(id.text);
	const mlm_run_record *run = &list->items[0];
	CHECK_INT(run->status, MLM_RUN_FINISHED);
	CHECK_INT(run->end_time_ms, 1700000001000);
	CHECK_STRING(run->run_name, "another name");
	CHECK_STRING(contract_text(run->tags, run->tag_count, "mlflow.runName"), "another name");
	arena_free(list->memory);
}

TEST(update_run__enotfound_estate)
{
	struct contract_name id = contract_run();
	const struct store_run_change change = { MLM_RUN_FAILED, 5, NULL };
	CHECK_STATUS(contract_ops->update_run(contract_store, "no such run", &change, &err),
		MLM_ENOTFOUND);
	MUST(contract_ops->set_run_lifecycle(contract_store, id.text, MLM_DELETED, &err));
	CHECK_STATUS(contract_ops->update_run(contract_store, id.text, &change, &err), MLM_ESTATE);
	CHECK_CONTAINS(err.message, id.text);
}

TEST(set_run_lifecycle__may_be_repeated)
{
	struct contract_name id = contract_run();
	MUST(contract_ops->set_run_lifecycle(contract_store, id.text, MLM_DELETED, &err));
	MUST(contract_ops->set_run_lifecycle(contract_store, id.text, MLM_DELETED, &err));
	CHECK_INT(contract_lifecycle(id.text), MLM_DELETED);
	MUST(contract_ops->set_run_lifecycle(contract_store, id.text, MLM_ACTIVE, &err));
	MUST(contract_ops->set_run_lifecycle(contract_store, id.text, MLM_ACTIVE, &err));
	CHECK_INT(contract_lifecycle(id.text), MLM_ACTIVE);
	CHECK_STATUS(
		contract_ops->set_run_lifecycle(contract_store, "no such run", MLM_DELETED, &err),
		MLM_ENOTFOUND);
}

TEST(clear_run__keeps_the_run_and_its_standard_tags)
{
	struct contract_name id = contract_run();
	const mlm_text params[] = { { "lr", "0.1" } };
	const mlm_text tags[] = { { "mine", "1" }, { "mlflow.note.content", "kept" },
		{ STORE_ORIGIN_TAG, "its first id" } };
	const struct store_series series = { id.text, "loss" };
	const struct store_point point = { 0, 3, 5, 0.5 };
	const struct store_batch batch = {
		.series = &series,
		.series_count = 1,
		.points = &point,
		.point_count = 1,
		.journal_id = id.text,
		.position = 1,
	};
	MUST(contract_ops->log_texts(contract_store, id.text, params, 1, tags, 3, &err));
	MUST(contract_ops->apply(contract_store, &batch, NULL, NULL, &err));
	MUST(contract_ops->clear_run(contract_store, id.text, &err));
	mlm_run_list *list = contract_get_run(id.text);
	const mlm_run_record *run = &list->items[0];
	CHECK_INT(run->param_count, 0);
	CHECK_INT(run->metric_count, 0);
	CHECK_INT(run->tag_count, 4);
	CHECK_STRING(contract_text(run->tags, run->tag_count, "mlflow.note.content"), "kept");
	CHECK_STRING(contract_text(run->tags, run->tag_count, STORE_ORIGIN_TAG), "its first id");
	CHECK_STRING(run->run_name, "a run");
	arena_free(list->memory);
	mlm_metric_history *history;
	MUST(contract_ops->get_metric_history(contract_store, id.text, "loss", &history, &err));
	CHECK_INT(history->count, 0);
	arena_free(history->memory);
	CHECK_STATUS(contract_ops->clear_run(contract_store, "no such run", &err), MLM_ENOTFOUND);
}

static inline void run_run_contract(void)
{
	RUN(create_run__is_read_back);
	RUN(create_run__enotfound_estate_eexists);
	RUN(create_run__finds_what_an_earlier_call_has_made);
	RUN(update_run__changes_what_it_is_told);
	RUN(update_run__enotfound_estate);
	RUN(set_run_lifecycle__may_be_repeated);
	if (contract_ops->clear_run)
		RUN(clear_run__keeps_the_run_and_its_standard_tags);
}

#endif
