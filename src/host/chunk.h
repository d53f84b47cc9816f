/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOST_CHUNK_H
#define HOST_CHUNK_H

#include <lua.h>

/**
 * lua_pcall with a message handler that makes the error one text: the message with its place and
 * the traceback. Ctrl-C, SIGTERM and SIGHUP interrupt the call (host/interrupt.h).
 */
int chunk_call(lua_State *L, int argument_count, int result_count);

/** Writes the error on the top of the stack to standard error, where it stays. */
void chunk_report(lua_State *L);

#endif
