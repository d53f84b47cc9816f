/* SPDX-License-Identifier: Apache-2.0 */
#include "host/name_lookup.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include <lauxlib.h>

#include "mlmanager/mlmanager.h"

#define LOOKUP          "mlmanager.name_lookup"
#define EXPERIMENTS_MAX 100 /* that runs of any experiment are looked for in */
#define FILES_MAX       5000

/* What one look holds, in a userdata, since pushing an answer may run out of memory. */
struct lookup {
	mlm_manager *manager;
	mlm_experiment_list *experiments;
	mlm_run_list *runs;
	DIR *directory;
};

static int end_lookup(lua_State *L)
{
	struct lookup *lookup = luaL_checkudata(L, 1, LOOKUP);
	mlm_error err;

	if (lookup->manager)
		mlm_manager_close(lookup->manager, MLM_RUN_UNCHANGED, &err);
	mlm_experiment_list_free(lookup->experiments);
	mlm_run_list_free(lookup->runs);
	mlm_manager_free(lookup->manager);
	if (lookup->directory)
		closedir(lookup->directory);
	*lookup = (struct lookup){ 0 };
	return 0;
}

static struct lookup *begin_lookup(lua_State *L)
{
	struct lookup *lookup = lua_newuserdatauv(L, sizeof(*lookup), 0);

	*lookup = (struct lookup){ 0 };
	if (luaL_newmetatable(L, LOOKUP)) {
		lua_pushcfunction(L, end_lookup);
		lua_setfield(L, -2, "__gc");
		lua_pushcfunction(L, end_lookup);
		lua_setfield(L, -2, "__close");
	}
	lua_setmetatable(L, -2);
	lua_toclose(L, -1);
	return lookup;
}

/* What there would be to warn of, the managers that scripts open say. */
static void keep_quiet(void *payload, mlm_log_level level, const char *line)
{
	(void)payload;
	(void)level;
	(void)line;
}

static struct lookup *open_store(lua_State *L)
{
	mlm_manager_options options = MLM_MANAGER_OPTIONS_INIT;
	struct lookup *lookup;
	mlm_error err;

	options.store = luaL_optstring(L, 1, lua_tostring(L, lua_upvalueindex(1)));
	options.inspect = true;
	options.ignore_environment = true;
	options.log = keep_quiet;
	lua_settop(L, 4);
	lookup = begin_lookup(L);
	if (mlm_manager_open(&options, &lookup->manager, &err) != MLM_OK)
		return NULL;
	return lookup;
}

static void push_named(lua_State *L, const char *id, const char *name, size_t place)
{
	lua_createtable(L, 0, 2);
	lua_pushstring(L, id);
	lua_setfield(L, -2, "id");
	lua_pushstring(L, name);
	lua_setfield(L, -2, "name");
	lua_rawseti(L, -2, (lua_Integer)place);
}

static bool find_experiments(lua_State *L, struct lookup *lookup, const char *filter, uint32_t max)
{
	mlm_query query = MLM_QUERY_INIT;
	mlm_error err;

	(void)L;
	query.filter = filter;
	query.max_results = max;
	return mlm_experiment_search(lookup->manager, &query, &lookup->experiments, &err) == MLM_OK;
}

static int experiments(lua_State *L)
{
	const char *filter = luaL_optstring(L, 2, NULL);
	uint32_t max = (uint32_t)luaL_checkinteger(L, 3);
	struct lookup *lookup = open_store(L);

	if (!lookup || !find_experiments(L, lookup, filter, max))
		return 0;
	lua_createtable(L, (int)lookup->experiments->count, 0);
	for (size_t i = 0; i < lookup->experiments->count; i++)
		push_named(L, lookup->experiments->items[i].experiment_id,
			lookup->experiments->items[i].name, i + 1);
	return 1;
}

