/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_ARTIFACT_BLOB_CONTRACT_H
#define TESTS_ARTIFACT_BLOB_CONTRACT_H

/*
 * What a tracking store owes to "blob:" artifacts beyond the contract: chunks, waste, checksums. A
 * test program fills blob_database and calls run_blob_contract(); the SQL is the same for every
 * database.
 */

#include <time.h>

#include "artifact/contract/contract.h"
#include "store/artifact_bytes.h"

static struct {
	const struct store_ops *ops;
	struct store_options tracking;
	/* Changes the database behind the store's back. */
	void (*change)(const char *sql);
	/* A query's first value, until the next call. */
	const char *(*value_of)(const char *sql);
} blob_database = { .tracking = { .for_flusher = true, .busy_timeout_ms = 10000 } };

static inline void blob_options(const char *id, struct artifact_options *options)
{
	static char uri[100];
	snprintf(uri, sizeof(uri), "blob:/0/%s/artifacts", id);
	options->uri = uri;
	options->tracking_ops = blob_database.ops;
	options->tracking = &blob_database.tracking;
}

/* Makes the tracking store, or looks at it for the first time. */
static inline void blob_make_store(const char *uri)
{
	struct store_options options = { .artifacts = "/x", .busy_timeout_ms = 10000 };
	struct store *store = NULL;
	options.uri = blob_database.tracking.uri = uri;
	MUST(blob_database.ops->open(&options, &store, &err));
	blob_database.ops->close(store);
}

#define LAST_CONTENT "(SELECT content_id FROM mlm_artifacts ORDER BY created_time DESC LIMIT 1)"
#define CHUNK_COUNT  "SELECT count(*) FROM mlm_artifact_chunks"
#define UPLOAD_COUNT "SELECT count(*) FROM mlm_artifact_uploads"

TEST(put__keeps_name_size_extension_and_checksum)
{
	struct artifact_store *store = contract_fresh();
	MUST(contract_put(store, "plots/loss.final.png", "hello"));
	artifact_close(store);
	CHECK_STRING(blob_database.value_of(
			     "SELECT name || '|' || size || '|' || file_ext || '|' || sha256 FROM "
			     "mlm_artifacts ORDER BY created_time DESC LIMIT 1"),
		"plots/loss.final.png|5|png|"
		"2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824");
}

/* As if a while had passed since something was replaced. */
static inline void blob_age(void)
{
	blob_database.change("UPDATE mlm_artifact_uploads SET last_time = last_time + 61000 "
			     "WHERE last_time < 0");
}

TEST(put__replacing_and_remove_free_the_old_bytes)
{
	struct artifact_store *store = contract_fresh();
	blob_database.change("DELETE FROM mlm_artifacts");
	MUST(contract_put_bytes(store, "a", 40u << 20, 1, -1));
	MUST(contract_put(store, "a", "small"));
	blob_age();
	MUST(contract_put(store, "b", "small"));
	CHECK_STRING(blob_database.value_of(CHUNK_COUNT), "2");
	CHECK_STRING(blob_database.value_of(UPLOAD_COUNT), "0");
	MUST(artifact_remove(store, "", &err));
	CHECK_STRING(blob_database.value_of(CHUNK_COUNT), "0");
	artifact_close(store);
}

TEST(put__frees_what_died_an_hour_ago_and_spares_what_goes_on)
{
	char sql[300];
	long long now_s = (long long)time(NULL);
	struct artifact_store *store = contract_fresh();
	MUST(contract_put(store, "a", "1"));
	snprintf(sql, sizeof(sql),
		"INSERT INTO mlm_artifact_uploads VALUES (17, %lld), (18, %lld);"
		"INSERT INTO mlm_artifact_chunks VALUES (17, 0, 'x'), (17, 1, 'y'), (18, 0, 'z')",
		(now_s - 3610) * 1000, (now_s - 3000) * 1000);
	blob_database.change(sql);
	MUST(contract_put(store, "b", "1"));
	CHECK_STRING(
		blob_database.value_of("SELECT min(content_id) FROM mlm_artifact_uploads"), "18");
	CHECK_STRING(blob_database.value_of(CHUNK_COUNT " WHERE content_id < 100"), "1");
	blob_database.change("DELETE FROM mlm_artifact_uploads WHERE content_id = 18;"
			     "DELETE FROM mlm_artifact_chunks WHERE content_id = 18");
	artifact_close(store);
}

