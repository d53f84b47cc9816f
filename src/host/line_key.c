/* SPDX-License-Identifier: Apache-2.0 */
#include "host/line_key.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define INDENT               L"  "
#define PASTE_CHARACTERS_MAX (4u << 20)

/* No terminal sends these. Before the line is left, it is drawn without its hint; what follows is
 * another key's work, since libedit draws between two keys only. */
#define ENTER_SEQUENCE "\033[5001~"
#define LIST_SEQUENCE  "\033[5002~"

struct line_editor *line_key_editor(EditLine *edit)
{
	void *editor = NULL;

	libedit.get(edit, EL_CLIENTDATA, &editor);
	return editor;
}

char *line_key_text(const wchar_t *begin, const wchar_t *end)
{
	size_t count = (size_t)(end - begin), size = 0;
	char *text = malloc(count * MB_CUR_MAX + 1);
	mbstate_t state = { 0 };

	if (!text)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		size_t used = wcrtomb(text + size, begin[i], &state);

		if (used == (size_t)-1) {
			state = (mbstate_t){ 0 };
			text[size] = '?';
			used = 1;
		}
		size += used;
	}
	text[size] = '\0';
	return text;
}

static wchar_t *to_wide(const char *text)
{
	size_t size = strlen(text), count = 0;
	wchar_t *wide = calloc(size + 1, sizeof(*wide));
	mbstate_t state = { 0 };

	for (size_t at = 0; wide && at < size; count++) {
		size_t used = mbrtowc(&wide[count], text + at, size - at, &state);

		if (used == 0 || used > size - at) { /* not a character of this locale */
			state = (mbstate_t){ 0 };
			wide[count] = L'?';
			used = 1;
		}
		at += used;
	}
	return wide;
}

/* ---- Enter and Tab ---- */

static unsigned char draw(EditLine *edit, int key)
{
	(void)edit;
	(void)key;
	return CC_REFRESH;
}

static unsigned char press_enter(EditLine *edit, int key)
{
	(void)key;
	line_key_editor(edit)->hides_hint = true;
	libedit.push(edit, ENTER_SEQUENCE);
	return CC_REFRESH;
}

static bool is_blank_row(const LineInfoW *line)
{
	const wchar_t *at = line->cursor;

	while (at > line->buffer && at[-1] != L'\n') {
		if (at[-1] != L' ' && at[-1] != L'\t')
			return false;
		at--;
	}
	return true;
}

static unsigned char insert(EditLine *edit, const char *text)
{
	wchar_t *wide = to_wide(text);
	bool inserted = wide && libedit.winsertstr(edit, wide) == 0;

	free(wide);
	return inserted ? CC_REFRESH : CC_ERROR;
}

static unsigned char press_tab(EditLine *edit, int key)
{
	struct line_editor *editor = line_key_editor(edit);
	const LineInfoW *line = libedit.wline(edit);
	struct line_completion completion = { 0 };

	(void)key;
	if (is_blank_row(line))
		return libedit.winsertstr(edit, INDENT) == 0 ? CC_REFRESH : CC_ERROR;
	char *before = line_key_text(line->buffer, line->cursor);
	bool found =
		before && editor->helper->complete(editor->helper->payload, before, &completion);
	free(before);
	if (!found)
		return CC_REFRESH_BEEP;
	if (completion.drop_count > 0)
		libedit.deletestr(edit, (int)completion.drop_count);
	unsigned char result = CC_REFRESH;
	if (completion.insert && completion.insert[0])
		result = insert(edit, completion.insert);
	if (completion.list) {
		editor->list = completion.list;
		editor->hides_hint = true;
		libedit.push(edit, LIST_SEQUENCE);
	}
	return result;
}

static unsigned char show_list(EditLine *edit, int key)
{
	struct line_editor *editor = line_key_editor(edit);

	(void)key;
	if (!editor->list)
		return CC_ERROR;
	fputc('\n', stdout);
	fputs(editor->list, stdout);
	fflush(stdout);
	editor->list = NULL;
	editor->hides_hint = false;
	return CC_REDISPLAY;
}

/* ---- Up and Down ---- */

void line_key_begin(struct line_editor *editor)
{
	editor->recalled = 0;
	free(editor->shown);
	editor->shown = NULL;
}

/* The entry that is n back, 1 being the newest; NULL past the oldest. */
static const char *entry_at(struct line_editor *editor, int n)
{
	HistEvent event;
	int more = libedit.history(editor->past, &event, H_FIRST);

	for (int i = 1; more >= 0 && i < n; i++)
		more = libedit.history(editor->past, &event, H_NEXT);
	return more >= 0 && n > 0 ? event.str : NULL;
}

