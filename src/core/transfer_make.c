/* SPDX-License-Identifier: Apache-2.0 */
#include "core/transfer_make.h"

#include <time.h>

#define ASKED_TIMES_MAX 3
#define LOOK_AGAIN_MS   200

static mlm_status wait_a_little(struct run_transfer *transfer, mlm_error *err)
{
	static const struct timespec pause = { .tv_nsec = LOOK_AGAIN_MS * 1000000 };
	nanosleep(&pause, NULL);
	return run_transfer_report(transfer, MLM_TRANSFER_PROGRESS,
		"waiting whether the server has made a run that it was asked for", err);
}

mlm_status transfer_make_run(struct store *store, const struct store_new_run *run,
	struct run_transfer *transfer, struct transfer_lock *lock, char id_out[MLM_ID_SIZE],
	mlm_error *err)
{
	struct store_new_run made = *run;
	unsigned asked = 0;
	if (!store->ops->is_remote)
		return store->ops->create_run(store, run, id_out, err);
	for (;;) {
		made.only_finds = transfer_lock_is_unsettled(lock, run->run_id);
		mlm_status status =
			made.only_finds ? MLM_OK : transfer_lock_ask(lock, run->run_id, err);
		if (status != MLM_OK)
			return status;
		status = store->ops->create_run(store, &made, id_out, err);
		asked += !made.only_finds;
		bool is_unknown = status == MLM_OK && !id_out[0];
		bool is_unheard = status == MLM_ETIMEOUT && !made.only_finds;
		/* From now on: the request may have been sent late. */
		if (is_unheard && transfer_lock_ask(lock, run->run_id, NULL) != MLM_OK)
			return status;
		if (is_unheard && asked == ASKED_TIMES_MAX)
			return status;
		if (!is_unknown && !is_unheard) {
			if (status == MLM_OK || !made.only_finds)
				transfer_lock_answered(lock);
			return status;
		}
		status = wait_a_little(transfer, err);
		if (status != MLM_OK)
			return status;
	}
}
