/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_SQLITE_FORK_H
#define STORE_SQLITE_FORK_H

/*
 * SQLite keeps for each database file what this process has locked. A forked child inherits the
 * book but not the locks: a connection of its own would wait for ever for a thread that does not
 * exist there, or read without the lock it believes it has. So a fork waits until none of our
 * threads is inside SQLite, and the child closes what it inherited before it does anything else.
 */

#include <stdbool.h>

#include "mlmanager/error.h"

struct sqlite_store;

/** Every call into SQLite stands between the two. leave() returns true when a fork cut the call
 * short (it failed with EAGAIN and did nothing): the same call is to be made again. */
void sqlite_fork_enter(void);
bool sqlite_fork_leave(mlm_status status);

/** Defines a function of a header, which does what operation, of the same parameters with err among
 * them, does here, as one that a fork waits for. */
#define SQLITE_FORK_GUARDED(name, operation, parameters, arguments) \
	mlm_status name parameters                                  \
	{                                                           \
		mlm_status before = err ? err->status : MLM_OK;     \
		mlm_status status;                                  \
		do {                                                \
			if (err)                                    \
				err->status = before;               \
			sqlite_fork_enter();                        \
			status = operation arguments;               \
		} while (sqlite_fork_leave(status));                \
		return status;                                      \
	}

/** Whether a fork waits for us: a call that waits for another writer gives up. */
bool sqlite_fork_is_due(void);

/** The connections that a child has to close. Call inside. */
void sqlite_fork_add(struct sqlite_store *store);
void sqlite_fork_remove(struct sqlite_store *store);

#endif
