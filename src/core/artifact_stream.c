/* SPDX-License-Identifier: Apache-2.0 */
/* An artifact read piece by piece. A backend pushes bytes, a reader wants to pull: the backend runs
 * in a thread that hands over each piece and waits until it has been taken. */
#include <pthread.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/patience.h"
#include "core/artifact_transfer.h"
#include "core/background_thread.h"

struct mlm_artifact_stream {
	mlm_manager *manager;
	struct artifact_store *store;
	char *name;
	pthread_t thread;
	pthread_mutex_t mutex; /* what follows */
	pthread_cond_t changed;
	const char *bytes; /* the backend's */
	size_t size;
	bool is_done;
	bool is_closed;
	mlm_status status;
	mlm_error error;
};

static mlm_status hand_over(void *payload, const void *bytes, size_t size, mlm_error *err)
{
	mlm_artifact_stream *stream = payload;
	pthread_mutex_lock(&stream->mutex);
	stream->bytes = bytes;
	stream->size = size;
	pthread_cond_signal(&stream->changed);
	while (stream->size > 0 && !stream->is_closed)
		pthread_cond_wait(&stream->changed, &stream->mutex);
	bool is_closed = stream->is_closed;
	pthread_mutex_unlock(&stream->mutex);
	return is_closed ? error_set(err, MLM_ESTATE, "artifact", "the stream was closed") : MLM_OK;
}

static void *push(void *argument)
{
	mlm_artifact_stream *stream = argument;
	mlm_error why = MLM_ERROR_INIT;
	const mlm_artifact_writer writer = { hand_over, stream };
	mlm_status status = artifact_get(stream->store, stream->name, &writer, &why);
	pthread_mutex_lock(&stream->mutex);
	stream->status = status;
	stream->error = why;
	stream->is_done = true;
	pthread_cond_signal(&stream->changed);
	pthread_mutex_unlock(&stream->mutex);
	return NULL;
}

static void free_stream(mlm_artifact_stream *stream)
{
	const mlm_allocator allocator = stream->manager->allocator;
	artifact_close(stream->store);
	pthread_cond_destroy(&stream->changed);
	pthread_mutex_destroy(&stream->mutex);
	memory_free(&allocator, stream->name);
	memory_free(&allocator, stream);
}

mlm_status mlm_artifact_stream_open(mlm_manager *manager, const char *run_id, const char *name,
	mlm_artifact_stream **stream_out, mlm_error *err)
{
	mlm_artifact about;
	pthread_condattr_t clock;
	*stream_out = NULL;
	if (!name)
		return error_set_null(err, "artifact", "name");
	mlm_status status = manager_check(manager, err);
	if (status != MLM_OK)
		return status;
	mlm_artifact_stream *stream = memory_new(&manager->allocator, sizeof(*stream));
	if (!stream)
		return error_set(err, MLM_ENOMEM, "artifact", "memory ran out");
	stream->manager = manager;
	pthread_mutex_init(&stream->mutex, NULL);
	pthread_condattr_init(&clock);
	pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
	pthread_cond_init(&stream->changed, &clock);
	pthread_condattr_destroy(&clock);
	stream->name = memory_string(&manager->allocator, name);
	status = stream->name ? transfer_open_store(manager, run_id, false, &stream->store, err)
			      : error_set(err, MLM_ENOMEM, "artifact", "memory ran out");
	if (status == MLM_OK)
		status = artifact_stat(stream->store, name, &about, err);
	if (status == MLM_OK && about.is_directory)
		status = error_set(err, MLM_ENOTFOUND, "artifact",
			"the artifact '%.300s' is a directory", name);
	if (status == MLM_OK) {
		int errnum = background_thread_start(&stream->thread, 0, push, stream);
		if (errnum != 0)
			status = error_set_errno(
				err, errnum, "artifact", "cannot start a thread to read with");
	}
	if (status != MLM_OK) {
		free_stream(stream);
		return status;
	}
	*stream_out = stream;
	return MLM_OK;
}

mlm_status mlm_artifact_stream_read(
	mlm_artifact_stream *stream, void *bytes, size_t size, size_t *got_out, mlm_error *err)
{
	mlm_status status = MLM_OK;
	*got_out = 0;
	/* The thread is the parent's. */
	if (!fork_guard_is_owner(stream->manager->guard))
		return manager_refusal(stream->manager, err);
	pthread_mutex_lock(&stream->mutex);
	while (stream->size == 0 && !stream->is_done && !patience_is_over())
		patience_wait(&stream->changed, &stream->mutex, NULL);
	if (stream->size > 0) {
		*got_out = size < stream->size ? size : stream->size;
		memcpy(bytes, stream->bytes, *got_out);
		stream->bytes += *got_out;
		stream->size -= *got_out;
		if (stream->size == 0)
			pthread_cond_signal(&stream->changed);
	} else if (stream->status != MLM_OK) {
		status = stream->status;
		if (err)
			*err = stream->error;
	} else if (!stream->is_done) {
		status = error_set(
			err, MLM_EAGAIN, "artifact", "the wait for the artifact was interrupted");
	}
	pthread_mutex_unlock(&stream->mutex);
	return status;
}

void mlm_artifact_stream_close(mlm_artifact_stream *stream)
{
	if (!stream || !fork_guard_is_owner(stream->manager->guard))
		return;
	pthread_mutex_lock(&stream->mutex);
	stream->is_closed = true;
	pthread_cond_signal(&stream->changed);
	pthread_mutex_unlock(&stream->mutex);
	if (stream->store->ops->interrupt)
		stream->store->ops->interrupt(stream->store);
	pthread_join(stream->thread, NULL);
	free_stream(stream);
}
