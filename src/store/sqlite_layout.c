/* SPDX-License-Identifier: Apache-2.0 */
#include "store/sqlite_store.h"

#include <string.h>

#include "base/error.h"

#define REQUIRED SIZE_MAX

/* Every column that we read or write. A column without which there is no tracking is REQUIRED; for
 * the others, the member of the layout that says that it is there. */
static const struct column {
	const char *table;
	const char *name;
	size_t member;
} columns[] = {
	{ "experiments", "experiment_id", REQUIRED },
	{ "experiments", "name", REQUIRED },
	{ "experiments", "artifact_location", REQUIRED },
	{ "experiments", "lifecycle_stage", REQUIRED },
	{ "experiments", "workspace", offsetof(struct sqlite_layout, experiment_workspace) },
	{ "experiments", "last_update_time", offsetof(struct sqlite_layout, experiment_times) },
	{ "experiment_tags", "key", REQUIRED },
	{ "experiment_tags", "value", REQUIRED },
	{ "experiment_tags", "experiment_id", REQUIRED },
	{ "runs", "run_uuid", REQUIRED },
	{ "runs", "name", REQUIRED },
	{ "runs", "source_type", REQUIRED },
	{ "runs", "source_name", REQUIRED },
	{ "runs", "entry_point_name", REQUIRED },
	{ "runs", "user_id", REQUIRED },
	{ "runs", "status", REQUIRED },
	{ "runs", "start_time", REQUIRED },
	{ "runs", "end_time", REQUIRED },
	{ "runs", "source_version", REQUIRED },
	{ "runs", "lifecycle_stage", REQUIRED },
	{ "runs", "artifact_uri", REQUIRED },
	{ "runs", "experiment_id", REQUIRED },
	{ "runs", "deleted_time", offsetof(struct sqlite_layout, run_deleted_time) },
	{ "metrics", "key", REQUIRED },
	{ "metrics", "value", REQUIRED },
	{ "metrics", "timestamp", REQUIRED },
	{ "metrics", "run_uuid", REQUIRED },
	{ "metrics", "step", REQUIRED },
	{ "metrics", "is_nan", REQUIRED },
	{ "latest_metrics", "key", REQUIRED },
	{ "latest_metrics", "value", REQUIRED },
	{ "latest_metrics", "timestamp", REQUIRED },
	{ "latest_metrics", "step", REQUIRED },
	{ "latest_metrics", "is_nan", REQUIRED },
	{ "latest_metrics", "run_uuid", REQUIRED },
	{ "params", "key", REQUIRED },
	{ "params", "value", REQUIRED },
	{ "params", "run_uuid", REQUIRED },
	{ "tags", "key", REQUIRED },
	{ "tags", "value", REQUIRED },
	{ "tags", "run_uuid", REQUIRED },
	{ "input_tags", "input_uuid", offsetof(struct sqlite_layout, dataset_inputs) },
	{ "assessments", "assessment_metadata",
		offsetof(struct sqlite_layout, assessment_metadata) },
	{ "mlm_journals", "position", offsetof(struct sqlite_layout, journals) },
};

#define COLUMN_COUNT (sizeof(columns) / sizeof(columns[0]))

static void found_column(
	struct sqlite_layout *layout, bool found[COLUMN_COUNT], const char *table, const char *name)
{
	for (size_t i = 0; i < COLUMN_COUNT; i++) {
		if (strcmp(columns[i].table, table) != 0 || strcmp(columns[i].name, name) != 0)
			continue;
		found[i] = true;
		if (columns[i].member != REQUIRED)
			*(bool *)((char *)layout + columns[i].member) = true;
		return;
	}
}

static mlm_status check_required(struct sqlite_store *store, const bool found[COLUMN_COUNT],
	bool other_tables, mlm_error *err)
{
	bool any = false;
	const struct column *missing = NULL;
	for (size_t i = 0; i < COLUMN_COUNT; i++) {
		if (columns[i].member != REQUIRED)
			continue;
		any = any || found[i];
		if (!found[i] && !missing)
			missing = &columns[i];
	}
	if (!missing || (!any && !other_tables))
		return MLM_OK;
	if (!any)
		return error_set(err, MLM_ECORRUPT, "sqlite",
			"'%s' is an SQLite database but not a tracking store: it has no table "
			"'experiments'; name another file",
			store->path);
	return error_set(err, MLM_ECORRUPT, "sqlite",
		"the store '%s' is not a whole tracking database: column '%s' of table '%s' is "
		"missing; one that an MLflow before 1.2 made needs 'mlflow db upgrade' first",
		store->path, missing->name, missing->table);
}

mlm_status sqlite_layout_read(struct sqlite_store *store, bool *empty_out, mlm_error *err)
{
	static const char sql[] =
		"SELECT m.name, c.name, m.sql LIKE '%WITHOUT ROWID' FROM sqlite_master AS m "
		"JOIN pragma_table_info(m.name) AS c WHERE m.type = 'table' AND m.name IN "
		"('experiments', 'experiment_tags', 'runs', 'metrics', 'latest_metrics', 'params', "
		"'tags', 'input_tags', 'assessments', 'mlm_journals') "
		"UNION ALL SELECT * FROM (SELECT '', '', 0 FROM sqlite_master LIMIT 1)";
	bool found[COLUMN_COUNT] = { false };
	bool other_tables = false;
	struct sqlite_layout layout = { 0 };
	sqlite3_stmt *statement;
	*empty_out = false;
	mlm_status status = sqlite_prepare(store, sql, &statement, err);
	if (status != MLM_OK)
		return status;
	int result;
	while ((result = sqlite3_step(statement)) == SQLITE_ROW) {
		const char *table = (const char *)sqlite3_column_text(statement, 0);
		const char *name = (const char *)sqlite3_column_text(statement, 1);
		if (!table || !name)
			continue;
		other_tables = true;
		found_column(&layout, found, table, name);
		if (strcmp(table, "metrics") == 0)
			layout.metrics_clustered = sqlite3_column_int(statement, 2) != 0;
	}
	if (result != SQLITE_DONE)
		status = sqlite_failed(store, err, "could not read the schema");
	sqlite3_finalize(statement);
	if (status == MLM_OK)
		status = check_required(store, found, other_tables, err);
	if (status != MLM_OK)
		return status;
	store->layout = layout;
	*empty_out = !other_tables;
	return MLM_OK;
}
