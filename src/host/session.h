/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOST_SESSION_H
#define HOST_SESSION_H

#include <lua.h>

#include "host/command_line.h"

/**
 * Runs what the command line names in a fresh state, ends the runs it left open and returns the
 * exit status of the program.
 */
int session_run(lua_State *L, int argc, char **argv, const struct command_line *line);

#endif
