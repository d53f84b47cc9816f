/* SPDX-License-Identifier: Apache-2.0 */
#include "store/page_token.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

#define JSON_SIZE  64 /* bytes: {"offset": 9223372036854775807} and blanks to spare */
#define TOKEN_SIZE (JSON_SIZE / 3 * 4 + 8)

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

const char *page_token_make(struct arena *arena, int64_t offset)
{
	char json[JSON_SIZE + 2] = { 0 };
	int size = snprintf(json, JSON_SIZE, "{\"offset\": %" PRId64 "}", offset);
	char token[TOKEN_SIZE];
	int used = 0;
	for (int i = 0; i < size; i += 3) {
		unsigned bits = (unsigned)(unsigned char)json[i] << 16 |
				(unsigned)(unsigned char)json[i + 1] << 8 |
				(unsigned char)json[i + 2];
		token[used++] = alphabet[bits >> 18];
		token[used++] = alphabet[bits >> 12 & 63];
		token[used++] = i + 1 < size ? alphabet[bits >> 6 & 63] : '=';
		token[used++] = i + 2 < size ? alphabet[bits & 63] : '=';
	}
	return arena_copy(arena, token, (size_t)used);
}

/* Into json, NUL-ended; false for what is not base64 or too long to be a token. */
static bool decode(const char *token, char json[JSON_SIZE])
{
	size_t size = strlen(token), used = 0;
	if (size % 4 != 0 || size / 4 * 3 >= JSON_SIZE)
		return false;
	size_t letters = size;
	while (letters > 0 && size - letters < 2 && token[letters - 1] == '=')
		letters--;
	unsigned bits = 0;
	for (size_t i = 0; i < letters; i++) {
		const char *place = strchr(alphabet, token[i]);
		if (!place)
			return false;
		bits = (bits << 6 | (unsigned)(place - alphabet)) & 0xffffff;
		if (i % 4 != 0)
			json[used++] = (char)(bits >> (6 - 2 * (i % 4)));
	}
	json[used] = '\0';
	return strlen(json) == used;
}

static const char *skip_blanks(const char *text)
{
	return text + strspn(text, " \t\r\n");
}

/* The text behind the next token of JSON, NULL when it is another one. */
static const char *expect(const char *text, const char *token)
{
	text = text ? skip_blanks(text) : NULL;
	size_t size = strlen(token);
	return text && strncmp(text, token, size) == 0 ? text + size : NULL;
}

mlm_status page_token_parse(const char *token, int64_t *offset_out, mlm_error *err)
{
	*offset_out = 0;
	if (!token || !*token)
		return MLM_OK;
	char json[JSON_SIZE];
	const char *number = NULL;
	if (decode(token, json))
		number = expect(expect(expect(json, "{"), "\"offset\""), ":");
	if (number) {
		char *end;
		errno = 0;
		long long offset = strtoll(number, &end, 10);
		const char *rest = end == number ? NULL : expect(end, "}");
		if (errno == 0 && offset > 0 && rest && *skip_blanks(rest) == '\0') {
			*offset_out = offset;
			return MLM_OK;
		}
	}
	return error_set(err, MLM_EINVAL, "search",
		"page_token is not one that a search has returned as its next page");
}
