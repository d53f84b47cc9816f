/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BINDING_CALL_H
#define BINDING_CALL_H

/* Reading what a script passed. Each reader raises one sentence that names the argument or field,
 * says what was wrong and what is right. Argument numbers are what the script's author counts: a
 * leading manager or run is not counted. */

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/patience.h"
#include "binding/binding.h"

#define BINDING_STARTED_MAX 64
#define CALL_QUIET_MS       1000u /* a shorter wait shows nothing */
#define BINDING_MANAGER     "mlmanager.manager" /* __name of their metatables */

/* The userdata behind a manager's table. */
struct binding_manager {
	mlm_manager *manager; /* NULL: not opened yet (the default manager), or closed */
	mlm_run *active; /* mlm_run_active() as of the last call that changed it */
	mlm_run *started[BINDING_STARTED_MAX]; /* runs that a script started and has not ended */
	int started_count;
	bool is_closed;
	char *last_order; /* of log_metrics' last map; see metric.c */
};

/* One call from Lua. */
struct call {
	lua_State *L;
	const char *name; /* of the function, for messages */
	struct binding_manager *binding;
	mlm_run *self; /* the run that the function was called on, or NULL */
	int first; /* index of the first argument after self */
	int count; /* arguments after self */
	const char *const *names; /* of the arguments, as call_names() was told; ends with NULL */
	bool has_keywords; /* the arguments came as one table, by their names */
	struct patience patience; /* of call_wait_begin() */
	bool has_failed; /* what was raised while it waited is on the top of the stack */
	bool is_waiting_shown;
};

/** Finds out whom a bound function was called on, and opens the default manager if need be. */
void call_begin(struct call *call, lua_State *L, const char *name);

/** Names the arguments in their order, for the readers below and their messages. Where a table is
 * the sole argument it holds them by these names: its values then take their places on the stack.
 * Any other field raises and lists the known ones; hint, if there is one, is said too. */
void call_names(struct call *call, const char *const *names, const char *hint);

/** call_names() for a table at index, whatever else was passed. */
void call_spread(struct call *call, int index, const char *const *names, const char *hint);

/** The run to work on: the one called on, else the active one; raises when there is none. */
mlm_run *call_run(struct call *call);

/** Refreshes what the binding remembers, after a call that may have started or ended runs. */
void call_changed(struct call *call);

/** What the library does between these two may wait for a network: Ctrl-C gets its turn meanwhile
 * (it is raised by the second one) and a terminal is told whom it waits for. The second one returns
 * the status. In between nothing may be raised. */
void call_wait_begin(struct call *call);
mlm_status call_wait_end(struct call *call, mlm_status status);
#define CALL_WAITING(call, status) (call_wait_begin(call), call_wait_end((call), (status)))

/** Stack index of the n-th argument (1 is the first after self), which may be absent. */
static inline int call_index(const struct call *call, int n)
{
	return call->first + n - 1;
}

static inline bool call_has(const struct call *call, int n)
{
	return lua_type(call->L, call_index(call, n)) > LUA_TNIL;
}

/** Raises "bad argument #n to 'name' (...)", or "name: ..." where n came by its name. */
__attribute__((format(printf, 3, 4))) int call_bad(
	const struct call *call, int n, const char *format, ...);

/** The n-th argument as text, an integer as its digits. Optional ones give NULL for nil. */
const char *call_string(const struct call *call, int n);
const char *call_optional_string(const struct call *call, int n);
/** One of the words in a list that ends with NULL, as its place there; 0 for nil. */
int call_choice(const struct call *call, int n, const char *const *words);
bool call_optional_boolean(const struct call *call, int n);
/** A whole number within bounds. */
int64_t call_integer(const struct call *call, int n, int64_t missing, int64_t least, int64_t most);
/** Params or tags, as binding_read_texts() takes them; none for nil. */
const mlm_text *call_texts(const struct call *call, int n, const char *kind, size_t *count_out);

/** Raises unless every key of the table at index is one of known, which ends with NULL, and lists
 * these. hint, if there is one, is said too. */
void binding_check_fields(lua_State *L, int index, const char *area, const char *function,
	const char *const *known, const char *hint);

/** The whole number at index, missing for nil; what names it in messages. */
int64_t binding_check_integer(lua_State *L, int index, const char *function, const char *what,
	int64_t missing, int64_t least, int64_t most);

