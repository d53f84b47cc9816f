/* SPDX-License-Identifier: Apache-2.0 */
#include "mlmanager/gc.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "core/manager.h"
#include "scratch_store.h"

#define DAY_MS (24 * 60 * 60 * 1000LL)

static struct scratch s;

/* What a collection told: "run a, kept b: why, ". */
static char told[2000];
static int stop_after; /* events; 0: never */

static bool tell(void *payload, const mlm_gc_event *event)
{
	static const char *const kinds[] = { "", "run", "experiment", "kept" };
	size_t used = strlen(told);
	(void)payload;
	snprintf(told + used, sizeof(told) - used, "%s %s%s%s, ", kinds[event->kind], event->name,
		event->why ? ": " : "", event->why ? event->why : "");
	return stop_after == 0 || --stop_after > 0;
}

static mlm_gc_options telling(void)
{
	mlm_gc_options options = MLM_GC_OPTIONS_INIT;
	options.report = tell;
	told[0] = '\0';
	stop_after = 0;
	return options;
}

static struct scratch_id {
	char text[MLM_ID_SIZE];
} make_experiment(const char *name)
{
	struct scratch_id id;
	MUST(mlm_experiment_create(s.manager, name, NULL, id.text, &err));
	return id;
}

/* In the active experiment, with a param, points and, if bytes are given, an artifact. */
static struct scratch_id make_run(const char *name, const char *bytes)
{
	struct scratch_id id;
	mlm_run *run;
	mlm_run_options options = MLM_RUN_OPTIONS_INIT;
	const mlm_text param = { "k", "v" };
	options.run_name = name;
	MUST(mlm_run_start(s.manager, &options, &run, &err));
	MUST(mlm_run_log_params(run, &param, 1, &err));
	for (int i = 0; i < 2000; i++)
		MUST(mlm_run_log_metric(run, "loss", 0, i, i, i, &err));
	snprintf(id.text, sizeof(id.text), "%s", mlm_run_id(run));
	MUST(mlm_run_end(run, MLM_RUN_FINISHED, &err));
	if (bytes) {
		char command[900];
		mlm_run_list *list;
		MUST(mlm_run_get(s.manager, id.text, &list, &err));
		snprintf(command, sizeof(command), "mkdir -p '%s/sub' && printf %s >'%s/sub/file'",
			list->items[0].artifact_uri, bytes, list->items[0].artifact_uri);
		CHECK_INT(system(command), 0);
		mlm_run_list_free(list);
	}
	return id;
}

static void delete_run(struct scratch_id id)
{
	MUST(mlm_run_delete_id(s.manager, id.text, &err));
}

static bool is_there(struct scratch_id id)
{
	mlm_run_list *list = NULL;
	mlm_status status = mlm_run_get(s.manager, id.text, &list, &err);
	mlm_run_list_free(list);
	return status == MLM_OK;
}

static bool has_experiment(struct scratch_id id)
{
	mlm_experiment_list *list = NULL;
	mlm_status status = mlm_experiment_get(s.manager, id.text, &list, &err);
	mlm_experiment_list_free(list);
	return status == MLM_OK;
}

static void end(void)
{
	char command[200];
	snprintf(command, sizeof(command), "rm -rf %s/mlartifacts", s.directory);
	CHECK_INT(system(command), 0);
	scratch_remove(&s);
}

TEST(gc__removes_what_is_deleted_and_nothing_else)
{
	scratch_open(&s);
	struct scratch_id kept = make_experiment("kept");
	struct scratch_id active = make_run("active", "1");
	struct scratch_id gone = make_run("gone", "12345");
	delete_run(gone);
	struct scratch_id dead = make_experiment("dead");
	struct scratch_id inside = make_run("inside", NULL);
	MUST(mlm_experiment_delete(s.manager, dead.text, &err));
	mlm_gc_result result;
	mlm_gc_options options = telling();
	MUST(mlm_manager_gc(s.manager, &options, &result, &err));
	CHECK_CONTAINS(told, "run gone, ");
	CHECK_CONTAINS(told, "run inside, ");
	CHECK_CONTAINS(told, "experiment dead, ");
	CHECK_INT(result.runs, 2);
	CHECK_INT(result.experiments, 1);
	CHECK_INT(result.kept, 0);
	CHECK_INT(result.artifact_bytes, 5);
	CHECK(result.store_bytes > 50000);
	CHECK(is_there(active) && !is_there(gone) && !is_there(inside));
	CHECK(has_experiment(kept) && !has_experiment(dead));
	char command[200];
	snprintf(command, sizeof(command), "test $(find %s/mlartifacts -type f | wc -l) = 1",
		s.directory);
	CHECK_INT(system(command), 0);
	MUST(mlm_manager_gc(s.manager, NULL, &result, &err));
	CHECK_INT(result.runs + result.experiments, 0);
	end();
}

