/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "store/answer.h"
#include "store/rest_store.h"
#include "store/run_status.h"

static const mlm_metric *read_metrics(
	struct rest_reader *reader, const json_t *array, size_t *count_out)
{
	size_t count = json_array_size(array);
	mlm_metric *metrics = count ? arena_array(reader->arena, count, sizeof(*metrics)) : NULL;
	*count_out = metrics ? count : 0;
	if (!metrics) {
		reader->out_of_memory = reader->out_of_memory || count > 0;
		return NULL;
	}
	for (size_t i = 0; i < count; i++) {
		const json_t *item = json_array_get(array, i);
		metrics[i].key = rest_read_word(reader, item, "key");
		metrics[i].key_size = strlen(metrics[i].key);
		metrics[i].value = rest_read_real(item, "value");
		metrics[i].step = rest_read_integer(item, "step", 0);
		metrics[i].timestamp_ms = rest_read_integer(item, "timestamp", 0);
	}
	answer_sort_metrics(metrics, count);
	return metrics;
}

static const mlm_dataset_input *read_inputs(
	struct rest_reader *reader, const json_t *array, size_t *count_out)
{
	size_t count = json_array_size(array);
	mlm_dataset_input *inputs =
		count ? arena_array(reader->arena, count, sizeof(*inputs)) : NULL;
	*count_out = inputs ? count : 0;
	if (!inputs) {
		reader->out_of_memory = reader->out_of_memory || count > 0;
		return NULL;
	}
	for (size_t i = 0; i < count; i++) {
		const json_t *item = json_array_get(array, i);
		const json_t *dataset = json_object_get(item, "dataset");
		inputs[i].name = rest_read_word(reader, dataset, "name");
		inputs[i].digest = rest_read_word(reader, dataset, "digest");
		inputs[i].source_type = rest_read_word(reader, dataset, "source_type");
		inputs[i].source = rest_read_word(reader, dataset, "source");
		inputs[i].schema = rest_read_text(reader, dataset, "schema");
		inputs[i].profile = rest_read_text(reader, dataset, "profile");
		inputs[i].tags = rest_read_texts(
			reader, json_object_get(item, "tags"), &inputs[i].tag_count);
	}
	return inputs;
}

static void read_run(struct rest_reader *reader, const json_t *run, mlm_run_record *record)
{
	const json_t *info = json_object_get(run, "info");
	const json_t *data = json_object_get(run, "data");
	const json_t *inputs = json_object_get(run, "inputs");
	record->run_id = rest_read_word(reader, info, "run_id");
	record->run_name = rest_read_word(reader, info, "run_name");
	record->experiment_id = rest_read_word(reader, info, "experiment_id");
	record->user_id = rest_read_word(reader, info, "user_id");
	record->artifact_uri = rest_read_word(reader, info, "artifact_uri");
	record->status = run_status_parse(json_string_value(json_object_get(info, "status")));
	record->lifecycle = rest_read_lifecycle(info);
	record->start_time_ms = rest_read_integer(info, "start_time", 0);
	record->end_time_ms = rest_read_integer(info, "end_time", -1);
	record->deleted_time_ms = -1; /* not told */
	record->metrics =
		read_metrics(reader, json_object_get(data, "metrics"), &record->metric_count);
	record->params =
		rest_read_texts(reader, json_object_get(data, "params"), &record->param_count);
	record->tags = rest_read_texts(reader, json_object_get(data, "tags"), &record->tag_count);
	record->dataset_inputs = read_inputs(
		reader, json_object_get(inputs, "dataset_inputs"), &record->dataset_input_count);
}

void rest_read_runs(struct rest_reader *reader, const json_t *runs, mlm_run_record *records)
{
	for (size_t i = 0; i < json_array_size(runs) && !reader->out_of_memory; i++)
		read_run(reader, json_array_get(runs, i), &records[i]);
}
