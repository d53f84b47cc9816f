/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/aws_profile.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/error.h"
#include "base/memory.h"

#define LINE_BYTES_MAX 8192

static const char *environment(const char *name)
{
	const char *value = getenv(name);
	return value && value[0] ? value : NULL;
}

const char *aws_profile_name(void)
{
	const char *name = environment("AWS_PROFILE");
	if (!name)
		name = environment("AWS_DEFAULT_PROFILE");
	return name ? name : "default";
}

static char *trim(char *text)
{
	while (isspace((unsigned char)*text))
		text++;
	size_t size = strlen(text);
	while (size && isspace((unsigned char)text[size - 1]))
		text[--size] = '\0';
	return text;
}

/* Whether "[profile NAME]" or "[NAME]" is the profile's section. */
static bool is_section(char *line, const char *profile, bool is_config)
{
	char *end = strchr(line, ']');
	if (!end)
		return false;
	*end = '\0';
	char *name = trim(line + 1);
	if (is_config && strncmp(name, "profile", 7) == 0 && isspace((unsigned char)name[7])) {
		name = trim(name + 7);
		size_t size = strlen(name);
		if (size >= 2 && name[0] == '"' && name[size - 1] == '"') {
			name[size - 1] = '\0';
			name++;
		}
	} else if (is_config && strcmp(profile, "default") != 0) {
		return false;
	}
	return strcmp(name, profile) == 0;
}

/* NULL: not in there. False when memory ran out. */
static bool search_file(const mlm_allocator *allocator, FILE *file, const char *profile,
	const char *key, bool is_config, char **value_out, bool *exists)
{
	char line[LINE_BYTES_MAX];
	bool is_ours = false;
	bool ok = true;
	while (ok && !*value_out && fgets(line, sizeof(line), file)) {
		bool is_indented = isspace((unsigned char)line[0]);
		char *text = trim(line);
		if (text[0] == '[' && !is_indented) {
			is_ours = is_section(text, profile, is_config);
			*exists = *exists || is_ours;
			continue;
		}
		/* What is indented belongs to the key above: "s3 =". */
		char *equals = strchr(text, '=');
		if (!is_ours || is_indented || text[0] == '#' || text[0] == ';' || !equals)
			continue;
		*equals = '\0';
		char *value = trim(equals + 1);
		if (strcasecmp(trim(text), key) != 0 || !value[0])
			continue;
		*value_out = memory_string(allocator, value);
		ok = *value_out != NULL;
	}
	explicit_bzero(line, sizeof(line));
	return ok;
}

static char *path_of(const mlm_allocator *allocator, const char *variable, const char *name)
{
	const char *path = environment(variable);
	const char *home = environment("HOME");
	if (path && strncmp(path, "~/", 2) == 0)
		return memory_format(allocator, "%s%s", home ? home : "", path + 1);
	return path ? memory_string(allocator, path)
		    : memory_format(allocator, "%s/.aws/%s", home ? home : "", name);
}

mlm_status aws_profile_read(const mlm_allocator *allocator, const char *profile, const char *key,
	char **value_out, bool *exists_out, mlm_error *err)
{
	static const struct {
		const char *variable;
		const char *name;
	} files[] = {
		{ "AWS_SHARED_CREDENTIALS_FILE", "credentials" },
		{ "AWS_CONFIG_FILE", "config" },
	};
	bool exists = false;
	bool ok = true;
	*value_out = NULL;
	for (int i = 0; i < 2 && ok && !*value_out; i++) {
		char *path = path_of(allocator, files[i].variable, files[i].name);
		FILE *file = path ? fopen(path, "re") : NULL;
		ok = path != NULL;
		memory_free(allocator, path);
		if (!file)
			continue;
		ok = search_file(allocator, file, profile, key, i == 1, value_out, &exists);
		fclose(file);
	}
	if (exists_out)
		*exists_out = exists;
	return ok ? MLM_OK : error_set(err, MLM_ENOMEM, "aws", "memory ran out");
}

mlm_status aws_region_read(const mlm_allocator *allocator, char **region_out, mlm_error *err)
{
	const char *region = environment("AWS_REGION");
	*region_out = NULL;
	if (!region)
		region = environment("AWS_DEFAULT_REGION");
	mlm_status status = MLM_OK;
	if (!region)
		status = aws_profile_read(
			allocator, aws_profile_name(), "region", region_out, NULL, err);
	if (status != MLM_OK || *region_out)
		return status;
	*region_out = memory_string(allocator, region ? region : "us-east-1");
	return *region_out ? MLM_OK : error_set(err, MLM_ENOMEM, "aws", "memory ran out");
}
