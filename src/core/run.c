/* SPDX-License-Identifier: Apache-2.0 */
#include "mlmanager/run.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/options.h"
#include "core/git_commit.h"
#include "core/limits.h"
#include "core/manager.h"
#include "core/run_name.h"
#include "core/user_name.h"
#include "store/run_status.h"

#define STANDARD_TAGS_MAX 8u

const char *mlm_run_status_name(mlm_run_status status)
{
	return run_status_name(status);
}

mlm_run_status mlm_run_status_parse(const char *name)
{
	return run_status_parse(name);
}

/* ---- handles ---- */

mlm_run *run_find_handle(const mlm_manager *manager, const char *run_id)
{
	for (mlm_run *run = manager->runs; run; run = run->next)
		if (strcmp(run->id, run_id) == 0)
			return run;
	return NULL;
}

/* A run that was begun while its store was away has two ids, and its handle the first. */
static mlm_run *find_named(
	const mlm_manager *manager, const char *run_id, const mlm_run_record *record)
{
	mlm_run *run = run_find_handle(manager, record->run_id);
	if (!run)
		run = run_find_handle(manager, run_id);
	for (size_t i = 0; i < record->tag_count && !run; i++)
		if (strcmp(record->tags[i].key, STORE_ORIGIN_TAG) == 0)
			run = run_find_handle(manager, record->tags[i].value);
	return run;
}

static mlm_run *new_handle(
	mlm_manager *manager, const char *run_id, const char *experiment_id, const char *name)
{
	mlm_run *run = memory_new(&manager->allocator, sizeof(*run));
	if (!run)
		return NULL;
	run->name = memory_string(&manager->allocator, name ? name : "");
	if (!run->name) {
		memory_free(&manager->allocator, run);
		return NULL;
	}
	run->manager = manager;
	snprintf(run->id, sizeof(run->id), "%s", run_id);
	snprintf(run->experiment_id, sizeof(run->experiment_id), "%s", experiment_id);
	return run;
}

static void keep_handle(mlm_manager *manager, mlm_run *run)
{
	pthread_mutex_lock(&manager->refused_mutex);
	run->next = manager->runs;
	manager->runs = run;
	pthread_mutex_unlock(&manager->refused_mutex);
}

static void set_open(mlm_run *run)
{
	journal_lock(run->manager->journal);
	atomic_store(&run->is_open, true);
	journal_unlock(run->manager->journal);
}

void run_keep_artifact_uri(mlm_run *run, const char *uri)
{
	const mlm_allocator *allocator = &run->manager->allocator;
	bool is_of_use = uri && uri[0] && run->manager->ops->deliver;
	if (!is_of_use || (run->artifact_uri && strcmp(run->artifact_uri, uri) == 0))
		return;
	/* Without memory for it, it is asked for again. */
	memory_free(allocator, run->artifact_uri);
	run->artifact_uri = memory_string(allocator, uri);
}

void run_leave_stack(mlm_run *run)
{
	mlm_manager *manager = run->manager;
	run_close_series(run);
	mlm_run **link = &manager->active;
	while (*link && *link != run)
		link = &(*link)->parent;
	if (*link)
		*link = run->parent;
	run->parent = NULL;
}

/* ---- starting ---- */

struct standard_tags {
	mlm_text tags[STANDARD_TAGS_MAX];
	size_t count;
	char commit[65];
	char source_name[4096];
	char user[USER_NAME_SIZE];
	char run_name[RUN_NAME_SIZE];
};

static const char *find_tag(const mlm_text *tags, size_t count, const char *key)
{
	const char *value = NULL;
	for (size_t i = 0; i < count; i++)
		if (strcmp(tags[i].key, key) == 0)
			value = tags[i].value; /* the last wins, as in the store */
	return value;
}

/* Adds a tag that the caller did not set himself. */
static void add_standard(struct standard_tags *standard, const mlm_run_options *options,
	const char *key, const char *value)
{
	if (value && value[0] && !find_tag(options->tags, options->tag_count, key))
		standard->tags[standard->count++] = (mlm_text){ key, value };
}

