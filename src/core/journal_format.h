/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_JOURNAL_FORMAT_H
#define CORE_JOURNAL_FORMAT_H

/*
 * The bytes of a journal. A journal is a head file "<id>.head", locked by its owner for as long as
 * it lives, and segments "<id>.000000", "<id>.000001", … of equal size. A segment is a header of
 * two units and then records of one or more units of 32 bytes, in the machine's byte order; what
 * follows the last record is zero. Each segment can be read without the others: it says again which
 * series its points belong to and which runs are open.
 *
 * A position counts bytes from the start of the journal: segment number * segment size + offset.
 * The store keeps the position up to which it has applied a journal.
 *
 * The check word is written last, so a record is there as a whole or not at all, whenever the
 * process dies; it covers the record, its position and the journal's id, so bytes that were
 * flipped, moved or left over are not taken for a record.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define JOURNAL_UNIT          32u
#define JOURNAL_SEGMENT_BYTES (4u << 20)
#define JOURNAL_HEADER_BYTES  (2u * JOURNAL_UNIT)
#define JOURNAL_UNITS_MAX     255u
#define JOURNAL_ID_HEX        32u /* digits of a journal's id */
#define JOURNAL_MAGIC         "mlmjrn01"
#define JOURNAL_TEXT_MAX      (JOURNAL_UNITS_MAX * JOURNAL_UNIT - 16u)

enum journal_kind {
	JOURNAL_METRIC = 1, /* id: series; step, value; time in the head */
	JOURNAL_METRIC_WIDE = 2, /* the same with a time that needs 64 bits, in the second unit */
	JOURNAL_SERIES = 3, /* id: series; text: run id, NUL, key, NUL */
	JOURNAL_RUN_OPEN = 4, /* text: id of a run that the owner started and must end, NUL */
	JOURNAL_RUN_CLOSE = 5, /* text: id of a run that the owner has ended, NUL */
	JOURNAL_SEAL = 6, /* the segment's end: the journal goes on in the next one */
};

struct journal_header {
	char magic[8];
	unsigned char journal_id[16];
	uint64_t position; /* of this header */
	uint32_t segment_bytes;
	uint32_t number;
	int64_t created_ms;
	uint64_t reserved;
	uint32_t reserved_too;
	uint32_t check;
};

/* One unit; further units are text or, for METRIC_WIDE, the time. */
struct journal_record {
	_Atomic uint32_t check;
	uint32_t id;
	uint64_t head; /* time in ms (48 bits) << 16 | kind << 8 | units */
	int64_t step;
	double value;
};

_Static_assert(sizeof(struct journal_header) == JOURNAL_HEADER_BYTES, "header is two units");
_Static_assert(sizeof(struct journal_record) == JOURNAL_UNIT, "record is one unit");

#define JOURNAL_TIME_MAX ((INT64_C(1) << 48) - 1)

static inline uint64_t journal_head(int64_t time_ms, enum journal_kind kind, uint32_t units)
{
	return (uint64_t)time_ms << 16 | (uint64_t)kind << 8 | units;
}

static inline uint32_t journal_head_units(uint64_t head)
{
	return (uint32_t)(head & 0xFF);
}

static inline uint32_t journal_head_kind(uint64_t head)
{
	return (uint32_t)(head >> 8 & 0xFF);
}

static inline int64_t journal_head_time(uint64_t head)
{
	return (int64_t)(head >> 16);
}

/* Folds the 128-bit product: every bit of both words reaches the result. */
static inline uint64_t journal_mix(uint64_t a, uint64_t b)
{
	__extension__ typedef unsigned __int128 wide;
	wide product = (wide)a * b;
	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Odd words without pattern: the first 64 bits of the fractions of pi, e, and the square roots of 2
 * and 3. */
#define JOURNAL_MIX_1 0x243F6A8885A308D3ull
#define JOURNAL_MIX_2 0xB7E151628AED2A6Bull
#define JOURNAL_MIX_3 0x6A09E667F3BCC909ull
#define JOURNAL_MIX_4 0xBB67AE8584CAA73Bull

/** The check of a one-unit record; never 0, which is what an unwritten record has. */
static inline uint32_t journal_check_unit(
	uint64_t seed, uint64_t position, uint32_t id, uint64_t head, uint64_t step, uint64_t value)
{
	uint64_t h = journal_mix(head ^ JOURNAL_MIX_1, step ^ JOURNAL_MIX_2) ^
		     journal_mix(value ^ JOURNAL_MIX_3,
			     ((uint64_t)id << 32) ^ position ^ seed ^ JOURNAL_MIX_4);
	h ^= h >> 32;
	uint32_t check = (uint32_t)h;
	return check ? check : 1;
}

/** The check of a record of any number of units; bytes holds units * JOURNAL_UNIT bytes. */
uint32_t journal_check(uint64_t seed, uint64_t position, const void *bytes, uint32_t units);

/** The check word of a segment's header. */
uint32_t journal_header_check(const struct journal_header *header);

/** What checks of a journal's records start from. */
static inline uint64_t journal_seed(const unsigned char journal_id[16])
{
	uint64_t seed;
	memcpy(&seed, journal_id, sizeof(seed));
	return seed;
}

/** The name that a journal's head has until its first segment stands. */
void journal_unfinished_name(const char *id_hex, char name_out[64]);

/** Units that a record with that many bytes of text needs. */
static inline uint32_t journal_text_units(size_t text_bytes)
{
	return (uint32_t)((16u + text_bytes + JOURNAL_UNIT - 1) / JOURNAL_UNIT);
}

/** Position of a segment's first byte. */
static inline uint64_t journal_segment_position(uint32_t number)
{
	return (uint64_t)number * JOURNAL_SEGMENT_BYTES;
}

#endif
