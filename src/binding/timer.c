/* SPDX-License-Identifier: Apache-2.0 */
/* start_timer and log_and_stop_timer. */
#include "binding/call.h"
#include "binding/metatable.h"

#define TIMER_METATABLE "mlmanager.timer"

/* Its address is the key of the handle in a timer object. */
static const char timer_key;

/* Stops and logs one timer: its milliseconds, or nil where it had been stopped already. raises is
 * false where an error is on its way out, which goes first. */
static int stop(lua_State *L, bool raises)
{
	const struct run_handle *handle = binding_to_handle(L, 1, &timer_key);
	double elapsed_ms = 0;
	mlm_error err;
	if (!handle)
		return binding_refuse(L, MLM_EINVAL, "argument",
			"'stop' is a method of timers; write timer:stop()");
	if (handle->binding->is_closed || !mlm_run_is_open(handle->run))
		return 0;
	lua_getfield(L, 1, "name");
	const char *name = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "";
	mlm_status status = mlm_timer_stop(handle->run, name, &elapsed_ms, &err);
	if (status == MLM_ENOTFOUND || (status != MLM_OK && !raises))
		return 0;
	if (status != MLM_OK)
		return binding_fail(L, &err);
	lua_pushnumber(L, elapsed_ms);
	return 1;
}

static int stop_timer(lua_State *L)
{
	return stop(L, true);
}

/* <close> on what start_timer returns. */
static int leave_block(lua_State *L)
{
	return stop(L, lua_isnoneornil(L, 2));
}

static int timer_to_string(lua_State *L)
{
	lua_getfield(L, 1, "name");
	lua_pushfstring(L, "timer %s", luaL_optstring(L, -1, "?"));
	return 1;
}

static void push_timer(const struct call *call, mlm_run *run, const char *name)
{
	lua_State *L = call->L;
	lua_createtable(L, 0, 2);
	lua_pushstring(L, name);
	lua_setfield(L, -2, "name");
	binding_push_handle(call, run);
	lua_rawsetp(L, -2, &timer_key);
	if (metatable_begin(L, TIMER_METATABLE)) {
		lua_pushcfunction(L, leave_block);
		lua_setfield(L, -2, "__close");
		lua_pushcfunction(L, timer_to_string);
		lua_setfield(L, -2, "__tostring");
		lua_pushliteral(L, TIMER_METATABLE);
		lua_setfield(L, -2, "__metatable");
		lua_createtable(L, 0, 1);
		lua_pushcfunction(L, stop_timer);
		lua_setfield(L, -2, "stop");
		lua_setfield(L, -2, "__index");
		metatable_keep(L, TIMER_METATABLE);
	}
	lua_setmetatable(L, -2);
}

/* start_timer(name, {metric=true}), or {timer_name=, metric=}. */
static int start_timer(lua_State *L)
{
	static const char *const names[] = { "timer_name", "metric", NULL };
	struct call call;
	mlm_error err;
	call_begin(&call, L, "start_timer");
	call_names(&call, names, NULL);
	const char *name = call_string(&call, 1);
	int options = call_index(&call, 2);
	if (!call.has_keywords && call_has(&call, 2)) {
		if (lua_type(L, options) != LUA_TTABLE)
			call_bad(&call, 2, "options must be a table {metric=true}, got %s",
				binding_describe(L, options));
		binding_check_fields(L, options, "argument", call.name, names + 1, NULL);
		lua_getfield(L, options, "metric");
		lua_replace(L, options);
	}
	mlm_timer_as as =
		call_optional_boolean(&call, 2) ? MLM_TIMER_AS_METRIC : MLM_TIMER_AS_PARAM;
	mlm_run *run = call_run(&call);
	if (mlm_timer_start(run, name, as, &err) != MLM_OK)
		return binding_fail(L, &err);
	push_timer(&call, run, name);
	return 1;
}

static int log_and_stop_timer(lua_State *L)
{
	static const char *const names[] = { "timer_name", NULL };
	struct call call;
	mlm_error err;
	double total_ms = 0;
	call_begin(&call, L, "log_and_stop_timer");
	call_names(&call, names, NULL);
	const char *name = call_optional_string(&call, 1);
	mlm_run *run = call_run(&call);
	mlm_status status = name ? mlm_timer_stop(run, name, &total_ms, &err)
				 : mlm_timer_log_and_stop(run, &total_ms, &err);
	if (status != MLM_OK)
		return binding_fail(L, &err);
	lua_pushnumber(L, total_ms);
	return 1;
}

const luaL_Reg binding_timer_functions[] = {
	{ "start_timer", start_timer },
	{ "log_and_stop_timer", log_and_stop_timer },
	{ NULL, NULL },
};
