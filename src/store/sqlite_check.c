/* SPDX-License-Identifier: Apache-2.0 */
#include "store/sqlite_run.h"

#include <stdio.h>

#include "base/error.h"
#include "store/findings.h"
#include "store/sqlite_store.h"

struct check {
	struct sqlite_store *store;
	bool repair;
	struct findings *findings;
};

/* Steps sql; each row's first column, behind before, is a finding. is_mendable: a repair mends it.
 */
static mlm_status find_rows(const struct check *check, bool is_mendable, const char *sql,
	const char *before, mlm_error *err)
{
	sqlite3_stmt *rows;
	mlm_status status = sqlite_prepare(check->store, sql, &rows, err);
	if (status != MLM_OK)
		return status;
	findings_next(check->findings, is_mendable && check->repair);
	int result;
	while ((result = sqlite3_step(rows)) == SQLITE_ROW) {
		const char *text = (const char *)sqlite3_column_text(rows, 0);
		findings_add(check->findings, before, text ? text : "NULL");
	}
	if (result != SQLITE_DONE)
		status = sqlite_failed(check->store, err, "could not check");
	sqlite3_finalize(rows);
	return status;
}

static mlm_status check_file(const struct check *check, mlm_error *err)
{
	mlm_status status = find_rows(check, false,
		"SELECT integrity_check FROM pragma_integrity_check "
		"WHERE integrity_check <> 'ok'",
		"the file is damaged: ", err);
	if (status != MLM_OK)
		return status;
	return find_rows(check, false,
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
	char text[MLM_ERROR_MESSAGE_SIZE];
	mlm_status status = find_rows(check, false,
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
	findings_next(check->findings, false);
	while (status == MLM_OK && sqlite3_step(names) == SQLITE_ROW) {
		const char *name = (const char *)sqlite3_column_text(names, 0);
		sqlite_bind(has, 1, name);
		sqlite_bind(has, 2, (const char *)sqlite3_column_text(names, 1));
		if (sqlite3_step(has) == SQLITE_ROW && sqlite3_column_int(has, 0)) {
			snprintf(text, sizeof(text), "the table %s is missing", name);
			findings_add(check->findings, "", text);
		}
		sqlite3_reset(has);
	}
	sqlite3_finalize(has);
	sqlite3_finalize(names);
	sqlite3_close(image);
	return status;
}

#define BROKEN                                                                      \
	"user_id IS NULL OR status IS NULL OR start_time IS NULL OR experiment_id " \
	"IS NULL OR lifecycle_stage IS NULL"

static mlm_status check_runs(const struct check *check, mlm_error *err)
{
	mlm_status status = find_rows(check, true,
		"SELECT run_uuid || ' has no value in column ' || CASE "
		"WHEN user_id IS NULL THEN 'user_id' WHEN status IS NULL THEN 'status' "
		"WHEN start_time IS NULL THEN 'start_time' "
		"WHEN experiment_id IS NULL THEN 'experiment_id' ELSE 'lifecycle_stage' END || "
		"', so MLflow cannot list its experiment' FROM runs WHERE " BROKEN,
		"the run ", err);
	if (status != MLM_OK || !check->repair)
		return status;
	return sqlite_run(check->store,
		"UPDATE runs SET user_id = ifnull(user_id, ''), status = ifnull(status, 'FAILED'), "
		"start_time = coalesce(start_time, end_time, 0), "
		"experiment_id = ifnull(experiment_id, 0), "
		"lifecycle_stage = ifnull(lifecycle_stage, 'active') WHERE " BROKEN,
		"could not repair runs", err);
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

static mlm_status check_latest(const struct check *check, mlm_error *err)
{
	mlm_status status = recompute_latest(check, err);
	if (status == MLM_OK)
		status = find_rows(check, true,
			"SELECT l.key || ''' of run ' || l.run_uuid || ' is not the latest of its "
			"history' " WRONG,
			"the latest value of metric '", err);
	if (status == MLM_OK)
		status = find_rows(check, true,
			"SELECT n.key || ''' of run ' || n.run_uuid || ' is missing' " MISSING,
			"the latest value of metric '", err);
	if (status == MLM_OK && check->repair)
		status = sqlite_run(check->store,
			"DELETE " WRONG "; INSERT INTO latest_metrics (run_uuid, key, step, "
			"timestamp, value, is_nan) SELECT run_uuid, key, step, timestamp, value, "
			"is_nan " MISSING,
			"could not repair the latest metrics", err);
	sqlite3_exec(check->store->db, "DROP TABLE IF EXISTS temp.mlm_latest", NULL, NULL, NULL);
	return status;
}

static mlm_status check_default_experiment(const struct check *check, mlm_error *err)
{
	mlm_status status = find_rows(check, true,
		"SELECT 'there is no experiment, not even ''Default'' with id 0' "
		"WHERE NOT EXISTS (SELECT 1 FROM experiments)",
		"", err);
	return status == MLM_OK && check->repair
		       ? sqlite_insert_default_experiment(check->store, err)
		       : status;
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
	mlm_status status = find_rows(check, false,
		"SELECT name || ''' of run ' || run_uuid || ' lacks bytes' FROM mlm_artifacts AS a "
		"WHERE size <> ifnull((SELECT sum(length(bytes)) FROM mlm_artifact_chunks AS c "
		"WHERE c.content_id = a.content_id), 0)",
		"the artifact '", err);
	if (status == MLM_OK)
		status = find_rows(check, true,
			"SELECT name || ''' belongs to run ' || run_uuid || ', which is "
			"gone' " WITHOUT_OWNER,
			"the artifact '", err);
	if (status == MLM_OK)
		status = find_rows(check, true,
			"SELECT bytes || ' bytes' FROM (SELECT sum(length(bytes)) AS bytes " WASTE
			") WHERE bytes IS NOT NULL",
			"uploads that died, or artifacts that were removed, hold ", err);
	if (status != MLM_OK || !check->repair)
		return status;
	return sqlite_run(check->store,
		"DELETE " WITHOUT_OWNER "; DELETE " WASTE "; "
		"DELETE FROM mlm_artifact_uploads WHERE " DEAD,
		"could not remove artifacts", err);
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
	struct findings findings;
	const struct check check = { sqlite_store_of(base), repair, &findings };
	mlm_status status = findings_begin(&findings, base->allocator, err);
	if (status == MLM_OK)
		status = repair ? sqlite_begin_write(check.store, err)
				: sqlite_begin_read(check.store, err);
	if (status == MLM_OK) {
		for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]) && status == MLM_OK; i++)
			status = checks[i](&check, err);
		status = sqlite_end(check.store, status, err);
	}
	return findings_end(&findings, status, report, payload, err);
}
