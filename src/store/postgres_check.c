/* SPDX-License-Identifier: Apache-2.0 */
#include "store/postgres_run.h"

#include "base/error.h"
#include "store/findings.h"
#include "store/postgres_store.h"

struct check {
	bool repair;
	struct findings *findings;
};

/* Each row's first column is a finding. is_mendable: a repair mends it. */
static mlm_status find_rows(struct postgres_store *store, const struct check *check,
	bool is_mendable, const char *sql, mlm_error *err)
{
	PGresult *rows;
	mlm_status status = postgres_query(store, "could not check", sql, NULL, &rows, err);
	if (status != MLM_OK)
		return status;
	findings_next(check->findings, is_mendable && check->repair);
	for (int row = 0; row < pq.PQntuples(rows); row++)
		findings_add(check->findings, "", postgres_text(rows, row, 0));
	pq.PQclear(rows);
	return MLM_OK;
}

static mlm_status mend(
	struct postgres_store *store, const struct check *check, const char *sql, mlm_error *err)
{
	if (!check->repair)
		return MLM_OK;
	return postgres_query(store, "could not repair", sql, NULL, NULL, err);
}

/* What latest_metrics should hold: of each history the greatest (step, timestamp, value). */
#define LATEST                                                                        \
	"(SELECT DISTINCT ON (run_uuid, key) run_uuid, key, step, timestamp, value, " \
	"is_nan FROM metrics ORDER BY run_uuid, key, step DESC, timestamp DESC, value DESC)"

static mlm_status check_latest(
	struct postgres_store *store, const struct check *check, mlm_error *err)
{
	mlm_status status = find_rows(store, check, true,
		"SELECT 'the latest value of metric ''' || n.key || ''' of run ' || n.run_uuid || "
		"CASE WHEN l.key IS NULL THEN ' is missing' ELSE ' is not the latest of its "
		"history' END FROM " LATEST " AS n LEFT JOIN latest_metrics AS l "
		"USING (run_uuid, key) WHERE (n.step, n.timestamp, n.value) IS DISTINCT FROM "
		"(l.step, l.timestamp, l.value)",
		err);
	if (status != MLM_OK)
		return status;
	return mend(store, check,
		"INSERT INTO latest_metrics AS l (run_uuid, key, step, timestamp, value, is_nan) "
		"SELECT run_uuid, key, step, timestamp, value, is_nan FROM " LATEST " AS n "
		"ON CONFLICT (key, run_uuid) DO UPDATE SET step = excluded.step, timestamp = "
		"excluded.timestamp, value = excluded.value, is_nan = excluded.is_nan WHERE "
		"(excluded.step, excluded.timestamp, excluded.value) IS DISTINCT FROM "
		"(l.step, l.timestamp, l.value)",
		err);
}

#define BROKEN                                                                              \
	"user_id IS NULL OR status IS NULL OR start_time IS NULL OR experiment_id IS NULL " \
	"OR lifecycle_stage IS NULL"

static mlm_status check_runs(
	struct postgres_store *store, const struct check *check, mlm_error *err)
{
	mlm_status status = find_rows(store, check, true,
		"SELECT 'the run ' || run_uuid || ' has no value in column ' || CASE "
		"WHEN user_id IS NULL THEN 'user_id' WHEN status IS NULL THEN 'status' "
		"WHEN start_time IS NULL THEN 'start_time' "
		"WHEN experiment_id IS NULL THEN 'experiment_id' ELSE 'lifecycle_stage' END || "
		"', so MLflow cannot list its experiment' FROM runs WHERE " BROKEN,
		err);
	if (status != MLM_OK)
		return status;
	return mend(store, check,
		"UPDATE runs SET user_id = coalesce(user_id, ''), status = coalesce(status, "
		"'FAILED'), start_time = coalesce(start_time, end_time, 0), experiment_id = "
		"coalesce(experiment_id, 0), lifecycle_stage = coalesce(lifecycle_stage, "
		"'active') WHERE " BROKEN,
		err);
}

