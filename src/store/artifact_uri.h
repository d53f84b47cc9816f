/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_ARTIFACT_URI_H
#define STORE_ARTIFACT_URI_H

#include "mlmanager/allocator.h"

/** root with "/" and tail appended to its path, as MLflow appends: a slash at the root's end is not
 * doubled, a URI's query and fragment stay behind its path. NULL when memory ran out; else the
 * caller frees it with the same allocator. */
char *artifact_uri_append(const mlm_allocator *allocator, const char *root, const char *tail);

#endif