TEST(gc__dry_run_tells_the_same_and_changes_nothing)
{
	scratch_open(&s);
	struct scratch_id dead = make_experiment("dead");
	struct scratch_id inside = make_run("inside", "12345");
	MUST(mlm_experiment_delete(s.manager, dead.text, &err));
	mlm_gc_result result;
	mlm_gc_options options = telling();
	options.dry_run = true;
	MUST(mlm_manager_gc(s.manager, &options, &result, &err));
	CHECK_STRING(told, "run inside, experiment dead, ");
	CHECK_INT(result.runs, 1);
	CHECK_INT(result.experiments, 1);
	CHECK_INT(result.artifact_bytes, 5);
	CHECK_INT(result.store_bytes, 0);
	CHECK(is_there(inside) && has_experiment(dead));
	end();
}

TEST(gc__keeps_a_run_whose_artifacts_are_elsewhere_and_names_it)
{
	scratch_open(&s);
	mlm_experiment_options elsewhere = MLM_EXPERIMENT_OPTIONS_INIT;
	struct scratch_id dead;
	elsewhere.artifact_location = "gopher://bucket/path";
	MUST(mlm_experiment_create(s.manager, "remote", &elsewhere, dead.text, &err));
	struct scratch_id remote = make_run("remote run", NULL);
	MUST(mlm_experiment_delete(s.manager, dead.text, &err));
	mlm_gc_result result;
	mlm_gc_options options = telling();
	MUST(mlm_manager_gc(s.manager, &options, &result, &err));
	CHECK_CONTAINS(told, "kept remote run: ");
	CHECK_CONTAINS(told, "gopher");
	CHECK_CONTAINS(told, "kept remote: it has runs that stay");
	CHECK_INT(result.kept, 2);
	CHECK(is_there(remote) && has_experiment(dead));
	options = telling();
	options.abandon_artifacts = true;
	MUST(mlm_manager_gc(s.manager, &options, &result, &err));
	CHECK_STRING(told, "run remote run, experiment remote, ");
	CHECK(!is_there(remote) && !has_experiment(dead));
	end();
}

TEST(gc__never_empties_a_place_that_is_not_the_runs_own)
{
	scratch_open(&s);
	make_experiment("e");
	struct scratch_id run = make_run("odd", NULL);
	delete_run(run);
	char path[200], sql[600];
	snprintf(path, sizeof(path), "%s/mlartifacts/precious", s.directory);
	snprintf(sql, sizeof(sql), "mkdir -p %s && echo x >%s/file", path, path);
	CHECK_INT(system(sql), 0);
	sqlite3 *db;
	CHECK(sqlite3_open(s.path, &db) == SQLITE_OK);
	snprintf(sql, sizeof(sql), "UPDATE runs SET artifact_uri = '%s'", path);
	CHECK(sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK);
	sqlite3_close(db);
	mlm_gc_options options = telling();
	MUST(mlm_manager_gc(s.manager, &options, NULL, &err));
	CHECK_CONTAINS(told, "not the run's own place");
	strncat(path, "/file", sizeof(path) - strlen(path) - 1);
	CHECK(access(path, F_OK) == 0);
	end();
}

TEST(gc__older_than_counts_from_the_deletion)
{
	scratch_open(&s);
	struct scratch_id experiment = make_experiment("e");
	struct scratch_id old = make_run("old", NULL), young = make_run("young", NULL);
	delete_run(old);
	delete_run(young);
	char sql[300];
	sqlite3 *db;
	CHECK(sqlite3_open(s.path, &db) == SQLITE_OK);
	snprintf(sql, sizeof(sql), "UPDATE runs SET deleted_time = %lld WHERE run_uuid = '%s'",
		(long long)(clock_now_ms() - 31 * DAY_MS), old.text);
	CHECK(sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK);
	sqlite3_close(db);
	const char *const ids[] = { young.text };
	mlm_gc_options options = telling();
	options.older_than_ms = 30 * DAY_MS;
	MUST(mlm_manager_gc(s.manager, &options, NULL, &err));
	CHECK_STRING(told, "run old, ");
	options.run_ids = ids;
	options.run_count = 1;
	CHECK_STATUS(mlm_manager_gc(s.manager, &options, NULL, &err), MLM_ESTATE);
	CHECK_CONTAINS(err.message, "long enough");
	CHECK(is_there(young) && has_experiment(experiment));
	end();
}

