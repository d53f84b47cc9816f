/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARTIFACT_S3_EXTRA_H
#define ARTIFACT_S3_EXTRA_H

#include <jansson.h>

#include "transport/http.h"

#define S3_EXTRA_MAX 12

/* MLFLOW_S3_UPLOAD_EXTRA_ARGS, boto3's names in JSON, as headers of an upload. */
struct s3_extra {
	json_t *arguments; /* owns the values */
	struct http_header headers[S3_EXTRA_MAX];
	size_t count;
};

/** Errors: EINVAL (no JSON object, or a name that is not known; the message lists those that are).
 * Owns: s3_extra_clear(). */
mlm_status s3_extra_read(struct s3_extra *extra_out, mlm_error *err);
void s3_extra_clear(struct s3_extra *extra);

#endif
