/* SPDX-License-Identifier: Apache-2.0 */
#include "host/repl.h"

#include <signal.h>
#include <string.h>

#include <lauxlib.h>

#include "binding/embedded.h"
#include "binding/terminal.h"
#include "host/chunk.h"
#include "host/history_file.h"
#include "host/interrupt.h"
#include "host/line_editor.h"
#include "host/name_lookup.h"
#include "mlmanager/version.h"

#define EDITOR "mlmanager.line_editor"

/* User values of an editor's userdata. */
#define HELPERS         1 /* {complete=, hint=} */
#define HINT_TEXT       2 /* what the editor has borrowed */
#define COMPLETION_TEXT 3
#define COMPLETION_LIST 4
#define USER_VALUES     4

extern const struct embedded_source host_sources[]; /* lua/host */
extern const struct embedded_source documentation_sources[]; /* lua/meta, parsed */
extern const struct embedded_source module_sources[]; /* lua/mlmanager */

struct session_editor {
	struct line_editor *editor;
	struct line_helper helper;
	lua_State *L; /* that reads a line now */
	int index; /* of the userdata on its stack */
};

/* ---- what the editor asks ---- */

/* Calls a helper with what is on the stack above; true when it returned well, its results being
 * there. What goes wrong in a helper is nothing that a person who types should see. */
static bool ask(struct session_editor *session, const char *name, int arguments, int results)
{
	lua_State *L = session->L;

	if (lua_getiuservalue(L, session->index, HELPERS) != LUA_TTABLE)
		return false;
	lua_getfield(L, -1, name);
	lua_remove(L, -2);
	lua_insert(L, -1 - arguments);
	return lua_pcall(L, arguments, results, 0) == LUA_OK;
}

/* Keeps the value at index as long as the editor may look at it. */
static const char *keep(struct session_editor *session, int index, int user_value)
{
	const char *text = lua_tostring(session->L, index);

	lua_pushvalue(session->L, index);
	lua_setiuservalue(session->L, session->index, user_value);
	return text;
}

static bool complete(void *payload, const char *before, struct line_completion *completion)
{
	struct session_editor *session = payload;
	lua_State *L = session->L;
	int top = lua_gettop(L);
	bool found = false;

	if (!lua_checkstack(L, 8))
		return false;
	lua_pushstring(L, before);
	if (ask(session, "complete", 1, 3) && lua_type(L, top + 1) == LUA_TNUMBER) {
		found = true;
		completion->drop_count = (size_t)lua_tointeger(L, top + 1);
		completion->insert = keep(session, top + 2, COMPLETION_TEXT);
		completion->list = keep(session, top + 3, COMPLETION_LIST);
	}
	lua_settop(L, top);
	return found;
}

static const char *hint(void *payload, const char *before, int columns)
{
	struct session_editor *session = payload;
	lua_State *L = session->L;
	int top = lua_gettop(L);
	const char *text = NULL;

	if (!lua_checkstack(L, 8))
		return NULL;
	lua_pushstring(L, before);
	lua_pushinteger(L, columns);
	if (ask(session, "hint", 2, 1))
		text = keep(session, top + 1, HINT_TEXT);
	lua_settop(L, top);
	return text;
}

/* ---- what repl.lua calls ---- */

static struct session_editor *check_editor(lua_State *L)
{
	return luaL_checkudata(L, lua_upvalueindex(1), EDITOR);
}

/* read_line(prompt): the line; or nil and "end", "interrupted" or "terminated". */
static int read_line(lua_State *L)
{
	struct session_editor *session = check_editor(L);
	const char *prompt = luaL_checkstring(L, 1);
	const char *line;
	size_t size;
	enum line_result result;

	lua_settop(L, 1);
	lua_pushvalue(L, lua_upvalueindex(1));
	session->L = L;
	session->index = 2;
	interrupt_arm(NULL);
	result = line_editor_read(session->editor, prompt, &line, &size);
	interrupt_disarm();
	session->L = NULL;
	if (result == LINE_READ && interrupt_signal() == 0) {
		lua_pushlstring(L, line, size);
		return 1;
	}
	luaL_pushfail(L);
	if (result == LINE_END && interrupt_signal() == 0)
		lua_pushliteral(L, "end");
	else if (interrupt_signal() == SIGINT)
		lua_pushliteral(L, "interrupted");
	else
		lua_pushliteral(L, "terminated");
	return 2;
}

