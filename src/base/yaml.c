/* SPDX-License-Identifier: Apache-2.0 */
#include "base/yaml.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <yaml.h>

#include "base/error.h"
#include "base/library.h"

#define ENTRIES_MAX 10000u /* of one document */
#define DEPTH_MAX   64 /* deeper ones are refused before libyaml's own stack grows */

static struct {
	int (*parser_initialize)(yaml_parser_t *);
	void (*parser_delete)(yaml_parser_t *);
	void (*parser_set_input_string)(yaml_parser_t *, const unsigned char *, size_t);
	int (*parser_parse)(yaml_parser_t *, yaml_event_t *);
	void (*event_delete)(yaml_event_t *);
	int (*emitter_initialize)(yaml_emitter_t *);
	void (*emitter_delete)(yaml_emitter_t *);
	void (*emitter_set_output)(yaml_emitter_t *, yaml_write_handler_t *, void *);
	void (*emitter_set_unicode)(yaml_emitter_t *, int);
	void (*emitter_set_width)(yaml_emitter_t *, int);
	int (*emitter_emit)(yaml_emitter_t *, yaml_event_t *);
	int (*stream_start)(yaml_event_t *, yaml_encoding_t);
	int (*stream_end)(yaml_event_t *);
	int (*document_start)(yaml_event_t *, yaml_version_directive_t *, yaml_tag_directive_t *,
		yaml_tag_directive_t *, int);
	int (*document_end)(yaml_event_t *, int);
	int (*mapping_start)(yaml_event_t *, const yaml_char_t *, const yaml_char_t *, int,
		yaml_mapping_style_t);
	int (*mapping_end)(yaml_event_t *);
	int (*scalar)(yaml_event_t *, const yaml_char_t *, const yaml_char_t *, const yaml_char_t *,
		int, int, int, yaml_scalar_style_t);
} yaml;

static const char *const names[] = { "libyaml-0.so.2", NULL };

static const struct library_function functions[] = {
	{ "yaml_parser_initialize", &yaml.parser_initialize },
	{ "yaml_parser_delete", &yaml.parser_delete },
	{ "yaml_parser_set_input_string", &yaml.parser_set_input_string },
	{ "yaml_parser_parse", &yaml.parser_parse },
	{ "yaml_event_delete", &yaml.event_delete },
	{ "yaml_emitter_initialize", &yaml.emitter_initialize },
	{ "yaml_emitter_delete", &yaml.emitter_delete },
	{ "yaml_emitter_set_output", &yaml.emitter_set_output },
	{ "yaml_emitter_set_unicode", &yaml.emitter_set_unicode },
	{ "yaml_emitter_set_width", &yaml.emitter_set_width },
	{ "yaml_emitter_emit", &yaml.emitter_emit },
	{ "yaml_stream_start_event_initialize", &yaml.stream_start },
	{ "yaml_stream_end_event_initialize", &yaml.stream_end },
	{ "yaml_document_start_event_initialize", &yaml.document_start },
	{ "yaml_document_end_event_initialize", &yaml.document_end },
	{ "yaml_mapping_start_event_initialize", &yaml.mapping_start },
	{ "yaml_mapping_end_event_initialize", &yaml.mapping_end },
	{ "yaml_scalar_event_initialize", &yaml.scalar },
};

static struct library library = {
	.package = "libyaml-0-2",
	.purpose = "reading and writing MLflow's meta.yaml files",
	.names = names,
	.functions = functions,
	.function_count = sizeof(functions) / sizeof(functions[0]),
};

static mlm_status no_memory(mlm_error *err)
{
	return error_set(err, MLM_ENOMEM, "yaml", "memory ran out");
}

/* ---- reading ---- */

/* Where the reader stands: a key at the top or in a mapping below it, the value of one, or
 * something that is passed over. */
struct reading {
	struct arena *arena;
	struct yaml_entry *entries;
	size_t count;
	size_t capacity;
	int depth; /* of collections that are open; 1 in the mapping at the top */
	int ignored_from; /* collections this deep are passed over; 0: none is */
	const char *keys[3]; /* waiting for its value, by depth */
	bool out_of_memory;
	bool is_too_much;
};

static void add(struct reading *reading, const char *key, const char *value)
{
	if (reading->count == ENTRIES_MAX) {
		reading->is_too_much = true;
		return;
	}
	if (reading->count == reading->capacity) {
		size_t capacity = reading->capacity ? reading->capacity * 2 : 16;
		struct yaml_entry *entries =
			arena_array(reading->arena, capacity, sizeof(*entries));
		if (!entries) {
			reading->out_of_memory = true;
			return;
		}
		if (reading->count > 0)
			memcpy(entries, reading->entries, reading->count * sizeof(*entries));
		reading->entries = entries;
		reading->capacity = capacity;
	}
	reading->entries[reading->count++] = (struct yaml_entry){
		.parent = reading->depth == 2 ? reading->keys[1] : NULL,
		.key = key,
		.value = value,
	};
}

