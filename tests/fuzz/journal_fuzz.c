/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads any bytes as the segments of a journal that somebody left behind, and drains them into a
 * store that checks what it is given. The first byte of the input says how much of a true segment
 * is put around the rest: without that no input would get past the check words.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/drain.h"

#define WITH_HEADER   1u /* a true header before the bytes */
#define WITH_CHECKS   2u /* true check words in whatever looks like a record */
#define WHOLE_SIZE    4u /* a file of a segment's size, not one cut after the bytes */
#define TWO_SEGMENTS  8u /* the second half is the next segment */
#define WITH_SKIPPING 16u /* half of the first segment is in the store already */

#define MUST_HOLD(condition)      \
	do {                      \
		if (!(condition)) \
			abort();  \
	} while (0)

static const char journal_id[] = "00112233445566778899aabbccddeeff";
/* Made for each input: libFuzzer ends without asking anybody to clean up. */
static char directory[64];
static int directory_fd = -1;

/* ---- the segments ---- */

static void make_directory(void)
{
	static const char *const bases[] = { "/dev/shm", "/tmp" };
	for (size_t i = 0; i < 2 && directory_fd < 0; i++) {
		snprintf(directory, sizeof(directory), "%s/journal_fuzz.XXXXXX", bases[i]);
		if (mkdtemp(directory))
			directory_fd = open(directory, O_RDONLY | O_DIRECTORY);
	}
	MUST_HOLD(directory_fd >= 0);
}

static void segment_name(char name_out[64], uint32_t number)
{
	snprintf(name_out, 64, "%s.%06u", journal_id, number);
}

static void remove_directory(void)
{
	for (uint32_t i = 0; i < 2; i++) {
		char name[64];
		segment_name(name, i);
		unlinkat(directory_fd, name, 0);
	}
	rmdir(directory);
	close(directory_fd);
	directory_fd = -1;
}

static struct journal_header true_header(uint32_t number)
{
	struct journal_header header = {
		.position = journal_segment_position(number),
		.segment_bytes = JOURNAL_SEGMENT_BYTES,
		.number = number,
	};
	memcpy(header.magic, JOURNAL_MAGIC, sizeof(header.magic));
	for (unsigned i = 0; i < sizeof(header.journal_id); i++)
		header.journal_id[i] = (unsigned char)(i * 0x11);
	header.check = journal_header_check(&header);
	return header;
}

/* Bytes whose check word is zero stay the end of the journal. */
static void set_checks(unsigned char *bytes, size_t size, uint64_t position)
{
	const struct journal_header header = true_header(0);
	uint64_t seed = journal_seed(header.journal_id);
	for (size_t at = 0; at + JOURNAL_UNIT <= size;) {
		uint32_t check;
		uint64_t head;
		memcpy(&check, bytes + at, sizeof(check));
		memcpy(&head, bytes + at + 8, sizeof(head));
		uint32_t units = journal_head_units(head);
		if (check == 0 || units == 0 || at + (size_t)units * JOURNAL_UNIT > size)
			return;
		check = journal_check(seed, position + at, bytes + at, units);
		memcpy(bytes + at, &check, sizeof(check));
		at += (size_t)units * JOURNAL_UNIT;
	}
}

static void write_segment(uint32_t number, unsigned shape, const uint8_t *data, size_t size)
{
	char name[64];
	segment_name(name, number);
	int fd = openat(directory_fd, name, O_RDWR | O_CREAT | O_TRUNC, 0600);
	MUST_HOLD(fd >= 0);
	size_t offset = 0;
	if (shape & WITH_HEADER) {
		struct journal_header header = true_header(number);
		MUST_HOLD(write(fd, &header, sizeof(header)) == (ssize_t)sizeof(header));
		offset = sizeof(header);
	}
	if (size > JOURNAL_SEGMENT_BYTES - offset)
		size = JOURNAL_SEGMENT_BYTES - offset;
	unsigned char *bytes = malloc(size + 1);
	MUST_HOLD(bytes);
	memcpy(bytes, data, size);
	if (shape & WITH_CHECKS)
		set_checks(bytes, size, journal_segment_position(number) + offset);
	MUST_HOLD(write(fd, bytes, size) == (ssize_t)size);
	if (shape & WHOLE_SIZE)
		MUST_HOLD(ftruncate(fd, JOURNAL_SEGMENT_BYTES) == 0);
	free(bytes);
	close(fd);
}

/* ---- the store ---- */

