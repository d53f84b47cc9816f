/* SPDX-License-Identifier: Apache-2.0 */
#include "store/postgres_run.h"

#include <inttypes.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "store/postgres_store.h"
#include "store/refused_points.h"
#include "store/stored_value.h"

/* A batch travels as arrays, a column each, in one statement for all its points and one for the
 * latest values of its series: a statement a point would cost a round trip each. */

struct apply {
	const struct store_batch *batch;
	mlm_status *series_status; /* MLM_OK, or why the points of a series are left out */
	struct postgres_array run_ids, keys; /* of all series */
	struct postgres_array indexes, steps, times, values, nans; /* of points */
};

static void arrays_begin(struct apply *apply, const mlm_allocator *allocator)
{
	postgres_array_init(&apply->run_ids, allocator, POSTGRES_TEXT);
	postgres_array_init(&apply->keys, allocator, POSTGRES_TEXT);
	postgres_array_init(&apply->indexes, allocator, POSTGRES_INT4);
	postgres_array_init(&apply->steps, allocator, POSTGRES_INT8);
	postgres_array_init(&apply->times, allocator, POSTGRES_INT8);
	postgres_array_init(&apply->values, allocator, POSTGRES_FLOAT8);
	postgres_array_init(&apply->nans, allocator, POSTGRES_BOOL);
	for (size_t i = 0; i < apply->batch->series_count; i++) {
		postgres_array_text(&apply->run_ids, apply->batch->series[i].run_id);
		postgres_array_text(&apply->keys, apply->batch->series[i].key);
	}
}

static void arrays_end(struct apply *apply)
{
	postgres_array_free(&apply->run_ids);
	postgres_array_free(&apply->keys);
	postgres_array_free(&apply->indexes);
	postgres_array_free(&apply->steps);
	postgres_array_free(&apply->times);
	postgres_array_free(&apply->values);
	postgres_array_free(&apply->nans);
}

static void add_point(struct apply *apply, const struct store_point *point)
{
	bool is_nan;
	double value = stored_value(point->value, &is_nan);
	postgres_array_int4(&apply->indexes, (int32_t)point->series + 1); /* SQL counts from 1 */
	postgres_array_int8(&apply->steps, point->step);
	postgres_array_int8(&apply->times, point->timestamp_ms);
	postgres_array_float8(&apply->values, value);
	postgres_array_bool(&apply->nans, is_nan);
}

/* Runs sql over the series and the points added so far. */
static mlm_status put(
	struct postgres_store *store, struct apply *apply, const char *sql, mlm_error *err)
{
	struct postgres_array *const arrays[] = { &apply->run_ids, &apply->keys, &apply->indexes,
		&apply->steps, &apply->times, &apply->values, &apply->nans };
	struct postgres_values values = { 0 };
	for (size_t i = 0; i < sizeof(arrays) / sizeof(arrays[0]); i++) {
		if (arrays[i]->failed)
			return postgres_out_of_memory(err);
		postgres_add_array(&values, arrays[i]);
	}
	return postgres_query(store, "could not log metrics", sql, &values, NULL, err);
}

#define FROM_POINTS                                                                          \
	"SELECT s.run_uuid, s.key, p.step, p.timestamp, p.value, p.is_nan FROM "             \
	"unnest($3::int[], $4::bigint[], $5::bigint[], $6::float8[], $7::bool[]) "           \
	"AS p (series, step, timestamp, value, is_nan) JOIN unnest($1::text[], $2::text[]) " \
	"WITH ORDINALITY AS s (run_uuid, key, n) ON s.n = p.series "

static mlm_status put_points(struct postgres_store *store, struct apply *apply, mlm_error *err)
{
	const struct store_batch *batch = apply->batch;
	size_t count = 0;
	arrays_begin(apply, store->base.allocator);
	for (size_t i = 0; i < batch->point_count; i++) {
		if (apply->series_status[batch->points[i].series] != MLM_OK)
			continue;
		add_point(apply, &batch->points[i]);
		count++;
	}
	mlm_status status = MLM_OK;
	if (count > 0)
		status = put(store, apply,
			"INSERT INTO metrics (run_uuid, key, step, timestamp, value, "
			"is_nan) " FROM_POINTS "ON CONFLICT DO NOTHING",
			err);
	arrays_end(apply);
	return status;
}

