/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program with a Lua of its own that runs a user's script, and the module mlmanager in it.
 *
 *     script_host [--frames N] [--store URI] SCRIPT
 *
 * As engines do it: the script is run once, then its global function update(dt) is called for each
 * frame. An error in it ends the loop; the runs that were open end FAILED, with the traceback.
 */
#include <errno.h>
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <mlmanager/lua_module.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FRAMES_PER_SECOND 60

struct options {
	long frames;
	const char *store; /* NULL: what the script or the environment says */
	const char *script;
};

/* The message handler of every call into the script: the message with its traceback. */
static int add_traceback(lua_State *L)
{
	luaL_traceback(L, L, luaL_tolstring(L, 1, NULL), 1);
	return 1;
}

/* Calls the function below count arguments. An error's text stays on the stack. */
static int call_script(lua_State *L, int count)
{
	int function = lua_gettop(L) - count;
	lua_pushcfunction(L, add_traceback);
	lua_insert(L, function);
	int status = lua_pcall(L, count, 0, function);
	lua_remove(L, function);
	return status;
}

/* What may raise when memory runs out, and is therefore called in protected mode. */
static int set_up(lua_State *L)
{
	const struct options *options = lua_touserdata(L, 1);
	luaL_openlibs(L);
	mlm_lua_set_defaults(L, options->store, NULL, options->script);
	/* As if require had found it: for a script that calls require "mlmanager". A program that
	 * wants it as a global variable calls luaL_requiref(L, "mlmanager", …, 1) instead. */
	luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
	lua_pushcfunction(L, luaopen_mlmanager);
	lua_setfield(L, -2, "mlmanager");
	return 0;
}

static int run_frames(lua_State *L, const struct options *options)
{
	if (lua_getglobal(L, "update") != LUA_TFUNCTION) {
		lua_pop(L, 1);
		return LUA_OK; /* the script has done it all */
	}
	int status = LUA_OK;
	for (long i = 0; i < options->frames && status == LUA_OK; i++) {
		lua_pushvalue(L, -1);
		lua_pushnumber(L, 1.0 / FRAMES_PER_SECOND);
		status = call_script(L, 1);
	}
	return status;
}

static int run(lua_State *L, const struct options *options)
{
	lua_pushcfunction(L, set_up);
	lua_pushlightuserdata(L, (void *)options);
	int status = lua_pcall(L, 1, 0, 0);
	if (status == LUA_OK)
		status = luaL_loadfile(L, options->script);
	if (status == LUA_OK)
		status = call_script(L, 0);
	return status == LUA_OK ? run_frames(L, options) : status;
}

/* Before the state goes: what could not be done is still said, and the program's status tells. */
static int finish(lua_State *L, int status)
{
	mlm_error err = MLM_ERROR_INIT;
	const char *why = status == LUA_OK ? NULL : lua_tostring(L, -1);
	if (why)
		fprintf(stderr, "script_host: %s\n", why);
	mlm_status closed =
		mlm_lua_close(L, status == LUA_OK ? MLM_RUN_FINISHED : MLM_RUN_FAILED, why, &err);
	if (closed != MLM_OK)
		fprintf(stderr, "script_host: %s\n", err.message);
	return status == LUA_OK && closed == MLM_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int usage(void)
{
	fprintf(stderr, "usage: script_host [--frames N] [--store URI] SCRIPT\n");
	return 2;
}

int main(int argc, char **argv)
{
	struct options options = { .frames = 10 * FRAMES_PER_SECOND };
	int i = 1;
	for (; i + 1 < argc && argv[i][0] == '-'; i += 2) {
		char *end = NULL;
		if (strcmp(argv[i], "--store") == 0)
			options.store = argv[i + 1];
		else if (strcmp(argv[i], "--frames") == 0)
			options.frames = strtol(argv[i + 1], &end, 10);
		else
			return usage();
		if (end && (*end || end == argv[i + 1] || options.frames < 0))
			return usage();
	}
	if (i + 1 != argc)
		return usage();
	options.script = argv[i];
	lua_State *L = luaL_newstate();
	if (!L) {
		fprintf(stderr, "script_host: %s\n", strerror(ENOMEM));
		return EXIT_FAILURE;
	}
	int status = finish(L, run(L, &options));
	lua_close(L);
	return status;
}