static bool is_null(const yaml_event_t *event)
{
	static const char *const words[] = { "", "~", "null", "Null", "NULL" };
	if (event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
		return false;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp((const char *)event->data.scalar.value, words[i]) == 0)
			return true;
	}
	return false;
}

static void on_scalar(struct reading *reading, const yaml_event_t *event)
{
	if (reading->ignored_from || reading->depth < 1 || reading->depth > 2)
		return;
	const char **key = &reading->keys[reading->depth];
	const char *text = NULL;
	if (!*key || !is_null(event)) {
		text = arena_copy(reading->arena, (const char *)event->data.scalar.value,
			event->data.scalar.length);
		reading->out_of_memory = reading->out_of_memory || !text;
	}
	if (!*key) {
		*key = text;
		return;
	}
	add(reading, *key, text);
	*key = NULL;
}

static void on_start(struct reading *reading, bool is_mapping)
{
	reading->depth++;
	if (reading->ignored_from)
		return;
	/* A collection as a key, a list, or a third level. */
	bool is_value = reading->depth == 1 || reading->keys[reading->depth - 1];
	if (!is_mapping || !is_value || reading->depth > 2)
		reading->ignored_from = reading->depth;
	else
		reading->keys[reading->depth] = NULL;
}

static void on_end(struct reading *reading)
{
	if (reading->ignored_from == reading->depth)
		reading->ignored_from = 0;
	reading->depth--;
	if (reading->depth >= 1 && reading->depth <= 2 && !reading->ignored_from)
		reading->keys[reading->depth] = NULL;
}

static void on_alias(struct reading *reading)
{
	if (!reading->ignored_from && reading->depth >= 1 && reading->depth <= 2)
		reading->keys[reading->depth] = NULL;
}

/* *found_out: the document is a mapping. */
static mlm_status read_events(yaml_parser_t *parser, struct reading *reading, const char *name,
	bool *found_out, mlm_error *err)
{
	bool ended = false;
	while (!ended) {
		yaml_event_t event;
		if (!yaml.parser_parse(parser, &event)) {
			if (parser->error == YAML_MEMORY_ERROR)
				return no_memory(err);
			return error_set(err, MLM_ECORRUPT, "yaml", "%s line %zu: %s", name,
				parser->problem_mark.line + 1,
				parser->problem ? parser->problem : "not YAML");
		}
		switch (event.type) {
		case YAML_SCALAR_EVENT:
			on_scalar(reading, &event);
			break;
		case YAML_MAPPING_START_EVENT:
			*found_out = *found_out || reading->depth == 0;
			on_start(reading, true);
			break;
		case YAML_SEQUENCE_START_EVENT:
			on_start(reading, false);
			break;
		case YAML_MAPPING_END_EVENT:
		case YAML_SEQUENCE_END_EVENT:
			on_end(reading);
			break;
		case YAML_ALIAS_EVENT:
			on_alias(reading);
			break;
		case YAML_DOCUMENT_END_EVENT:
		case YAML_STREAM_END_EVENT:
			ended = true;
			break;
		default:
			break;
		}
		yaml.event_delete(&event);
		if (reading->out_of_memory)
			return no_memory(err);
		if (reading->is_too_much || reading->depth > DEPTH_MAX)
			return error_set(err, MLM_ECORRUPT, "yaml",
				"%s has more than %u entries, or %d levels", name, ENTRIES_MAX,
				DEPTH_MAX);
	}
	return MLM_OK;
}

mlm_status yaml_read(const char *text, size_t size, const char *name, struct arena *arena,
	struct yaml_map *map_out, mlm_error *err)
{
	*map_out = (struct yaml_map){ NULL, 0 };
	mlm_status status = library_load(&library, err);
	if (status != MLM_OK)
		return status;
	yaml_parser_t parser;
	if (!yaml.parser_initialize(&parser))
		return no_memory(err);
	struct reading reading = { .arena = arena };
	bool found = false;
	yaml.parser_set_input_string(&parser, (const unsigned char *)text, size);
	status = read_events(&parser, &reading, name, &found, err);
	yaml.parser_delete(&parser);
	if (status != MLM_OK)
		return status;
	if (!found)
		return error_set(err, MLM_ECORRUPT, "yaml",
			"%s is not a mapping from names to values", name);
	*map_out = (struct yaml_map){ reading.entries, reading.count };
	return MLM_OK;
}

const char *yaml_get(const struct yaml_map *map, const char *key)
{
	for (size_t i = map->count; i > 0; i--) {
		const struct yaml_entry *entry = &map->entries[i - 1];
		if (!entry->parent && strcmp(entry->key, key) == 0)
			return entry->value;
	}
	return NULL;
}

