/* SPDX-License-Identifier: Apache-2.0 */
#include "raw_loop.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "figure.h"
#include "fixture.h"

#define RUNS_MAX   8
#define SERIES_MAX (RUNS_MAX * FIXTURE_KEYS)
#define BUSY_US    400
#define BUSY_TRIES 1000000

const struct raw_settings raw_settings_all[] = {
	{ 32768, 32, 1000, "batches of 32k" },
	{ 65536, 32, 4000, "batches of 64k" },
	{ 131072, 32, 4000, "batches of 128k" },
	{ 200000, 64, 16000, "batches of 200k" },
};
const size_t raw_settings_count = sizeof(raw_settings_all) / sizeof(raw_settings_all[0]);

struct raw_point {
	uint32_t series;
	int64_t step;
	int64_t timestamp_ms;
	double value;
};

struct raw_loop {
	sqlite3 *db;
	sqlite3_stmt *insert; /* settings.rows rows */
	sqlite3_stmt *insert_one;
	sqlite3_stmt *latest;
	struct raw_settings settings;
	const char *run_ids[SERIES_MAX]; /* of each series, in key order */
	const char *keys[SERIES_MAX];
	uint32_t rank[SERIES_MAX]; /* of run * FIXTURE_KEYS + key in that order */
	size_t series_count;
	struct raw_point *points;
	struct raw_point *sorted;
	size_t point_count;
	char run_id_texts[RUNS_MAX][64];
};

/* SQLite's own handler backs off to 100 ms, which is no good among four writers. */
static int wait_for_writer(void *payload, int count)
{
	(void)payload;
	figure_sleep_us(BUSY_US);
	return count < BUSY_TRIES;
}

static sqlite3_stmt *prepare(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *statement;
	fixture_must_sqlite(
		db, sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL));
	return statement;
}

