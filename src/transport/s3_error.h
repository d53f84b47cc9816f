/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TRANSPORT_S3_ERROR_H
#define TRANSPORT_S3_ERROR_H

#include <stdbool.h>
#include <stddef.h>

#include "mlmanager/allocator.h"
#include "mlmanager/error.h"

/* What an S3 service says of a request that failed. Empty texts where it says nothing. */
struct s3_error {
	char code[64]; /* "NoSuchKey" */
	char message[256]; /* printable, of one line */
	char region[64]; /* where the bucket is */
	bool is_error; /* the document is an error, whatever the status */
};

/** Reads the body of an answer; one that is no XML is no error of this kind.
 * Errors: ENOMEM, EUNSUPPORTED (expat is not installed). */
mlm_status s3_error_read(const mlm_allocator *allocator, const char *bytes, size_t size,
	struct s3_error *error_out, mlm_error *err);

#endif
