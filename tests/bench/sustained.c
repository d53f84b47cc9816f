/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sustained DIRECTORY [quick]: points logged as fast as possible until they can be queried, from
 * one process and from four at once, beside the raw loop doing the same; and the bytes they take.
 *
 * The writers are processes of this program: they get ready, say so, wait for a byte, write, and
 * say that all of it is committed.
 */
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "figure.h"
#include "fixture.h"
#include "raw_loop.h"

#define SERIES_RUNS  4
#define WRITERS_MAX  4
#define STEPS        12500 /* of each of 4 runs and 20 keys: a million points */
#define STEPS_QUICK  2500
#define ROUNDS       5
#define ROUNDS_QUICK 1

extern char **environ;

struct result {
	double seconds; /* until all is in the store */
	double caller_seconds; /* until the last call of the slowest writer came back */
	double bytes; /* that the file grew by */
};

/* ---- the writers ---- */

static void say(char letter, double seconds)
{
	struct {
		char letter;
		double seconds;
	} line = { letter, seconds };
	if (write(STDOUT_FILENO, &line, sizeof(line)) != sizeof(line))
		fixture_die("sustained: the parent is gone");
}

static void wait_for_start(void)
{
	char byte;
	say('r', 0);
	if (read(STDIN_FILENO, &byte, 1) != 1)
		fixture_die("sustained: the parent is gone");
}

static void write_ours(const char *path, size_t run_count, size_t steps)
{
	mlm_error err = MLM_ERROR_INIT;
	mlm_manager *manager = fixture_open(path);
	mlm_run *runs[SERIES_RUNS];
	for (size_t i = 0; i < run_count; i++)
		runs[i] = fixture_run(manager);
	wait_for_start();
	double start = figure_seconds();
	for (size_t i = 0; i < steps; i++)
		for (size_t run = 0; run < run_count; run++)
			for (size_t key = 0; key < FIXTURE_KEYS; key++)
				fixture_must(mlm_run_log_metric(runs[run], fixture_keys[key], 0,
						     (double)i * 0.37, MLM_STEP_NEXT, MLM_TIME_NOW,
						     &err),
					&err);
	double caller_seconds = figure_seconds() - start;
	fixture_must(mlm_manager_flush(manager, MLM_FOREVER, &err), &err);
	say('d', caller_seconds);
	fixture_close(manager);
}

static void write_raw(
	const char *path, const struct raw_settings *settings, size_t run_count, size_t steps)
{
	char run_ids[SERIES_RUNS][64];
	mlm_manager *manager = fixture_open(path);
	for (size_t i = 0; i < run_count; i++)
		snprintf(run_ids[i], sizeof(run_ids[i]), "%s", mlm_run_id(fixture_run(manager)));
	fixture_close(manager);
	struct raw_loop *loop =
		raw_loop_open(path, settings, (const char(*)[64])run_ids, run_count);
	wait_for_start();
	raw_loop_write(loop, steps);
	say('d', 0);
	raw_loop_close(loop);
}

/* ---- the parent ---- */

struct writer {
	pid_t pid;
	int in;
	int out;
};

static struct writer start_writer(char *const arguments[])
{
	int in[2];
	int out[2];
	struct writer writer;
	posix_spawn_file_actions_t actions;
	if (pipe(in) != 0 || pipe(out) != 0)
		fixture_die("sustained: no pipe");
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, in[0], STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
	posix_spawn_file_actions_addclose(&actions, in[1]);
	posix_spawn_file_actions_addclose(&actions, out[0]);
	if (posix_spawn(&writer.pid, "/proc/self/exe", &actions, NULL, arguments, environ) != 0)
		fixture_die("sustained: cannot start a writer");
	posix_spawn_file_actions_destroy(&actions);
	close(in[0]);
	close(out[1]);
	writer.in = in[1];
	writer.out = out[0];
	return writer;
}

static double hear(const struct writer *writer, char expected)
{
	struct {
		char letter;
		double seconds;
	} line;
	if (read(writer->out, &line, sizeof(line)) != sizeof(line) || line.letter != expected)
		fixture_die("sustained: a writer failed");
	return line.seconds;
}

static void check_points(sqlite3 *db, size_t points)
{
	if (fixture_query(db, "SELECT count(*) FROM metrics") != (int64_t)points)
		fixture_die("sustained: the store does not hold the points that were written");
}

