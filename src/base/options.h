/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_OPTIONS_H
#define BASE_OPTIONS_H

#include <stddef.h>
#include <stdint.h>

#include "mlmanager/error.h"

#define OPTIONS_VERSIONS_MAX 8

/* How a public options struct has grown (mlmanager/options.h has the rule). */
struct options_layout {
	const char *name; /* "mlm_run_options" */
	/* Where the struct of each version ends, from 1 on. The last is the present one; those
	 * before must never change again. */
	size_t ends[OPTIONS_VERSIONS_MAX];
	uint32_t newest;
	size_t size; /* of the present struct */
};

/* For ends: where the last member of a version ends. */
#define OPTIONS_END(type, member) (offsetof(type, member) + sizeof(((type *)0)->member))

/** A layout that has had one version so far, with its last member. */
#define OPTIONS_LAYOUT(type, last)                                               \
	{                                                                        \
		.name = #type, .ends = { OPTIONS_END(type, last) }, .newest = 1, \
		.size = sizeof(type)                                             \
	}

/** Copies what a caller gave (NULL: nothing) into a struct of the present version, with zeros where
 * an older one ends. Errors: EINVAL (the version). */
mlm_status options_take(
	void *ours, const void *theirs, const struct options_layout *layout, mlm_error *err);

#endif