static const char *program_path(char *buffer, size_t size)
{
	ssize_t length = readlink("/proc/self/exe", buffer, size - 1);
	buffer[length > 0 ? length : 0] = '\0';
	return buffer;
}

/* What the caller gave becomes columns and tags: checked as tags are. */
static mlm_status check_options(const mlm_run_options *options, struct arena *arena,
	mlm_run_options *checked_out, mlm_error *err)
{
	*checked_out = *options;
	mlm_status status = limits_check_texts(options->tags, options->tag_count, MLM_TAG_VALUE_MAX,
		"tag", arena, &checked_out->tags, err);
	if (status == MLM_OK && options->run_name)
		status = limits_check_value("mlflow.runName", options->run_name, MLM_TAG_VALUE_MAX,
			"tag", arena, &checked_out->run_name, err);
	if (status == MLM_OK && options->user_id)
		status = limits_check_value("mlflow.user", options->user_id, MLM_TAG_VALUE_MAX,
			"tag", arena, &checked_out->user_id, err);
	return status;
}

/* Decides name, user and MLflow's standard tags of a new run. */
static mlm_status describe(mlm_manager *manager, const mlm_run_options *options,
	struct store_new_run *run, struct standard_tags *standard, struct arena *arena,
	mlm_error *err)
{
	const char *tagged = find_tag(options->tags, options->tag_count, "mlflow.runName");
	const char *tagged_user = find_tag(options->tags, options->tag_count, "mlflow.user");
	const char *name = options->run_name && options->run_name[0] ? options->run_name : tagged;
	if (tagged && strcmp(name, tagged) != 0)
		return error_set(err, MLM_EINVAL, "run",
			"run_name '%.100s' and tag mlflow.runName '%.100s' differ; give one of "
			"them",
			name, tagged);
	if (!name || !name[0]) {
		run_name_generate(standard->run_name);
		name = standard->run_name;
	}
	run->run_name = name;
	if (options->user_id && options->user_id[0]) {
		run->user_id = options->user_id;
	} else if (tagged_user) {
		run->user_id = tagged_user;
	} else {
		user_name_read(standard->user);
		run->user_id = limits_clean_text(standard->user, MLM_TAG_VALUE_MAX, arena);
	}
	const char *source = options->source_name ? options->source_name
						  : program_path(standard->source_name,
							    sizeof(standard->source_name));
	bool has_commit = git_commit_read(source, standard->commit);
	run->source_name = limits_clean_text(source, MLM_TAG_VALUE_MAX, arena);
	if (!run->user_id || !run->source_name)
		return error_set(err, MLM_ENOMEM, "run", "memory ran out");
	add_standard(standard, options, "mlflow.user", run->user_id);
	add_standard(standard, options, "mlflow.source.name", run->source_name);
	add_standard(standard, options, "mlflow.source.type", "LOCAL");
	if (has_commit)
		add_standard(standard, options, "mlflow.source.git.commit", standard->commit);
	add_standard(standard, options, "mlflow.runName", name);
	if (options->nested && manager->active)
		add_standard(standard, options, "mlflow.parentRunId", manager->active->id);
	return MLM_OK;
}

mlm_status run_new_id(char id_out[MLM_ID_SIZE], mlm_error *err)
{
	unsigned char bytes[16];
	if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
		return error_set_errno(err, errno, "run", "no random bytes");
	/* The form of a version 4 UUID, which is what MLflow's ids are. */
	bytes[6] = (unsigned char)((bytes[6] & 0x0F) | 0x40);
	bytes[8] = (unsigned char)((bytes[8] & 0x3F) | 0x80);
	for (size_t i = 0; i < sizeof(bytes); i++)
		snprintf(id_out + 2 * i, 3, "%02x", bytes[i]);
	return MLM_OK;
}

