/* SPDX-License-Identifier: Apache-2.0 */
#include "store/staging.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/directory.h"
#include "base/error.h"
#include "base/memory.h"
#include "store/spool_queue.h"
#include "store/sqlite_fork.h"

#define LOCK_NAME      "artifacts.lock" /* in the spool's directory */
#define OWN_NAME_BYTES 100 /* of the artifact's name, in that of its file */

struct staging {
	struct spool_queue queue;
	char *directory;
	char *lock_path;
};

static mlm_status no_memory(mlm_error *err)
{
	return error_set(err, MLM_ENOMEM, "staging", "memory ran out");
}

static const mlm_allocator *allocator_of(const struct staging *staging)
{
	return staging->queue.db.base.allocator;
}

/* ---- opening ---- */

mlm_status staging_open(
	const struct store_options *options, struct staging **staging_out, mlm_error *err)
{
	*staging_out = NULL;
	struct staging *staging = memory_new(options->allocator, sizeof(*staging));
	if (!staging)
		return no_memory(err);
	mlm_status status = spool_queue_init(&staging->queue, options, err);
	staging->directory =
		memory_format(options->allocator, "%s/" STAGING_DIRECTORY_NAME, options->spool);
	staging->lock_path = memory_format(options->allocator, "%s/" LOCK_NAME, options->spool);
	if (status == MLM_OK && (!staging->directory || !staging->lock_path))
		status = no_memory(err);
	if (status == MLM_OK)
		*staging_out = staging;
	else
		staging_close(staging);
	return status;
}

void staging_close(struct staging *staging)
{
	if (!staging)
		return;
	const mlm_allocator *allocator = allocator_of(staging);
	spool_queue_close(&staging->queue);
	memory_free(allocator, staging->directory);
	memory_free(allocator, staging->lock_path);
	memory_free(allocator, staging);
}

const char *staging_directory(const struct staging *staging)
{
	return staging->directory;
}

/* False: nothing waits, or there is an error. */
static bool has_queue(struct staging *staging, mlm_status *status_out, mlm_error *err)
{
	bool is_open = false;
	*status_out = spool_queue_open(&staging->queue, false, &is_open, err);
	return *status_out == MLM_OK && is_open;
}

mlm_status staging_find_run(
	struct staging *staging, const char *run_id, struct staged_run *run_out, mlm_error *err)
{
	struct spool_run run;
	mlm_status status;
	*run_out = (struct staged_run){ 0 };
	snprintf(run_out->id, MLM_ID_SIZE, "%s", run_id);
	snprintf(run_out->server_id, MLM_ID_SIZE, "%s", run_id);
	if (!has_queue(staging, &status, err))
		return status;
	status = spool_queue_find_run(&staging->queue, run_id, &run, err);
	if (status != MLM_OK)
		return status;
	memcpy(run_out->id, run.id, sizeof(run.id));
	memcpy(run_out->server_id, run.server_id, sizeof(run.server_id));
	run_out->waits = run.waits;
	return MLM_OK;
}

/* ---- rows: none of these is guarded against a fork ---- */

/* True with a row, false without or with an error. */
static bool next_row(
	struct staging *staging, sqlite3_stmt *statement, mlm_status *status_out, mlm_error *err)
{
	int result = sqlite3_step(statement);
	*status_out = MLM_OK;
	if (result != SQLITE_ROW && result != SQLITE_DONE)
		*status_out = sqlite_failed(
			&staging->queue.db, err, "could not read which artifacts wait");
	return result == SQLITE_ROW;
}

#define COLUMNS "number, run_id, path, file, size_bytes, refusal FROM artifact "

static bool read_row(
	struct staging *staging, sqlite3_stmt *select, struct arena *arena, struct staged *staged)
{
	bool failed = false;
	*staged = (struct staged){
		.number = sqlite3_column_int64(select, 0),
		.run_id = sqlite_copy_column(arena, select, 1, &failed),
		.path = sqlite_copy_column(arena, select, 2, &failed),
		.size_bytes = sqlite3_column_int64(select, 4),
		.refusal = sqlite_copy_column(arena, select, 5, &failed),
	};
	const char *name = (const char *)sqlite3_column_text(select, 3);
	size_t size = strlen(staging->directory) + (name ? strlen(name) : 0) + 2;
	char *file = arena_alloc(arena, size);
	if (file)
		snprintf(file, size, "%s/%s", staging->directory, name ? name : "");
	staged->file = file;
	return !failed && file && name;
}

