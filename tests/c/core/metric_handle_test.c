/* SPDX-License-Identifier: Apache-2.0 */
/* src/core/metric_handle.c: what a handle logs is what mlm_run_log_metric() would have logged. */
#include <pthread.h>

#include "core/manager.h"
#include "scratch_store.h"

#define THREADS 4
#define POINTS  5000

static mlm_metric_handle *get(mlm_run *run, const char *key)
{
	mlm_metric_handle *handle = NULL;
	MUST(mlm_metric_handle_get(run, key, 0, &handle, &err));
	return handle;
}

static void put(mlm_metric_handle *handle, double value, int64_t step)
{
	MUST(mlm_metric_handle_log(handle, value, step, MLM_TIME_NOW, &err));
}

static mlm_metric_history *history_of(struct scratch *scratch, const char *run_id, const char *key)
{
	mlm_metric_history *history = NULL;
	MUST(mlm_metric_history_get(scratch->manager, run_id, key, &history, &err));
	return history;
}

TEST(metric_handle_get__the_same_for_the_same_key)
{
	struct scratch scratch;
	mlm_run *run;
	mlm_metric_handle *part = NULL;
	scratch_start(&scratch, &run);
	mlm_metric_handle *loss = get(run, "loss");
	mlm_metric_handle *gain = get(run, "gain");
	CHECK(loss && gain && loss != gain);
	CHECK(get(run, "loss") == loss);
	MUST(mlm_metric_handle_get(run, "loss and more", 4, &part, &err));
	CHECK(part == loss);
	CHECK_STRING(mlm_metric_handle_key(part), "loss");
	mlm_metric latest[2];
	CHECK_INT(mlm_run_latest_metrics(run, latest, 2), 0); /* nothing is logged by asking */
	scratch_remove(&scratch);
}

TEST(metric_handle_get__einval_on_a_key_that_log_metric_refuses)
{
	struct scratch scratch;
	mlm_run *run;
	mlm_metric_handle *handle = (mlm_metric_handle *)1;
	scratch_start(&scratch, &run);
	CHECK_STATUS(mlm_metric_handle_get(run, "", 0, &handle, &err), MLM_EINVAL);
	CHECK(!handle);
	CHECK_STATUS(mlm_metric_handle_get(run, NULL, 0, &handle, &err), MLM_EINVAL);
	CHECK_STATUS(mlm_metric_handle_get(run, "a/../b", 0, &handle, &err), MLM_EINVAL);
	CHECK_CONTAINS(err.message, "a/../b");
	scratch_remove(&scratch);
}

TEST(metric_handle_log__shares_its_steps_with_log_metric)
{
	struct scratch scratch;
	mlm_run *run;
	scratch_start(&scratch, &run);
	mlm_metric_handle *loss = get(run, "loss");
	put(loss, 0.5, MLM_STEP_NEXT);
	MUST(mlm_run_log_metric(run, "loss", 0, 0.25, MLM_STEP_NEXT, MLM_TIME_NOW, &err));
	put(loss, 0.125, 10);
	put(loss, 0.0625, MLM_STEP_NEXT);
	MUST(mlm_metric_handle_log(loss, 2, -3, 1234567890123, &err));
	mlm_metric_history *history = history_of(&scratch, mlm_run_id(run), "loss");
	CHECK_INT(history->count, 5);
	CHECK_INT(history->timestamps_ms[0], 1234567890123);
	CHECK_INT(history->steps[0], -3);
	CHECK_INT(history->steps[1], 0);
	CHECK(history->values[1] == 0.5);
	CHECK_INT(history->steps[2], 1);
	CHECK_INT(history->steps[3], 10);
	CHECK_INT(history->steps[4], 11);
	mlm_metric_history_free(history);
	scratch_remove(&scratch);
}

TEST(metric_handle_log__einval_on_a_time_before_1970)
{
	struct scratch scratch;
	mlm_run *run;
	scratch_start(&scratch, &run);
	CHECK_STATUS(mlm_metric_handle_log(get(run, "loss"), 1, 0, -1, &err), MLM_EINVAL);
	CHECK_CONTAINS(err.message, "'loss'");
	scratch_remove(&scratch);
}

