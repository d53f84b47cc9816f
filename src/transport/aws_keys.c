/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/aws_keys.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/error.h"
#include "base/memory.h"

void aws_secret_free(const mlm_allocator *allocator, char *secret)
{
	if (secret)
		explicit_bzero(secret, strlen(secret));
	memory_free(allocator, secret);
}

void aws_keys_clear(struct aws_keys *keys)
{
	aws_secret_free(keys->allocator, keys->access_key);
	aws_secret_free(keys->allocator, keys->secret_key);
	aws_secret_free(keys->allocator, keys->session_token);
	*keys = (struct aws_keys){ .allocator = keys->allocator };
}

mlm_status aws_keys_set(struct aws_keys *keys, const char *access_key, const char *secret_key,
	const char *session_token, mlm_error *err)
{
	keys->access_key = memory_string(keys->allocator, access_key);
	keys->secret_key = memory_string(keys->allocator, secret_key);
	if (session_token && session_token[0])
		keys->session_token = memory_string(keys->allocator, session_token);
	bool has_token = keys->session_token || !session_token || !session_token[0];
	if (keys->access_key && keys->secret_key && has_token)
		return MLM_OK;
	aws_keys_clear(keys);
	return error_set(err, MLM_ENOMEM, "aws", "memory ran out");
}

int64_t aws_time_read(const char *text)
{
	struct tm at = { 0 };
	const char *rest = text ? strptime(text, "%Y-%m-%dT%H:%M:%S", &at) : NULL;
	if (!rest)
		return 0;
	int64_t seconds = (int64_t)timegm(&at);
	if (*rest == '.')
		rest += 1 + strspn(rest + 1, "0123456789");
	if (*rest == '+' || *rest == '-') {
		struct tm offset = { 0 };
		if (strptime(rest + 1, "%H:%M", &offset) || strptime(rest + 1, "%H%M", &offset))
			seconds -= (*rest == '+' ? 1 : -1) *
				   (offset.tm_hour * 3600 + offset.tm_min * 60);
	}
	return seconds * 1000;
}
