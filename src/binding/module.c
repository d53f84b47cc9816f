/* SPDX-License-Identifier: Apache-2.0 */
/* The module: MLManager{…}, a default manager, and everything's place in the module table. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "binding/call.h"
#include "binding/display.h"
#include "binding/embedded.h"
#include "binding/metatable.h"

#define HANDLE_METATABLE "mlmanager.handle"

extern const struct embedded_source module_sources[];

/* Their addresses are keys in the registry. */
static const char defaults_key; /* {store=, artifacts=, source_name=} */
static const char handles_key; /* all managers' userdata, as weak keys */
static const char module_key; /* the module, however often it is loaded */

static const char *const manager_fields[] = { "store", "tracking_uri", "artifacts", "journal_dir",
	"durability", "on_full", "journal_bytes_max", "system_metrics", "must_exist",
	"ignore_environment", "server_wait_ms", NULL };

/* ---- defaults from the host ---- */

void mlm_lua_set_defaults(
	lua_State *L, const char *store, const char *artifacts, const char *source_name)
{
	lua_createtable(L, 0, 3);
	lua_pushstring(L, store);
	lua_setfield(L, -2, "store");
	lua_pushstring(L, artifacts);
	lua_setfield(L, -2, "artifacts");
	lua_pushstring(L, source_name);
	lua_setfield(L, -2, "source_name");
	lua_rawsetp(L, LUA_REGISTRYINDEX, &defaults_key);
}

/* The registry keeps the text alive. */
static const char *get_default(lua_State *L, const char *name)
{
	const char *text = NULL;
	if (lua_rawgetp(L, LUA_REGISTRYINDEX, &defaults_key) == LUA_TTABLE) {
		lua_getfield(L, -1, name);
		text = lua_tostring(L, -1);
		lua_pop(L, 1);
	}
	lua_pop(L, 1);
	return text;
}

const char *binding_source_name(lua_State *L)
{
	return get_default(L, "source_name");
}

/* ---- opening and closing ---- */

/* In the order of manager_fields. */
static void read_options(struct call *call, int index, mlm_manager_options *options)
{
	static const char *const durabilities[] = { "process", "system", NULL };
	static const char *const on_full[] = { "error", "block", NULL };
	call_spread(call, index, manager_fields, NULL);
	const char *store = call_optional_string(call, 1);
	const char *alias = call_optional_string(call, 2);
	if (store && alias && strcmp(store, alias) != 0)
		call_bad(call, 2, "store and tracking_uri are one setting; give one of them");
	options->store = store ? store : alias;
	options->artifacts = call_optional_string(call, 3);
	options->journal_dir = call_optional_string(call, 4);
	options->durability =
		call_choice(call, 5, durabilities) ? MLM_DURABILITY_SYSTEM : MLM_DURABILITY_PROCESS;
	options->on_full = call_choice(call, 6, on_full) ? MLM_ON_FULL_BLOCK : MLM_ON_FULL_ERROR;
	options->journal_bytes_max = (uint64_t)call_integer(call, 7, 0, 1, INT64_MAX);
	options->system_metrics = call_optional_boolean(call, 8);
	options->must_exist = call_optional_boolean(call, 9);
	options->ignore_environment = call_optional_boolean(call, 10);
	options->server_wait_ms = (uint32_t)call_integer(call, 11, 0, 1, UINT32_MAX - 1);
}

void binding_open_manager(struct call *call, int index)
{
	lua_State *L = call->L;
	struct binding_manager *binding = call->binding;
	if (binding->is_closed)
		binding_refuse(L, MLM_ESTATE, "manager", "'%s': the manager is closed", call->name);
	mlm_manager_options options = MLM_MANAGER_OPTIONS_INIT;
	if (index)
		read_options(call, index, &options);
	if (!options.store)
		options.store = get_default(L, "store");
	if (!options.artifacts)
		options.artifacts = get_default(L, "artifacts");
	mlm_error err;
	if (mlm_manager_open(&options, &binding->manager, &err) != MLM_OK)
		binding_fail(L, &err);
	binding->active = mlm_run_active(binding->manager);
}

static mlm_status close_handle(
	struct binding_manager *binding, mlm_run_status end_status, mlm_error *err)
{
	mlm_status status = MLM_OK;
	if (binding->manager && !binding->is_closed)
		status = mlm_manager_close(binding->manager, end_status, err);
	binding->is_closed = true;
	binding->active = NULL;
	binding->started_count = 0;
	return status;
}

