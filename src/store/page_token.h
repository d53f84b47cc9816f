/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_PAGE_TOKEN_H
#define STORE_PAGE_TOKEN_H

/* MLflow's page tokens: base64 of {"offset": N}. Callers should see them as opaque; a client may
 * move between MLflow's server and this one within a search. */

#include <stdint.h>

#include "base/arena.h"
#include "mlmanager/error.h"

/** The token of the page that begins after offset results. NULL when memory ran out. */
const char *page_token_make(struct arena *arena, int64_t offset);

/** The offset of a token, 0 for NULL and "". Errors: EINVAL. */
mlm_status page_token_parse(const char *token, int64_t *offset_out, mlm_error *err);

#endif
