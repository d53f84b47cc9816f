/* SPDX-License-Identifier: Apache-2.0 */
#include "store/postgres_run.h"

#include "base/error.h"
#include "store/postgres_store.h"

/* MLflow gets more tables with each version, so those that refer to a run or to an experiment are
 * looked up, and emptied before those they refer to. What the schema says ON DELETE is left to the
 * database. */

/* A table's distance from the one that $1 names, down the references. */
#define DEPTHS                                                                                   \
	"WITH RECURSIVE refs (child, parent) AS (SELECT conrelid, confrelid FROM pg_constraint " \
	"WHERE contype = 'f' AND connamespace = current_schema()::regnamespace "                 \
	"AND conrelid <> confrelid), depth (t, d) AS (SELECT to_regclass($1::text)::oid, 0 "     \
	"UNION SELECT child, d + 1 FROM refs JOIN depth ON parent = t WHERE d < 32) "

/* The statements that empty them, the deepest first: each takes the id as its $1. */
#define DELETES_WHERE(column)                                                              \
	"SELECT format('DELETE FROM %I WHERE %I::text = $1::text', c.relname, a.attname) " \
	"FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid "                 \
	"LEFT JOIN depth ON t = c.oid WHERE c.relkind = 'r' "                              \
	"AND c.relnamespace = current_schema()::regnamespace AND c.oid <> "                \
	"to_regclass($1::text) AND NOT a.attisdropped AND (" column ") "                   \
	"GROUP BY c.relname, a.attname ORDER BY coalesce(max(d), 0) DESC"

#define REFERENCE_IS(action)                                                               \
	"EXISTS (SELECT 1 FROM pg_constraint AS f WHERE f.contype = 'f' AND f.conrelid = " \
	"c.oid AND f.confrelid = to_regclass($1::text) AND f.conkey = ARRAY[a.attnum] "    \
	"AND f.confdeltype = '" action "')"

static mlm_status run_made(struct postgres_store *store, const char *query, const char *root,
	const char *id, mlm_error *err)
{
	struct postgres_values values = { 0 };
	PGresult *made;
	postgres_add_text(&values, root);
	mlm_status status =
		postgres_query(store, "could not read the schema", query, &values, &made, err);
	if (status != MLM_OK)
		return status;
	for (int row = 0; row < pq.PQntuples(made) && status == MLM_OK; row++) {
		struct postgres_values one = { 0 };
		postgres_add_text(&one, id);
		status = postgres_query(store, "could not remove rows", postgres_text(made, row, 0),
			&one, NULL, err);
	}
	pq.PQclear(made);
	return status;
}

static mlm_status run_with_id(
	struct postgres_store *store, const char *sql, const char *id, mlm_error *err)
{
	struct postgres_values values = { 0 };
	postgres_add_text(&values, id);
	return postgres_query(store, "could not remove rows", sql, &values, NULL, err);
}

static mlm_status has_table(
	struct postgres_store *store, const char *name, bool *found_out, mlm_error *err)
{
	struct postgres_values values = { 0 };
	PGresult *rows;
	*found_out = false;
	postgres_add_text(&values, name);
	mlm_status status = postgres_query(store, "could not read the schema",
		"SELECT to_regclass($1::text) IS NOT NULL", &values, &rows, err);
	if (status != MLM_OK)
		return status;
	*found_out = postgres_boolean(rows, 0, 0);
	pq.PQclear(rows);
	return MLM_OK;
}

/* A link of inputs or entities names its ends by kind and id, without a reference. */
static mlm_status remove_links(struct postgres_store *store, const char *table, const char *sql,
	const char *id, mlm_error *err)
{
	bool found;
	mlm_status status = has_table(store, table, &found, err);
	return status == MLM_OK && found ? run_with_id(store, sql, id, err) : status;
}

