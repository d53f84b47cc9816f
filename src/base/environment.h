/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_ENVIRONMENT_H
#define BASE_ENVIRONMENT_H

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/** A variable's value; NULL where it is not set, or empty. */
static inline const char *environment(const char *name)
{
	const char *value = getenv(name);
	return value && value[0] ? value : NULL;
}

/** Whether a setting, which may be NULL, says yes: "true" in any case, or "1". */
static inline bool environment_is_true(const char *setting)
{
	return setting && (strcasecmp(setting, "true") == 0 || strcmp(setting, "1") == 0);
}

#endif
