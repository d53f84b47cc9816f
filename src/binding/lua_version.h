/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BINDING_LUA_VERSION_H
#define BINDING_LUA_VERSION_H

/*
 * Lua's API as the module uses it, whichever Lua it is built for: 5.4, 5.3, 5.1 and LuaJIT. The
 * names are those of 5.4. What 5.1 lacks is here under names of our own, since LuaJIT has some of
 * it as functions that 5.1 has not: so one binary serves both.
 */

#include <lauxlib.h>
#include <lua.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>

/* 0: every number is a double. */
#define LUA_HAS_INTEGERS (LUA_VERSION_NUM >= 503)

#if LUA_VERSION_NUM < 504
/* A userdata without user values, which none of ours has. */
#define lua_newuserdatauv(L, size, count) lua_newuserdata((L), (size))
#endif

#if LUA_VERSION_NUM < 503

#ifndef LUA_OK
#define LUA_OK 0
#endif

/* Of two doubles as far from 0 as 2^53 no one knows which whole number was written. */
#define LUA_VERSION_WHOLE_MAX ((double)((1ll << 53) - 1))

static inline int lua_version_absindex(lua_State *L, int index)
{
	return index > 0 || index <= LUA_REGISTRYINDEX ? index : lua_gettop(L) + index + 1;
}

static inline double lua_version_tonumberx(lua_State *L, int index, int *is_number_out)
{
	double number = lua_tonumber(L, index);
	*is_number_out = number != 0 || lua_isnumber(L, index);
	return number;
}

static inline lua_Integer lua_version_tointegerx(lua_State *L, int index, int *is_whole_out)
{
	double number = lua_tonumber(L, index);
	bool is_whole = (number != 0 || lua_isnumber(L, index)) && number == floor(number) &&
			fabs(number) <= LUA_VERSION_WHOLE_MAX;
	if (is_whole_out)
		*is_whole_out = is_whole;
	return is_whole ? (lua_Integer)number : 0;
}

/** A whole number counts as an integer, which these Luas print as one. */
static inline int lua_version_isinteger(lua_State *L, int index)
{
	int is_whole = 0;
	if (lua_type(L, index) == LUA_TNUMBER)
		lua_version_tointegerx(L, index, &is_whole);
	return is_whole;
}

static inline void lua_version_copy(lua_State *L, int from, int to)
{
	to = lua_version_absindex(L, to);
	lua_pushvalue(L, from);
	lua_replace(L, to);
}

static inline int lua_version_rawgetp(lua_State *L, int index, const void *key)
{
	index = lua_version_absindex(L, index);
	lua_pushlightuserdata(L, (void *)(uintptr_t)key);
	lua_rawget(L, index);
	return lua_type(L, -1);
}

static inline void lua_version_rawsetp(lua_State *L, int index, const void *key)
{
	index = lua_version_absindex(L, index);
	lua_pushlightuserdata(L, (void *)(uintptr_t)key);
	lua_insert(L, -2);
	lua_rawset(L, index);
}

static inline int lua_version_getmetafield(lua_State *L, int index, const char *name)
{
	return luaL_getmetafield(L, index, name) ? lua_type(L, -1) : LUA_TNIL;
}

static inline void *lua_version_testudata(lua_State *L, int index, const char *name)
{
	void *userdata = lua_touserdata(L, index);
	if (!userdata || !lua_getmetatable(L, index))
		return NULL;
	luaL_getmetatable(L, name);
	if (!lua_rawequal(L, -1, -2))
		userdata = NULL;
	lua_pop(L, 2);
	return userdata;
}

static inline void lua_version_setmetatable(lua_State *L, const char *name)
{
	luaL_getmetatable(L, name);
	lua_setmetatable(L, -2);
}

/** Only with no upvalues, as luaL_newlib() calls it and we do. */
static inline void lua_version_setfuncs(lua_State *L, const luaL_Reg *functions)
{
	for (; functions->name; functions++) {
		lua_pushcfunction(L, functions->func);
		lua_setfield(L, -2, functions->name);
	}
}

static inline const char *lua_version_tolstring(lua_State *L, int index, size_t *size_out)
{
	index = lua_version_absindex(L, index);
	if (luaL_callmeta(L, index, "__tostring")) {
		if (!lua_isstring(L, -1))
			luaL_error(L, "'__tostring' must return a string");
		return lua_tolstring(L, -1, size_out);
	}
	switch (lua_type(L, index)) {
	case LUA_TNIL:
		lua_pushliteral(L, "nil");
		break;
	case LUA_TBOOLEAN:
		lua_pushstring(L, lua_toboolean(L, index) ? "true" : "false");
		break;
	case LUA_TNUMBER:
	case LUA_TSTRING:
		lua_pushvalue(L, index);
		break;
	default:
		lua_pushfstring(L, "%s: %p", luaL_typename(L, index), lua_topointer(L, index));
	}
	return lua_tolstring(L, -1, size_out);
}

#undef luaL_newlib
#undef luaL_checkversion
#define lua_absindex(L, i)            lua_version_absindex((L), (i))
#define lua_tonumberx(L, i, out)      lua_version_tonumberx((L), (i), (out))
#define lua_tointegerx(L, i, out)     lua_version_tointegerx((L), (i), (out))
#define lua_isinteger(L, i)           lua_version_isinteger((L), (i))
#define lua_copy(L, from, to)         lua_version_copy((L), (from), (to))
#define lua_rawlen(L, i)              lua_objlen((L), (i))
#define lua_rawgetp(L, i, key)        lua_version_rawgetp((L), (i), (key))
#define lua_rawsetp(L, i, key)        lua_version_rawsetp((L), (i), (key))
#define luaL_getmetafield(L, i, name) lua_version_getmetafield((L), (i), (name))
#define luaL_testudata(L, i, name)    lua_version_testudata((L), (i), (name))
#define luaL_setmetatable(L, name)    lua_version_setmetatable((L), (name))
#define luaL_setfuncs(L, list, count) lua_version_setfuncs((L), (list))
#define luaL_tolstring(L, i, out)     lua_version_tolstring((L), (i), (out))
#define luaL_newlib(L, list)          (lua_newtable(L), luaL_setfuncs((L), (list), 0))
/* Nothing to ask: a Lua that this does not suit lacks functions that the module needs to load. */
#define luaL_checkversion(L)                         ((void)(L))
#define luaL_loadbufferx(L, bytes, size, name, mode) luaL_loadbuffer((L), (bytes), (size), (name))

/* They return the type of what they push since 5.3. */
#define lua_getfield(L, i, k) (lua_getfield((L), (i), (k)), lua_type((L), -1))
#define lua_gettable(L, i)    (lua_gettable((L), (i)), lua_type((L), -1))
#define lua_rawget(L, i)      (lua_rawget((L), (i)), lua_type((L), -1))
#define lua_rawgeti(L, i, n)  (lua_rawgeti((L), (i), (int)(n)), lua_type((L), -1))
#define lua_rawseti(L, i, n)  lua_rawseti((L), (i), (int)(n))

#endif
#endif
