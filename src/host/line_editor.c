/* SPDX-License-Identifier: Apache-2.0 */
#include "host/line_editor.h"

#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

#include "host/libedit.h"
#include "host/line_key.h"

#define HISTORY_ENTRIES_MAX 2000
#define HINT_ESCAPE         '\1'
#define HINT_COLUMNS_MIN    12 /* with less room there is none */

#define PASTE_ON    "\033[?2004h" /* the terminal marks what is pasted */
#define PASTE_OFF   "\033[?2004l"
#define CLEAR_BELOW "\033[J" /* from the cursor on */

static volatile sig_atomic_t is_resized;
static volatile sig_atomic_t is_continued;

static void on_resize(int number)
{
	(void)number;
	is_resized = 1;
}

static void on_continue(int number)
{
	(void)number;
	is_continued = 1;
}

static void catch_signal(int number, void (*handler)(int))
{
	struct sigaction action = { .sa_handler = handler };

	sigemptyset(&action.sa_mask);
	sigaction(number, &action, NULL);
}

static char *give_prompt(EditLine *edit)
{
	return line_key_editor(edit)->prompt;
}

/* Columns that are free at the right of a text that takes one row; negative where it takes more. */
static int free_columns(const struct line_editor *editor, const LineInfoW *line)
{
	struct winsize size;
	int used = (int)strlen(editor->prompt);

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0)
		return -1;
	for (const wchar_t *at = line->buffer; at < line->lastchar; at++) {
		int width = wcwidth(*at);

		if (*at == L'\n')
			return -1;
		used += width > 0 ? width : 0;
	}
	return size.ws_col - used - 2;
}

/* libedit asks at every key. */
static char *give_hint(EditLine *edit)
{
	static char nothing[] = "";
	struct line_editor *editor = line_key_editor(edit);
	const LineInfoW *line = libedit.wline(edit);
	int columns = free_columns(editor, line);
	char *before;

	free(editor->hint);
	editor->hint = NULL;
	if (editor->hides_hint || columns < HINT_COLUMNS_MIN)
		return nothing;
	before = line_key_text(line->buffer, line->cursor);
	if (before) {
		const char *hint = editor->helper->hint(editor->helper->payload, before, columns);

		editor->hint = hint ? strdup(hint) : NULL;
	}
	free(before);
	return editor->hint ? editor->hint : nothing;
}

/* A read that a signal ended: true when it was one that only wants the line drawn again. libedit's
 * own handlers are not used, since they pass SIGINT on to the whole process group. */
static bool goes_on_after_signal(EditLine *edit)
{
	bool goes_on = false;

	if (is_continued) {
		is_continued = 0;
		/* The shell has set the terminal its own way; libedit believes it is raw still. */
		libedit.set(edit, EL_PREP_TERM, 0);
		libedit.set(edit, EL_PREP_TERM, 1);
		libedit.set(edit, EL_REFRESH);
		goes_on = true;
	}
	if (is_resized) {
		is_resized = 0;
		/* Where a terminal that became narrower has moved the end of a hint. */
		fputs(CLEAR_BELOW, stdout);
		fflush(stdout);
		libedit.resize(edit);
		goes_on = true;
	}
	return goes_on;
}

/* Keeps track of what has been read, for wants_drawing(). */
static void note_key(struct line_editor *editor, wchar_t character)
{
	bool is_introducer = character == L'[' || character == L'O';

	if (character == L'\033')
		editor->sequence = 1;
	else if (editor->sequence == 1)
		editor->sequence = is_introducer ? 2 : 0;
	else if (editor->sequence == 2)
		editor->sequence = character >= L'@' && character <= L'~' ? 0 : 2;
	else
		editor->is_undrawn = character >= L' ' && character != L'\177';
	if (editor->sequence != 0)
		editor->is_undrawn = false;
}

/* Whether the line is to be drawn for its hint's sake. Not while libedit searches: it then writes
 * a second row below the line. */
static bool wants_drawing(struct line_editor *editor)
{
	struct pollfd input = { .fd = editor->input, .events = POLLIN };
	const LineInfoW *line = libedit.wline(editor->edit);

	if (!editor->is_undrawn || poll(&input, 1, 0) != 0)
		return false;
	editor->is_undrawn = false;
	return !wmemchr(line->buffer, L'\n', (size_t)(line->lastchar - line->buffer));
}

