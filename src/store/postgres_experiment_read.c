/* SPDX-License-Identifier: Apache-2.0 */
#include "store/postgres_store.h"

#include <string.h>

#include "base/error.h"
#include "store/answer.h"

static void take_info(struct arena *arena, const PGresult *rows, int row,
	mlm_experiment *experiment, bool *failed_out)
{
	const char *stage = postgres_text(rows, row, 4);
	experiment->experiment_id = postgres_copy(arena, rows, row, 1, failed_out);
	experiment->name = postgres_copy(arena, rows, row, 2, failed_out);
	experiment->artifact_location = postgres_copy(arena, rows, row, 3, failed_out);
	if (!experiment->artifact_location)
		experiment->artifact_location = "";
	experiment->lifecycle = stage && strcmp(stage, "deleted") == 0 ? MLM_DELETED : MLM_ACTIVE;
	experiment->creation_time_ms = postgres_integer(rows, row, 5, -1);
	experiment->last_update_time_ms = postgres_integer(rows, row, 6, -1);
}

static void take_tags(struct arena *arena, const PGresult *rows, int begin, int end,
	mlm_experiment *experiment, bool *failed_out)
{
	mlm_text *tags = arena_array(arena, (size_t)(end - begin), sizeof(*tags));
	if (!tags) {
		*failed_out = true;
		return;
	}
	for (int row = begin; row < end; row++) {
		const char *value = postgres_copy(arena, rows, row, 2, failed_out);
		tags[row - begin].key = postgres_copy(arena, rows, row, 1, failed_out);
		tags[row - begin].value = value ? value : "";
	}
	if (*failed_out)
		return;
	answer_sort_texts(tags, (size_t)(end - begin));
	experiment->tags = tags;
	experiment->tag_count = (size_t)(end - begin);
}

#define IDS "FROM unnest($1::bigint[]) WITH ORDINALITY AS i (id, n) "

static mlm_status load(struct postgres_store *store, struct arena *arena,
	const struct postgres_values *ids, mlm_experiment *experiments, mlm_error *err)
{
	PGresult *rows;
	bool failed = false;
	mlm_status status = postgres_query(store, "could not read experiments",
		store->layout.experiment_times
			? "SELECT i.n, e.experiment_id, e.name, e.artifact_location, "
			  "e.lifecycle_stage, e.creation_time, e.last_update_time " IDS
			  "JOIN experiments AS e ON e.experiment_id = i.id"
			: "SELECT i.n, e.experiment_id, e.name, e.artifact_location, "
			  "e.lifecycle_stage, NULL, NULL " IDS
			  "JOIN experiments AS e ON e.experiment_id = i.id",
		ids, &rows, err);
	if (status != MLM_OK)
		return status;
	for (int row = 0; row < pq.PQntuples(rows) && !failed; row++)
		take_info(arena, rows, row, &experiments[postgres_integer(rows, row, 0, 1) - 1],
			&failed);
	pq.PQclear(rows);
	status = postgres_query(store, "could not read experiments' tags",
		"SELECT i.n, t.key, t.value " IDS
		"JOIN experiment_tags AS t ON t.experiment_id = i.id ORDER BY i.n",
		ids, &rows, err);
	if (status != MLM_OK)
		return status;
	int count = pq.PQntuples(rows);
	for (int begin = 0, end; begin < count && !failed; begin = end) {
		int64_t place = postgres_integer(rows, begin, 0, 1);
		for (end = begin + 1; end < count; end++) {
			if (postgres_integer(rows, end, 0, 1) != place)
				break;
		}
		take_tags(arena, rows, begin, end, &experiments[place - 1], &failed);
	}
	pq.PQclear(rows);
	return failed ? postgres_out_of_memory(err) : MLM_OK;
}

mlm_status postgres_load_experiments(struct postgres_store *store, struct arena *arena,
	const int64_t *ids, size_t count, mlm_experiment *experiments, mlm_error *err)
{
	struct postgres_array array;
	struct postgres_values values = { 0 };
	memset(experiments, 0, count * sizeof(*experiments));
	postgres_array_init(&array, store->base.allocator, POSTGRES_INT8);
	for (size_t i = 0; i < count; i++)
		postgres_array_int8(&array, ids[i]);
	mlm_status status = array.failed ? postgres_out_of_memory(err) : MLM_OK;
	if (status == MLM_OK) {
		postgres_add_array(&values, &array);
		status = load(store, arena, &values, experiments, err);
	}
	postgres_array_free(&array);
	for (size_t i = 0; status == MLM_OK && i < count; i++) {
		if (!experiments[i].experiment_id)
			status = error_set(err, MLM_ENOTFOUND, "experiment",
				"there is no experiment with the id '%lld'", (long long)ids[i]);
	}
	return status;
}
