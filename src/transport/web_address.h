/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TRANSPORT_WEB_ADDRESS_H
#define TRANSPORT_WEB_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>

#include "mlmanager/allocator.h"
#include "mlmanager/error.h"

/* An http:// or https:// address, taken apart. */
struct web_address {
	const mlm_allocator *allocator;
	char *base; /* "https://host:8443/path": no user, no password, no slash at the end */
	char *user; /* as it is, not percent-encoded; NULL when there is none */
	char *password;
	bool is_https;
};

/**
 * Reads an address. Scheme and host come out in lower case, the scheme's own port is left out, so
 * that one server has one spelling.
 *
 * Errors:  EINVAL (the message shows the address without its password), ENOMEM.
 * Owns:    web_address_clear() frees what it filled in. The allocator is borrowed until then.
 */
mlm_status web_address_parse(const mlm_allocator *allocator, const char *text,
	struct web_address *address_out, mlm_error *err);
void web_address_clear(struct web_address *address);

/** Whether text begins with "http://" or "https://", in either case. */
bool web_address_is(const char *text);

/** Percent-encodes all but letters, digits, "-", ".", "_", "~" and what keep lists ("/").
 * Owns: free it with memory_free(); NULL when memory ran out. */
char *web_address_encode(const mlm_allocator *allocator, const char *text, const char *keep);

/** The first size bytes of text with their percent-encoding undone; a '%' that begins none stays.
 * Owns: free it with memory_free(); NULL when memory ran out. */
char *web_address_decode(const mlm_allocator *allocator, const char *text, size_t size);

#endif