TEST(gc__takes_only_what_is_named)
{
	scratch_open(&s);
	struct scratch_id first = make_experiment("first");
	struct scratch_id a = make_run("a", NULL), b = make_run("b", NULL);
	make_experiment("second");
	struct scratch_id c = make_run("c", NULL);
	delete_run(a);
	delete_run(b);
	delete_run(c);
	const char *const runs[] = { a.text, a.text };
	const char *const experiments[] = { first.text };
	mlm_gc_options options = telling();
	options.run_ids = runs;
	options.run_count = 2;
	MUST(mlm_manager_gc(s.manager, &options, NULL, &err));
	CHECK_STRING(told, "run a, ");
	options = telling();
	options.experiment_ids = experiments;
	options.experiment_count = 1;
	MUST(mlm_manager_gc(s.manager, &options, NULL, &err));
	CHECK_STRING(told, "run b, ");
	CHECK(is_there(c) && has_experiment(first));
	end();
}

TEST(gc__enotfound_estate_einval_remove_nothing)
{
	scratch_open(&s);
	make_experiment("e");
	struct scratch_id active = make_run("active", NULL), gone = make_run("gone", NULL);
	delete_run(gone);
	const char *ids[] = { gone.text, active.text };
	mlm_gc_options options = telling();
	options.run_ids = ids;
	options.run_count = 2;
	CHECK_STATUS(mlm_manager_gc(s.manager, &options, NULL, &err), MLM_ESTATE);
	CHECK_CONTAINS(err.message, active.text);
	ids[1] = "no such run";
	CHECK_STATUS(mlm_manager_gc(s.manager, &options, NULL, &err), MLM_ENOTFOUND);
	options.run_count = 0;
	options.experiment_ids = &ids[1];
	options.experiment_count = 1;
	CHECK_STATUS(mlm_manager_gc(s.manager, &options, NULL, &err), MLM_ENOTFOUND);
	options.version = 99;
	CHECK_STATUS(mlm_manager_gc(s.manager, &options, NULL, &err), MLM_EINVAL);
	CHECK(is_there(gone));
	end();
}

TEST(gc__estate_when_the_caller_stops_it_and_a_later_one_goes_on)
{
	scratch_open(&s);
	make_experiment("e");
	struct scratch_id runs[3];
	for (int i = 0; i < 3; i++) {
		runs[i] = make_run("r", NULL);
		delete_run(runs[i]);
	}
	mlm_gc_result result;
	mlm_gc_options options = telling();
	stop_after = 1;
	CHECK_STATUS(mlm_manager_gc(s.manager, &options, &result, &err), MLM_ESTATE);
	CHECK_INT(result.runs, 1);
	options = telling();
	MUST(mlm_manager_gc(s.manager, &options, &result, &err));
	CHECK_INT(result.runs, 2);
	end();
}

TEST(gc__compact_makes_the_file_smaller)
{
	struct stat before, after;
	scratch_open(&s);
	make_experiment("e");
	for (int i = 0; i < 10; i++)
		delete_run(make_run("r", NULL));
	scratch_reopen((mlm_manager_free(s.manager), &s));
	CHECK(stat(s.path, &before) == 0);
	mlm_gc_options options = telling();
	options.compact = true;
	MUST(mlm_manager_gc(s.manager, &options, NULL, &err));
	CHECK(stat(s.path, &after) == 0);
	CHECK(after.st_size < before.st_size - 500000);
	end();
}

int main(void)
{
	RUN(gc__removes_what_is_deleted_and_nothing_else);
	RUN(gc__dry_run_tells_the_same_and_changes_nothing);
	RUN(gc__keeps_a_run_whose_artifacts_are_elsewhere_and_names_it);
	RUN(gc__never_empties_a_place_that_is_not_the_runs_own);
	RUN(gc__older_than_counts_from_the_deletion);
	RUN(gc__takes_only_what_is_named);
	RUN(gc__enotfound_estate_einval_remove_nothing);
	RUN(gc__estate_when_the_caller_stops_it_and_a_later_one_goes_on);
	RUN(gc__compact_makes_the_file_smaller);
	return check_done();
}