struct checking_store {
	struct store base;
	uint64_t position;
	size_t points;
};

static bool is_text(const char *text)
{
	return text && strlen(text) < (size_t)JOURNAL_UNITS_MAX * JOURNAL_UNIT;
}

/* What store.h promises about a batch. */
static mlm_status check_batch(struct store *base, const struct store_batch *batch,
	store_refused_fn refused, void *payload, mlm_error *err)
{
	struct checking_store *store = (struct checking_store *)base;
	(void)refused;
	(void)payload;
	(void)err;
	MUST_HOLD(strcmp(batch->journal_id, journal_id) == 0);
	MUST_HOLD(batch->position >= store->position);
	MUST_HOLD(batch->point_count <= DRAIN_POINTS_MAX);
	store->position = batch->position;
	store->points += batch->point_count;
	for (size_t i = 0; i < batch->series_count; i++) {
		const struct store_series *series = &batch->series[i];
		MUST_HOLD(is_text(series->run_id) && is_text(series->key));
		if (i == 0)
			continue;
		int order = strcmp(series[-1].run_id, series->run_id);
		MUST_HOLD(order < 0 || (order == 0 && strcmp(series[-1].key, series->key) < 0));
	}
	for (size_t i = 0; i < batch->point_count; i++) {
		const struct store_point *point = &batch->points[i];
		MUST_HOLD(point->series < batch->series_count);
		if (i == 0 || point[-1].series != point->series) {
			MUST_HOLD(i == 0 ? point->series == 0
					 : point->series == point[-1].series + 1);
			continue;
		}
		MUST_HOLD(point[-1].step <= point->step);
		MUST_HOLD(point[-1].step < point->step ||
			  point[-1].timestamp_ms <= point->timestamp_ms);
	}
	for (size_t i = 0; i < batch->killed_run_count; i++)
		MUST_HOLD(strlen(batch->killed_runs[i].run_id) <= JOURNAL_ID_HEX);
	return MLM_OK;
}

static const struct store_ops checking_ops = { .scheme = "checking", .apply = check_batch };

/* ---- reading them ---- */

static void apply_killed(struct drain *drain, struct checking_store *store)
{
	struct store_killed_run killed[64];
	size_t count = drain->open_run_count < 64 ? drain->open_run_count : 64;
	for (size_t i = 0; i < count; i++) {
		killed[i].run_id = drain->open_runs[i].run_id;
		killed[i].end_time_ms = drain_run_last_ms(drain, &drain->open_runs[i]);
	}
	MUST_HOLD(drain_apply(drain, &store->base, killed, count, NULL, NULL, NULL) == MLM_OK);
}

static void drain_segments(uint32_t count, unsigned shape)
{
	struct checking_store store = { .base = { .ops = &checking_ops } };
	struct drain drain;
	MUST_HOLD(drain_open(&drain, directory_fd, journal_id, NULL, NULL) == MLM_OK);
	if (shape & WITH_SKIPPING)
		drain.skip_below = JOURNAL_SEGMENT_BYTES / 2;
	for (uint32_t number = 0; number < count; number++) {
		mlm_error err = MLM_ERROR_INIT;
		bool exists = false;
		bool more = true;
		mlm_status status =
			journal_reader_seek_segment(&drain.reader, number, &exists, &err);
		MUST_HOLD(exists);
		while (status == MLM_OK && more) {
			uint64_t before = drain.reader.position;
			status = drain_collect(&drain, UINT64_MAX, &more, &err);
			MUST_HOLD(drain.reader.position >= before);
			if (more)
				MUST_HOLD(drain_apply(&drain, &store.base, NULL, 0, NULL, NULL,
						  NULL) == MLM_OK);
		}
		MUST_HOLD(status == MLM_OK || status == MLM_ECORRUPT);
		MUST_HOLD(status == MLM_OK || err.message[0]);
		/* A seal has led the reader into the next one. */
		if (drain.reader.number > number)
			number = drain.reader.number;
	}
	apply_killed(&drain, &store);
	drain_close(&drain);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	make_directory();
	unsigned shape = data[0];
	data++;
	size--;
	size_t first_size = shape & TWO_SEGMENTS ? size / 2 / JOURNAL_UNIT * JOURNAL_UNIT : size;
	write_segment(0, shape, data, first_size);
	if (shape & TWO_SEGMENTS)
		write_segment(1, shape, data + first_size, size - first_size);
	drain_segments(shape & TWO_SEGMENTS ? 2 : 1, shape);
	remove_directory();
	return 0;
}
