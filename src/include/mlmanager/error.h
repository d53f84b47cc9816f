/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLMANAGER_ERROR_H
#define MLMANAGER_ERROR_H

#include <stdint.h>

#include "mlmanager/export.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What went wrong, in terms of what the caller can do about it. */
typedef enum mlm_status {
	MLM_OK = 0,
	MLM_EINVAL = -1, /* an argument breaks a documented rule */
	MLM_ESTATE = -2, /* the handle is closed, or no run or experiment is active */
	MLM_ENOTFOUND = -3, /* no such experiment, run, key or file */
	MLM_EEXISTS = -4, /* the name is taken, or the param has another value */
	MLM_EAUTH = -5, /* the peer refused the credentials */
	MLM_EAGAIN = -6, /* busy or unreachable; the same call may work later */
	MLM_ETIMEOUT = -7, /* the named wait ran out */
	MLM_EIO = -8, /* local file or disk */
	MLM_EPEER = -9, /* the peer answered outside its own protocol */
	MLM_ECORRUPT = -10, /* stored bytes fail their checksum or schema */
	MLM_ENOMEM = -11, /* memory ran out */
	MLM_EUNSUPPORTED = -12, /* this store cannot do that, now or later */
	MLM_EFULL = -13, /* the disk is full, or the journal reached its ceiling */
} mlm_status;

#define MLM_ERROR_MESSAGE_SIZE 512 /* bytes, with the NUL */

/**
 * Caller-owned and fixed-size: reporting an error never allocates.
 * A call that returns MLM_OK leaves it as it was.
 */
typedef struct mlm_error {
	mlm_status status;
	int32_t detail; /* errno, SQLite extended code or HTTP status; 0 when none */
	const char *area; /* static string: "run", "journal", "sqlite", ... */
	char message[MLM_ERROR_MESSAGE_SIZE]; /* one sentence, no trailing stop, UTF-8 */
	/* The place of what is wrong in a filter or an order: its first byte, counted from 1, and
	 * its bytes, 0 at the end of the text. All 0 for any other error. */
	uint32_t position;
	uint32_t size;
	uint32_t entry; /* of order_by, counted from 1; 0: the filter */
} mlm_error;

#define MLM_ERROR_INIT                        \
	{                                     \
		MLM_OK, 0, "", { 0 }, 0, 0, 0 \
	}

/** Names a status as Lua's error value does: "ok", "invalid", "state", "not_found", "exists",
 * "auth", "again", "timeout", "io", "peer", "corrupt", "memory", "unsupported", "full". */
MLM_EXPORT const char *mlm_status_name(mlm_status status);

#ifdef __cplusplus
}
#endif
#endif
