/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <string.h>

#include "binding/call.h"
#include "binding/csv.h"

#define AREA       "evaluator"
#define EVALUATOR  "mlmanager.evaluator"
#define EVALUATION "mlmanager.evaluation"

enum { LABEL, PREDICTION, PROBABILITY, WEIGHT, COLUMNS };

static const char *const options_known[COLUMNS] = { "labelCol", "predictionCol", "probabilityCol",
	"weightCol" };
static const char *const names_default[COLUMNS] = { "label", "prediction", "probability", NULL };

struct evaluator {
	mlm_evaluator *evaluator;
	bool required[COLUMNS]; /* by us; the core says what else it needs */
	const char *names[COLUMNS]; /* NULL: there is no such column; they follow in the userdata */
};

struct evaluation {
	mlm_evaluation *evaluation;
};

static int free_evaluator(lua_State *L)
{
	struct evaluator *self = luaL_checkudata(L, 1, EVALUATOR);
	mlm_evaluator_free(self->evaluator);
	self->evaluator = NULL;
	return 0;
}

static int free_evaluation(lua_State *L)
{
	struct evaluation *self = luaL_checkudata(L, 1, EVALUATION);
	mlm_evaluation_free(self->evaluation);
	self->evaluation = NULL;
	return 0;
}

static struct evaluator *check_self(lua_State *L, const char *method)
{
	struct evaluator *self = luaL_testudata(L, 1, EVALUATOR);
	if (!self || !self->evaluator)
		binding_refuse(L, MLM_EINVAL, AREA, "call %s with a colon: evaluator:%s(...)",
			method, method);
	return self;
}

const mlm_evaluator *binding_check_evaluator(lua_State *L, int arg)
{
	struct evaluator *self = luaL_testudata(L, arg, EVALUATOR);
	if (!self || !self->evaluator)
		binding_refuse(L, MLM_EINVAL, AREA,
			"an evaluator is wanted, as SpliceBinaryClassificationEvaluator{} makes "
			"one, not %s",
			luaL_typename(L, arg));
	return self->evaluator;
}

/* Pushes the name of a column, from the options or the default; returns it or NULL. */
static const char *push_name(lua_State *L, int column, const char *call, bool *required_out)
{
	int type = LUA_TNIL;
	if (lua_istable(L, 1))
		type = lua_getfield(L, 1, options_known[column]);
	else
		lua_pushnil(L);
	if (type == LUA_TNIL) {
		lua_pop(L, 1);
		*required_out = column == LABEL;
		lua_pushstring(L, names_default[column]);
		return names_default[column];
	}
	size_t size;
	const char *name = type == LUA_TSTRING ? lua_tolstring(L, -1, &size) : NULL;
	if (!name || !*name || strlen(name) != size)
		binding_refuse(L, MLM_EINVAL, AREA, "%s: %s must be the name of a column", call,
			options_known[column]);
	/* A name that somebody chose must be there, or a slip of the pen would go unnoticed. */
	*required_out = column == LABEL || column == WEIGHT ||
			(column == PROBABILITY && strcmp(name, names_default[column]) != 0);
	return name;
}

static void keep_names(struct evaluator *self, const char *const names[COLUMNS])
{
	char *to = (char *)(self + 1);
	for (int i = 0; i < COLUMNS; i++) {
		self->names[i] = names[i] ? to : NULL;
		if (names[i])
			to = stpcpy(to, names[i]) + 1;
	}
}

