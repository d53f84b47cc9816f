/* SPDX-License-Identifier: Apache-2.0 */
#include "store/staging.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/spool_room.h"

static struct staging *open_staging(void)
{
	const struct store_options options = { .uri = server_uri.text, .spool = spool_path.text };
	struct staging *staging;
	MUST(staging_open(&options, &staging, &err));
	return staging;
}

/* A spool of its own, of which nothing is used but what is staged. */
static struct staging *fresh(void)
{
	spool_store_ops.close(open_room());
	return open_staging();
}

static struct store_path file_path(const struct staging *staging, const char *name)
{
	struct store_path path;
	snprintf(path.text, sizeof(path.text), "%s/%s", staging_directory(staging), name);
	return path;
}

static void make_file(const struct staging *staging, const char *name)
{
	int fd = open(file_path(staging, name).text, O_CREAT | O_WRONLY, 0666);
	CHECK(fd >= 0 && write(fd, "12345", 5) == 5);
	close(fd);
}

static bool is_there(const struct staging *staging, const char *name)
{
	return access(file_path(staging, name).text, F_OK) == 0;
}

static mlm_status stage(
	struct staging *staging, const char *run_id, const char *path, const char *name)
{
	int opened;
	MUST(staging_open_directory(staging, &opened, &err));
	make_file(staging, name);
	mlm_status status = staging_add(staging, run_id, path, name, 5, &err);
	close(opened);
	return status;
}

/* All that waits, or what waits of a run: "run:path run:path". */
static struct contract_name list(struct staging *staging, const char *run_id)
{
	struct contract_name text = { "" };
	const struct staged *items;
	size_t count;
	struct arena *arena = arena_new(NULL);
	MUST(staging_list(staging, run_id, arena, &items, &count, &err));
	for (size_t i = 0; i < count; i++)
		snprintf(text.text + strlen(text.text), sizeof(text.text) - strlen(text.text),
			"%s%s:%s", i ? " " : "", items[i].run_id, items[i].path);
	arena_free(arena);
	return text;
}

static struct staged find(
	struct staging *staging, const char *run_id, const char *path, struct arena *arena)
{
	struct staged staged;
	MUST(staging_find(staging, run_id, path, arena, &staged, &err));
	return staged;
}

TEST(nothing__waits_where_there_is_no_queue_and_asking_makes_none)
{
	struct staging *staging = fresh();
	size_t count;
	uint64_t bytes;
	struct staged_run run;
	CHECK_STRING(list(staging, NULL).text, "");
	MUST(staging_count(staging, NULL, &count, &bytes, &err));
	CHECK_INT(count, 0);
	MUST(staging_find_run(staging, "feed", &run, &err));
	CHECK_STRING(run.id, "feed");
	CHECK_STRING(run.server_id, "feed"); /* it is taken to be the server's */
	CHECK(!run.waits);
	MUST(staging_clean(staging, &err));
	CHECK(access(spool_path.text, F_OK) != 0);
	staging_close(staging);
}

TEST(add__keeps_the_order_run_by_run)
{
	struct staging *staging = fresh();
	size_t count;
	uint64_t bytes;
	MUST(stage(staging, "r1", "a", "f1"));
	MUST(stage(staging, "r2", "a", "f2"));
	MUST(stage(staging, "r1", "b/c", "f3"));
	staging_close(staging);
	staging = open_staging(); /* another process */
	CHECK_STRING(list(staging, NULL).text, "r1:a r1:b/c r2:a");
	CHECK_STRING(list(staging, "r1").text, "r1:a r1:b/c");
	MUST(staging_count(staging, "r1", &count, &bytes, &err));
	CHECK(count == 2 && bytes == 10);
	MUST(staging_count(staging, NULL, &count, &bytes, &err));
	CHECK(count == 3 && bytes == 15);
	staging_close(staging);
}

TEST(add__replaces_what_has_the_path_and_its_file)
{
	struct staging *staging = fresh();
	struct arena *arena = arena_new(NULL);
	MUST(stage(staging, "r", "a", "old"));
	MUST(stage(staging, "r", "b", "other"));
	MUST(stage(staging, "r", "a", "new"));
	CHECK_STRING(list(staging, NULL).text, "r:b r:a");
	CHECK_STRING(find(staging, "r", "a", arena).file, file_path(staging, "new").text);
	CHECK(!is_there(staging, "old"));
	CHECK(is_there(staging, "new"));
	CHECK_INT(find(staging, "r", "none", arena).number, 0);
	arena_free(arena);
	staging_close(staging);
}

TEST(add__eexists_where_a_file_and_a_directory_would_share_a_path)
{
	struct staging *staging = fresh();
	MUST(stage(staging, "r", "dir/file", "f1"));
	CHECK_STATUS(stage(staging, "r", "dir", "f2"), MLM_EEXISTS);
	CHECK_CONTAINS(err.message, "a directory has that name");
	CHECK_STATUS(stage(staging, "r", "dir/file/x", "f3"), MLM_EEXISTS);
	CHECK_CONTAINS(err.message, "'dir/file' is a file");
	MUST(stage(staging, "r", "dir/file2", "f4"));
	MUST(stage(staging, "other", "dir", "f5"));
	staging_close(staging);
}

TEST(remove__takes_rows_and_files)
{
	struct staging *staging = fresh();
	struct arena *arena = arena_new(NULL);
	MUST(stage(staging, "r", "a", "f1"));
	MUST(stage(staging, "r", "b", "f2"));
	struct staged a = find(staging, "r", "a", arena), b = find(staging, "r", "b", arena);
	const struct staged *const both[] = { &a, &b };
	MUST(staging_remove(staging, both, 2, &err));
	CHECK_STRING(list(staging, NULL).text, "");
	CHECK(!is_there(staging, "f1") && !is_there(staging, "f2"));
	arena_free(arena);
	staging_close(staging);
}

