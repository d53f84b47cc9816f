/* SPDX-License-Identifier: Apache-2.0 */

/* The contract on rows of an SQLite store, and what only they have: chunks, waste, checksums. */

#include <sqlite3.h>
#include <sys/stat.h>

#include "artifact/contract/contract.h"
#include "store/store_directory.h"

static struct store_options tracking = { .for_flusher = true, .busy_timeout_ms = 10000 };
static char tracking_uri[200];

static void blob_options(const char *id, struct artifact_options *options)
{
	static char uri[100];
	snprintf(uri, sizeof(uri), "blob:/0/%s/artifacts", id);
	options->uri = uri;
	options->tracking_ops = &sqlite_store_ops;
	options->tracking = &tracking;
}

static void use_store(const char *name, bool has_tables)
{
	struct store_options options = { .artifacts = "/x", .busy_timeout_ms = 10000 };
	struct store *store = NULL;
	snprintf(tracking_uri, sizeof(tracking_uri), "%s", uri_of(name).text);
	options.uri = tracking.uri = tracking_uri;
	MUST(sqlite_store_ops.open(&options, &store, &err));
	sqlite_store_ops.close(store);
	if (has_tables)
		return;
	sqlite3 *db;
	if (sqlite3_open(path_of(name).text, &db) != SQLITE_OK ||
		sqlite3_exec(db,
			"DROP TABLE mlm_artifacts; DROP TABLE mlm_artifact_chunks;"
			"DROP TABLE mlm_artifact_uploads",
			NULL, NULL, NULL) != SQLITE_OK)
		exit(1);
	sqlite3_close(db);
}

static sqlite3 *open_database(void)
{
	sqlite3 *db;
	if (sqlite3_open(tracking_uri + strlen("sqlite:"), &db) != SQLITE_OK)
		exit(1);
	sqlite3_busy_timeout(db, 10000);
	return db;
}

static const char *value_of(const char *sql)
{
	static char text[200];
	sqlite3 *db = open_database();
	sqlite3_stmt *query = NULL;
	snprintf(text, sizeof(text), "no row");
	if (sqlite3_prepare_v2(db, sql, -1, &query, NULL) != SQLITE_OK)
		snprintf(text, sizeof(text), "%s", sqlite3_errmsg(db));
	else if (sqlite3_step(query) == SQLITE_ROW && sqlite3_column_text(query, 0))
		snprintf(text, sizeof(text), "%s", (const char *)sqlite3_column_text(query, 0));
	sqlite3_finalize(query);
	sqlite3_close(db);
	return text;
}

static void change(const char *sql)
{
	sqlite3 *db = open_database();
	char *message = NULL;
	if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK) {
		printf("  %s: %s\n", sql, message ? message : "?");
		exit(1);
	}
	sqlite3_close(db);
}

TEST(put__keeps_name_size_extension_and_checksum)
{
	struct artifact_store *store = contract_fresh();
	MUST(contract_put(store, "plots/loss.final.png", "hello"));
	artifact_close(store);
	CHECK_STRING(value_of("SELECT name || '|' || size || '|' || file_ext || '|' || sha256 FROM "
			      "mlm_artifacts ORDER BY created_time DESC LIMIT 1"),
		"plots/loss.final.png|5|png|"
		"2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824");
}

TEST(put__replacing_and_remove_free_the_old_bytes)
{
	struct artifact_store *store = contract_fresh();
	change("DELETE FROM mlm_artifacts");
	MUST(contract_put_bytes(store, "a", 40u << 20, 1, -1));
	MUST(contract_put(store, "a", "small"));
	CHECK_STRING(value_of("SELECT count(*) FROM mlm_artifact_chunks"), "1");
	CHECK_STRING(value_of("SELECT count(*) FROM mlm_artifact_uploads"), "0");
	MUST(artifact_remove(store, "", &err));
	CHECK_STRING(value_of("SELECT count(*) FROM mlm_artifact_chunks"), "0");
	artifact_close(store);
}

