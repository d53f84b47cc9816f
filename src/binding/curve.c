/* SPDX-License-Identifier: Apache-2.0 */
#include "binding/curve.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/canvas.h"
#include "base/curve.h"
#include "binding/metatable.h"

#define CURVE  "mlmanager.curve"
#define CANVAS "mlmanager.canvas"

/* Both are one block with their arrays behind them: nothing to be freed. */
static void *new_block(lua_State *L, const char *metatable, size_t size)
{
	void *block = lua_newuserdata(L, size);

	if (metatable_begin(L, metatable))
		metatable_keep(L, metatable);
	lua_setmetatable(L, -2);
	return block;
}

static struct curve *new_curve(lua_State *L, size_t count)
{
	if (count > (SIZE_MAX - sizeof(struct curve)) / (2 * sizeof(double)))
		luaL_error(L, "too many points");
	struct curve *curve =
		new_block(L, CURVE, sizeof(struct curve) + 2 * count * sizeof(double));
	curve->count = count;
	curve->x = (double *)(curve + 1);
	curve->y = curve->x + count;
	return curve;
}

/* The number at item i of the list at index, or in that item's field. On false, the item that is
 * no number is on the stack. */
static bool read_number(lua_State *L, int index, size_t i, const char *field, double *number_out)
{
	lua_rawgeti(L, index, (lua_Integer)i + 1);
	if (field && lua_type(L, -1) == LUA_TTABLE) {
		lua_getfield(L, -1, field);
		lua_remove(L, -2);
	}
	if (lua_type(L, -1) != LUA_TNUMBER)
		return false;
	*number_out = lua_tonumber(L, -1);
	lua_pop(L, 1);
	return true;
}

static int curve_read(lua_State *L)
{
	const char *x_field = luaL_optstring(L, 3, NULL), *y_field = luaL_optstring(L, 4, NULL);
	bool has_x = !lua_isnil(L, 1);

	luaL_checktype(L, 2, LUA_TTABLE);
	size_t count = lua_rawlen(L, 2);
	struct curve *curve = new_curve(L, count);
	for (size_t i = 0; i < count; i++) {
		curve->x[i] = (double)i + 1;
		if ((has_x && !read_number(L, 1, i, x_field, &curve->x[i])) ||
			!read_number(L, 2, i, y_field, &curve->y[i])) {
			lua_pushnil(L);
			lua_pushinteger(L, (lua_Integer)i + 1);
			lua_pushvalue(L, -3);
			return 3;
		}
	}
	return 1;
}

static struct curve *check_curve(lua_State *L, int index)
{
	return luaL_checkudata(L, index, CURVE);
}

static int sort_curve(lua_State *L)
{
	struct curve *curve = check_curve(L, 1);

	if (!curve_is_sorted(curve) && !curve_sort(curve))
		return luaL_error(L, "not enough memory");
	return 0;
}

static int move_curve(lua_State *L)
{
	struct curve *curve = check_curve(L, 1);
	double origin = luaL_checknumber(L, 2), unit = luaL_checknumber(L, 3);

	for (size_t i = 0; i < curve->count; i++)
		curve->x[i] = (curve->x[i] - origin) / unit;
	return 0;
}

static int smooth_curve(lua_State *L)
{
	static const char *const kernels[] = { "ema", "mean", NULL };
	struct curve *curve = check_curve(L, 1);
	int kernel = luaL_checkoption(L, 2, NULL, kernels);
	double n = luaL_checknumber(L, 3);
	struct curve *smooth = new_curve(L, curve->count);

	if (curve->count > 0)
		memcpy(smooth->x, curve->x, curve->count * sizeof(double));
	if (kernel == 0)
		curve_smooth_ema(curve, n, smooth->y);
	else
		curve_smooth_mean(curve,
			n < (double)curve->count ? (size_t)n : 2 * curve->count + 1, smooth->y);
	return 1;
}

static void set_number(lua_State *L, const char *name, double value)
{
	lua_pushnumber(L, value);
	lua_setfield(L, -2, name);
}

static void set_count(lua_State *L, const char *name, size_t value)
{
	lua_pushinteger(L, (lua_Integer)value);
	lua_setfield(L, -2, name);
}

static int range_of_curve(lua_State *L)
{
	struct curve *curve = check_curve(L, 1);
	struct curve_range range = curve_range(curve, lua_toboolean(L, 2), lua_toboolean(L, 3));

	lua_createtable(L, 0, 10);
	set_count(L, "count", curve->count);
	set_count(L, "shown", range.shown);
	set_count(L, "nan", range.nan);
	set_count(L, "positive_infinite", range.positive_infinite);
	set_count(L, "negative_infinite", range.negative_infinite);
	set_count(L, "not_positive", range.not_positive);
	set_number(L, "x_min", range.x_min);
	set_number(L, "x_max", range.x_max);
	set_number(L, "y_min", range.y_min);
	set_number(L, "y_max", range.y_max);
	return 1;
}

static int quantiles_of_curve(lua_State *L)
{
	double low, high;

	if (!curve_quantiles(check_curve(L, 1), lua_toboolean(L, 2), luaL_checknumber(L, 3),
		    luaL_checknumber(L, 4), &low, &high))
		return 0;
	lua_pushnumber(L, low);
	lua_pushnumber(L, high);
	return 2;
}

static int last_of_curve(lua_State *L)
{
	struct curve *curve = check_curve(L, 1);

	if (curve->count == 0)
		return 0;
	lua_pushnumber(L, curve->y[curve->count - 1]);
	return 1;
}

