/* SPDX-License-Identifier: Apache-2.0 */
#include "binding/call.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/decimal.h"
#include "binding/display.h"

#define DESCRIBED_BYTES 40 /* of a string that a message repeats */

/* A manager's function called on another manager: m1.log_metric(m2, ...). */
static void check_own(const struct call *call)
{
	lua_State *L = call->L;
	if (lua_type(L, 1) != LUA_TTABLE || luaL_getmetafield(L, 1, "__name") == LUA_TNIL)
		return;
	const char *name = lua_tostring(L, -1);
	if (name && strcmp(name, BINDING_MANAGER) == 0)
		binding_refuse(L, MLM_EINVAL, "argument",
			"'%s' belongs to one manager and was called on another; write "
			"manager:%s(...)",
			call->name, call->name);
	lua_pop(L, 1);
}

void call_begin(struct call *call, lua_State *L, const char *name)
{
	*call = (struct call){ .L = L, .name = name, .first = 1 };
	call->binding = lua_touserdata(L, lua_upvalueindex(1));
	if (!call->binding) {
		call->self = binding_to_run(L, 1, &call->binding);
		if (!call->self)
			binding_refuse(L, MLM_EINVAL, "argument",
				"'%s' is a method of runs; write run:%s(...)", name, name);
		call->first = 2;
	} else if (lua_rawequal(L, 1, lua_upvalueindex(2))) {
		call->first = 2;
	} else {
		check_own(call);
	}
	call->count = lua_gettop(L) - call->first + 1;
	if (call->count < 0)
		call->count = 0;
	if (!call->binding->manager || call->binding->is_closed)
		binding_open_manager(call, 0);
}

/* ---- waiting ---- */

/* Called with nothing to do as well: the hook of who interrupts strikes when a function begins.
 * Arguments: whom to show, or nil; whether to take away what is shown. */
static int show_waiting(lua_State *L)
{
	bool is_shown = !lua_isnil(L, 1);
	if (!is_shown && !lua_toboolean(L, 2))
		return 0;
	binding_push_transfer(L);
	if (is_shown)
		lua_pushliteral(L, "");
	else
		lua_pushnil(L);
	lua_pushnil(L);
	lua_pushnil(L);
	lua_pushvalue(L, 1);
	lua_call(L, 4, 0);
	return 0;
}

static bool show(struct call *call, const char *host)
{
	lua_State *L = call->L;
	bool was_shown = call->is_waiting_shown;
	call->is_waiting_shown = host != NULL;
	lua_pushcfunction(L, show_waiting);
	lua_pushstring(L, host);
	lua_pushboolean(L, was_shown);
	return lua_pcall(L, 2, 0, 0) == LUA_OK;
}

static bool is_wanted(void *payload, const char *host, uint32_t idle_ms)
{
	struct call *call = payload;
	if (!host[0])
		host = "the server";
	call->has_failed = !show(call, idle_ms >= CALL_QUIET_MS ? host : NULL);
	return !call->has_failed;
}

void call_wait_begin(struct call *call)
{
	luaL_checkstack(call->L, 10, NULL);
	call->has_failed = false;
	call->is_waiting_shown = false;
	patience_begin(&call->patience, is_wanted, call);
}

mlm_status call_wait_end(struct call *call, mlm_status status)
{
	patience_end(&call->patience);
	if (call->is_waiting_shown && !show(call, NULL)) {
		if (!call->has_failed)
			lua_error(call->L);
		lua_pop(call->L, 1);
	}
	if (call->has_failed)
		lua_error(call->L);
	return status;
}

/* ---- arguments ---- */

void call_names(struct call *call, const char *const *names, const char *hint)
{
	if (call->count == 1 && lua_type(call->L, call->first) == LUA_TTABLE) {
		call_spread(call, call->first, names, hint);
		return;
	}
	call->names = names;
	/* So that every argument has its place on the stack, and what is pushed lies above. */
	int count = 0;
	while (names[count])
		count++;
	if (call->count < count)
		lua_settop(call->L, call_index(call, count));
}

