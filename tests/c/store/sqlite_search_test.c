/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What only a built store shows: orders, pages, views and refused arguments. tests/peers/search.py
 * compares the answers to all kinds of filters with MLflow's own.
 */
#include <math.h>
#include <unistd.h>

#include "base/arena.h"
#include "check.h"
#include "store/store.h"

#define RUN_COUNT 8

static mlm_error err;
static struct store *store;
static char folder[] = "/tmp/sqlite_search_XXXXXX";
static char experiment_id[MLM_ID_SIZE], other_id[MLM_ID_SIZE];

static const char *run_name(char name[40], unsigned n)
{
	snprintf(name, 40, "%032x", n);
	return name;
}

/* Run n: started n / 2 seconds after the first, odd ones have the param "odd". */
static void create_run(unsigned n)
{
	char id[40], number[16];
	snprintf(number, sizeof(number), "Run %u", n);
	mlm_text tags[] = { { "mlflow.runName", number }, { "team", n < 4 ? "Blue" : "green" } };
	struct store_new_run run = {
		.run_id = run_name(id, n),
		.experiment_id = n == 7 ? other_id : experiment_id,
		.run_name = number,
		.user_id = "ada",
		.source_name = "",
		.start_time_ms = 1000 * (int64_t)(n / 2),
		.tags = tags,
		.tag_count = 2,
	};
	mlm_text param = { "odd", number };
	char made[MLM_ID_SIZE];
	MUST(store->ops->create_run(store, &run, made, &err));
	if (n % 2)
		MUST(store->ops->log_texts(store, id, &param, 1, NULL, 0, &err));
}

/* loss: run 0 has 0.5, 1 NaN, 2 none, 3 0.25, 4 0.5, 5 none, 6 NaN, 7 -inf. */
static void log_losses(void)
{
	static const struct {
		unsigned run;
		double value;
	} losses[] = { { 0, 0.5 }, { 1, NAN }, { 3, 0.25 }, { 4, 0.5 }, { 6, NAN },
		{ 7, -INFINITY } };
	enum { LOSS_COUNT = sizeof(losses) / sizeof(*losses) };
	char ids[LOSS_COUNT][40];
	struct store_series series[LOSS_COUNT];
	struct store_point points[LOSS_COUNT];
	for (uint32_t i = 0; i < LOSS_COUNT; i++) {
		series[i] = (struct store_series){ run_name(ids[i], losses[i].run), "loss" };
		points[i] = (struct store_point){ i, 1, 1000, losses[i].value };
	}
	struct store_batch batch = {
		.series = series,
		.series_count = LOSS_COUNT,
		.points = points,
		.point_count = LOSS_COUNT,
		.journal_id = "0123456789abcdef0123456789abcdef",
		.position = 1,
	};
	MUST(store->ops->apply(store, &batch, NULL, NULL, &err));
}

static void build_store(void)
{
	char uri[64], id[40];
	mlm_experiment_options options = MLM_EXPERIMENT_OPTIONS_INIT;
	snprintf(uri, sizeof(uri), "sqlite:%s/s.db", folder);
	struct store_options opened = { .uri = uri, .artifacts = folder, .busy_timeout_ms = 1000 };
	MUST(sqlite_store_ops.open(&opened, &store, &err));
	MUST(store->ops->create_experiment(store, "Vision", &options, experiment_id, &err));
	MUST(store->ops->create_experiment(store, "speech", &options, other_id, &err));
	for (unsigned n = 0; n < RUN_COUNT; n++)
		create_run(n);
	log_losses();
	MUST(store->ops->set_run_lifecycle(store, run_name(id, 5), MLM_DELETED, &err));
}

static mlm_query query_of(const char *filter, const char *const *order)
{
	static const char *ids[2];
	ids[0] = experiment_id;
	ids[1] = other_id;
	mlm_query query = MLM_QUERY_INIT;
	query.experiment_ids = ids;
	query.experiment_count = 2;
	query.filter = filter;
	query.order_by = order;
	query.order_by_count = order && *order ? 1 : 0;
	return query;
}

