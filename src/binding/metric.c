/* SPDX-License-Identifier: Apache-2.0 */
/* log_metric, log_metrics, log_batch and what reads metrics back. */
#include <stdlib.h>
#include <string.h>

#include "binding/call.h"

#define FRAME_METRICS 64 /* a map of up to so many is read on the C stack */

static const char *const when_fields[] = { "step", "timestamp", NULL };
static const char *const record_fields[] = { "key", "value", "step", "timestamp", NULL };

/* A metric as it comes from Lua. The key is borrowed from the table or stack it came from. */
static double check_value(const struct call *call, int index, const char *key)
{
	int is_number = 0;
	double value = lua_tonumberx(call->L, index, &is_number);
	if (!is_number)
		binding_refuse(call->L, MLM_EINVAL, "argument",
			"%s: the value of metric '%s' must be a number, got %s", call->name, key,
			binding_describe(call->L, index));
	return value;
}

/* The step and timestamp of the table at index, where it has them. */
static void read_when(const struct call *call, int index, mlm_metric *metric)
{
	lua_State *L = call->L;
	lua_getfield(L, index, "step");
	metric->step = binding_check_integer(
		L, -1, call->name, "step", metric->step, INT64_MIN + 1, INT64_MAX);
	lua_getfield(L, index, "timestamp");
	metric->timestamp_ms = binding_check_integer(
		L, -1, call->name, "timestamp", metric->timestamp_ms, INT64_MIN + 1, INT64_MAX);
	lua_pop(L, 2);
}

/* The {step=, timestamp=} that may follow as the n-th argument. */
static void read_options(const struct call *call, int n, mlm_metric *metric)
{
	*metric = (mlm_metric){ .step = MLM_STEP_NEXT, .timestamp_ms = MLM_TIME_NOW };
	if (!call_has(call, n))
		return;
	int index = call_index(call, n);
	if (lua_type(call->L, index) != LUA_TTABLE)
		call_bad(call, n, "options must be a table {step=, timestamp=}, got %s",
			binding_describe(call->L, index));
	binding_check_fields(call->L, index, "argument", call->name, when_fields, NULL);
	read_when(call, index, metric);
}

/* The record {key=, value=, step=, timestamp=} at index, whose table keeps the key alive. */
static void read_record(
	const struct call *call, int index, const mlm_metric *when, mlm_metric *metric_out)
{
	lua_State *L = call->L;
	*metric_out = *when;
	lua_getfield(L, index, "key");
	metric_out->key = lua_tolstring(L, -1, &metric_out->key_size);
	lua_getfield(L, index, "value");
	metric_out->value = check_value(call, -1, metric_out->key);
	lua_pop(L, 2);
	read_when(call, index, metric_out);
}

static mlm_status log_values(struct call *call, const mlm_metric *metrics, size_t count)
{
	mlm_error err;
	mlm_run *run = call_run(call);
	if (mlm_run_log_metrics(run, metrics, count, &err) != MLM_OK)
		binding_fail(call->L, &err);
	return MLM_OK;
}

/* ---- maps ---- */

struct map_entry {
	mlm_metric metric;
	uint32_t came; /* as lua_next gave it */
};

static int compare(const mlm_metric *a, const mlm_metric *b)
{
	size_t size = a->key_size < b->key_size ? a->key_size : b->key_size;
	int order = memcmp(a->key, b->key, size);
	if (order == 0)
		order = a->key_size < b->key_size ? -1 : a->key_size > b->key_size;
	return order;
}

static int by_key(const void *a, const void *b)
{
	return compare(a, b);
}

/* Small maps are mostly the same map again, frame by frame, and lua_next gives equal tables in
 * equal order: with the order of the last time applied first, there is little left to sort. */
static void sort_frame(
	struct binding_manager *binding, mlm_metric *metrics, mlm_metric *sorted, size_t count)
{
	unsigned char *order = (unsigned char *)binding->last_order;
	bool applies = order && order[0] == count;
	for (size_t i = 0; i < count && applies; i++)
		applies = order[1 + i] < count;
	for (size_t i = 0; i < count; i++)
		sorted[i] = metrics[applies ? order[1 + i] : i];
	bool changed = !applies;
	for (size_t i = 1; i < count; i++) {
		if (compare(&sorted[i - 1], &sorted[i]) <= 0)
			continue;
		mlm_metric metric = sorted[i];
		size_t to = i;
		for (; to > 0 && compare(&sorted[to - 1], &metric) > 0; to--)
			sorted[to] = sorted[to - 1];
		sorted[to] = metric;
		changed = true;
	}
	if (!changed)
		return;
	if (!order)
		order = malloc(1 + FRAME_METRICS);
	if (!order)
		return;
	binding->last_order = (char *)order;
	order[0] = (unsigned char)count;
	for (size_t i = 0; i < count; i++)
		for (size_t came = 0; came < count; came++)
			if (metrics[came].key == sorted[i].key)
				order[1 + i] = (unsigned char)came;
}

