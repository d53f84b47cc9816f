/* SPDX-License-Identifier: Apache-2.0 */
#include "host/command_line.h"

#include <stdarg.h>
#include <string.h>

#include <lua.h>

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

static bool parse_doctor(int argc, char **argv, int i, struct command_line *line)
{
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
			line->command = COMMAND_HELP;
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
			line->command = COMMAND_HELP;
			return true;
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
	if (i < argc && line->code_count == 0 && strcmp(argv[i], "doctor") == 0 &&
		strcmp(argv[i - 1], "--") != 0)
		return parse_doctor(argc, argv, i + 1, line);
	line->script = i;
	if (i < argc || line->code_count > 0)
		line->command = COMMAND_SCRIPT;
	return true;
}

void command_line_help(FILE *out)
{
	fputs("usage: mlmanager [OPTIONS] SCRIPT [ARGUMENTS...]   run a Lua script\n"
	      "       mlmanager [OPTIONS] -e CODE [SCRIPT ...]     run CODE, then the script\n"
	      "       mlmanager [OPTIONS] -                        run what standard input says\n"
	      "       mlmanager [OPTIONS]                          a session on the terminal\n"
	      "       mlmanager [OPTIONS] doctor [--dry-run]       check and repair the store\n"
	      "\n"
	      "  --store URI        the tracking store; else MLFLOW_TRACKING_URI, else\n"
	      "                     sqlite:mlmanager.db in the current directory\n"
	      "  --artifacts PATH   where new experiments keep artifacts; else mlartifacts\n"
	      "                     beside the database\n"
	      "  -h, --help         this text\n"
	      "  -v, --version      the versions of mlmanager and Lua\n"
	      "  --                 what follows is the script, whatever its name\n"
	      "\n"
	      "Options stand before the script; what follows it is the script's.\n"
	      "\n"
	      "Exit status: that of the script (os.exit), 1 after an error, 130 after Ctrl-C,\n"
	      "143 after SIGTERM, 2 for a wrong command line. doctor: 0 when the store is in\n"
	      "order or was put in order, 1 when problems are left.\n",
		out);
}

void command_line_version(FILE *out)
{
	fprintf(out, "mlmanager %s (%s)\n", mlm_version(), LUA_RELEASE);
}
