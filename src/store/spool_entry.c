/* SPDX-License-Identifier: Apache-2.0 */
#include "store/spool_entry.h"

#include <jansson.h>
#include <string.h>

#include "base/error.h"

static mlm_status no_memory(mlm_error *err)
{
	return error_set(err, MLM_ENOMEM, "spool", "memory ran out");
}

static mlm_status damaged(mlm_error *err)
{
	return error_set(err, MLM_ECORRUPT, "spool", "a record that waits is damaged");
}

/* ---- texts ---- */

static json_t *pack_texts(const mlm_text *texts, size_t count)
{
	json_t *array = json_array();
	for (size_t i = 0; i < count && array; i++) {
		json_t *pair = json_pack("[s, s]", texts[i].key, texts[i].value);
		if (json_array_append_new(array, pair) == 0)
			continue;
		json_decref(array);
		array = NULL;
	}
	return array;
}

static const char *copy(struct arena *arena, const json_t *string)
{
	return arena_copy(arena, json_string_value(string), json_string_length(string));
}

/* A missing array has no texts. */
static mlm_status unpack_texts(const json_t *array, struct arena *arena, const mlm_text **texts_out,
	size_t *count_out, mlm_error *err)
{
	size_t count = json_array_size(array);
	mlm_text *texts = count ? arena_array(arena, count, sizeof(*texts)) : NULL;
	*texts_out = texts;
	*count_out = 0;
	if (count && !texts)
		return no_memory(err);
	for (size_t i = 0; i < count; i++) {
		const json_t *pair = json_array_get(array, i);
		const json_t *key = json_array_get(pair, 0);
		const json_t *value = json_array_get(pair, 1);
		if (!json_is_string(key) || !json_is_string(value))
			return damaged(err);
		texts[i].key = copy(arena, key);
		texts[i].value = copy(arena, value);
		if (!texts[i].key || !texts[i].value)
			return no_memory(err);
	}
	*count_out = count;
	return MLM_OK;
}

/* Takes json over; NULL counts as memory that ran out. */
static mlm_status print(
	json_t *json, struct arena *arena, const char **text_out, size_t *size_out, mlm_error *err)
{
	size_t size = json ? json_dumpb(json, NULL, 0, JSON_COMPACT) : 0;
	char *text = size ? arena_alloc(arena, size + 1) : NULL;
	if (text)
		json_dumpb(json, text, size, JSON_COMPACT);
	json_decref(json);
	*text_out = text;
	*size_out = text ? size : 0;
	return text ? MLM_OK : no_memory(err);
}

mlm_status spool_texts_write(const mlm_text *texts, size_t count, struct arena *arena,
	const char **json_out, mlm_error *err)
{
	size_t size;
	return print(pack_texts(texts, count), arena, json_out, &size, err);
}

mlm_status spool_texts_read(const char *json, struct arena *arena, const mlm_text **texts_out,
	size_t *count_out, mlm_error *err)
{
	json_t *array = json_loads(json ? json : "[]", 0, NULL);
	mlm_status status = json_is_array(array)
				    ? unpack_texts(array, arena, texts_out, count_out, err)
				    : damaged(err);
	json_decref(array);
	return status;
}

/* ---- points: as they lie in memory, since no other machine reads them ---- */

struct points_header {
	uint64_t series_count;
	uint64_t point_count;
};

static mlm_status write_points(const struct spool_entry *entry, struct arena *arena,
	const void **body_out, size_t *size_out, mlm_error *err)
{
	const struct points_header header = { entry->series_count, entry->point_count };
	size_t points_size = entry->point_count * sizeof(*entry->points);
	size_t size = sizeof(header) + points_size;
	for (size_t i = 0; i < entry->series_count; i++)
		size += strlen(entry->series[i].key) + 1;
	char *body = arena_alloc(arena, size);
	if (!body)
		return no_memory(err);
	memcpy(body, &header, sizeof(header));
	struct store_point *points = (struct store_point *)(body + sizeof(header));
	for (size_t i = 0; i < entry->point_count; i++) {
		/* Not the padding, which may be anything. */
		points[i].series = entry->points[i].series;
		points[i].step = entry->points[i].step;
		points[i].timestamp_ms = entry->points[i].timestamp_ms;
		points[i].value = entry->points[i].value;
	}
	char *at = body + sizeof(header) + points_size;
	for (size_t i = 0; i < entry->series_count; i++) {
		size_t key_size = strlen(entry->series[i].key) + 1;
		memcpy(at, entry->series[i].key, key_size);
		at += key_size;
	}
	*body_out = body;
	*size_out = size;
	return MLM_OK;
}

