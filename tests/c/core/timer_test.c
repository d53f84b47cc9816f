/* SPDX-License-Identifier: Apache-2.0 */
#include "mlmanager/timer.h"

#include <unistd.h>

#include "scratch_store.h"

static const char *param_of(struct scratch *s, mlm_run *run, const char *key, mlm_run_list **list)
{
	MUST(mlm_run_get(s->manager, mlm_run_id(run), list, &err));
	const mlm_run_record *record = &(*list)->items[0];
	for (size_t i = 0; i < record->param_count; i++)
		if (strcmp(record->params[i].key, key) == 0)
			return record->params[i].value;
	return NULL;
}

TEST(timer_log_and_stop__logs_each_and_returns_the_whole_wall_time)
{
	struct scratch s;
	mlm_run *run = NULL;
	mlm_run_list *list = NULL;
	double total_ms = 0;
	scratch_start(&s, &run);
	MUST(mlm_timer_start(run, "outer", MLM_TIMER_AS_PARAM, &err));
	usleep(20000);
	MUST(mlm_timer_start(run, "inner", MLM_TIMER_AS_PARAM, &err));
	usleep(1000);
	MUST(mlm_timer_log_and_stop(run, &total_ms, &err));
	const char *outer = param_of(&s, run, "outer", &list);
	CHECK(outer && strstr(outer, " ms"));
	CHECK(outer && strtod(outer, NULL) >= 20);
	CHECK(total_ms >= 20 && outer && total_ms - strtod(outer, NULL) < 0.01);
	mlm_run_list_free(list);
	CHECK(param_of(&s, run, "inner", &list));
	mlm_run_list_free(list);
	CHECK_STATUS(mlm_timer_log_and_stop(run, &total_ms, &err), MLM_ESTATE);
	CHECK_CONTAINS(err.message, "start_timer");
	scratch_remove(&s);
}

TEST(timer_start__eexists_while_running_and_when_a_param_has_the_name)
{
	struct scratch s;
	mlm_run *run = NULL;
	double ms = 0;
	scratch_start(&s, &run);
	MUST(mlm_timer_start(run, "t", MLM_TIMER_AS_PARAM, &err));
	CHECK_STATUS(mlm_timer_start(run, "t", MLM_TIMER_AS_PARAM, &err), MLM_EEXISTS);
	MUST(mlm_timer_stop(run, "t", &ms, &err));
	CHECK_STATUS(mlm_timer_start(run, "t", MLM_TIMER_AS_PARAM, &err), MLM_EEXISTS);
	CHECK_CONTAINS(err.message, "param 't'");
	CHECK_STATUS(mlm_timer_start(run, "a#b", MLM_TIMER_AS_PARAM, &err), MLM_EINVAL);
	CHECK_STATUS(mlm_timer_stop(run, "none", &ms, &err), MLM_ENOTFOUND);
	scratch_remove(&s);
}

TEST(timer_start__as_metric_runs_again_and_again)
{
	struct scratch s;
	mlm_run *run = NULL;
	double ms = 0;
	mlm_metric_history *history = NULL;
	scratch_start(&s, &run);
	for (int i = 0; i < 3; i++) {
		MUST(mlm_timer_start(run, "step", MLM_TIMER_AS_METRIC, &err));
		MUST(mlm_timer_stop(run, "step", &ms, &err));
	}
	MUST(mlm_metric_history_get(s.manager, mlm_run_id(run), "step", &history, &err));
	CHECK_INT(history->count, 3);
	mlm_metric_history_free(history);
	scratch_remove(&s);
}

TEST(run_end__logs_the_timers_that_still_run)
{
	struct scratch s;
	mlm_run *run = NULL;
	mlm_run_list *list = NULL;
	scratch_start(&s, &run);
	MUST(mlm_timer_start(run, "t", MLM_TIMER_AS_PARAM, &err));
	MUST(mlm_run_end(run, MLM_RUN_UNCHANGED, &err));
	CHECK(param_of(&s, run, "t", &list));
	mlm_run_list_free(list);
	CHECK_STATUS(mlm_timer_start(run, "u", MLM_TIMER_AS_PARAM, &err), MLM_ESTATE);
	scratch_remove(&s);
}

TEST(run_log_params__eexists_for_the_name_of_a_running_timer)
{
	struct scratch s;
	mlm_run *run = NULL;
	mlm_run_list *list = NULL;
	scratch_start(&s, &run);
	MUST(mlm_timer_start(run, "t", MLM_TIMER_AS_PARAM, &err));
	MUST(mlm_timer_start(run, "m", MLM_TIMER_AS_METRIC, &err));
	CHECK_STATUS(mlm_run_log_params(run, &(mlm_text){ "t", "1" }, 1, &err), MLM_EEXISTS);
	MUST(mlm_run_log_params(run, &(mlm_text){ "m", "1" }, 1, &err));
	MUST(mlm_run_end(run, MLM_RUN_UNCHANGED, &err));
	CHECK(param_of(&s, run, "t", &list));
	mlm_run_list_free(list);
	scratch_remove(&s);
}

TEST(run_end__ends_a_run_with_a_timer_that_another_process_deleted)
{
	struct scratch s;
	mlm_run *run = NULL;
	mlm_manager *other = NULL;
	scratch_start(&s, &run);
	MUST(mlm_timer_start(run, "t", MLM_TIMER_AS_PARAM, &err));
	mlm_manager_options options = scratch_options(&s);
	MUST(mlm_manager_open(&options, &other, &err));
	MUST(mlm_run_delete_id(other, mlm_run_id(run), &err));
	mlm_manager_free(other);
	CHECK_STATUS(mlm_run_end(run, MLM_RUN_UNCHANGED, &err), MLM_ESTATE);
	CHECK(!mlm_run_is_open(run));
	scratch_remove(&s);
}

TEST(timer_start__efull_over_the_limit)
{
	struct scratch s;
	mlm_run *run = NULL;
	char name[16];
	scratch_start(&s, &run);
	for (int i = 0; i < MLM_TIMERS_MAX; i++) {
		snprintf(name, sizeof(name), "t%d", i);
		MUST(mlm_timer_start(run, name, MLM_TIMER_AS_METRIC, &err));
	}
	CHECK_STATUS(mlm_timer_start(run, "more", MLM_TIMER_AS_METRIC, &err), MLM_EFULL);
	scratch_remove(&s);
}

int main(void)
{
	RUN(timer_log_and_stop__logs_each_and_returns_the_whole_wall_time);
	RUN(timer_start__eexists_while_running_and_when_a_param_has_the_name);
	RUN(timer_start__as_metric_runs_again_and_again);
	RUN(run_end__logs_the_timers_that_still_run);
	RUN(run_log_params__eexists_for_the_name_of_a_running_timer);
	RUN(run_end__ends_a_run_with_a_timer_that_another_process_deleted);
	RUN(timer_start__efull_over_the_limit);
	return check_done();
}
