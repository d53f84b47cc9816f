/* SPDX-License-Identifier: Apache-2.0 */
/* A host program that forks while it logs: the parent goes on, the child's handles are inert, and a
 * child that wants to log opens a manager of its own. */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>

#include "store_reading.h"

#define CHILD_SECONDS_MAX 60 /* a child that waits for a thread it does not have */
#define CHILDREN          60
#define CHILD_POINTS      500

/* The address sanitizer leaves its allocator locked in a child whose parent was busy in it, and its
 * search for leaks waits for threads that a child does not have. */
#if defined(__SANITIZE_ADDRESS__)
#define PARENT_IS_BUSY false
__attribute__((visibility("default"))) const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "detect_leaks=0";
}
#else
#define PARENT_IS_BUSY true
#endif

static mlm_error err;

struct fixture {
	struct place place;
	mlm_manager *manager;
	mlm_run *run;
	mlm_metric_handle *handle; /* of "loss" */
	char run_id[MLM_ID_SIZE];
	int64_t logged;
};

static mlm_manager *open_manager(const struct place *place)
{
	mlm_manager_options options = MLM_MANAGER_OPTIONS_INIT;
	mlm_manager *manager = NULL;
	char id[MLM_ID_SIZE];
	options.store = place->uri;
	options.ignore_environment = true;
	MUST(mlm_manager_open(&options, &manager, &err));
	MUST(mlm_experiment_create(manager, "forked", NULL, id, &err));
	return manager;
}

static void log_some(struct fixture *fixture, int count)
{
	for (int i = 0; i < count; i++, fixture->logged++) {
		double value = (double)fixture->logged;
		if (i % 2)
			MUST(mlm_metric_handle_log(
				fixture->handle, value, MLM_STEP_NEXT, MLM_TIME_NOW, &err));
		else
			MUST(mlm_run_log_metric(
				fixture->run, "loss", 0, value, MLM_STEP_NEXT, MLM_TIME_NOW, &err));
	}
}

static void set_up(struct fixture *fixture)
{
	memset(fixture, 0, sizeof(*fixture));
	place_make(&fixture->place);
	fixture->manager = open_manager(&fixture->place);
	MUST(mlm_run_start(fixture->manager, NULL, &fixture->run, &err));
	snprintf(fixture->run_id, sizeof(fixture->run_id), "%s", mlm_run_id(fixture->run));
	MUST(mlm_metric_handle_get(fixture->run, "loss", 0, &fixture->handle, &err));
	log_some(fixture, 1000);
}

static void tear_down(struct fixture *fixture)
{
	log_some(fixture, 1000);
	MUST(mlm_run_end(fixture->run, MLM_RUN_UNCHANGED, &err));
	MUST(mlm_manager_close(fixture->manager, 0, &err));
	mlm_manager_free(fixture->manager);
	sqlite3 *db = reading_open(fixture->place.database);
	check_integrity(db);
	CHECK_INT(check_steps(db, fixture->run_id, "loss"), fixture->logged);
	char status[16];
	reading_text(db, status, sizeof(status), "SELECT status FROM runs WHERE run_uuid = '%s'",
		fixture->run_id);
	CHECK_STRING(status, "FINISHED");
	sqlite3_close(db);
	CHECK_INT(directory_count(fixture->place.journals, "", NULL), 0);
	place_remove(&fixture->place);
}

/* Runs body in a child, whose exit status tells of failed checks. */
static pid_t start_child(struct fixture *fixture, void (*body)(struct fixture *))
{
	fflush(stdout);
	pid_t child = fork();
	if (child != 0)
		return child;
	alarm(CHILD_SECONDS_MAX);
	check_failures_of_test = 0;
	body(fixture);
	fflush(stdout);
	_exit(check_failures_of_test ? 1 : 0);
}

static void wait_for_child(pid_t child)
{
	int how = 0;
	waitpid(child, &how, 0);
	if (WIFSIGNALED(how))
		printf("  the child died of signal %d\n", WTERMSIG(how));
	CHECK(WIFEXITED(how) && WEXITSTATUS(how) == 0);
}

/* ---- what children do ---- */

