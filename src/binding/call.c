/* SPDX-License-Identifier: Apache-2.0 */
#include "binding/call.h"

#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DESCRIBED_BYTES 40 /* of a string that a message repeats */

void call_begin(struct call *call, lua_State *L, const char *name)
{
	call->L = L;
	call->name = name;
	call->self = NULL;
	call->first = 1;
	call->binding = lua_touserdata(L, lua_upvalueindex(1));
	if (!call->binding) {
		call->self = binding_to_run(L, 1, &call->binding);
		if (!call->self)
			binding_refuse(L, MLM_EINVAL, "argument",
				"'%s' is a method of runs; write run:%s(...)", name, name);
		call->first = 2;
	} else if (lua_rawequal(L, 1, lua_upvalueindex(2))) {
		call->first = 2;
	}
	call->count = lua_gettop(L) - call->first + 1;
	if (call->count < 0)
		call->count = 0;
	if (!call->binding->manager)
		binding_open_manager(L, call->binding, call, 0);
}

mlm_run *call_run(struct call *call)
{
	mlm_run *run = call->self ? call->self : call->binding->active;
	if (!run)
		binding_refuse(call->L, MLM_ESTATE, "run",
			"'%s' needs an active run: call start_run first", call->name);
	return run;
}

void call_changed(struct call *call)
{
	struct binding_manager *binding = call->binding;
	binding->active = binding->manager ? mlm_run_active(binding->manager) : NULL;
}

bool call_has_keywords(const struct call *call)
{
	return call->count == 1 && lua_type(call->L, call->first) == LUA_TTABLE;
}

int call_bad(const struct call *call, int n, const char *format, ...)
{
	char what[MLM_ERROR_MESSAGE_SIZE];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(what, sizeof(what), format, arguments);
	va_end(arguments);
	return binding_refuse(call->L, MLM_EINVAL, "argument", "bad argument #%d to '%s' (%s)", n,
		call->name, what);
}

const char *binding_describe(lua_State *L, int index)
{
	index = lua_absindex(L, index);
	int type = lua_type(L, index);
	if (type == LUA_TNONE || type == LUA_TNIL)
		return lua_pushliteral(L, "nil");
	if (type == LUA_TSTRING) {
		size_t size;
		const char *text = lua_tolstring(L, index, &size);
		char shown[DESCRIBED_BYTES + 1];
		snprintf(shown, sizeof(shown), "%s", text);
		return lua_pushfstring(L,
			size > DESCRIBED_BYTES ? "the string '%s...'" : "the string '%s'", shown);
	}
	if (type == LUA_TNUMBER) {
		lua_pushvalue(L, index);
		const char *text = lua_tostring(L, -1);
		lua_pushfstring(L, "the number %s", text);
		lua_remove(L, -2);
		return lua_tostring(L, -1);
	}
	return lua_pushfstring(L, "a %s", lua_typename(L, type));
}

const char *call_optional_string(const struct call *call, int n, const char *what)
{
	int index = call_index(call, n);
	if (!call_has(call, n))
		return NULL;
	int type = lua_type(call->L, index);
	if (type != LUA_TSTRING && !(type == LUA_TNUMBER && lua_isinteger(call->L, index)))
		call_bad(call, n, "%s must be a string, got %s", what,
			binding_describe(call->L, index));
	return lua_tostring(call->L, index);
}

const char *call_string(const struct call *call, int n, const char *what)
{
	const char *text = call_optional_string(call, n, what);
	if (!text)
		call_bad(call, n, "%s must be a string, got nil", what);
	return text;
}

bool call_optional_boolean(const struct call *call, int n, const char *what)
{
	int index = call_index(call, n);
	if (!call_has(call, n))
		return false;
	if (lua_type(call->L, index) != LUA_TBOOLEAN)
		call_bad(call, n, "%s must be true or false, got %s", what,
			binding_describe(call->L, index));
	return lua_toboolean(call->L, index);
}

/* ---- keyword tables ---- */

static bool is_known(const char *name, const char *const *known)
{
	for (; *known; known++)
		if (strcmp(*known, name) == 0)
			return true;
	return false;
}

