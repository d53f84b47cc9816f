/* SPDX-License-Identifier: Apache-2.0 */
#include "artifact/s3_workers.h"

#include <signal.h>

#include "base/error.h"

void s3_workers_begin(struct s3_workers *workers, struct s3_peer *peer, const struct s3_work *work)
{
	*workers = (struct s3_workers){ .peer = peer, .work = *work };
	pthread_mutex_init(&workers->lock, NULL);
	pthread_cond_init(&workers->changed, NULL);
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
		} else if (workers->failure == MLM_OK) {
			workers->failure = status;
			workers->why = why;
		}
		pthread_cond_broadcast(&workers->changed);
	}
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
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int errnum = pthread_create(&worker->thread, NULL, run, worker);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (errnum != 0) {
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

mlm_status s3_workers_wait(struct s3_workers *workers, mlm_error *err)
{
	if (workers->failure == MLM_OK)
		pthread_cond_wait(&workers->changed, &workers->lock);
	return failure(workers, err);
}

mlm_status s3_workers_end(struct s3_workers *workers, bool is_stopped, mlm_error *err)
{
	pthread_mutex_lock(&workers->lock);
	workers->is_over = true;
	if (is_stopped && workers->failure == MLM_OK)
		workers->failure = MLM_EAGAIN;
	pthread_cond_broadcast(&workers->changed);
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
