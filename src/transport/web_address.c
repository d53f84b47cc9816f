/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/web_address.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/error.h"
#include "base/memory.h"

#define ADDRESS_BYTES_MAX 8192

/* What stands where, as places in the text. */
struct parts {
	const char *text;
	const char *authority;
	const char *user; /* NULL when there is none */
	size_t user_size; /* with the password */
	const char *host;
	size_t host_size;
	const char *port; /* NULL when there is none */
	size_t port_size;
	const char *path; /* up to the end of the text */
};

__attribute__((format(printf, 3, 4))) static mlm_status refuse(
	const struct parts *parts, mlm_error *err, const char *format, ...)
{
	char shown[160], why[160];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(why, sizeof(why), format, arguments);
	va_end(arguments);
	if (parts->user)
		snprintf(shown, sizeof(shown), "%.*s***@%s", (int)(parts->authority - parts->text),
			parts->text, parts->host);
	else
		snprintf(shown, sizeof(shown), "%s", parts->text);
	return error_set(err, MLM_EINVAL, "http",
		"address '%s' %s; write for example https://mlflow.example.org", shown, why);
}

static mlm_status split(const char *text, struct parts *parts, mlm_error *err)
{
	*parts = (struct parts){ .text = text, .authority = strstr(text, "://") + 3 };
	size_t size = strcspn(parts->authority, "/?#");
	const char *end = parts->authority + size;
	parts->path = end;
	parts->host = parts->authority;
	for (const char *c = parts->authority; c < end; c++)
		if (*c == '@') /* the last one: careless people leave one in their password */
			parts->host = c + 1;
	if (parts->host > parts->authority) {
		parts->user = parts->authority;
		parts->user_size = (size_t)(parts->host - parts->authority) - 1;
	}
	const char *after = parts->host;
	if (*after == '[') {
		after = memchr(after, ']', (size_t)(end - after));
		if (!after)
			return refuse(parts, err, "has a '[' without its ']'");
		after++;
	} else {
		while (after < end && *after != ':')
			after++;
	}
	parts->host_size = (size_t)(after - parts->host);
	if (after < end) {
		parts->port = after + 1;
		parts->port_size = (size_t)(end - parts->port);
		if (*after != ':' || strspn(parts->port, "0123456789") < parts->port_size ||
			parts->port_size > 5 || strtol(parts->port, NULL, 10) > 65535)
			return refuse(parts, err, "has no number from 1 to 65535 as its port");
	}
	if (parts->host_size == 0)
		return refuse(parts, err, "names no host");
	if (strpbrk(parts->path, "?#"))
		return refuse(parts, err, "has a '?' or a '#'");
	for (const char *c = text; *c; c++)
		if (iscntrl((unsigned char)*c) || (*c == ' ' && c >= parts->host))
			return refuse(parts, err, "has a blank in it");
	return MLM_OK;
}

static int hex_value(char c)
{
	return c >= '0' && c <= '9'         ? c - '0'
	       : isxdigit((unsigned char)c) ? (c | 32) - 'a' + 10
					    : -1;
}

char *web_address_decode(const mlm_allocator *allocator, const char *text, size_t size)
{
	char *decoded = memory_new(allocator, size + 1);
	size_t at = 0;
	for (size_t i = 0; decoded && i < size; i++) {
		bool is_coded = text[i] == '%' && i + 2 < size && hex_value(text[i + 1]) >= 0 &&
				hex_value(text[i + 2]) >= 0;
		decoded[at++] =
			is_coded ? (char)(hex_value(text[i + 1]) * 16 + hex_value(text[i + 2]))
				 : text[i];
		i += is_coded ? 2 : 0;
	}
	return decoded;
}

static bool take_user(const struct parts *parts, struct web_address *address)
{
	if (!parts->user)
		return true;
	const char *colon = memchr(parts->user, ':', parts->user_size);
	size_t name_size = colon ? (size_t)(colon - parts->user) : parts->user_size;
	address->user = web_address_decode(address->allocator, parts->user, name_size);
	address->password = colon ? web_address_decode(address->allocator, colon + 1,
					    parts->user_size - name_size - 1)
				  : memory_string(address->allocator, "");
	return address->user && address->password;
}

static bool make_base(const struct parts *parts, struct web_address *address)
{
	long port = parts->port && parts->port_size ? strtol(parts->port, NULL, 10) : 0;
	char port_text[8] = "";
	size_t path_size = strlen(parts->path);
	while (path_size && parts->path[path_size - 1] == '/')
		path_size--;
	if (port && port != (address->is_https ? 443 : 80))
		snprintf(port_text, sizeof(port_text), ":%ld", port);
	address->base = memory_format(address->allocator, "%s://%.*s%s%.*s",
		address->is_https ? "https" : "http", (int)parts->host_size, parts->host, port_text,
		(int)path_size, parts->path);
	if (!address->base)
		return false;
	char *host = strstr(address->base, "://") + 3;
	for (size_t i = 0; i < parts->host_size; i++)
		host[i] = (char)tolower((unsigned char)host[i]);
	return true;
}

bool web_address_is(const char *text)
{
	return strncasecmp(text, "http://", 7) == 0 || strncasecmp(text, "https://", 8) == 0;
}

mlm_status web_address_parse(const mlm_allocator *allocator, const char *text,
	struct web_address *address_out, mlm_error *err)
{
	struct parts parts;
	*address_out = (struct web_address){ .allocator = allocator };
	if (!web_address_is(text) || strlen(text) > ADDRESS_BYTES_MAX)
		return error_set(err, MLM_EINVAL, "http",
			"an address begins with http:// or https:// and has at most %d bytes",
			ADDRESS_BYTES_MAX);
	mlm_status status = split(text, &parts, err);
	if (status != MLM_OK)
		return status;
	address_out->is_https = strncasecmp(text, "https", 5) == 0;
	if (!take_user(&parts, address_out) || !make_base(&parts, address_out)) {
		web_address_clear(address_out);
		return error_set(err, MLM_ENOMEM, "http", "memory ran out");
	}
	return MLM_OK;
}

void web_address_clear(struct web_address *address)
{
	memory_free(address->allocator, address->base);
	memory_free(address->allocator, address->user);
	memory_free(address->allocator, address->password);
	*address = (struct web_address){ 0 };
}

char *web_address_encode(const mlm_allocator *allocator, const char *text, const char *keep)
{
	static const char digits[] = "0123456789ABCDEF";
	char *encoded = memory_array(allocator, strlen(text) + 1, 3);
	size_t at = 0;
	for (; encoded && *text; text++) {
		unsigned char c = (unsigned char)*text;
		bool is_plain = (c < 0x80 && isalnum(c)) || strchr("-._~", c) || strchr(keep, c);
		if (is_plain) {
			encoded[at++] = (char)c;
		} else {
			encoded[at++] = '%';
			encoded[at++] = digits[c >> 4];
			encoded[at++] = digits[c & 15];
		}
	}
	return encoded;
}
