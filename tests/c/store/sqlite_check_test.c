/* SPDX-License-Identifier: Apache-2.0 */
#include <sqlite3.h>

#include "base/arena.h"
#include "check.h"
#include "store/sqlite_store.h"
#include "store/store_directory.h"

static mlm_error err = MLM_ERROR_INIT;
static struct store *store;
static char findings[8192];
static int found_count, repaired_count;

static void note(void *payload, bool repaired, const char *finding)
{
	(void)payload;
	size_t used = strlen(findings);
	snprintf(findings + used, sizeof(findings) - used, "%s\n", finding);
	if (repaired)
		repaired_count++;
	else
		found_count++;
}

static void check_store(bool repair)
{
	findings[0] = '\0';
	found_count = repaired_count = 0;
	MUST(sqlite_store_ops.check(store, repair, note, NULL, &err));
}

static void run_sql(const char *sql)
{
	char *message = NULL;
	if (sqlite3_exec(sqlite_store_of(store)->db, sql, NULL, NULL, &message) != SQLITE_OK)
		printf("  %s: %s\n", sql, message);
	CHECK(!message);
	sqlite3_free(message);
}

static void open_fresh(const char *name)
{
	struct store_path uri = uri_of(name);
	const struct store_options options = {
		.uri = uri.text,
		.artifacts = "/artifacts",
		.busy_timeout_ms = 1000,
	};
	MUST(sqlite_store_ops.open(&options, &store, &err));
	const struct store_new_run run = { .run_id = "r1",
		.experiment_id = "0",
		.run_name = "run",
		.user_id = "ada",
		.source_name = "" };
	char id[MLM_ID_SIZE];
	MUST(sqlite_store_ops.create_run(store, &run, id, &err));
	const struct store_series series[] = { { "r1", "acc" }, { "r1", "loss" } };
	const struct store_point points[] = { { 0, 0, 1, 1 }, { 0, 1, 2, 5 }, { 0, 1, 3, 2 },
		{ 0, 1, 3, 3 }, { 1, 0, 1, 9 } };
	const struct store_batch batch = { series, 2, points, 5, "j", 1, NULL, 0 };
	MUST(sqlite_store_ops.apply(store, &batch, NULL, NULL, &err));
}

TEST(check__finds_nothing_in_a_sound_store)
{
	open_fresh("sound.db");
	check_store(false);
	CHECK_STRING(findings, "");
	check_store(true);
	CHECK_STRING(findings, "");
	sqlite_store_ops.close(store);
}

TEST(check__latest_metrics_are_recomputed)
{
	open_fresh("latest.db");
	run_sql("UPDATE latest_metrics SET value = 2 WHERE key = 'acc'");
	run_sql("DELETE FROM latest_metrics WHERE key = 'loss'");
	check_store(false);
	CHECK_INT(found_count, 2);
	CHECK_CONTAINS(findings, "'acc' of run r1 is not the latest");
	CHECK_CONTAINS(findings, "'loss' of run r1 is missing");
	/* Each is told once, as what has become of it. */
	check_store(true);
	CHECK_INT(repaired_count, 2);
	CHECK_INT(found_count, 0);
	check_store(false);
	CHECK_STRING(findings, "");
	mlm_run_list *list;
	MUST(sqlite_store_ops.get_run(store, "r1", &list, &err));
	CHECK_INT(list->items[0].metric_count, 2);
	CHECK(list->items[0].metrics[0].value == 3);
	CHECK(list->items[0].metrics[1].value == 9);
	arena_free(list->memory);
	sqlite_store_ops.close(store);
}

TEST(check__runs_get_their_required_columns)
{
	open_fresh("runs.db");
	run_sql("UPDATE runs SET status = NULL, user_id = NULL");
	check_store(false);
	CHECK_CONTAINS(findings, "the run r1 has no value in column user_id");
	check_store(true);
	CHECK_INT(repaired_count, 1);
	check_store(false);
	CHECK_STRING(findings, "");
	sqlite_store_ops.close(store);
}

TEST(check__counts_what_says_the_same)
{
	open_fresh("many.db");
	run_sql("WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 25) "
		"INSERT INTO runs (run_uuid, name, experiment_id, lifecycle_stage, status) "
		"SELECT 'x' || i, '', 0, 'active', 'FINISHED' FROM n");
	check_store(true);
	CHECK_INT(repaired_count, 21);
	CHECK_INT(found_count, 0);
	CHECK_CONTAINS(findings, "and 5 more of the same");
	sqlite_store_ops.close(store);
}

