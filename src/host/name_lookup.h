/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOST_NAME_LOOKUP_H
#define HOST_NAME_LOOKUP_H

#include <lua.h>

/**
 * Pushes a table of what completion asks a store for, through a look at the store that creates and
 * changes nothing and takes part in nothing that a manager does. Pops the store that a store of nil
 * stands for, a URI; nil is what the environment says. Each returns nothing where there is no
 * answer.
 *
 *   experiments(store, filter, count_max)   {{id=, name=}…}, the newest first
 *   runs(store, experiment_id, filter, count_max)   {{id=, name=}…}, the latest start first; nil
 *                                           as experiment_id means any
 *   run(store, run_id)                      {name=, metrics={key…}, params={key…}, tags={key…}}
 *   directory(path)                         names in it, those of directories with a slash
 */
void name_lookup_push(lua_State *L);

#endif