void call_spread(struct call *call, int index, const char *const *names, const char *hint)
{
	lua_State *L = call->L;
	binding_check_fields(L, index, "argument", call->name, names, hint);
	lua_pushvalue(L, index);
	lua_replace(L, call->first);
	lua_settop(L, call->first);
	call->names = names;
	call->has_keywords = true;
	for (call->count = 0; names[call->count]; call->count++)
		lua_getfield(L, call->first, names[call->count]);
	/* The values take the table's place, which keeps none of them alive. */
	lua_remove(L, call->first);
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
	int kept = 0;
	for (int i = 0; i < binding->started_count; i++)
		if (mlm_run_is_open(binding->started[i]))
			binding->started[kept++] = binding->started[i];
	binding->started_count = kept;
}

int call_bad(const struct call *call, int n, const char *format, ...)
{
	char what[MLM_ERROR_MESSAGE_SIZE];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(what, sizeof(what), format, arguments);
	va_end(arguments);
	if (call->has_keywords)
		return binding_refuse(call->L, MLM_EINVAL, "argument", "%s: %s", call->name, what);
	return binding_refuse(call->L, MLM_EINVAL, "argument", "bad argument #%d to '%s' (%s)", n,
		call->name, what);
}

/* Cuts a text that shows too much, between two characters. */
static void cut(char *text, size_t size)
{
	while (size > 0 && ((unsigned char)text[size] & 0xC0) == 0x80)
		size--;
	text[size] = '\0';
}

const char *binding_describe(lua_State *L, int index)
{
	index = lua_absindex(L, index);
	int type = lua_type(L, index);
	if (type == LUA_TNONE || type == LUA_TNIL)
		return lua_pushfstring(L, "nil");
	if (type == LUA_TSTRING) {
		size_t size;
		const char *text = lua_tolstring(L, index, &size);
		char shown[DESCRIBED_BYTES + 2];
		snprintf(shown, sizeof(shown), "%s", text);
		if (size > DESCRIBED_BYTES)
			cut(shown, DESCRIBED_BYTES);
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

const char *call_optional_string(const struct call *call, int n)
{
	lua_State *L = call->L;
	int index = call_index(call, n);
	if (!call_has(call, n))
		return NULL;
	int type = lua_type(L, index);
	if (type != LUA_TSTRING && !(type == LUA_TNUMBER && lua_isinteger(L, index)))
		call_bad(call, n, "%s must be a string, got %s", call->names[n - 1],
			binding_describe(L, index));
	if (type == LUA_TNUMBER) {
		binding_push_number_text(L, index);
		lua_replace(L, index);
	}
	size_t size;
	const char *text = lua_tolstring(L, index, &size);
	if (strlen(text) != size)
		call_bad(call, n, "%s must be text, and holds a zero byte", call->names[n - 1]);
	return text;
}

const char *call_string(const struct call *call, int n)
{
	const char *text = call_optional_string(call, n);
	if (!text)
		call_bad(call, n, "%s must be a string, got nil", call->names[n - 1]);
	return text;
}

int call_choice(const struct call *call, int n, const char *const *words)
{
	const char *word = call_optional_string(call, n);
	if (!word)
		return 0;
	char list[200] = "";
	for (int i = 0; words[i]; i++) {
		if (strcmp(words[i], word) == 0)
			return i;
		size_t used = strlen(list);
		snprintf(list + used, sizeof(list) - used, "%s'%s'", i ? ", " : "", words[i]);
	}
	return call_bad(call, n, "%s must be one of %s, got %s", call->names[n - 1], list,
		binding_describe(call->L, call_index(call, n)));
}

bool call_optional_boolean(const struct call *call, int n)
{
	int index = call_index(call, n);
	if (!call_has(call, n))
		return false;
	if (lua_type(call->L, index) != LUA_TBOOLEAN)
		call_bad(call, n, "%s must be true or false, got %s", call->names[n - 1],
			binding_describe(call->L, index));
	return lua_toboolean(call->L, index);
}

int64_t call_integer(const struct call *call, int n, int64_t missing, int64_t least, int64_t most)
{
	return binding_check_integer(
		call->L, call_index(call, n), call->name, call->names[n - 1], missing, least, most);
}

const mlm_text *call_texts(const struct call *call, int n, const char *kind, size_t *count_out)
{
	*count_out = 0;
	if (!call_has(call, n))
		return NULL;
	if (lua_type(call->L, call_index(call, n)) != LUA_TTABLE)
		call_bad(call, n, "%s must be a list of pairs or a map, got %s", call->names[n - 1],
			binding_describe(call->L, call_index(call, n)));
	return binding_read_texts(call, call_index(call, n), kind, count_out);
}

/* ---- keyword tables ---- */

static bool is_known(lua_State *L, int index, const char *const *known)
{
	/* Asked first: lua_tostring would turn a number key into text under lua_next's hands. */
	if (lua_type(L, index) != LUA_TSTRING)
		return false;
	for (; *known; known++)
		if (strcmp(*known, lua_tostring(L, index)) == 0)
			return true;
	return false;
}

void binding_check_fields(lua_State *L, int index, const char *area, const char *function,
	const char *const *known, const char *hint)
{
	index = lua_absindex(L, index);
	for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1)) {
		if (is_known(L, -2, known))
			continue;
		lua_pop(L, 1);
		const char *what =
			lua_type(L, -1) == LUA_TSTRING
				? lua_pushfstring(L, "unknown field '%s'", lua_tostring(L, -1))
				: lua_pushfstring(L, "a list where fields are wanted");
		luaL_Buffer list;
		luaL_buffinit(L, &list);
		for (int i = 0; known[i]; i++) {
			luaL_addstring(&list, i ? ", " : "");
			luaL_addstring(&list, known[i]);
		}
		luaL_pushresult(&list);
		binding_refuse(L, MLM_EINVAL, area, "%s: %s; the known ones are %s%s%s", function,
			what, lua_tostring(L, -1), hint ? "; " : "", hint ? hint : "");
	}
}