static void refuse_when_field(const struct call *call, const char *key)
{
	if (strcmp(key, "step") != 0 && strcmp(key, "timestamp") != 0)
		return;
	if (strcmp(call->name, "log_batch") == 0)
		binding_refuse(call->L, MLM_EINVAL, "argument",
			"log_batch: '%s' in a map of metrics would be a metric; write a list of "
			"{key=\"loss\", value=0.3, %s=4}",
			key, key);
	binding_refuse(call->L, MLM_EINVAL, "argument",
		"%s: '%s' in a map of metrics would be a metric; pass {%s=4} as the second "
		"argument",
		call->name, key, key);
}

/* The entry that lua_next has just pushed. */
static void read_entry(const struct call *call, const mlm_metric *when, mlm_metric *metric_out)
{
	lua_State *L = call->L;
	/* Asked first: lua_tostring would turn a number key into text under lua_next's hands. */
	if (lua_type(L, -2) != LUA_TSTRING)
		binding_refuse(L, MLM_EINVAL, "argument",
			"%s: a metric's key must be a string, got %s", call->name,
			binding_describe(L, -2));
	*metric_out = *when;
	metric_out->key = lua_tolstring(L, -2, &metric_out->key_size);
	if (metric_out->key[0] == 's' || metric_out->key[0] == 't')
		refuse_when_field(call, metric_out->key);
	metric_out->value = lua_type(L, -1) == LUA_TNUMBER ? lua_tonumber(L, -1)
							   : check_value(call, -1, metric_out->key);
}

static size_t count_entries(lua_State *L, int index)
{
	size_t count = 0;
	for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1))
		count++;
	return count;
}

static int log_map(struct call *call, int index, const mlm_metric *when)
{
	lua_State *L = call->L;
	mlm_metric metrics[FRAME_METRICS];
	mlm_metric sorted[FRAME_METRICS];
	size_t count = 0;
	for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1)) {
		if (count == FRAME_METRICS) {
			lua_pop(L, 2);
			count++;
			break;
		}
		read_entry(call, when, &metrics[count++]);
	}
	if (count <= FRAME_METRICS) {
		sort_frame(call->binding, metrics, sorted, count);
		log_values(call, sorted, count);
		return 0;
	}
	count = count_entries(L, index);
	mlm_metric *all = binding_scratch(L, count * sizeof(*all));
	size_t n = 0;
	for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1))
		read_entry(call, when, &all[n++]);
	qsort(all, count, sizeof(*all), by_key);
	log_values(call, all, count);
	return 0;
}

/* ---- lists ---- */

/* Exactly key and value, and step and timestamp if need be. */
static bool is_record(const struct call *call, int index)
{
	lua_State *L = call->L;
	bool has_key = lua_getfield(L, index, "key") == LUA_TSTRING;
	bool has_value = lua_getfield(L, index, "value") != LUA_TNIL;
	lua_pop(L, 2);
	if (!has_key || !has_value)
		return false;
	for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1)) {
		bool known = false;
		for (int i = 0; record_fields[i] && lua_type(L, -2) == LUA_TSTRING; i++)
			known = known || strcmp(lua_tostring(L, -2), record_fields[i]) == 0;
		if (!known) {
			lua_pop(L, 2);
			return false;
		}
	}
	return true;
}

