/* SPDX-License-Identifier: Apache-2.0 */
#include "store/postgres_library.h"

#include "base/library.h"

struct postgres_library pq;

static const char *const names[] = { "libpq.so.5", NULL };

static const struct library_function functions[] = {
#define X(function) { #function, &pq.function },
	POSTGRES_LIBRARY_FUNCTIONS(X)
#undef X
};

static struct library library = {
	.package = "libpq5",
	.purpose = "a store at postgresql://",
	.names = names,
	.functions = functions,
	.function_count = sizeof(functions) / sizeof(functions[0]),
};

mlm_status postgres_library_load(mlm_error *err)
{
	return library_load(&library, err);
}
