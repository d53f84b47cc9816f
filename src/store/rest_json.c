/* SPDX-License-Identifier: Apache-2.0 */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "store/answer.h"
#include "store/rest_store.h"

const char *rest_read_text(struct rest_reader *reader, const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);
	if (!json_is_string(value))
		return NULL;
	const char *copy =
		arena_copy(reader->arena, json_string_value(value), json_string_length(value));
	if (!copy)
		reader->out_of_memory = true;
	return copy;
}

const char *rest_read_word(struct rest_reader *reader, const json_t *object, const char *key)
{
	const char *text = rest_read_text(reader, object, key);
	return text ? text : "";
}

int64_t rest_read_integer(const json_t *object, const char *key, int64_t otherwise)
{
	const json_t *value = json_object_get(object, key);
	if (json_is_integer(value))
		return json_integer_value(value);
	if (json_is_real(value) && fabs(json_real_value(value)) < 0x1p63)
		return (int64_t)json_real_value(value);
	if (json_is_string(value)) {
		char *end;
		long long number = strtoll(json_string_value(value), &end, 10);
		if (end != json_string_value(value) && *end == '\0')
			return number;
	}
	return otherwise;
}

double rest_read_real(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);
	if (json_is_number(value))
		return json_number_value(value);
	const char *text = json_string_value(value);
	if (!text)
		return value ? NAN : 0; /* protobuf may leave out a zero */
	/* Where infinities are told as such, they are bounded as MLflow's own tables have them. */
	if (strcmp(text, "Infinity") == 0)
		return DBL_MAX;
	if (strcmp(text, "-Infinity") == 0)
		return -DBL_MAX;
	/* As JSON has it, whatever decimal point the process's locale has. */
	json_t *number = json_loads(text, JSON_DECODE_ANY, NULL);
	double real = json_is_number(number) ? json_number_value(number) : NAN;
	json_decref(number);
	return real;
}

const mlm_text *rest_read_texts(struct rest_reader *reader, const json_t *array, size_t *count_out)
{
	size_t count = json_array_size(array);
	mlm_text *texts = count ? arena_array(reader->arena, count, sizeof(*texts)) : NULL;
	*count_out = texts ? count : 0;
	if (!texts) {
		reader->out_of_memory = reader->out_of_memory || count > 0;
		return NULL;
	}
	for (size_t i = 0; i < count; i++) {
		const json_t *item = json_array_get(array, i);
		texts[i].key = rest_read_word(reader, item, "key");
		texts[i].value = rest_read_word(reader, item, "value");
	}
	answer_sort_texts(texts, count);
	return texts;
}

mlm_lifecycle rest_read_lifecycle(const json_t *object)
{
	const char *stage = json_string_value(json_object_get(object, "lifecycle_stage"));
	return stage && strcmp(stage, "deleted") == 0 ? MLM_DELETED : MLM_ACTIVE;
}

/* Gives up the array when an item is missing. */
static json_t *add(json_t *array, json_t *item)
{
	if (array && json_array_append_new(array, item) == 0)
		return array;
	json_decref(array);
	return NULL;
}

json_t *rest_texts(const mlm_text *texts, size_t count)
{
	json_t *array = json_array();
	for (size_t i = 0; i < count && array; i++)
		array = add(array,
			json_pack("{s:s, s:s}", "key", texts[i].key, "value", texts[i].value));
	return array;
}

json_t *rest_strings(const char *const *strings, size_t count)
{
	json_t *array = json_array();
	for (size_t i = 0; i < count && array; i++)
		array = add(array, json_string(strings[i]));
	return array;
}

json_t *rest_real(double value)
{
	if (isnan(value))
		return json_string("NaN");
	if (isinf(value))
		return json_string(value > 0 ? "Infinity" : "-Infinity");
	return json_real(value);
}
