/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLMANAGER_METRIC_HANDLE_H
#define MLMANAGER_METRIC_HANDLE_H

#include "mlmanager/run.h"

#ifdef __cplusplus
extern "C" {
#endif

/* One metric of one run, for loops that log it at every turn: what mlm_run_log_metric() does with
 * the key is done once. Belongs to the run: it can be passed until mlm_manager_free(). */
typedef struct mlm_metric_handle mlm_metric_handle;

/**
 * Gets the handle of a key of the run, the same one each time; logs nothing. key_size 0: up to
 * key's NUL.
 *
 * Errors:  EINVAL (key), ESTATE (run ended, manager closed, forked child), ENOMEM; for a run that
 *          was taken up, those of mlm_manager_flush().
 * Cost:    allocates for a new key; for a run that was taken up, waits for the store, which knows
 *          its greatest step, unless that is a tracking server. To be called before the loop.
 */
MLM_EXPORT mlm_status mlm_metric_handle_get(mlm_run *run, const char *key, size_t key_size,
	mlm_metric_handle **handle_out, mlm_error *err);

/**
 * Appends one point, as mlm_run_log_metric() does. A handle of a run that has ended works again
 * once the run is taken up.
 *
 * Errors:  EINVAL (timestamp_ms), ESTATE (run ended, manager closed, forked child), EFULL (journal
 *          or disk), EIO.
 * Threads: any number at once.
 * Cost:    no system call, no allocation, no wait for a background thread; about 20 ns, and 25
 *          more for the clock with MLM_TIME_NOW. All points of a frame may share one timestamp_ms.
 */
MLM_EXPORT mlm_status mlm_metric_handle_log(mlm_metric_handle *handle, double value, int64_t step,
	int64_t timestamp_ms, mlm_error *err);

/** Its key, NUL-ended; "" for NULL. Lives as long as the manager. */
MLM_EXPORT const char *mlm_metric_handle_key(const mlm_metric_handle *handle);

#ifdef __cplusplus
}
#endif
#endif
