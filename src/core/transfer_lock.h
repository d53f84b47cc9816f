/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_TRANSFER_LOCK_H
#define CORE_TRANSFER_LOCK_H

#include "core/store_uri.h"
#include "core/transfer.h"

/* Of the programs of this machine, one at a time puts runs into a store: two that look for a run
 * before they make it would make it twice where the store gives it an id. */
struct transfer_lock {
	const char *directory; /* the place's; NULL: never taken */
	const mlm_allocator *allocator;
	char *path;
	int fd; /* -1: not held */
	struct {
		int64_t since_ms;
		char run_id[MLM_ID_SIZE]; /* "": none is */
	} asked; /* which run the store was asked to make and has not answered; in the file */
};

/** Waits as long as another holds the lock, which the transfer's caller is told of and may end; the
 * place outlives the lock. transfer_lock_release() in either case. Errors: ESTATE (the caller wants
 * no more), EIO, ENOMEM. */
mlm_status transfer_lock_take(struct transfer_lock *lock, struct run_transfer *transfer,
	const struct store_place *place, mlm_error *err);
/** Before a store is asked to make a run: who takes the lock after a kill shall know of it. Errors:
 * EIO. */
mlm_status transfer_lock_ask(struct transfer_lock *lock, const char *run_id, mlm_error *err);
/** The store has answered. */
void transfer_lock_answered(struct transfer_lock *lock);
/** True while what the store was asked may come yet, so that the run is only to be looked for. */
bool transfer_lock_is_unsettled(const struct transfer_lock *lock, const char *run_id);
/** One that was never taken, { 0 }, is a no-op. */
void transfer_lock_release(struct transfer_lock *lock);

#endif
