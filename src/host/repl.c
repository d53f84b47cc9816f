/* SPDX-License-Identifier: Apache-2.0 */
#include "host/repl.h"

#include <signal.h>

#include <lauxlib.h>

#include "binding/embedded.h"
#include "host/chunk.h"
#include "host/interrupt.h"
#include "host/line_editor.h"
#include "mlmanager/version.h"

#define EDITOR "mlmanager.line_editor"

extern const struct embedded_source host_sources[]; /* lua/host */

/* read_line(prompt): the line; or nil and "end", "interrupted" or "terminated". */
static int read_line(lua_State *L)
{
	struct line_editor **editor = luaL_checkudata(L, lua_upvalueindex(1), EDITOR);
	const char *prompt = luaL_checkstring(L, 1);
	const char *line;
	size_t size;
	enum line_result result;

	interrupt_arm(NULL);
	result = line_editor_read(*editor, prompt, &line, &size);
	interrupt_disarm();
	if (result == LINE_READ && interrupt_signal() == 0) {
		lua_pushlstring(L, line, size);
		return 1;
	}
	luaL_pushfail(L);
	if (result == LINE_END)
		lua_pushliteral(L, "end");
	else if (interrupt_signal() == SIGINT)
		lua_pushliteral(L, "interrupted");
	else
		lua_pushliteral(L, "terminated");
	return 2;
}

/* call(f, ...): true and what f returned; or false and the error as text; or false and nil where
 * SIGTERM ends the session. */
static int call(lua_State *L)
{
	int status;

	luaL_checktype(L, 1, LUA_TFUNCTION);
	status = chunk_call(L, lua_gettop(L) - 1, LUA_MULTRET);
	lua_pushboolean(L, status == LUA_OK);
	lua_insert(L, 1);
	if (status != LUA_OK && interrupt_signal() == SIGTERM) {
		lua_settop(L, 1);
		lua_pushnil(L);
	}
	return lua_gettop(L);
}

static int close_editor(lua_State *L)
{
	struct line_editor **editor = luaL_checkudata(L, 1, EDITOR);

	line_editor_close(*editor);
	*editor = NULL;
	return 0;
}

void repl_run(lua_State *L)
{
	struct line_editor **editor;

	embedded_load(L, host_sources, "repl");
	editor = lua_newuserdatauv(L, sizeof(struct line_editor *), 0);
	*editor = NULL;
	if (luaL_newmetatable(L, EDITOR)) {
		lua_pushcfunction(L, close_editor);
		lua_setfield(L, -2, "__gc");
		lua_pushcfunction(L, close_editor);
		lua_setfield(L, -2, "__close");
	}
	lua_setmetatable(L, -2);
	*editor = line_editor_open();
	if (!*editor)
		luaL_error(L, "not enough memory for the line editor");

	lua_createtable(L, 0, 5);
	lua_pushvalue(L, -2);
	lua_setfield(L, -2, "editor");
	lua_pushvalue(L, -2);
	lua_pushcclosure(L, read_line, 1);
	lua_setfield(L, -2, "read_line");
	lua_pushcfunction(L, call);
	lua_setfield(L, -2, "call");
	lua_pushstring(L, mlm_version());
	lua_setfield(L, -2, "version");
	embedded_load(L, host_sources, "show");
	lua_call(L, 0, 1);
	lua_setfield(L, -2, "show");
	lua_remove(L, -2);
	lua_call(L, 1, 0);
}