/* A trigger stands for whatever keeps a repair from being done. */
TEST(check__tells_of_no_repair_that_was_not_done)
{
	open_fresh("undone.db");
	run_sql("UPDATE runs SET user_id = NULL; CREATE TRIGGER no_change BEFORE UPDATE ON runs "
		"BEGIN SELECT raise(ABORT, 'not today'); END");
	findings[0] = '\0';
	found_count = repaired_count = 0;
	CHECK(sqlite_store_ops.check(store, true, note, NULL, &err) != MLM_OK);
	CHECK_CONTAINS(err.message, "not today");
	CHECK_INT(repaired_count, 0);
	CHECK_INT(found_count, 1);
	sqlite_store_ops.close(store);
}

TEST(check__names_missing_tables_and_revisions)
{
	open_fresh("tables.db");
	run_sql("DROP TABLE webhook_events");
	check_store(false);
	CHECK_STRING(findings, "the table webhook_events is missing\n");
	run_sql("DELETE FROM alembic_version");
	check_store(false);
	CHECK_CONTAINS(findings, "alembic_version");
	sqlite_store_ops.close(store);
}

TEST(check__names_references_that_lead_nowhere)
{
	open_fresh("references.db");
	run_sql("PRAGMA foreign_keys = OFF; DELETE FROM runs; PRAGMA foreign_keys = ON");
	check_store(false);
	CHECK_CONTAINS(findings, "runs");
	CHECK(found_count > 0);
	sqlite_store_ops.close(store);
}

TEST(check__puts_back_the_default_experiment)
{
	open_fresh("default.db");
	run_sql("PRAGMA foreign_keys = OFF; DELETE FROM metrics; DELETE FROM latest_metrics; "
		"DELETE FROM tags; DELETE FROM runs; DELETE FROM experiments");
	check_store(true);
	CHECK_INT(repaired_count, 1);
	mlm_experiment_list *list;
	MUST(sqlite_store_ops.get_experiment(store, "0", NULL, &list, &err));
	arena_free(list->memory);
	sqlite_store_ops.close(store);
}

TEST(check__reports_damaged_pages)
{
	open_fresh("pages.db");
	sqlite_store_ops.close(store);
	/* An index with one entry too few. */
	sqlite3 *db;
	CHECK_INT(sqlite3_open(path_of("pages.db").text, &db), SQLITE_OK);
	CHECK_INT(sqlite3_exec(db,
			  "PRAGMA writable_schema = ON; DELETE FROM sqlite_master "
			  "WHERE name = 'index_tags_run_uuid'",
			  NULL, NULL, NULL),
		SQLITE_OK);
	sqlite3_close(db);
	struct store_path uri = uri_of("pages.db");
	const struct store_options options = { .uri = uri.text, .busy_timeout_ms = 1000 };
	MUST(sqlite_store_ops.open(&options, &store, &err));
	check_store(false);
	CHECK_CONTAINS(findings, "the file is damaged");
	sqlite_store_ops.close(store);
}

TEST(check__frees_what_nobody_sees_of_artifacts)
{
	open_fresh("artifacts.db");
	run_sql("INSERT INTO mlm_artifacts VALUES ('r1', 'whole', 2, '', 'x', 1, 1), "
		"('r1', 'cut', 5, '', 'x', 1, 2), ('m-1', 'of a model', 0, '', 'x', 1, 3), "
		"('gone', 'orphan', 2, '', 'x', 1, 4);"
		"INSERT INTO mlm_artifact_chunks VALUES (1, 0, 'ab'), (2, 0, 'ab'), (4, 0, 'ab'), "
		"(5, 0, 'dead'), (6, 0, 'alive'), (7, 0, 'lost');"
		"INSERT INTO mlm_artifact_uploads VALUES (5, 0), "
		"(6, strftime('%s', 'now') * 1000)");
	check_store(true);
	CHECK_CONTAINS(findings, "the artifact 'cut' of run r1 lacks bytes");
	CHECK_CONTAINS(findings, "the artifact 'orphan' belongs to run gone, which is gone");
	CHECK_CONTAINS(findings, "hold 8 bytes");
	CHECK_INT(found_count, 1);
	CHECK_INT(repaired_count, 2);
	check_store(false);
	CHECK_INT(found_count, 1);
	CHECK_CONTAINS(findings, "'cut'");
	sqlite_store_ops.close(store);
}

int main(void)
{
	directory_make();
	RUN(check__finds_nothing_in_a_sound_store);
	RUN(check__latest_metrics_are_recomputed);
	RUN(check__runs_get_their_required_columns);
	RUN(check__counts_what_says_the_same);
	RUN(check__tells_of_no_repair_that_was_not_done);
	RUN(check__names_missing_tables_and_revisions);
	RUN(check__names_references_that_lead_nowhere);
	RUN(check__puts_back_the_default_experiment);
	RUN(check__frees_what_nobody_sees_of_artifacts);
	RUN(check__reports_damaged_pages);
	directory_remove();
	return check_done();
}
