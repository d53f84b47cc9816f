/* SPDX-License-Identifier: Apache-2.0 */
#include "store/postgres_schema.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "store/artifact_uri.h"
#include "store/postgres_store.h"

/* One process at a time makes tables in a database; the number is ours alone. */
#define LOCK "SELECT pg_advisory_xact_lock(7813562904416)"

mlm_status postgres_lock_schema(struct postgres_store *store, mlm_error *err)
{
	return postgres_query(
		store, "could not wait for others that make tables", LOCK, NULL, NULL, err);
}

static mlm_status read_layout(struct postgres_store *store, bool *empty_out, mlm_error *err)
{
	struct sql_layout_reading reading = { 0 };
	char what[MLM_ERROR_MESSAGE_SIZE];
	PGresult *rows;
	mlm_status status = postgres_query(store, "could not read the schema",
		"SELECT c.relname, a.attname FROM pg_class AS c JOIN pg_attribute AS a "
		"ON a.attrelid = c.oid WHERE c.relnamespace = current_schema()::regnamespace "
		"AND c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped "
		"AND c.relname IN (" SQL_LAYOUT_TABLES ")",
		NULL, &rows, err);
	if (status != MLM_OK)
		return status;
	for (int row = 0; row < pq.PQntuples(rows); row++) {
		reading.any_table = true;
		sql_layout_found(
			&reading, postgres_text(rows, row, 0), postgres_text(rows, row, 1));
	}
	pq.PQclear(rows);
	snprintf(what, sizeof(what), "the database '%s'", store->place);
	status = sql_layout_check(&reading, "postgresql", what, err);
	if (status != MLM_OK)
		return status;
	store->layout = reading.layout;
	*empty_out = !reading.any_table;
	return MLM_OK;
}

static mlm_status read_rights(struct postgres_store *store, mlm_error *err)
{
	PGresult *rows;
	mlm_status status = postgres_query(store, "could not read the rights",
		"SELECT pg_is_in_recovery() OR "
		"current_setting('default_transaction_read_only')::bool OR "
		"coalesce(NOT has_table_privilege(to_regclass('metrics'), 'INSERT'), false)",
		NULL, &rows, err);
	if (status != MLM_OK)
		return status;
	store->read_only = postgres_boolean(rows, 0, 0);
	pq.PQclear(rows);
	return MLM_OK;
}

static mlm_status look(struct postgres_store *store, void *payload, mlm_error *err)
{
	mlm_status status = read_rights(store, err);
	return status == MLM_OK ? read_layout(store, payload, err) : status;
}

mlm_status postgres_insert_default_experiment(struct postgres_store *store, mlm_error *err)
{
	struct postgres_values values = { 0 };
	char *location = artifact_uri_append(store->base.allocator, store->artifacts, "0");
	if (!location)
		return postgres_out_of_memory(err);
	postgres_add_text(&values, location);
	if (store->layout.experiment_times)
		postgres_add_integer(&values, clock_now_ms());
	mlm_status status = postgres_query(store, "could not insert the experiment 'Default'",
		store->layout.experiment_times
			? "INSERT INTO experiments (experiment_id, name, artifact_location, "
			  "lifecycle_stage, creation_time, last_update_time) SELECT 0, 'Default', "
			  "$1::text, 'active', $2::bigint, $2::bigint "
			  "WHERE NOT EXISTS (SELECT 1 FROM experiments)"
			: "INSERT INTO experiments (experiment_id, name, artifact_location, "
			  "lifecycle_stage) SELECT 0, 'Default', $1::text, 'active' "
			  "WHERE NOT EXISTS (SELECT 1 FROM experiments)",
		&values, NULL, err);
	memory_free(store->base.allocator, location);
	return status;
}

/* Tables where there are none, our own ones, and MLflow's first experiment. */
static mlm_status complete(struct postgres_store *store, void *payload, mlm_error *err)
{
	bool empty;
	(void)payload;
	mlm_status status = postgres_lock_schema(store, err);
	if (status == MLM_OK)
		status = read_layout(store, &empty, err);
	if (status == MLM_OK && empty)
		status = postgres_query(
			store, "could not make the tables", postgres_schema_sql, NULL, NULL, err);
	if (status == MLM_OK && !store->layout.journals)
		status = postgres_query(store, "could not add the table mlm_journals",
			"CREATE TABLE IF NOT EXISTS mlm_journals "
			"(journal_id TEXT PRIMARY KEY, position BIGINT NOT NULL)",
			NULL, NULL, err);
	if (status == MLM_OK)
		status = read_layout(store, &empty, err);
	return status == MLM_OK ? postgres_insert_default_experiment(store, err) : status;
}

mlm_status postgres_schema_prepare(struct postgres_store *store, mlm_error *err)
{
	bool empty = false;
	store->is_opening = true;
	mlm_status status = postgres_transact(store, false, look, &empty, err);
	store->is_opening = false;
	if (status != MLM_OK)
		return status;
	if (empty && (store->read_only || store->inspect || store->must_exist))
		return error_set(err, MLM_ENOTFOUND, "postgresql",
			"the database '%s' holds no tracking store", store->place);
	if (store->read_only || store->inspect)
		return MLM_OK;
	return postgres_transact(store, true, complete, NULL, err);
}