static void log_system_metrics(void *payload, const mlm_metric *metrics, size_t count)
{
	/* A full journal is the caller's to hear of, in its own calls. */
	mlm_run_log_metrics(payload, metrics, count, NULL);
}

static void start_system_metrics(mlm_run *run)
{
	const struct mlm_manager *manager = run->manager;
	struct system_metrics_options options;
	mlm_error err = MLM_ERROR_INIT;
	if (!manager->samples_system)
		return;
	mlm_status status = system_metrics_defaults(&options, &err);
	if (status == MLM_OK) {
		options.allocator = &manager->allocator;
		options.log = log_system_metrics;
		options.payload = run;
		status = system_metrics_start(&options, &run->system_metrics, &err);
	}
	if (status != MLM_OK)
		manager_log(run->manager, MLM_LOG_WARNING, err.message);
}

static mlm_status check_start(mlm_manager *manager, const mlm_run_options *options, mlm_error *err)
{
	if (manager->active && !options->nested)
		return error_set(err, MLM_ESTATE, "run",
			"run %s is active: end it with end_run first, or start the new one with "
			"nested=true",
			manager->active->id);
	if (!options->experiment_id && !manager->experiment_id[0])
		return error_set(err, MLM_ESTATE, "run",
			"no experiment is active: call create_experiment or set_active_experiment "
			"first");
	return MLM_OK;
}

/* A store that names runs itself has its name take the place of ours. */
static mlm_status take_name(mlm_run *run, const char *id, mlm_error *err)
{
	if (strcmp(run->id, id) == 0)
		return MLM_OK;
	if (strlen(id) > JOURNAL_ID_HEX)
		return error_set(err, MLM_EPEER, "run",
			"the store named the run '%s'; an id has at most %d characters", id,
			JOURNAL_ID_HEX);
	mlm_status status = journal_append_run(run->manager->journal, id, true, err);
	if (status != MLM_OK)
		return status;
	journal_append_run(run->manager->journal, run->id, false, NULL);
	memcpy(run->id, id, strlen(id) + 1);
	return MLM_OK;
}

/* The journal hears of the run before the store does: whenever this process dies, whoever adopts
 * the journal knows which runs to end. */
mlm_status run_create_inside(
	mlm_manager *manager, const struct store_new_run *row, mlm_run **run_out, mlm_error *err)
{
	char id[MLM_ID_SIZE];
	mlm_run *run = new_handle(manager, row->run_id, row->experiment_id, row->run_name);
	if (!run)
		return error_set(err, MLM_ENOMEM, "run", "memory ran out");
	mlm_status status = journal_append_run(manager->journal, run->id, true, err);
	if (status == MLM_OK) {
		status = manager->ops->create_run(manager->store, row, id, err);
		if (status == MLM_OK)
			status = take_name(run, id, err);
		if (status != MLM_OK)
			journal_append_run(manager->journal, run->id, false, NULL);
	}
	if (status != MLM_OK) {
		run_free(run);
		return status;
	}
	run->started_here = true;
	run->knows_steps = true;
	run->parent = manager->active;
	manager->active = run;
	keep_handle(manager, run);
	set_open(run);
	start_system_metrics(run);
	*run_out = run;
	return MLM_OK;
}

