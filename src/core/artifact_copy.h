/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_ARTIFACT_COPY_H
#define CORE_ARTIFACT_COPY_H

#include "artifact/artifact.h"

/**
 * Copies one artifact from store to store, without holding more of it than a buffer. As with any
 * put, a copy that fails changes nothing.
 *
 * Errors:  those of either side; EAGAIN when no thread can be started.
 */
mlm_status artifact_copy(struct artifact_store *from, const mlm_artifact *entry,
	struct artifact_store *into, const char *path, mlm_error *err);

#endif
