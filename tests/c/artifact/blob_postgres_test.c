/* SPDX-License-Identifier: Apache-2.0 */

/* The contracts on rows of a PostgreSQL store: MLMANAGER_TEST_POSTGRES is the URI of a database. */

#include "artifact/contract/blob_contract.h"
#include "store/postgres_store.h"

struct statement {
	const char *sql;
	char value[200];
};

static mlm_status run_statement(struct postgres_store *store, void *payload, mlm_error *error)
{
	struct statement *statement = payload;
	PGresult *rows;
	mlm_status status = postgres_query(store, "", statement->sql, NULL, &rows, error);
	const char *value =
		status == MLM_OK && pq.PQntuples(rows) > 0 ? postgres_text(rows, 0, 0) : NULL;
	snprintf(statement->value, sizeof(statement->value), "%s", value ? value : "no row");
	pq.PQclear(rows);
	return status;
}

static const char *value_of(const char *sql)
{
	static struct statement statement;
	struct store *store = NULL;
	statement.sql = sql;
	MUST(postgres_store_ops.open(&blob_database.tracking, &store, &err));
	MUST(postgres_transact(postgres_store_of(store), true, run_statement, &statement, &err));
	postgres_store_ops.close(store);
	return statement.value;
}

static void change(const char *sql)
{
	value_of(sql);
}

TEST(get__eagain_when_the_artifact_is_removed_meanwhile)
{
	struct artifact_store *store = contract_fresh();
	CHECK_STATUS(blob_get_removed(store, 3u << 20), MLM_EAGAIN);
	CHECK_CONTAINS(err.message, "while it was read");
	artifact_close(store);
}

TEST(put__replacing_keeps_the_old_bytes_for_a_moment_only)
{
	struct artifact_store *store = contract_fresh();
	change("TRUNCATE mlm_artifacts, mlm_artifact_chunks, mlm_artifact_uploads");
	MUST(contract_put(store, "a", "old"));
	MUST(contract_put(store, "a", "new"));
	CHECK_STRING(value_of("SELECT count(*) FROM mlm_artifact_chunks"), "2");
	change("UPDATE mlm_artifact_uploads SET last_time = last_time + 50000");
	MUST(contract_put(store, "b", "small"));
	CHECK_STRING(value_of("SELECT count(*) FROM mlm_artifact_chunks"), "3");
	change("UPDATE mlm_artifact_uploads SET last_time = last_time + 11000");
	MUST(contract_put(store, "c", "small"));
	CHECK_STRING(value_of("SELECT count(*) FROM mlm_artifact_chunks"), "3");
	artifact_close(store);
}

/* A writer that reads the same artifact before it takes its bytes, and so on. */
static mlm_status read_within(void *payload, const void *bytes, size_t size, mlm_error *why)
{
	int *depth = payload;
	(void)bytes;
	(void)size;
	if (*depth == 2 * POSTGRES_CONNECTIONS_MAX)
		return MLM_OK;
	++*depth;
	struct artifact_store *store = contract_open();
	const mlm_artifact_writer writer = { read_within, depth };
	mlm_status status = artifact_get(store, "a", &writer, why);
	artifact_close(store);
	return status;
}

TEST(get__holds_no_connection_while_its_writer_takes_time)
{
	int depth = 0;
	struct artifact_store *store = contract_fresh();
	MUST(contract_put_bytes(store, "a", 2u << 20, 1, -1));
	MUST(read_within(&depth, NULL, 0, &err));
	CHECK_INT(depth, 2 * POSTGRES_CONNECTIONS_MAX);
	artifact_close(store);
}

struct findings {
	char text[4096];
};

static void note(void *payload, bool repaired, const char *finding)
{
	struct findings *findings = payload;
	size_t size = strlen(findings->text);
	snprintf(findings->text + size, sizeof(findings->text) - size, "%s%s\n",
		repaired ? "repaired: " : "", finding);
}

TEST(check__finds_lost_bytes_lost_runs_and_waste)
{
	struct artifact_store *store = contract_fresh();
	struct store_options options = blob_database.tracking;
	struct store *checked = NULL;
	struct findings findings = { 0 };
	change("TRUNCATE mlm_artifacts, mlm_artifact_chunks, mlm_artifact_uploads");
	MUST(contract_put(store, "a", "whole"));
	change("UPDATE mlm_artifacts SET size = 6");
	change("INSERT INTO mlm_artifact_uploads VALUES (17, 1)");
	change("INSERT INTO mlm_artifact_chunks VALUES (17, 0, 'xy')");
	options.for_flusher = false;
	options.artifacts = "/x";
	MUST(postgres_store_ops.open(&options, &checked, &err));
	MUST(postgres_store_ops.check(checked, true, note, &findings, &err));
	CHECK_CONTAINS(findings.text, "the artifact 'a' of run ");
	CHECK_CONTAINS(findings.text, "lacks bytes");
	CHECK_CONTAINS(findings.text, "which is gone");
	CHECK_CONTAINS(findings.text, "hold 2 bytes");
	CHECK_CONTAINS(findings.text, "repaired: ");
	findings.text[0] = '\0';
	MUST(postgres_store_ops.check(checked, true, note, &findings, &err));
	CHECK_STRING(findings.text, "");
	CHECK_STRING(value_of("SELECT count(*) FROM mlm_artifact_chunks"), "0");
	postgres_store_ops.close(checked);
	artifact_close(store);
}

int main(void)
{
	const char *uri = getenv("MLMANAGER_TEST_POSTGRES");
	if (!uri || !uri[0]) {
		printf("skipped blob_postgres_test (MLMANAGER_TEST_POSTGRES names no database)\n");
		return check_done();
	}
	blob_database.ops = &postgres_store_ops;
	blob_database.change = change;
	blob_database.value_of = value_of;
	printf("-- in a new database\n");
	blob_make_store(uri);
	run_blob_contract();
	RUN(get__eagain_when_the_artifact_is_removed_meanwhile);
	RUN(put__replacing_keeps_the_old_bytes_for_a_moment_only);
	RUN(get__holds_no_connection_while_its_writer_takes_time);
	RUN(check__finds_lost_bytes_lost_runs_and_waste);
	change("DROP TABLE mlm_artifacts, mlm_artifact_chunks, mlm_artifact_uploads");
	change("DROP FUNCTION mlm_artifacts_waste()");
	printf("-- in a database that has no tables for it\n");
	run_artifact_contract(blob_options);
	return check_done();
}