static mlm_status put_latest(struct postgres_store *store, struct apply *apply, mlm_error *err)
{
	const struct store_batch *batch = apply->batch;
	size_t count = 0;
	arrays_begin(apply, store->base.allocator);
	for (size_t begin = 0, end; begin < batch->point_count; begin = end) {
		uint32_t series = batch->points[begin].series;
		const struct store_point *latest = &batch->points[begin];
		for (end = begin; end < batch->point_count; end++) {
			if (batch->points[end].series != series)
				break;
			if (stored_is_later(&batch->points[end], latest))
				latest = &batch->points[end];
		}
		if (apply->series_status[series] != MLM_OK)
			continue;
		add_point(apply, latest);
		count++;
	}
	mlm_status status = MLM_OK;
	/* In the order of the key, so that two writers take the rows' locks in one order. */
	if (count > 0)
		status = put(store, apply,
			"INSERT INTO latest_metrics AS l (run_uuid, key, step, timestamp, value, "
			"is_nan) " FROM_POINTS "ORDER BY s.run_uuid, s.key "
			"ON CONFLICT (key, run_uuid) DO UPDATE SET step = excluded.step, "
			"timestamp = excluded.timestamp, value = excluded.value, "
			"is_nan = excluded.is_nan WHERE "
			"(excluded.step, excluded.timestamp, excluded.value) > "
			"(l.step, l.timestamp, l.value)",
			err);
	arrays_end(apply);
	return status;
}

/* Which runs are there and active; they stay so until the transaction is over. */
static mlm_status check_runs(struct postgres_store *store, struct apply *apply, mlm_error *err)
{
	const struct store_batch *batch = apply->batch;
	struct postgres_array ids;
	struct postgres_values values = { 0 };
	PGresult *rows = NULL;
	postgres_array_init(&ids, store->base.allocator, POSTGRES_TEXT);
	for (size_t i = 0; i < batch->series_count; i++) {
		const char *id = batch->series[i].run_id;
		apply->series_status[i] = MLM_ENOTFOUND;
		if (i == 0 || strcmp(id, batch->series[i - 1].run_id) != 0)
			postgres_array_text(&ids, id);
	}
	mlm_status status = ids.failed ? postgres_out_of_memory(err) : MLM_OK;
	if (status == MLM_OK) {
		postgres_add_array(&values, &ids);
		status = postgres_query(store, "could not read runs",
			"SELECT run_uuid, lifecycle_stage = 'deleted' FROM runs "
			"WHERE run_uuid = ANY($1::text[]) ORDER BY run_uuid FOR SHARE",
			&values, &rows, err);
	}
	postgres_array_free(&ids);
	if (status != MLM_OK)
		return status;
	for (int row = 0; row < pq.PQntuples(rows); row++) {
		const char *id = postgres_text(rows, row, 0);
		mlm_status found = postgres_boolean(rows, row, 1) ? MLM_ESTATE : MLM_OK;
		for (size_t i = 0; i < batch->series_count; i++) {
			if (strcmp(batch->series[i].run_id, id) == 0)
				apply->series_status[i] = found;
		}
	}
	pq.PQclear(rows);
	return MLM_OK;
}

/* ---- the journal ---- */

static mlm_status read_watermark(struct postgres_store *store, const char *journal_id,
	uint64_t *position_out, mlm_error *err)
{
	struct postgres_values values = { 0 };
	PGresult *rows;
	*position_out = 0;
	postgres_add_text(&values, journal_id);
	mlm_status status = postgres_query(store, "could not read a journal's watermark",
		"SELECT position FROM mlm_journals WHERE journal_id = $1::text", &values, &rows,
		err);
	if (status != MLM_OK)
		return status;
	if (pq.PQntuples(rows) > 0)
		*position_out = (uint64_t)postgres_integer(rows, 0, 0, 0);
	pq.PQclear(rows);
	return MLM_OK;
}

static mlm_status put_watermark(
	struct postgres_store *store, const struct store_batch *batch, mlm_error *err)
{
	struct postgres_values values = { 0 };
	postgres_add_text(&values, batch->journal_id);
	postgres_add_integer(&values, (int64_t)batch->position);
	return postgres_query(store, "could not set a journal's watermark",
		"INSERT INTO mlm_journals (journal_id, position) VALUES ($1::text, $2::bigint) "
		"ON CONFLICT (journal_id) DO UPDATE SET position = excluded.position",
		&values, NULL, err);
}

