/* SPDX-License-Identifier: Apache-2.0 */
#include "binding/terminal.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include <utf8proc.h>

#include "base/decimal.h"
#include "binding/call.h"

#define WIDTH_DEFAULT   80
#define HEIGHT_DEFAULT  24
#define WIDTH_MAX       10000
#define DIGITS_DEFAULT  4
#define DIGITS_MAX      17
#define NUMBER_MAX_SIZE 48 /* a sign and 34 digits of a whole number of 17 times 2 */
#define BLANKS          " \t\r\n"
#define REPLACEMENT     "\xEF\xBF\xBD" /* U+FFFD */

/* One character as a reader sees it: a letter with its accents, a flag, a joined emoji. */
struct grapheme {
	size_t size; /* bytes */
	int width; /* columns */
};

#define ZERO_WIDTH_JOINER  0x200D
#define EMOJI_PRESENTATION 0xFE0F

/* Reads a code point; a byte that is not UTF-8 counts as one character of one column. */
static size_t read_code_point(const char *text, size_t size, utf8proc_int32_t *code_out)
{
	utf8proc_ssize_t used =
		utf8proc_iterate((const utf8proc_uint8_t *)text, (utf8proc_ssize_t)size, code_out);
	if (used > 0)
		return (size_t)used;
	*code_out = -1;
	return 1;
}

static int code_width(utf8proc_int32_t code)
{
	return code < 0 ? 1 : utf8proc_charwidth(code);
}

static struct grapheme next_grapheme(const char *text, size_t size)
{
	utf8proc_int32_t code, next, state = 0;
	struct grapheme grapheme = { read_code_point(text, size, &code), 0 };
	grapheme.width = code_width(code);
	while (code >= 0 && grapheme.size < size) {
		size_t used = read_code_point(text + grapheme.size, size - grapheme.size, &next);
		if (next < 0 || utf8proc_grapheme_break_stateful(code, next, &state))
			break;
		/* What joins does not widen, but the colour form of a symbol is wide. */
		int width = code_width(next);
		if (next == EMOJI_PRESENTATION && grapheme.width == 1)
			width = 2;
		if (width > grapheme.width)
			grapheme.width = width;
		grapheme.size += used;
		code = next;
	}
	return grapheme;
}

/* Bytes of a prefix that are printable ASCII and not followed by something that may join them. */
static size_t plain_prefix(const char *text, size_t size)
{
	size_t length = 0;
	while (length < size && text[length] >= 0x20 && text[length] < 0x7F)
		length++;
	return length == size || length == 0 ? length : length - 1;
}

static lua_Integer text_width(const char *text, size_t size)
{
	size_t at = plain_prefix(text, size);
	lua_Integer width = (lua_Integer)at;
	while (at < size) {
		struct grapheme grapheme = next_grapheme(text + at, size - at);
		width += grapheme.width;
		at += grapheme.size;
	}
	return width;
}

static int terminal_text_width(lua_State *L)
{
	size_t size;
	const char *text = luaL_checklstring(L, 1, &size);
	lua_pushinteger(L, text_width(text, size));
	return 1;
}

static int terminal_cut(lua_State *L)
{
	size_t size;
	const char *text = luaL_checklstring(L, 1, &size);
	lua_Integer columns = luaL_checkinteger(L, 2), width = 0;
	size_t at = 0;
	while (at < size) {
		struct grapheme grapheme = next_grapheme(text + at, size - at);
		if (width + grapheme.width > columns)
			break;
		width += grapheme.width;
		at += grapheme.size;
	}
	lua_pushlstring(L, text, at);
	lua_pushinteger(L, width);
	return 2;
}

static int terminal_wrap(lua_State *L)
{
	size_t size, used = 0;
	const char *text = luaL_checklstring(L, 1, &size);
	lua_Integer columns = luaL_checkinteger(L, 2), width = luaL_optinteger(L, 3, 0);
	char *line = binding_scratch(L, size + 1);
	int count = 0;
	lua_newtable(L);
	for (;;) {
		text += strspn(text, BLANKS);
		size_t word = strcspn(text, BLANKS);
		lua_Integer word_width = text_width(text, word);
		bool is_full = used > 0 && width + 1 + word_width > columns;
		if (is_full || (word == 0 && used > 0)) {
			lua_pushlstring(L, line, used);
			lua_rawseti(L, -2, ++count);
			used = 0;
			width = 0;
		}
		if (word == 0)
			return 1;
		if (used > 0) {
			line[used++] = ' ';
			width++;
		}
		memcpy(line + used, text, word);
		used += word;
		width += word_width;
		text += word;
	}
}

/* What a terminal would take as a command, and what turns the direction of the text, is no text. */
static bool is_printable(utf8proc_int32_t code)
{
	switch (utf8proc_category(code)) {
	case UTF8PROC_CATEGORY_CC:
	case UTF8PROC_CATEGORY_CS:
	case UTF8PROC_CATEGORY_ZL:
	case UTF8PROC_CATEGORY_ZP:
		return false;
	case UTF8PROC_CATEGORY_CF:
		return code == ZERO_WIDTH_JOINER;
	default:
		return true;
	}
}