static mlm_status purge_run(struct postgres_store *store, void *payload, mlm_error *err)
{
#define ENDS                                                                     \
	"(destination_type IN ('RUN', 'run') AND destination_id = $1::text) OR " \
	"(source_type IN ('RUN_OUTPUT', 'run') AND source_id = $1::text)"
	const char *id = payload;
	mlm_lifecycle lifecycle;
	mlm_status status = postgres_find_run(store, id, &lifecycle, err);
	if (status == MLM_ENOTFOUND && store->is_retry)
		return MLM_OK;
	if (status == MLM_OK && lifecycle != MLM_DELETED)
		status = error_set(err, MLM_ESTATE, "run",
			"the run %s is not deleted; only deleted runs are removed for good", id);
	if (status == MLM_OK)
		status = remove_links(store, "input_tags",
			"DELETE FROM input_tags WHERE input_uuid IN "
			"(SELECT input_uuid FROM inputs WHERE " ENDS ")",
			id, err);
	if (status == MLM_OK)
		status = remove_links(store, "inputs", "DELETE FROM inputs WHERE " ENDS, id, err);
	if (status == MLM_OK)
		status = remove_links(store, "entity_associations",
			"DELETE FROM entity_associations WHERE " ENDS, id, err);
	if (status == MLM_OK)
		status = run_made(store,
			DEPTHS DELETES_WHERE("a.attname = 'run_uuid' OR " REFERENCE_IS("a")),
			"runs", id, err);
	if (status == MLM_OK)
		status = run_with_id(store, "DELETE FROM runs WHERE run_uuid = $1::text", id, err);
	return status;
#undef ENDS
}

static mlm_status refuse_with_runs(struct postgres_store *store, const char *id, mlm_error *err)
{
	struct postgres_values values = { 0 };
	PGresult *rows;
	postgres_add_text(&values, id);
	mlm_status status = postgres_query(store, "could not count runs",
		"SELECT count(*) FROM runs WHERE experiment_id = $1::int", &values, &rows, err);
	if (status != MLM_OK)
		return status;
	int64_t count = postgres_integer(rows, 0, 0, 0);
	pq.PQclear(rows);
	return count == 0 ? MLM_OK
			  : error_set(err, MLM_ESTATE, "experiment",
				    "the experiment %s has %lld runs, which have to be removed "
				    "first",
				    id, (long long)count);
}

static mlm_status purge_experiment(struct postgres_store *store, void *payload, mlm_error *err)
{
	const char *id = payload;
	int64_t number;
	mlm_lifecycle lifecycle;
	mlm_status status = postgres_find_experiment(store, id, &number, &lifecycle, err);
	if (status == MLM_ENOTFOUND && store->is_retry)
		return MLM_OK;
	if (status == MLM_OK && lifecycle != MLM_DELETED)
		status = error_set(err, MLM_ESTATE, "experiment",
			"the experiment %s is not deleted; only deleted experiments are removed "
			"for good",
			id);
	if (status == MLM_OK)
		status = refuse_with_runs(store, id, err);
	if (status == MLM_OK)
		status = remove_links(store, "entity_associations",
			"DELETE FROM entity_associations WHERE (destination_type = 'experiment' "
			"AND destination_id = $1::text) OR (source_type = 'experiment' "
			"AND source_id = $1::text)",
			id, err);
	/* Some tables have the column and no reference; where one says SET NULL, rows stay. */
	if (status == MLM_OK)
		status = run_made(store,
			DEPTHS DELETES_WHERE("a.attname = 'experiment_id' AND c.relname <> 'runs' "
					     "AND NOT " REFERENCE_IS("n")),
			"experiments", id, err);
	if (status == MLM_OK)
		status = run_with_id(
			store, "DELETE FROM experiments WHERE experiment_id = $1::int", id, err);
	return status;
}

static mlm_status purge(struct store *base, postgres_body body, const char *id, mlm_error *err)
{
	char copy[MLM_ID_SIZE];
	snprintf(copy, sizeof(copy), "%s", id);
	return postgres_transact(postgres_store_of(base), true, body, copy, err);
}

mlm_status postgres_purge_run(struct store *store, const char *run_id, mlm_error *err)
{
	return purge(store, purge_run, run_id, err);
}

mlm_status postgres_purge_experiment(struct store *store, const char *id, mlm_error *err)
{
	return purge(store, purge_experiment, id, err);
}
