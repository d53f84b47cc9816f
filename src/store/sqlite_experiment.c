/* SPDX-License-Identifier: Apache-2.0 */
#include "store/sqlite_experiment.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "store/answer.h"
#include "store/artifact_uri.h"
#include "store/sqlite_store.h"

#define ID_DIGITS_MAX 18

/* An id that is no number names no experiment, and each has one way to be written: the core
 * compares them as texts. */
static bool parse_id(const char *text, int64_t *id_out)
{
	size_t digits = strspn(text, "0123456789");
	if (digits == 0 || digits > ID_DIGITS_MAX || text[digits] || (text[0] == '0' && digits > 1))
		return false;
	*id_out = strtoll(text, NULL, 10);
	return true;
}

static mlm_status no_experiment(const char *id, mlm_error *err)
{
	return error_set(
		err, MLM_ENOTFOUND, "experiment", "there is no experiment with the id '%s'", id);
}

static mlm_status find_by_id(struct sqlite_store *store, const char *text, int64_t *id_out,
	mlm_lifecycle *lifecycle_out, mlm_error *err)
{
	if (!parse_id(text, id_out))
		return no_experiment(text, err);
	sqlite3_stmt *rows;
	mlm_status status = sqlite_statement(store,
		"SELECT lifecycle_stage = 'deleted' FROM experiments WHERE experiment_id = ?1",
		&rows, err);
	if (status != MLM_OK)
		return status;
	sqlite3_bind_int64(rows, 1, *id_out);
	int result = sqlite3_step(rows);
	if (result == SQLITE_ROW)
		*lifecycle_out = sqlite3_column_int(rows, 0) ? MLM_DELETED : MLM_ACTIVE;
	else if (result == SQLITE_DONE)
		status = no_experiment(text, err);
	else
		status = sqlite_failed(store, err, "could not read an experiment");
	sqlite3_reset(rows);
	return status;
}

mlm_status sqlite_find_experiment(
	struct sqlite_store *store, const char *id, mlm_lifecycle *lifecycle_out, mlm_error *err)
{
	int64_t number;
	return find_by_id(store, id, &number, lifecycle_out, err);
}

static mlm_status find_active(
	struct sqlite_store *store, const char *text, int64_t *id_out, mlm_error *err)
{
	mlm_lifecycle lifecycle;
	mlm_status status = find_by_id(store, text, id_out, &lifecycle, err);
	if (status == MLM_OK && lifecycle == MLM_DELETED)
		return error_set(err, MLM_ESTATE, "experiment",
			"the experiment %s is deleted; restore it first", text);
	return status;
}

/* *found_out false when there is none of that name. */
static mlm_status find_by_name(struct sqlite_store *store, const char *name, bool *found_out,
	int64_t *id_out, mlm_lifecycle *lifecycle_out, mlm_error *err)
{
	*found_out = false;
	sqlite3_stmt *rows;
	mlm_status status = sqlite_statement(store,
		store->layout.experiment_workspace
			? "SELECT experiment_id, lifecycle_stage = 'deleted' FROM experiments "
			  "WHERE name = ?1 AND workspace = 'default'"
			: "SELECT experiment_id, lifecycle_stage = 'deleted' FROM experiments "
			  "WHERE name = ?1",
		&rows, err);
	if (status != MLM_OK)
		return status;
	sqlite_bind(rows, 1, name);
	int result = sqlite3_step(rows);
	if (result == SQLITE_ROW) {
		*found_out = true;
		*id_out = sqlite3_column_int64(rows, 0);
		*lifecycle_out = sqlite3_column_int(rows, 1) ? MLM_DELETED : MLM_ACTIVE;
	} else if (result != SQLITE_DONE) {
		status = sqlite_failed(store, err, "could not read an experiment");
	}
	sqlite3_reset(rows);
	return status;
}

