/* SPDX-License-Identifier: Apache-2.0 */
#include "store/postgres_experiment.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "store/answer.h"
#include "store/artifact_uri.h"
#include "store/postgres_store.h"

#define ID_DIGITS_MAX 9 /* MLflow's ids are 32-bit here */

/* ---- finding ---- */

static mlm_status no_experiment(const char *id, mlm_error *err)
{
	return error_set(
		err, MLM_ENOTFOUND, "experiment", "there is no experiment with the id '%s'", id);
}

/* Each id has one way to be written: the core compares them as texts. */
static bool parse_id(const char *text, int64_t *id_out)
{
	size_t digits = strspn(text, "0123456789");
	if (digits == 0 || digits > ID_DIGITS_MAX || text[digits] || (text[0] == '0' && digits > 1))
		return false;
	*id_out = strtoll(text, NULL, 10);
	return true;
}

/* What is found is locked against a change of its lifecycle, where the transaction may write. */
static mlm_status find_by_id(struct postgres_store *store, const char *text, bool is_locked,
	int64_t *id_out, mlm_lifecycle *lifecycle_out, mlm_error *err)
{
	if (!parse_id(text, id_out))
		return no_experiment(text, err);
	struct postgres_values values = { 0 };
	PGresult *rows;
	postgres_add_integer(&values, *id_out);
	mlm_status status = postgres_query(store, "could not read an experiment",
		is_locked ? "SELECT lifecycle_stage FROM experiments WHERE experiment_id = "
			    "$1::int FOR SHARE"
			  : "SELECT lifecycle_stage FROM experiments WHERE experiment_id = "
			    "$1::int",
		&values, &rows, err);
	if (status != MLM_OK)
		return status;
	if (pq.PQntuples(rows) == 0) {
		status = no_experiment(text, err);
	} else {
		const char *stage = postgres_text(rows, 0, 0);
		*lifecycle_out = stage && strcmp(stage, "deleted") == 0 ? MLM_DELETED : MLM_ACTIVE;
	}
	pq.PQclear(rows);
	return status;
}

mlm_status postgres_find_experiment(struct postgres_store *store, const char *id_text,
	int64_t *id_out, mlm_lifecycle *lifecycle_out, mlm_error *err)
{
	return find_by_id(store, id_text, true, id_out, lifecycle_out, err);
}

static mlm_status find_active(
	struct postgres_store *store, const char *text, int64_t *id_out, mlm_error *err)
{
	mlm_lifecycle lifecycle;
	mlm_status status = find_by_id(store, text, true, id_out, &lifecycle, err);
	if (status == MLM_OK && lifecycle == MLM_DELETED)
		return error_set(err, MLM_ESTATE, "experiment",
			"the experiment %s is deleted; restore it first", text);
	return status;
}

/* *found_out false when there is none of that name. */
static mlm_status find_by_name(struct postgres_store *store, const char *name, bool *found_out,
	int64_t *id_out, mlm_lifecycle *lifecycle_out, mlm_error *err)
{
	struct postgres_values values = { 0 };
	PGresult *rows;
	*found_out = false;
	postgres_add_text(&values, name);
	mlm_status status = postgres_query(store, "could not read an experiment",
		store->layout.experiment_workspace
			? "SELECT experiment_id, lifecycle_stage FROM experiments "
			  "WHERE name = $1::text AND workspace = 'default'"
			: "SELECT experiment_id, lifecycle_stage FROM experiments "
			  "WHERE name = $1::text",
		&values, &rows, err);
	if (status != MLM_OK)
		return status;
	if (pq.PQntuples(rows) > 0) {
		const char *stage = postgres_text(rows, 0, 1);
		*found_out = true;
		*id_out = postgres_integer(rows, 0, 0, 0);
		*lifecycle_out = stage && strcmp(stage, "deleted") == 0 ? MLM_DELETED : MLM_ACTIVE;
	}
	pq.PQclear(rows);
	return MLM_OK;
}

static mlm_status name_is_taken(
	const char *name, int64_t id, mlm_lifecycle lifecycle, mlm_error *err)
{
	return error_set(err, MLM_EEXISTS, "experiment",
		lifecycle == MLM_DELETED
			? "a deleted experiment is named '%s' (id %lld); restore it or choose "
			  "another name"
			: "an experiment named '%s' exists already (id %lld)",
		name, (long long)id);
}

