/* SPDX-License-Identifier: Apache-2.0 */
/* What the store did not take, remembered by the run until somebody asks. */
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "core/manager.h"

/* Stands for an error that there was no memory to keep. */
static mlm_error forgotten_error = {
	.status = MLM_ENOMEM,
	.area = "run",
	.message = "something that was logged was not taken, and memory ran out before it could be "
		   "kept what",
};

static void remember(mlm_run *run, const mlm_error *why)
{
	if (run->first_error)
		return;
	run->first_error = memory_new(&run->manager->allocator, sizeof(*why));
	if (run->first_error)
		*run->first_error = *why;
	else
		run->first_error = &forgotten_error;
	run->manager->remembering++;
}

void run_free_remembered(mlm_run *run)
{
	if (run->first_error != &forgotten_error)
		memory_free(&run->manager->allocator, run->first_error);
	run->first_error = NULL;
}

void run_remember(mlm_run *run, const mlm_error *why)
{
	pthread_mutex_lock(&run->manager->refused_mutex);
	remember(run, why);
	pthread_mutex_unlock(&run->manager->refused_mutex);
}

void run_note_refused(
	void *payload, const struct store_series *series, size_t point_count, const mlm_error *why)
{
	mlm_manager *manager = payload;
	(void)point_count;
	pthread_mutex_lock(&manager->refused_mutex);
	mlm_run *run = run_find_handle(manager, series->run_id);
	if (run && !run->first_error) {
		mlm_error error = MLM_ERROR_INIT;
		error_set(&error, why->status, "run", "metric '%.100s' of run %s was not taken: %s",
			series->key, run->id, why->message);
		remember(run, &error);
	}
	pthread_mutex_unlock(&manager->refused_mutex);
}

/* For the run to remember; a run that has ended nobody will ask. */
static void note_refused(mlm_manager *manager, const char *run_id, const mlm_error *error)
{
	pthread_mutex_lock(&manager->refused_mutex);
	mlm_run *run = run_find_handle(manager, run_id);
	bool is_open = run && atomic_load(&run->is_open);
	if (is_open)
		remember(run, error);
	pthread_mutex_unlock(&manager->refused_mutex);
	if (!is_open)
		manager_log(manager, MLM_LOG_WARNING, error->message);
}

bool run_note_delivery(void *payload, const struct store_delivery *delivery)
{
	mlm_error error = MLM_ERROR_INIT;
	if (delivery->kind != STORE_REFUSED || !delivery->run_id)
		return true;
	error_set(&error, delivery->why->status, "run", "%s of run %s was not taken: %s",
		delivery->name, delivery->run_id, delivery->why->message);
	note_refused(payload, delivery->run_id, &error);
	return true;
}

bool run_note_artifact(void *payload, const struct staged_event *event)
{
	mlm_error error = MLM_ERROR_INIT;
	if (event->kind != STAGED_REFUSED)
		return true;
	error_set(&error, event->why->status, "run",
		"artifact '%.100s' of run %s was not taken%s%.300s%s: %s", event->path,
		event->run_id, event->file[0] ? ", and stays in '" : "", event->file,
		event->file[0] ? "'" : "", event->why->message);
	note_refused(payload, event->run_id, &error);
	return true;
}

static mlm_status take(mlm_run *run, mlm_error *err)
{
	if (!run->first_error)
		return MLM_OK;
	mlm_status status = run->first_error->status;
	if (err)
		*err = *run->first_error;
	run_free_remembered(run);
	run->manager->remembering--;
	return status;
}

mlm_status run_take_remembered(mlm_manager *manager, mlm_error *err)
{
	mlm_status status = MLM_OK;
	pthread_mutex_lock(&manager->refused_mutex);
	mlm_run *run = manager->remembering ? manager->runs : NULL;
	for (; run && status == MLM_OK; run = run->next)
		status = take(run, err);
	pthread_mutex_unlock(&manager->refused_mutex);
	return status;
}

mlm_status run_take_first_error(mlm_run *run, mlm_error *err)
{
	pthread_mutex_lock(&run->manager->refused_mutex);
	mlm_status status = take(run, err);
	pthread_mutex_unlock(&run->manager->refused_mutex);
	return status;
}
