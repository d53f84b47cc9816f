/* SPDX-License-Identifier: Apache-2.0 */
#include "store/spool_store.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#include "store/contract/data_contract.h"
#include "store/contract/experiment_contract.h"
#include "store/contract/journal_contract.h"
#include "store/contract/run_contract.h"
#include "store/contract/transfer_contract.h"
#include "store/faulty_store.h"
#include "store/store_directory.h"

static unsigned rooms; /* each test has a server and a spool of its own */
static struct store_path server_uri;
static struct store_path spool_path;

static enum fault is_away(void)
{
	return FAULT_AWAY;
}

static struct store *open_spool(void)
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

static struct store *open_room(void)
{
	char name[32];
	snprintf(name, sizeof(name), "server%u.db", ++rooms);
	server_uri = uri_of(name);
	snprintf(name, sizeof(name), "spool%u", rooms);
	spool_path = path_of(name);
	faulty_next = NULL;
	faulty_calls = 0;
	return open_spool();
}

/* The server back, and asked again at once. */
static void come_back(struct store *store)
{
	struct spool_store *spool = spool_store_of(store);
	faulty_next = NULL;
	spool->away_until_ms = 0;
	if (spool->queue.db.db)
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

static bool note(void *payload, const struct store_delivery *delivery)
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

static mlm_status deliver(struct store *store, struct told *told)
{
	bool is_taken;
	*told = (struct told){ 0 };
	return spool_store_ops.deliver(store, note, told, &is_taken, &err);
}

/* ---- short forms ---- */

static struct contract_name promise(struct store *store, const char *name)
{
	struct contract_name id;
	MUST(spool_store_ops.promise_experiment(store, name, NULL, id.text, &err));
	return id;
}

static struct contract_name begin(
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

static mlm_status log_param(
	struct store *store, const char *run, const char *key, const char *value)
{
	const mlm_text text = { key, value };
	return spool_store_ops.log_texts(store, run, &text, 1, NULL, 0, &err);
}

static mlm_status set_tag(struct store *store, const char *run, const char *key, const char *value)
{
	const mlm_text text = { key, value };
	return spool_store_ops.log_texts(store, run, NULL, 0, &text, 1, &err);
}

static mlm_status end(struct store *store, const char *run, mlm_run_status status)
{
	const struct store_run_change change = { .status = status, .end_time_ms = 1700000009000 };
	return spool_store_ops.update_run(store, run, &change, &err);
}

static mlm_status log_points(
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
static mlm_run_list *on_server(struct store *store, const char *name)
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

static const char *param(const mlm_run_record *run, const char *key)
{
	return contract_text(run->params, run->param_count, key);
}

static const char *tag(const mlm_run_record *run, const char *key)
{
	return contract_text(run->tags, run->tag_count, key);
}

static size_t points_on_server(struct store *store, const char *run_id, const char *key)
{
	struct store *inner = faulty_inner(spool_store_of(store)->remote);
	mlm_metric_history *history;
	MUST(sqlite_store_ops.get_metric_history(inner, run_id, key, &history, &err));
	size_t count = history->count;
	arena_free(history->memory);
	return count;
}

/* ---- the tests ---- */

static mlm_status open_for_contract(
	const struct store_options *options, struct store **store_out, mlm_error *why)
{
	struct store_options spooled = *options;
	spooled.spool = spool_path.text;
	spooled.remote = &faulty_store_ops;
	return spool_store_ops.open(&spooled, store_out, why);
}

TEST(open__makes_no_file_before_something_waits)
{
	struct store *store = open_room();
	struct stat status;
	MUST(set_tag(store, begin(store, "0", "here", NULL).text, "a", "1"));
	CHECK(stat(spool_path.text, &status) != 0);
	spool_store_ops.close(store);
}

TEST(writes__wait_for_a_store_that_is_away_and_reads_tell_them)
{
	struct store *store = open_room();
	struct told told;
	mlm_run_list *list;
	bool found;
	int64_t step;
	faulty_next = is_away;
	struct contract_name experiment = promise(store, "far away");
	char known[MLM_ID_SIZE];
	MUST(spool_store_ops.know_experiment(store, experiment.text, known, &err));
	CHECK_STRING(known, "");
	struct contract_name id = begin(store, experiment.text, "begun", NULL);
	MUST(log_param(store, id.text, "lr", "0.1"));
	MUST(set_tag(store, id.text, "a", "1"));
	MUST(set_tag(store, id.text, "a", "2"));
	MUST(set_tag(store, id.text, "b", "1"));
	MUST(spool_store_ops.delete_tag(store, id.text, "b", &err));
	MUST(log_points(store, id.text, "loss", 0, 1000));
	MUST(log_points(store, id.text, "loss", 1000, 1500));
	MUST(end(store, id.text, MLM_RUN_FAILED));
	MUST(spool_store_ops.get_run(store, id.text, &list, &err));
	const mlm_run_record *run = &list->items[0];
	CHECK_STRING(run->run_id, id.text);
	CHECK_STRING(run->experiment_id, "");
	CHECK_STRING(param(run, "lr"), "0.1");
	CHECK_STRING(tag(run, "a"), "2");
	CHECK_STRING(tag(run, "b"), "");
	CHECK_INT(run->status, MLM_RUN_FAILED);
	CHECK_INT(run->metric_count, 1);
	CHECK_INT(run->metrics[0].step, 1499);
	arena_free(list->memory);
	MUST(spool_store_ops.get_max_step(store, id.text, "loss", &found, &step, &err));
	CHECK(found && step == 1499);
	come_back(store);
	MUST(deliver(store, &told));
	CHECK_INT(told.delivered, 1);
	CHECK_INT(told.points, 1500);
	list = on_server(store, "begun");
	CHECK_INT(list->count, 1);
	run = &list->items[0];
	CHECK(strcmp(run->run_id, id.text) != 0);
	CHECK_STRING(tag(run, FAULTY_RUN_ID_TAG), id.text);
	CHECK_STRING(param(run, "lr"), "0.1");
	CHECK_STRING(tag(run, "a"), "2");
	CHECK_STRING(tag(run, "b"), "");
	CHECK_INT(run->status, MLM_RUN_FAILED);
	CHECK_INT(run->end_time_ms, 1700000009000);
	CHECK_INT(points_on_server(store, run->run_id, "loss"), 1500);
	MUST(spool_store_ops.know_experiment(store, experiment.text, known, &err));
	CHECK_STRING(known, run->experiment_id);
	/* Either id finds it, also for what is logged from now on. */
	MUST(set_tag(store, id.text, "c", "1"));
	MUST(set_tag(store, run->run_id, "d", "1"));
	mlm_run_list *again;
	MUST(spool_store_ops.get_run(store, id.text, &again, &err));
	CHECK_STRING(again->items[0].run_id, run->run_id);
	CHECK_STRING(tag(&again->items[0], "c"), "1");
	CHECK_STRING(tag(&again->items[0], "d"), "1");
	arena_free(again->memory);
	arena_free(list->memory);
	spool_store_ops.close(store);
}

TEST(deliver__nests_runs_as_they_were)
{
	struct store *store = open_room();
	struct told told;
	faulty_next = is_away;
	struct contract_name parent = begin(store, "0", "parent", NULL);
	begin(store, "0", "child", parent.text);
	come_back(store);
	/* The parent waits, so its child does as well. */
	struct contract_name late = begin(store, "0", "late child", parent.text);
	MUST(deliver(store, &told));
	CHECK_INT(told.delivered, 3);
	mlm_run_list *top = on_server(store, "parent");
	mlm_run_list *child = on_server(store, "child");
	mlm_run_list *later = on_server(store, "late child");
	CHECK_STRING(tag(&child->items[0], "mlflow.parentRunId"), top->items[0].run_id);
	CHECK_STRING(tag(&later->items[0], "mlflow.parentRunId"), top->items[0].run_id);
	CHECK_STRING(tag(&later->items[0], FAULTY_RUN_ID_TAG), late.text);
	arena_free(top->memory);
	arena_free(child->memory);
	arena_free(later->memory);
	/* And one that begins now, under the first id of a run that the store has. */
	begin(store, "0", "new child", parent.text);
	top = on_server(store, "parent");
	child = on_server(store, "new child");
	CHECK_STRING(tag(&child->items[0], "mlflow.parentRunId"), top->items[0].run_id);
	arena_free(top->memory);
	arena_free(child->memory);
	spool_store_ops.close(store);
}

TEST(deliver__keeps_the_order_of_a_run_that_was_there_before)
{
	struct store *store = open_room();
	struct told told;
	struct contract_name id = begin(store, "0", "online", NULL);
	MUST(set_tag(store, id.text, "a", "0"));
	faulty_next = is_away;
	MUST(set_tag(store, id.text, "a", "1"));
	come_back(store);
	MUST(set_tag(store, id.text, "a", "2")); /* behind what waits */
	MUST(deliver(store, &told));
	mlm_run_list *list = on_server(store, "online");
	CHECK_STRING(tag(&list->items[0], "a"), "2");
	arena_free(list->memory);
	spool_store_ops.close(store);
}

TEST(deliver__reports_a_refused_param_by_its_key_and_takes_the_rest)
{
	struct store *store = open_room();
	struct told told;
	struct contract_name id = begin(store, "0", "refused", NULL);
	MUST(log_param(store, id.text, "lr", "0.1"));
	faulty_next = is_away;
	const mlm_text params[] = { { "batch", "32" }, { "lr", "0.2" }, { "seed", "7" } };
	const mlm_text tags[] = { { "note", "kept" } };
	MUST(spool_store_ops.log_texts(store, id.text, params, 3, tags, 1, &err));
	/* One that waits is compared at once. */
	CHECK_STATUS(log_param(store, id.text, "seed", "8"), MLM_EEXISTS);
	CHECK_CONTAINS(err.message, "'seed'");
	MUST(log_points(store, id.text, "loss", 0, 10));
	come_back(store);
	MUST(deliver(store, &told));
	CHECK_INT(told.refused, 1);
	CHECK_STRING(told.names, "param 'lr';");
	CHECK_CONTAINS(told.whys, "'0.1'");
	mlm_run_list *list = on_server(store, "refused");
	CHECK_STRING(param(&list->items[0], "lr"), "0.1");
	CHECK_STRING(param(&list->items[0], "batch"), "32");
	CHECK_STRING(param(&list->items[0], "seed"), "7");
	CHECK_STRING(tag(&list->items[0], "note"), "kept");
	CHECK_INT(points_on_server(store, list->items[0].run_id, "loss"), 10);
	arena_free(list->memory);
	MUST(deliver(store, &told));
	CHECK_INT(told.refused, 0);
	spool_store_ops.close(store);
}

TEST(deliver__tells_once_of_a_run_that_is_gone)
{
	struct store *store = open_room();
	struct told told;
	struct contract_name id = begin(store, "0", "gone", NULL);
	faulty_next = is_away;
	MUST(set_tag(store, id.text, "a", "1"));
	MUST(log_points(store, id.text, "loss", 0, 10));
	MUST(log_points(store, id.text, "acc", 0, 10));
	struct store *inner = faulty_inner(spool_store_of(store)->remote);
	MUST(sqlite_store_ops.set_run_lifecycle(inner, id.text, MLM_DELETED, &err));
	struct contract_name other = begin(store, "0", "other", NULL);
	MUST(set_tag(store, other.text, "a", "1"));
	come_back(store);
	MUST(deliver(store, &told));
	CHECK_INT(told.refused, 1);
	CHECK_CONTAINS(told.whys, "deleted");
	CHECK_INT(told.delivered, 2);
	spool_store_ops.close(store);
}

TEST(deliver__leaves_a_run_whose_experiment_is_deleted_until_it_is_restored)
{
	struct store *store = open_room();
	struct store *inner = faulty_inner(spool_store_of(store)->remote);
	struct told told;
	char id[MLM_ID_SIZE];
	MUST(sqlite_store_ops.create_experiment(inner, "bin", NULL, id, &err));
	MUST(sqlite_store_ops.set_experiment_lifecycle(inner, id, MLM_DELETED, &err));
	faulty_next = is_away;
	struct contract_name bin = promise(store, "bin");
	struct contract_name binned = begin(store, bin.text, "binned", NULL);
	MUST(log_param(store, binned.text, "k", "v"));
	begin(store, "0", "fine", NULL);
	come_back(store);
	CHECK_STATUS(deliver(store, &told), MLM_EAGAIN);
	CHECK_INT(told.left, 1);
	CHECK_INT(told.delivered, 1);
	CHECK_CONTAINS(told.whys, "deleted");
	MUST(sqlite_store_ops.set_experiment_lifecycle(inner, id, MLM_ACTIVE, &err));
	MUST(deliver(store, &told));
	CHECK_INT(told.delivered, 1);
	mlm_run_list *list = on_server(store, "binned");
	CHECK_STRING(param(&list->items[0], "k"), "v");
	CHECK_STRING(list->items[0].experiment_id, id);
	arena_free(list->memory);
	spool_store_ops.close(store);
}

/* The fault that the call of this number meets. */
static unsigned fault_at;
static enum fault fault_then;

static enum fault meet_at(void)
{
	return faulty_calls == fault_at ? fault_then : FAULT_NONE;
}

static void check_delivered_once(struct store *store, struct contract_name id)
{
	mlm_run_list *list = on_server(store, "cut");
	CHECK_INT(list->count, 1);
	const mlm_run_record *run = &list->items[0];
	CHECK_STRING(tag(run, FAULTY_RUN_ID_TAG), id.text);
	CHECK_STRING(param(run, "lr"), "0.1");
	CHECK_STRING(tag(run, "a"), "2");
	CHECK_STRING(tag(run, "b"), "");
	CHECK_INT(run->status, MLM_RUN_FINISHED);
	CHECK_INT(points_on_server(store, run->run_id, "loss"), 20);
	arena_free(list->memory);
}

TEST(deliver__cut_at_any_call_and_done_again_doubles_nothing)
{
	static const enum fault faults[] = { FAULT_AWAY, FAULT_LOST, FAULT_STUMBLE };
	unsigned cuts = 0;
	for (unsigned at = 1; at <= 12; at++) {
		for (size_t i = 0; i < 3; i++) {
			struct store *store = open_room();
			struct told told;
			faulty_next = is_away;
			struct contract_name experiment = promise(store, "cuts");
			struct contract_name id = begin(store, experiment.text, "cut", NULL);
			MUST(log_param(store, id.text, "lr", "0.1"));
			MUST(set_tag(store, id.text, "b", "1"));
			MUST(spool_store_ops.delete_tag(store, id.text, "b", &err));
			MUST(set_tag(store, id.text, "a", "2"));
			MUST(log_points(store, id.text, "loss", 0, 20));
			MUST(end(store, id.text, MLM_RUN_FINISHED));
			come_back(store);
			faulty_calls = 0;
			fault_at = at;
			fault_then = faults[i];
			faulty_next = meet_at;
			cuts += deliver(store, &told) == MLM_EAGAIN;
			/* Another process goes on where this one was killed. */
			spool_store_ops.close(store);
			faulty_next = NULL;
			store = open_spool();
			MUST(deliver(store, &told));
			check_delivered_once(store, id);
			spool_store_ops.close(store);
		}
	}
	CHECK(cuts >= 24);
}

TEST(create_run__whose_answer_was_lost_is_found_again)
{
	struct store *store = open_room();
	struct told told;
	faulty_calls = 0;
	fault_at = 1;
	fault_then = FAULT_LOST;
	faulty_next = meet_at;
	struct contract_name id = begin(store, "0", "lost", NULL);
	come_back(store);
	MUST(deliver(store, &told));
	mlm_run_list *list = on_server(store, "lost");
	CHECK_INT(list->count, 1);
	CHECK_STRING(tag(&list->items[0], FAULTY_RUN_ID_TAG), id.text);
	arena_free(list->memory);
	spool_store_ops.close(store);
}

TEST(calls__do_not_ask_again_at_once_a_store_that_is_away)
{
	struct store *store = open_room();
	struct contract_name id = begin(store, "0", "quiet", NULL);
	mlm_run_list *list;
	faulty_next = is_away;
	MUST(set_tag(store, id.text, "a", "1"));
	unsigned calls = faulty_calls;
	for (int i = 0; i < 50; i++)
		MUST(set_tag(store, id.text, "a", "2"));
	CHECK_STATUS(spool_store_ops.get_run(store, id.text, &list, &err), MLM_EAGAIN);
	CHECK_CONTAINS(err.message, "away");
	/* Nor does another process. */
	struct store *other = open_spool();
	begin(other, "0", "other", NULL);
	CHECK_INT(faulty_calls, calls);
	spool_store_ops.close(other);
	spool_store_ops.close(store);
}

TEST(writes__to_a_run_that_nobody_has_seen_are_not_promised)
{
	struct store *store = open_room();
	const struct store_run_change rename = { .end_time_ms = -1, .run_name = "new" };
	faulty_next = is_away;
	CHECK_STATUS(
		spool_store_ops.set_run_lifecycle(store, "feed", MLM_DELETED, &err), MLM_EAGAIN);
	CHECK_STATUS(spool_store_ops.update_run(store, "feed", &rename, &err), MLM_EAGAIN);
	struct contract_name id = begin(store, "0", "old", NULL);
	MUST(spool_store_ops.update_run(store, id.text, &rename, &err));
	MUST(spool_store_ops.set_run_lifecycle(store, id.text, MLM_DELETED, &err));
	spool_store_ops.close(store);
}

TEST(deliver__is_one_processes_at_a_time)
{
	struct store *store = open_room();
	bool is_taken;
	char lock[256];
	faulty_next = is_away;
	begin(store, "0", "locked", NULL);
	come_back(store);
	snprintf(lock, sizeof(lock), "%s/" STORE_SPOOL_LOCK, spool_path.text);
	int fd = open(lock, O_RDWR);
	CHECK(flock(fd, LOCK_EX) == 0);
	CHECK_STATUS(spool_store_ops.deliver(store, NULL, NULL, &is_taken, &err), MLM_EAGAIN);
	CHECK(is_taken);
	close(fd);
	MUST(spool_store_ops.deliver(store, NULL, NULL, &is_taken, &err));
	CHECK(!is_taken);
	spool_store_ops.close(store);
}

TEST(deliver__drops_a_damaged_record_and_says_so)
{
	struct store *store = open_room();
	struct told told;
	faulty_next = is_away;
	struct contract_name id = begin(store, "0", "damaged", NULL);
	MUST(log_param(store, id.text, "k", "v"));
	MUST(log_points(store, id.text, "loss", 0, 3));
	struct spool_queue *queue = &spool_store_of(store)->queue;
	MUST(sqlite_run(&queue->db,
		"UPDATE entry SET body = x'7b' WHERE kind = 2;"
		"UPDATE entry SET body = x'01000000000000000100000000000000' WHERE kind = 6",
		"", &err));
	MUST(set_tag(store, id.text, "a", "1"));
	come_back(store);
	MUST(deliver(store, &told));
	CHECK_INT(told.refused, 2);
	CHECK_CONTAINS(told.whys, "damaged");
	mlm_run_list *list = on_server(store, "damaged");
	CHECK_STRING(tag(&list->items[0], "a"), "1");
	arena_free(list->memory);
	spool_store_ops.close(store);
}

static void note_series(
	void *payload, const struct store_series *series, size_t point_count, const mlm_error *why)
{
	(void)why;
	snprintf(payload, 128, "%s %s %zu", series->run_id, series->key, point_count);
}

TEST(apply__sends_each_run_where_it_belongs)
{
	struct store *store = open_room();
	struct told told;
	char refused[128] = "", expected[128];
	faulty_next = is_away;
	struct contract_name here = begin(store, "0", "here", NULL);
	come_back(store);
	struct contract_name there = begin(store, "0", "there", NULL);
	const struct store_series series[] = { { here.text, "a" }, { there.text, "a" },
		{ there.text, "b" }, { "none", "c" } };
	const struct store_point points[] = { { 0, 1, 1, 1 }, { 1, 1, 1, 1 }, { 2, 1, 1, 1 },
		{ 2, 2, 2, 2 }, { 3, 1, 1, 1 } };
	const struct store_batch batch = {
		.series = series, .series_count = 4, .points = points, .point_count = 5
	};
	MUST(spool_store_ops.apply(store, &batch, note_series, refused, &err));
	snprintf(expected, sizeof(expected), "none c 1");
	CHECK_STRING(refused, expected);
	CHECK_INT(points_on_server(store, there.text, "b"), 2);
	MUST(deliver(store, &told));
	mlm_run_list *list = on_server(store, "here");
	CHECK_INT(points_on_server(store, list->items[0].run_id, "a"), 1);
	arena_free(list->memory);
	spool_store_ops.close(store);
}

TEST(killed_runs__end_when_the_store_is_back)
{
	struct store *store = open_room();
	struct told told;
	faulty_next = is_away;
	struct contract_name open = begin(store, "0", "open", NULL);
	struct contract_name ended = begin(store, "0", "ended", NULL);
	MUST(end(store, ended.text, MLM_RUN_FINISHED));
	const struct store_killed_run killed[] = { { open.text, 1700000005000 },
		{ ended.text, 1700000005000 } };
	const struct store_batch batch = { .killed_runs = killed, .killed_run_count = 2 };
	MUST(spool_store_ops.apply(store, &batch, NULL, NULL, &err));
	come_back(store);
	MUST(deliver(store, &told));
	mlm_run_list *first = on_server(store, "open");
	mlm_run_list *second = on_server(store, "ended");
	CHECK_INT(first->items[0].status, MLM_RUN_KILLED);
	CHECK_INT(first->items[0].end_time_ms, 1700000005000);
	CHECK_INT(second->items[0].status, MLM_RUN_FINISHED);
	arena_free(first->memory);
	arena_free(second->memory);
	spool_store_ops.close(store);
}

/* ---- anything at any time ---- */

#define ROUNDS 60
#define STEPS  80

static uint64_t random_state;

static unsigned random_below(unsigned limit)
{
	random_state = random_state * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(random_state >> 33) % limit;
}

static enum fault meet_anything(void)
{
	unsigned dice = random_below(10);
	return dice < 5   ? FAULT_NONE
	       : dice < 7 ? FAULT_AWAY
	       : dice < 9 ? FAULT_LOST
			  : FAULT_STUMBLE;
}

struct model {
	struct contract_name id;
	char name[32];
	char params[8][8];
	char tags[8][8];
	int points;
	bool is_ended;
};

static void step_model(struct store *store, struct model *model)
{
	char key[8], value[8];
	unsigned which = random_below(8);
	snprintf(key, sizeof(key), "k%u", which);
	snprintf(value, sizeof(value), "%u", random_below(1000));
	switch (random_below(5)) {
	case 0:
		if (!model->params[which][0]) {
			memcpy(model->params[which], value, sizeof(value));
			MUST(log_param(store, model->id.text, key, value));
		}
		break;
	case 1:
		memcpy(model->tags[which], value, sizeof(value));
		MUST(set_tag(store, model->id.text, key, value));
		break;
	case 2:
		if (model->tags[which][0])
			MUST(spool_store_ops.delete_tag(store, model->id.text, key, &err));
		model->tags[which][0] = '\0';
		break;
	case 3:
		MUST(log_points(store, model->id.text, "loss", model->points, model->points + 7));
		model->points += 7;
		break;
	default:
		if (random_below(8) == 0) {
			MUST(end(store, model->id.text, MLM_RUN_FINISHED));
			model->is_ended = true;
		}
	}
}

static void check_model(struct store *store, const struct model *model)
{
	mlm_run_list *list = on_server(store, model->name);
	CHECK_INT(list->count, 1);
	const mlm_run_record *run = &list->items[0];
	for (unsigned i = 0; i < 8 && list->count == 1; i++) {
		char key[8];
		snprintf(key, sizeof(key), "k%u", i);
		const char *value = param(run, key), *text = tag(run, key);
		CHECK_STRING(value ? value : "", model->params[i]);
		CHECK_STRING(text ? text : "", model->tags[i]);
	}
	CHECK_INT(run->param_count <= 8, true);
	CHECK_INT(points_on_server(store, run->run_id, "loss"), model->points);
	CHECK_INT(run->status == MLM_RUN_FINISHED, model->is_ended);
	arena_free(list->memory);
}

TEST(anything__ends_with_what_was_acknowledged)
{
	for (unsigned round = 1; round <= ROUNDS; round++) {
		struct model models[4] = { 0 };
		struct told told;
		random_state = round;
		struct store *store = open_room();
		faulty_next = meet_anything;
		struct contract_name experiment = promise(store, "anything");
		for (unsigned i = 0; i < 4; i++) {
			snprintf(models[i].name, sizeof(models[i].name), "run %u", i);
			models[i].id = begin(store, experiment.text, models[i].name,
				i % 2 ? models[i - 1].id.text : NULL);
		}
		for (unsigned i = 0; i < STEPS; i++) {
			step_model(store, &models[random_below(4)]);
			if (random_below(6) == 0)
				come_back(store), faulty_next = meet_anything;
			if (random_below(8) == 0)
				deliver(store, &told);
			if (random_below(20) == 0) {
				spool_store_ops.close(store);
				store = open_spool();
			}
		}
		come_back(store);
		MUST(deliver(store, &told));
		for (unsigned i = 0; i < 4; i++)
			check_model(store, &models[i]);
		spool_store_ops.close(store);
		if (check_failures_of_test) {
			printf("  the seed was %u\n", round);
			break;
		}
	}
}

int main(void)
{
	directory_make();
	struct store_ops ops = spool_store_ops;
	ops.open = open_for_contract;
	spool_path = path_of("contract-spool");
	contract_differences = CONTRACT_NAMES_RUNS;
	contract_open(&ops, uri_of("contract.db").text);
	run_experiment_contract();
	run_run_contract();
	run_data_contract();
	run_journal_contract();
	run_transfer_contract();
	run_input_contract();
	contract_close();
	RUN(open__makes_no_file_before_something_waits);
	RUN(writes__wait_for_a_store_that_is_away_and_reads_tell_them);
	RUN(deliver__nests_runs_as_they_were);
	RUN(deliver__keeps_the_order_of_a_run_that_was_there_before);
	RUN(deliver__reports_a_refused_param_by_its_key_and_takes_the_rest);
	RUN(deliver__tells_once_of_a_run_that_is_gone);
	RUN(deliver__leaves_a_run_whose_experiment_is_deleted_until_it_is_restored);
	RUN(deliver__cut_at_any_call_and_done_again_doubles_nothing);
	RUN(create_run__whose_answer_was_lost_is_found_again);
	RUN(calls__do_not_ask_again_at_once_a_store_that_is_away);
	RUN(writes__to_a_run_that_nobody_has_seen_are_not_promised);
	RUN(deliver__is_one_processes_at_a_time);
	RUN(deliver__drops_a_damaged_record_and_says_so);
	RUN(apply__sends_each_run_where_it_belongs);
	RUN(killed_runs__end_when_the_store_is_back);
	RUN(anything__ends_with_what_was_acknowledged);
	directory_remove();
	return check_done();
}
