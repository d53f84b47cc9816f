/* SPDX-License-Identifier: Apache-2.0 */
#include "store/postgres_run.h"

#include <endian.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "store/answer.h"
#include "store/point_cursor.h"
#include "store/postgres_store.h"

/* Points come in binary: a million of them as text would be read for a second. */

static uint64_t wide(const PGresult *rows, int row, int column)
{
	uint64_t bits;
	memcpy(&bits, pq.PQgetvalue(rows, row, column), sizeof(bits));
	return be64toh(bits);
}

static struct stored_point point_of(const PGresult *rows, int row)
{
	struct stored_point point = {
		.timestamp_ms = (int64_t)wide(rows, row, 0),
		.step = (int64_t)wide(rows, row, 1),
		.is_nan = pq.PQgetvalue(rows, row, 3)[0] != 0,
	};
	uint64_t bits = wide(rows, row, 2);
	memcpy(&point.stored, &bits, sizeof(bits));
	return point;
}

#define SELECT_POINTS                                         \
	"SELECT timestamp, step, value, is_nan FROM metrics " \
	"WHERE run_uuid = $1::text AND key = $2::text "

static mlm_status query_points(struct postgres_store *store, const char *sql,
	const struct postgres_values *values, PGresult **rows_out, mlm_error *err)
{
	return postgres_query_with(store, "could not read a metric's history", sql, values->count,
		values->texts, values->sizes, values->formats, true, rows_out, err);
}

/* ---- the whole history ---- */

struct reading {
	const char *run_id;
	const char *key;
	mlm_metric_history *history;
};

static mlm_status fill(mlm_metric_history *history, const PGresult *rows, mlm_error *err)
{
	size_t count = (size_t)pq.PQntuples(rows);
	if (count == 0)
		return MLM_OK;
	struct arena *arena = history->memory;
	int64_t *steps = arena_array(arena, count, sizeof(*steps));
	int64_t *timestamps_ms = arena_array(arena, count, sizeof(*timestamps_ms));
	double *values = arena_array(arena, count, sizeof(*values));
	if (!steps || !timestamps_ms || !values)
		return postgres_out_of_memory(err);
	for (size_t i = 0; i < count; i++) {
		struct stored_point point = point_of(rows, (int)i);
		steps[i] = point.step;
		timestamps_ms[i] = point.timestamp_ms;
		values[i] = point.is_nan ? NAN : point.stored;
	}
	history->count = count;
	history->steps = steps;
	history->timestamps_ms = timestamps_ms;
	history->values = values;
	return MLM_OK;
}

static mlm_status read_history(struct postgres_store *store, void *payload, mlm_error *err)
{
	struct reading *reading = payload;
	struct postgres_values values = { 0 };
	PGresult *rows;
	postgres_add_text(&values, reading->run_id);
	mlm_status status = postgres_query(store, "could not read a run",
		"SELECT 1 FROM runs WHERE run_uuid = $1::text", &values, &rows, err);
	if (status != MLM_OK)
		return status;
	if (pq.PQntuples(rows) == 0)
		status = error_set(err, MLM_ENOTFOUND, "run", "there is no run with the id '%s'",
			reading->run_id);
	pq.PQclear(rows);
	if (status != MLM_OK)
		return status;
	postgres_add_text(&values, reading->key);
	status = query_points(store, SELECT_POINTS "ORDER BY timestamp, step, value, is_nan",
		&values, &rows, err);
	if (status != MLM_OK)
		return status;
	status = fill(reading->history, rows, err);
	pq.PQclear(rows);
	return status;
}

mlm_status postgres_get_metric_history(struct store *base, const char *run_id, const char *key,
	mlm_metric_history **history_out, mlm_error *err)
{
	struct reading reading = { run_id, key, answer_history(base->allocator) };
	struct arena *memory = reading.history ? reading.history->memory : NULL;
	mlm_status status = postgres_read_answer(base, memory, read_history, &reading, err);
	*history_out = status == MLM_OK ? reading.history : NULL;
	return status;
}

/* ---- pages ---- */

struct page {
	const char *run_id;
	const char *key;
	const struct stored_point *after; /* NULL: the first page */
	struct store_point *points;
	size_t capacity;
	size_t count;
	struct stored_point last;
};

static mlm_status read_page(struct postgres_store *store, void *payload, mlm_error *err)
{
	struct page *page = payload;
	struct postgres_values values = { 0 };
	PGresult *rows;
	char real[32];
	postgres_add_text(&values, page->run_id);
	postgres_add_text(&values, page->key);
	postgres_add_integer(&values, (int64_t)page->capacity);
	if (page->after) {
		uint64_t bits;
		memcpy(&bits, &page->after->stored, sizeof(bits));
		bits = htobe64(bits);
		memcpy(real, &bits, sizeof(bits));
		postgres_add_integer(&values, page->after->step);
		postgres_add_integer(&values, page->after->timestamp_ms);
		postgres_add_binary(&values, real, sizeof(bits));
		postgres_add_text(&values, page->after->is_nan ? "t" : "f");
	}
	mlm_status status = query_points(store,
		page->after ? SELECT_POINTS
			"AND (step, timestamp, value, is_nan) > ($4::bigint, $5::bigint, "
			"$6::float8, $7::bool) ORDER BY step, timestamp, value, is_nan "
			"LIMIT $3::bigint"
			    : SELECT_POINTS
			"ORDER BY step, timestamp, value, is_nan LIMIT $3::bigint",
		&values, &rows, err);
	if (status != MLM_OK)
		return status;
	page->count = (size_t)pq.PQntuples(rows);
	for (size_t i = 0; i < page->count; i++) {
		page->last = point_of(rows, (int)i);
		page->points[i] = (struct store_point){
			.step = page->last.step,
			.timestamp_ms = page->last.timestamp_ms,
			.value = page->last.is_nan ? NAN : page->last.stored,
		};
	}
	pq.PQclear(rows);
	return MLM_OK;
}