static int terminal_clean(lua_State *L)
{
	size_t size;
	const char *text = luaL_checklstring(L, 1, &size);
	if (plain_prefix(text, size) == size) {
		lua_settop(L, 1);
		return 1;
	}
	luaL_Buffer clean;
	luaL_buffinit(L, &clean);
	for (size_t at = 0; at < size;) {
		utf8proc_int32_t code;
		size_t used = read_code_point(text + at, size - at, &code);
		if (code == '\n' || code == '\t' || code == '\r')
			luaL_addchar(&clean, ' ');
		else if (code < 0 || !is_printable(code))
			luaL_addstring(&clean, REPLACEMENT);
		else
			luaL_addlstring(&clean, text + at, used);
		at += used;
	}
	luaL_pushresult(&clean);
	return 1;
}

static const char *const stream_names[] = { "stdin", "stdout", "stderr", NULL };

static int terminal_number_type(lua_State *L)
{
	if (lua_type(L, 1) == LUA_TNUMBER)
		lua_pushstring(L, lua_isinteger(L, 1) ? "integer" : "float");
	else
		lua_pushnil(L);
	return 1;
}

/* An exponent without its plus and its zeros in front: 1e-05 is no shorter way to write 1e-5. */
static void shorten_exponent(char *text)
{
	char *from = strchr(text, 'e'), *to;
	if (!from)
		return;
	to = ++from;
	if (*from == '-')
		*to++ = '-';
	from += strspn(from, "+-0");
	memmove(to, from, strlen(from) + 1);
}

static int terminal_number(lua_State *L)
{
	double value = luaL_checknumber(L, 1);
	int digits = (int)luaL_optinteger(L, 2, DIGITS_DEFAULT);
	char text[NUMBER_MAX_SIZE];
	luaL_argcheck(L, digits >= 1 && digits <= DIGITS_MAX, 2, "1 to 17 digits expected");
	if (value == 0) /* without a sign */
		snprintf(text, sizeof(text), "0");
	else if (value == floor(value) && fabs(value) < pow(10, 2 * digits))
		snprintf(text, sizeof(text), "%.0f", value);
	else
		decimal_print(value, digits, text);
	shorten_exponent(text);
	lua_pushstring(L, text);
	return 1;
}

static int terminal_is_terminal(lua_State *L)
{
	lua_pushboolean(L, isatty(luaL_checkoption(L, 1, NULL, stream_names)));
	return 1;
}

static int terminal_width(lua_State *L)
{
	int fd = luaL_checkoption(L, 1, NULL, stream_names);
	struct winsize size;
	if (!isatty(fd)) {
		lua_pushnil(L);
		return 1;
	}
	const char *variable = getenv("COLUMNS");
	long columns = variable ? strtol(variable, NULL, 10) : 0;
	/* The kernel knows of a resize; COLUMNS is what a shell exported at some time. */
	if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		columns = size.ws_col;
	if (columns < 1)
		columns = WIDTH_DEFAULT;
	lua_pushinteger(L, columns < WIDTH_MAX ? columns : WIDTH_MAX);
	return 1;
}

static int terminal_height(lua_State *L)
{
	int fd = luaL_checkoption(L, 1, NULL, stream_names);
	struct winsize size;
	if (!isatty(fd))
		lua_pushnil(L);
	else if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_row > 0)
		lua_pushinteger(L, size.ws_row);
	else
		lua_pushinteger(L, HEIGHT_DEFAULT);
	return 1;
}

/* A few milliseconds coarse, which a display does not see, and read without entering the kernel. */
static int terminal_clock(lua_State *L)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	lua_pushnumber(L, (lua_Number)now.tv_sec + (lua_Number)now.tv_nsec * 1e-9);
	return 1;
}

static const char *variable_or_empty(const char *name)
{
	const char *value = getenv(name);
	return value ? value : "";
}

static int terminal_has_color(lua_State *L)
{
	int fd = luaL_checkoption(L, 1, NULL, stream_names);
	lua_pushboolean(L, isatty(fd) && !variable_or_empty("NO_COLOR")[0] &&
				   strcmp(variable_or_empty("TERM"), "dumb") != 0);
	return 1;
}

/* The locale's variables themselves: setlocale() is the program's to call, not a module's. */
static int terminal_is_utf8(lua_State *L)
{
	static const char *const names[] = { "LC_ALL", "LC_CTYPE", "LANG" };
	const char *locale = "";
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) && !locale[0]; i++)
		locale = variable_or_empty(names[i]);
	lua_pushboolean(L, strcasestr(locale, "utf-8") || strcasestr(locale, "utf8"));
	return 1;
}

static const luaL_Reg terminal_functions[] = {
	{ "is_terminal", terminal_is_terminal },
	{ "width", terminal_width },
	{ "height", terminal_height },
	{ "has_color", terminal_has_color },
	{ "is_utf8", terminal_is_utf8 },
	{ "text_width", terminal_text_width },
	{ "cut", terminal_cut },
	{ "wrap", terminal_wrap },
	{ "clean", terminal_clean },
	{ "clock", terminal_clock },
	{ "number", terminal_number },
	{ "number_type", terminal_number_type },
	{ NULL, NULL },
};

void binding_push_terminal(lua_State *L)
{
	luaL_newlib(L, terminal_functions);
}
