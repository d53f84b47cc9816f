/* SPDX-License-Identifier: Apache-2.0 */
/* A store that can only be read: reading works, writing is one clear error, nothing changes on
 * disk, not even a journal that waits to be adopted. */
#include <grp.h>
#include <signal.h>
#include <sys/wait.h>

#include "small_mount.h"

#define NOBODY 65534
#define POINTS 100

static mlm_error err;

struct fixture {
	struct place place;
	char run_id[MLM_ID_SIZE];
	char experiment_id[MLM_ID_SIZE];
};

static mlm_status open_manager(const struct fixture *fixture, mlm_manager **manager_out)
{
	mlm_manager_options options = MLM_MANAGER_OPTIONS_INIT;
	options.store = fixture->place.uri;
	options.ignore_environment = true;
	return mlm_manager_open(&options, manager_out, &err);
}

static void make_store(struct fixture *fixture)
{
	mlm_manager *manager = NULL;
	mlm_run *run = NULL;
	mlm_text param = { "rate", "0.1" };
	MUST(open_manager(fixture, &manager));
	MUST(mlm_experiment_create(manager, "read only", NULL, fixture->experiment_id, &err));
	MUST(mlm_run_start(manager, NULL, &run, &err));
	snprintf(fixture->run_id, sizeof(fixture->run_id), "%s", mlm_run_id(run));
	for (int i = 0; i < POINTS; i++)
		MUST(mlm_run_log_metric(run, "loss", 0, i, MLM_STEP_NEXT, MLM_TIME_NOW, &err));
	MUST(mlm_run_log_params(run, &param, 1, &err));
	MUST(mlm_run_end(run, MLM_RUN_UNCHANGED, &err));
	MUST(mlm_manager_close(manager, 0, &err));
	mlm_manager_free(manager);
}

/* In a child, so that this process has no part of SQLite's state. With an orphaned journal if
 * dies. */
static void make_store_apart(struct fixture *fixture, bool dies)
{
	int report[2];
	memset(fixture, 0, sizeof(*fixture));
	place_make(&fixture->place);
	CHECK(chmod(fixture->place.directory, 0755) == 0);
	CHECK(pipe(report) == 0);
	fflush(stdout);
	pid_t child = fork();
	if (child == 0) {
		mlm_manager *manager = NULL;
		make_store(fixture);
		if (write(report[1], fixture, sizeof(*fixture)) != (ssize_t)sizeof(*fixture))
			_exit(1);
		if (!dies)
			_exit(0);
		MUST(open_manager(fixture, &manager));
		MUST(mlm_experiment_set_active_id(manager, fixture->experiment_id, &err));
		MUST(mlm_run_start(manager, NULL, NULL, &err));
		raise(SIGKILL);
	}
	CHECK(read(report[0], fixture, sizeof(*fixture)) == (ssize_t)sizeof(*fixture));
	close(report[0]);
	close(report[1]);
	waitpid(child, NULL, 0);
}

/* ---- what is on disk ---- */

static uint64_t tree_hash;

static int add_to_hash(const char *path, const struct stat *about, int kind, struct FTW *where)
{
	(void)where;
	uint64_t words[] = { about->st_ino, (uint64_t)about->st_size, (uint64_t)kind,
		(uint64_t)about->st_mtim.tv_nsec, (uint64_t)about->st_mtim.tv_sec };
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		tree_hash = (tree_hash ^ words[i]) * 0x100000001B3ull;
	for (; *path; path++)
		tree_hash = (tree_hash ^ (unsigned char)*path) * 0x100000001B3ull;
	return 0;
}

/* Names, sizes and times of everything there. */
static uint64_t hash_of(const struct place *place)
{
	tree_hash = 0xCBF29CE484222325ull;
	nftw(place->directory, add_to_hash, 16, FTW_PHYS);
	return tree_hash;
}

/* ---- what a reader does ---- */

