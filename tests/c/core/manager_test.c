/* SPDX-License-Identifier: Apache-2.0 */
#include "mlmanager/manager.h"

#include <sched.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "scratch_store.h"

TEST(manager_open__einval_on_wrong_options)
{
	mlm_manager *manager = NULL;
	mlm_manager_options options = MLM_MANAGER_OPTIONS_INIT;
	options.version = 99;
	CHECK_STATUS(mlm_manager_open(&options, &manager, &err), MLM_EINVAL);
	CHECK(!manager);
	options = (mlm_manager_options)MLM_MANAGER_OPTIONS_INIT;
	options.journal_bytes_max = 5;
	CHECK_STATUS(mlm_manager_open(&options, &manager, &err), MLM_EINVAL);
	CHECK_CONTAINS(err.message, "journal_bytes_max");
}

TEST(manager_open__einval_on_an_unknown_experiment_in_the_environment)
{
	struct scratch s;
	scratch_make(&s);
	mlm_manager_options options = scratch_options(&s);
	options.ignore_environment = false;
	setenv("MLFLOW_EXPERIMENT_NAME", "nobody", 1);
	CHECK_STATUS(mlm_manager_open(&options, &s.manager, &err), MLM_EINVAL);
	CHECK_CONTAINS(err.message, "MLFLOW_EXPERIMENT_NAME");
	unsetenv("MLFLOW_EXPERIMENT_NAME");
	scratch_remove(&s);
}

TEST(manager_open__takes_experiment_and_run_from_the_environment)
{
	struct scratch s;
	mlm_run *run = NULL;
	char id[MLM_ID_SIZE];
	scratch_start(&s, &run);
	snprintf(id, sizeof(id), "%s", mlm_run_id(run));
	mlm_manager_free(s.manager);
	setenv("MLFLOW_EXPERIMENT_NAME", "tests", 1);
	setenv("MLFLOW_RUN_ID", id, 1);
	mlm_manager_options options = scratch_options(&s);
	options.ignore_environment = false;
	MUST(mlm_manager_open(&options, &s.manager, &err));
	CHECK(mlm_run_active(s.manager));
	CHECK_STRING(mlm_run_id(mlm_run_active(s.manager)), id);
	unsetenv("MLFLOW_EXPERIMENT_NAME");
	unsetenv("MLFLOW_RUN_ID");
	scratch_remove(&s);
}

TEST(manager_close__ends_runs_and_makes_every_call_estate)
{
	struct scratch s;
	mlm_run *run = NULL;
	mlm_run_list *list = NULL;
	char id[MLM_ID_SIZE];
	scratch_start(&s, &run);
	snprintf(id, sizeof(id), "%s", mlm_run_id(run));
	MUST(mlm_run_log_metric(run, "loss", 0, 1, MLM_STEP_NEXT, MLM_TIME_NOW, &err));
	MUST(mlm_manager_close(s.manager, MLM_RUN_FAILED, &err));
	MUST(mlm_manager_close(s.manager, 0, &err));
	CHECK_STATUS(mlm_run_log_metric(run, "loss", 0, 1, MLM_STEP_NEXT, MLM_TIME_NOW, &err),
		MLM_ESTATE);
	CHECK_CONTAINS(err.message, "closed");
	CHECK_STATUS(mlm_run_start(s.manager, NULL, NULL, &err), MLM_ESTATE);
	CHECK_STATUS(mlm_manager_flush(s.manager, 0, &err), MLM_ESTATE);
	CHECK_STATUS(mlm_run_end(run, 0, &err), MLM_ESTATE);
	CHECK(!mlm_run_active(s.manager));
	mlm_manager_free(s.manager);
	scratch_reopen(&s);
	MUST(mlm_run_get(s.manager, id, &list, &err));
	CHECK_INT(list->items[0].status, MLM_RUN_FAILED);
	CHECK_INT(list->items[0].metric_count, 1);
	mlm_run_list_free(list);
	scratch_remove(&s);
}

TEST(manager_flush__makes_records_visible_to_others)
{
	struct scratch s;
	mlm_run *run = NULL;
	mlm_manager *other = NULL;
	mlm_metric_history *history = NULL;
	scratch_start(&s, &run);
	for (int i = 0; i < 1000; i++)
		MUST(mlm_run_log_metric(run, "m", 0, i, MLM_STEP_NEXT, MLM_TIME_NOW, &err));
	MUST(mlm_manager_flush(s.manager, MLM_FOREVER, &err));
	mlm_manager_options options = scratch_options(&s);
	MUST(mlm_manager_open(&options, &other, &err));
	MUST(mlm_metric_history_get(other, mlm_run_id(run), "m", &history, &err));
	CHECK_INT(history->count, 1000);
	mlm_metric_history_free(history);
	mlm_manager_free(other);
	scratch_remove(&s);
}

