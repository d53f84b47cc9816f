/* SPDX-License-Identifier: Apache-2.0 */
#include "store/sqlite_store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/filesystem.h"
#include "store/sqlite_fork.h"
#include "store/artifact_uri.h"

#define BUSY_SLEEP_US_MIN 200
#define BUSY_SLEEP_US_MAX 1000

/* Waiting writers sleep short random times: SQLite's own handler backs off to 100 ms, and then a
 * writer among eight starves while the lock is free most of the time. */
static int wait_for_writer(void *payload, int count)
{
	struct sqlite_store *store = payload;
	int64_t now_ns = clock_monotonic_ns();
	if (count == 0)
		store->busy_since_ns = now_ns;
	if (sqlite_fork_is_due() ||
		now_ns - store->busy_since_ns >= (int64_t)store->base.busy_timeout_ms * 1000000)
		return 0;
	store->jitter = store->jitter * 6364136223846793005u + 1442695040888963407u;
	uint32_t random = (uint32_t)(store->jitter >> 33);
	long sleep_us =
		BUSY_SLEEP_US_MIN + (long)(random % (BUSY_SLEEP_US_MAX - BUSY_SLEEP_US_MIN));
	struct timespec pause = { .tv_nsec = sleep_us * 1000 };
	nanosleep(&pause, NULL);
	return 1;
}

static mlm_status open_connection(
	struct sqlite_store *store, const char *name, int flags, mlm_error *err)
{
	sqlite3_close(store->db);
	store->db = NULL;
	int result = sqlite3_open_v2(name, &store->db, flags | SQLITE_OPEN_NOMUTEX, NULL);
	if (!store->db)
		return sqlite_out_of_memory(err);
	sqlite3_extended_result_codes(store->db, 1);
	if (result != SQLITE_OK)
		return sqlite_failed_with(store->db, store->path,
			sqlite3_extended_errcode(store->db), err, "could not open");
	sqlite3_busy_handler(store->db, wait_for_writer, store);
	return MLM_OK;
}

static bool has_log(const char *path)
{
	char *wal = sqlite3_mprintf("%s-wal", path);
	struct stat status;
	bool found = wal && stat(wal, &status) == 0 && status.st_size > 0;
	sqlite3_free(wal);
	return found;
}

/* An SQLite URI has its own meaning for three characters of a path. */
static char *immutable_uri(const char *path)
{
	sqlite3_str *uri = sqlite3_str_new(NULL);
	sqlite3_str_appendall(uri, "file:");
	for (const char *c = path; *c; c++) {
		if (*c == '?' || *c == '#' || *c == '%')
			sqlite3_str_appendf(uri, "%%%02X", (unsigned)*c);
		else
			sqlite3_str_appendchar(uri, 1, *c);
	}
	sqlite3_str_appendall(uri, "?immutable=1");
	return sqlite3_str_finish(uri);
}

/* In a directory that cannot be written SQLite cannot make the files that WAL needs. Without a
 * log there is nothing but the file itself to read, so it is opened as one that does not change. */
static mlm_status open_immutable(struct sqlite_store *store, mlm_error *err)
{
	if (has_log(store->path))
		return error_set(err, MLM_EIO, "sqlite",
			"the store '%s' is read-only and has a write-ahead log that cannot be "
			"shared; let a process that may write to its directory open it once",
			store->path);
	char *uri = immutable_uri(store->path);
	if (!uri)
		return sqlite_out_of_memory(err);
	mlm_status status =
		open_connection(store, uri, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, err);
	sqlite3_free(uri);
	store->read_only = true;
	return status;
}

static mlm_status probe(struct sqlite_store *store, bool *empty_out, mlm_error *err)
{
	mlm_status status = sqlite_layout_read(store, empty_out, err);
	if (status == MLM_OK)
		store->read_only = sqlite3_db_readonly(store->db, "main") == 1;
	return status;
}