/* At the state's end nobody can be told by an error; what is not done stays in the journal. */
static int collect_handle(lua_State *L)
{
	struct binding_manager *binding = luaL_checkudata(L, 1, HANDLE_METATABLE);
	mlm_error err;
	if (close_handle(binding, MLM_RUN_FINISHED, &err) != MLM_OK)
		fprintf(stderr, "mlmanager: %s\n", err.message);
	mlm_manager_free(binding->manager);
	binding->manager = NULL;
	free(binding->last_order);
	binding->last_order = NULL;
	return 0;
}

static struct binding_manager *new_handle(lua_State *L)
{
	struct binding_manager *binding = lua_newuserdata(L, sizeof(*binding));
	memset(binding, 0, sizeof(*binding));
	if (metatable_begin(L, HANDLE_METATABLE)) {
		lua_pushcfunction(L, collect_handle);
		lua_setfield(L, -2, "__gc");
		metatable_keep(L, HANDLE_METATABLE);
	}
	lua_setmetatable(L, -2);
	lua_rawgetp(L, LUA_REGISTRYINDEX, &handles_key);
	lua_pushvalue(L, -2);
	lua_pushboolean(L, 1);
	lua_rawset(L, -3);
	lua_pop(L, 1);
	return binding;
}

static mlm_status close_one(struct binding_manager *binding, mlm_run_status end_status,
	const char *traceback, mlm_error *err)
{
	mlm_status first = MLM_OK;
	mlm_error why;
	for (int i = 0; traceback && !binding->is_closed && i < binding->started_count; i++) {
		if (!mlm_run_is_open(binding->started[i]))
			continue;
		mlm_status status = binding_tag_traceback(binding->started[i], traceback, &why);
		if (status != MLM_OK && first == MLM_OK) {
			first = status;
			*err = why;
		}
	}
	mlm_status status = close_handle(binding, end_status, &why);
	if (status != MLM_OK && first == MLM_OK) {
		first = status;
		*err = why;
	}
	return first;
}

mlm_status mlm_lua_close(
	lua_State *L, mlm_run_status end_status, const char *traceback, mlm_error *err)
{
	mlm_status first = MLM_OK;
	if (lua_rawgetp(L, LUA_REGISTRYINDEX, &handles_key) != LUA_TTABLE) {
		lua_pop(L, 1);
		return MLM_OK;
	}
	for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) {
		mlm_error why;
		mlm_status status = close_one(lua_touserdata(L, -2), end_status, traceback, &why);
		if (status != MLM_OK && first == MLM_OK) {
			first = status;
			if (err)
				*err = why;
		}
	}
	lua_pop(L, 1);
	return first;
}

/* ---- a manager's own methods ---- */

static int close_manager(lua_State *L)
{
	struct binding_manager *binding = lua_touserdata(L, lua_upvalueindex(1));
	mlm_error err;
	mlm_status status = close_handle(binding, MLM_RUN_UNCHANGED, &err);
	return status == MLM_OK ? 0 : binding_fail(L, &err);
}

/* __close: the second argument is the error that leaves the block, which goes first. */
static int leave_block(lua_State *L)
{
	struct binding_manager *binding = lua_touserdata(L, lua_upvalueindex(1));
	mlm_error err;
	if (lua_isnoneornil(L, 2))
		return close_manager(L);
	mlm_run_status end_status = binding_failed_status(L, 2);
	/* Ctrl-C is nothing that the runs did wrong. */
	close_one(binding, end_status,
		end_status == MLM_RUN_FAILED ? binding_error_text(L, 2) : NULL, &err);
	return 0;
}

static int flush(lua_State *L)
{
	struct call call;
	mlm_error err;
	static const char *const names[] = { "timeout_ms", NULL };
	call_begin(&call, L, "flush");
	call_names(&call, names, NULL);
	uint32_t timeout_ms = (uint32_t)call_integer(&call, 1, MLM_FOREVER, 0, MLM_FOREVER - 1);
	if (CALL_WAITING(&call, mlm_manager_flush(call.binding->manager, timeout_ms, &err)) !=
		MLM_OK)
		return binding_fail(L, &err);
	return 0;
}

