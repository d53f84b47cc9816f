/* SPDX-License-Identifier: Apache-2.0 */
#include "store/postgres_store.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "store/answer.h"
#include "store/run_status.h"

/* The ids travel as one array, so that a query a table serves any number of runs; its rows come in
 * the order of the ids, the first column being the run's place among them, from 1. */
struct load {
	struct arena *arena;
	const PGresult *rows;
	mlm_run_record *records;
	bool out_of_memory;
};

static const char *copy(struct load *load, int row, int column)
{
	return postgres_copy(load->arena, load->rows, row, column, &load->out_of_memory);
}

static const char *copy_or_empty(struct load *load, int row, int column)
{
	const char *text = copy(load, row, column);
	return text ? text : "";
}

static void *allocate(struct load *load, int count, size_t size)
{
	void *items = arena_array(load->arena, (size_t)count, size);
	if (!items)
		load->out_of_memory = true;
	return items;
}

static void take_info(struct load *load, mlm_run_record *record, int begin, int end)
{
	(void)end;
	const char *stage = postgres_text(load->rows, begin, 7);
	record->run_id = copy_or_empty(load, begin, 1);
	record->run_name = copy_or_empty(load, begin, 2);
	record->experiment_id = copy_or_empty(load, begin, 3);
	record->user_id = copy_or_empty(load, begin, 4);
	record->artifact_uri = copy_or_empty(load, begin, 5);
	record->status = run_status_parse(postgres_text(load->rows, begin, 6));
	record->lifecycle = stage && strcmp(stage, "deleted") == 0 ? MLM_DELETED : MLM_ACTIVE;
	record->start_time_ms = postgres_integer(load->rows, begin, 8, 0);
	record->end_time_ms = postgres_integer(load->rows, begin, 9, -1);
	record->deleted_time_ms =
		record->lifecycle == MLM_DELETED ? postgres_integer(load->rows, begin, 10, -1) : -1;
}

static void take_metrics(struct load *load, mlm_run_record *record, int begin, int end)
{
	mlm_metric *metrics = allocate(load, end - begin, sizeof(*metrics));
	for (int row = begin; metrics && row < end; row++) {
		mlm_metric *metric = &metrics[row - begin];
		metric->key = copy_or_empty(load, row, 1);
		metric->key_size = (size_t)pq.PQgetlength(load->rows, row, 1);
		metric->value = postgres_boolean(load->rows, row, 5)
					? NAN
					: postgres_real(load->rows, row, 2);
		metric->timestamp_ms = postgres_integer(load->rows, row, 3, 0);
		metric->step = postgres_integer(load->rows, row, 4, 0);
	}
	if (load->out_of_memory)
		return;
	answer_sort_metrics(metrics, (size_t)(end - begin));
	record->metrics = metrics;
	record->metric_count = (size_t)(end - begin);
}

static mlm_text *take_texts(struct load *load, int begin, int end, int column)
{
	mlm_text *texts = allocate(load, end - begin, sizeof(*texts));
	for (int row = begin; texts && row < end; row++) {
		texts[row - begin].key = copy_or_empty(load, row, column);
		texts[row - begin].value = copy_or_empty(load, row, column + 1);
	}
	if (!load->out_of_memory)
		answer_sort_texts(texts, (size_t)(end - begin));
	return texts;
}

static void take_params(struct load *load, mlm_run_record *record, int begin, int end)
{
	record->params = take_texts(load, begin, end, 1);
	record->param_count = record->params ? (size_t)(end - begin) : 0;
}

static void take_tags(struct load *load, mlm_run_record *record, int begin, int end)
{
	record->tags = take_texts(load, begin, end, 1);
	record->tag_count = record->tags ? (size_t)(end - begin) : 0;
}

/* The end of the rows that have the same text in a column as the first. */
static int same_until(const PGresult *rows, int begin, int end, int column)
{
	const char *first = pq.PQgetvalue(rows, begin, column);
	int row = begin + 1;
	while (row < end && strcmp(pq.PQgetvalue(rows, row, column), first) == 0)
		row++;
	return row;
}

/* A row is an input with one of its tags, or with none. */
static void take_inputs(struct load *load, mlm_run_record *record, int begin, int end)
{
	mlm_dataset_input *inputs = allocate(load, end - begin, sizeof(*inputs));
	size_t count = 0;
	for (int row = begin, next; inputs && row < end; row = next) {
		mlm_dataset_input *input = &inputs[count++];
		next = same_until(load->rows, row, end, 1);
		input->name = copy_or_empty(load, row, 2);
		input->digest = copy_or_empty(load, row, 3);
		input->source_type = copy_or_empty(load, row, 4);
		input->source = copy_or_empty(load, row, 5);
		input->schema = copy(load, row, 6);
		input->profile = copy(load, row, 7);
		if (pq.PQgetisnull(load->rows, row, 8))
			continue;
		input->tags = take_texts(load, row, next, 8);
		input->tag_count = input->tags ? (size_t)(next - row) : 0;
	}
	record->dataset_inputs = inputs;
	record->dataset_input_count = count;
}

