/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "artifact/artifact.h"
#include "base/error.h"
#include "base/memory.h"
#include "core/manager.h"

static bool ends_with(const char *text, const char *ending)
{
	size_t text_size = strlen(text);
	size_t size = strlen(ending);
	return text_size >= size && strcmp(text + text_size - size, ending) == 0;
}

/* The place of the run's artifacts; NULL where it has none. Only one that bears the run's id is
 * ever emptied: the column may say anything. */
static mlm_status open_artifacts(mlm_run *run, struct artifact_store **store_out, mlm_error *err)
{
	mlm_manager *manager = run->manager;
	mlm_run_list *list = NULL;
	mlm_error why = MLM_ERROR_INIT;
	char ending[MLM_ID_SIZE + 16];
	*store_out = NULL;
	mlm_status status = manager->ops->get_run(manager->store, run->id, &list, err);
	if (status != MLM_OK)
		return status;
	const char *uri = list->items[0].artifact_uri;
	snprintf(ending, sizeof(ending), "/%s/artifacts", run->id);
	if (uri && uri[0] && !ends_with(uri, ending)) {
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

static mlm_status reset_inside(mlm_run *run, mlm_error *err)
{
	mlm_manager *manager = run->manager;
	struct artifact_store *artifacts = NULL;
	mlm_status status = run_check_open(run, err);
	if (status == MLM_OK)
		status = manager_flush_inside(manager, MANAGER_FLUSH_WAIT_MS, err);
	if (status == MLM_OK)
		status = open_artifacts(run, &artifacts, err);
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