static bool is_shown(const struct line_editor *editor, const LineInfoW *line)
{
	size_t count = (size_t)(line->lastchar - line->buffer);

	return editor->shown && wcslen(editor->shown) == count &&
	       wmemcmp(editor->shown, line->buffer, count) == 0;
}

static void replace_line(EditLine *edit, const wchar_t *text)
{
	const LineInfoW *line = libedit.wline(edit);

	libedit.cursor(edit, (int)(line->lastchar - line->cursor));
	line = libedit.wline(edit);
	libedit.deletestr(edit, (int)(line->lastchar - line->buffer));
	if (text[0])
		libedit.winsertstr(edit, text);
}

/* Remembers what is on the line as what was typed. */
static bool begin_recall(struct line_editor *editor, const LineInfoW *line)
{
	size_t count = (size_t)(line->lastchar - line->buffer);
	wchar_t *typed = calloc(count + 1, sizeof(*typed));

	if (!typed)
		return false;
	wmemcpy(typed, line->buffer, count);
	free(editor->typed);
	editor->typed = typed;
	editor->prefix_size = (size_t)(line->cursor - line->buffer);
	editor->recalled = 0;
	return true;
}

/* direction 1 is back, -1 forth. Moves inside a text of several rows first. */
static unsigned char recall(EditLine *edit, int direction)
{
	struct line_editor *editor = line_key_editor(edit);
	const LineInfoW *line = libedit.wline(edit);

	if (!editor->past)
		return CC_ERROR;
	if (!is_shown(editor, line) && !begin_recall(editor, line))
		return CC_ERROR;
	for (int n = editor->recalled + direction; n >= 0; n += direction) {
		const char *entry = n > 0 ? entry_at(editor, n) : NULL;
		wchar_t *text = entry ? to_wide(entry) : n == 0 ? wcsdup(editor->typed) : NULL;

		if (!text)
			break;
		if (n > 0 && (wcsncmp(text, editor->typed, editor->prefix_size) != 0 ||
				     (editor->shown && wcscmp(text, editor->shown) == 0))) {
			free(text);
			continue;
		}
		replace_line(edit, text);
		free(editor->shown);
		editor->shown = text;
		editor->recalled = n;
		return CC_REFRESH;
	}
	return CC_ERROR;
}

/* Characters from the beginning of its row to the cursor. */
static ptrdiff_t column_of(const LineInfoW *line)
{
	const wchar_t *begin = line->cursor;

	while (begin > line->buffer && begin[-1] != L'\n')
		begin--;
	return line->cursor - begin;
}

static unsigned char press_up(EditLine *edit, int key)
{
	const LineInfoW *line = libedit.wline(edit);
	ptrdiff_t column = column_of(line);
	const wchar_t *end = line->cursor - column - 1; /* of the row above */
	const wchar_t *begin = end;

	(void)key;
	if (end < line->buffer)
		return recall(edit, 1);
	while (begin > line->buffer && begin[-1] != L'\n')
		begin--;
	const wchar_t *target = end - begin > column ? begin + column : end;
	libedit.cursor(edit, (int)(target - line->cursor));
	return CC_CURSOR;
}

static unsigned char press_down(EditLine *edit, int key)
{
	const LineInfoW *line = libedit.wline(edit);
	ptrdiff_t column = column_of(line);
	const wchar_t *begin = line->cursor;

	(void)key;
	while (begin < line->lastchar && *begin != L'\n')
		begin++;
	if (begin == line->lastchar)
		return recall(edit, -1);
	begin++;
	const wchar_t *target = begin;
	while (target < line->lastchar && *target != L'\n' && target - begin < column)
		target++;
	libedit.cursor(edit, (int)(target - line->cursor));
	return CC_CURSOR;
}

/* libedit's own go to the ends of all rows; so do these when pressed again. */
static unsigned char press_home(EditLine *edit, int key)
{
	const LineInfoW *line = libedit.wline(edit);
	ptrdiff_t column = column_of(line);

	(void)key;
	libedit.cursor(edit, (int)-(column > 0 ? column : line->cursor - line->buffer));
	return CC_CURSOR;
}

static unsigned char press_end(EditLine *edit, int key)
{
	const LineInfoW *line = libedit.wline(edit);
	const wchar_t *end = line->cursor;

	(void)key;
	while (end < line->lastchar && *end != L'\n')
		end++;
	libedit.cursor(edit, (int)((end > line->cursor ? end : line->lastchar) - line->cursor));
	return CC_CURSOR;
}

/* ---- paste ---- */

struct paste {
	wchar_t *text;
	size_t size, capacity; /* characters */
	bool failed;
};

