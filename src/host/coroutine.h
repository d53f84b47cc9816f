/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOST_COROUTINE_H
#define HOST_COROUTINE_H

#include <lua.h>

/**
 * Replaces coroutine.resume and coroutine.wrap by ones that do the same and also tell
 * host/interrupt.h which coroutine runs: without that, Ctrl-C could not reach a loop inside one.
 */
void coroutine_replace(lua_State *L);

#endif
