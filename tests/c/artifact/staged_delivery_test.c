/* SPDX-License-Identifier: Apache-2.0 */
/* Artifacts that wait, and a server that comes back, stumbles or goes away again; their place is a
 * directory. tests/peers/offline.py has a real server and kills. */

#include "artifact/staged_delivery.h"

#include <fcntl.h>
#include <dirent.h>
#include <sys/stat.h>

#include "artifact/staged.h"
#include "store/spool_room.h"
#include "store/staging.h"

static struct store_options tracking;

/* A room whose server puts artifacts into a directory that there is. */
static struct store *open_artifact_room(void)
{
	static struct store_path artifacts;
	spool_store_ops.close(open_room());
	char name[32];
	snprintf(name, sizeof(name), "artifacts%u", rooms);
	artifacts = path_of(name);
	tracking = (struct store_options){
		.uri = server_uri.text,
		.artifacts = artifacts.text,
		.spool = spool_path.text,
		.remote = &faulty_store_ops,
		.busy_timeout_ms = 1000,
	};
	struct store *store;
	MUST(spool_store_ops.open(&tracking, &store, &err));
	return store;
}

static struct artifact_options artifact_options(void)
{
	return (struct artifact_options){ .tracking_ops = &spool_store_ops, .tracking = &tracking };
}

struct text {
	const char *text;
	size_t at;
};

static mlm_status read_text(
	void *payload, void *bytes, size_t size, size_t *got_out, mlm_error *why)
{
	struct text *from = payload;
	size_t left = strlen(from->text) - from->at;
	(void)why;
	*got_out = left < size ? left : size;
	memcpy(bytes, from->text + from->at, *got_out);
	from->at += *got_out;
	return MLM_OK;
}

/* As a call of the core while the server is away. */
static void stage(const char *run_id, const char *path, const char *text)
{
	const mlm_error away = { .status = MLM_EAGAIN, .message = "nobody answers" };
	const struct artifact_options options = artifact_options();
	const struct staged_place place = { run_id, "", &away };
	struct artifact_store *store;
	struct text from = { text, 0 };
	const mlm_artifact_reader reader = { read_text, &from, (int64_t)strlen(text), NULL };
	MUST(staged_open(&options, &place, &store, &err));
	MUST(artifact_put(store, path, &reader, &err));
	artifact_close(store);
}

/* What a run that the server has made has in its place. */
static struct artifact_store *place_of(struct store *store, const char *name)
{
	mlm_run_list *list = on_server(store, name);
	const struct artifact_options options = { .uri = list->items[0].artifact_uri };
	struct artifact_store *place;
	CHECK_INT(list->count, 1);
	MUST(artifact_open(&options, &place, &err));
	arena_free(list->memory);
	return place;
}

struct arrived {
	char text[256];
};

static mlm_status note_bytes(void *payload, const void *bytes, size_t size, mlm_error *why)
{
	struct arrived *arrived = payload;
	size_t used = strlen(arrived->text);
	(void)why;
	snprintf(arrived->text + used, sizeof(arrived->text) - used, "%.*s", (int)size,
		(const char *)bytes);
	return MLM_OK;
}

static struct arrived arrived(struct store *store, const char *name, const char *path)
{
	struct arrived text = { "" };
	const mlm_artifact_writer writer = { note_bytes, &text };
	struct artifact_store *place = place_of(store, name);
	if (artifact_get(place, path, &writer, &err) != MLM_OK)
		snprintf(text.text, sizeof(text.text), "%s", mlm_status_name(err.status));
	artifact_close(place);
	return text;
}

/* ---- one delivery, and what it tells ---- */

struct heard {
	int sent;
	int refused;
	int kept; /* told again */
	int left;
	int first_left;
	int runs;
	char order[256]; /* what was sent */
	char files[512]; /* of what was refused */
	char whys[1024];
	int stops_at; /* the n-th event; 0: never */
	int events;
};

