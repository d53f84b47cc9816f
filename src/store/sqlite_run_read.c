/* SPDX-License-Identifier: Apache-2.0 */
#include "store/sqlite_store.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "store/answer.h"
#include "store/run_status.h"

/* One load: the ids travel as one JSON array, so that a query a table serves any number of runs and
 * gives its rows in the order of the ids. */
struct load {
	struct sqlite_store *store;
	struct arena *arena;
	const char *const *run_ids;
	size_t count;
	mlm_run_record *records;
	char *ids_json;
	bool out_of_memory;
};

static const char *copy(struct load *load, sqlite3_stmt *row, int column)
{
	return sqlite_copy_column(load->arena, row, column, &load->out_of_memory);
}

static const char *copy_or_empty(struct load *load, sqlite3_stmt *row, int column)
{
	const char *text = copy(load, row, column);
	return text ? text : "";
}

/* Rows of one run, which may become any number, gathered before they go to the arena. */
struct gathered {
	void *items;
	size_t item_size;
	size_t count;
	size_t capacity;
};

static void *gather(struct load *load, struct gathered *gathered)
{
	if (gathered->count == gathered->capacity) {
		size_t capacity = gathered->capacity ? gathered->capacity * 2 : 32;
		void *items = memory_resize(load->store->base.allocator, gathered->items, capacity,
			gathered->item_size);
		if (!items) {
			load->out_of_memory = true;
			return NULL;
		}
		gathered->items = items;
		gathered->capacity = capacity;
	}
	void *item = (char *)gathered->items + gathered->count++ * gathered->item_size;
	memset(item, 0, gathered->item_size);
	return item;
}

static void *take(struct load *load, struct gathered *gathered, size_t *count_out)
{
	void *items = NULL;
	*count_out = 0;
	if (gathered->count > 0) {
		items = arena_array(load->arena, gathered->count, gathered->item_size);
		if (items) {
			memcpy(items, gathered->items, gathered->count * gathered->item_size);
			*count_out = gathered->count;
		} else {
			load->out_of_memory = true;
		}
	}
	gathered->count = 0;
	return items;
}

/* Freed with sqlite3_free(); NULL when memory ran out. */
static char *ids_as_json(const char *const *ids, size_t count)
{
	sqlite3_str *json = sqlite3_str_new(NULL);
	for (size_t i = 0; i < count; i++) {
		sqlite3_str_appendall(json, i == 0 ? "[\"" : "\",\"");
		for (const char *c = ids[i]; *c; c++) {
			/* Ids are hex digits; a file may hold others. */
			if (*c == '"' || *c == '\\' || (unsigned char)*c < 0x20)
				sqlite3_str_appendf(json, "\\u%04x", (unsigned)*c);
			else
				sqlite3_str_appendchar(json, 1, *c);
		}
	}
	sqlite3_str_appendall(json, "\"]");
	return sqlite3_str_finish(json);
}

typedef void (*row_fn)(struct load *load, size_t run, sqlite3_stmt *row, void *state);
typedef void (*end_fn)(struct load *load, size_t run, void *state);

/* Steps a query whose first column is the run's place among the ids. */
static mlm_status each_row(struct load *load, const char *sql, row_fn on_row, end_fn on_run_end,
	void *state, mlm_error *err)
{
	sqlite3_stmt *rows;
	mlm_status status = sqlite_statement(load->store, sql, &rows, err);
	if (status != MLM_OK)
		return status;
	sqlite_bind(rows, 1, load->ids_json);
	size_t current = SIZE_MAX;
	int result = SQLITE_DONE;
	while (!load->out_of_memory && (result = sqlite3_step(rows)) == SQLITE_ROW) {
		size_t run = (size_t)sqlite3_column_int64(rows, 0);
		if (current != run && current != SIZE_MAX && on_run_end)
			on_run_end(load, current, state);
		current = run;
		on_row(load, run, rows, state);
	}
	if (current != SIZE_MAX && on_run_end)
		on_run_end(load, current, state);
	if (load->out_of_memory)
		status = sqlite_out_of_memory(err);
	else if (result != SQLITE_DONE)
		status = sqlite_failed(load->store, err, "could not read runs");
	sqlite3_reset(rows);
	return status;
}

static int64_t time_or_none(sqlite3_stmt *row, int column)
{
	return sqlite3_column_type(row, column) == SQLITE_NULL ? -1
							       : sqlite3_column_int64(row, column);
}