static mlm_status start(
	mlm_manager *manager, const mlm_run_options *options, mlm_run **run_out, mlm_error *err)
{
	mlm_status status = check_start(manager, options, err);
	if (status == MLM_OK)
		status = manager_need_journal(manager, err);
	if (status != MLM_OK)
		return status;
	struct arena *arena = arena_new(&manager->allocator);
	struct standard_tags *standard = arena ? arena_alloc(arena, sizeof(*standard)) : NULL;
	char run_id[MLM_ID_SIZE];
	mlm_run_options checked;
	struct store_new_run row = {
		.run_id = run_id,
		.experiment_id =
			options->experiment_id ? options->experiment_id : manager->experiment_id,
		.start_time_ms = clock_now_ms(),
	};
	if (!standard) {
		status = error_set(err, MLM_ENOMEM, "run", "memory ran out");
		goto out;
	}
	status = run_new_id(run_id, err);
	if (status == MLM_OK)
		status = check_options(options, arena, &checked, err);
	if (status == MLM_OK)
		status = describe(manager, &checked, &row, standard, arena, err);
	if (status != MLM_OK)
		goto out;
	mlm_text *tags = arena_array(arena, options->tag_count + standard->count, sizeof(*tags));
	if (!tags) {
		status = error_set(err, MLM_ENOMEM, "run", "memory ran out");
		goto out;
	}
	memcpy(tags, standard->tags, standard->count * sizeof(*tags));
	if (options->tag_count)
		memcpy(tags + standard->count, checked.tags, options->tag_count * sizeof(*tags));
	row.tags = tags;
	row.tag_count = standard->count + options->tag_count;
	status = run_create_inside(manager, &row, run_out, err);
out:
	arena_free(arena);
	return status;
}

mlm_status mlm_run_start(
	mlm_manager *manager, const mlm_run_options *options, mlm_run **run_out, mlm_error *err)
{
	static const struct options_layout layout = OPTIONS_LAYOUT(mlm_run_options, nested);
	mlm_run_options taken;
	mlm_run *run = NULL;
	if (run_out)
		*run_out = NULL;
	mlm_status status = options_take(&taken, options, &layout, err);
	if (status == MLM_OK)
		status = manager_enter(manager, err);
	if (status != MLM_OK)
		return status;
	status = start(manager, &taken, &run, err);
	if (run_out)
		*run_out = run;
	manager_leave(manager);
	return status;
}

/* What was logged before to the run it is about. */
static mlm_status settle_remote(mlm_manager *manager, mlm_error *err)
{
	bool is_left;
	mlm_error why = MLM_ERROR_INIT;
	return manager->ops->is_remote ? manager_settle_inside(manager, &is_left, &why, err)
				       : MLM_OK;
}

mlm_status run_set_active_inside(
	mlm_manager *manager, const char *run_id, mlm_run **run_out, mlm_error *err)
{
	mlm_run_list *list = NULL;
	mlm_status status = manager_need_journal(manager, err);
	if (status == MLM_OK)
		status = settle_remote(manager, err);
	if (status == MLM_OK)
		status = manager->ops->get_run(manager->store, run_id, &list, err);
	if (status != MLM_OK)
		return status;
	mlm_run *run = find_named(manager, run_id, &list->items[0]);
	if (list->items[0].lifecycle == MLM_DELETED) {
		status = error_set(err, MLM_ESTATE, "run",
			"run %s is deleted; bring it back with restore_run first", run_id);
	} else if (!run) {
		run = new_handle(manager, list->items[0].run_id, list->items[0].experiment_id,
			list->items[0].run_name);
		if (run)
			keep_handle(manager, run);
		else
			status = error_set(err, MLM_ENOMEM, "run", "memory ran out");
	}
	if (status == MLM_OK)
		run_keep_artifact_uri(run, list->items[0].artifact_uri);
	if (status != MLM_OK) {
		mlm_run_list_free(list);
		return status;
	}
	for (mlm_run *below = manager->active; below;) {
		mlm_run *next = below->parent;
		below->parent = NULL;
		below = next;
	}
	if (!atomic_load(&run->is_open)) {
		run->started_here = false;
		set_open(run);
	}
	manager->active = run;
	*run_out = run;
	/* Of a server now, since log_metric must not wait for it. */
	if (manager->ops->is_remote)
		status = run_learn_steps(
			run, list->items[0].metrics, list->items[0].metric_count, err);
	mlm_run_list_free(list);
	return status;
}