static bool hear(void *payload, const struct staged_event *event)
{
	struct heard *heard = payload;
	heard->sent += event->kind == STAGED_SENT;
	heard->refused += event->kind == STAGED_REFUSED && !event->was_refused;
	heard->kept += event->kind == STAGED_REFUSED && event->was_refused;
	heard->left += event->kind == STAGED_LEFT;
	heard->first_left += event->kind == STAGED_LEFT && event->is_first;
	heard->runs += event->kind == STAGED_RUN_SENT;
	if (event->kind == STAGED_SENT)
		snprintf(heard->order + strlen(heard->order),
			sizeof(heard->order) - strlen(heard->order), "%s ", event->path);
	if (event->kind == STAGED_REFUSED)
		snprintf(heard->files, sizeof(heard->files), "%s", event->file);
	if (event->why)
		snprintf(heard->whys + strlen(heard->whys),
			sizeof(heard->whys) - strlen(heard->whys), "%s: %s;", event->path,
			event->why->message);
	return ++heard->events != heard->stops_at;
}

static mlm_status send_with(struct heard *heard, int stops_at)
{
	const struct artifact_options options = artifact_options();
	struct staged_delivery *delivery;
	bool is_taken;
	*heard = (struct heard){ .stops_at = stops_at };
	MUST(staged_delivery_open(&options, &delivery, &err));
	mlm_status status = staged_delivery_run(delivery, hear, heard, &is_taken, &err);
	CHECK(!is_taken);
	staged_delivery_close(delivery);
	return status;
}

static mlm_status send(struct heard *heard)
{
	return send_with(heard, 0);
}

/* Files that wait. */
static int files(void)
{
	struct staging *staging;
	int count = 0;
	MUST(staging_open(&tracking, &staging, &err));
	DIR *entries = opendir(staging_directory(staging));
	for (struct dirent *entry; entries && (entry = readdir(entries));)
		count += entry->d_name[0] != '.';
	if (entries)
		closedir(entries);
	staging_close(staging);
	return count;
}

/* ---- the tests ---- */

TEST(run__sends_in_order_once_the_server_has_the_run)
{
	struct store *store = open_artifact_room();
	struct told told;
	struct heard heard;
	faulty_next = is_away;
	struct contract_name id = begin(store, "0", "begun", NULL);
	stage(id.text, "b", "first");
	stage(id.text, "dir/a", "second");
	stage(id.text, "b", "third");
	come_back(store);
	/* It does not make runs, and says nothing of one that is not there. */
	CHECK_STATUS(send(&heard), MLM_EAGAIN);
	CHECK_CONTAINS(err.message, id.text);
	CHECK_INT(heard.events, 0);
	MUST(deliver(store, &told));
	MUST(send(&heard));
	CHECK_STRING(heard.order, "dir/a b ");
	CHECK_INT(heard.runs, 1);
	CHECK_STRING(arrived(store, "begun", "b").text, "third");
	CHECK_STRING(arrived(store, "begun", "dir/a").text, "second");
	CHECK_INT(files(), 0);
	MUST(send(&heard));
	CHECK_INT(heard.events, 0);
	spool_store_ops.close(store);
}

TEST(run__sends_what_waits_of_a_run_that_was_there_before)
{
	struct store *store = open_artifact_room();
	struct heard heard;
	struct contract_name id = begin(store, "0", "online", NULL);
	faulty_next = is_away;
	stage(id.text, "a", "1");
	CHECK_STATUS(send(&heard), MLM_EAGAIN);
	CHECK_STRING(err.message, "nobody answers");
	CHECK(heard.left == 1 && heard.first_left == 1);
	come_back(store);
	MUST(send(&heard));
	CHECK_INT(heard.runs, 1);
	CHECK_STRING(arrived(store, "online", "a").text, "1");
	spool_store_ops.close(store);
}

TEST(run__tells_of_every_run_that_goes_on_waiting)
{
	struct store *store = open_artifact_room();
	struct heard heard;
	struct contract_name first = begin(store, "0", "one", NULL);
	struct contract_name second = begin(store, "0", "two", NULL);
	faulty_next = is_away;
	stage(first.text, "a", "1");
	stage(first.text, "b", "1");
	stage(second.text, "a", "1");
	MUST(set_tag(store, second.text, "k", "v")); /* of which the records' delivery tells */
	CHECK_STATUS(send(&heard), MLM_EAGAIN);
	CHECK(heard.left == 2 && heard.first_left == 1);
	spool_store_ops.close(store);
}

