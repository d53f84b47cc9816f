/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BINDING_BINDING_H
#define BINDING_BINDING_H

/* What the files of the Lua module share, and what the host asks of it. One file per noun, each
 * with one binding_open_<noun> that adds its functions to the module table. */

#include "binding/lua_version.h"
#include "mlmanager/mlmanager.h"

/** Raises *err as Lua's error value {code=, message=, area=}, which prints as its message. */
int binding_fail(lua_State *L, const mlm_error *err);

/** Raises an error value with code "interrupted" from a hook: a person wants the script to end.
 * What it leaves on its way, a block with <close> or manager:run(), ends KILLED and not FAILED. */
int binding_interrupt(lua_State *L);

/** Each adds its functions to the module table at the absolute stack index module. */
void binding_open_evaluator(lua_State *L, int module);
void binding_open_csv(lua_State *L, int module);

/** The evaluator at arg, borrowed from its userdata; raises where there is another value. */
const mlm_evaluator *binding_check_evaluator(lua_State *L, int arg);
/** Evaluates the evaluator at arg and pushes a userdata that owns the evaluation, so that whatever
 * is raised afterwards leaks nothing; returns the evaluation. Raises on failure. */
const mlm_evaluation *binding_evaluate(lua_State *L, int arg);
/** Pushes the dictionary that e:get_results() returns. */
void binding_push_evaluation(lua_State *L, const mlm_evaluation *evaluation);

/** The module `mlmanager`; package.preload or a plain require call it. */
MLM_EXPORT int luaopen_mlmanager(lua_State *L);

/** What MLManager{} takes when the script names none; any may be NULL. source_name becomes the tag
 * mlflow.source.name. To be called before the module is required. */
void binding_set_defaults(
	lua_State *L, const char *store, const char *artifacts, const char *source_name);

/** Ends the open runs of every manager of this state with end_status, tags them with traceback
 * (mlmanager.traceback) where one is given, and closes the managers. Returns the first error. */
mlm_status binding_close_managers(
	lua_State *L, mlm_run_status end_status, const char *traceback, mlm_error *err);

#endif
