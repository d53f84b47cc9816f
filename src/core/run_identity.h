/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_RUN_IDENTITY_H
#define CORE_RUN_IDENTITY_H

#include "mlmanager/allocator.h"
#include "mlmanager/error.h"

/* Which run of a store is the one that has a certain id elsewhere. */
struct run_identity;

/** NULL when memory ran out. The allocator outlives it. */
struct run_identity *run_identity_new(const mlm_allocator *allocator);
/** NULL is a no-op. */
void run_identity_free(struct run_identity *identity);

/** From now on the run with the id there is the one with the id here. What is too long
 * for an id is passed over. Errors: ENOMEM. */
mlm_status run_identity_add(
	struct run_identity *identity, const char *there, const char *here, mlm_error *err);

/** NULL when it is not known. Borrowed as long as it lives. */
const char *run_identity_find(const struct run_identity *identity, const char *there);

#endif
