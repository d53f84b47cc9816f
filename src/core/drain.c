/* SPDX-License-Identifier: Apache-2.0 */
#include "core/drain.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "core/watermark.h"

#define SERIES_FIRST 64u /* a power of two, as all capacities */

static mlm_status no_memory(mlm_error *err)
{
	return error_set(err, MLM_ENOMEM, "journal", "memory ran out");
}

mlm_status drain_open(struct drain *drain, int directory_fd, const char *journal_id_hex,
	const mlm_allocator *allocator, mlm_error *err)
{
	memset(drain, 0, sizeof(*drain));
	mlm_status status =
		journal_reader_open(&drain->reader, directory_fd, journal_id_hex, allocator, err);
	if (status != MLM_OK)
		return status;
	drain->texts = arena_new(allocator);
	drain->points_max = DRAIN_POINTS_MAX;
	drain->points = memory_resize(allocator, NULL, DRAIN_POINTS_MAX, sizeof(*drain->points));
	drain->sorted = memory_resize(allocator, NULL, DRAIN_POINTS_MAX, sizeof(*drain->sorted));
	if (!drain->texts || !drain->points || !drain->sorted) {
		drain_close(drain);
		return no_memory(err);
	}
	return MLM_OK;
}

void drain_close(struct drain *drain)
{
	const mlm_allocator *allocator = drain->reader.allocator;
	journal_reader_close(&drain->reader);
	arena_free(drain->texts);
	memory_free(allocator, drain->series);
	memory_free(allocator, drain->slots);
	memory_free(allocator, drain->points);
	memory_free(allocator, drain->sorted);
	memory_free(allocator, drain->batch_ids);
	memory_free(allocator, drain->batch_series);
	memory_free(allocator, drain->starts);
	memory_free(allocator, drain->open_runs);
	memset(drain, 0, sizeof(*drain));
	drain->reader.fd = -1;
}

void drain_fit(struct drain *drain, const struct store_ops *ops)
{
	if (ops->batch_points_max && ops->batch_points_max < drain->points_max)
		drain->points_max = ops->batch_points_max;
}

/* ---- reading ---- */

static uint32_t *slot_of(const struct drain *drain, uint32_t id)
{
	uint32_t mask = 2 * drain->series_capacity - 1;
	uint32_t at = (uint32_t)(((uint64_t)id * 0x9E3779B97F4A7C15ull) >> 32) & mask;
	while (drain->slots[at] && drain->series[drain->slots[at] - 1].id != id)
		at = (at + 1) & mask;
	return &drain->slots[at];
}

static struct drain_series *find_series(const struct drain *drain, uint32_t id)
{
	uint32_t place = drain->series_capacity ? *slot_of(drain, id) : 0;
	return place ? &drain->series[place - 1] : NULL;
}

static void index_series(struct drain *drain)
{
	memset(drain->slots, 0, 2 * (size_t)drain->series_capacity * sizeof(*drain->slots));
	for (uint32_t i = 0; i < drain->series_count; i++)
		*slot_of(drain, drain->series[i].id) = i + 1;
}

static bool grow_series(struct drain *drain)
{
	const mlm_allocator *allocator = drain->reader.allocator;
	uint32_t capacity = drain->series_capacity ? drain->series_capacity * 2 : SERIES_FIRST;
	uint32_t *slots = memory_array(allocator, 2 * (size_t)capacity, sizeof(*slots));
	struct drain_series *grown =
		slots ? memory_resize(allocator, drain->series, capacity, sizeof(*grown)) : NULL;
	if (!grown) {
		memory_free(allocator, slots);
		return false;
	}
	memory_free(allocator, drain->slots);
	drain->slots = slots;
	drain->series = grown;
	drain->series_capacity = capacity;
	index_series(drain);
	return true;
}

/* Series of one run mostly come one after the other. */
static const char *copy_run_id(
	struct arena *texts, const struct drain_series *series, uint32_t count, const char *run_id)
{
	const char *last = count ? series[count - 1].run_id : NULL;
	return last && strcmp(last, run_id) == 0 ? last : arena_string(texts, run_id);
}

