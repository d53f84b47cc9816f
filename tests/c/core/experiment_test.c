/* SPDX-License-Identifier: Apache-2.0 */
#include "mlmanager/experiment.h"

#include "scratch_store.h"

TEST(experiment_create__makes_and_finds_and_activates)
{
	struct scratch s;
	char id[MLM_ID_SIZE];
	char again[MLM_ID_SIZE];
	char active[MLM_ID_SIZE];
	scratch_open(&s);
	mlm_experiment_active(s.manager, active);
	CHECK_STRING(active, "");
	MUST(mlm_experiment_create(s.manager, "größe", NULL, id, &err));
	MUST(mlm_experiment_create(s.manager, "größe", NULL, again, &err));
	CHECK_STRING(again, id);
	mlm_experiment_active(s.manager, active);
	CHECK_STRING(active, id);
	CHECK_STATUS(mlm_experiment_create(s.manager, "", NULL, id, &err), MLM_EINVAL);
	scratch_remove(&s);
}

TEST(experiment_create__reset_deletes_runs_but_not_the_active_one)
{
	struct scratch s;
	mlm_run *run = NULL;
	mlm_run_list *runs = NULL;
	mlm_experiment_options reset = MLM_EXPERIMENT_OPTIONS_INIT;
	reset.reset = true;
	scratch_start(&s, &run);
	CHECK_STATUS(mlm_experiment_create(s.manager, "tests", &reset, NULL, &err), MLM_ESTATE);
	MUST(mlm_run_end(run, MLM_RUN_UNCHANGED, &err));
	MUST(mlm_experiment_create(s.manager, "tests", &reset, NULL, &err));
	MUST(mlm_run_search(s.manager, NULL, &runs, &err));
	CHECK_INT(runs->count, 0);
	mlm_run_list_free(runs);
	MUST(mlm_run_restore_id(s.manager, mlm_run_id(run), &err));
	MUST(mlm_run_search(s.manager, NULL, &runs, &err));
	CHECK_INT(runs->count, 1);
	mlm_run_list_free(runs);
	scratch_remove(&s);
}

TEST(experiment_create__estate_on_a_deleted_name_says_what_to_do)
{
	struct scratch s;
	char id[MLM_ID_SIZE];
	scratch_open(&s);
	MUST(mlm_experiment_create(s.manager, "gone", NULL, id, &err));
	MUST(mlm_experiment_delete(s.manager, id, &err));
	CHECK_STATUS(mlm_experiment_create(s.manager, "gone", NULL, NULL, &err), MLM_ESTATE);
	CHECK_CONTAINS(err.message, "restore_experiment");
	CHECK_STATUS(mlm_experiment_set_active(s.manager, "gone", &err), MLM_ESTATE);
	MUST(mlm_experiment_restore(s.manager, id, &err));
	MUST(mlm_experiment_set_active(s.manager, "gone", &err));
	scratch_remove(&s);
}

TEST(experiment_set_active__takes_a_name_first_and_then_an_id)
{
	struct scratch s;
	char digits[MLM_ID_SIZE];
	char named[MLM_ID_SIZE];
	char active[MLM_ID_SIZE];
	scratch_open(&s);
	MUST(mlm_experiment_create(s.manager, "plain", NULL, digits, &err));
	MUST(mlm_experiment_set_active(s.manager, digits, &err));
	MUST(mlm_experiment_create(s.manager, digits, NULL, named, &err));
	MUST(mlm_experiment_set_active(s.manager, digits, &err));
	mlm_experiment_active(s.manager, active);
	CHECK_STRING(active, named);
	MUST(mlm_experiment_set_active_id(s.manager, digits, &err));
	mlm_experiment_active(s.manager, active);
	CHECK_STRING(active, digits);
	CHECK_STATUS(mlm_experiment_set_active(s.manager, "none", &err), MLM_ENOTFOUND);
	CHECK_CONTAINS(err.message, "'none'");
	CHECK_STATUS(mlm_experiment_set_active_id(s.manager, "999", &err), MLM_ENOTFOUND);
	scratch_remove(&s);
}

