/* SPDX-License-Identifier: Apache-2.0 */
/* What is logged to a run: metrics into the journal, params and tags into the store. */
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "core/limits.h"
#include "core/manager.h"

#define SLOTS_FIRST   32u
#define FRAME_METRICS 64u /* logged in one go without memory of their own */

/* ---- a run's series, by key ---- */

/* Short keys are one or two words; the last word overlaps rather than being read byte by byte. */
static inline uint64_t hash_key(const char *key, size_t size)
{
	uint64_t a = size;
	uint64_t b = 0;
	while (size > 16) {
		uint64_t words[2];
		memcpy(words, key, sizeof(words));
		a = journal_mix(a ^ words[0] ^ JOURNAL_MIX_1, words[1] ^ JOURNAL_MIX_2);
		key += 16;
		size -= 16;
	}
	if (size >= 8) {
		uint64_t words[2];
		memcpy(&words[0], key, 8);
		memcpy(&words[1], key + size - 8, 8);
		a ^= words[0];
		b = words[1];
	} else if (size >= 4) {
		uint32_t halves[2];
		memcpy(&halves[0], key, 4);
		memcpy(&halves[1], key + size - 4, 4);
		a ^= (uint64_t)halves[0] << 32;
		b = halves[1];
	} else if (size > 0) {
		a ^= (uint64_t)(unsigned char)key[0] << 40 |
		     (uint64_t)(unsigned char)key[size / 2] << 48 |
		     (uint64_t)(unsigned char)key[size - 1] << 56;
	}
	return journal_mix(a ^ JOURNAL_MIX_3, b ^ JOURNAL_MIX_4);
}

static inline struct journal_series *find_series(
	const mlm_run *run, const char *key, size_t size, uint64_t hash)
{
	if (!run->slot_count)
		return NULL;
	for (size_t i = hash & (run->slot_count - 1);; i = (i + 1) & (run->slot_count - 1)) {
		const struct run_slot *slot = &run->slots[i];
		if (!slot->series)
			return NULL;
		if (slot->hash == hash && slot->series->key_size == size &&
			memcmp(slot->series->key, key, size) == 0)
			return slot->series;
	}
}

struct journal_series *run_find_series(const mlm_run *run, const char *key, size_t size)
{
	return find_series(run, key, size, hash_key(key, size));
}

static void put_series(
	struct run_slot *slots, size_t slot_count, uint64_t hash, struct journal_series *series)
{
	size_t i = hash & (slot_count - 1);
	while (slots[i].series)
		i = (i + 1) & (slot_count - 1);
	slots[i] = (struct run_slot){ hash, series };
}

static mlm_status grow_slots(mlm_run *run, mlm_error *err)
{
	size_t slot_count = run->slot_count ? run->slot_count * 2 : SLOTS_FIRST;
	struct run_slot *slots = memory_array(&run->manager->allocator, slot_count, sizeof(*slots));
	if (!slots)
		return error_set(err, MLM_ENOMEM, "run", "memory ran out");
	for (size_t i = 0; i < run->slot_count; i++)
		if (run->slots[i].series)
			put_series(slots, slot_count, run->slots[i].hash, run->slots[i].series);
	memory_free(&run->manager->allocator, run->slots);
	run->slots = slots;
	run->slot_count = slot_count;
	return MLM_OK;
}

static struct journal_series *new_series(const mlm_run *run, const char *key, size_t size)
{
	struct journal_series *series =
		memory_new(&run->manager->allocator, sizeof(*series) + size + 1);
	if (!series)
		return NULL;
	char *copy = (char *)(series + 1);
	memcpy(copy, key, size);
	series->key = copy;
	series->key_size = size;
	series->run_id = run->id;
	series->next_step_known = run->knows_steps;
	return series;
}

/* First use of a key: checks it and makes its series. */
static mlm_status add_series(mlm_run *run, const char *key, size_t size, mlm_error *err)
{
	mlm_status status = limits_check_key(key, size, "metric key", err);
	if (status != MLM_OK)
		return status;
	uint64_t hash = hash_key(key, size);
	struct journal *journal = run->manager->journal;
	journal_lock(journal);
	if (!atomic_load_explicit(&run->is_open, memory_order_relaxed)) {
		status = run_check_open(run, err);
	} else if (!find_series(run, key, size, hash)) { /* another thread may have been quicker */
		struct journal_series *series = NULL;
		if (run->series_count * 2 >= run->slot_count)
			status = grow_slots(run, err);
		if (status == MLM_OK)
			series = new_series(run, key, size);
		if (series) {
			journal_series_init(journal, series);
			put_series(run->slots, run->slot_count, hash, series);
			run->series_count++;
		} else if (status == MLM_OK) {
			status = error_set(err, MLM_ENOMEM, "run", "memory ran out");
		}
	}
	journal_unlock(journal);
	return status;
}

