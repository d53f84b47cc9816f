/* SPDX-License-Identifier: Apache-2.0 */
#include "binding/csv.h"

#include <limits.h>
#include <string.h>

#include "binding/call.h"

#define AREA      "csv"
#define BOX       "mlmanager.csv.box"
#define BOX_INDEX 3 /* where read and parse keep it, after the source and the options */

/* Owns a table while it becomes Lua's, since Lua may run out of memory on the way. */
struct box {
	mlm_csv *csv;
};

static int free_box(lua_State *L)
{
	struct box *box = luaL_checkudata(L, 1, BOX);
	mlm_csv_free(box->csv);
	box->csv = NULL;
	return 0;
}

/* The names stay borrowed from the list that the options hold; the array is a userdata. */
static void read_names(lua_State *L, const char *call, mlm_csv_options *options)
{
	int list = lua_gettop(L);
	if (!lua_istable(L, list))
		binding_refuse(L, MLM_EINVAL, AREA, "%s: columns must be a list of names, not %s",
			call, luaL_typename(L, list));
	size_t count = lua_rawlen(L, list);
	const char **names = lua_newuserdatauv(L, (count + 1) * sizeof(*names), 0);
	for (size_t i = 0; i < count; i++) {
		if (lua_rawgeti(L, list, (lua_Integer)i + 1) != LUA_TSTRING)
			binding_refuse(L, MLM_EINVAL, AREA,
				"%s: columns[%d] must be a string, not %s", call, (int)i + 1,
				luaL_typename(L, -1));
		size_t size;
		names[i] = lua_tolstring(L, -1, &size);
		if (strlen(names[i]) != size)
			binding_refuse(L, MLM_EINVAL, AREA, "%s: columns[%d] holds a NUL byte",
				call, (int)i + 1);
		lua_pop(L, 1);
	}
	options->columns = names;
	options->column_count = count;
}

/* Leaves what the options borrow on the stack. */
static void read_options(lua_State *L, int arg, const char *call, mlm_csv_options *options)
{
	static const char *const known[] = { "header", "separator", "columns", NULL };
	if (lua_isnoneornil(L, arg))
		return;
	if (!lua_istable(L, arg))
		binding_refuse(L, MLM_EINVAL, AREA, "%s: the options must be a table, not %s", call,
			luaL_typename(L, arg));
	binding_check_fields(L, arg, AREA, call, known, NULL);
	int type = lua_getfield(L, arg, "header");
	if (type != LUA_TNIL && type != LUA_TBOOLEAN)
		binding_refuse(L, MLM_EINVAL, AREA, "%s: header must be true or false, not %s",
			call, luaL_typename(L, -1));
	options->no_header = type == LUA_TBOOLEAN && !lua_toboolean(L, -1);
	type = lua_getfield(L, arg, "separator");
	if (type != LUA_TNIL && (type != LUA_TSTRING || lua_rawlen(L, -1) != 1))
		binding_refuse(L, MLM_EINVAL, AREA,
			"%s: separator must be a string of one character", call);
	if (type != LUA_TNIL)
		options->separator = *lua_tostring(L, -1);
	if (lua_getfield(L, arg, "columns") != LUA_TNIL)
		read_names(L, call, options);
}

static void push_column(lua_State *L, const mlm_csv *csv, size_t column)
{
	size_t rows = mlm_csv_row_count(csv);
	const double *numbers = mlm_csv_numbers(csv, column);
	lua_createtable(L, rows < INT_MAX ? (int)rows : INT_MAX, 0);
	for (size_t row = 0; row < rows; row++) {
		if (numbers) {
			lua_pushnumber(L, numbers[row]);
		} else {
			size_t size;
			const char *text = mlm_csv_text(csv, column, row, &size);
			lua_pushlstring(L, text, size);
		}
		lua_rawseti(L, -2, (lua_Integer)row + 1);
	}
}

