/* SPDX-License-Identifier: Apache-2.0 */
#include "store/sql_search.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "store/page_token.h"

#define EXPERIMENTS_MAX   10000 /* experiment ids of one search; each is a bound value */
#define SQL_BYTES_INITIAL 2048

static void add(struct sql_statement *s, const char *text)
{
	size_t more = strlen(text);
	if (s->size + more + 1 > s->capacity) {
		size_t capacity = s->capacity ? s->capacity : SQL_BYTES_INITIAL;
		while (s->size + more + 1 > capacity)
			capacity *= 2;
		char *larger = arena_alloc(s->arena, capacity);
		if (!larger) {
			s->failed = true;
			return;
		}
		if (s->size > 0)
			memcpy(larger, s->sql, s->size);
		s->sql = larger;
		s->capacity = capacity;
	}
	memcpy(s->sql + s->size, text, more + 1);
	s->size += more;
}

static void add_value(struct sql_statement *s, struct filter_value value)
{
	if (s->dialect == SQL_POSTGRES) {
		char place[32];
		snprintf(place, sizeof(place), "$%zu::%s", s->value_count + 1,
			value.type == FILTER_INTEGER ? "bigint"
			: value.type == FILTER_REAL  ? "float8"
						     : "text");
		add(s, place);
	} else {
		add(s, "?");
	}
	if (s->value_count == s->value_capacity) {
		size_t capacity = s->value_capacity ? 2 * s->value_capacity : 32;
		struct filter_value *larger = arena_array(s->arena, capacity, sizeof(*larger));
		if (!larger) {
			s->failed = true;
			return;
		}
		if (s->value_count > 0)
			memcpy(larger, s->values, s->value_count * sizeof(*larger));
		s->values = larger;
		s->value_capacity = capacity;
	}
	s->values[s->value_count++] = value;
}

static void add_integer(struct sql_statement *s, int64_t integer)
{
	add_value(s, (struct filter_value){ .type = FILTER_INTEGER, .integer = integer });
}

static void add_text(struct sql_statement *s, const char *text)
{
	add_value(s, (struct filter_value){ .type = FILTER_TEXT, .text = text });
}

/* ---- comparisons ---- */

static void add_values(struct sql_statement *s, const struct filter_clause *clause)
{
	add(s, "(");
	for (size_t i = 0; i < clause->value_count; i++) {
		add(s, i ? "," : "");
		add_value(s, clause->values[i]);
	}
	add(s, ")");
}

/* MLflow's patterns have no escape character; PostgreSQL's have one unless told. */
static void add_pattern_end(struct sql_statement *s)
{
	if (s->dialect == SQL_POSTGRES)
		add(s, " ESCAPE ''");
}

/* column OP value. LIKE minds case: SQLite's connections have case_sensitive_like. */
static void add_comparison(
	struct sql_statement *s, const char *column, const struct filter_clause *clause)
{
	static const char *const operators[] = {
		[FILTER_EQUAL] = " = ",
		[FILTER_NOT_EQUAL] = " != ",
		[FILTER_LESS] = " < ",
		[FILTER_LESS_EQUAL] = " <= ",
		[FILTER_GREATER] = " > ",
		[FILTER_GREATER_EQUAL] = " >= ",
		[FILTER_LIKE] = " LIKE ",
		[FILTER_IN] = " IN ",
		[FILTER_NOT_IN] = " NOT IN ",
	};
	if (clause->op == FILTER_ILIKE) {
		add(s, "lower(");
		add(s, column);
		add(s, ") LIKE lower(");
		add_value(s, clause->values[0]);
		add(s, ")");
		add_pattern_end(s);
		return;
	}
	add(s, column);
	add(s, operators[clause->op]);
	if (clause->op == FILTER_IN || clause->op == FILTER_NOT_IN)
		add_values(s, clause);
	else
		add_value(s, clause->values[0]);
	if (clause->op == FILTER_LIKE)
		add_pattern_end(s);
}

/* A row of a table keyed by (key, owner): the primary keys begin with the key, so this is one step
 * down an index for each run or experiment. tie is " WHERE x.owner = r.id AND x.key = ". */