/* The numbers of the runs found, "0 3 4"; "!" and the status when the search fails. */
static const char *found(const mlm_query *query, char token_out[64])
{
	static char line[200];
	size_t used = 0;
	mlm_run_list *list;
	err = (mlm_error)MLM_ERROR_INIT;
	line[0] = '\0';
	if (token_out)
		token_out[0] = '\0';
	if (store->ops->search_runs(store, query, &list, &err) != MLM_OK) {
		CHECK(list == NULL);
		snprintf(line, sizeof(line), "!%s", mlm_status_name(err.status));
		return line;
	}
	for (size_t i = 0; i < list->count; i++)
		used += (size_t)snprintf(line + used, sizeof(line) - used, "%s%lx", i ? " " : "",
			strtoul(list->items[i].run_id + 24, NULL, 16));
	if (token_out && list->next_page_token)
		snprintf(token_out, 64, "%s", list->next_page_token);
	arena_free(list->memory);
	return line;
}

static const char *filtered(const char *filter)
{
	mlm_query query = query_of(filter, NULL);
	return found(&query, NULL);
}

static const char *ordered(const char *order)
{
	mlm_query query = query_of(NULL, &order);
	return found(&query, NULL);
}

TEST(sqlite_search_runs__orders_numbers_then_nan_then_missing)
{
	/* equal ones by start, the youngest first, then by id */
	CHECK_STRING(ordered("metrics.loss"), "7 3 4 0 6 1 2");
	CHECK_STRING(ordered("metrics.loss DESC"), "4 0 3 7 6 1 2");
	CHECK_STRING(ordered("params.odd"), "1 3 7 6 4 2 0");
	CHECK_STRING(ordered("params.odd DESC"), "7 3 1 6 4 2 0");
	CHECK_STRING(ordered(""), "!invalid");
	CHECK_STRING(filtered(NULL), "6 7 4 2 3 0 1");
	CHECK_STRING(ordered("start_time"), "0 1 2 3 4 6 7");
	CHECK_STRING(ordered("run_name DESC"), "7 6 4 3 2 1 0");
	CHECK_STRING(ordered("end_time DESC"), "6 7 4 2 3 0 1");
}

TEST(sqlite_search_runs__filters)
{
	CHECK_STRING(filtered("metrics.loss < 0.5"), "7 3");
	CHECK_STRING(filtered("metrics.loss >= 0"), "4 3 0");
	/* NaN differs from every number; a run without the key from none */
	CHECK_STRING(filtered("metrics.loss != 0.5"), "6 7 3 1");
	CHECK_STRING(filtered("metrics.loss = 0"), "");
	CHECK_STRING(filtered("params.odd IS NULL"), "6 4 2 0");
	CHECK_STRING(filtered("params.odd IS NOT NULL AND tags.team = 'Blue'"), "3 1");
	CHECK_STRING(filtered("tags.team LIKE 'b%'"), "");
	CHECK_STRING(filtered("tags.team ILIKE 'b%'"), "2 3 0 1");
	CHECK_STRING(filtered("run_name LIKE 'Run _' and run_name != 'Run 3'"), "6 7 4 2 0 1");
	CHECK_STRING(filtered("run_id NOT IN ('00000000000000000000000000000001')"), "6 7 4 2 3 0");
	CHECK_STRING(filtered("dataset.name = 'x'"), "");
	CHECK_STRING(filtered("tags.team = 'x'' OR 1=1 --'"), "");
	CHECK_STRING(filtered("metrics.loss > "), "!invalid");
}

TEST(sqlite_search_runs__views)
{
	mlm_query query = query_of("user_id = 'ada'", NULL);
	query.view = MLM_VIEW_DELETED;
	CHECK_STRING(found(&query, NULL), "5");
	query.view = MLM_VIEW_ALL;
	CHECK_STRING(found(&query, NULL), "6 7 4 5 2 3 0 1");
	query.experiment_count = 0;
	CHECK_STRING(found(&query, NULL), "");
	query.experiment_count = 1;
	query.view = MLM_VIEW_ACTIVE;
	CHECK_STRING(found(&query, NULL), "6 4 2 3 0 1");
}

TEST(sqlite_search_runs__pages)
{
	char token[64], second[64];
	mlm_query query = query_of(NULL, NULL);
	query.max_results = 3;
	CHECK_STRING(found(&query, token), "6 7 4");
	query.page_token = token;
	CHECK_STRING(found(&query, second), "2 3 0");
	query.page_token = second;
	CHECK_STRING(found(&query, token), "1");
	CHECK_STRING(token, "");
	/* a page that ends with the last result is the last page */
	query.page_token = NULL;
	query.max_results = 7;
	CHECK_STRING(found(&query, token), "6 7 4 2 3 0 1");
	CHECK_STRING(token, "");
	query.max_results = MLM_SEARCH_RESULTS_MAX;
	CHECK_STRING(found(&query, token), "6 7 4 2 3 0 1");
}