static mlm_status open_file(struct sqlite_store *store, bool *empty_out, mlm_error *err)
{
	mlm_error why = MLM_ERROR_INIT;
	mlm_status status = open_connection(store, store->path, SQLITE_OPEN_READWRITE, &why);
	if (status == MLM_OK)
		status = probe(store, empty_out, &why);
	int code = why.detail & 0xff;
	/* That SQLite cannot open its files for want of descriptors does not make them
	 * read-only. */
	int system = store->db ? sqlite3_system_errno(store->db) : 0;
	bool is_want = system == EMFILE || system == ENFILE;
	if (status == MLM_EIO && !is_want && (code == SQLITE_CANTOPEN || code == SQLITE_READONLY) &&
		access(store->path, R_OK) == 0) {
		status = open_immutable(store, err);
		return status == MLM_OK ? sqlite_layout_read(store, empty_out, err) : status;
	}
	if (status != MLM_OK && err)
		*err = why;
	return status;
}

/* WAL where processes can share memory. A file that another process has open in its old mode
 * stays in it: every mode works, WAL only lets readers and a writer go on side by side. */
static mlm_status set_journal_mode(struct sqlite_store *store, mlm_error *err)
{
	bool network = filesystem_is_network(store->path);
	sqlite3_stmt *statement;
	mlm_status status = sqlite_prepare(store,
		network ? "PRAGMA journal_mode = DELETE" : "PRAGMA journal_mode = WAL", &statement,
		err);
	if (status != MLM_OK)
		return status;
	int result = sqlite3_step(statement);
	if (result != SQLITE_ROW && (result & 0xff) != SQLITE_BUSY)
		status = sqlite_failed(store, err, "could not set the journal mode");
	sqlite3_finalize(statement);
	return status;
}

static mlm_status configure(struct sqlite_store *store, mlm_error *err)
{
	/* MLflow's sessions set foreign_keys and case_sensitive_like as well. The flusher checks
	 * once a batch that a run exists, where SQLite would look it up for every point.
	 * Checkpoints, which sync, are the flusher's: the other connection only makes one when the
	 * log has grown to four times what the flusher lets it grow to. Where SQLite was built to
	 * write zeros over what is deleted, freeing an artifact would need its size on the disk. */
	mlm_status status = sqlite_run(store,
		store->for_flusher ? "PRAGMA cache_size = -8192; PRAGMA temp_store = MEMORY;"
				     "PRAGMA foreign_keys = OFF; PRAGMA wal_autocheckpoint = 4000;"
				     "PRAGMA journal_size_limit = 67108864;"
				     "PRAGMA secure_delete = FAST"
				   : "PRAGMA cache_size = -2048; PRAGMA temp_store = MEMORY;"
				     "PRAGMA foreign_keys = ON; PRAGMA wal_autocheckpoint = 16000;"
				     "PRAGMA case_sensitive_like = ON",
		"could not configure the connection", err);
	if (status != MLM_OK || store->read_only)
		return status;
	if (!store->inspect)
		status = set_journal_mode(store, err);
	if (status != MLM_OK)
		return status;
	/* The header of a new log is synced at the first commit, twice 4 ms where this was
	 * measured. That guards against frames of an older log behind it, and a new file has none:
	 * the sync before the first checkpoint is soon enough. sqlite_end() goes back to NORMAL. */
	store->first_write_unsynced =
		store->durability == MLM_DURABILITY_PROCESS && !has_log(store->path);
	return sqlite_run(store,
		store->durability == MLM_DURABILITY_SYSTEM ? "PRAGMA synchronous = FULL"
		: store->first_write_unsynced              ? "PRAGMA synchronous = OFF"
							   : "PRAGMA synchronous = NORMAL",
		"could not configure the connection", err);
}

