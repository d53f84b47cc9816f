/* SPDX-License-Identifier: Apache-2.0 */

/* What the REST store does when answers are late, lost or strange; the contract itself runs on a
 * real server in tests/peers/rest_store.py. */

#include "store/rest_store.h"

#include "base/clock.h"
#include "fake_peer.h"

static mlm_error err = MLM_ERROR_INIT;

static struct store *open_store(const struct fake_peer *peer, uint32_t busy_timeout_ms)
{
	const struct store_options options = { .uri = peer->url,
		.busy_timeout_ms = busy_timeout_ms };
	struct store *store;
	MUST(rest_store_ops.open(&options, &store, &err));
	return store;
}

static const struct store_new_run new_run = {
	.run_id = "0123456789abcdef0123456789abcdef",
	.experiment_id = "1",
	.run_name = "a run",
	.user_id = "ada",
	.source_name = "",
	.start_time_ms = 1,
};

#define RUN_ANSWER "{\"run\": {\"info\": {\"run_id\": \"made\", \"status\": \"RUNNING\"}}}"

TEST(create_run__may_exist_looks_for_the_run_before_it_makes_one)
{
	static const struct fake_turn turns[] = {
		{ .body = "{\"runs\": [{\"info\": {\"run_id\": \"made\"}}]}" }, { .body = "{}" },
		{ .body = RUN_ANSWER }
	};
	struct fake_peer peer;
	struct store_new_run again = new_run;
	char id[MLM_ID_SIZE];
	again.may_exist = true;
	fake_peer_start(&peer, turns, 3);
	struct store *store = open_store(&peer, 0);
	MUST(store->ops->create_run(store, &again, id, &err));
	CHECK_STRING(id, "made");
	CHECK_INT(peer.request_count, 1);
	CHECK_CONTAINS(fake_peer_request(&peer, 0), "runs/search");
	CHECK_CONTAINS(fake_peer_request(&peer, 0), new_run.run_id);
	MUST(store->ops->create_run(store, &again, id, &err));
	CHECK_STRING(id, "made");
	CHECK_INT(peer.request_count, 3);
	CHECK_CONTAINS(fake_peer_request(&peer, 2), "runs/create");
	CHECK_CONTAINS(fake_peer_request(&peer, 2), "mlmanager.run_id");
	store->ops->close(store);
	fake_peer_stop(&peer);
}

TEST(create_run__only_finds_makes_nothing)
{
	static const struct fake_turn turn = { .body = "{}" };
	struct fake_peer peer;
	struct store_new_run again = new_run;
	char id[MLM_ID_SIZE];
	again.may_exist = again.only_finds = true;
	fake_peer_start(&peer, &turn, 1);
	struct store *store = open_store(&peer, 0);
	MUST(store->ops->create_run(store, &again, id, &err));
	CHECK_STRING(id, "");
	CHECK_INT(peer.request_count, 1);
	store->ops->close(store);
	fake_peer_stop(&peer);
}

TEST(create_run__etimeout_tells_that_it_may_have_been_made)
{
	static const struct fake_turn turns[] = { { .cuts_early = true },
		{ .status = "502 Bad Gateway" } };
	struct fake_peer peer;
	char id[MLM_ID_SIZE];
	fake_peer_start(&peer, turns, 2);
	struct store *store = open_store(&peer, 60000);
	for (size_t i = 0; i < 2; i++) {
		CHECK_STATUS(store->ops->create_run(store, &new_run, id, &err), MLM_ETIMEOUT);
		CHECK_CONTAINS(err.message, "whether it made the run");
		CHECK_STRING(id, "");
		CHECK_INT(fake_peer_requests(&peer), i + 1);
	}
	CHECK_INT(err.detail, 502);
	store->ops->close(store);
	fake_peer_stop(&peer);
}

