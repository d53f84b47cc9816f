/* SPDX-License-Identifier: Apache-2.0 */
/* start_timer and log_and_stop_timer. */
#include "binding/call.h"

#define TIMER_METATABLE "mlmanager.timer"

static const char *const timer_fields[] = { "metric", NULL };
static const char handle_key;
static const char manager_key;

/* <close> on what start_timer returns stops and logs that one timer. */
static int close_timer(lua_State *L)
{
	if (lua_type(L, 1) != LUA_TTABLE)
		binding_refuse(L, MLM_EINVAL, "argument",
			"'stop' is a method of timers; write timer:stop()");
	lua_rawgetp(L, 1, &handle_key);
	lua_rawgetp(L, 1, &manager_key);
	lua_getfield(L, 1, "name");
	mlm_run *run = lua_touserdata(L, -3);
	struct binding_manager *binding = lua_touserdata(L, -2);
	double elapsed_ms = 0;
	mlm_error err;
	if (!run || !binding || binding->is_closed || !mlm_run_is_open(run))
		return 0;
	mlm_status status = mlm_timer_stop(run, lua_tostring(L, -1), &elapsed_ms, &err);
	if (status != MLM_OK && status != MLM_ENOTFOUND) /* stopped already: fine */
		return binding_fail(L, &err);
	lua_pushnumber(L, elapsed_ms);
	return 1;
}

static void push_timer(const struct call *call, mlm_run *run, const char *name)
{
	lua_State *L = call->L;
	lua_createtable(L, 0, 3);
	lua_pushstring(L, name);
	lua_setfield(L, -2, "name");
	lua_pushlightuserdata(L, run);
	lua_rawsetp(L, -2, &handle_key);
	if (call->self) {
		lua_pushvalue(L, 1); /* holds the run's manager */
		lua_setfield(L, -2, "run");
	}
	lua_pushlightuserdata(L, call->binding);
	if (!call->self) {
		lua_pop(L, 1);
		lua_pushvalue(L, lua_upvalueindex(1));
	}
	lua_rawsetp(L, -2, &manager_key);
	if (luaL_newmetatable(L, TIMER_METATABLE)) {
		lua_pushcfunction(L, close_timer);
		lua_setfield(L, -2, "__close");
		lua_createtable(L, 0, 1);
		lua_pushcfunction(L, close_timer);
		lua_setfield(L, -2, "stop");
		lua_setfield(L, -2, "__index");
	}
	lua_setmetatable(L, -2);
}

static int start_timer(lua_State *L)
{
	struct call call;
	mlm_error err;
	mlm_timer_as as = MLM_TIMER_AS_PARAM;
	call_begin(&call, L, "start_timer");
	const char *name = call_string(&call, 1, "timer_name");
	if (call_has(&call, 2)) {
		struct fields fields = { &call, call_index(&call, 2) };
		if (lua_type(L, fields.at) != LUA_TTABLE)
			call_bad(&call, 2, "options must be a table {metric=true}, got %s",
				binding_describe(L, fields.at));
		fields_check(&fields, timer_fields, NULL);
		if (fields_boolean(&fields, "metric", false))
			as = MLM_TIMER_AS_METRIC;
	}
	mlm_run *run = call_run(&call);
	if (mlm_timer_start(run, name, as, &err) != MLM_OK)
		return binding_fail(L, &err);
	push_timer(&call, run, name);
	return 1;
}

static int log_and_stop_timer(lua_State *L)
{
	struct call call;
	mlm_error err;
	double total_ms = 0;
	call_begin(&call, L, "log_and_stop_timer");
	const char *name = call_optional_string(&call, 1, "timer_name");
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
