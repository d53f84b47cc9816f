/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "base/directory.h"
#include "base/error.h"
#include "base/memory.h"
#include "core/manager.h"

/* The local directory of an artifact URI, or NULL for one that is elsewhere. */
static const char *local_path(const char *uri)
{
	if (strncmp(uri, "file:", 5) == 0) {
		uri += 5;
		return strncmp(uri, "///", 3) == 0      ? uri + 2
		       : uri[0] == '/' && uri[1] != '/' ? uri
							: NULL;
	}
	return strchr(uri, ':') ? NULL : uri;
}

static bool ends_with(const char *text, const char *ending)
{
	size_t text_size = strlen(text);
	size_t size = strlen(ending);
	return text_size >= size && strcmp(text + text_size - size, ending) == 0;
}

/* Where the run's artifacts lie. Only a directory that bears the run's id is ever emptied: the
 * column may say anything. */
static mlm_status find_artifacts(mlm_run *run, char **path_out, mlm_error *err)
{
	mlm_manager *manager = run->manager;
	mlm_run_list *list = NULL;
	char ending[MLM_ID_SIZE + 16];
	*path_out = NULL;
	mlm_status status = manager->ops->get_run(manager->store, run->id, &list, err);
	if (status != MLM_OK)
		return status;
	const char *uri = list->items[0].artifact_uri;
	const char *path = uri ? local_path(uri) : NULL;
	snprintf(ending, sizeof(ending), "/%s/artifacts", run->id);
	if (path && ends_with(path, ending)) {
		*path_out = memory_string(&manager->allocator, path);
		if (!*path_out)
			status = error_set(err, MLM_ENOMEM, "run", "memory ran out");
	} else if (uri && uri[0]) {
		status = error_set(err, MLM_EUNSUPPORTED, "run",
			"the artifacts of run %s at '%.200s' cannot be deleted from here, so the "
			"run was "
			"not reset",
			run->id, uri);
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
	char *artifacts = NULL;
	mlm_status status = run_check_open(run, err);
	if (status == MLM_OK)
		status = manager_flush_inside(manager, MANAGER_FLUSH_WAIT_MS, err);
	if (status == MLM_OK)
		status = find_artifacts(run, &artifacts, err);
	if (status == MLM_OK)
		status = manager->ops->clear_run(manager->store, run->id, err);
	if (status == MLM_OK) {
		run_forget_steps(run);
		forget_timers(run);
		/* Last, since files cannot be brought back: a store that refuses loses none. */
		int errnum = artifacts ? directory_empty(artifacts) : 0;
		if (errnum != 0)
			status = error_set_errno(err, errnum, "run",
				"cannot delete the artifacts in '%s'", artifacts);
	}
	memory_free(&manager->allocator, artifacts);
	return status;
}

mlm_status mlm_run_reset(mlm_run *run, mlm_error *err)
{
	mlm_status status = manager_enter(run->manager, err);
	if (status != MLM_OK)
		return status;
	status = reset_inside(run, err);
	manager_leave(run->manager);
	return status;
}
