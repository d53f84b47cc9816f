/* SPDX-License-Identifier: Apache-2.0 */
#include "mlmanager/timer.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "core/limits.h"
#include "core/manager.h"

#define TIMER_TEXT_SIZE 40

/* A timer that ends as a param cannot run twice in one run: a param keeps its first value. */
static mlm_status check_no_param(mlm_run *run, const char *name, mlm_error *err)
{
	mlm_run_list *list = NULL;
	mlm_manager *manager = run->manager;
	manager_hurry_begin(manager);
	mlm_status status = manager->ops->get_run(manager->store, run->id, &list, err);
	manager_hurry_end(manager);
	/* Then a param of that name is told when the server is back. */
	if (manager_is_away(manager, status))
		return MLM_OK;
	if (status != MLM_OK)
		return status;
	const mlm_run_record *record = &list->items[0];
	for (size_t i = 0; i < record->param_count && status == MLM_OK; i++)
		if (strcmp(record->params[i].key, name) == 0)
			status = error_set(err, MLM_EEXISTS, "timer",
				"run %s already has a param '%s', so a timer of that name could "
				"not be logged; choose another name or log it as a metric",
				run->id, name);
	mlm_run_list_free(list);
	return status;
}

static struct run_timer *find(const mlm_run *run, const char *name)
{
	for (size_t i = 0; i < run->timer_count; i++)
		if (strcmp(run->timers[i].name, name) == 0)
			return &run->timers[i];
	return NULL;
}

static mlm_status start(mlm_run *run, const char *name, mlm_timer_as as, mlm_error *err)
{
	if (find(run, name))
		return error_set(err, MLM_EEXISTS, "timer",
			"timer '%s' is running already; stop it first or choose another name",
			name);
	if (run->timer_count == MLM_TIMERS_MAX)
		return error_set(
			err, MLM_EFULL, "timer", "%d timers are running already", MLM_TIMERS_MAX);
	mlm_status status = as == MLM_TIMER_AS_PARAM ? check_no_param(run, name, err) : MLM_OK;
	if (status != MLM_OK)
		return status;
	struct run_timer *grown = memory_resize(
		&run->manager->allocator, run->timers, run->timer_count + 1, sizeof(*run->timers));
	if (grown)
		run->timers = grown;
	char *copy = memory_string(&run->manager->allocator, name);
	if (!grown || !copy) {
		memory_free(&run->manager->allocator, copy);
		return error_set(err, MLM_ENOMEM, "timer", "memory ran out");
	}
	run->timers[run->timer_count++] = (struct run_timer){
		.name = copy,
		.started_ns = clock_monotonic_ns(),
		.as = as,
	};
	return MLM_OK;
}

mlm_status mlm_timer_start(mlm_run *run, const char *name, mlm_timer_as as, mlm_error *err)
{
	mlm_status status = run_check(run, err);
	if (status == MLM_OK)
		status = limits_check_key(name, name ? strlen(name) : 0, "timer name", err);
	if (status == MLM_OK)
		status = run_enter(run, err);
	if (status != MLM_OK)
		return status;
	status = run_check_open(run, err);
	if (status == MLM_OK)
		status = start(run, name, as, err);
	manager_leave(run->manager);
	return status;
}

/* Logs timers[0..count): the params in one write, all or none, then the metrics. */
static mlm_status log_timers(
	mlm_run *run, const struct run_timer *timers, size_t count, int64_t now_ns, mlm_error *err)
{
	const mlm_allocator *allocator = &run->manager->allocator;
	mlm_text *params = memory_array(allocator, count, sizeof(*params));
	char(*texts)[TIMER_TEXT_SIZE] = memory_array(allocator, count, sizeof(*texts));
	size_t param_count = 0;
	mlm_status status = MLM_OK;
	if (!params || !texts) {
		status = error_set(err, MLM_ENOMEM, "timer", "memory ran out");
		goto out;
	}
	for (size_t i = 0; i < count; i++) {
		if (timers[i].as != MLM_TIMER_AS_PARAM)
			continue;
		double elapsed_ms = (double)(now_ns - timers[i].started_ns) / 1e6;
		snprintf(texts[i], sizeof(texts[i]), "%.3f ms", elapsed_ms);
		params[param_count].key = timers[i].name;
		params[param_count++].value = texts[i];
	}
	if (param_count)
		status = run_log_texts_inside(run, params, param_count, NULL, 0, err);
	for (size_t i = 0; i < count && status == MLM_OK; i++)
		if (timers[i].as == MLM_TIMER_AS_METRIC)
			status = mlm_run_log_metric(run, timers[i].name, 0,
				(double)(now_ns - timers[i].started_ns) / 1e6, MLM_STEP_NEXT,
				MLM_TIME_NOW, err);
out:
	memory_free(allocator, params);
	memory_free(allocator, texts);
	return status;
}

