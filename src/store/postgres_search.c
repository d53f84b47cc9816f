/* SPDX-License-Identifier: Apache-2.0 */
#include "store/postgres_run.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/decimal.h"
#include "base/error.h"
#include "store/answer.h"
#include "store/postgres_store.h"
#include "store/sql_search.h"

/* Runs the statement of a search; its values go as texts, which their places' types read. */
static mlm_status find(struct postgres_store *store, const struct sql_search *search,
	PGresult **rows_out, mlm_error *err)
{
	const struct sql_statement *statement = &search->statement;
	const char **texts = arena_array(search->arena, statement->value_count, sizeof(*texts));
	char(*digits)[DECIMAL_BYTES] =
		arena_array(search->arena, statement->value_count, sizeof(*digits));
	if (!texts || !digits)
		return postgres_out_of_memory(err);
	for (size_t i = 0; i < statement->value_count; i++) {
		const struct filter_value *value = &statement->values[i];
		texts[i] = digits[i];
		if (value->type == FILTER_INTEGER)
			snprintf(digits[i], sizeof(digits[i]), "%" PRId64, value->integer);
		else if (value->type == FILTER_REAL)
			decimal_print_exact(value->real, digits[i]);
		else
			texts[i] = value->text;
	}
	return postgres_query_with(store, "could not search", statement->sql,
		(int)statement->value_count, texts, NULL, NULL, false, rows_out, err);
}

/* ---- runs ---- */

struct run_search {
	struct sql_search search;
	mlm_run_list *list;
};

static mlm_status find_runs(struct postgres_store *store, void *payload, mlm_error *err)
{
	struct run_search *runs = payload;
	struct arena *arena = runs->list->memory;
	PGresult *rows;
	mlm_status status = find(store, &runs->search, &rows, err);
	if (status != MLM_OK)
		return status;
	size_t count = (size_t)pq.PQntuples(rows);
	const char **ids = arena_array(arena, count + 1, sizeof(*ids));
	bool failed = !ids;
	for (size_t i = 0; !failed && i < count; i++)
		ids[i] = postgres_copy(arena, rows, (int)i, 0, &failed);
	pq.PQclear(rows);
	if (failed)
		return postgres_out_of_memory(err);
	status = sql_search_next_page(
		&runs->search, arena, &count, &runs->list->next_page_token, err);
	mlm_run_record *records = arena_array(arena, count + 1, sizeof(*records));
	if (status == MLM_OK && !records)
		status = postgres_out_of_memory(err);
	if (status == MLM_OK)
		status = postgres_load_runs(store, arena, ids, count, records, err);
	runs->list->items = records;
	runs->list->count = count;
	return status;
}

mlm_status postgres_search_runs(
	struct store *base, const mlm_query *query, mlm_run_list **list_out, mlm_error *err)
{
	struct postgres_store *store = postgres_store_of(base);
	struct run_search runs = { .list = NULL };
	*list_out = NULL;
	mlm_status status = sql_search_runs(
		&runs.search, base->allocator, SQL_POSTGRES, &store->layout, query, err);
	if (status == MLM_OK) {
		runs.list = answer_run_list(base->allocator);
		status = postgres_read_answer(
			base, runs.list ? runs.list->memory : NULL, find_runs, &runs, err);
	}
	arena_free(runs.search.arena);
	if (status == MLM_OK)
		*list_out = runs.list;
	return status;
}

/* ---- experiments ---- */

struct experiment_search {
	struct sql_search search;
	mlm_experiment_list *list;
};

static mlm_status find_experiments(struct postgres_store *store, void *payload, mlm_error *err)
{
	struct experiment_search *found = payload;
	struct arena *arena = found->list->memory;
	PGresult *rows;
	mlm_status status = find(store, &found->search, &rows, err);
	if (status != MLM_OK)
		return status;
	size_t count = (size_t)pq.PQntuples(rows);
	int64_t *ids = arena_array(arena, count + 1, sizeof(*ids));
	for (size_t i = 0; ids && i < count; i++)
		ids[i] = postgres_integer(rows, (int)i, 0, 0);
	pq.PQclear(rows);
	if (!ids)
		return postgres_out_of_memory(err);
	status = sql_search_next_page(
		&found->search, arena, &count, &found->list->next_page_token, err);
	mlm_experiment *experiments = arena_array(arena, count + 1, sizeof(*experiments));
	if (status == MLM_OK && !experiments)
		status = postgres_out_of_memory(err);
	if (status == MLM_OK)
		status = postgres_load_experiments(store, arena, ids, count, experiments, err);
	found->list->items = experiments;
	found->list->count = count;
	return status;
}

mlm_status postgres_search_experiments(
	struct store *base, const mlm_query *query, mlm_experiment_list **list_out, mlm_error *err)
{
	struct postgres_store *store = postgres_store_of(base);
	struct experiment_search found = { .list = NULL };
	*list_out = NULL;
	mlm_status status = sql_search_experiments(
		&found.search, base->allocator, SQL_POSTGRES, &store->layout, query, err);
	if (status == MLM_OK) {
		found.list = answer_experiment_list(base->allocator);
		status = postgres_read_answer(base, found.list ? found.list->memory : NULL,
			find_experiments, &found, err);
	}
	arena_free(found.search.arena);
	if (status == MLM_OK)
		*list_out = found.list;
	return status;
}
