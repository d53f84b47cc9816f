/* SPDX-License-Identifier: Apache-2.0 */
#include "store/sqlite_store.h"

#include <string.h>

#include "base/error.h"

mlm_status sqlite_out_of_memory(mlm_error *err)
{
	return error_set(err, MLM_ENOMEM, "sqlite", "memory ran out");
}

static mlm_status status_of(sqlite3 *db, int result)
{
	/* Growing the shared-memory file on a full disk is an I/O error to SQLite. */
	if ((result & 0xff) == SQLITE_IOERR && db &&
		(sqlite3_system_errno(db) == ENOSPC || sqlite3_system_errno(db) == EDQUOT))
		return MLM_EFULL;
	switch (result & 0xff) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
	case SQLITE_PROTOCOL:
		return MLM_EAGAIN;
	case SQLITE_FULL:
		return MLM_EFULL;
	case SQLITE_NOMEM:
		return MLM_ENOMEM;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
	case SQLITE_SCHEMA:
	case SQLITE_ERROR: /* no such column: the file's tables are not what they claim */
	case SQLITE_CONSTRAINT:
		return MLM_ECORRUPT;
	case SQLITE_TOOBIG:
		return MLM_EINVAL;
	default:
		return MLM_EIO;
	}
}

mlm_status sqlite_failed_with(
	sqlite3 *db, const char *path, int result, mlm_error *err, const char *doing)
{
	mlm_status status = status_of(db, result);
	switch (status) {
	case MLM_EAGAIN:
		error_set(err, status, "sqlite",
			"%s: another process kept writing to the store '%s'; try again", doing,
			path);
		break;
	case MLM_EFULL:
		error_set(err, status, "sqlite", "%s: the disk of the store '%s' is full", doing,
			path);
		break;
	case MLM_ENOMEM:
		sqlite_out_of_memory(err);
		break;
	default:
		if ((result & 0xff) == SQLITE_READONLY)
			error_set(err, status, "sqlite", "%s: the store '%s' is read-only", doing,
				path);
		else if ((result & 0xff) == SQLITE_NOTADB)
			error_set(err, status, "sqlite", "%s: '%s' is not an SQLite database",
				doing, path);
		else if ((result & 0xff) == SQLITE_CANTOPEN && db && sqlite3_system_errno(db))
			error_set(err, status, "sqlite", "%s: cannot open the store '%s': %s",
				doing, path, strerror(sqlite3_system_errno(db)));
		else
			error_set(err, status, "sqlite", "%s in the store '%s': %s", doing, path,
				db ? sqlite3_errmsg(db) : sqlite3_errstr(result));
	}
	if (err)
		err->detail = result;
	return status;
}

mlm_status sqlite_failed(struct sqlite_store *store, mlm_error *err, const char *doing)
{
	return sqlite_failed_with(
		store->db, store->path, sqlite3_extended_errcode(store->db), err, doing);
}