static int push_data(lua_State *L, struct box *box)
{
	const mlm_csv *csv = box->csv;
	int count = (int)mlm_csv_column_count(csv);

	lua_createtable(L, 0, 3);
	lua_pushinteger(L, (lua_Integer)mlm_csv_row_count(csv));
	lua_setfield(L, -2, "rows");
	lua_createtable(L, count, 0);
	lua_createtable(L, 0, count);
	for (int i = 0; i < count; i++) {
		lua_pushstring(L, mlm_csv_column_name(csv, (size_t)i));
		lua_pushvalue(L, -1);
		lua_rawseti(L, -4, i + 1);
		push_column(L, csv, (size_t)i);
		lua_rawset(L, -3);
	}
	lua_setfield(L, -3, "columns");
	lua_setfield(L, -2, "names");
	luaL_setmetatable(L, BINDING_CSV);
	/* The numbers are Lua's now; the next collection may be far. */
	mlm_csv_free(box->csv);
	box->csv = NULL;
	return 1;
}

static struct box *push_box(lua_State *L)
{
	lua_settop(L, BOX_INDEX - 1);
	struct box *box = lua_newuserdatauv(L, sizeof(*box), 0);
	box->csv = NULL;
	luaL_setmetatable(L, BOX);
	return box;
}

static const char *check_source(lua_State *L, const char *call, const char *what, size_t *size_out)
{
	if (lua_type(L, 1) != LUA_TSTRING)
		binding_refuse(L, MLM_EINVAL, AREA, "%s: %s must be a string, not %s", call, what,
			luaL_typename(L, 1));
	return lua_tolstring(L, 1, size_out);
}

/* csv.read(path [, options]) */
static int csv_read(lua_State *L)
{
	static const char call[] = "csv.read";
	mlm_csv_options options = MLM_CSV_OPTIONS_INIT;
	mlm_error err = MLM_ERROR_INIT;
	size_t size;
	const char *path = check_source(L, call, "the path", &size);
	if (strlen(path) != size)
		binding_refuse(L, MLM_EINVAL, AREA, "%s: the path holds a NUL byte", call);
	struct box *box = push_box(L);
	read_options(L, 2, call, &options);
	if (mlm_csv_read(path, &options, &box->csv, &err) != MLM_OK)
		return binding_fail(L, &err);
	return push_data(L, box);
}

/* csv.parse(text [, options]) */
static int csv_parse(lua_State *L)
{
	static const char call[] = "csv.parse";
	mlm_csv_options options = MLM_CSV_OPTIONS_INIT;
	mlm_error err = MLM_ERROR_INIT;
	size_t size;
	const char *text = check_source(L, call, "the text", &size);
	struct box *box = push_box(L);
	read_options(L, 2, call, &options);
	if (mlm_csv_parse(text, size, &options, &box->csv, &err) != MLM_OK)
		return binding_fail(L, &err);
	return push_data(L, box);
}

/* data:column(name) */
static int data_column(lua_State *L)
{
	lua_settop(L, 2);
	if (!lua_istable(L, 1) || lua_getfield(L, 1, "columns") != LUA_TTABLE)
		return binding_refuse(
			L, MLM_EINVAL, AREA, "call column with a colon: data:column(name)");
	lua_pushvalue(L, 2);
	if (lua_rawget(L, 3) != LUA_TNIL)
		return 1;
	return binding_refuse(
		L, MLM_EINVAL, AREA, "no column is called '%s'", luaL_tolstring(L, 2, NULL));
}

void binding_open_csv(lua_State *L, int module)
{
	static const luaL_Reg functions[] = {
		{ "read", csv_read },
		{ "parse", csv_parse },
		{ NULL, NULL },
	};
	luaL_newmetatable(L, BOX);
	lua_pushcfunction(L, free_box);
	lua_setfield(L, -2, "__gc");
	luaL_newmetatable(L, BINDING_CSV);
	lua_createtable(L, 0, 1);
	lua_pushcfunction(L, data_column);
	lua_setfield(L, -2, "column");
	lua_setfield(L, -2, "__index");
	lua_pop(L, 2);
	luaL_newlib(L, functions);
	lua_setfield(L, module, "csv");
}
