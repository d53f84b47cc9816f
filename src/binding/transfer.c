/* SPDX-License-Identifier: Apache-2.0 */
/* What moves or removes whole runs: export, import, sync, gc. */
#include <string.h>

#include "binding/call.h"

/* The function `report` of a call, while the library calls back. */
struct reporter {
	lua_State *L;
	int function; /* 0: there is none */
	bool has_failed; /* what it raised is on the top of the stack */
};

static void find_reporter(const struct call *call, int n, struct reporter *reporter)
{
	reporter->L = call->L;
	if (!call_has(call, n))
		return;
	reporter->function = call_index(call, n);
	if (lua_type(call->L, reporter->function) != LUA_TFUNCTION)
		call_bad(call, n, "report must be a function, got %s",
			binding_describe(call->L, reporter->function));
	luaL_checkstack(call->L, 12, NULL);
}

static void set_number(lua_State *L, const char *name, uint64_t value)
{
	lua_pushinteger(L, (lua_Integer)value);
	lua_setfield(L, -2, name);
}

static void set_text(lua_State *L, const char *name, const char *text)
{
	lua_pushstring(L, text);
	lua_setfield(L, -2, name);
}

/* Of the file that is on its way; total_bytes -1: there is none. */
static void set_file_bytes(lua_State *L, uint64_t done_bytes, int64_t total_bytes)
{
	if (total_bytes < 0)
		return;
	set_number(L, "done_bytes", done_bytes);
	set_number(L, "total_bytes", (uint64_t)total_bytes);
}

/* Calls the function under the make and arguments that push its table. Nothing may be raised
 * through the library, so that is done in one protected call. */
static bool report(struct reporter *reporter, lua_CFunction make, const void *event)
{
	lua_State *L = reporter->L;
	if (!reporter->function)
		return true;
	if (reporter->has_failed)
		return false;
	lua_pushcfunction(L, make);
	lua_pushvalue(L, reporter->function);
	lua_pushlightuserdata(L, (void *)(uintptr_t)event);
	reporter->has_failed = lua_pcall(L, 2, 0, 0) != LUA_OK;
	return !reporter->has_failed;
}

/* How a call ends whose callbacks may have raised. */
static int fail(struct reporter *reporter, const mlm_error *err)
{
	if (reporter->has_failed)
		return lua_error(reporter->L);
	return binding_fail(reporter->L, err);
}

/* ---- export, import, sync ---- */

static void set_sums(lua_State *L, const mlm_transfer_result *sums)
{
	set_number(L, "experiments", sums->experiments);
	set_number(L, "runs", sums->runs);
	set_number(L, "new_runs", sums->new_runs);
	set_number(L, "points", sums->points);
	set_number(L, "artifacts", sums->artifacts);
	set_number(L, "artifact_bytes", sums->artifact_bytes);
	set_number(L, "problems", sums->problems);
}

/* (function, event) */
static int call_on_transfer(lua_State *L)
{
	static const char *const kinds[] = { "", "problem", "experiment", "run", "progress" };
	const mlm_transfer_event *event = lua_touserdata(L, 2);
	lua_settop(L, 1);
	lua_createtable(L, 0, 12);
	set_text(L, "kind", kinds[event->kind]);
	set_text(L, "text", event->text);
	set_text(L, "name", event->name[0] ? event->name : NULL);
	set_file_bytes(L, event->done_bytes, event->total_bytes);
	set_sums(L, event->so_far);
	lua_call(L, 1, 0);
	return 0;
}

static bool on_transfer(void *payload, const mlm_transfer_event *event)
{
	return report(payload, call_on_transfer, event);
}

/* One export, import or sync, from the reading of its arguments to its result. */
struct transferring {
	struct call call;
	struct reporter reporter;
	mlm_transfer_options options;
	mlm_transfer_result result;
	mlm_error err;
};

static void begin(struct transferring *transferring, lua_State *L, const char *function,
	const char *const *names)
{
	*transferring = (struct transferring){ .options = MLM_TRANSFER_OPTIONS_INIT };
	call_begin(&transferring->call, L, function);
	call_names(&transferring->call, names, NULL);
}