static mlm_status find_row(struct staging *staging, const char *run_id, const char *path,
	struct arena *arena, struct staged *staged_out, mlm_error *err)
{
	sqlite3_stmt *select;
	*staged_out = (struct staged){ 0 };
	mlm_status status = sqlite_statement(&staging->queue.db,
		"SELECT " COLUMNS "WHERE run_id = ?1 AND path = ?2 AND refusal IS NULL", &select,
		err);
	if (status != MLM_OK)
		return status;
	sqlite_bind(select, 1, run_id);
	sqlite_bind(select, 2, path);
	if (next_row(staging, select, &status, err) &&
		!read_row(staging, select, arena, staged_out))
		status = no_memory(err);
	sqlite3_reset(select);
	return status;
}

/* Whether one of the two would be a directory of the other. */
static mlm_status check_free(
	struct staging *staging, const char *run_id, const char *path, mlm_error *err)
{
	sqlite3_stmt *select;
	mlm_status status = sqlite_statement(&staging->queue.db,
		"SELECT path FROM artifact WHERE run_id = ?1 AND refusal IS NULL AND "
		"(substr(path, 1, length(?2) + 1) = ?2 || '/' OR "
		"substr(?2, 1, length(path) + 1) = path || '/') LIMIT 1",
		&select, err);
	if (status != MLM_OK)
		return status;
	sqlite_bind(select, 1, run_id);
	sqlite_bind(select, 2, path);
	if (next_row(staging, select, &status, err)) {
		const char *other = (const char *)sqlite3_column_text(select, 0);
		bool is_file = other && strlen(other) < strlen(path);
		status = error_set(err, MLM_EEXISTS, "artifact",
			"the artifact '%.200s' cannot be stored: %s%.200s%s", path,
			is_file ? "'" : "a directory has that name", is_file ? other : "",
			is_file ? "' is a file" : "");
	}
	sqlite3_reset(select);
	return status;
}

static mlm_status insert_row(struct staging *staging, const char *run_id, const char *path,
	const char *file_name, int64_t size_bytes, mlm_error *err)
{
	sqlite3_stmt *insert;
	mlm_status status = sqlite_statement(&staging->queue.db,
		"INSERT INTO artifact (run_id, path, file, size_bytes) VALUES (?1, ?2, ?3, ?4)",
		&insert, err);
	if (status != MLM_OK)
		return status;
	sqlite_bind(insert, 1, run_id);
	sqlite_bind(insert, 2, path);
	sqlite_bind(insert, 3, file_name);
	sqlite3_bind_int64(insert, 4, size_bytes);
	return sqlite_step_done(&staging->queue.db, insert, "could not keep an artifact", err);
}

static mlm_status delete_row(struct staging *staging, int64_t number, mlm_error *err)
{
	sqlite3_stmt *statement;
	mlm_status status = sqlite_statement(
		&staging->queue.db, "DELETE FROM artifact WHERE number = ?1", &statement, err);
	if (status != MLM_OK)
		return status;
	sqlite3_bind_int64(statement, 1, number);
	return sqlite_step_done(&staging->queue.db, statement, "could not remove an artifact", err);
}

/* ---- adding ---- */

