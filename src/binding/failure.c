/* SPDX-License-Identifier: Apache-2.0 */
/* Errors as Lua sees them: a table {code=, message=, area=} that prints as one sentence. */
#include "binding/call.h"

static const char metatable[] = "mlmanager.error";

static int error_to_string(lua_State *L)
{
	luaL_checktype(L, 1, LUA_TTABLE);
	lua_getfield(L, 1, "where");
	lua_getfield(L, 1, "message");
	lua_concat(L, 2);
	return 1;
}

/* error "..." .. e and e .. "..." are what people write in handlers. */
static int error_concat(lua_State *L)
{
	luaL_tolstring(L, 1, NULL);
	luaL_tolstring(L, 2, NULL);
	lua_concat(L, 2);
	return 1;
}

/* Raises the sentence on the top of the stack. */
static int raise(lua_State *L, mlm_status status, const char *area)
{
	int message = lua_gettop(L);
	lua_createtable(L, 0, 4);
	lua_pushstring(L, mlm_status_name(status));
	lua_setfield(L, -2, "code");
	lua_pushvalue(L, message);
	lua_setfield(L, -2, "message");
	lua_pushstring(L, area);
	lua_setfield(L, -2, "area");
	luaL_where(L, 1);
	lua_setfield(L, -2, "where");
	if (luaL_newmetatable(L, metatable)) {
		lua_pushcfunction(L, error_to_string);
		lua_setfield(L, -2, "__tostring");
		lua_pushcfunction(L, error_concat);
		lua_setfield(L, -2, "__concat");
		lua_pushliteral(L, "mlmanager.error");
		lua_setfield(L, -2, "__name");
	}
	lua_setmetatable(L, -2);
	return lua_error(L);
}

int binding_fail(lua_State *L, const mlm_error *err)
{
	lua_pushstring(L, err->message);
	return raise(L, err->status, err->area ? err->area : "");
}

int binding_refuse(lua_State *L, mlm_status status, const char *area, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	lua_pushvfstring(L, format, arguments);
	va_end(arguments);
	return raise(L, status, area);
}
