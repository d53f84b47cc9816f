/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_PARAM_CONFLICT_H
#define STORE_PARAM_CONFLICT_H

#include "mlmanager/error.h"

/** EEXISTS, with the key and the beginnings of both values. old_value may be NULL. */
mlm_status param_conflict(mlm_error *err, const char *run_id, const char *key,
	const char *old_value, const char *new_value);

#endif