static void add_pasted(struct paste *paste, wchar_t character)
{
	if (paste->size + 1 >= paste->capacity) {
		size_t wanted = paste->capacity ? paste->capacity * 2 : 256;
		wchar_t *larger = wanted > PASTE_CHARACTERS_MAX
					  ? NULL
					  : realloc(paste->text, wanted * sizeof(*larger));

		/* What does not fit is read all the same: it must not run as lines. */
		if (!larger) {
			paste->failed = true;
			return;
		}
		paste->text = larger;
		paste->capacity = wanted;
	}
	paste->text[paste->size++] = character;
}

/* Reads until the terminal says that the paste is over; false when a signal came first. */
static bool read_paste(EditLine *edit, struct paste *paste)
{
	static const wchar_t end[] = L"\033[201~";
	const size_t end_size = sizeof(end) / sizeof(end[0]) - 1;
	size_t matched = 0;
	wchar_t character, before = 0;

	while (matched < end_size) {
		if (libedit.wgetc(edit, &character) != 1)
			return false;
		matched = character == end[matched] ? matched + 1 : character == end[0];
		if (character == L'\r' || (character == L'\n' && before != L'\r'))
			add_pasted(paste, L'\n');
		else if (character >= L' ' || character == L'\t')
			add_pasted(paste, character);
		before = character;
	}
	/* Its escape was not kept. */
	paste->size -= paste->size < end_size - 1 ? paste->size : end_size - 1;
	/* The newline after the last line would only look like one more line. */
	while (paste->size > 0 && paste->text[paste->size - 1] == L'\n')
		paste->size--;
	return true;
}

/* Puts what is pasted on the line as one text. Nothing runs before Enter. */
static unsigned char take_paste(EditLine *edit, int key)
{
	struct paste paste = { 0 };
	unsigned char result = CC_REFRESH;

	(void)key;
	if (!read_paste(edit, &paste)) {
		result = CC_EOF;
	} else if (paste.failed) {
		result = CC_REFRESH_BEEP;
	} else if (paste.size > 0) {
		paste.text[paste.size] = L'\0';
		if (libedit.winsertstr(edit, paste.text) != 0)
			result = CC_REFRESH_BEEP;
	}
	free(paste.text);
	return result;
}

/* ---- binding ---- */

void line_key_bind(struct line_editor *editor)
{
	static const struct {
		const wchar_t *name, *help;
		unsigned char (*function)(EditLine *, int);
	} functions[] = {
		{ L"mlm-draw", L"Draw the line", draw },
		{ L"mlm-enter", L"End the line", press_enter },
		{ L"mlm-complete", L"Complete what is before the cursor", press_tab },
		{ L"mlm-list", L"Show what Tab has found", show_list },
		{ L"mlm-up", L"The row above, or the entry before", press_up },
		{ L"mlm-down", L"The row below, or the entry after", press_down },
		{ L"mlm-home", L"Go to the begin of the row", press_home },
		{ L"mlm-end", L"Go to the end of the row", press_end },
		{ L"mlm-paste", L"Take a pasted text", take_paste },
	};
	static const char draw_key[] = { LINE_KEY_DRAW, '\0' };
	static const struct {
		const char *key, *function;
	} bindings[] = {
		{ draw_key, "mlm-draw" },
		{ "\\t", "mlm-complete" },
		{ "\\r", "mlm-enter" },
		{ "\\n", "mlm-enter" },
		{ ENTER_SEQUENCE, "ed-newline" },
		{ LIST_SEQUENCE, "mlm-list" },
		{ "\\e[A", "mlm-up" },
		{ "\\eOA", "mlm-up" },
		{ "^P", "mlm-up" },
		{ "\\e[B", "mlm-down" },
		{ "\\eOB", "mlm-down" },
		{ "^N", "mlm-down" },
		{ "^R", "em-inc-search-prev" },
		{ "^S", "em-inc-search-next" },
		{ "\\e[1;5C", "em-next-word" },
		{ "\\e[1;5D", "ed-prev-word" },
		{ "\\e[3~", "ed-delete-next-char" },
		{ "^A", "mlm-home" },
		{ "\\e[H", "mlm-home" },
		{ "\\eOH", "mlm-home" },
		{ "\\e[1~", "mlm-home" },
		{ "^E", "mlm-end" },
		{ "\\e[F", "mlm-end" },
		{ "\\eOF", "mlm-end" },
		{ "\\e[4~", "mlm-end" },
		{ "\\e[200~", "mlm-paste" },
	};

	/* el_set() would copy the texts and lose them. */
	for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++)
		libedit.wset(editor->edit, EL_ADDFN, functions[i].name, functions[i].help,
			functions[i].function);
	for (size_t i = 0; i < sizeof(bindings) / sizeof(bindings[0]); i++)
		libedit.set(editor->edit, EL_BIND, bindings[i].key, bindings[i].function, NULL);
}
