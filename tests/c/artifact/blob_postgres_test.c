/* SPDX-License-Identifier: Apache-2.0 */

/* The artifacts' contract on rows of a PostgreSQL store: MLMANAGER_TEST_POSTGRES is the URI of a
 * database. What is the same in any database, blob_test tests on SQLite. */

#include "artifact/contract/contract.h"
#include "store/postgres_store.h"

static struct store_options tracking = { .for_flusher = true, .busy_timeout_ms = 10000 };

static void blob_options(const char *id, struct artifact_options *options)
{
	static char uri[100];
	snprintf(uri, sizeof(uri), "blob:/0/%s/artifacts", id);
	options->uri = uri;
	options->tracking_ops = &postgres_store_ops;
	options->tracking = &tracking;
}

struct statement {
	const char *sql;
	int64_t value;
};

static mlm_status run_statement(struct postgres_store *store, void *payload, mlm_error *error)
{
	struct statement *statement = payload;
	PGresult *rows;
	mlm_status status = postgres_query(store, "", statement->sql, NULL, &rows, error);
	if (status == MLM_OK && pq.PQntuples(rows) > 0)
		statement->value = postgres_integer(rows, 0, 0, -1);
	pq.PQclear(rows);
	return status;
}

static int64_t value_of(const char *sql)
{
	struct statement statement = { sql, -1 };
	struct store *store = NULL;
	MUST(postgres_store_ops.open(&tracking, &store, &err));
	MUST(postgres_transact(postgres_store_of(store), true, run_statement, &statement, &err));
	postgres_store_ops.close(store);
	return statement.value;
}

TEST(put__replacing_and_remove_free_the_old_bytes)
{
	struct artifact_store *store = contract_fresh();
	value_of("DELETE FROM mlm_artifacts");
	MUST(contract_put_bytes(store, "a", 40u << 20, 1, -1));
	MUST(contract_put(store, "a", "small"));
	CHECK_INT(value_of("SELECT count(*) FROM mlm_artifact_chunks"), 1);
	CHECK_INT(value_of("SELECT count(*) FROM mlm_artifact_uploads"), 0);
	MUST(artifact_remove(store, "", &err));
	CHECK_INT(value_of("SELECT count(*) FROM mlm_artifact_chunks"), 0);
	artifact_close(store);
}

static mlm_status read_slowly(
	void *payload, void *bytes, size_t size, size_t *got_out, mlm_error *why)
{
	struct contract_source *source = payload;
	if (source->at >= 2u << 20)
		value_of("DELETE FROM mlm_artifact_uploads");
	return contract_read(payload, bytes, size, got_out, why);
}

TEST(put__eagain_when_it_was_taken_for_dead)
{
	struct artifact_store *store = contract_fresh();
	struct contract_source source = { 4u << 20, 0, 1, -1 };
	const mlm_artifact_reader reader = { read_slowly, &source, -1, NULL };
	CHECK_STATUS(artifact_put(store, "a", &reader, &err), MLM_EAGAIN);
	CHECK_CONTAINS(err.message, "taken for dead");
	CHECK_STRING(contract_list(store, "").text, "");
	artifact_close(store);
}

TEST(get__ecorrupt_on_missing_bytes)
{
	struct artifact_store *store = contract_fresh();
	MUST(contract_put(store, "a", "right"));
	value_of("DELETE FROM mlm_artifact_chunks WHERE content_id = (SELECT content_id FROM "
		 "mlm_artifacts ORDER BY created_time DESC LIMIT 1)");
	CHECK_STRING(contract_get(store, "a").start, "corrupt");
	CHECK_CONTAINS(err.message, "'a'");
	artifact_close(store);
}

/* While one reader holds its state, another removes. */
static mlm_status remove_meanwhile(void *payload, const void *bytes, size_t size, mlm_error *why)
{
	struct contract_sink *sink = payload;
	if (sink->size == 0) {
		struct artifact_store *other = contract_open();
		mlm_status status = artifact_remove(other, "", why);
		artifact_close(other);
		if (status != MLM_OK)
			return status;
	}
	return contract_write(payload, bytes, size, why);
}

TEST(get__goes_on_when_the_artifact_is_removed_meanwhile)
{
	struct artifact_store *store = contract_fresh();
	struct contract_sink sink = { .seed = 9 };
	const mlm_artifact_writer writer = { remove_meanwhile, &sink };
	MUST(contract_put_bytes(store, "a", 3u << 20, 9, -1));
	MUST(artifact_get(store, "a", &writer, &err));
	CHECK(sink.size == 3u << 20 && !sink.is_wrong);
	CHECK_STRING(contract_get(store, "a").start, "not_found");
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
	struct store_options options = tracking;
	struct store *checked = NULL;
	struct findings findings = { 0 };
	value_of("TRUNCATE mlm_artifacts, mlm_artifact_chunks, mlm_artifact_uploads");
	MUST(contract_put(store, "a", "whole"));
	value_of("UPDATE mlm_artifacts SET size = 6");
	value_of("INSERT INTO mlm_artifact_uploads VALUES (17, 1)");
	value_of("INSERT INTO mlm_artifact_chunks VALUES (17, 0, 'xy')");
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
	CHECK_INT(value_of("SELECT count(*) FROM mlm_artifact_chunks"), 0);
	postgres_store_ops.close(checked);
	artifact_close(store);
}

static void make_store(void)
{
	struct store_options options = tracking;
	struct store *store = NULL;
	options.for_flusher = false;
	options.artifacts = "/x";
	MUST(postgres_store_ops.open(&options, &store, &err));
	postgres_store_ops.close(store);
}

int main(void)
{
	tracking.uri = getenv("MLMANAGER_TEST_POSTGRES");
	if (!tracking.uri || !tracking.uri[0]) {
		printf("skipped blob_postgres_test (MLMANAGER_TEST_POSTGRES names no database)\n");
		return check_done();
	}
	make_store();
	printf("-- in a new database\n");
	run_artifact_contract(blob_options);
	RUN(put__replacing_and_remove_free_the_old_bytes);
	RUN(put__eagain_when_it_was_taken_for_dead);
	RUN(get__ecorrupt_on_missing_bytes);
	RUN(get__goes_on_when_the_artifact_is_removed_meanwhile);
	RUN(check__finds_lost_bytes_lost_runs_and_waste);
	value_of("DROP TABLE mlm_artifacts, mlm_artifact_chunks, mlm_artifact_uploads");
	value_of("DROP FUNCTION mlm_artifacts_waste()");
	printf("-- in a database that has no tables for it\n");
	run_artifact_contract(blob_options);
	return check_done();
}
