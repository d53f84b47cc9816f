/* SPDX-License-Identifier: Apache-2.0 */
#include "core/system_metrics.h"

#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

static sem_t logged; /* posted after each log call */
static int log_calls;
static int log_calls_ended;
static size_t last_count;
static char last_keys[SYSTEM_METRICS_COUNT_MAX][MLM_KEY_MAX + 1];
static mlm_metric last[SYSTEM_METRICS_COUNT_MAX];
static bool signals_blocked;
static uint32_t log_takes_ms;

static int64_t now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void keep(void *payload, const mlm_metric *metrics, size_t count)
{
	(void)payload;
	last_count = count;
	for (size_t i = 0; i < count && i < SYSTEM_METRICS_COUNT_MAX; i++) {
		last[i] = metrics[i];
		snprintf(last_keys[i], sizeof(last_keys[i]), "%s", metrics[i].key);
	}
	sigset_t blocked;
	pthread_sigmask(SIG_SETMASK, NULL, &blocked);
	signals_blocked = sigismember(&blocked, SIGINT) && sigismember(&blocked, SIGTERM) &&
			  sigismember(&blocked, SIGCHLD) && sigismember(&blocked, SIGUSR1);
	log_calls++;
	sem_post(&logged);
	struct timespec takes = { log_takes_ms / 1000, (long)(log_takes_ms % 1000) * 1000000 };
	nanosleep(&takes, NULL);
	log_calls_ended++;
}

static struct system_metrics_options quick_options(void)
{
	log_calls = log_calls_ended = 0;
	log_takes_ms = 0;
	return (struct system_metrics_options){
		.interval_ms = 5,
		.samples_before_logging = 1,
		.disk_path = "/",
		.log = keep,
	};
}

static double value_of(const char *key)
{
	for (size_t i = 0; i < last_count; i++) {
		if (strcmp(last_keys[i], key) == 0)
			return last[i].value;
	}
	return -1;
}

TEST(system_metrics_start__logs_mlflows_names)
{
	struct system_metrics_options options = quick_options();
	struct system_metrics *metrics;
	mlm_error err = MLM_ERROR_INIT;
	MUST(system_metrics_start(&options, &metrics, &err));
	sem_wait(&logged);
	system_metrics_stop(metrics);
	CHECK_INT(last_count, 8);
	CHECK(value_of("system/cpu_utilization_percentage") >= 0);
	CHECK(value_of("system/cpu_utilization_percentage") <= 100);
	CHECK(value_of("system/system_memory_usage_megabytes") > 1);
	CHECK(value_of("system/system_memory_usage_percentage") > 0);
	CHECK(value_of("system/system_memory_usage_percentage") < 100);
	CHECK(value_of("system/disk_usage_percentage") >= 0);
	CHECK(value_of("system/disk_usage_megabytes") >= 0);
	CHECK(value_of("system/disk_available_megabytes") >= 0);
	CHECK(value_of("system/network_receive_megabytes") >= 0);
	CHECK(value_of("system/network_transmit_megabytes") >= 0);
	double tenths = value_of("system/system_memory_usage_megabytes") * 10;
	CHECK(tenths - (double)(int64_t)(tenths + 0.5) < 1e-3);
	for (size_t i = 0; i < last_count; i++) {
		CHECK(last[i].step == MLM_STEP_NEXT);
		CHECK(last[i].timestamp_ms / 1000 - time(NULL) <= 1);
		CHECK(time(NULL) - last[i].timestamp_ms / 1000 <= 60);
		CHECK_INT(last[i].timestamp_ms, last[0].timestamp_ms);
	}
	CHECK(signals_blocked);
}

TEST(system_metrics_start__node_id_and_samples)
{
	struct system_metrics_options options = quick_options();
	options.node_id = "node_0";
	options.samples_before_logging = 10;
	struct system_metrics *metrics;
	mlm_error err = MLM_ERROR_INIT;
	int64_t start = now_ms();
	MUST(system_metrics_start(&options, &metrics, &err));
	sem_wait(&logged);
	system_metrics_stop(metrics);
	CHECK(now_ms() - start >= 10 * 5);
	CHECK(value_of("system/node_0/cpu_utilization_percentage") >= 0);
}

