/* SPDX-License-Identifier: Apache-2.0 */
/* Params and tags: log_param, log_params, set_tag, set_tags, delete_tag. */
#include <string.h>

#include "binding/call.h"

enum text_kind { TEXT_PARAM, TEXT_TAG };

static const char *kind_name(enum text_kind kind)
{
	return kind == TEXT_PARAM ? "param" : "tag";
}

static int write_texts(struct call *call, enum text_kind kind, const mlm_text *texts, size_t count)
{
	mlm_error err;
	mlm_run *run = call_run(call);
	call_wait_begin(call);
	mlm_status status = kind == TEXT_PARAM ? mlm_run_log_params(run, texts, count, &err)
					       : mlm_run_set_tags(run, texts, count, &err);
	return call_wait_end(call, status) == MLM_OK ? 0 : binding_fail(call->L, &err);
}

/* Exactly key and value: one record. */
static bool is_record(lua_State *L, int index)
{
	size_t count = 0;
	bool has_key = lua_getfield(L, index, "key") == LUA_TSTRING;
	bool has_value = lua_getfield(L, index, "value") != LUA_TNIL;
	lua_pop(L, 2);
	for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1))
		count++;
	return has_key && has_value && count == 2;
}

static void check_key(const struct call *call, int index, const char *kind)
{
	size_t size;
	const char *key = lua_tolstring(call->L, index, &size);
	if (strlen(key) != size)
		binding_refuse(call->L, MLM_EINVAL, "argument", "%s: a %s's key holds a zero byte",
			call->name, kind);
}

static int write_one(lua_State *L, const char *name, enum text_kind kind)
{
	struct call call;
	call_begin(&call, L, name);
	const char *what = kind_name(kind);
	int first = call_index(&call, 1);
	mlm_text text;
	if (lua_type(L, first) == LUA_TSTRING) {
		check_key(&call, first, what);
		text.key = lua_tostring(L, first);
		int type = lua_type(L, first + 1);
		if (type != LUA_TSTRING && type != LUA_TNUMBER && type != LUA_TBOOLEAN)
			call_bad(&call, 2,
				"the value of %s '%s' must be a string, number or boolean, got %s",
				what, text.key, binding_describe(L, first + 1));
		text.value = binding_value_text(&call, first + 1, what, text.key);
		return write_texts(&call, kind, &text, 1);
	}
	if (lua_type(L, first) != LUA_TTABLE)
		call_bad(&call, 1,
			"a %s is (\"key\", value), {key=, value=} or {name=value}, got %s", what,
			binding_describe(L, first));
	if (lua_rawlen(L, first) > 0)
		call_bad(&call, 1, "%s takes one %s or a map; %s takes lists", name, what,
			kind == TEXT_PARAM ? "log_params" : "set_tags");
	if (is_record(L, first)) {
		lua_getfield(L, first, "key");
		check_key(&call, -1, what);
		text.key = lua_tostring(L, -1);
		lua_getfield(L, first, "value");
		text.value = binding_value_text(&call, -1, what, text.key);
		return write_texts(&call, kind, &text, 1);
	}
	size_t count = 0;
	const mlm_text *texts = binding_read_texts(&call, first, what, &count);
	return write_texts(&call, kind, texts, count);
}

static int write_many(lua_State *L, const char *name, enum text_kind kind)
{
	struct call call;
	call_begin(&call, L, name);
	int first = call_index(&call, 1);
	if (lua_type(L, first) != LUA_TTABLE)
		call_bad(&call, 1, "%ss must be a list {{\"key\", value}, ...} or a map, got %s",
			kind_name(kind), binding_describe(L, first));
	size_t count = 0;
	const mlm_text *texts = binding_read_texts(&call, first, kind_name(kind), &count);
	return write_texts(&call, kind, texts, count);
}

static int log_param(lua_State *L)
{
	return write_one(L, "log_param", TEXT_PARAM);
}

static int log_params(lua_State *L)
{
	return write_many(L, "log_params", TEXT_PARAM);
}

static int set_tag(lua_State *L)
{
	return write_one(L, "set_tag", TEXT_TAG);
}

static int set_tags(lua_State *L)
{
	return write_many(L, "set_tags", TEXT_TAG);
}

static int delete_tag(lua_State *L)
{
	static const char *const names[] = { "key", NULL };
	struct call call;
	mlm_error err;
	call_begin(&call, L, "delete_tag");
	call_names(&call, names, NULL);
	const char *key = call_string(&call, 1);
	mlm_run *run = call_run(&call);
	if (CALL_WAITING(&call, mlm_run_delete_tag(run, key, &err)) != MLM_OK)
		return binding_fail(L, &err);
	return 0;
}

const luaL_Reg binding_text_functions[] = {
	{ "log_param", log_param },
	{ "lp", log_param },
	{ "log_params", log_params },
	{ "set_tag", set_tag },
	{ "st", set_tag },
	{ "set_tags", set_tags },
	{ "delete_tag", delete_tag },
	{ NULL, NULL },
};
