/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

#include "host/command_line.h"
#include "host/doctor.h"
#include "host/session.h"

/* Everything but making the state, so that even memory that runs out ends in a message. */
static int protected_main(lua_State *L)
{
	int argc = (int)lua_tointeger(L, 1);
	char **argv = lua_touserdata(L, 2);
	struct command_line line;
	int status = EXIT_SUCCESS;

	if (!command_line_parse(argc, argv, &line)) {
		fprintf(stderr, "mlmanager: %s\n", line.problem);
		status = COMMAND_LINE_WRONG;
	} else if (line.command == COMMAND_VERSION) {
		command_line_version(stdout);
	} else if (line.command == COMMAND_DOCTOR) {
		status = doctor_run(&line);
	} else {
		status = session_run(L, argc, argv, &line);
	}
	lua_pushinteger(L, status);
	return 1;
}

int main(int argc, char **argv)
{
	lua_State *L = luaL_newstate();
	int status = EXIT_FAILURE;

	if (!L) {
		fputs("mlmanager: not enough memory to start Lua\n", stderr);
		return EXIT_FAILURE;
	}
	lua_pushcfunction(L, protected_main);
	lua_pushinteger(L, argc);
	lua_pushlightuserdata(L, argv);
	if (lua_pcall(L, 2, 1, 0) == LUA_OK)
		status = (int)lua_tointeger(L, -1);
	else
		fprintf(stderr, "mlmanager: %s\n", lua_tostring(L, -1));
	lua_close(L);
	return status;
}
