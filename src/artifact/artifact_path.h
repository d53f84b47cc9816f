/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARTIFACT_ARTIFACT_PATH_H
#define ARTIFACT_ARTIFACT_PATH_H

#include "mlmanager/artifact.h"

/* What an upload that is under way may be called, to us as to MLflow: never listed, and no name
 * for an artifact. */
#define ARTIFACT_TEMPORARY_PREFIX ".artifact.uploading."

/**
 * Fails with EINVAL unless path may name an artifact in every backend: relative, UTF-8 without
 * control characters, parts separated by single slashes, none of them "." or "..", of a
 * depth and sizes within the public limits.
 */
mlm_status artifact_path_check(const char *path, mlm_error *err);

/** Whether path lies below directory, at any depth; everything lies below "". */
bool artifact_path_is_below(const char *path, const char *directory);

/** The last part. */
const char *artifact_path_name(const char *path);

#endif
