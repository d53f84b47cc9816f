/* SPDX-License-Identifier: Apache-2.0 */
/* An engine that has names of its own like those inside the library, linked statically: each side
 * must keep its own. */
#include <stdio.h>

int arena_new(void);
int journal_open(void);
int error_set(void);
extern const char *sqlite_store_ops;

int arena_new(void)
{
	return 1;
}

int journal_open(void)
{
	return 2;
}

int error_set(void)
{
	return 3;
}

const char *sqlite_store_ops = "the engine's";

int main_of_library(int argc, char **argv);

int main(int argc, char **argv)
{
	int status = main_of_library(argc, argv);
	if (arena_new() != 1 || journal_open() != 2 || error_set() != 3 ||
		sqlite_store_ops[0] != 't')
		return 5;
	return status;
}
