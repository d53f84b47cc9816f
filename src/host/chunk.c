/* SPDX-License-Identifier: Apache-2.0 */
#include "host/chunk.h"

#include <stdio.h>
#include <string.h>

#include <lauxlib.h>

#include "host/interrupt.h"

/* Pushes "script.lua:3: " for the innermost Lua code that runs, or "". Errors that are strings
 * carry their place already, and so may error values. */
static void push_place(lua_State *L)
{
	lua_Debug activation;

	for (int level = 1; lua_getstack(L, level, &activation); level++) {
		lua_getinfo(L, "Sl", &activation);
		if (activation.currentline > 0) {
			lua_pushfstring(L, "%s:%d: ", activation.short_src, activation.currentline);
			return;
		}
	}
	lua_pushliteral(L, "");
}

static int message_handler(lua_State *L)
{
	lua_settop(L, 1);
	if (lua_type(L, 1) != LUA_TSTRING && lua_type(L, 1) != LUA_TNUMBER) {
		if (luaL_callmeta(L, 1, "__tostring"))
			luaL_tolstring(L, -1, NULL);
		else
			lua_pushfstring(L, "(error object is a %s value)", luaL_typename(L, 1));
		lua_replace(L, 1);
		lua_settop(L, 1);
		push_place(L);
		if (strncmp(lua_tostring(L, 1), lua_tostring(L, 2), lua_rawlen(L, 2)) == 0) {
			lua_pop(L, 1);
		} else {
			lua_insert(L, 1);
			lua_concat(L, 2);
		}
	}
	luaL_traceback(L, L, lua_tostring(L, -1), 1);
	return 1;
}

int chunk_call(lua_State *L, int argument_count, int result_count)
{
	int base = lua_gettop(L) - argument_count;
	int status;

	lua_pushcfunction(L, message_handler);
	lua_insert(L, base);
	interrupt_arm(L);
	status = lua_pcall(L, argument_count, result_count, base);
	interrupt_disarm();
	lua_remove(L, base);
	return status;
}

void chunk_report(lua_State *L)
{
	const char *text = lua_tostring(L, -1);

	fflush(stdout);
	/* Only an error that the message handler itself raised can be something else. */
	fprintf(stderr, "mlmanager: %s\n", text ? text : "(error in error handling)");
	fflush(stderr);
}