/* Call with the journal locked. */
static void go_on_from(struct journal_series *series, int64_t step)
{
	if (step < INT64_MAX && step + 1 > series->next_step)
		series->next_step = step + 1;
}

mlm_status run_learn_steps(mlm_run *run, const mlm_metric *metrics, size_t count, mlm_error *err)
{
	struct journal *journal = run->manager->journal;
	mlm_status status = MLM_OK;
	for (size_t i = 0; i < count && status == MLM_OK; i++) {
		status = add_series(run, metrics[i].key, strlen(metrics[i].key), err);
		if (status == MLM_EINVAL) /* a key that nothing can be logged to */
			status = MLM_OK;
	}
	if (status != MLM_OK)
		return status;
	journal_lock(journal);
	for (size_t i = 0; i < count; i++) {
		struct journal_series *series =
			run_find_series(run, metrics[i].key, strlen(metrics[i].key));
		if (series)
			go_on_from(series, metrics[i].step);
	}
	for (size_t i = 0; i < run->slot_count; i++)
		if (run->slots[i].series)
			run->slots[i].series->next_step_known = true;
	run->knows_steps = true;
	journal_unlock(journal);
	return MLM_OK;
}

/* A run that was taken up goes on from the greatest step in the store. Call inside, which keeps the
 * run from ending and the series from going. */
static mlm_status learn_step(mlm_run *run, struct journal_series *series, mlm_error *err)
{
	mlm_manager *manager = run->manager;
	bool found = false;
	int64_t step = 0;
	mlm_status status = manager_flush_inside(manager, MANAGER_FLUSH_WAIT_MS, err);
	if (status == MLM_OK)
		status = manager->ops->get_max_step(
			manager->store, run->id, series->key, &found, &step, err);
	if (status != MLM_OK)
		return status;
	journal_lock(manager->journal);
	if (!series->next_step_known) {
		if (found)
			go_on_from(series, step);
		series->next_step_known = true;
	}
	journal_unlock(manager->journal);
	return MLM_OK;
}

void run_forget_steps(mlm_run *run)
{
	journal_lock(run->manager->journal);
	for (size_t i = 0; i < run->slot_count; i++)
		if (run->slots[i].series)
			run->slots[i].series->next_step = 0;
	journal_unlock(run->manager->journal);
}

static void free_slots(const mlm_run *run, struct run_slot *slots, size_t count)
{
	for (size_t i = 0; i < count; i++)
		memory_free(&run->manager->allocator, slots[i].series);
	memory_free(&run->manager->allocator, slots);
}

void run_close_series(mlm_run *run)
{
	struct journal *journal = run->manager->journal;
	struct run_slot *slots = NULL;
	size_t count = 0;
	journal_lock(journal);
	atomic_store(&run->is_open, false);
	run->knows_steps = false;
	/* An append that waits for room has its series in its hands. */
	if (!journal->waiting) {
		slots = run->slots;
		count = run->slot_count;
		metric_handles_forget_series(run);
		run->slots = NULL;
		run->slot_count = 0;
		run->series_count = 0;
	}
	journal_unlock(journal);
	free_slots(run, slots, count);
}

void run_free(mlm_run *run)
{
	const mlm_allocator *allocator = &run->manager->allocator;
	free_slots(run, run->slots, run->slot_count);
	metric_handles_free(run);
	for (size_t i = 0; i < run->timer_count; i++)
		memory_free(allocator, run->timers[i].name);
	memory_free(allocator, run->timers);
	run_free_remembered(run);
	memory_free(allocator, run->name);
	memory_free(allocator, run->artifact_uri);
	memory_free(allocator, run);
}

/* ---- metrics ---- */

mlm_status run_check_open(const mlm_run *run, mlm_error *err)
{
	if (atomic_load_explicit(&run->is_open, memory_order_relaxed))
		return MLM_OK;
	if (atomic_load(&run->manager->closed) || !fork_guard_is_owner(run->manager->guard))
		return manager_refusal(run->manager, err);
	return error_set(err, MLM_ESTATE, "run",
		"run %s has ended; take it up again with set_active_run to add to it", run->id);
}

/* The series of a key whose next step only the store knows. */
static struct journal_series *find_stepless(mlm_run *run, const char *key, size_t size)
{
	journal_lock(run->manager->journal);
	struct journal_series *series = run_find_series(run, key, size);
	if (series && series->next_step_known)
		series = NULL;
	journal_unlock(run->manager->journal);
	return series;
}

