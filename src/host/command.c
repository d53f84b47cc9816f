/* SPDX-License-Identifier: Apache-2.0 */
#include "host/command.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include <lauxlib.h>

#include "binding/embedded.h"
#include "binding/terminal.h"
#include "host/chunk.h"
#include "host/screen.h"
#include "mlmanager/delivery.h"
#include "mlmanager/version.h"

#define FOLDER        "command/"
#define NAME_MAX_SIZE 64

extern const struct embedded_source host_sources[]; /* lua/host */
extern const struct embedded_source module_sources[]; /* lua/mlmanager */

bool command_exists(const char *name)
{
	char source[sizeof(FOLDER) + NAME_MAX_SIZE];

	if (strlen(name) > NAME_MAX_SIZE)
		return false;
	snprintf(source, sizeof(source), FOLDER "%s", name);
	return embedded_find(host_sources, source) != NULL;
}

/* page(shell_command, text): true unless the shell does not find the program. Ctrl-C is the
 * pager's meanwhile, and that its reader has read enough is no error. */
static int page(lua_State *L)
{
	const char *shell_command = luaL_checkstring(L, 1);
	size_t size;
	const char *text = luaL_checklstring(L, 2, &size);
	struct sigaction ignore = { .sa_handler = SIG_IGN }, on_pipe, on_interrupt;
	int status = -1;

	sigemptyset(&ignore.sa_mask);
	sigaction(SIGPIPE, &ignore, &on_pipe);
	sigaction(SIGINT, &ignore, &on_interrupt);
	fflush(stdout);
	FILE *pager = popen(shell_command, "w");
	if (pager) {
		fwrite(text, 1, size, pager);
		status = pclose(pager);
	}
	sigaction(SIGPIPE, &on_pipe, NULL);
	sigaction(SIGINT, &on_interrupt, NULL);
	lua_pushboolean(
		L, status != -1 && !(WIFEXITED(status) && (WEXITSTATUS(status) == 126 ||
								  WEXITSTATUS(status) == 127)));
	return 1;
}

static void add_server(void *payload, const char *store)
{
	lua_State *L = payload;

	lua_pushstring(L, store);
	lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
}

/* waiting_servers(): the URIs of servers for which something may wait. */
static int waiting_servers(lua_State *L)
{
	mlm_error err;

	lua_newtable(L);
	if (mlm_delivery_servers(add_server, L, &err) != MLM_OK)
		return luaL_error(L, "%s", err.message);
	return 1;
}

/* Upvalues: the table `host` and what was loaded until now. */
static int load_source(lua_State *L)
{
	const char *name = luaL_checkstring(L, 1);

	lua_settop(L, 1);
	if (lua_getfield(L, lua_upvalueindex(2), name) == LUA_TNIL) {
		lua_settop(L, 1);
		embedded_load(
			L, embedded_find(host_sources, name) ? host_sources : module_sources, name);
		lua_pushvalue(L, lua_upvalueindex(1));
		lua_call(L, 1, 1);
		lua_pushvalue(L, -1);
		lua_setfield(L, lua_upvalueindex(2), name);
	}
	return 1;
}

void command_push_host(lua_State *L, const struct command_line *line)
{
	lua_createtable(L, 0, 8);
	lua_pushvalue(L, -1);
	lua_newtable(L);
	lua_pushcclosure(L, load_source, 2);
	lua_setfield(L, -2, "load");
	lua_pushcfunction(L, page);
	lua_setfield(L, -2, "page");
	lua_pushcfunction(L, waiting_servers);
	lua_setfield(L, -2, "waiting_servers");
	binding_push_terminal(L);
	lua_setfield(L, -2, "terminal");
	screen_push(L);
	lua_setfield(L, -2, "screen");
	lua_pushstring(L, mlm_version());
	lua_setfield(L, -2, "version");
	lua_pushstring(L, line->store);
	lua_setfield(L, -2, "store");
	lua_pushstring(L, line->artifacts);
	lua_setfield(L, -2, "artifacts");
}

void command_suggest(lua_State *L, const char *script)
{
	static const struct command_line none;
	int message = lua_gettop(L);

	command_push_host(L, &none);
	lua_getfield(L, -1, "load");
	lua_pushliteral(L, "suggest");
	lua_call(L, 1, 1);
	lua_pushstring(L, script);
	lua_call(L, 1, 1);
	if (lua_isstring(L, -1)) {
		lua_pushvalue(L, message);
		lua_pushfstring(L, "; did you mean the command %s?", lua_tostring(L, -2));
		lua_concat(L, 2);
		lua_replace(L, message);
	}
	lua_settop(L, message);
}

int command_run(lua_State *L, char **argv, const struct command_line *line)
{
	command_push_host(L, line);
	lua_getfield(L, -1, "load");
	lua_pushliteral(L, "dispatch");
	lua_call(L, 1, 1);
	lua_remove(L, -2);
	lua_pushstring(L, line->name);
	lua_createtable(L, line->word_count, 0);
	for (int i = 0; i < line->word_count; i++) {
		lua_pushstring(L, argv[line->first_word + i]);
		lua_rawseti(L, -2, i + 1);
	}
	return chunk_call(L, 2, 1);
}
