/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_DRAIN_H
#define CORE_DRAIN_H

/* Turns a journal's records into batches for a store: collects points, sorts them into key order,
 * hands them over with the watermark. The flusher drains its own process's journal, adoption those
 * that dead processes left. */

#include "base/arena.h"
#include "core/journal_reader.h"
#include "store/store.h"

#define DRAIN_POINTS_MAX 65536u /* in one transaction, which others wait for: about 0.1 s */

struct drain_series {
	const char *run_id;
	const char *key;
	int64_t last_ms; /* time of its latest point */
	uint32_t id; /* the journal's */
	uint32_t defined_in; /* the last segment that says what id means */
	uint32_t rank; /* place in the batch's series; valid while in_batch */
	bool in_batch;
};

struct drain_run {
	char run_id[JOURNAL_ID_HEX + 1];
	int64_t seen_ms; /* when it was last said to be open */
	int64_t last_ms; /* of its points in series that are forgotten */
};

struct drain {
	struct journal_reader reader; /* whose allocator is the drain's */
	/* Each segment says again what its ids mean, so the series of past ones are forgotten. */
	struct arena *texts; /* run ids and keys */
	struct drain_series *series;
	uint32_t series_count;
	uint32_t series_capacity;
	uint32_t *slots; /* place in series plus one, by id; twice series_capacity */
	uint32_t tidied_in; /* the segment in which old series were last forgotten */
	struct store_point *points; /* as read; series is a place in series */
	struct store_point *sorted; /* as applied; series is the rank */
	size_t point_count;
	size_t points_max; /* of a batch; DRAIN_POINTS_MAX unless the store takes fewer */
	uint32_t *batch_ids; /* places of the series in the batch */
	struct store_series *batch_series;
	uint32_t *starts; /* first point of each series in sorted */
	size_t batch_capacity;
	size_t batch_count;
	struct drain_run *open_runs;
	size_t open_run_count;
	size_t open_run_capacity;
	uint64_t skip_below; /* points before this position are in the store already */
};

/** Errors: EINVAL, ENOMEM. directory_fd and allocator are borrowed. */
mlm_status drain_open(struct drain *drain, int directory_fd, const char *journal_id_hex,
	const mlm_allocator *allocator, mlm_error *err);
void drain_close(struct drain *drain);

/** Makes the batches what the store takes. */
void drain_fit(struct drain *drain, const struct store_ops *ops);

/**
 * Reads records below limit until the batch is full or there are no more. *more_out tells that the
 * batch filled up first.
 *
 * Errors: ECORRUPT (damage; what was read before it is in the batch), EIO, ENOMEM.
 */
mlm_status drain_collect(struct drain *drain, uint64_t limit, bool *more_out, mlm_error *err);

/** Puts the batch into the store, with the runs to mark as killed if there are any, and empties it.
 * Errors: those of the store's apply(); the batch then stays for another try. */
mlm_status drain_apply(struct drain *drain, struct store *store,
	const struct store_killed_run *killed, size_t killed_count, store_refused_fn refused,
	void *payload, mlm_error *err);

/** Time of the latest record of a run, its opening included. */
int64_t drain_run_last_ms(const struct drain *drain, const struct drain_run *run);

#endif
