/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_LIBRARY_H
#define BASE_LIBRARY_H

#include <stdatomic.h>
#include <stddef.h>

#include "mlmanager/error.h"

/*
 * A shared library that most programs never need, loaded at the first use of it and kept, so that
 * a script that does without it starts as fast as ever. Each is one static struct:
 *
 *     static struct {
 *             CURL *(*easy_init)(void);
 *     } curl;
 *     static const char *const names[] = { "libcurl.so.4", NULL };
 *     static const struct library_function functions[] = {
 *             { "curl_easy_init", &curl.easy_init },
 *     };
 *     static struct library library = { "libcurl4", "http:// and https://", names, functions, 1 };
 */

struct library_function {
	const char *name;
	void *slot; /* address of a pointer to function, filled in by the load */
};

struct library {
	const char *package; /* what to install when it is missing: "libcurl4" */
	const char *purpose; /* what needs it: "stores at http:// and https://" */
	const char *const *names; /* file names to try in this order, NULL-ended */
	const struct library_function *functions;
	size_t function_count;
	/* Called once the functions are there, before anybody uses them. NULL: nothing to do. */
	mlm_status (*begin)(mlm_error *err);
	_Atomic int is_loaded;
};

/**
 * Loads the library and fills the slots, once; later calls cost one atomic load.
 *
 * Errors:  EUNSUPPORTED (it is not installed or lacks a function; the message names the package,
 *          and a later call tries again), or the error of begin().
 * Threads: any.
 */
mlm_status library_load(struct library *library, mlm_error *err);

#endif
