/* SPDX-License-Identifier: Apache-2.0 */
/* Another program holds the store for seconds: the journal takes what is logged meanwhile. */
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "store_reading.h"

#define HELD_US        3000000
#define POINTS         100000
#define SLOWEST_US     250000 /* what a busy machine may take away from one call */
#define JOURNAL_BYTES  (16u << 20)
#define MORE_THAN_FITS (3 * JOURNAL_BYTES / 32)
#define FITS_AT_LEAST  (JOURNAL_BYTES / 2 / 32)

static mlm_error err;

struct fixture {
	struct place place;
	mlm_manager *manager;
	mlm_run *run;
	pid_t holder;
	int release; /* closing it lets the holder go */
};

/* A process that takes the store for itself, as a person at the sqlite3 prompt may. It lets go
 * after held_us, or when release is closed. */
static void hold(struct fixture *fixture, int64_t held_us)
{
	int ready[2];
	int release[2];
	CHECK(pipe(ready) == 0 && pipe(release) == 0);
	fflush(stdout);
	fixture->holder = fork();
	if (fixture->holder == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		char seconds[32];
		snprintf(seconds, sizeof(seconds), "%lld", (long long)held_us);
		close(ready[0]);
		close(release[1]);
		dup2(ready[1], 3);
		dup2(release[0], 4);
		/* A program of its own: SQLite's state must not be carried over a fork. */
		execl("/proc/self/exe", "busy_store_test", "hold", fixture->place.database, seconds,
			(char *)NULL);
		_exit(127);
	}
	close(ready[1]);
	close(release[0]);
	char byte;
	CHECK(read(ready[0], &byte, 1) == 1);
	close(ready[0]);
	fixture->release = release[1];
}

/* What the holder is. */
static int hold_store(const char *database, int64_t held_us)
{
	sqlite3 *db = NULL;
	sqlite3_open(database, &db);
	sqlite3_busy_timeout(db, 10000);
	if (sqlite3_exec(db, "BEGIN EXCLUSIVE", NULL, NULL, NULL) != SQLITE_OK ||
		write(3, "x", 1) != 1)
		return 1;
	if (held_us) {
		usleep((useconds_t)held_us);
	} else {
		char byte;
		while (read(4, &byte, 1) > 0)
			continue;
	}
	sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
	sqlite3_close(db);
	return 0;
}

static void let_go(struct fixture *fixture)
{
	int how = 0;
	close(fixture->release);
	waitpid(fixture->holder, &how, 0);
	CHECK(WIFEXITED(how) && WEXITSTATUS(how) == 0);
}

static void set_up(struct fixture *fixture, mlm_on_full on_full, uint64_t journal_bytes_max)
{
	mlm_manager_options options = MLM_MANAGER_OPTIONS_INIT;
	char id[MLM_ID_SIZE];
	memset(fixture, 0, sizeof(*fixture));
	place_make(&fixture->place);
	options.store = fixture->place.uri;
	options.ignore_environment = true;
	options.on_full = on_full;
	options.journal_bytes_max = journal_bytes_max;
	MUST(mlm_manager_open(&options, &fixture->manager, &err));
	MUST(mlm_experiment_create(fixture->manager, "busy", NULL, id, &err));
	MUST(mlm_run_start(fixture->manager, NULL, &fixture->run, &err));
}

/* Closes, and expects this many points. */
static void tear_down(struct fixture *fixture, int64_t points)
{
	char run_id[MLM_ID_SIZE];
	snprintf(run_id, sizeof(run_id), "%s", mlm_run_id(fixture->run));
	MUST(mlm_manager_flush(fixture->manager, MLM_FOREVER, &err)); /* close waits only so long */
	MUST(mlm_manager_close(fixture->manager, 0, &err));
	mlm_manager_free(fixture->manager);
	sqlite3 *db = reading_open(fixture->place.database);
	check_integrity(db);
	CHECK_INT(check_steps(db, run_id, "loss"), points);
	sqlite3_close(db);
	CHECK_INT(directory_count(fixture->place.journals, "", NULL), 0);
	place_remove(&fixture->place);
}

static mlm_status log_next(struct fixture *fixture, int64_t i)
{
	return mlm_run_log_metric(
		fixture->run, "loss", 0, (double)i, MLM_STEP_NEXT, MLM_TIME_NOW, &err);
}

