/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "check.h"
#include "store/sqlite_store.h"
#include "store/store_directory.h"

#define NOBODY 65534 /* any user that is not root */

static mlm_error err = MLM_ERROR_INIT;

static mlm_status try_open(const char *name, uint32_t busy_timeout_ms, struct store **store_out)
{
	struct store_path uri = uri_of(name);
	const struct store_options options = {
		.uri = uri.text,
		.artifacts = "/artifacts",
		.busy_timeout_ms = busy_timeout_ms,
	};
	return sqlite_store_ops.open(&options, store_out, &err);
}

static struct store *open_store(const char *name)
{
	struct store *store;
	MUST(try_open(name, 10000, &store));
	return store;
}

static void run_sql(const char *name, const char *sql)
{
	sqlite3 *db;
	char *message = NULL;
	if (sqlite3_open(path_of(name).text, &db) != SQLITE_OK ||
		sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK) {
		printf("  %s: %s\n", name, message ? message : sqlite3_errmsg(db));
		exit(1);
	}
	sqlite3_close(db);
}

static mlm_status create_experiment(struct store *store, const char *name)
{
	char id[MLM_ID_SIZE];
	return sqlite_store_ops.create_experiment(store, name, NULL, id, &err);
}

TEST(open__ecorrupt_for_a_file_that_is_no_database)
{
	struct store *store;
	FILE *file = fopen(path_of("text.db").text, "w");
	for (int i = 0; i < 1000; i++)
		fputs("this is a text\n", file);
	fclose(file);
	CHECK_STATUS(try_open("text.db", 100, &store), MLM_ECORRUPT);
	CHECK_CONTAINS(err.message, "text.db");
	CHECK_CONTAINS(err.message, "is not an SQLite database");
	CHECK(!store);
}

TEST(open__ecorrupt_for_another_database)
{
	struct store *store;
	run_sql("other.db", "CREATE TABLE albums (name TEXT)");
	CHECK_STATUS(try_open("other.db", 100, &store), MLM_ECORRUPT);
	CHECK_CONTAINS(err.message, "not a tracking store");
	run_sql("other.db", "CREATE TABLE params (other TEXT)");
	CHECK_STATUS(try_open("other.db", 100, &store), MLM_ECORRUPT);
}

TEST(open__ecorrupt_names_what_a_half_store_lacks)
{
	struct store *store;
	sqlite_store_ops.close(open_store("half.db"));
	run_sql("half.db", "DROP TABLE latest_metrics");
	CHECK_STATUS(try_open("half.db", 100, &store), MLM_ECORRUPT);
	CHECK_CONTAINS(err.message, "latest_metrics");
}

TEST(open__enotfound_for_a_missing_directory)
{
	struct store *store;
	CHECK_STATUS(try_open("no/such/x.db", 100, &store), MLM_ENOTFOUND);
	CHECK_CONTAINS(err.message, "no/such/x.db");
}

TEST(open__adds_only_its_own_table_to_a_foreign_file)
{
	sqlite_store_ops.close(open_store("foreign.db"));
	run_sql("foreign.db", "DROP TABLE mlm_journals; PRAGMA journal_mode = DELETE");
	struct store *store = open_store("foreign.db");
	CHECK(sqlite_store_of(store)->layout.journals);
	uint64_t position = 1;
	MUST(sqlite_store_ops.get_watermark(store, "x", &position, &err));
	CHECK_INT(position, 0);
	sqlite_store_ops.close(store);
	/* Back in WAL. */
	char header[20] = { 0 };
	int file = open(path_of("foreign.db").text, O_RDONLY);
	CHECK_INT(read(file, header, sizeof(header)), sizeof(header));
	close(file);
	CHECK_INT(header[18], 2);
}

/* ---- writers in the way ---- */

