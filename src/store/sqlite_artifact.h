/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_SQLITE_ARTIFACT_H
#define STORE_SQLITE_ARTIFACT_H

#include "store/artifact_bytes.h"

/* The slots of store_artifact_ops, for sqlite_store.c. */

mlm_status sqlite_begin_content(
	struct store *base, int64_t size_bytes, int64_t *content_out, mlm_error *err);
mlm_status sqlite_add_chunk(struct store *base, int64_t content, int64_t index, const void *bytes,
	size_t size, mlm_error *err);
mlm_status sqlite_name_content(struct store *base, const char *owner, const char *name,
	const struct store_content *content, mlm_error *err);
mlm_status sqlite_drop_content(struct store *base, int64_t content, mlm_error *err);
mlm_status sqlite_free_waste(struct store *base, bool *more_out, mlm_error *err);
mlm_status sqlite_begin_reading(struct store *base, const char *owner, const char *name,
	struct store_content *content_out, mlm_error *err);
mlm_status sqlite_read_chunk(struct store *base, int64_t content, int64_t index, void *bytes,
	size_t *size_out, mlm_error *err);
void sqlite_end_reading(struct store *base);
mlm_status sqlite_list_contents(struct store *base, const char *owner, const char *directory,
	store_content_fn visit, void *payload, mlm_error *err);
mlm_status sqlite_remove_contents(
	struct store *base, const char *owner, const char *name, size_t *count_out, mlm_error *err);

#endif