static void on_info(struct load *load, size_t run, sqlite3_stmt *row, void *state)
{
	(void)state;
	mlm_run_record *record = &load->records[run];
	record->run_id = copy_or_empty(load, row, 1);
	record->run_name = copy_or_empty(load, row, 2);
	record->experiment_id = copy_or_empty(load, row, 3);
	record->user_id = copy_or_empty(load, row, 4);
	record->artifact_uri = copy_or_empty(load, row, 5);
	const char *status = (const char *)sqlite3_column_text(row, 6);
	record->status = run_status_parse(status);
	const char *stage = (const char *)sqlite3_column_text(row, 7);
	record->lifecycle = stage && strcmp(stage, "deleted") == 0 ? MLM_DELETED : MLM_ACTIVE;
	record->start_time_ms = sqlite3_column_int64(row, 8);
	record->end_time_ms = time_or_none(row, 9);
	record->deleted_time_ms = record->lifecycle == MLM_DELETED ? time_or_none(row, 10) : -1;
}

static mlm_status load_info(struct load *load, mlm_error *err)
{
#define SELECT_INFO                                                                      \
	"SELECT i.key, r.run_uuid, r.name, r.experiment_id, r.user_id, r.artifact_uri, " \
	"r.status, r.lifecycle_stage, r.start_time, r.end_time, "
#define FROM_RUNS " FROM json_each(?1) AS i CROSS JOIN runs AS r ON r.run_uuid = i.value"
	const char *sql = load->store->layout.run_deleted_time ? SELECT_INFO
				  "r.deleted_time" FROM_RUNS
							       : SELECT_INFO "NULL" FROM_RUNS;
	mlm_status status = each_row(load, sql, on_info, NULL, NULL, err);
	for (size_t i = 0; status == MLM_OK && i < load->count; i++) {
		if (!load->records[i].run_id)
			status = error_set(err, MLM_ENOTFOUND, "sqlite",
				"there is no run with the id '%s'", load->run_ids[i]);
	}
	return status;
}

static void on_metric(struct load *load, size_t run, sqlite3_stmt *row, void *state)
{
	(void)run;
	mlm_metric *metric = gather(load, state);
	if (!metric)
		return;
	metric->key = copy_or_empty(load, row, 1);
	metric->key_size = (size_t)sqlite3_column_bytes(row, 1);
	metric->value = sqlite3_column_int(row, 5) ? NAN : sqlite3_column_double(row, 2);
	metric->timestamp_ms = sqlite3_column_int64(row, 3);
	metric->step = sqlite3_column_int64(row, 4);
}

static void end_metrics(struct load *load, size_t run, void *state)
{
	mlm_run_record *record = &load->records[run];
	mlm_metric *metrics = take(load, state, &record->metric_count);
	answer_sort_metrics(metrics, record->metric_count);
	record->metrics = metrics;
}

static mlm_status load_metrics(struct load *load, mlm_error *err)
{
	static const char sql[] =
		"SELECT i.key, m.key, m.value, m.timestamp, m.step, m.is_nan "
		"FROM json_each(?1) AS i CROSS JOIN latest_metrics AS m ON m.run_uuid = i.value";
	struct gathered metrics = { .item_size = sizeof(mlm_metric) };
	mlm_status status = each_row(load, sql, on_metric, end_metrics, &metrics, err);
	memory_free(load->store->base.allocator, metrics.items);
	return status;
}

static void on_text(struct load *load, size_t run, sqlite3_stmt *row, void *state)
{
	(void)run;
	mlm_text *text = gather(load, state);
	if (!text)
		return;
	text->key = copy_or_empty(load, row, 1);
	text->value = copy_or_empty(load, row, 2);
}

static void end_params(struct load *load, size_t run, void *state)
{
	mlm_run_record *record = &load->records[run];
	mlm_text *params = take(load, state, &record->param_count);
	answer_sort_texts(params, record->param_count);
	record->params = params;
}

static void end_tags(struct load *load, size_t run, void *state)
{
	mlm_run_record *record = &load->records[run];
	mlm_text *tags = take(load, state, &record->tag_count);
	answer_sort_texts(tags, record->tag_count);
	record->tags = tags;
}

static mlm_status load_texts(struct load *load, mlm_error *err)
{
	static const char params_sql[] = "SELECT i.key, p.key, p.value FROM json_each(?1) AS i "
					 "CROSS JOIN params AS p ON p.run_uuid = i.value";
	static const char tags_sql[] = "SELECT i.key, t.key, t.value FROM json_each(?1) AS i "
				       "CROSS JOIN tags AS t ON t.run_uuid = i.value";
	struct gathered texts = { .item_size = sizeof(mlm_text) };
	mlm_status status = each_row(load, params_sql, on_text, end_params, &texts, err);
	if (status == MLM_OK)
		status = each_row(load, tags_sql, on_text, end_tags, &texts, err);
	memory_free(load->store->base.allocator, texts.items);
	return status;
}

