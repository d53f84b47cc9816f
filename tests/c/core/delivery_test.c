/* SPDX-License-Identifier: Apache-2.0 */

/* A manager whose server is away. store/spool_store_test has what waits and how it is sent,
 * tests/peers/offline.py a real server. */

#include "mlmanager/delivery.h"

#include "fake_peer.h"
#include "mlmanager/mlmanager.h"
#include "store/store_directory.h"

#define RUN_ID "0123456789abcdef0123456789abcdef"

/* What answers every request of these tests: all runs are one, whose artifacts are in a directory
 * of the test. */
static char answer[1024];
static const struct fake_turn everything = { .body = answer };

static mlm_error err = MLM_ERROR_INIT;
static struct fake_peer peer;
static char warnings[4096];

static void note_warning(void *payload, mlm_log_level level, const char *line)
{
	(void)payload;
	if (level == MLM_LOG_WARNING)
		snprintf(warnings + strlen(warnings), sizeof(warnings) - strlen(warnings), "%s\n",
			line);
}

static mlm_manager *open_manager(void)
{
	mlm_manager *manager;
	mlm_manager_options options = MLM_MANAGER_OPTIONS_INIT;
	options.store = peer.url;
	options.ignore_environment = true;
	options.server_wait_ms = 100;
	options.log = note_warning;
	MUST(mlm_manager_open(&options, &manager, &err));
	return manager;
}

/* A server that has gone, and a manager that does not know. */
static mlm_manager *begin(void)
{
	snprintf(directory, sizeof(directory), "/tmp/mlm-store-XXXXXX");
	directory_make();
	setenv("XDG_STATE_HOME", directory, 1);
	warnings[0] = '\0';
	snprintf(answer, sizeof(answer),
		"{\"experiment\": {\"experiment_id\": \"7\", \"name\": \"tests\"}, "
		"\"run\": {\"info\": {\"run_id\": \"" RUN_ID "\", \"experiment_id\": \"7\", "
		"\"status\": \"RUNNING\", \"lifecycle_stage\": \"active\", "
		"\"artifact_uri\": \"file://%s/artifacts\"}}}",
		directory);
	fake_peer_start(&peer, &everything, 1);
	fake_peer_halt(&peer);
	return open_manager();
}

static void come_back(void)
{
	int port = peer.port;
	fake_peer_stop(&peer);
	fake_peer_start_at(&peer, port, &everything, 1);
}

static void end(mlm_manager *manager)
{
	mlm_manager_free(manager);
	fake_peer_stop(&peer);
	directory_remove();
}

static size_t requests_with(const char *part)
{
	size_t count = 0;
	for (size_t i = 0; i < fake_peer_requests(&peer); i++)
		count += strstr(fake_peer_request(&peer, i), part) != NULL;
	return count;
}

struct told {
	int kinds[MLM_DELIVERY_PROGRESS + 1];
	char run_id[MLM_ID_SIZE];
	char server_run_id[MLM_ID_SIZE];
	bool stops;
};

static bool note(void *payload, const mlm_delivery_event *event)
{
	struct told *told = payload;
	told->kinds[event->kind]++;
	snprintf(told->run_id, sizeof(told->run_id), "%s", event->run_id);
	snprintf(told->server_run_id, sizeof(told->server_run_id), "%s", event->server_run_id);
	return !told->stops;
}