TEST(metric_handle__estate_after_the_end_until_the_run_is_taken_up)
{
	struct scratch scratch;
	mlm_run *run;
	mlm_metric_handle *other = NULL;
	scratch_start(&scratch, &run);
	mlm_metric_handle *loss = get(run, "loss");
	put(loss, 1, 7);
	MUST(mlm_run_end(run, MLM_RUN_UNCHANGED, &err));
	CHECK_STATUS(mlm_metric_handle_log(loss, 2, 8, MLM_TIME_NOW, &err), MLM_ESTATE);
	CHECK_CONTAINS(err.message, "has ended");
	CHECK_STATUS(mlm_metric_handle_get(run, "loss", 0, &other, &err), MLM_ESTATE);
	mlm_run *again = NULL;
	MUST(mlm_run_set_active(scratch.manager, mlm_run_id(run), &again, &err));
	put(loss, 3, MLM_STEP_NEXT);
	CHECK(get(again, "loss") == loss);
	mlm_metric_history *history = history_of(&scratch, mlm_run_id(run), "loss");
	CHECK_INT(history->count, 2);
	CHECK_INT(history->steps[1], 8);
	mlm_metric_history_free(history);
	scratch_remove(&scratch);
}

TEST(metric_handle_get__learns_the_step_of_a_run_that_was_taken_up)
{
	struct scratch scratch;
	mlm_run *run;
	scratch_start(&scratch, &run);
	char id[MLM_ID_SIZE];
	snprintf(id, sizeof(id), "%s", mlm_run_id(run));
	put(get(run, "loss"), 1, 41);
	mlm_manager_free(scratch.manager);
	scratch_reopen(&scratch);
	MUST(mlm_run_set_active(scratch.manager, id, &run, &err));
	mlm_metric_handle *loss = get(run, "loss");
	CHECK_INT(run_find_series(run, "loss", 4)->next_step, 42);
	put(loss, 2, MLM_STEP_NEXT);
	mlm_metric_history *history = history_of(&scratch, id, "loss");
	CHECK_INT(history->steps[1], 42);
	mlm_metric_history_free(history);
	scratch_remove(&scratch);
}

TEST(metric_handle__goes_on_after_a_reset)
{
	struct scratch scratch;
	mlm_run *run;
	scratch_start(&scratch, &run);
	mlm_metric_handle *loss = get(run, "loss");
	put(loss, 1, MLM_STEP_NEXT);
	put(loss, 2, MLM_STEP_NEXT);
	MUST(mlm_run_reset(run, &err));
	put(loss, 3, MLM_STEP_NEXT);
	mlm_metric_history *history = history_of(&scratch, mlm_run_id(run), "loss");
	CHECK_INT(history->count, 1);
	CHECK_INT(history->steps[0], 0);
	CHECK(history->values[0] == 3);
	mlm_metric_history_free(history);
	scratch_remove(&scratch);
}

TEST(metric_handle_log__estate_when_the_manager_is_closed)
{
	struct scratch scratch;
	mlm_run *run;
	scratch_start(&scratch, &run);
	mlm_metric_handle *loss = get(run, "loss");
	MUST(mlm_manager_close(scratch.manager, 0, &err));
	CHECK_STATUS(mlm_metric_handle_log(loss, 1, 0, MLM_TIME_NOW, &err), MLM_ESTATE);
	CHECK_CONTAINS(err.message, "closed");
	CHECK_STRING(mlm_metric_handle_key(loss), "loss");
	scratch_remove(&scratch);
}

TEST(metric_handle_log__efull_at_the_journals_ceiling)
{
	struct scratch scratch;
	mlm_run *run;
	mlm_status status = MLM_OK;
	scratch_make(&scratch);
	mlm_manager_options options = scratch_options(&scratch);
	options.journal_bytes_max = JOURNAL_BYTES_MIN;
	MUST(mlm_manager_open(&options, &scratch.manager, &err));
	MUST(mlm_experiment_create(scratch.manager, "tests", NULL, NULL, &err));
	MUST(mlm_run_start(scratch.manager, NULL, &run, &err));
	mlm_metric_handle *loss = get(run, "loss");
	int64_t logged = 0;
	for (; status == MLM_OK && logged < 20000000; logged++)
		status = mlm_metric_handle_log(loss, 1, MLM_STEP_NEXT, 1, &err);
	CHECK_INT(status, MLM_EFULL);
	CHECK_CONTAINS(err.message, "ceiling");
	MUST(mlm_manager_flush(scratch.manager, MLM_FOREVER, &err));
	mlm_metric_history *history = history_of(&scratch, mlm_run_id(run), "loss");
	CHECK_INT(history->count, logged - 1);
	mlm_metric_history_free(history);
	scratch_remove(&scratch);
}