static int make_evaluator(
	lua_State *L, mlm_evaluator_kind kind, const char *call, const char *const *known)
{
	mlm_evaluator_options options = MLM_EVALUATOR_OPTIONS_INIT;
	mlm_error err = MLM_ERROR_INIT;
	const char *names[COLUMNS] = { NULL };
	bool required[COLUMNS] = { false };
	size_t size = sizeof(struct evaluator);

	lua_settop(L, 1);
	if (!lua_isnil(L, 1) && !lua_istable(L, 1))
		binding_refuse(L, MLM_EINVAL, AREA, "%s: the options must be a table, not %s", call,
			luaL_typename(L, 1));
	if (lua_istable(L, 1))
		binding_check_fields(L, 1, AREA, call, known, NULL);
	for (int i = 0; i < COLUMNS; i++) {
		if (i == PROBABILITY && kind != MLM_EVALUATOR_BINARY)
			continue;
		names[i] = push_name(L, i, call, &required[i]);
		size += names[i] ? strlen(names[i]) + 1 : 0;
	}
	struct evaluator *self = lua_newuserdatauv(L, size, 0);
	self->evaluator = NULL;
	memcpy(self->required, required, sizeof(required));
	keep_names(self, names);
	luaL_setmetatable(L, EVALUATOR);
	options.label_name = names[LABEL];
	options.prediction_name = names[PREDICTION];
	options.probability_name = names[PROBABILITY];
	options.weight_name = names[WEIGHT];
	if (mlm_evaluator_new(kind, &options, &self->evaluator, &err) != MLM_OK)
		return binding_fail(L, &err);
	return 1;
}

static int new_binary(lua_State *L)
{
	static const char *const known[] = { "labelCol", "predictionCol", "probabilityCol",
		"weightCol", NULL };
	return make_evaluator(
		L, MLM_EVALUATOR_BINARY, "SpliceBinaryClassificationEvaluator", known);
}

static int new_regression(lua_State *L)
{
	static const char *const known[] = { "labelCol", "predictionCol", "weightCol", NULL };
	return make_evaluator(L, MLM_EVALUATOR_REGRESSION, "SpliceRegressionEvaluator", known);
}

static int new_multiclass(lua_State *L)
{
	static const char *const known[] = { "labelCol", "predictionCol", "weightCol", NULL };
	return make_evaluator(
		L, MLM_EVALUATOR_MULTICLASS, "SpliceMultiClassificationEvaluator", known);
}

/* One column of one input: its name at stack index name, its numbers in a userdata. */
struct column {
	int kind; /* LABEL.. */
	int name;
	double *values; /* NULL: the input has no such column */
};

/* A probability may be Spark's vector {p of class 0, p of class 1}. */
static double read_vector(lua_State *L, const struct column *column, size_t row)
{
	if (lua_rawlen(L, -1) != 2)
		binding_refuse(L, MLM_EINVAL, AREA,
			"column '%s', row %d: %d probabilities, where two are wanted",
			lua_tostring(L, column->name), (int)row, (int)lua_rawlen(L, -1));
	if (lua_rawgeti(L, -1, 2) != LUA_TNUMBER)
		binding_refuse(L, MLM_EINVAL, AREA,
			"column '%s', row %d: the probability of class 1 is no number but %s",
			lua_tostring(L, column->name), (int)row, luaL_typename(L, -1));
	double value = lua_tonumber(L, -1);
	lua_pop(L, 1);
	return value;
}

/* The cell on top of the stack; row counts from 1. */
static double read_cell(lua_State *L, const struct column *column, size_t row)
{
	int type = lua_type(L, -1);
	if (type == LUA_TNUMBER)
		return lua_tonumber(L, -1);
	if (type == LUA_TBOOLEAN && (column->kind == LABEL || column->kind == PREDICTION))
		return lua_toboolean(L, -1);
	if (type == LUA_TTABLE && column->kind == PROBABILITY)
		return read_vector(L, column, row);
	binding_refuse(L, MLM_EINVAL, AREA, "column '%s', row %d: a number is wanted, not %s",
		lua_tostring(L, column->name), (int)row, luaL_typename(L, -1));
	return 0;
}

static double *push_values(lua_State *L, size_t count)
{
	return lua_newuserdatauv(L, (count + 1) * sizeof(double), 0);
}

/* Whether the input has the column on top of the stack, or raises where it must. */
static bool has_column(lua_State *L, const struct evaluator *self, const struct column *column)
{
	if (!lua_isnil(L, -1))
		return true;
	if (self->required[column->kind])
		binding_refuse(L, MLM_EINVAL, AREA, "input: column '%s' is missing",
			lua_tostring(L, column->name));
	return false;
}