TEST(sqlite_search_runs__einval)
{
	mlm_query query = query_of(NULL, NULL);
	query.max_results = MLM_SEARCH_RESULTS_MAX + 1;
	CHECK_STRING(found(&query, NULL), "!invalid");
	CHECK_CONTAINS(err.message, "max_results is 50001, it must be in 1..50000");
	query.max_results = 0;
	query.page_token = "page 2";
	CHECK_STRING(found(&query, NULL), "!invalid");
	CHECK_CONTAINS(err.message, "page_token");
	const char *ids[] = { "1", "Vision" };
	query.page_token = NULL;
	query.experiment_ids = ids;
	CHECK_STRING(found(&query, NULL), "!invalid");
	CHECK_CONTAINS(err.message, "experiment_ids[1] is 'Vision', it must be a number");
}

/* The names of the experiments found, with commas. */
static const char *experiments(const char *filter, const char *order, mlm_view view)
{
	static char line[200];
	size_t used = 0;
	mlm_experiment_list *list;
	mlm_query query = query_of(filter, order ? &order : NULL);
	query.view = view;
	err = (mlm_error)MLM_ERROR_INIT;
	line[0] = '\0';
	if (store->ops->search_experiments(store, &query, &list, &err) != MLM_OK) {
		CHECK(list == NULL);
		return mlm_status_name(err.status);
	}
	for (size_t i = 0; i < list->count; i++)
		used += (size_t)snprintf(line + used, sizeof(line) - used, "%s%s", i ? "," : "",
			list->items[i].name);
	arena_free(list->memory);
	return line;
}

TEST(sqlite_search_experiments__filters_and_orders)
{
	MUST(store->ops->set_experiment_tag(store, other_id, "team", "Blue", &err));
	CHECK_STRING(experiments(NULL, "name", MLM_VIEW_ACTIVE), "Default,Vision,speech");
	CHECK_STRING(
		experiments(NULL, "experiment_id DESC", MLM_VIEW_ALL), "speech,Vision,Default");
	CHECK_STRING(experiments("name LIKE 'v%'", NULL, MLM_VIEW_ACTIVE), "");
	CHECK_STRING(experiments("name ILIKE 'v%'", NULL, MLM_VIEW_ACTIVE), "Vision");
	CHECK_STRING(experiments("tags.team = 'Blue'", NULL, MLM_VIEW_ACTIVE), "speech");
	CHECK_STRING(
		experiments("tags.team IS NULL", "name DESC", MLM_VIEW_ACTIVE), "Vision,Default");
	CHECK_STRING(experiments("experiment_id IN ('0', '99')", NULL, MLM_VIEW_ACTIVE), "Default");
	CHECK_STRING(
		experiments("creation_time > 0 and last_update_time < 1", NULL, MLM_VIEW_ALL), "");
	CHECK_STRING(experiments("metrics.loss > 1", NULL, MLM_VIEW_ACTIVE), "invalid");
	CHECK_STRING(experiments(NULL, "tags.team", MLM_VIEW_ACTIVE), "invalid");
	MUST(store->ops->set_experiment_lifecycle(store, other_id, MLM_DELETED, &err));
	CHECK_STRING(experiments(NULL, "name", MLM_VIEW_ACTIVE), "Default,Vision");
	CHECK_STRING(experiments(NULL, "name", MLM_VIEW_DELETED), "speech");
}

int main(void)
{
	if (!mkdtemp(folder)) {
		perror(folder);
		return 1;
	}
	build_store();
	RUN(sqlite_search_runs__orders_numbers_then_nan_then_missing);
	RUN(sqlite_search_runs__filters);
	RUN(sqlite_search_runs__views);
	RUN(sqlite_search_runs__pages);
	RUN(sqlite_search_runs__einval);
	RUN(sqlite_search_experiments__filters_and_orders);
	store->ops->close(store);
	char path[64];
	static const char *const ends[] = { "", "-wal", "-shm" };
	for (size_t i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s/s.db%s", folder, ends[i]);
		unlink(path);
	}
	CHECK(rmdir(folder) == 0);
	return check_done() || check_failures_of_test;
}