/* A script of its own, from beginning to end. Writes its run's id. */
static void log_something(mlm_manager *manager, char id_out[MLM_ID_SIZE])
{
	mlm_run *run, *nested;
	char id[MLM_ID_SIZE] = "?";
	double total_ms;
	const mlm_text param = { "lr", "0.1" };
	const mlm_text tag = { "note", "kept" };
	mlm_run_options options = MLM_RUN_OPTIONS_INIT;
	MUST(mlm_experiment_create(manager, "tests", NULL, id, &err));
	CHECK_STRING(id, "");
	MUST(mlm_experiment_set_active(manager, "tests", &err));
	mlm_experiment_active(manager, id);
	CHECK_STRING(id, "");
	MUST(mlm_run_start(manager, &options, &run, &err));
	snprintf(id_out, MLM_ID_SIZE, "%s", mlm_run_id(run));
	CHECK_INT(strlen(id_out), 32);
	mlm_run_experiment_id(run, id);
	CHECK_STRING(id, "");
	MUST(mlm_run_log_params(run, &param, 1, &err));
	MUST(mlm_run_set_tags(run, &tag, 1, &err));
	MUST(mlm_timer_start(run, "time", MLM_TIMER_AS_PARAM, &err));
	for (int i = 0; i < 2500; i++)
		MUST(mlm_run_log_metric(run, "loss", 0, i, MLM_STEP_NEXT, MLM_TIME_NOW, &err));
	options.nested = true;
	MUST(mlm_run_start(manager, &options, &nested, &err));
	MUST(mlm_run_end(nested, MLM_RUN_UNCHANGED, &err));
	MUST(mlm_timer_log_and_stop(run, &total_ms, &err));
	MUST(mlm_run_delete_tag(run, "note", &err));
	CHECK_STRING(mlm_run_id(mlm_run_active(manager)), id_out);
	MUST(mlm_run_end(run, MLM_RUN_UNCHANGED, &err));
}

TEST(runs__begin_and_end_without_a_server_and_say_once_that_they_wait)
{
	mlm_manager *manager = begin();
	char id[MLM_ID_SIZE];
	mlm_run_list *list;
	mlm_metric_history *history;
	mlm_run *run;
	log_something(manager, id);
	CHECK_CONTAINS(warnings, "'mlmanager sync' sends it");
	CHECK_CONTAINS(warnings, directory);
	CHECK(strchr(warnings, '\n')[1] == '\0');
	/* It can be read, and taken up again. */
	MUST(mlm_run_get(manager, id, &list, &err));
	CHECK_INT(list->items[0].status, MLM_RUN_FINISHED);
	CHECK_INT(list->items[0].param_count, 2);
	CHECK_STRING(list->items[0].experiment_id, "");
	mlm_run_list_free(list);
	MUST(mlm_metric_history_get(manager, id, "loss", &history, &err));
	CHECK_INT(history->count, 2500);
	mlm_metric_history_free(history);
	MUST(mlm_run_set_active(manager, id, &run, &err));
	MUST(mlm_run_log_metric(run, "loss", 0, 1, MLM_STEP_NEXT, MLM_TIME_NOW, &err));
	MUST(mlm_run_end(run, MLM_RUN_UNCHANGED, &err));
	MUST(mlm_metric_history_get(manager, id, "loss", &history, &err));
	CHECK_INT(history->count, 2501);
	CHECK_INT(history->steps[2500], 2500);
	mlm_metric_history_free(history);
	/* What only the server knows fails, and says why. */
	CHECK_STATUS(mlm_run_get(manager, RUN_ID, &list, &err), MLM_EAGAIN);
	CHECK_CONTAINS(err.message, "away");
	CHECK_STATUS(mlm_manager_flush(manager, 100, &err), MLM_ETIMEOUT);
	mlm_experiment_options reset = MLM_EXPERIMENT_OPTIONS_INIT;
	reset.reset = true;
	CHECK_STATUS(mlm_experiment_create(manager, "tests", &reset, NULL, &err), MLM_EAGAIN);
	MUST(mlm_manager_close(manager, 0, &err));
	end(manager);
}

