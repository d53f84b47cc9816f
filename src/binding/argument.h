/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BINDING_ARGUMENT_H
#define BINDING_ARGUMENT_H

/* How a call that was used wrongly says so. */

#include "binding/binding.h"

/** Raises an error value with code "invalid"; the format is lua_pushfstring()'s. */
int argument_refuse(lua_State *L, const char *area, const char *format, ...);

/** Raises unless every key of the table at index is one of known, which ends with NULL; call names
 * the Lua function in the error. */
void argument_check_keys(
	lua_State *L, int index, const char *area, const char *call, const char *const *known);

#endif
