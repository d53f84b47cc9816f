/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_TRANSFER_MAKE_H
#define CORE_TRANSFER_MAKE_H

#include "core/transfer.h"
#include "core/transfer_lock.h"

/** As create_run() of the store, and where that names runs itself, once: what it was asked by a
 * transfer that was killed, or did not answer, is looked for as long as it may come yet. Errors:
 * those of create_run(), ESTATE (the caller of the transfer wants no more). */
mlm_status transfer_make_run(struct store *store, const struct store_new_run *run,
	struct run_transfer *transfer, struct transfer_lock *lock, char id_out[MLM_ID_SIZE],
	mlm_error *err);

#endif
