/* SPDX-License-Identifier: Apache-2.0 */
#include "store/sqlite_run.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/error.h"
#include "store/sqlite_store.h"

#define FINDINGS_PER_CHECK_MAX 20 /* a broken file gives thousands of lines that say the same */

struct check {
	struct sqlite_store *store;
	bool repair;
	mlm_doctor_fn report;
	void *payload;
};

__attribute__((format(printf, 3, 4))) static void find(
	const struct check *check, bool repaired, const char *format, ...)
{
	char finding[MLM_ERROR_MESSAGE_SIZE];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(finding, sizeof(finding), format, arguments);
	va_end(arguments);
	check->report(check->payload, repaired, finding);
}

/* Steps sql; each row's first column, put into the format's %s, is a finding. */
static mlm_status find_rows(
	const struct check *check, const char *sql, const char *before, mlm_error *err)
{
	sqlite3_stmt *rows;
	mlm_status status = sqlite_prepare(check->store, sql, &rows, err);
	if (status != MLM_OK)
		return status;
	size_t count = 0;
	int result;
	while ((result = sqlite3_step(rows)) == SQLITE_ROW) {
		const char *text = (const char *)sqlite3_column_text(rows, 0);
		if (count++ < FINDINGS_PER_CHECK_MAX)
			find(check, false, "%s%s", before, text ? text : "NULL");
	}
	if (result != SQLITE_DONE)
		status = sqlite_failed(check->store, err, "could not check");
	sqlite3_finalize(rows);
	if (count > FINDINGS_PER_CHECK_MAX)
		find(check, false, "%sand %zu more of the same", before,
			count - FINDINGS_PER_CHECK_MAX);
	return status;
}

static mlm_status check_file(const struct check *check, mlm_error *err)
{
	mlm_status status = find_rows(check,
		"SELECT integrity_check FROM pragma_integrity_check "
		"WHERE integrity_check <> 'ok'",
		"the file is damaged: ", err);
	if (status != MLM_OK)
		return status;
	return find_rows(check,
		"SELECT \"table\" || ' row ' || ifnull(rowid, '?') || ' refers to a row of ' || "
		"parent || ' that is not there' FROM pragma_foreign_key_check",
		"a reference leads nowhere: ", err);
}

/* A store at our own revision must have the tables of MLflow's schema; ours come when needed. */
static mlm_status check_tables(const struct check *check, mlm_error *err)
{
	sqlite3 *image = NULL;
	sqlite3_stmt *names = NULL;
	sqlite3_stmt *has = NULL;
	mlm_status status = find_rows(check,
		"SELECT 'the table alembic_version is empty, so MLflow refuses the store' "
		"WHERE NOT EXISTS (SELECT 1 FROM alembic_version)",
		"", err);
	if (status == MLM_OK)
		status = sqlite_open_image(&image, err);
	if (status == MLM_OK)
		status = sqlite_prepare(check->store,
			"SELECT EXISTS (SELECT 1 FROM alembic_version WHERE version_num = ?2) AND "
			"NOT EXISTS (SELECT 1 FROM sqlite_master WHERE type = 'table' "
			"AND name = ?1)",
			&has, err);
	if (status == MLM_OK &&
		sqlite3_prepare_v2(image,
			"SELECT name, version_num FROM sqlite_master, alembic_version "
			"WHERE type = 'table' AND name NOT GLOB 'mlm_*'",
			-1, &names, NULL) != SQLITE_OK)
		status = sqlite_out_of_memory(err);
	while (status == MLM_OK && sqlite3_step(names) == SQLITE_ROW) {
		const char *name = (const char *)sqlite3_column_text(names, 0);
		sqlite_bind(has, 1, name);
		sqlite_bind(has, 2, (const char *)sqlite3_column_text(names, 1));
		if (sqlite3_step(has) == SQLITE_ROW && sqlite3_column_int(has, 0))
			find(check, false, "the table %s is missing", name);
		sqlite3_reset(has);
	}
	sqlite3_finalize(has);
	sqlite3_finalize(names);
	sqlite3_close(image);
	return status;
}

