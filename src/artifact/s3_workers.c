/* SPDX-License-Identifier: Apache-2.0 */
#include "artifact/s3_workers.h"

#include <signal.h>

#include "base/error.h"
#include "base/patience.h"

void s3_workers_begin(struct s3_workers *workers, struct s3_peer *peer, const struct s3_work *work)
{
	pthread_condattr_t clock;
	*workers = (struct s3_workers){ .peer = peer, .work = *work };
	pthread_mutex_init(&workers->lock, NULL);
	pthread_condattr_init(&clock);
	pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
	pthread_cond_init(&workers->changed, &clock);
	pthread_condattr_destroy(&clock);
}

static void *run(void *payload)
{
	struct s3_worker *worker = payload;
	struct s3_workers *workers = worker->workers;
	const struct s3_work *work = &workers->work;
	void *part;
	pthread_mutex_lock(&workers->lock);
	while (workers->failure == MLM_OK) {
		mlm_error why = MLM_ERROR_INIT;
		part = work->take(work->payload);
		if (!part && workers->is_over)
			break;
		if (!part) {
			pthread_cond_wait(&workers->changed, &workers->lock);
			continue;
		}
		pthread_mutex_unlock(&workers->lock);
		mlm_status status = work->move(work->payload, part, worker->peer, &why);
		pthread_mutex_lock(&workers->lock);
		if (status == MLM_OK) {
			work->done(work->payload, part);
			workers->has_moved = true;
		} else if (workers->failure == MLM_OK) {
			workers->failure = status;
			workers->why = why;
		}
		pthread_cond_broadcast(&workers->changed);
	}
	workers->running--;
	pthread_cond_broadcast(&workers->changed);
	pthread_mutex_unlock(&workers->lock);
	return NULL;
}

/* The host's signals are not for them. */
static mlm_status start(struct s3_workers *workers, mlm_error *err)
{
	struct s3_worker *worker = &workers->list[workers->count];
	sigset_t all, before;
	worker->workers = workers;
	mlm_status status = s3_peer_open_beside(workers->peer, &worker->peer, err);
	if (status != MLM_OK)
		return status;
	pthread_mutex_lock(&workers->lock);
	workers->running++;
	pthread_mutex_unlock(&workers->lock);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int errnum = pthread_create(&worker->thread, NULL, run, worker);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (errnum != 0) {
		pthread_mutex_lock(&workers->lock);
		workers->running--;
		pthread_mutex_unlock(&workers->lock);
		s3_peer_close(worker->peer);
		return error_set_errno(err, errnum, "s3", "cannot start a thread to move parts");
	}
	workers->count++;
	return MLM_OK;
}

mlm_status s3_workers_add(struct s3_workers *workers, int count_max, mlm_error *err)
{
	mlm_error why = MLM_ERROR_INIT;
	if (workers->count >= count_max || workers->count == S3_WORKERS_MAX)
		return MLM_OK;
	mlm_status status = start(workers, &why);
	if (status == MLM_OK || workers->count > 0)
		return MLM_OK;
	if (err)
		*err = why;
	return status;
}

static mlm_status failure(struct s3_workers *workers, mlm_error *err)
{
	if (workers->failure != MLM_OK && err)
		*err = workers->why;
	return workers->failure;
}

/* Waits for a change, with the lock held. What a caller has enough of is a failure of them all. */
static void wait_once(struct s3_workers *workers)
{
	patience_wait(&workers->changed, &workers->lock, NULL);
	if (workers->has_moved)
		patience_moved();
	workers->has_moved = false;
	if (workers->failure == MLM_OK && patience_is_over())
		workers->failure = error_set(
			&workers->why, MLM_EAGAIN, "s3", "moving the parts was interrupted");
}

mlm_status s3_workers_wait(struct s3_workers *workers, mlm_error *err)
{
	if (workers->failure == MLM_OK)
		wait_once(workers);
	return failure(workers, err);
}

mlm_status s3_workers_end(struct s3_workers *workers, bool is_stopped, mlm_error *err)
{
	pthread_mutex_lock(&workers->lock);
	workers->is_over = true;
	if (is_stopped && workers->failure == MLM_OK)
		workers->failure = MLM_EAGAIN;
	pthread_cond_broadcast(&workers->changed);
	while (workers->running > 0 && !is_stopped && !patience_is_over())
		wait_once(workers);
	is_stopped = is_stopped || patience_is_over();
	pthread_mutex_unlock(&workers->lock);
	for (int i = 0; i < workers->count; i++) {
		if (is_stopped)
			s3_peer_interrupt(workers->list[i].peer);
		pthread_join(workers->list[i].thread, NULL);
		s3_peer_close(workers->list[i].peer);
	}
	pthread_cond_destroy(&workers->changed);
	pthread_mutex_destroy(&workers->lock);
	return failure(workers, err);
}