static mlm_status add_journals(struct sqlite_store *store, mlm_error *err)
{
	mlm_status status = sqlite_begin_write(store, err);
	if (status != MLM_OK)
		return status;
	status = sqlite_run(store,
		"CREATE TABLE IF NOT EXISTS mlm_journals "
		"(journal_id TEXT PRIMARY KEY, position INTEGER NOT NULL)",
		"could not add the table mlm_journals", err);
	status = sqlite_end(store, status, err);
	store->layout.journals = status == MLM_OK;
	return status;
}

mlm_status sqlite_insert_default_experiment(struct sqlite_store *store, mlm_error *err)
{
	char *location = artifact_uri_append(store->base.allocator, store->artifacts, "0");
	if (!location)
		return sqlite_out_of_memory(err);
	sqlite3_stmt *insert;
	mlm_status status = sqlite_prepare(store,
		store->layout.experiment_times
			? "INSERT INTO experiments (experiment_id, name, artifact_location, "
			  "lifecycle_stage, creation_time, last_update_time) "
			  "SELECT 0, 'Default', ?1, 'active', ?2, ?2 "
			  "WHERE NOT EXISTS (SELECT 1 FROM experiments)"
			: "INSERT INTO experiments (experiment_id, name, artifact_location, "
			  "lifecycle_stage) SELECT 0, 'Default', ?1, 'active' "
			  "WHERE NOT EXISTS (SELECT 1 FROM experiments)",
		&insert, err);
	if (status == MLM_OK) {
		sqlite_bind(insert, 1, location);
		if (store->layout.experiment_times)
			sqlite3_bind_int64(insert, 2, clock_now_ms());
		status = sqlite_step_done(
			store, insert, "could not insert the experiment 'Default'", err);
		sqlite3_finalize(insert);
	}
	memory_free(store->base.allocator, location);
	return status;
}

/* What a file needs of us before it is used: the tables, if it is empty, our own one, and MLflow's
 * first experiment. */
static mlm_status complete(struct sqlite_store *store, bool empty, mlm_error *err)
{
	mlm_status status = MLM_OK;
	if (empty) {
		status = sqlite_fill_empty(store, err);
		if (status == MLM_OK)
			status = sqlite_layout_read(store, &empty, err);
	}
	if (status == MLM_OK && !store->layout.journals)
		status = add_journals(store, err);
	if (status != MLM_OK)
		return status;
	sqlite3_stmt *any;
	status = sqlite_prepare(store, "SELECT 1 FROM experiments LIMIT 1", &any, err);
	if (status != MLM_OK)
		return status;
	int result = sqlite3_step(any);
	if (result != SQLITE_ROW && result != SQLITE_DONE)
		status = sqlite_failed(store, err, "could not read the experiments");
	sqlite3_finalize(any);
	if (result != SQLITE_DONE)
		return status;
	status = sqlite_begin_write(store, err);
	if (status != MLM_OK)
		return status;
	return sqlite_end(store, sqlite_insert_default_experiment(store, err), err);
}

static mlm_status prepare_store(struct sqlite_store *store, mlm_error *err)
{
	if (!store->for_flusher && !store->inspect && access(store->path, F_OK) != 0) {
		mlm_status status =
			sqlite_create_file(store->path, !filesystem_is_network(store->path), err);
		if (status != MLM_OK)
			return status;
	}
	bool empty;
	mlm_status status = open_file(store, &empty, err);
	if (status == MLM_OK)
		status = configure(store, err);
	if (status != MLM_OK)
		return status;
	if (empty && store->read_only)
		return error_set(err, MLM_EIO, "sqlite", "the store '%s' is empty and read-only",
			store->path);
	if (empty && store->inspect)
		return error_set(
			err, MLM_ECORRUPT, "sqlite", "the store '%s' is empty", store->path);
	return store->read_only || store->for_flusher || store->inspect
		       ? MLM_OK
		       : complete(store, empty, err);
}