static mlm_status find_broken_runs(const struct check *check, mlm_error *err)
{
	return find_rows(check,
		"SELECT run_uuid || ' has no value in column ' || CASE "
		"WHEN user_id IS NULL THEN 'user_id' WHEN status IS NULL THEN 'status' "
		"WHEN start_time IS NULL THEN 'start_time' "
		"WHEN experiment_id IS NULL THEN 'experiment_id' ELSE 'lifecycle_stage' END || "
		"', so MLflow cannot list its experiment' FROM runs WHERE user_id IS NULL OR "
		"status IS NULL OR start_time IS NULL OR experiment_id IS NULL OR "
		"lifecycle_stage IS NULL",
		"the run ", err);
}

static mlm_status repair_runs(const struct check *check, mlm_error *err)
{
	sqlite3_stmt *update;
	mlm_status status = sqlite_prepare(check->store,
		"UPDATE runs SET user_id = ifnull(user_id, ''), status = ifnull(status, 'FAILED'), "
		"start_time = coalesce(start_time, end_time, 0), "
		"experiment_id = ifnull(experiment_id, 0), "
		"lifecycle_stage = ifnull(lifecycle_stage, 'active') WHERE user_id IS NULL OR "
		"status IS NULL OR start_time IS NULL OR experiment_id IS NULL OR "
		"lifecycle_stage IS NULL",
		&update, err);
	if (status != MLM_OK)
		return status;
	status = sqlite_step_done(check->store, update, "could not repair runs", err);
	sqlite3_finalize(update);
	int count = sqlite3_changes(check->store->db);
	if (status == MLM_OK && count > 0)
		find(check, true, "filled the missing columns of %d runs", count);
	return status;
}

static mlm_status check_runs(const struct check *check, mlm_error *err)
{
	mlm_status status = find_broken_runs(check, err);
	return status == MLM_OK && check->repair ? repair_runs(check, err) : status;
}

/* What latest_metrics should hold, by MLflow's rule, in a temporary table: the greatest step, in it
 * the greatest time, in it the greatest value. Each level walks the key's index. */
static mlm_status recompute_latest(const struct check *check, mlm_error *err)
{
	return sqlite_run(check->store,
		"DROP TABLE IF EXISTS temp.mlm_latest;"
		"CREATE TEMP TABLE mlm_latest AS "
		"SELECT run_uuid, key, step, timestamp, max(m.value) AS value, m.is_nan "
		"FROM (SELECT run_uuid, key, step, max(m.timestamp) AS timestamp "
		"FROM (SELECT run_uuid, key, max(step) AS step FROM main.metrics "
		"GROUP BY run_uuid, key) AS s JOIN main.metrics AS m USING (run_uuid, key, step) "
		"GROUP BY run_uuid, key) AS t "
		"JOIN main.metrics AS m USING (run_uuid, key, step, timestamp) "
		"GROUP BY run_uuid, key;"
		"CREATE UNIQUE INDEX temp.mlm_latest_key ON mlm_latest (run_uuid, key);",
		"could not compute the latest metrics", err);
}

#define WRONG                                                                        \
	"FROM latest_metrics AS l WHERE EXISTS (SELECT 1 FROM temp.mlm_latest AS n " \
	"WHERE n.run_uuid = l.run_uuid AND n.key = l.key AND "                       \
	"(n.step, n.timestamp, n.value) IS NOT (l.step, l.timestamp, l.value))"
#define MISSING                                                                     \
	"FROM temp.mlm_latest AS n WHERE NOT EXISTS (SELECT 1 FROM latest_metrics " \
	"AS l WHERE l.run_uuid = n.run_uuid AND l.key = n.key)"

static mlm_status repair_latest(const struct check *check, mlm_error *err)
{
	int before = sqlite3_total_changes(check->store->db);
	mlm_status status = sqlite_run(check->store,
		"DELETE " WRONG "; INSERT INTO latest_metrics (run_uuid, key, step, timestamp, "
		"value, is_nan) SELECT run_uuid, key, step, timestamp, value, is_nan " MISSING,
		"could not repair the latest metrics", err);
	if (status == MLM_OK && sqlite3_total_changes(check->store->db) > before)
		find(check, true, "recomputed latest metrics from their histories");
	return status;
}