TEST(deliver__sends_it_and_tells_the_ids)
{
	mlm_manager *manager = begin();
	struct told told = { 0 };
	mlm_delivery_result result;
	char id[MLM_ID_SIZE], experiment_id[MLM_ID_SIZE];
	log_something(manager, id);
	CHECK_STATUS(mlm_manager_deliver(manager, note, &told, &result, &err), MLM_EAGAIN);
	CHECK_INT(result.left, 3); /* an experiment and two runs */
	CHECK_INT(told.kinds[MLM_DELIVERY_LEFT], 3);
	mlm_manager_free(manager);
	come_back();
	manager = open_manager();
	told = (struct told){ .stops = true };
	CHECK_STATUS(mlm_manager_deliver(manager, note, &told, &result, &err), MLM_ESTATE);
	told = (struct told){ 0 };
	MUST(mlm_manager_deliver(manager, note, &told, &result, &err));
	CHECK_INT(result.runs, 2);
	CHECK_INT(result.points, 2500);
	CHECK_INT(result.left, 0);
	CHECK_INT(told.kinds[MLM_DELIVERY_RUN], 2);
	CHECK_STRING(told.server_run_id, RUN_ID);
	CHECK_INT(requests_with("runs/create"), 2);
	CHECK_INT(requests_with("\"status\":\"FINISHED\""), 2);
	CHECK(requests_with("\"step\":2499}]") >= 1);
	MUST(mlm_manager_deliver(manager, note, &told, &result, &err));
	CHECK_INT(result.records, 0);
	MUST(mlm_experiment_set_active(manager, "tests", &err));
	mlm_experiment_active(manager, experiment_id);
	CHECK_STRING(experiment_id, "7");
	end(manager);
}

TEST(a_server_that_comes_back__gets_all_from_the_process_that_waits)
{
	mlm_manager *manager = begin();
	mlm_run *run, *same;
	char id[MLM_ID_SIZE];
	MUST(mlm_experiment_create(manager, "tests", NULL, NULL, &err));
	MUST(mlm_run_start(manager, NULL, &run, &err));
	snprintf(id, sizeof(id), "%s", mlm_run_id(run));
	MUST(mlm_run_log_metric(run, "loss", 0, 1, MLM_STEP_NEXT, MLM_TIME_NOW, &err));
	come_back();
	MUST(mlm_manager_flush(manager, 60000, &err));
	CHECK_INT(requests_with("runs/create"), 1);
	/* The handle and its id stay what they were, under either id. */
	MUST(mlm_run_set_active(manager, id, &same, &err));
	CHECK(same == run);
	MUST(mlm_run_set_active(manager, RUN_ID, &same, &err));
	CHECK_STRING(mlm_run_id(run), id);
	mlm_experiment_active(manager, id);
	CHECK_STRING(id, "7");
	MUST(mlm_run_end(run, MLM_RUN_FINISHED, &err));
	CHECK_INT(requests_with("\"status\":\"FINISHED\""), 1);
	CHECK_STRING(warnings, "");
	end(manager);
}

TEST(log_metric__goes_on_from_the_servers_steps_and_never_asks_for_them)
{
	mlm_manager *manager = begin();
	mlm_run *run;
	snprintf(answer, sizeof(answer),
		"{\"run\": {\"info\": {\"run_id\": \"" RUN_ID "\", \"experiment_id\": \"7\", "
		"\"status\": \"RUNNING\", \"lifecycle_stage\": \"active\"}, \"data\": "
		"{\"metrics\": "
		"[{\"key\": \"loss\", \"value\": 1, \"step\": 41, \"timestamp\": 5}, "
		"{\"key\": \"not ours?\", \"value\": 1, \"step\": 1, \"timestamp\": 5}]}}}");
	come_back();
	MUST(mlm_run_set_active(manager, RUN_ID, &run, &err));
	size_t asked = requests_with("runs/get");
	fake_peer_halt(&peer);
	for (int i = 0; i < 2; i++) {
		MUST(mlm_run_log_metric(run, "loss", 0, i, MLM_STEP_NEXT, MLM_TIME_NOW, &err));
		MUST(mlm_run_log_metric(run, "new", 0, i, MLM_STEP_NEXT, MLM_TIME_NOW, &err));
	}
	CHECK_INT(requests_with("runs/get"), asked);
	MUST(mlm_run_end(run, MLM_RUN_UNCHANGED, &err));
	come_back();
	MUST(mlm_manager_flush(manager, 60000, &err));
	CHECK(requests_with("\"step\":42") >= 1);
	CHECK(requests_with("\"step\":43") >= 1);
	CHECK(requests_with("\"step\":1}") >= 1);
	end(manager);
}

/* ---- artifacts ---- */

static mlm_run *start(mlm_manager *manager)
{
	mlm_run *run;
	MUST(mlm_experiment_create(manager, "tests", NULL, NULL, &err));
	MUST(mlm_run_start(manager, NULL, &run, &err));
	return run;
}