static mlm_status require_free_name(struct sqlite_store *store, const char *name, mlm_error *err)
{
	bool found;
	int64_t id;
	mlm_lifecycle lifecycle;
	mlm_status status = find_by_name(store, name, &found, &id, &lifecycle, err);
	if (status != MLM_OK || !found)
		return status;
	if (lifecycle == MLM_DELETED)
		return error_set(err, MLM_EEXISTS, "experiment",
			"a deleted experiment is named '%s' (id %lld); restore it or choose "
			"another name",
			name, (long long)id);
	return error_set(err, MLM_EEXISTS, "experiment",
		"an experiment named '%s' exists already (id %lld)", name, (long long)id);
}

static mlm_status put_tag(
	struct sqlite_store *store, int64_t id, const char *key, const char *value, mlm_error *err)
{
	sqlite3_stmt *put;
	mlm_status status = sqlite_statement(store,
		"INSERT INTO experiment_tags (key, value, experiment_id) VALUES (?1, ?2, ?3) "
		"ON CONFLICT (key, experiment_id) DO UPDATE SET value = excluded.value",
		&put, err);
	if (status != MLM_OK)
		return status;
	sqlite_bind(put, 1, key);
	sqlite_bind(put, 2, value);
	sqlite3_bind_int64(put, 3, id);
	return sqlite_step_done(store, put, "could not set an experiment's tag", err);
}

static mlm_status insert_experiment(struct sqlite_store *store, const char *name,
	const char *location, int64_t *id_out, mlm_error *err)
{
	sqlite3_stmt *insert;
	mlm_status status = sqlite_statement(store,
		store->layout.experiment_times
			? "INSERT INTO experiments (name, artifact_location, lifecycle_stage, "
			  "creation_time, last_update_time) VALUES (?1, ?2, 'active', ?3, ?3)"
			: "INSERT INTO experiments (name, artifact_location, lifecycle_stage) "
			  "VALUES (?1, ?2, 'active')",
		&insert, err);
	if (status != MLM_OK)
		return status;
	sqlite_bind(insert, 1, name);
	sqlite_bind(insert, 2, location);
	if (store->layout.experiment_times)
		sqlite3_bind_int64(insert, 3, clock_now_ms());
	status = sqlite_step_done(store, insert, "could not create an experiment", err);
	*id_out = sqlite3_last_insert_rowid(store->db);
	return status;
}

/* The default location holds the id, which only the insert gives. */
static mlm_status set_default_location(struct sqlite_store *store, int64_t id, mlm_error *err)
{
	char digits[ID_DIGITS_MAX + 3];
	snprintf(digits, sizeof(digits), "%lld", (long long)id);
	char *location = artifact_uri_append(store->base.allocator, store->artifacts, digits);
	if (!location)
		return sqlite_out_of_memory(err);
	sqlite3_stmt *update;
	mlm_status status = sqlite_statement(store,
		"UPDATE experiments SET artifact_location = ?1 WHERE experiment_id = ?2", &update,
		err);
	if (status == MLM_OK) {
		sqlite_bind(update, 1, location);
		sqlite3_bind_int64(update, 2, id);
		status = sqlite_step_done(store, update, "could not create an experiment", err);
	}
	memory_free(store->base.allocator, location);
	return status;
}

mlm_status sqlite_create_experiment(struct store *base, const char *name,
	const mlm_experiment_options *options, char id_out[MLM_ID_SIZE], mlm_error *err)
{
	struct sqlite_store *store = sqlite_store_of(base);
	const char *location = options ? options->artifact_location : NULL;
	size_t tag_count = options ? options->tag_count : 0;
	int64_t id = 0;
	id_out[0] = '\0';
	mlm_status status = sqlite_begin_write(store, err);
	if (status != MLM_OK)
		return status;
	status = require_free_name(store, name, err);
	if (status == MLM_OK)
		status = insert_experiment(store, name, location, &id, err);
	if (status == MLM_OK && !location)
		status = set_default_location(store, id, err);
	for (size_t i = 0; i < tag_count && status == MLM_OK; i++)
		status = put_tag(store, id, options->tags[i].key, options->tags[i].value, err);
	status = sqlite_end(store, status, err);
	if (status == MLM_OK)
		snprintf(id_out, MLM_ID_SIZE, "%lld", (long long)id);
	return status;
}

