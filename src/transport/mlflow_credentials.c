/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/mlflow_credentials.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/error.h"
#include "base/memory.h"

#define LINE_BYTES_MAX 4096

/* Erased before it is forgotten: memory may end up in a core file. */
static void forget(const mlm_allocator *allocator, char *secret)
{
	if (secret)
		explicit_bzero(secret, strlen(secret));
	memory_free(allocator, secret);
}

static bool keep(const mlm_allocator *allocator, const char *text, char **copy_out)
{
	if (*copy_out || !text || !text[0])
		return true;
	*copy_out = memory_string(allocator, text);
	return *copy_out != NULL;
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

/* One line of the file, as Python's configparser reads them: [section], key = value or key: value,
 * comments after # or ; at the beginning. */
static bool take_line(struct mlflow_credentials *credentials, char *line, bool *is_ours)
{
	line = trim(line);
	if (!line[0] || line[0] == '#' || line[0] == ';')
		return true;
	if (line[0] == '[') {
		*is_ours = strcmp(line, "[mlflow]") == 0;
		return true;
	}
	char *separator = strpbrk(line, "=:");
	if (!*is_ours || !separator)
		return true;
	*separator = '\0';
	const char *value = trim(separator + 1);
	const char *key = trim(line);
	if (strcasecmp(key, "mlflow_tracking_username") == 0)
		return keep(credentials->allocator, value, &credentials->user);
	if (strcasecmp(key, "mlflow_tracking_password") == 0)
		return keep(credentials->allocator, value, &credentials->password);
	return true;
}

static bool read_file(struct mlflow_credentials *credentials)
{
	const char *home = getenv("HOME");
	if (!home || !home[0])
		return true;
	char *path = memory_format(credentials->allocator, "%s/.mlflow/credentials", home);
	if (!path)
		return false;
	FILE *file = fopen(path, "re");
	memory_free(credentials->allocator, path);
	if (!file)
		return true;
	char line[LINE_BYTES_MAX];
	bool is_ours = false;
	bool ok = true;
	while (ok && fgets(line, sizeof(line), file))
		ok = take_line(credentials, line, &is_ours);
	explicit_bzero(line, sizeof(line));
	fclose(file);
	return ok;
}

mlm_status mlflow_credentials_read(
	const mlm_allocator *allocator, struct mlflow_credentials *credentials_out, mlm_error *err)
{
	struct mlflow_credentials *credentials = credentials_out;
	*credentials = (struct mlflow_credentials){ .allocator = allocator };
	bool ok = keep(allocator, getenv("MLFLOW_TRACKING_USERNAME"), &credentials->user) &&
		  keep(allocator, getenv("MLFLOW_TRACKING_PASSWORD"), &credentials->password) &&
		  read_file(credentials);
	if (ok && (!credentials->user || !credentials->password)) {
		/* One without the other is no login. */
		forget(allocator, credentials->user);
		forget(allocator, credentials->password);
		credentials->user = NULL;
		credentials->password = NULL;
		ok = keep(allocator, getenv("MLFLOW_TRACKING_TOKEN"), &credentials->token);
	}
	if (ok)
		return MLM_OK;
	mlflow_credentials_clear(credentials);
	return error_set(err, MLM_ENOMEM, "http", "memory ran out");
}

void mlflow_credentials_clear(struct mlflow_credentials *credentials)
{
	forget(credentials->allocator, credentials->user);
	forget(credentials->allocator, credentials->password);
	forget(credentials->allocator, credentials->token);
	*credentials = (struct mlflow_credentials){ .allocator = credentials->allocator };
}