static void read_item(
	const struct call *call, int n, const mlm_metric *when, mlm_metric *metric_out)
{
	lua_State *L = call->L;
	int item = lua_gettop(L);
	if (lua_type(L, item) != LUA_TTABLE)
		binding_refuse(L, MLM_EINVAL, "argument",
			"%s: item %d of the list of metrics must be a pair {key, value}, got %s",
			call->name, n, binding_describe(L, item));
	if (lua_rawlen(L, item) == 0 && is_record(call, item)) {
		read_record(call, item, when, metric_out);
		return;
	}
	lua_rawgeti(L, item, 1);
	lua_rawgeti(L, item, 2);
	if (lua_type(L, -2) != LUA_TSTRING || lua_rawlen(L, item) > 2)
		binding_refuse(L, MLM_EINVAL, "argument",
			"%s: item %d of the list of metrics is no pair; write {\"loss\", 0.3} or "
			"{key=\"loss\", value=0.3, step=4}",
			call->name, n);
	*metric_out = *when;
	metric_out->key = lua_tolstring(L, -2, &metric_out->key_size);
	metric_out->value = check_value(call, -1, metric_out->key);
	lua_pop(L, 2);
}

/* Reads a list {{"k", v}, …}: the keys stay borrowed from its pairs. The array is left on the
 * stack. */
static const mlm_metric *read_list(
	const struct call *call, int index, const mlm_metric *when, size_t *count_out)
{
	lua_State *L = call->L;
	size_t count = lua_rawlen(L, index);
	mlm_metric *metrics = binding_scratch(L, count * sizeof(*metrics));
	for (size_t i = 0; i < count; i++) {
		lua_rawgeti(L, index, (lua_Integer)i + 1);
		read_item(call, (int)i + 1, when, &metrics[i]);
		lua_pop(L, 1);
	}
	*count_out = count;
	return metrics;
}

/* ---- the calls ---- */

/* {key="loss", value=0.3, setp=4} is no map either: "loss" is no number. */
static void refuse_broken_record(const struct call *call, int index)
{
	lua_State *L = call->L;
	bool has_key = lua_getfield(L, index, "key") == LUA_TSTRING && !lua_isnumber(L, -1);
	bool has_value = lua_getfield(L, index, "value") != LUA_TNIL;
	lua_pop(L, 2);
	if (has_key && has_value)
		binding_check_fields(L, index, "argument", call->name, record_fields, NULL);
}

/* Every form but ("key", number). */
static int log_metric_any(lua_State *L)
{
	struct call call;
	call_begin(&call, L, "log_metric");
	int first = call_index(&call, 1);
	if (lua_type(L, first) == LUA_TSTRING) {
		mlm_metric metric;
		read_options(&call, 3, &metric);
		metric.key = lua_tolstring(L, first, &metric.key_size);
		int is_number = 0;
		metric.value = lua_tonumberx(L, call_index(&call, 2), &is_number);
		if (!is_number)
			call_bad(&call, 2, "the value of metric '%s' must be a number, got %s",
				metric.key, binding_describe(L, call_index(&call, 2)));
		log_values(&call, &metric, 1);
		return 0;
	}
	if (lua_type(L, first) != LUA_TTABLE)
		call_bad(&call, 1,
			"a metric is (\"key\", value), {key=, value=} or {name=value}, got %s",
			binding_describe(L, first));
	if (lua_rawlen(L, first) > 0)
		call_bad(&call, 1, "log_metric takes one metric or a map; log_metrics takes lists");
	mlm_metric when;
	read_options(&call, 2, &when);
	if (!is_record(&call, first)) {
		refuse_broken_record(&call, first);
		return log_map(&call, first, &when);
	}
	mlm_metric metric;
	read_record(&call, first, &when, &metric);
	log_values(&call, &metric, 1);
	return 0;
}

static int log_metric(lua_State *L)
{
	/* The call of every frame: no table is touched, nothing is allocated. */
	struct binding_manager *binding = lua_touserdata(L, lua_upvalueindex(1));
	mlm_run *run = binding ? binding->active : binding_to_run(L, 1, &binding);
	if (run) {
		int first =
			lua_isnil(L, lua_upvalueindex(2)) || lua_rawequal(L, 1, lua_upvalueindex(2))
				? 2
				: 1;
		if (lua_gettop(L) == first + 1 && lua_type(L, first) == LUA_TSTRING &&
			lua_type(L, first + 1) == LUA_TNUMBER) {
			size_t size;
			const char *key = lua_tolstring(L, first, &size);
			mlm_error err;
			if (mlm_run_log_metric(run, key, size, lua_tonumber(L, first + 1),
				    MLM_STEP_NEXT, MLM_TIME_NOW, &err) == MLM_OK)
				return 0;
			return binding_fail(L, &err);
		}
	}
	return log_metric_any(L);
}

