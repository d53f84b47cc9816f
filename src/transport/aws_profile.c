/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/aws_profile.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/environment.h"
#include "base/error.h"
#include "base/memory.h"
#include "transport/web_address.h"

#define LINE_BYTES_MAX 8192

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

/* group NULL: a key of the profile; else one of the lines that are indented below "group =". NULL:
 * not in there. False when memory ran out. */
static bool search_file(const mlm_allocator *allocator, FILE *file, const char *profile,
	const char *group, const char *key, bool is_config, char **value_out, bool *exists)
{
	char line[LINE_BYTES_MAX];
	bool is_ours = false, is_group = false;
	bool ok = true;
	while (ok && !*value_out && fgets(line, sizeof(line), file)) {
		bool is_indented = isspace((unsigned char)line[0]);
		char *text = trim(line);
		if (text[0] == '[' && !is_indented) {
			is_ours = is_section(text, profile, is_config);
			*exists = *exists || is_ours;
			is_group = false;
			continue;
		}
		char *equals = strchr(text, '=');
		if (!is_ours || text[0] == '#' || text[0] == ';' || !equals)
			continue;
		*equals = '\0';
		char *value = trim(equals + 1);
		const char *name = trim(text);
		if (!is_indented)
			is_group = group && strcasecmp(name, group) == 0 && !value[0];
		if (is_indented != (group != NULL) || (group && !is_group) ||
			strcasecmp(name, key) != 0 || !value[0])
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

static mlm_status read_file(const mlm_allocator *allocator, enum aws_file which,
	const char *profile, const char *group, const char *key, char **value_out, bool *exists,
	mlm_error *err)
{
	bool is_config = which == AWS_FILE_CONFIG;
	char *path = is_config ? path_of(allocator, "AWS_CONFIG_FILE", "config")
			       : path_of(allocator, "AWS_SHARED_CREDENTIALS_FILE", "credentials");
	FILE *file = path ? fopen(path, "re") : NULL;
	bool ok = path != NULL;
	memory_free(allocator, path);
	*value_out = NULL;
	if (file) {
		ok = search_file(
			allocator, file, profile, group, key, is_config, value_out, exists);
		fclose(file);
	}
	return ok ? MLM_OK : error_set(err, MLM_ENOMEM, "aws", "memory ran out");
}

mlm_status aws_profile_read_file(const mlm_allocator *allocator, enum aws_file file,
	const char *profile, const char *key, char **value_out, mlm_error *err)
{
	bool exists = false;
	return read_file(allocator, file, profile, NULL, key, value_out, &exists, err);
}

mlm_status aws_profile_read(const mlm_allocator *allocator, const char *profile, const char *key,
	char **value_out, bool *exists_out, mlm_error *err)
{
	bool exists = false;
	mlm_status status = read_file(
		allocator, AWS_FILE_CREDENTIALS, profile, NULL, key, value_out, &exists, err);
	if (status == MLM_OK && !*value_out)
		status = read_file(
			allocator, AWS_FILE_CONFIG, profile, NULL, key, value_out, &exists, err);
	if (exists_out)
		*exists_out = exists;
	return status;
}

mlm_status aws_profile_read_s3(
	const mlm_allocator *allocator, const char *key, char **value_out, mlm_error *err)
{
	bool exists = false;
	return read_file(
		allocator, AWS_FILE_CONFIG, aws_profile_name(), "s3", key, value_out, &exists, err);
}

mlm_status aws_endpoint_read(const mlm_allocator *allocator, const char *const *variables,
	char **endpoint_out, mlm_error *err)
{
	const char *name = "endpoint_url of the AWS profile";
	const char *value = NULL;
	char *of_profile = NULL;
	struct web_address address;
	mlm_status status = MLM_OK;
	*endpoint_out = NULL;
	for (; *variables && !value; variables++) {
		value = environment(*variables);
		name = value ? *variables : name;
	}
	if (!value)
		status = aws_profile_read(
			allocator, aws_profile_name(), "endpoint_url", &of_profile, NULL, err);
	value = value ? value : of_profile;
	if (status == MLM_OK && value && !web_address_is(value))
		status = error_set(err, MLM_EINVAL, "aws",
			"%s is '%.200s'; it begins with http:// or https://", name, value);
	if (status == MLM_OK && value) {
		status = web_address_parse(allocator, value, &address, err);
		if (status == MLM_OK) {
			*endpoint_out = memory_string(allocator, address.base);
			status = *endpoint_out
					 ? MLM_OK
					 : error_set(err, MLM_ENOMEM, "aws", "memory ran out");
			web_address_clear(&address);
		}
	}
	memory_free(allocator, of_profile);
	return status;
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