mlm_status mlm_run_set_active(
	mlm_manager *manager, const char *run_id, mlm_run **run_out, mlm_error *err)
{
	if (!run_id)
		return error_set_null(err, "run", "run_id");
	mlm_run *run = NULL;
	if (run_out)
		*run_out = NULL;
	mlm_status status = manager_enter(manager, err);
	if (status != MLM_OK)
		return status;
	status = run_set_active_inside(manager, run_id, &run, err);
	if (run_out)
		*run_out = run;
	manager_leave(manager);
	return status;
}

mlm_run *mlm_run_active(mlm_manager *manager)
{
	if (manager_enter(manager, NULL) != MLM_OK)
		return NULL;
	mlm_run *run = manager->active;
	manager_leave(manager);
	return run;
}

bool mlm_run_is_open(const mlm_run *run)
{
	return run && atomic_load(&run->is_open);
}

void mlm_run_experiment_id(const mlm_run *run, char id_out[MLM_ID_SIZE])
{
	id_out[0] = '\0';
	if (!run)
		return;
	memcpy(id_out, run->experiment_id, MLM_ID_SIZE);
	if (manager_enter(run->manager, NULL) != MLM_OK)
		return;
	experiment_know_inside(run->manager, id_out);
	manager_leave(run->manager);
}

void mlm_run_name(const mlm_run *run, char *name_out, size_t size)
{
	snprintf(name_out, size, "%s", run ? run->name : "");
}

const char *mlm_run_id(const mlm_run *run)
{
	return run ? run->id : "";
}

/* ---- ending ---- */

/* The run that must be ended before this one, or NULL. */
static const mlm_run *nested_above(const mlm_run *run)
{
	const mlm_run *above = NULL;
	for (const mlm_run *at = run->manager->active; at; at = at->parent) {
		if (at == run)
			return above;
		above = at;
	}
	return NULL;
}

mlm_status run_check_top(const mlm_run *run, mlm_error *err)
{
	mlm_status status = run_check_open(run, err);
	const mlm_run *above = nested_above(run);
	if (status == MLM_OK && above)
		status = error_set(err, MLM_ESTATE, "run",
			"run %s has the nested run %s open; end that one first", run->id,
			above->id);
	return status;
}

static void stop_system_metrics(mlm_run *run)
{
	system_metrics_stop(run->system_metrics);
	run->system_metrics = NULL;
}

static void forget_open(mlm_run *run)
{
	if (run->started_here)
		journal_append_run(run->manager->journal, run->id, false, NULL);
	run_leave_stack(run);
}

/* The run has ended all the same: a server that is away is no failure of the script. */
static void tell_left(mlm_run *run, bool was_behind, const mlm_error *why)
{
	const mlm_manager *manager = run->manager;
	char line[2 * MLM_ERROR_MESSAGE_SIZE];
	char artifacts[64];
	manager_describe_staged(run->manager, artifacts, sizeof(artifacts));
	snprintf(line, sizeof(line),
		"what run %s logged waits in '%s' for the server %s%s%s; 'mlmanager sync' sends "
		"it, or the next process that logs there: %s",
		run->id, manager->place.journal_dir, manager->place.uri,
		artifacts[0] ? ", with " : "", artifacts, why->message);
	manager_log(run->manager, was_behind ? MLM_LOG_INFO : MLM_LOG_WARNING, line);
}