/* ---- creating ---- */

struct creation {
	const char *name;
	const mlm_experiment_options *options;
	int64_t id;
};

static mlm_status put_tag(struct postgres_store *store, int64_t id, const char *key,
	const char *value, mlm_error *err)
{
	struct postgres_values values = { 0 };
	postgres_add_text(&values, key);
	postgres_add_text(&values, value);
	postgres_add_integer(&values, id);
	return postgres_query(store, "could not set an experiment's tag",
		"INSERT INTO experiment_tags (key, value, experiment_id) VALUES ($1::text, "
		"$2::text, $3::int) "
		"ON CONFLICT (key, experiment_id) DO UPDATE SET value = excluded.value",
		&values, NULL, err);
}

/* The default location holds the id, so that is drawn first. */
static mlm_status draw_id(struct postgres_store *store, int64_t *id_out, mlm_error *err)
{
	PGresult *rows;
	mlm_status status = postgres_query(store, "could not create an experiment",
		"SELECT nextval(pg_get_serial_sequence('experiments', 'experiment_id'))", NULL,
		&rows, err);
	if (status != MLM_OK)
		return status;
	*id_out = postgres_integer(rows, 0, 0, 0);
	pq.PQclear(rows);
	return MLM_OK;
}

static mlm_status insert_experiment(struct postgres_store *store, const struct creation *creation,
	const char *location, mlm_error *err)
{
	struct postgres_values values = { 0 };
	postgres_add_integer(&values, creation->id);
	postgres_add_text(&values, creation->name);
	postgres_add_text(&values, location);
	if (store->layout.experiment_times)
		postgres_add_integer(&values, clock_now_ms());
	mlm_status status = postgres_query(store, "could not create an experiment",
		store->layout.experiment_times
			? "INSERT INTO experiments (experiment_id, name, artifact_location, "
			  "lifecycle_stage, creation_time, last_update_time) VALUES ($1::int, "
			  "$2::text, $3::text, 'active', $4::bigint, $4::bigint)"
			: "INSERT INTO experiments (experiment_id, name, artifact_location, "
			  "lifecycle_stage) VALUES ($1::int, $2::text, $3::text, 'active')",
		&values, NULL, err);
	/* Somebody else was faster: the next attempt sees the name. */
	if (status == MLM_EEXISTS) {
		store->fault = POSTGRES_CONFLICT;
		return error_set(err, MLM_EEXISTS, "experiment",
			"an experiment named '%s' exists already", creation->name);
	}
	return status;
}

static mlm_status create(struct postgres_store *store, void *payload, mlm_error *err)
{
	struct creation *creation = payload;
	const mlm_experiment_options *options = creation->options;
	const char *location = options ? options->artifact_location : NULL;
	size_t tag_count = options ? options->tag_count : 0;
	bool found;
	int64_t id;
	mlm_lifecycle lifecycle;
	mlm_status status = find_by_name(store, creation->name, &found, &id, &lifecycle, err);
	if (status != MLM_OK)
		return status;
	/* An attempt before this one was committed, and only its answer lost. */
	if (found && store->is_retry && id == creation->id)
		return MLM_OK;
	if (found)
		return name_is_taken(creation->name, id, lifecycle, err);
	status = draw_id(store, &creation->id, err);
	char *made = NULL;
	if (status == MLM_OK && !location) {
		char digits[24];
		snprintf(digits, sizeof(digits), "%" PRId64, creation->id);
		made = artifact_uri_append(store->base.allocator, store->artifacts, digits);
		location = made;
		if (!made)
			status = postgres_out_of_memory(err);
	}
	if (status == MLM_OK)
		status = insert_experiment(store, creation, location, err);
	for (size_t i = 0; i < tag_count && status == MLM_OK; i++)
		status = put_tag(
			store, creation->id, options->tags[i].key, options->tags[i].value, err);
	memory_free(store->base.allocator, made);
	return status;
}

