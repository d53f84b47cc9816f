/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BINDING_DISPLAY_H
#define BINDING_DISPLAY_H

/* What the module shows on a terminal. The policy is Lua (lua/mlmanager/table.lua, progress.lua);
 * it is compiled when a script first calls it, so that a script that shows nothing starts
 * sooner. */

#include "binding/lua_version.h"
#include "mlmanager/run.h"

/** Pushes mlmanager.table: function(rows [, options]). */
void binding_push_table(lua_State *L);

/** Pushes progress: function(manager, ...). Pops latest, a function(manager) that returns the
 * active run's latest metrics as a list of {key, value}, and an empty list without one. */
void binding_push_progress(lua_State *L);

/** Pushes plot: function(manager, ...). */
void binding_push_plot(lua_State *L);

/** Pushes mlmanager.sparkline: function(values [, options]). */
void binding_push_sparkline(lua_State *L);

/** Pushes function(name, done, total), which shows how far a call is, and takes that away when it
 * is called without arguments. */
void binding_push_transfer(lua_State *L);

/** Pushes the list that latest(manager) returns for this run; NULL gives an empty one. */
void binding_push_latest(lua_State *L, mlm_run *run);

#endif