static void add_keyed(struct sql_statement *s, const char *table, const char *tie,
	const struct filter_clause *clause)
{
	add(s, clause->op == FILTER_IS_NULL ? "NOT EXISTS (SELECT 1 FROM "
					    : "EXISTS (SELECT 1 FROM ");
	add(s, table);
	add(s, tie);
	add_text(s, clause->key);
	if (clause->op == FILTER_IS_NULL || clause->op == FILTER_IS_NOT_NULL) {
		add(s, ")");
		return;
	}
	/* NaN is stored as 0 with is_nan: it differs from every number and has no order. */
	if (clause->entity == FILTER_METRIC)
		add(s, clause->op == FILTER_NOT_EQUAL ? " AND (x.is_nan OR "
						      : " AND (NOT x.is_nan AND ");
	else
		add(s, " AND (");
	add_comparison(s, "x.value", clause);
	add(s, "))");
}

static void add_dataset(struct sql_statement *s, const struct sql_layout *layout,
	const struct filter_clause *clause)
{
	if (!layout->dataset_inputs) {
		add(s, "1 = 0");
		return;
	}
	add(s, "EXISTS (SELECT 1 FROM inputs i JOIN datasets d ON d.dataset_uuid = i.source_id");
	if (clause->attribute == FILTER_DATASET_CONTEXT)
		add(s, " JOIN input_tags t ON t.input_uuid = i.input_uuid"
		       " AND t.name = 'mlflow.data.context'");
	add(s, " WHERE i.destination_type = 'RUN' AND i.destination_id = r.run_uuid"
	       " AND i.source_type = 'DATASET' AND ");
	const char *column = clause->attribute == FILTER_DATASET_CONTEXT  ? "t.value"
			     : clause->attribute == FILTER_DATASET_DIGEST ? "d.digest"
									  : "d.name";
	add_comparison(s, column, clause);
	add(s, ")");
}

/* The column of an attribute; "NULL" in files that do not have it. */
static const char *column_of(const struct sql_layout *layout, enum filter_attribute attribute)
{
	switch (attribute) {
	case FILTER_RUN_ID:
		return "r.run_uuid";
	case FILTER_RUN_NAME:
		return "r.name";
	case FILTER_STATUS:
		return "r.status";
	case FILTER_USER_ID:
		return "r.user_id";
	case FILTER_ARTIFACT_URI:
		return "r.artifact_uri";
	case FILTER_START_TIME:
		return "r.start_time";
	case FILTER_END_TIME:
		return "r.end_time";
	case FILTER_EXPERIMENT_ID:
		return "e.experiment_id";
	case FILTER_EXPERIMENT_NAME:
		return "e.name";
	case FILTER_CREATION_TIME:
		return layout->experiment_times ? "e.creation_time" : "NULL";
	case FILTER_LAST_UPDATE_TIME:
		return layout->experiment_times ? "e.last_update_time" : "NULL";
	default:
		return "NULL";
	}
}

static void add_filter(struct sql_statement *s, const struct sql_layout *layout,
	enum filter_subject subject, const struct filter *filter)
{
	for (size_t i = 0; i < filter->count; i++) {
		const struct filter_clause *clause = &filter->clauses[i];
		add(s, " AND ");
		if (clause->entity == FILTER_ATTRIBUTE)
			add_comparison(s, column_of(layout, clause->attribute), clause);
		else if (clause->entity == FILTER_DATASET)
			add_dataset(s, layout, clause);
		else if (subject == FILTER_EXPERIMENTS)
			add_keyed(s, "experiment_tags x",
				" WHERE x.experiment_id = e.experiment_id AND x.key = ", clause);
		else
			add_keyed(s,
				clause->entity == FILTER_METRIC  ? "latest_metrics x"
				: clause->entity == FILTER_PARAM ? "params x"
								 : "tags x",
				" WHERE x.run_uuid = r.run_uuid AND x.key = ", clause);
	}
}

static void add_view(struct sql_statement *s, const char *column, mlm_view view)
{
	add(s, column);
	add(s, view == MLM_VIEW_ACTIVE     ? " IN ('active')"
		: view == MLM_VIEW_DELETED ? " IN ('deleted')"
					   : " IN ('active', 'deleted')");
}

/* ---- order and page ---- */

