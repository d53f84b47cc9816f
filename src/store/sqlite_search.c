/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Searches in two steps: one statement (sql_search.c) finds the ids of the page in order, then
 * sqlite_load_runs() reads their records.
 */
#include "store/sqlite_store.h"

#include "base/error.h"
#include "store/answer.h"
#include "store/sql_search.h"

static mlm_status prepare(struct sqlite_store *store, const struct sql_statement *s,
	sqlite3_stmt **statement_out, mlm_error *err)
{
	*statement_out = NULL;
	mlm_status status = sqlite_prepare(store, s->sql, statement_out, err);
	for (size_t i = 0; status == MLM_OK && i < s->value_count; i++) {
		const struct filter_value *value = &s->values[i];
		int index = (int)i + 1;
		if (value->type == FILTER_INTEGER)
			sqlite3_bind_int64(*statement_out, index, value->integer);
		else if (value->type == FILTER_REAL)
			sqlite3_bind_double(*statement_out, index, value->real);
		else
			sqlite_bind(*statement_out, index, value->text);
	}
	return status;
}

static mlm_status find_runs(struct sqlite_store *store, const struct sql_search *search,
	const char **ids, size_t *count_out, mlm_error *err)
{
	sqlite3_stmt *statement;
	size_t count = 0;
	mlm_status status = prepare(store, &search->statement, &statement, err);
	while (status == MLM_OK) {
		int result = sqlite3_step(statement);
		if (result == SQLITE_DONE)
			break;
		bool failed = false;
		if (result != SQLITE_ROW) {
			status = sqlite_failed(store, err, "could not search for runs");
			break;
		}
		ids[count++] = sqlite_copy_column(search->arena, statement, 0, &failed);
		if (failed)
			status = sqlite_out_of_memory(err);
	}
	sqlite3_finalize(statement);
	*count_out = count;
	return status;
}

static mlm_status read_runs(struct sqlite_store *store, const struct sql_search *search,
	mlm_run_list *list, mlm_error *err)
{
	const char **ids = arena_array(search->arena, sql_search_rows_max(search), sizeof(*ids));
	if (!ids)
		return sqlite_out_of_memory(err);
	size_t count = 0;
	mlm_run_record *records = NULL;
	mlm_status status = sqlite_begin_read(store, err);
	if (status != MLM_OK)
		return status;
	status = find_runs(store, search, ids, &count, err);
	if (status == MLM_OK)
		status = sql_search_next_page(
			search, list->memory, &count, &list->next_page_token, err);
	if (status == MLM_OK && count > 0) {
		records = arena_array(list->memory, count, sizeof(*records));
		status = records ? sqlite_load_runs(store, list->memory, ids, count, records, err)
				 : sqlite_out_of_memory(err);
	}
	list->items = records;
	list->count = count;
	return sqlite_end(store, status, err);
}

mlm_status sqlite_search_runs(
	struct store *base, const mlm_query *query, mlm_run_list **list_out, mlm_error *err)
{
	struct sqlite_store *store = sqlite_store_of(base);
	struct sql_search search;
	mlm_run_list *list = NULL;
	*list_out = NULL;
	mlm_status status =
		sql_search_runs(&search, base->allocator, SQL_SQLITE, &store->layout, query, err);
	if (status == MLM_OK) {
		list = answer_run_list(store->base.allocator);
		status = list ? read_runs(store, &search, list, err) : sqlite_out_of_memory(err);
	}
	arena_free(search.arena);
	if (status == MLM_OK)
		*list_out = list;
	else if (list)
		arena_free(list->memory);
	return status;
}

/* ---- experiments ---- */

static mlm_status find_experiments(struct sqlite_store *store, const struct sql_search *search,
	int64_t *ids, size_t *count_out, mlm_error *err)
{
	sqlite3_stmt *statement;
	size_t count = 0;
	int result = SQLITE_ROW;
	mlm_status status = prepare(store, &search->statement, &statement, err);
	while (status == MLM_OK && (result = sqlite3_step(statement)) == SQLITE_ROW)
		ids[count++] = sqlite3_column_int64(statement, 0);
	if (status == MLM_OK && result != SQLITE_DONE)
		status = sqlite_failed(store, err, "could not search for experiments");
	sqlite3_finalize(statement);
	*count_out = count;
	return status;
}

static mlm_status read_experiments(struct sqlite_store *store, const struct sql_search *search,
	mlm_experiment_list *list, mlm_error *err)
{
	int64_t *ids = arena_array(search->arena, sql_search_rows_max(search), sizeof(*ids));
	if (!ids)
		return sqlite_out_of_memory(err);
	size_t count = 0;
	mlm_experiment *experiments = NULL;
	mlm_status status = sqlite_begin_read(store, err);
	if (status != MLM_OK)
		return status;
	status = find_experiments(store, search, ids, &count, err);
	if (status == MLM_OK)
		status = sql_search_next_page(
			search, list->memory, &count, &list->next_page_token, err);
	if (status == MLM_OK && count > 0) {
		experiments = arena_array(list->memory, count, sizeof(*experiments));
		status = experiments ? sqlite_load_experiments(
					       store, list->memory, ids, count, experiments, err)
				     : sqlite_out_of_memory(err);
	}
	list->items = experiments;
	list->count = count;
	return sqlite_end(store, status, err);
}

mlm_status sqlite_search_experiments(
	struct store *base, const mlm_query *query, mlm_experiment_list **list_out, mlm_error *err)
{
	struct sqlite_store *store = sqlite_store_of(base);
	struct sql_search search;
	mlm_experiment_list *list = NULL;
	*list_out = NULL;
	mlm_status status = sql_search_experiments(
		&search, base->allocator, SQL_SQLITE, &store->layout, query, err);
	if (status == MLM_OK) {
		list = answer_experiment_list(store->base.allocator);
		status = list ? read_experiments(store, &search, list, err)
			      : sqlite_out_of_memory(err);
	}
	arena_free(search.arena);
	if (status == MLM_OK)
		*list_out = list;
	else if (list)
		arena_free(list->memory);
	return status;
}