static int log_metrics(lua_State *L)
{
	struct call call;
	call_begin(&call, L, "log_metrics");
	int first = call_index(&call, 1);
	mlm_metric when;
	if (lua_type(L, first) != LUA_TTABLE)
		call_bad(&call, 1, "metrics must be a list {{\"loss\", 0.3}, ...} or a map, got %s",
			binding_describe(L, first));
	read_options(&call, 2, &when);
	if (lua_rawlen(L, first) == 0)
		return log_map(&call, first, &when);
	size_t count = 0;
	const mlm_metric *metrics = read_list(&call, first, &when, &count);
	log_values(&call, metrics, count);
	return 0;
}

/* ---- log_batch ---- */

/* (metrics, params, tags), or one table with fields of these names; a list of metrics alone is the
 * first of the three. */
static void read_batch_arguments(struct call *call)
{
	static const char *const names[] = { "metrics", "params", "tags", "parameters", NULL };
	lua_State *L = call->L;
	if (call->count == 1 && lua_type(L, call->first) == LUA_TTABLE &&
		lua_rawlen(L, call->first) > 0) {
		call->names = names;
		lua_settop(L, call_index(call, 3));
		return;
	}
	call_names(call, names, NULL);
	if (!call->has_keywords || !call_has(call, 4))
		return;
	if (call_has(call, 2))
		call_bad(call, 4, "params and parameters are one list; give one of them");
	lua_copy(L, call_index(call, 4), call_index(call, 2));
}

static const mlm_metric *read_batch_metrics(const struct call *call, int index, size_t *count_out)
{
	lua_State *L = call->L;
	mlm_metric when = { .step = MLM_STEP_NEXT, .timestamp_ms = MLM_TIME_NOW };
	if (lua_rawlen(L, index) > 0)
		return read_list(call, index, &when, count_out);
	size_t count = count_entries(L, index);
	mlm_metric *metrics = binding_scratch(L, count * sizeof(*metrics));
	size_t n = 0;
	for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1))
		read_entry(call, &when, &metrics[n++]);
	qsort(metrics, count, sizeof(*metrics), by_key);
	*count_out = count;
	return metrics;
}

static int log_batch(lua_State *L)
{
	struct call call;
	call_begin(&call, L, "log_batch");
	read_batch_arguments(&call);
	const mlm_metric *metrics = NULL;
	const mlm_text *texts[2] = { NULL, NULL };
	size_t counts[3] = { 0, 0, 0 };
	for (int n = 1; n <= 3; n++)
		if (call_has(&call, n) && lua_type(L, call_index(&call, n)) != LUA_TTABLE)
			call_bad(&call, n, "%s must be a list of pairs or a map, got %s",
				call.names[n - 1], binding_describe(L, call_index(&call, n)));
	if (call_has(&call, 1))
		metrics = read_batch_metrics(&call, call_index(&call, 1), &counts[0]);
	texts[0] = call_texts(&call, 2, "param", &counts[1]);
	texts[1] = call_texts(&call, 3, "tag", &counts[2]);
	mlm_error err;
	mlm_run *run = call_run(&call);
	mlm_status status = CALL_WAITING(&call, mlm_run_log_batch(run, metrics, counts[0], texts[0],
							counts[1], texts[1], counts[2], &err));
	if (status != MLM_OK)
		return binding_fail(L, &err);
	return 0;
}

/* ---- evaluators ---- */

static int log_evaluator_metrics(lua_State *L)
{
	struct call call;
	call_begin(&call, L, "log_evaluator_metrics");
	mlm_run *run = call_run(&call);
	const mlm_evaluation *evaluation = binding_evaluate(L, call_index(&call, 1));
	mlm_error err;
	size_t count = evaluation->count;
	mlm_metric *metrics = binding_scratch(L, count * sizeof(*metrics));
	for (size_t i = 0; i < count; i++) {
		metrics[i] = (mlm_metric){ .step = MLM_STEP_NEXT, .timestamp_ms = MLM_TIME_NOW };
		metrics[i].key = evaluation->values[i].name;
		metrics[i].value = evaluation->values[i].value;
	}
	if (mlm_run_log_metrics(run, metrics, count, &err) != MLM_OK)
		return binding_fail(L, &err);
	binding_push_evaluation(L, evaluation);
	return 1;
}

const luaL_Reg binding_logging_functions[] = {
	{ "log_metric", log_metric },
	{ "lm", log_metric },
	{ "log_metrics", log_metrics },
	{ "log_batch", log_batch },
	{ "log_evaluator_metrics", log_evaluator_metrics },
	{ NULL, NULL },
};
