/* SPDX-License-Identifier: Apache-2.0 */
#include "store/sqlite_run.h"

#include "base/error.h"
#include "store/sqlite_store.h"

static mlm_status put_dataset(struct sqlite_store *store, const char *run_id,
	const mlm_dataset_input *input, mlm_error *err)
{
	sqlite3_stmt *put;
	mlm_status status = sqlite_statement(store,
		"INSERT INTO datasets (dataset_uuid, experiment_id, name, digest, "
		"dataset_source_type, dataset_source, dataset_schema, dataset_profile) "
		"SELECT lower(hex(randomblob(16))), experiment_id, ?2, ?3, ?4, ?5, ?6, ?7 "
		"FROM runs WHERE run_uuid = ?1 "
		"ON CONFLICT (experiment_id, name, digest) DO NOTHING",
		&put, err);
	if (status != MLM_OK)
		return status;
	sqlite_bind(put, 1, run_id);
	sqlite_bind(put, 2, input->name);
	sqlite_bind(put, 3, input->digest);
	sqlite_bind(put, 4, input->source_type ? input->source_type : "");
	sqlite_bind(put, 5, input->source ? input->source : "");
	sqlite_bind(put, 6, input->schema);
	sqlite_bind(put, 7, input->profile);
	return sqlite_step_done(store, put, "could not log a dataset", err);
}

#define OF_INPUT                                                                  \
	"FROM runs AS r JOIN datasets AS d ON d.experiment_id = r.experiment_id " \
	"AND d.name = ?2 AND d.digest = ?3 "

/* *is_new_out: the run did not have it. */
static mlm_status put_link(struct sqlite_store *store, const char *run_id,
	const mlm_dataset_input *input, bool *is_new_out, mlm_error *err)
{
	sqlite3_stmt *put;
	mlm_status status = sqlite_statement(store,
		"INSERT INTO inputs (input_uuid, source_type, source_id, destination_type, "
		"destination_id) SELECT lower(hex(randomblob(16))), 'DATASET', d.dataset_uuid, "
		"'RUN', r.run_uuid " OF_INPUT "WHERE r.run_uuid = ?1 ON CONFLICT "
		"(source_type, source_id, destination_type, destination_id) DO NOTHING",
		&put, err);
	if (status != MLM_OK)
		return status;
	sqlite_bind(put, 1, run_id);
	sqlite_bind(put, 2, input->name);
	sqlite_bind(put, 3, input->digest);
	status = sqlite_step_done(store, put, "could not log an input", err);
	*is_new_out = sqlite3_changes(store->db) > 0;
	return status;
}

static mlm_status put_input_tags(struct sqlite_store *store, const char *run_id,
	const mlm_dataset_input *input, mlm_error *err)
{
	sqlite3_stmt *put;
	mlm_status status = sqlite_statement(store,
		"INSERT INTO input_tags (input_uuid, name, value) SELECT n.input_uuid, ?4, "
		"?5 " OF_INPUT "JOIN inputs AS n ON n.source_type = 'DATASET' "
		"AND n.source_id = d.dataset_uuid AND n.destination_type = 'RUN' "
		"AND n.destination_id = r.run_uuid WHERE r.run_uuid = ?1 "
		"ON CONFLICT (input_uuid, name) DO NOTHING",
		&put, err);
	for (size_t i = 0; i < input->tag_count && status == MLM_OK; i++) {
		sqlite_bind(put, 1, run_id);
		sqlite_bind(put, 2, input->name);
		sqlite_bind(put, 3, input->digest);
		sqlite_bind(put, 4, input->tags[i].key);
		sqlite_bind(put, 5, input->tags[i].value);
		status = sqlite_step_done(store, put, "could not tag an input", err);
	}
	return status;
}

mlm_status sqlite_log_inputs(struct store *base, const char *run_id,
	const mlm_dataset_input *inputs, size_t count, mlm_error *err)
{
	struct sqlite_store *store = sqlite_store_of(base);
	if (!store->layout.dataset_inputs)
		return error_set(err, MLM_EUNSUPPORTED, "run",
			"the store '%s' was made by an MLflow that had no dataset inputs",
			store->path);
	mlm_status status = sqlite_begin_write(store, err);
	if (status != MLM_OK)
		return status;
	status = sqlite_require_active_run(store, run_id, err);
	for (size_t i = 0; i < count && status == MLM_OK; i++) {
		bool is_new = false;
		status = put_dataset(store, run_id, &inputs[i], err);
		if (status == MLM_OK)
			status = put_link(store, run_id, &inputs[i], &is_new, err);
		if (status == MLM_OK && is_new)
			status = put_input_tags(store, run_id, &inputs[i], err);
	}
	return sqlite_end(store, status, err);
}
