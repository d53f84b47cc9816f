/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARTIFACT_ARTIFACT_FILE_H
#define ARTIFACT_ARTIFACT_FILE_H

/* A file of this machine as the reader or writer of an artifact. A backend that knows one by its
 * function lets the kernel copy. */

#include "mlmanager/artifact.h"

struct artifact_file {
	int file; /* borrowed, and moved on */
	const char *local_path; /* what messages call it */
	/* Told of what moves; its errors end the call. */
	mlm_status (*moved)(void *payload, size_t size, mlm_error *err);
	void (*moved_back)(void *payload, uint64_t size);
	void *payload;
};

/* The functions of a mlm_artifact_reader or a mlm_artifact_writer whose payload is a struct
 * artifact_file. */
mlm_status artifact_file_read(
	void *payload, void *bytes, size_t size, size_t *got_out, mlm_error *err);
mlm_status artifact_file_rewind(void *payload, mlm_error *err);
mlm_status artifact_file_write(void *payload, const void *bytes, size_t size, mlm_error *err);

/** Copies what is left of one file to another as far as the kernel can, between some file systems
 * without moving a byte; the rest is to be read and written, which also finds out why it could not.
 * about is one of the two. Errors: of about->moved. */
mlm_status artifact_file_copy(const struct artifact_file *about, int from, int to, mlm_error *err);

#endif
