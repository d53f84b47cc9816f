/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "artifact/artifact.h"
#include "base/arena.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "core/artifact_transfer.h"
#include "core/manager.h"

/* The place of the run's artifacts; NULL where it has none. */
static mlm_status open_artifacts(mlm_run *run, struct artifact_store **store_out, mlm_error *err)
{
	mlm_manager *manager = run->manager;
	mlm_run_list *list = NULL;
	mlm_error why = MLM_ERROR_INIT;
	*store_out = NULL;
	mlm_status status = manager->ops->get_run(manager->store, run->id, &list, err);
	if (status != MLM_OK)
		return status;
	const char *uri = list->items[0].artifact_uri;
	if (uri && uri[0] && !transfer_is_own_place(uri, run->id)) {
		status = error_set(err, MLM_EUNSUPPORTED, "run",
			"the artifacts of run %s lie at '%.200s', which is not the run's own "
			"place, so the run was not reset",
			run->id, uri);
	} else if (uri && uri[0]) {
		const struct artifact_options options = manager_artifact_options(manager, uri);
		status = artifact_open(&options, store_out, &why);
		if (status != MLM_OK)
			error_set(err, status, why.area, "%.400s; the run was not reset",
				why.message);
	}
	mlm_run_list_free(list);
	return status;
}

static void forget_timers(mlm_run *run)
{
	for (size_t i = 0; i < run->timer_count; i++)
		memory_free(&run->manager->allocator, run->timers[i].name);
	run->timer_count = 0;
}

/* The tags of a run that stay when it is reset. */
static mlm_status keep_tags(struct arena *arena, const mlm_run_record *record,
	struct store_new_run *row, mlm_error *err)
{
	mlm_text *tags = arena_array(arena, record->tag_count + 1, sizeof(*tags));
	if (!tags)
		return error_set(err, MLM_ENOMEM, "run", "memory ran out");
	for (size_t i = 0; i < record->tag_count; i++)
		if (strncmp(record->tags[i].key, "mlflow.", 7) == 0)
			tags[row->tag_count++] = record->tags[i];
	row->tags = tags;
	return MLM_OK;
}

/* For a store that cannot delete params and metrics: another run takes the place of this one, with
 * its name, parent and the tags that a reset leaves. */
static mlm_status restart(mlm_run *run, mlm_error *err)
{
	mlm_manager *manager = run->manager;
	mlm_run_list *list = NULL;
	mlm_run *fresh = NULL;
	char id[MLM_ID_SIZE];
	mlm_status status = run_check_top(run, err);
	if (status == MLM_OK)
		status = manager->ops->get_run(manager->store, run->id, &list, err);
	if (status == MLM_OK && !run->experiment_id[0]) {
		mlm_run_list_free(list);
		status = error_set(err, MLM_EAGAIN, "run",
			"run %s cannot be reset before the server %s has it", run->id,
			manager->place.uri);
	}
	if (status != MLM_OK)
		return status;
	struct store_new_run row = {
		.run_id = id,
		.experiment_id = run->experiment_id,
		.run_name = list->items[0].run_name,
		.user_id = list->items[0].user_id,
		.source_name = "",
		.start_time_ms = clock_now_ms(),
	};
	status = keep_tags(list->memory, &list->items[0], &row, err);
	if (status == MLM_OK)
		status = run_new_id(id, err);
	/* First, so that a store that refuses leaves what was. */
	if (status == MLM_OK)
		status = run_create_inside(manager, &row, &fresh, err);
	if (status == MLM_OK) {
		/* The stack has the new one on top of the old one, as if it were nested. */
		manager->active = run;
		status = run_delete_inside(run, err);
		fresh->parent = manager->active;
		manager->active = fresh;
	}
	mlm_run_list_free(list);
	return status;
}

static mlm_status pass_over(void *payload, const mlm_artifact *entry, mlm_error *err)
{
	(void)payload;
	(void)entry;
	(void)err;
	return MLM_OK;
}

static mlm_status reset_inside(mlm_run *run, mlm_error *err)
{
	mlm_manager *manager = run->manager;
	struct artifact_store *artifacts = NULL;
	mlm_status status = run_check_open(run, err);
	if (status == MLM_OK)
		status = manager_flush_inside(manager, MANAGER_FLUSH_WAIT_MS, err);
	if (status == MLM_OK && !manager->ops->clear_run)
		return restart(run, err);
	if (status == MLM_OK)
		status = open_artifacts(run, &artifacts, err);
	/* A place that cannot be reached says so before anything is deleted. */
	if (status == MLM_OK && artifacts)
		status = artifact_list(artifacts, "", pass_over, NULL, err);
	if (status == MLM_OK)
		status = manager->ops->clear_run(manager->store, run->id, err);
	if (status == MLM_OK) {
		run_forget_steps(run);
		forget_timers(run);
		/* Last, since files cannot be brought back: a store that refuses loses none. */
		if (artifacts)
			status = artifact_remove(artifacts, "", err);
	}
	artifact_close(artifacts);
	return status;
}

mlm_status mlm_run_reset(mlm_run *run, mlm_error *err)
{
	mlm_status status = run_enter(run, err);
	if (status != MLM_OK)
		return status;
	status = reset_inside(run, err);
	manager_leave(run->manager);
	return status;
}
