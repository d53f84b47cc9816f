/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_ANSWER_H
#define STORE_ANSWER_H

/*
 * How the answers of a store are owned: the list itself, its items and their strings lie in one
 * arena, which is the list's `memory`; whoever got the list frees that arena.
 */

#include "base/arena.h"
#include "store/store.h"

/** An empty list in an arena of its own, which is the list's memory. NULL when memory ran out. */
mlm_run_list *answer_run_list(const mlm_allocator *allocator);
mlm_experiment_list *answer_experiment_list(const mlm_allocator *allocator);
mlm_metric_history *answer_history(const mlm_allocator *allocator);
/** Makes an empty history one of these points. False when memory ran out. */
bool answer_fill_history(
	mlm_metric_history *history, const struct store_point *points, size_t count);

/** Sorts by key, as records keep them. */
void answer_sort_texts(mlm_text *texts, size_t count);
void answer_sort_metrics(mlm_metric *metrics, size_t count);

#endif