static mlm_status find_either(struct sqlite_store *store, const char *id_text, const char *name,
	int64_t *id_out, mlm_error *err)
{
	mlm_lifecycle lifecycle;
	if (id_text)
		return find_by_id(store, id_text, id_out, &lifecycle, err);
	bool found;
	mlm_status status = find_by_name(store, name, &found, id_out, &lifecycle, err);
	if (status == MLM_OK && !found)
		return error_set(err, MLM_ENOTFOUND, "experiment",
			"there is no experiment named '%s'", name);
	return status;
}

mlm_status sqlite_get_experiment(struct store *base, const char *id_text, const char *name,
	mlm_experiment_list **list_out, mlm_error *err)
{
	struct sqlite_store *store = sqlite_store_of(base);
	*list_out = NULL;
	mlm_experiment_list *list = answer_experiment_list(store->base.allocator);
	if (!list)
		return sqlite_out_of_memory(err);
	struct arena *arena = list->memory;
	mlm_experiment *experiment = arena_alloc(arena, sizeof(*experiment));
	int64_t id = 0;
	mlm_status status = experiment ? sqlite_begin_read(store, err) : sqlite_out_of_memory(err);
	if (status == MLM_OK) {
		status = find_either(store, id_text, name, &id, err);
		if (status == MLM_OK)
			status = sqlite_load_experiments(store, arena, &id, 1, experiment, err);
		status = sqlite_end(store, status, err);
	}
	if (status != MLM_OK) {
		arena_free(arena);
		return status;
	}
	list->items = experiment;
	list->count = 1;
	*list_out = list;
	return MLM_OK;
}

mlm_status sqlite_rename_experiment(
	struct store *base, const char *id_text, const char *name, mlm_error *err)
{
	struct sqlite_store *store = sqlite_store_of(base);
	int64_t id, other;
	bool found = false;
	mlm_lifecycle lifecycle;
	mlm_status status = sqlite_begin_write(store, err);
	if (status != MLM_OK)
		return status;
	status = find_active(store, id_text, &id, err);
	if (status == MLM_OK)
		status = find_by_name(store, name, &found, &other, &lifecycle, err);
	if (status == MLM_OK && found && other != id)
		status = require_free_name(store, name, err);
	sqlite3_stmt *update;
	if (status == MLM_OK)
		status = sqlite_statement(store,
			store->layout.experiment_times
				? "UPDATE experiments SET name = ?1, last_update_time = ?3 "
				  "WHERE experiment_id = ?2"
				: "UPDATE experiments SET name = ?1 WHERE experiment_id = ?2",
			&update, err);
	if (status == MLM_OK) {
		sqlite_bind(update, 1, name);
		sqlite3_bind_int64(update, 2, id);
		if (store->layout.experiment_times)
			sqlite3_bind_int64(update, 3, clock_now_ms());
		status = sqlite_step_done(store, update, "could not rename an experiment", err);
	}
	return sqlite_end(store, status, err);
}

