/* SPDX-License-Identifier: Apache-2.0 */
/* Runs: start, end, take up, delete, reset; and the object that stands for a run in Lua. */
#include <stdio.h>
#include <string.h>

#include "binding/call.h"

#define RUN_METATABLE "mlmanager.run"

static const char *const start_fields[] = { "tags", "run_name", "experiment_id", "nested",
	"user_id", NULL };
static const char *const end_fields[] = { "status", "create", "metadata", NULL };
static const char start_hint[] = "tags go in tags={...}";

/* Their addresses are keys in a run object that scripts cannot reach. */
static const char handle_key;
static const char manager_key;

/* ---- run objects ---- */

/* A table {run_id=, run_name=, experiment_id=}. It holds on to the manager's userdata, whose life
 * the handle shares. */
void binding_push_run(struct call *call, mlm_run *run, const char *run_name)
{
	lua_State *L = call->L;
	char experiment_id[MLM_ID_SIZE];
	mlm_run_experiment_id(run, experiment_id);
	lua_createtable(L, 0, 5);
	lua_pushstring(L, mlm_run_id(run));
	lua_setfield(L, -2, "run_id");
	lua_pushstring(L, experiment_id);
	lua_setfield(L, -2, "experiment_id");
	lua_pushstring(L, run_name);
	lua_setfield(L, -2, "run_name");
	lua_pushlightuserdata(L, run);
	lua_rawsetp(L, -2, &handle_key);
	if (call->self) {
		lua_rawgetp(L, 1, &manager_key);
	} else {
		lua_pushvalue(L, lua_upvalueindex(1));
	}
	lua_rawsetp(L, -2, &manager_key);
	luaL_setmetatable(L, RUN_METATABLE);
}

mlm_run *binding_to_run(lua_State *L, int index, struct binding_manager **binding_out)
{
	if (lua_type(L, index) != LUA_TTABLE)
		return NULL;
	lua_rawgetp(L, index, &handle_key);
	lua_rawgetp(L, index, &manager_key);
	mlm_run *run = lua_touserdata(L, -2);
	*binding_out = lua_touserdata(L, -1);
	lua_pop(L, 2);
	if (!run || !*binding_out)
		return NULL;
	if ((*binding_out)->is_closed)
		binding_refuse(L, MLM_ESTATE, "manager", "the manager of this run is closed");
	return run;
}

static void remember_started(struct binding_manager *binding, mlm_run *run)
{
	if (binding->started_count < BINDING_STARTED_MAX)
		binding->started[binding->started_count++] = run;
}

static void forget_started(struct binding_manager *binding, const mlm_run *run)
{
	for (int i = 0; i < binding->started_count; i++) {
		if (binding->started[i] != run)
			continue;
		binding->started[i] = binding->started[--binding->started_count];
		return;
	}
}

/* ---- starting ---- */

static const mlm_text *read_tags(const struct call *call, int index, size_t *count_out)
{
	lua_State *L = call->L;
	*count_out = 0;
	if (lua_isnoneornil(L, index))
		return NULL;
	if (lua_type(L, index) != LUA_TTABLE)
		binding_wrong_type(L, call->name, "tags", "a table", index);
	return binding_read_texts(call, lua_absindex(L, index), "tag", count_out);
}

static void start(struct call *call, mlm_run_options *options)
{
	lua_State *L = call->L;
	mlm_run *run = NULL;
	mlm_error err;
	options->source_name = binding_source_name(L);
	if (mlm_run_start(call->binding->manager, options, &run, &err) != MLM_OK)
		binding_fail(L, &err);
	remember_started(call->binding, run);
	call_changed(call);
	char name[512];
	mlm_run_name(run, name, sizeof(name));
	binding_push_run(call, run, name);
}

static void read_keywords(const struct call *call, mlm_run_options *options)
{
	lua_State *L = call->L;
	struct fields fields = { call, call->first };
	fields_check(&fields, start_fields, start_hint);
	options->run_name = fields_string(&fields, "run_name");
	options->experiment_id = fields_string(&fields, "experiment_id");
	options->user_id = fields_string(&fields, "user_id");
	options->nested = fields_boolean(&fields, "nested", false);
	fields_get(&fields, "tags");
	options->tags = read_tags(call, lua_gettop(L), &options->tag_count);
}

/* start_run(tags, run_name, experiment_id, nested) or keywords. */
static int start_run(lua_State *L)
{
	struct call call;
	mlm_run_options options = MLM_RUN_OPTIONS_INIT;
	call_begin(&call, L, "start_run");
	if (call_has_keywords(&call)) {
		read_keywords(&call, &options);
	} else {
		options.run_name = call_optional_string(&call, 2, "run_name");
		options.experiment_id = call_optional_string(&call, 3, "experiment_id");
		options.nested = call_optional_boolean(&call, 4, "nested");
		lua_settop(L, call_index(&call, 5));
		options.tags = read_tags(&call, call_index(&call, 1), &options.tag_count);
	}
	start(&call, &options);
	return 1;
}

