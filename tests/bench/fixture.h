/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_FIXTURE_H
#define BENCH_FIXTURE_H

/* What every benchmark needs: its arguments, a manager on a store of its own, an end on failure. */

#include <sqlite3.h>
#include <stdbool.h>

#include "mlmanager/mlmanager.h"

#define FIXTURE_PATH_SIZE 4096
#define FIXTURE_KEYS      20

extern const char *const fixture_keys[FIXTURE_KEYS];

/** Ends the program with a sentence when status is not MLM_OK. */
void fixture_must(mlm_status status, const mlm_error *err);
/** Ends the program when result is none of SQLITE_OK, SQLITE_ROW and SQLITE_DONE. */
void fixture_must_sqlite(sqlite3 *db, int result);
_Noreturn void fixture_die(const char *what);

/** "<directory>/<name>.db" */
void fixture_path(char path_out[FIXTURE_PATH_SIZE], const char *directory, const char *name);
/** Opens the store at path, made if there is none, with an experiment active. */
mlm_manager *fixture_open(const char *path);
/** Starts a run; nested where another is active. */
mlm_run *fixture_run(mlm_manager *manager);
void fixture_close(mlm_manager *manager);
/** Deletes the database at path and what lies beside it. */
void fixture_remove(const char *path);

/** A plain connection; the first column of the first row of a query on it. */
sqlite3 *fixture_sqlite(const char *path);
int64_t fixture_query(sqlite3 *db, const char *sql);
void fixture_execute(sqlite3 *db, const char *sql);

#endif
