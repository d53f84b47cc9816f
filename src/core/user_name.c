/* SPDX-License-Identifier: Apache-2.0 */
#include "core/user_name.h"

#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PASSWD_LINES_MAX  4096 /* of /etc/passwd; a site with more has a directory server */
#define PASSWD_ENTRY_SIZE 4096

bool user_name_parse(const char *line, unsigned uid, char name_out[USER_NAME_SIZE])
{
	const char *password = strchr(line, ':');
	const char *number = password ? strchr(password + 1, ':') : NULL;
	if (!number || number[1] < '0' || number[1] > '9')
		return false;
	char *end;
	unsigned long value = strtoul(number + 1, &end, 10);
	size_t size = (size_t)(password - line);
	if (*end != ':' || value != uid || size == 0 || size >= USER_NAME_SIZE)
		return false;
	memcpy(name_out, line, size);
	name_out[size] = '\0';
	return true;
}

static bool read_passwd_file(char name_out[USER_NAME_SIZE])
{
	FILE *file = fopen("/etc/passwd", "re");
	if (!file)
		return false;
	char line[PASSWD_ENTRY_SIZE];
	bool found = false;
	for (int i = 0; !found && i < PASSWD_LINES_MAX && fgets(line, sizeof(line), file); i++)
		found = user_name_parse(line, getuid(), name_out);
	fclose(file);
	return found;
}

static bool ask_database(char name_out[USER_NAME_SIZE])
{
	struct passwd entry, *result = NULL;
	char memory[PASSWD_ENTRY_SIZE];
	if (getpwuid_r(getuid(), &entry, memory, sizeof(memory), &result) != 0 || !result ||
		!result->pw_name[0])
		return false;
	snprintf(name_out, USER_NAME_SIZE, "%s", result->pw_name);
	return true;
}

void user_name_read(char name_out[USER_NAME_SIZE])
{
	static const char *const variables[] = {
		"MLFLOW_TRACKING_USERNAME",
		"LOGNAME",
		"USER",
		"LNAME",
		"USERNAME",
	};
	for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++) {
		const char *value = getenv(variables[i]);
		if (value && value[0]) {
			snprintf(name_out, USER_NAME_SIZE, "%s", value);
			return;
		}
	}
	if (!read_passwd_file(name_out) && !ask_database(name_out))
		snprintf(name_out, USER_NAME_SIZE, "unknown");
}
