/* SPDX-License-Identifier: Apache-2.0 */
/* Runs: start, end, take up, delete, reset; and the object that stands for a run in Lua. */
#include <stdio.h>
#include <string.h>

#include "binding/call.h"
#include "binding/metatable.h"

#define RUN_METATABLE  "mlmanager.run"
#define RUN_NAME_BYTES 2048 /* of a name that a run object shows */

static const char start_hint[] =
	"tags go in tags={...}, and set_active_run takes up a run that exists";

/* Addresses as keys: of the handle in a run object; in the registry, of the metatable of handles
 * and of the table that has the manager's userdata of each. */
static const char run_key;
static const char handle_metatable_key;
static const char pins_key;

/* ---- run objects ---- */

void binding_push_pin(const struct call *call)
{
	lua_State *L = call->L;
	if (!call->self) {
		lua_pushvalue(L, lua_upvalueindex(1));
		return;
	}
	lua_rawgetp(L, LUA_REGISTRYINDEX, &pins_key);
	lua_rawgetp(L, 1, &run_key);
	lua_rawget(L, -2);
	lua_remove(L, -2);
}

/* A handle keeps the manager's userdata alive, which its run's memory belongs to. */
void binding_push_handle(const struct call *call, mlm_run *run)
{
	lua_State *L = call->L;
	struct run_handle *handle = lua_newuserdata(L, sizeof(*handle));
	handle->run = run;
	handle->binding = call->binding;
	lua_rawgetp(L, LUA_REGISTRYINDEX, &handle_metatable_key);
	lua_setmetatable(L, -2);
	lua_rawgetp(L, LUA_REGISTRYINDEX, &pins_key);
	lua_pushvalue(L, -2);
	binding_push_pin(call);
	lua_rawset(L, -3);
	lua_pop(L, 1);
}

struct run_handle *binding_to_handle(lua_State *L, int index, const void *key)
{
	if (lua_type(L, index) != LUA_TTABLE)
		return NULL;
	lua_rawgetp(L, index, key);
	struct run_handle *handle = NULL;
	if (lua_getmetatable(L, -1)) {
		lua_rawgetp(L, LUA_REGISTRYINDEX, &handle_metatable_key);
		if (lua_rawequal(L, -1, -2))
			handle = lua_touserdata(L, -3);
		lua_pop(L, 2);
	}
	lua_pop(L, 1);
	return handle;
}

/* A table {run_id=, run_name=, experiment_id=} with methods. */
void binding_push_run(struct call *call, mlm_run *run, const char *run_name)
{
	lua_State *L = call->L;
	char experiment_id[MLM_ID_SIZE];
	mlm_run_experiment_id(run, experiment_id);
	lua_createtable(L, 0, 4);
	lua_pushstring(L, mlm_run_id(run));
	lua_setfield(L, -2, "run_id");
	lua_pushstring(L, experiment_id[0] ? experiment_id : NULL);
	lua_setfield(L, -2, "experiment_id");
	lua_pushstring(L, run_name);
	lua_setfield(L, -2, "run_name");
	binding_push_handle(call, run);
	lua_rawsetp(L, -2, &run_key);
	luaL_getmetatable(L, RUN_METATABLE);
	lua_setmetatable(L, -2);
}

/* The handle of the object at 1; raises for another value. Works on a closed manager, too. */
static struct run_handle *check_handle(lua_State *L, const char *name)
{
	struct run_handle *handle = binding_to_handle(L, 1, &run_key);
	if (!handle)
		binding_refuse(L, MLM_EINVAL, "argument",
			"'%s' is a method of runs; write run:%s(...)", name, name);
	return handle;
}

static bool handle_is_open(const struct run_handle *handle)
{
	return !handle->binding->is_closed && mlm_run_is_open(handle->run);
}

mlm_run *binding_to_run(lua_State *L, int index, struct binding_manager **binding_out)
{
	const struct run_handle *handle = binding_to_handle(L, index, &run_key);
	if (!handle)
		return NULL;
	if (handle->binding->is_closed)
		binding_refuse(L, MLM_ESTATE, "manager", "the manager of this run is closed");
	*binding_out = handle->binding;
	return handle->run;
}

static void push_named(struct call *call, mlm_run *run)
{
	char name[RUN_NAME_BYTES];
	mlm_run_name(run, name, sizeof(name));
	binding_push_run(call, run, name);
}

static void remember_started(struct binding_manager *binding, mlm_run *run)
{
	if (binding->started_count < BINDING_STARTED_MAX)
		binding->started[binding->started_count++] = run;
}

/* ---- starting ---- */

static int start(struct call *call, mlm_run_options *options)
{
	lua_State *L = call->L;
	mlm_run *run = NULL;
	mlm_error err;
	options->source_name = binding_source_name(L);
	call_wait_begin(call);
	mlm_status status = mlm_run_start(call->binding->manager, options, &run, &err);
	if (status == MLM_OK) {
		remember_started(call->binding, run);
		call_changed(call);
	}
	if (call_wait_end(call, status) != MLM_OK)
		return binding_fail(L, &err);
	push_named(call, run);
	return 1;
}

