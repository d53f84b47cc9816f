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
};

/** Waits as long as another holds the lock, which the transfer's caller is told of and may end; the
 * place outlives the lock. transfer_lock_release() in either case. Errors: ESTATE (the caller wants
 * no more), EIO, ENOMEM. */
mlm_status transfer_lock_take(struct transfer_lock *lock, struct run_transfer *transfer,
	const struct store_place *place, mlm_error *err);
/** One that was never taken, { 0 }, is a no-op. */
void transfer_lock_release(struct transfer_lock *lock);

#endif
