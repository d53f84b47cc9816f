/* SPDX-License-Identifier: Apache-2.0 */
/* sync DIRECTORY [quick]: copies a run of a million points into another store, and once more when
 * they are there, beside one statement of SQLite that copies the same rows into the same table. */
#include <stdio.h>
#include <string.h>

#include "figure.h"
#include "fixture.h"

#define POINTS       1000000
#define POINTS_QUICK 100000
#define ROUNDS       3

static double our_sync(mlm_manager *from, mlm_manager *into, size_t points)
{
	mlm_error err = MLM_ERROR_INIT;
	mlm_transfer_result result;
	double start = figure_seconds();
	fixture_must(mlm_sync(from, into, NULL, &result, &err), &err);
	double elapsed = figure_seconds() - start;
	if (result.points != points || result.problems > 0)
		fixture_die("sync: points are missing");
	return (double)points / elapsed;
}

/* into has the schema and the run, but none of its points. */
static double raw_copy(const char *from_path, const char *into_path, size_t points)
{
	char attach[FIXTURE_PATH_SIZE + 32];
	sqlite3 *db = fixture_sqlite(into_path);
	snprintf(attach, sizeof(attach), "ATTACH '%s' AS source", from_path);
	fixture_execute(db, "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL");
	fixture_execute(db, attach);
	fixture_execute(db, "INSERT OR IGNORE INTO runs SELECT * FROM source.runs");
	double start = figure_seconds();
	fixture_execute(db, "INSERT INTO metrics SELECT * FROM source.metrics");
	double elapsed = figure_seconds() - start;
	if (fixture_query(db, "SELECT count(*) FROM metrics") != (int64_t)points)
		fixture_die("sync: rows are missing");
	sqlite3_close(db);
	return (double)points / elapsed;
}

int main(int argc, char **argv)
{
	if (argc < 2)
		fixture_die("usage: sync DIRECTORY [quick]");
	bool is_quick = argc > 2 && strcmp(argv[2], "quick") == 0;
	size_t points = is_quick ? POINTS_QUICK : POINTS;
	mlm_error err = MLM_ERROR_INIT;
	char from_path[FIXTURE_PATH_SIZE], into_path[FIXTURE_PATH_SIZE];
	fixture_path(from_path, argv[1], "sync-from");
	fixture_path(into_path, argv[1], "sync-into");
	mlm_manager *from = fixture_open(from_path);
	mlm_run *run = fixture_run(from);
	for (size_t i = 0; i < points; i++)
		fixture_must(mlm_run_log_metric(run, fixture_keys[i % FIXTURE_KEYS], 0,
				     (double)i * 0.37, MLM_STEP_NEXT, MLM_TIME_NOW, &err),
			&err);
	fixture_must(mlm_run_end(run, MLM_RUN_FINISHED, &err), &err);
	double ours[ROUNDS], again[ROUNDS], raw[ROUNDS];
	for (size_t i = 0; i < ROUNDS; i++) {
		mlm_manager *into = fixture_open(into_path);
		ours[i] = our_sync(from, into, points);
		again[i] = our_sync(from, into, points);
		fixture_close(into);
		fixture_remove(into_path);
		fixture_close(fixture_open(into_path));
		raw[i] = raw_copy(from_path, into_path, points);
		fixture_remove(into_path);
	}
	double limit = figure_median(raw, ROUNDS);
	figure_print(is_quick ? "sync of 100k points" : "sync of 1M points", "points/s",
		figure_median(ours, ROUNDS), limit, "INSERT INTO metrics SELECT", "");
	figure_print("the same, all there already", "points/s", figure_median(again, ROUNDS), limit,
		"INSERT INTO metrics SELECT", "");
	fixture_close(from);
	fixture_remove(from_path);
	return 0;
}