/* The table of the i-th order's value is joined as "o<i>". */
static const char *order_alias(char alias[8], size_t i)
{
	snprintf(alias, 8, "o%u", (unsigned)i);
	return alias;
}

static void add_order_joins(struct sql_statement *s, const struct filter_order_list *orders)
{
	char alias[8];
	for (size_t i = 0; i < orders->count; i++) {
		const struct filter_order *order = &orders->items[i];
		if (order->entity == FILTER_ATTRIBUTE)
			continue;
		order_alias(alias, i);
		add(s, order->entity == FILTER_METRIC   ? " LEFT JOIN latest_metrics "
			: order->entity == FILTER_PARAM ? " LEFT JOIN params "
							: " LEFT JOIN tags ");
		add(s, alias);
		add(s, " ON ");
		add(s, alias);
		add(s, ".run_uuid = r.run_uuid AND ");
		add(s, alias);
		add(s, ".key = ");
		add_text(s, order->key);
	}
}

/* Texts are in the order of their bytes, whatever language the database was made for. */
static bool is_text(const struct filter_order *order)
{
	if (order->entity != FILTER_ATTRIBUTE)
		return order->entity != FILTER_METRIC;
	switch (order->attribute) {
	case FILTER_RUN_NAME:
	case FILTER_STATUS:
	case FILTER_USER_ID:
	case FILTER_ARTIFACT_URI:
	case FILTER_EXPERIMENT_NAME:
		return true;
	default:
		return false;
	}
}

/* Numbers, then NaN, then what is missing, in both directions; equal runs by their start, the
 * youngest first, and then by id. */
static void add_run_order(struct sql_statement *s, const struct sql_layout *layout,
	const struct filter_order_list *orders)
{
	bool by_start = false;
	add(s, " ORDER BY ");
	for (size_t i = 0; i < orders->count; i++) {
		const struct filter_order *order = &orders->items[i];
		char alias[8], column[32];
		snprintf(column, sizeof(column), "%s.value", order_alias(alias, i));
		if (order->entity == FILTER_ATTRIBUTE)
			snprintf(column, sizeof(column), "%s", column_of(layout, order->attribute));
		if (order->entity == FILTER_METRIC) {
			add(s, "CASE WHEN ");
			add(s, alias);
			add(s, ".is_nan THEN 1 WHEN ");
			add(s, column);
			add(s, " IS NULL THEN 2 ELSE 0 END, ");
		} else {
			add(s, column);
			add(s, " IS NULL, ");
		}
		add(s, column);
		if (is_text(order) && s->dialect == SQL_POSTGRES)
			add(s, " COLLATE \"C\"");
		add(s, order->descending ? " DESC, " : ", ");
		by_start |= order->attribute == FILTER_START_TIME;
	}
	add(s, by_start ? "r.run_uuid" : "r.start_time DESC, r.run_uuid");
}

static void add_experiment_order(struct sql_statement *s, const struct sql_layout *layout,
	const struct filter_order_list *orders)
{
	bool by_id = false;
	add(s, " ORDER BY ");
	for (size_t i = 0; i < orders->count; i++) {
		const struct filter_order *order = &orders->items[i];
		add(s, column_of(layout, order->attribute));
		if (is_text(order) && s->dialect == SQL_POSTGRES)
			add(s, " COLLATE \"C\"");
		add(s, order->descending ? " DESC NULLS LAST, " : " NULLS FIRST, ");
		by_id |= order->attribute == FILTER_EXPERIMENT_ID;
	}
	if (orders->count == 0) {
		add(s, column_of(layout, FILTER_CREATION_TIME));
		add(s, " DESC, e.experiment_id");
	} else {
		/* Where the id is given it decided already. */
		add(s, by_id ? "e.experiment_id" : "e.experiment_id DESC");
	}
}

