/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOST_LINE_KEY_H
#define HOST_LINE_KEY_H

/* What keys do that libedit's own functions do not. */

#include <signal.h>
#include <stdbool.h>
#include <wchar.h>

#include "host/libedit.h"
#include "host/line_editor.h"

/* Ctrl-_, read after a letter when no other key waits: libedit draws a letter at the end of a line
 * without asking for the hint. */
#define LINE_KEY_DRAW '\037'

struct line_editor {
	EditLine *edit; /* NULL: lines as the terminal gives them */
	/* The terminal, opened for reading without waiting: a key that poll() has seen is gone when
	 * Ctrl-C comes before it is read. Standard input where that cannot be. */
	int input;
	History *past;
	const struct line_helper *helper;
	char *prompt;
	char *line;
	size_t line_capacity;
	char *hint; /* what the right edge shows */
	bool hides_hint; /* the line is done, or about to be drawn anew */
	const char *list; /* what Tab has found and not shown yet */
	bool is_interrupted;
	bool is_undrawn; /* the last key was a letter */
	int sequence; /* bytes of an escape sequence that were read: 0, 1, or 2 for more */
	sigset_t signals; /* blocked when no line is being read */

	/* Up and Down: which entry is shown (0: what was typed itself), what was typed, and the
	 * part of it that entries must begin with. */
	int recalled;
	wchar_t *typed;
	size_t prefix_size; /* characters */
	wchar_t *shown; /* the entry as recalled: another text on the line starts anew */
};

struct line_editor *line_key_editor(EditLine *edit);

/** Binds the keys of an editor whose libedit is set up. */
void line_key_bind(struct line_editor *editor);

/** Forgets which entry was recalled: a new line begins. */
void line_key_begin(struct line_editor *editor);

/** The UTF-8 of the characters from begin to end, for the caller to free; NULL when memory ran
 * out. */
char *line_key_text(const wchar_t *begin, const wchar_t *end);

#endif