TEST(create_run__eagain_tells_that_it_was_not_made)
{
	static const struct fake_turn turn = { .status = "503 Service Unavailable" };
	struct fake_peer peer;
	char id[MLM_ID_SIZE];
	fake_peer_start(&peer, &turn, 1);
	struct store *store = open_store(&peer, 0);
	CHECK_STATUS(store->ops->create_run(store, &new_run, id, &err), MLM_EAGAIN);
	CHECK_STRING(id, "");
	store->ops->close(store);
	fake_peer_stop(&peer);
}

TEST(create_run__epeer_for_an_answer_without_an_id)
{
	static const struct fake_turn turn = { .body = "{\"run\": 7}" };
	struct fake_peer peer;
	char id[MLM_ID_SIZE];
	fake_peer_start(&peer, &turn, 1);
	struct store *store = open_store(&peer, 0);
	CHECK_STATUS(store->ops->create_run(store, &new_run, id, &err), MLM_EPEER);
	store->ops->close(store);
	fake_peer_stop(&peer);
}

TEST(delete_tag__is_done_when_the_answer_to_the_first_request_was_lost)
{
	static const struct fake_turn turns[] = { { .cuts_early = true },
		{ .status = "404 Not Found",
			.body = "{\"error_code\": \"RESOURCE_DOES_NOT_EXIST\"}" } };
	struct fake_peer peer;
	fake_peer_start(&peer, turns, 2);
	struct store *store = open_store(&peer, 60000);
	MUST(store->ops->delete_tag(store, "r", "k", &err));
	store->ops->close(store);
	fake_peer_stop(&peer);
}

TEST(get_run__reads_numbers_in_every_form_of_protobuf)
{
	static const struct fake_turn turn = {
		.body = "{\"run\": {\"info\": {\"run_id\": \"r\", \"start_time\": "
			"\"17000000000000\", "
			"\"end_time\": 5, \"status\": \"FINISHED\", \"lifecycle_stage\": "
			"\"deleted\", \"unknown\": []}, \"data\": {\"metrics\": [{\"key\": \"b\", "
			"\"value\": \"NaN\", \"step\": \"-3\", \"timestamp\": 7}, {\"key\": \"a\", "
			"\"value\": \"-Infinity\"}, {\"key\": \"c\", \"value\": \"1.5\", \"step\": "
			"9007199254740993}], \"params\": null}}}"
	};
	struct fake_peer peer;
	mlm_run_list *list;
	fake_peer_start(&peer, &turn, 1);
	struct store *store = open_store(&peer, 0);
	MUST(store->ops->get_run(store, "r", &list, &err));
	const mlm_run_record *run = &list->items[0];
	CHECK_INT(run->start_time_ms, 17000000000000);
	CHECK_INT(run->end_time_ms, 5);
	CHECK_INT(run->status, MLM_RUN_FINISHED);
	CHECK_INT(run->lifecycle, MLM_DELETED);
	CHECK_STRING(run->user_id, "");
	CHECK_INT(run->metric_count, 3);
	CHECK_STRING(run->metrics[0].key, "a");
	CHECK(run->metrics[0].value < -1e308);
	CHECK(run->metrics[1].value != run->metrics[1].value);
	CHECK_INT(run->metrics[1].step, -3);
	CHECK(run->metrics[2].value == 1.5);
	CHECK_INT(run->metrics[2].step, 9007199254740993);
	CHECK_INT(run->param_count, 0);
	arena_free(list->memory);
	store->ops->close(store);
	fake_peer_stop(&peer);
}

TEST(get_run__epeer_without_a_run)
{
	static const struct fake_turn turn = { .body = "{\"runs\": []}" };
	struct fake_peer peer;
	mlm_run_list *list;
	fake_peer_start(&peer, &turn, 1);
	struct store *store = open_store(&peer, 0);
	CHECK_STATUS(store->ops->get_run(store, "r", &list, &err), MLM_EPEER);
	CHECK(!list);
	store->ops->close(store);
	fake_peer_stop(&peer);
}

