/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BINDING_METATABLE_H
#define BINDING_METATABLE_H

/* Metatables in the registry, where only whole ones are: luaL_newmetatable() puts an empty one
 * there, and where memory runs out before it is filled, later objects have no __gc. */

#include "binding/lua_version.h"

/** Pushes the metatable called name; true says that it is new, to be filled and then kept. */
bool metatable_begin(lua_State *L, const char *name);

/** Puts the metatable on the top of the stack into the registry; it stays on the stack. */
void metatable_keep(lua_State *L, const char *name);

#endif
