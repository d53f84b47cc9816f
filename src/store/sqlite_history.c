/* SPDX-License-Identifier: Apache-2.0 */
#include "store/sqlite_run.h"

#include <math.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/memory.h"
#include "store/answer.h"
#include "store/point_cursor.h"
#include "store/point_summary.h"
#include "store/sqlite_store.h"

#define SELECT_POINTS                                         \
	"SELECT timestamp, step, value, is_nan FROM metrics " \
	"WHERE run_uuid = ?1 AND key = ?2 "

static int by_time(const void *left, const void *right)
{
	const struct stored_point *a = left, *b = right;
	if (a->timestamp_ms != b->timestamp_ms)
		return a->timestamp_ms < b->timestamp_ms ? -1 : 1;
	if (a->step != b->step)
		return a->step < b->step ? -1 : 1;
	if (a->stored != b->stored)
		return a->stored < b->stored ? -1 : 1;
	return (int)a->is_nan - (int)b->is_nan;
}

/* Three columns of the answer while they are filled. */
struct columns {
	int64_t *steps;
	int64_t *timestamps_ms;
	double *values;
	size_t count;
	size_t capacity;
	bool sorted; /* so far, by (timestamp, step, value) */
	struct stored_point last;
};

/* Of a row (timestamp, step, value, is_nan). */
static struct stored_point point_of(sqlite3_stmt *row)
{
	return (struct stored_point){
		.timestamp_ms = sqlite3_column_int64(row, 0),
		.step = sqlite3_column_int64(row, 1),
		.stored = sqlite3_column_double(row, 2),
		.is_nan = sqlite3_column_int(row, 3) != 0,
	};
}

static struct store_point logged(const struct stored_point *point)
{
	return (struct store_point){
		.step = point->step,
		.timestamp_ms = point->timestamp_ms,
		.value = point->is_nan ? NAN : point->stored,
	};
}

static void add(struct columns *columns, sqlite3_stmt *rows)
{
	struct stored_point point = point_of(rows);
	if (columns->count > 0 && by_time(&columns->last, &point) > 0)
		columns->sorted = false;
	columns->last = point;
	size_t i = columns->count++;
	columns->steps[i] = point.step;
	columns->timestamps_ms[i] = point.timestamp_ms;
	columns->values[i] = point.is_nan ? NAN : point.stored;
}

/* Rows come in the order of the index, by step. Points that were logged in order, almost all, are
 * in MLflow's order as well; sorting the others here spares SQLite's sorter for all. */
static mlm_status sort_columns(
	const mlm_allocator *allocator, struct columns *columns, mlm_error *err)
{
	struct stored_point *points = memory_array(allocator, columns->count, sizeof(*points));
	if (!points)
		return sqlite_out_of_memory(err);
	for (size_t i = 0; i < columns->count; i++) {
		bool is_nan = isnan(columns->values[i]) != 0;
		points[i] = (struct stored_point){
			.timestamp_ms = columns->timestamps_ms[i],
			.step = columns->steps[i],
			.stored = is_nan ? 0 : columns->values[i],
			.is_nan = is_nan,
		};
	}
	qsort(points, columns->count, sizeof(*points), by_time);
	for (size_t i = 0; i < columns->count; i++) {
		columns->timestamps_ms[i] = points[i].timestamp_ms;
		columns->steps[i] = points[i].step;
		columns->values[i] = points[i].is_nan ? NAN : points[i].stored;
	}
	memory_free(allocator, points);
	return MLM_OK;
}

static mlm_status count_points(struct sqlite_store *store, const char *run_id, const char *key,
	size_t *count_out, mlm_error *err)
{
	sqlite3_stmt *rows;
	mlm_status status = sqlite_statement(
		store, "SELECT count(*) FROM metrics WHERE run_uuid = ?1 AND key = ?2", &rows, err);
	if (status != MLM_OK)
		return status;
	sqlite_bind(rows, 1, run_id);
	sqlite_bind(rows, 2, key);
	if (sqlite3_step(rows) == SQLITE_ROW)
		*count_out = (size_t)sqlite3_column_int64(rows, 0);
	else
		status = sqlite_failed(store, err, "could not read a metric's history");
	sqlite3_reset(rows);
	return status;
}

