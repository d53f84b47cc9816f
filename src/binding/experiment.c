/* SPDX-License-Identifier: Apache-2.0 */
/* Experiments: create, choose, look up, rename, delete, restore. */
#include <string.h>

#include "binding/call.h"
#include "binding/metatable.h"

static const char *const lifecycle_names[] = { "active", "deleted" };

static void push_time(lua_State *L, int64_t time_ms)
{
	if (time_ms < 0)
		lua_pushnil(L);
	else
		lua_pushinteger(L, (lua_Integer)time_ms);
}

static void push_experiment(lua_State *L, const mlm_experiment *experiment)
{
	lua_createtable(L, 0, 7);
	lua_pushstring(L, experiment->experiment_id);
	lua_setfield(L, -2, "experiment_id");
	lua_pushstring(L, experiment->name);
	lua_setfield(L, -2, "name");
	lua_pushstring(L, experiment->artifact_location);
	lua_setfield(L, -2, "artifact_location");
	lua_pushstring(L, lifecycle_names[experiment->lifecycle]);
	lua_setfield(L, -2, "lifecycle_stage");
	push_time(L, experiment->creation_time_ms);
	lua_setfield(L, -2, "creation_time");
	push_time(L, experiment->last_update_time_ms);
	lua_setfield(L, -2, "last_update_time");
	lua_createtable(L, 0, (int)experiment->tag_count);
	for (size_t i = 0; i < experiment->tag_count; i++) {
		lua_pushstring(L, experiment->tags[i].value);
		lua_setfield(L, -2, experiment->tags[i].key);
	}
	lua_setfield(L, -2, "tags");
}

/* Answers are held by a userdata while they are turned into tables, since that may raise. */
struct held_list {
	mlm_experiment_list *list;
};

static int free_held(lua_State *L)
{
	struct held_list *held = luaL_checkudata(L, 1, "mlmanager.experiment_list");
	mlm_experiment_list_free(held->list);
	held->list = NULL;
	return 0;
}

static struct held_list *hold(lua_State *L)
{
	struct held_list *held = lua_newuserdata(L, sizeof(*held));
	held->list = NULL;
	if (metatable_begin(L, "mlmanager.experiment_list")) {
		lua_pushcfunction(L, free_held);
		lua_setfield(L, -2, "__gc");
		metatable_keep(L, "mlmanager.experiment_list");
	}
	lua_setmetatable(L, -2);
	return held;
}

static int create_experiment(lua_State *L)
{
	static const char *const names[] = { "experiment_name", "reset", "tags",
		"artifact_location", "name", NULL };
	struct call call;
	mlm_experiment_options options = MLM_EXPERIMENT_OPTIONS_INIT;
	char id[MLM_ID_SIZE];
	mlm_error err;
	call_begin(&call, L, "create_experiment");
	call_names(&call, names, NULL);
	bool has_alias = call.has_keywords && !call_has(&call, 1);
	const char *name = call_string(&call, has_alias && call_has(&call, 5) ? 5 : 1);
	options.reset = call_optional_boolean(&call, 2);
	options.tags = call_texts(&call, 3, "tag", &options.tag_count);
	options.artifact_location = call_optional_string(&call, 4);
	if (CALL_WAITING(&call, mlm_experiment_create(
					call.binding->manager, name, &options, id, &err)) != MLM_OK)
		return binding_fail(L, &err);
	lua_pushstring(L, id[0] ? id : NULL); /* not known while the server is away */
	return 1;
}

/* A number is an id, a string a name first. */
static int set_active_experiment(lua_State *L)
{
	static const char *const names[] = { "experiment_name", "experiment_id", NULL };
	struct call call;
	mlm_error err;
	call_begin(&call, L, "set_active_experiment");
	call_names(&call, names, NULL);
	bool is_id = lua_type(L, call.first) == LUA_TNUMBER;
	int at = call.has_keywords && !call_has(&call, 1) && call_has(&call, 2) ? 2 : 1;
	const char *name = call_string(&call, at);
	call_wait_begin(&call);
	mlm_status status =
		is_id || at == 2 ? mlm_experiment_set_active_id(call.binding->manager, name, &err)
				 : mlm_experiment_set_active(call.binding->manager, name, &err);
	if (call_wait_end(&call, status) != MLM_OK)
		return binding_fail(L, &err);
	return 0;
}

/* The id that a call is about: its n-th argument, else the active experiment's. */
static const char *id_or_active(const struct call *call, int n, char active[MLM_ID_SIZE])
{
	const char *id = n ? call_optional_string(call, n) : NULL;
	if (id)
		return id;
	mlm_experiment_active(call->binding->manager, active);
	if (!active[0])
		binding_refuse(call->L, MLM_ESTATE, "experiment",
			"'%s' needs an experiment: call create_experiment or set_active_experiment "
			"first, or pass its id",
			call->name);
	return active;
}

static const char *const id_names[] = { "experiment_id", NULL };

