/* SPDX-License-Identifier: Apache-2.0 */
/* What mlm_run_latest_metrics() in src/core/latest_metrics.c tells displays. */
#include <unistd.h>

#include "check.h"
#include "mlmanager/mlmanager.h"

static char directory[] = "latest-metrics-XXXXXX";
static mlm_manager *manager;

static mlm_run *start(void)
{
	mlm_error err = MLM_ERROR_INIT;
	mlm_run_options options = MLM_RUN_OPTIONS_INIT;
	mlm_run *run;
	MUST(mlm_run_start(manager, &options, &run, &err));
	return run;
}

static void put(mlm_run *run, const char *key, double value, int64_t step)
{
	mlm_error err = MLM_ERROR_INIT;
	MUST(mlm_run_log_metric(run, key, 0, value, step, MLM_TIME_NOW, &err));
}

TEST(run_latest_metrics__oldest_key_first)
{
	mlm_error err = MLM_ERROR_INIT;
	mlm_metric metrics[8];
	mlm_run *run = start();
	CHECK_INT(mlm_run_latest_metrics(run, metrics, 8), 0);
	put(run, "zeta", 1, MLM_STEP_NEXT);
	put(run, "alpha", 2, 10);
	put(run, "midway", 3, MLM_STEP_NEXT);
	put(run, "alpha", 4, 5); /* the last written counts, not the greatest step */
	put(run, "zeta", 5, MLM_STEP_NEXT);
	CHECK_INT(mlm_run_latest_metrics(run, metrics, 8), 3);
	CHECK_STRING(metrics[0].key, "zeta");
	CHECK(metrics[0].value == 5 && metrics[0].key_size == 4);
	CHECK_STRING(metrics[1].key, "alpha");
	CHECK(metrics[1].value == 4);
	CHECK_STRING(metrics[2].key, "midway");
	CHECK(metrics[2].value == 3);
	MUST(mlm_run_end(run, MLM_RUN_UNCHANGED, &err));
	CHECK_INT(mlm_run_latest_metrics(run, metrics, 8), 0);
}

TEST(run_latest_metrics__capacity)
{
	mlm_error err = MLM_ERROR_INIT;
	mlm_metric metrics[100];
	mlm_run *run = start();
	char key[16];
	for (int i = 0; i < 100; i++) {
		snprintf(key, sizeof(key), "key %d", i);
		put(run, key, i, MLM_STEP_NEXT);
	}
	CHECK_INT(mlm_run_latest_metrics(run, metrics, 0), 100);
	metrics[3].value = -1;
	CHECK_INT(mlm_run_latest_metrics(run, metrics, 3), 100);
	CHECK(metrics[0].value == 0 && metrics[1].value == 1 && metrics[2].value == 2);
	CHECK(metrics[3].value == -1);
	metrics[64].value = -1;
	CHECK_INT(mlm_run_latest_metrics(run, metrics, 100), 100);
	for (int i = 0; i < 64; i++)
		CHECK(metrics[i].value == i);
	CHECK(metrics[64].value == -1);
	MUST(mlm_run_end(run, MLM_RUN_UNCHANGED, &err));
}

int main(void)
{
	mlm_error err = MLM_ERROR_INIT;
	mlm_manager_options options = MLM_MANAGER_OPTIONS_INIT;
	char id[MLM_ID_SIZE];
	if (!mkdtemp(directory) || chdir(directory) != 0)
		return 1;
	options.store = "sqlite:store.db";
	options.ignore_environment = true;
	MUST(mlm_manager_open(&options, &manager, &err));
	MUST(mlm_experiment_create(manager, "latest", NULL, id, &err));
	RUN(run_latest_metrics__oldest_key_first);
	RUN(run_latest_metrics__capacity);
	MUST(mlm_manager_close(manager, 0, &err));
	mlm_manager_free(manager);
	char command[64];
	snprintf(command, sizeof(command), "cd .. && rm -rf ./%s", directory);
	return system(command) == 0 ? check_done() : 1;
}
