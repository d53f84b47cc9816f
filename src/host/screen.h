/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOST_SCREEN_H
#define HOST_SCREEN_H

#include <lua.h>

/**
 * Pushes a table of what lua/host/watch needs of the terminal and the file system:
 *
 *   open()        takes the whole screen: its alternate one, keys as they are typed, no echo and no
 *                 cursor. Gives it back at close(), <close>, collection, and while the program is
 *                 stopped (Ctrl-Z). What is written to a standard error on the same terminal is
 *                 kept and shown after close(). Returns nil and a sentence where that cannot be.
 *   state(path)   a text that changes whenever the file or its write-ahead log does; nil without
 *                 the file
 *
 * and for what open() returns:
 *
 *   wait(s)       sleeps until keys come, the size changes or s seconds are over: what was typed,
 *                 "" for the other two, nil where no more can come; and whether all is to be drawn
 *                 again, since the size changed or the program had been stopped
 *   close()       closing again is fine
 */
void screen_push(lua_State *L);

#endif