/* Everything that log_metric does but rarely: a new key, a step that only the store knows. */
mlm_status run_prepare_series(
	mlm_run *run, const char *key, size_t size, bool needs_step, mlm_error *err)
{
	mlm_manager *manager = run->manager;
	mlm_status status = run_check_open(run, err);
	if (status == MLM_OK)
		status = add_series(run, key, size, err);
	if (status != MLM_OK || !needs_step || !find_stepless(run, key, size))
		return status;
	status = manager_enter(manager, err);
	if (status != MLM_OK)
		return status;
	struct journal_series *series = find_stepless(run, key, size);
	if (series)
		status = learn_step(run, series, err);
	manager_leave(manager);
	return status;
}

static inline mlm_status append(mlm_run *run, const char *key, size_t size, uint64_t hash,
	double value, int64_t step, int64_t time_ms, bool *prepare_out, mlm_error *err)
{
	struct journal_series *series = find_series(run, key, size, hash);
	*prepare_out = !series || (step == MLM_STEP_NEXT && !series->next_step_known);
	if (*prepare_out)
		return MLM_OK;
	return journal_append_locked(run->manager->journal, series, value, step, time_ms, err);
}

static mlm_status log_one(mlm_run *run, const char *key, size_t size, double value, int64_t step,
	int64_t time_ms, mlm_error *err)
{
	struct journal *journal = run->manager->journal;
	uint64_t hash = hash_key(key, size);
	for (;;) {
		bool needs_prepare = false;
		journal_lock(journal);
		mlm_status status;
		if (!atomic_load_explicit(&run->is_open, memory_order_relaxed))
			status = run_check_open(run, err);
		else
			status = append(
				run, key, size, hash, value, step, time_ms, &needs_prepare, err);
		journal_unlock(journal);
		if (!needs_prepare)
			return status;
		status = run_prepare_series(run, key, size, step == MLM_STEP_NEXT, err);
		if (status != MLM_OK)
			return status;
	}
}

/* MLflow takes none before 1970 either. */
mlm_status run_refuse_time(const char *key, size_t size, int64_t timestamp_ms, mlm_error *err)
{
	return error_set(err, MLM_EINVAL, "limits",
		"the timestamp of metric '%.*s' is %lld; it must be 0 or more milliseconds since "
		"1970",
		size > 80 ? 80 : (int)size, key ? key : "", (long long)timestamp_ms);
}

mlm_status mlm_run_log_metric(mlm_run *run, const char *key, size_t key_size, double value,
	int64_t step, int64_t timestamp_ms, mlm_error *err)
{
	if (__builtin_expect(!run, 0))
		return run_check(run, err);
	/* A child finds the lock as some thread of the parent left it. */
	if (!fork_guard_is_owner(run->manager->guard) ||
		!atomic_load_explicit(&run->is_open, memory_order_relaxed))
		return run_check_open(run, err) == MLM_OK ? manager_refusal(run->manager, err)
							  : MLM_ESTATE;
	if (key_size == 0 && key)
		key_size = strlen(key);
	if (timestamp_ms < 0) {
		if (timestamp_ms != MLM_TIME_NOW)
			return run_refuse_time(key, key_size, timestamp_ms, err);
		timestamp_ms = clock_now_ms();
	}
	return log_one(run, key, key_size, value, step, timestamp_ms, err);
}

static size_t size_of_key(const mlm_metric *metric)
{
	return metric->key_size ? metric->key_size : metric->key ? strlen(metric->key) : 0;
}

static mlm_status check_metrics(
	mlm_run *run, const mlm_metric *metrics, size_t count, mlm_error *err)
{
	for (size_t i = 0; i < count; i++) {
		size_t size = size_of_key(&metrics[i]);
		int64_t time_ms = metrics[i].timestamp_ms;
		if (time_ms < 0 && time_ms != MLM_TIME_NOW)
			return run_refuse_time(metrics[i].key, size, time_ms, err);
		uint64_t hash = hash_key(metrics[i].key, size);
		journal_lock(run->manager->journal);
		bool known = find_series(run, metrics[i].key, size, hash) != NULL;
		journal_unlock(run->manager->journal);
		if (known)
			continue;
		mlm_status status = limits_check_key(metrics[i].key, size, "metric key", err);
		if (status != MLM_OK)
			return status;
	}
	return MLM_OK;
}

/* The quick way of a whole frame: all keys are looked up under one lock, then all points written.
 * False, with nothing written, when a key needs more than that. */