void fields_check(const struct fields *fields, const char *const *known, const char *hint)
{
	lua_State *L = fields->call->L;
	for (lua_pushnil(L); lua_next(L, fields->at); lua_pop(L, 1)) {
		if (lua_type(L, -2) == LUA_TSTRING && is_known(lua_tostring(L, -2), known))
			continue;
		lua_pop(L, 1);
		const char *what =
			lua_type(L, -1) == LUA_TSTRING
				? lua_pushfstring(L, "unknown field '%s'", lua_tostring(L, -1))
				: lua_pushliteral(L, "a list where fields are wanted");
		luaL_Buffer list;
		luaL_buffinit(L, &list);
		for (int i = 0; known[i]; i++) {
			if (i)
				luaL_addstring(&list, ", ");
			luaL_addstring(&list, known[i]);
		}
		luaL_pushresult(&list);
		binding_refuse(L, MLM_EINVAL, "argument", "%s: %s; the known ones are %s%s%s",
			fields->call->name, what, lua_tostring(L, -1), hint ? "; " : "",
			hint ? hint : "");
	}
}

int fields_get(const struct fields *fields, const char *name)
{
	lua_getfield(fields->call->L, fields->at, name);
	return lua_type(fields->call->L, -1);
}

int binding_wrong_type(
	lua_State *L, const char *function, const char *what, const char *wanted, int index)
{
	const char *got = binding_describe(L, index);
	return binding_refuse(L, MLM_EINVAL, "argument", "%s: %s must be %s, got %s", function,
		what, wanted, got);
}

const char *fields_string(const struct fields *fields, const char *name)
{
	lua_State *L = fields->call->L;
	int type = fields_get(fields, name);
	const char *text = NULL;
	if (type == LUA_TNUMBER && lua_isinteger(L, -1)) {
		/* The table keeps the text alive, so that nothing has to stay on the stack. */
		lua_tostring(L, -1);
		lua_pushvalue(L, -1);
		lua_setfield(L, fields->at, name);
	} else if (type != LUA_TNIL && type != LUA_TSTRING) {
		binding_wrong_type(L, fields->call->name, name, "a string", -1);
	}
	if (type != LUA_TNIL)
		text = lua_tostring(L, -1);
	lua_pop(L, 1);
	return text;
}

bool fields_boolean(const struct fields *fields, const char *name, bool missing)
{
	lua_State *L = fields->call->L;
	int type = fields_get(fields, name);
	if (type != LUA_TNIL && type != LUA_TBOOLEAN)
		binding_wrong_type(L, fields->call->name, name, "true or false", -1);
	bool value = type == LUA_TNIL ? missing : lua_toboolean(L, -1);
	lua_pop(L, 1);
	return value;
}

int64_t fields_integer(
	const struct fields *fields, const char *name, int64_t missing, int64_t least, int64_t most)
{
	lua_State *L = fields->call->L;
	int type = fields_get(fields, name);
	if (type == LUA_TNIL) {
		lua_pop(L, 1);
		return missing;
	}
	int is_whole = 0;
	lua_Integer value = lua_tointegerx(L, -1, &is_whole);
	if (type != LUA_TNUMBER || !is_whole)
		binding_wrong_type(L, fields->call->name, name, "a whole number", -1);
	if (value < least || value > most) {
		lua_pushinteger(L, (lua_Integer)least);
		lua_pushinteger(L, (lua_Integer)most);
		binding_refuse(L, MLM_EINVAL, "argument",
			"%s: %s must lie between %s and %s, got %s", fields->call->name, name,
			lua_tostring(L, -2), lua_tostring(L, -1), lua_tostring(L, -3));
	}
	lua_pop(L, 1);
	return (int64_t)value;
}

/* ---- values as text ---- */

static void point_for_comma(char *text)
{
	/* snprintf follows the locale that the script or its host has set. */
	char point = localeconv()->decimal_point[0];
	char *at = point == '.' ? NULL : strchr(text, point);
	if (at)
		*at = '.';
}

void binding_push_number_text(lua_State *L, int index)
{
	char text[40];
	if (lua_isinteger(L, index)) {
		snprintf(text, sizeof(text), "%lld", (long long)lua_tointeger(L, index));
		lua_pushstring(L, text);
		return;
	}
	double value = lua_tonumber(L, index);
	if (isnan(value) || isinf(value)) {
		lua_pushstring(L, isnan(value) ? "nan" : value > 0 ? "inf" : "-inf");
		return;
	}
	for (int digits = 1; digits <= 17; digits++) {
		snprintf(text, sizeof(text), "%.*g", digits, value);
		if (strtod(text, NULL) == value)
			break;
	}
	point_for_comma(text);
	if (!strpbrk(text, ".e"))
		strncat(text, ".0", sizeof(text) - strlen(text) - 1);
	lua_pushstring(L, text);
}