/* settings NULL: ours. */
static struct result measure(const char *directory, const struct raw_settings *settings,
	size_t writer_count, size_t steps)
{
	char path[FIXTURE_PATH_SIZE];
	char numbers[3][32];
	struct writer writers[WRITERS_MAX];
	struct result result = { 0 };
	fixture_path(path, directory, settings ? "sustained-raw" : "sustained");
	fixture_remove(path);
	fixture_close(fixture_open(path));
	snprintf(numbers[0], sizeof(numbers[0]), "%zu", SERIES_RUNS / writer_count);
	snprintf(numbers[1], sizeof(numbers[1]), "%zu", steps);
	snprintf(numbers[2], sizeof(numbers[2]), "%zu",
		settings ? (size_t)(settings - raw_settings_all) : 0);
	char *arguments[] = { (char[]){ "sustained" },
		settings ? (char[]){ "--raw" } : (char[]){ "--ours" }, path, numbers[0], numbers[1],
		numbers[2], NULL };
	for (size_t i = 0; i < writer_count; i++) {
		writers[i] = start_writer(arguments);
		hear(&writers[i], 'r');
	}
	sqlite3 *db = fixture_sqlite(path);
	int64_t page_bytes = fixture_query(db, "PRAGMA page_size");
	int64_t pages = fixture_query(db, "PRAGMA page_count");
	double start = figure_seconds();
	for (size_t i = 0; i < writer_count; i++)
		if (write(writers[i].in, "g", 1) != 1)
			fixture_die("sustained: a writer failed");
	for (size_t i = 0; i < writer_count; i++) {
		double caller_seconds = hear(&writers[i], 'd');
		if (caller_seconds > result.caller_seconds)
			result.caller_seconds = caller_seconds;
	}
	result.seconds = figure_seconds() - start;
	for (size_t i = 0; i < writer_count; i++) {
		int status;
		if (waitpid(writers[i].pid, &status, 0) < 0 || status != 0)
			fixture_die("sustained: a writer failed");
		close(writers[i].in);
		close(writers[i].out);
	}
	check_points(db, steps * SERIES_RUNS * FIXTURE_KEYS);
	result.bytes = (double)((fixture_query(db, "PRAGMA page_count") - pages) * page_bytes);
	sqlite3_close(db);
	fixture_remove(path);
	return result;
}

static const struct raw_settings *best_settings(const char *directory, size_t steps)
{
	const struct raw_settings *best = NULL;
	double best_seconds = 0;
	for (size_t i = 0; i < raw_settings_count; i++) {
		/* Fewer batches than these would be a load, not a stream. */
		if (raw_settings_all[i].batch * 5 > steps * SERIES_RUNS * FIXTURE_KEYS)
			break;
		double seconds = measure(directory, &raw_settings_all[i], 1, steps).seconds;
		if (!best || seconds < best_seconds) {
			best = &raw_settings_all[i];
			best_seconds = seconds;
		}
	}
	return best;
}

static void compare(const char *directory, const struct raw_settings *settings, size_t writers,
	size_t steps, size_t rounds)
{
	double points = (double)(steps * SERIES_RUNS * FIXTURE_KEYS);
	double ours[ROUNDS];
	double raw[ROUNDS];
	double caller[ROUNDS];
	double bytes = 0;
	double raw_bytes = 0;
	for (size_t i = 0; i < rounds; i++) {
		struct result result = measure(directory, NULL, writers, steps);
		ours[i] = points / result.seconds / 1000;
		caller[i] = result.caller_seconds * 1e9 / points;
		bytes = result.bytes / points;
		result = measure(directory, settings, writers, steps);
		raw[i] = points / result.seconds / 1000;
		raw_bytes = result.bytes / points;
	}
	char beside[128];
	snprintf(beside, sizeof(beside), "SQLite by hand, %s", settings->name);
	figure_print(writers == 1 ? "sustained until queryable"
				  : "sustained until queryable, 4 processes",
		"k/s", figure_median(ours, rounds), figure_median(raw, rounds), beside,
		"ratio >= 0.8");
	if (writers > 1)
		return;
	figure_print("bytes in the store, a point", "B", bytes, raw_bytes, beside, "ours <= 90");
	figure_note("sustained: a call of a million without a pause took its caller %.0f ns",
		figure_median(caller, rounds));
}

int main(int argc, char **argv)
{
	if (argc == 6 && strcmp(argv[1], "--ours") == 0) {
		write_ours(argv[2], strtoul(argv[3], NULL, 10), strtoul(argv[4], NULL, 10));
		return 0;
	}
	if (argc == 6 && strcmp(argv[1], "--raw") == 0) {
		write_raw(argv[2], &raw_settings_all[strtoul(argv[5], NULL, 10)],
			strtoul(argv[3], NULL, 10), strtoul(argv[4], NULL, 10));
		return 0;
	}
	if (argc < 2 || argv[1][0] == '-')
		fixture_die("usage: sustained DIRECTORY [quick]");
	bool quick = argc > 2 && strcmp(argv[2], "quick") == 0;
	size_t steps = quick ? STEPS_QUICK : STEPS;
	size_t rounds = quick ? ROUNDS_QUICK : ROUNDS;
	const struct raw_settings *settings = best_settings(argv[1], steps);
	compare(argv[1], settings, 1, steps, rounds);
	compare(argv[1], settings, 4, steps, rounds);
	return 0;
}