static mlm_status check_latest(const struct check *check, mlm_error *err)
{
	mlm_status status = recompute_latest(check, err);
	if (status == MLM_OK)
		status = find_rows(check,
			"SELECT l.key || ''' of run ' || l.run_uuid || ' is not the latest of its "
			"history' " WRONG,
			"the latest value of metric '", err);
	if (status == MLM_OK)
		status = find_rows(check,
			"SELECT n.key || ''' of run ' || n.run_uuid || ' is missing' " MISSING,
			"the latest value of metric '", err);
	if (status == MLM_OK && check->repair)
		status = repair_latest(check, err);
	sqlite3_exec(check->store->db, "DROP TABLE IF EXISTS temp.mlm_latest", NULL, NULL, NULL);
	return status;
}

static mlm_status check_default_experiment(const struct check *check, mlm_error *err)
{
	sqlite3_stmt *rows;
	mlm_status status =
		sqlite_prepare(check->store, "SELECT 1 FROM experiments LIMIT 1", &rows, err);
	if (status != MLM_OK)
		return status;
	bool any = sqlite3_step(rows) == SQLITE_ROW;
	sqlite3_finalize(rows);
	if (any)
		return MLM_OK;
	find(check, false, "there is no experiment, not even 'Default' with id 0");
	if (!check->repair)
		return MLM_OK;
	status = sqlite_insert_default_experiment(check->store, err);
	if (status == MLM_OK)
		find(check, true, "added the experiment 'Default' with id 0");
	return status;
}

/* The id of a model begins with "m-", that of a run is all hex digits. */
#define WITHOUT_OWNER                                                      \
	"FROM mlm_artifacts AS a WHERE a.run_uuid NOT LIKE 'm-%' AND NOT " \
	"EXISTS (SELECT 1 FROM runs AS r WHERE r.run_uuid = a.run_uuid)"
#define DEAD "last_time < (strftime('%s', 'now') - 3600) * 1000"
#define WASTE                                                           \
	"FROM mlm_artifact_chunks WHERE content_id NOT IN "             \
	"(SELECT content_id FROM mlm_artifacts) AND content_id NOT IN " \
	"(SELECT content_id FROM mlm_artifact_uploads WHERE NOT " DEAD ")"

static mlm_status check_artifacts(const struct check *check, mlm_error *err)
{
	if (!check->store->layout.artifacts)
		return MLM_OK;
	mlm_status status = find_rows(check,
		"SELECT name || ''' of run ' || run_uuid || ' lacks bytes' FROM mlm_artifacts AS a "
		"WHERE size <> ifnull((SELECT sum(length(bytes)) FROM mlm_artifact_chunks AS c "
		"WHERE c.content_id = a.content_id), 0)",
		"the artifact '", err);
	if (status == MLM_OK)
		status = find_rows(check,
			"SELECT name || ''' belongs to run ' || run_uuid || ', which is "
			"gone' " WITHOUT_OWNER,
			"the artifact '", err);
	if (status == MLM_OK)
		status = find_rows(check,
			"SELECT bytes || ' bytes' FROM (SELECT sum(length(bytes)) AS bytes " WASTE
			") WHERE bytes IS NOT NULL",
			"uploads that died, or artifacts that were removed, hold ", err);
	if (status != MLM_OK || !check->repair)
		return status;
	int before = sqlite3_total_changes(check->store->db);
	status = sqlite_run(check->store,
		"DELETE " WITHOUT_OWNER "; DELETE " WASTE "; "
		"DELETE FROM mlm_artifact_uploads WHERE " DEAD,
		"could not remove artifacts", err);
	if (status == MLM_OK && sqlite3_total_changes(check->store->db) > before)
		find(check, true, "freed the bytes of artifacts that nobody can see");
	return status;
}

mlm_status sqlite_check(
	struct store *base, bool repair, mlm_doctor_fn report, void *payload, mlm_error *err)
{
	static mlm_status (*const checks[])(const struct check *, mlm_error *) = {
		check_file,
		check_tables,
		check_runs,
		check_latest,
		check_default_experiment,
		check_artifacts,
	};
	struct check check = { sqlite_store_of(base), repair, report, payload };
	mlm_status status =
		repair ? sqlite_begin_write(check.store, err) : sqlite_begin_read(check.store, err);
	if (status != MLM_OK)
		return status;
	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]) && status == MLM_OK; i++)
		status = checks[i](&check, err);
	return sqlite_end(check.store, status, err);
}
