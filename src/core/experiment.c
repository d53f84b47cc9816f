/* SPDX-License-Identifier: Apache-2.0 */
#include "mlmanager/experiment.h"

#include <string.h>

#include "base/error.h"
#include "core/limits.h"
#include "core/manager.h"

const struct options_layout query_layout = OPTIONS_LAYOUT(mlm_query, page_token);

static mlm_status deleted(const mlm_experiment *experiment, mlm_error *err)
{
	return error_set(err, MLM_ESTATE, "experiment",
		"experiment '%s' (id %s) is deleted; bring it back with restore_experiment or "
		"choose another name",
		experiment->name, experiment->experiment_id);
}

static void activate(mlm_manager *manager, const char *id)
{
	memcpy(manager->experiment_id, id, strnlen(id, MLM_ID_SIZE - 1) + 1);
	manager->experiment_id[MLM_ID_SIZE - 1] = '\0';
}

void experiment_know_inside(mlm_manager *manager, char id[MLM_ID_SIZE])
{
	char known[MLM_ID_SIZE] = "";
	if (!manager->ops->know_experiment || !id[0])
		return;
	manager->ops->know_experiment(manager->store, id, known, NULL);
	memcpy(id, known, sizeof(known));
}

/* A remote store that is away promises what it cannot find. */
static mlm_status promise(mlm_manager *manager, const char *name,
	const mlm_experiment_options *options, const mlm_error *why, char id_out[MLM_ID_SIZE],
	mlm_error *err)
{
	if (options && options->reset)
		return error_set(err, why->status, "experiment",
			"experiment '%.200s' cannot be reset before its runs can be seen: %s", name,
			why->message);
	return manager->ops->promise_experiment(manager->store, name, options, id_out, err);
}

/* By id, or by name where id is NULL: it must exist and be active. */
static mlm_status activate_existing(
	mlm_manager *manager, const char *id, const char *name, mlm_error *err)
{
	mlm_experiment_list *list = NULL;
	mlm_error why = MLM_ERROR_INIT;
	manager_hurry_begin(manager);
	mlm_status status = manager->ops->get_experiment(manager->store, id, name, &list, &why);
	manager_hurry_end(manager);
	if (manager_is_away(manager, status) && !id) {
		char promised[MLM_ID_SIZE];
		status = promise(manager, name, NULL, &why, promised, err);
		if (status == MLM_OK)
			activate(manager, promised);
		return status;
	}
	if (status != MLM_OK) {
		if (err)
			*err = why;
		return status;
	}
	if (list->items[0].lifecycle == MLM_DELETED)
		status = deleted(&list->items[0], err);
	else
		activate(manager, list->items[0].experiment_id);
	mlm_experiment_list_free(list);
	return status;
}

static mlm_status reset_runs(mlm_manager *manager, const char *id, mlm_error *err)
{
	for (const mlm_run *run = manager->active; run; run = run->parent)
		if (strcmp(run->experiment_id, id) == 0)
			return error_set(err, MLM_ESTATE, "experiment",
				"reset would delete the active run %s; end it first", run->id);
	mlm_status status = manager_flush_inside(manager, MANAGER_FLUSH_WAIT_MS, err);
	if (status == MLM_OK)
		status = manager->ops->delete_experiment_runs(manager->store, id, err);
	return status;
}

static mlm_status create_or_find(mlm_manager *manager, const char *name,
	const mlm_experiment_options *options, char id_out[MLM_ID_SIZE], mlm_error *err)
{
	mlm_experiment_list *list = NULL;
	mlm_error why = MLM_ERROR_INIT;
	manager_hurry_begin(manager);
	mlm_status status = manager->ops->get_experiment(manager->store, NULL, name, &list, &why);
	if (status == MLM_ENOTFOUND) {
		status = manager->ops->create_experiment(
			manager->store, name, options, id_out, &why);
		if (status == MLM_EEXISTS) /* another process was quicker */
			status = manager->ops->get_experiment(
				manager->store, NULL, name, &list, &why);
	}
	manager_hurry_end(manager);
	if (manager_is_away(manager, status))
		return promise(manager, name, options, &why, id_out, err);
	if (status != MLM_OK && err)
		*err = why;
	if (status != MLM_OK || !list)
		return status;
	const mlm_experiment *found = &list->items[0];
	if (found->lifecycle == MLM_DELETED) {
		status = deleted(found, err);
	} else {
		memcpy(id_out, found->experiment_id, strlen(found->experiment_id) + 1);
		if (options->reset)
			status = reset_runs(manager, id_out, err);
	}
	mlm_experiment_list_free(list);
	return status;
}

