/* SPDX-License-Identifier: Apache-2.0 */
/* history DIRECTORY [quick]: get_metric_history of a million points beside a loop of sqlite3_step
 * over the same rows. */
#include <stdlib.h>
#include <string.h>

#include "figure.h"
#include "fixture.h"

#define POINTS       1000000
#define POINTS_QUICK 100000
#define ROUNDS       7

static double our_history(mlm_manager *manager, const char *run_id, size_t points)
{
	mlm_error err = MLM_ERROR_INIT;
	mlm_metric_history *history;
	double start = figure_seconds();
	fixture_must(mlm_metric_history_get(manager, run_id, "loss", &history, &err), &err);
	double elapsed = figure_seconds() - start;
	if (history->count != points)
		fixture_die("history: points are missing");
	mlm_metric_history_free(history);
	return elapsed * 1000;
}

static double raw_history(sqlite3 *db, const char *run_id, size_t points)
{
	sqlite3_stmt *statement;
	double start = figure_seconds();
	fixture_must_sqlite(db, sqlite3_prepare_v2(db,
					"SELECT step, timestamp, value, is_nan FROM metrics "
					"WHERE run_uuid = ? AND key = ?",
					-1, &statement, NULL));
	sqlite3_bind_text(statement, 1, run_id, -1, SQLITE_STATIC);
	sqlite3_bind_text(statement, 2, "loss", -1, SQLITE_STATIC);
	int64_t *steps = malloc(points * sizeof(*steps));
	int64_t *timestamps_ms = malloc(points * sizeof(*timestamps_ms));
	double *values = malloc(points * sizeof(*values));
	if (!steps || !timestamps_ms || !values)
		fixture_die("history: no memory");
	size_t count = 0;
	while (count < points && sqlite3_step(statement) == SQLITE_ROW) {
		steps[count] = sqlite3_column_int64(statement, 0);
		timestamps_ms[count] = sqlite3_column_int64(statement, 1);
		values[count] = sqlite3_column_double(statement, 2);
		count += 1 + (sqlite3_column_int(statement, 3) != 0);
	}
	sqlite3_finalize(statement);
	double elapsed = figure_seconds() - start;
	if (count != points)
		fixture_die("history: points are missing");
	free(steps);
	free(timestamps_ms);
	free(values);
	return elapsed * 1000;
}

int main(int argc, char **argv)
{
	if (argc < 2)
		fixture_die("usage: history DIRECTORY [quick]");
	size_t points = argc > 2 && strcmp(argv[2], "quick") == 0 ? POINTS_QUICK : POINTS;
	mlm_error err = MLM_ERROR_INIT;
	char path[FIXTURE_PATH_SIZE];
	fixture_path(path, argv[1], "history");
	mlm_manager *manager = fixture_open(path);
	mlm_run *run = fixture_run(manager);
	for (size_t i = 0; i < points; i++)
		fixture_must(mlm_run_log_metric(run, "loss", 0, (double)i * 0.37, MLM_STEP_NEXT,
				     MLM_TIME_NOW, &err),
			&err);
	fixture_must(mlm_run_end(run, MLM_RUN_FINISHED, &err), &err);
	sqlite3 *db = fixture_sqlite(path);
	double ours[ROUNDS];
	double raw[ROUNDS];
	for (size_t i = 0; i < ROUNDS; i++) {
		ours[i] = our_history(manager, mlm_run_id(run), points);
		raw[i] = raw_history(db, mlm_run_id(run), points);
	}
	figure_print(points == POINTS ? "get_metric_history of 1M points"
				      : "get_metric_history of 100k points",
		"ms", figure_median(ours, ROUNDS), figure_median(raw, ROUNDS),
		"sqlite3_step over the same rows", "");
	sqlite3_close(db);
	fixture_close(manager);
	fixture_remove(path);
	return 0;
}