/* input{label = {...}, prediction = {...}}; data is the table's stack index. */
static size_t read_columns(
	lua_State *L, const struct evaluator *self, int data, struct column columns[COLUMNS])
{
	size_t count = 0;
	for (int i = 0; i < COLUMNS; i++) {
		struct column *column = &columns[i];
		if (lua_isnil(L, column->name))
			continue;
		lua_pushvalue(L, column->name);
		int type = lua_gettable(L, data);
		int cells = lua_gettop(L);
		if (!has_column(L, self, column))
			continue;
		if (type != LUA_TTABLE)
			binding_refuse(L, MLM_EINVAL, AREA,
				"input: column '%s' must be an array, not %s",
				lua_tostring(L, column->name), luaL_typename(L, -1));
		size_t size = lua_rawlen(L, cells);
		if (i == LABEL)
			count = size;
		else if (size != count)
			binding_refuse(L, MLM_EINVAL, AREA,
				"input: column '%s' has %d rows, but '%s' has %d",
				lua_tostring(L, column->name), (int)size,
				lua_tostring(L, columns[LABEL].name), (int)count);
		column->values = push_values(L, count);
		for (size_t row = 0; row < count; row++) {
			lua_rawgeti(L, cells, (lua_Integer)row + 1);
			column->values[row] = read_cell(L, column, row + 1);
			lua_pop(L, 1);
		}
	}
	return count;
}

/* One row at stack index cells into the columns that the first row had. */
static void read_row(lua_State *L, int cells, size_t row, struct column columns[COLUMNS])
{
	for (int i = 0; i < COLUMNS; i++) {
		struct column *column = &columns[i];
		if (lua_isnil(L, column->name))
			continue;
		lua_pushvalue(L, column->name);
		int type = lua_gettable(L, cells);
		if (column->values)
			column->values[row] = read_cell(L, column, row + 1);
		else if (type != LUA_TNIL)
			binding_refuse(L, MLM_EINVAL, AREA,
				"input: row %d has a '%s', but row 1 has none", (int)row + 1,
				lua_tostring(L, column->name));
		lua_pop(L, 1);
	}
}

/* input{{label = 1, prediction = 0}, ...}; the first row says which columns there are. */
static size_t read_rows(
	lua_State *L, const struct evaluator *self, int data, struct column columns[COLUMNS])
{
	size_t count = lua_rawlen(L, data);
	lua_rawgeti(L, data, 1);
	int cells = lua_gettop(L);
	for (int i = 0; i < COLUMNS; i++) {
		if (lua_isnil(L, columns[i].name))
			continue;
		lua_pushvalue(L, columns[i].name);
		lua_gettable(L, cells);
		if (has_column(L, self, &columns[i]))
			columns[i].values = push_values(L, count);
	}
	for (size_t row = 0; row < count; row++) {
		if (lua_rawgeti(L, data, (lua_Integer)row + 1) != LUA_TTABLE)
			binding_refuse(L, MLM_EINVAL, AREA, "input: row %d must be a table, not %s",
				(int)row + 1, luaL_typename(L, -1));
		lua_replace(L, cells);
		read_row(L, cells, row, columns);
	}
	return count;
}

static bool is_array_of_rows(lua_State *L, int data)
{
	bool is_table = lua_rawgeti(L, data, 1) == LUA_TTABLE;
	lua_pop(L, 1);
	return is_table;
}

static bool is_csv(lua_State *L, int data)
{
	if (!lua_getmetatable(L, data))
		return false;
	luaL_getmetatable(L, BINDING_CSV);
	bool is_same = lua_rawequal(L, -1, -2);
	lua_pop(L, 2);
	return is_same;
}

/* evaluator:input(columns or rows or CSV) */
static int evaluator_input(lua_State *L)
{
	struct evaluator *self = check_self(L, "input");
	struct column columns[COLUMNS] = { 0 };

	lua_settop(L, 2);
	if (!lua_istable(L, 2))
		return binding_refuse(L, MLM_EINVAL, AREA,
			"input: columns, rows or a CSV are wanted, not %s", luaL_typename(L, 2));
	luaL_checkstack(L, 5 * COLUMNS, NULL);
	for (int i = 0; i < COLUMNS; i++) {
		lua_pushstring(L, self->names[i]);
		columns[i].kind = i;
		columns[i].name = lua_gettop(L);
	}
	if (is_csv(L, 2)) {
		lua_getfield(L, 2, "columns");
		lua_replace(L, 2);
	}
	size_t count = is_array_of_rows(L, 2) ? read_rows(L, self, 2, columns)
					      : read_columns(L, self, 2, columns);
	mlm_evaluator_rows rows = {
		.count = count,
		.labels = columns[LABEL].values,
		.predictions = columns[PREDICTION].values,
		.probabilities = columns[PROBABILITY].values,
		.weights = columns[WEIGHT].values,
	};
	mlm_error err = MLM_ERROR_INIT;
	if (mlm_evaluator_add(self->evaluator, &rows, &err) != MLM_OK)
		return binding_fail(L, &err);
	return 0;
}

