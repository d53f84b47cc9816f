/* SPDX-License-Identifier: Apache-2.0 */
#include "store/sqlite_fork.h"

#include <pthread.h>
#include <stdatomic.h>

#include "store/sqlite_store.h"

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER; /* what follows */
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static uint32_t inside; /* threads */
static _Atomic uint32_t forks; /* that wait or go on */
static struct sqlite_store *open_stores;
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* Of this thread: a callback of ours may fork, and must not wait for itself. */
static _Thread_local uint32_t depth;

static void before_fork(void)
{
	pthread_mutex_lock(&mutex);
	atomic_fetch_add(&forks, 1);
	while (inside > (depth ? 1 : 0))
		pthread_cond_wait(&changed, &mutex);
}

static void after_fork_in_parent(void)
{
	atomic_fetch_sub(&forks, 1);
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&mutex);
}

/* No connection is in the middle of anything, so closing writes nothing; without the checkpoint it
 * does not ask for the file either. The locks are the parent's, and stay. */
static void after_fork_in_child(void)
{
	for (struct sqlite_store *store = open_stores; store && depth == 0;
		store = store->next_open) {
		sqlite3_db_config(store->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
		sqlite_statements_close(store);
		sqlite3_close(store->db);
		store->db = NULL;
	}
	open_stores = NULL;
	inside = depth ? 1 : 0;
	atomic_store(&forks, 0);
	/* Whoever waited is not here; the mutex is held by the thread that forked: this one. */
	pthread_cond_init(&changed, NULL);
	pthread_mutex_unlock(&mutex);
}

static void register_handlers(void)
{
	pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
}

void sqlite_fork_enter(void)
{
	pthread_once(&once, register_handlers);
	if (depth++ > 0)
		return;
	pthread_mutex_lock(&mutex);
	while (atomic_load(&forks) > 0)
		pthread_cond_wait(&changed, &mutex);
	inside++;
	pthread_mutex_unlock(&mutex);
}

bool sqlite_fork_leave(mlm_status status)
{
	if (--depth > 0)
		return false;
	pthread_mutex_lock(&mutex);
	bool was_cut_short = status == MLM_EAGAIN && atomic_load(&forks) > 0;
	inside--;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&mutex);
	return was_cut_short;
}

bool sqlite_fork_is_due(void)
{
	return atomic_load_explicit(&forks, memory_order_relaxed) > 0;
}

void sqlite_fork_add(struct sqlite_store *store)
{
	pthread_mutex_lock(&mutex);
	store->next_open = open_stores;
	open_stores = store;
	pthread_mutex_unlock(&mutex);
}

void sqlite_fork_remove(struct sqlite_store *store)
{
	pthread_mutex_lock(&mutex);
	struct sqlite_store **link = &open_stores;
	while (*link && *link != store)
		link = &(*link)->next_open;
	if (*link)
		*link = store->next_open;
	pthread_mutex_unlock(&mutex);
}