typedef void (*take_fn)(struct load *load, mlm_run_record *record, int begin, int end);

static mlm_status load_rows(struct postgres_store *store, struct load *load,
	const struct postgres_values *ids, const char *sql, take_fn take, mlm_error *err)
{
	PGresult *rows;
	mlm_status status = postgres_query(store, "could not read runs", sql, ids, &rows, err);
	if (status != MLM_OK)
		return status;
	load->rows = rows;
	int count = pq.PQntuples(rows);
	for (int begin = 0, end; begin < count && !load->out_of_memory; begin = end) {
		end = same_until(rows, begin, count, 0);
		take(load, &load->records[postgres_integer(rows, begin, 0, 1) - 1], begin, end);
	}
	pq.PQclear(rows);
	return load->out_of_memory ? postgres_out_of_memory(err) : MLM_OK;
}

#define IDS "FROM unnest($1::text[]) WITH ORDINALITY AS i (id, n) "

#define SELECT_INFO                                                                    \
	"SELECT i.n, r.run_uuid, r.name, r.experiment_id, r.user_id, r.artifact_uri, " \
	"r.status, r.lifecycle_stage, r.start_time, r.end_time, "
#define FROM_RUNS IDS "JOIN runs AS r ON r.run_uuid = i.id ORDER BY i.n"

static mlm_status load_all(struct postgres_store *store, struct load *load,
	const struct postgres_values *ids, mlm_error *err)
{
	mlm_status status = load_rows(store, load, ids,
		"SELECT i.n, m.key, m.value, m.timestamp, m.step, m.is_nan " IDS
		"JOIN latest_metrics AS m ON m.run_uuid = i.id ORDER BY i.n",
		take_metrics, err);
	if (status == MLM_OK)
		status = load_rows(store, load, ids,
			"SELECT i.n, p.key, p.value " IDS
			"JOIN params AS p ON p.run_uuid = i.id ORDER BY i.n",
			take_params, err);
	if (status == MLM_OK)
		status = load_rows(store, load, ids,
			"SELECT i.n, t.key, t.value " IDS
			"JOIN tags AS t ON t.run_uuid = i.id ORDER BY i.n",
			take_tags, err);
	if (status == MLM_OK && store->layout.dataset_inputs)
		status = load_rows(store, load, ids,
			"SELECT i.n, n.input_uuid, d.name, d.digest, d.dataset_source_type, "
			"d.dataset_source, d.dataset_schema, d.dataset_profile, t.name, "
			"t.value " IDS "JOIN inputs AS n ON n.destination_type = 'RUN' "
			"AND n.destination_id = i.id AND n.source_type = 'DATASET' "
			"JOIN datasets AS d ON d.dataset_uuid = n.source_id "
			"LEFT JOIN input_tags AS t ON t.input_uuid = n.input_uuid "
			"ORDER BY i.n, n.input_uuid",
			take_inputs, err);
	return status;
}

mlm_status postgres_load_runs(struct postgres_store *store, struct arena *arena,
	const char *const *run_ids, size_t count, mlm_run_record *records, mlm_error *err)
{
	struct load load = { .arena = arena, .records = records };
	struct postgres_values ids = { 0 };
	struct postgres_array array;
	if (count == 0)
		return MLM_OK;
	memset(records, 0, count * sizeof(*records));
	postgres_array_init(&array, store->base.allocator, POSTGRES_TEXT);
	for (size_t i = 0; i < count; i++)
		postgres_array_text(&array, run_ids[i]);
	mlm_status status = array.failed ? postgres_out_of_memory(err) : MLM_OK;
	if (status == MLM_OK) {
		postgres_add_array(&ids, &array);
		status = load_rows(store, &load, &ids,
			store->layout.run_deleted_time ? SELECT_INFO "r.deleted_time " FROM_RUNS
						       : SELECT_INFO "NULL " FROM_RUNS,
			take_info, err);
	}
	for (size_t i = 0; status == MLM_OK && i < count; i++) {
		if (!records[i].run_id)
			status = error_set(err, MLM_ENOTFOUND, "run",
				"there is no run with the id '%s'", run_ids[i]);
	}
	if (status == MLM_OK)
		status = load_all(store, &load, &ids, err);
	postgres_array_free(&array);
	return status;
}