const mlm_evaluation *binding_evaluate(lua_State *L, int arg)
{
	const mlm_evaluator *evaluator = binding_check_evaluator(L, arg);
	mlm_error err = MLM_ERROR_INIT;
	struct evaluation *box = lua_newuserdatauv(L, sizeof(*box), 0);
	box->evaluation = NULL;
	luaL_setmetatable(L, EVALUATION);
	if (mlm_evaluator_evaluate(evaluator, &box->evaluation, &err) != MLM_OK)
		binding_fail(L, &err);
	return box->evaluation;
}

/* A count without weights is a whole number and prints as one. */
static void push_count(lua_State *L, double count)
{
	if (count == floor(count) && count <= 9007199254740992.0)
		lua_pushinteger(L, (lua_Integer)count);
	else
		lua_pushnumber(L, count);
}

static void push_matrix(lua_State *L, const double *cells, size_t size)
{
	lua_createtable(L, (int)size, 0);
	for (size_t i = 0; i < size; i++) {
		lua_createtable(L, (int)size, 0);
		for (size_t j = 0; j < size; j++) {
			push_count(L, cells[i * size + j]);
			lua_rawseti(L, -2, (lua_Integer)j + 1);
		}
		lua_rawseti(L, -2, (lua_Integer)i + 1);
	}
}

void binding_push_evaluation(lua_State *L, const mlm_evaluation *evaluation)
{
	size_t class_count = evaluation->class_count;
	lua_createtable(L, 0, (int)evaluation->count + 2);
	for (size_t i = 0; i < evaluation->count; i++) {
		const mlm_evaluation_value *value = &evaluation->values[i];
		if (value->is_count)
			push_count(L, value->value);
		else
			lua_pushnumber(L, value->value);
		lua_setfield(L, -2, value->name);
	}
	if (class_count == 0)
		return;
	push_matrix(L, evaluation->confusion, class_count);
	lua_setfield(L, -2, "confusion_matrix");
	lua_createtable(L, (int)class_count, 0);
	for (size_t i = 0; i < class_count; i++) {
		lua_pushinteger(L, (lua_Integer)evaluation->classes[i]);
		lua_rawseti(L, -2, (lua_Integer)i + 1);
	}
	lua_setfield(L, -2, "classes");
}

/* evaluator:get_results() */
static int evaluator_get_results(lua_State *L)
{
	check_self(L, "get_results");
	binding_push_evaluation(L, binding_evaluate(L, 1));
	return 1;
}

static void make_metatable(lua_State *L, const char *name, lua_CFunction free_it)
{
	luaL_newmetatable(L, name);
	lua_pushcfunction(L, free_it);
	lua_setfield(L, -2, "__gc");
}

void binding_open_evaluator(lua_State *L, int module)
{
	static const luaL_Reg methods[] = {
		{ "input", evaluator_input },
		{ "get_results", evaluator_get_results },
		{ NULL, NULL },
	};
	static const luaL_Reg functions[] = {
		{ "SpliceBinaryClassificationEvaluator", new_binary },
		{ "SpliceRegressionEvaluator", new_regression },
		{ "SpliceMultiClassificationEvaluator", new_multiclass },
		{ NULL, NULL },
	};
	make_metatable(L, EVALUATION, free_evaluation);
	make_metatable(L, EVALUATOR, free_evaluator);
	luaL_newlib(L, methods);
	lua_setfield(L, -2, "__index");
	lua_pop(L, 2);
	lua_pushvalue(L, module);
	luaL_setfuncs(L, functions, 0);
	lua_pop(L, 1);
}
