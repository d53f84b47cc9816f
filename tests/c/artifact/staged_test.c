/* SPDX-License-Identifier: Apache-2.0 */
/* The contract on artifacts that all wait, and on those that lie behind some that do. */

#include "artifact/staged.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "artifact/contract/contract.h"
#include "base/error.h"
#include "store/staging.h"
#include "store/store_directory.h"

/* A server that nobody reaches. */
static struct store_path spool;
static struct store_options tracking = { .uri = "http://127.0.0.1:1" };
static const mlm_error nobody = { .status = MLM_EAGAIN, .message = "nobody answers" };

static struct artifact_options options_of(void)
{
	return (struct artifact_options){ .tracking = &tracking, .retry_ms = 1 };
}

static struct artifact_store *open_place(const char *run_id, const char *uri, const mlm_error *away)
{
	const struct artifact_options options = options_of();
	const struct staged_place place = { run_id, uri, away };
	struct artifact_store *store;
	MUST(staged_open(&options, &place, &store, &err));
	return store;
}

static struct store_path local_uri(const char *run_id)
{
	struct store_path uri;
	snprintf(uri.text, sizeof(uri.text), "file://%s/%s", directory, run_id);
	return uri;
}

/* A run that begins here, unless it has. */
static void begin(const char *run_id)
{
	struct store_options options = tracking;
	struct store *store;
	struct staging *staging;
	struct staged_run found;
	char id[MLM_ID_SIZE];
	const struct store_new_run run = {
		.run_id = run_id,
		.experiment_id = "0",
		.run_name = "begun here",
		.user_id = "ada",
		.source_name = "",
	};
	MUST(staging_open(&tracking, &staging, &err));
	MUST(staging_find_run(staging, run_id, &found, &err));
	staging_close(staging);
	if (!found.server_id[0])
		return;
	MUST(spool_store_ops.open(&options, &store, &err));
	MUST(spool_store_ops.create_run(store, &run, id, &err));
	spool_store_ops.close(store);
}

static void no_options(const char *id, struct artifact_options *options)
{
	(void)id;
	(void)options;
}

static mlm_status open_waiting(
	const struct artifact_options *options, struct artifact_store **store_out, mlm_error *why)
{
	(void)options;
	(void)why;
	begin(contract_id);
	*store_out = open_place(contract_id, "", NULL);
	return MLM_OK;
}

static mlm_status open_through(
	const struct artifact_options *options, struct artifact_store **store_out, mlm_error *why)
{
	(void)options;
	(void)why;
	*store_out = open_place(contract_id, local_uri(contract_id).text, NULL);
	return MLM_OK;
}

static size_t staged_count(const char *run_id)
{
	struct staging *staging;
	size_t count;
	uint64_t bytes;
	MUST(staging_open(&tracking, &staging, &err));
	MUST(staging_count(staging, run_id, &count, &bytes, &err));
	staging_close(staging);
	return count;
}

TEST(put__goes_through_unless_something_of_the_run_waits)
{
	struct artifact_store *away = open_place("through", "", &nobody);
	struct artifact_store *store = open_place("through", local_uri("through").text, NULL);
	MUST(contract_put(store, "a", "there"));
	CHECK_INT(staged_count("through"), 0);
	MUST(contract_put(away, "b", "first"));
	MUST(contract_put(store, "b", "second"));
	CHECK_INT(staged_count("through"), 1);
	CHECK_STRING(contract_get(store, "b").start, "second");
	artifact_close(away);
	artifact_close(store);
}

/* text that can be read again, of a known size. */
struct again {
	struct contract_text from;
	int rewinds;
};

static mlm_status read_again(
	void *payload, void *bytes, size_t size, size_t *got_out, mlm_error *why)
{
	return contract_read_text(&((struct again *)payload)->from, bytes, size, got_out, why);
}

static mlm_status rewind_again(void *payload, mlm_error *why)
{
	struct again *again = payload;
	(void)why;
	again->from.at = 0;
	again->rewinds++;
	return MLM_OK;
}

TEST(put__waits_where_the_server_that_keeps_artifacts_is_away)
{
	struct artifact_store *store =
		open_place("proxied", "mlflow-artifacts:/0/proxied/artifacts", NULL);
	struct again again = { { "a file", 0 }, 0 };
	const mlm_artifact_reader reader = { read_again, &again, 6, rewind_again };
	MUST(artifact_put(store, "a", &reader, &err));
	CHECK_INT(again.rewinds, 1);
	artifact_close(store);
	/* A pipe's bytes come once. */
	store = open_place("piped", "mlflow-artifacts:/0/piped/artifacts", NULL);
	MUST(contract_put(store, "b", "from a pipe"));
	CHECK_STRING(contract_get(store, "b").start, "from a pipe");
	CHECK_INT(staged_count("piped"), 1);
	/* What waits is seen while the server is away, what may be there cannot be told of. */
	CHECK_STRING(contract_list(store, "").text, "b 11");
	CHECK_STRING(contract_get(store, "c").start, "again");
	artifact_close(store);
}

TEST(put__fails_where_another_place_is_away)
{
	/* No file system takes it. */
	struct artifact_store *store = open_place("elsewhere", "file:///dev/null/artifacts", NULL);
	CHECK_STATUS(contract_put(store, "a", "1"), MLM_EIO);
	CHECK_INT(staged_count("elsewhere"), 0);
	artifact_close(store);
}

