/* SPDX-License-Identifier: Apache-2.0 */
/* Runs and what is logged to them, through the public API and a store on disk. */
#include "mlmanager/run.h"

#include <math.h>

#include <utf8proc.h>

#include "scratch_store.h"

static const mlm_run_record *get(struct scratch *s, const char *id, mlm_run_list **list)
{
	MUST(mlm_run_get(s->manager, id, list, &err));
	return &(*list)->items[0];
}

static const char *tag_of(const mlm_run_record *record, const char *key)
{
	for (size_t i = 0; i < record->tag_count; i++)
		if (strcmp(record->tags[i].key, key) == 0)
			return record->tags[i].value;
	return NULL;
}

TEST(run_start__estate_without_an_experiment)
{
	struct scratch s;
	mlm_run *run = NULL;
	scratch_open(&s);
	CHECK_STATUS(mlm_run_start(s.manager, NULL, &run, &err), MLM_ESTATE);
	CHECK_CONTAINS(err.message, "create_experiment");
	scratch_remove(&s);
}

TEST(run_start__estate_while_one_is_active_names_both_ways_out)
{
	struct scratch s;
	mlm_run *run = NULL;
	scratch_start(&s, &run);
	CHECK_STATUS(mlm_run_start(s.manager, NULL, NULL, &err), MLM_ESTATE);
	CHECK_CONTAINS(err.message, mlm_run_id(run));
	CHECK_CONTAINS(err.message, "end_run");
	CHECK_CONTAINS(err.message, "nested=true");
	scratch_remove(&s);
}

TEST(run_start__einval_when_name_and_tag_differ)
{
	struct scratch s;
	mlm_text tag = { "mlflow.runName", "a" };
	mlm_run_options options = MLM_RUN_OPTIONS_INIT;
	options.run_name = "b";
	options.tags = &tag;
	options.tag_count = 1;
	scratch_open(&s);
	MUST(mlm_experiment_create(s.manager, "e", NULL, NULL, &err));
	CHECK_STATUS(mlm_run_start(s.manager, &options, NULL, &err), MLM_EINVAL);
	CHECK(!mlm_run_active(s.manager));
	scratch_remove(&s);
}

TEST(run_start__writes_standard_tags)
{
	struct scratch s;
	mlm_run *run = NULL;
	mlm_run_list *list = NULL;
	mlm_run_options options = MLM_RUN_OPTIONS_INIT;
	options.run_name = "first";
	options.user_id = "ada";
	options.source_name = "train.lua";
	scratch_open(&s);
	MUST(mlm_experiment_create(s.manager, "e", NULL, NULL, &err));
	MUST(mlm_run_start(s.manager, &options, &run, &err));
	const mlm_run_record *record = get(&s, mlm_run_id(run), &list);
	CHECK_STRING(record->run_name, "first");
	CHECK_STRING(record->user_id, "ada");
	CHECK_INT(record->status, MLM_RUN_RUNNING);
	CHECK_INT(record->end_time_ms, -1);
	CHECK_STRING(tag_of(record, "mlflow.runName"), "first");
	CHECK_STRING(tag_of(record, "mlflow.user"), "ada");
	CHECK_STRING(tag_of(record, "mlflow.source.name"), "train.lua");
	CHECK_STRING(tag_of(record, "mlflow.source.type"), "LOCAL");
	mlm_run_list_free(list);
	scratch_remove(&s);
}

TEST(run_start__einval_on_names_that_are_not_utf8_or_too_long)
{
	struct scratch s;
	char many[MLM_TAG_VALUE_MAX + 2];
	mlm_run_options options = MLM_RUN_OPTIONS_INIT;
	scratch_open(&s);
	MUST(mlm_experiment_create(s.manager, "tests", NULL, NULL, &err));
	options.run_name = "caf\xE9";
	CHECK_STATUS(mlm_run_start(s.manager, &options, NULL, &err), MLM_EINVAL);
	CHECK_CONTAINS(err.message, "mlflow.runName");
	memset(many, 'x', sizeof(many) - 1);
	many[sizeof(many) - 1] = '\0';
	options.run_name = many;
	CHECK_STATUS(mlm_run_start(s.manager, &options, NULL, &err), MLM_EINVAL);
	options.run_name = NULL;
	options.user_id = "\xFF";
	CHECK_STATUS(mlm_run_start(s.manager, &options, NULL, &err), MLM_EINVAL);
	CHECK_CONTAINS(err.message, "mlflow.user");
	CHECK(!mlm_run_active(s.manager));
	scratch_remove(&s);
}

