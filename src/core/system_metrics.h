/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_SYSTEM_METRICS_H
#define CORE_SYSTEM_METRICS_H

#include <stddef.h>
#include <stdint.h>

#include "mlmanager/metric.h"

#define SYSTEM_METRICS_COUNT_MAX 8

/* Samples cpu, memory, disk and network on a thread of its own, under MLflow's names:
 * system/cpu_utilization_percentage, system/system_memory_usage_megabytes,
 * system/system_memory_usage_percentage, system/disk_usage_percentage, system/disk_usage_megabytes,
 * system/disk_available_megabytes, system/network_receive_megabytes and
 * system/network_transmit_megabytes. A megabyte is 10^6 bytes; network counts from the start. */
struct system_metrics;

/**
 * Takes metrics[0..count), count at most SYSTEM_METRICS_COUNT_MAX: the means over the samples since
 * the last call, of one timestamp, step MLM_STEP_NEXT. Called on the sampler's thread, without any
 * lock held; may take its time and must not call system_metrics_stop().
 */
typedef void (*system_metrics_fn)(void *payload, const mlm_metric *metrics, size_t count);

struct system_metrics_options {
	uint32_t interval_ms; /* between samples */
	uint32_t samples_before_logging;
	const char *node_id; /* NULL or "": none; otherwise the keys begin "system/<node_id>/" */
	const char *disk_path; /* a path on the file system to watch */
	system_metrics_fn log;
	void *payload;
	const mlm_allocator *allocator; /* outlives the sampling; NULL: malloc() and free() */
};

/**
 * Fills *options_out with MLflow's defaults (every 10 s, each sample logged, disk "/"), changed by
 * MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL (seconds), MLFLOW_SYSTEM_METRICS_SAMPLES_BEFORE_LOGGING
 * and MLFLOW_SYSTEM_METRICS_NODE_ID; log and payload are NULL.
 *
 * Errors:  EINVAL (a variable is not a number above 0).
 */
mlm_status system_metrics_defaults(struct system_metrics_options *options_out, mlm_error *err);

/**
 * Starts sampling; the first sample is taken after one interval.
 *
 * Errors:  EINVAL (an interval or count of 0, a node_id that makes keys too long), ENOMEM, EAGAIN
 *          (no thread).
 * Owns:    *metrics_out is the caller's: system_metrics_stop(). Strings are copied.
 * Threads: the new thread has all signals blocked, so handlers run where they did before.
 */
mlm_status system_metrics_start(const struct system_metrics_options *options,
	struct system_metrics **metrics_out, mlm_error *err);

/**
 * Stops at once, without waiting for the interval, and frees; a log call that is on its way is
 * waited for. NULL is a no-op. In a forked child, which has no such thread, it only frees.
 */
void system_metrics_stop(struct system_metrics *metrics);

#endif