static void add_finding(void *payload, bool repaired, const char *finding)
{
	lua_State *L = payload;
	lua_createtable(L, 0, 2);
	lua_pushstring(L, finding);
	lua_setfield(L, -2, "finding");
	lua_pushboolean(L, repaired);
	lua_setfield(L, -2, "repaired");
	lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
}

/* Collected in C first: raising in the middle would leave the manager locked. */
struct findings {
	char **lines;
	bool *repaired;
	size_t count;
};

static void keep_finding(void *payload, bool repaired, const char *finding)
{
	struct findings *findings = payload;
	char **lines = realloc(findings->lines, (findings->count + 1) * sizeof(*lines));
	if (lines)
		findings->lines = lines;
	bool *flags = realloc(findings->repaired, (findings->count + 1) * sizeof(*flags));
	if (flags)
		findings->repaired = flags;
	char *copy = strdup(finding);
	if (!lines || !flags || !copy) {
		free(copy);
		return;
	}
	findings->lines[findings->count] = copy;
	findings->repaired[findings->count++] = repaired;
}

static int free_findings(lua_State *L)
{
	struct findings *findings = luaL_checkudata(L, 1, "mlmanager.findings");
	for (size_t i = 0; i < findings->count; i++)
		free(findings->lines[i]);
	free(findings->lines);
	free(findings->repaired);
	memset(findings, 0, sizeof(*findings));
	return 0;
}

/* doctor(repair): the list of what was found, {finding=, repaired=} each. */
static int doctor(lua_State *L)
{
	struct call call;
	mlm_error err;
	static const char *const names[] = { "repair", NULL };
	call_begin(&call, L, "doctor");
	call_names(&call, names, NULL);
	bool repair = call_optional_boolean(&call, 1);
	struct findings *findings = lua_newuserdata(L, sizeof(*findings));
	memset(findings, 0, sizeof(*findings));
	if (metatable_begin(L, "mlmanager.findings")) {
		lua_pushcfunction(L, free_findings);
		lua_setfield(L, -2, "__gc");
		metatable_keep(L, "mlmanager.findings");
	}
	lua_setmetatable(L, -2);
	if (mlm_manager_doctor(call.binding->manager, repair, keep_finding, findings, &err) !=
		MLM_OK)
		return binding_fail(L, &err);
	lua_newtable(L);
	for (size_t i = 0; i < findings->count; i++)
		add_finding(L, findings->repaired[i], findings->lines[i]);
	return 1;
}

static const luaL_Reg manager_functions[] = {
	{ "close", close_manager },
	{ "flush", flush },
	{ "doctor", doctor },
	{ NULL, NULL },
};

void binding_add(lua_State *L, const luaL_Reg *functions, int userdata, int manager)
{
	for (; functions->name; functions++) {
		if (userdata)
			lua_pushvalue(L, userdata);
		else
			lua_pushnil(L);
		if (manager)
			lua_pushvalue(L, manager);
		else
			lua_pushnil(L);
		lua_pushcclosure(L, functions->func, 2);
		lua_setfield(L, -2, functions->name);
	}
}

/* ---- properties ---- */

/* The userdata behind a manager's table: what its functions are bound to. */
static struct binding_manager *handle_of(lua_State *L, int manager)
{
	struct binding_manager *binding = NULL;
	if (luaL_getmetafield(L, manager, "__index") == LUA_TFUNCTION && lua_getupvalue(L, -1, 1)) {
		binding = lua_touserdata(L, -1);
		lua_pop(L, 1);
	}
	lua_pop(L, 1);
	return binding;
}

static int push_latest(lua_State *L)
{
	struct binding_manager *binding = handle_of(L, 1);
	bool is_open = binding && binding->manager && !binding->is_closed;
	binding_push_latest(L, is_open ? binding->active : NULL);
	return 1;
}

/* Upvalues: the function, the manager. Makes manager.f(...) and manager:f(...) the same. */
static int call_with_manager(lua_State *L)
{
	if (!lua_rawequal(L, 1, lua_upvalueindex(2))) {
		lua_pushvalue(L, lua_upvalueindex(2));
		lua_insert(L, 1);
	}
	lua_pushvalue(L, lua_upvalueindex(1));
	lua_insert(L, 1);
	lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
	return lua_gettop(L);
}

/* How a run ends that an error leaves, for run.lua. */
static int push_failed_status(lua_State *L)
{
	lua_pushstring(L, mlm_run_status_name(binding_failed_status(L, 1)));
	return 1;
}

