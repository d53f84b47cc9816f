/* SPDX-License-Identifier: Apache-2.0 */
/* What is read back of runs: get_run, search_runs, histories and summaries of metrics. */
#include <string.h>

#include "binding/call.h"
#include "binding/metatable.h"

/* The first five are those of both. */
static const char *const run_query_fields[] = { "filter", "order_by", "max_results", "page_token",
	"view", "experiment_ids", NULL };
static const char *const experiment_query_fields[] = { "filter", "order_by", "max_results",
	"page_token", "view", NULL };

/* ---- queries ---- */

const char *const *binding_read_strings(const struct call *call, int n, size_t *count_out)
{
	lua_State *L = call->L;
	int value = call_index(call, n);
	*count_out = 0;
	if (!call_has(call, n))
		return NULL;
	if (lua_type(L, value) != LUA_TTABLE) {
		if (lua_type(L, value) != LUA_TSTRING && !lua_isinteger(L, value))
			call_bad(call, n, "%s must be a string or a list of strings, got %s",
				call->names[n - 1], binding_describe(L, value));
		const char **one = binding_scratch(L, sizeof(*one));
		one[0] = call_string(call, n);
		*count_out = 1;
		return one;
	}
	size_t count = lua_rawlen(L, value);
	const char **strings = binding_scratch(L, count * sizeof(*strings));
	lua_createtable(L, (int)(count < 1000 ? count : 0), 0);
	for (size_t i = 0; i < count; i++) {
		lua_rawgeti(L, value, (lua_Integer)i + 1);
		if (lua_type(L, -1) != LUA_TSTRING && !lua_isinteger(L, -1))
			call_bad(call, n, "item %d of %s must be a string, got %s", (int)i + 1,
				call->names[n - 1], binding_describe(L, -1));
		if (lua_type(L, -1) == LUA_TNUMBER) {
			binding_push_number_text(L, -1);
			lua_replace(L, -2);
		}
		strings[i] = lua_tostring(L, -1);
		lua_rawseti(L, -2, (lua_Integer)i + 1);
	}
	*count_out = count;
	return strings;
}

void binding_read_query(struct call *call, mlm_query *query, bool is_of_runs)
{
	static const char *const views[] = { "active", "deleted", "all", NULL };
	lua_State *L = call->L;
	luaL_checkstack(L, 20, "too many arguments");
	if (!call_has(call, 1))
		return;
	if (lua_type(L, call->first) != LUA_TTABLE)
		call_bad(call, 1,
			"the query must be a table such as {filter=\"metrics.loss < 0.1\"}, "
			"got %s",
			binding_describe(L, call->first));
	call_spread(
		call, call->first, is_of_runs ? run_query_fields : experiment_query_fields, NULL);
	query->filter = call_optional_string(call, 1);
	query->order_by = binding_read_strings(call, 2, &query->order_by_count);
	query->max_results = (uint32_t)call_integer(call, 3, 0, 1, MLM_SEARCH_RESULTS_MAX);
	query->page_token = call_optional_string(call, 4);
	query->view = (mlm_view)call_choice(call, 5, views);
	if (is_of_runs)
		query->experiment_ids = binding_read_strings(call, 6, &query->experiment_count);
}

/* ---- runs as tables ---- */

struct held_runs {
	mlm_run_list *list;
};

static int free_runs(lua_State *L)
{
	struct held_runs *held = luaL_checkudata(L, 1, "mlmanager.run_list");
	mlm_run_list_free(held->list);
	held->list = NULL;
	return 0;
}

static struct held_runs *hold_runs(lua_State *L)
{
	struct held_runs *held = lua_newuserdata(L, sizeof(*held));
	held->list = NULL;
	if (metatable_begin(L, "mlmanager.run_list")) {
		lua_pushcfunction(L, free_runs);
		lua_setfield(L, -2, "__gc");
		metatable_keep(L, "mlmanager.run_list");
	}
	lua_setmetatable(L, -2);
	return held;
}

static void set_string(lua_State *L, const char *name, const char *value)
{
	lua_pushstring(L, value);
	lua_setfield(L, -2, name);
}

static void set_texts(lua_State *L, const char *name, const mlm_text *texts, size_t count)
{
	lua_createtable(L, 0, (int)count);
	for (size_t i = 0; i < count; i++)
		set_string(L, texts[i].key, texts[i].value);
	lua_setfield(L, -2, name);
}

static void push_info(lua_State *L, const mlm_run_record *run)
{
	lua_createtable(L, 0, 10);
	set_string(L, "run_id", run->run_id);
	set_string(L, "run_uuid", run->run_id);
	set_string(L, "run_name", run->run_name);
	if (run->experiment_id[0]) /* not known while the server is away */
		set_string(L, "experiment_id", run->experiment_id);
	set_string(L, "user_id", run->user_id);
	set_string(L, "status", mlm_run_status_name(run->status));
	set_string(L, "artifact_uri", run->artifact_uri);
	set_string(L, "lifecycle_stage", run->lifecycle == MLM_DELETED ? "deleted" : "active");
	lua_pushinteger(L, (lua_Integer)run->start_time_ms);
	lua_setfield(L, -2, "start_time");
	if (run->end_time_ms >= 0) {
		lua_pushinteger(L, (lua_Integer)run->end_time_ms);
		lua_setfield(L, -2, "end_time");
	}
}

