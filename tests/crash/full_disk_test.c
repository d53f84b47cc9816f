/* SPDX-License-Identifier: Apache-2.0 */
/* A disk that fills up under the journal, the store or both: one clear error, nothing corrupted,
 * and the same process goes on once there is room. */
#include <glob.h>

#include "small_mount.h"

#define MIB            ((size_t)1 << 20)
#define PATIENCE_US    20000000
#define POINTS_MAX     20000000
#define REFUSALS_MIN   5
#define POINTS_AT_ONCE 1000

static mlm_error err;

struct fixture {
	struct place place; /* of the store */
	struct place small; /* the mount; the same unless the two are apart */
	mlm_manager *manager;
	mlm_run *run;
	char run_id[MLM_ID_SIZE];
	int64_t logged;
};

static void make_small(struct place *place, size_t size_bytes)
{
	place_make(place);
	CHECK(mount_small(place->directory, size_bytes));
}

static void remove_small(struct place *place)
{
	CHECK(umount(place->directory) == 0);
	place_remove(place);
}

static mlm_status open_manager(struct fixture *fixture, const char *journal_dir)
{
	mlm_manager_options options = MLM_MANAGER_OPTIONS_INIT;
	options.store = fixture->place.uri;
	options.journal_dir = journal_dir;
	options.ignore_environment = true;
	return mlm_manager_open(&options, &fixture->manager, &err);
}

static void start_run(struct fixture *fixture)
{
	char id[MLM_ID_SIZE];
	MUST(mlm_experiment_create(fixture->manager, "full", NULL, id, &err));
	MUST(mlm_run_start(fixture->manager, NULL, &fixture->run, &err));
	snprintf(fixture->run_id, sizeof(fixture->run_id), "%s", mlm_run_id(fixture->run));
}

static mlm_status log_next(struct fixture *fixture)
{
	mlm_status status = mlm_run_log_metric(fixture->run, "loss", 0, (double)fixture->logged,
		MLM_STEP_NEXT, MLM_TIME_NOW, &err);
	fixture->logged += status == MLM_OK;
	return status;
}

/* A sentence that somebody can act on. */
static void check_sentence(void)
{
	CHECK(strstr(err.message, "full") || strstr(err.message, "No space left") ||
		strstr(err.message, "ceiling"));
	CHECK(strlen(err.message) > 20 && !strchr(err.message, '\n'));
}

/* Logs and flushes until neither works any more. */
static void log_until_full(struct fixture *fixture)
{
	int refusals = 0;
	int64_t give_up_us = monotonic_us() + PATIENCE_US;
	while (refusals < REFUSALS_MIN && monotonic_us() < give_up_us &&
		fixture->logged < POINTS_MAX) {
		mlm_status status = MLM_OK;
		for (int i = 0; i < POINTS_AT_ONCE && status == MLM_OK; i++)
			status = log_next(fixture);
		if (status == MLM_OK)
			continue;
		CHECK_INT(status, MLM_EFULL);
		check_sentence();
		if (mlm_manager_flush(fixture->manager, 2000, &err) != MLM_OK)
			refusals++;
	}
	CHECK_INT(refusals, REFUSALS_MIN);
}

/* Within a few moments of there being room. */
static void log_again(struct fixture *fixture)
{
	mlm_status status = MLM_EFULL;
	for (int64_t give_up_us = monotonic_us() + PATIENCE_US;
		status != MLM_OK && monotonic_us() < give_up_us;) {
		status = log_next(fixture);
		if (status != MLM_OK)
			usleep(10000);
	}
	CHECK_INT(status, MLM_OK);
}

static void end_and_check(struct fixture *fixture)
{
	MUST(mlm_run_end(fixture->run, MLM_RUN_UNCHANGED, &err));
	MUST(mlm_manager_close(fixture->manager, 0, &err));
	mlm_manager_free(fixture->manager);
	sqlite3 *db = reading_open(fixture->place.database);
	check_integrity(db);
	CHECK_INT(check_steps(db, fixture->run_id, "loss"), fixture->logged);
	char status[16];
	reading_text(db, status, sizeof(status), "SELECT status FROM runs WHERE run_uuid = '%s'",
		fixture->run_id);
	CHECK_STRING(status, "FINISHED");
	sqlite3_close(db);
}

static void check_while_full(const struct fixture *fixture)
{
	sqlite3 *db = reading_open(fixture->place.database);
	if (db)
		check_integrity(db);
	sqlite3_close(db);
}

