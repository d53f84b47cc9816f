/* SPDX-License-Identifier: Apache-2.0 */
#include "store/sqlite_store.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "store/image/schema_image.h"

#define TEMPORARY_NAME_TRIES 100
#define FILE_MODE            0644 /* as SQLite's own; less the umask */

/* The whole file, in SQLite's memory because sqlite3_deserialize() may be given it. */
static unsigned char *expand_image(bool wal)
{
	unsigned char *bytes = sqlite3_malloc64(schema_image.size);
	if (!bytes)
		return NULL;
	memset(bytes, 0, schema_image.size);
	const unsigned char *from = schema_image.kept;
	for (size_t i = 0; i < schema_image.range_count; i++) {
		memcpy(bytes + schema_image.ranges[i].offset, from, schema_image.ranges[i].size);
		from += schema_image.ranges[i].size;
	}
	if (!wal) {
		bytes[18] = 1;
		bytes[19] = 1;
	}
	return bytes;
}

static int write_all(int file, const unsigned char *bytes, size_t size)
{
	while (size > 0) {
		ssize_t written = write(file, bytes, size);
		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return errno;
		bytes += written;
		size -= (size_t)written;
	}
	return 0;
}

static int open_temporary(char *name, size_t name_size, const char *path)
{
	for (int i = 0; i < TEMPORARY_NAME_TRIES; i++) {
		snprintf(name, name_size, "%s.new-%ld-%llx", path, (long)getpid(),
			(unsigned long long)clock_monotonic_ns());
		int file = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, FILE_MODE);
		if (file >= 0 || errno != EEXIST)
			return file;
	}
	return -1;
}

/* Gives the whole file its name, unless the name is taken. File systems without hard links can
 * rename without replacing. */
static int put_in_place(const char *temporary, const char *path)
{
	if (link(temporary, path) == 0 || errno == EEXIST)
		return 0;
	if (errno != EPERM && errno != EOPNOTSUPP && errno != ENOSYS && errno != EMLINK)
		return errno;
	if (renameat2(AT_FDCWD, temporary, AT_FDCWD, path, RENAME_NOREPLACE) == 0 ||
		errno == EEXIST)
		return 0;
	return errno;
}

/* Writes the image into a file without a name and then gives it one, so that a process that dies
 * meanwhile leaves nothing behind. False where the file system or the lack of /proc forbids. */
static bool create_unnamed(const char *path, const unsigned char *image, int *failed_out)
{
	const char *slash = strrchr(path, '/');
	char directory[PATH_MAX] = ".";
	if (slash)
		snprintf(directory, sizeof(directory), "%.*s", (int)(slash - path) + 1, path);
	int file = open(directory, O_WRONLY | O_TMPFILE | O_CLOEXEC, FILE_MODE);
	if (file < 0)
		return false;
	char name[32];
	snprintf(name, sizeof(name), "/proc/self/fd/%d", file);
	*failed_out = write_all(file, image, schema_image.size);
	bool done = *failed_out != 0;
	if (!done)
		done = linkat(AT_FDCWD, name, AT_FDCWD, path, AT_SYMLINK_FOLLOW) == 0 ||
		       errno == EEXIST;
	close(file);
	return done;
}

static mlm_status create_failed(const char *path, int errnum, mlm_error *err)
{
	return error_set_errno(err, errnum, "sqlite", "could not create the store '%s'", path);
}

mlm_status sqlite_create_file(const char *path, bool wal, mlm_error *err)
{
	char name[PATH_MAX];
	unsigned char *image = expand_image(wal);
	mlm_status status = MLM_OK;
	if (!image) {
		status = sqlite_out_of_memory(err);
		goto out;
	}
	int failed = 0;
	if (create_unnamed(path, image, &failed)) {
		if (failed)
			status = create_failed(path, failed, err);
		goto out;
	}
	int file = open_temporary(name, sizeof(name), path);
	if (file < 0) {
		status = create_failed(path, errno, err);
		goto out;
	}
	failed = write_all(file, image, schema_image.size);
	if (close(file) != 0 && !failed)
		failed = errno;
	if (!failed)
		failed = put_in_place(name, path);
	unlink(name);
	if (failed)
		status = create_failed(path, failed, err);
out:
	sqlite3_free(image);
	return status;
}

/* Runs each statement that made the image's schema, then copies its rows. */
static mlm_status copy_schema(struct sqlite_store *store, sqlite3 *image, mlm_error *err)
{
	static const char sql[] =
		"SELECT sql FROM (SELECT sql, rowid FROM sqlite_master WHERE sql IS NOT NULL "
		"ORDER BY type <> 'table', rowid) UNION ALL "
		"SELECT 'INSERT INTO alembic_version VALUES (' || quote(version_num) || ')' "
		"FROM alembic_version UNION ALL SELECT 'INSERT INTO workspaces (name, "
		"description) VALUES (' || quote(name) || ', ' || quote(description) || ')' "
		"FROM workspaces";
	sqlite3_stmt *statement;
	int result = sqlite3_prepare_v2(image, sql, -1, &statement, NULL);
	mlm_status status = MLM_OK;
	while (result == SQLITE_OK || result == SQLITE_ROW) {
		result = sqlite3_step(statement);
		if (result != SQLITE_ROW)
			break;
		status = sqlite_run(store, (const char *)sqlite3_column_text(statement, 0),
			"could not make the schema", err);
		if (status != MLM_OK)
			break;
	}
	if (status == MLM_OK && result != SQLITE_DONE)
		status = sqlite_failed_with(
			image, store->path, result, err, "could not make the schema");
	sqlite3_finalize(statement);
	return status;
}

mlm_status sqlite_open_image(sqlite3 **image_out, mlm_error *err)
{
	sqlite3 *image = NULL;
	sqlite3_int64 size = (sqlite3_int64)schema_image.size;
	unsigned char *bytes = expand_image(false);
	*image_out = NULL;
	if (!bytes || sqlite3_open(":memory:", &image) != SQLITE_OK) {
		sqlite3_free(bytes);
		sqlite3_close(image);
		return sqlite_out_of_memory(err);
	}
	if (sqlite3_deserialize(image, "main", bytes, size, size, SQLITE_DESERIALIZE_FREEONCLOSE) !=
		SQLITE_OK) {
		sqlite3_close(image);
		return sqlite_out_of_memory(err);
	}
	*image_out = image;
	return MLM_OK;
}

mlm_status sqlite_fill_empty(struct sqlite_store *store, mlm_error *err)
{
	sqlite3 *image;
	mlm_status status = sqlite_open_image(&image, err);
	if (status != MLM_OK)
		return status;
	status = sqlite_begin_write(store, err);
	if (status == MLM_OK) {
		bool empty;
		status = sqlite_layout_read(store, &empty, err);
		if (status == MLM_OK && empty)
			status = copy_schema(store, image, err);
		status = sqlite_end(store, status, err);
	}
	sqlite3_close(image);
	return status;
}
