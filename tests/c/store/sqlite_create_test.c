/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "store/sqlite_store.h"
#include "store/store_directory.h"

#define PROCESSES        8
#define RUNS_PER_PROCESS 25
#define POINTS_PER_BATCH 100

static mlm_error err = MLM_ERROR_INIT;

static struct store *open_as(const char *name, bool for_flusher)
{
	struct store_path uri = uri_of(name);
	const struct store_options options = {
		.uri = uri.text,
		.artifacts = "/artifacts",
		.for_flusher = for_flusher,
		.busy_timeout_ms = 10000,
	};
	struct store *store;
	MUST(sqlite_store_ops.open(&options, &store, &err));
	return store;
}

static struct store *open_store(const char *name)
{
	return open_as(name, false);
}

/* The first column of the first row, as a number, over a connection of the test's own. */
static long long query(const char *name, const char *sql)
{
	sqlite3 *db;
	sqlite3_stmt *rows = NULL;
	long long value = -1;
	if (sqlite3_open(path_of(name).text, &db) == SQLITE_OK &&
		sqlite3_prepare_v2(db, sql, -1, &rows, NULL) == SQLITE_OK &&
		sqlite3_step(rows) == SQLITE_ROW)
		value = sqlite3_column_int64(rows, 0);
	else
		printf("  %s: %s\n", sql, sqlite3_errmsg(db));
	sqlite3_finalize(rows);
	sqlite3_close(db);
	return value;
}

static void check_is_new_store(const char *name)
{
	CHECK_INT(query(name, "SELECT count(*) FROM pragma_integrity_check "
			      "WHERE integrity_check = 'ok'"),
		1);
	CHECK_INT(query(name, "SELECT count(*) FROM sqlite_master WHERE type = 'table' "
			      "AND name NOT LIKE 'sqlite_%' AND name NOT LIKE 'mlm_%'"),
		65);
	CHECK_INT(query(name, "SELECT count(*) FROM sqlite_master WHERE type = 'trigger'"), 2);
	CHECK_INT(query(name, "SELECT count(*) FROM mlm_journals"), 0);
	CHECK_INT(query(name, "SELECT count(*) FROM alembic_version "
			      "WHERE version_num = 'dc11669786a5'"),
		1);
	CHECK_INT(query(name, "SELECT count(*) FROM workspaces WHERE name = 'default'"), 1);
	CHECK_INT(query(name, "SELECT count(*) FROM experiments WHERE experiment_id = 0 "
			      "AND name = 'Default' AND artifact_location = '/artifacts/0'"),
		1);
	CHECK_INT(query(name, "SELECT count(*) FROM experiments"), 1);
}

/* Names in the directory that begin with name. */
static int count_files(const char *name)
{
	int count = 0;
	DIR *entries = opendir(directory);
	for (struct dirent *entry; entries && (entry = readdir(entries));)
		count += strncmp(entry->d_name, name, strlen(name)) == 0;
	closedir(entries);
	return count;
}

TEST(sqlite_open__creates_a_whole_store_and_leaves_one_file)
{
	struct store *store = open_store("new.db");
	CHECK(!sqlite_store_ops.is_read_only(store));
	CHECK(sqlite_store_of(store)->layout.metrics_clustered);
	sqlite_store_ops.close(store);
	CHECK_INT(count_files("new.db"), 1);
	CHECK_INT(query("new.db", "PRAGMA page_size"), 4096);
	check_is_new_store("new.db");
}

TEST(sqlite_open__takes_an_empty_file_for_a_new_store)
{
	struct store_path path = path_of("empty.db");
	close(open(path.text, O_CREAT | O_WRONLY, 0600));
	sqlite_store_ops.close(open_store("empty.db"));
	check_is_new_store("empty.db");
	struct stat status;
	CHECK_INT(stat(path.text, &status), 0);
	CHECK_INT(status.st_mode & 0777, 0600);
}

TEST(sqlite_open__is_once_new)
{
	struct store *store = open_store("again.db");
	char id[MLM_ID_SIZE];
	MUST(sqlite_store_ops.create_experiment(store, "kept", NULL, id, &err));
	sqlite_store_ops.close(store);
	sqlite_store_ops.close(open_store("again.db"));
	CHECK_INT(query("again.db", "SELECT count(*) FROM experiments"), 2);
}

TEST(sqlite_create_file__leaves_a_file_that_is_there)
{
	struct store_path path = path_of("mine.txt");
	FILE *file = fopen(path.text, "w");
	fputs("mine", file);
	fclose(file);
	MUST(sqlite_create_file(path.text, true, &err));
	char text[8] = "";
	file = fopen(path.text, "r");
	CHECK(fgets(text, sizeof(text), file) != NULL);
	fclose(file);
	CHECK_STRING(text, "mine");
	CHECK_INT(count_files("mine.txt"), 1);
}

