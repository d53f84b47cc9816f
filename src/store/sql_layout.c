/* SPDX-License-Identifier: Apache-2.0 */
#include "store/sql_layout.h"

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
	{ "experiments", "workspace", offsetof(struct sql_layout, experiment_workspace) },
	{ "experiments", "last_update_time", offsetof(struct sql_layout, experiment_times) },
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
	{ "runs", "deleted_time", offsetof(struct sql_layout, run_deleted_time) },
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
	{ "input_tags", "input_uuid", offsetof(struct sql_layout, dataset_inputs) },
	{ "assessments", "assessment_metadata", offsetof(struct sql_layout, assessment_metadata) },
	{ "mlm_journals", "position", offsetof(struct sql_layout, journals) },
	{ "mlm_artifacts", "content_id", offsetof(struct sql_layout, artifacts) },
};

#define COLUMN_COUNT (sizeof(columns) / sizeof(columns[0]))

_Static_assert(COLUMN_COUNT <= SQL_LAYOUT_COLUMNS_MAX, "a reading has a place for each column");

void sql_layout_found(struct sql_layout_reading *reading, const char *table, const char *column)
{
	for (size_t i = 0; i < COLUMN_COUNT; i++) {
		if (strcmp(columns[i].table, table) != 0 || strcmp(columns[i].name, column) != 0)
			continue;
		reading->found[i] = true;
		if (columns[i].member != REQUIRED)
			*(bool *)((char *)&reading->layout + columns[i].member) = true;
		return;
	}
}

mlm_status sql_layout_check(const struct sql_layout_reading *reading, const char *area,
	const char *what, mlm_error *err)
{
	bool any = false;
	const struct column *missing = NULL;
	for (size_t i = 0; i < COLUMN_COUNT; i++) {
		if (columns[i].member != REQUIRED)
			continue;
		any = any || reading->found[i];
		if (!reading->found[i] && !missing)
			missing = &columns[i];
	}
	if (!missing || (!any && !reading->any_table))
		return MLM_OK;
	if (!any)
		return error_set(err, MLM_ECORRUPT, area,
			"%s is a database but not a tracking store: it has no table 'experiments'; "
			"name another one",
			what);
	return error_set(err, MLM_ECORRUPT, area,
		"%s is not a whole tracking database: column '%s' of table '%s' is missing; one "
		"that an MLflow before 1.2 made needs 'mlflow db upgrade' first",
		what, missing->name, missing->table);
}