TEST(system_metrics_stop__at_once)
{
	struct system_metrics_options options = quick_options();
	options.interval_ms = 3600 * 1000;
	struct system_metrics *metrics;
	mlm_error err = MLM_ERROR_INIT;
	int64_t start = now_ms();
	MUST(system_metrics_start(&options, &metrics, &err));
	system_metrics_stop(metrics);
	CHECK(now_ms() - start < options.interval_ms);
	CHECK_INT(log_calls, 0);
	system_metrics_stop(NULL);
}

TEST(system_metrics_stop__waits_for_a_slow_log_call)
{
	struct system_metrics_options options = quick_options();
	log_takes_ms = 300;
	struct system_metrics *metrics;
	mlm_error err = MLM_ERROR_INIT;
	MUST(system_metrics_start(&options, &metrics, &err));
	sem_wait(&logged);
	system_metrics_stop(metrics);
	CHECK_INT(log_calls, 1);
	CHECK_INT(log_calls_ended, 1);
}

TEST(system_metrics_stop__in_a_forked_child)
{
	struct system_metrics_options options = quick_options();
	struct system_metrics *metrics;
	mlm_error err = MLM_ERROR_INIT;
	MUST(system_metrics_start(&options, &metrics, &err));
	pid_t child = fork();
	if (child == 0) {
		alarm(10); /* a join of a thread that is not there would last */
		system_metrics_stop(metrics);
		_exit(0);
	}
	int status = -1;
	CHECK(waitpid(child, &status, 0) == child && status == 0);
	system_metrics_stop(metrics);
	while (sem_trywait(&logged) == 0)
		;
}

TEST(system_metrics_start__einval)
{
	struct system_metrics_options options = quick_options();
	struct system_metrics *metrics = (struct system_metrics *)&options;
	mlm_error err;
	options.interval_ms = 0;
	CHECK_STATUS(system_metrics_start(&options, &metrics, &err), MLM_EINVAL);
	CHECK(metrics == NULL);
	options = quick_options();
	options.samples_before_logging = 0;
	CHECK_STATUS(system_metrics_start(&options, &metrics, &err), MLM_EINVAL);
	char node[MLM_KEY_MAX + 1];
	memset(node, 'n', sizeof(node));
	node[sizeof(node) - 1] = '\0';
	options = quick_options();
	options.node_id = node;
	CHECK_STATUS(system_metrics_start(&options, &metrics, &err), MLM_EINVAL);
	CHECK_CONTAINS(err.message, "node_id");
}

TEST(system_metrics_defaults__environment)
{
	struct system_metrics_options options;
	mlm_error err = MLM_ERROR_INIT;
	MUST(system_metrics_defaults(&options, &err));
	CHECK_INT(options.interval_ms, 10000);
	CHECK_INT(options.samples_before_logging, 1);
	CHECK(options.node_id == NULL);
	setenv("MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL", "0.25", 1);
	setenv("MLFLOW_SYSTEM_METRICS_SAMPLES_BEFORE_LOGGING", "3", 1);
	setenv("MLFLOW_SYSTEM_METRICS_NODE_ID", "left", 1);
	MUST(system_metrics_defaults(&options, &err));
	CHECK_INT(options.interval_ms, 250);
	CHECK_INT(options.samples_before_logging, 3);
	CHECK_STRING(options.node_id, "left");
	static const char *const wrong[] = { "0", "-1", "soon", "1x", "nan", "1e9" };
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		setenv("MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL", wrong[i], 1);
		CHECK_STATUS(system_metrics_defaults(&options, &err), MLM_EINVAL);
		CHECK_CONTAINS(err.message, "MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL");
	}
	unsetenv("MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL");
}

int main(void)
{
	sem_init(&logged, 0, 0);
	RUN(system_metrics_start__logs_mlflows_names);
	RUN(system_metrics_start__node_id_and_samples);
	RUN(system_metrics_stop__at_once);
	RUN(system_metrics_stop__waits_for_a_slow_log_call);
	RUN(system_metrics_stop__in_a_forked_child);
	RUN(system_metrics_start__einval);
	RUN(system_metrics_defaults__environment);
	return check_done();
}