TEST(list_and_stat__see_both_and_what_waits_first)
{
	struct artifact_store *away = open_place("both", "", &nobody);
	struct artifact_store *store = open_place("both", local_uri("both").text, NULL);
	mlm_artifact entry;
	struct contract_listing all = { "" };
	MUST(contract_put(store, "a", "there"));
	MUST(contract_put(store, "dir/there", "1"));
	MUST(contract_put(store, "z", "there"));
	MUST(contract_put(away, "a", "here, and longer"));
	MUST(contract_put(away, "dir/here", "12"));
	CHECK_STRING(contract_list(store, "").text, "a 16, dir/, z 5");
	CHECK_STRING(contract_list(store, "dir").text, "dir/here 2, dir/there 1");
	CHECK_STRING(contract_get(store, "a").start, "here, and longer");
	CHECK_STRING(contract_get(store, "z").start, "there");
	MUST(artifact_walk(store, "", contract_note, &all, &err));
	CHECK_STRING(all.text, "a 16, dir/here 2, dir/there 1, z 5");
	MUST(artifact_stat(store, "a", &entry, &err));
	CHECK_INT(entry.size_bytes, 16);
	MUST(artifact_stat(store, "dir", &entry, &err));
	CHECK(entry.is_directory);
	/* And while the place is away, what waits. */
	CHECK_STRING(contract_list(away, "").text, "a 16, dir/");
	CHECK_STRING(contract_get(away, "z").start, "again");
	CHECK_STRING(err.message, "nobody answers");
	CHECK_STATUS(artifact_stat(away, "z", &entry, &err), MLM_EAGAIN);
	artifact_close(away);
	artifact_close(store);
}

TEST(list__eagain_where_nothing_waits_and_the_place_is_away)
{
	struct artifact_store *away = open_place("unknown", "", &nobody);
	struct contract_listing listing = { "" };
	CHECK_STATUS(artifact_list(away, "", contract_note, &listing, &err), MLM_EAGAIN);
	CHECK_STRING(err.message, "nobody answers");
	artifact_close(away);
}

TEST(remove__takes_from_both_or_from_none)
{
	struct artifact_store *away = open_place("removed", "", &nobody);
	struct artifact_store *store = open_place("removed", local_uri("removed").text, NULL);
	MUST(contract_put(store, "dir/there", "1"));
	MUST(contract_put(store, "a", "1"));
	MUST(contract_put(away, "dir/here", "2"));
	MUST(contract_put(away, "b", "2"));
	/* The place may have it as well, and cannot be asked. */
	CHECK_STATUS(artifact_remove(away, "b", &err), MLM_EAGAIN);
	CHECK_STRING(contract_get(away, "b").start, "2");
	MUST(artifact_remove(store, "dir", &err));
	CHECK_STRING(contract_list(store, "").text, "a 1, b 1");
	MUST(artifact_remove(store, "b", &err));
	CHECK_STATUS(artifact_remove(store, "b", &err), MLM_ENOTFOUND);
	MUST(artifact_remove(store, "", &err));
	CHECK_STRING(contract_list(store, "").text, "");
	CHECK_INT(staged_count("removed"), 0);
	artifact_close(away);
	artifact_close(store);
}

TEST(reading__says_so_where_the_run_has_got_to_the_server_meanwhile)
{
	struct artifact_store *store;
	struct contract_listing listing = { "" };
	begin("moving");
	store = open_place("moving", "", NULL);
	MUST(contract_put(store, "a", "1"));
	CHECK_STRING(contract_get(store, "b").start, "not_found");
	/* As a delivery leaves it. */
	sqlite3 *queue;
	CHECK(sqlite3_open(path_of("spool/waiting.db").text, &queue) == SQLITE_OK);
	CHECK(sqlite3_exec(queue, "UPDATE run SET server_id = 'its' WHERE run_id = 'moving'", NULL,
		      NULL, NULL) == SQLITE_OK);
	sqlite3_close(queue);
	CHECK_STRING(contract_get(store, "b").start, "again");
	CHECK_CONTAINS(err.message, "look again");
	CHECK_STATUS(artifact_list(store, "", contract_note, &listing, &err), MLM_EAGAIN);
	artifact_close(store);
	/* Either id finds what waits. */
	store = open_place("its", "", &nobody);
	CHECK_STRING(contract_get(store, "a").start, "1");
	artifact_close(store);
}

TEST(put__eio_where_nothing_can_be_kept_and_names_the_artifact)
{
	struct store_path before = spool;
	spool = path_of("no directory");
	CHECK(symlink("/dev/null", spool.text) == 0);
	struct artifact_store *store = open_place("kept nowhere", "", &nobody);
	CHECK(contract_put(store, "a", "1") < 0);
	CHECK_CONTAINS(err.message, "no directory");
	artifact_close(store);
	spool = before;
}

int main(void)
{
	directory_make();
	spool = path_of("spool");
	tracking.spool = spool.text;
	contract_open_with = open_waiting;
	run_artifact_contract(no_options);
	contract_open_with = open_through;
	run_artifact_contract(no_options);
	RUN(put__goes_through_unless_something_of_the_run_waits);
	RUN(put__waits_where_the_server_that_keeps_artifacts_is_away);
	RUN(put__fails_where_another_place_is_away);
	RUN(list_and_stat__see_both_and_what_waits_first);
	RUN(list__eagain_where_nothing_waits_and_the_place_is_away);
	RUN(remove__takes_from_both_or_from_none);
	RUN(reading__says_so_where_the_run_has_got_to_the_server_meanwhile);
	RUN(put__eio_where_nothing_can_be_kept_and_names_the_artifact);
	directory_remove();
	return check_done();
}
