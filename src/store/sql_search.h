/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_SQL_SEARCH_H
#define STORE_SQL_SEARCH_H

/*
 * A search as one SQL statement that gives the ids of a page in their order. Everything a user
 * wrote is a value to be bound; the statement's text comes from literals only. What is said here
 * once is the same for every database; a dialect says how a value's place is written.
 */

#include "base/arena.h"
#include "mlmanager/experiment.h"
#include "store/filter.h"
#include "store/sql_layout.h"

enum sql_dialect {
	SQL_SQLITE, /* places are ? */
	SQL_POSTGRES, /* places are $1::type, $2::type, … */
};

/* Memory that ran out is remembered in failed, for whoever runs the statement to report. */
struct sql_statement {
	struct arena *arena;
	enum sql_dialect dialect;
	char *sql;
	size_t size, capacity;
	struct filter_value *values; /* in the order of their places */
	size_t value_count, value_capacity;
	bool failed;
};

struct sql_search {
	struct arena *arena; /* until the ids are known; the caller frees it, on errors as well */
	struct sql_statement statement;
	struct filter filter;
	struct filter_order_list orders;
	int64_t offset;
	uint32_t max_results;
};

/** The statement that finds run_uuid. Errors: EINVAL (filter, order_by, max_results, page_token,
 * experiment_ids), ENOMEM. */
mlm_status sql_search_runs(struct sql_search *search, const mlm_allocator *allocator,
	enum sql_dialect dialect, const struct sql_layout *layout, const mlm_query *query,
	mlm_error *err);
/** The statement that finds experiment_id. */
mlm_status sql_search_experiments(struct sql_search *search, const mlm_allocator *allocator,
	enum sql_dialect dialect, const struct sql_layout *layout, const mlm_query *query,
	mlm_error *err);

/** Rows that the statement may give: one more than the page, which tells whether another follows.
 */
static inline size_t sql_search_rows_max(const struct sql_search *search)
{
	return (size_t)search->max_results + 1;
}

/** *count includes the row that is one too many, and no longer does afterwards. The token, in the
 * arena of the answer, is NULL when there is no next page. Errors: ENOMEM. */
mlm_status sql_search_next_page(const struct sql_search *search, struct arena *arena, size_t *count,
	const char **token_out, mlm_error *err);

#endif