struct text {
	char text[64];
};

static mlm_status note_bytes(void *payload, const void *bytes, size_t size, mlm_error *why)
{
	struct text *text = payload;
	size_t used = strlen(text->text);
	(void)why;
	snprintf(text->text + used, sizeof(text->text) - used, "%.*s", (int)size,
		(const char *)bytes);
	return MLM_OK;
}

static struct text read_artifact(mlm_manager *manager, const char *run_id, const char *name)
{
	struct text text = { "" };
	const mlm_artifact_writer writer = { note_bytes, &text };
	MUST(mlm_artifact_read(manager, run_id, name, &writer, NULL, &err));
	return text;
}

static struct text arrived(const char *name)
{
	struct text text = { "" };
	char path[200];
	snprintf(path, sizeof(path), "%s/artifacts/%s", directory, name);
	FILE *file = fopen(path, "r");
	if (!file || !fgets(text.text, sizeof(text.text), file))
		snprintf(text.text, sizeof(text.text), "nothing");
	if (file)
		fclose(file);
	return text;
}

TEST(artifacts__wait_with_their_run_and_are_sent_with_it)
{
	mlm_manager *manager = begin();
	mlm_run *run = start(manager);
	struct told told = { 0 };
	mlm_delivery_result result;
	mlm_artifact_list *list;
	char id[MLM_ID_SIZE];
	snprintf(id, sizeof(id), "%s", mlm_run_id(run));
	MUST(mlm_run_log_bytes(run, "dir/a.txt", "first", 5, &err));
	MUST(mlm_run_log_bytes(run, "dir/a.txt", "second", 6, &err));
	MUST(mlm_run_log_bytes(run, "b.txt", "gone", 4, &err));
	MUST(mlm_artifact_list_directory(manager, id, NULL, &list, &err));
	CHECK_INT(list->count, 2);
	mlm_artifact_list_free(list);
	CHECK_STRING(read_artifact(manager, id, "dir/a.txt").text, "second");
	MUST(mlm_artifact_delete(manager, id, "b.txt", &err));
	CHECK_STATUS(mlm_artifact_delete(manager, id, "b.txt", &err), MLM_ENOTFOUND);
	MUST(mlm_run_end(run, MLM_RUN_UNCHANGED, &err));
	CHECK_CONTAINS(warnings, "1 artifact (6 bytes)");
	CHECK_STATUS(mlm_manager_deliver(manager, note, &told, &result, &err), MLM_EAGAIN);
	CHECK_INT(result.artifacts, 0);
	mlm_manager_free(manager);
	come_back();
	manager = open_manager();
	MUST(mlm_manager_deliver(manager, note, &told, &result, &err));
	CHECK(result.artifacts == 1 && result.artifact_bytes == 6 && result.runs == 1);
	CHECK_INT(told.kinds[MLM_DELIVERY_RUN], 1);
	CHECK_STRING(arrived("dir/a.txt").text, "second");
	/* Either id, and the place itself now. */
	CHECK_STRING(read_artifact(manager, id, "dir/a.txt").text, "second");
	CHECK_STRING(read_artifact(manager, RUN_ID, "dir/a.txt").text, "second");
	MUST(mlm_manager_deliver(manager, note, &told, &result, &err));
	CHECK(result.artifacts == 0 && result.runs == 0);
	end(manager);
}

TEST(artifacts__are_sent_by_the_process_that_waits)
{
	mlm_manager *manager = begin();
	mlm_run *run = start(manager);
	MUST(mlm_run_log_bytes(run, "a.txt", "waited", 6, &err));
	come_back();
	MUST(mlm_manager_flush(manager, 60000, &err));
	CHECK_STRING(arrived("a.txt").text, "waited");
	MUST(mlm_run_log_bytes(run, "b.txt", "at once", 7, &err));
	CHECK_STRING(arrived("b.txt").text, "at once");
	MUST(mlm_run_end(run, MLM_RUN_UNCHANGED, &err));
	CHECK_STRING(warnings, "");
	end(manager);
}