mlm_status mlm_experiment_create(mlm_manager *manager, const char *name,
	const mlm_experiment_options *options, char id_out[MLM_ID_SIZE], mlm_error *err)
{
	static const struct options_layout layout =
		OPTIONS_LAYOUT(mlm_experiment_options, tag_count);
	mlm_experiment_options checked;
	char id[MLM_ID_SIZE] = "";
	if (id_out)
		id_out[0] = '\0';
	mlm_status status = options_take(&checked, options, &layout, err);
	if (status == MLM_OK)
		status = manager_check(manager, err);
	if (status == MLM_OK)
		status = limits_check_experiment_name(name, err);
	if (status == MLM_OK && checked.artifact_location)
		status = limits_check_artifact_location(checked.artifact_location, err);
	if (status != MLM_OK)
		return status;
	struct arena *arena = arena_new(&manager->allocator);
	if (!arena)
		return error_set(err, MLM_ENOMEM, "experiment", "memory ran out");
	status = limits_check_texts(checked.tags, checked.tag_count, MLM_EXPERIMENT_TAG_VALUE_MAX,
		"tag", arena, &checked.tags, err);
	if (status == MLM_OK)
		status = manager_enter(manager, err);
	if (status == MLM_OK) {
		status = create_or_find(manager, name, &checked, id, err);
		if (status == MLM_OK) {
			activate(manager, id);
			experiment_know_inside(manager, id);
			if (id_out)
				memcpy(id_out, id, MLM_ID_SIZE);
		}
		manager_leave(manager);
	}
	arena_free(arena);
	return status;
}

static bool all_digits(const char *text)
{
	return text[0] && strspn(text, "0123456789") == strlen(text);
}

mlm_status mlm_experiment_set_active(mlm_manager *manager, const char *name_or_id, mlm_error *err)
{
	if (!name_or_id)
		return error_set_null(err, "experiment", "name_or_id");
	mlm_status status = manager_enter(manager, err);
	if (status != MLM_OK)
		return status;
	status = activate_existing(manager, NULL, name_or_id, err);
	if (status == MLM_ENOTFOUND) {
		if (all_digits(name_or_id))
			status = activate_existing(manager, name_or_id, NULL, NULL);
		if (status == MLM_ENOTFOUND)
			error_set(err, MLM_ENOTFOUND, "experiment",
				"there is no experiment '%s'; create it with create_experiment",
				name_or_id);
		else if (status != MLM_OK) /* say why, now that it is not the name */
			status = activate_existing(manager, name_or_id, NULL, err);
	}
	manager_leave(manager);
	return status;
}

mlm_status mlm_experiment_set_active_id(
	mlm_manager *manager, const char *experiment_id, mlm_error *err)
{
	if (!experiment_id)
		return error_set_null(err, "experiment", "experiment_id");
	mlm_status status = manager_enter(manager, err);
	if (status != MLM_OK)
		return status;
	status = activate_existing(manager, experiment_id, NULL, err);
	manager_leave(manager);
	return status;
}

void mlm_experiment_active(mlm_manager *manager, char id_out[MLM_ID_SIZE])
{
	id_out[0] = '\0';
	if (manager_enter(manager, NULL) != MLM_OK)
		return;
	memcpy(id_out, manager->experiment_id, MLM_ID_SIZE);
	experiment_know_inside(manager, id_out);
	if (id_out[0])
		memcpy(manager->experiment_id, id_out, MLM_ID_SIZE);
	manager_leave(manager);
}

mlm_status mlm_experiment_get(mlm_manager *manager, const char *experiment_id,
	mlm_experiment_list **list_out, mlm_error *err)
{
	if (!experiment_id)
		return error_set_null(err, "experiment", "experiment_id");
	if (!list_out)
		return error_set_null(err, "experiment", "list_out");
	*list_out = NULL;
	mlm_status status = manager_enter(manager, err);
	if (status != MLM_OK)
		return status;
	status = manager->ops->get_experiment(manager->store, experiment_id, NULL, list_out, err);
	manager_leave(manager);
	return status;
}

