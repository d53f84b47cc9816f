/* SPDX-License-Identifier: Apache-2.0 */
#include "host/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <lauxlib.h>
#include <lualib.h>

#include "binding/binding.h"
#include "host/chunk.h"
#include "host/command.h"
#include "host/coroutine.h"
#include "host/interrupt.h"
#include "host/repl.h"

/* mlflow.source.name of what comes from no file, as MLflow says it. */
#define NO_FILE "<console>"

#define SIGNALLED 128 /* plus the signal's number, as shells say it */

/* Ends what is open. The status of a session that went well is EXIT_FAILURE when that fails. */
static int close_managers(
	lua_State *L, mlm_run_status end_status, const char *traceback, int exit_status)
{
	mlm_error err = MLM_ERROR_INIT;

	if (mlm_lua_close(L, end_status, traceback, &err) == MLM_OK)
		return exit_status;
	fflush(stdout);
	fprintf(stderr, "mlmanager: at the end: %s\n", err.message);
	return exit_status == EXIT_SUCCESS ? EXIT_FAILURE : exit_status;
}

/* os.exit([code [, close]]) as the stock one, after the open runs have ended. */
static int exit_process(lua_State *L)
{
	int status = EXIT_SUCCESS;

	if (lua_isboolean(L, 1))
		status = lua_toboolean(L, 1) ? EXIT_SUCCESS : EXIT_FAILURE;
	else
		status = (int)luaL_optinteger(L, 1, EXIT_SUCCESS);
	interrupt_disarm();
	status = close_managers(
		L, status == EXIT_SUCCESS ? MLM_RUN_FINISHED : MLM_RUN_FAILED, NULL, status);
	if (lua_toboolean(L, 2))
		lua_close(L);
	exit(status);
}

/* Global arg: the script is 0, its arguments follow, what stands before it is negative. */
static void set_arg(lua_State *L, int argc, char **argv, int script)
{
	if (script == argc)
		script = 0;
	lua_createtable(L, argc - script, script + 1);
	for (int i = 0; i < argc; i++) {
		lua_pushstring(L, argv[i]);
		lua_rawseti(L, -2, i - script);
	}
	lua_setglobal(L, "arg");
}

static int open_module(lua_State *L)
{
	luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
	lua_pushcfunction(L, luaopen_mlmanager);
	lua_setfield(L, -2, "mlmanager");
	lua_pop(L, 1);
	return 0;
}

static void require_global(lua_State *L)
{
	lua_getglobal(L, "require");
	lua_pushliteral(L, "mlmanager");
	lua_call(L, 1, 1);
	lua_setglobal(L, "mlmanager");
}

static int run_codes(lua_State *L, const struct command_line *line)
{
	int status = LUA_OK;

	for (int i = 0; i < line->code_count && status == LUA_OK; i++) {
		const char *code = line->codes[i];

		status = luaL_loadbuffer(L, code, strlen(code), "=(command line)");
		if (status == LUA_OK)
			status = chunk_call(L, 0, 0);
	}
	return status;
}

/* NULL loads standard input. */
static int run_script(lua_State *L, const char *path, int argc, char **argv, int first_argument)
{
	int status = luaL_loadfile(L, path);
	int count = argc > first_argument ? argc - first_argument : 0;

	if (status == LUA_ERRFILE && path)
		command_suggest(L, path);
	if (status != LUA_OK)
		return status;
	luaL_checkstack(L, count, "too many arguments to the script");
	for (int i = 0; i < count; i++)
		lua_pushstring(L, argv[first_argument + i]);
	return chunk_call(L, count, 0);
}

int session_run(lua_State *L, int argc, char **argv, const struct command_line *line)
{
	const char *script = line->script < argc ? argv[line->script] : NULL;
	bool is_file = script && strcmp(script, "-") != 0;
	bool is_repl = line->command == COMMAND_REPL && isatty(STDIN_FILENO);
	int status = LUA_OK, exit_status = EXIT_SUCCESS;

	luaL_checkversion(L);
	luaL_openlibs(L);
	lua_gc(L, LUA_GCGEN, 0, 0);
	set_arg(L, argc, argv, line->script);
	coroutine_replace(L);
	lua_getglobal(L, LUA_OSLIBNAME);
	lua_pushcfunction(L, exit_process);
	lua_setfield(L, -2, "exit");
	lua_pop(L, 1);
	mlm_lua_set_defaults(L, line->store, line->artifacts, is_file ? script : NO_FILE);
	open_module(L);

	if (is_repl || line->code_count > 0)
		require_global(L);
	if (line->command == COMMAND_LUA) {
		status = command_run(L, argv, line);
		if (status == LUA_OK)
			exit_status = (int)lua_tointeger(L, -1);
	} else {
		status = run_codes(L, line);
	}
	if (status == LUA_OK && is_repl)
		repl_run(L, line->store);
	else if (status == LUA_OK && line->command != COMMAND_LUA &&
		 (script || line->code_count == 0))
		status = run_script(L, is_file ? script : NULL, argc, argv, line->script + 1);

	int signal_number = interrupt_signal();
	if (status == LUA_OK && !(is_repl && signal_number))
		return close_managers(L, MLM_RUN_FINISHED, NULL, exit_status);
	if (status != LUA_OK && !(line->command == COMMAND_LUA && signal_number))
		chunk_report(L);
	if (signal_number)
		return close_managers(L, MLM_RUN_KILLED, NULL, SIGNALLED + signal_number);
	return close_managers(L, MLM_RUN_FAILED, lua_tostring(L, -1), EXIT_FAILURE);
}
