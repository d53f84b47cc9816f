/* SPDX-License-Identifier: Apache-2.0 */
/* Errors as Lua sees them: a table {code=, message=, area=} that prints as one sentence. */
#include <string.h>

#include <utf8proc.h>

#include "binding/call.h"
#include "binding/metatable.h"

#define OWN_SOURCES   "=mlmanager/" /* as embedded_load() names them */
#define TRACEBACK_TAG "mlmanager.traceback"

static const char metatable[] = "mlmanager.error";
static const char interrupted[] = "interrupted"; /* a code, and its message */

static int error_to_string(lua_State *L)
{
	luaL_checktype(L, 1, LUA_TTABLE);
	lua_getfield(L, 1, "where");
	lua_getfield(L, 1, "message");
	lua_concat(L, 2);
	return 1;
}

/* error "..." .. e and e .. "..." are what people write in handlers. */
static int error_concat(lua_State *L)
{
	luaL_tolstring(L, 1, NULL);
	luaL_tolstring(L, 2, NULL);
	lua_concat(L, 2);
	return 1;
}

/* Pushes "script.lua:3: " for the first place in a script from level on, or "". A hook may strike
 * while a function of C runs, which has no place; what the module has in Lua itself is not it. */
static void push_where(lua_State *L, int level)
{
	lua_Debug at;
	for (; lua_getstack(L, level, &at); level++) {
		lua_getinfo(L, "Sl", &at);
		if (at.currentline > 0 && strncmp(at.source, OWN_SOURCES, strlen(OWN_SOURCES)) != 0)
			break;
	}
	luaL_where(L, level);
}

/* Copies text with a ? for each byte that is not UTF-8, up to most bytes in whole characters, and
 * returns how many it wrote. What scripts pass may hold anything. */
static size_t mend(const char *text, size_t size, char *out, size_t most)
{
	size_t used = 0;
	for (size_t i = 0; i < size;) {
		utf8proc_int32_t c;
		utf8proc_ssize_t length = utf8proc_iterate(
			(const utf8proc_uint8_t *)text + i, (utf8proc_ssize_t)(size - i), &c);
		size_t bytes = length > 0 ? (size_t)length : 1;
		if (used + bytes > most)
			break;
		if (length > 0)
			memcpy(out + used, text + i, bytes);
		else
			out[used] = '?';
		used += bytes;
		i += bytes;
	}
	return used;
}

mlm_status binding_tag_traceback(mlm_run *run, const char *traceback, mlm_error *err)
{
	char text[MLM_TAG_VALUE_MAX + 1];
	text[mend(traceback, strlen(traceback), text, MLM_TAG_VALUE_MAX)] = '\0';
	mlm_text tag = { TRACEBACK_TAG, text };
	return mlm_run_set_tags(run, &tag, 1, err);
}

/* Mends the text on the top of the stack. */
static void mend_top(lua_State *L)
{
	size_t size;
	const char *text = lua_tolstring(L, -1, &size);
	char *out = binding_scratch(L, size);
	lua_pushlstring(L, out, mend(text, size, out, size));
	lua_replace(L, -3);
	lua_pop(L, 1);
}

static void set_integer(lua_State *L, const char *name, uint32_t value)
{
	lua_pushinteger(L, value);
	lua_setfield(L, -2, name);
}

/* Raises the sentence on the top of the stack, said of the function at level. err may be NULL. */
static int raise(lua_State *L, const char *code, const char *area, int level, const mlm_error *err)
{
	mend_top(L);
	int message = lua_gettop(L);
	lua_createtable(L, 0, 4);
	lua_pushstring(L, code);
	lua_setfield(L, -2, "code");
	lua_pushvalue(L, message);
	lua_setfield(L, -2, "message");
	lua_pushstring(L, area);
	lua_setfield(L, -2, "area");
	push_where(L, level);
	lua_setfield(L, -2, "where");
	if (err && err->position > 0) {
		set_integer(L, "position", err->position);
		set_integer(L, "size", err->size);
		if (err->entry > 0)
			set_integer(L, "entry", err->entry);
	}
	if (metatable_begin(L, metatable)) {
		lua_pushcfunction(L, error_to_string);
		lua_setfield(L, -2, "__tostring");
		lua_pushcfunction(L, error_concat);
		lua_setfield(L, -2, "__concat");
		metatable_keep(L, metatable);
	}
	lua_setmetatable(L, -2);
	return lua_error(L);
}

int binding_fail(lua_State *L, const mlm_error *err)
{
	lua_pushstring(L, err->message);
	return raise(L, mlm_status_name(err->status), err->area ? err->area : "", 1, err);
}

int binding_refuse(lua_State *L, mlm_status status, const char *area, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	lua_pushvfstring(L, format, arguments);
	va_end(arguments);
	return raise(L, mlm_status_name(status), area, 1, NULL);
}

const char *binding_error_text(lua_State *L, int failure)
{
	if (lua_type(L, failure) == LUA_TSTRING) {
		lua_pushvalue(L, failure);
		return lua_tostring(L, -1);
	}
	bool is_ours = false;
	if (lua_type(L, failure) == LUA_TTABLE && lua_getmetatable(L, failure)) {
		luaL_getmetatable(L, metatable);
		is_ours = lua_rawequal(L, -1, -2);
		lua_pop(L, 2);
	}
	if (is_ours) {
		lua_pushliteral(L, "message");
		lua_rawget(L, failure);
		if (lua_type(L, -1) == LUA_TSTRING)
			return lua_tostring(L, -1);
	}
	/* Its __tostring is not asked: it may raise. */
	return lua_pushfstring(L, "(error object is a %s value)", luaL_typename(L, failure));
}

int binding_interrupt(lua_State *L)
{
	lua_pushstring(L, interrupted);
	return raise(L, interrupted, "host", 0, NULL);
}

mlm_run_status binding_failed_status(lua_State *L, int failure)
{
	mlm_run_status status = MLM_RUN_FAILED;
	if (lua_type(L, failure) == LUA_TTABLE) {
		lua_pushvalue(L, failure);
		lua_pushliteral(L, "code");
		lua_rawget(L, -2);
		if (lua_type(L, -1) == LUA_TSTRING && strcmp(lua_tostring(L, -1), interrupted) == 0)
			status = MLM_RUN_KILLED;
		lua_pop(L, 2);
	}
	return status;
}