const char *binding_value_text(
	const struct call *call, int index, const char *kind, const char *key)
{
	lua_State *L = call->L;
	switch (lua_type(L, index)) {
	case LUA_TSTRING: {
		size_t size;
		const char *text = lua_tolstring(L, index, &size);
		if (strlen(text) != size)
			binding_refuse(L, MLM_EINVAL, "argument",
				"%s: the value of %s '%s' holds a zero byte; log bytes as an "
				"artifact",
				call->name, kind, key);
		lua_pushvalue(L, index);
		break;
	}
	case LUA_TNUMBER:
		binding_push_number_text(L, index);
		break;
	case LUA_TBOOLEAN:
		lua_pushstring(L, lua_toboolean(L, index) ? "true" : "false");
		break;
	default:
		binding_refuse(L, MLM_EINVAL, "argument",
			"%s: the value of %s '%s' must be a string, number or boolean, got %s",
			call->name, kind, key, binding_describe(L, index));
	}
	return lua_tostring(L, -1);
}

void *binding_scratch(lua_State *L, size_t size)
{
	return lua_newuserdata(L, size ? size : 1);
}

static int by_key(const void *a, const void *b)
{
	return strcmp(((const mlm_text *)a)->key, ((const mlm_text *)b)->key);
}

static const char *check_text_key(const struct call *call, int index, const char *kind)
{
	lua_State *L = call->L;
	size_t size;
	if (lua_type(L, index) != LUA_TSTRING)
		binding_refuse(L, MLM_EINVAL, "argument", "%s: a %s's key must be a string, got %s",
			call->name, kind, binding_describe(L, index));
	const char *key = lua_tolstring(L, index, &size);
	if (strlen(key) != size)
		binding_refuse(L, MLM_EINVAL, "argument", "%s: a %s's key holds a zero byte",
			call->name, kind);
	return key;
}

/* The texts made on the way (numbers) are kept in a table, since a long list would overflow the
 * stack. */
static void read_text(const struct call *call, int key_index, int value_index, int keep,
	const char *kind, mlm_text *text_out, int n)
{
	lua_State *L = call->L;
	key_index = lua_absindex(L, key_index);
	value_index = lua_absindex(L, value_index);
	text_out->key = check_text_key(call, key_index, kind);
	text_out->value = binding_value_text(call, value_index, kind, text_out->key);
	lua_rawseti(L, keep, 2 * n - 1);
	lua_pushvalue(L, key_index);
	lua_rawseti(L, keep, 2 * n);
}

static size_t read_text_list(const struct call *call, int index, int keep, const char *kind,
	mlm_text *texts, size_t count)
{
	lua_State *L = call->L;
	for (size_t i = 0; i < count; i++) {
		lua_rawgeti(L, index, (lua_Integer)i + 1);
		if (lua_type(L, -1) != LUA_TTABLE)
			binding_refuse(L, MLM_EINVAL, "argument",
				"%s: item %d of the list of %ss must be a pair {key, value}, got "
				"%s",
				call->name, (int)i + 1, kind, binding_describe(L, -1));
		lua_rawgeti(L, -1, 1);
		lua_rawgeti(L, -2, 2);
		read_text(call, -2, -1, keep, kind, &texts[i], (int)i + 1);
		lua_pop(L, 3);
	}
	return count;
}

const mlm_text *binding_read_texts(
	const struct call *call, int index, const char *kind, size_t *count_out)
{
	lua_State *L = call->L;
	luaL_checkstack(L, 10, "too many arguments");
	size_t list_count = lua_rawlen(L, index);
	size_t count = list_count;
	if (!list_count)
		for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1))
			count++;
	mlm_text *texts = binding_scratch(L, count * sizeof(*texts));
	lua_createtable(L, (int)(count < 1000 ? 2 * count : 0), 0);
	int keep = lua_gettop(L);
	*count_out = count;
	if (list_count) {
		read_text_list(call, index, keep, kind, texts, count);
		return texts;
	}
	int n = 0;
	for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1), n++)
		read_text(call, -2, -1, keep, kind, &texts[n], n + 1);
	qsort(texts, count, sizeof(*texts), by_key);
	return texts;
}