static mlm_status begin(struct sql_search *search, const mlm_allocator *allocator,
	enum sql_dialect dialect, enum filter_subject subject, const mlm_query *query,
	mlm_error *err)
{
	*search = (struct sql_search){ .arena = arena_new(allocator),
		.max_results = query->max_results };
	if (!search->arena)
		return error_set(err, MLM_ENOMEM, "search", "memory ran out");
	search->statement.arena = search->arena;
	search->statement.dialect = dialect;
	if (search->max_results == 0)
		search->max_results = MLM_SEARCH_RESULTS_DEFAULT;
	if (search->max_results > MLM_SEARCH_RESULTS_MAX)
		return error_set(err, MLM_EINVAL, "search",
			"max_results is %" PRIu32 ", it must be in 1..%d", search->max_results,
			MLM_SEARCH_RESULTS_MAX);
	mlm_status status = page_token_parse(query->page_token, &search->offset, err);
	if (status == MLM_OK)
		status = filter_parse(search->arena, subject, query->filter, &search->filter, err);
	if (status == MLM_OK)
		status = filter_parse_order(search->arena, subject, query->order_by,
			query->order_by_count, &search->orders, err);
	return status;
}

/* One row more than the page holds tells whether another follows. */
static void add_page(struct sql_search *search)
{
	add(&search->statement, " LIMIT ");
	add_integer(&search->statement, (int64_t)search->max_results + 1);
	add(&search->statement, " OFFSET ");
	add_integer(&search->statement, search->offset);
}

mlm_status sql_search_next_page(const struct sql_search *search, struct arena *arena, size_t *count,
	const char **token_out, mlm_error *err)
{
	*token_out = NULL;
	if (*count <= search->max_results)
		return MLM_OK;
	*count = search->max_results;
	*token_out = page_token_make(arena, search->offset + search->max_results);
	return *token_out ? MLM_OK : error_set(err, MLM_ENOMEM, "search", "memory ran out");
}

/* ---- runs ---- */

static mlm_status add_experiments(struct sql_statement *s, const mlm_query *query, mlm_error *err)
{
	if (query->experiment_count > EXPERIMENTS_MAX)
		return error_set(err, MLM_EINVAL, "search",
			"experiment_ids has %zu entries, more than %d", query->experiment_count,
			EXPERIMENTS_MAX);
	add(s, "r.experiment_id IN (");
	for (size_t i = 0; i < query->experiment_count; i++) {
		char *end;
		errno = 0;
		long long id = strtoll(query->experiment_ids[i], &end, 10);
		if (errno != 0 || end == query->experiment_ids[i] || *end != '\0')
			return error_set(err, MLM_EINVAL, "search",
				"experiment_ids[%zu] is '%.40s', it must be a number", i,
				query->experiment_ids[i]);
		add(s, i ? "," : "");
		add_integer(s, id);
	}
	add(s, ")");
	return MLM_OK;
}

mlm_status sql_search_runs(struct sql_search *search, const mlm_allocator *allocator,
	enum sql_dialect dialect, const struct sql_layout *layout, const mlm_query *query,
	mlm_error *err)
{
	struct sql_statement *s = &search->statement;
	mlm_status status = begin(search, allocator, dialect, FILTER_RUNS, query, err);
	if (status != MLM_OK)
		return status;
	add(s, "SELECT r.run_uuid FROM runs r");
	add_order_joins(s, &search->orders);
	add(s, " WHERE ");
	add_view(s, "r.lifecycle_stage", query->view);
	add(s, " AND ");
	status = add_experiments(s, query, err);
	if (status != MLM_OK)
		return status;
	add_filter(s, layout, FILTER_RUNS, &search->filter);
	add_run_order(s, layout, &search->orders);
	add_page(search);
	return s->failed ? error_set(err, MLM_ENOMEM, "search", "memory ran out") : MLM_OK;
}

mlm_status sql_search_experiments(struct sql_search *search, const mlm_allocator *allocator,
	enum sql_dialect dialect, const struct sql_layout *layout, const mlm_query *query,
	mlm_error *err)
{
	struct sql_statement *s = &search->statement;
	mlm_status status = begin(search, allocator, dialect, FILTER_EXPERIMENTS, query, err);
	if (status != MLM_OK)
		return status;
	add(s, "SELECT e.experiment_id FROM experiments e WHERE ");
	add_view(s, "e.lifecycle_stage", query->view);
	add_filter(s, layout, FILTER_EXPERIMENTS, &search->filter);
	add_experiment_order(s, layout, &search->orders);
	add_page(search);
	return s->failed ? error_set(err, MLM_ENOMEM, "search", "memory ran out") : MLM_OK;
}
