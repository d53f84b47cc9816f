/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_SQL_LAYOUT_H
#define STORE_SQL_LAYOUT_H

/* Which of MLflow's tables and columns a database has: those of the schema's later versions are
 * there or not, whatever the database system. */

#include <stdbool.h>
#include <stddef.h>

#include "mlmanager/error.h"

/* The tables and columns that came to MLflow's schema after 2018, and our own. */
struct sql_layout {
	bool experiment_workspace; /* experiments.workspace, unique with name */
	bool experiment_times; /* experiments.creation_time and last_update_time */
	bool run_deleted_time; /* runs.deleted_time */
	bool dataset_inputs; /* tables datasets, inputs and input_tags */
	bool assessment_metadata; /* assessments.assessment_metadata */
	bool journals; /* our own mlm_journals */
	bool artifacts; /* our own mlm_artifacts and what belongs to it */
	bool metrics_clustered; /* the key of metrics begins with run_uuid: what we make */
};

#define SQL_LAYOUT_COLUMNS_MAX 64

struct sql_layout_reading {
	struct sql_layout layout;
	bool found[SQL_LAYOUT_COLUMNS_MAX];
	bool any_table; /* whatever it is */
};

/* The tables whose columns are to be told, as a list of SQL literals. */
#define SQL_LAYOUT_TABLES                                                                   \
	"'experiments', 'experiment_tags', 'runs', 'metrics', 'latest_metrics', 'params', " \
	"'tags', 'input_tags', 'assessments', 'mlm_journals', 'mlm_artifacts'"

/** Tells of one column that is there. */
void sql_layout_found(struct sql_layout_reading *reading, const char *table, const char *column);

/** Once all are told: MLM_OK when there is all that tracking takes, or nothing at all (any_table
 * is false then). Errors: ECORRUPT; the message begins with what, "the store 'x.db'". */
mlm_status sql_layout_check(const struct sql_layout_reading *reading, const char *area,
	const char *what, mlm_error *err);

#endif
