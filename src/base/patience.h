/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_PATIENCE_H
#define BASE_PATIENCE_H

/*
 * Whether whoever called still wants what the call waits for. A call on the way from its caller to
 * a wait for a network passes many hands, so the question belongs to the thread: who makes the call
 * begins a patience, and each wait below asks it every PATIENCE_ASK_MS, also while nothing moves.
 * One begun inside another's time asks that one too. A thread without one waits for ever.
 */

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#define PATIENCE_ASK_MS 100u

/** False ends the wait and all later ones of this patience. host is who is waited for, "" where
 * that is not known; no answer and no byte came for idle_ms. */
typedef bool (*patience_fn)(void *payload, const char *host, uint32_t idle_ms);

struct patience {
	patience_fn is_wanted;
	void *payload;
	struct patience *outer;
	int64_t moved_ns; /* when something was seen to move */
	int64_t ask_ns; /* when to ask again */
	int64_t until_ns; /* of patience_begin_brief() */
	bool has_moved; /* since it was asked */
	bool is_over;
	bool is_alone; /* of patience_begin_brief(): the outer ones are not asked */
};

/** Begins the calling thread's; patience_end() is due in the same thread. */
void patience_begin(struct patience *patience, patience_fn is_wanted, void *payload);
void patience_end(struct patience *patience);

#define PATIENCE_BRIEF_MS 1000u

/** Begins one for tidying up: it lasts PATIENCE_BRIEF_MS, though the one around it may be over.
 * Without one around it, for ever. patience_end() is due. */
void patience_begin_brief(struct patience *patience);

/** Whether the thread has one: a wait must not be longer than PATIENCE_ASK_MS at a time. */
bool patience_is_asked(void);
/** Asks if it is time to. host may be NULL. */
bool patience_lasts(const char *host);
/** Whether it was refused: what failed then failed for the caller, not because of a peer. */
bool patience_is_over(void);
/** Notes that an answer or bytes came or went. Cost: a few ns. */
void patience_moved(void);

/**
 * pthread_cond_timedwait() that asks, without the mutex. 0: look at the condition again, and, where
 * patience_is_over(), at that; ETIMEDOUT: until has passed.
 *
 * Shape:   changed runs on CLOCK_MONOTONIC; until NULL: for ever.
 */
int patience_wait(pthread_cond_t *changed, pthread_mutex_t *mutex, const struct timespec *until);

#endif
