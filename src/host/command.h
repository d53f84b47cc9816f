/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOST_COMMAND_H
#define HOST_COMMAND_H

#include <stdbool.h>

#include <lua.h>

#include "host/command_line.h"

/** True when lua/host/command/<name>.lua is built in. */
bool command_exists(const char *name);

/**
 * Pushes the table `host` that every source in lua/host is called with:
 *
 *   load(name)   what lua/host/<name>.lua or lua/mlmanager/<name>.lua returns, run once, with
 *                this table
 *   page(shell_command, text)   gives text to a pager; false where that cannot be run
 *   terminal     binding/terminal.h
 *   screen       host/screen.h
 *   waiting_servers()   the URIs of servers for which something may wait, a list
 *   version      of the library, "0.1.0"
 *   store, artifacts   as the command line gave them, nil where it did not
 */
void command_push_host(lua_State *L, const struct command_line *line);

/** Adds to the error on the top of the stack, a script that could not be opened, the command that
 * may have been meant. */
void command_suggest(lua_State *L, const char *script);

/** Runs a command under chunk_call(). On LUA_OK the exit status is on the top of the stack, else
 * the error. */
int command_run(lua_State *L, char **argv, const struct command_line *line);

#endif