mlm_status postgres_get_points(struct store *base, const char *run_id, const char *key,
	struct store_cursor *cursor, struct store_point *points, size_t capacity, size_t *count_out,
	mlm_error *err)
{
	struct stored_point after;
	struct page page = { .run_id = run_id, .key = key, .points = points, .capacity = capacity };
	*count_out = 0;
	if (cursor->token[0]) {
		if (!point_cursor_read(cursor, &after))
			return error_set(err, MLM_EINVAL, "metric",
				"'%s' is not where a page of points begins", cursor->token);
		page.after = &after;
	}
	mlm_status status =
		postgres_transact(postgres_store_of(base), false, read_page, &page, err);
	if (status != MLM_OK)
		return status;
	if (page.count == capacity)
		point_cursor_write(cursor, &page.last);
	else
		cursor->token[0] = '\0';
	*count_out = page.count;
	return MLM_OK;
}

/* ---- the greatest step ---- */

struct greatest {
	const char *run_id;
	const char *key;
	bool found;
	int64_t step;
};

static mlm_status read_greatest(struct postgres_store *store, void *payload, mlm_error *err)
{
	struct greatest *greatest = payload;
	struct postgres_values values = { 0 };
	PGresult *rows;
	postgres_add_text(&values, greatest->run_id);
	postgres_add_text(&values, greatest->key);
	mlm_status status = postgres_query(store, "could not read a metric's greatest step",
		"SELECT step FROM latest_metrics WHERE run_uuid = $1::text AND key = $2::text",
		&values, &rows, err);
	if (status != MLM_OK)
		return status;
	greatest->found = pq.PQntuples(rows) > 0;
	greatest->step = greatest->found ? postgres_integer(rows, 0, 0, 0) : 0;
	pq.PQclear(rows);
	return MLM_OK;
}

mlm_status postgres_get_max_step(struct store *base, const char *run_id, const char *key,
	bool *found_out, int64_t *step_out, mlm_error *err)
{
	struct greatest greatest = { .run_id = run_id, .key = key };
	*found_out = false;
	*step_out = 0;
	mlm_status status =
		postgres_transact(postgres_store_of(base), false, read_greatest, &greatest, err);
	if (status == MLM_OK) {
		*found_out = greatest.found;
		*step_out = greatest.step;
	}
	return status;
}

/* ---- what it came to ---- */

#define OF_METRIC "FROM metrics WHERE run_uuid = $1::text AND key = $2::text "

struct summing {
	const char *run_id;
	const char *key;
	mlm_metric_summary *sum;
};

static mlm_status summarize(struct postgres_store *store, void *payload, mlm_error *err)
{
	const struct summing *summing = payload;
	struct postgres_values values = { 0 };
	PGresult *rows;
	postgres_add_text(&values, summing->run_id);
	postgres_add_text(&values, summing->key);
	mlm_status status = postgres_query(store, "could not summarize a metric",
		"SELECT s.points, s.nans, s.least, "
		"(SELECT min(step) " OF_METRIC "AND NOT is_nan AND value = s.least), s.greatest, "
		"(SELECT min(step) " OF_METRIC "AND NOT is_nan AND value = s.greatest), "
		"l.value, l.is_nan, l.step FROM (SELECT count(*) AS points, "
		"count(*) FILTER (WHERE is_nan) AS nans, "
		"min(value) FILTER (WHERE NOT is_nan) AS least, "
		"max(value) FILTER (WHERE NOT is_nan) AS greatest " OF_METRIC ") AS s, "
		"LATERAL (SELECT value, is_nan, step " OF_METRIC
		"ORDER BY step DESC, timestamp DESC, value DESC LIMIT 1) AS l",
		&values, &rows, err);
	if (status != MLM_OK)
		return status;
	*summing->sum = (mlm_metric_summary){ 0 };
	if (pq.PQntuples(rows) > 0) {
		bool ends_with_nan = postgres_boolean(rows, 0, 7);
		*summing->sum = (mlm_metric_summary){
			.count = (uint64_t)postgres_integer(rows, 0, 0, 0),
			.nan_count = (uint64_t)postgres_integer(rows, 0, 1, 0),
			.min = postgres_real(rows, 0, 2),
			.min_step = postgres_integer(rows, 0, 3, 0),
			.max = postgres_real(rows, 0, 4),
			.max_step = postgres_integer(rows, 0, 5, 0),
			.last = ends_with_nan ? NAN : postgres_real(rows, 0, 6),
			.last_step = postgres_integer(rows, 0, 8, 0),
		};
	}
	pq.PQclear(rows);
	return MLM_OK;
}

mlm_status postgres_summarize_metric(struct store *base, const char *run_id, const char *key,
	mlm_metric_summary *summary_out, mlm_error *err)
{
	struct summing summing = { run_id, key, summary_out };
	*summary_out = (mlm_metric_summary){ 0 };
	return postgres_transact(postgres_store_of(base), false, summarize, &summing, err);
}