/* create_new_run(user_id) or keywords. */
static int create_new_run(lua_State *L)
{
	struct call call;
	mlm_run_options options = MLM_RUN_OPTIONS_INIT;
	call_begin(&call, L, "create_new_run");
	if (call_has_keywords(&call))
		read_keywords(&call, &options);
	else
		options.user_id = call_optional_string(&call, 1, "user_id");
	start(&call, &options);
	return 1;
}

static int set_active_run(lua_State *L)
{
	struct call call;
	mlm_run *run = NULL;
	mlm_error err;
	call_begin(&call, L, "set_active_run");
	const char *id = call_string(&call, 1, "run_id");
	if (mlm_run_set_active(call.binding->manager, id, &run, &err) != MLM_OK)
		return binding_fail(L, &err);
	call_changed(&call);
	char name[512];
	mlm_run_name(run, name, sizeof(name));
	binding_push_run(&call, run, name);
	return 1;
}

/* ---- ending ---- */

static mlm_run_status check_status(const struct call *call, const char *name)
{
	mlm_run_status status = mlm_run_status_parse(name);
	if (name && status == MLM_RUN_UNCHANGED)
		binding_refuse(call->L, MLM_EINVAL, "argument",
			"%s: status must be FINISHED, FAILED, KILLED, RUNNING or SCHEDULED, got "
			"'%s'",
			call->name, name);
	return status;
}

static void end(struct call *call, mlm_run *run, mlm_run_status status)
{
	mlm_error err;
	mlm_status result = mlm_run_end(run, status, &err);
	call_changed(call);
	if (!mlm_run_is_open(run))
		forget_started(call->binding, run);
	if (result != MLM_OK)
		binding_fail(call->L, &err);
}

/* end_run(create, metadata) or {status=, create=, metadata=}; with create a new run follows, which
 * is returned. */
static int end_run(lua_State *L)
{
	struct call call;
	mlm_run_options options = MLM_RUN_OPTIONS_INIT;
	mlm_run_status status = MLM_RUN_UNCHANGED;
	bool creates = false;
	call_begin(&call, L, "end_run");
	mlm_run *run = call_run(&call);
	if (call_has_keywords(&call)) {
		struct fields fields = { &call, call.first };
		fields_check(&fields, end_fields, NULL);
		status = check_status(&call, fields_string(&fields, "status"));
		creates = fields_boolean(&fields, "create", false);
		fields_get(&fields, "metadata");
		options.tags = read_tags(&call, lua_gettop(L), &options.tag_count);
	} else if (lua_type(L, call.first) == LUA_TSTRING) {
		status = check_status(&call, lua_tostring(L, call.first));
	} else {
		creates = call_optional_boolean(&call, 1, "create");
		lua_settop(L, call_index(&call, 3));
		options.tags = read_tags(&call, call_index(&call, 2), &options.tag_count);
	}
	end(&call, run, status);
	if (!creates)
		return 0;
	options.nested = mlm_run_active(call.binding->manager) != NULL;
	start(&call, &options);
	return 1;
}

static int delete_active_run(lua_State *L)
{
	struct call call;
	mlm_error err;
	call_begin(&call, L, "delete_active_run");
	mlm_run *run = call_run(&call);
	mlm_status status = mlm_run_delete(run, &err);
	call_changed(&call);
	if (status != MLM_OK)
		return binding_fail(L, &err);
	forget_started(call.binding, run);
	return 0;
}

static int reset_run(lua_State *L)
{
	struct call call;
	mlm_error err;
	call_begin(&call, L, "reset_run");
	if (mlm_run_reset(call_run(&call), &err) != MLM_OK)
		return binding_fail(L, &err);
	return 0;
}

/* ---- any run by its id ---- */

static int delete_run(lua_State *L)
{
	struct call call;
	mlm_error err;
	call_begin(&call, L, "delete_run");
	const char *id = call_string(&call, 1, "run_id");
	mlm_status status = mlm_run_delete_id(call.binding->manager, id, &err);
	call_changed(&call);
	return status == MLM_OK ? 0 : binding_fail(L, &err);
}

static int restore_run(lua_State *L)
{
	struct call call;
	mlm_error err;
	call_begin(&call, L, "restore_run");
	const char *id = call_string(&call, 1, "run_id");
	if (mlm_run_restore_id(call.binding->manager, id, &err) != MLM_OK)
		return binding_fail(L, &err);
	return 0;
}