/* The runs and experiments that arguments n and n + 1 name. */
static void read_selection(struct transferring *transferring, int n)
{
	mlm_transfer_options *options = &transferring->options;
	options->run_ids = binding_read_strings(&transferring->call, n, &options->run_count);
	options->experiment_ids =
		binding_read_strings(&transferring->call, n + 1, &options->experiment_count);
}

/* The last thing before the call: what is raised later must find nothing open. */
static void read_report(struct transferring *transferring, int n)
{
	find_reporter(&transferring->call, n, &transferring->reporter);
	transferring->options.report = on_transfer;
	transferring->options.payload = &transferring->reporter;
}

static int end(struct transferring *transferring, mlm_status status)
{
	lua_State *L = transferring->call.L;
	if (status != MLM_OK)
		return fail(&transferring->reporter, &transferring->err);
	lua_createtable(L, 0, 7);
	set_sums(L, &transferring->result);
	return 1;
}

static int export(lua_State *L)
{
	static const char *const names[] = { "file", "run_ids", "experiment_ids", "overwrite",
		"report", NULL };
	struct transferring t;
	begin(&t, L, "export", names);
	const char *file = call_string(&t.call, 1);
	read_selection(&t, 2);
	t.options.overwrite = call_optional_boolean(&t.call, 4);
	read_report(&t, 5);
	return end(&t, CALL_WAITING(&t.call, mlm_export(t.call.binding->manager, file, &t.options,
						     &t.result, &t.err)));
}

static int import(lua_State *L)
{
	static const char *const names[] = { "file", "experiment_name", "dry_run", "bytes_max",
		"report", NULL };
	struct transferring t;
	begin(&t, L, "import", names);
	const char *file = call_string(&t.call, 1);
	t.options.experiment_name = call_optional_string(&t.call, 2);
	t.options.dry_run = call_optional_boolean(&t.call, 3);
	t.options.bytes_max = (uint64_t)call_integer(&t.call, 4, 0, 1, INT64_MAX);
	read_report(&t, 5);
	return end(&t, CALL_WAITING(&t.call, mlm_import(t.call.binding->manager, file, &t.options,
						     &t.result, &t.err)));
}

/* ---- what waits for a server ---- */

static void set_delivery_sums(lua_State *L, const mlm_delivery_result *sums)
{
	set_number(L, "runs", sums->runs);
	set_number(L, "records", sums->records);
	set_number(L, "points", sums->points);
	set_number(L, "artifacts", sums->artifacts);
	set_number(L, "artifact_bytes", sums->artifact_bytes);
	set_number(L, "refused", sums->refused);
	set_number(L, "kept", sums->kept);
	set_number(L, "left", sums->left);
}

/* (function, event) */
static int call_on_delivery(lua_State *L)
{
	static const char *const kinds[] = { "", "run", "refused", "left", "progress" };
	const mlm_delivery_event *event = lua_touserdata(L, 2);
	lua_settop(L, 1);
	lua_createtable(L, 0, 15);
	set_text(L, "kind", kinds[event->kind]);
	set_file_bytes(L, event->done_bytes, event->total_bytes);
	set_text(L, "run_id", event->run_id[0] ? event->run_id : NULL);
	set_text(L, "server_run_id", event->server_run_id[0] ? event->server_run_id : NULL);
	set_text(L, "name", event->name[0] ? event->name : NULL);
	set_text(L, "why", event->why[0] ? event->why : NULL);
	set_delivery_sums(L, event->result);
	lua_call(L, 1, 0);
	return 0;
}

static bool on_delivery(void *payload, const mlm_delivery_event *event)
{
	return report(payload, call_on_delivery, event);
}

/* That something goes on waiting is what the result is there to tell. */
static int deliver(struct call *call, int n)
{
	lua_State *L = call->L;
	mlm_delivery_result result;
	struct reporter reporter = { NULL, 0, false };
	mlm_error err;
	find_reporter(call, n, &reporter);
	mlm_status status = CALL_WAITING(call,
		mlm_manager_deliver(call->binding->manager, on_delivery, &reporter, &result, &err));
	if (reporter.has_failed || (status != MLM_OK && status != MLM_EAGAIN))
		return fail(&reporter, &err);
	lua_createtable(L, 0, 8);
	set_delivery_sums(L, &result);
	if (status == MLM_EAGAIN)
		set_text(L, "why", err.message);
	return 1;
}

