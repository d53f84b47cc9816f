/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_SPOOL_ROOM_H
#define TESTS_SPOOL_ROOM_H

/* A spool before a store that fails as it is told to, and short forms of what is done with it. */

#include "store/contract/contract.h"
#include "store/faulty_store.h"
#include "store/spool_store.h"
#include "store/store_directory.h"

static unsigned rooms; /* each test has a server and a spool of its own */
static struct store_path server_uri;
static struct store_path spool_path;

static inline enum fault is_away(void)
{
	return FAULT_AWAY;
}

static inline struct store *open_spool(void)
{
	const struct store_options options = {
		.uri = server_uri.text,
		.artifacts = CONTRACT_ARTIFACTS,
		.spool = spool_path.text,
		.remote = &faulty_store_ops,
		.busy_timeout_ms = 1000,
	};
	struct store *store;
	MUST(spool_store_ops.open(&options, &store, &err));
	return store;
}

static inline struct store *open_room(void)
{
	char name[32];
	snprintf(name, sizeof(name), "server%u.db", ++rooms);
	server_uri = uri_of(name);
	snprintf(name, sizeof(name), "spool%u", rooms);
	spool_path = path_of(name);
	contract_differences = CONTRACT_NAMES_RUNS;
	faulty_next = NULL;
	faulty_calls = 0;
	return open_spool();
}

/* The server back, and asked again at once. */
static inline void come_back(struct store *store)
{
	struct spool_store *spool = spool_store_of(store);
	bool is_open;
	faulty_next = NULL;
	spool->away_until_ms = 0;
	MUST(spool_queue_open(&spool->queue, false, &is_open, &err));
	if (is_open)
		MUST(spool_queue_set_away(&spool->queue, 0, &err));
}

/* ---- what a delivery tells ---- */

struct told {
	int delivered;
	int refused;
	int left;
	uint64_t points;
	char names[512];
	char whys[2048];
};

static inline bool note(void *payload, const struct store_delivery *delivery)
{
	struct told *told = payload;
	told->delivered += delivery->kind == STORE_DELIVERED;
	told->refused += delivery->kind == STORE_REFUSED;
	told->left += delivery->kind == STORE_LEFT;
	if (delivery->kind == STORE_DELIVERED)
		told->points += delivery->points;
	if (delivery->why) {
		snprintf(told->names + strlen(told->names),
			sizeof(told->names) - strlen(told->names), "%s;", delivery->name);
		snprintf(told->whys + strlen(told->whys), sizeof(told->whys) - strlen(told->whys),
			"%s;", delivery->why->message);
	}
	return true;
}

static inline mlm_status deliver(struct store *store, struct told *told)
{
	bool is_taken;
	*told = (struct told){ 0 };
	return spool_store_ops.deliver(store, note, told, &is_taken, &err);
}

/* ---- short forms ---- */

static inline struct contract_name promise(struct store *store, const char *name)
{
	struct contract_name id;
	MUST(spool_store_ops.promise_experiment(store, name, NULL, id.text, &err));
	return id;
}

static inline struct contract_name begin(
	struct store *store, const char *experiment_id, const char *name, const char *parent)
{
	struct contract_name id = contract_new_run_id(), made;
	const mlm_text tag = { "mlflow.parentRunId", parent };
	const struct store_new_run run = {
		.run_id = id.text,
		.experiment_id = experiment_id,
		.run_name = name,
		.user_id = "ada",
		.source_name = "train.lua",
		.start_time_ms = 1700000000000,
		.tags = &tag,
		.tag_count = parent ? 1 : 0,
	};
	MUST(spool_store_ops.create_run(store, &run, made.text, &err));
	return made;
}

static inline mlm_status log_param(
	struct store *store, const char *run, const char *key, const char *value)
{
	const mlm_text text = { key, value };
	return spool_store_ops.log_texts(store, run, &text, 1, NULL, 0, &err);
}

static inline mlm_status set_tag(
	struct store *store, const char *run, const char *key, const char *value)
{
	const mlm_text text = { key, value };
	return spool_store_ops.log_texts(store, run, NULL, 0, &text, 1, &err);
}

static inline mlm_status end(struct store *store, const char *run, mlm_run_status status)
{
	const struct store_run_change change = { .status = status, .end_time_ms = 1700000009000 };
	return spool_store_ops.update_run(store, run, &change, &err);
}

static inline mlm_status log_points(
	struct store *store, const char *run, const char *key, int from, int to)
{
	const struct store_series series = { run, key };
	struct store_point points[1000] = { 0 };
	size_t count = 0;
	for (int i = from; i < to; i++)
		points[count++] = (struct store_point){ 0, i, 1700000000000 + i, i / 2.0 };
	const struct store_batch batch = {
		.series = &series, .series_count = 1, .points = points, .point_count = count
	};
	return spool_store_ops.apply(store, &batch, NULL, NULL, &err);
}

/* The only run of that name on the server, which is looked at directly. */
static inline mlm_run_list *on_server(struct store *store, const char *name)
{
	struct store *inner = faulty_inner(spool_store_of(store)->remote);
	char filter[128];
	mlm_experiment_list *experiments;
	mlm_run_list *list;
	mlm_query all = MLM_QUERY_INIT;
	MUST(sqlite_store_ops.search_experiments(inner, &all, &experiments, &err));
	const char *ids[64];
	for (size_t i = 0; i < experiments->count; i++)
		ids[i] = experiments->items[i].experiment_id;
	mlm_query query = MLM_QUERY_INIT;
	snprintf(filter, sizeof(filter), "attributes.run_name = '%s'", name);
	query.experiment_ids = ids;
	query.experiment_count = experiments->count;
	query.filter = filter;
	query.view = MLM_VIEW_ALL;
	MUST(sqlite_store_ops.search_runs(inner, &query, &list, &err));
	arena_free(experiments->memory);
	return list;
}

static inline const char *param(const mlm_run_record *run, const char *key)
{
	return contract_text(run->params, run->param_count, key);
}

static inline const char *tag(const mlm_run_record *run, const char *key)
{
	return contract_text(run->tags, run->tag_count, key);
}

static inline size_t points_on_server(struct store *store, const char *run_id, const char *key)
{
	struct store *inner = faulty_inner(spool_store_of(store)->remote);
	mlm_metric_history *history;
	MUST(sqlite_store_ops.get_metric_history(inner, run_id, key, &history, &err));
	size_t count = history->count;
	arena_free(history->memory);
	return count;
}

#endif