struct worker {
	mlm_run *run;
	mlm_metric_handle *handle;
	mlm_error why;
};

static void *log_points(void *argument)
{
	struct worker *worker = argument;
	mlm_metric_handle *own = NULL;
	for (int i = 0; i < POINTS; i++) {
		if (mlm_metric_handle_get(worker->run, "shared", 0, &own, &worker->why) != MLM_OK ||
			own != worker->handle ||
			mlm_metric_handle_log(own, i, MLM_STEP_NEXT, MLM_TIME_NOW, &worker->why) !=
				MLM_OK)
			return worker;
	}
	return NULL;
}

TEST(metric_handle__threads_share_one_and_no_step_is_given_twice)
{
	struct scratch scratch;
	mlm_run *run;
	pthread_t threads[THREADS];
	struct worker workers[THREADS] = { 0 };
	scratch_start(&scratch, &run);
	mlm_metric_handle *handle = get(run, "shared");
	for (int i = 0; i < THREADS; i++) {
		workers[i] = (struct worker){ .run = run, .handle = handle };
		pthread_create(&threads[i], NULL, log_points, &workers[i]);
	}
	for (int i = 0; i < THREADS; i++) {
		void *failed = NULL;
		pthread_join(threads[i], &failed);
		CHECK(!failed);
	}
	mlm_metric_history *history = history_of(&scratch, mlm_run_id(run), "shared");
	CHECK_INT(history->count, THREADS * POINTS);
	bool *seen = calloc(THREADS * POINTS, sizeof(*seen));
	for (size_t i = 0; i < history->count; i++)
		seen[history->steps[i]] = true;
	for (size_t i = 0; i < history->count; i++)
		CHECK(seen[i]);
	free(seen);
	mlm_metric_history_free(history);
	scratch_remove(&scratch);
}

/* A run that ends while others log to it: each call says so or has logged. */
static void *log_to_the_end(void *argument)
{
	struct worker *worker = argument;
	int64_t *logged = calloc(1, sizeof(*logged));
	while (mlm_metric_handle_log(
		       worker->handle, 1, MLM_STEP_NEXT, MLM_TIME_NOW, &worker->why) == MLM_OK)
		(*logged)++;
	return logged;
}

TEST(metric_handle__loses_nothing_when_the_run_ends_meanwhile)
{
	struct scratch scratch;
	mlm_run *run;
	pthread_t threads[THREADS];
	struct worker workers[THREADS] = { 0 };
	int64_t logged = 0;
	scratch_start(&scratch, &run);
	for (int i = 0; i < THREADS; i++) {
		workers[i] = (struct worker){ .run = run, .handle = get(run, "shared") };
		pthread_create(&threads[i], NULL, log_to_the_end, &workers[i]);
	}
	usleep(2000);
	char id[MLM_ID_SIZE];
	snprintf(id, sizeof(id), "%s", mlm_run_id(run));
	MUST(mlm_run_end(run, MLM_RUN_UNCHANGED, &err));
	for (int i = 0; i < THREADS; i++) {
		void *count = NULL;
		pthread_join(threads[i], &count);
		logged += *(int64_t *)count;
		free(count);
		CHECK_INT(workers[i].why.status, MLM_ESTATE);
	}
	mlm_metric_history *history = history_of(&scratch, id, "shared");
	CHECK_INT(history->count, logged);
	mlm_metric_history_free(history);
	scratch_remove(&scratch);
}

int main(void)
{
	RUN(metric_handle_get__the_same_for_the_same_key);
	RUN(metric_handle_get__einval_on_a_key_that_log_metric_refuses);
	RUN(metric_handle_log__shares_its_steps_with_log_metric);
	RUN(metric_handle_log__einval_on_a_time_before_1970);
	RUN(metric_handle__estate_after_the_end_until_the_run_is_taken_up);
	RUN(metric_handle_get__learns_the_step_of_a_run_that_was_taken_up);
	RUN(metric_handle__goes_on_after_a_reset);
	RUN(metric_handle_log__estate_when_the_manager_is_closed);
	RUN(metric_handle_log__efull_at_the_journals_ceiling);
	RUN(metric_handle__threads_share_one_and_no_step_is_given_twice);
	RUN(metric_handle__loses_nothing_when_the_run_ends_meanwhile);
	return check_done();
}
