/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BINDING_TERMINAL_H
#define BINDING_TERMINAL_H

#include "binding/lua_version.h"

/**
 * Pushes a table of what lua/mlmanager and lua/host cannot do in Lua:
 *
 *   is_terminal(stream)   "stdin", "stdout" or "stderr" is a terminal
 *   width(stream)         its columns; nil for what is not a terminal
 *   height(stream)        its rows; nil for what is not a terminal
 *   has_color(stream)     it is a terminal that NO_COLOR and TERM=dumb do not forbid to colour
 *   is_utf8()             the environment's locale is UTF-8
 *   text_width(text)      columns that UTF-8 text takes; a byte that is not UTF-8 takes one
 *   cut(text, columns)    the longest prefix of whole characters that fits, and its width
 *   wrap(text, columns, taken) a list of lines of whole words that fit, or of one that does not;
 *                         so many columns of the first line are taken, else none
 *   clean(text)           text as one line without control characters
 *   clock()               seconds of a monotonic clock, good to a few milliseconds
 *   number(value, digits) a number for people, rounded to so many digits, else 4; a whole one is
 *                         written out while it has at most twice as many
 *   number_type(value)    math.type() of every Lua: where numbers are doubles, a whole one is an
 *                         "integer"
 */
void binding_push_terminal(lua_State *L);

#endif