TEST(full__disk_of_store_and_journal)
{
	struct fixture f = { 0 };
	make_small(&f.place, 24 * MIB);
	MUST(open_manager(&f, NULL));
	start_run(&f);
	log_until_full(&f);
	mlm_text text = { "key", "value" };
	mlm_status status = mlm_run_log_params(f.run, &text, 1, &err);
	CHECK(status == MLM_OK || status == MLM_EFULL);
	CHECK_STATUS(mlm_run_end(f.run, MLM_RUN_UNCHANGED, &err), MLM_EFULL);
	check_sentence();
	check_while_full(&f);
	CHECK(mount_grow(f.place.directory, 2048 * MIB));
	log_again(&f);
	MUST(mlm_manager_flush(f.manager, MLM_FOREVER, &err));
	MUST(mlm_run_log_params(f.run, &text, 1, &err));
	for (int i = 0; i < POINTS_AT_ONCE; i++)
		MUST(log_next(&f));
	end_and_check(&f);
	CHECK_INT(directory_count(f.place.journals, "", NULL), 0);
	remove_small(&f.place);
}

/* What was acknowledged before the process ended on the full disk is there after the next start. */
TEST(full__disk_left_by_a_close_is_adopted_later)
{
	struct fixture f = { 0 };
	make_small(&f.place, 24 * MIB);
	MUST(open_manager(&f, NULL));
	start_run(&f);
	log_until_full(&f);
	CHECK_STATUS(mlm_manager_close(f.manager, 0, &err), MLM_EFULL);
	check_sentence();
	mlm_manager_free(f.manager);
	CHECK(directory_count(f.place.journals, ".head", NULL) == 1);
	CHECK(mount_grow(f.place.directory, 2048 * MIB));
	MUST(open_manager(&f, NULL));
	MUST(mlm_manager_close(f.manager, 0, &err));
	mlm_manager_free(f.manager);
	sqlite3 *db = reading_open(f.place.database);
	check_integrity(db);
	CHECK_INT(check_steps(db, f.run_id, "loss"), f.logged);
	sqlite3_close(db);
	CHECK_INT(directory_count(f.place.journals, "", NULL), 0);
	remove_small(&f.place);
}

TEST(full__disk_of_the_store_alone)
{
	struct fixture f = { 0 };
	struct place journals;
	make_small(&f.place, 6 * MIB);
	place_make(&journals);
	MUST(open_manager(&f, journals.directory));
	start_run(&f);
	/* The journal has room: log_metric knows of nothing. */
	mlm_status status = MLM_OK;
	for (int64_t give_up_us = monotonic_us() + PATIENCE_US;
		status == MLM_OK && monotonic_us() < give_up_us;) {
		for (int i = 0; i < 20 * POINTS_AT_ONCE; i++)
			MUST(log_next(&f));
		status = mlm_manager_flush(f.manager, MLM_FOREVER, &err);
	}
	CHECK_INT(status, MLM_EFULL);
	check_sentence();
	CHECK_STATUS(mlm_run_end(f.run, MLM_RUN_UNCHANGED, &err), MLM_EFULL);
	for (int i = 0; i < POINTS_AT_ONCE; i++)
		MUST(log_next(&f));
	check_while_full(&f);
	CHECK(mount_grow(f.place.directory, 2048 * MIB));
	MUST(mlm_manager_flush(f.manager, MLM_FOREVER, &err));
	end_and_check(&f);
	remove_small(&f.place);
	place_remove(&journals);
}

TEST(full__disk_of_the_journal_alone)
{
	struct fixture f = { 0 };
	place_make(&f.place);
	make_small(&f.small, 9 * MIB); /* two segments */
	MUST(open_manager(&f, f.small.directory));
	start_run(&f);
	/* The store takes what comes, so the journal has room again and again. */
	int64_t refused = 0;
	int64_t give_up_us = monotonic_us() + PATIENCE_US;
	for (; f.logged < 600000 && monotonic_us() < give_up_us;) {
		mlm_status status = log_next(&f);
		if (status == MLM_OK)
			continue;
		CHECK_INT(status, MLM_EFULL);
		check_sentence();
		refused++;
		usleep(1000);
	}
	CHECK(refused > 0);
	CHECK_INT(f.logged, 600000);
	end_and_check(&f);
	remove_small(&f.small);
	place_remove(&f.place);
}

