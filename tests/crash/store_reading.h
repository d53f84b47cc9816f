/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_CRASH_STORE_READING_H
#define TESTS_CRASH_STORE_READING_H

/* A directory of the test's own, and what a store in it holds as plain SQLite sees it: none of the
 * library under test has a part in the answer. */

#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <limits.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "check.h"
#include "mlmanager/mlmanager.h"

#define STORE_NAME "store.db"

struct place {
	char directory[PATH_MAX / 4];
	char database[PATH_MAX / 4 + 32];
	char uri[PATH_MAX / 4 + 48];
	char journals[PATH_MAX / 4 + 64]; /* where the journals of that store lie by default */
};

static inline void place_name(struct place *place, const char *directory)
{
	snprintf(place->directory, sizeof(place->directory), "%s", directory);
	snprintf(place->database, sizeof(place->database), "%s/" STORE_NAME, place->directory);
	snprintf(place->uri, sizeof(place->uri), "sqlite:%s", place->database);
	snprintf(place->journals, sizeof(place->journals), "%s-journal.d", place->database);
}

static inline void place_make(struct place *place)
{
	const char *base = getenv("TMPDIR");
	char directory[PATH_MAX / 4];
	snprintf(directory, sizeof(directory), "%s/mlmanager-crash.XXXXXX",
		base && base[0] ? base : "/tmp");
	if (!mkdtemp(directory)) {
		printf("cannot make the directory %s: %s\n", directory, strerror(errno));
		exit(1);
	}
	place_name(place, directory);
}

static inline int place_remove_entry(
	const char *path, const struct stat *about, int kind, struct FTW *where)
{
	(void)about;
	(void)kind;
	(void)where;
	return remove(path);
}

static inline void place_remove(const struct place *place)
{
	nftw(place->directory, place_remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

/* Entries of a directory whose name ends so ("" for any); 0 when there is no such directory. The
 * last one's name is copied unless name_out is NULL. */
static inline int directory_count(const char *path, const char *ending, char name_out[NAME_MAX + 1])
{
	int count = 0;
	DIR *directory = opendir(path);
	if (!directory)
		return 0;
	for (struct dirent *entry; (entry = readdir(directory));) {
		size_t size = strlen(entry->d_name);
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
			size < strlen(ending) ||
			strcmp(entry->d_name + size - strlen(ending), ending) != 0)
			continue;
		count++;
		if (name_out)
			memcpy(name_out, entry->d_name, size + 1);
	}
	closedir(directory);
	return count;
}

static inline sqlite3 *reading_open(const char *database)
{
	sqlite3 *db = NULL;
	if (sqlite3_open_v2(database, &db, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK) {
		printf("  cannot open %s: %s\n", database, sqlite3_errmsg(db));
		check_failures_of_test++;
	}
	sqlite3_busy_timeout(db, 60000);
	return db;
}

/* The first column of the first row, as text; "" when there is no row. */
__attribute__((format(printf, 4, 5))) static inline void reading_text(
	sqlite3 *db, char *text_out, size_t size, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	char *sql = sqlite3_vmprintf(format, arguments);
	va_end(arguments);
	sqlite3_stmt *statement = NULL;
	text_out[0] = '\0';
	if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK) {
		printf("  %s: %s\n", sql, sqlite3_errmsg(db));
		check_failures_of_test++;
	} else if (sqlite3_step(statement) == SQLITE_ROW && sqlite3_column_text(statement, 0)) {
		snprintf(text_out, size, "%s", (const char *)sqlite3_column_text(statement, 0));
	}
	sqlite3_finalize(statement);
	sqlite3_free(sql);
}

/* The same as a number; INT64_MIN when there is no row or it is NULL. */
__attribute__((format(printf, 2, 3))) static inline int64_t reading_number(
	sqlite3 *db, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	char *sql = sqlite3_vmprintf(format, arguments);
	va_end(arguments);
	sqlite3_stmt *statement = NULL;
	int64_t number = INT64_MIN;
	int result = sqlite3_prepare_v2(db, sql, -1, &statement, NULL);
	if (result == SQLITE_OK)
		result = sqlite3_step(statement);
	if (result == SQLITE_ROW && sqlite3_column_type(statement, 0) != SQLITE_NULL) {
		number = sqlite3_column_int64(statement, 0);
	} else if (result != SQLITE_ROW && result != SQLITE_DONE) {
		printf("  %s: %s\n", sql, sqlite3_errmsg(db));
		check_failures_of_test++;
	}
	sqlite3_finalize(statement);
	sqlite3_free(sql);
	return number;
}

static inline void check_integrity(sqlite3 *db)
{
	char answer[512];
	reading_text(db, answer, sizeof(answer), "PRAGMA integrity_check");
	CHECK_STRING(answer, "ok");
	CHECK_INT(reading_number(db, "SELECT count(*) FROM pragma_foreign_key_check"), 0);
}

/* A metric whose points were logged without a step has 0..n-1 once each, and the greatest as its
 * latest value. Returns n. */
static inline int64_t check_steps(sqlite3 *db, const char *run_id, const char *key)
{
	int64_t count = reading_number(db,
		"SELECT count(*) FROM metrics WHERE run_uuid = '%s' AND key = '%s'", run_id, key);
	if (count <= 0)
		return 0;
	CHECK_INT(reading_number(db,
			  "SELECT count(DISTINCT step) FROM metrics WHERE run_uuid = '%s' AND "
			  "key = '%s' AND step BETWEEN 0 AND %lld",
			  run_id, key, (long long)count - 1),
		count);
	CHECK_INT(reading_number(db,
			  "SELECT step FROM latest_metrics WHERE run_uuid = '%s' AND key = '%s'",
			  run_id, key),
		count - 1);
	return count;
}

static inline int64_t now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static inline int64_t monotonic_us(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

#endif
