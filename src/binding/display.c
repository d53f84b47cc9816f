/* SPDX-License-Identifier: Apache-2.0 */
#include "binding/display.h"

#include "binding/call.h"
#include "binding/curve.h"
#include "binding/embedded.h"
#include "binding/terminal.h"

#define LATEST_MAX 16 /* metrics that a line of a terminal may have room for */
#define CURVE_KIT  "mlmanager.curve_kit"

extern const struct embedded_source module_sources[]; /* lua/mlmanager */

/* Pushes the function that the source called name returns, run with the terminal's functions and
 * the value at extra. Once for each state: progress keeps the loops that are open. */
static void push_function(lua_State *L, const char *name, int extra)
{
	const char *key = lua_pushfstring(L, "mlmanager.%s", name);
	if (lua_getfield(L, LUA_REGISTRYINDEX, key) == LUA_TNIL) {
		lua_pop(L, 1);
		embedded_load(L, module_sources, name);
		binding_push_terminal(L);
		lua_pushvalue(L, extra);
		lua_call(L, 2, 1);
		lua_pushvalue(L, -1);
		lua_setfield(L, LUA_REGISTRYINDEX, key);
	}
	lua_remove(L, -2);
}

/* Upvalues: the source's name, and what it gets besides the terminal. */
static int call_source(lua_State *L)
{
	push_function(L, lua_tostring(L, lua_upvalueindex(1)), lua_upvalueindex(2));
	lua_insert(L, 1);
	lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
	return lua_gettop(L);
}

/* load(name): what another source returns. */
static int load_source(lua_State *L)
{
	embedded_load(L, module_sources, luaL_checkstring(L, 1));
	lua_call(L, 0, 1);
	return 1;
}

static int refuse(lua_State *L)
{
	return binding_refuse(L, MLM_EINVAL, "argument", "%s", luaL_checkstring(L, 1));
}

/* Adds what every source needs to the table on the top of the stack. */
static void add_kit(lua_State *L)
{
	lua_pushcfunction(L, load_source);
	lua_setfield(L, -2, "load");
	lua_pushcfunction(L, refuse);
	lua_setfield(L, -2, "refuse");
}

void binding_push_table(lua_State *L)
{
	lua_pushliteral(L, "table");
	lua_newtable(L);
	add_kit(L);
	lua_pushcclosure(L, call_source, 2);
}

void binding_push_progress(lua_State *L)
{
	lua_newtable(L);
	lua_insert(L, -2);
	lua_setfield(L, -2, "latest");
	add_kit(L);
	lua_pushliteral(L, "progress");
	lua_insert(L, -2);
	lua_pushcclosure(L, call_source, 2);
}

/* Pushes what plot and sparkline get besides the terminal: the functions on curves, and those
 * sources that both build on. Made once for each state. */
static void push_curve_kit(lua_State *L)
{
	static const char *const sources[] = { "series", "axis", "chart" };
	if (lua_getfield(L, LUA_REGISTRYINDEX, CURVE_KIT) != LUA_TNIL)
		return;
	lua_pop(L, 1);
	binding_push_curve(L);
	add_kit(L);
	for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
		embedded_load(L, module_sources, sources[i]);
		binding_push_terminal(L);
		lua_pushvalue(L, -3);
		lua_call(L, 2, 1);
		lua_setfield(L, -2, sources[i]);
	}
	lua_pushvalue(L, -1);
	lua_setfield(L, LUA_REGISTRYINDEX, CURVE_KIT);
}

/* Upvalue: the source's name. */
static int call_with_curves(lua_State *L)
{
	push_curve_kit(L);
	push_function(L, lua_tostring(L, lua_upvalueindex(1)), lua_gettop(L));
	lua_remove(L, -2);
	lua_insert(L, 1);
	lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
	return lua_gettop(L);
}

void binding_push_transfer(lua_State *L)
{
	push_function(L, "transfer", lua_gettop(L));
}

void binding_push_plot(lua_State *L)
{
	lua_pushliteral(L, "plot");
	lua_pushcclosure(L, call_with_curves, 1);
}

void binding_push_sparkline(lua_State *L)
{
	lua_pushliteral(L, "sparkline");
	lua_pushcclosure(L, call_with_curves, 1);
}

void binding_push_latest(lua_State *L, mlm_run *run)
{
	mlm_metric metrics[LATEST_MAX];
	size_t count = run ? mlm_run_latest_metrics(run, metrics, LATEST_MAX) : 0;
	if (count > LATEST_MAX)
		count = LATEST_MAX;
	lua_createtable(L, (int)count, 0);
	for (size_t i = 0; i < count; i++) {
		lua_createtable(L, 2, 0);
		lua_pushlstring(L, metrics[i].key, metrics[i].key_size);
		lua_rawseti(L, -2, 1);
		lua_pushnumber(L, metrics[i].value);
		lua_rawseti(L, -2, 2);
		lua_rawseti(L, -2, (lua_Integer)i + 1);
	}
}
