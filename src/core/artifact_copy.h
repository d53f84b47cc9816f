/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_ARTIFACT_COPY_H
#define CORE_ARTIFACT_COPY_H

#include "artifact/artifact.h"
#include "core/transfer.h"

/**
 * Copies one artifact from store to store, without holding more of it than a buffer. As with any
 * put, a copy that fails changes nothing. An upload that is cut is begun again, for which the
 * artifact is read again. The transfer's caller is told of the bytes, and of the name as the text.
 *
 * Errors:  those of either side; ESTATE when the caller stops it; EAGAIN when no thread can
 *          be started.
 */
mlm_status artifact_copy(struct artifact_store *from, const mlm_artifact *entry,
	struct artifact_store *into, struct run_transfer *transfer, const char *name,
	mlm_error *err);

/** Whether both stores have the same bytes under entry->path, which both are read for. Errors: as
 * artifact_copy(); EUNSUPPORTED (libcrypto is not installed). */
mlm_status artifact_compare(struct artifact_store *from, const mlm_artifact *entry,
	struct artifact_store *into, struct run_transfer *transfer, const char *name,
	bool *is_same_out, mlm_error *err);

#endif
