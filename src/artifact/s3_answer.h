/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARTIFACT_S3_ANSWER_H
#define ARTIFACT_S3_ANSWER_H

/* What S3 answers in XML. Errors: EPEER for what is no such answer, ENOMEM, EUNSUPPORTED (expat is
 * not installed). */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mlmanager/allocator.h"
#include "mlmanager/error.h"

/** A key of a listing, or, with size_bytes -1, what several keys begin with; borrowed for the call.
 * Another status than MLM_OK ends the reading with it. */
typedef mlm_status (*s3_key_fn)(void *payload, const char *key, int64_t size_bytes, mlm_error *err);

/** One page of a listing. token_out: what the next page is asked for with, NULL for the last one.
 * Owns: free it with memory_free(). */
mlm_status s3_answer_keys(const mlm_allocator *allocator, const char *bytes, size_t size,
	s3_key_fn visit, void *payload, char **token_out, mlm_error *err);

/** The text of the first element of that name, NULL when there is none. Owns: as before. */
mlm_status s3_answer_text(const mlm_allocator *allocator, const char *bytes, size_t size,
	const char *element, char **text_out, mlm_error *err);

#endif