TEST(experiment_delete__estate_with_an_active_run)
{
	struct scratch s;
	mlm_run *run = NULL;
	char id[MLM_ID_SIZE];
	char active[MLM_ID_SIZE];
	scratch_start(&s, &run);
	mlm_run_experiment_id(run, id);
	CHECK_STATUS(mlm_experiment_delete(s.manager, id, &err), MLM_ESTATE);
	MUST(mlm_run_end(run, MLM_RUN_UNCHANGED, &err));
	MUST(mlm_experiment_delete(s.manager, id, &err));
	mlm_experiment_active(s.manager, active);
	CHECK_STRING(active, "");
	scratch_remove(&s);
}

TEST(experiment_rename__eexists_on_a_taken_name)
{
	struct scratch s;
	char id[MLM_ID_SIZE];
	mlm_experiment_list *list = NULL;
	scratch_open(&s);
	MUST(mlm_experiment_create(s.manager, "a", NULL, NULL, &err));
	MUST(mlm_experiment_create(s.manager, "b", NULL, id, &err));
	CHECK_STATUS(mlm_experiment_rename(s.manager, id, "a", &err), MLM_EEXISTS);
	MUST(mlm_experiment_rename(s.manager, id, "c", &err));
	MUST(mlm_experiment_set_tag(s.manager, id, "team", "pd", &err));
	MUST(mlm_experiment_get_by_name(s.manager, "c", &list, &err));
	CHECK_STRING(list->items[0].experiment_id, id);
	CHECK_INT(list->items[0].tag_count, 1);
	mlm_experiment_list_free(list);
	scratch_remove(&s);
}

TEST(experiment_create__has_mlflows_limits_for_locations_and_tags)
{
	struct scratch s;
	char text[MLM_EXPERIMENT_TAG_VALUE_MAX + 2];
	char id[MLM_ID_SIZE];
	mlm_experiment_options options = MLM_EXPERIMENT_OPTIONS_INIT;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	scratch_open(&s);
	options.artifact_location = "caf\xE9";
	CHECK_STATUS(mlm_experiment_create(s.manager, "a", &options, NULL, &err), MLM_EINVAL);
	options.artifact_location = "runs:/0/artifacts";
	CHECK_STATUS(mlm_experiment_create(s.manager, "a", &options, NULL, &err), MLM_EINVAL);
	options.artifact_location = text;
	CHECK_STATUS(mlm_experiment_create(s.manager, "a", &options, NULL, &err), MLM_EINVAL);
	CHECK_CONTAINS(err.message, "2048");
	MUST(mlm_experiment_create(s.manager, "a", NULL, id, &err));
	CHECK_STATUS(mlm_experiment_set_tag(s.manager, id, "k", text, &err), MLM_EINVAL);
	text[MLM_EXPERIMENT_TAG_VALUE_MAX] = '\0';
	MUST(mlm_experiment_set_tag(s.manager, id, "k", text, &err));
	scratch_remove(&s);
}

TEST(experiments__have_one_way_to_write_an_id)
{
	struct scratch s;
	char id[MLM_ID_SIZE];
	char other[MLM_ID_SIZE + 1];
	mlm_run *run = NULL;
	mlm_run_options options = MLM_RUN_OPTIONS_INIT;
	scratch_open(&s);
	MUST(mlm_experiment_create(s.manager, "tests", NULL, id, &err));
	snprintf(other, sizeof(other), "0%s", id);
	options.experiment_id = other;
	CHECK_STATUS(mlm_run_start(s.manager, &options, &run, &err), MLM_ENOTFOUND);
	MUST(mlm_run_start(s.manager, NULL, &run, &err));
	/* As the active run's, it would be refused by its own id. */
	CHECK_STATUS(mlm_experiment_delete(s.manager, id, &err), MLM_ESTATE);
	CHECK_STATUS(mlm_experiment_delete(s.manager, other, &err), MLM_ENOTFOUND);
	scratch_remove(&s);
}

int main(void)
{
	RUN(experiment_create__makes_and_finds_and_activates);
	RUN(experiment_create__reset_deletes_runs_but_not_the_active_one);
	RUN(experiment_create__estate_on_a_deleted_name_says_what_to_do);
	RUN(experiment_set_active__takes_a_name_first_and_then_an_id);
	RUN(experiment_delete__estate_with_an_active_run);
	RUN(experiment_rename__eexists_on_a_taken_name);
	RUN(experiment_create__has_mlflows_limits_for_locations_and_tags);
	RUN(experiments__have_one_way_to_write_an_id);
	return check_done();
}