TEST(manager__a_forked_child_is_told_so_and_disturbs_nothing)
{
	struct scratch s;
	mlm_run *run = NULL;
	mlm_metric_history *history = NULL;
	scratch_start(&s, &run);
	MUST(mlm_run_log_metric(run, "m", 0, 1, MLM_STEP_NEXT, MLM_TIME_NOW, &err));
	pid_t child = fork();
	if (child == 0) {
		mlm_status logged =
			mlm_run_log_metric(run, "m", 0, 2, MLM_STEP_NEXT, MLM_TIME_NOW, NULL);
		mlm_status started = mlm_run_start(s.manager, NULL, NULL, NULL);
		mlm_status ended = mlm_run_end(run, 0, NULL);
		mlm_manager_free(s.manager);
		_exit(logged == MLM_ESTATE && started == MLM_ESTATE && ended == MLM_ESTATE ? 0 : 1);
	}
	int how = 0;
	waitpid(child, &how, 0);
	CHECK(WIFEXITED(how) && WEXITSTATUS(how) == 0);
	MUST(mlm_run_log_metric(run, "m", 0, 3, MLM_STEP_NEXT, MLM_TIME_NOW, &err));
	MUST(mlm_metric_history_get(s.manager, mlm_run_id(run), "m", &history, &err));
	CHECK_INT(history->count, 2);
	mlm_metric_history_free(history);
	scratch_remove(&s);
}

static void count_findings(void *payload, bool repaired, const char *finding)
{
	(void)repaired;
	(void)finding;
	++*(int *)payload;
}

TEST(manager_doctor__finds_nothing_wrong_with_a_new_store)
{
	struct scratch s;
	mlm_run *run = NULL;
	int findings = 0;
	scratch_start(&s, &run);
	MUST(mlm_run_log_metric(run, "m", 0, 1, MLM_STEP_NEXT, MLM_TIME_NOW, &err));
	MUST(mlm_manager_doctor(s.manager, true, count_findings, &findings, &err));
	CHECK_INT(findings, 0);
	scratch_remove(&s);
}

TEST(manager_close__leaves_no_run_open_that_was_put_aside)
{
	struct scratch s;
	mlm_run *first = NULL;
	mlm_run *second = NULL;
	char id[MLM_ID_SIZE];
	scratch_start(&s, &first);
	MUST(mlm_run_end(first, MLM_RUN_UNCHANGED, &err));
	MUST(mlm_run_start(s.manager, NULL, &second, &err));
	snprintf(id, sizeof(id), "%s", mlm_run_id(second));
	MUST(mlm_run_end(second, MLM_RUN_UNCHANGED, &err));
	MUST(mlm_run_set_active(s.manager, mlm_run_id(first), NULL, &err));
	MUST(mlm_run_set_active(s.manager, id, NULL, &err));
	MUST(mlm_manager_close(s.manager, 0, &err));
	CHECK(!mlm_run_is_open(first));
	CHECK_STATUS(mlm_run_log_metric(first, "m", 0, 1, MLM_STEP_NEXT, MLM_TIME_NOW, &err),
		MLM_ESTATE);
	scratch_remove(&s);
}

