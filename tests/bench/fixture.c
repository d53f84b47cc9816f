/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

const char *const fixture_keys[FIXTURE_KEYS] = { "loss", "accuracy", "val_loss", "val_accuracy",
	"learning_rate", "gradient_norm", "throughput", "epoch_time", "frame_time", "physics_time",
	"render_time", "reward", "episode_length", "entropy", "value_loss", "policy_loss", "kl",
	"memory/used", "memory/free", "gpu.0.load" };

_Noreturn void fixture_die(const char *what)
{
	fprintf(stderr, "bench: %s\n", what);
	exit(1);
}

void fixture_must(mlm_status status, const mlm_error *err)
{
	if (status != MLM_OK)
		fixture_die(err->message);
}

void fixture_must_sqlite(sqlite3 *db, int result)
{
	if (result != SQLITE_OK && result != SQLITE_ROW && result != SQLITE_DONE)
		fixture_die(sqlite3_errmsg(db));
}

void fixture_path(char path_out[FIXTURE_PATH_SIZE], const char *directory, const char *name)
{
	snprintf(path_out, FIXTURE_PATH_SIZE, "%s/%s.db", directory, name);
}

mlm_manager *fixture_open(const char *path)
{
	mlm_error err = MLM_ERROR_INIT;
	char uri[FIXTURE_PATH_SIZE + 8];
	char id[MLM_ID_SIZE];
	snprintf(uri, sizeof(uri), "sqlite:%s", path);
	mlm_manager_options options = MLM_MANAGER_OPTIONS_INIT;
	options.store = uri;
	options.ignore_environment = true;
	mlm_manager *manager;
	fixture_must(mlm_manager_open(&options, &manager, &err), &err);
	fixture_must(mlm_experiment_create(manager, "bench", NULL, id, &err), &err);
	return manager;
}

mlm_run *fixture_run(mlm_manager *manager)
{
	mlm_error err = MLM_ERROR_INIT;
	mlm_run_options options = MLM_RUN_OPTIONS_INIT;
	options.nested = true;
	mlm_run *run;
	fixture_must(mlm_run_start(manager, &options, &run, &err), &err);
	return run;
}

void fixture_close(mlm_manager *manager)
{
	mlm_error err = MLM_ERROR_INIT;
	fixture_must(mlm_manager_flush(manager, MLM_FOREVER, &err), &err);
	fixture_must(mlm_manager_close(manager, 0, &err), &err);
	mlm_manager_free(manager);
}

static void remove_directory(const char *path)
{
	DIR *directory = opendir(path);
	if (!directory)
		return;
	for (struct dirent *entry = readdir(directory); entry; entry = readdir(directory)) {
		char name[FIXTURE_PATH_SIZE + 512];
		snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
		unlink(name);
	}
	closedir(directory);
	rmdir(path);
}

void fixture_remove(const char *path)
{
	static const char *const suffixes[] = { "", "-wal", "-shm", "-journal" };
	char name[FIXTURE_PATH_SIZE + 16];
	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		snprintf(name, sizeof(name), "%s%s", path, suffixes[i]);
		unlink(name);
	}
	snprintf(name, sizeof(name), "%s-journal.d", path);
	remove_directory(name);
}

sqlite3 *fixture_sqlite(const char *path)
{
	sqlite3 *db;
	int result = sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
	fixture_must_sqlite(db, result);
	return db;
}

int64_t fixture_query(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *statement;
	fixture_must_sqlite(db, sqlite3_prepare_v2(db, sql, -1, &statement, NULL));
	fixture_must_sqlite(db, sqlite3_step(statement));
	int64_t value = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	return value;
}

void fixture_execute(sqlite3 *db, const char *sql)
{
	fixture_must_sqlite(db, sqlite3_exec(db, sql, NULL, NULL, NULL));
}