static int runs(lua_State *L)
{
	mlm_query query = MLM_QUERY_INIT;
	const char *ids[EXPERIMENTS_MAX];
	mlm_error err;

	ids[0] = luaL_optstring(L, 2, NULL);
	query.experiment_ids = ids;
	query.experiment_count = 1;
	query.filter = luaL_optstring(L, 3, NULL);
	query.max_results = (uint32_t)luaL_checkinteger(L, 4);
	struct lookup *lookup = open_store(L);
	if (!lookup)
		return 0;
	if (!ids[0]) {
		if (!find_experiments(L, lookup, NULL, EXPERIMENTS_MAX))
			return 0;
		query.experiment_count = lookup->experiments->count;
		for (size_t i = 0; i < lookup->experiments->count; i++)
			ids[i] = lookup->experiments->items[i].experiment_id;
	}
	if (query.experiment_count == 0 ||
		mlm_run_search(lookup->manager, &query, &lookup->runs, &err) != MLM_OK)
		return 0;
	lua_createtable(L, (int)lookup->runs->count, 0);
	for (size_t i = 0; i < lookup->runs->count; i++)
		push_named(
			L, lookup->runs->items[i].run_id, lookup->runs->items[i].run_name, i + 1);
	return 1;
}

static void set_keys(lua_State *L, const char *name, const mlm_text *texts, size_t count)
{
	lua_createtable(L, (int)count, 0);
	for (size_t i = 0; i < count; i++) {
		lua_pushstring(L, texts[i].key);
		lua_rawseti(L, -2, (lua_Integer)i + 1);
	}
	lua_setfield(L, -2, name);
}

static int run(lua_State *L)
{
	const char *run_id = luaL_checkstring(L, 2);
	struct lookup *lookup = open_store(L);
	mlm_error err;

	if (!lookup || mlm_run_get(lookup->manager, run_id, &lookup->runs, &err) != MLM_OK)
		return 0;
	const mlm_run_record *record = &lookup->runs->items[0];
	lua_createtable(L, 0, 4);
	lua_pushstring(L, record->run_name);
	lua_setfield(L, -2, "name");
	lua_createtable(L, (int)record->metric_count, 0);
	for (size_t i = 0; i < record->metric_count; i++) {
		const mlm_metric *metric = &record->metrics[i];
		size_t size = metric->key_size ? metric->key_size : strlen(metric->key);
		lua_pushlstring(L, metric->key, size);
		lua_rawseti(L, -2, (lua_Integer)i + 1);
	}
	lua_setfield(L, -2, "metrics");
	set_keys(L, "params", record->params, record->param_count);
	set_keys(L, "tags", record->tags, record->tag_count);
	return 1;
}

static bool is_directory(DIR *directory, const struct dirent *entry)
{
	struct stat status;

	if (entry->d_type != DT_UNKNOWN && entry->d_type != DT_LNK)
		return entry->d_type == DT_DIR;
	return fstatat(dirfd(directory), entry->d_name, &status, 0) == 0 && S_ISDIR(status.st_mode);
}

static int directory(lua_State *L)
{
	const char *path = luaL_checkstring(L, 1);
	struct lookup *lookup = begin_lookup(L);
	const struct dirent *entry;
	lua_Integer count = 0;

	lookup->directory = opendir(path);
	if (!lookup->directory)
		return 0;
	lua_newtable(L);
	while (count < FILES_MAX && (entry = readdir(lookup->directory)) != NULL) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		bool has_slash = is_directory(lookup->directory, entry);
		lua_pushfstring(L, "%s%s", entry->d_name, has_slash ? "/" : "");
		lua_rawseti(L, -2, ++count);
	}
	return 1;
}

void name_lookup_push(lua_State *L)
{
	static const luaL_Reg functions[] = {
		{ "experiments", experiments },
		{ "runs", runs },
		{ "run", run },
		{ "directory", directory },
		{ NULL, NULL },
	};

	/* The default store is on the top of the stack. */
	lua_newtable(L);
	lua_insert(L, -2);
	luaL_setfuncs(L, functions, 1);
}