static void push_data(lua_State *L, const mlm_run_record *run)
{
	lua_createtable(L, 0, 3);
	lua_createtable(L, 0, (int)run->metric_count);
	for (size_t i = 0; i < run->metric_count; i++) {
		lua_pushnumber(L, run->metrics[i].value);
		lua_setfield(L, -2, run->metrics[i].key);
	}
	lua_setfield(L, -2, "metrics");
	set_texts(L, "params", run->params, run->param_count);
	set_texts(L, "tags", run->tags, run->tag_count);
}

static void push_inputs(lua_State *L, const mlm_run_record *run)
{
	lua_createtable(L, 0, 1);
	lua_createtable(L, (int)run->dataset_input_count, 0);
	for (size_t i = 0; i < run->dataset_input_count; i++) {
		const mlm_dataset_input *input = &run->dataset_inputs[i];
		lua_createtable(L, 0, 2);
		lua_createtable(L, 0, 6);
		set_string(L, "name", input->name);
		set_string(L, "digest", input->digest);
		set_string(L, "source_type", input->source_type);
		set_string(L, "source", input->source);
		set_string(L, "schema", input->schema);
		set_string(L, "profile", input->profile);
		lua_setfield(L, -2, "dataset");
		set_texts(L, "tags", input->tags, input->tag_count);
		lua_rawseti(L, -2, (lua_Integer)i + 1);
	}
	lua_setfield(L, -2, "dataset_inputs");
}

static void push_record(lua_State *L, const mlm_run_record *run)
{
	lua_createtable(L, 0, 3);
	push_info(L, run);
	lua_setfield(L, -2, "info");
	push_data(L, run);
	lua_setfield(L, -2, "data");
	push_inputs(L, run);
	lua_setfield(L, -2, "inputs");
}

void binding_push_stored_run(struct call *call, const char *run_id)
{
	mlm_error err;
	struct held_runs *held = hold_runs(call->L);
	if (CALL_WAITING(call, mlm_run_get(call->binding->manager, run_id, &held->list, &err)) !=
		MLM_OK)
		binding_fail(call->L, &err);
	push_record(call->L, &held->list->items[0]);
	lua_remove(call->L, -2);
}

static int get_run(lua_State *L)
{
	struct call call;
	static const char *const names[] = { "run_id", NULL };
	call_begin(&call, L, "get_run");
	call_names(&call, names, NULL);
	const char *id = call_optional_string(&call, 1);
	if (!id)
		id = mlm_run_id(call_run(&call));
	binding_push_stored_run(&call, id);
	return 1;
}

static int search_runs(lua_State *L)
{
	struct call call;
	mlm_error err;
	mlm_query query = MLM_QUERY_INIT;
	call_begin(&call, L, "search_runs");
	binding_read_query(&call, &query, true);
	struct held_runs *held = hold_runs(L);
	if (CALL_WAITING(&call, mlm_run_search(call.binding->manager, &query, &held->list, &err)) !=
		MLM_OK)
		return binding_fail(L, &err);
	lua_createtable(L, (int)held->list->count, 0);
	for (size_t i = 0; i < held->list->count; i++) {
		push_record(L, &held->list->items[i]);
		lua_rawseti(L, -2, (lua_Integer)i + 1);
	}
	lua_pushstring(L, held->list->next_page_token);
	return 2;
}

/* ---- metric histories ---- */

struct held_history {
	mlm_metric_history *history;
};

static int free_history(lua_State *L)
{
	struct held_history *held = luaL_checkudata(L, 1, "mlmanager.metric_history");
	mlm_metric_history_free(held->history);
	held->history = NULL;
	return 0;
}

static struct held_history *hold_history(lua_State *L)
{
	struct held_history *held = lua_newuserdata(L, sizeof(*held));
	held->history = NULL;
	if (metatable_begin(L, "mlmanager.metric_history")) {
		lua_pushcfunction(L, free_history);
		lua_setfield(L, -2, "__gc");
		metatable_keep(L, "mlmanager.metric_history");
	}
	lua_setmetatable(L, -2);
	return held;
}

static void push_columns(lua_State *L, const mlm_metric_history *history)
{
	int count = history->count < INT32_MAX ? (int)history->count : 0;
	lua_createtable(L, 0, 3);
	lua_createtable(L, count, 0);
	for (size_t i = 0; i < history->count; i++) {
		lua_pushinteger(L, (lua_Integer)history->steps[i]);
		lua_rawseti(L, -2, (lua_Integer)i + 1);
	}
	lua_setfield(L, -2, "step");
	lua_createtable(L, count, 0);
	for (size_t i = 0; i < history->count; i++) {
		lua_pushinteger(L, (lua_Integer)history->timestamps_ms[i]);
		lua_rawseti(L, -2, (lua_Integer)i + 1);
	}
	lua_setfield(L, -2, "timestamp");
	lua_createtable(L, count, 0);
	for (size_t i = 0; i < history->count; i++) {
		lua_pushnumber(L, history->values[i]);
		lua_rawseti(L, -2, (lua_Integer)i + 1);
	}
	lua_setfield(L, -2, "value");
}