TEST(write__eagain_after_the_busy_timeout_and_works_later)
{
	struct store *store;
	sqlite_store_ops.close(open_store("busy.db"));
	MUST(try_open("busy.db", 50, &store));
	sqlite3 *writer;
	CHECK_INT(sqlite3_open(path_of("busy.db").text, &writer), SQLITE_OK);
	CHECK_INT(sqlite3_exec(writer, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	int64_t begin_ns = clock_monotonic_ns();
	CHECK_STATUS(create_experiment(store, "late"), MLM_EAGAIN);
	int64_t waited_ms = (clock_monotonic_ns() - begin_ns) / 1000000;
	CHECK(waited_ms >= 50 && waited_ms < 5000);
	CHECK_STRING(err.area, "sqlite");
	CHECK_INT(err.detail & 0xff, SQLITE_BUSY);
	CHECK_CONTAINS(err.message, "busy.db");
	CHECK(!strstr(err.message, "database is locked"));
	CHECK(sqlite3_get_autocommit(sqlite_store_of(store)->db));
	/* Reading goes on beside a writer. */
	mlm_experiment_list *list;
	MUST(sqlite_store_ops.get_experiment(store, "0", NULL, &list, &err));
	arena_free(list->memory);
	sqlite3_exec(writer, "ROLLBACK", NULL, NULL, NULL);
	sqlite3_close(writer);
	MUST(create_experiment(store, "late"));
	sqlite_store_ops.close(store);
}

TEST(write__efull_leaves_no_transaction_and_nothing_of_the_call)
{
	struct store *store = open_store("full.db");
	sqlite3 *db = sqlite_store_of(store)->db;
	char id[MLM_ID_SIZE];
	sqlite3_exec(db, "PRAGMA max_page_count = 1", NULL, NULL, NULL);
	static char value[100000];
	memset(value, 'x', sizeof(value) - 1);
	const mlm_text tag = { "k", value };
	mlm_experiment_options options = MLM_EXPERIMENT_OPTIONS_INIT;
	options.tags = &tag;
	options.tag_count = 1;
	CHECK_STATUS(
		sqlite_store_ops.create_experiment(store, "big", &options, id, &err), MLM_EFULL);
	CHECK_CONTAINS(err.message, "full");
	CHECK(sqlite3_get_autocommit(db));
	mlm_experiment_list *list;
	CHECK_STATUS(
		sqlite_store_ops.get_experiment(store, NULL, "big", &list, &err), MLM_ENOTFOUND);
	sqlite3_exec(db, "PRAGMA max_page_count = 1000000", NULL, NULL, NULL);
	MUST(sqlite_store_ops.create_experiment(store, "big", &options, id, &err));
	sqlite_store_ops.close(store);
}

TEST(read__ecorrupt_for_damaged_pages)
{
	sqlite_store_ops.close(open_store("damaged.db"));
	struct store *store = open_store("damaged.db");
	int file = open(path_of("damaged.db").text, O_RDWR);
	static unsigned char garbage[4096];
	memset(garbage, 0x5a, sizeof(garbage));
	struct stat status;
	CHECK_INT(fstat(file, &status), 0);
	for (off_t page = 1; page < status.st_size / 4096; page++)
		CHECK_INT(pwrite(file, garbage, 4096, page * 4096), 4096);
	mlm_run_list *list;
	CHECK_STATUS(sqlite_store_ops.get_run(store, "x", &list, &err), MLM_ECORRUPT);
	CHECK_INT(err.detail & 0xff, SQLITE_CORRUPT);
	CHECK(sqlite3_get_autocommit(sqlite_store_of(store)->db));
	close(file);
	sqlite_store_ops.close(store);
}

/* ---- read-only ---- */

static void check_reads_but_does_not_write(const char *name)
{
	struct store *store;
	MUST(try_open(name, 100, &store));
	CHECK(sqlite_store_ops.is_read_only(store));
	mlm_experiment_list *list;
	MUST(sqlite_store_ops.get_experiment(store, NULL, "kept", &list, &err));
	arena_free(list->memory);
	CHECK_STATUS(create_experiment(store, "refused"), MLM_EIO);
	CHECK_CONTAINS(err.message, "read-only");
	CHECK_CONTAINS(err.message, name);
	const struct store_batch batch = { .journal_id = "j", .position = 1 };
	CHECK_STATUS(sqlite_store_ops.apply(store, &batch, NULL, NULL, &err), MLM_EIO);
	uint64_t position;
	MUST(sqlite_store_ops.get_watermark(store, "j", &position, &err));
	sqlite_store_ops.close(store);
}

/* Permissions bind everybody but root, so the check runs in a child that is somebody else. */
static void check_as_nobody(void (*check)(const char *name), const char *name)
{
	fflush(stdout);
	pid_t child = fork();
	if (child == 0) {
		if (geteuid() == 0 && (setgid(NOBODY) != 0 || setuid(NOBODY) != 0))
			_exit(2);
		check_failures_of_test = 0;
		check(name);
		fflush(stdout);
		_exit(check_failures_of_test ? 1 : 0);
	}
	int status = -1;
	CHECK(waitpid(child, &status, 0) == child);
	CHECK_INT(status, 0);
}

TEST(open__reads_a_file_that_cannot_be_written)
{
	struct store *store = open_store("readonly.db");
	MUST(create_experiment(store, "kept"));
	sqlite_store_ops.close(store);
	chmod(path_of("readonly.db").text, 0444);
	chmod(directory, 0555);
	check_as_nobody(check_reads_but_does_not_write, "readonly.db");
	chmod(directory, 0755);
}

TEST(open__reads_a_writable_file_in_a_directory_that_cannot_be_written)
{
	struct store *store = open_store("closed.db");
	MUST(create_experiment(store, "kept"));
	sqlite_store_ops.close(store);
	chmod(path_of("closed.db").text, 0666);
	chmod(directory, 0555);
	check_as_nobody(check_reads_but_does_not_write, "closed.db");
	chmod(directory, 0755);
}

TEST(open__reads_beside_a_writer_whose_files_it_may_not_write)
{
	struct store *store = open_store("beside.db");
	MUST(create_experiment(store, "kept"));
	chmod(path_of("beside.db").text, 0444);
	chmod(directory, 0755);
	check_as_nobody(check_reads_but_does_not_write, "beside.db");
	sqlite_store_ops.close(store);
}

static void check_says_that_it_cannot_be_created(const char *name)
{
	struct store *store;
	CHECK_STATUS(try_open(name, 100, &store), MLM_EIO);
	CHECK_CONTAINS(err.message, name);
}

TEST(open__eio_where_nothing_can_be_created)
{
	chmod(directory, 0555);
	check_as_nobody(check_says_that_it_cannot_be_created, "nowhere.db");
	chmod(directory, 0755);
}

/* ---- closing ---- */

TEST(close__leaves_everything_in_the_one_file)
{
	struct store *store = open_store("closing.db"), *flusher;
	struct store_path uri = uri_of("closing.db");
	const struct store_options options = {
		.uri = uri.text, .for_flusher = true, .busy_timeout_ms = 1000
	};
	MUST(sqlite_store_ops.open(&options, &flusher, &err));
	MUST(create_experiment(store, "kept"));
	sqlite_store_ops.close(flusher);
	sqlite_store_ops.close(store);
	CHECK(access(path_of("closing.db-wal").text, F_OK) != 0);
	CHECK(access(path_of("closing.db-shm").text, F_OK) != 0);
	rename(path_of("closing.db").text, path_of("moved.db").text);
	store = open_store("moved.db");
	mlm_experiment_list *list;
	MUST(sqlite_store_ops.get_experiment(store, NULL, "kept", &list, &err));
	arena_free(list->memory);
	sqlite_store_ops.close(store);
	sqlite_store_ops.close(NULL);
}

int main(void)
{
	directory_make();
	chmod(directory, 0755);
	RUN(open__ecorrupt_for_a_file_that_is_no_database);
	RUN(open__ecorrupt_for_another_database);
	RUN(open__ecorrupt_names_what_a_half_store_lacks);
	RUN(open__enotfound_for_a_missing_directory);
	RUN(open__adds_only_its_own_table_to_a_foreign_file);
	RUN(write__eagain_after_the_busy_timeout_and_works_later);
	RUN(write__efull_leaves_no_transaction_and_nothing_of_the_call);
	RUN(read__ecorrupt_for_damaged_pages);
	RUN(open__reads_a_file_that_cannot_be_written);
	RUN(open__reads_a_writable_file_in_a_directory_that_cannot_be_written);
	RUN(open__reads_beside_a_writer_whose_files_it_may_not_write);
	RUN(open__eio_where_nothing_can_be_created);
	RUN(close__leaves_everything_in_the_one_file);
	directory_remove();
	return check_done();
}
