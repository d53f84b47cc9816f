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

/* What a metric came to in one run. A key that the run never logged has count 0. */
typedef struct mlm_metric_summary {
	uint64_t count; /* of all points */
	uint64_t nan_count; /* of those that are NaN; where all are, min and max are 0 */
	double min;
	int64_t min_step; /* the least step at which it was that */
	double max;
	int64_t max_step;
	double last; /* the latest value as MLflow tells it: of the greatest step */
	int64_t last_step;
} mlm_metric_summary;

/**
 * Reads what one metric of one run came to, whose memory does not grow with its history.
 *
 * Errors:  EIO, EAGAIN (a server that is away), ENOMEM. An unknown run has count 0.
 * Cost:    reads every point where the store keeps them; a tracking server has no such call, and
 *          sends them all.
 */
MLM_EXPORT mlm_status mlm_metric_summary_get(mlm_manager *manager, const char *run_id,
	const char *key, mlm_metric_summary *summary_out, mlm_error *err);

#ifdef __cplusplus
}
#endif
#endif