TEST(apply__sends_a_thousand_points_at_once_in_their_order)
{
	enum { COUNT = 1500 };
	static struct store_point points[COUNT];
	static const struct fake_turn turn = { .body = "{}" };
	const struct store_series series = { "r", "loss" };
	struct fake_peer peer;
	for (int i = 0; i < COUNT; i++)
		points[i] = (struct store_point){ 0, i, i, i / 4.0 };
	const struct store_batch batch = { &series, 1, points, COUNT, "j", 1, NULL, 0 };
	fake_peer_start(&peer, &turn, 1);
	struct store *store = open_store(&peer, 0);
	MUST(store->ops->apply(store, &batch, NULL, NULL, &err));
	CHECK_INT(peer.request_count, 2);
	CHECK_CONTAINS(fake_peer_request(&peer, 0),
		"{\"key\":\"loss\",\"value\":249.75,\"timestamp\":999,\"step\":999}]}");
	CHECK_CONTAINS(fake_peer_request(&peer, 1),
		"[{\"key\":\"loss\",\"value\":250.0,\"timestamp\":1000,\"step\":1000}");
	store->ops->close(store);
	fake_peer_stop(&peer);
}

static void *interrupt_soon(void *store)
{
	usleep(50000);
	rest_store_ops.interrupt(store);
	return NULL;
}

TEST(interrupt__ends_a_call_that_waits_for_a_server_that_stalls)
{
	static const struct fake_turn turn = { .stalls = true };
	struct fake_peer peer;
	mlm_run_list *list;
	pthread_t thread;
	fake_peer_start(&peer, &turn, 1);
	struct store *store = open_store(&peer, 60000);
	pthread_create(&thread, NULL, interrupt_soon, store);
	CHECK_STATUS(store->ops->get_run(store, "r", &list, &err), MLM_EAGAIN);
	pthread_join(thread, NULL);
	store->ops->close(store);
	fake_peer_stop(&peer);
}

TEST(apply__of_the_flusher_leaves_the_server_alone_as_long_as_it_asks)
{
	static const struct fake_turn turns[] = {
		{ .status = "429 Slow", .headers = "Retry-After: 1\r\n" }, { .body = "{}" }
	};
	const struct store_series series = { "r", "loss" };
	const struct store_point point = { 0, 1, 1, 1 };
	const struct store_batch batch = { &series, 1, &point, 1, "j", 1, NULL, 0 };
	struct fake_peer peer;
	struct store *store;
	fake_peer_start(&peer, turns, 2);
	const struct store_options options = { .uri = peer.url, .for_flusher = true };
	MUST(rest_store_ops.open(&options, &store, &err));
	int64_t begin_ns = clock_monotonic_ns();
	CHECK_STATUS(store->ops->apply(store, &batch, NULL, NULL, &err), MLM_EAGAIN);
	MUST(store->ops->apply(store, &batch, NULL, NULL, &err));
	CHECK(clock_monotonic_ns() - begin_ns > 900000000);
	store->ops->close(store);
	fake_peer_stop(&peer);
}

/* ---- memory ---- */

struct counter {
	long left; /* requests until memory has run out */
	long blocks; /* in use */
	bool was_refused;
};

static bool refuses(struct counter *counter)
{
	if (counter->left-- > 0)
		return false;
	counter->was_refused = true;
	return true;
}

static void *allocate(void *payload, size_t size)
{
	struct counter *counter = payload;
	void *memory = refuses(counter) ? NULL : malloc(size);
	counter->blocks += memory != NULL;
	return memory;
}

static void *reallocate(void *payload, void *memory, size_t size)
{
	return refuses(payload) ? NULL : realloc(memory, size);
}

static void release(void *payload, void *memory)
{
	((struct counter *)payload)->blocks--;
	free(memory);
}

