/* SPDX-License-Identifier: Apache-2.0 */
#include "binding/metatable.h"

bool metatable_begin(lua_State *L, const char *name)
{
	luaL_getmetatable(L, name);
	if (!lua_isnil(L, -1))
		return false;
	lua_pop(L, 1);
	lua_createtable(L, 0, 4);
	lua_pushstring(L, name);
	lua_setfield(L, -2, "__name");
	return true;
}

void metatable_keep(lua_State *L, const char *name)
{
	lua_pushvalue(L, -1);
	lua_setfield(L, LUA_REGISTRYINDEX, name);
}
