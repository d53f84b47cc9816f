/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_WATERMARK_H
#define CORE_WATERMARK_H

/*
 * How far a journal has been drained. A store that can keeps this beside the rows, in the same
 * transaction; for one that cannot (a tracking server) it is a file beside the journal, written
 * once the store has acknowledged: what is applied again after a crash does no harm there.
 */

#include "core/journal_format.h"
#include "store/store.h"

#define WATERMARK_NAME_SIZE (JOURNAL_ID_HEX + sizeof(".drained"))

/** The file's name: "<id>.drained". */
void watermark_name(const char *journal_id, char name_out[WATERMARK_NAME_SIZE]);

/** 0 for a journal of which nothing is known. A file that says nothing sensible counts as none.
 * Errors: the store's. */
mlm_status watermark_read(struct store *store, int directory_fd, const char *journal_id,
	uint64_t *position_out, mlm_error *err);

/** After a batch was applied. A file that cannot be written is no failure of the batch. */
void watermark_write(
	const struct store *store, int directory_fd, const char *journal_id, uint64_t position);

/** The journal's records are all in the store. Errors: the store's. */
mlm_status watermark_forget(
	struct store *store, int directory_fd, const char *journal_id, mlm_error *err);

#endif