static int start_run(lua_State *L)
{
	static const char *const names[] = { "tags", "run_name", "experiment_id", "nested",
		"user_id", NULL };
	struct call call;
	mlm_run_options options = MLM_RUN_OPTIONS_INIT;
	call_begin(&call, L, "start_run");
	call_names(&call, names, start_hint);
	options.run_name = call_optional_string(&call, 2);
	options.experiment_id = call_optional_string(&call, 3);
	options.nested = call_optional_boolean(&call, 4);
	options.user_id = call_optional_string(&call, 5);
	options.tags = call_texts(&call, 1, "tag", &options.tag_count);
	return start(&call, &options);
}

static int create_new_run(lua_State *L)
{
	static const char *const names[] = { "user_id", "run_name", "tags", "experiment_id",
		"nested", NULL };
	struct call call;
	mlm_run_options options = MLM_RUN_OPTIONS_INIT;
	call_begin(&call, L, "create_new_run");
	call_names(&call, names, start_hint);
	options.user_id = call_optional_string(&call, 1);
	options.run_name = call_optional_string(&call, 2);
	options.experiment_id = call_optional_string(&call, 4);
	options.nested = call_optional_boolean(&call, 5);
	options.tags = call_texts(&call, 3, "tag", &options.tag_count);
	return start(&call, &options);
}

static int set_active_run(lua_State *L)
{
	static const char *const names[] = { "run_id", NULL };
	struct call call;
	mlm_run *run = NULL;
	mlm_error err;
	call_begin(&call, L, "set_active_run");
	call_names(&call, names, NULL);
	const char *id = call_string(&call, 1);
	call_wait_begin(&call);
	mlm_status status = mlm_run_set_active(call.binding->manager, id, &run, &err);
	call_changed(&call);
	if (call_wait_end(&call, status) != MLM_OK)
		return binding_fail(L, &err);
	push_named(&call, run);
	return 1;
}

/* ---- ending ---- */

static mlm_status end(struct call *call, mlm_run *run, mlm_run_status status, mlm_error *err)
{
	call_wait_begin(call);
	mlm_status result = mlm_run_end(run, status, err);
	call_changed(call);
	return call_wait_end(call, result);
}

/* end_run(create, metadata, status), keywords, or a status alone. With create a new run follows,
 * which is returned. */
static int end_run(lua_State *L)
{
	static const char *const names[] = { "create", "metadata", "status", NULL };
	struct call call;
	mlm_error err;
	mlm_run_options options = MLM_RUN_OPTIONS_INIT;
	call_begin(&call, L, "end_run");
	call_names(&call, names, NULL);
	mlm_run *run = call_run(&call);
	int status_at = lua_type(L, call_index(&call, 1)) == LUA_TSTRING ? 1 : 3;
	const char *word = call_optional_string(&call, status_at);
	mlm_run_status status = mlm_run_status_parse(word);
	if (word && status == MLM_RUN_UNCHANGED)
		call_bad(&call, status_at,
			"status must be FINISHED, FAILED, KILLED, RUNNING or SCHEDULED, got "
			"'%.40s'",
			word);
	bool creates = status_at == 3 && call_optional_boolean(&call, 1);
	options.tags = call_texts(&call, 2, "tag", &options.tag_count);
	if (end(&call, run, status, &err) != MLM_OK)
		return binding_fail(L, &err);
	if (!creates)
		return 0;
	options.nested = call.binding->active != NULL;
	return start(&call, &options);
}

static int delete_active_run(lua_State *L)
{
	struct call call;
	mlm_error err;
	call_begin(&call, L, "delete_active_run");
	mlm_run *run = call_run(&call);
	call_wait_begin(&call);
	mlm_status status = mlm_run_delete(run, &err);
	call_changed(&call);
	return call_wait_end(&call, status) == MLM_OK ? 0 : binding_fail(L, &err);
}

static int reset_run(lua_State *L)
{
	struct call call;
	mlm_error err;
	call_begin(&call, L, "reset_run");
	mlm_run *run = call_run(&call);
	call_wait_begin(&call);
	mlm_status status = mlm_run_reset(run, &err);
	call_changed(&call); /* on a tracking server another run has taken its place */
	return call_wait_end(&call, status) == MLM_OK ? 0 : binding_fail(L, &err);
}

/* ---- any run by its id ---- */

static int delete_run(lua_State *L)
{
	static const char *const names[] = { "run_id", NULL };
	struct call call;
	mlm_error err;
	call_begin(&call, L, "delete_run");
	call_names(&call, names, NULL);
	const char *id = call_string(&call, 1);
	call_wait_begin(&call);
	mlm_status status = mlm_run_delete_id(call.binding->manager, id, &err);
	call_changed(&call);
	return call_wait_end(&call, status) == MLM_OK ? 0 : binding_fail(L, &err);
}

