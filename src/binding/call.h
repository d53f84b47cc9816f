/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BINDING_CALL_H
#define BINDING_CALL_H

/* Reading what a script passed. Each reader raises one sentence that names the argument or field,
 * says what was wrong and what is right. Argument numbers are what the script's author counts: a
 * leading manager or run is not counted. */

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

#include "binding/binding.h"

#define BINDING_STARTED_MAX 64

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
};

/** Finds out whom a bound function was called on, and opens the default manager if need be. */
void call_begin(struct call *call, lua_State *L, const char *name);

/** The run to work on: the one called on, else the active one; raises when there is none. */
mlm_run *call_run(struct call *call);

/** Refreshes what the binding remembers, after a call that may have changed the active run. */
void call_changed(struct call *call);

/** Stack index of the n-th argument (1 is the first after self), which may be absent. */
static inline int call_index(const struct call *call, int n)
{
	return call->first + n - 1;
}

static inline bool call_has(const struct call *call, int n)
{
	return lua_type(call->L, call_index(call, n)) > LUA_TNIL;
}

/** True when the only argument is a table: keywords. */
bool call_has_keywords(const struct call *call);

/** Raises "bad argument #n to 'name' (…)". */
__attribute__((format(printf, 3, 4))) int call_bad(
	const struct call *call, int n, const char *format, ...);

/** The n-th argument as text; what names it in the message. Optional ones give NULL for nil. */
const char *call_string(const struct call *call, int n, const char *what);
const char *call_optional_string(const struct call *call, int n, const char *what);
bool call_optional_boolean(const struct call *call, int n, const char *what);

/** A table whose fields are read by name; at is its stack index. */
struct fields {
	const struct call *call;
	int at;
};

/** Raises when the table has a field that is not among known (NULL-ended), and lists these. hint,
 * if there is one, is said too. */
void fields_check(const struct fields *fields, const char *const *known, const char *hint);
/** Pushes the field and returns its type. */
int fields_get(const struct fields *fields, const char *name);
/** A field's text, borrowed from the table; NULL when it is nil. A number counts as its digits. */
const char *fields_string(const struct fields *fields, const char *name);
bool fields_boolean(const struct fields *fields, const char *name, bool missing);
/** A whole number within bounds. */
int64_t fields_integer(const struct fields *fields, const char *name, int64_t missing,
	int64_t least, int64_t most);

/** Raises "<what> must be <wanted>, got <what is there>". */
int binding_wrong_type(
	lua_State *L, const char *function, const char *what, const char *wanted, int index);

/** "a string", "nil", "a table", … or the value itself where it is short. Pushes the text. */
const char *binding_describe(lua_State *L, int index);

/** Raises an error value. */
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
extern const luaL_Reg binding_text_functions[]; /* also methods of runs */
extern const luaL_Reg binding_timer_functions[]; /* also methods of runs */
extern const luaL_Reg binding_run_methods[]; /* methods of runs only */

/** Pushes the object of a run that belongs to the call's manager. */
void binding_push_run(struct call *call, mlm_run *run, const char *run_name);
/** The run of a run object at index, and its manager; NULL for another value. */
mlm_run *binding_to_run(lua_State *L, int index, struct binding_manager **binding_out);

/** Fills *query with the fields of the table that is the first argument, if there is one. What it
 * points to stays on the stack. */
void binding_read_query(const struct call *call, mlm_query *query, bool is_of_runs);

/** Sets the tag mlmanager.traceback, cut to a tag's length and mended where it is not UTF-8. */
mlm_status binding_tag_traceback(mlm_run *run, const char *traceback, mlm_error *err);

/** Makes the metatable of run objects. */
void binding_open_run(lua_State *L);

/** What is remembered for mlflow.source.name, or NULL. Borrowed from the registry. */
const char *binding_source_name(lua_State *L);

/** Opens the manager behind a userdata with keywords at index (0: defaults only). */
void binding_open_manager(
	lua_State *L, struct binding_manager *binding, const struct call *call, int index);

#endif
