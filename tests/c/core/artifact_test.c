/* SPDX-License-Identifier: Apache-2.0 */

/* The public calls on artifacts, on files and on rows of the store. */

#include <dirent.h>
#include <ftw.h>
#include <pthread.h>
#include <sys/stat.h>

#include "scratch_store.h"

static struct scratch s;
static mlm_run *run;
static const char *artifacts; /* as an option of the manager */

static void start(void)
{
	scratch_make(&s);
	mlm_manager_options options = scratch_options(&s);
	options.artifacts = artifacts;
	MUST(mlm_manager_open(&options, &s.manager, &err));
	MUST(mlm_experiment_create(s.manager, "tests", NULL, NULL, &err));
	MUST(mlm_run_start(s.manager, NULL, &run, &err));
}

static int remove_entry(const char *path, const struct stat *about, int type, struct FTW *place)
{
	(void)about;
	(void)type;
	(void)place;
	return remove(path);
}

static const char *path_of(const char *name)
{
	static char paths[4][200];
	static int next;
	char *path = paths[next++ % 4];
	snprintf(path, sizeof(paths[0]), "%s/%s", s.directory, name);
	return path;
}

static void end(void)
{
	mlm_manager_free(s.manager);
	nftw(s.directory, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

static const char *make_file(const char *name, const char *text)
{
	const char *path = path_of(name);
	FILE *file = fopen(path, "w");
	if (!file || fputs(text, file) < 0 || fclose(file) != 0)
		exit(1);
	return path;
}

static const char *text_of(const char *path)
{
	static char text[200];
	FILE *file = fopen(path, "r");
	size_t size = file ? fread(text, 1, sizeof(text) - 1, file) : 0;
	text[size] = '\0';
	if (file)
		fclose(file);
	return file ? text : "no file";
}

static const char *listing_of(const char *directory)
{
	static char text[500];
	mlm_artifact_list *list;
	MUST(mlm_artifact_list_directory(s.manager, mlm_run_id(run), directory, &list, &err));
	text[0] = '\0';
	for (size_t i = 0; i < list->count; i++) {
		size_t used = strlen(text);
		snprintf(text + used, sizeof(text) - used, "%s%s %lld", i ? ", " : "",
			list->items[i].path, (long long)list->items[i].size_bytes);
	}
	mlm_artifact_list_free(list);
	return text;
}

TEST(log_artifact__takes_the_base_name_and_downloads)
{
	start();
	MUST(mlm_run_log_artifact(run, make_file("a b#.txt", "hello"), NULL, NULL, &err));
	MUST(mlm_run_log_artifact(run, path_of("a b#.txt"), "dir/x", NULL, &err));
	CHECK_STRING(listing_of(NULL), "a b#.txt 5, dir -1");
	CHECK_STRING(listing_of("dir"), "dir/x 5");
	const char *id = mlm_run_id(run);
	MUST(mlm_artifact_download(s.manager, id, "dir/x", path_of("copy"), NULL, &err));
	CHECK_STRING(text_of(path_of("copy")), "hello");
	MUST(mlm_artifact_download(s.manager, id, "dir/x", path_of("new/"), NULL, &err));
	CHECK_STRING(text_of(path_of("new/x")), "hello");
	MUST(mlm_artifact_download(s.manager, id, "a b#.txt", path_of("new"), NULL, &err));
	CHECK_STRING(text_of(path_of("new/a b#.txt")), "hello");
	MUST(mlm_artifact_download(s.manager, id, "", path_of("all"), NULL, &err));
	CHECK_STRING(text_of(path_of("all/dir/x")), "hello");
	end();
}

TEST(log_artifact__of_a_directory_is_a_tree_or_a_zip)
{
	mlm_artifact_options options = MLM_ARTIFACT_OPTIONS_INIT;
	start();
	CHECK(mkdir(path_of("model"), 0777) == 0 && mkdir(path_of("model/sub"), 0777) == 0);
	make_file("model/weights", "12345");
	make_file("model/sub/conf", "abc");
	CHECK(symlink("weights", path_of("model/latest")) == 0);
	MUST(mlm_run_log_artifact(run, path_of("model/"), NULL, &options, &err));
	CHECK_STRING(listing_of("model"), "model/latest 5, model/sub -1, model/weights 5");
	options.zip = true;
	MUST(mlm_run_log_artifact(run, path_of("model"), NULL, &options, &err));
	mlm_artifact about;
	MUST(mlm_artifact_find(s.manager, mlm_run_id(run), "model.zip", &about, &err));
	CHECK(!about.is_directory && about.size_bytes > 100);
	options.extract = true;
	MUST(mlm_artifact_download(
		s.manager, mlm_run_id(run), "model.zip", path_of("out"), &options, &err));
	CHECK_STRING(text_of(path_of("out/sub/conf")), "abc");
	options.expanded_bytes_max = 5;
	CHECK_STATUS(mlm_artifact_download(s.manager, mlm_run_id(run), "model.zip", path_of("out2"),
			     &options, &err),
		MLM_ECORRUPT);
	CHECK_CONTAINS(err.message, "5 bytes");
	CHECK(access(path_of("out2"), F_OK) != 0);
	/* Nor what was extracted until then, beside it. */
	DIR *stream = opendir(s.directory);
	for (const struct dirent *entry = readdir(stream); entry; entry = readdir(stream))
		CHECK(strncmp(entry->d_name, "out2", 4) != 0);
	closedir(stream);
	options.expanded_bytes_max = 0;
	CHECK_STATUS(mlm_artifact_download(s.manager, mlm_run_id(run), "model.zip", path_of("out"),
			     &options, &err),
		MLM_EEXISTS);
	CHECK_CONTAINS(err.message, "empty directory");
	CHECK_STATUS(mlm_artifact_download(
			     s.manager, mlm_run_id(run), "model", path_of("out2"), &options, &err),
		MLM_EINVAL);
	MUST(mlm_artifact_delete(s.manager, mlm_run_id(run), "model", &err));
	CHECK_STRING(listing_of("model"), "");
	end();
}

TEST(log_artifacts__checks_all_before_it_stores_any)
{
	start();
	const char *paths[] = { make_file("one", "1"), path_of("missing") };
	const char *names[] = { "x", "y" };
	CHECK_STATUS(mlm_run_log_artifacts(run, paths, names, 2, NULL, &err), MLM_ENOTFOUND);
	CHECK_CONTAINS(err.message, "missing");
	CHECK_STRING(listing_of(NULL), "");
	paths[1] = make_file("two", "22");
	names[1] = "../y";
	CHECK_STATUS(mlm_run_log_artifacts(run, paths, names, 2, NULL, &err), MLM_EINVAL);
	names[1] = "x";
	CHECK_STATUS(mlm_run_log_artifacts(run, paths, names, 2, NULL, &err), MLM_EINVAL);
	CHECK_CONTAINS(err.message, "twice");
	names[1] = "x/y";
	CHECK_STATUS(mlm_run_log_artifacts(run, paths, names, 2, NULL, &err), MLM_EINVAL);
	CHECK_CONTAINS(err.message, "'x/y' cannot lie in 'x'");
	paths[1] = "/dev/null";
	names[1] = "y";
	CHECK_STATUS(mlm_run_log_artifacts(run, paths, names, 2, NULL, &err), MLM_EINVAL);
	CHECK_STRING(listing_of(NULL), "");
	paths[1] = path_of("two");
	MUST(mlm_run_log_artifacts(run, paths, NULL, 2, NULL, &err));
	CHECK_STRING(listing_of(NULL), "one 1, two 2");
	end();
}

TEST(log_artifact__einval_on_a_link_to_a_directory_and_a_nameless_path)
{
	start();
	CHECK(mkdir(path_of("d"), 0777) == 0);
	CHECK(symlink(".", path_of("d/loop")) == 0);
	CHECK_STATUS(mlm_run_log_artifact(run, path_of("d"), NULL, NULL, &err), MLM_EINVAL);
	CHECK_CONTAINS(err.message, "link to a directory");
	CHECK_STATUS(mlm_run_log_artifact(run, "/", NULL, NULL, &err), MLM_EINVAL);
	CHECK_CONTAINS(err.message, "no name of its own");
	end();
}

TEST(calls__estate_enotfound)
{
	mlm_artifact about;
	char hex[65];
	start();
	char id[MLM_ID_SIZE];
	snprintf(id, sizeof(id), "%s", mlm_run_id(run));
	MUST(mlm_run_log_bytes(run, "a", "1", 1, &err));
	CHECK_STATUS(mlm_artifact_find(s.manager, "none", "a", &about, &err), MLM_ENOTFOUND);
	CHECK_STATUS(mlm_artifact_find(s.manager, id, "b", &about, &err), MLM_ENOTFOUND);
	CHECK_STATUS(mlm_artifact_sha256(s.manager, id, "b", hex, &err), MLM_ENOTFOUND);
	CHECK_STATUS(mlm_artifact_delete(s.manager, id, "b", &err), MLM_ENOTFOUND);
	CHECK_STATUS(mlm_artifact_delete(s.manager, id, "", &err), MLM_EINVAL);
	CHECK_STATUS(mlm_artifact_download(s.manager, id, "a", path_of("no/such/dir"), NULL, &err),
		MLM_ENOTFOUND);
	CHECK_CONTAINS(err.message, "no/such/dir");
	CHECK(mkfifo(path_of("pipe"), 0600) == 0);
	CHECK_STATUS(mlm_artifact_download(s.manager, id, "a", path_of("pipe"), NULL, &err),
		MLM_EEXISTS);
	CHECK_CONTAINS(err.message, "no file");
	MUST(mlm_run_end(run, MLM_RUN_UNCHANGED, &err));
	CHECK_STATUS(mlm_run_log_bytes(run, "b", "1", 1, &err), MLM_ESTATE);
	mlm_run *again;
	MUST(mlm_run_set_active(s.manager, id, &again, &err));
	MUST(mlm_run_log_bytes(again, "b", "1", 1, &err)); /* an ended run, taken up */
	MUST(mlm_run_delete_id(s.manager, id, &err));
	CHECK_STATUS(mlm_artifact_delete(s.manager, id, "a", &err), MLM_ESTATE);
	CHECK_STATUS(mlm_run_log_bytes(again, "c", "1", 1, &err), MLM_ESTATE);
	MUST(mlm_artifact_find(s.manager, id, "a", &about, &err));
	mlm_artifact_options options = { .version = 99 };
	CHECK_STATUS(mlm_artifact_download(s.manager, id, "a", path_of("x"), &options, &err),
		MLM_EINVAL);
	end();
}

TEST(sha256__is_that_of_the_bytes)
{
	char hex[65];
	start();
	MUST(mlm_run_log_bytes(run, "a", "hello", 5, &err));
	MUST(mlm_artifact_sha256(s.manager, mlm_run_id(run), "a", hex, &err));
	CHECK_STRING(hex, "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824");
	end();
}

#define BIG (5u << 20)

TEST(stream__gives_all_bytes_and_may_be_closed_early)
{
	mlm_artifact_stream *stream;
	size_t got;
	size_t total = 0;
	start();
	char *bytes = malloc(BIG);
	char *piece = malloc(300000);
	for (size_t i = 0; i < BIG; i++)
		bytes[i] = (char)(i * 7 >> 3);
	MUST(mlm_run_log_bytes(run, "big", bytes, BIG, &err));
	MUST(mlm_artifact_stream_open(s.manager, mlm_run_id(run), "big", &stream, &err));
	do {
		MUST(mlm_artifact_stream_read(stream, piece, 300000, &got, &err));
		CHECK(memcmp(piece, bytes + total, got) == 0);
		total += got;
	} while (got > 0);
	CHECK_INT(total, BIG);
	MUST(mlm_artifact_stream_read(stream, piece, 300000, &got, &err)); /* still the end */
	CHECK_INT(got, 0);
	mlm_artifact_stream_close(stream);
	MUST(mlm_artifact_stream_open(s.manager, mlm_run_id(run), "big", &stream, &err));
	MUST(mlm_artifact_stream_read(stream, piece, 10, &got, &err));
	CHECK_INT(got, 10);
	mlm_artifact_stream_close(stream);
	CHECK_STATUS(mlm_artifact_stream_open(s.manager, mlm_run_id(run), "no", &stream, &err),
		MLM_ENOTFOUND);
	CHECK(!stream);
	mlm_artifact_stream_close(NULL);
	free(bytes);
	free(piece);
	end();
}

/* A reader that logs a metric while its artifact is being stored, from another thread: the call
 * does not hold the manager's lock. */
static void *log_something(void *payload)
{
	mlm_error why;
	mlm_text tag = { "while", "storing" };
	*(mlm_status *)payload = mlm_run_set_tags(run, &tag, 1, &why);
	return NULL;
}

static mlm_status read_and_log(
	void *payload, void *bytes, size_t size, size_t *got_out, mlm_error *why)
{
	pthread_t thread;
	mlm_status status = MLM_EIO;
	int *calls = payload;
	(void)size;
	(void)why;
	*got_out = 0;
	if ((*calls)++ > 0)
		return MLM_OK;
	memcpy(bytes, "x", 1);
	*got_out = 1;
	if (pthread_create(&thread, NULL, log_something, &status) == 0)
		pthread_join(thread, NULL);
	return status;
}

TEST(log_stream__lets_other_threads_log)
{
	int calls = 0;
	const mlm_artifact_reader reader = { read_and_log, &calls, -1, NULL };
	start();
	MUST(mlm_run_log_stream(run, "s", &reader, NULL, &err));
	CHECK_STRING(listing_of(NULL), "s 1");
	end();
}

struct told {
	int times;
	uint64_t done_bytes;
	int64_t total_bytes;
	bool stops;
};

static bool tell(void *payload, const char *name, uint64_t done_bytes, int64_t total_bytes)
{
	struct told *told = payload;
	CHECK(strncmp(name, "slow", 4) == 0);
	told->times++;
	told->done_bytes = done_bytes;
	told->total_bytes = total_bytes;
	return !told->stops;
}

static mlm_status read_slowly(
	void *payload, void *bytes, size_t size, size_t *got_out, mlm_error *why)
{
	int *calls = payload;
	(void)size;
	(void)why;
	usleep(60000);
	*got_out = (*calls)++ < 5;
	memcpy(bytes, "x", 1);
	return MLM_OK;
}

TEST(progress__is_told_and_can_stop)
{
	int calls = 0;
	struct told told = { 0 };
	mlm_artifact_options options = MLM_ARTIFACT_OPTIONS_INIT;
	options.progress = tell;
	options.progress_payload = &told;
	const mlm_artifact_reader reader = { read_slowly, &calls, 5, NULL };
	start();
	MUST(mlm_run_log_stream(run, "slow", &reader, &options, &err));
	CHECK(told.times >= 1 && told.done_bytes >= 1 && told.total_bytes == 5);
	calls = 0;
	told.stops = true;
	CHECK_STATUS(mlm_run_log_stream(run, "slow2", &reader, &options, &err), MLM_ESTATE);
	CHECK_STRING(listing_of(NULL), "slow 5");
	end();
}

TEST(reset__deletes_artifacts)
{
	start();
	MUST(mlm_run_log_bytes(run, "a/b", "1", 1, &err));
	MUST(mlm_run_reset(run, &err));
	CHECK_STRING(listing_of(NULL), "");
	end();
}

static void run_all(void)
{
	RUN(log_artifact__takes_the_base_name_and_downloads);
	RUN(log_artifact__of_a_directory_is_a_tree_or_a_zip);
	RUN(log_artifacts__checks_all_before_it_stores_any);
	RUN(log_artifact__einval_on_a_link_to_a_directory_and_a_nameless_path);
	RUN(calls__estate_enotfound);
	RUN(sha256__is_that_of_the_bytes);
	RUN(stream__gives_all_bytes_and_may_be_closed_early);
	RUN(log_stream__lets_other_threads_log);
	RUN(progress__is_told_and_can_stop);
	RUN(reset__deletes_artifacts);
}

int main(void)
{
	printf("-- files\n");
	run_all();
	printf("-- blob:\n");
	artifacts = "blob:";
	run_all();
	return check_done();
}
