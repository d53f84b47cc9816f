/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_COMMAND_OUTPUT_H
#define BASE_COMMAND_OUTPUT_H

#include <stddef.h>
#include <stdint.h>

#include "mlmanager/allocator.h"
#include "mlmanager/error.h"

/**
 * Runs a command line, without a shell, and takes what it prints. It is split into words as a shell
 * does: blanks part them, quotes and backslashes keep them together; nothing is expanded. Its
 * standard input is empty, its errors go where this program's go.
 *
 * Limits:  size_max bytes; within timeout_ms, or it is killed.
 * Errors:  ENOTFOUND, EIO (it cannot be run), EPEER (it ended badly, or printed more), ETIMEOUT,
 *          EINVAL (no word, or a quote that is not closed), ENOMEM. Messages do not show the line,
 *          which may hold a secret.
 * Owns:    memory_free() *output_out, which ends with a NUL.
 */
mlm_status command_output(const mlm_allocator *allocator, const char *line, size_t size_max,
	uint32_t timeout_ms, char **output_out, mlm_error *err);

#endif