mlm_status sqlite_store_open(
	const struct store_options *options, struct store **store_out, mlm_error *err)
{
	*store_out = NULL;
	struct sqlite_store *store = memory_new(options->allocator, sizeof(*store));
	if (!store)
		return sqlite_out_of_memory(err);
	store->base.ops = &sqlite_store_ops;
	store->base.allocator = options->allocator;
	store->path = memory_string(options->allocator, options->uri + strlen("sqlite:"));
	store->artifacts = memory_string(
		options->allocator, options->artifacts ? options->artifacts : "mlartifacts");
	store->for_flusher = options->for_flusher;
	store->inspect = options->inspect;
	store->durability = options->durability;
	store->base.busy_timeout_ms = options->busy_timeout_ms;
	store->jitter = (uint64_t)clock_monotonic_ns() ^ (uint64_t)getpid() << 32;
	mlm_status status = store->path && store->artifacts ? prepare_store(store, err)
							    : sqlite_out_of_memory(err);
	if (status != MLM_OK) {
		sqlite_store_close(&store->base);
		return status;
	}
	*store_out = &store->base;
	return MLM_OK;
}

void sqlite_store_close(struct store *base)
{
	if (!base)
		return;
	struct sqlite_store *store = sqlite_store_of(base);
	sqlite_statements_close(store);
	/* The last connection to close moves the log into the file, with two syncs: a millisecond
	 * or two, without which power that fails soon after could damage the file. */
	sqlite3_close(store->db);
	memory_free(base->allocator, store->path);
	memory_free(base->allocator, store->artifacts);
	memory_free(base->allocator, store);
}

/* Inside a write, so that what is read stays true. */
static mlm_status make_plain(
	struct sqlite_store *store, const char *schema, int version, mlm_error *err)
{
	char set_version[48];
	sqlite3_stmt *select;
	int found = 0;
	mlm_status status = sqlite_prepare(store, "PRAGMA user_version", &select, err);
	if (status != MLM_OK)
		return status;
	if (sqlite3_step(select) == SQLITE_ROW)
		found = sqlite3_column_int(select, 0);
	else
		status = sqlite_failed(store, err, "could not read the version");
	sqlite3_finalize(select);
	if (status == MLM_OK && found > version)
		status = error_set(err, MLM_EUNSUPPORTED, "sqlite",
			"'%s' was written by a newer mlmanager (its version is %d, this one knows "
			"%d); use that one",
			store->path, found, version);
	if (status != MLM_OK || found == version)
		return status;
	snprintf(set_version, sizeof(set_version), "PRAGMA user_version = %d", version);
	status = sqlite_run(store, schema, "could not make the tables", err);
	return status == MLM_OK ? sqlite_run(store, set_version, "could not note the version", err)
				: status;
}

mlm_status sqlite_open_plain(
	struct sqlite_store *store, const char *schema, int version, mlm_error *err)
{
	store->jitter = (uint64_t)clock_monotonic_ns() ^ (uint64_t)getpid() << 32;
	mlm_status status = open_connection(
		store, store->path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, err);
	if (status == MLM_OK)
		status = set_journal_mode(store, err);
	if (status == MLM_OK)
		status = sqlite_run(store,
			store->durability == MLM_DURABILITY_SYSTEM
				? "PRAGMA synchronous = FULL; PRAGMA temp_store = MEMORY"
				: "PRAGMA synchronous = NORMAL; PRAGMA temp_store = MEMORY;"
				  "PRAGMA journal_size_limit = 16777216",
			"could not configure the connection", err);
	if (status == MLM_OK)
		status = sqlite_begin_write(store, err);
	if (status == MLM_OK)
		status = sqlite_end(store, make_plain(store, schema, version, err), err);
	if (status == MLM_OK)
		sqlite_fork_add(store);
	else
		sqlite_close_plain(store);
	return status;
}

void sqlite_close_plain(struct sqlite_store *store)
{
	sqlite_fork_remove(store);
	sqlite_statements_close(store);
	sqlite3_close(store->db);
	store->db = NULL;
}
