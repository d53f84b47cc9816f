/* SPDX-License-Identifier: Apache-2.0 */
#include "binding/argument.h"

#include <stdarg.h>
#include <string.h>

#include "base/error.h"

int argument_refuse(lua_State *L, const char *area, const char *format, ...)
{
	mlm_error err = MLM_ERROR_INIT;
	va_list arguments;
	va_start(arguments, format);
	const char *message = lua_pushvfstring(L, format, arguments);
	va_end(arguments);
	error_set(&err, MLM_EINVAL, area, "%s", message);
	return binding_fail(L, &err);
}

static bool is_known(lua_State *L, int index, const char *const *known)
{
	/* Asked first: lua_tostring would turn a number key into a string and confuse lua_next. */
	if (lua_type(L, index) != LUA_TSTRING)
		return false;
	for (; *known; known++) {
		if (strcmp(lua_tostring(L, index), *known) == 0)
			return true;
	}
	return false;
}

void argument_check_keys(
	lua_State *L, int index, const char *area, const char *call, const char *const *known)
{
	index = lua_absindex(L, index);
	for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1)) {
		if (is_known(L, -2, known))
			continue;
		const char *key = luaL_tolstring(L, -2, NULL);
		luaL_Buffer list;
		luaL_buffinit(L, &list);
		for (size_t i = 0; known[i]; i++) {
			luaL_addstring(&list, i ? ", " : "");
			luaL_addstring(&list, known[i]);
		}
		luaL_pushresult(&list);
		argument_refuse(L, area, "%s: option '%s' is not known; the options are %s", call,
			key, lua_tostring(L, -1));
	}
}