/* refuse(message[, code]) */
static int refuse(lua_State *L)
{
	bool is_missing = strcmp(luaL_optstring(L, 2, "invalid"), "not_found") == 0;
	return binding_refuse(L, is_missing ? MLM_ENOTFOUND : MLM_EINVAL,
		is_missing ? "run" : "argument", "%s", luaL_checkstring(L, 1));
}

/* Methods that are written in Lua are made at their first use: few scripts need them. The manager
 * is at 1. */
static bool push_lua_method(lua_State *L, const char *name)
{
	if (strcmp(name, "progress") == 0) {
		lua_pushcfunction(L, push_latest);
		binding_push_progress(L);
		lua_pushvalue(L, 1);
		lua_pushcclosure(L, call_with_manager, 2);
	} else if (strcmp(name, "plot") == 0) {
		binding_push_plot(L);
		lua_pushvalue(L, 1);
		lua_pushcclosure(L, call_with_manager, 2);
	} else if (strcmp(name, "run") == 0) {
		/* Bound in Lua: the function that it calls may yield. */
		embedded_load(L, module_sources, "run");
		lua_pushvalue(L, 1);
		lua_pushcfunction(L, push_failed_status);
		lua_pushcfunction(L, refuse);
		lua_call(L, 3, 1);
	} else if (strcmp(name, "find_run") == 0) {
		embedded_load(L, module_sources, "find_run");
		lua_pushvalue(L, 1);
		embedded_load(L, module_sources, "run_search");
		lua_call(L, 0, 1);
		lua_pushcfunction(L, refuse);
		lua_call(L, 3, 1);
	} else {
		return false;
	}
	lua_pushvalue(L, 2);
	lua_pushvalue(L, -2);
	lua_rawset(L, 1);
	return true;
}

static int refuse_unknown(lua_State *L, const char *name)
{
	return binding_refuse(
		L, MLM_EINVAL, "manager", "a manager has no function or property '%s'", name);
}

static int get_property(lua_State *L)
{
	struct binding_manager *binding = lua_touserdata(L, lua_upvalueindex(1));
	const char *name = luaL_tolstring(L, 2, NULL);
	bool is_run = strcmp(name, "current_run_id") == 0;
	bool is_experiment = strcmp(name, "experiment_id") == 0;
	if (!is_run && !is_experiment && strcmp(name, "store") != 0) {
		return push_lua_method(L, name) ? 1 : refuse_unknown(L, name);
	}
	if (!binding->manager && !binding->is_closed) {
		struct call call = { .L = L, .name = name, .binding = binding };
		binding_open_manager(&call, 0);
	}
	if (binding->is_closed)
		return 0;
	if (is_run) {
		if (binding->active)
			lua_pushstring(L, mlm_run_id(binding->active));
		else
			lua_pushnil(L);
	} else if (is_experiment) {
		char id[MLM_ID_SIZE];
		mlm_experiment_active(binding->manager, id);
		lua_pushstring(L, id[0] ? id : NULL);
	} else {
		lua_pushstring(L, mlm_manager_store(binding->manager));
	}
	return 1;
}

static int set_property(lua_State *L)
{
	const char *name = luaL_tolstring(L, 2, NULL);
	const char *how =
		strcmp(name, "current_run_id") == 0  ? "call set_active_run(run_id)"
		: strcmp(name, "experiment_id") == 0 ? "call set_active_experiment(name or id)"
		: strcmp(name, "store") == 0 ? "open another manager with MLManager{store=...}"
					     : NULL;
	if (how)
		return binding_refuse(
			L, MLM_EINVAL, "manager", "%s cannot be assigned; %s", name, how);
	if (strcmp(name, "run") != 0 && strcmp(name, "progress") != 0 &&
		strcmp(name, "plot") != 0 && strcmp(name, "find_run") != 0)
		return refuse_unknown(L, name);
	lua_settop(L, 3);
	lua_rawset(L, 1);
	return 0;
}

static int manager_to_string(lua_State *L)
{
	struct binding_manager *binding = lua_touserdata(L, lua_upvalueindex(1));
	if (binding->is_closed || !binding->manager)
		lua_pushstring(L, binding->is_closed ? "MLManager (closed)" : "MLManager");
	else
		lua_pushfstring(L, "MLManager (%s)", mlm_manager_store(binding->manager));
	return 1;
}