/* remember(entry): for Up and Ctrl-R in this session. */
static int remember(lua_State *L)
{
	line_editor_remember(check_editor(L)->editor, luaL_checkstring(L, 1));
	return 0;
}

/* help_with(helpers): {complete=function(before), hint=function(before, columns)}. */
static int help_with(lua_State *L)
{
	luaL_checktype(L, 1, LUA_TTABLE);
	lua_settop(L, 1);
	lua_setiuservalue(L, lua_upvalueindex(1), HELPERS);
	return 0;
}

/* call(f, ...): true and what f returned; or false and the error as text; or false and nil where
 * a signal ends the session. */
static int call(lua_State *L)
{
	int status;

	luaL_checktype(L, 1, LUA_TFUNCTION);
	status = chunk_call(L, lua_gettop(L) - 1, LUA_MULTRET);
	lua_pushboolean(L, status == LUA_OK);
	lua_insert(L, 1);
	if (status != LUA_OK && interrupt_signal() != 0 && interrupt_signal() != SIGINT) {
		lua_settop(L, 1);
		lua_pushnil(L);
	}
	return lua_gettop(L);
}

/* include(name, ...): what the source of that name returns, called with the rest. */
static int include(lua_State *L)
{
	int count = lua_gettop(L);

	const char *name = luaL_checkstring(L, 1);
	const struct embedded_source *sources = module_sources;

	if (embedded_find(host_sources, name))
		sources = host_sources;
	else if (embedded_find(documentation_sources, name))
		sources = documentation_sources;
	embedded_load(L, sources, name);
	lua_replace(L, 1);
	lua_call(L, count - 1, 1);
	return 1;
}

static void take_entry(void *payload, const char *entry)
{
	line_editor_remember(payload, entry);
}

static int report(lua_State *L, int failure)
{
	if (failure == 0)
		return 0;
	lua_pushstring(L, strerror(failure));
	return 1;
}

/* load_history(path): makes the file's entries known to the editor; nil or what went wrong. */
static int load_history(lua_State *L)
{
	return report(
		L, history_file_load(luaL_checkstring(L, 1), take_entry, check_editor(L)->editor));
}

/* add_history(path, entry): nil or what went wrong. */
static int add_history(lua_State *L)
{
	return report(L, history_file_add(luaL_checkstring(L, 1), luaL_checkstring(L, 2)));
}

static int close_editor(lua_State *L)
{
	struct session_editor *session = luaL_checkudata(L, 1, EDITOR);

	line_editor_close(session->editor);
	session->editor = NULL;
	return 0;
}

static void push_editor(lua_State *L)
{
	struct session_editor *session = lua_newuserdatauv(L, sizeof(*session), USER_VALUES);

	*session = (struct session_editor){ 0 };
	if (luaL_newmetatable(L, EDITOR)) {
		lua_pushcfunction(L, close_editor);
		lua_setfield(L, -2, "__gc");
		lua_pushcfunction(L, close_editor);
		lua_setfield(L, -2, "__close");
	}
	lua_setmetatable(L, -2);
	session->helper = (struct line_helper){
		.payload = session,
		.complete = complete,
		.hint = hint,
	};
	session->editor = line_editor_open(&session->helper);
	if (!session->editor)
		luaL_error(L, "not enough memory for the line editor");
}

void repl_run(lua_State *L, const char *store)
{
	static const luaL_Reg functions[] = {
		{ "read_line", read_line },
		{ "remember", remember },
		{ "help_with", help_with },
		{ "load_history", load_history },
		{ "add_history", add_history },
		{ "include", include },
		{ "call", call },
		{ NULL, NULL },
	};

	embedded_load(L, host_sources, "repl");
	luaL_newlibtable(L, functions);
	push_editor(L);
	lua_pushvalue(L, -1);
	lua_setfield(L, -3, "editor");
	luaL_setfuncs(L, functions, 1);
	lua_pushstring(L, mlm_version());
	lua_setfield(L, -2, "version");
	lua_pushstring(L, store);
	name_lookup_push(L);
	lua_setfield(L, -2, "lookup");
	binding_push_terminal(L);
	lua_setfield(L, -2, "terminal");
	lua_call(L, 1, 0);
}
