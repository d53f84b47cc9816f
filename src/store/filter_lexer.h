/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_FILTER_LEXER_H
#define STORE_FILTER_LEXER_H

/* The words of a filter. Nothing is copied: a token points into the text. */

#include <stdbool.h>
#include <stddef.h>

enum filter_token_kind {
	FILTER_TOKEN_END,
	FILTER_TOKEN_WORD, /* letters, digits, _, all beyond ASCII; no digit first */
	FILTER_TOKEN_NUMBER,
	FILTER_TOKEN_BAD_NUMBER, /* begins as a number and goes on as a word: 12ab */
	FILTER_TOKEN_SINGLE, /* 'text' */
	FILTER_TOKEN_DOUBLE, /* "text" */
	FILTER_TOKEN_BACKTICK, /* `text` */
	FILTER_TOKEN_UNCLOSED, /* a quote without its end: the rest of the text */
	FILTER_TOKEN_OPERATOR, /* a row of < > = ! ~ */
	FILTER_TOKEN_SIGN, /* any other character, alone */
};

struct filter_token {
	enum filter_token_kind kind;
	size_t position; /* of its first byte, the quote included */
	size_t size;
	const char *text; /* without quotes */
	size_t text_size;
};

struct filter_lexer {
	const char *text;
	size_t size;
	size_t position; /* of the next token; blanks may come first */
};

void filter_lexer_init(struct filter_lexer *lexer, const char *text, size_t size);

/** The next token; FILTER_TOKEN_END again and again at the end. */
struct filter_token filter_lexer_next(struct filter_lexer *lexer);

/** What filter_lexer_next() would give. */
struct filter_token filter_lexer_peek(const struct filter_lexer *lexer);

/** True when the very next byte is c: "metrics.x" has no blank before its dot. */
bool filter_lexer_touches(const struct filter_lexer *lexer, char c);

/** After the dot: the key up to a blank or an operator, dots and leading digits included, or in
 * quotes. A token of size 0 when there is none. */
struct filter_token filter_lexer_key(struct filter_lexer *lexer);

#endif
