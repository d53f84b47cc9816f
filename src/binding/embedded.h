/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BINDING_EMBEDDED_H
#define BINDING_EMBEDDED_H

#include <stddef.h>

#include "binding/lua_version.h"

/* A Lua source that scripts/embed.lua built in; tables of them end with a NULL name. */
struct embedded_source {
	const char *name;
	const unsigned char *bytes;
	size_t size;
};

/** The source called name, or NULL. */
const struct embedded_source *embedded_find(
	const struct embedded_source *sources, const char *name);

/** Compiles the source called name, which must be there, and pushes the function. In tracebacks it
 * is "mlmanager/<name>.lua". Raises when memory runs out. */
void embedded_load(lua_State *L, const struct embedded_source *sources, const char *name);

#endif