static mlm_status kill_runs(
	struct postgres_store *store, const struct store_batch *batch, mlm_error *err)
{
	mlm_status status = MLM_OK;
	for (size_t i = 0; i < batch->killed_run_count && status == MLM_OK; i++) {
		struct postgres_values values = { 0 };
		postgres_add_text(&values, batch->killed_runs[i].run_id);
		postgres_add_integer(&values, batch->killed_runs[i].end_time_ms);
		status = postgres_query(store, "could not mark a run as killed",
			"UPDATE runs SET status = 'KILLED', end_time = $2::bigint "
			"WHERE run_uuid = $1::text AND status = 'RUNNING'",
			&values, NULL, err);
	}
	return status;
}

static mlm_status apply_all(struct postgres_store *store, void *payload, mlm_error *err)
{
	struct apply *apply = payload;
	const struct store_batch *batch = apply->batch;
	uint64_t watermark = 0;
	mlm_status status = MLM_OK;
	for (size_t i = 0; i < batch->series_count; i++)
		apply->series_status[i] = MLM_OK;
	if (batch->journal_id)
		status = read_watermark(store, batch->journal_id, &watermark, err);
	if (status == MLM_OK && (!batch->journal_id || batch->position > watermark)) {
		if (batch->point_count > 0)
			status = check_runs(store, apply, err);
		if (status == MLM_OK)
			status = put_points(store, apply, err);
		if (status == MLM_OK)
			status = put_latest(store, apply, err);
		if (status == MLM_OK && batch->journal_id)
			status = put_watermark(store, batch, err);
	}
	return status == MLM_OK ? kill_runs(store, batch, err) : status;
}

static void tell_refusals(const struct apply *apply, store_refused_fn refused, void *payload)
{
	const struct store_batch *batch = apply->batch;
	for (size_t begin = 0, end; begin < batch->point_count; begin = end) {
		uint32_t index = batch->points[begin].series;
		for (end = begin + 1; end < batch->point_count; end++) {
			if (batch->points[end].series != index)
				break;
		}
		mlm_status why = apply->series_status[index];
		if (why != MLM_OK)
			refused_points_tell(
				&batch->series[index], end - begin, why, refused, payload);
	}
}

mlm_status postgres_apply(struct store *base, const struct store_batch *batch,
	store_refused_fn refused, void *payload, mlm_error *err)
{
	struct apply apply = { .batch = batch };
	apply.series_status = memory_array(
		base->allocator, batch->series_count + 1, sizeof(*apply.series_status));
	if (!apply.series_status)
		return postgres_out_of_memory(err);
	mlm_status status =
		postgres_transact(postgres_store_of(base), true, apply_all, &apply, err);
	if (status == MLM_OK)
		tell_refusals(&apply, refused, payload);
	memory_free(base->allocator, apply.series_status);
	return status;
}

struct watermark {
	const char *journal_id;
	uint64_t position;
};

static mlm_status get_watermark(struct postgres_store *store, void *payload, mlm_error *err)
{
	struct watermark *watermark = payload;
	return read_watermark(store, watermark->journal_id, &watermark->position, err);
}

mlm_status postgres_get_watermark(
	struct store *base, const char *journal_id, uint64_t *position_out, mlm_error *err)
{
	struct postgres_store *store = postgres_store_of(base);
	struct watermark watermark = { .journal_id = journal_id };
	*position_out = 0;
	/* A database that could only ever be read has no such table. */
	mlm_status status = store->layout.journals ? postgres_transact(store, false, get_watermark,
							     &watermark, err)
						   : MLM_OK;
	if (status == MLM_OK)
		*position_out = watermark.position;
	return status;
}

static mlm_status forget(struct postgres_store *store, void *payload, mlm_error *err)
{
	struct postgres_values values = { 0 };
	postgres_add_text(&values, payload);
	return postgres_query(store, "could not forget a journal",
		"DELETE FROM mlm_journals WHERE journal_id = $1::text", &values, NULL, err);
}

mlm_status postgres_forget_journal(struct store *base, const char *journal_id, mlm_error *err)
{
	char id[MLM_ID_SIZE];
	snprintf(id, sizeof(id), "%s", journal_id);
	return postgres_transact(postgres_store_of(base), true, forget, id, err);
}