/* Inputs and, within one, its tags; a row is an input with one tag or none. */
struct inputs {
	struct gathered inputs;
	struct gathered tags; /* of the input that is last in inputs */
	char *input_id;
};

static void end_input(struct load *load, struct inputs *state)
{
	if (state->inputs.count == 0)
		return;
	mlm_dataset_input *last =
		(mlm_dataset_input *)state->inputs.items + state->inputs.count - 1;
	mlm_text *tags = take(load, &state->tags, &last->tag_count);
	answer_sort_texts(tags, last->tag_count);
	last->tags = tags;
}

static void on_input(struct load *load, size_t run, sqlite3_stmt *row, void *payload)
{
	(void)run;
	struct inputs *state = payload;
	const mlm_allocator *allocator = load->store->base.allocator;
	const char *id = (const char *)sqlite3_column_text(row, 1);
	if (!state->input_id || !id || strcmp(state->input_id, id) != 0) {
		end_input(load, state);
		mlm_dataset_input *input = gather(load, &state->inputs);
		memory_free(allocator, state->input_id);
		state->input_id = id ? memory_string(allocator, id) : NULL;
		if (id && !state->input_id)
			load->out_of_memory = true;
		if (!input)
			return;
		input->name = copy_or_empty(load, row, 2);
		input->digest = copy_or_empty(load, row, 3);
		input->source_type = copy_or_empty(load, row, 4);
		input->source = copy_or_empty(load, row, 5);
		input->schema = copy(load, row, 6);
		input->profile = copy(load, row, 7);
	}
	if (sqlite3_column_type(row, 8) != SQLITE_NULL) {
		mlm_text *tag = gather(load, &state->tags);
		if (!tag)
			return;
		tag->key = copy_or_empty(load, row, 8);
		tag->value = copy_or_empty(load, row, 9);
	}
}

static void end_inputs(struct load *load, size_t run, void *payload)
{
	struct inputs *state = payload;
	end_input(load, state);
	mlm_run_record *record = &load->records[run];
	record->dataset_inputs = take(load, &state->inputs, &record->dataset_input_count);
	memory_free(load->store->base.allocator, state->input_id);
	state->input_id = NULL;
}

static mlm_status load_inputs(struct load *load, mlm_error *err)
{
	static const char sql[] =
		"SELECT i.key, n.input_uuid, d.name, d.digest, d.dataset_source_type, "
		"d.dataset_source, d.dataset_schema, d.dataset_profile, t.name, t.value "
		"FROM json_each(?1) AS i "
		"CROSS JOIN inputs AS n ON n.destination_type = 'RUN' "
		"AND n.destination_id = i.value AND n.source_type = 'DATASET' "
		"CROSS JOIN datasets AS d ON d.dataset_uuid = n.source_id "
		"LEFT JOIN input_tags AS t ON t.input_uuid = n.input_uuid";
	if (!load->store->layout.dataset_inputs)
		return MLM_OK;
	struct inputs state = {
		.inputs = { .item_size = sizeof(mlm_dataset_input) },
		.tags = { .item_size = sizeof(mlm_text) },
	};
	mlm_status status = each_row(load, sql, on_input, end_inputs, &state, err);
	const mlm_allocator *allocator = load->store->base.allocator;
	memory_free(allocator, state.inputs.items);
	memory_free(allocator, state.tags.items);
	memory_free(allocator, state.input_id);
	return status;
}

mlm_status sqlite_load_runs(struct sqlite_store *store, struct arena *arena,
	const char *const *run_ids, size_t count, mlm_run_record *records, mlm_error *err)
{
	if (count == 0)
		return MLM_OK;
	struct load load = {
		.store = store,
		.arena = arena,
		.run_ids = run_ids,
		.count = count,
		.records = records,
		.ids_json = ids_as_json(run_ids, count),
	};
	memset(records, 0, count * sizeof(*records));
	mlm_status status = load.ids_json ? load_info(&load, err) : sqlite_out_of_memory(err);
	if (status == MLM_OK)
		status = load_metrics(&load, err);
	if (status == MLM_OK)
		status = load_texts(&load, err);
	if (status == MLM_OK)
		status = load_inputs(&load, err);
	sqlite3_free(load.ids_json);
	return status;
}