TEST(put__frees_what_died_an_hour_ago_and_spares_what_goes_on)
{
	struct artifact_store *store = contract_fresh();
	MUST(contract_put(store, "a", "1"));
	change("INSERT INTO mlm_artifact_uploads VALUES (17, "
	       "(strftime('%s', 'now') - 3601) * 1000), "
	       "(18, (strftime('%s', 'now') - 3000) * 1000);"
	       "INSERT INTO mlm_artifact_chunks VALUES (17, 0, 'x'), (17, 1, 'y'), (18, 0, 'z')");
	MUST(contract_put(store, "b", "1"));
	CHECK_STRING(value_of("SELECT group_concat(content_id) FROM mlm_artifact_uploads"), "18");
	CHECK_STRING(
		value_of("SELECT count(*) FROM mlm_artifact_chunks WHERE content_id < 100"), "1");
	change("DELETE FROM mlm_artifact_uploads; DELETE FROM mlm_artifact_chunks "
	       "WHERE content_id = 18");
	artifact_close(store);
}

/* A reader that takes its time: somebody else frees the upload meanwhile. */
static mlm_status read_slowly(
	void *payload, void *bytes, size_t size, size_t *got_out, mlm_error *why)
{
	struct contract_source *source = payload;
	if (source->at >= 2u << 20)
		change("DELETE FROM mlm_artifact_uploads");
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

TEST(get__ecorrupt_on_wrong_and_missing_bytes)
{
	struct artifact_store *store = contract_fresh();
	MUST(contract_put(store, "a", "right"));
	change("UPDATE mlm_artifact_chunks SET bytes = CAST('wrong' AS BLOB) WHERE content_id = "
	       "(SELECT content_id FROM mlm_artifacts ORDER BY created_time DESC LIMIT 1)");
	CHECK_STRING(contract_get(store, "a").start, "corrupt");
	CHECK_CONTAINS(err.message, "checksum");
	change("DELETE FROM mlm_artifact_chunks WHERE content_id = "
	       "(SELECT content_id FROM mlm_artifacts ORDER BY created_time DESC LIMIT 1)");
	CHECK_STRING(contract_get(store, "a").start, "corrupt");
	CHECK_CONTAINS(err.message, "'a'");
	artifact_close(store);
}

/* While one reader holds its state, another writes and removes. */
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

TEST(open__einval_eunsupported)
{
	struct artifact_store *store = NULL;
	static const char *const uris[] = { "blob:", "blob:/0/artifacts", "blob:/0/id/other",
		"blob:/0//artifacts",
		"blob:/0/0123456789012345678901234567890123456789012345678901234567890123456789/"
		"artifacts" };
	struct artifact_options options = { 0 };
	for (size_t i = 0; i < sizeof(uris) / sizeof(uris[0]); i++) {
		blob_options("x", &options);
		options.uri = uris[i];
		mlm_status status = artifact_open(&options, &store, &err);
		artifact_close(store);
		CHECK_INT(status, i == 1 ? MLM_OK : MLM_EINVAL);
	}
	const struct store_ops without = { .scheme = "none" };
	options.tracking_ops = &without;
	CHECK_STATUS(artifact_open(&options, &store, &err), MLM_EUNSUPPORTED);
	CHECK_CONTAINS(err.message, "keeps none");
}

int main(void)
{
	directory_make();
	printf("-- in a new store\n");
	use_store("new.db", true);
	run_artifact_contract(blob_options);
	RUN(put__keeps_name_size_extension_and_checksum);
	RUN(put__replacing_and_remove_free_the_old_bytes);
	RUN(put__frees_what_died_an_hour_ago_and_spares_what_goes_on);
	RUN(put__eagain_when_it_was_taken_for_dead);
	RUN(get__ecorrupt_on_wrong_and_missing_bytes);
	RUN(get__goes_on_when_the_artifact_is_removed_meanwhile);
	RUN(open__einval_eunsupported);
	printf("-- in a store that has no tables for it\n");
	use_store("old.db", false);
	run_artifact_contract(blob_options);
	directory_remove();
	return check_done();
}
