/* SPDX-License-Identifier: Apache-2.0 */
#include "core/manager.h"

/* Keeps metrics_out sorted by age of the series, the oldest capacity of those seen so far. */
static void insert(const struct journal_series *series, uint32_t *ids, mlm_metric *metrics_out,
	size_t count, size_t capacity)
{
	size_t at = count < capacity ? count : capacity;
	while (at > 0 && ids[at - 1] > series->id)
		at--;
	if (at == capacity)
		return;
	for (size_t i = count < capacity ? count : capacity - 1; i > at; i--) {
		ids[i] = ids[i - 1];
		metrics_out[i] = metrics_out[i - 1];
	}
	ids[at] = series->id;
	metrics_out[at] = (mlm_metric){
		.key = series->key,
		.key_size = series->key_size,
		.value = series->latest,
		.step = MLM_STEP_NEXT,
		.timestamp_ms = MLM_TIME_NOW,
	};
}

#define CAPACITY_MAX 64u /* no display has room for more, and the ids stay on the stack */

size_t mlm_run_latest_metrics(mlm_run *run, mlm_metric *metrics_out, size_t capacity)
{
	uint32_t ids[CAPACITY_MAX];
	size_t count = 0;
	if (capacity > CAPACITY_MAX)
		capacity = CAPACITY_MAX;
	if (!run || !fork_guard_is_owner(run->manager->guard) || !atomic_load(&run->is_open))
		return 0;
	struct journal *journal = run->manager->journal;
	journal_lock(journal);
	for (size_t i = 0; i < run->slot_count; i++) {
		const struct journal_series *series = run->slots[i].series;
		if (series && series->defined_in)
			insert(series, ids, metrics_out, count++, capacity);
	}
	journal_unlock(journal);
	return count;
}
