/* SPDX-License-Identifier: Apache-2.0 */
#include "core/system_metrics.h"

#include <assert.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/decimal.h"
#include "base/error.h"
#include "base/memory.h"
#include "core/background_thread.h"
#include "core/system_sample.h"

#define INTERVAL_MS_DEFAULT 10000u
#define INTERVAL_MS_MAX     (24u * 3600u * 1000u)
#define SAMPLES_MAX         1000000u
#define MEGABYTE            1e6
#define KEY_SIZE            (MLM_KEY_MAX + 1)

enum metric {
	CPU_PERCENT,
	MEMORY_MEGABYTES,
	MEMORY_PERCENT,
	DISK_PERCENT,
	DISK_MEGABYTES,
	DISK_AVAILABLE_MEGABYTES,
	NETWORK_RECEIVED,
	NETWORK_SENT,
	METRICS,
};
_Static_assert(METRICS == SYSTEM_METRICS_COUNT_MAX, "the header promises the size");

static const char *const metric_names[METRICS] = {
	[CPU_PERCENT] = "cpu_utilization_percentage",
	[MEMORY_MEGABYTES] = "system_memory_usage_megabytes",
	[MEMORY_PERCENT] = "system_memory_usage_percentage",
	[DISK_PERCENT] = "disk_usage_percentage",
	[DISK_MEGABYTES] = "disk_usage_megabytes",
	[DISK_AVAILABLE_MEGABYTES] = "disk_available_megabytes",
	[NETWORK_RECEIVED] = "network_receive_megabytes",
	[NETWORK_SENT] = "network_transmit_megabytes",
};

struct system_metrics {
	struct system_metrics_options options; /* its strings are not kept here */
	char disk_path[4096];
	char keys[METRICS][KEY_SIZE];
	pid_t pid; /* who started the thread; a forked child has none */
	pthread_t thread;
	pthread_mutex_t mutex; /* guards stopping */
	pthread_cond_t changed;
	bool stopping;
	/* From here on the thread's own. */
	struct system_cpu cpu_before;
	struct system_network network_start;
	bool has_network_start;
	double sums[METRICS];
	uint32_t counts[METRICS]; /* 0: the kernel did not give it */
};

/* MLflow rounds to one decimal as Python does: to the nearest of the exact value. */
static double round_tenth(double value)
{
	char text[400];
	snprintf(text, sizeof(text), "%.1f", value);
	return strtod(text, NULL);
}

static void add(struct system_metrics *metrics, enum metric metric, double value)
{
	metrics->sums[metric] += value;
	metrics->counts[metric]++;
}

static void set(struct system_metrics *metrics, enum metric metric, double value)
{
	metrics->sums[metric] = value;
	metrics->counts[metric] = 1;
}

static double megabytes_since(uint64_t start_bytes, uint64_t now_bytes)
{
	/* An interface that went away takes its count along. */
	return now_bytes > start_bytes ? (double)(now_bytes - start_bytes) / MEGABYTE : 0;
}

static void sample(struct system_metrics *metrics)
{
	struct system_cpu cpu;
	if (system_sample_cpu(&cpu)) {
		double percent = system_sample_cpu_percent(&metrics->cpu_before, &cpu);
		add(metrics, CPU_PERCENT, round_tenth(percent));
		metrics->cpu_before = cpu;
	}
	struct system_memory memory;
	if (system_sample_memory(&memory)) {
		double used = (double)memory.used_bytes;
		add(metrics, MEMORY_MEGABYTES, used / MEGABYTE);
		add(metrics, MEMORY_PERCENT, used / (double)memory.total_bytes * 100);
	}
	struct system_disk disk;
	if (system_sample_disk(metrics->disk_path, &disk)) {
		double used = (double)disk.used_bytes, free_bytes = (double)disk.available_bytes;
		double size = used + free_bytes;
		add(metrics, DISK_PERCENT, size > 0 ? round_tenth(used / size * 100) : 0);
		add(metrics, DISK_MEGABYTES, used / MEGABYTE);
		add(metrics, DISK_AVAILABLE_MEGABYTES, free_bytes / MEGABYTE);
	}
	struct system_network network;
	if (metrics->has_network_start &&
		system_sample_network(metrics->options.allocator, &network)) {
		const struct system_network *start = &metrics->network_start;
		set(metrics, NETWORK_RECEIVED,
			megabytes_since(start->received_bytes, network.received_bytes));
		set(metrics, NETWORK_SENT, megabytes_since(start->sent_bytes, network.sent_bytes));
	}
}

static void log_means(struct system_metrics *metrics)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	mlm_metric list[METRICS];
	size_t count = 0;
	for (int i = 0; i < METRICS; i++) {
		if (!metrics->counts[i])
			continue;
		double mean = metrics->sums[i] / metrics->counts[i];
		bool is_network = i == NETWORK_RECEIVED || i == NETWORK_SENT;
		list[count++] = (mlm_metric){
			.key = metrics->keys[i],
			.value = is_network ? mean : round_tenth(mean),
			.step = MLM_STEP_NEXT,
			.timestamp_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000,
		};
	}
	memset(metrics->sums, 0, sizeof(metrics->sums));
	memset(metrics->counts, 0, sizeof(metrics->counts));
	if (count)
		metrics->options.log(metrics->options.payload, list, count);
}

static void advance(struct timespec *time, uint32_t ms)
{
	time->tv_sec += ms / 1000;
	time->tv_nsec += (long)(ms % 1000) * 1000000;
	if (time->tv_nsec >= 1000000000) {
		time->tv_sec++;
		time->tv_nsec -= 1000000000;
	}
}