/* Gives the table at manager functions that are bound to the userdata at userdata. */
static void add_functions(lua_State *L, int userdata, int manager)
{
	lua_pushvalue(L, manager);
	binding_add(L, binding_experiment_functions, userdata, manager);
	binding_add(L, binding_run_functions, userdata, manager);
	binding_add(L, binding_search_functions, userdata, manager);
	binding_add(L, binding_logging_functions, userdata, manager);
	binding_add(L, binding_metric_handle_functions, userdata, manager);
	binding_add(L, binding_text_functions, userdata, manager);
	binding_add(L, binding_transfer_functions, userdata, manager);
	binding_add(L, binding_timer_functions, userdata, manager);
	binding_add(L, binding_artifact_functions, userdata, manager);
	binding_add(L, manager_functions, userdata, manager);
	lua_pop(L, 1);
}

/* Gives it its properties; from here on unknown fields are refused. */
static void add_properties(lua_State *L, int userdata, int manager)
{
	static const luaL_Reg events[] = {
		{ "__index", get_property },
		{ "__newindex", set_property },
		{ "__tostring", manager_to_string },
		{ "__close", leave_block },
		{ NULL, NULL },
	};
	lua_createtable(L, 0, 6);
	binding_add(L, events, userdata, 0);
	lua_pushliteral(L, BINDING_MANAGER);
	lua_setfield(L, -2, "__name");
	/* The functions in it take their table on trust. */
	lua_pushliteral(L, BINDING_MANAGER);
	lua_setfield(L, -2, "__metatable");
	lua_setmetatable(L, manager);
}

/* MLManager{store=…}; with a dot or a colon, with or without a table. */
static int new_manager(lua_State *L)
{
	int first = lua_rawequal(L, 1, lua_upvalueindex(1)) ? 2 : 1;
	struct call call = { .L = L, .name = "MLManager", .first = first };
	if (!lua_isnoneornil(L, first) && lua_type(L, first) != LUA_TTABLE)
		call_bad(&call, 1,
			"options must be a table such as {store=\"sqlite:mlmanager.db\"}, got "
			"%s",
			binding_describe(L, first));
	lua_settop(L, first);
	struct binding_manager *binding = new_handle(L);
	int userdata = lua_gettop(L);
	lua_createtable(L, 0, 48);
	int manager = lua_gettop(L);
	call.binding = binding;
	add_functions(L, userdata, manager);
	add_properties(L, userdata, manager);
	/* Above the two: what the options are read into takes their own table's place. */
	lua_pushvalue(L, first);
	call.first = lua_gettop(L);
	binding_open_manager(&call, lua_isnil(L, first) ? 0 : call.first);
	lua_settop(L, manager);
	return 1;
}

static void make_registry(lua_State *L)
{
	if (lua_rawgetp(L, LUA_REGISTRYINDEX, &handles_key) != LUA_TTABLE) {
		lua_newtable(L);
		lua_createtable(L, 0, 1);
		lua_pushliteral(L, "k");
		lua_setfield(L, -2, "__mode");
		lua_setmetatable(L, -2);
		lua_rawsetp(L, LUA_REGISTRYINDEX, &handles_key);
	}
	lua_pop(L, 1);
}

int luaopen_mlmanager(lua_State *L)
{
	luaL_checkversion(L);
	if (lua_rawgetp(L, LUA_REGISTRYINDEX, &module_key) == LUA_TTABLE)
		return 1;
	make_registry(L);
	binding_open_run(L);
	lua_settop(L, 0);
	new_handle(L);
	lua_createtable(L, 0, 64);
	add_functions(L, 1, 2);
	lua_pushvalue(L, 2);
	lua_pushcclosure(L, new_manager, 1);
	lua_setfield(L, 2, "MLManager");
	lua_pushstring(L, mlm_version());
	lua_setfield(L, 2, "_VERSION");
	binding_push_table(L);
	lua_setfield(L, 2, "table");
	binding_push_sparkline(L);
	lua_setfield(L, 2, "sparkline");
	binding_open_evaluator(L, 2);
	binding_open_csv(L, 2);
	add_properties(L, 1, 2);
	lua_settop(L, 2);
	lua_pushvalue(L, 2);
	lua_rawsetp(L, LUA_REGISTRYINDEX, &module_key);
	return 1;
}