static mlm_status add_series(struct drain *drain, const struct journal_entry *entry, mlm_error *err)
{
	struct drain_series *known = find_series(drain, entry->id);
	if (known) { /* each segment defines again */
		known->defined_in = drain->reader.number;
		return MLM_OK;
	}
	if (drain->series_count == drain->series_capacity && !grow_series(drain))
		return no_memory(err);
	struct drain_series series = {
		.run_id = copy_run_id(
			drain->texts, drain->series, drain->series_count, entry->run_id),
		.key = arena_string(drain->texts, entry->key),
		.last_ms = INT64_MIN,
		.id = entry->id,
		.defined_in = drain->reader.number,
	};
	if (!series.key || !series.run_id)
		return no_memory(err);
	drain->series[drain->series_count] = series;
	*slot_of(drain, entry->id) = ++drain->series_count;
	return MLM_OK;
}

static void keep_last(struct drain *drain, const struct drain_series *series)
{
	for (size_t i = 0; i < drain->open_run_count; i++) {
		struct drain_run *run = &drain->open_runs[i];
		if (series->last_ms > run->last_ms && strcmp(series->run_id, run->run_id) == 0)
			run->last_ms = series->last_ms;
	}
}

/* Forgets the series that the segment being read has not named: a process that lives long may log
 * any number of them. Once a segment, between two batches. */
static mlm_status forget_old_series(struct drain *drain, mlm_error *err)
{
	const mlm_allocator *allocator = drain->reader.allocator;
	uint32_t number = drain->reader.number;
	if (drain->point_count || drain->tidied_in == number)
		return MLM_OK;
	struct arena *texts = arena_new(allocator);
	struct drain_series *kept =
		memory_resize(allocator, NULL, (size_t)drain->series_capacity + 1, sizeof(*kept));
	uint32_t count = 0;
	bool failed = !texts || !kept;
	for (uint32_t i = 0; i < drain->series_count && !failed; i++) {
		struct drain_series series = drain->series[i];
		if (series.defined_in != number) {
			keep_last(drain, &series);
			continue;
		}
		series.run_id = copy_run_id(texts, kept, count, series.run_id);
		series.key = arena_string(texts, series.key);
		failed = !series.run_id || !series.key;
		kept[count++] = series;
	}
	if (failed) {
		arena_free(texts);
		memory_free(allocator, kept);
		return no_memory(err);
	}
	arena_free(drain->texts);
	memory_free(allocator, drain->series);
	drain->texts = texts;
	drain->series = kept;
	drain->series_count = count;
	drain->tidied_in = number;
	if (drain->series_capacity)
		index_series(drain);
	return MLM_OK;
}

static mlm_status add_point(
	struct drain *drain, const struct journal_entry *entry, uint64_t position, mlm_error *err)
{
	struct drain_series *series = find_series(drain, entry->id);
	if (!series)
		return error_set(err, MLM_ECORRUPT, "journal",
			"journal %s has a point of series %u before the series",
			drain->reader.id_hex, entry->id);
	if (entry->time_ms > series->last_ms)
		series->last_ms = entry->time_ms;
	if (position < drain->skip_below)
		return MLM_OK;
	drain->points[drain->point_count++] = (struct store_point){
		.series = (uint32_t)(series - drain->series),
		.step = entry->step,
		.timestamp_ms = entry->time_ms,
		.value = entry->value,
	};
	return MLM_OK;
}

static mlm_status open_run(struct drain *drain, const struct journal_entry *entry, mlm_error *err)
{
	if (strlen(entry->run_id) > JOURNAL_ID_HEX)
		return error_set(err, MLM_ECORRUPT, "journal", "journal %s has a run id too long",
			drain->reader.id_hex);
	for (size_t i = 0; i < drain->open_run_count; i++) {
		if (strcmp(drain->open_runs[i].run_id, entry->run_id) == 0) {
			drain->open_runs[i].seen_ms = entry->time_ms;
			return MLM_OK;
		}
	}
	if (drain->open_run_count == drain->open_run_capacity) {
		size_t capacity = drain->open_run_capacity ? drain->open_run_capacity * 2 : 8;
		struct drain_run *grown = memory_resize(drain->reader.allocator, drain->open_runs,
			capacity, sizeof(*drain->open_runs));
		if (!grown)
			return no_memory(err);
		drain->open_runs = grown;
		drain->open_run_capacity = capacity;
	}
	struct drain_run *run = &drain->open_runs[drain->open_run_count++];
	memset(run->run_id, 0, sizeof(run->run_id));
	memcpy(run->run_id, entry->run_id, strlen(entry->run_id));
	run->seen_ms = entry->time_ms;
	run->last_ms = INT64_MIN;
	return MLM_OK;
}