static int restore_run(lua_State *L)
{
	static const char *const names[] = { "run_id", NULL };
	struct call call;
	mlm_error err;
	call_begin(&call, L, "restore_run");
	call_names(&call, names, NULL);
	const char *id = call_string(&call, 1);
	if (CALL_WAITING(&call, mlm_run_restore_id(call.binding->manager, id, &err)) != MLM_OK)
		return binding_fail(L, &err);
	return 0;
}

/* rename_run(run_id, name), or rename_run(name) for the active run. */
static int rename_run(lua_State *L)
{
	static const char *const of_any[] = { "run_id", "name", NULL };
	static const char *const of_active[] = { "name", NULL };
	struct call call;
	mlm_error err;
	call_begin(&call, L, "rename_run");
	bool is_any = call.count > 1 || lua_type(L, call.first) == LUA_TTABLE;
	call_names(&call, is_any ? of_any : of_active, NULL);
	const char *name = call_string(&call, is_any ? 2 : 1);
	const char *id = is_any ? call_optional_string(&call, 1) : NULL;
	if (!id)
		id = mlm_run_id(call_run(&call));
	if (CALL_WAITING(&call, mlm_run_rename(call.binding->manager, id, name, &err)) != MLM_OK)
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

/* Ends a run that is open and, before it, what was started inside it and left open. */
static mlm_status end_whole(struct call *call, mlm_run_status status, mlm_error *err)
{
	mlm_manager *manager = call->binding->manager;
	mlm_error why;
	mlm_status result = end(call, call->self, status, err);
	while (result == MLM_ESTATE && mlm_run_is_open(call->self)) {
		mlm_run *inner = mlm_run_active(manager);
		if (!inner || inner == call->self)
			break;
		end(call, inner, status, &why);
		if (mlm_run_is_open(inner))
			break;
		result = end(call, call->self, status, err);
	}
	return result;
}

static int close_run(lua_State *L)
{
	const struct run_handle *handle = check_handle(L, "close");
	struct call call = {
		.L = L, .name = "close", .binding = handle->binding, .self = handle->run
	};
	mlm_error err;
	if (handle_is_open(handle) && end_whole(&call, MLM_RUN_UNCHANGED, &err) != MLM_OK)
		return binding_fail(L, &err);
	return 0;
}

/* <close>: as close, but where an error leaves the block the run ends FAILED. That error goes
 * first, before any of these calls. */
static int leave_block(lua_State *L)
{
	if (lua_isnoneornil(L, 2))
		return close_run(L);
	const struct run_handle *handle = check_handle(L, "close");
	struct call call = {
		.L = L, .name = "close", .binding = handle->binding, .self = handle->run
	};
	mlm_error err;
	mlm_run_status status = binding_failed_status(L, 2);
	if (!handle_is_open(handle))
		return 0;
	if (status == MLM_RUN_FAILED)
		binding_tag_traceback(handle->run, binding_error_text(L, 2), &err);
	end_whole(&call, status, &err);
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
	lua_pushboolean(L, handle_is_open(check_handle(L, "is_open")));
	return 1;
}

/* set_traceback(text): for manager:run, whose errors are caught in Lua. */
static int set_traceback(lua_State *L)
{
	static const char *const names[] = { "text", NULL };
	struct call call;
	mlm_error err;
	call_begin(&call, L, "set_traceback");
	call_names(&call, names, NULL);
	if (binding_tag_traceback(call_run(&call), luaL_tolstring(L, call.first, NULL), &err) !=
		MLM_OK)
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
	/* A second load of the module must not lose what the first has pinned. */
	if (!metatable_begin(L, RUN_METATABLE)) {
		lua_pop(L, 1);
		return;
	}
	lua_newtable(L);
	lua_pushboolean(L, 0);
	lua_setfield(L, -2, "__metatable");
	lua_rawsetp(L, LUA_REGISTRYINDEX, &handle_metatable_key);
	lua_newtable(L);
	lua_createtable(L, 0, 1);
	lua_pushliteral(L, "k");
	lua_setfield(L, -2, "__mode");
	lua_setmetatable(L, -2);
	lua_rawsetp(L, LUA_REGISTRYINDEX, &pins_key);
	lua_pushcfunction(L, leave_block);
	lua_setfield(L, -2, "__close");
	lua_pushcfunction(L, run_to_string);
	lua_setfield(L, -2, "__tostring");
	lua_pushliteral(L, RUN_METATABLE);
	lua_setfield(L, -2, "__metatable");
	lua_newtable(L);
	binding_add(L, binding_logging_functions, 0, 0);
	binding_add(L, binding_metric_handle_functions, 0, 0);
	binding_add(L, binding_text_functions, 0, 0);
	binding_add(L, binding_timer_functions, 0, 0);
	binding_add(L, binding_artifact_functions, 0, 0);
	binding_add(L, binding_run_methods, 0, 0);
	lua_setfield(L, -2, "__index");
	metatable_keep(L, RUN_METATABLE);
	lua_pop(L, 1);
}
