/* SPDX-License-Identifier: Apache-2.0 */
/* The least that a call from Lua can do to keep a point: read its arguments, find the key's number,
 * read the clock, write 32 bytes. Raw limit of the Lua figures. */
#include <lauxlib.h>
#include <lua.h>
#include <stdlib.h>
#include <string.h>

#include "bare_append.h"

#define KEYS_MAX 256 /* a power of two, and never half full here */
#define KEY_SIZE 64

struct bare_key {
	size_t size;
	uint64_t next_step;
	char text[KEY_SIZE];
};

static struct bare_key keys[KEYS_MAX];
static struct bare_record *cursor;
static struct bare_record *last;

static size_t key_of(lua_State *L, const char *text, size_t size)
{
	uint64_t hash = size;
	for (size_t i = 0; i < size; i++)
		hash = (hash ^ (unsigned char)text[i]) * 0x100000001B3u;
	if (size >= KEY_SIZE)
		luaL_error(L, "a key of the bare call has at most %d bytes", KEY_SIZE - 1);
	size_t i = (hash ^ hash >> 32) % KEYS_MAX;
	while (keys[i].size && (keys[i].size != size || memcmp(keys[i].text, text, size) != 0))
		i = (i + 1) % KEYS_MAX;
	if (!keys[i].size) {
		keys[i].size = size;
		memcpy(keys[i].text, text, size);
	}
	return i;
}

/* open(path, records) */
static int bare_open(lua_State *L)
{
	const char *path = luaL_checkstring(L, 1);
	lua_Integer records = luaL_checkinteger(L, 2);
	cursor = bare_map(path, (size_t)records);
	if (!cursor)
		return luaL_error(L, "cannot map %s", path);
	last = cursor + records;
	return 0;
}

/* append(key, value) */
static int bare_append_one(lua_State *L)
{
	size_t size;
	const char *text = luaL_checklstring(L, 1, &size);
	double value = luaL_checknumber(L, 2);
	if (cursor == last)
		return luaL_error(L, "the bare call's memory is full");
	size_t key = key_of(L, text, size);
	bare_append(&cursor, key, (int64_t)keys[key].next_step++, value);
	return 0;
}

/* append_table{key = value, …} */
static int bare_append_table(lua_State *L)
{
	luaL_checktype(L, 1, LUA_TTABLE);
	for (lua_pushnil(L); lua_next(L, 1); lua_pop(L, 1)) {
		size_t size;
		if (lua_type(L, -2) != LUA_TSTRING)
			return luaL_error(L, "keys must be strings");
		const char *text = lua_tolstring(L, -2, &size);
		double value = luaL_checknumber(L, -1);
		if (cursor == last)
			return luaL_error(L, "the bare call's memory is full");
		size_t key = key_of(L, text, size);
		bare_append(&cursor, key, (int64_t)keys[key].next_step++, value);
	}
	return 0;
}

static int bare_seconds(lua_State *L)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	lua_pushnumber(L, (double)now.tv_sec + (double)now.tv_nsec * 1e-9);
	return 1;
}

static int bare_sleep_us(lua_State *L)
{
	struct timespec pause = { .tv_nsec = (long)luaL_checkinteger(L, 1) * 1000 };
	nanosleep(&pause, NULL);
	return 0;
}

static const luaL_Reg functions[] = {
	{ "open", bare_open },
	{ "append", bare_append_one },
	{ "append_table", bare_append_table },
	{ "seconds", bare_seconds },
	{ "sleep_us", bare_sleep_us },
	{ NULL, NULL },
};

int luaopen_bench_bare(lua_State *L);
int luaopen_bench_bare(lua_State *L)
{
	luaL_newlib(L, functions);
	return 1;
}