/* The body lies in an arena, so it is aligned. */
static mlm_status read_points(const struct spool_record *record, const char *run_id,
	struct arena *arena, struct spool_entry *entry, mlm_error *err)
{
	const char *body = record->body;
	size_t size = record->size;
	struct points_header header;
	if (size < sizeof(header))
		return damaged(err);
	memcpy(&header, body, sizeof(header));
	size_t left = size - sizeof(header);
	if (header.point_count > left / sizeof(struct store_point))
		return damaged(err);
	const struct store_point *points = (const struct store_point *)(body + sizeof(header));
	const char *at = (const char *)(points + header.point_count);
	left -= header.point_count * sizeof(*points);
	if (header.series_count > left) /* a key has a NUL at least */
		return damaged(err);
	struct store_series *series = arena_array(arena, header.series_count + 1, sizeof(*series));
	if (!series)
		return no_memory(err);
	for (size_t i = 0; i < header.series_count; i++) {
		const char *end = memchr(at, '\0', left);
		if (!end)
			return damaged(err);
		series[i] = (struct store_series){ run_id, at };
		left -= (size_t)(end - at) + 1;
		at = end + 1;
	}
	for (size_t i = 0; i < header.point_count; i++)
		if (points[i].series >= header.series_count)
			return damaged(err);
	entry->series = series;
	entry->series_count = header.series_count;
	entry->points = points;
	entry->point_count = header.point_count;
	return MLM_OK;
}

/* ---- inputs ---- */

static json_t *pack_inputs(const mlm_dataset_input *inputs, size_t count)
{
	json_t *array = json_array();
	for (size_t i = 0; i < count && array; i++) {
		const mlm_dataset_input *input = &inputs[i];
		json_t *object = json_pack("{s:s, s:s, s:s, s:s, s:s*, s:s*, s:o}", "name",
			input->name, "digest", input->digest, "source_type", input->source_type,
			"source", input->source, "schema", input->schema, "profile", input->profile,
			"tags", pack_texts(input->tags, input->tag_count));
		if (json_array_append_new(array, object) == 0)
			continue;
		json_decref(array);
		array = NULL;
	}
	return array;
}

/* A string of an object in the arena; NULL when it is not there. */
static const char *word(
	const json_t *object, const char *key, struct arena *arena, bool *failed_out)
{
	const json_t *string = json_object_get(object, key);
	if (!json_is_string(string))
		return NULL;
	const char *text = copy(arena, string);
	*failed_out = *failed_out || !text;
	return text;
}

static mlm_status unpack_inputs(
	const json_t *array, struct arena *arena, struct spool_entry *entry, mlm_error *err)
{
	size_t count = json_array_size(array);
	mlm_dataset_input *inputs = arena_array(arena, count + 1, sizeof(*inputs));
	mlm_status status = inputs ? MLM_OK : no_memory(err);
	bool failed = false;
	for (size_t i = 0; i < count && status == MLM_OK; i++) {
		const json_t *object = json_array_get(array, i);
		mlm_dataset_input *input = &inputs[i];
		input->name = word(object, "name", arena, &failed);
		input->digest = word(object, "digest", arena, &failed);
		input->source_type = word(object, "source_type", arena, &failed);
		input->source = word(object, "source", arena, &failed);
		input->schema = word(object, "schema", arena, &failed);
		input->profile = word(object, "profile", arena, &failed);
		status = unpack_texts(json_object_get(object, "tags"), arena, &input->tags,
			&input->tag_count, err);
		if (status == MLM_OK && failed)
			status = no_memory(err);
		else if (status == MLM_OK &&
			 (!input->name || !input->digest || !input->source_type || !input->source))
			status = damaged(err);
	}
	entry->inputs = inputs;
	entry->input_count = count;
	return status;
}

/* ---- all of them ---- */