static sqlite3_stmt *prepare_insert(sqlite3 *db, size_t rows)
{
	char sql[256 + RAW_ROWS_MAX * 32];
	size_t used = (size_t)snprintf(sql, sizeof(sql),
		"INSERT INTO metrics (run_uuid, key, step, timestamp, value, is_nan) VALUES ");
	for (size_t i = 0; i < rows; i++)
		used += (size_t)snprintf(sql + used, sizeof(sql) - used,
			"%s(?1,?2,?%zu,?%zu,?%zu,0)", i ? "," : "", 3 * i + 3, 3 * i + 4,
			3 * i + 5);
	return prepare(db, sql);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Puts the series into the order of the table's key: run, then key. */
static void order_series(struct raw_loop *loop, const char (*run_ids)[64], size_t run_count)
{
	const char *runs[RUNS_MAX];
	const char *keys[FIXTURE_KEYS];
	for (size_t i = 0; i < run_count; i++) {
		snprintf(loop->run_id_texts[i], sizeof(loop->run_id_texts[i]), "%s", run_ids[i]);
		runs[i] = loop->run_id_texts[i];
	}
	memcpy(keys, fixture_keys, sizeof(keys));
	qsort(runs, run_count, sizeof(runs[0]), by_text);
	qsort(keys, FIXTURE_KEYS, sizeof(keys[0]), by_text);
	loop->series_count = run_count * FIXTURE_KEYS;
	for (size_t run = 0; run < run_count; run++) {
		for (size_t key = 0; key < FIXTURE_KEYS; key++) {
			size_t rank = run * FIXTURE_KEYS + key;
			loop->run_ids[rank] = runs[run];
			loop->keys[rank] = keys[key];
			for (size_t i = 0; i < FIXTURE_KEYS; i++)
				if (keys[key] == fixture_keys[i])
					loop->rank[run * FIXTURE_KEYS + i] = (uint32_t)rank;
		}
	}
}

struct raw_loop *raw_loop_open(const char *path, const struct raw_settings *settings,
	const char (*run_ids)[64], size_t run_count)
{
	struct raw_loop *loop = calloc(1, sizeof(*loop));
	if (!loop || run_count > RUNS_MAX)
		fixture_die("raw loop: no memory, or too many runs");
	loop->settings = *settings;
	loop->points = malloc(settings->batch * sizeof(*loop->points));
	loop->sorted = malloc(settings->batch * sizeof(*loop->sorted));
	if (!loop->points || !loop->sorted)
		fixture_die("raw loop: no memory");
	order_series(loop, run_ids, run_count);
	loop->db = fixture_sqlite(path);
	sqlite3_busy_handler(loop->db, wait_for_writer, NULL);
	char pragmas[256];
	snprintf(pragmas, sizeof(pragmas),
		"PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"
		"PRAGMA cache_size = -65536; PRAGMA foreign_keys = OFF;"
		"PRAGMA temp_store = MEMORY; PRAGMA wal_autocheckpoint = %d",
		settings->checkpoint_pages);
	fixture_execute(loop->db, pragmas);
	loop->insert = prepare_insert(loop->db, settings->rows);
	loop->insert_one = prepare_insert(loop->db, 1);
	loop->latest = prepare(loop->db,
		"INSERT INTO latest_metrics (run_uuid, key, step, timestamp, value, is_nan) "
		"VALUES (?1,?2,?3,?4,?5,0) ON CONFLICT (key, run_uuid) DO UPDATE SET "
		"step = excluded.step, timestamp = excluded.timestamp, value = excluded.value, "
		"is_nan = 0 WHERE (excluded.step, excluded.timestamp, excluded.value) > "
		"(latest_metrics.step, latest_metrics.timestamp, latest_metrics.value)");
	return loop;
}

static void bind_series(const struct raw_loop *loop, sqlite3_stmt *statement, size_t series)
{
	sqlite3_bind_text(statement, 1, loop->run_ids[series], 32, SQLITE_STATIC);
	sqlite3_bind_text(statement, 2, loop->keys[series], -1, SQLITE_STATIC);
}

static void bind_point(sqlite3_stmt *statement, size_t row, const struct raw_point *point)
{
	int first = (int)row * 3;
	sqlite3_bind_int64(statement, first + 3, point->step);
	sqlite3_bind_int64(statement, first + 4, point->timestamp_ms);
	sqlite3_bind_double(statement, first + 5, point->value);
}

static void step(struct raw_loop *loop, sqlite3_stmt *statement)
{
	fixture_must_sqlite(loop->db, sqlite3_step(statement));
	sqlite3_reset(statement);
}

/* The points come in order of step, so counting is all the sorting they need. */
static void sort_points(struct raw_loop *loop, size_t ends[SERIES_MAX])
{
	size_t starts[SERIES_MAX + 1] = { 0 };
	for (size_t i = 0; i < loop->point_count; i++)
		starts[loop->points[i].series + 1]++;
	for (size_t i = 0; i < loop->series_count; i++)
		starts[i + 1] += starts[i];
	for (size_t i = 0; i < loop->point_count; i++)
		loop->sorted[starts[loop->points[i].series]++] = loop->points[i];
	memcpy(ends, starts, sizeof(starts) - sizeof(starts[0]));
}

/* points[0..count), all of one series. */
static void write_series(
	struct raw_loop *loop, size_t series, const struct raw_point *points, size_t count)
{
	size_t rows = loop->settings.rows;
	size_t i = 0;
	bind_series(loop, loop->insert, series);
	for (; i + rows <= count; i += rows) {
		for (size_t row = 0; row < rows; row++)
			bind_point(loop->insert, row, &points[i + row]);
		step(loop, loop->insert);
	}
	bind_series(loop, loop->insert_one, series);
	for (; i < count; i++) {
		bind_point(loop->insert_one, 0, &points[i]);
		step(loop, loop->insert_one);
	}
	bind_series(loop, loop->latest, series);
	bind_point(loop->latest, 0, &points[count - 1]);
	step(loop, loop->latest);
}

static void write_batch(struct raw_loop *loop)
{
	size_t ends[SERIES_MAX];
	sort_points(loop, ends);
	fixture_execute(loop->db, "BEGIN IMMEDIATE");
	for (size_t series = 0, begin = 0; series < loop->series_count; series++) {
		if (ends[series] > begin)
			write_series(loop, series, &loop->sorted[begin], ends[series] - begin);
		begin = ends[series];
	}
	fixture_execute(loop->db, "COMMIT");
	loop->point_count = 0;
}

void raw_loop_write(struct raw_loop *loop, size_t steps)
{
	for (size_t i = 0; i < steps; i++) {
		for (size_t series = 0; series < loop->series_count; series++) {
			struct timespec now;
			clock_gettime(CLOCK_REALTIME_COARSE, &now);
			loop->points[loop->point_count++] = (struct raw_point){
				.series = loop->rank[series],
				.step = (int64_t)i,
				.timestamp_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000,
				.value = (double)i * 0.37,
			};
			if (loop->point_count == loop->settings.batch)
				write_batch(loop);
		}
	}
	if (loop->point_count)
		write_batch(loop);
}

void raw_loop_close(struct raw_loop *loop)
{
	sqlite3_finalize(loop->insert);
	sqlite3_finalize(loop->insert_one);
	sqlite3_finalize(loop->latest);
	sqlite3_close(loop->db);
	free(loop->points);
	free(loop->sorted);
	free(loop);
}