static void close_run(struct drain *drain, const char *run_id)
{
	for (size_t i = 0; i < drain->open_run_count; i++) {
		if (strcmp(drain->open_runs[i].run_id, run_id) == 0) {
			drain->open_runs[i] = drain->open_runs[--drain->open_run_count];
			return;
		}
	}
}

static mlm_status take(
	struct drain *drain, const struct journal_entry *entry, uint64_t position, mlm_error *err)
{
	switch (entry->kind) {
	case JOURNAL_METRIC:
	case JOURNAL_METRIC_WIDE:
		return add_point(drain, entry, position, err);
	case JOURNAL_SERIES:
		return add_series(drain, entry, err);
	case JOURNAL_RUN_OPEN:
		return open_run(drain, entry, err);
	case JOURNAL_RUN_CLOSE:
		close_run(drain, entry->run_id);
		return MLM_OK;
	case JOURNAL_SEAL:
		return MLM_OK;
	}
	return MLM_OK;
}

mlm_status drain_collect(struct drain *drain, uint64_t limit, bool *more_out, mlm_error *err)
{
	*more_out = false;
	mlm_status tidied = forget_old_series(drain, err);
	if (tidied != MLM_OK)
		return tidied;
	while (drain->point_count < drain->points_max) {
		struct journal_entry entry;
		bool more = false;
		uint64_t position = drain->reader.position;
		mlm_status status = journal_reader_next(&drain->reader, limit, &entry, &more, err);
		if (status != MLM_OK || !more)
			return status;
		status = take(drain, &entry, position, err);
		if (status != MLM_OK) {
			drain->reader.position = position; /* to be taken by the next try */
			return status;
		}
	}
	*more_out = true;
	return MLM_OK;
}

int64_t drain_run_last_ms(const struct drain *drain, const struct drain_run *run)
{
	int64_t last_ms = run->last_ms > run->seen_ms ? run->last_ms : run->seen_ms;
	for (uint32_t i = 0; i < drain->series_count; i++) {
		const struct drain_series *series = &drain->series[i];
		if (strcmp(series->run_id, run->run_id) == 0 && series->last_ms > last_ms)
			last_ms = series->last_ms;
	}
	return last_ms;
}

/* ---- sorting ---- */

static mlm_status collect_series(struct drain *drain, mlm_error *err)
{
	const mlm_allocator *allocator = drain->reader.allocator;
	drain->batch_count = 0;
	for (size_t i = 0; i < drain->point_count; i++) {
		struct drain_series *series = &drain->series[drain->points[i].series];
		if (series->in_batch)
			continue;
		if (drain->batch_count == drain->batch_capacity) {
			size_t capacity = drain->batch_capacity ? drain->batch_capacity * 2 : 256;
			uint32_t *ids =
				memory_resize(allocator, drain->batch_ids, capacity, sizeof(*ids));
			if (ids)
				drain->batch_ids = ids;
			struct store_series *texts = memory_resize(
				allocator, drain->batch_series, capacity, sizeof(*texts));
			if (texts)
				drain->batch_series = texts;
			uint32_t *starts = memory_resize(
				allocator, drain->starts, capacity + 1, sizeof(*starts));
			if (starts)
				drain->starts = starts;
			if (!ids || !texts || !starts)
				return no_memory(err);
			drain->batch_capacity = capacity;
		}
		series->in_batch = true;
		drain->batch_ids[drain->batch_count++] = drain->points[i].series;
	}
	return MLM_OK;
}

