/* SPDX-License-Identifier: Apache-2.0 */
#include "store/param_conflict.h"

#include <string.h>

#include "base/error.h"

#define QUOTED_BYTES_MAX 60 /* of a value in a message; values may have 6000 characters */

/* How many bytes of a value to show: up to the limit, on a character's boundary. */
static int quoted_size(const char *value)
{
	size_t size = strnlen(value, QUOTED_BYTES_MAX + 1);
	if (size <= QUOTED_BYTES_MAX)
		return (int)size;
	size = QUOTED_BYTES_MAX;
	while (size > 0 && ((unsigned char)value[size] & 0xC0) == 0x80)
		size--;
	return (int)size;
}

mlm_status param_conflict(mlm_error *err, const char *run_id, const char *key,
	const char *old_value, const char *new_value)
{
	const char *old = old_value ? old_value : "";
	return error_set(err, MLM_EEXISTS, "param",
		"a param's value cannot change: '%s' of run %s is '%.*s'%s, the new value is "
		"'%.*s'%s",
		key, run_id, quoted_size(old), old, strlen(old) > QUOTED_BYTES_MAX ? "…" : "",
		quoted_size(new_value), new_value, strlen(new_value) > QUOTED_BYTES_MAX ? "…" : "");
}
