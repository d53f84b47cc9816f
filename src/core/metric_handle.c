/* SPDX-License-Identifier: Apache-2.0 */
#include "mlmanager/metric_handle.h"

#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "core/manager.h"

struct mlm_metric_handle {
	mlm_run *run;
	/* Under the journal's lock. NULL: the run has been closed since, or it was never asked. */
	struct journal_series *series;
	mlm_metric_handle *next; /* of the run's */
	size_t key_size;
	char key[]; /* NUL-ended */
};

/* Call with the journal locked. */
static mlm_metric_handle *find(const mlm_run *run, const char *key, size_t size)
{
	mlm_metric_handle *handle = run->metric_handles;
	while (handle && (handle->key_size != size || memcmp(handle->key, key, size) != 0))
		handle = handle->next;
	return handle;
}

static mlm_metric_handle *new_handle(mlm_run *run, const char *key, size_t size)
{
	mlm_metric_handle *handle =
		memory_new(&run->manager->allocator, sizeof(*handle) + size + 1);
	if (!handle)
		return NULL;
	handle->run = run;
	handle->key_size = size;
	memcpy(handle->key, key, size);
	return handle;
}

mlm_status mlm_metric_handle_get(mlm_run *run, const char *key, size_t key_size,
	mlm_metric_handle **handle_out, mlm_error *err)
{
	if (!handle_out)
		return error_set_null(err, "run", "handle_out");
	*handle_out = NULL;
	mlm_status status = run_check(run, err);
	if (status != MLM_OK)
		return status;
	if (key_size == 0 && key)
		key_size = strlen(key);
	status = run_prepare_series(run, key, key_size, true, err);
	if (status != MLM_OK)
		return status;
	struct journal *journal = run->manager->journal;
	journal_lock(journal);
	*handle_out = find(run, key, key_size);
	journal_unlock(journal);
	if (*handle_out)
		return MLM_OK;
	mlm_metric_handle *handle = new_handle(run, key, key_size);
	if (!handle)
		return error_set(err, MLM_ENOMEM, "run", "memory ran out");
	journal_lock(journal);
	*handle_out = find(run, key, key_size); /* another thread may have been quicker */
	if (!*handle_out) {
		handle->next = run->metric_handles;
		run->metric_handles = handle;
		*handle_out = handle;
		handle = NULL;
	}
	journal_unlock(journal);
	memory_free(&run->manager->allocator, handle);
	return MLM_OK;
}

const char *mlm_metric_handle_key(const mlm_metric_handle *handle)
{
	return handle ? handle->key : "";
}

void metric_handles_forget_series(mlm_run *run)
{
	for (mlm_metric_handle *handle = run->metric_handles; handle; handle = handle->next)
		handle->series = NULL;
}

void metric_handles_free(mlm_run *run)
{
	for (mlm_metric_handle *handle = run->metric_handles; handle;) {
		mlm_metric_handle *next = handle->next;
		memory_free(&run->manager->allocator, handle);
		handle = next;
	}
	run->metric_handles = NULL;
}

/* Where there is no series yet, or none that knows its step, or where the run has just ended. */
static mlm_status log_first(
	mlm_metric_handle *handle, double value, int64_t step, int64_t timestamp_ms, mlm_error *err)
{
	mlm_run *run = handle->run;
	mlm_status status =
		run_prepare_series(run, handle->key, handle->key_size, step == MLM_STEP_NEXT, err);
	if (status != MLM_OK)
		return status;
	journal_lock(run->manager->journal);
	if (atomic_load_explicit(&run->is_open, memory_order_relaxed))
		handle->series = run_find_series(run, handle->key, handle->key_size);
	journal_unlock(run->manager->journal);
	return mlm_metric_handle_log(handle, value, step, timestamp_ms, err);
}

mlm_status mlm_metric_handle_log(
	mlm_metric_handle *handle, double value, int64_t step, int64_t timestamp_ms, mlm_error *err)
{
	if (__builtin_expect(!handle, 0))
		return error_set(err, MLM_ESTATE, "run",
			"the metric handle is NULL; get one with mlm_metric_handle_get()");
	mlm_run *run = handle->run;
	/* A child finds the lock as some thread of the parent left it. */
	if (!fork_guard_is_owner(run->manager->guard))
		return manager_refusal(run->manager, err);
	mlm_status status = run_check_open(run, err);
	if (status != MLM_OK)
		return status;
	if (timestamp_ms < 0) {
		if (timestamp_ms != MLM_TIME_NOW)
			return run_refuse_time(handle->key, handle->key_size, timestamp_ms, err);
		timestamp_ms = clock_now_ms();
	}
	struct journal *journal = run->manager->journal;
	journal_lock(journal);
	struct journal_series *series = handle->series;
	if (!series || !atomic_load_explicit(&run->is_open, memory_order_relaxed) ||
		(step == MLM_STEP_NEXT && !series->next_step_known)) {
		journal_unlock(journal);
		return log_first(handle, value, step, timestamp_ms, err);
	}
	status = journal_append_locked(journal, series, value, step, timestamp_ms, err);
	journal_unlock(journal);
	return status;
}