TEST(artifacts__go_straight_to_a_known_place_that_needs_no_server)
{
	mlm_manager *manager = begin();
	come_back();
	mlm_run *run = start(manager);
	MUST(mlm_run_log_bytes(run, "a.txt", "before", 6, &err));
	fake_peer_halt(&peer);
	MUST(mlm_run_log_bytes(run, "b.txt", "meanwhile", 9, &err));
	CHECK_STRING(arrived("b.txt").text, "meanwhile");
	mlm_manager_free(manager);
	CHECK(!strstr(warnings, "artifact"));
	fake_peer_stop(&peer);
	directory_remove();
}

TEST(artifacts__that_were_refused_are_told_at_the_end_with_the_place_of_their_bytes)
{
	mlm_manager *manager = begin();
	mlm_run *run = start(manager);
	char place[200];
	MUST(mlm_run_log_bytes(run, "taken", "kept", 4, &err));
	snprintf(place, sizeof(place), "%s/artifacts", directory);
	CHECK(mkdir(place, 0777) == 0);
	snprintf(place, sizeof(place), "%s/artifacts/taken", directory);
	CHECK(mkdir(place, 0777) == 0);
	come_back();
	CHECK_STATUS(mlm_manager_flush(manager, 60000, &err), MLM_EEXISTS);
	CHECK_CONTAINS(err.message, "artifact 'taken'");
	CHECK_CONTAINS(err.message, "stays in '");
	char *file = strstr(err.message, "stays in '") + strlen("stays in '");
	file[strcspn(file, "'")] = '\0';
	CHECK(access(file, R_OK) == 0);
	mlm_delivery_result result;
	MUST(mlm_manager_deliver(manager, NULL, NULL, &result, &err));
	CHECK(result.kept == 1 && result.refused == 0);
	MUST(mlm_run_end(run, MLM_RUN_UNCHANGED, &err));
	end(manager);
}

static void note_store(void *payload, const char *store)
{
	snprintf(payload, 128, "%s", store);
}

TEST(delivery_servers__tells_whom_something_may_wait_for)
{
	mlm_manager *manager = begin();
	char id[MLM_ID_SIZE], store[128] = "";
	MUST(mlm_delivery_servers(note_store, store, &err));
	CHECK_STRING(store, "");
	log_something(manager, id);
	MUST(mlm_delivery_servers(note_store, store, &err));
	CHECK_STRING(store, peer.url);
	CHECK_STATUS(mlm_delivery_servers(NULL, store, &err), MLM_EINVAL);
	end(manager);
}

TEST(deliver__has_nothing_to_do_for_a_database)
{
	mlm_manager *manager = begin();
	mlm_manager_free(manager);
	mlm_manager_options options = MLM_MANAGER_OPTIONS_INIT;
	mlm_delivery_result result = { .runs = 1 };
	struct store_path uri = uri_of("store.db");
	options.store = uri.text;
	options.ignore_environment = true;
	MUST(mlm_manager_open(&options, &manager, &err));
	MUST(mlm_manager_deliver(manager, NULL, NULL, &result, &err));
	CHECK_INT(result.runs, 0);
	end(manager);
}

int main(void)
{
	unsetenv("http_proxy");
	unsetenv("MLMANAGER_JOURNAL_DIR");
	RUN(runs__begin_and_end_without_a_server_and_say_once_that_they_wait);
	RUN(deliver__sends_it_and_tells_the_ids);
	RUN(a_server_that_comes_back__gets_all_from_the_process_that_waits);
	RUN(log_metric__goes_on_from_the_servers_steps_and_never_asks_for_them);
	RUN(artifacts__wait_with_their_run_and_are_sent_with_it);
	RUN(artifacts__are_sent_by_the_process_that_waits);
	RUN(artifacts__go_straight_to_a_known_place_that_needs_no_server);
	RUN(artifacts__that_were_refused_are_told_at_the_end_with_the_place_of_their_bytes);
	RUN(delivery_servers__tells_whom_something_may_wait_for);
	RUN(deliver__has_nothing_to_do_for_a_database);
	return check_done();
}