mlm_status postgres_create_experiment(struct store *base, const char *name,
	const mlm_experiment_options *options, char id_out[MLM_ID_SIZE], mlm_error *err)
{
	struct creation creation = { .name = name, .options = options };
	id_out[0] = '\0';
	mlm_status status =
		postgres_transact(postgres_store_of(base), true, create, &creation, err);
	if (status == MLM_OK)
		snprintf(id_out, MLM_ID_SIZE, "%" PRId64, creation.id);
	return status;
}

/* ---- reading ---- */

struct reading {
	const char *id;
	const char *name;
	mlm_experiment_list *list;
};

static mlm_status read_one(struct postgres_store *store, void *payload, mlm_error *err)
{
	struct reading *reading = payload;
	int64_t id = 0;
	bool found = true;
	mlm_lifecycle lifecycle;
	mlm_status status =
		reading->id ? find_by_id(store, reading->id, false, &id, &lifecycle, err)
			    : find_by_name(store, reading->name, &found, &id, &lifecycle, err);
	if (status == MLM_OK && !found)
		status = error_set(err, MLM_ENOTFOUND, "experiment",
			"there is no experiment named '%s'", reading->name);
	if (status != MLM_OK)
		return status;
	mlm_experiment *experiment = arena_alloc(reading->list->memory, sizeof(*experiment));
	if (!experiment)
		return postgres_out_of_memory(err);
	status = postgres_load_experiments(store, reading->list->memory, &id, 1, experiment, err);
	reading->list->items = experiment;
	reading->list->count = 1;
	return status;
}

mlm_status postgres_get_experiment(struct store *base, const char *id, const char *name,
	mlm_experiment_list **list_out, mlm_error *err)
{
	struct reading reading = {
		.id = id, .name = name, .list = answer_experiment_list(base->allocator)
	};
	struct arena *memory = reading.list ? reading.list->memory : NULL;
	mlm_status status = postgres_read_answer(base, memory, read_one, &reading, err);
	*list_out = status == MLM_OK ? reading.list : NULL;
	return status;
}

/* ---- changing ---- */

struct change {
	const char *id;
	const char *name;
	const char *key;
	const char *value;
	mlm_lifecycle lifecycle;
};

static mlm_status rename_one(struct postgres_store *store, void *payload, mlm_error *err)
{
	const struct change *change = payload;
	int64_t id, other = 0;
	bool found = false;
	mlm_lifecycle lifecycle = MLM_ACTIVE;
	mlm_status status = find_active(store, change->id, &id, err);
	if (status == MLM_OK)
		status = find_by_name(store, change->name, &found, &other, &lifecycle, err);
	if (status == MLM_OK && found && other != id)
		status = name_is_taken(change->name, other, lifecycle, err);
	if (status != MLM_OK)
		return status;
	struct postgres_values values = { 0 };
	postgres_add_text(&values, change->name);
	postgres_add_integer(&values, id);
	if (store->layout.experiment_times)
		postgres_add_integer(&values, clock_now_ms());
	return postgres_query(store, "could not rename an experiment",
		store->layout.experiment_times
			? "UPDATE experiments SET name = $1::text, last_update_time = $3::bigint "
			  "WHERE experiment_id = $2::int"
			: "UPDATE experiments SET name = $1::text WHERE experiment_id = $2::int",
		&values, NULL, err);
}

mlm_status postgres_rename_experiment(
	struct store *base, const char *id, const char *name, mlm_error *err)
{
	struct change change = { .id = id, .name = name };
	return postgres_transact(postgres_store_of(base), true, rename_one, &change, err);
}

/* MLflow takes the assessments that a deleted run made along, for good. */
static mlm_status delete_assessments(struct postgres_store *store, int64_t id, mlm_error *err)
{
	struct postgres_values values = { 0 };
	if (!store->layout.assessment_metadata)
		return MLM_OK;
	postgres_add_integer(&values, id);
	return postgres_query(store, "could not delete assessments",
		"DELETE FROM assessments WHERE assessment_metadata LIKE "
		"'%mlflow.assessment.sourceRunId%' AND assessment_metadata::json ->> "
		"'mlflow.assessment.sourceRunId' IN (SELECT run_uuid FROM runs "
		"WHERE experiment_id = $1::int AND lifecycle_stage = 'active')",
		&values, NULL, err);
}