TEST(full__start_run_without_room_for_a_journal)
{
	struct fixture f = { 0 };
	mlm_run *run = NULL;
	char id[MLM_ID_SIZE];
	place_make(&f.place);
	make_small(&f.small, 2 * MIB);
	MUST(open_manager(&f, f.small.directory));
	MUST(mlm_experiment_create(f.manager, "full", NULL, id, &err));
	CHECK_STATUS(mlm_run_start(f.manager, NULL, &run, &err), MLM_EFULL);
	CHECK(!run);
	check_sentence();
	CHECK(mount_free_bytes(f.small.directory) > MIB);
	CHECK(mount_grow(f.small.directory, 64 * MIB));
	start_run(&f);
	for (int i = 0; i < POINTS_AT_ONCE; i++)
		MUST(log_next(&f));
	end_and_check(&f);
	remove_small(&f.small);
	place_remove(&f.place);
}

TEST(full__open_without_room_for_a_store)
{
	struct fixture f = { 0 };
	char name[NAME_MAX + 1] = "";
	make_small(&f.place, MIB / 8);
	CHECK_STATUS(open_manager(&f, NULL), MLM_EFULL);
	CHECK(!f.manager);
	check_sentence();
	CHECK_INT(directory_count(f.place.directory, "", name), 0);
	CHECK(mount_grow(f.place.directory, 64 * MIB));
	MUST(open_manager(&f, NULL));
	start_run(&f);
	MUST(log_next(&f));
	end_and_check(&f);
	remove_small(&f.place);
}

/* ---- artifacts in the database ---- */

static void start_blob_run(struct fixture *f, size_t size_bytes)
{
	mlm_manager_options options = MLM_MANAGER_OPTIONS_INIT;
	make_small(&f->place, size_bytes);
	options.store = f->place.uri;
	options.artifacts = "blob:";
	options.ignore_environment = true;
	MUST(mlm_manager_open(&options, &f->manager, &err));
	start_run(f);
}

/* Gives so many bytes without having said how many. */
static mlm_status read_zeros(
	void *payload, void *bytes, size_t size, size_t *got_out, mlm_error *why)
{
	size_t *left = payload;
	(void)why;
	*got_out = size < *left ? size : *left;
	memset(bytes, 0, *got_out);
	*left -= *got_out;
	return MLM_OK;
}

static mlm_status log_zeros(struct fixture *f, const char *name, size_t size, bool says_size)
{
	const mlm_artifact_reader reader = { read_zeros, &size, says_size ? (int64_t)size : -1,
		NULL };
	return mlm_run_log_stream(f->run, name, &reader, NULL, &err);
}

static int64_t size_of_artifact(struct fixture *f, const char *name)
{
	mlm_artifact about = { .size_bytes = -1 };
	mlm_artifact_find(f->manager, f->run_id, name, &about, NULL);
	return about.size_bytes;
}

TEST(full__artifacts_of_a_known_size_are_refused_at_once)
{
	struct fixture f = { 0 };
	start_blob_run(&f, 40 * MIB);
	struct stat before, after;
	CHECK(stat(f.place.database, &before) == 0);
	CHECK_STATUS(log_zeros(&f, "big.bin", 100 * MIB, true), MLM_EFULL);
	check_sentence();
	CHECK(stat(f.place.database, &after) == 0 && after.st_size == before.st_size);
	CHECK_INT(size_of_artifact(&f, "big.bin"), -1);
	MUST(log_zeros(&f, "small.bin", 100, true));
	end_and_check(&f);
	remove_small(&f.place);
}

/* The bytes of the refused artifact are in the file by then, for other artifacts to take. */
TEST(full__disk_of_artifacts_keeps_room_for_metrics_and_small_artifacts)
{
	struct fixture f = { 0 };
	start_blob_run(&f, 40 * MIB);
	for (int i = 0; i < 3; i++) {
		CHECK_STATUS(log_zeros(&f, "big.bin", 100 * MIB, false), MLM_EFULL);
		check_sentence();
		CHECK_INT(size_of_artifact(&f, "big.bin"), -1);
		MUST(log_zeros(&f, "small.bin", 100 + (size_t)i, false));
		CHECK_INT(size_of_artifact(&f, "small.bin"), 100 + i);
		for (int point = 0; point < POINTS_AT_ONCE; point++)
			MUST(log_next(&f));
		MUST(mlm_manager_flush(f.manager, MLM_FOREVER, &err));
	}
	MUST(log_zeros(&f, "fits.bin", 8 * MIB, true));
	CHECK_INT(size_of_artifact(&f, "fits.bin"), 8 * MIB);
	end_and_check(&f);
	remove_small(&f.place);
}