static void check_reading(const struct fixture *fixture, mlm_manager *manager)
{
	mlm_run_list *runs = NULL;
	mlm_experiment_list *experiments = NULL;
	mlm_metric_history *history = NULL;
	mlm_query query = MLM_QUERY_INIT;
	const char *ids[] = { fixture->experiment_id };
	query.experiment_ids = ids;
	query.experiment_count = 1;
	query.filter = "metrics.loss > 10 and params.rate = '0.1'";
	MUST(mlm_experiment_search(manager, &(mlm_query)MLM_QUERY_INIT, &experiments, &err));
	CHECK_INT(experiments->count, 2);
	mlm_experiment_list_free(experiments);
	MUST(mlm_run_get(manager, fixture->run_id, &runs, &err));
	CHECK_INT(runs->items[0].param_count, 1);
	mlm_run_list_free(runs);
	MUST(mlm_run_search(manager, &query, &runs, &err));
	CHECK_INT(runs->count, 1);
	mlm_run_list_free(runs);
	MUST(mlm_metric_history_get(manager, fixture->run_id, "loss", &history, &err));
	CHECK_INT(history->count, POINTS);
	mlm_metric_history_free(history);
	MUST(mlm_experiment_set_active_id(manager, fixture->experiment_id, &err));
	MUST(mlm_manager_flush(manager, MLM_FOREVER, &err));
}

#define CHECK_REFUSED(call)                               \
	do {                                              \
		CHECK_STATUS(call, MLM_EIO);              \
		CHECK_CONTAINS(err.message, "read-only"); \
	} while (0)

static void check_writing(const struct fixture *fixture, mlm_manager *manager)
{
	mlm_run *run = NULL;
	char id[MLM_ID_SIZE];
	CHECK_REFUSED(mlm_experiment_create(manager, "another", NULL, id, &err));
	CHECK_REFUSED(mlm_experiment_rename(manager, fixture->experiment_id, "x", &err));
	CHECK_REFUSED(mlm_experiment_delete(manager, fixture->experiment_id, &err));
	CHECK_REFUSED(mlm_experiment_set_tag(manager, fixture->experiment_id, "k", "v", &err));
	CHECK_REFUSED(mlm_run_start(manager, NULL, &run, &err));
	CHECK(!run);
	CHECK_REFUSED(mlm_run_set_active(manager, fixture->run_id, &run, &err));
	CHECK_REFUSED(mlm_run_delete_id(manager, fixture->run_id, &err));
	CHECK_REFUSED(mlm_run_rename(manager, fixture->run_id, "x", &err));
}

static void read_and_try_to_write(const struct fixture *fixture)
{
	mlm_manager *manager = NULL;
	MUST(open_manager(fixture, &manager));
	check_reading(fixture, manager);
	check_writing(fixture, manager);
	check_reading(fixture, manager);
	MUST(mlm_manager_close(manager, 0, &err));
	mlm_manager_free(manager);
}

static void become_nobody(void)
{
	/* Root may write whatever the permissions say. */
	if (geteuid() == 0 && (setgroups(0, NULL) != 0 || setresgid(NOBODY, NOBODY, NOBODY) != 0 ||
				      setresuid(NOBODY, NOBODY, NOBODY) != 0))
		_exit(9);
}

static void check_in_child(
	struct fixture *fixture, void (*body)(const struct fixture *), bool as_nobody)
{
	int how = 0;
	uint64_t before = hash_of(&fixture->place);
	fflush(stdout);
	pid_t child = fork();
	if (child == 0) {
		check_failures_of_test = 0;
		if (as_nobody)
			become_nobody();
		body(fixture);
		fflush(stdout);
		_exit(check_failures_of_test ? 1 : 0);
	}
	waitpid(child, &how, 0);
	CHECK(WIFEXITED(how) && WEXITSTATUS(how) == 0);
	CHECK(hash_of(&fixture->place) == before);
}

/* ---- tests ---- */

