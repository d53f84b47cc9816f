/* SPDX-License-Identifier: Apache-2.0 */
/* Eight processes write to one store at once; it is new, and all create it at the same moment. */
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "store_reading.h"

#define WRITERS    8
#define RUNS       6 /* of each writer */
#define POINTS     1500 /* of each run */
#define PARAMS     10
#define SHARED_RUN "several writers log to this run"

struct shared {
	_Atomic int waiting;
	_Atomic bool go;
	char run_id[MLM_ID_SIZE]; /* a run that all take up */
	char failures[WRITERS][MLM_ERROR_MESSAGE_SIZE + 64];
};

static struct shared *shared;
static struct place place;
static mlm_error err;

#define WRITER_MUST(call)                                                                    \
	do {                                                                                 \
		mlm_error why_ = MLM_ERROR_INIT;                                             \
		if ((call) != MLM_OK) {                                                      \
			snprintf(shared->failures[writer], sizeof(shared->failures[writer]), \
				"%.60s: %s", #call, why_.message);                           \
			_exit(3);                                                            \
		}                                                                            \
	} while (0)

static mlm_manager_options options_of_place(void)
{
	mlm_manager_options options = MLM_MANAGER_OPTIONS_INIT;
	options.store = place.uri;
	options.ignore_environment = true;
	return options;
}

static void wait_for_all(void)
{
	atomic_fetch_add(&shared->waiting, 1);
	while (!atomic_load(&shared->go))
		sched_yield();
}

static void log_texts(int writer, mlm_run *run, const char *prefix)
{
	for (int i = 0; i < PARAMS; i++) {
		char key[32];
		char value[32];
		snprintf(key, sizeof(key), "%s%d", prefix, i);
		snprintf(value, sizeof(value), "%d", writer);
		mlm_text text = { key, value };
		WRITER_MUST(mlm_run_log_params(run, &text, 1, &why_));
		WRITER_MUST(mlm_run_set_tags(run, &text, 1, &why_));
	}
}

static void log_points(int writer, mlm_run *run, const char *key)
{
	for (int i = 0; i < POINTS; i++)
		WRITER_MUST(mlm_run_log_metric(run, key, 0, i, MLM_STEP_NEXT, MLM_TIME_NOW, &why_));
}

static void write_own_runs(int writer)
{
	mlm_manager *manager = NULL;
	mlm_manager_options options = options_of_place();
	char id[MLM_ID_SIZE];
	wait_for_all();
	WRITER_MUST(mlm_manager_open(&options, &manager, &why_));
	WRITER_MUST(mlm_experiment_create(manager, "eight writers", NULL, id, &why_));
	for (int i = 0; i < RUNS; i++) {
		mlm_run *run = NULL;
		mlm_run_list *list = NULL;
		WRITER_MUST(mlm_run_start(manager, NULL, &run, &why_));
		log_points(writer, run, "loss");
		log_texts(writer, run, "p");
		if (i % 3 == 1)
			WRITER_MUST(mlm_manager_flush(manager, MLM_FOREVER, &why_));
		WRITER_MUST(mlm_run_get(manager, mlm_run_id(run), &list, &why_));
		if (list->items[0].param_count != PARAMS || list->items[0].metric_count != 1)
			_exit(4);
		mlm_run_list_free(list);
		log_points(writer, run, "loss");
		WRITER_MUST(mlm_run_end(run, MLM_RUN_UNCHANGED, &why_));
	}
	WRITER_MUST(mlm_manager_close(manager, 0, &why_));
	mlm_manager_free(manager);
}

static void write_shared_run(int writer)
{
	mlm_manager *manager = NULL;
	mlm_manager_options options = options_of_place();
	mlm_run *run = NULL;
	char name[32];
	wait_for_all();
	WRITER_MUST(mlm_manager_open(&options, &manager, &why_));
	WRITER_MUST(mlm_run_set_active(manager, shared->run_id, &run, &why_));
	snprintf(name, sizeof(name), "writer%d.", writer);
	log_points(writer, run, name);
	log_texts(writer, run, name);
	WRITER_MUST(mlm_run_end(run, MLM_RUN_UNCHANGED, &why_));
	WRITER_MUST(mlm_manager_close(manager, 0, &why_));
	mlm_manager_free(manager);
}

static void run_writers(void (*body)(int writer))
{
	pid_t writers[WRITERS];
	atomic_store(&shared->waiting, 0);
	atomic_store(&shared->go, false);
	fflush(stdout);
	for (int i = 0; i < WRITERS; i++) {
		writers[i] = fork();
		if (writers[i] == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			body(i);
			_exit(0);
		}
	}
	while (atomic_load(&shared->waiting) < WRITERS)
		sched_yield();
	atomic_store(&shared->go, true);
	for (int i = 0; i < WRITERS; i++) {
		int how = 0;
		waitpid(writers[i], &how, 0);
		CHECK(WIFEXITED(how) && WEXITSTATUS(how) == 0);
		if (shared->failures[i][0])
			printf("  writer %d: %s\n", i, shared->failures[i]);
	}
}

TEST(writers__lose_nothing_in_a_store_that_all_create)
{
	place_make(&place);
	run_writers(write_own_runs);
	sqlite3 *db = reading_open(place.database);
	check_integrity(db);
	CHECK_INT(
		reading_number(db, "SELECT count(*) FROM experiments WHERE name = 'eight writers'"),
		1);
	CHECK_INT(reading_number(db, "SELECT count(*) FROM experiments"), 2);
	CHECK_INT(reading_number(db, "SELECT count(*) FROM runs WHERE status = 'FINISHED'"),
		WRITERS * RUNS);
	CHECK_INT(reading_number(db,
			  "SELECT count(*) FROM (SELECT run_uuid FROM metrics GROUP BY run_uuid "
			  "HAVING count(*) = %d AND count(DISTINCT step) = %d AND max(step) = %d)",
			  2 * POINTS, 2 * POINTS, 2 * POINTS - 1),
		WRITERS * RUNS);
	CHECK_INT(reading_number(db, "SELECT count(*) FROM params"), WRITERS * RUNS * PARAMS);
	CHECK_INT(reading_number(db, "SELECT count(*) FROM tags WHERE key GLOB 'p[0-9]*'"),
		WRITERS * RUNS * PARAMS);
	sqlite3_close(db);
	CHECK_INT(directory_count(place.journals, "", NULL), 0);
}

TEST(writers__share_one_run)
{
	mlm_manager *manager = NULL;
	mlm_manager_options options = options_of_place();
	mlm_run *run = NULL;
	char id[MLM_ID_SIZE];
	MUST(mlm_manager_open(&options, &manager, &err));
	MUST(mlm_experiment_create(manager, SHARED_RUN, NULL, id, &err));
	MUST(mlm_run_start(manager, NULL, &run, &err));
	snprintf(shared->run_id, sizeof(shared->run_id), "%s", mlm_run_id(run));
	MUST(mlm_run_end(run, MLM_RUN_UNCHANGED, &err));
	MUST(mlm_manager_close(manager, 0, &err));
	mlm_manager_free(manager);

	run_writers(write_shared_run);
	sqlite3 *db = reading_open(place.database);
	check_integrity(db);
	for (int i = 0; i < WRITERS; i++) {
		char key[32];
		snprintf(key, sizeof(key), "writer%d.", i);
		CHECK_INT(check_steps(db, shared->run_id, key), POINTS);
	}
	CHECK_INT(reading_number(
			  db, "SELECT count(*) FROM params WHERE run_uuid = '%s'", shared->run_id),
		WRITERS * PARAMS);
	sqlite3_close(db);
	place_remove(&place);
}

int main(void)
{
	err = (mlm_error)MLM_ERROR_INIT;
	shared = mmap(
		NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		return 1;
	RUN(writers__lose_nothing_in_a_store_that_all_create);
	RUN(writers__share_one_run);
	return check_done();
}
