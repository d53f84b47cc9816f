/* SPDX-License-Identifier: Apache-2.0 */
/* search DIRECTORY [quick]: the first page of search_runs over 10 000 runs, filtered by one metric
 * and ordered by another, beside hand-written SQL that reads the same columns of the same runs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "figure.h"
#include "fixture.h"

#define RUNS         10000
#define RUNS_QUICK   2000
#define ROUNDS       9
#define ROUNDS_QUICK 3

static void fill(sqlite3 *db, size_t run_count)
{
	char sql[4096];
	snprintf(sql, sizeof(sql),
		"BEGIN IMMEDIATE;"
		"CREATE TEMP TABLE n AS WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 "
		"FROM c WHERE i < %zu) SELECT i, lower(hex(randomblob(16))) AS id FROM c;"
		"INSERT INTO runs (run_uuid, name, source_type, source_name, entry_point_name, "
		"user_id, status, start_time, end_time, source_version, lifecycle_stage, "
		"artifact_uri, experiment_id) SELECT id, 'run-' || i, 'UNKNOWN', '', '', 'u', "
		"'FINISHED', 1700000000000 + i, 1700000001000 + i, '', 'active', "
		"'/tmp/mlartifacts/' || id, (SELECT max(experiment_id) FROM experiments) FROM n;"
		"INSERT INTO latest_metrics (run_uuid, key, value, timestamp, step, is_nan) "
		"SELECT id, k.column1, abs(random() %% 1000000) / 1e6, 1700000000000 + i, 9, 0 "
		"FROM n, (VALUES ('loss'), ('accuracy'), ('val_loss'), ('val_accuracy'), ('auc')) "
		"AS k;"
		"INSERT INTO params (run_uuid, key, value) SELECT id, k.column1, i %% 17 FROM n, "
		"(VALUES ('lr'), ('depth'), ('seed'), ('batch'), ('optimizer')) AS k;"
		"INSERT INTO tags (run_uuid, key, value) SELECT id, k.column1, 'value ' || i "
		"FROM n, (VALUES ('mlflow.user'), ('mlflow.source.name'), ('mlflow.runName'), "
		"('team')) AS k;"
		"DROP TABLE n; COMMIT",
		run_count);
	fixture_execute(db, sql);
}

static double our_search(mlm_manager *manager, size_t *found_out)
{
	mlm_error err = MLM_ERROR_INIT;
	mlm_query query = MLM_QUERY_INIT;
	query.filter = "metrics.loss < 0.5";
	query.order_by = (const char *const[]){ "metrics.accuracy DESC" };
	query.order_by_count = 1;
	mlm_run_list *list;
	double start = figure_seconds();
	fixture_must(mlm_run_search(manager, &query, &list, &err), &err);
	double elapsed = figure_seconds() - start;
	*found_out = list->count;
	if (list->count == 0 || list->items[0].metric_count != 5 ||
		list->items[0].param_count != 5 || list->items[0].tag_count != 4)
		fixture_die("search: the runs' data is missing");
	mlm_run_list_free(list);
	return elapsed * 1000;
}

struct raw {
	sqlite3 *db;
	sqlite3_stmt *runs;
	sqlite3_stmt *data[3];
	int64_t experiment_id;
	size_t bytes; /* of what was read, so that reading is not left out */
};

static sqlite3_stmt *prepare(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *statement;
	fixture_must_sqlite(db, sqlite3_prepare_v2(db, sql, -1, &statement, NULL));
	return statement;
}

static void prepare_all(struct raw *raw)
{
	/* From the metric that is filtered on; the order's metric is one look-up a run. */
	raw->runs = prepare(raw->db,
		"SELECT r.run_uuid, r.name, r.user_id, r.status, r.start_time, r.end_time, "
		"r.lifecycle_stage, r.artifact_uri FROM latest_metrics AS f "
		"CROSS JOIN runs AS r ON r.run_uuid = f.run_uuid "
		"LEFT JOIN latest_metrics AS o ON o.key = 'accuracy' AND o.run_uuid = f.run_uuid "
		"WHERE f.key = 'loss' AND f.value < 0.5 AND r.lifecycle_stage = 'active' "
		"AND r.experiment_id = ?1 ORDER BY o.value DESC, r.start_time DESC, r.run_uuid "
		"LIMIT 1000");
	raw->data[0] = prepare(raw->db,
		"SELECT key, value, timestamp, step FROM latest_metrics WHERE run_uuid = ?");
	raw->data[1] = prepare(raw->db, "SELECT key, value FROM params WHERE run_uuid = ?");
	raw->data[2] = prepare(raw->db, "SELECT key, value FROM tags WHERE run_uuid = ?");
}

static void read_row(struct raw *raw, sqlite3_stmt *statement)
{
	int columns = sqlite3_column_count(statement);
	for (int i = 0; i < columns; i++) {
		if (sqlite3_column_type(statement, i) == SQLITE_TEXT) {
			sqlite3_column_text(statement, i);
			raw->bytes += (size_t)sqlite3_column_bytes(statement, i);
		} else {
			raw->bytes += sqlite3_column_double(statement, i) != 0;
		}
	}
}

static double raw_search(struct raw *raw, size_t *found_out)
{
	double start = figure_seconds();
	*found_out = 0;
	fixture_execute(raw->db, "BEGIN");
	sqlite3_bind_int64(raw->runs, 1, raw->experiment_id);
	while (sqlite3_step(raw->runs) == SQLITE_ROW) {
		const char *id = (const char *)sqlite3_column_text(raw->runs, 0);
		read_row(raw, raw->runs);
		for (size_t i = 0; i < 3; i++) {
			sqlite3_bind_text(raw->data[i], 1, id, 32, SQLITE_STATIC);
			while (sqlite3_step(raw->data[i]) == SQLITE_ROW)
				read_row(raw, raw->data[i]);
			sqlite3_reset(raw->data[i]);
		}
		++*found_out;
	}
	sqlite3_reset(raw->runs);
	fixture_execute(raw->db, "COMMIT");
	return (figure_seconds() - start) * 1000;
}

int main(int argc, char **argv)
{
	if (argc < 2)
		fixture_die("usage: search DIRECTORY [quick]");
	bool quick = argc > 2 && strcmp(argv[2], "quick") == 0;
	size_t rounds = quick ? ROUNDS_QUICK : ROUNDS;
	char path[FIXTURE_PATH_SIZE];
	fixture_path(path, argv[1], "search");
	mlm_manager *manager = fixture_open(path);
	struct raw raw = { .db = fixture_sqlite(path) };
	fill(raw.db, quick ? RUNS_QUICK : RUNS);
	raw.experiment_id = fixture_query(raw.db, "SELECT max(experiment_id) FROM experiments");
	prepare_all(&raw);
	double ours[ROUNDS];
	double limit[ROUNDS];
	for (size_t i = 0; i < rounds; i++) {
		size_t found;
		size_t raw_found;
		ours[i] = our_search(manager, &found);
		limit[i] = raw_search(&raw, &raw_found);
		if (found != raw_found)
			fixture_die("search: ours and the plain SQL find different runs");
	}
	figure_print(quick ? "search_runs over 2k runs, filter + order"
			   : "search_runs over 10k runs, filter + order",
		"ms", figure_median(ours, rounds), figure_median(limit, rounds),
		"SQL by hand, same columns", "");
	sqlite3_finalize(raw.runs);
	for (size_t i = 0; i < 3; i++)
		sqlite3_finalize(raw.data[i]);
	sqlite3_close(raw.db);
	fixture_close(manager);
	fixture_remove(path);
	return 0;
}
