/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_STORE_EXPERIMENT_CONTRACT_H
#define TESTS_STORE_EXPERIMENT_CONTRACT_H

#include "store/contract/contract.h"

TEST(create_experiment__is_found_by_id_and_by_name)
{
	struct contract_name name = contract_new_name("found");
	char id[MLM_ID_SIZE];
	MUST(contract_ops->create_experiment(contract_store, name.text, NULL, id, &err));
	CHECK(id[0] && strspn(id, "0123456789") == strlen(id));

	mlm_experiment_list *by_id = contract_get_experiment(id);
	mlm_experiment_list *by_name;
	MUST(contract_ops->get_experiment(contract_store, NULL, name.text, &by_name, &err));
	CHECK_INT(by_id->count, 1);
	CHECK_INT(by_name->count, 1);
	CHECK_STRING(by_id->items[0].name, name.text);
	CHECK_STRING(by_name->items[0].experiment_id, id);
	CHECK_INT(by_id->items[0].lifecycle, MLM_ACTIVE);
	char location[MLM_ID_SIZE + sizeof(CONTRACT_ARTIFACTS)];
	snprintf(location, sizeof(location), "%s/%s", CONTRACT_ARTIFACTS, id);
	if (!(contract_differences & CONTRACT_PLACES_ARTIFACTS))
		CHECK_STRING(by_id->items[0].artifact_location, location);
	arena_free(by_id->memory);
	arena_free(by_name->memory);
}

TEST(create_experiment__keeps_location_and_tags)
{
	const mlm_text tags[] = { { "team", "pd" }, { "area", "ünï" } };
	mlm_experiment_options options = MLM_EXPERIMENT_OPTIONS_INIT;
	options.artifact_location = "s3://bucket/here";
	options.tags = tags;
	options.tag_count = 2;
	char id[MLM_ID_SIZE];
	MUST(contract_ops->create_experiment(
		contract_store, contract_new_name("tagged").text, &options, id, &err));
	mlm_experiment_list *list = contract_get_experiment(id);
	const mlm_experiment *experiment = &list->items[0];
	CHECK_STRING(experiment->artifact_location, "s3://bucket/here");
	CHECK_INT(experiment->tag_count, 2);
	CHECK_STRING(experiment->tags[0].key, "area");
	CHECK_STRING(experiment->tags[0].value, "ünï");
	CHECK_STRING(experiment->tags[1].value, "pd");
	arena_free(list->memory);
}

TEST(create_experiment__eexists_for_a_taken_name)
{
	struct contract_name name = contract_new_name("taken");
	char id[MLM_ID_SIZE], other[MLM_ID_SIZE];
	MUST(contract_ops->create_experiment(contract_store, name.text, NULL, id, &err));
	CHECK_STATUS(contract_ops->create_experiment(contract_store, name.text, NULL, other, &err),
		MLM_EEXISTS);
	CHECK_CONTAINS(err.message, name.text);
	CHECK_STRING(other, "");
	MUST(contract_ops->set_experiment_lifecycle(contract_store, id, MLM_DELETED, &err));
	CHECK_STATUS(contract_ops->create_experiment(contract_store, name.text, NULL, other, &err),
		MLM_EEXISTS);
	CHECK_CONTAINS(err.message, "deleted");
}

TEST(get_experiment__enotfound)
{
	mlm_experiment_list *list;
	CHECK_STATUS(contract_ops->get_experiment(contract_store, "987654321", NULL, &list, &err),
		MLM_ENOTFOUND);
	CHECK(!list);
	CHECK_STATUS(contract_ops->get_experiment(contract_store, "no number", NULL, &list, &err),
		MLM_ENOTFOUND);
	CHECK_STATUS(contract_ops->get_experiment(contract_store, NULL, "nowhere", &list, &err),
		MLM_ENOTFOUND);
	CHECK_CONTAINS(err.message, "nowhere");
}

TEST(get_experiment__has_the_default_one)
{
	mlm_experiment_list *list = contract_get_experiment("0");
	CHECK_STRING(list->items[0].name, "Default");
	arena_free(list->memory);
}

TEST(rename_experiment__changes_the_name)
{
	struct contract_name id = contract_experiment();
	struct contract_name name = contract_new_name("renamed");
	MUST(contract_ops->rename_experiment(contract_store, id.text, name.text, &err));
	MUST(contract_ops->rename_experiment(contract_store, id.text, name.text, &err));
	mlm_experiment_list *list = contract_get_experiment(id.text);
	CHECK_STRING(list->items[0].name, name.text);
	CHECK(list->items[0].last_update_time_ms >= list->items[0].creation_time_ms);
	arena_free(list->memory);
}

