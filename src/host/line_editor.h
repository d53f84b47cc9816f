/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOST_LINE_EDITOR_H
#define HOST_LINE_EDITOR_H

#include <stdbool.h>
#include <stddef.h>

/* Lines typed at a terminal, with libedit's keys, completion, hints and a history. libedit is
 * loaded when an editor is opened, so that scripts do not pay for it; where it is not installed, or
 * the terminal can do nothing, lines are read as the terminal gives them. */
struct line_editor;

enum line_result {
	LINE_READ,
	LINE_END, /* Ctrl-D on an empty line, or the terminal is gone */
	LINE_INTERRUPTED, /* a signal came; what was typed is dropped */
};

/* What Tab does to the line. Texts are UTF-8 and borrowed until the next call. */
struct line_completion {
	size_t drop_count; /* characters before the cursor that give way to insert */
	const char *insert; /* NULL: nothing */
	const char *list; /* lines to show below what is typed, each with its newline; or NULL */
};

/* What an editor asks while a line is typed. Texts are UTF-8. Neither may write to the terminal. */
struct line_helper {
	void *payload;
	/* Tab was pressed after before. False: there is nothing to do. */
	bool (*complete)(void *payload, const char *before, struct line_completion *completion_out);
	/* What to show at the right edge, in that many columns at most, while the cursor stands
	 * after before: NULL for nothing. What the terminal does not show is between two bytes 1.
	 * Borrowed until the next call. Called at every key. */
	const char *(*hint)(void *payload, const char *before, int columns);
};

/** helper lives as long as the editor. NULL when memory ran out. */
struct line_editor *line_editor_open(const struct line_helper *helper);
/** NULL is a no-op. */
void line_editor_close(struct line_editor *editor);

/** Reads a line, or several where they were pasted or recalled together. *line_out is without its
 * newline and lives until the next call. */
enum line_result line_editor_read(
	struct line_editor *editor, const char *prompt, const char **line_out, size_t *size_out);

/** Adds an entry, which may have several lines, to what Up and Ctrl-R find. */
void line_editor_remember(struct line_editor *editor, const char *entry);

#endif