TEST(run__refuses_what_the_place_will_never_take_keeps_it_and_goes_on)
{
	struct store *store = open_artifact_room();
	struct heard heard;
	struct stat about;
	struct text from = { "there", 0 };
	const mlm_artifact_reader reader = { read_text, &from, 5, NULL };
	struct contract_name id = begin(store, "0", "refused", NULL);
	struct artifact_store *place = place_of(store, "refused");
	MUST(artifact_put(place, "taken/file", &reader, &err));
	artifact_close(place);
	faulty_next = is_away;
	stage(id.text, "taken", "kept here");
	stage(id.text, "fine", "1");
	come_back(store);
	MUST(send(&heard));
	CHECK(heard.refused == 1 && heard.sent == 1 && heard.runs == 1);
	CHECK_CONTAINS(heard.whys, "taken: ");
	CHECK_CONTAINS(heard.whys, "directory");
	CHECK(stat(heard.files, &about) == 0 && about.st_size == 9);
	MUST(send(&heard));
	CHECK_INT(heard.events, 0);
	CHECK_INT(files(), 1);
	spool_store_ops.close(store);
}

static struct heard tell_refused(int stops_at, mlm_status expected)
{
	struct heard heard = { .stops_at = stops_at };
	struct staged_delivery *delivery;
	const struct artifact_options options = artifact_options();
	MUST(staged_delivery_open(&options, &delivery, &err));
	CHECK_STATUS(staged_delivery_tell_refused(delivery, hear, &heard, &err), expected);
	staged_delivery_close(delivery);
	return heard;
}

TEST(tell_refused__tells_what_was_until_its_file_is_removed)
{
	struct store *store = open_artifact_room();
	struct heard heard;
	CHECK_INT(tell_refused(0, MLM_OK).events, 0);
	faulty_next = is_away;
	stage("0123456789abcdef0123456789abcdef", "a", "1");
	stage("0123456789abcdef0123456789abcdef", "b", "1");
	come_back(store);
	MUST(send(&heard));
	CHECK_INT(tell_refused(1, MLM_ESTATE).events, 1);
	heard = tell_refused(0, MLM_OK);
	CHECK(heard.kept == 2 && heard.refused == 0);
	CHECK_CONTAINS(heard.whys, "a: ");
	CHECK_CONTAINS(heard.whys, "0123456789abcdef0123456789abcdef");
	CHECK(unlink(heard.files) == 0);
	CHECK_INT(tell_refused(0, MLM_OK).kept, 1);
	spool_store_ops.close(store);
}

TEST(run__refuses_all_of_a_run_that_is_gone)
{
	struct store *store = open_artifact_room();
	struct heard heard;
	faulty_next = is_away;
	stage("0123456789abcdef0123456789abcdef", "a", "1");
	stage("0123456789abcdef0123456789abcdef", "b", "1");
	come_back(store);
	MUST(send(&heard));
	CHECK_INT(heard.refused, 2);
	CHECK_INT(files(), 2);
	spool_store_ops.close(store);
}

TEST(run__tells_of_a_file_that_somebody_removed)
{
	struct store *store = open_artifact_room();
	struct heard heard;
	struct staged staged;
	struct staging *staging;
	struct arena *arena = arena_new(NULL);
	struct contract_name id = begin(store, "0", "lost", NULL);
	stage(id.text, "a", "1");
	stage(id.text, "b", "1");
	MUST(staging_open(&tracking, &staging, &err));
	MUST(staging_find(staging, id.text, "a", arena, &staged, &err));
	CHECK(unlink(staged.file) == 0);
	staging_close(staging);
	arena_free(arena);
	MUST(send(&heard));
	CHECK(heard.refused == 1 && heard.sent == 1);
	CHECK_STRING(heard.files, "");
	spool_store_ops.close(store);
}

TEST(run__stops_when_it_is_told_to_and_goes_on_later)
{
	for (int at = 1; at <= 5; at++) {
		struct store *store = open_artifact_room();
		struct heard heard;
		struct contract_name id = begin(store, "0", "stopped", NULL);
		stage(id.text, "a", "1");
		stage(id.text, "b", "2");
		mlm_status status = send_with(&heard, at);
		CHECK(status == MLM_ESTATE || heard.events < at);
		CHECK_INT(heard.sent + files(), 2);
		MUST(send(&heard));
		CHECK_STRING(arrived(store, "stopped", "a").text, "1");
		CHECK_STRING(arrived(store, "stopped", "b").text, "2");
		CHECK_INT(files(), 0);
		spool_store_ops.close(store);
	}
}