/* All points of a metric, as rows for point_of(). */
static mlm_status select_points(struct sqlite_store *store, const char *run_id, const char *key,
	sqlite3_stmt **rows_out, mlm_error *err)
{
	mlm_status status = sqlite_statement(store, SELECT_POINTS, rows_out, err);
	if (status != MLM_OK)
		return status;
	sqlite_bind(*rows_out, 1, run_id);
	sqlite_bind(*rows_out, 2, key);
	return MLM_OK;
}

static mlm_status read_points(struct sqlite_store *store, const char *run_id, const char *key,
	struct columns *columns, mlm_error *err)
{
	sqlite3_stmt *rows;
	mlm_status status = select_points(store, run_id, key, &rows, err);
	if (status != MLM_OK)
		return status;
	int result = SQLITE_DONE;
	while (columns->count < columns->capacity && (result = sqlite3_step(rows)) == SQLITE_ROW)
		add(columns, rows);
	if (result != SQLITE_ROW && result != SQLITE_DONE)
		status = sqlite_failed(store, err, "could not read a metric's history");
	sqlite3_reset(rows);
	return status;
}

static mlm_status read_history(struct sqlite_store *store, const char *run_id, const char *key,
	mlm_metric_history *history, mlm_error *err)
{
	static const char exists_sql[] = "SELECT 1 FROM runs WHERE run_uuid = ?1";
	struct columns columns = { .sorted = true };
	sqlite3_stmt *exists;
	mlm_status status = sqlite_statement(store, exists_sql, &exists, err);
	if (status != MLM_OK)
		return status;
	sqlite_bind(exists, 1, run_id);
	int result = sqlite3_step(exists);
	if (result == SQLITE_DONE)
		status = error_set(
			err, MLM_ENOTFOUND, "run", "there is no run with the id '%s'", run_id);
	else if (result != SQLITE_ROW)
		status = sqlite_failed(store, err, "could not read a run");
	sqlite3_reset(exists);
	if (status == MLM_OK)
		status = count_points(store, run_id, key, &columns.capacity, err);
	if (status != MLM_OK || columns.capacity == 0)
		return status;
	struct arena *arena = history->memory;
	columns.steps = arena_array(arena, columns.capacity, sizeof(*columns.steps));
	columns.timestamps_ms =
		arena_array(arena, columns.capacity, sizeof(*columns.timestamps_ms));
	columns.values = arena_array(arena, columns.capacity, sizeof(*columns.values));
	if (!columns.steps || !columns.timestamps_ms || !columns.values)
		return sqlite_out_of_memory(err);
	status = read_points(store, run_id, key, &columns, err);
	if (status == MLM_OK && !columns.sorted)
		status = sort_columns(store->base.allocator, &columns, err);
	history->count = columns.count;
	history->steps = columns.steps;
	history->timestamps_ms = columns.timestamps_ms;
	history->values = columns.values;
	return status;
}

mlm_status sqlite_get_metric_history(struct store *base, const char *run_id, const char *key,
	mlm_metric_history **history_out, mlm_error *err)
{
	struct sqlite_store *store = sqlite_store_of(base);
	*history_out = NULL;
	mlm_metric_history *history = answer_history(store->base.allocator);
	mlm_status status = history ? sqlite_begin_read(store, err) : sqlite_out_of_memory(err);
	if (status == MLM_OK) {
		status = read_history(store, run_id, key, history, err);
		status = sqlite_end(store, status, err);
	}
	if (status == MLM_OK)
		*history_out = history;
	else if (history)
		arena_free(history->memory);
	return status;
}

#define IN_ORDER "ORDER BY step, timestamp, value, is_nan LIMIT ?3"

