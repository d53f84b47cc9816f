/* SPDX-License-Identifier: Apache-2.0 */
#include "binding/embedded.h"

#include <string.h>

const struct embedded_source *embedded_find(const struct embedded_source *sources, const char *name)
{
	while (sources->name && strcmp(sources->name, name) != 0)
		sources++;
	return sources->name ? sources : NULL;
}

void embedded_load(lua_State *L, const struct embedded_source *sources, const char *name)
{
	const struct embedded_source *source = embedded_find(sources, name);
	if (!source)
		luaL_error(L, "no Lua source '%s' is built in", name);
	const char *place = lua_pushfstring(L, "=mlmanager/%s.lua", name);
	if (luaL_loadbufferx(L, (const char *)source->bytes, source->size, place, "t") != LUA_OK)
		lua_error(L);
	lua_remove(L, -2);
}