TEST(sqlite_create_file__without_wal_for_network_file_systems)
{
	MUST(sqlite_create_file(path_of("rollback.db").text, false, &err));
	char header[20] = { 0 };
	int file = open(path_of("rollback.db").text, O_RDONLY);
	CHECK_INT(read(file, header, sizeof(header)), sizeof(header));
	close(file);
	CHECK_INT(header[18], 1);
	CHECK_INT(header[19], 1);
	CHECK_INT(query("rollback.db", "SELECT count(*) FROM experiments"), 0);
}

TEST(sqlite_create_file__says_which_directory_is_missing)
{
	CHECK_STATUS(sqlite_create_file("/no/such/directory/x.db", true, &err), MLM_ENOTFOUND);
	CHECK_CONTAINS(err.message, "/no/such/directory/x.db");
}

static void write_points(struct store *flusher, const char *run_id, uint64_t position)
{
	struct store_point points[POINTS_PER_BATCH];
	for (int i = 0; i < POINTS_PER_BATCH; i++)
		points[i] = (struct store_point){ 0, i, 1000 + i, i };
	const struct store_series series = { run_id, "loss" };
	const struct store_batch batch = { &series, 1, points, POINTS_PER_BATCH, run_id, position,
		NULL, 0 };
	MUST(sqlite_store_ops.apply(flusher, &batch, NULL, NULL, &err));
}

/* Each process opens the same new store, as all of them start, and logs to runs of its own. */
static int create_and_write(const char *name, int turn, int start)
{
	char byte, experiment[MLM_ID_SIZE], text[64];
	if (read(start, &byte, 1) < 0)
		return 1;
	struct store *store = open_store(name);
	struct store *flusher = open_as(name, true);
	snprintf(text, sizeof(text), "experiment %d", turn);
	MUST(sqlite_store_ops.create_experiment(store, text, NULL, experiment, &err));
	for (int i = 0; i < RUNS_PER_PROCESS; i++) {
		snprintf(text, sizeof(text), "%016x%016x", turn, i);
		const struct store_new_run run = { .run_id = text,
			.experiment_id = experiment,
			.run_name = "run",
			.user_id = "ada",
			.source_name = "" };
		char id[MLM_ID_SIZE];
		MUST(sqlite_store_ops.create_run(store, &run, id, &err));
		const mlm_text param = { "i", "1" };
		MUST(sqlite_store_ops.log_texts(store, text, &param, 1, NULL, 0, &err));
		write_points(flusher, text, 1);
		write_points(flusher, text, 1);
	}
	sqlite_store_ops.close(flusher);
	sqlite_store_ops.close(store);
	return 0;
}

static void run_processes(const char *name)
{
	int start[2];
	pid_t processes[PROCESSES];
	CHECK_INT(pipe(start), 0);
	for (int i = 0; i < PROCESSES; i++) {
		processes[i] = fork();
		if (processes[i] == 0) {
			close(start[1]);
			_exit(create_and_write(name, i, start[0]));
		}
	}
	/* End of file lets all of them go at once. */
	close(start[0]);
	close(start[1]);
	for (int i = 0; i < PROCESSES; i++) {
		int status = -1;
		CHECK(waitpid(processes[i], &status, 0) == processes[i]);
		CHECK_INT(status, 0);
	}
	CHECK_INT(query(name, "SELECT count(*) FROM experiments"), PROCESSES + 1);
	CHECK_INT(query(name, "SELECT count(*) FROM runs"), PROCESSES * RUNS_PER_PROCESS);
	CHECK_INT(query(name, "SELECT count(*) FROM metrics"),
		PROCESSES * RUNS_PER_PROCESS * POINTS_PER_BATCH);
	CHECK_INT(query(name, "SELECT count(*) FROM latest_metrics WHERE value = 99"),
		PROCESSES * RUNS_PER_PROCESS);
	CHECK_INT(query(name, "SELECT count(*) FROM params"), PROCESSES * RUNS_PER_PROCESS);
	CHECK_INT(query(name, "SELECT count(*) FROM pragma_integrity_check "
			      "WHERE integrity_check = 'ok'"),
		1);
	CHECK_INT(count_files(name), 1);
}

TEST(sqlite_open__serves_several_processes_that_create_and_write_at_once)
{
	run_processes("many.db");
}

TEST(sqlite_open__serves_several_processes_on_an_empty_file)
{
	close(open(path_of("many-empty.db").text, O_CREAT | O_WRONLY, 0600));
	run_processes("many-empty.db");
}

int main(void)
{
	directory_make();
	RUN(sqlite_open__creates_a_whole_store_and_leaves_one_file);
	RUN(sqlite_open__takes_an_empty_file_for_a_new_store);
	RUN(sqlite_open__is_once_new);
	RUN(sqlite_create_file__leaves_a_file_that_is_there);
	RUN(sqlite_create_file__without_wal_for_network_file_systems);
	RUN(sqlite_create_file__says_which_directory_is_missing);
	RUN(sqlite_open__serves_several_processes_that_create_and_write_at_once);
	RUN(sqlite_open__serves_several_processes_on_an_empty_file);
	directory_remove();
	return check_done();
}
