/* SPDX-License-Identifier: Apache-2.0 */
/* What each way of consuming the library builds and runs, in C11 and in C++17: a run is logged to
 * the store named by the first argument and read back. */
#include <stdio.h>
#include <string.h>

#include <mlmanager/mlmanager.h>

static int failed(const mlm_error *err)
{
	fprintf(stderr, "%s: %s\n", err->area, err->message);
	return 1;
}

int main(int argc, char **argv)
{
	mlm_error err = MLM_ERROR_INIT;
	mlm_manager_options options = MLM_MANAGER_OPTIONS_INIT;
	mlm_experiment_options experiment_options = MLM_EXPERIMENT_OPTIONS_INIT;
	mlm_run_options run_options = MLM_RUN_OPTIONS_INIT;
	mlm_query query = MLM_QUERY_INIT;
	mlm_csv_options csv_options = MLM_CSV_OPTIONS_INIT;
	mlm_evaluator_options evaluator_options = MLM_EVALUATOR_OPTIONS_INIT;
	mlm_manager *manager = NULL;
	mlm_run *run = NULL;
	mlm_run_list *runs = NULL;
	mlm_csv *csv = NULL;
	mlm_evaluator *evaluator = NULL;
	if (argc != 2)
		return 2;
	options.store = argv[1];
	options.ignore_environment = true;
	run_options.run_name = "consumed";
	query.filter = "metrics.loss < 1";
	if (strcmp(mlm_version(), MLM_VERSION) != 0)
		return 3;
	if (mlm_manager_open(&options, &manager, &err) != MLM_OK ||
		mlm_experiment_create(manager, "consumers", &experiment_options, NULL, &err) !=
			MLM_OK ||
		mlm_run_start(manager, &run_options, &run, &err) != MLM_OK ||
		mlm_run_log_metric(run, "loss", 0, 0.25, MLM_STEP_NEXT, MLM_TIME_NOW, &err) !=
			MLM_OK ||
		mlm_run_end(run, MLM_RUN_FINISHED, &err) != MLM_OK ||
		mlm_run_search(manager, &query, &runs, &err) != MLM_OK)
		return failed(&err);
	if (mlm_csv_parse("a,b\n1,2\n", 8, &csv_options, &csv, &err) != MLM_OK ||
		mlm_evaluator_new(MLM_EVALUATOR_BINARY, &evaluator_options, &evaluator, &err) !=
			MLM_OK)
		return failed(&err);
	if (runs->count != 1 || strcmp(runs->items[0].run_name, "consumed") != 0 ||
		runs->items[0].metric_count != 1 || mlm_csv_row_count(csv) != 1)
		return 4;
	mlm_run_list_free(runs);
	mlm_csv_free(csv);
	mlm_evaluator_free(evaluator);
	if (mlm_manager_close(manager, 0, &err) != MLM_OK)
		return failed(&err);
	mlm_manager_free(manager);
	puts("consumed");
	return 0;
}
