/* SPDX-License-Identifier: Apache-2.0 */
#include "base/patience.h"

#include <errno.h>
#include <stddef.h>

#include "base/clock.h"

#define ASK_NS ((int64_t)PATIENCE_ASK_MS * 1000000)

static _Thread_local struct patience *innermost;

void patience_begin(struct patience *patience, patience_fn is_wanted, void *payload)
{
	int64_t now_ns = clock_monotonic_ns();
	*patience = (struct patience){
		.is_wanted = is_wanted,
		.payload = payload,
		.outer = innermost,
		.moved_ns = now_ns,
		.ask_ns = now_ns + ASK_NS,
	};
	innermost = patience;
}

static bool is_brief(void *payload, const char *host, uint32_t idle_ms)
{
	const struct patience *patience = payload;
	(void)host;
	(void)idle_ms;
	return clock_monotonic_ns() < patience->until_ns;
}

static bool is_for_ever(void *payload, const char *host, uint32_t idle_ms)
{
	(void)payload;
	(void)host;
	(void)idle_ms;
	return true;
}

void patience_begin_brief(struct patience *patience)
{
	bool is_asked = innermost != NULL;
	patience_begin(patience, is_asked ? is_brief : is_for_ever, patience);
	patience->until_ns = clock_monotonic_ns() + (int64_t)PATIENCE_BRIEF_MS * 1000000;
	patience->is_alone = true;
}

/* The one around it that is asked as well; NULL: none. */
static struct patience *around(const struct patience *patience)
{
	return patience->is_alone ? NULL : patience->outer;
}

void patience_end(struct patience *patience)
{
	innermost = patience->outer;
}

bool patience_is_asked(void)
{
	return innermost != NULL;
}

bool patience_is_over(void)
{
	for (const struct patience *patience = innermost; patience; patience = around(patience))
		if (patience->is_over)
			return true;
	return false;
}

void patience_moved(void)
{
	for (struct patience *patience = innermost; patience; patience = patience->outer)
		patience->has_moved = true;
}

/* The outer ones first: what they are told of, the inner ones may show. */
static bool ask(struct patience *patience, const char *host, int64_t now_ns)
{
	if (!patience)
		return true;
	if (!ask(around(patience), host, now_ns))
		return false;
	if (patience->is_over || now_ns < patience->ask_ns)
		return !patience->is_over;
	if (patience->has_moved)
		patience->moved_ns = now_ns;
	patience->has_moved = false;
	patience->ask_ns = now_ns + ASK_NS;
	patience->is_over = !patience->is_wanted(
		patience->payload, host, (uint32_t)((now_ns - patience->moved_ns) / 1000000));
	return !patience->is_over;
}

bool patience_lasts(const char *host)
{
	return !innermost || ask(innermost, host ? host : "", clock_monotonic_ns());
}

int patience_wait(pthread_cond_t *changed, pthread_mutex_t *mutex, const struct timespec *until)
{
	if (!innermost)
		return until ? pthread_cond_timedwait(changed, mutex, until)
			     : pthread_cond_wait(changed, mutex);
	int64_t at_ns = clock_monotonic_ns() + ASK_NS;
	int64_t until_ns = until ? (int64_t)until->tv_sec * 1000000000 + until->tv_nsec : INT64_MAX;
	if (at_ns > until_ns)
		at_ns = until_ns;
	const struct timespec at = { .tv_sec = at_ns / 1000000000, .tv_nsec = at_ns % 1000000000 };
	if (pthread_cond_timedwait(changed, mutex, &at) != ETIMEDOUT)
		return 0;
	if (at_ns == until_ns)
		return ETIMEDOUT;
	pthread_mutex_unlock(mutex);
	patience_lasts(NULL);
	pthread_mutex_lock(mutex);
	return 0;
}