int binding_wrong_type(
	lua_State *L, const char *function, const char *what, const char *wanted, int index)
{
	const char *got = binding_describe(L, index);
	return binding_refuse(L, MLM_EINVAL, "argument", "%s: %s must be %s, got %s", function,
		what, wanted, got);
}

/* The number at index is not whole, or no one knows which whole number it was. */
static void check_exact(lua_State *L, int index, const char *function, const char *what)
{
	double value = lua_tonumber(L, index);
	if (LUA_HAS_INTEGERS || isinf(value) || value != floor(value))
		return;
	binding_refuse(L, MLM_EINVAL, "argument",
		"%s: %s must lie within 2^53 of 0, since this Lua's numbers are exact only there; "
		"got %f",
		function, what, value);
}

int64_t binding_check_integer(lua_State *L, int index, const char *function, const char *what,
	int64_t missing, int64_t least, int64_t most)
{
	if (lua_isnoneornil(L, index))
		return missing;
	int is_whole = 0;
	lua_Integer value = lua_tointegerx(L, index, &is_whole);
	if (lua_type(L, index) == LUA_TNUMBER && !is_whole)
		check_exact(L, index, function, what);
	if (lua_type(L, index) != LUA_TNUMBER || !is_whole)
		binding_wrong_type(L, function, what, "a whole number", index);
	if (value < least || value > most) {
		char bounds[100]; /* lua_pushfstring() of 5.1 knows no 64 bits */
		snprintf(bounds, sizeof(bounds), "between %lld and %lld, got %lld",
			(long long)least, (long long)most, (long long)value);
		binding_refuse(
			L, MLM_EINVAL, "argument", "%s: %s must lie %s", function, what, bounds);
	}
	return (int64_t)value;
}

/* ---- values as text ---- */

void binding_push_number_text(lua_State *L, int index)
{
	char text[40];
	if (lua_isinteger(L, index)) {
		snprintf(text, sizeof(text), "%lld", (long long)lua_tointeger(L, index));
		lua_pushstring(L, text);
		return;
	}
	double value = lua_tonumber(L, index);
	decimal_print_exact(value, text);
	if (isfinite(value) && !strpbrk(text, ".e"))
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

/* Pushes key and value of the list's item on the top: {"k", v} or {key="k", value=v}. */
static void push_pair(const struct call *call, const char *kind, int n)
{
	static const char *const known[] = { "key", "value", NULL };
	lua_State *L = call->L;
	int item = lua_gettop(L);
	size_t size = lua_rawlen(L, item);
	if (size > 2)
		binding_refuse(L, MLM_EINVAL, "argument",
			"%s: item %d of the list of %ss has %d values; write {\"key\", value}",
			call->name, n, kind, (int)size);
	if (size == 0) {
		binding_check_fields(L, item, "argument", call->name, known, NULL);
		lua_getfield(L, item, "key");
		lua_getfield(L, item, "value");
		return;
	}
	lua_rawgeti(L, item, 1);
	lua_rawgeti(L, item, 2);
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
		push_pair(call, kind, (int)i + 1);
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
