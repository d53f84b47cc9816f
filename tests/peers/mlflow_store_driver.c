/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes and reads stores for mlflow_store.py:
 *
 *     mlflow_store_driver URI dump          every experiment, run and history, a JSON object a line
 *     mlflow_store_driver URI write PREFIX  experiments, nested runs and data of every kind; names
 *                                           and ids begin with PREFIX (hex digits)
 *     mlflow_store_driver URI check         the findings of the store's own check, a line each
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/store.h"

#define HISTORY_POINTS 1000

static mlm_error err = MLM_ERROR_INIT;
static struct store *store;

static void must(mlm_status status)
{
	if (status == MLM_OK)
		return;
	fprintf(stderr, "mlflow_store_driver: %s: %s\n", mlm_status_name(status), err.message);
	exit(1);
}

/* ---- dump ---- */

static void print_string(const char *text)
{
	putchar('"');
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			printf("\\%c", *text);
		else if ((unsigned char)*text < 0x20)
			printf("\\u%04x", (unsigned)*text);
		else
			putchar(*text);
	}
	putchar('"');
}

static void print_member(const char *name, const char *value)
{
	print_string(name);
	putchar(':');
	print_string(value);
	putchar(',');
}

/* Python reads NaN, and no store gives infinities. */
static void print_number(double value)
{
	if (isnan(value))
		printf("NaN");
	else
		printf("%.17g", value);
}

static void print_texts(const char *name, const mlm_text *texts, size_t count)
{
	printf("\"%s\":{", name);
	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			putchar(',');
		print_string(texts[i].key);
		putchar(':');
		print_string(texts[i].value);
	}
	printf("},");
}

static void print_history(const char *run_id, const char *key)
{
	mlm_metric_history *history;
	must(store->ops->get_metric_history(store, run_id, key, &history, &err));
	print_string(key);
	printf(":[");
	for (size_t i = 0; i < history->count; i++) {
		printf("%s[%lld,%lld,", i > 0 ? "," : "", (long long)history->timestamps_ms[i],
			(long long)history->steps[i]);
		print_number(history->values[i]);
		putchar(']');
	}
	putchar(']');
	mlm_metric_history_free(history);
}

static void dump_run(const mlm_run_record *run)
{
	printf("{\"kind\":\"run\",");
	print_member("id", run->run_id);
	print_member("name", run->run_name);
	print_member("experiment", run->experiment_id);
	print_member("user", run->user_id);
	print_member("artifacts", run->artifact_uri);
	print_member("status", mlm_run_status_name(run->status));
	print_member("stage", run->lifecycle == MLM_DELETED ? "deleted" : "active");
	printf("\"start\":%lld,\"end\":%lld,", (long long)run->start_time_ms,
		(long long)run->end_time_ms);
	print_texts("params", run->params, run->param_count);
	print_texts("tags", run->tags, run->tag_count);
	printf("\"inputs\":[");
	for (size_t i = 0; i < run->dataset_input_count; i++) {
		const mlm_dataset_input *input = &run->dataset_inputs[i];
		printf("%s{", i > 0 ? "," : "");
		print_member("name", input->name);
		print_member("digest", input->digest);
		print_texts("tags", input->tags, input->tag_count);
		print_string("source");
		putchar(':');
		print_string(input->source);
		putchar('}');
	}
	printf("],\"metrics\":{");
	for (size_t i = 0; i < run->metric_count; i++) {
		if (i > 0)
			putchar(',');
		print_string(run->metrics[i].key);
		printf(":[%lld,%lld,", (long long)run->metrics[i].timestamp_ms,
			(long long)run->metrics[i].step);
		print_number(run->metrics[i].value);
		putchar(']');
	}
	printf("},\"history\":{");
	for (size_t i = 0; i < run->metric_count; i++) {
		if (i > 0)
			putchar(',');
		print_history(run->run_id, run->metrics[i].key);
	}
	printf("}}\n");
}

static void dump_experiment(const mlm_experiment *experiment)
{
	printf("{\"kind\":\"experiment\",");
	print_member("id", experiment->experiment_id);
	print_member("name", experiment->name);
	print_member("location", experiment->artifact_location);
	print_texts("tags", experiment->tags, experiment->tag_count);
	printf("\"created\":%lld,\"updated\":%lld,", (long long)experiment->creation_time_ms,
		(long long)experiment->last_update_time_ms);
	printf("\"stage\":\"%s\"}\n", experiment->lifecycle == MLM_DELETED ? "deleted" : "active");
	mlm_query query = MLM_QUERY_INIT;
	query.experiment_ids = &experiment->experiment_id;
	query.experiment_count = 1;
	query.view = MLM_VIEW_ALL;
	query.max_results = MLM_SEARCH_RESULTS_MAX;
	mlm_run_list *runs;
	must(store->ops->search_runs(store, &query, &runs, &err));
	for (size_t i = 0; i < runs->count; i++)
		dump_run(&runs->items[i]);
	mlm_run_list_free(runs);
}

