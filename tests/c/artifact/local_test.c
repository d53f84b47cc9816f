/* SPDX-License-Identifier: Apache-2.0 */

/* The contract on files, and what only files have: links, pipes, other programs' leftovers. */

#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>

#include "artifact/contract/contract.h"

static char directory[] = "/tmp/mlm artifact%20test.XXXXXX";

static void local_options(const char *id, struct artifact_options *options)
{
	static char uri[200];
	/* The blank, the '%' and the digits after it are part of the name. */
	snprintf(uri, sizeof(uri), "file:///tmp/mlm%%20artifact%%2520test.%s/%s/artifacts",
		strrchr(directory, '.') + 1, id);
	options->uri = uri;
}

static const char *path_of(const char *name)
{
	static char path[300];
	snprintf(path, sizeof(path), "%s/%s/artifacts/%s", directory, contract_id, name);
	return path;
}

static void make_file(const char *path)
{
	FILE *file = fopen(path, "w");
	if (!file || fputs("secret", file) < 0 || fclose(file) != 0)
		exit(1);
}

TEST(walk__einval_where_others_made_directories_too_deep)
{
	struct artifact_store *store = contract_fresh();
	struct contract_listing listing = { "" };
	char path[2 * MLM_ARTIFACT_DEPTH_MAX + 3] = "";
	MUST(contract_put(store, "a", "1"));
	for (int i = 0; i <= MLM_ARTIFACT_DEPTH_MAX; i++) {
		memcpy(path + 2 * i, "d/", 3);
		CHECK(mkdir(path_of(path), 0777) == 0);
	}
	CHECK_STATUS(artifact_walk(store, "", contract_note, &listing, &err), MLM_EINVAL);
	CHECK_CONTAINS(err.message, "64 levels");
	MUST(artifact_remove(store, "", &err));
	artifact_close(store);
}

TEST(links__that_leave_the_root_are_einval_and_not_listed)
{
	struct artifact_store *store = contract_fresh();
	char secret[100];
	struct stat about;
	snprintf(secret, sizeof(secret), "%s/secret", directory);
	make_file(secret);
	MUST(contract_put(store, "a", "mine"));
	CHECK(symlink(secret, path_of("absolute")) == 0);
	CHECK(symlink("../../secret", path_of("relative")) == 0);
	CHECK(symlink("../..", path_of("up")) == 0);
	CHECK(symlink("nowhere", path_of("dangling")) == 0);
	CHECK_STRING(contract_list(store, "").text, "a 4");
	CHECK_STRING(contract_get(store, "absolute").start, "invalid");
	CHECK_CONTAINS(err.message, "link");
	CHECK_STRING(contract_get(store, "relative").start, "invalid");
	CHECK_STRING(contract_get(store, "up/secret").start, "invalid");
	CHECK_STATUS(contract_put(store, "up/new", "x"), MLM_EINVAL);
	CHECK_STATUS(artifact_remove(store, "up/secret", &err), MLM_EINVAL);
	CHECK_STATUS(artifact_list(store, "up", contract_note, NULL, &err), MLM_EINVAL);
	MUST(contract_put(store, "absolute", "in its place")); /* the link is what is replaced */
	CHECK_STRING(contract_get(store, "absolute").start, "in its place");
	MUST(artifact_remove(store, "", &err));
	CHECK(stat(secret, &about) == 0 && about.st_size == 6);
	artifact_close(store);
}

TEST(links__inside_the_root_are_followed_and_removed_as_links)
{
	struct artifact_store *store = contract_fresh();
	struct contract_listing listing = { "" };
	MUST(contract_put(store, "v1/model", "one"));
	CHECK(symlink("v1", path_of("latest")) == 0);
	CHECK(symlink("v1/model", path_of("model")) == 0);
	CHECK(symlink(".", path_of("v1/again")) == 0);
	CHECK_STRING(contract_get(store, "latest/model").start, "one");
	CHECK_STRING(contract_get(store, "model").start, "one");
	/* A link to a directory is not listed: it may lead back to where it is. */
	MUST(artifact_walk(store, "", contract_note, &listing, &err));
	CHECK_STRING(listing.text, "model 3, v1/model 3");
	MUST(artifact_remove(store, "latest", &err));
	MUST(artifact_remove(store, "model", &err));
	CHECK_STRING(contract_get(store, "v1/model").start, "one");
	artifact_close(store);
}

TEST(pipes__are_no_artifacts)
{
	struct artifact_store *store = contract_fresh();
	MUST(contract_put(store, "a", "1"));
	CHECK(mkfifo(path_of("pipe"), 0600) == 0);
	CHECK_STRING(contract_list(store, "").text, "a 1");
	CHECK_STRING(contract_get(store, "pipe").start, "not_found");
	CHECK_CONTAINS(err.message, "no file");
	MUST(artifact_remove(store, "pipe", &err));
	artifact_close(store);
}

TEST(uploads__of_others_are_not_listed)
{
	struct artifact_store *store = contract_fresh();
	MUST(contract_put(store, "a", "1"));
	make_file(path_of(".artifact.uploading.42"));
	CHECK_STRING(contract_list(store, "").text, "a 1");
	MUST(artifact_remove(store, "", &err));
	artifact_close(store);
}

TEST(put__leaves_no_temporary_file_and_keeps_to_the_umask)
{
	struct artifact_store *store = contract_fresh();
	struct stat about;
	mode_t before = umask(027);
	MUST(contract_put(store, "dir/a", "1"));
	MUST(contract_put(store, "dir/a", "2"));
	umask(before);
	CHECK(stat(path_of("dir/a"), &about) == 0);
	CHECK_INT(about.st_mode & 0777, 0640);
	MUST(artifact_remove(store, "dir/a", &err));
	CHECK(rmdir(path_of("")) == 0);
	artifact_close(store);
}

TEST(put__eio_in_a_directory_that_cannot_be_made)
{
	const struct artifact_options options = { .uri = "/dev/null/artifacts" };
	struct artifact_store *store;
	MUST(artifact_open(&options, &store, &err));
	CHECK_STATUS(contract_put(store, "a", "1"), MLM_EIO);
	CHECK_CONTAINS(err.message, "/dev/null/artifacts");
	CHECK_STRING(contract_list(store, "").text, "");
	artifact_close(store);
}

static int remove_entry(const char *path, const struct stat *about, int type, struct FTW *place)
{
	(void)about;
	(void)type;
	(void)place;
	return remove(path);
}

int main(void)
{
	if (!mkdtemp(directory))
		return 1;
	run_artifact_contract(local_options);
	RUN(walk__einval_where_others_made_directories_too_deep);
	RUN(links__that_leave_the_root_are_einval_and_not_listed);
	RUN(links__inside_the_root_are_followed_and_removed_as_links);
	RUN(pipes__are_no_artifacts);
	RUN(uploads__of_others_are_not_listed);
	RUN(put__leaves_no_temporary_file_and_keeps_to_the_umask);
	RUN(put__eio_in_a_directory_that_cannot_be_made);
	nftw(directory, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
	return check_done();
}