mlm_status staging_open_directory(struct staging *staging, int *directory_out, mlm_error *err)
{
	int errnum = directory_make(staging->directory);
	int directory = errnum ? -1 : open(staging->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	*directory_out = -1;
	if (directory < 0)
		return error_set_errno(err, errnum ? errnum : errno, "staging",
			"cannot make the directory '%.400s'", staging->directory);
	int locked;
	do {
		locked = flock(directory, LOCK_SH);
	} while (locked != 0 && errno == EINTR);
	if (locked != 0) {
		errnum = errno;
		close(directory);
		return error_set_errno(
			err, errnum, "staging", "cannot lock '%.400s'", staging->directory);
	}
	*directory_out = directory;
	return MLM_OK;
}

void staging_name(const char *path, char name_out[STAGING_FILE_NAME_MAX])
{
	static _Atomic unsigned counter;
	const char *slash = strrchr(path, '/');
	const char *own = slash ? slash + 1 : path;
	size_t skipped = strlen(own) > OWN_NAME_BYTES ? strlen(own) - OWN_NAME_BYTES : 0;
	/* Not in the middle of a character. */
	while (((unsigned char)own[skipped] & 0xc0) == 0x80)
		skipped++;
	snprintf(name_out, STAGING_FILE_NAME_MAX, "%llx-%lx-%x-%s",
		(unsigned long long)clock_now_ms(), (long)getpid(), atomic_fetch_add(&counter, 1),
		own + skipped);
}

/* *replaced: what had the path until now. */
static mlm_status replace_row(struct staging *staging, const char *run_id, const char *path,
	const char *file_name, int64_t size_bytes, struct arena *arena, struct staged *replaced,
	mlm_error *err)
{
	mlm_status status = check_free(staging, run_id, path, err);
	if (status == MLM_OK)
		status = find_row(staging, run_id, path, arena, replaced, err);
	if (status == MLM_OK && replaced->number)
		status = delete_row(staging, replaced->number, err);
	if (status == MLM_OK)
		status = insert_row(staging, run_id, path, file_name, size_bytes, err);
	return status;
}

static mlm_status add(struct staging *staging, const char *run_id, const char *path,
	const char *file_name, int64_t size_bytes, struct arena *arena, struct staged *replaced,
	mlm_error *err)
{
	mlm_status status = sqlite_begin_write(&staging->queue.db, err);
	if (status != MLM_OK)
		return status;
	status = replace_row(staging, run_id, path, file_name, size_bytes, arena, replaced, err);
	return sqlite_end(&staging->queue.db, status, err);
}

static SQLITE_FORK_GUARDED(add_guarded, add,
	(struct staging * staging, const char *run_id, const char *path, const char *file_name,
		int64_t size_bytes, struct arena *arena, struct staged *replaced, mlm_error *err),
	(staging, run_id, path, file_name, size_bytes, arena, replaced, err))

	mlm_status staging_add(struct staging *staging, const char *run_id, const char *path,
		const char *file_name, int64_t size_bytes, mlm_error *err)
{
	struct staged replaced = { 0 };
	bool is_open;
	struct arena *arena = arena_new(allocator_of(staging));
	mlm_status status =
		arena ? spool_queue_open(&staging->queue, true, &is_open, err) : no_memory(err);
	if (status == MLM_OK)
		status = add_guarded(
			staging, run_id, path, file_name, size_bytes, arena, &replaced, err);
	/* Who is sending it has it open. */
	if (status == MLM_OK && replaced.number)
		unlink(replaced.file);
	arena_free(arena);
	return status;
}

/* ---- finding ---- */

static SQLITE_FORK_GUARDED(find_guarded, find_row,
	(struct staging * staging, const char *run_id, const char *path, struct arena *arena,
		struct staged *staged_out, mlm_error *err),
	(staging, run_id, path, arena, staged_out, err))

	mlm_status staging_find(struct staging *staging, const char *run_id, const char *path,
		struct arena *arena, struct staged *staged_out, mlm_error *err)
{
	mlm_status status;
	*staged_out = (struct staged){ 0 };
	if (!has_queue(staging, &status, err))
		return status;
	return find_guarded(staging, run_id, path, arena, staged_out, err);
}

static mlm_status list(struct staging *staging, const char *run_id, bool are_refused,
	struct arena *arena, const struct staged **items_out, size_t *count_out, mlm_error *err)
{
	sqlite3_stmt *select;
	struct staged *items = NULL;
	size_t count = 0, capacity = 0;
	mlm_status status = sqlite_statement(&staging->queue.db,
		"SELECT " COLUMNS "WHERE (refusal IS NOT NULL) = ?2 "
		"AND (?1 IS NULL OR run_id = ?1) "
		"ORDER BY (SELECT MIN(number) FROM artifact AS first WHERE first.run_id = "
		"artifact.run_id AND (first.refusal IS NOT NULL) = ?2), number",
		&select, err);
	if (status != MLM_OK)
		return status;
	sqlite_bind(select, 1, run_id);
	sqlite3_bind_int(select, 2, are_refused);
	while (next_row(staging, select, &status, err)) {
		if (count == capacity) {
			capacity = capacity ? capacity * 2 : 64;
			struct staged *grown = arena_array(arena, capacity, sizeof(*grown));
			if (grown && count)
				memcpy(grown, items, count * sizeof(*grown));
			items = grown;
		}
		if (!items || !read_row(staging, select, arena, &items[count])) {
			status = no_memory(err);
			break;
		}
		count++;
	}
	sqlite3_reset(select);
	*items_out = items;
	*count_out = status == MLM_OK ? count : 0;
	return status;
}

static SQLITE_FORK_GUARDED(list_guarded, list,
	(struct staging * staging, const char *run_id, bool are_refused, struct arena *arena,
		const struct staged **items_out, size_t *count_out, mlm_error *err),
	(staging, run_id, are_refused, arena, items_out, count_out, err))

	mlm_status staging_list(struct staging *staging, const char *run_id, struct arena *arena,
		const struct staged **items_out, size_t *count_out, mlm_error *err)
{
	mlm_status status;
	*items_out = NULL;
	*count_out = 0;
	if (!has_queue(staging, &status, err))
		return status;
	return list_guarded(staging, run_id, false, arena, items_out, count_out, err);
}

mlm_status staging_list_refused(struct staging *staging, struct arena *arena,
	const struct staged **items_out, size_t *count_out, mlm_error *err)
{
	mlm_status status;
	*items_out = NULL;
	*count_out = 0;
	if (!has_queue(staging, &status, err))
		return status;
	return list_guarded(staging, NULL, true, arena, items_out, count_out, err);
}

static mlm_status count(struct staging *staging, const char *run_id, size_t *count_out,
	uint64_t *bytes_out, mlm_error *err)
{
	sqlite3_stmt *select;
	mlm_status status = sqlite_statement(&staging->queue.db,
		"SELECT COUNT(*), TOTAL(size_bytes) FROM artifact "
		"WHERE refusal IS NULL AND (?1 IS NULL OR run_id = ?1)",
		&select, err);
	if (status != MLM_OK)
		return status;
	sqlite_bind(select, 1, run_id);
	if (next_row(staging, select, &status, err)) {
		*count_out = (size_t)sqlite3_column_int64(select, 0);
		*bytes_out = (uint64_t)sqlite3_column_int64(select, 1);
	}
	sqlite3_reset(select);
	return status;
}

static SQLITE_FORK_GUARDED(count_guarded, count,
	(struct staging * staging, const char *run_id, size_t *count_out, uint64_t *bytes_out,
		mlm_error *err),
	(staging, run_id, count_out, bytes_out, err))

	mlm_status staging_count(struct staging *staging, const char *run_id, size_t *count_out,
		uint64_t *bytes_out, mlm_error *err)
{
	mlm_status status;
	*count_out = 0;
	*bytes_out = 0;
	if (!has_queue(staging, &status, err))
		return status;
	return count_guarded(staging, run_id, count_out, bytes_out, err);
}

/* ---- removing ---- */

static mlm_status remove_rows(struct staging *staging, const struct staged *const *items,
	size_t item_count, mlm_error *err)
{
	mlm_status status = sqlite_begin_write(&staging->queue.db, err);
	if (status != MLM_OK)
		return status;
	for (size_t i = 0; i < item_count && status == MLM_OK; i++)
		status = delete_row(staging, items[i]->number, err);
	return sqlite_end(&staging->queue.db, status, err);
}

static SQLITE_FORK_GUARDED(remove_guarded, remove_rows,
	(struct staging * staging, const struct staged *const *items, size_t item_count,
		mlm_error *err),
	(staging, items, item_count, err))

	mlm_status staging_remove(struct staging *staging, const struct staged *const *items,
		size_t item_count, mlm_error *err)
{
	mlm_status status;
	if (!has_queue(staging, &status, err))
		return status;
	status = remove_guarded(staging, items, item_count, err);
	for (size_t i = 0; i < item_count && status == MLM_OK; i++)
		unlink(items[i]->file);
	return status;
}

static mlm_status refuse(
	struct staging *staging, const struct staged *staged, const char *why, mlm_error *err)
{
	sqlite3_stmt *update;
	mlm_status status = sqlite_statement(&staging->queue.db,
		"UPDATE artifact SET refusal = ?2 WHERE number = ?1", &update, err);
	if (status != MLM_OK)
		return status;
	sqlite3_bind_int64(update, 1, staged->number);
	sqlite_bind(update, 2, why);
	return sqlite_step_done(
		&staging->queue.db, update, "could not note a refused artifact", err);
}

SQLITE_FORK_GUARDED(staging_refuse, refuse,
	(struct staging * staging, const struct staged *staged, const char *why, mlm_error *err),
	(staging, staged, why, err))

mlm_status staging_lock(struct staging *staging, int *lock_out, bool *is_taken_out, mlm_error *err)
{
	int fd = open(staging->lock_path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
	*is_taken_out = false;
	*lock_out = -1;
	if (fd < 0)
		return error_set_errno(
			err, errno, "staging", "cannot open the lock '%s'", staging->lock_path);
	if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
		*lock_out = fd;
		return MLM_OK;
	}
	int errnum = errno;
	close(fd);
	if (errnum != EWOULDBLOCK)
		return error_set_errno(
			err, errnum, "staging", "cannot lock '%s'", staging->lock_path);
	*is_taken_out = true;
	return error_set(err, MLM_EAGAIN, "staging",
		"another process is sending the artifacts that wait for the server %s",
		staging->queue.uri);
}

void staging_unlock(int lock)
{
	/* A forked child may have the file open as well. */
	flock(lock, LOCK_UN);
	close(lock);
}

/* ---- cleaning ---- */

static bool is_known(
	struct staging *staging, const char *file_name, mlm_status *status, mlm_error *err)
{
	sqlite3_stmt *select;
	*status = sqlite_statement(
		&staging->queue.db, "SELECT 1 FROM artifact WHERE file = ?1", &select, err);
	if (*status != MLM_OK)
		return false;
	sqlite_bind(select, 1, file_name);
	bool found = next_row(staging, select, status, err);
	sqlite3_reset(select);
	return found;
}

static mlm_status remove_orphans(struct staging *staging, DIR *entries, mlm_error *err)
{
	mlm_status status = MLM_OK;
	for (struct dirent *entry; status == MLM_OK && (entry = readdir(entries));) {
		bool is_dots = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
		if (!is_dots && !is_known(staging, entry->d_name, &status, err) && status == MLM_OK)
			unlinkat(dirfd(entries), entry->d_name, 0);
	}
	return status;
}

static mlm_status forget_refused(struct staging *staging, int directory, mlm_error *err)
{
	sqlite3_stmt *select;
	struct stat about;
	int64_t after = 0;
	mlm_status status;
	do {
		int64_t number = 0;
		bool is_gone = false;
		status = sqlite_statement(&staging->queue.db,
			"SELECT number, file FROM artifact WHERE refusal IS NOT NULL AND "
			"number > ?1 ORDER BY number LIMIT 1",
			&select, err);
		if (status != MLM_OK)
			return status;
		sqlite3_bind_int64(select, 1, after);
		if (next_row(staging, select, &status, err)) {
			const char *name = (const char *)sqlite3_column_text(select, 1);
			number = sqlite3_column_int64(select, 0);
			is_gone =
				name && fstatat(directory, name, &about, 0) != 0 && errno == ENOENT;
		}
		sqlite3_reset(select);
		if (is_gone)
			status = delete_row(staging, number, err);
		after = number;
	} while (status == MLM_OK && after);
	return status;
}

static mlm_status clean(struct staging *staging, DIR *entries, mlm_error *err)
{
	rewinddir(entries);
	mlm_status status = remove_orphans(staging, entries, err);
	return status == MLM_OK ? forget_refused(staging, dirfd(entries), err) : status;
}

static SQLITE_FORK_GUARDED(clean_guarded, clean,
	(struct staging * staging, DIR *entries, mlm_error *err), (staging, entries, err))

	mlm_status staging_clean(struct staging *staging, mlm_error *err)
{
	mlm_status status;
	/* Where the queue is lost, nothing tells what its files were. */
	if (!has_queue(staging, &status, err))
		return status;
	DIR *entries = opendir(staging->directory);
	if (!entries)
		return MLM_OK;
	/* Whoever stages has it shared, until the file that is whole has its row. */
	if (flock(dirfd(entries), LOCK_EX | LOCK_NB) == 0) {
		status = clean_guarded(staging, entries, err);
		flock(dirfd(entries), LOCK_UN);
	}
	closedir(entries);
	return status;
}