mlm_status sqlite_get_points(struct store *base, const char *run_id, const char *key,
	struct store_cursor *cursor, struct store_point *points, size_t capacity, size_t *count_out,
	mlm_error *err)
{
	struct sqlite_store *store = sqlite_store_of(base);
	struct stored_point last = { .step = 0 };
	bool is_first = !cursor->token[0];
	*count_out = 0;
	if (!is_first && !point_cursor_read(cursor, &last))
		return error_set(err, MLM_EINVAL, "metric",
			"'%s' is not where a page of points begins", cursor->token);
	sqlite3_stmt *rows;
	mlm_status status = sqlite_statement(store,
		is_first ? SELECT_POINTS IN_ORDER
			 : SELECT_POINTS
			"AND (step, timestamp, value, is_nan) > (?4, ?5, ?6, ?7) " IN_ORDER,
		&rows, err);
	if (status != MLM_OK)
		return status;
	sqlite_bind(rows, 1, run_id);
	sqlite_bind(rows, 2, key);
	sqlite3_bind_int64(rows, 3, (int64_t)capacity);
	if (!is_first) {
		sqlite3_bind_int64(rows, 4, last.step);
		sqlite3_bind_int64(rows, 5, last.timestamp_ms);
		sqlite3_bind_double(rows, 6, last.stored);
		sqlite3_bind_int(rows, 7, last.is_nan);
	}
	size_t count = 0;
	int result = SQLITE_DONE;
	while (count < capacity && (result = sqlite3_step(rows)) == SQLITE_ROW) {
		last = point_of(rows);
		points[count++] = logged(&last);
	}
	if (result != SQLITE_ROW && result != SQLITE_DONE)
		status = sqlite_failed(store, err, "could not read a metric's points");
	sqlite3_reset(rows);
	if (status != MLM_OK)
		return status;
	if (count == capacity)
		point_cursor_write(cursor, &last);
	else
		cursor->token[0] = '\0';
	*count_out = count;
	return MLM_OK;
}

mlm_status sqlite_get_max_step(struct store *base, const char *run_id, const char *key,
	bool *found_out, int64_t *step_out, mlm_error *err)
{
	struct sqlite_store *store = sqlite_store_of(base);
	*found_out = false;
	*step_out = 0;
	/* The latest value is the one of the greatest step, and has an index in every layout. */
	sqlite3_stmt *rows;
	mlm_status status = sqlite_statement(store,
		"SELECT step FROM latest_metrics WHERE key = ?1 AND run_uuid = ?2", &rows, err);
	if (status != MLM_OK)
		return status;
	sqlite_bind(rows, 1, key);
	sqlite_bind(rows, 2, run_id);
	int result = sqlite3_step(rows);
	if (result == SQLITE_ROW) {
		*found_out = true;
		*step_out = sqlite3_column_int64(rows, 0);
	} else if (result != SQLITE_DONE) {
		status = sqlite_failed(store, err, "could not read a metric's greatest step");
	}
	sqlite3_reset(rows);
	return status;
}

/* One walk along the rows: SQL's aggregates would need three, since each extreme wants its step. */
mlm_status sqlite_summarize_metric(struct store *base, const char *run_id, const char *key,
	mlm_metric_summary *summary_out, mlm_error *err)
{
	struct sqlite_store *store = sqlite_store_of(base);
	struct point_summary summary = { .sum = { 0 } };
	sqlite3_stmt *rows;
	*summary_out = summary.sum;
	mlm_status status = select_points(store, run_id, key, &rows, err);
	if (status != MLM_OK)
		return status;
	int result;
	while ((result = sqlite3_step(rows)) == SQLITE_ROW) {
		struct stored_point stored = point_of(rows);
		struct store_point point = logged(&stored);
		point_summary_add(&summary, &point);
	}
	if (result == SQLITE_DONE)
		*summary_out = summary.sum;
	else
		status = sqlite_failed(store, err, "could not read a metric's points");
	sqlite3_reset(rows);
	return status;
}
