/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

#include "host/command_line.h"
#include "host/doctor.h"
#include "host/session.h"

/* Where a standard stream is closed, the next file that is opened would take its place, and what is
 * printed would land in a store's journal. What stands there instead cannot be used, either. */
static void fill_standard_streams(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0)
			open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
}

/* What was printed and could not be written ends a program that believes to have done all. */
static int flush_output(int status)
{
	if ((fflush(stdout) == 0 && !ferror(stdout)) || status != EXIT_SUCCESS)
		return status;
	fprintf(stderr, "mlmanager: could not write all of standard output\n");
	return EXIT_FAILURE;
}

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
	int status = EXIT_FAILURE;

	fill_standard_streams();
	lua_State *L = luaL_newstate();
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
	return flush_output(status);
}