static void check_run_calls(struct fixture *fixture)
{
	mlm_run *run = fixture->run;
	mlm_text text = { "k", "v" };
	mlm_metric metric = { "loss", 0, 1, MLM_STEP_NEXT, MLM_TIME_NOW };
	CHECK_STATUS(mlm_run_log_metric(run, "loss", 0, 1, MLM_STEP_NEXT, MLM_TIME_NOW, &err),
		MLM_ESTATE);
	CHECK_CONTAINS(err.message, "fork");
	CHECK_STATUS(mlm_run_log_metric(run, "new", 0, 1, 0, 1, &err), MLM_ESTATE);
	mlm_metric_handle *handle = NULL;
	CHECK_STATUS(mlm_metric_handle_log(fixture->handle, 1, MLM_STEP_NEXT, MLM_TIME_NOW, &err),
		MLM_ESTATE);
	CHECK_CONTAINS(err.message, "fork");
	CHECK_STATUS(mlm_metric_handle_get(run, "loss", 0, &handle, &err), MLM_ESTATE);
	CHECK_STRING(mlm_metric_handle_key(fixture->handle), "loss");
	CHECK_STATUS(mlm_run_log_metrics(run, &metric, 1, &err), MLM_ESTATE);
	CHECK_CONTAINS(err.message, "fork");
	CHECK_STATUS(mlm_run_log_params(run, &text, 1, &err), MLM_ESTATE);
	CHECK_STATUS(mlm_run_set_tags(run, &text, 1, &err), MLM_ESTATE);
	CHECK_STATUS(mlm_run_log_batch(run, &metric, 1, &text, 1, &text, 1, &err), MLM_ESTATE);
	CHECK_STATUS(mlm_run_delete_tag(run, "k", &err), MLM_ESTATE);
	CHECK_STATUS(mlm_run_reset(run, &err), MLM_ESTATE);
	CHECK_STATUS(mlm_run_end(run, MLM_RUN_UNCHANGED, &err), MLM_ESTATE);
	CHECK_STATUS(mlm_run_delete(run, &err), MLM_ESTATE);
	CHECK_STATUS(mlm_timer_start(run, "t", MLM_TIMER_AS_PARAM, &err), MLM_ESTATE);
	CHECK_STRING(mlm_run_id(run), fixture->run_id);
}

static void check_manager_calls(struct fixture *fixture)
{
	mlm_manager *manager = fixture->manager;
	mlm_run_list *runs = NULL;
	mlm_metric_history *history = NULL;
	mlm_run *other = NULL;
	char id[MLM_ID_SIZE];
	CHECK_STATUS(mlm_manager_flush(manager, MLM_FOREVER, &err), MLM_ESTATE);
	CHECK_CONTAINS(err.message, "fork");
	CHECK_STATUS(mlm_run_start(manager, NULL, &other, &err), MLM_ESTATE);
	CHECK_STATUS(mlm_run_set_active(manager, fixture->run_id, &other, &err), MLM_ESTATE);
	CHECK_STATUS(mlm_run_get(manager, fixture->run_id, &runs, &err), MLM_ESTATE);
	CHECK_STATUS(mlm_run_search(manager, NULL, &runs, &err), MLM_ESTATE);
	CHECK_STATUS(mlm_metric_history_get(manager, fixture->run_id, "loss", &history, &err),
		MLM_ESTATE);
	CHECK_STATUS(mlm_experiment_create(manager, "x", NULL, id, &err), MLM_ESTATE);
	CHECK(!mlm_run_active(manager));
}

static void try_every_call(struct fixture *fixture)
{
	check_run_calls(fixture);
	check_manager_calls(fixture);
}

static void close_and_exit(struct fixture *fixture)
{
	check_run_calls(fixture);
	mlm_manager_close(fixture->manager, MLM_RUN_FAILED, NULL);
	check_run_calls(fixture);
	exit(check_failures_of_test ? 1 : 0);
}

static void free_and_exit(struct fixture *fixture)
{
	mlm_manager_free(fixture->manager);
	exit(0);
}

/* ---- tests ---- */

TEST(fork__child_gets_estate_from_every_call)
{
	struct fixture f;
	set_up(&f);
	pid_t child = start_child(&f, try_every_call);
	log_some(&f, 1000);
	wait_for_child(child);
	tear_down(&f);
}