mlm_status timer_stop_all_inside(mlm_run *run, double *total_ms_out, mlm_error *err)
{
	if (total_ms_out)
		*total_ms_out = 0;
	if (run->timer_count == 0)
		return MLM_OK;
	int64_t now_ns = clock_monotonic_ns();
	int64_t earliest_ns = now_ns;
	for (size_t i = 0; i < run->timer_count; i++)
		if (run->timers[i].started_ns < earliest_ns)
			earliest_ns = run->timers[i].started_ns;
	mlm_status status = log_timers(run, run->timers, run->timer_count, now_ns, err);
	if (status != MLM_OK)
		return status;
	for (size_t i = 0; i < run->timer_count; i++)
		memory_free(&run->manager->allocator, run->timers[i].name);
	run->timer_count = 0;
	if (total_ms_out)
		*total_ms_out = (double)(now_ns - earliest_ns) / 1e6;
	return MLM_OK;
}

mlm_status mlm_timer_log_and_stop(mlm_run *run, double *total_ms_out, mlm_error *err)
{
	if (!total_ms_out)
		return error_set_null(err, "timer", "total_ms_out");
	*total_ms_out = 0;
	mlm_status status = run_enter(run, err);
	if (status != MLM_OK)
		return status;
	status = run_check_open(run, err);
	if (status == MLM_OK && run->timer_count == 0)
		status = error_set(
			err, MLM_ESTATE, "timer", "no timer is running: call start_timer first");
	if (status == MLM_OK)
		status = timer_stop_all_inside(run, total_ms_out, err);
	manager_leave(run->manager);
	return status;
}

static void forget(mlm_run *run, struct run_timer *timer)
{
	size_t after = run->timer_count - (size_t)(timer - run->timers) - 1;
	memory_free(&run->manager->allocator, timer->name);
	memmove(timer, timer + 1, after * sizeof(*timer));
	run->timer_count--;
}

mlm_status timer_end_all_inside(mlm_run *run, mlm_error *err)
{
	mlm_error why = MLM_ERROR_INIT;
	mlm_status status = timer_stop_all_inside(run, NULL, &why);
	/* One of them has a param's name by now. The others are logged, each by itself. */
	while (status == MLM_EEXISTS && run->timer_count > 0) {
		int64_t now_ns = clock_monotonic_ns();
		status = log_timers(run, run->timers, 1, now_ns, &why);
		if (status == MLM_EEXISTS)
			run_remember(run, &why);
		if (status == MLM_OK || status == MLM_EEXISTS) {
			forget(run, run->timers);
			status = MLM_EEXISTS;
		}
	}
	/* The run is gone: its end says so, and ends it here. */
	while ((status == MLM_ENOTFOUND || status == MLM_ESTATE) && run->timer_count > 0)
		forget(run, run->timers);
	if (status == MLM_EEXISTS || status == MLM_ENOTFOUND || status == MLM_ESTATE)
		return MLM_OK;
	if (status != MLM_OK && err)
		*err = why;
	return status;
}

mlm_status timer_check_names(
	const mlm_run *run, const mlm_text *params, size_t count, mlm_error *err)
{
	for (size_t i = 0; i < count && run->timer_count > 0; i++) {
		const struct run_timer *timer = find(run, params[i].key);
		if (timer && timer->as == MLM_TIMER_AS_PARAM)
			return error_set(err, MLM_EEXISTS, "timer",
				"param '%s' is what the running timer '%s' will be logged as; stop "
				"it first or choose another name",
				params[i].key, params[i].key);
	}
	return MLM_OK;
}

static mlm_status stop(mlm_run *run, const char *name, double *elapsed_ms_out, mlm_error *err)
{
	struct run_timer *timer = find(run, name);
	if (!timer)
		return error_set(err, MLM_ENOTFOUND, "timer",
			"no timer '%s' is running: call start_timer first", name);
	int64_t now_ns = clock_monotonic_ns();
	mlm_status status = log_timers(run, timer, 1, now_ns, err);
	if (status != MLM_OK)
		return status;
	*elapsed_ms_out = (double)(now_ns - timer->started_ns) / 1e6;
	forget(run, timer);
	return MLM_OK;
}

mlm_status mlm_timer_stop(mlm_run *run, const char *name, double *elapsed_ms_out, mlm_error *err)
{
	if (!name)
		return error_set_null(err, "timer", "name");
	if (!elapsed_ms_out)
		return error_set_null(err, "timer", "elapsed_ms_out");
	*elapsed_ms_out = 0;
	mlm_status status = run_enter(run, err);
	if (status != MLM_OK)
		return status;
	status = run_check_open(run, err);
	if (status == MLM_OK)
		status = stop(run, name, elapsed_ms_out, err);
	manager_leave(run->manager);
	return status;
}
