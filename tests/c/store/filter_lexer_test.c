/* SPDX-License-Identifier: Apache-2.0 */
#include "store/filter_lexer.h"

#include "check.h"

/* The tokens of a text as one line, "kind:text" each. */
static const char *lex(const char *text)
{
	static const char *const kinds[] = { "end", "word", "number", "bad", "single", "double",
		"backtick", "unclosed", "operator", "sign" };
	static char line[1000];
	size_t used = 0;
	struct filter_lexer lexer;
	filter_lexer_init(&lexer, text, strlen(text));
	for (;;) {
		struct filter_token ahead = filter_lexer_peek(&lexer);
		struct filter_token token = filter_lexer_next(&lexer);
		CHECK(memcmp(&ahead.position, &token.position, sizeof(size_t)) == 0);
		CHECK(token.position + token.size == lexer.position);
		if (token.kind == FILTER_TOKEN_END)
			break;
		used += (size_t)snprintf(line + used, sizeof(line) - used, "%s%s:%.*s",
			used ? " " : "", kinds[token.kind], (int)token.text_size, token.text);
	}
	if (used == 0)
		line[0] = '\0';
	return line;
}

TEST(filter_lexer_next__cuts_words_numbers_and_operators)
{
	CHECK_STRING(lex(""), "");
	CHECK_STRING(lex(" \t\r\n\xc2\xa0"), "");
	CHECK_STRING(lex("a>=1"), "word:a operator:>= number:1");
	CHECK_STRING(lex("a>-.5e-3,b"), "word:a operator:> number:-.5e-3 sign:, word:b");
	CHECK_STRING(lex("1."), "number:1.");
	CHECK_STRING(lex("1e"), "bad:1e");
	CHECK_STRING(lex("1e+"), "bad:1e sign:+");
	CHECK_STRING(lex("1.2.3"), "bad:1.2.3");
	CHECK_STRING(lex("- 1"), "sign:- number:1");
	CHECK_STRING(lex("-"), "sign:-");
	CHECK_STRING(lex("a.b"), "word:a sign:. word:b");
	CHECK_STRING(lex("caf\xc3\xa9\xc2\xa0x"), "word:caf\xc3\xa9 word:x");
	CHECK_STRING(lex("(a)"), "sign:( word:a sign:)");
}

TEST(filter_lexer_next__finds_the_end_of_a_quote)
{
	CHECK_STRING(lex("'a' \"b\" `c`"), "single:a double:b backtick:c");
	CHECK_STRING(lex("''"), "single:");
	CHECK_STRING(lex("'it''s'x"), "single:it''s word:x");
	CHECK_STRING(lex("'it\\'s'x"), "single:it\\'s word:x");
	CHECK_STRING(lex("`a\\`b"), "backtick:a\\ word:b");
	CHECK_STRING(lex("'a\\'"), "single:a\\");
	CHECK_STRING(lex("'a\\' b"), "single:a\\ word:b");
	CHECK_STRING(lex("'a'' b"), "single:a unclosed:' b");
	CHECK_STRING(lex("'"), "unclosed:'");
	CHECK_STRING(lex("a 'b c"), "word:a unclosed:'b c");
}

TEST(filter_lexer_key__takes_dots_and_digits)
{
	static const struct {
		const char *text, *key;
	} cases[] = { { "a.b.1 > 2", "a.b.1" }, { "1e5>1", "1e5" }, { "`a b`.c", "a b" },
		{ " a", "" }, { "*", "" }, { "a-b", "a" }, { "\"\"", "" } };
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct filter_lexer lexer;
		filter_lexer_init(&lexer, cases[i].text, strlen(cases[i].text));
		struct filter_token key = filter_lexer_key(&lexer);
		CHECK_INT(key.text_size, strlen(cases[i].key));
		CHECK(strncmp(key.text, cases[i].key, key.text_size) == 0);
	}
}

int main(void)
{
	RUN(filter_lexer_next__cuts_words_numbers_and_operators);
	RUN(filter_lexer_next__finds_the_end_of_a_quote);
	RUN(filter_lexer_key__takes_dots_and_digits);
	return check_done();
}