static int by_run_and_key(const void *a, const void *b, void *context)
{
	const struct drain_series *all = context;
	const struct drain_series *x = &all[*(const uint32_t *)a];
	const struct drain_series *y = &all[*(const uint32_t *)b];
	int order = strcmp(x->run_id, y->run_id);
	return order ? order : strcmp(x->key, y->key);
}

static int by_step_and_time(const void *a, const void *b)
{
	const struct store_point *x = a;
	const struct store_point *y = b;
	if (x->step != y->step)
		return x->step < y->step ? -1 : 1;
	if (x->timestamp_ms != y->timestamp_ms)
		return x->timestamp_ms < y->timestamp_ms ? -1 : 1;
	return 0;
}

static bool same_series(const struct drain_series *a, const struct drain_series *b)
{
	return strcmp(a->run_id, b->run_id) == 0 && strcmp(a->key, b->key) == 0;
}

/* Ranks the series in key order. Two ids may name one series (a run taken up twice). */
static size_t rank_series(struct drain *drain)
{
	if (drain->batch_count == 0) /* a journal of runs without points; qsort wants an array */
		return 0;
	qsort_r(drain->batch_ids, drain->batch_count, sizeof(*drain->batch_ids), by_run_and_key,
		drain->series);
	size_t ranks = 0;
	for (size_t i = 0; i < drain->batch_count; i++) {
		struct drain_series *series = &drain->series[drain->batch_ids[i]];
		if (i == 0 || !same_series(series, &drain->series[drain->batch_ids[i - 1]])) {
			drain->batch_series[ranks].run_id = series->run_id;
			drain->batch_series[ranks].key = series->key;
			ranks++;
		}
		series->rank = (uint32_t)(ranks - 1);
	}
	return ranks;
}

/* Counting sort by series, which keeps the order of arrival; within a series points mostly come in
 * order already, and only those that do not are sorted. */
static void sort_points(struct drain *drain, size_t ranks)
{
	uint32_t *starts = drain->starts;
	memset(starts, 0, (ranks + 1) * sizeof(*starts));
	for (size_t i = 0; i < drain->point_count; i++)
		starts[drain->series[drain->points[i].series].rank + 1]++;
	for (size_t i = 0; i < ranks; i++)
		starts[i + 1] += starts[i];
	for (size_t i = 0; i < drain->point_count; i++) {
		uint32_t rank = drain->series[drain->points[i].series].rank;
		struct store_point *to = &drain->sorted[starts[rank]++];
		*to = drain->points[i];
		to->series = rank;
	}
	/* Each start has moved on to its series' end. */
	for (size_t rank = 0; rank < ranks; rank++) {
		size_t begin = rank ? starts[rank - 1] : 0;
		size_t end = starts[rank];
		for (size_t i = begin + 1; i < end; i++) {
			if (by_step_and_time(&drain->sorted[i - 1], &drain->sorted[i]) <= 0)
				continue;
			qsort(&drain->sorted[begin], end - begin, sizeof(*drain->sorted),
				by_step_and_time);
			break;
		}
	}
}

mlm_status drain_apply(struct drain *drain, struct store *store,
	const struct store_killed_run *killed, size_t killed_count, store_refused_fn refused,
	void *payload, mlm_error *err)
{
	mlm_status status = collect_series(drain, err);
	size_t ranks = 0;
	if (status == MLM_OK) {
		ranks = rank_series(drain);
		if (ranks)
			sort_points(drain, ranks);
		struct store_batch batch = {
			.series = drain->batch_series,
			.series_count = ranks,
			.points = drain->sorted,
			.point_count = drain->point_count,
			.journal_id = drain->reader.id_hex,
			.position = drain->reader.position,
			.killed_runs = killed,
			.killed_run_count = killed_count,
		};
		status = store->ops->apply(store, &batch, refused, payload, err);
	}
	for (size_t i = 0; i < drain->batch_count; i++)
		drain->series[drain->batch_ids[i]].in_batch = false;
	if (status == MLM_OK) {
		drain->point_count = 0;
		watermark_write(store, drain->reader.directory_fd, drain->reader.id_hex,
			drain->reader.position);
	}
	return status;
}
