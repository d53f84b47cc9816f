/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <sys/file.h>

#include "store/spool_room.h"

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
	CHECK_STRING(tag(&later->items[0], STORE_ORIGIN_TAG), late.text);
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

TEST(deliver__sends_the_rest_of_a_run_past_what_the_server_stumbles_over)
{
	struct store *store = open_room();
	struct told told;
	faulty_next = is_away;
	struct contract_name id = begin(store, "0", "poisoned", NULL);
	const mlm_text params[] = { { "a", "1" }, { "b", FAULTY_POISON_TEXT }, { "c", "3" } };
	MUST(spool_store_ops.log_texts(store, id.text, params, 3, NULL, 0, &err));
	MUST(set_tag(store, id.text, "later", "1"));
	MUST(log_points(store, id.text, "loss", -50, 50)); /* -1 is among them */
	MUST(log_points(store, id.text, "loss", 50, 150));
	MUST(end(store, id.text, MLM_RUN_FINISHED));
	come_back(store);
	for (int i = 0; i < 2; i++) {
		CHECK_STATUS(deliver(store, &told), MLM_EAGAIN);
		CHECK_CONTAINS(err.message, "HTTP status 500");
		CHECK_INT(told.left, 1);
		CHECK_INT(told.refused, 0);
		mlm_run_list *list = on_server(store, "poisoned");
		CHECK_INT(list->count, 1);
		const mlm_run_record *run = &list->items[0];
		CHECK_STRING(param(run, "a"), "1");
		CHECK_STRING(param(run, "c"), "3");
		CHECK_STRING(param(run, "b"), "");
		/* What is set keeps its order. */
		CHECK_STRING(tag(run, "later"), "");
		CHECK_INT(points_on_server(store, run->run_id, "loss"), 199);
		CHECK_INT(run->status, MLM_RUN_FINISHED);
		arena_free(list->memory);
	}
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
	CHECK_STRING(tag(run, STORE_ORIGIN_TAG), id.text);
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
	CHECK_STRING(tag(&list->items[0], STORE_ORIGIN_TAG), id.text);
	arena_free(list->memory);
	spool_store_ops.close(store);
}

/* As time does. */
static void age_requests(struct store *store)
{
	CHECK_INT(sqlite3_exec(spool_store_of(store)->queue.db.db,
			  "UPDATE request SET since_ms = since_ms - 16000", NULL, NULL, NULL),
		SQLITE_OK);
}

TEST(create_run__that_may_be_under_way_is_waited_for)
{
	struct store *store = open_room();
	struct told told;
	faulty_next = is_away;
	begin(store, "0", "late", NULL);
	struct contract_name other = begin(store, "0", "other", NULL);
	come_back(store);
	faulty_calls = 0;
	fault_at = 1;
	fault_then = FAULT_LATE;
	faulty_next = meet_at;
	CHECK_STATUS(deliver(store, &told), MLM_EAGAIN);
	/* Its sender is killed, and somebody else comes before the request has arrived. */
	spool_store_ops.close(store);
	store = open_spool();
	come_back(store);
	CHECK_STATUS(deliver(store, &told), MLM_EAGAIN);
	CHECK_CONTAINS(told.whys, "may still be making it");
	CHECK_INT(told.left, 1);
	CHECK_INT(told.delivered, 1); /* the other one does not wait for it */
	MUST(set_tag(store, other.text, "a", "1"));
	MUST(faulty_arrive(spool_store_of(store)->remote, &err));
	MUST(deliver(store, &told));
	mlm_run_list *list = on_server(store, "late");
	CHECK_INT(list->count, 1);
	arena_free(list->memory);
	spool_store_ops.close(store);
}

TEST(create_run__that_did_not_arrive_is_sent_again)
{
	struct store *store = open_room();
	struct told told;
	faulty_calls = 0;
	fault_at = 1;
	fault_then = FAULT_LATE;
	faulty_next = meet_at;
	begin(store, "0", "gone", NULL);
	come_back(store);
	CHECK_STATUS(deliver(store, &told), MLM_EAGAIN);
	age_requests(store);
	MUST(deliver(store, &told));
	mlm_run_list *list = on_server(store, "gone");
	CHECK_INT(list->count, 1);
	arena_free(list->memory);
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

int main(void)
{
	directory_make();
	RUN(deliver__nests_runs_as_they_were);
	RUN(deliver__keeps_the_order_of_a_run_that_was_there_before);
	RUN(deliver__reports_a_refused_param_by_its_key_and_takes_the_rest);
	RUN(deliver__sends_the_rest_of_a_run_past_what_the_server_stumbles_over);
	RUN(deliver__tells_once_of_a_run_that_is_gone);
	RUN(deliver__leaves_a_run_whose_experiment_is_deleted_until_it_is_restored);
	RUN(deliver__cut_at_any_call_and_done_again_doubles_nothing);
	RUN(create_run__whose_answer_was_lost_is_found_again);
	RUN(create_run__that_may_be_under_way_is_waited_for);
	RUN(create_run__that_did_not_arrive_is_sent_again);
	RUN(deliver__is_one_processes_at_a_time);
	RUN(deliver__drops_a_damaged_record_and_says_so);
	directory_remove();
	return check_done();
}