TEST(run__sends_again_what_arrived_before_a_kill)
{
	struct store *store = open_artifact_room();
	struct heard heard;
	struct text from = { "same", 0 };
	const mlm_artifact_reader reader = { read_text, &from, 4, NULL };
	struct contract_name id = begin(store, "0", "twice", NULL);
	stage(id.text, "a", "same");
	struct artifact_store *place = place_of(store, "twice");
	MUST(artifact_put(place, "a", &reader, &err));
	MUST(send(&heard));
	CHECK_INT(heard.sent, 1);
	CHECK_STRING(arrived(store, "twice", "a").text, "same");
	artifact_close(place);
	spool_store_ops.close(store);
}

TEST(run__cleans_up_after_processes_that_were_killed)
{
	struct store *store = open_artifact_room();
	struct heard heard;
	struct staging *staging;
	char path[300];
	struct contract_name id = begin(store, "0", "clean", NULL);
	stage(id.text, "a", "1");
	MUST(staging_open(&tracking, &staging, &err));
	snprintf(path, sizeof(path), "%s/half", staging_directory(staging));
	close(open(path, O_CREAT | O_WRONLY, 0666));
	staging_close(staging);
	MUST(send(&heard));
	CHECK_INT(files(), 0);
	spool_store_ops.close(store);
}

TEST(run__is_one_processes_at_a_time)
{
	struct store *store = open_artifact_room();
	const struct artifact_options options = artifact_options();
	struct staged_delivery *delivery;
	struct staging *staging;
	struct heard heard;
	int lock;
	bool is_taken;
	struct contract_name id = begin(store, "0", "locked", NULL);
	stage(id.text, "a", "1");
	MUST(staging_open(&tracking, &staging, &err));
	MUST(staging_lock(staging, &lock, &is_taken, &err));
	MUST(staged_delivery_open(&options, &delivery, &err));
	CHECK_STATUS(staged_delivery_run(delivery, NULL, NULL, &is_taken, &err), MLM_EAGAIN);
	CHECK(is_taken);
	staging_unlock(lock);
	staging_close(staging);
	staged_delivery_close(delivery);
	MUST(send(&heard));
	spool_store_ops.close(store);
}

TEST(interrupt__leaves_what_waits)
{
	struct store *store = open_artifact_room();
	const struct artifact_options options = artifact_options();
	struct staged_delivery *delivery;
	struct heard heard = { 0 };
	bool is_taken;
	struct contract_name id = begin(store, "0", "interrupted", NULL);
	stage(id.text, "a", "1");
	MUST(staged_delivery_open(&options, &delivery, &err));
	staged_delivery_interrupt(delivery);
	CHECK_STATUS(staged_delivery_run(delivery, hear, &heard, &is_taken, &err), MLM_EAGAIN);
	staged_delivery_close(delivery);
	CHECK_INT(files(), 1);
	MUST(send(&heard));
	CHECK_INT(files(), 0);
	spool_store_ops.close(store);
}

int main(void)
{
	directory_make();
	RUN(run__sends_in_order_once_the_server_has_the_run);
	RUN(run__sends_what_waits_of_a_run_that_was_there_before);
	RUN(run__tells_of_every_run_that_goes_on_waiting);
	RUN(run__refuses_what_the_place_will_never_take_keeps_it_and_goes_on);
	RUN(run__refuses_all_of_a_run_that_is_gone);
	RUN(tell_refused__tells_what_was_until_its_file_is_removed);
	RUN(run__tells_of_a_file_that_somebody_removed);
	RUN(run__stops_when_it_is_told_to_and_goes_on_later);
	RUN(run__sends_again_what_arrived_before_a_kill);
	RUN(run__cleans_up_after_processes_that_were_killed);
	RUN(run__is_one_processes_at_a_time);
	RUN(interrupt__leaves_what_waits);
	directory_remove();
	return check_done();
}