/* ---- writing ---- */

struct output {
	struct arena *arena;
	char *text;
	size_t size;
	size_t capacity;
};

static int on_write(void *payload, unsigned char *bytes, size_t size)
{
	struct output *output = payload;
	if (output->size + size > output->capacity) {
		size_t capacity = (output->size + size) * 2 + 256;
		char *text = arena_alloc(output->arena, capacity);
		if (!text)
			return 0;
		if (output->size > 0)
			memcpy(text, output->text, output->size);
		output->text = text;
		output->capacity = capacity;
	}
	memcpy(output->text + output->size, bytes, size);
	output->size += size;
	return 1;
}

/* The emitter takes the event over, also when it fails; one that was not made ends it all. */
static bool emit(yaml_emitter_t *emitter, yaml_event_t *event, int is_made)
{
	return is_made && yaml.emitter_emit(emitter, event);
}

static bool emit_scalar(yaml_emitter_t *emitter, const char *text, yaml_scalar_style_t style)
{
	yaml_event_t event;
	return emit(emitter, &event,
		yaml.scalar(&event, NULL, NULL, (const yaml_char_t *)text, (int)strlen(text), 1, 1,
			style));
}

static bool emit_value(yaml_emitter_t *emitter, const struct yaml_value *value)
{
	char digits[24];
	if (value->text)
		return emit_scalar(emitter, value->text, YAML_DOUBLE_QUOTED_SCALAR_STYLE);
	if (!value->is_number)
		return emit_scalar(emitter, "null", YAML_PLAIN_SCALAR_STYLE);
	snprintf(digits, sizeof(digits), "%" PRId64, value->number);
	return emit_scalar(emitter, digits, YAML_PLAIN_SCALAR_STYLE);
}

static bool emit_key(yaml_emitter_t *emitter, const char *key)
{
	/* A tag's key may be "null" or "1.0", which PyYAML would not take for a text. */
	return emit_scalar(emitter, key, YAML_DOUBLE_QUOTED_SCALAR_STYLE);
}

static bool emit_mapping_start(yaml_emitter_t *emitter)
{
	yaml_event_t event;
	return emit(emitter, &event,
		yaml.mapping_start(&event, NULL, NULL, 1, YAML_BLOCK_MAPPING_STYLE));
}

static bool emit_mapping_end(yaml_emitter_t *emitter)
{
	yaml_event_t event;
	return emit(emitter, &event, yaml.mapping_end(&event));
}

static bool emit_values(yaml_emitter_t *emitter, const struct yaml_value *values, size_t count)
{
	const char *parent = NULL;
	bool ok = emit_mapping_start(emitter);
	for (size_t i = 0; i < count && ok; i++) {
		const struct yaml_value *value = &values[i];
		bool is_same = parent && value->parent && strcmp(parent, value->parent) == 0;
		if (parent && !is_same) {
			ok = emit_mapping_end(emitter);
			parent = NULL;
		}
		if (ok && value->parent && !is_same) {
			ok = emit_key(emitter, value->parent) && emit_mapping_start(emitter);
			parent = value->parent;
		}
		if (ok && value->key)
			ok = emit_key(emitter, value->key) && emit_value(emitter, value);
	}
	if (ok && parent)
		ok = emit_mapping_end(emitter);
	return ok && emit_mapping_end(emitter);
}

mlm_status yaml_write(const struct yaml_value *values, size_t count, struct arena *arena,
	const char **text_out, size_t *size_out, mlm_error *err)
{
	*text_out = NULL;
	*size_out = 0;
	mlm_status status = library_load(&library, err);
	if (status != MLM_OK)
		return status;
	yaml_emitter_t emitter;
	if (!yaml.emitter_initialize(&emitter))
		return no_memory(err);
	struct output output = { .arena = arena };
	yaml_event_t event;
	yaml.emitter_set_output(&emitter, on_write, &output);
	yaml.emitter_set_unicode(&emitter, 1);
	yaml.emitter_set_width(&emitter, -1);
	bool ok = emit(&emitter, &event, yaml.stream_start(&event, YAML_UTF8_ENCODING)) &&
		  emit(&emitter, &event, yaml.document_start(&event, NULL, NULL, NULL, 1)) &&
		  emit_values(&emitter, values, count) &&
		  emit(&emitter, &event, yaml.document_end(&event, 1)) &&
		  emit(&emitter, &event, yaml.stream_end(&event));
	bool is_text = !(emitter.error == YAML_NO_ERROR && !ok);
	yaml.emitter_delete(&emitter);
	if (!ok)
		return is_text ? no_memory(err)
			       : error_set(err, MLM_EINVAL, "yaml", "a text is not UTF-8");
	*text_out = output.text;
	*size_out = output.size;
	return MLM_OK;
}