static bool log_known(mlm_run *run, const mlm_metric *metrics, size_t count, int64_t now_ms,
	mlm_status *status_out, mlm_error *err)
{
	struct journal_series *series[FRAME_METRICS];
	struct journal *journal = run->manager->journal;
	if (count > FRAME_METRICS)
		return false;
	*status_out = MLM_OK;
	journal_lock(journal);
	if (!atomic_load_explicit(&run->is_open, memory_order_relaxed)) {
		journal_unlock(journal);
		return false;
	}
	for (size_t i = 0; i < count; i++) {
		size_t size = size_of_key(&metrics[i]);
		series[i] = find_series(run, metrics[i].key, size, hash_key(metrics[i].key, size));
		bool is_timely =
			metrics[i].timestamp_ms >= 0 || metrics[i].timestamp_ms == MLM_TIME_NOW;
		if (!series[i] || !is_timely ||
			(metrics[i].step == MLM_STEP_NEXT && !series[i]->next_step_known)) {
			journal_unlock(journal);
			return false;
		}
	}
	for (size_t i = 0; i < count && *status_out == MLM_OK; i++) {
		int64_t time_ms = metrics[i].timestamp_ms;
		*status_out = journal_append_locked(journal, series[i], metrics[i].value,
			metrics[i].step, time_ms == MLM_TIME_NOW ? now_ms : time_ms, err);
	}
	journal_unlock(journal);
	return true;
}

mlm_status mlm_run_log_metrics(
	mlm_run *run, const mlm_metric *metrics, size_t count, mlm_error *err)
{
	mlm_status status = run_check(run, err);
	if (status == MLM_OK)
		status = run_check_open(run, err);
	if (status != MLM_OK || count == 0)
		return status;
	if (!metrics)
		return error_set_null(err, "run", "metrics");
	int64_t now_ms = clock_now_ms();
	if (log_known(run, metrics, count, now_ms, &status, err))
		return status;
	status = check_metrics(run, metrics, count, err);
	for (size_t i = 0; i < count && status == MLM_OK; i++) {
		int64_t time_ms = metrics[i].timestamp_ms;
		status = log_one(run, metrics[i].key, size_of_key(&metrics[i]), metrics[i].value,
			metrics[i].step, time_ms == MLM_TIME_NOW ? now_ms : time_ms, err);
	}
	return status;
}

/* ---- params and tags ---- */

mlm_status run_log_texts_inside(mlm_run *run, const mlm_text *params, size_t param_count,
	const mlm_text *tags, size_t tag_count, mlm_error *err)
{
	mlm_status status = run_check_open(run, err);
	if (status != MLM_OK || (param_count == 0 && tag_count == 0))
		return status;
	return run->manager->ops->log_texts(
		run->manager->store, run->id, params, param_count, tags, tag_count, err);
}

mlm_status mlm_run_log_batch(mlm_run *run, const mlm_metric *metrics, size_t metric_count,
	const mlm_text *params, size_t param_count, const mlm_text *tags, size_t tag_count,
	mlm_error *err)
{
	const mlm_text *checked_params = NULL;
	const mlm_text *checked_tags = NULL;
	if ((!metrics && metric_count) || (!params && param_count) || (!tags && tag_count))
		return error_set_null(err, "run",
			!metrics && metric_count ? "metrics"
			: !params && param_count ? "params"
						 : "tags");
	mlm_status status = run_check(run, err);
	if (status != MLM_OK)
		return status;
	struct arena *arena = arena_new(&run->manager->allocator);
	if (!arena)
		return error_set(err, MLM_ENOMEM, "run", "memory ran out");
	status = run_enter(run, err);
	if (status != MLM_OK) {
		arena_free(arena);
		return status;
	}
	status = run_check_open(run, err);
	if (status == MLM_OK)
		status = limits_check_texts(params, param_count, MLM_PARAM_VALUE_MAX, "param",
			arena, &checked_params, err);
	if (status == MLM_OK)
		status = limits_check_texts(
			tags, tag_count, MLM_TAG_VALUE_MAX, "tag", arena, &checked_tags, err);
	if (status == MLM_OK)
		status = check_metrics(run, metrics, metric_count, err);
	if (status == MLM_OK)
		status = timer_check_names(run, params, param_count, err);
	if (status == MLM_OK)
		status = run_log_texts_inside(
			run, checked_params, param_count, checked_tags, tag_count, err);
	manager_leave(run->manager);
	if (status == MLM_OK && metric_count)
		status = mlm_run_log_metrics(run, metrics, metric_count, err);
	arena_free(arena);
	return status;
}

mlm_status mlm_run_log_params(mlm_run *run, const mlm_text *params, size_t count, mlm_error *err)
{
	return mlm_run_log_batch(run, NULL, 0, params, count, NULL, 0, err);
}

mlm_status mlm_run_set_tags(mlm_run *run, const mlm_text *tags, size_t count, mlm_error *err)
{
	return mlm_run_log_batch(run, NULL, 0, NULL, 0, tags, count, err);
}

mlm_status mlm_run_delete_tag(mlm_run *run, const char *key, mlm_error *err)
{
	if (!key)
		return error_set_null(err, "run", "key");
	mlm_status status = run_enter(run, err);
	if (status != MLM_OK)
		return status;
	status = run_check_open(run, err);
	if (status == MLM_OK)
		status = run->manager->ops->delete_tag(run->manager->store, run->id, key, err);
	manager_leave(run->manager);
	return status;
}