static json_t *pack(const struct spool_entry *entry)
{
	const struct store_new_run *create = &entry->create;
	switch (entry->kind) {
	case SPOOL_CREATE:
		return json_pack("{s:s, s:s, s:s, s:s, s:I, s:o}", "experiment_id",
			create->experiment_id, "run_name", create->run_name, "user_id",
			create->user_id, "source_name", create->source_name, "start_time_ms",
			(json_int_t)create->start_time_ms, "tags",
			pack_texts(create->tags, create->tag_count));
	case SPOOL_TEXTS:
		return json_pack("{s:o, s:o}", "params",
			pack_texts(entry->params, entry->param_count), "tags",
			pack_texts(entry->tags, entry->tag_count));
	case SPOOL_DELETE_TAG:
		return json_pack("{s:s}", "key", entry->key);
	case SPOOL_UPDATE:
	case SPOOL_KILL:
		return json_pack("{s:i, s:I, s:s*}", "status", (int)entry->change.status,
			"end_time_ms", (json_int_t)entry->change.end_time_ms, "run_name",
			entry->change.run_name);
	case SPOOL_LIFECYCLE:
		return json_pack("{s:i}", "lifecycle", (int)entry->lifecycle);
	case SPOOL_INPUTS:
		return pack_inputs(entry->inputs, entry->input_count);
	case SPOOL_POINTS:
		break;
	}
	return NULL;
}

mlm_status spool_entry_write(const struct spool_entry *entry, struct arena *arena,
	const void **body_out, size_t *size_out, mlm_error *err)
{
	const char *text;
	*body_out = NULL;
	*size_out = 0;
	if (entry->kind == SPOOL_POINTS)
		return write_points(entry, arena, body_out, size_out, err);
	mlm_status status = print(pack(entry), arena, &text, size_out, err);
	*body_out = text;
	return status;
}

static mlm_status unpack_create(
	const json_t *json, struct arena *arena, struct spool_entry *entry, mlm_error *err)
{
	struct store_new_run *create = &entry->create;
	bool failed = false;
	create->experiment_id = word(json, "experiment_id", arena, &failed);
	create->run_name = word(json, "run_name", arena, &failed);
	create->user_id = word(json, "user_id", arena, &failed);
	create->source_name = word(json, "source_name", arena, &failed);
	create->start_time_ms = json_integer_value(json_object_get(json, "start_time_ms"));
	create->may_exist = true;
	if (failed)
		return no_memory(err);
	if (!create->experiment_id || !create->run_name || !create->user_id || !create->source_name)
		return damaged(err);
	return unpack_texts(
		json_object_get(json, "tags"), arena, &create->tags, &create->tag_count, err);
}

/* A number that is one of an enum's, whose least is 0. */
static bool read_choice(const json_t *json, const char *key, int most, int *choice_out)
{
	json_int_t number = json_integer_value(json_object_get(json, key));
	*choice_out = number >= 0 && number <= most ? (int)number : 0;
	return number >= 0 && number <= most;
}

static mlm_status unpack(
	const json_t *json, struct arena *arena, struct spool_entry *entry, mlm_error *err)
{
	mlm_status status = MLM_OK;
	bool failed = false;
	int choice;
	switch (entry->kind) {
	case SPOOL_CREATE:
		return unpack_create(json, arena, entry, err);
	case SPOOL_TEXTS:
		status = unpack_texts(json_object_get(json, "params"), arena, &entry->params,
			&entry->param_count, err);
		if (status == MLM_OK)
			status = unpack_texts(json_object_get(json, "tags"), arena, &entry->tags,
				&entry->tag_count, err);
		return status;
	case SPOOL_DELETE_TAG:
		entry->key = word(json, "key", arena, &failed);
		return failed ? no_memory(err) : entry->key ? MLM_OK : damaged(err);
	case SPOOL_UPDATE:
	case SPOOL_KILL:
		if (!read_choice(json, "status", MLM_RUN_KILLED, &choice))
			return damaged(err);
		entry->change.status = (mlm_run_status)choice;
		entry->change.end_time_ms =
			json_integer_value(json_object_get(json, "end_time_ms"));
		entry->change.run_name = word(json, "run_name", arena, &failed);
		return failed ? no_memory(err) : MLM_OK;
	case SPOOL_LIFECYCLE:
		if (!read_choice(json, "lifecycle", MLM_DELETED, &choice))
			return damaged(err);
		entry->lifecycle = (mlm_lifecycle)choice;
		return MLM_OK;
	case SPOOL_INPUTS:
		return unpack_inputs(json, arena, entry, err);
	case SPOOL_POINTS:
		break;
	}
	return damaged(err);
}

mlm_status spool_entry_read(const struct spool_record *record, const char *run_id,
	struct arena *arena, struct spool_entry *entry_out, mlm_error *err)
{
	*entry_out = (struct spool_entry){ .kind = record->kind };
	if (record->kind == SPOOL_POINTS)
		return read_points(record, run_id, arena, entry_out, err);
	json_t *json = json_loadb(record->body, record->size, 0, NULL);
	mlm_status status = json ? unpack(json, arena, entry_out, err) : damaged(err);
	json_decref(json);
	return status;
}