TEST(read_only__mount)
{
	struct fixture f;
	make_store_apart(&f, false);
	CHECK(mount(f.place.directory, f.place.directory, NULL, MS_BIND, NULL) == 0);
	CHECK(mount(NULL, f.place.directory, NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL) == 0);
	check_in_child(&f, read_and_try_to_write, false);
	CHECK(umount(f.place.directory) == 0);
	place_remove(&f.place);
}

TEST(read_only__file_in_a_directory_of_others)
{
	struct fixture f;
	make_store_apart(&f, false);
	CHECK(chmod(f.place.database, 0444) == 0);
	CHECK(chmod(f.place.directory, 0555) == 0);
	check_in_child(&f, read_and_try_to_write, true);
	chmod(f.place.directory, 0755);
	place_remove(&f.place);
}

TEST(read_only__writable_file_in_a_directory_that_is_not)
{
	struct fixture f;
	make_store_apart(&f, false);
	CHECK(chmod(f.place.database, 0666) == 0);
	CHECK(chmod(f.place.directory, 0555) == 0);
	check_in_child(&f, read_and_try_to_write, true);
	chmod(f.place.directory, 0755);
	place_remove(&f.place);
}

static void open_with_a_log(const struct fixture *fixture)
{
	mlm_manager *manager = NULL;
	mlm_status status = open_manager(fixture, &manager);
	if (status == MLM_OK) {
		check_reading(fixture, manager);
		check_writing(fixture, manager);
		mlm_manager_free(manager);
		return;
	}
	CHECK_INT(status, MLM_EIO);
	CHECK_CONTAINS(err.message, "read-only");
	CHECK_CONTAINS(err.message, "log");
}

/* The writer died: there is a write-ahead log to be read as well, and a journal to be adopted. */
TEST(read_only__store_of_a_process_that_died)
{
	struct fixture f;
	make_store_apart(&f, true);
	CHECK_INT(directory_count(f.place.journals, ".head", NULL), 1);
	CHECK(mount(f.place.directory, f.place.directory, NULL, MS_BIND, NULL) == 0);
	CHECK(mount(NULL, f.place.directory, NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL) == 0);
	check_in_child(&f, open_with_a_log, false);
	CHECK(umount(f.place.directory) == 0);
	CHECK_INT(directory_count(f.place.journals, ".head", NULL), 1);
	place_remove(&f.place);
}

static void open_a_new_one(const struct fixture *fixture)
{
	mlm_manager *manager = NULL;
	mlm_status status = open_manager(fixture, &manager);
	CHECK_INT(status, MLM_EIO);
	CHECK(!manager);
	CHECK_CONTAINS(err.message, "Read-only file system");
}

TEST(read_only__mount_without_a_store)
{
	struct fixture f = { 0 };
	place_make(&f.place);
	CHECK(mount(f.place.directory, f.place.directory, NULL, MS_BIND, NULL) == 0);
	CHECK(mount(NULL, f.place.directory, NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL) == 0);
	check_in_child(&f, open_a_new_one, false);
	CHECK(umount(f.place.directory) == 0);
	place_remove(&f.place);
}

int main(void)
{
	int skipped = 0;
	err = (mlm_error)MLM_ERROR_INIT;
	bool was_root = geteuid() == 0;
	/* Permissions hold for an ordinary user; the root of a user namespace would pass them by
	 * and has nobody to become. */
	if (!was_root) {
		RUN(read_only__file_in_a_directory_of_others);
		RUN(read_only__writable_file_in_a_directory_that_is_not);
	}
	if (!mount_prepare()) {
		printf("skipped read_only_test's mounts (neither root nor a user namespace may "
		       "mount)\n");
		skipped = 1;
	} else {
		RUN(read_only__mount);
		RUN(read_only__store_of_a_process_that_died);
		RUN(read_only__mount_without_a_store);
	}
	if (was_root) {
		RUN(read_only__file_in_a_directory_of_others);
		RUN(read_only__writable_file_in_a_directory_that_is_not);
	}
	int status = check_done();
	if (skipped)
		printf("0 passed, 0 failed, 1 skipped\n");
	return status;
}