/* A store's whole life, as far as it comes. */
static mlm_status live(const char *url, const mlm_allocator *allocator)
{
	const struct store_options options = { .uri = url, .allocator = allocator };
	const struct store_series series = { "r", "loss" };
	const struct store_point point = { 0, 1, 1, 1 };
	const struct store_batch batch = { &series, 1, &point, 1, "j", 1, NULL, 0 };
	const mlm_text texts[] = { { "b", "1" }, { "a", "2" } };
	const char *ids[] = { "1" };
	mlm_query query = MLM_QUERY_INIT;
	query.experiment_ids = ids;
	query.experiment_count = 1;
	char id[MLM_ID_SIZE];
	struct store *store;
	mlm_run_list *runs = NULL;
	mlm_experiment_list *experiments = NULL;
	mlm_metric_history *history = NULL;
	mlm_status status = rest_store_ops.open(&options, &store, &err);
	if (status != MLM_OK)
		return status;
	status = store->ops->create_run(store, &new_run, id, &err);
	if (status == MLM_OK)
		status = store->ops->log_texts(store, "r", texts, 2, texts, 2, &err);
	if (status == MLM_OK)
		status = store->ops->apply(store, &batch, NULL, NULL, &err);
	if (status == MLM_OK)
		status = store->ops->get_run(store, "r", &runs, &err);
	if (status == MLM_OK) {
		arena_free(runs->memory);
		status = store->ops->search_runs(store, &query, &runs, &err);
	}
	if (status == MLM_OK) {
		arena_free(runs->memory);
		status = store->ops->get_experiment(store, "1", NULL, &experiments, &err);
	}
	if (status == MLM_OK) {
		arena_free(experiments->memory);
		status = store->ops->get_metric_history(store, "r", "loss", &history, &err);
	}
	if (status == MLM_OK)
		arena_free(history->memory);
	store->ops->close(store);
	return status;
}

TEST(every_call__enomem_at_each_request_for_memory_and_none_is_kept)
{
	static const struct fake_turn turn = {
		.body = "{\"run\": {\"info\": {\"run_id\": \"made\"}, \"data\": {\"tags\": "
			"[{\"key\": \"k\", \"value\": \"v\"}], \"metrics\": [{\"key\": "
			"\"m\"}]}}, \"runs\": [{\"info\": {\"run_id\": \"a\"}}], "
			"\"experiment\": {\"experiment_id\": \"1\", \"tags\": [{\"key\": "
			"\"k\"}]}, \"metrics\": [{\"value\": 1, \"step\": 2}]}"
	};
	struct fake_peer peer;
	struct counter counter = { .left = 1000000 };
	const mlm_allocator allocator = { allocate, reallocate, release, &counter };
	fake_peer_start(&peer, &turn, 1);
	MUST(live(peer.url, &allocator));
	CHECK_INT(counter.blocks, 0);
	long needed = 1000000 - counter.left;
	CHECK(needed > 20);
	for (long i = 0; i < needed; i++) {
		counter = (struct counter){ .left = i };
		err = (mlm_error)MLM_ERROR_INIT;
		mlm_status status = live(peer.url, &allocator);
		/* When the answer to a create cannot be kept, there may be a run. */
		CHECK(status == MLM_ENOMEM || strstr(err.message, "whether it made the run"));
		CHECK(counter.was_refused);
		CHECK_INT(counter.blocks, 0);
	}
	fake_peer_stop(&peer);
}

int main(void)
{
	unsetenv("http_proxy");
	setenv("HOME", "/nonexistent", 1);
	RUN(create_run__may_exist_looks_for_the_run_before_it_makes_one);
	RUN(create_run__only_finds_makes_nothing);
	RUN(create_run__etimeout_tells_that_it_may_have_been_made);
	RUN(create_run__eagain_tells_that_it_was_not_made);
	RUN(create_run__epeer_for_an_answer_without_an_id);
	RUN(delete_tag__is_done_when_the_answer_to_the_first_request_was_lost);
	RUN(get_run__reads_numbers_in_every_form_of_protobuf);
	RUN(get_run__epeer_without_a_run);
	RUN(apply__sends_a_thousand_points_at_once_in_their_order);
	RUN(interrupt__ends_a_call_that_waits_for_a_server_that_stalls);
	RUN(apply__of_the_flusher_leaves_the_server_alone_as_long_as_it_asks);
	RUN(every_call__enomem_at_each_request_for_memory_and_none_is_kept);
	return check_done();
}