static mlm_status mark_runs(
	struct sqlite_store *store, int64_t id, mlm_lifecycle lifecycle, mlm_error *err)
{
	mlm_status status = MLM_OK;
	sqlite3_stmt *update;
	/* MLflow takes the assessments that a deleted run made along, for good. */
	if (lifecycle == MLM_DELETED && store->layout.assessment_metadata) {
		status = sqlite_statement(store,
			"DELETE FROM assessments WHERE CASE WHEN json_valid(assessment_metadata) "
			"THEN json_extract(assessment_metadata, "
			"'$.\"mlflow.assessment.sourceRunId\"') END IN "
			"(SELECT run_uuid FROM runs WHERE experiment_id = ?1 "
			"AND lifecycle_stage = 'active')",
			&update, err);
		if (status != MLM_OK)
			return status;
		sqlite3_bind_int64(update, 1, id);
		status = sqlite_step_done(store, update, "could not delete assessments", err);
		if (status != MLM_OK)
			return status;
	}
	const bool timed = store->layout.run_deleted_time;
	status = sqlite_statement(store,
		timed ? "UPDATE runs SET lifecycle_stage = ?2, deleted_time = ?3 "
			"WHERE experiment_id = ?1 AND lifecycle_stage IS NOT ?2"
		      : "UPDATE runs SET lifecycle_stage = ?2 "
			"WHERE experiment_id = ?1 AND lifecycle_stage IS NOT ?2",
		&update, err);
	if (status != MLM_OK)
		return status;
	sqlite3_bind_int64(update, 1, id);
	sqlite_bind(update, 2, lifecycle == MLM_DELETED ? "deleted" : "active");
	if (timed && lifecycle == MLM_DELETED)
		sqlite3_bind_int64(update, 3, clock_now_ms());
	return sqlite_step_done(store, update, "could not change an experiment's runs", err);
}

static mlm_status mark_experiment(
	struct sqlite_store *store, int64_t id, mlm_lifecycle lifecycle, mlm_error *err)
{
	sqlite3_stmt *update;
	mlm_status status = sqlite_statement(store,
		store->layout.experiment_times
			? "UPDATE experiments SET lifecycle_stage = ?2, last_update_time = ?3 "
			  "WHERE experiment_id = ?1"
			: "UPDATE experiments SET lifecycle_stage = ?2 WHERE experiment_id = ?1",
		&update, err);
	if (status != MLM_OK)
		return status;
	sqlite3_bind_int64(update, 1, id);
	sqlite_bind(update, 2, lifecycle == MLM_DELETED ? "deleted" : "active");
	if (store->layout.experiment_times)
		sqlite3_bind_int64(update, 3, clock_now_ms());
	return sqlite_step_done(store, update, "could not change an experiment", err);
}

mlm_status sqlite_set_experiment_lifecycle(
	struct store *base, const char *id_text, mlm_lifecycle lifecycle, mlm_error *err)
{
	struct sqlite_store *store = sqlite_store_of(base);
	int64_t id;
	mlm_lifecycle current;
	mlm_status status = sqlite_begin_write(store, err);
	if (status != MLM_OK)
		return status;
	status = find_by_id(store, id_text, &id, &current, err);
	if (status == MLM_OK && current == lifecycle)
		status = error_set(err, MLM_ESTATE, "experiment",
			lifecycle == MLM_DELETED ? "the experiment %s is deleted already"
						 : "the experiment %s is not deleted",
			id_text);
	if (status == MLM_OK)
		status = mark_runs(store, id, lifecycle, err);
	if (status == MLM_OK)
		status = mark_experiment(store, id, lifecycle, err);
	return sqlite_end(store, status, err);
}

mlm_status sqlite_set_experiment_tag(
	struct store *base, const char *id_text, const char *key, const char *value, mlm_error *err)
{
	struct sqlite_store *store = sqlite_store_of(base);
	int64_t id;
	mlm_status status = sqlite_begin_write(store, err);
	if (status != MLM_OK)
		return status;
	status = find_active(store, id_text, &id, err);
	if (status == MLM_OK)
		status = put_tag(store, id, key, value, err);
	return sqlite_end(store, status, err);
}

mlm_status sqlite_delete_experiment_runs(struct store *base, const char *id_text, mlm_error *err)
{
	struct sqlite_store *store = sqlite_store_of(base);
	int64_t id;
	mlm_status status = sqlite_begin_write(store, err);
	if (status != MLM_OK)
		return status;
	status = find_active(store, id_text, &id, err);
	if (status == MLM_OK)
		status = mark_runs(store, id, MLM_DELETED, err);
	return sqlite_end(store, status, err);
}
