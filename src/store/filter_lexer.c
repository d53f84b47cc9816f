/* SPDX-License-Identifier: Apache-2.0 */
#include "store/filter_lexer.h"

#include <string.h>

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_operator(char c)
{
	return c != '\0' && strchr("<>=!~", c) != NULL;
}

/* Bytes of the blank at position, 0 when there is none. A no-break space is a blank: it comes with
 * text that was copied from a page, and as part of a key it would find nothing, unseen. */
static size_t blank_size(const struct filter_lexer *lexer, size_t position)
{
	if (position >= lexer->size)
		return 0;
	char c = lexer->text[position];
	if (c == ' ' || (c >= '\t' && c <= '\r'))
		return 1;
	if (position + 1 < lexer->size && c == '\xc2' && lexer->text[position + 1] == '\xa0')
		return 2;
	return 0;
}

static bool is_word(const struct filter_lexer *lexer, size_t position)
{
	if (position >= lexer->size)
		return false;
	char c = lexer->text[position];
	if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '_')
		return true;
	return (unsigned char)c >= 0x80 && blank_size(lexer, position) == 0;
}

static char byte_at(const struct filter_lexer *lexer, size_t position)
{
	return position < lexer->size ? lexer->text[position] : '\0';
}

static struct filter_token token(
	const struct filter_lexer *lexer, enum filter_token_kind kind, size_t from, size_t to)
{
	return (struct filter_token){ kind, from, to - from, lexer->text + from, to - from };
}

/* A doubled quote, and in ' and " one after a backslash, does not end the text, yet both stand in
 * it as they are: that is how MLflow reads them. Where no other end comes, the last such quote is
 * the end, so 'C:\' is whole. */
static struct filter_token lex_quoted(const struct filter_lexer *lexer)
{
	size_t from = lexer->position;
	char quote = lexer->text[from];
	size_t end = 0, last_pair = 0; /* 0: none, since from + 1 is the least */
	for (size_t i = from + 1; i < lexer->size;) {
		if (lexer->text[i] == quote) {
			if (byte_at(lexer, i + 1) != quote) {
				end = i;
				break;
			}
			last_pair = i;
			i += 2;
		} else if (quote != '`' && lexer->text[i] == '\\' &&
			   byte_at(lexer, i + 1) == quote) {
			last_pair = i + 1;
			i += 2;
		} else {
			i++;
		}
	}
	if (end == 0)
		end = last_pair;
	if (end == 0)
		return token(lexer, FILTER_TOKEN_UNCLOSED, from, lexer->size);
	enum filter_token_kind kind = quote == '\''  ? FILTER_TOKEN_SINGLE
				      : quote == '"' ? FILTER_TOKEN_DOUBLE
						     : FILTER_TOKEN_BACKTICK;
	struct filter_token quoted = token(lexer, kind, from, end + 1);
	quoted.text++;
	quoted.text_size -= 2;
	return quoted;
}

static bool starts_number(const struct filter_lexer *lexer)
{
	size_t i = lexer->position;
	if (byte_at(lexer, i) == '-')
		i++;
	if (byte_at(lexer, i) == '.')
		i++;
	return is_digit(byte_at(lexer, i));
}

static struct filter_token lex_number(const struct filter_lexer *lexer)
{
	size_t i = lexer->position;
	if (byte_at(lexer, i) == '-')
		i++;
	while (is_digit(byte_at(lexer, i)))
		i++;
	if (byte_at(lexer, i) == '.')
		i++;
	while (is_digit(byte_at(lexer, i)))
		i++;
	if (byte_at(lexer, i) == 'e' || byte_at(lexer, i) == 'E') {
		size_t exponent = i + 1;
		if (byte_at(lexer, exponent) == '+' || byte_at(lexer, exponent) == '-')
			exponent++;
		if (is_digit(byte_at(lexer, exponent))) {
			i = exponent;
			while (is_digit(byte_at(lexer, i)))
				i++;
		}
	}
	enum filter_token_kind kind = FILTER_TOKEN_NUMBER;
	while (is_word(lexer, i) || byte_at(lexer, i) == '.') {
		kind = FILTER_TOKEN_BAD_NUMBER;
		i++;
	}
	return token(lexer, kind, lexer->position, i);
}

void filter_lexer_init(struct filter_lexer *lexer, const char *text, size_t size)
{
	*lexer = (struct filter_lexer){ text, size, 0 };
}

struct filter_token filter_lexer_next(struct filter_lexer *lexer)
{
	for (size_t blank; (blank = blank_size(lexer, lexer->position)) > 0;)
		lexer->position += blank;
	size_t from = lexer->position;
	struct filter_token next;
	char c = byte_at(lexer, from);
	if (from >= lexer->size) {
		next = token(lexer, FILTER_TOKEN_END, from, from);
	} else if (c == '\'' || c == '"' || c == '`') {
		next = lex_quoted(lexer);
	} else if (starts_number(lexer)) {
		next = lex_number(lexer);
	} else if (is_word(lexer, from)) {
		size_t to = from;
		while (is_word(lexer, to))
			to++;
		next = token(lexer, FILTER_TOKEN_WORD, from, to);
	} else if (is_operator(c)) {
		size_t to = from;
		while (is_operator(byte_at(lexer, to)))
			to++;
		next = token(lexer, FILTER_TOKEN_OPERATOR, from, to);
	} else {
		next = token(lexer, FILTER_TOKEN_SIGN, from, from + 1);
	}
	lexer->position = from + next.size;
	return next;
}

struct filter_token filter_lexer_peek(const struct filter_lexer *lexer)
{
	struct filter_lexer ahead = *lexer;
	return filter_lexer_next(&ahead);
}

bool filter_lexer_touches(const struct filter_lexer *lexer, char c)
{
	return byte_at(lexer, lexer->position) == c;
}

struct filter_token filter_lexer_key(struct filter_lexer *lexer)
{
	char c = byte_at(lexer, lexer->position);
	if (c == '\'' || c == '"' || c == '`')
		return filter_lexer_next(lexer);
	size_t to = lexer->position;
	while (is_word(lexer, to) || byte_at(lexer, to) == '.')
		to++;
	struct filter_token key = token(lexer, FILTER_TOKEN_WORD, lexer->position, to);
	lexer->position = to;
	return key;
}