TEST(run_start__replaces_bytes_of_paths_and_logins_that_are_not_utf8)
{
	struct scratch s;
	mlm_run *run = NULL;
	mlm_run_list *list = NULL;
	mlm_run_options options = MLM_RUN_OPTIONS_INIT;
	const char *before = getenv("MLFLOW_TRACKING_USERNAME");
	char *kept = before ? strdup(before) : NULL;
	scratch_open(&s);
	MUST(mlm_experiment_create(s.manager, "tests", NULL, NULL, &err));
	setenv("MLFLOW_TRACKING_USERNAME", "Ren\xE9", 1);
	options.source_name = "/tmp/caf\xE9.lua";
	MUST(mlm_run_start(s.manager, &options, &run, &err));
	const mlm_run_record *record = get(&s, mlm_run_id(run), &list);
	CHECK_STRING(record->user_id, "Ren\xEF\xBF\xBD");
	CHECK_STRING(tag_of(record, "mlflow.user"), "Ren\xEF\xBF\xBD");
	CHECK_STRING(tag_of(record, "mlflow.source.name"), "/tmp/caf\xEF\xBF\xBD.lua");
	mlm_run_list_free(list);
	if (kept)
		setenv("MLFLOW_TRACKING_USERNAME", kept, 1);
	else
		unsetenv("MLFLOW_TRACKING_USERNAME");
	free(kept);
	scratch_remove(&s);
}

TEST(errors__are_utf8_whatever_they_repeat)
{
	struct scratch s;
	char key[80];
	scratch_open(&s);
	CHECK_STATUS(mlm_experiment_set_active(s.manager, "caf\xE9", &err), MLM_ENOTFOUND);
	CHECK_CONTAINS(err.message, "'caf?'");
	/* Cut within a character. */
	strcpy(key, "!");
	for (int i = 0; i < 19; i++)
		strcat(key, "\xF0\x9D\x92\xB3");
	mlm_text tag = { key, "v" };
	mlm_run_options options = MLM_RUN_OPTIONS_INIT;
	options.tags = &tag;
	options.tag_count = 1;
	MUST(mlm_experiment_create(s.manager, "tests", NULL, NULL, &err));
	CHECK_STATUS(mlm_run_start(s.manager, &options, NULL, &err), MLM_EINVAL);
	utf8proc_int32_t c;
	utf8proc_ssize_t used = 1;
	for (const char *at = err.message; *at && used > 0; at += used)
		used = utf8proc_iterate((const utf8proc_uint8_t *)at, -1, &c);
	CHECK(used > 0);
	scratch_remove(&s);
}

TEST(nested_run__goes_on_top_and_comes_off_first)
{
	struct scratch s;
	mlm_run *parent = NULL;
	mlm_run *child = NULL;
	mlm_run_list *list = NULL;
	mlm_run_options nested = MLM_RUN_OPTIONS_INIT;
	nested.nested = true;
	scratch_start(&s, &parent);
	MUST(mlm_run_start(s.manager, &nested, &child, &err));
	CHECK(mlm_run_active(s.manager) == child);
	CHECK_STRING(tag_of(get(&s, mlm_run_id(child), &list), "mlflow.parentRunId"),
		mlm_run_id(parent));
	mlm_run_list_free(list);
	CHECK_STATUS(mlm_run_end(parent, MLM_RUN_UNCHANGED, &err), MLM_ESTATE);
	CHECK_CONTAINS(err.message, mlm_run_id(child));
	MUST(mlm_run_end(child, MLM_RUN_FAILED, &err));
	CHECK(mlm_run_active(s.manager) == parent);
	CHECK_STATUS(mlm_run_end(child, MLM_RUN_UNCHANGED, &err), MLM_ESTATE);
	MUST(mlm_run_delete(parent, &err));
	CHECK(!mlm_run_active(s.manager));
	scratch_remove(&s);
}

