/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOST_INTERRUPT_H
#define HOST_INTERRUPT_H

#include <lua.h>

/**
 * From here on the first SIGINT, SIGTERM or SIGHUP raises "interrupted" in the Lua code that runs,
 * and the next one ends the process at once. A signal that was ignored when the program started
 * stays ignored. L is the thread that runs now.
 */
void interrupt_arm(lua_State *L);

/** Signals do again what they do by default. */
void interrupt_disarm(void);

/** The signal that came since interrupt_arm(), 0 for none. */
int interrupt_signal(void);

/** Tells which thread runs: a hook works in its own thread only. Returns the one that ran. */
lua_State *interrupt_enter(lua_State *L);

#endif
