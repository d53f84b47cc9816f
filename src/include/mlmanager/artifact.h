/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLMANAGER_ARTIFACT_H
#define MLMANAGER_ARTIFACT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mlmanager/error.h"

#ifdef __cplusplus
extern "C" {
#endif

#define MLM_ARTIFACT_PATH_MAX 1024 /* bytes of an artifact's path, without the NUL */

/**
 * Where bytes come from. read fills up to size bytes and says how many in *got_out; 0 is the end.
 * size_bytes is how many come in all, -1 when that is not known.
 */
typedef struct mlm_artifact_reader {
	mlm_status (*read)(
		void *payload, void *bytes, size_t size, size_t *got_out, mlm_error *err);
	void *payload;
	int64_t size_bytes;
} mlm_artifact_reader;

/** Where bytes go. write takes all size bytes or fails. */
typedef struct mlm_artifact_writer {
	mlm_status (*write)(void *payload, const void *bytes, size_t size, mlm_error *err);
	void *payload;
} mlm_artifact_writer;

/* One entry of a listing. */
typedef struct mlm_artifact {
	const char *path; /* from the run's root, parts separated by '/' */
	bool is_directory;
	int64_t size_bytes; /* -1 for a directory */
} mlm_artifact;

#ifdef __cplusplus
}
#endif
#endif