TEST(set_active__adds_to_a_finished_run_and_leaves_its_end)
{
	struct scratch s;
	mlm_run *run = NULL;
	mlm_run_list *list = NULL;
	char id[MLM_ID_SIZE];
	scratch_start(&s, &run);
	MUST(mlm_run_log_metric(run, "loss", 0, 1, MLM_STEP_NEXT, MLM_TIME_NOW, &err));
	snprintf(id, sizeof(id), "%s", mlm_run_id(run));
	MUST(mlm_run_end(run, MLM_RUN_KILLED, &err));
	int64_t end_ms = get(&s, id, &list)->end_time_ms;
	mlm_run_list_free(list);
	MUST(mlm_manager_close(s.manager, 0, &err));
	mlm_manager_free(s.manager);
	scratch_reopen(&s);
	MUST(mlm_run_set_active(s.manager, id, &run, &err));
	MUST(mlm_run_log_metric(run, "loss", 0, 2, MLM_STEP_NEXT, MLM_TIME_NOW, &err));
	MUST(mlm_run_end(run, MLM_RUN_UNCHANGED, &err));
	const mlm_run_record *record = get(&s, id, &list);
	CHECK_INT(record->status, MLM_RUN_KILLED);
	CHECK_INT(record->end_time_ms, end_ms);
	CHECK_INT(record->metrics[0].step, 1); /* goes on after the store's greatest */
	mlm_run_list_free(list);
	CHECK_STATUS(mlm_run_set_active(s.manager, "nonsense", &run, &err), MLM_ENOTFOUND);
	MUST(mlm_run_delete_id(s.manager, id, &err));
	CHECK_STATUS(mlm_run_set_active(s.manager, id, &run, &err), MLM_ESTATE);
	MUST(mlm_run_restore_id(s.manager, id, &err));
	MUST(mlm_run_set_active(s.manager, id, &run, &err));
	scratch_remove(&s);
}

TEST(log_metric__steps_count_by_themselves_and_explicit_ones_stay)
{
	struct scratch s;
	mlm_run *run = NULL;
	mlm_metric_history *history = NULL;
	scratch_start(&s, &run);
	MUST(mlm_run_log_metric(run, "m", 0, 1, MLM_STEP_NEXT, 10, &err));
	MUST(mlm_run_log_metric(run, "m", 0, 2, 5, 11, &err));
	MUST(mlm_run_log_metric(run, "m", 0, 3, MLM_STEP_NEXT, 12, &err));
	MUST(mlm_run_log_metric(run, "m", 0, NAN, -7, 13, &err));
	MUST(mlm_metric_history_get(s.manager, mlm_run_id(run), "m", &history, &err));
	CHECK_INT(history->count, 4);
	CHECK_INT(history->steps[0], 0);
	CHECK_INT(history->steps[1], 5);
	CHECK_INT(history->steps[2], 6);
	CHECK_INT(history->steps[3], -7);
	CHECK(isnan(history->values[3]));
	mlm_metric_history_free(history);
	MUST(mlm_metric_history_get(s.manager, mlm_run_id(run), "none", &history, &err));
	CHECK_INT(history->count, 0);
	mlm_metric_history_free(history);
	scratch_remove(&s);
}

TEST(log_metrics__checks_all_before_it_writes_any)
{
	struct scratch s;
	mlm_run *run = NULL;
	mlm_run_list *list = NULL;
	mlm_metric metrics[] = {
		{ .key = "good", .value = 1, .step = MLM_STEP_NEXT, .timestamp_ms = MLM_TIME_NOW },
		{ .key = "b#d", .value = 1, .step = MLM_STEP_NEXT, .timestamp_ms = MLM_TIME_NOW },
	};
	scratch_start(&s, &run);
	CHECK_STATUS(mlm_run_log_metrics(run, metrics, 2, &err), MLM_EINVAL);
	CHECK_INT(get(&s, mlm_run_id(run), &list)->metric_count, 0);
	mlm_run_list_free(list);
	mlm_text param = { "p", "1" };
	CHECK_STATUS(mlm_run_log_batch(run, metrics, 2, &param, 1, NULL, 0, &err), MLM_EINVAL);
	CHECK_INT(get(&s, mlm_run_id(run), &list)->param_count, 0);
	mlm_run_list_free(list);
	scratch_remove(&s);
}