static void push_points(lua_State *L, const mlm_metric_history *history, const char *key)
{
	lua_createtable(L, history->count < INT32_MAX ? (int)history->count : 0, 0);
	for (size_t i = 0; i < history->count; i++) {
		lua_createtable(L, 0, 4);
		set_string(L, "key", key);
		lua_pushnumber(L, history->values[i]);
		lua_setfield(L, -2, "value");
		lua_pushinteger(L, (lua_Integer)history->steps[i]);
		lua_setfield(L, -2, "step");
		lua_pushinteger(L, (lua_Integer)history->timestamps_ms[i]);
		lua_setfield(L, -2, "timestamp");
		lua_rawseti(L, -2, (lua_Integer)i + 1);
	}
}

/* The {columns=true} that follows as the n-th argument becomes its value. */
static void read_history_options(const struct call *call, int n)
{
	static const char *const known[] = { "columns", NULL };
	lua_State *L = call->L;
	int options = call_index(call, n);
	if (call->has_keywords || !call_has(call, n))
		return;
	if (lua_type(L, options) != LUA_TTABLE)
		call_bad(call, n, "options must be a table {columns=true}, got %s",
			binding_describe(L, options));
	binding_check_fields(L, options, "argument", call->name, known, NULL);
	lua_getfield(L, options, "columns");
	lua_replace(L, options);
}

/* (key[, options]) of the active run, (run_id, key[, options]) or keywords. */
static int get_metric_history(lua_State *L)
{
	static const char *const of_any[] = { "run_id", "key", "columns", NULL };
	struct call call;
	mlm_error err;
	call_begin(&call, L, "get_metric_history");
	int second = lua_type(L, call_index(&call, 2));
	bool is_of_active = lua_type(L, call.first) != LUA_TTABLE &&
			    (second <= LUA_TNIL || second == LUA_TTABLE);
	int at = is_of_active ? 1 : 2; /* the key's place */
	call_names(&call, is_of_active ? of_any + 1 : of_any, NULL);
	read_history_options(&call, at + 1);
	const char *run_id = is_of_active ? NULL : call_optional_string(&call, 1);
	const char *key = call_string(&call, at);
	bool columns = call_optional_boolean(&call, at + 1);
	if (!run_id)
		run_id = mlm_run_id(call_run(&call));
	struct held_history *held = hold_history(L);
	if (CALL_WAITING(&call, mlm_metric_history_get(call.binding->manager, run_id, key,
					&held->history, &err)) != MLM_OK)
		return binding_fail(L, &err);
	if (columns)
		push_columns(L, held->history);
	else
		push_points(L, held->history, key);
	return 1;
}

/* (key) of the active run, (run_id, key) or keywords. */
static int get_metric_summary(lua_State *L)
{
	static const char *const of_any[] = { "run_id", "key", NULL };
	struct call call;
	mlm_error err;
	mlm_metric_summary summary;
	call_begin(&call, L, "get_metric_summary");
	bool is_of_active = lua_type(L, call.first) != LUA_TTABLE &&
			    lua_type(L, call_index(&call, 2)) <= LUA_TNIL;
	call_names(&call, is_of_active ? of_any + 1 : of_any, NULL);
	const char *run_id = is_of_active ? NULL : call_optional_string(&call, 1);
	const char *key = call_string(&call, is_of_active ? 1 : 2);
	if (!run_id)
		run_id = mlm_run_id(call_run(&call));
	if (CALL_WAITING(&call, mlm_metric_summary_get(call.binding->manager, run_id, key, &summary,
					&err)) != MLM_OK)
		return binding_fail(L, &err);
	lua_createtable(L, 0, 8);
	lua_pushinteger(L, (lua_Integer)summary.count);
	lua_setfield(L, -2, "count");
	lua_pushinteger(L, (lua_Integer)summary.nan_count);
	lua_setfield(L, -2, "nan_count");
	if (summary.count > summary.nan_count) {
		lua_pushnumber(L, summary.min);
		lua_setfield(L, -2, "min");
		lua_pushinteger(L, (lua_Integer)summary.min_step);
		lua_setfield(L, -2, "min_step");
		lua_pushnumber(L, summary.max);
		lua_setfield(L, -2, "max");
		lua_pushinteger(L, (lua_Integer)summary.max_step);
		lua_setfield(L, -2, "max_step");
	}
	if (summary.count > 0) {
		lua_pushnumber(L, summary.last);
		lua_setfield(L, -2, "last");
		lua_pushinteger(L, (lua_Integer)summary.last_step);
		lua_setfield(L, -2, "last_step");
	}
	return 1;
}

const luaL_Reg binding_search_functions[] = {
	{ "get_run", get_run },
	{ "search_runs", search_runs },
	{ "get_metric_history", get_metric_history },
	{ "get_metric_summary", get_metric_summary },
	{ NULL, NULL },
};