/* A reader that takes its time: somebody else frees the upload meanwhile. */
static mlm_status read_slowly(
	void *payload, void *bytes, size_t size, size_t *got_out, mlm_error *why)
{
	struct contract_source *source = payload;
	if (source->at >= 2u << 20)
		blob_database.change("DELETE FROM mlm_artifact_uploads");
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
	blob_database.change(
		"UPDATE mlm_artifact_chunks SET bytes = (SELECT bytes FROM (SELECT "
		"substr(bytes, 2) AS bytes FROM mlm_artifact_chunks WHERE "
		"content_id = " LAST_CONTENT ") AS cut) WHERE content_id = " LAST_CONTENT);
	CHECK_STRING(contract_get(store, "a").start, "corrupt");
	CHECK_CONTAINS(err.message, "'a'");
	blob_database.change("DELETE FROM mlm_artifact_chunks WHERE content_id = " LAST_CONTENT);
	CHECK_STRING(contract_get(store, "a").start, "corrupt");
	CHECK_CONTAINS(err.message, "'a'");
	artifact_close(store);
}

/* While one reader goes on, another replaces what it reads. */
static mlm_status replace_meanwhile(void *payload, const void *bytes, size_t size, mlm_error *why)
{
	struct contract_sink *sink = payload;
	if (sink->size == 0) {
		struct artifact_store *other = contract_open();
		MUST(contract_put(other, "a", "new"));
		MUST(contract_put(other, "b", "frees what may be freed"));
		artifact_close(other);
	}
	return contract_write(payload, bytes, size, why);
}

TEST(get__goes_on_when_the_artifact_is_replaced_meanwhile)
{
	struct artifact_store *store = contract_fresh();
	struct contract_sink sink = { .seed = 9 };
	const mlm_artifact_writer writer = { replace_meanwhile, &sink };
	MUST(contract_put_bytes(store, "a", 3u << 20, 9, -1));
	MUST(artifact_get(store, "a", &writer, &err));
	CHECK(sink.size == 3u << 20 && !sink.is_wrong);
	CHECK_STRING(contract_get(store, "a").start, "new");
	artifact_close(store);
}

static mlm_status remove_meanwhile(void *payload, const void *bytes, size_t size, mlm_error *why)
{
	struct contract_sink *sink = payload;
	if (sink->size == 0) {
		struct artifact_store *other = contract_open();
		MUST(artifact_remove(other, "", &err));
		artifact_close(other);
	}
	return contract_write(payload, bytes, size, why);
}

/* Reads an artifact that another removes after its first bytes; what came is as it was. */
static inline mlm_status blob_get_removed(struct artifact_store *store, uint64_t size)
{
	struct contract_sink sink = { .seed = 9 };
	const mlm_artifact_writer writer = { remove_meanwhile, &sink };
	MUST(contract_put_bytes(store, "a", size, 9, -1));
	mlm_status status = artifact_get(store, "a", &writer, &err);
	CHECK(!sink.is_wrong && (status != MLM_OK || sink.size == size));
	return status;
}

static void run_blob_contract(void)
{
	run_artifact_contract(blob_options);
	RUN(put__keeps_name_size_extension_and_checksum);
	RUN(put__replacing_and_remove_free_the_old_bytes);
	RUN(put__frees_what_died_an_hour_ago_and_spares_what_goes_on);
	RUN(put__eagain_when_it_was_taken_for_dead);
	RUN(get__ecorrupt_on_wrong_and_missing_bytes);
	RUN(get__goes_on_when_the_artifact_is_replaced_meanwhile);
}

#endif
