/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include <errno.h>

#include "mlmanager/error.h"

/**
 * Fills *err (which may be NULL) and returns status, so that a failing branch is one line:
 * `return error_set(err, MLM_EINVAL, "run", "...")`. The message is cut at the buffer's end, on a
 * UTF-8 boundary.
 */
__attribute__((format(printf, 4, 5))) mlm_status error_set(
	mlm_error *err, mlm_status status, const char *area, const char *format, ...);

/** MLM_EINVAL: an argument that must not be NULL is. */
mlm_status error_set_null(mlm_error *err, const char *area, const char *argument);

/** As error_set, for a failed system call: appends ": strerror" and keeps errnum as detail.
 * ENOSPC, EDQUOT and EFBIG become MLM_EFULL, ENOMEM becomes MLM_ENOMEM, ENOENT MLM_ENOTFOUND,
 * anything else MLM_EIO. */
__attribute__((format(printf, 4, 5))) mlm_status error_set_errno(
	mlm_error *err, int errnum, const char *area, const char *format, ...);

#endif