static mlm_status mark_runs(
	struct postgres_store *store, int64_t id, mlm_lifecycle lifecycle, mlm_error *err)
{
	struct postgres_values values = { 0 };
	bool is_deletion = lifecycle == MLM_DELETED;
	mlm_status status = is_deletion ? delete_assessments(store, id, err) : MLM_OK;
	if (status != MLM_OK)
		return status;
	postgres_add_integer(&values, id);
	postgres_add_text(&values, is_deletion ? "deleted" : "active");
	if (store->layout.run_deleted_time && is_deletion)
		postgres_add_integer(&values, clock_now_ms());
	else if (store->layout.run_deleted_time)
		postgres_add_text(&values, NULL);
	return postgres_query(store, "could not change an experiment's runs",
		store->layout.run_deleted_time
			? "UPDATE runs SET lifecycle_stage = $2::text, deleted_time = $3::bigint "
			  "WHERE experiment_id = $1::int "
			  "AND lifecycle_stage IS DISTINCT FROM $2::text"
			: "UPDATE runs SET lifecycle_stage = $2::text WHERE experiment_id = "
			  "$1::int AND lifecycle_stage IS DISTINCT FROM $2::text",
		&values, NULL, err);
}

static mlm_status mark_experiment(
	struct postgres_store *store, int64_t id, mlm_lifecycle lifecycle, mlm_error *err)
{
	struct postgres_values values = { 0 };
	postgres_add_integer(&values, id);
	postgres_add_text(&values, lifecycle == MLM_DELETED ? "deleted" : "active");
	if (store->layout.experiment_times)
		postgres_add_integer(&values, clock_now_ms());
	return postgres_query(store, "could not change an experiment",
		store->layout.experiment_times
			? "UPDATE experiments SET lifecycle_stage = $2::text, last_update_time = "
			  "$3::bigint WHERE experiment_id = $1::int"
			: "UPDATE experiments SET lifecycle_stage = $2::text WHERE experiment_id "
			  "= $1::int",
		&values, NULL, err);
}

static mlm_status set_lifecycle(struct postgres_store *store, void *payload, mlm_error *err)
{
	const struct change *change = payload;
	int64_t id;
	mlm_lifecycle current;
	mlm_status status = find_by_id(store, change->id, true, &id, &current, err);
	if (status == MLM_OK && current == change->lifecycle)
		return store->is_retry ? MLM_OK
				       : error_set(err, MLM_ESTATE, "experiment",
						 current == MLM_DELETED
							 ? "the experiment %s is deleted already"
							 : "the experiment %s is not deleted",
						 change->id);
	/* The experiment first: a run that is being created waits for it, and is seen then. */
	if (status == MLM_OK)
		status = mark_experiment(store, id, change->lifecycle, err);
	return status == MLM_OK ? mark_runs(store, id, change->lifecycle, err) : status;
}

mlm_status postgres_set_experiment_lifecycle(
	struct store *base, const char *id, mlm_lifecycle lifecycle, mlm_error *err)
{
	struct change change = { .id = id, .lifecycle = lifecycle };
	return postgres_transact(postgres_store_of(base), true, set_lifecycle, &change, err);
}

static mlm_status set_tag(struct postgres_store *store, void *payload, mlm_error *err)
{
	const struct change *change = payload;
	int64_t id;
	mlm_status status = find_active(store, change->id, &id, err);
	return status == MLM_OK ? put_tag(store, id, change->key, change->value, err) : status;
}

mlm_status postgres_set_experiment_tag(
	struct store *base, const char *id, const char *key, const char *value, mlm_error *err)
{
	struct change change = { .id = id, .key = key, .value = value };
	return postgres_transact(postgres_store_of(base), true, set_tag, &change, err);
}

static mlm_status delete_runs(struct postgres_store *store, void *payload, mlm_error *err)
{
	const struct change *change = payload;
	int64_t id;
	mlm_status status = find_active(store, change->id, &id, err);
	return status == MLM_OK ? mark_runs(store, id, MLM_DELETED, err) : status;
}

mlm_status postgres_delete_experiment_runs(struct store *base, const char *id, mlm_error *err)
{
	struct change change = { .id = id };
	return postgres_transact(postgres_store_of(base), true, delete_runs, &change, err);
}