static void dump(void)
{
	mlm_query query = MLM_QUERY_INIT;
	query.view = MLM_VIEW_ALL;
	query.max_results = MLM_SEARCH_RESULTS_MAX;
	mlm_experiment_list *experiments;
	must(store->ops->search_experiments(store, &query, &experiments, &err));
	for (size_t i = 0; i < experiments->count; i++)
		dump_experiment(&experiments->items[i]);
	mlm_experiment_list_free(experiments);
}

/* ---- write ---- */

static const char *create_run(
	const char *prefix, unsigned number, const char *experiment_id, const char *parent_id)
{
	char *id = malloc(33);
	snprintf(id, 33, "%.8s%024x", prefix, number);
	const mlm_text tags[] = { { "mlflow.user", "ada" }, { "mlflow.source.name", "train.lua" },
		{ "mlflow.source.type", "LOCAL" }, { "mlflow.parentRunId", parent_id } };
	const struct store_new_run run = {
		.run_id = id,
		.experiment_id = experiment_id,
		.run_name = parent_id ? "the child" : "the parent",
		.user_id = "ada",
		.source_name = "train.lua",
		.start_time_ms = 1700000000000 + number,
		.tags = tags,
		.tag_count = parent_id ? 4 : 3,
	};
	char made[MLM_ID_SIZE];
	must(store->ops->create_run(store, &run, made, &err));
	return id;
}

static void write_metrics(const char *run_id)
{
	const struct store_series series[] = { { run_id, "loss" }, { run_id, "odd/values" } };
	static struct store_point points[HISTORY_POINTS + 5];
	for (int i = 0; i < HISTORY_POINTS; i++)
		points[i] = (struct store_point){ 0, i, 1700000000000 + i * 3, 1.0 / (i + 1) };
	const double odd[] = { NAN, INFINITY, -INFINITY, -0.0, 5e-324 };
	for (int i = 0; i < 5; i++)
		points[HISTORY_POINTS + i] =
			(struct store_point){ 1, i - 2, 1700000000000 - i, odd[i] };
	const struct store_batch batch = {
		.series = series,
		.series_count = 2,
		.points = points,
		.point_count = HISTORY_POINTS + 5,
		.journal_id = run_id,
		.position = 1,
	};
	must(store->ops->apply(store, &batch, NULL, NULL, &err));
}

static void write_store(const char *prefix)
{
	char names[2][64];
	snprintf(names[0], sizeof(names[0]), "%s kept ünï", prefix);
	snprintf(names[1], sizeof(names[1]), "%s gone", prefix);
	const mlm_text tag = { "team", "pd \"quoted\" \\ ok" };
	mlm_experiment_options options = MLM_EXPERIMENT_OPTIONS_INIT;
	options.tags = &tag;
	options.tag_count = 1;
	char kept[MLM_ID_SIZE], gone[MLM_ID_SIZE];
	must(store->ops->create_experiment(store, names[0], &options, kept, &err));
	must(store->ops->create_experiment(store, names[1], NULL, gone, &err));

	const char *parent = create_run(prefix, 1, kept, NULL);
	const char *child = create_run(prefix, 2, kept, parent);
	const char *deleted = create_run(prefix, 3, kept, NULL);
	create_run(prefix, 4, gone, NULL);
	const mlm_text params[] = { { "lr", "0.1" }, { "a b/c", "läßt" }, { "empty", "" } };
	const mlm_text tags[] = { { "note", "two\nlines" } };
	must(store->ops->log_texts(store, parent, params, 3, tags, 1, &err));
	write_metrics(parent);
	write_metrics(child);
	struct store_run_change change = { MLM_RUN_FINISHED, 1700000009000, NULL };
	must(store->ops->update_run(store, child, &change, &err));
	change = (struct store_run_change){ MLM_RUN_FAILED, 1700000009001, "renamed" };
	must(store->ops->update_run(store, parent, &change, &err));
	must(store->ops->set_run_lifecycle(store, deleted, MLM_DELETED, &err));
	must(store->ops->set_experiment_lifecycle(store, gone, MLM_DELETED, &err));
	printf("{\"parent\":\"%s\",\"child\":\"%s\",\"experiment\":\"%s\"}\n", parent, child, kept);
}

static void print_finding(void *payload, bool repaired, const char *finding)
{
	(void)payload;
	printf("%s%s\n", repaired ? "repaired: " : "", finding);
}

int main(int argc, char **argv)
{
	const struct store_ops *ops;
	if (argc < 3) {
		fprintf(stderr, "usage: mlflow_store_driver URI dump|check|write PREFIX\n");
		return 2;
	}
	const struct store_options options = {
		.uri = argv[1],
		.artifacts = "/nowhere/artifacts",
		.busy_timeout_ms = 20000,
	};
	must(store_ops_find(argv[1], &ops, &err));
	must(ops->open(&options, &store, &err));
	if (strcmp(argv[2], "dump") == 0)
		dump();
	else if (strcmp(argv[2], "check") == 0)
		must(ops->check(store, false, print_finding, NULL, &err));
	else if (strcmp(argv[2], "write") == 0 && argc == 4)
		write_store(argv[3]);
	ops->close(store);
	return 0;
}
