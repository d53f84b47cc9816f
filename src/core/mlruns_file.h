/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_MLRUNS_FILE_H
#define CORE_MLRUNS_FILE_H

/* Single files and directories of what core/mlruns.h describes, none of them trusted. */

#include <stdio.h>

#include "base/arena.h"
#include "store/store.h"

struct mlruns_names {
	const char **items; /* sorted */
	size_t count;
	size_t capacity;
};

/** What lies in a directory; nothing where fd is -1. Errors: ECORRUPT (far too much), ENOMEM. */
mlm_status mlruns_list_names(
	int fd, struct arena *arena, struct mlruns_names *names_out, mlm_error *err);

/** A file that should be short, with a NUL after its bytes; *text_out NULL where there is none.
 * Errors: ECORRUPT (no file, a link, or more than 1 MiB), EIO, ENOMEM. */
mlm_status mlruns_read_file(int directory, const char *name, struct arena *arena,
	const char **text_out, size_t *size_out, mlm_error *err);

/** Reads points on from where the cursor says, a line each. Errors: ECORRUPT (the message names the
 * line), EINVAL (cursor), EIO. */
mlm_status mlruns_read_points(FILE *file, const char *key, struct store_cursor *cursor,
	struct store_point *points, size_t capacity, size_t *count_out, mlm_error *err);

#endif