TEST(full__disk_that_others_filled_takes_artifacts_once_there_is_room)
{
	struct fixture f = { 0 };
	char ballast[PATH_MAX];
	start_blob_run(&f, 40 * MIB);
	MUST(log_zeros(&f, "small.bin", 100, true));
	snprintf(ballast, sizeof(ballast), "%s/ballast", f.place.directory);
	int fd = open(ballast, O_WRONLY | O_CREAT, 0600);
	static const char zeros[4096];
	while (write(fd, zeros, sizeof(zeros)) > 0)
		;
	close(fd);
	CHECK_STATUS(log_zeros(&f, "small.bin", MIB, true), MLM_EFULL);
	check_sentence();
	CHECK_INT(size_of_artifact(&f, "small.bin"), 100);
	CHECK(unlink(ballast) == 0);
	MUST(log_zeros(&f, "small.bin", MIB, true));
	CHECK_INT(size_of_artifact(&f, "small.bin"), MIB);
	end_and_check(&f);
	remove_small(&f.place);
}

static size_t count_staged(const char *journal_dir)
{
	char pattern[PATH_MAX];
	glob_t found = { 0 };
	snprintf(pattern, sizeof(pattern), "%s/*/staged/*", journal_dir);
	size_t count = glob(pattern, 0, NULL, &found) == 0 ? found.gl_pathc : 0;
	globfree(&found);
	return count;
}

/* Nobody answers at this server, so its artifacts are kept beside its journal. */
static mlm_status log_bytes(mlm_run *run, const char *name, size_t size)
{
	char *bytes = calloc(1, size);
	mlm_status status = mlm_run_log_bytes(run, name, bytes, size, &err);
	free(bytes);
	return status;
}

TEST(full__disk_of_artifacts_that_wait_for_a_server)
{
	struct place small;
	mlm_manager *manager;
	mlm_run *run;
	mlm_artifact_list *list;
	make_small(&small, 24 * MIB);
	mlm_manager_options options = MLM_MANAGER_OPTIONS_INIT;
	options.store = "http://127.0.0.1:9";
	options.journal_dir = small.directory;
	options.ignore_environment = true;
	options.server_wait_ms = 50;
	MUST(mlm_manager_open(&options, &manager, &err));
	MUST(mlm_experiment_create(manager, "full", NULL, NULL, &err));
	MUST(mlm_run_start(manager, NULL, &run, &err));
	MUST(log_bytes(run, "fits", MIB));
	MUST(log_bytes(run, "replaced", 10));
	CHECK_STATUS(log_bytes(run, "too big", 48 * MIB), MLM_EFULL);
	check_sentence();
	CHECK(strstr(err.message, "'too big'") != NULL);
	CHECK_STATUS(log_bytes(run, "replaced", 48 * MIB), MLM_EFULL);
	MUST(log_bytes(run, "fits as well", MIB));
	MUST(mlm_artifact_list_directory(manager, mlm_run_id(run), NULL, &list, &err));
	CHECK_INT(list->count, 3);
	CHECK_INT(list->items[2].size_bytes, 10);
	mlm_artifact_list_free(list);
	CHECK_INT(count_staged(small.directory), 3);
	MUST(mlm_manager_close(manager, 0, &err));
	mlm_manager_free(manager);
	remove_small(&small);
}

int main(void)
{
	err = (mlm_error)MLM_ERROR_INIT;
	if (!mount_prepare()) {
		printf("skipped full_disk_test (neither root nor a user namespace may mount)\n");
		printf("0 passed, 0 failed, 1 skipped\n");
		return 0;
	}
	RUN(full__disk_of_store_and_journal);
	RUN(full__disk_left_by_a_close_is_adopted_later);
	RUN(full__disk_of_the_store_alone);
	RUN(full__disk_of_the_journal_alone);
	RUN(full__start_run_without_room_for_a_journal);
	RUN(full__open_without_room_for_a_store);
	RUN(full__artifacts_of_a_known_size_are_refused_at_once);
	RUN(full__disk_of_artifacts_keeps_room_for_metrics_and_small_artifacts);
	RUN(full__disk_that_others_filled_takes_artifacts_once_there_is_room);
	RUN(full__disk_of_artifacts_that_wait_for_a_server);
	return check_done();
}
