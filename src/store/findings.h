/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_FINDINGS_H
#define STORE_FINDINGS_H

#include "store/store.h"

/* What a check finds, told once, when it is known whether it has been repaired: a repair counts
 * only with the end of its transaction. */
struct findings {
	struct arena *arena;
	struct finding *first, *last;
	size_t of_check; /* since findings_next() */
	size_t left_out; /* of the same check */
	bool is_mended; /* so are those of the check under way */
	bool out_of_memory;
};

/** findings_end() in either case. Errors: ENOMEM. */
mlm_status findings_begin(
	struct findings *findings, const mlm_allocator *allocator, mlm_error *err);

/** Forgets all, for a transaction that begins anew. */
void findings_forget(struct findings *findings);

/** Begins with the next check. is_mended: what it finds is repaired in this transaction. */
void findings_next(struct findings *findings, bool is_mended);

/** One of the check: both parts together. A broken store gives thousands that say the same, so only
 * the first are kept, and the others counted. */
void findings_add(struct findings *findings, const char *before, const char *text);

/** Tells of all once the transaction has ended with status; repairs count where that is MLM_OK.
 * Returns it, or ENOMEM when findings are missing. */
mlm_status findings_end(struct findings *findings, mlm_status status, mlm_doctor_fn report,
	void *payload, mlm_error *err);

#endif
