/* SPDX-License-Identifier: Apache-2.0 */
#include "store/sqlite_store.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "store/answer.h"

static mlm_status load_info(struct sqlite_store *store, struct arena *arena, int64_t id,
	mlm_experiment *experiment, mlm_error *err)
{
	sqlite3_stmt *rows;
	mlm_status status = sqlite_statement(store,
		store->layout.experiment_times
			? "SELECT name, artifact_location, lifecycle_stage, creation_time, "
			  "last_update_time FROM experiments WHERE experiment_id = ?1"
			: "SELECT name, artifact_location, lifecycle_stage, NULL, NULL "
			  "FROM experiments WHERE experiment_id = ?1",
		&rows, err);
	if (status != MLM_OK)
		return status;
	sqlite3_bind_int64(rows, 1, id);
	bool failed = false;
	int result = sqlite3_step(rows);
	if (result == SQLITE_ROW) {
		char digits[24];
		snprintf(digits, sizeof(digits), "%lld", (long long)id);
		experiment->experiment_id = arena_string(arena, digits);
		failed = !experiment->experiment_id;
		experiment->name = sqlite_copy_column(arena, rows, 0, &failed);
		experiment->artifact_location = sqlite_copy_column(arena, rows, 1, &failed);
		const char *stage = (const char *)sqlite3_column_text(rows, 2);
		experiment->lifecycle =
			stage && strcmp(stage, "deleted") == 0 ? MLM_DELETED : MLM_ACTIVE;
		bool timed = sqlite3_column_type(rows, 3) != SQLITE_NULL;
		experiment->creation_time_ms = timed ? sqlite3_column_int64(rows, 3) : -1;
		timed = sqlite3_column_type(rows, 4) != SQLITE_NULL;
		experiment->last_update_time_ms = timed ? sqlite3_column_int64(rows, 4) : -1;
	} else if (result == SQLITE_DONE) {
		status = error_set(err, MLM_ENOTFOUND, "sqlite",
			"there is no experiment with the id '%lld'", (long long)id);
	} else {
		status = sqlite_failed(store, err, "could not read an experiment");
	}
	sqlite3_reset(rows);
	if (!experiment->artifact_location)
		experiment->artifact_location = "";
	return failed ? sqlite_out_of_memory(err) : status;
}

static mlm_status load_tags(struct sqlite_store *store, struct arena *arena, int64_t id,
	mlm_experiment *experiment, mlm_error *err)
{
	static const char sql[] = "SELECT key, value, count(*) OVER () FROM experiment_tags "
				  "WHERE experiment_id = ?1 ORDER BY key";
	sqlite3_stmt *rows;
	mlm_status status = sqlite_statement(store, sql, &rows, err);
	if (status != MLM_OK)
		return status;
	sqlite3_bind_int64(rows, 1, id);
	mlm_text *tags = NULL;
	size_t count = 0;
	bool failed = false;
	int result;
	while ((result = sqlite3_step(rows)) == SQLITE_ROW) {
		if (!tags)
			tags = arena_array(
				arena, (size_t)sqlite3_column_int64(rows, 2), sizeof(*tags));
		failed = failed || !tags;
		if (failed)
			break;
		tags[count].key = sqlite_copy_column(arena, rows, 0, &failed);
		tags[count].value = sqlite_copy_column(arena, rows, 1, &failed);
		if (!tags[count].value)
			tags[count].value = "";
		count++;
	}
	if (failed)
		status = sqlite_out_of_memory(err);
	else if (result != SQLITE_DONE)
		status = sqlite_failed(store, err, "could not read an experiment's tags");
	sqlite3_reset(rows);
	experiment->tags = tags;
	experiment->tag_count = status == MLM_OK ? count : 0;
	return status;
}

mlm_status sqlite_load_experiments(struct sqlite_store *store, struct arena *arena,
	const int64_t *ids, size_t count, mlm_experiment *experiments, mlm_error *err)
{
	mlm_status status = MLM_OK;
	for (size_t i = 0; i < count && status == MLM_OK; i++) {
		memset(&experiments[i], 0, sizeof(experiments[i]));
		status = load_info(store, arena, ids[i], &experiments[i], err);
		if (status == MLM_OK)
			status = load_tags(store, arena, ids[i], &experiments[i], err);
	}
	return status;
}
