/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLMANAGER_METRIC_H
#define MLMANAGER_METRIC_H

#include "mlmanager/manager.h"

#ifdef __cplusplus
extern "C" {
#endif

#define MLM_KEY_MAX         250 /* characters of a metric, param or tag key */
#define MLM_PARAM_VALUE_MAX 6000 /* characters */
#define MLM_TAG_VALUE_MAX   8000 /* characters */

#define MLM_STEP_NEXT INT64_MIN /* the key's greatest step in this run plus one; 0 for the first */
#define MLM_TIME_NOW  INT64_MIN

typedef struct mlm_metric {
	const char *key; /* 1..MLM_KEY_MAX characters: letters, digits, _ - . : / and space */
	size_t key_size; /* bytes of key; 0: up to its NUL */
	double value; /* NaN and infinities are stored as MLflow stores them */
	int64_t step; /* or MLM_STEP_NEXT */
	int64_t timestamp_ms; /* UTC milliseconds since 1970, 0 or more, or MLM_TIME_NOW */
} mlm_metric;

/* A metric's whole history in columns, ordered by (timestamp, step, value) as MLflow orders it. */
typedef struct mlm_metric_history {
	size_t count;
	const int64_t *steps;
	const int64_t *timestamps_ms;
	const double *values; /* NaN where one was logged */
	void *memory;
} mlm_metric_history;

/**
 * Reads every point of one metric of one run. A run that never logged the key has count 0.
 *
 * Errors:  ENOTFOUND (run), EIO, ENOMEM (24 bytes a point are needed).
 * Owns:    free *history_out with mlm_metric_history_free().
 */
MLM_EXPORT mlm_status mlm_metric_history_get(mlm_manager *manager, const char *run_id,
	const char *key, mlm_metric_history **history_out, mlm_error *err);

/** NULL is a no-op. */
MLM_EXPORT void mlm_metric_history_free(mlm_metric_history *history);

#ifdef __cplusplus
}
#endif
#endif
