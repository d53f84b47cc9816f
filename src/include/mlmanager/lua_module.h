/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLMANAGER_LUA_MODULE_H
#define MLMANAGER_LUA_MODULE_H

/*
 * The Lua module, for programs with a Lua of their own that link it in rather than let scripts find
 * a mlmanager.so. Not in libmlmanager, which knows no Lua, but in libmlmanager_lua5.4.a and its
 * like (CMake: mlmanager::lua5.4), which hold libmlmanager as well: link one of the two.
 */

#include "mlmanager/run.h"

#ifdef __cplusplus
extern "C" {
#endif

struct lua_State;

/** Opens the module "mlmanager": for package.preload or luaL_requiref(). Each state has its own.
 * Raises a Lua error where the Lua that runs is not the one it was built for. */
MLM_EXPORT int luaopen_mlmanager(struct lua_State *L);

/**
 * Says what MLManager{} takes where the script names none; any may be NULL. source_name becomes the
 * tag mlflow.source.name: the script's path. To be called before the module is opened. Strings are
 * copied. Raises when Lua's memory runs out.
 */
MLM_EXPORT void mlm_lua_set_defaults(
	struct lua_State *L, const char *store, const char *artifacts, const char *source_name);

/**
 * Ends the open runs of every manager of this state with status (MLM_RUN_UNCHANGED: FINISHED for
 * those that it started) and closes the managers. Where traceback is given, the runs get it as tag
 * mlmanager.traceback. To be called before lua_close(), which can only end runs FINISHED and tell
 * nobody what went wrong. Fine again, and where the module was never opened.
 *
 * Errors:  the first of mlm_manager_close(); the managers are closed in any case.
 */
MLM_EXPORT mlm_status mlm_lua_close(
	struct lua_State *L, mlm_run_status status, const char *traceback, mlm_error *err);

#ifdef __cplusplus
}
#endif
#endif