/* rename_run(run_id, name), or rename_run(name) for the active run. */
static int rename_run(lua_State *L)
{
	struct call call;
	mlm_error err;
	call_begin(&call, L, "rename_run");
	const char *id = NULL;
	const char *name = NULL;
	if (call.count < 2) {
		name = call_string(&call, 1, "name");
		id = mlm_run_id(call_run(&call));
	} else {
		id = call_string(&call, 1, "run_id");
		name = call_string(&call, 2, "name");
	}
	if (mlm_run_rename(call.binding->manager, id, name, &err) != MLM_OK)
		return binding_fail(L, &err);
	return 0;
}

const luaL_Reg binding_run_functions[] = {
	{ "start_run", start_run },
	{ "create_new_run", create_new_run },
	{ "set_active_run", set_active_run },
	{ "end_run", end_run },
	{ "delete_active_run", delete_active_run },
	{ "reset_run", reset_run },
	{ "delete_run", delete_run },
	{ "restore_run", restore_run },
	{ "rename_run", rename_run },
	{ NULL, NULL },
};

/* ---- what only a run object has ---- */

/* run.close() with a dot passes nothing. */
static void check_object(lua_State *L, const char *name)
{
	if (lua_type(L, 1) != LUA_TTABLE)
		binding_refuse(L, MLM_EINVAL, "argument",
			"'%s' is a method of runs; write run:%s()", name, name);
}

/* <close>: a run that is still open ends, FAILED where an error leaves its block. */
static int close_run(lua_State *L)
{
	struct binding_manager *binding = NULL;
	check_object(L, "close");
	lua_rawgetp(L, 1, &handle_key);
	lua_rawgetp(L, 1, &manager_key);
	mlm_run *run = lua_touserdata(L, -2);
	binding = lua_touserdata(L, -1);
	if (!run || !binding || binding->is_closed || !mlm_run_is_open(run))
		return 0;
	bool failed = !lua_isnoneornil(L, 2);
	mlm_error err;
	mlm_status status = mlm_run_end(run, failed ? MLM_RUN_FAILED : MLM_RUN_UNCHANGED, &err);
	binding->active = mlm_run_active(binding->manager);
	if (!mlm_run_is_open(run))
		forget_started(binding, run);
	if (status != MLM_OK && !failed) /* an error on its way out goes first */
		return binding_fail(L, &err);
	return 0;
}

static int run_to_string(lua_State *L)
{
	lua_getfield(L, 1, "run_name");
	lua_getfield(L, 1, "run_id");
	lua_pushfstring(L, "run %s (%s)", luaL_optstring(L, -2, "?"), luaL_optstring(L, -1, "?"));
	return 1;
}

static int is_open(lua_State *L)
{
	struct binding_manager *binding = NULL;
	check_object(L, "is_open");
	lua_rawgetp(L, 1, &handle_key);
	lua_rawgetp(L, 1, &manager_key);
	mlm_run *run = lua_touserdata(L, -2);
	binding = lua_touserdata(L, -1);
	lua_pushboolean(L, run && binding && !binding->is_closed && mlm_run_is_open(run));
	return 1;
}

/* set_traceback(text): for manager:run, whose errors are caught in Lua. */
static int set_traceback(lua_State *L)
{
	struct call call;
	mlm_error err;
	call_begin(&call, L, "set_traceback");
	if (binding_tag_traceback(call_run(&call), call_string(&call, 1, "text"), &err) != MLM_OK)
		return binding_fail(L, &err);
	return 0;
}

const luaL_Reg binding_run_methods[] = {
	{ "close", close_run },
	{ "is_open", is_open },
	{ "set_traceback", set_traceback },
	{ "end_run", end_run },
	{ "reset_run", reset_run },
	{ NULL, NULL },
};

void binding_open_run(lua_State *L)
{
	if (!luaL_newmetatable(L, RUN_METATABLE)) {
		lua_pop(L, 1);
		return;
	}
	lua_pushcfunction(L, close_run);
	lua_setfield(L, -2, "__close");
	lua_pushcfunction(L, run_to_string);
	lua_setfield(L, -2, "__tostring");
	lua_pushliteral(L, RUN_METATABLE);
	lua_setfield(L, -2, "__name");
	lua_newtable(L);
	binding_add(L, binding_logging_functions, 0, 0);
	binding_add(L, binding_text_functions, 0, 0);
	binding_add(L, binding_timer_functions, 0, 0);
	binding_add(L, binding_run_methods, 0, 0);
	lua_setfield(L, -2, "__index");
	lua_pop(L, 1);
}
