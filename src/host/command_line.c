/* SPDX-License-Identifier: Apache-2.0 */
#include "host/command_line.h"

#include <stdarg.h>
#include <string.h>

#include <lua.h>

#include "host/command.h"
#include "mlmanager/version.h"

__attribute__((format(printf, 2, 3))) static bool wrong(
	struct command_line *line, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(line->problem, sizeof(line->problem), format, arguments);
	va_end(arguments);
	return false;
}

/* --name VALUE and --name=VALUE. 1: taken, *i stands on its last word; 0: another option;
 * -1: the value is missing. */
static int take_value(int argc, char **argv, int *i, const char *name, const char **value_out)
{
	size_t size = strlen(name);
	const char *word = argv[*i];

	if (strncmp(word, name, size) != 0)
		return 0;
	if (word[size] == '=') {
		*value_out = word + size + 1;
		return **value_out ? 1 : -1;
	}
	if (word[size] != '\0')
		return 0;
	if (*i + 1 >= argc || argv[*i + 1][0] == '\0')
		return -1;
	*value_out = argv[++*i];
	return 1;
}

/* The options that a script and every command know. Returns as take_value(), problem filled. */
static int take_global(int argc, char **argv, int *i, struct command_line *line)
{
	int taken = take_value(argc, argv, i, "--store", &line->store);

	if (taken < 0)
		wrong(line, "--store needs a value, such as sqlite:mlmanager.db");
	if (taken != 0)
		return taken;
	taken = take_value(argc, argv, i, "--artifacts", &line->artifacts);
	if (taken < 0)
		wrong(line, "--artifacts needs a value: a directory for artifacts");
	return taken;
}

static bool unknown(struct command_line *line, const char *word)
{
	return wrong(line, "unknown option '%.100s'; 'mlmanager --help' lists the options", word);
}

static bool name_command(struct command_line *line, const char *name, int first_word, int count)
{
	line->command = COMMAND_LUA;
	line->name = name;
	line->first_word = first_word;
	line->word_count = count;
	return true;
}

static bool parse_doctor(int argc, char **argv, int i, struct command_line *line)
{
	int doctor = i - 1;

	line->command = COMMAND_DOCTOR;
	for (; i < argc; i++) {
		int taken = take_global(argc, argv, &i, line);

		if (taken < 0)
			return false;
		if (taken > 0)
			continue;
		if (strcmp(argv[i], "--dry-run") == 0)
			line->dry_run = true;
		else if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
			return name_command(line, "help", doctor, 1);
		else if (argv[i][0] == '-')
			return unknown(line, argv[i]);
		else
			return wrong(line,
				"doctor takes no argument '%.100s'; --store names the store",
				argv[i]);
	}
	return true;
}

static bool take_code(int argc, char **argv, int *i, struct command_line *line)
{
	const char *code = argv[*i] + 2;

	if (*code == '\0') {
		if (*i + 1 >= argc)
			return wrong(line, "-e needs Lua code, such as 'print(_VERSION)'");
		code = argv[++*i];
	}
	if (line->code_count == COMMAND_LINE_CODES_MAX)
		return wrong(line, "-e is given more than %d times", COMMAND_LINE_CODES_MAX);
	line->codes[line->code_count++] = code;
	return true;
}

bool command_line_parse(int argc, char **argv, struct command_line *line)
{
	int i;

	*line = (struct command_line){ .command = COMMAND_REPL, .script = argc };
	for (i = 1; i < argc; i++) {
		const char *word = argv[i];
		int taken = take_global(argc, argv, &i, line);

		if (taken < 0)
			return false;
		if (taken > 0)
			continue;
		if (word[0] != '-' || word[1] == '\0')
			break;
		if (strncmp(word, "-e", 2) == 0) {
			if (!take_code(argc, argv, &i, line))
				return false;
		} else if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
			return name_command(line, "help", argc, 0);
		} else if (strcmp(word, "--version") == 0 || strcmp(word, "-v") == 0) {
			line->command = COMMAND_VERSION;
			return true;
		} else if (strcmp(word, "--") == 0) {
			i++;
			break;
		} else {
			return unknown(line, word);
		}
	}
	if (i < argc && line->code_count == 0 && strcmp(argv[i - 1], "--") != 0) {
		if (strcmp(argv[i], "doctor") == 0)
			return parse_doctor(argc, argv, i + 1, line);
		if (command_exists(argv[i]))
			return name_command(line, argv[i], i + 1, argc - i - 1);
	}
	line->script = i;
	if (i < argc || line->code_count > 0)
		line->command = COMMAND_SCRIPT;
	return true;
}

void command_line_version(FILE *out)
{
	fprintf(out, "mlmanager %s (%s)\n", mlm_version(), LUA_RELEASE);
}