TEST(log_metric__einval_on_a_time_before_1970)
{
	struct scratch s;
	mlm_run *run = NULL;
	mlm_metric_history *history = NULL;
	mlm_metric metrics[] = {
		{ .key = "m", .value = 1, .step = MLM_STEP_NEXT, .timestamp_ms = 0 },
		{ .key = "m", .value = 2, .step = MLM_STEP_NEXT, .timestamp_ms = -1 },
	};
	scratch_start(&s, &run);
	CHECK_STATUS(mlm_run_log_metric(run, "m", 0, 1, MLM_STEP_NEXT, -5, &err), MLM_EINVAL);
	CHECK_CONTAINS(err.message, "'m' is -5");
	CHECK_STATUS(mlm_run_log_metrics(run, metrics, 2, &err), MLM_EINVAL);
	MUST(mlm_run_log_metrics(run, metrics, 1, &err));
	CHECK_STATUS(mlm_run_log_metrics(run, metrics, 2, &err), MLM_EINVAL);
	MUST(mlm_metric_history_get(s.manager, mlm_run_id(run), "m", &history, &err));
	CHECK_INT(history->count, 1);
	mlm_metric_history_free(history);
	scratch_remove(&s);
}

TEST(set_tags__an_empty_run_name_leaves_the_run_its_name)
{
	struct scratch s;
	mlm_run *run = NULL;
	mlm_run_list *list = NULL;
	char name[64];
	mlm_text tag = { "mlflow.runName", "" };
	scratch_start(&s, &run);
	mlm_run_name(run, name, sizeof(name));
	MUST(mlm_run_set_tags(run, &tag, 1, &err));
	const mlm_run_record *record = get(&s, mlm_run_id(run), &list);
	CHECK_STRING(record->run_name, name);
	CHECK_STRING(tag_of(record, "mlflow.runName"), name);
	mlm_run_list_free(list);
	scratch_remove(&s);
}

TEST(log_metrics__thousands_of_keys_and_points)
{
	enum { COUNT = 3000 };
	struct scratch s;
	mlm_run *run = NULL;
	mlm_run_list *list = NULL;
	static char keys[COUNT][16];
	static mlm_metric metrics[COUNT];
	for (int i = 0; i < COUNT; i++) {
		snprintf(keys[i], sizeof(keys[i]), "key%d", i);
		metrics[i] = (mlm_metric){ .key = keys[i],
			.value = i,
			.step = MLM_STEP_NEXT,
			.timestamp_ms = MLM_TIME_NOW };
	}
	scratch_start(&s, &run);
	for (int i = 0; i < 3; i++)
		MUST(mlm_run_log_metrics(run, metrics, COUNT, &err));
	const mlm_run_record *record = get(&s, mlm_run_id(run), &list);
	CHECK_INT(record->metric_count, COUNT);
	CHECK_INT(record->metrics[17].step, 2);
	mlm_run_list_free(list);
	scratch_remove(&s);
}

TEST(log_params__eexists_on_another_value_and_nothing_is_written)
{
	struct scratch s;
	mlm_run *run = NULL;
	mlm_run_list *list = NULL;
	mlm_text first = { "lr", "0.1" };
	mlm_text both[] = { { "momentum", "0.9" }, { "lr", "0.2" } };
	scratch_start(&s, &run);
	MUST(mlm_run_log_params(run, &first, 1, &err));
	MUST(mlm_run_log_params(run, &first, 1, &err));
	CHECK_STATUS(mlm_run_log_params(run, both, 2, &err), MLM_EEXISTS);
	CHECK_CONTAINS(err.message, "lr");
	CHECK_CONTAINS(err.message, "0.1");
	CHECK_INT(get(&s, mlm_run_id(run), &list)->param_count, 1);
	mlm_run_list_free(list);
	scratch_remove(&s);
}

TEST(delete_tag__enotfound_when_there_is_none)
{
	struct scratch s;
	mlm_run *run = NULL;
	mlm_text tag = { "team", "pd" };
	scratch_start(&s, &run);
	MUST(mlm_run_set_tags(run, &tag, 1, &err));
	MUST(mlm_run_delete_tag(run, "team", &err));
	CHECK_STATUS(mlm_run_delete_tag(run, "team", &err), MLM_ENOTFOUND);
	scratch_remove(&s);
}

