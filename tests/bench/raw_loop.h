/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_RAW_LOOP_H
#define BENCH_RAW_LOOP_H

/* What a good hand-written SQLite loop makes of the same points: batches sorted into the order of
 * the table's key, one transaction a batch, several rows a statement, the latest value of each
 * series folded in once a batch. */

#include <sqlite3.h>
#include <stddef.h>
#include <stdint.h>

struct raw_settings {
	size_t batch; /* points in a transaction */
	size_t rows; /* in one INSERT; 1..RAW_ROWS_MAX */
	int checkpoint_pages; /* wal_autocheckpoint */
	const char *name; /* for the table */
};

#define RAW_ROWS_MAX 64

/* Several to choose the best of: which it is depends on the disk and the caches. */
extern const struct raw_settings raw_settings_all[];
extern const size_t raw_settings_count;

struct raw_loop;

/** Prepares the statements on the store at path, for runs that are in it. */
struct raw_loop *raw_loop_open(const char *path, const struct raw_settings *settings,
	const char (*run_ids)[64], size_t run_count);
/** Writes steps 0..steps of every key of every run, in the order in which a
 * training loop logs them. All is committed on return. */
void raw_loop_write(struct raw_loop *loop, size_t steps);
void raw_loop_close(struct raw_loop *loop);

#endif
