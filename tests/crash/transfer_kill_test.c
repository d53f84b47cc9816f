/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kill -9 in the middle of an import and of a gc. However often they are cut short, the next one
 * that ends leaves what one alone would have left.
 */
#include <signal.h>
#include <stdarg.h>
#include <sys/wait.h>

#include "store_dump.h"
#include "store_reading.h"

#define ROUNDS       40
#define KILL_US_MAX  60000
#define RUNS         6
#define POINTS_A_RUN 30000

static mlm_error err = MLM_ERROR_INIT;
static struct place from, into, once;
static char archive[PATH_MAX];

static mlm_manager *open_at(const struct place *place)
{
	mlm_manager *manager;
	mlm_manager_options options = MLM_MANAGER_OPTIONS_INIT;
	options.store = place->uri;
	options.ignore_environment = true;
	MUST(mlm_manager_open(&options, &manager, &err));
	return manager;
}

__attribute__((format(printf, 1, 2))) static void shell(const char *format, ...)
{
	char command[3 * PATH_MAX];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(command, sizeof(command), format, arguments);
	va_end(arguments);
	CHECK_INT(system(command), 0);
}

static void make_archive(void)
{
	mlm_manager *manager = open_at(&from);
	MUST(mlm_experiment_create(manager, "killed", NULL, NULL, &err));
	for (int r = 0; r < RUNS; r++) {
		mlm_run *run;
		mlm_run_list *list;
		const mlm_text params[] = { { "a", "1" }, { "b", "2" } };
		MUST(mlm_run_start(manager, NULL, &run, &err));
		MUST(mlm_run_log_params(run, params, 2, &err));
		for (int i = 0; i < POINTS_A_RUN; i++)
			MUST(mlm_run_log_metric(
				run, i % 2 ? "long" : "short", 0, i, i % 100, i, &err));
		MUST(mlm_run_get(manager, mlm_run_id(run), &list, &err));
		shell("mkdir -p '%s' && head -c 200000 /dev/urandom >'%s/file'",
			list->items[0].artifact_uri, list->items[0].artifact_uri);
		mlm_run_list_free(list);
		MUST(mlm_run_end(run, r % 2 ? MLM_RUN_FAILED : MLM_RUN_FINISHED, &err));
	}
	MUST(mlm_export(manager, archive, NULL, NULL, &err));
	mlm_manager_free(manager);
}

static int import_whole(const struct place *place)
{
	mlm_transfer_result result;
	mlm_manager *manager = open_at(place);
	mlm_status status = mlm_import(manager, archive, NULL, &result, &err);
	mlm_manager_free(manager);
	return status == MLM_OK && result.problems == 0 ? 0 : 3;
}

static int collect(const struct place *place)
{
	mlm_manager *manager = open_at(place);
	mlm_status status = mlm_manager_gc(manager, NULL, NULL, &err);
	mlm_manager_free(manager);
	return status == MLM_OK ? 0 : 3;
}

/* True when the child was killed before it was done. */
static bool run_and_kill(int (*work)(const struct place *), useconds_t after_us)
{
	int how;
	fflush(stdout);
	pid_t child = fork();
	if (child == 0)
		_exit(work(&into));
	usleep(after_us);
	kill(child, SIGKILL);
	CHECK(waitpid(child, &how, 0) == child);
	CHECK(WIFSIGNALED(how) || WEXITSTATUS(how) == 0);
	return WIFSIGNALED(how);
}

static char *sums_of(const struct place *place)
{
	static char sums[2][8192];
	static int next;
	char command[2 * PATH_MAX];
	char *text = sums[next = !next];
	snprintf(command, sizeof(command),
		"cd %s/mlartifacts && find . -type f -exec sha256sum {} + | sort -k2",
		place->directory);
	FILE *pipe = popen(command, "r");
	text[pipe ? fread(text, 1, 8191, pipe) : 0] = '\0';
	CHECK(pipe && pclose(pipe) == 0);
	return text;
}

TEST(import__killed_at_any_moment_and_run_again_leaves_what_one_alone_does)
{
	int killed = 0;
	CHECK_INT(import_whole(&once), 0);
	for (int i = 0; i < ROUNDS; i++) {
		killed += run_and_kill(import_whole, (useconds_t)(i * (KILL_US_MAX / ROUNDS)));
		if (i % 8 == 7) {
			CHECK_INT(import_whole(&into), 0);
			store_dumps_check_equal(
				store_dump(once.database), store_dump(into.database));
			CHECK_STRING(sums_of(&into), sums_of(&once));
			/* Nor does anything stay of what the killed ones had unpacked. */
			shell("test -z \"$(find '%s' -name 'mlmanager-import-*')\"",
				from.directory);
			if (i < ROUNDS - 1)
				shell("rm -rf %s/store.db* %s/mlartifacts", into.directory,
					into.directory);
		}
	}
	CHECK(killed > ROUNDS / 4);
}

static int export_again(const struct place *place)
{
	mlm_transfer_options options = MLM_TRANSFER_OPTIONS_INIT;
	mlm_manager *manager = open_at(place);
	options.overwrite = true;
	mlm_status status = mlm_export(manager, archive, &options, NULL, &err);
	mlm_manager_free(manager);
	return status == MLM_OK ? 0 : 3;
}

TEST(export__killed_at_any_moment_leaves_the_old_archive_or_the_new_one)
{
	int killed = 0;
	for (int i = 0; i < 10; i++)
		killed += run_and_kill(export_again, (useconds_t)(i * 4000));
	CHECK(killed > 3);
	shell("tar tzf '%s' >'%s/names'", archive, from.directory);
	CHECK_INT(export_again(&into), 0);
	shell("test -z \"$(find '%s' -name '.*' -type f)\"", from.directory);
}

TEST(gc__killed_at_any_moment_and_run_again_leaves_nothing)
{
	char id[MLM_ID_SIZE];
	mlm_experiment_list *list;
	mlm_manager *manager = open_at(&into);
	MUST(mlm_experiment_get_by_name(manager, "killed", &list, &err));
	snprintf(id, sizeof(id), "%s", list->items[0].experiment_id);
	mlm_experiment_list_free(list);
	MUST(mlm_experiment_delete(manager, id, &err));
	mlm_manager_free(manager);
	for (int i = 0; i < 10; i++)
		run_and_kill(collect, (useconds_t)(i * 2000));
	CHECK_INT(collect(&into), 0);
	char *dump = store_dump(into.database);
	CHECK_STRING(dump, "Default|active|NULL|NULL|\n");
	sqlite3_free(dump);
	CHECK_STRING(sums_of(&into), "");
}

int main(void)
{
	place_make(&from);
	place_make(&into);
	place_make(&once);
	snprintf(archive, sizeof(archive), "%s/x.tar.gz", from.directory);
	setenv("TMPDIR", from.directory, 1);
	make_archive();
	RUN(import__killed_at_any_moment_and_run_again_leaves_what_one_alone_does);
	RUN(export__killed_at_any_moment_leaves_the_old_archive_or_the_new_one);
	RUN(gc__killed_at_any_moment_and_run_again_leaves_nothing);
	shell("rm -rf %s %s %s", from.directory, into.directory, once.directory);
	return check_done();
}