TEST(run_reset__keeps_the_run_and_its_standard_tags)
{
	struct scratch s;
	mlm_run *run = NULL;
	mlm_run_list *list = NULL;
	mlm_text text = { "k", "v" };
	scratch_start(&s, &run);
	MUST(mlm_run_log_params(run, &text, 1, &err));
	MUST(mlm_run_set_tags(run, &text, 1, &err));
	MUST(mlm_run_log_metric(run, "m", 0, 1, MLM_STEP_NEXT, MLM_TIME_NOW, &err));
	MUST(mlm_run_reset(run, &err));
	MUST(mlm_run_log_metric(run, "m", 0, 4, MLM_STEP_NEXT, MLM_TIME_NOW, &err));
	const mlm_run_record *record = get(&s, mlm_run_id(run), &list);
	CHECK_INT(record->param_count, 0);
	CHECK(!tag_of(record, "k"));
	CHECK(tag_of(record, "mlflow.runName"));
	CHECK_INT(record->metric_count, 1);
	CHECK_INT(record->metrics[0].step, 0);
	mlm_run_list_free(list);
	scratch_remove(&s);
}

TEST(run_rename__changes_name_and_tag)
{
	struct scratch s;
	mlm_run *run = NULL;
	mlm_run_list *list = NULL;
	scratch_start(&s, &run);
	MUST(mlm_run_rename(s.manager, mlm_run_id(run), "renamed", &err));
	const mlm_run_record *record = get(&s, mlm_run_id(run), &list);
	CHECK_STRING(record->run_name, "renamed");
	CHECK_STRING(tag_of(record, "mlflow.runName"), "renamed");
	mlm_run_list_free(list);
	CHECK_STATUS(mlm_run_rename(s.manager, mlm_run_id(run), "", &err), MLM_EINVAL);
	CHECK_STATUS(mlm_run_rename(s.manager, "none", "x", &err), MLM_ENOTFOUND);
	scratch_remove(&s);
}

TEST(run_end__reports_what_the_store_refused)
{
	struct scratch s;
	mlm_run *run = NULL;
	mlm_manager *other = NULL;
	mlm_manager_options options;
	scratch_start(&s, &run);
	options = scratch_options(&s);
	MUST(mlm_manager_open(&options, &other, &err));
	MUST(mlm_run_delete_id(other, mlm_run_id(run), &err));
	mlm_manager_free(other);
	MUST(mlm_run_log_metric(run, "loss", 0, 1, MLM_STEP_NEXT, MLM_TIME_NOW, &err));
	CHECK_STATUS(mlm_manager_flush(s.manager, 5000, &err), MLM_ESTATE);
	CHECK_CONTAINS(err.message, "loss");
	MUST(mlm_manager_flush(s.manager, 5000, &err)); /* said once */
	scratch_remove(&s);
}

int main(void)
{
	RUN(run_start__estate_without_an_experiment);
	RUN(run_start__estate_while_one_is_active_names_both_ways_out);
	RUN(run_start__einval_when_name_and_tag_differ);
	RUN(run_start__writes_standard_tags);
	RUN(run_start__einval_on_names_that_are_not_utf8_or_too_long);
	RUN(run_start__replaces_bytes_of_paths_and_logins_that_are_not_utf8);
	RUN(errors__are_utf8_whatever_they_repeat);
	RUN(nested_run__goes_on_top_and_comes_off_first);
	RUN(set_active__adds_to_a_finished_run_and_leaves_its_end);
	RUN(log_metric__steps_count_by_themselves_and_explicit_ones_stay);
	RUN(log_metrics__checks_all_before_it_writes_any);
	RUN(log_metric__einval_on_a_time_before_1970);
	RUN(set_tags__an_empty_run_name_leaves_the_run_its_name);
	RUN(log_metrics__thousands_of_keys_and_points);
	RUN(log_params__eexists_on_another_value_and_nothing_is_written);
	RUN(delete_tag__enotfound_when_there_is_none);
	RUN(run_reset__keeps_the_run_and_its_standard_tags);
	RUN(run_rename__changes_name_and_tag);
	RUN(run_end__reports_what_the_store_refused);
	return check_done();
}
