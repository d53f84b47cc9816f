/* SPDX-License-Identifier: Apache-2.0 */
/* Lua's memory runs out at every allocation of every call, one after the other: each must raise,
 * leave the manager as good as before, and (under the address sanitizer) leak nothing. */
#include "check.h"

#include <unistd.h>

#include <lauxlib.h>
#include <lualib.h>

#include "binding/binding.h"

/* An allocator that refuses everything from the n-th request on, as one that is empty does: Lua
 * collects garbage and asks again, and must not be helped by that. */
struct budget {
	size_t in_use; /* bytes */
	long left; /* requests until it is empty; negative: never */
	bool was_empty;
};

static void *allocate(void *payload, void *block, size_t old_size, size_t new_size)
{
	struct budget *budget = payload;
	if (!block)
		old_size = 0; /* Lua passes a type here */
	if (new_size == 0) {
		free(block);
		budget->in_use -= old_size;
		return NULL;
	}
	if (new_size > old_size) {
		if (budget->left == 0) {
			budget->was_empty = true;
			return NULL;
		}
		if (budget->left > 0)
			budget->left--;
	}
	void *moved = realloc(block, new_size);
	if (moved)
		budget->in_use += new_size - old_size;
	return moved;
}

static struct budget *budget_of(lua_State *L)
{
	void *payload = NULL;
	lua_getallocf(L, &payload);
	return payload;
}

/* limit(n, f): calls f with n requests left. Returns whether it ended without an error, whether the
 * memory was empty, and the error. */
static int limit(lua_State *L)
{
	struct budget *budget = budget_of(L);
	lua_Integer count = luaL_checkinteger(L, 1);
	lua_settop(L, 2);
	budget->was_empty = false;
	budget->left = (long)count;
	int status = lua_pcall(L, 0, 0, 0);
	budget->left = -1;
	int errors = status == LUA_OK ? 0 : 1;
	lua_pushboolean(L, status == LUA_OK);
	lua_pushboolean(L, budget->was_empty);
	if (errors)
		lua_pushvalue(L, 2);
	return 2 + errors;
}

static int open_module(lua_State *L)
{
	luaL_requiref(L, "mlmanager", luaopen_mlmanager, 0);
	return 0;
}

TEST(luaopen_mlmanager__raises_wherever_memory_runs_out)
{
	int status = LUA_ERRMEM;
	long tries = 0;
	for (long count = 0; status != LUA_OK; count++, tries++) {
		struct budget budget = { .left = -1 };
		lua_State *L = lua_newstate(allocate, &budget);
		CHECK(L != NULL);
		lua_pushcfunction(L, open_module);
		budget.left = count;
		status = lua_pcall(L, 0, 0, 0);
		budget.left = -1;
		if (status != LUA_OK)
			CHECK_INT(status, LUA_ERRMEM);
		lua_close(L);
		CHECK_INT((long long)budget.in_use, 0);
	}
	CHECK(tries > 100);
}

static int run_calls(lua_State *L)
{
	luaL_openlibs(L);
	luaL_requiref(L, "mlmanager", luaopen_mlmanager, 0);
	if (luaL_loadfile(L, MEMORY_CALLS) != LUA_OK)
		return lua_error(L);
	lua_pushvalue(L, 1);
	lua_pushcfunction(L, limit);
	lua_call(L, 2, 0);
	return 0;
}

TEST(every_call__raises_wherever_memory_runs_out)
{
	char directory[] = "/tmp/mlmanager-memory-XXXXXX";
	char command[64];
	struct budget budget = { .left = -1 };
	CHECK(mkdtemp(directory) != NULL);
	lua_State *L = lua_newstate(allocate, &budget);
	lua_pushcfunction(L, run_calls);
	lua_pushstring(L, directory);
	int status = lua_pcall(L, 1, 0, 0);
	if (status != LUA_OK) {
		printf("  %s\n", luaL_tolstring(L, -1, NULL));
		lua_pop(L, 1);
	}
	CHECK_INT(status, LUA_OK);
	lua_close(L);
	CHECK_INT((long long)budget.in_use, 0);
	snprintf(command, sizeof(command), "rm -r %s", directory);
	CHECK_INT(system(command), 0);
}

int main(void)
{
	RUN(luaopen_mlmanager__raises_wherever_memory_runs_out);
	RUN(every_call__raises_wherever_memory_runs_out);
	return check_done();
}