TEST(refuse__keeps_the_file_and_frees_the_path)
{
	struct staging *staging = fresh();
	struct arena *arena = arena_new(NULL);
	MUST(stage(staging, "r", "a", "f1"));
	struct staged a = find(staging, "r", "a", arena);
	MUST(staging_refuse(staging, &a, "no such name", &err));
	CHECK_STRING(list(staging, NULL).text, "");
	MUST(stage(staging, "r", "a/b", "f2"));
	MUST(staging_clean(staging, &err));
	CHECK(is_there(staging, "f1"));
	/* Once somebody has removed the file, nothing is left of it. */
	CHECK(unlink(a.file) == 0);
	MUST(staging_clean(staging, &err));
	make_file(staging, "f1");
	MUST(staging_clean(staging, &err));
	CHECK(!is_there(staging, "f1"));
	arena_free(arena);
	staging_close(staging);
}

TEST(clean__removes_what_killed_processes_left_and_nothing_of_living_ones)
{
	struct staging *staging = fresh();
	struct staging *other = open_staging();
	int opened;
	MUST(stage(staging, "r", "a", "f1"));
	make_file(staging, "orphan");
	MUST(staging_open_directory(other, &opened, &err));
	make_file(staging, "becoming");
	MUST(staging_clean(staging, &err));
	CHECK(is_there(staging, "orphan") && is_there(staging, "becoming"));
	MUST(staging_add(other, "r", "b", "becoming", 5, &err));
	close(opened);
	MUST(staging_clean(staging, &err));
	CHECK(!is_there(staging, "orphan"));
	CHECK(is_there(staging, "f1") && is_there(staging, "becoming"));
	staging_close(other);
	staging_close(staging);
}

TEST(clean__removes_nothing_where_the_queue_is_lost)
{
	struct staging *staging = fresh();
	struct store_path queue = file_path(staging, "../" SPOOL_FILE_NAME);
	MUST(stage(staging, "r", "a", "f1"));
	staging_close(staging);
	CHECK(unlink(queue.text) == 0);
	staging = open_staging();
	MUST(staging_clean(staging, &err));
	CHECK(is_there(staging, "f1"));
	staging_close(staging);
}

TEST(lock__is_one_senders_at_a_time)
{
	struct staging *staging = fresh();
	struct staging *other = open_staging();
	int lock, second;
	bool is_taken;
	MUST(stage(staging, "r", "a", "f1"));
	MUST(staging_lock(staging, &lock, &is_taken, &err));
	CHECK_STATUS(staging_lock(other, &second, &is_taken, &err), MLM_EAGAIN);
	CHECK(is_taken);
	staging_unlock(lock);
	MUST(staging_lock(other, &second, &is_taken, &err));
	staging_unlock(second);
	staging_close(other);
	staging_close(staging);
}

TEST(name__tells_the_artifacts_and_fits_whatever_that_is)
{
	char first[STAGING_FILE_NAME_MAX], second[STAGING_FILE_NAME_MAX];
	char path[600] = "dir/";
	staging_name("dir/model ä.bin", first);
	staging_name("dir/model ä.bin", second);
	CHECK_CONTAINS(first, "-model ä.bin");
	CHECK(strcmp(first, second) != 0);
	for (int i = 0; i < 127; i++)
		memcpy(path + 4 + 2 * i, "ä", 3);
	staging_name(path, first);
	CHECK(strlen(first) < sizeof(first) - 1);
	CHECK_STRING(first + strlen(first) - 4, "ää");
	CHECK(((unsigned char)strrchr(first, '-')[1] & 0xc0) != 0x80);
}

TEST(queue__of_a_newer_version_is_an_error_that_names_the_file)
{
	struct staging *staging = fresh();
	struct store *store = open_spool();
	bool is_open;
	size_t count;
	uint64_t bytes;
	struct spool_queue *queue = &spool_store_of(store)->queue;
	MUST(spool_queue_open(queue, true, &is_open, &err));
	MUST(sqlite_run(&queue->db, "PRAGMA user_version = 99", "", &err));
	CHECK_STATUS(staging_count(staging, NULL, &count, &bytes, &err), MLM_EUNSUPPORTED);
	CHECK_CONTAINS(err.message, "/" SPOOL_FILE_NAME "' was written by a newer mlmanager");
	spool_store_ops.close(store);
	store = open_spool();
	CHECK_STATUS(set_tag(store, "feed", "a", "1"), MLM_EUNSUPPORTED);
	spool_store_ops.close(store);
	staging_close(staging);
}

int main(void)
{
	directory_make();
	RUN(nothing__waits_where_there_is_no_queue_and_asking_makes_none);
	RUN(add__keeps_the_order_run_by_run);
	RUN(add__replaces_what_has_the_path_and_its_file);
	RUN(add__eexists_where_a_file_and_a_directory_would_share_a_path);
	RUN(remove__takes_rows_and_files);
	RUN(refuse__keeps_the_file_and_frees_the_path);
	RUN(clean__removes_what_killed_processes_left_and_nothing_of_living_ones);
	RUN(clean__removes_nothing_where_the_queue_is_lost);
	RUN(lock__is_one_senders_at_a_time);
	RUN(name__tells_the_artifacts_and_fits_whatever_that_is);
	RUN(queue__of_a_newer_version_is_an_error_that_names_the_file);
	directory_remove();
	return check_done();
}