/* Waits for one interval from now; false when told to stop. A slow log call thus delays the next
 * sample instead of crowding the ones after it. */
static bool wait_interval(struct system_metrics *metrics)
{
	struct timespec end;
	clock_gettime(CLOCK_MONOTONIC, &end);
	advance(&end, metrics->options.interval_ms);
	pthread_mutex_lock(&metrics->mutex);
	int result = 0;
	while (!metrics->stopping && result == 0)
		result = pthread_cond_timedwait(&metrics->changed, &metrics->mutex, &end);
	bool stopping = metrics->stopping;
	pthread_mutex_unlock(&metrics->mutex);
	return !stopping;
}

static void *run(void *argument)
{
	struct system_metrics *metrics = argument;
	pthread_setname_np(pthread_self(), "mlm-system");
	uint32_t samples = 0;
	while (wait_interval(metrics)) {
		sample(metrics);
		if (++samples < metrics->options.samples_before_logging)
			continue;
		log_means(metrics);
		samples = 0;
	}
	return NULL;
}

static mlm_status read_number(
	const char *variable, double scale, double max, uint32_t *number_out, mlm_error *err)
{
	const char *text = getenv(variable);
	if (!text || !text[0])
		return MLM_OK;
	char *end;
	double value = decimal_read(text, &end) * scale;
	if (*end || !(value >= 1) || value > max)
		return error_set(err, MLM_EINVAL, "system_metrics",
			"%s is '%s'; give a number from %g to %g", variable, text, 1 / scale,
			max / scale);
	*number_out = (uint32_t)value;
	return MLM_OK;
}

mlm_status system_metrics_defaults(struct system_metrics_options *options_out, mlm_error *err)
{
	*options_out = (struct system_metrics_options){
		.interval_ms = INTERVAL_MS_DEFAULT,
		.samples_before_logging = 1,
		.node_id = getenv("MLFLOW_SYSTEM_METRICS_NODE_ID"),
		.disk_path = "/",
	};
	mlm_status status = read_number("MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL", 1000,
		INTERVAL_MS_MAX, &options_out->interval_ms, err);
	if (status != MLM_OK)
		return status;
	return read_number("MLFLOW_SYSTEM_METRICS_SAMPLES_BEFORE_LOGGING", 1, SAMPLES_MAX,
		&options_out->samples_before_logging, err);
}

static mlm_status fill(struct system_metrics *metrics, const struct system_metrics_options *options,
	mlm_error *err)
{
	if (!options->interval_ms || !options->samples_before_logging)
		return error_set(err, MLM_EINVAL, "system_metrics",
			"interval_ms and samples_before_logging must be 1 or more");
	const char *node = options->node_id ? options->node_id : "";
	for (int i = 0; i < METRICS; i++) {
		int length = snprintf(metrics->keys[i], KEY_SIZE, "system/%s%s%s", node,
			node[0] ? "/" : "", metric_names[i]);
		if (length >= KEY_SIZE)
			return error_set(err, MLM_EINVAL, "system_metrics",
				"node_id has %zu bytes, which makes metric keys of more than %d",
				strlen(node), MLM_KEY_MAX);
	}
	if (strlen(options->disk_path) >= sizeof(metrics->disk_path))
		return error_set(err, MLM_EINVAL, "system_metrics", "disk_path is too long");
	strncpy(metrics->disk_path, options->disk_path, sizeof(metrics->disk_path) - 1);
	metrics->options = *options;
	metrics->options.node_id = NULL;
	metrics->options.disk_path = metrics->disk_path;
	metrics->pid = getpid();
	system_sample_cpu(&metrics->cpu_before);
	metrics->has_network_start =
		system_sample_network(metrics->options.allocator, &metrics->network_start);
	return MLM_OK;
}

static int start_thread(struct system_metrics *metrics)
{
	pthread_condattr_t monotonic;
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&metrics->changed, &monotonic);
	pthread_condattr_destroy(&monotonic);
	pthread_mutex_init(&metrics->mutex, NULL);
	int result = background_thread_start(&metrics->thread, 0, run, metrics);
	if (result != 0) {
		pthread_cond_destroy(&metrics->changed);
		pthread_mutex_destroy(&metrics->mutex);
	}
	return result;
}

mlm_status system_metrics_start(const struct system_metrics_options *options,
	struct system_metrics **metrics_out, mlm_error *err)
{
	assert(options->log && options->disk_path);
	*metrics_out = NULL;
	struct system_metrics *metrics = memory_new(options->allocator, sizeof(*metrics));
	if (!metrics)
		return error_set(err, MLM_ENOMEM, "system_metrics", "out of memory");
	mlm_status status = fill(metrics, options, err);
	int result = status == MLM_OK ? start_thread(metrics) : 0;
	if (result != 0)
		status = error_set(err, MLM_EAGAIN, "system_metrics", "cannot start a thread: %s",
			strerror(result));
	if (status != MLM_OK) {
		memory_free(options->allocator, metrics);
		return status;
	}
	*metrics_out = metrics;
	return MLM_OK;
}

void system_metrics_stop(struct system_metrics *metrics)
{
	if (!metrics)
		return;
	if (metrics->pid == getpid()) {
		assert(!pthread_equal(metrics->thread, pthread_self()));
		pthread_mutex_lock(&metrics->mutex);
		metrics->stopping = true;
		pthread_cond_signal(&metrics->changed);
		pthread_mutex_unlock(&metrics->mutex);
		pthread_join(metrics->thread, NULL);
		pthread_cond_destroy(&metrics->changed);
		pthread_mutex_destroy(&metrics->mutex);
	}
	memory_free(metrics->options.allocator, metrics);
}
