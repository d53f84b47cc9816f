/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_STORE_DUMP_H
#define TESTS_STORE_DUMP_H

/* What a store holds of experiments and runs, as one text for comparison: plain SQLite reads it.
 * What a copy may have of its own is left out: ids of experiments and inputs, artifact locations,
 * the times of creations and deletions. */

#include <sqlite3.h>
#include <stdlib.h>

#include "check.h"

static inline char *store_dump(const char *path)
{
	static const char *const queries[] = {
		"SELECT e.name, e.lifecycle_stage, t.key, t.value FROM experiments AS e "
		"LEFT JOIN experiment_tags AS t USING (experiment_id) ORDER BY 1, 3",
		"SELECT e.name, run_uuid, r.name, user_id, status, start_time, end_time, "
		"r.lifecycle_stage, deleted_time IS NULL FROM runs AS r "
		"JOIN experiments AS e USING (experiment_id) ORDER BY 2",
		"SELECT run_uuid, key, value FROM params ORDER BY 1, 2",
		"SELECT run_uuid, key, value FROM tags ORDER BY 1, 2",
		"SELECT run_uuid, key, count(*), sum(step), sum(timestamp), sum(is_nan), "
		"total(value) FROM metrics GROUP BY 1, 2 ORDER BY 1, 2",
		"SELECT run_uuid, key, step, timestamp, value, is_nan FROM metrics "
		"WHERE key <> 'long' ORDER BY 1, 2, 3, 4, 5, 6",
		"SELECT run_uuid, key, step, timestamp, value, is_nan FROM latest_metrics "
		"ORDER BY 1, 2",
		"SELECT n.destination_id, d.name, d.digest, d.dataset_source_type, "
		"d.dataset_source, d.dataset_schema, d.dataset_profile, t.name, t.value "
		"FROM inputs AS n JOIN datasets AS d ON d.dataset_uuid = n.source_id "
		"LEFT JOIN input_tags AS t USING (input_uuid) ORDER BY 1, 2, 3, 8",
	};
	sqlite3 *db;
	sqlite3_str *text = sqlite3_str_new(NULL);
	CHECK(sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL) == SQLITE_OK);
	for (size_t i = 0; i < sizeof(queries) / sizeof(queries[0]); i++) {
		sqlite3_stmt *rows;
		CHECK(sqlite3_prepare_v2(db, queries[i], -1, &rows, NULL) == SQLITE_OK);
		while (sqlite3_step(rows) == SQLITE_ROW) {
			for (int column = 0; column < sqlite3_column_count(rows); column++) {
				const char *value = (const char *)sqlite3_column_text(rows, column);
				sqlite3_str_appendf(text, "%s|", value ? value : "NULL");
			}
			sqlite3_str_appendchar(text, 1, '\n');
		}
		sqlite3_finalize(rows);
	}
	sqlite3_close(db);
	return sqlite3_str_finish(text);
}

/* Frees both. */
static inline void store_dumps_check_equal(char *left, char *right)
{
	CHECK(left && right && strcmp(left, right) == 0);
	if (left && right && strcmp(left, right) != 0)
		printf("--- left\n%s--- right\n%s", left, right);
	sqlite3_free(left);
	sqlite3_free(right);
}

#endif
