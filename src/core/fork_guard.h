/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_FORK_GUARD_H
#define CORE_FORK_GUARD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "mlmanager/error.h"

/*
 * A page that reads as zero in a forked child (MADV_WIPEONFORK): the child has none of our threads
 * and shares our files, so its handles must do nothing. The journal's append limit lives here too,
 * so that the hot path learns of a fork by the comparison it makes anyway.
 */
struct fork_guard {
	_Atomic uint64_t append_limit; /* journal positions below it may be written without ado */
	_Atomic uint32_t alive;
};

mlm_status fork_guard_new(struct fork_guard **guard_out, mlm_error *err);
/** NULL is a no-op. */
void fork_guard_free(struct fork_guard *guard);

/** False in a child that was forked after the guard was made. */
static inline bool fork_guard_is_owner(struct fork_guard *guard)
{
	return atomic_load_explicit(&guard->alive, memory_order_relaxed) != 0;
}

#endif
