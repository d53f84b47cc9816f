/* SPDX-License-Identifier: Apache-2.0 */
#include "host/libedit.h"

#include "base/library.h"

struct libedit libedit;

static const char *const names[] = { "libedit.so.2", "libedit.so.0", "libedit.so", NULL };

static const struct library_function functions[] = {
	{ "el_init", &libedit.init },
	{ "el_end", &libedit.end },
	{ "el_set", &libedit.set },
	{ "el_wset", &libedit.wset },
	{ "el_get", &libedit.get },
	{ "el_gets", &libedit.gets },
	{ "el_source", &libedit.source },
	{ "el_resize", &libedit.resize },
	{ "el_push", &libedit.push },
	{ "el_wgetc", &libedit.wgetc },
	{ "el_wline", &libedit.wline },
	{ "el_winsertstr", &libedit.winsertstr },
	{ "el_deletestr", &libedit.deletestr },
	{ "el_cursor", &libedit.cursor },
	{ "history_init", &libedit.history_init },
	{ "history", &libedit.history },
	{ "history_end", &libedit.history_end },
};

static struct library library = {
	.package = "libedit2",
	.purpose = "editing lines of a session",
	.names = names,
	.functions = functions,
	.function_count = sizeof(functions) / sizeof(functions[0]),
};

bool libedit_load(void)
{
	mlm_error err;

	return library_load(&library, &err) == MLM_OK;
}
