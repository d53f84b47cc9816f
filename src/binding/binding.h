/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BINDING_BINDING_H
#define BINDING_BINDING_H

/* What the files of the Lua module share, and what the host asks of it. One file per noun, each
 * with one binding_open_<noun> that adds its functions to the module table. */

#include "binding/lua_version.h"
#include "mlmanager/lua_module.h"
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

#endif