mlm_status mlm_experiment_get_by_name(
	mlm_manager *manager, const char *name, mlm_experiment_list **list_out, mlm_error *err)
{
	if (!name)
		return error_set_null(err, "experiment", "name");
	if (!list_out)
		return error_set_null(err, "experiment", "list_out");
	*list_out = NULL;
	mlm_status status = manager_enter(manager, err);
	if (status != MLM_OK)
		return status;
	status = manager->ops->get_experiment(manager->store, NULL, name, list_out, err);
	manager_leave(manager);
	return status;
}

mlm_status mlm_experiment_search(mlm_manager *manager, const mlm_query *query,
	mlm_experiment_list **list_out, mlm_error *err)
{
	if (!list_out)
		return error_set_null(err, "experiment", "list_out");
	mlm_query taken;
	*list_out = NULL;
	mlm_status status = options_take(&taken, query, &query_layout, err);
	if (status == MLM_OK)
		status = manager_enter(manager, err);
	if (status != MLM_OK)
		return status;
	status = manager->ops->search_experiments(manager->store, &taken, list_out, err);
	manager_leave(manager);
	return status;
}

void mlm_experiment_list_free(mlm_experiment_list *list)
{
	if (list)
		arena_free(list->memory);
}

mlm_status mlm_experiment_rename(
	mlm_manager *manager, const char *experiment_id, const char *new_name, mlm_error *err)
{
	if (!experiment_id)
		return error_set_null(err, "experiment", "experiment_id");
	mlm_status status = limits_check_experiment_name(new_name, err);
	if (status == MLM_OK)
		status = manager_enter(manager, err);
	if (status != MLM_OK)
		return status;
	status = manager->ops->rename_experiment(manager->store, experiment_id, new_name, err);
	manager_leave(manager);
	return status;
}

mlm_status mlm_experiment_delete(mlm_manager *manager, const char *experiment_id, mlm_error *err)
{
	if (!experiment_id)
		return error_set_null(err, "experiment", "experiment_id");
	mlm_status status = manager_enter(manager, err);
	if (status != MLM_OK)
		return status;
	for (const mlm_run *run = manager->active; run && status == MLM_OK; run = run->parent)
		if (strcmp(run->experiment_id, experiment_id) == 0)
			status = error_set(err, MLM_ESTATE, "experiment",
				"experiment %s has the active run %s; end it first", experiment_id,
				run->id);
	if (status == MLM_OK)
		status = manager_flush_inside(manager, MANAGER_FLUSH_WAIT_MS, err);
	if (status == MLM_OK)
		status = manager->ops->set_experiment_lifecycle(
			manager->store, experiment_id, MLM_DELETED, err);
	if (status == MLM_OK && strcmp(manager->experiment_id, experiment_id) == 0)
		manager->experiment_id[0] = '\0';
	manager_leave(manager);
	return status;
}

mlm_status mlm_experiment_restore(mlm_manager *manager, const char *experiment_id, mlm_error *err)
{
	if (!experiment_id)
		return error_set_null(err, "experiment", "experiment_id");
	mlm_status status = manager_enter(manager, err);
	if (status != MLM_OK)
		return status;
	status = manager->ops->set_experiment_lifecycle(
		manager->store, experiment_id, MLM_ACTIVE, err);
	manager_leave(manager);
	return status;
}

mlm_status mlm_experiment_set_tag(mlm_manager *manager, const char *experiment_id, const char *key,
	const char *value, mlm_error *err)
{
	if (!experiment_id)
		return error_set_null(err, "experiment", "experiment_id");
	mlm_status status = manager_check(manager, err);
	if (status != MLM_OK)
		return status;
	struct arena *arena = arena_new(&manager->allocator);
	const mlm_text *checked = NULL;
	if (!arena)
		return error_set(err, MLM_ENOMEM, "experiment", "memory ran out");
	status = limits_check_texts(&(mlm_text){ key, value }, 1, MLM_EXPERIMENT_TAG_VALUE_MAX,
		"tag", arena, &checked, err);
	if (status == MLM_OK)
		status = manager_enter(manager, err);
	if (status == MLM_OK) {
		status = manager->ops->set_experiment_tag(
			manager->store, experiment_id, key, checked[0].value, err);
		manager_leave(manager);
	}
	arena_free(arena);
	return status;
}
