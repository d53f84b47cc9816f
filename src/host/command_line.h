/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOST_COMMAND_LINE_H
#define HOST_COMMAND_LINE_H

#include <stdbool.h>
#include <stdio.h>

#define COMMAND_LINE_WRONG     2 /* exit status of a command line that means nothing */
#define COMMAND_LINE_CODES_MAX 32 /* how often -e may be given */

enum command {
	COMMAND_SCRIPT, /* -e codes, then the script if there is one, or standard input */
	COMMAND_REPL, /* nothing to run was named: a session, or a script from a pipe */
	COMMAND_DOCTOR,
	COMMAND_LUA, /* lua/host/command/<name>.lua */
	COMMAND_VERSION,
};

/* Strings point into argv. */
struct command_line {
	enum command command;
	const char *store; /* NULL when not given */
	const char *artifacts; /* NULL when not given */
	const char *codes[COMMAND_LINE_CODES_MAX]; /* of -e, in order */
	int code_count;
	int script; /* index in argv, argc when there is none; "-" is standard input */
	const char *name; /* of a command in Lua */
	int first_word, word_count; /* what it is given, in argv */
	bool dry_run; /* doctor only reports */
	char problem[256]; /* one sentence, when the parse failed */
};

/** False when the arguments make no sense; line_out->problem says why. */
bool command_line_parse(int argc, char **argv, struct command_line *line_out);

void command_line_version(FILE *out);

#endif
