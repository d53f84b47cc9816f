/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_JOURNAL_READER_H
#define CORE_JOURNAL_READER_H

/* Reads a journal's records in order, from a position on, through read calls and not a mapping: a
 * file that somebody cuts short is then an error and not a SIGBUS. */

#include "core/journal_format.h"
#include "mlmanager/allocator.h"
#include "mlmanager/error.h"

#define JOURNAL_READ_BYTES (256u * 1024u)

struct journal_entry {
	enum journal_kind kind;
	uint32_t id; /* METRIC, SERIES */
	int64_t time_ms;
	int64_t step;
	double value;
	const char *run_id; /* SERIES, RUN_OPEN, RUN_CLOSE; borrowed until the next call */
	const char *key; /* SERIES */
};

struct journal_reader {
	const mlm_allocator *allocator;
	int directory_fd;
	char id_hex[JOURNAL_ID_HEX + 1];
	uint64_t seed;
	uint64_t position; /* of the next record */
	uint64_t limit; /* nothing at or above it is read */
	uint32_t number; /* of the open segment */
	int fd; /* -1 between segments */
	char *buffer; /* JOURNAL_READ_BYTES */
	uint64_t buffer_position;
	size_t buffer_bytes;
};

/** directory_fd and allocator are borrowed for the reader's life; id_hex has JOURNAL_ID_HEX digits.
 * Errors: EINVAL (id_hex), ENOMEM. */
mlm_status journal_reader_open(struct journal_reader *reader, int directory_fd, const char *id_hex,
	const mlm_allocator *allocator, mlm_error *err);
void journal_reader_close(struct journal_reader *reader);

/** Goes to the start of a segment. *exists_out tells whether its file is there; its header counts
 * as the first thing that may be damaged. Errors: ECORRUPT (header), EIO. */
mlm_status journal_reader_seek_segment(
	struct journal_reader *reader, uint32_t number, bool *exists_out, mlm_error *err);

/**
 * The next record. MLM_OK with *more_out false: there is none below limit, or the journal ends
 * here. After a SEAL the reader stands at the first record of the following segment.
 *
 * Errors:  ECORRUPT (a record that was damaged; the message says where), EIO.
 */
mlm_status journal_reader_next(struct journal_reader *reader, uint64_t limit,
	struct journal_entry *entry_out, bool *more_out, mlm_error *err);

#endif
