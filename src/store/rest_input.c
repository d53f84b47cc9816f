/* SPDX-License-Identifier: Apache-2.0 */
#include <stdbool.h>
#include <string.h>

#include "base/error.h"
#include "store/rest_store.h"

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));
	return text ? text : "";
}

/* Servers add tags to an input that is there; it is to stay as it is. */
static bool is_there(const json_t *run, const mlm_dataset_input *input)
{
	const json_t *there = json_object_get(json_object_get(run, "inputs"), "dataset_inputs");
	for (size_t i = 0; i < json_array_size(there); i++) {
		const json_t *dataset = json_object_get(json_array_get(there, i), "dataset");
		if (strcmp(text_of(dataset, "name"), input->name) == 0 &&
			strcmp(text_of(dataset, "digest"), input->digest) == 0)
			return true;
	}
	return false;
}

static json_t *input_of(const mlm_dataset_input *input)
{
	return json_pack("{s:o, s:{s:s, s:s, s:s, s:s, s:s*, s:s*}}", "tags",
		rest_texts(input->tags, input->tag_count), "dataset", "name", input->name, "digest",
		input->digest, "source_type", input->source_type ? input->source_type : "",
		"source", input->source ? input->source : "", "schema", input->schema, "profile",
		input->profile);
}

mlm_status rest_log_inputs(struct store *base, const char *run_id, const mlm_dataset_input *inputs,
	size_t count, mlm_error *err)
{
	struct rest_store *store = rest_store_of(base);
	json_t *answer;
	mlm_status status = rest_fetch_run(store, run_id, &answer, err);
	if (status != MLM_OK)
		return status;
	const json_t *run = json_object_get(answer, "run");
	json_t *missing = json_array();
	for (size_t i = 0; i < count && missing; i++) {
		if (is_there(run, &inputs[i]) ||
			json_array_append_new(missing, input_of(&inputs[i])) == 0)
			continue;
		json_decref(missing);
		missing = NULL;
	}
	if (rest_read_lifecycle(json_object_get(run, "info")) == MLM_DELETED)
		status = error_set(
			err, MLM_ESTATE, "run", "the run %s is deleted; restore it first", run_id);
	else if (!missing)
		status = rest_no_memory(err);
	else if (json_array_size(missing) > 0)
		status = rest_explain_run(store, run_id,
			rest_post(store, "runs/log-inputs",
				json_pack("{s:s, s:O}", "run_id", run_id, "datasets", missing),
				NULL, err),
			err);
	json_decref(missing);
	json_decref(answer);
	return status;
}
