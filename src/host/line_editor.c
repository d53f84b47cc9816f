/* SPDX-License-Identifier: Apache-2.0 */
#include "host/line_editor.h"

#include <dlfcn.h>
#include <errno.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wchar.h>

#include <histedit.h>

#define HISTORY_LINES_MAX 1000

struct line_editor {
	EditLine *edit; /* NULL: lines as the terminal gives them */
	History *past;
	char *prompt;
	char *line;
	size_t line_capacity;
	bool is_interrupted;
	sigset_t signals; /* blocked when no line is being read */
};

/* libedit's functions, found when the first editor is opened. */
static struct {
	EditLine *(*init)(const char *, FILE *, FILE *, FILE *);
	void (*end)(EditLine *);
	int (*set)(EditLine *, int, ...);
	int (*get)(EditLine *, int, ...);
	const char *(*gets)(EditLine *, int *);
	int (*source)(EditLine *, const char *);
	void (*resize)(EditLine *);
	History *(*history_init)(void);
	int (*history)(History *, HistEvent *, int, ...);
	void (*history_end)(History *);
} libedit;

static volatile sig_atomic_t is_resized;
static volatile sig_atomic_t is_continued;

static bool load_libedit(void)
{
	static const char *const names[] = { "libedit.so.2", "libedit.so.0", "libedit.so" };
	const struct {
		const char *name;
		void *slot;
	} functions[] = {
		{ "el_init", &libedit.init },
		{ "el_end", &libedit.end },
		{ "el_set", &libedit.set },
		{ "el_get", &libedit.get },
		{ "el_gets", &libedit.gets },
		{ "el_source", &libedit.source },
		{ "el_resize", &libedit.resize },
		{ "history_init", &libedit.history_init },
		{ "history", &libedit.history },
		{ "history_end", &libedit.history_end },
	};
	void *library = NULL;

	for (size_t i = 0; !library && i < sizeof(names) / sizeof(names[0]); i++)
		library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
	if (!library)
		return false;
	for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
		void *function = dlsym(library, functions[i].name);

		if (!function)
			return false;
		/* ISO C has no conversion from an object's pointer to a function's. */
		memcpy(functions[i].slot, &function, sizeof(function));
	}
	return true;
}

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

static struct line_editor *editor_of(EditLine *edit)
{
	void *editor = NULL;

	libedit.get(edit, EL_CLIENTDATA, &editor);
	return editor;
}

static char *give_prompt(EditLine *edit)
{
	return editor_of(edit)->prompt;
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
		libedit.resize(edit);
		goes_on = true;
	}
	return goes_on;
}

/* libedit's source of characters: 1 for one, 0 at the end, -1 when a signal came. */
static int read_character(EditLine *edit, wchar_t *character)
{
	mbstate_t state = { 0 };

	for (;;) {
		struct line_editor *editor = editor_of(edit);
		struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };
		char byte;

		if (ppoll(&input, 1, NULL, &editor->signals) < 0) {
			if (errno != EINTR)
				return 0;
			if (goes_on_after_signal(edit))
				continue;
			editor->is_interrupted = true;
			return -1;
		}
		if (read(STDIN_FILENO, &byte, 1) <= 0)
			return 0;
		size_t used = mbrtowc(character, &byte, 1, &state);
		if (used == (size_t)-2)
			continue;
		if (used != (size_t)-1)
			return 1;
		state = (mbstate_t){ 0 }; /* not a character here: left out */
	}
}

static bool start_libedit(struct line_editor *editor)
{
	HistEvent event;

	/* The terminal's characters; a locale without any is taken to mean UTF-8. */
	if (!setlocale(LC_CTYPE, "") || MB_CUR_MAX == 1)
		setlocale(LC_CTYPE, "C.UTF-8");
	if (!load_libedit())
		return false;
	editor->edit = libedit.init("mlmanager", stdin, stdout, stderr);
	if (!editor->edit)
		return false;
	libedit.set(editor->edit, EL_CLIENTDATA, editor);
	libedit.set(editor->edit, EL_PROMPT, give_prompt);
	libedit.set(editor->edit, EL_EDITOR, "emacs");
	libedit.set(editor->edit, EL_GETCFN, read_character);
	editor->past = libedit.history_init();
	if (editor->past) {
		libedit.history(editor->past, &event, H_SETSIZE, HISTORY_LINES_MAX);
		libedit.history(editor->past, &event, H_SETUNIQUE, 1);
		libedit.set(editor->edit, EL_HIST, libedit.history, editor->past);
	}
	libedit.source(editor->edit, NULL); /* the user's ~/.editrc */
	catch_signal(SIGWINCH, on_resize);
	catch_signal(SIGCONT, on_continue);
	return true;
}

struct line_editor *line_editor_open(void)
{
	struct line_editor *editor = calloc(1, sizeof(*editor));

	if (editor && isatty(STDOUT_FILENO))
		start_libedit(editor);
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
	}
	if (editor->past)
		libedit.history_end(editor->past);
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
	static const int held_signals[] = { SIGINT, SIGTERM, SIGWINCH, SIGCONT };
	HistEvent event;
	sigset_t held;
	int count = 0;

	editor->is_interrupted = false;
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
	if (editor->is_interrupted)
		return LINE_INTERRUPTED;
	if (!*line_out || count <= 0)
		return LINE_END;
	*size_out = strlen(*line_out);
	if (editor->past && (*line_out)[strspn(*line_out, " \t\r\n")] != '\0')
		libedit.history(editor->past, &event, H_ENTER, *line_out);
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
