/* SPDX-License-Identifier: Apache-2.0 */
/* manager:metric(key) and run:metric(key): a function that logs one metric of one run. */
#include "binding/call.h"

/* Upvalue 1 of such a function; upvalue 2 is the manager's userdata, which keeps both alive. */
struct bound_metric {
	mlm_metric_handle *handle;
	struct binding_manager *binding;
};

static int log_point(lua_State *L, const struct bound_metric *bound, double value, int64_t step,
	int64_t timestamp_ms)
{
	mlm_error err;
	if (bound->binding->is_closed)
		return binding_refuse(
			L, MLM_ESTATE, "manager", "the manager of this metric is closed");
	if (mlm_metric_handle_log(bound->handle, value, step, timestamp_ms, &err) != MLM_OK)
		return binding_fail(L, &err);
	return 0;
}

/* loss(value, {step=, timestamp=}), loss {value=, step=, timestamp=}, and what is wrong. */
static int log_any(lua_State *L, const struct bound_metric *bound)
{
	static const char *const names[] = { "value", "step", "timestamp", NULL };
	struct call call = { .L = L, .name = "metric", .first = 1, .count = lua_gettop(L) };
	bool has_options = call.count > 1 && lua_type(L, 2) == LUA_TTABLE;
	if (has_options) {
		binding_check_fields(L, 2, "argument", call.name, names + 1, NULL);
		lua_settop(L, 2);
		lua_getfield(L, 2, "timestamp");
		lua_getfield(L, 2, "step");
		lua_replace(L, 2);
	}
	call_names(&call, names, NULL);
	int is_number = 0;
	double value = lua_tonumberx(L, 1, &is_number);
	if (!is_number)
		call_bad(&call, 1, "the value of metric '%s' must be a number, got %s",
			mlm_metric_handle_key(bound->handle), binding_describe(L, 1));
	int64_t step = call_integer(&call, 2, MLM_STEP_NEXT, INT64_MIN + 1, INT64_MAX);
	int64_t timestamp_ms = call_integer(&call, 3, MLM_TIME_NOW, INT64_MIN + 1, INT64_MAX);
	return log_point(L, bound, value, step, timestamp_ms);
}

/* loss(value) and loss(value, step), the calls of every frame. */
static int log_value(lua_State *L)
{
	const struct bound_metric *bound = lua_touserdata(L, lua_upvalueindex(1));
	int count = lua_gettop(L);
	int64_t step = MLM_STEP_NEXT;
	if (count == 0 || count > 2 || lua_type(L, 1) != LUA_TNUMBER)
		return log_any(L, bound);
	if (count == 2) {
		int is_whole = 0;
		step = lua_tointegerx(L, 2, &is_whole);
		if (!is_whole || step == MLM_STEP_NEXT || lua_type(L, 2) != LUA_TNUMBER)
			return log_any(L, bound);
	}
	return log_point(L, bound, lua_tonumber(L, 1), step, MLM_TIME_NOW);
}

static int metric(lua_State *L)
{
	static const char *const names[] = { "key", NULL };
	struct call call;
	mlm_error err;
	size_t size;
	call_begin(&call, L, "metric");
	call_names(&call, names, NULL);
	call_string(&call, 1);
	const char *key = lua_tolstring(L, call_index(&call, 1), &size);
	mlm_run *run = call_run(&call);
	struct bound_metric *bound = binding_scratch(L, sizeof(*bound));
	bound->binding = call.binding;
	if (mlm_metric_handle_get(run, key, size, &bound->handle, &err) != MLM_OK)
		return binding_fail(L, &err);
	binding_push_pin(&call);
	lua_pushcclosure(L, log_value, 2);
	return 1;
}

const luaL_Reg binding_metric_handle_functions[] = {
	{ "metric", metric },
	{ NULL, NULL },
};