TEST(log_metric__does_not_wait_for_a_held_store_but_flush_does)
{
	struct fixture f;
	set_up(&f, MLM_ON_FULL_ERROR, 0);
	MUST(log_next(&f, 0));
	MUST(mlm_manager_flush(f.manager, MLM_FOREVER, &err));
	int64_t held_us = monotonic_us();
	hold(&f, HELD_US);
	int64_t slowest_us = 0;
	for (int64_t i = 1; i < POINTS; i++) {
		int64_t before_us = monotonic_us();
		MUST(log_next(&f, i));
		int64_t took_us = monotonic_us() - before_us;
		slowest_us = took_us > slowest_us ? took_us : slowest_us;
	}
	CHECK(slowest_us < SLOWEST_US);
	/* All that while the store was held. */
	CHECK(monotonic_us() - held_us < HELD_US);
	CHECK_STATUS(mlm_manager_flush(f.manager, 100, &err), MLM_ETIMEOUT);
	CHECK_CONTAINS(err.message, "100 ms");
	MUST(mlm_manager_flush(f.manager, MLM_FOREVER, &err));
	CHECK(monotonic_us() - held_us >= HELD_US - 100000);
	let_go(&f);
	sqlite3 *db = reading_open(f.place.database);
	CHECK_INT(check_steps(db, mlm_run_id(f.run), "loss"), POINTS);
	sqlite3_close(db);
	tear_down(&f, POINTS);
}

TEST(log_metric__efull_when_the_journal_is_full_and_on_afterwards)
{
	struct fixture f;
	set_up(&f, MLM_ON_FULL_ERROR, JOURNAL_BYTES);
	hold(&f, 0);
	int64_t logged = 0;
	mlm_status status = MLM_OK;
	while (logged < MORE_THAN_FITS && (status = log_next(&f, logged)) == MLM_OK)
		logged++;
	CHECK_INT(status, MLM_EFULL);
	CHECK_CONTAINS(err.message, "ceiling");
	CHECK_CONTAINS(err.message, "journal_bytes_max");
	CHECK(logged > FITS_AT_LEAST);
	/* It stays an error, and nothing is written in part. */
	CHECK_STATUS(log_next(&f, logged), MLM_EFULL);
	let_go(&f);
	MUST(mlm_manager_flush(f.manager, MLM_FOREVER, &err));
	/* The keeper of the journal comes round within a moment. */
	for (int64_t until_us = monotonic_us() + 60000000; monotonic_us() < until_us;) {
		status = log_next(&f, logged);
		if (status == MLM_OK)
			break;
		usleep(1000);
	}
	CHECK_INT(status, MLM_OK);
	tear_down(&f, logged + 1);
}

TEST(log_metric__waits_for_room_when_told_to)
{
	struct fixture f;
	set_up(&f, MLM_ON_FULL_BLOCK, JOURNAL_BYTES);
	int64_t began_us = monotonic_us();
	hold(&f, HELD_US);
	for (int64_t i = 0; i < MORE_THAN_FITS / 2; i++)
		MUST(log_next(&f, i));
	/* More than fits could not be logged while the store was held. */
	CHECK(monotonic_us() - began_us >= HELD_US - 100000);
	let_go(&f);
	tear_down(&f, MORE_THAN_FITS / 2);
}

TEST(close__leaves_to_the_next_opener_what_a_held_store_does_not_take)
{
	struct fixture f;
	mlm_manager_options options = MLM_MANAGER_OPTIONS_INIT;
	set_up(&f, MLM_ON_FULL_ERROR, 0);
	hold(&f, 0);
	for (int64_t i = 0; i < 1000; i++)
		MUST(log_next(&f, i));
	int64_t began_us = monotonic_us();
	CHECK(mlm_manager_close(f.manager, 0, &err) != MLM_OK);
	CHECK_CONTAINS(err.message, "journal");
	/* The header says ten seconds. */
	CHECK(monotonic_us() - began_us < 15000000);
	CHECK(directory_count(f.place.journals, ".head", NULL) == 1);
	let_go(&f);
	char run_id[MLM_ID_SIZE];
	snprintf(run_id, sizeof(run_id), "%s", mlm_run_id(f.run));
	mlm_manager_free(f.manager);

	options.store = f.place.uri;
	options.ignore_environment = true;
	MUST(mlm_manager_open(&options, &f.manager, &err));
	MUST(mlm_manager_close(f.manager, 0, &err));
	mlm_manager_free(f.manager);
	sqlite3 *db = reading_open(f.place.database);
	CHECK_INT(check_steps(db, run_id, "loss"), 1000);
	char status[16];
	reading_text(db, status, sizeof(status), "SELECT status FROM runs WHERE run_uuid = '%s'",
		run_id);
	CHECK_STRING(status, "KILLED");
	sqlite3_close(db);
	CHECK_INT(directory_count(f.place.journals, "", NULL), 0);
	place_remove(&f.place);
}

int main(int argc, char **argv)
{
	if (argc == 4 && strcmp(argv[1], "hold") == 0)
		return hold_store(argv[2], strtoll(argv[3], NULL, 10));
	err = (mlm_error)MLM_ERROR_INIT;
	RUN(log_metric__does_not_wait_for_a_held_store_but_flush_does);
	RUN(log_metric__efull_when_the_journal_is_full_and_on_afterwards);
	RUN(log_metric__waits_for_room_when_told_to);
	RUN(close__leaves_to_the_next_opener_what_a_held_store_does_not_take);
	return check_done();
}
