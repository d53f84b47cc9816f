/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TRANSPORT_AWS_KEYS_H
#define TRANSPORT_AWS_KEYS_H

#include <stdint.h>

#include "mlmanager/allocator.h"
#include "mlmanager/error.h"

/* Who asks AWS: one set of keys. */
struct aws_keys {
	const mlm_allocator *allocator;
	char *access_key; /* NULL: there are none */
	char *secret_key;
	char *session_token; /* NULL: none */
	const char *origin; /* "the environment", for messages */
	int64_t expires_ms; /* 0: never */
};

/** Copies what a place has; the token may be NULL or empty. Errors: ENOMEM. */
mlm_status aws_keys_set(struct aws_keys *keys, const char *access_key, const char *secret_key,
	const char *session_token, mlm_error *err);
/** Erases what it held. */
void aws_keys_clear(struct aws_keys *keys);

/** Erases and frees a secret; NULL is a no-op. */
void aws_secret_free(const mlm_allocator *allocator, char *secret);

/** A time such as "2026-01-02T03:04:05Z" or with an offset, in milliseconds; 0: none, or NULL. */
int64_t aws_time_read(const char *text);

#endif
