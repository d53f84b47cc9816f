/* SPDX-License-Identifier: Apache-2.0 */
#include "core/limits.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <utf8proc.h>

#include "base/error.h"

/* Bytes of a key or a name that an error message repeats. */
#define SHOWN_BYTES 80

static int shown(size_t size)
{
	return size > SHOWN_BYTES ? SHOWN_BYTES : (int)size;
}

/* Python's \w: letters and numbers of any script, and the underscore. */
static bool is_word(utf8proc_int32_t c)
{
	switch (utf8proc_category(c)) {
	case UTF8PROC_CATEGORY_LU:
	case UTF8PROC_CATEGORY_LL:
	case UTF8PROC_CATEGORY_LT:
	case UTF8PROC_CATEGORY_LM:
	case UTF8PROC_CATEGORY_LO:
	case UTF8PROC_CATEGORY_ND:
	case UTF8PROC_CATEGORY_NL:
	case UTF8PROC_CATEGORY_NO:
		return true;
	default:
		return c == '_';
	}
}

static bool is_key_character(utf8proc_int32_t c)
{
	return is_word(c) || (c > 0 && c < 128 && strchr("-./: ", (int)c));
}

/* Keys are paths in artifact and file stores: MLflow wants them in their shortest form. */
static bool is_plain_path(const char *key, size_t size)
{
	if (key[0] == '/' || key[size - 1] == '/')
		return false;
	for (size_t start = 0; start < size;) {
		const char *slash = memchr(key + start, '/', size - start);
		size_t end = slash ? (size_t)(slash - key) : size;
		size_t length = end - start;
		const char *part = key + start;
		if (length == 0 || (length == 1 && part[0] == '.') ||
			(length == 2 && part[0] == '.' && part[1] == '.'))
			return false;
		start = end + 1;
	}
	/* normpath's result may not begin with "..", so neither may a name like "..a". */
	return !(size >= 2 && key[0] == '.' && key[1] == '.');
}

mlm_status limits_check_key(const char *key, size_t size, const char *what, mlm_error *err)
{
	if (!key || size == 0)
		return error_set(err, MLM_EINVAL, "limits",
			"%s is empty; it needs 1 to %d characters", what, MLM_KEY_MAX);
	size_t characters = 0;
	for (size_t i = 0; i < size; characters++) {
		utf8proc_int32_t c;
		utf8proc_ssize_t used = utf8proc_iterate(
			(const utf8proc_uint8_t *)key + i, (utf8proc_ssize_t)(size - i), &c);
		if (used <= 0)
			return error_set(err, MLM_EINVAL, "limits",
				"%s has a byte that is not UTF-8 at position %zu", what, i + 1);
		if (!is_key_character(c))
			return error_set(err, MLM_EINVAL, "limits",
				"%s '%.*s' has a character at byte %zu that is not allowed; use "
				"letters, digits, spaces and _ - . : /",
				what, shown(size), key, i + 1);
		i += (size_t)used;
	}
	if (characters > MLM_KEY_MAX)
		return error_set(err, MLM_EINVAL, "limits",
			"%s '%.40s...' has %zu characters; at most %d are allowed", what, key,
			characters, MLM_KEY_MAX);
	if (!is_plain_path(key, size))
		return error_set(err, MLM_EINVAL, "limits",
			"%s '%.*s' is not a plain path; no '/' at either end, no '//', no '.' or "
			"'..' between slashes",
			what, shown(size), key);
	return MLM_OK;
}

static bool truncates(void)
{
	const char *setting = getenv("MLFLOW_TRUNCATE_LONG_VALUES");
	return setting && (strcasecmp(setting, "true") == 0 || strcmp(setting, "1") == 0);
}

/* Counts characters and finds the byte after the max-th; false for what is not UTF-8. */
static bool measure(const char *text, size_t max, size_t *characters_out, size_t *bytes_of_max_out)
{
	size_t size = strlen(text);
	size_t characters = 0;
	*bytes_of_max_out = size;
	for (size_t i = 0; i < size; characters++) {
		utf8proc_int32_t c;
		utf8proc_ssize_t used = utf8proc_iterate(
			(const utf8proc_uint8_t *)text + i, (utf8proc_ssize_t)(size - i), &c);
		if (used <= 0)
			return false;
		if (characters == max)
			*bytes_of_max_out = i;
		i += (size_t)used;
	}
	*characters_out = characters;
	return true;
}

