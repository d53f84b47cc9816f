/* SPDX-License-Identifier: Apache-2.0 */

/* The contracts on rows of an SQLite store, and what only that has: a state that a reader holds. */

#include <sqlite3.h>
#include <sys/stat.h>

#include "artifact/contract/blob_contract.h"
#include "store/store_directory.h"

static sqlite3 *open_database(void)
{
	sqlite3 *db;
	if (sqlite3_open(blob_database.tracking.uri + strlen("sqlite:"), &db) != SQLITE_OK)
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

static void use_store(const char *name)
{
	static char uri[200];
	snprintf(uri, sizeof(uri), "%s", uri_of(name).text);
	blob_make_store(uri);
}

TEST(get__goes_on_when_the_artifact_is_removed_meanwhile)
{
	struct artifact_store *store = contract_fresh();
	MUST(blob_get_removed(store, 3u << 20));
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
	blob_database.ops = &sqlite_store_ops;
	blob_database.change = change;
	blob_database.value_of = value_of;
	directory_make();
	printf("-- in a new store\n");
	use_store("new.db");
	run_blob_contract();
	RUN(get__goes_on_when_the_artifact_is_removed_meanwhile);
	RUN(open__einval_eunsupported);
	printf("-- in a store that has no tables for it\n");
	use_store("old.db");
	change("DROP TABLE mlm_artifacts; DROP TABLE mlm_artifact_chunks;"
	       "DROP TABLE mlm_artifact_uploads");
	run_artifact_contract(blob_options);
	directory_remove();
	return check_done();
}
