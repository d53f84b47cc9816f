/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_POSTGRES_POOL_H
#define STORE_POSTGRES_POOL_H

/*
 * The connections of this process to one database. A store has one while it is in a transaction
 * and gives it back, so a process with many managers holds few. They are closed with the last
 * store, and one that nobody has wanted for a while by whoever comes next.
 *
 * Threads: any. A forked child has no connections: they stay the parent's.
 */

#include <stdbool.h>
#include <stdint.h>

#include "store/postgres_library.h"

#define POSTGRES_CONNECTIONS_MAX 8 /* more threads than these take turns */
#define POSTGRES_IDLE_MS_MAX     10000

struct postgres_pool;

/** The pool of a database. NULL: memory ran out. */
struct postgres_pool *postgres_pool_join(const char *conninfo);
/** NULL is nothing. */
void postgres_pool_leave(struct postgres_pool *pool);

/** A connection, or NULL and the right to make one, which postgres_pool_give() takes back. False
 * when all were taken until then. */
bool postgres_pool_take(struct postgres_pool *pool, int64_t deadline_ns, PGconn **connection_out);
/** Takes a good connection back, or with NULL what never became one. */
void postgres_pool_give(struct postgres_pool *pool, PGconn *connection);
/** Closes a connection that was lost and those that nobody uses: they were most likely lost with
 * it. */
void postgres_pool_lose(struct postgres_pool *pool, PGconn *connection);

#endif
