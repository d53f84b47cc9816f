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
#include "store/spool_room.h"

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
	mlm_metric_summary sum;
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
	MUST(spool_store_ops.summarize_metric(store, id.text, "loss", &sum, &err));
	CHECK_INT(sum.count, 1500);
	CHECK_INT(sum.last_step, 1499);
	come_back(store);
	MUST(deliver(store, &told));
	CHECK_INT(told.delivered, 1);
	CHECK_INT(told.points, 1500);
	list = on_server(store, "begun");
	CHECK_INT(list->count, 1);
	run = &list->items[0];
	CHECK(strcmp(run->run_id, id.text) != 0);
	CHECK_STRING(tag(run, STORE_ORIGIN_TAG), id.text);
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

TEST(get_run__tells_metrics_with_what_waits_of_them)
{
	struct store *store = open_room();
	mlm_run_list *list;
	char lock[256];
	struct contract_name id = begin(store, "0", "ahead", NULL);
	MUST(log_points(store, id.text, "loss", 0, 10));
	faulty_next = is_away;
	MUST(log_points(store, id.text, "loss", 10, 20));
	MUST(log_points(store, id.text, "late", 0, 1));
	come_back(store);
	/* Another process is sending, and takes its time. */
	snprintf(lock, sizeof(lock), "%s/" STORE_SPOOL_LOCK, spool_path.text);
	int fd = open(lock, O_RDWR);
	CHECK(flock(fd, LOCK_EX) == 0);
	store->busy_timeout_ms = 1;
	MUST(spool_store_ops.get_run(store, id.text, &list, &err));
	CHECK_INT(points_on_server(store, id.text, "loss"), 10);
	CHECK_INT(list->items[0].metric_count, 2);
	CHECK_STRING(list->items[0].metrics[1].key, "loss");
	CHECK_INT(list->items[0].metrics[1].step, 19);
	arena_free(list->memory);
	close(fd);
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
	RUN(get_run__tells_metrics_with_what_waits_of_them);
	RUN(calls__do_not_ask_again_at_once_a_store_that_is_away);
	RUN(writes__to_a_run_that_nobody_has_seen_are_not_promised);
	RUN(apply__sends_each_run_where_it_belongs);
	RUN(killed_runs__end_when_the_store_is_back);
	RUN(anything__ends_with_what_was_acknowledged);
	directory_remove();
	return check_done();
}