/** Raises "<what> must be <wanted>, got <what is there>". */
int binding_wrong_type(
	lua_State *L, const char *function, const char *what, const char *wanted, int index);

/** "a string", "nil", "a table", … or the value itself where it is short. Pushes the text. */
const char *binding_describe(lua_State *L, int index);

/** Raises an error value; the format is lua_pushfstring()'s. */
int binding_refuse(lua_State *L, mlm_status status, const char *area, const char *format, ...);

/** Pushes a number as the shortest text that reads back equal, as params are logged. */
void binding_push_number_text(lua_State *L, int index);

/** size bytes that Lua frees, at least one; left on the stack. */
void *binding_scratch(lua_State *L, size_t size);

/**
 * Reads params or tags at index: a list {{"k", v}, …} in its order, or a map in sorted order. The
 * texts are borrowed from values on the stack above index. kind is "param" or "tag".
 */
const mlm_text *binding_read_texts(
	const struct call *call, int index, const char *kind, size_t *count_out);

/** A param's or tag's value at index as text, pushed and borrowed; raises for nil and tables. */
const char *binding_value_text(
	const struct call *call, int index, const char *kind, const char *key);

/* ---- between the files of the module ---- */

/** Adds functions, bound to the userdata and the manager's table at these absolute indices, to the
 * table on the top of the stack. With both 0: unbound, for run objects. */
void binding_add(lua_State *L, const luaL_Reg *functions, int userdata, int manager);

extern const luaL_Reg binding_experiment_functions[];
extern const luaL_Reg binding_run_functions[];
extern const luaL_Reg binding_search_functions[];
extern const luaL_Reg binding_logging_functions[]; /* also methods of runs */
extern const luaL_Reg binding_metric_handle_functions[]; /* also methods of runs */
extern const luaL_Reg binding_transfer_functions[];
extern const luaL_Reg binding_text_functions[]; /* also methods of runs */
extern const luaL_Reg binding_timer_functions[]; /* also methods of runs */
extern const luaL_Reg binding_artifact_functions[]; /* also methods of runs */
extern const luaL_Reg binding_run_methods[]; /* methods of runs only */

/** Pushes what the store holds of a run, as get_run() returns it. */
void binding_push_stored_run(struct call *call, const char *run_id);

/** Pushes the object of a run that belongs to the call's manager. */
void binding_push_run(struct call *call, mlm_run *run, const char *run_name);
/** What an object that stands for a run, or for something of it, holds: scripts can neither make
 * nor change one. */
struct run_handle {
	mlm_run *run;
	struct binding_manager *binding; /* lives as long as the handle */
};

/** Pushes the userdata of the call's manager, for what must keep it alive. */
void binding_push_pin(const struct call *call);

/** Pushes a handle. */
void binding_push_handle(const struct call *call, mlm_run *run);
/** The handle that the table at index has under a key, which is an address; NULL for another
 * value. */
struct run_handle *binding_to_handle(lua_State *L, int index, const void *key);

/** The run of a run object at index, and its manager; NULL for another value. Raises where the
 * manager is closed. */
mlm_run *binding_to_run(lua_State *L, int index, struct binding_manager **binding_out);

/** The n-th argument, a string or a list of strings, as an array; none for nil. What it points to
 * stays on the stack. */
const char *const *binding_read_strings(const struct call *call, int n, size_t *count_out);

/** Fills *query with the fields of the table that is the first argument, if there is one. What it
 * points to stays on the stack. */
void binding_read_query(struct call *call, mlm_query *query, bool is_of_runs);

/** Sets the tag mlmanager.traceback, cut to a tag's length and mended where it is not UTF-8. */
mlm_status binding_tag_traceback(mlm_run *run, const char *traceback, mlm_error *err);

/** How a run ends when the error at index failure leaves its block: KILLED if it is the host's, for
 * a signal. */
mlm_run_status binding_failed_status(lua_State *L, int failure);

/** What an error value says, for the tag mlmanager.traceback; pushed and borrowed. */
const char *binding_error_text(lua_State *L, int failure);

/** Makes the metatable of run objects. */
void binding_open_run(lua_State *L);

/** What is remembered for mlflow.source.name, or NULL. Borrowed from the registry. */
const char *binding_source_name(lua_State *L);

/** Opens the call's manager, with the keywords at index (0: defaults only). */
void binding_open_manager(struct call *call, int index);

#endif
