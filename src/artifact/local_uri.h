/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARTIFACT_LOCAL_URI_H
#define ARTIFACT_LOCAL_URI_H

#include "mlmanager/allocator.h"
#include "mlmanager/error.h"

/**
 * The directory that an artifact URI means, as MLflow reads it: of "file:" URIs the path without
 * query and fragment, and of plain paths all; both percent-decoded.
 *
 * Errors:  EINVAL (no path, or a zero byte in it), EUNSUPPORTED (file://host/), ENOMEM.
 * Owns:    memory_free() *path_out.
 */
mlm_status local_uri_to_path(
	const mlm_allocator *allocator, const char *uri, char **path_out, mlm_error *err);

/** The plain path as an artifact URI that MLflow reads back as this path: each '%' becomes "%25".
 * NULL when memory ran out; else the caller frees it. */
char *local_uri_of_path(const mlm_allocator *allocator, const char *path);

#endif
