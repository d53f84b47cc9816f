/* SPDX-License-Identifier: Apache-2.0 */
#include "host/coroutine.h"

#include <lauxlib.h>
#include <lualib.h>

#include "host/interrupt.h"

/* Moves argument_count values of L into co, runs it and moves its results back. The number of
 * results, or -1 with the error on L's top. */
static int resume(lua_State *L, lua_State *co, int argument_count)
{
	lua_State *before;
	int status, result_count;

	if (!lua_checkstack(co, argument_count)) {
		lua_pushliteral(L, "too many arguments to resume");
		return -1;
	}
	lua_xmove(L, co, argument_count);
	before = interrupt_enter(co);
	status = lua_resume(co, L, argument_count, &result_count);
	if (before)
		interrupt_enter(before);
	if (status != LUA_OK && status != LUA_YIELD) {
		lua_xmove(co, L, 1);
		return -1;
	}
	if (!lua_checkstack(L, result_count + 1)) {
		lua_pop(co, result_count);
		lua_pushliteral(L, "too many results to resume");
		return -1;
	}
	lua_xmove(co, L, result_count);
	return result_count;
}

static int coroutine_resume(lua_State *L)
{
	lua_State *co = lua_tothread(L, 1);
	int count;

	luaL_argexpected(L, co, 1, "coroutine");
	count = resume(L, co, lua_gettop(L) - 1);
	lua_pushboolean(L, count >= 0);
	if (count < 0)
		count = 1;
	lua_insert(L, -(count + 1));
	return count + 1;
}

static int call_wrapped(lua_State *L)
{
	lua_State *co = lua_tothread(L, lua_upvalueindex(1));
	int count = resume(L, co, lua_gettop(L));

	if (count >= 0)
		return count;
	int status = lua_status(co);
	if (status != LUA_OK && status != LUA_YIELD) {
		/* It died: its pending <close> variables may change the error. */
		lua_resetthread(co);
		lua_xmove(co, L, 1);
		if (status == LUA_ERRMEM)
			return lua_error(L);
	}
	if (lua_type(L, -1) == LUA_TSTRING) {
		luaL_where(L, 1);
		lua_insert(L, -2);
		lua_concat(L, 2);
	}
	return lua_error(L);
}

static int coroutine_wrap(lua_State *L)
{
	lua_State *co;

	luaL_checktype(L, 1, LUA_TFUNCTION);
	co = lua_newthread(L);
	lua_pushvalue(L, 1);
	lua_xmove(L, co, 1);
	lua_pushcclosure(L, call_wrapped, 1);
	return 1;
}

void coroutine_replace(lua_State *L)
{
	lua_getglobal(L, LUA_COLIBNAME);
	lua_pushcfunction(L, coroutine_resume);
	lua_setfield(L, -2, "resume");
	lua_pushcfunction(L, coroutine_wrap);
	lua_setfield(L, -2, "wrap");
	lua_pop(L, 1);
}