/* The id of a model begins with "m-", that of a run is all hex digits. */
#define WITHOUT_OWNER                                                      \
	"FROM mlm_artifacts AS a WHERE a.run_uuid NOT LIKE 'm-%' AND NOT " \
	"EXISTS (SELECT 1 FROM runs AS r WHERE r.run_uuid = a.run_uuid)"
/* What was replaced a moment ago may still be read: STORE_REPLACED_KEPT_MS. */
#define DEAD                                                         \
	"last_time BETWEEN (60 - extract(epoch FROM now())) * 1000 " \
	"AND (extract(epoch FROM now()) - 3600) * 1000"
#define WASTE                                                            \
	"FROM mlm_artifact_chunks AS c WHERE NOT EXISTS (SELECT 1 FROM " \
	"mlm_artifacts AS a WHERE a.content_id = c.content_id) AND NOT " \
	"EXISTS (SELECT 1 FROM mlm_artifact_uploads AS u WHERE "         \
	"u.content_id = c.content_id AND NOT (" DEAD "))"

static mlm_status check_artifacts(
	struct postgres_store *store, const struct check *check, mlm_error *err)
{
	if (!store->layout.artifacts)
		return MLM_OK;
	mlm_status status = find_rows(store, check, false,
		"SELECT 'the artifact ''' || name || ''' of run ' || run_uuid || ' lacks bytes' "
		"FROM mlm_artifacts AS a WHERE size <> coalesce((SELECT sum(length(bytes)) FROM "
		"mlm_artifact_chunks AS c WHERE c.content_id = a.content_id), 0)",
		err);
	if (status == MLM_OK)
		status = find_rows(store, check, true,
			"SELECT 'the artifact ''' || name || ''' belongs to run ' || run_uuid || "
			"', which is gone' " WITHOUT_OWNER,
			err);
	if (status == MLM_OK)
		status = find_rows(store, check, true,
			"SELECT 'uploads that died, or artifacts that were removed, hold ' || "
			"bytes || ' bytes' FROM (SELECT sum(length(bytes)) AS bytes " WASTE
			") AS w WHERE bytes IS NOT NULL",
			err);
	if (status == MLM_OK)
		status = mend(store, check, "DELETE " WITHOUT_OWNER, err);
	if (status == MLM_OK)
		status = mend(store, check, "DELETE " WASTE, err);
	if (status == MLM_OK)
		status = mend(store, check, "DELETE FROM mlm_artifact_uploads WHERE " DEAD, err);
	return status;
}

static mlm_status check_all(struct postgres_store *store, void *payload, mlm_error *err)
{
	const struct check *check = payload;
	findings_forget(check->findings);
	mlm_status status = find_rows(store, check, false,
		"SELECT 'the table alembic_version is empty, so MLflow refuses the store' "
		"WHERE NOT EXISTS (SELECT 1 FROM alembic_version)",
		err);
	if (status == MLM_OK)
		status = check_runs(store, check, err);
	if (status == MLM_OK)
		status = check_latest(store, check, err);
	if (status == MLM_OK)
		status = check_artifacts(store, check, err);
	if (status != MLM_OK)
		return status;
	status = find_rows(store, check, true,
		"SELECT 'there is no experiment, not even ''Default'' with id 0' "
		"WHERE NOT EXISTS (SELECT 1 FROM experiments)",
		err);
	return status == MLM_OK && check->repair ? postgres_insert_default_experiment(store, err)
						 : status;
}

mlm_status postgres_check(
	struct store *base, bool repair, mlm_doctor_fn report, void *payload, mlm_error *err)
{
	struct findings findings;
	struct check check = { repair, &findings };
	mlm_status status = findings_begin(&findings, base->allocator, err);
	if (status == MLM_OK)
		status = postgres_transact(postgres_store_of(base), repair, check_all, &check, err);
	return findings_end(&findings, status, report, payload, err);
}