TEST(rename_experiment__enotfound_eexists_estate)
{
	struct contract_name id = contract_experiment();
	struct contract_name name = contract_new_name("occupied");
	char other[MLM_ID_SIZE];
	MUST(contract_ops->create_experiment(contract_store, name.text, NULL, other, &err));
	CHECK_STATUS(contract_ops->rename_experiment(contract_store, "987654321", "x", &err),
		MLM_ENOTFOUND);
	CHECK_STATUS(contract_ops->rename_experiment(contract_store, id.text, name.text, &err),
		MLM_EEXISTS);
	MUST(contract_ops->set_experiment_lifecycle(contract_store, id.text, MLM_DELETED, &err));
	CHECK_STATUS(contract_ops->rename_experiment(
			     contract_store, id.text, contract_new_name("x").text, &err),
		MLM_ESTATE);
}

TEST(set_experiment_lifecycle__takes_the_runs_along)
{
	struct contract_name id = contract_experiment();
	struct contract_name run = contract_run_in(id.text);
	MUST(contract_ops->set_experiment_lifecycle(contract_store, id.text, MLM_DELETED, &err));
	mlm_experiment_list *list = contract_get_experiment(id.text);
	CHECK_INT(list->items[0].lifecycle, MLM_DELETED);
	arena_free(list->memory);
	CHECK_INT(contract_lifecycle(run.text), MLM_DELETED);
	MUST(contract_ops->set_experiment_lifecycle(contract_store, id.text, MLM_ACTIVE, &err));
	CHECK_INT(contract_lifecycle(run.text), MLM_ACTIVE);
}

TEST(set_experiment_lifecycle__enotfound_estate)
{
	struct contract_name id = contract_experiment();
	CHECK_STATUS(contract_ops->set_experiment_lifecycle(
			     contract_store, "987654321", MLM_DELETED, &err),
		MLM_ENOTFOUND);
	CHECK_STATUS(
		contract_ops->set_experiment_lifecycle(contract_store, id.text, MLM_ACTIVE, &err),
		MLM_ESTATE);
	MUST(contract_ops->set_experiment_lifecycle(contract_store, id.text, MLM_DELETED, &err));
	CHECK_STATUS(
		contract_ops->set_experiment_lifecycle(contract_store, id.text, MLM_DELETED, &err),
		MLM_ESTATE);
}

TEST(set_experiment_tag__replaces_and_leaves_the_update_time)
{
	struct contract_name id = contract_experiment();
	mlm_experiment_list *before = contract_get_experiment(id.text);
	usleep(2000);
	MUST(contract_ops->set_experiment_tag(contract_store, id.text, "k", "1", &err));
	MUST(contract_ops->set_experiment_tag(contract_store, id.text, "k", "2", &err));
	mlm_experiment_list *after = contract_get_experiment(id.text);
	CHECK_INT(after->items[0].tag_count, 1);
	CHECK_STRING(after->items[0].tags[0].value, "2");
	CHECK_INT(after->items[0].last_update_time_ms, before->items[0].last_update_time_ms);
	arena_free(before->memory);
	arena_free(after->memory);
}

TEST(set_experiment_tag__enotfound_estate)
{
	struct contract_name id = contract_experiment();
	CHECK_STATUS(contract_ops->set_experiment_tag(contract_store, "987654321", "k", "v", &err),
		MLM_ENOTFOUND);
	MUST(contract_ops->set_experiment_lifecycle(contract_store, id.text, MLM_DELETED, &err));
	CHECK_STATUS(contract_ops->set_experiment_tag(contract_store, id.text, "k", "v", &err),
		MLM_ESTATE);
}

TEST(delete_experiment_runs__leaves_the_experiment_and_others)
{
	struct contract_name id = contract_experiment();
	struct contract_name run = contract_run_in(id.text);
	struct contract_name other = contract_run();
	MUST(contract_ops->delete_experiment_runs(contract_store, id.text, &err));
	CHECK_INT(contract_lifecycle(run.text), MLM_DELETED);
	CHECK_INT(contract_lifecycle(other.text), MLM_ACTIVE);
	mlm_experiment_list *list = contract_get_experiment(id.text);
	CHECK_INT(list->items[0].lifecycle, MLM_ACTIVE);
	arena_free(list->memory);
	CHECK_STATUS(contract_ops->delete_experiment_runs(contract_store, "987654321", &err),
		MLM_ENOTFOUND);
}

static inline void run_experiment_contract(void)
{
	RUN(create_experiment__is_found_by_id_and_by_name);
	RUN(create_experiment__keeps_location_and_tags);
	RUN(create_experiment__eexists_for_a_taken_name);
	RUN(get_experiment__enotfound);
	RUN(get_experiment__has_the_default_one);
	RUN(rename_experiment__changes_the_name);
	RUN(rename_experiment__enotfound_eexists_estate);
	RUN(set_experiment_lifecycle__takes_the_runs_along);
	RUN(set_experiment_lifecycle__enotfound_estate);
	RUN(set_experiment_tag__replaces_and_leaves_the_update_time);
	RUN(set_experiment_tag__enotfound_estate);
	RUN(delete_experiment_runs__leaves_the_experiment_and_others);
}

#endif
