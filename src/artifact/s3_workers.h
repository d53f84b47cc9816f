/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARTIFACT_S3_WORKERS_H
#define ARTIFACT_S3_WORKERS_H

/* Threads that move the parts of one object, each over a connection of its own. */

#include <pthread.h>

#include "transport/s3_peer.h"

/* With the part that is read or written meanwhile, S3_PARTS_BYTES_MAX in memory. */
#define S3_WORKERS_MAX 7

struct s3_workers;

struct s3_worker {
	struct s3_workers *workers;
	struct s3_peer *peer;
	pthread_t thread;
};

/* What the threads do. Where they say MLM_OK they go on. */
struct s3_work {
	/* The next part to be moved, with the lock held; NULL: none now. */
	void *(*take)(void *payload);
	/* Moves it, without the lock. */
	mlm_status (*move)(void *payload, void *part, struct s3_peer *peer, mlm_error *err);
	/* Says that it was moved, with the lock held. */
	void (*done)(void *payload, void *part);
	void *payload;
};

struct s3_workers {
	struct s3_peer *peer; /* outlives them */
	struct s3_work work;
	pthread_mutex_t lock;
	pthread_cond_t
		changed; /* signalled when there may be more to take, and when a part is done */
	/* Of all below, with the lock. */
	bool is_over;
	bool has_moved; /* a part, since that was looked at */
	int running;
	mlm_status failure; /* the first */
	mlm_error why;

	struct s3_worker list[S3_WORKERS_MAX];
	int count;
};

/** s3_workers_end() is due. */
void s3_workers_begin(struct s3_workers *workers, struct s3_peer *peer, const struct s3_work *work);

/** Starts one more, unless there are count_max. Fails only where there is none at all: ENOMEM,
 * EAGAIN. */
mlm_status s3_workers_add(struct s3_workers *workers, int count_max, mlm_error *err);

/** Waits until something has changed, with the lock held. The failure of a worker. */
mlm_status s3_workers_wait(struct s3_workers *workers, mlm_error *err);

/** Waits until all that can be taken has been moved; with is_stopped, what is under way fails.
 * The failure of a worker. */
mlm_status s3_workers_end(struct s3_workers *workers, bool is_stopped, mlm_error *err);

#endif
