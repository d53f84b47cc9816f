/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOST_REPL_H
#define HOST_REPL_H

#include <lua.h>

/** The session on a terminal: lua/host/repl.lua with what it takes from C. store is what the
 * command line names, or NULL. Returns at Ctrl-D, SIGTERM or SIGHUP; interrupt_signal() tells
 * which. */
void repl_run(lua_State *L, const char *store);

#endif