mlm_status limits_check_value(const char *key, const char *value, size_t max, const char *what,
	struct arena *arena, const char **value_out, mlm_error *err)
{
	*value_out = value;
	if (!value)
		return error_set(err, MLM_EINVAL, "limits", "%s '%s' has no value", what, key);
	size_t characters = 0;
	size_t bytes_of_max = 0;
	if (!measure(value, max, &characters, &bytes_of_max))
		return error_set(err, MLM_EINVAL, "limits",
			"the value of %s '%s' is not UTF-8; log bytes as an artifact", what, key);
	if (characters <= max)
		return MLM_OK;
	if (!truncates())
		return error_set(err, MLM_EINVAL, "limits",
			"the value of %s '%s' has %zu characters; at most %zu are allowed "
			"(MLFLOW_TRUNCATE_LONG_VALUES=true cuts it)",
			what, key, characters, max);
	*value_out = arena_copy(arena, value, bytes_of_max);
	return *value_out ? MLM_OK : error_set(err, MLM_ENOMEM, "limits", "memory ran out");
}

mlm_status limits_check_experiment_name(const char *name, mlm_error *err)
{
	size_t characters = 0;
	size_t bytes = 0;
	if (!name || !name[0])
		return error_set(err, MLM_EINVAL, "experiment", "the experiment's name is empty");
	if (!measure(name, MLM_EXPERIMENT_NAME_MAX, &characters, &bytes))
		return error_set(
			err, MLM_EINVAL, "experiment", "the experiment's name is not UTF-8");
	if (characters > MLM_EXPERIMENT_NAME_MAX)
		return error_set(err, MLM_EINVAL, "experiment",
			"the experiment's name has %zu characters; at most %d are allowed",
			characters, MLM_EXPERIMENT_NAME_MAX);
	return MLM_OK;
}

mlm_status limits_check_artifact_location(const char *location, mlm_error *err)
{
	size_t characters = 0;
	size_t bytes = 0;
	if (!measure(location, MLM_ARTIFACT_LOCATION_MAX, &characters, &bytes))
		return error_set(
			err, MLM_EINVAL, "experiment", "the artifact location is not UTF-8");
	if (characters > MLM_ARTIFACT_LOCATION_MAX)
		return error_set(err, MLM_EINVAL, "experiment",
			"the artifact location has %zu characters; at most %d are allowed",
			characters, MLM_ARTIFACT_LOCATION_MAX);
	if (strncmp(location, "runs:", strlen("runs:")) == 0)
		return error_set(err, MLM_EINVAL, "experiment",
			"the artifact location '%s' is that of a run; give a directory or a URI",
			location);
	return MLM_OK;
}

mlm_status limits_check_texts(const mlm_text *texts, size_t count, size_t max, const char *kind,
	struct arena *arena, const mlm_text **texts_out, mlm_error *err)
{
	mlm_text *checked = arena_array(arena, count ? count : 1, sizeof(*checked));
	const char *key_name = strcmp(kind, "param") == 0 ? "param key" : "tag key";
	*texts_out = checked;
	if (!checked)
		return error_set(err, MLM_ENOMEM, "limits", "memory ran out");
	for (size_t i = 0; i < count; i++) {
		const char *key = texts[i].key;
		mlm_status status = limits_check_key(key, key ? strlen(key) : 0, key_name, err);
		if (status == MLM_OK)
			status = limits_check_value(
				key, texts[i].value, max, kind, arena, &checked[i].value, err);
		if (status != MLM_OK)
			return status;
		checked[i].key = key;
	}
	return MLM_OK;
}

const char *limits_clean_text(const char *text, size_t max, struct arena *arena)
{
	static const char stand_in[] = "\xEF\xBF\xBD"; /* U+FFFD */
	size_t size = strlen(text);
	char *clean = arena_alloc(arena, size * (sizeof(stand_in) - 1) + 1);
	size_t used = 0;
	for (size_t i = 0, characters = 0; clean && i < size && characters < max; characters++) {
		utf8proc_int32_t c;
		utf8proc_ssize_t bytes = utf8proc_iterate(
			(const utf8proc_uint8_t *)text + i, (utf8proc_ssize_t)(size - i), &c);
		bool is_text = bytes > 0;
		size_t count = is_text ? (size_t)bytes : sizeof(stand_in) - 1;
		memcpy(clean + used, is_text ? text + i : stand_in, count);
		used += count;
		i += is_text ? count : 1;
	}
	return clean;
}