/* One of the n parts of a curve. */
static void push_bucket(lua_State *L, const struct curve *curve, size_t first, size_t end,
	double least, double most)
{
	double sum = 0, count = 0;
	bool has_least = false, has_most = false, is_last = end == curve->count;

	for (size_t i = first; i < end; i++) {
		double y = curve->y[i];

		if (!isfinite(y))
			continue;
		/* In shares, since a sum of values may overflow. */
		count++;
		sum += (y - sum) / count;
		has_least = has_least || y == least;
		has_most = has_most || y == most;
	}
	if (count == 0)
		lua_pushboolean(L, false);
	else if (is_last && isfinite(curve->y[end - 1]))
		lua_pushnumber(L, curve->y[end - 1]);
	else
		lua_pushnumber(L, has_most ? most : has_least ? least : sum);
}

static int buckets_of_curve(lua_State *L)
{
	struct curve *curve = check_curve(L, 1);
	size_t n = (size_t)luaL_checkinteger(L, 2);
	struct curve_range range = curve_range(curve, false, false);

	n = n < curve->count ? n : curve->count;
	lua_createtable(L, (int)n, 0);
	for (size_t i = 0; i < n; i++) {
		size_t first = (size_t)((double)curve->count * (double)i / (double)n);
		size_t end = (size_t)((double)curve->count * (double)(i + 1) / (double)n);

		push_bucket(L, curve, first, end, range.y_min, range.y_max);
		lua_rawseti(L, -2, (lua_Integer)i + 1);
	}
	return 1;
}

static int new_canvas(lua_State *L)
{
	int columns = (int)luaL_checkinteger(L, 1), rows = (int)luaL_checkinteger(L, 2);
	bool is_braille = lua_toboolean(L, 3);

	luaL_argcheck(L, columns > 0 && columns <= CANVAS_CELLS_MAX, 1, "out of range");
	luaL_argcheck(L, rows > 0 && rows <= CANVAS_CELLS_MAX, 2, "out of range");
	struct canvas *canvas =
		new_block(L, CANVAS, sizeof(struct canvas) + canvas_size(columns, rows));
	canvas_init(canvas, columns, rows, is_braille ? 2 : 1, is_braille ? 4 : 1,
		(void *)(canvas + 1));
	return 1;
}

static double axis_number(lua_State *L, int index, const char *name)
{
	lua_getfield(L, index, name);
	double value = luaL_checknumber(L, -1);
	lua_pop(L, 1);
	return value;
}

static bool axis_flag(lua_State *L, int index, const char *name)
{
	lua_getfield(L, index, name);
	bool value = lua_toboolean(L, -1);
	lua_pop(L, 1);
	return value;
}

static int draw_curve(lua_State *L)
{
	static const char *const styles[] = { "line", "extremes", NULL };
	struct canvas *canvas = luaL_checkudata(L, 1, CANVAS);
	struct curve *curve = check_curve(L, 2);
	int rows[CANVAS_CELLS_MAX];

	luaL_checktype(L, 3, LUA_TTABLE);
	struct canvas_axes axes = { axis_number(L, 3, "x_min"), axis_number(L, 3, "x_max"),
		axis_number(L, 3, "y_min"), axis_number(L, 3, "y_max"), axis_flag(L, 3, "log_x"),
		axis_flag(L, 3, "log_y") };
	int style = luaL_checkoption(L, 4, NULL, styles);
	canvas_draw(canvas, curve, &axes, style == 0 ? CANVAS_LINE : CANVAS_EXTREMES,
		(uint8_t)luaL_checkinteger(L, 5), rows);
	lua_createtable(L, canvas->columns, 0);
	for (int i = 0; i < canvas->columns; i++) {
		if (rows[i] < 0)
			lua_pushboolean(L, false);
		else
			lua_pushinteger(L, rows[i] + 1);
		lua_rawseti(L, -2, i + 1);
	}
	return 1;
}

static void push_bytes(lua_State *L, const uint8_t *bytes, int count)
{
	lua_createtable(L, count, 0);
	for (int i = 0; i < count; i++) {
		lua_pushinteger(L, bytes[i]);
		lua_rawseti(L, -2, i + 1);
	}
}

static int row_of_canvas(lua_State *L)
{
	struct canvas *canvas = luaL_checkudata(L, 1, CANVAS);
	int row = (int)luaL_checkinteger(L, 2);

	luaL_argcheck(L, row >= 1 && row <= canvas->rows, 2, "out of range");
	size_t first = (size_t)(row - 1) * (size_t)canvas->columns;
	push_bytes(L, canvas->dots + first, canvas->columns);
	push_bytes(L, canvas->owner + first, canvas->columns);
	return 2;
}

static int edges_of_canvas(lua_State *L)
{
	struct canvas *canvas = luaL_checkudata(L, 1, CANVAS);

	push_bytes(L, canvas->edges, canvas->columns);
	return 1;
}

static const luaL_Reg curve_functions[] = {
	{ "read", curve_read },
	{ "sort", sort_curve },
	{ "move", move_curve },
	{ "smooth", smooth_curve },
	{ "range", range_of_curve },
	{ "quantiles", quantiles_of_curve },
	{ "last", last_of_curve },
	{ "buckets", buckets_of_curve },
	{ "canvas", new_canvas },
	{ "draw", draw_curve },
	{ "row", row_of_canvas },
	{ "edges", edges_of_canvas },
	{ NULL, NULL },
};

void binding_push_curve(lua_State *L)
{
	luaL_newlib(L, curve_functions);
}
