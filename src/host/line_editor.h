/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOST_LINE_EDITOR_H
#define HOST_LINE_EDITOR_H

#include <stddef.h>

/* Lines typed at a terminal, with libedit's keys and a history that lasts as long as the editor.
 * libedit is loaded when an editor is opened, so that scripts do not pay for it; where it is not
 * installed, lines are read as the terminal gives them. */
struct line_editor;

enum line_result {
	LINE_READ,
	LINE_END, /* Ctrl-D on an empty line, or the terminal is gone */
	LINE_INTERRUPTED, /* a signal came; what was typed is dropped */
};

/** NULL when memory ran out. */
struct line_editor *line_editor_open(void);
/** NULL is a no-op. */
void line_editor_close(struct line_editor *editor);

/** Reads a line. *line_out is without its newline and lives until the next call. */
enum line_result line_editor_read(
	struct line_editor *editor, const char *prompt, const char **line_out, size_t *size_out);

#endif
