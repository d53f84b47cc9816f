/* SPDX-License-Identifier: Apache-2.0 */
#include "store/postgres_pool.h"

#include <pthread.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"

struct idle {
	PGconn *connection;
	int64_t since_ns;
};

/* Managers with allocators of their own share it, so it is of none of them. */
struct postgres_pool {
	struct postgres_pool *next;
	char *conninfo;
	int stores;
	int taken;
	int idle_count;
	struct idle idle[POSTGRES_CONNECTIONS_MAX]; /* the one used last is the last */
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER; /* what follows */
static pthread_cond_t given;
static struct postgres_pool *pools;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void init_given(void)
{
	pthread_condattr_t clock;
	pthread_condattr_init(&clock);
	pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
	pthread_cond_init(&given, &clock);
	pthread_condattr_destroy(&clock);
}

static void before_fork(void)
{
	pthread_mutex_lock(&mutex);
}

static void after_fork_in_parent(void)
{
	pthread_mutex_unlock(&mutex);
}

/* To say good-bye on a connection would end the parent's, and libpq's part of it cannot be freed
 * without that. */
static void after_fork_in_child(void)
{
	for (struct postgres_pool *pool = pools; pool; pool = pool->next) {
		for (int i = 0; i < pool->idle_count; i++)
			close(pq.PQsocket(pool->idle[i].connection));
		pool->idle_count = 0;
		pool->taken = 0;
	}
	init_given();
	pthread_mutex_unlock(&mutex);
}

static void prepare(void)
{
	init_given();
	pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
}

/* Takes the idle connections that nobody has used since then out of all pools, as many as fit. */
static int take_unused(int64_t since_ns, PGconn *unused[POSTGRES_CONNECTIONS_MAX])
{
	int count = 0;
	for (struct postgres_pool *pool = pools; pool; pool = pool->next) {
		int old = 0;
		while (old < pool->idle_count && pool->idle[old].since_ns <= since_ns &&
			count < POSTGRES_CONNECTIONS_MAX)
			unused[count++] = pool->idle[old++].connection;
		pool->idle_count -= old;
		memmove(pool->idle, pool->idle + old,
			(size_t)pool->idle_count * sizeof(*pool->idle));
	}
	return count;
}

static int take_all(struct postgres_pool *pool, PGconn *taken[POSTGRES_CONNECTIONS_MAX])
{
	int count = pool->idle_count;
	for (int i = 0; i < count; i++)
		taken[i] = pool->idle[i].connection;
	pool->idle_count = 0;
	return count;
}

static void finish(PGconn *const *connections, int count)
{
	for (int i = 0; i < count; i++)
		pq.PQfinish(connections[i]);
}

struct postgres_pool *postgres_pool_join(const char *conninfo)
{
	pthread_once(&once, prepare);
	pthread_mutex_lock(&mutex);
	struct postgres_pool *pool = pools;
	while (pool && strcmp(pool->conninfo, conninfo) != 0)
		pool = pool->next;
	if (!pool && (pool = memory_new(NULL, sizeof(*pool)))) {
		pool->conninfo = memory_string(NULL, conninfo);
		if (pool->conninfo) {
			pool->next = pools;
			pools = pool;
		} else {
			memory_free(NULL, pool);
			pool = NULL;
		}
	}
	if (pool)
		pool->stores++;
	pthread_mutex_unlock(&mutex);
	return pool;
}

void postgres_pool_leave(struct postgres_pool *pool)
{
	PGconn *connections[POSTGRES_CONNECTIONS_MAX];
	int count = 0;
	if (!pool)
		return;
	pthread_mutex_lock(&mutex);
	bool is_last = --pool->stores == 0;
	if (is_last) {
		struct postgres_pool **link = &pools;
		while (*link != pool)
			link = &(*link)->next;
		*link = pool->next;
		count = take_all(pool, connections);
	}
	pthread_mutex_unlock(&mutex);
	finish(connections, count);
	if (is_last) {
		memory_free(NULL, pool->conninfo);
		memory_free(NULL, pool);
	}
}

bool postgres_pool_take(struct postgres_pool *pool, int64_t deadline_ns, PGconn **connection_out)
{
	PGconn *unused[POSTGRES_CONNECTIONS_MAX];
	const struct timespec until = { .tv_sec = deadline_ns / 1000000000,
		.tv_nsec = deadline_ns % 1000000000 };
	*connection_out = NULL;
	pthread_mutex_lock(&mutex);
	while (pool->taken == POSTGRES_CONNECTIONS_MAX) {
		if (pthread_cond_timedwait(&given, &mutex, &until) != 0 &&
			pool->taken == POSTGRES_CONNECTIONS_MAX) {
			pthread_mutex_unlock(&mutex);
			return false;
		}
	}
	pool->taken++;
	if (pool->idle_count > 0)
		*connection_out = pool->idle[--pool->idle_count].connection;
	int count =
		take_unused(clock_monotonic_ns() - (int64_t)POSTGRES_IDLE_MS_MAX * 1000000, unused);
	pthread_mutex_unlock(&mutex);
	finish(unused, count);
	return true;
}

void postgres_pool_give(struct postgres_pool *pool, PGconn *connection)
{
	pthread_mutex_lock(&mutex);
	pool->taken--;
	if (connection)
		pool->idle[pool->idle_count++] = (struct idle){ connection, clock_monotonic_ns() };
	/* All of them: they wait for several pools. */
	pthread_cond_broadcast(&given);
	pthread_mutex_unlock(&mutex);
}

void postgres_pool_lose(struct postgres_pool *pool, PGconn *connection)
{
	PGconn *lost[POSTGRES_CONNECTIONS_MAX];
	pq.PQfinish(connection);
	pthread_mutex_lock(&mutex);
	pool->taken--;
	int count = take_all(pool, lost);
	pthread_cond_broadcast(&given);
	pthread_mutex_unlock(&mutex);
	finish(lost, count);
}
