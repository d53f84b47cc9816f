/* SPDX-License-Identifier: Apache-2.0 */
#include "store/postgres_run.h"

#include "base/error.h"
#include "store/postgres_store.h"

#define NEW_ID "replace(gen_random_uuid()::text, '-', '')"

/* Values that the statements share: the run, then what a dataset is known by. */
static void begin(
	struct postgres_values *values, const char *run_id, const mlm_dataset_input *input)
{
	values->count = 0;
	postgres_add_text(values, run_id);
	postgres_add_text(values, input->name);
	postgres_add_text(values, input->digest);
}

static mlm_status put_dataset(struct postgres_store *store, const char *run_id,
	const mlm_dataset_input *input, mlm_error *err)
{
	struct postgres_values values;
	begin(&values, run_id, input);
	postgres_add_text(&values, input->source_type ? input->source_type : "");
	postgres_add_text(&values, input->source ? input->source : "");
	postgres_add_text(&values, input->schema);
	postgres_add_text(&values, input->profile);
	return postgres_query(store, "could not log a dataset",
		"INSERT INTO datasets (dataset_uuid, experiment_id, name, digest, "
		"dataset_source_type, dataset_source, dataset_schema, dataset_profile) "
		"SELECT " NEW_ID ", experiment_id, $2::text, $3::text, $4::text, $5::text, "
		"$6::text, $7::text FROM runs WHERE run_uuid = $1::text "
		"ON CONFLICT (experiment_id, name, digest) DO NOTHING",
		&values, NULL, err);
}

#define OF_INPUT                                                                  \
	"FROM runs AS r JOIN datasets AS d ON d.experiment_id = r.experiment_id " \
	"AND d.name = $2::text AND d.digest = $3::text "

/* *is_new_out: the run did not have it. */
static mlm_status put_link(struct postgres_store *store, const char *run_id,
	const mlm_dataset_input *input, bool *is_new_out, mlm_error *err)
{
	struct postgres_values values;
	int64_t rows = 0;
	begin(&values, run_id, input);
	mlm_status status = postgres_change(store, "could not log an input",
		"INSERT INTO inputs (input_uuid, source_type, source_id, destination_type, "
		"destination_id) SELECT " NEW_ID ", 'DATASET', d.dataset_uuid, 'RUN', "
		"r.run_uuid " OF_INPUT "WHERE r.run_uuid = $1::text ON CONFLICT "
		"(source_type, source_id, destination_type, destination_id) DO NOTHING",
		&values, &rows, err);
	*is_new_out = rows > 0;
	return status;
}

static mlm_status put_tag(struct postgres_store *store, const char *run_id,
	const mlm_dataset_input *input, const mlm_text *tag, mlm_error *err)
{
	struct postgres_values values;
	begin(&values, run_id, input);
	postgres_add_text(&values, tag->key);
	postgres_add_text(&values, tag->value);
	return postgres_query(store, "could not tag an input",
		"INSERT INTO input_tags (input_uuid, name, value) SELECT n.input_uuid, $4::text, "
		"$5::text " OF_INPUT "JOIN inputs AS n ON n.source_type = 'DATASET' "
		"AND n.source_id = d.dataset_uuid AND n.destination_type = 'RUN' "
		"AND n.destination_id = r.run_uuid WHERE r.run_uuid = $1::text "
		"ON CONFLICT (input_uuid, name) DO NOTHING",
		&values, NULL, err);
}

struct logging {
	const char *run_id;
	const mlm_dataset_input *inputs;
	size_t count;
};

static mlm_status log_all(struct postgres_store *store, void *payload, mlm_error *err)
{
	const struct logging *logging = payload;
	mlm_status status = postgres_require_active_run(store, logging->run_id, err);
	for (size_t i = 0; i < logging->count && status == MLM_OK; i++) {
		const mlm_dataset_input *input = &logging->inputs[i];
		bool is_new = false;
		status = put_dataset(store, logging->run_id, input, err);
		if (status == MLM_OK)
			status = put_link(store, logging->run_id, input, &is_new, err);
		for (size_t j = 0; is_new && j < input->tag_count && status == MLM_OK; j++)
			status = put_tag(store, logging->run_id, input, &input->tags[j], err);
	}
	return status;
}

mlm_status postgres_log_inputs(struct store *base, const char *run_id,
	const mlm_dataset_input *inputs, size_t count, mlm_error *err)
{
	struct postgres_store *store = postgres_store_of(base);
	struct logging logging = { run_id, inputs, count };
	if (!store->layout.dataset_inputs)
		return error_set(err, MLM_EUNSUPPORTED, "run",
			"the database '%s' was made by an MLflow that had no dataset inputs",
			store->place);
	return postgres_transact(store, true, log_all, &logging, err);
}
