/* SPDX-License-Identifier: Apache-2.0 */
/* Threads that log to one run while others read, and threads with managers of their own. */
#include <pthread.h>
#include <stdatomic.h>

#include "store_reading.h"

#define THREADS 4
#define POINTS  20000
#define FRAMES  2000
#define KEYS    5

static mlm_error err;
static struct place place;

struct worker {
	int number;
	mlm_manager *manager;
	mlm_run *run;
	char run_id[MLM_ID_SIZE];
	mlm_error why; /* of the first call that failed */
};

#define WORKER_MUST(call)              \
	do {                           \
		if ((call) != MLM_OK)  \
			return worker; \
	} while (0)

static mlm_manager *open_manager(mlm_error *why)
{
	mlm_manager_options options = MLM_MANAGER_OPTIONS_INIT;
	mlm_manager *manager = NULL;
	char id[MLM_ID_SIZE];
	options.store = place.uri;
	options.ignore_environment = true;
	if (mlm_manager_open(&options, &manager, why) != MLM_OK ||
		mlm_experiment_create(manager, "threads", NULL, id, why) != MLM_OK)
		return NULL;
	return manager;
}

/* One key that all share, one of the thread's own, frames of several keys, texts in between. */
static void *log_to_run(void *argument)
{
	struct worker *worker = argument;
	char own[16];
	char names[KEYS][16];
	mlm_metric frame[KEYS];
	snprintf(own, sizeof(own), "own%d", worker->number);
	for (int k = 0; k < KEYS; k++) {
		snprintf(names[k], sizeof(names[k]), "frame%d", k);
		frame[k] = (mlm_metric){ names[k], 0, worker->number, MLM_STEP_NEXT, MLM_TIME_NOW };
	}
	for (int i = 0; i < POINTS; i++) {
		WORKER_MUST(mlm_run_log_metric(
			worker->run, "shared", 0, i, MLM_STEP_NEXT, MLM_TIME_NOW, &worker->why));
		WORKER_MUST(mlm_run_log_metric(
			worker->run, own, 0, i, MLM_STEP_NEXT, MLM_TIME_NOW, &worker->why));
		if (i % (POINTS / FRAMES) == 0)
			WORKER_MUST(mlm_run_log_metrics(worker->run, frame, KEYS, &worker->why));
		if (i % (POINTS / 10) == 0) {
			char key[32];
			snprintf(key, sizeof(key), "%s-%d", own, i);
			mlm_text text = { key, "v" };
			WORKER_MUST(mlm_run_log_params(worker->run, &text, 1, &worker->why));
		}
	}
	return NULL;
}

static void *read_and_flush(void *argument)
{
	struct worker *worker = argument;
	for (int i = 0; i < 20; i++) {
		mlm_run_list *list = NULL;
		mlm_metric_history *history = NULL;
		WORKER_MUST(mlm_manager_flush(worker->manager, MLM_FOREVER, &worker->why));
		WORKER_MUST(mlm_run_get(worker->manager, worker->run_id, &list, &worker->why));
		mlm_run_list_free(list);
		WORKER_MUST(mlm_metric_history_get(
			worker->manager, worker->run_id, "shared", &history, &worker->why));
		mlm_metric_history_free(history);
	}
	return NULL;
}

static void run_threads(struct worker workers[], void *(*bodies[])(void *), int count)
{
	pthread_t threads[THREADS + 1];
	for (int i = 0; i < count; i++)
		pthread_create(&threads[i], NULL, bodies[i], &workers[i]);
	for (int i = 0; i < count; i++) {
		void *failed = NULL;
		pthread_join(threads[i], &failed);
		if (failed)
			printf("  thread %d: %s\n", i, workers[i].why.message);
		CHECK(!failed);
	}
}

static void check_run(sqlite3 *db, const char *run_id, int threads)
{
	CHECK_INT(check_steps(db, run_id, "shared"), (int64_t)threads * POINTS);
	for (int k = 0; k < KEYS; k++) {
		char key[16];
		snprintf(key, sizeof(key), "frame%d", k);
		CHECK_INT(check_steps(db, run_id, key), (int64_t)threads * FRAMES);
	}
	CHECK_INT(reading_number(db, "SELECT count(*) FROM params WHERE run_uuid = '%s'", run_id),
		(int64_t)threads * 10);
}

TEST(threads__log_to_one_run_while_another_reads)
{
	struct worker workers[THREADS + 1] = { 0 };
	void *(*bodies[THREADS + 1])(void *);
	mlm_run *run = NULL;
	place_make(&place);
	mlm_manager *manager = open_manager(&err);
	CHECK(manager);
	MUST(mlm_run_start(manager, NULL, &run, &err));
	for (int i = 0; i <= THREADS; i++) {
		workers[i].number = i;
		workers[i].manager = manager;
		workers[i].run = run;
		snprintf(workers[i].run_id, sizeof(workers[i].run_id), "%s", mlm_run_id(run));
		bodies[i] = i < THREADS ? log_to_run : read_and_flush;
	}
	run_threads(workers, bodies, THREADS + 1);
	MUST(mlm_run_end(run, MLM_RUN_UNCHANGED, &err));
	MUST(mlm_manager_close(manager, 0, &err));
	mlm_manager_free(manager);
	sqlite3 *db = reading_open(place.database);
	check_integrity(db);
	check_run(db, workers[0].run_id, THREADS);
	for (int i = 0; i < THREADS; i++) {
		char own[16];
		snprintf(own, sizeof(own), "own%d", i);
		CHECK_INT(check_steps(db, workers[0].run_id, own), POINTS);
	}
	sqlite3_close(db);
	place_remove(&place);
}

static void *log_with_its_own(void *argument)
{
	struct worker *worker = argument;
	worker->manager = open_manager(&worker->why);
	if (!worker->manager)
		return worker;
	WORKER_MUST(mlm_run_start(worker->manager, NULL, &worker->run, &worker->why));
	snprintf(worker->run_id, sizeof(worker->run_id), "%s", mlm_run_id(worker->run));
	if (log_to_run(worker))
		return worker;
	WORKER_MUST(mlm_run_end(worker->run, MLM_RUN_UNCHANGED, &worker->why));
	WORKER_MUST(mlm_manager_close(worker->manager, 0, &worker->why));
	mlm_manager_free(worker->manager);
	return NULL;
}

TEST(threads__each_with_its_own_manager_in_a_new_store)
{
	struct worker workers[THREADS] = { 0 };
	void *(*bodies[THREADS])(void *);
	place_make(&place);
	for (int i = 0; i < THREADS; i++) {
		workers[i].number = i;
		bodies[i] = log_with_its_own;
	}
	run_threads(workers, bodies, THREADS);
	sqlite3 *db = reading_open(place.database);
	check_integrity(db);
	CHECK_INT(
		reading_number(db, "SELECT count(*) FROM runs WHERE status = 'FINISHED'"), THREADS);
	for (int i = 0; i < THREADS; i++)
		check_run(db, workers[i].run_id, 1);
	sqlite3_close(db);
	CHECK_INT(directory_count(place.journals, "", NULL), 0);
	place_remove(&place);
}

int main(void)
{
	err = (mlm_error)MLM_ERROR_INIT;
	RUN(threads__log_to_one_run_while_another_reads);
	RUN(threads__each_with_its_own_manager_in_a_new_store);
	return check_done();
}
