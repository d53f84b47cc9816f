/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_FLUSHER_H
#define CORE_FLUSHER_H

/* One background thread that drains this process's journal into the store, over a connection of its
 * own. A store that is busy or full only makes the journal longer. The thread also sends what waits
 * for a store that was away. */

#include "core/journal.h"
#include "store/store.h"

struct flusher;

struct flusher_options {
	struct journal *journal; /* outlives the flusher */
	const struct store_ops *ops;
	struct store_options store; /* strings are borrowed for the flusher's life */
	/* Called for each series that the store refused, on the flusher's thread or in
	 * flusher_wait(). */
	store_refused_fn refused;
	/* Told of what waited for a store that was away, on the flusher's thread; NULL: nobody. */
	store_delivery_fn delivered;
	void *payload;
};

/** Errors: EIO, ENOMEM. Owns: *flusher_out goes to flusher_close(). */
mlm_status flusher_open(
	const struct flusher_options *options, struct flusher **flusher_out, mlm_error *err);

/**
 * Waits until all records below position are in the store. A handful of records that the thread
 * has not begun with is written here and now, through store, which is the caller's for that long.
 *
 * Errors: ETIMEOUT; EFULL, EIO or ECORRUPT when an attempt made after the call failed so. The
 *         records stay in the journal and are tried again.
 */
mlm_status flusher_wait(struct flusher *flusher, struct store *store, uint64_t position,
	uint32_t timeout_ms, mlm_error *err);

/**
 * Waits until nothing waits any more for a store that was away.
 *
 * Errors: ETIMEOUT, with the reason why something still does.
 */
mlm_status flusher_wait_delivered(struct flusher *flusher, uint32_t timeout_ms, mlm_error *err);

/** Stops the thread after what it is doing; what is not drained stays in the journal. NULL is a
 * no-op. In a forked child there is no thread, and nothing is waited for. */
void flusher_close(struct flusher *flusher, bool is_owner);

#endif