mlm_status run_end_inside(mlm_run *run, mlm_run_status end_status, mlm_error *err)
{
	mlm_manager *manager = run->manager;
	bool was_behind = manager->is_behind;
	bool is_left = false;
	mlm_error left_why = MLM_ERROR_INIT;
	mlm_status status = run_check_top(run, err);
	if (status != MLM_OK)
		return status;
	stop_system_metrics(run);
	status = timer_end_all_inside(run, err);
	if (status == MLM_OK)
		status = manager_settle_inside(manager, &is_left, &left_why, err);
	if (status != MLM_OK)
		return status;
	if (end_status == MLM_RUN_UNCHANGED && run->started_here)
		end_status = MLM_RUN_FINISHED;
	if (end_status != MLM_RUN_UNCHANGED) {
		bool goes_on = end_status == MLM_RUN_RUNNING || end_status == MLM_RUN_SCHEDULED;
		struct store_run_change change = {
			.status = end_status,
			.end_time_ms = goes_on ? -1 : clock_now_ms(),
		};
		status = manager->ops->update_run(manager->store, run->id, &change, err);
		bool is_gone = status == MLM_ENOTFOUND || status == MLM_ESTATE;
		if (status != MLM_OK && !is_gone)
			return status;
	}
	if (!is_left)
		is_left = !manager_await_delivery_inside(manager, run->id, &left_why);
	manager->is_behind = is_left;
	forget_open(run);
	if (is_left)
		tell_left(run, was_behind, &left_why);
	mlm_error why = MLM_ERROR_INIT;
	mlm_status remembered = run_take_first_error(run, &why);
	if (status == MLM_OK && remembered != MLM_OK) {
		status = remembered;
		if (err)
			*err = why;
	}
	return status;
}

mlm_status mlm_run_end(mlm_run *run, mlm_run_status status, mlm_error *err)
{
	if (status < MLM_RUN_UNCHANGED || status > MLM_RUN_KILLED)
		return error_set(err, MLM_EINVAL, "run",
			"status %d is not one of enum mlm_run_status", (int)status);
	mlm_status result = run_enter(run, err);
	if (result != MLM_OK)
		return result;
	result = run_end_inside(run, status, err);
	manager_leave(run->manager);
	return result;
}

mlm_status run_delete_inside(mlm_run *run, mlm_error *err)
{
	mlm_manager *manager = run->manager;
	mlm_status status = run_check_top(run, err);
	if (status != MLM_OK)
		return status;
	/* Before the flush: what it logged after that the deleted run would refuse. */
	stop_system_metrics(run);
	status = manager_flush_inside(manager, MANAGER_FLUSH_WAIT_MS, err);
	if (status != MLM_OK)
		return status;
	if (run->started_here) {
		struct store_run_change change = {
			.status = MLM_RUN_FINISHED,
			.end_time_ms = clock_now_ms(),
		};
		status = manager->ops->update_run(manager->store, run->id, &change, err);
	}
	if (status == MLM_OK)
		status = manager->ops->set_run_lifecycle(manager->store, run->id, MLM_DELETED, err);
	if (status == MLM_OK)
		forget_open(run);
	return status;
}

mlm_status mlm_run_delete(mlm_run *run, mlm_error *err)
{
	mlm_status status = run_enter(run, err);
	if (status != MLM_OK)
		return status;
	status = run_delete_inside(run, err);
	manager_leave(run->manager);
	return status;
}

/* ---- any run by its id ---- */

mlm_status mlm_run_get(
	mlm_manager *manager, const char *run_id, mlm_run_list **list_out, mlm_error *err)
{
	if (!run_id)
		return error_set_null(err, "run", "run_id");
	if (!list_out)
		return error_set_null(err, "run", "list_out");
	*list_out = NULL;
	mlm_status status = manager_enter(manager, err);
	if (status != MLM_OK)
		return status;
	status = manager_flush_inside(manager, MANAGER_FLUSH_WAIT_MS, err);
	if (status == MLM_OK)
		status = manager->ops->get_run(manager->store, run_id, list_out, err);
	manager_leave(manager);
	return status;
}

static mlm_status search(
	mlm_manager *manager, const mlm_query *query, mlm_run_list **list_out, mlm_error *err)
{
	const char *active[] = { manager->experiment_id };
	mlm_query resolved = *query;
	if (query->experiment_count == 0) {
		if (!manager->experiment_id[0])
			return error_set(err, MLM_ESTATE, "run",
				"no experiment is active: call create_experiment or "
				"set_active_experiment first, or give experiment_ids");
		resolved.experiment_ids = active;
		resolved.experiment_count = 1;
	}
	mlm_status status = manager_flush_inside(manager, MANAGER_FLUSH_WAIT_MS, err);
	if (status != MLM_OK)
		return status;
	return manager->ops->search_runs(manager->store, &resolved, list_out, err);
}