static int sync(lua_State *L)
{
	static const char *const names[] = { "into", "run_ids", "experiment_ids", "dry_run",
		"report", "artifacts", NULL };
	struct transferring t;
	mlm_manager *into = NULL;
	mlm_manager_options destination = MLM_MANAGER_OPTIONS_INIT;
	begin(&t, L, "sync", names);
	if (!call_has(&t.call, 1)) {
		for (int n = 2; n <= 6; n++)
			if (n != 5 && call_has(&t.call, n))
				call_bad(&t.call, n, "give `into` as well, the store to copy to");
		return deliver(&t.call, 5);
	}
	destination.store = call_string(&t.call, 1);
	destination.artifacts = call_optional_string(&t.call, 6);
	destination.ignore_environment = true;
	read_selection(&t, 2);
	t.options.dry_run = call_optional_boolean(&t.call, 4);
	destination.must_exist = t.options.dry_run;
	read_report(&t, 5);
	call_wait_begin(&t.call);
	mlm_status status = mlm_manager_open(&destination, &into, &t.err);
	/* A dry run takes what the sync itself would make as empty; but not where a directory is
	 * missing, which nobody makes. */
	bool is_new = status == MLM_ENOTFOUND && t.err.detail == 0 && t.options.dry_run;
	if (status == MLM_OK || is_new)
		status = mlm_sync(t.call.binding->manager, into, &t.options, &t.result, &t.err);
	mlm_manager_free(into);
	return end(&t, call_wait_end(&t.call, status));
}

/* ---- gc ---- */

/* (function, event) */
static int call_on_gc(lua_State *L)
{
	static const char *const kinds[] = { "", "run", "experiment", "kept" };
	const mlm_gc_event *event = lua_touserdata(L, 2);
	lua_settop(L, 1);
	lua_createtable(L, 0, 7);
	set_text(L, "kind", kinds[event->kind]);
	set_text(L, "id", event->id);
	set_text(L, "name", event->name);
	set_text(L, "why", event->why);
	set_number(L, "bytes", event->bytes);
	set_number(L, "done", event->done);
	set_number(L, "total", event->total);
	lua_call(L, 1, 0);
	return 0;
}

static bool on_gc(void *payload, const mlm_gc_event *event)
{
	return report(payload, call_on_gc, event);
}

static int gc(lua_State *L)
{
	static const char *const names[] = { "older_than_ms", "run_ids", "experiment_ids",
		"dry_run", "abandon_artifacts", "compact", "report", NULL };
	struct call call;
	mlm_gc_options options = MLM_GC_OPTIONS_INIT;
	mlm_gc_result result;
	struct reporter reporter = { NULL, 0, false };
	mlm_error err;
	call_begin(&call, L, "gc");
	call_names(&call, names, NULL);
	options.older_than_ms = call_integer(&call, 1, 0, 0, INT64_MAX);
	options.run_ids = binding_read_strings(&call, 2, &options.run_count);
	options.experiment_ids = binding_read_strings(&call, 3, &options.experiment_count);
	options.dry_run = call_optional_boolean(&call, 4);
	options.abandon_artifacts = call_optional_boolean(&call, 5);
	options.compact = call_optional_boolean(&call, 6);
	find_reporter(&call, 7, &reporter);
	options.report = on_gc;
	options.payload = &reporter;
	mlm_status status =
		CALL_WAITING(&call, mlm_manager_gc(call.binding->manager, &options, &result, &err));
	if (status != MLM_OK)
		return fail(&reporter, &err);
	lua_createtable(L, 0, 5);
	set_number(L, "runs", result.runs);
	set_number(L, "experiments", result.experiments);
	set_number(L, "kept", result.kept);
	set_number(L, "artifact_bytes", result.artifact_bytes);
	set_number(L, "store_bytes", result.store_bytes);
	return 1;
}

const luaL_Reg binding_transfer_functions[] = {
	{ "export", export },
	{ "import", import },
	{ "sync", sync },
	{ "gc", gc },
	{ NULL, NULL },
};
