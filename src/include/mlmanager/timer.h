/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLMANAGER_TIMER_H
#define MLMANAGER_TIMER_H

#include "mlmanager/run.h"

#ifdef __cplusplus
extern "C" {
#endif

#define MLM_TIMERS_MAX 1000 /* running timers of one run */

typedef enum mlm_timer_as {
	MLM_TIMER_AS_PARAM = 0, /* logged once, as "<milliseconds> ms" */
	MLM_TIMER_AS_METRIC = 1, /* logged as a number of milliseconds; may be started again */
} mlm_timer_as;

/**
 * Starts a timer of the run, to be logged under name when it is stopped or the run ends.
 *
 * Errors:  EINVAL (name), EEXISTS (it is running, or the run already has a param of that name),
 *          ESTATE (run ended), EFULL (MLM_TIMERS_MAX).
 */
MLM_EXPORT mlm_status mlm_timer_start(
	mlm_run *run, const char *name, mlm_timer_as as, mlm_error *err);

/**
 * Stops every running timer of the run and logs each one's wall time.
 *
 * Units:   *total_ms_out in milliseconds, from the earliest start among them to now.
 * Errors:  ESTATE (no timer runs, or the run has ended); those of logging a param or a metric: the
 *          timers then go on.
 */
MLM_EXPORT mlm_status mlm_timer_log_and_stop(mlm_run *run, double *total_ms_out, mlm_error *err);

/** As mlm_timer_log_and_stop() for the one called name. Errors: ENOTFOUND (it does not run). */
MLM_EXPORT mlm_status mlm_timer_stop(
	mlm_run *run, const char *name, double *elapsed_ms_out, mlm_error *err);

#ifdef __cplusplus
}
#endif
#endif
