/* SPDX-License-Identifier: Apache-2.0 */

/* A manager whose store is a server: it opens without asking, logs without waiting, and what a
 * dead process left goes to the server in the background. tests/peers/rest_store.py has a real one.
 */

#include "core/adoption_thread.h"

#include <signal.h>
#include <sys/wait.h>

#include "fake_peer.h"
#include "mlmanager/mlmanager.h"
#include "store/store_directory.h"

#define RUN_ID "0123456789abcdef0123456789abcdef"

/* What answers every request of these tests. */
static const struct fake_turn everything = {
	.body = "{\"experiment\": {\"experiment_id\": \"1\", \"name\": \"tests\"}, "
		"\"run\": {\"info\": {\"run_id\": \"" RUN_ID "\", \"experiment_id\": \"1\", "
		"\"status\": \"RUNNING\", \"lifecycle_stage\": \"active\"}}}"
};

static mlm_error err = MLM_ERROR_INIT;

static mlm_status open_manager(const char *url, mlm_manager **manager_out)
{
	mlm_manager_options options = MLM_MANAGER_OPTIONS_INIT;
	options.store = url;
	options.journal_dir = directory;
	options.ignore_environment = true;
	return mlm_manager_open(&options, manager_out, &err);
}

static size_t requests_with(struct fake_peer *peer, const char *part)
{
	size_t count = 0;
	for (size_t i = 0; i < fake_peer_requests(peer); i++)
		count += strstr(fake_peer_request(peer, i), part) != NULL;
	return count;
}

static void no_finding(void *payload, bool repaired, const char *finding)
{
	(void)payload;
	(void)repaired;
	printf("  found: %s\n", finding);
}

TEST(manager_open__asks_a_server_nothing)
{
	struct fake_peer peer;
	char url[128];
	mlm_manager *manager;
	fake_peer_start(&peer, &everything, 1);
	snprintf(url, sizeof(url), "http://ada:secret@127.0.0.1:%d/", peer.port);
	MUST(open_manager(url, &manager));
	CHECK_STRING(mlm_manager_store(manager), peer.url);
	CHECK_STATUS(mlm_manager_doctor(manager, false, no_finding, NULL, &err), MLM_EUNSUPPORTED);
	mlm_manager_free(manager);
	CHECK_INT(fake_peer_requests(&peer), 0);
	fake_peer_stop(&peer);
}

TEST(flush__sends_a_thousand_points_a_request_and_end_tells_the_server)
{
	struct fake_peer peer;
	mlm_manager *manager;
	mlm_run *run;
	fake_peer_start(&peer, &everything, 1);
	MUST(open_manager(peer.url, &manager));
	MUST(mlm_experiment_create(manager, "tests", NULL, NULL, &err));
	MUST(mlm_run_start(manager, NULL, &run, &err));
	CHECK_STRING(mlm_run_id(run), RUN_ID);
	for (int i = 0; i < 2500; i++)
		MUST(mlm_run_log_metric(run, "loss", 0, i, MLM_STEP_NEXT, MLM_TIME_NOW, &err));
	MUST(mlm_manager_flush(manager, 60000, &err));
	CHECK(requests_with(&peer, "runs/log-batch") >= 3);
	MUST(mlm_run_end(run, MLM_RUN_UNCHANGED, &err));
	CHECK_INT(requests_with(&peer, "\"status\":\"FINISHED\""), 1);
	mlm_manager_free(manager);
	fake_peer_stop(&peer);
}

/* A process that logs to the peer, and dies with what it has logged in its journal. */
static void leave_a_journal(struct fake_peer *peer, const struct fake_turn *turns, size_t count)
{
	int url[2];
	/* Before the peer's thread is there: what has threads had better not fork. */
	pid_t child = pipe(url) == 0 ? fork() : -1;
	if (child == 0) {
		mlm_manager *manager;
		mlm_run *run;
		char text[sizeof(peer->url)];
		if (read(url[0], text, sizeof(text)) != (ssize_t)sizeof(text))
			_exit(1);
		MUST(open_manager(text, &manager));
		MUST(mlm_experiment_create(manager, "tests", NULL, NULL, &err));
		MUST(mlm_run_start(manager, NULL, &run, &err));
		for (int i = 0; i < 1500; i++)
			MUST(mlm_run_log_metric(
				run, "loss", 0, i, MLM_STEP_NEXT, MLM_TIME_NOW, &err));
		kill(getpid(), SIGKILL);
	}
	int status;
	fake_peer_start(peer, turns, count);
	CHECK(write(url[1], peer->url, sizeof(peer->url)) == (ssize_t)sizeof(peer->url));
	CHECK(waitpid(child, &status, 0) == child);
	CHECK(WIFSIGNALED(status));
	close(url[0]);
	close(url[1]);
}

TEST(adoption__brings_what_a_dead_process_left_and_ends_its_run)
{
	struct fake_peer peer;
	mlm_manager *manager;
	leave_a_journal(&peer, &everything, 1);
	MUST(open_manager(peer.url, &manager));
	for (int i = 0; i < 600 && requests_with(&peer, "\"status\":\"KILLED\"") == 0; i++)
		usleep(100000);
	CHECK_INT(requests_with(&peer, "\"status\":\"KILLED\""), 1);
	CHECK(requests_with(&peer, "\"step\":1499}]") >= 1);
	mlm_manager_free(manager);
	fake_peer_stop(&peer);
}

TEST(adoption__is_given_up_when_the_manager_closes)
{
	const struct fake_turn turns[] = { everything, everything, { .stalls = true } };
	struct fake_peer peer;
	mlm_manager *manager;
	leave_a_journal(&peer, turns, 3);
	MUST(open_manager(peer.url, &manager));
	mlm_manager_free(manager); /* the server says nothing: this must not wait for it */
	fake_peer_stop(&peer);
}

/* Each with journals of its own. */
static void begin(void)
{
	snprintf(directory, sizeof(directory), "/tmp/mlm-store-XXXXXX");
	directory_make();
	setenv("HOME", directory, 1);
}

int main(void)
{
	unsetenv("http_proxy");
	begin();
	RUN(manager_open__asks_a_server_nothing);
	RUN(flush__sends_a_thousand_points_a_request_and_end_tells_the_server);
	RUN(adoption__brings_what_a_dead_process_left_and_ends_its_run);
	directory_remove();
	begin();
	RUN(adoption__is_given_up_when_the_manager_closes);
	directory_remove();
	return check_done();
}