static void change_store(const struct scratch *s, const char *sql)
{
	sqlite3 *db = NULL;
	CHECK_INT(sqlite3_open(s->path, &db), SQLITE_OK);
	CHECK_INT(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	CHECK_INT(sqlite3_close(db), SQLITE_OK);
}

TEST(manager_close__leaves_a_run_that_the_store_would_not_end_to_the_next_opener)
{
	struct scratch s;
	mlm_run *run = NULL;
	mlm_run_list *list = NULL;
	char id[MLM_ID_SIZE];
	scratch_start(&s, &run);
	snprintf(id, sizeof(id), "%s", mlm_run_id(run));
	change_store(&s, "CREATE TRIGGER no BEFORE UPDATE ON runs "
			 "BEGIN SELECT RAISE(ABORT, 'no'); END");
	CHECK_STATUS(mlm_manager_close(s.manager, 0, &err), MLM_ECORRUPT);
	mlm_manager_free(s.manager);
	change_store(&s, "DROP TRIGGER no");
	scratch_reopen(&s);
	MUST(mlm_run_get(s.manager, id, &list, &err));
	CHECK_INT(list->items[0].status, MLM_RUN_KILLED);
	mlm_run_list_free(list);
	scratch_remove(&s);
}

static int count_of(const struct scratch *s, const char *sql)
{
	sqlite3 *db = NULL;
	sqlite3_stmt *rows = NULL;
	CHECK_INT(sqlite3_open_v2(s->path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
	CHECK_INT(sqlite3_prepare_v2(db, sql, -1, &rows, NULL), SQLITE_OK);
	CHECK_INT(sqlite3_step(rows), SQLITE_ROW);
	int count = sqlite3_column_int(rows, 0);
	sqlite3_finalize(rows);
	sqlite3_close(db);
	return count;
}

TEST(manager_doctor__changes_nothing_in_a_store_that_is_only_inspected)
{
	static const char journals[] =
		"SELECT count(*) FROM sqlite_master WHERE name = 'mlm_journals'";
	static const char wal[] =
		"SELECT count(*) FROM pragma_journal_mode WHERE journal_mode = 'wal'";
	struct scratch s;
	int findings = 0;
	scratch_open(&s);
	mlm_manager_free(s.manager);
	change_store(&s, "PRAGMA journal_mode = DELETE; DROP TABLE mlm_journals;"
			 "DELETE FROM experiments");
	mlm_manager_options options = scratch_options(&s);
	options.inspect = true;
	MUST(mlm_manager_open(&options, &s.manager, &err));
	MUST(mlm_manager_doctor(s.manager, false, count_findings, &findings, &err));
	CHECK_INT(findings, 1);
	MUST(mlm_manager_close(s.manager, 0, &err));
	mlm_manager_free(s.manager);
	CHECK_INT(count_of(&s, journals), 0);
	CHECK_INT(count_of(&s, wal), 0);
	CHECK_INT(count_of(&s, "SELECT count(*) FROM experiments"), 0);
	/* To repair it is to open it as any writer does. */
	MUST(mlm_manager_open(&options, &s.manager, &err));
	MUST(mlm_manager_doctor(s.manager, true, count_findings, &findings, &err));
	CHECK_INT(count_of(&s, journals), 1);
	CHECK_INT(count_of(&s, "SELECT count(*) FROM experiments"), 1);
	scratch_remove(&s);
}

TEST(manager_open__enotfound_where_the_store_must_exist_and_does_not)
{
	struct scratch s;
	scratch_make(&s);
	mlm_manager_options options = scratch_options(&s);
	options.must_exist = true;
	CHECK_STATUS(mlm_manager_open(&options, &s.manager, &err), MLM_ENOTFOUND);
	CHECK_CONTAINS(err.message, "there is no store '");
	CHECK_CONTAINS(err.message, s.path);
	CHECK(access(s.path, F_OK) != 0);
	scratch_reopen(&s);
	mlm_manager_free(s.manager);
	MUST(mlm_manager_open(&options, &s.manager, &err));
	MUST(mlm_experiment_create(s.manager, "tests", NULL, NULL, &err));
	scratch_remove(&s);
}

TEST(manager_flush__eio_when_the_store_was_replaced_and_goes_on_when_it_is_back)
{
	struct scratch s;
	mlm_run *run = NULL;
	mlm_metric_history *history = NULL;
	char aside[160];
	scratch_start(&s, &run);
	snprintf(aside, sizeof(aside), "%s.aside", s.path);
	MUST(mlm_run_log_metric(run, "m", 0, 1, MLM_STEP_NEXT, MLM_TIME_NOW, &err));
	CHECK(rename(s.path, aside) == 0);
	CHECK_STATUS(mlm_manager_flush(s.manager, 5000, &err), MLM_EIO);
	CHECK_CONTAINS(err.message, "replaced");
	CHECK_STATUS(mlm_run_end(run, MLM_RUN_UNCHANGED, &err), MLM_EIO);
	CHECK(rename(aside, s.path) == 0);
	MUST(mlm_metric_history_get(s.manager, mlm_run_id(run), "m", &history, &err));
	CHECK_INT(history->count, 1);
	mlm_metric_history_free(history);
	scratch_remove(&s);
}

TEST(manager_open__says_that_descriptors_ran_out)
{
	struct scratch s;
	mlm_run *run = NULL;
	mlm_manager *other = NULL;
	struct rlimit before;
	scratch_start(&s, &run); /* so that there is a log, which must be opened as well */
	mlm_manager_options options = scratch_options(&s);
	getrlimit(RLIMIT_NOFILE, &before);
	int next = dup(0);
	close(next);
	bool opened = false;
	for (rlim_t more = 0; more < 12 && !opened; more++) {
		struct rlimit few = { (rlim_t)next + more, before.rlim_max };
		setrlimit(RLIMIT_NOFILE, &few);
		opened = mlm_manager_open(&options, &other, &err) == MLM_OK;
		setrlimit(RLIMIT_NOFILE, &before);
		if (!opened)
			CHECK_CONTAINS(err.message, "Too many open files");
	}
	CHECK(opened);
	mlm_manager_free(other);
	MUST(mlm_run_end(run, MLM_RUN_UNCHANGED, &err));
	scratch_remove(&s);
}

/* Deletes the journal once the segment is there that is made ahead of the one in use. */
static void remove_journal(const struct scratch *s)
{
	char path[200];
	bool has_next = false;
	snprintf(path, sizeof(path), "%s-journal.d", s->path);
	DIR *entries = opendir(path);
	CHECK(entries);
	while (entries && !has_next) {
		rewinddir(entries);
		for (struct dirent *entry; (entry = readdir(entries));)
			has_next = has_next || strstr(entry->d_name, ".000001");
		sched_yield();
	}
	rewinddir(entries);
	for (struct dirent *entry; entries && (entry = readdir(entries));)
		unlinkat(dirfd(entries), entry->d_name, 0);
	closedir(entries);
	CHECK(rmdir(path) == 0);
}

TEST(manager_flush__takes_what_can_be_read_of_a_journal_that_was_deleted)
{
	struct scratch s;
	mlm_run *run = NULL;
	mlm_run_list *list = NULL;
	char id[MLM_ID_SIZE];
	int64_t logged = 0;
	scratch_start(&s, &run);
	snprintf(id, sizeof(id), "%s", mlm_run_id(run));
	MUST(mlm_run_log_metric(run, "m", 0, 1, MLM_STEP_NEXT, MLM_TIME_NOW, &err));
	MUST(mlm_manager_flush(s.manager, 5000, &err));
	remove_journal(&s);
	while (mlm_run_log_metric(run, "m", 0, 1, MLM_STEP_NEXT, MLM_TIME_NOW, &err) == MLM_OK)
		logged++;
	CHECK_CONTAINS(err.message, "cannot grow");
	CHECK_STATUS(mlm_manager_flush(s.manager, 20000, &err), MLM_ECORRUPT);
	CHECK_STATUS(mlm_manager_flush(s.manager, 20000, &err), MLM_ECORRUPT);
	CHECK_CONTAINS(err.message, "missing");
	mlm_manager_free(s.manager);
	scratch_reopen(&s);
	MUST(mlm_run_get(s.manager, id, &list, &err));
	/* All of the segment that the flusher had open, which is not far from 131072 records. */
	CHECK(list->items[0].metrics[0].step > 131000);
	CHECK(list->items[0].metrics[0].step <= logged);
	mlm_run_list_free(list);
	scratch_remove(&s);
}

int main(void)
{
	RUN(manager_open__einval_on_wrong_options);
	RUN(manager_open__einval_on_an_unknown_experiment_in_the_environment);
	RUN(manager_open__takes_experiment_and_run_from_the_environment);
	RUN(manager_close__ends_runs_and_makes_every_call_estate);
	RUN(manager_flush__makes_records_visible_to_others);
	RUN(manager__a_forked_child_is_told_so_and_disturbs_nothing);
	RUN(manager_doctor__finds_nothing_wrong_with_a_new_store);
	RUN(manager_close__leaves_no_run_open_that_was_put_aside);
	RUN(manager_close__leaves_a_run_that_the_store_would_not_end_to_the_next_opener);
	RUN(manager_open__enotfound_where_the_store_must_exist_and_does_not);
	RUN(manager_doctor__changes_nothing_in_a_store_that_is_only_inspected);
	RUN(manager_flush__eio_when_the_store_was_replaced_and_goes_on_when_it_is_back);
	RUN(manager_open__says_that_descriptors_ran_out);
	RUN(manager_flush__takes_what_can_be_read_of_a_journal_that_was_deleted);
	return check_done();
}