mlm_status mlm_run_search(
	mlm_manager *manager, const mlm_query *query, mlm_run_list **list_out, mlm_error *err)
{
	if (!list_out)
		return error_set_null(err, "run", "list_out");
	mlm_query taken;
	*list_out = NULL;
	mlm_status status = options_take(&taken, query, &query_layout, err);
	if (status == MLM_OK)
		status = manager_enter(manager, err);
	if (status != MLM_OK)
		return status;
	status = search(manager, &taken, list_out, err);
	manager_leave(manager);
	return status;
}

void mlm_run_list_free(mlm_run_list *list)
{
	if (list)
		arena_free(list->memory);
}

mlm_status mlm_metric_history_get(mlm_manager *manager, const char *run_id, const char *key,
	mlm_metric_history **history_out, mlm_error *err)
{
	if (!run_id)
		return error_set_null(err, "run", "run_id");
	if (!key)
		return error_set_null(err, "run", "key");
	if (!history_out)
		return error_set_null(err, "run", "history_out");
	*history_out = NULL;
	mlm_status status = manager_enter(manager, err);
	if (status != MLM_OK)
		return status;
	status = manager_flush_inside(manager, MANAGER_FLUSH_WAIT_MS, err);
	if (status == MLM_OK)
		status = manager->ops->get_metric_history(
			manager->store, run_id, key, history_out, err);
	manager_leave(manager);
	return status;
}

void mlm_metric_history_free(mlm_metric_history *history)
{
	if (history)
		arena_free(history->memory);
}

mlm_status mlm_run_delete_id(mlm_manager *manager, const char *run_id, mlm_error *err)
{
	if (!run_id)
		return error_set_null(err, "run", "run_id");
	mlm_status status = manager_enter(manager, err);
	if (status != MLM_OK)
		return status;
	mlm_run *run = run_find_handle(manager, run_id);
	if (run && atomic_load(&run->is_open)) {
		status = run_delete_inside(run, err);
	} else {
		status = manager_flush_inside(manager, MANAGER_FLUSH_WAIT_MS, err);
		if (status == MLM_OK)
			status = manager->ops->set_run_lifecycle(
				manager->store, run_id, MLM_DELETED, err);
	}
	manager_leave(manager);
	return status;
}

mlm_status mlm_run_restore_id(mlm_manager *manager, const char *run_id, mlm_error *err)
{
	if (!run_id)
		return error_set_null(err, "run", "run_id");
	mlm_status status = manager_enter(manager, err);
	if (status != MLM_OK)
		return status;
	status = manager->ops->set_run_lifecycle(manager->store, run_id, MLM_ACTIVE, err);
	manager_leave(manager);
	return status;
}

mlm_status mlm_run_rename(
	mlm_manager *manager, const char *run_id, const char *name, mlm_error *err)
{
	if (!run_id)
		return error_set_null(err, "run", "run_id");
	mlm_status status = manager_check(manager, err);
	if (status != MLM_OK)
		return status;
	struct arena *arena = arena_new(&manager->allocator);
	const char *checked = NULL;
	if (!arena)
		return error_set(err, MLM_ENOMEM, "run", "memory ran out");
	if (!name || !name[0])
		status = error_set(err, MLM_EINVAL, "run", "the new name is empty");
	if (status == MLM_OK)
		status = limits_check_value(
			"mlflow.runName", name, MLM_TAG_VALUE_MAX, "tag", arena, &checked, err);
	if (status == MLM_OK)
		status = manager_enter(manager, err);
	if (status == MLM_OK) {
		struct store_run_change change = { .end_time_ms = -1, .run_name = checked };
		status = manager->ops->update_run(manager->store, run_id, &change, err);
		manager_leave(manager);
	}
	arena_free(arena);
	return status;
}