static int get_experiment(lua_State *L)
{
	struct call call;
	char active[MLM_ID_SIZE];
	mlm_error err;
	call_begin(&call, L, "get_experiment");
	call_names(&call, id_names, NULL);
	const char *id = id_or_active(&call, 1, active);
	struct held_list *held = hold(L);
	if (CALL_WAITING(&call, mlm_experiment_get(call.binding->manager, id, &held->list, &err)) !=
		MLM_OK)
		return binding_fail(L, &err);
	push_experiment(L, &held->list->items[0]);
	return 1;
}

static int get_experiment_by_name(lua_State *L)
{
	static const char *const names[] = { "name", NULL };
	struct call call;
	mlm_error err;
	call_begin(&call, L, "get_experiment_by_name");
	call_names(&call, names, NULL);
	const char *name = call_string(&call, 1);
	struct held_list *held = hold(L);
	mlm_status status = CALL_WAITING(
		&call, mlm_experiment_get_by_name(call.binding->manager, name, &held->list, &err));
	if (status == MLM_ENOTFOUND)
		return 0;
	if (status != MLM_OK)
		return binding_fail(L, &err);
	push_experiment(L, &held->list->items[0]);
	return 1;
}

static int search(lua_State *L, const char *name)
{
	struct call call;
	mlm_error err;
	mlm_query query = MLM_QUERY_INIT;
	call_begin(&call, L, name);
	binding_read_query(&call, &query, false);
	struct held_list *held = hold(L);
	if (CALL_WAITING(&call, mlm_experiment_search(call.binding->manager, &query, &held->list,
					&err)) != MLM_OK)
		return binding_fail(L, &err);
	lua_createtable(L, (int)held->list->count, 0);
	for (size_t i = 0; i < held->list->count; i++) {
		push_experiment(L, &held->list->items[i]);
		lua_rawseti(L, -2, (lua_Integer)i + 1);
	}
	lua_pushstring(L, held->list->next_page_token);
	return 2;
}

static int search_experiments(lua_State *L)
{
	return search(L, "search_experiments");
}

static int list_experiments(lua_State *L)
{
	return search(L, "list_experiments");
}

static int rename_experiment(lua_State *L)
{
	static const char *const names[] = { "experiment_id", "new_name", NULL };
	struct call call;
	mlm_error err;
	call_begin(&call, L, "rename_experiment");
	call_names(&call, names, NULL);
	const char *id = call_string(&call, 1);
	const char *name = call_string(&call, 2);
	if (CALL_WAITING(&call, mlm_experiment_rename(call.binding->manager, id, name, &err)) !=
		MLM_OK)
		return binding_fail(L, &err);
	return 0;
}

static int delete_experiment(lua_State *L)
{
	struct call call;
	mlm_error err;
	call_begin(&call, L, "delete_experiment");
	call_names(&call, id_names, NULL);
	const char *id = call_string(&call, 1);
	if (CALL_WAITING(&call, mlm_experiment_delete(call.binding->manager, id, &err)) != MLM_OK)
		return binding_fail(L, &err);
	return 0;
}

static int restore_experiment(lua_State *L)
{
	struct call call;
	mlm_error err;
	call_begin(&call, L, "restore_experiment");
	call_names(&call, id_names, NULL);
	const char *id = call_string(&call, 1);
	if (CALL_WAITING(&call, mlm_experiment_restore(call.binding->manager, id, &err)) != MLM_OK)
		return binding_fail(L, &err);
	return 0;
}

/* (experiment_id, key, value), or (key, value) of the active experiment. */
static int set_experiment_tag(lua_State *L)
{
	static const char *const of_any[] = { "experiment_id", "key", "value", NULL };
	static const char *const of_active[] = { "key", "value", NULL };
	struct call call;
	mlm_error err;
	char active[MLM_ID_SIZE];
	call_begin(&call, L, "set_experiment_tag");
	bool is_any = call.count > 2 || lua_type(L, call.first) == LUA_TTABLE;
	call_names(&call, is_any ? of_any : of_active, NULL);
	const char *key = call_string(&call, is_any ? 2 : 1);
	const char *value =
		binding_value_text(&call, call_index(&call, is_any ? 3 : 2), "tag", key);
	const char *id = id_or_active(&call, is_any ? 1 : 0, active);
	if (CALL_WAITING(&call,
		    mlm_experiment_set_tag(call.binding->manager, id, key, value, &err)) != MLM_OK)
		return binding_fail(L, &err);
	return 0;
}

const luaL_Reg binding_experiment_functions[] = {
	{ "create_experiment", create_experiment },
	{ "set_active_experiment", set_active_experiment },
	{ "get_experiment", get_experiment },
	{ "get_experiment_by_name", get_experiment_by_name },
	{ "search_experiments", search_experiments },
	{ "list_experiments", list_experiments },
	{ "rename_experiment", rename_experiment },
	{ "delete_experiment", delete_experiment },
	{ "restore_experiment", restore_experiment },
	{ "set_experiment_tag", set_experiment_tag },
	{ NULL, NULL },
};