TEST(fork__child_that_closes_and_exits_changes_nothing)
{
	struct fixture f;
	set_up(&f);
	pid_t child = start_child(&f, close_and_exit);
	log_some(&f, 1000);
	wait_for_child(child);
	/* The journal is still the parent's: nobody adopts it. */
	mlm_manager *other = open_manager(&f.place);
	MUST(mlm_manager_close(other, 0, &err));
	mlm_manager_free(other);
	tear_down(&f);
}

TEST(fork__child_that_frees_and_exits_changes_nothing)
{
	struct fixture f;
	set_up(&f);
	pid_t child = start_child(&f, free_and_exit);
	log_some(&f, 1000);
	wait_for_child(child);
	tear_down(&f);
}

#if !defined(__SANITIZE_THREAD__) /* it lets no child of a process with threads start one */

static void log_with_its_own(struct fixture *fixture)
{
	mlm_run *run = NULL;
	mlm_manager *manager = open_manager(&fixture->place);
	MUST(mlm_run_start(manager, NULL, &run, &err));
	for (int i = 0; i < CHILD_POINTS; i++)
		MUST(mlm_run_log_metric(run, "child", 0, i, MLM_STEP_NEXT, MLM_TIME_NOW, &err));
	mlm_text text = { "child", "yes" };
	MUST(mlm_run_log_params(run, &text, 1, &err));
	MUST(mlm_run_end(run, MLM_RUN_UNCHANGED, &err));
	MUST(mlm_manager_close(manager, 0, &err));
	mlm_manager_free(manager);
	check_run_calls(fixture);
}

struct busy_parent {
	struct fixture *fixture;
	_Atomic bool stops;
	_Atomic int64_t logged;
};

static void *log_until_told(void *argument)
{
	struct busy_parent *parent = argument;
	mlm_error why = MLM_ERROR_INIT;
	mlm_text text = { "tag", "value" };
	while (PARENT_IS_BUSY && !atomic_load(&parent->stops)) {
		for (int i = 0; i < 200; i++)
			if (mlm_run_log_metric(parent->fixture->run, "thread", 0, i, MLM_STEP_NEXT,
				    MLM_TIME_NOW, &why) == MLM_OK)
				atomic_fetch_add(&parent->logged, 1);
		mlm_run_set_tags(parent->fixture->run, &text, 1, &why);
		mlm_manager_flush(parent->fixture->manager, MLM_FOREVER, &why);
	}
	return NULL;
}

/* Threads of the parent are inside SQLite, with its locks, whenever the fork comes. */
TEST(fork__child_of_a_busy_parent_opens_its_own_and_works)
{
	struct fixture f;
	struct busy_parent parent = { .fixture = &f };
	pthread_t thread;
	set_up(&f);
	pthread_create(&thread, NULL, log_until_told, &parent);
	for (int i = 0; i < CHILDREN && check_failures_of_test == 0; i++) {
		if (!PARENT_IS_BUSY)
			MUST(mlm_manager_flush(f.manager, MLM_FOREVER, &err));
		pid_t child = start_child(&f, log_with_its_own);
		log_some(&f, 100);
		wait_for_child(child);
	}
	atomic_store(&parent.stops, true);
	pthread_join(thread, NULL);
	MUST(mlm_manager_flush(f.manager, MLM_FOREVER, &err));
	sqlite3 *db = reading_open(f.place.database);
	CHECK_INT(check_steps(db, f.run_id, "thread"), atomic_load(&parent.logged));
	CHECK_INT(reading_number(db,
			  "SELECT count(*) FROM (SELECT run_uuid FROM metrics WHERE key = "
			  "'child' GROUP BY run_uuid HAVING count(*) = %d)",
			  CHILD_POINTS),
		CHILDREN);
	CHECK_INT(reading_number(db, "SELECT count(*) FROM params WHERE key = 'child'"), CHILDREN);
	sqlite3_close(db);
	tear_down(&f);
}

#endif

int main(void)
{
	err = (mlm_error)MLM_ERROR_INIT;
	RUN(fork__child_gets_estate_from_every_call);
	RUN(fork__child_that_closes_and_exits_changes_nothing);
	RUN(fork__child_that_frees_and_exits_changes_nothing);
#if !defined(__SANITIZE_THREAD__)
	RUN(fork__child_of_a_busy_parent_opens_its_own_and_works);
#endif
	return check_done();
}
