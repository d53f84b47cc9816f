/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "scratch_store.h"

static mlm_metric_summary summary_of(const struct scratch *s, const mlm_run *run, const char *key)
{
	mlm_metric_summary summary = { .count = 99 };
	MUST(mlm_metric_summary_get(s->manager, mlm_run_id(run), key, &summary, &err));
	return summary;
}

TEST(metric_summary__has_least_greatest_and_last_with_their_steps)
{
	struct scratch s;
	mlm_run *run = NULL;
	scratch_start(&s, &run);
	static const double values[] = { 3, 1, NAN, 5, 1, 5, 2 };
	for (size_t i = 0; i < 7; i++)
		MUST(mlm_run_log_metric(run, "m", 0, values[i], MLM_STEP_NEXT, MLM_TIME_NOW, &err));
	MUST(mlm_run_log_metric(run, "other", 0, 100, 0, 10, &err));
	mlm_metric_summary summary = summary_of(&s, run, "m");
	CHECK_INT(summary.count, 7);
	CHECK_INT(summary.nan_count, 1);
	CHECK(summary.min == 1 && summary.max == 5 && summary.last == 2);
	CHECK_INT(summary.min_step, 1);
	CHECK_INT(summary.max_step, 3);
	CHECK_INT(summary.last_step, 6);
	MUST(mlm_run_end(run, 0, &err));
	scratch_remove(&s);
}

TEST(metric_summary__last_is_of_the_greatest_step_whenever_it_came)
{
	struct scratch s;
	mlm_run *run = NULL;
	scratch_start(&s, &run);
	MUST(mlm_run_log_metric(run, "m", 0, 7, 5, 10, &err));
	MUST(mlm_run_log_metric(run, "m", 0, 8, 4, 20, &err));
	MUST(mlm_run_log_metric(run, "m", 0, 6, -3, 30, &err));
	mlm_metric_summary summary = summary_of(&s, run, "m");
	CHECK(summary.last == 7);
	CHECK_INT(summary.last_step, 5);
	CHECK_INT(summary.min_step, -3);
	MUST(mlm_run_end(run, 0, &err));
	scratch_remove(&s);
}

TEST(metric_summary__is_of_all_points_of_a_long_history)
{
	struct scratch s;
	mlm_run *run = NULL;
	scratch_start(&s, &run);
	for (int i = 0; i < 10000; i++)
		MUST(mlm_run_log_metric(
			run, "m", 0, i == 8192 ? -1 : i, MLM_STEP_NEXT, MLM_TIME_NOW, &err));
	mlm_metric_summary summary = summary_of(&s, run, "m");
	CHECK_INT(summary.count, 10000);
	CHECK_INT(summary.min_step, 8192);
	CHECK(summary.max == 9999 && summary.last == 9999);
	MUST(mlm_run_end(run, 0, &err));
	scratch_remove(&s);
}

TEST(metric_summary__counts_nothing_where_there_is_nothing)
{
	struct scratch s;
	mlm_run *run = NULL;
	scratch_start(&s, &run);
	CHECK_INT(summary_of(&s, run, "none").count, 0);
	MUST(mlm_run_log_metric(run, "all nan", 0, NAN, 0, 10, &err));
	mlm_metric_summary summary = summary_of(&s, run, "all nan");
	CHECK_INT(summary.count, 1);
	CHECK_INT(summary.nan_count, 1);
	CHECK(isnan(summary.last));
	MUST(mlm_run_end(run, 0, &err));
	MUST(mlm_manager_close(s.manager, 0, &err));
	CHECK_STATUS(mlm_metric_summary_get(s.manager, "x", "m", &summary, &err), MLM_ESTATE);
	scratch_remove(&s);
}

int main(void)
{
	RUN(metric_summary__has_least_greatest_and_last_with_their_steps);
	RUN(metric_summary__last_is_of_the_greatest_step_whenever_it_came);
	RUN(metric_summary__is_of_all_points_of_a_long_history);
	RUN(metric_summary__counts_nothing_where_there_is_nothing);
	return check_done();
}