/* libedit's source of characters: 1 for one, 0 at the end, -1 when a signal came. */
static int read_character(EditLine *edit, wchar_t *character)
{
	struct line_editor *editor = line_key_editor(edit);
	mbstate_t state = { 0 };

	if (wants_drawing(editor)) {
		*character = LINE_KEY_DRAW;
		return 1;
	}
	for (;;) {
		struct pollfd input = { .fd = editor->input, .events = POLLIN };
		char byte;

		if (ppoll(&input, 1, NULL, &editor->signals) < 0) {
			if (errno != EINTR)
				return 0;
			if (goes_on_after_signal(edit))
				continue;
			editor->is_interrupted = true;
			return -1;
		}
		ssize_t got = read(editor->input, &byte, 1);
		if (got < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (got <= 0)
			return 0;
		size_t used = mbrtowc(character, &byte, 1, &state);
		if (used == (size_t)-2)
			continue;
		if (used != (size_t)-1) {
			note_key(editor, *character);
			return 1;
		}
		state = (mbstate_t){ 0 }; /* not a character here: left out */
	}
}

static void open_input(struct line_editor *editor)
{
	const char *name = ttyname(STDIN_FILENO);
	int fd = name ? open(name, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC) : -1;

	editor->input = fd >= 0 ? fd : STDIN_FILENO;
}

static bool start_libedit(struct line_editor *editor)
{
	HistEvent event;

	/* The terminal's characters; a locale without any is taken to mean UTF-8. */
	if (!setlocale(LC_CTYPE, "") || MB_CUR_MAX == 1)
		setlocale(LC_CTYPE, "C.UTF-8");
	if (!libedit_load())
		return false;
	editor->edit = libedit.init("mlmanager", stdin, stdout, stderr);
	if (!editor->edit)
		return false;
	open_input(editor);
	libedit.set(editor->edit, EL_CLIENTDATA, editor);
	libedit.set(editor->edit, EL_PROMPT, give_prompt);
	libedit.set(editor->edit, EL_RPROMPT_ESC, give_hint, HINT_ESCAPE);
	libedit.set(editor->edit, EL_EDITOR, "emacs");
	libedit.set(editor->edit, EL_GETCFN, read_character);
	editor->past = libedit.history_init();
	if (editor->past) {
		libedit.history(editor->past, &event, H_SETSIZE, HISTORY_ENTRIES_MAX);
		libedit.history(editor->past, &event, H_SETUNIQUE, 1);
		libedit.set(editor->edit, EL_HIST, libedit.history, editor->past);
	}
	/* The user's ~/.editrc goes first: with "bind -v" all keys begin anew. */
	libedit.source(editor->edit, NULL);
	line_key_bind(editor);
	catch_signal(SIGWINCH, on_resize);
	catch_signal(SIGCONT, on_continue);
	return true;
}

/* A terminal that can neither move its cursor nor be told what it is. */
static bool is_dumb(void)
{
	const char *name = getenv("TERM");

	return !name || !name[0] || strcmp(name, "dumb") == 0;
}

struct line_editor *line_editor_open(const struct line_helper *helper)
{
	struct line_editor *editor = calloc(1, sizeof(*editor));

	if (editor) {
		editor->helper = helper;
		if (isatty(STDOUT_FILENO) && !is_dumb())
			start_libedit(editor);
	}
	return editor;
}

void line_editor_close(struct line_editor *editor)
{
	if (!editor)
		return;
	if (editor->edit) {
		catch_signal(SIGWINCH, SIG_DFL);
		catch_signal(SIGCONT, SIG_DFL);
		libedit.end(editor->edit);
		if (editor->input != STDIN_FILENO)
			close(editor->input);
	}
	if (editor->past)
		libedit.history_end(editor->past);
	free(editor->typed);
	free(editor->shown);
	free(editor->hint);
	free(editor->prompt);
	free(editor->line);
	free(editor);
}

static enum line_result read_plain(
	struct line_editor *editor, const char **line_out, size_t *size_out)
{
	ssize_t size;

	fputs(editor->prompt, stderr);
	fflush(stderr);
	size = getline(&editor->line, &editor->line_capacity, stdin);
	if (size < 0) {
		bool was_signal = ferror(stdin) && errno == EINTR;

		clearerr(stdin);
		return was_signal ? LINE_INTERRUPTED : LINE_END;
	}
	*line_out = editor->line;
	*size_out = (size_t)size;
	return LINE_READ;
}

static enum line_result read_edited(
	struct line_editor *editor, const char **line_out, size_t *size_out)
{
	static const int held_signals[] = { SIGINT, SIGTERM, SIGHUP, SIGWINCH, SIGCONT };
	sigset_t held;
	int count = 0;

	editor->is_interrupted = false;
	editor->hides_hint = editor->is_undrawn = false;
	editor->sequence = 0;
	line_key_begin(editor);
	fputs(PASTE_ON, stdout);
	/* Before the prompt shows: libedit does it after, and a key pressed in between would be the
	 * terminal's own business. */
	libedit.set(editor->edit, EL_PREP_TERM, 1);
	/* Let in only while read_character() waits: one that came while libedit is busy would find
	 * nobody waiting, and the next read would sleep over it. */
	sigemptyset(&held);
	for (size_t i = 0; i < sizeof(held_signals) / sizeof(held_signals[0]); i++)
		sigaddset(&held, held_signals[i]);
	sigprocmask(SIG_BLOCK, &held, &editor->signals);
	*line_out = libedit.gets(editor->edit, &count);
	sigprocmask(SIG_SETMASK, &editor->signals, NULL);
	fputs(PASTE_OFF, stdout);
	fflush(stdout);
	if (editor->is_interrupted)
		return LINE_INTERRUPTED;
	if (!*line_out || count <= 0)
		return LINE_END;
	*size_out = strlen(*line_out);
	return LINE_READ;
}

enum line_result line_editor_read(
	struct line_editor *editor, const char *prompt, const char **line_out, size_t *size_out)
{
	enum line_result result;

	*line_out = NULL;
	*size_out = 0;
	free(editor->prompt);
	editor->prompt = strdup(prompt);
	if (!editor->prompt)
		return LINE_END;
	result = editor->edit ? read_edited(editor, line_out, size_out)
			      : read_plain(editor, line_out, size_out);
	while (result == LINE_READ && *size_out > 0 &&
		strchr("\r\n", (*line_out)[*size_out - 1]) != NULL)
		--*size_out;
	return result;
}

void line_editor_remember(struct line_editor *editor, const char *entry)
{
	HistEvent event;

	if (editor->past)
		libedit.history(editor->past, &event, H_ENTER, entry);
}
