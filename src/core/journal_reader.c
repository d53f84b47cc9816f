/* SPDX-License-Identifier: Apache-2.0 */
#include "core/journal_reader.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/error.h"
#include "base/memory.h"

#define RECORD_BYTES_MAX (JOURNAL_UNITS_MAX * JOURNAL_UNIT)

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool parse_id(const char *hex, unsigned char id_out[16])
{
	for (int i = 0; i < 16; i++) {
		int high = hex_digit(hex[2 * i]);
		int low = high < 0 ? -1 : hex_digit(hex[2 * i + 1]);
		if (low < 0)
			return false;
		id_out[i] = (unsigned char)(high << 4 | low);
	}
	return hex[32] == '\0';
}

mlm_status journal_reader_open(struct journal_reader *reader, int directory_fd, const char *id_hex,
	const mlm_allocator *allocator, mlm_error *err)
{
	memset(reader, 0, sizeof(*reader));
	reader->allocator = allocator;
	reader->fd = -1;
	reader->limit = UINT64_MAX;
	unsigned char id[16];
	if (!parse_id(id_hex, id))
		return error_set(err, MLM_EINVAL, "journal", "'%s' is not a journal's id", id_hex);
	reader->seed = journal_seed(id);
	reader->directory_fd = directory_fd;
	memcpy(reader->id_hex, id_hex, sizeof(reader->id_hex));
	reader->buffer = memory_resize(allocator, NULL, JOURNAL_READ_BYTES, 1);
	if (!reader->buffer)
		return error_set(err, MLM_ENOMEM, "journal", "memory ran out");
	return MLM_OK;
}

void journal_reader_close(struct journal_reader *reader)
{
	if (reader->fd >= 0)
		close(reader->fd);
	reader->fd = -1;
	memory_free(reader->allocator, reader->buffer);
	reader->buffer = NULL;
}

static mlm_status damaged(const struct journal_reader *reader, const char *what, mlm_error *err)
{
	return error_set(err, MLM_ECORRUPT, "journal",
		"journal segment %s.%06u is damaged at byte %llu: %s", reader->id_hex,
		reader->number,
		(unsigned long long)(reader->position - journal_segment_position(reader->number)),
		what);
}

/* Makes the bytes at position available; *got_out is how many there are, up to want. */
static mlm_status load(struct journal_reader *reader, uint64_t position, size_t want,
	size_t *got_out, mlm_error *err)
{
	uint64_t have_end = reader->buffer_position + reader->buffer_bytes;
	if (reader->fd < 0) /* it was looked for, and is looked at again */
		return damaged(reader, "the segment is missing", err);
	if (position < reader->buffer_position || position + want > have_end) {
		uint64_t start = journal_segment_position(reader->number);
		size_t filled = 0;
		/* What lies above the limit may still change under a living owner: not to be
		 * cached. */
		uint64_t below = reader->limit > position ? reader->limit - position : 0;
		size_t room = below < JOURNAL_READ_BYTES ? (size_t)below : JOURNAL_READ_BYTES;
		while (filled < room) {
			ssize_t got = pread(reader->fd, reader->buffer + filled, room - filled,
				(off_t)(position - start + filled));
			if (got < 0 && errno == EINTR)
				continue;
			if (got < 0)
				return error_set_errno(err, errno, "journal",
					"cannot read journal segment %s.%06u", reader->id_hex,
					reader->number);
			if (got == 0)
				break;
			filled += (size_t)got;
		}
		reader->buffer_position = position;
		reader->buffer_bytes = filled;
		have_end = position + filled;
	}
	uint64_t got = have_end - position;
	*got_out = got < want ? (size_t)got : want;
	return MLM_OK;
}

static mlm_status check_header(struct journal_reader *reader, mlm_error *err)
{
	struct journal_header header;
	size_t got = 0;
	mlm_status status = load(reader, reader->position, sizeof(header), &got, err);
	if (status != MLM_OK)
		return status;
	if (got < sizeof(header))
		return damaged(reader, "the header is cut off", err);
	memcpy(&header, reader->buffer + (reader->position - reader->buffer_position),
		sizeof(header));
	if (memcmp(header.magic, JOURNAL_MAGIC, sizeof(header.magic)) != 0 ||
		journal_seed(header.journal_id) != reader->seed ||
		header.check != journal_header_check(&header) || header.number != reader->number ||
		header.segment_bytes != JOURNAL_SEGMENT_BYTES)
		return damaged(reader, "the header fails its check", err);
	reader->position += sizeof(header);
	return MLM_OK;
}

mlm_status journal_reader_seek_segment(
	struct journal_reader *reader, uint32_t number, bool *exists_out, mlm_error *err)
{
	char name[64];
	*exists_out = false;
	if (reader->fd >= 0)
		close(reader->fd);
	reader->number = number;
	reader->position = journal_segment_position(number);
	reader->buffer_bytes = 0;
	reader->buffer_position = reader->position;
	snprintf(name, sizeof(name), "%s.%06u", reader->id_hex, number);
	reader->fd = openat(reader->directory_fd, name, O_RDONLY | O_CLOEXEC);
	if (reader->fd < 0 && errno == ENOENT)
		return MLM_OK;
	if (reader->fd < 0)
		return error_set_errno(
			err, errno, "journal", "cannot open journal segment %s", name);
	*exists_out = true;
	return check_header(reader, err);
}

static bool all_zero(const char *bytes, size_t count)
{
	return count == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, count - 1) == 0);
}

/* Whether a whole record stands at bytes. */
static bool is_record(
	const struct journal_reader *reader, uint64_t position, const char *bytes, size_t left)
{
	uint32_t check;
	uint64_t head;
	memcpy(&check, bytes, sizeof(check));
	memcpy(&head, bytes + 8, sizeof(head));
	uint32_t units = journal_head_units(head);
	return check != 0 && units != 0 && (size_t)units * JOURNAL_UNIT <= left &&
	       check == journal_check(reader->seed, position, bytes, units);
}

/* Records that stand where the dying owner can only have left one without its check. */
static mlm_status check_torn(struct journal_reader *reader, mlm_error *err)
{
	uint64_t end = journal_segment_position(reader->number) + JOURNAL_SEGMENT_BYTES;
	size_t got = 0;
	size_t want = end - reader->position < 2 * RECORD_BYTES_MAX
			      ? (size_t)(end - reader->position)
			      : 2 * RECORD_BYTES_MAX;
	mlm_status status = load(reader, reader->position, want, &got, err);
	if (status != MLM_OK)
		return status;
	const char *bytes = reader->buffer + (reader->position - reader->buffer_position);
	for (size_t at = JOURNAL_UNIT; at < RECORD_BYTES_MAX && at + JOURNAL_UNIT <= got;
		at += JOURNAL_UNIT)
		if (is_record(reader, reader->position + at, bytes + at, got - at))
			return damaged(reader, "records follow a gap", err);
	return MLM_OK;
}

/* A zero check word is the end of what was acknowledged. What the dying owner was in the middle of
 * writing may follow, nothing after that. */
static mlm_status check_tail(struct journal_reader *reader, mlm_error *err)
{
	uint64_t end = journal_segment_position(reader->number) + JOURNAL_SEGMENT_BYTES;
	uint64_t clean_from = reader->position + RECORD_BYTES_MAX;
	mlm_status status = check_torn(reader, err);
	for (uint64_t at = reader->position; status == MLM_OK && at < end;) {
		size_t got = 0;
		size_t want =
			end - at < JOURNAL_READ_BYTES ? (size_t)(end - at) : JOURNAL_READ_BYTES;
		status = load(reader, at, want, &got, err);
		if (status != MLM_OK)
			return status;
		if (got < want)
			return damaged(reader, "the file has been cut short", err);
		const char *bytes = reader->buffer + (at - reader->buffer_position);
		size_t skip = at < clean_from ? (size_t)(clean_from - at) : 0;
		if (skip < got && !all_zero(bytes + skip, got - skip))
			return damaged(reader, "records follow a gap", err);
		at += got;
	}
	return status;
}

static mlm_status read_texts(struct journal_reader *reader, const char *bytes, uint32_t units,
	struct journal_entry *entry, mlm_error *err)
{
	const char *text = bytes + 16;
	size_t size = (size_t)units * JOURNAL_UNIT - 16;
	size_t run_size = strnlen(text, size);
	if (run_size == size)
		return damaged(reader, "a text has no end", err);
	entry->run_id = text;
	if (entry->kind != JOURNAL_SERIES)
		return MLM_OK;
	entry->key = text + run_size + 1;
	size -= run_size + 1;
	if (strnlen(entry->key, size) == size)
		return damaged(reader, "a text has no end", err);
	return MLM_OK;
}

static mlm_status decode(struct journal_reader *reader, const char *bytes, uint32_t units,
	struct journal_entry *entry, mlm_error *err)
{
	uint64_t head;
	memcpy(&entry->id, bytes + 4, sizeof(entry->id));
	memcpy(&head, bytes + 8, sizeof(head));
	entry->kind = (enum journal_kind)journal_head_kind(head);
	entry->time_ms = journal_head_time(head);
	switch (entry->kind) {
	case JOURNAL_METRIC_WIDE:
		if (units != 2)
			break;
		memcpy(&entry->time_ms, bytes + JOURNAL_UNIT, sizeof(entry->time_ms));
		/* fall through */
	case JOURNAL_METRIC:
		memcpy(&entry->step, bytes + 16, sizeof(entry->step));
		memcpy(&entry->value, bytes + 24, sizeof(entry->value));
		return MLM_OK;
	case JOURNAL_SEAL:
		return MLM_OK;
	case JOURNAL_SERIES:
	case JOURNAL_RUN_OPEN:
	case JOURNAL_RUN_CLOSE:
		return read_texts(reader, bytes, units, entry, err);
	}
	return damaged(reader, "a record is of no known kind", err);
}

/* One record at the reader's position, in one segment. */
static mlm_status read_record(
	struct journal_reader *reader, struct journal_entry *entry, bool *more_out, mlm_error *err)
{
	uint64_t start = journal_segment_position(reader->number);
	size_t left = (size_t)(start + JOURNAL_SEGMENT_BYTES - reader->position);
	size_t got = 0;
	if (left < JOURNAL_UNIT)
		return damaged(reader, "the segment ends without a seal", err);
	mlm_status status = load(reader, reader->position, JOURNAL_UNIT, &got, err);
	if (status != MLM_OK)
		return status;
	if (got < JOURNAL_UNIT)
		return damaged(reader, "the file has been cut short", err);
	const char *bytes = reader->buffer + (reader->position - reader->buffer_position);
	uint32_t check;
	uint64_t head;
	memcpy(&check, bytes, sizeof(check));
	memcpy(&head, bytes + 8, sizeof(head));
	if (check == 0)
		return check_tail(reader, err);
	uint32_t units = journal_head_units(head);
	if (units == 0 || (size_t)units * JOURNAL_UNIT > left)
		return damaged(reader, "a record has an impossible length", err);
	size_t want = (size_t)units * JOURNAL_UNIT;
	status = load(reader, reader->position, want, &got, err);
	if (status != MLM_OK)
		return status;
	if (got < want)
		return damaged(reader, "the file has been cut short", err);
	bytes = reader->buffer + (reader->position - reader->buffer_position);
	if (check != journal_check(reader->seed, reader->position, bytes, units))
		return damaged(reader, "a record fails its check", err);
	status = decode(reader, bytes, units, entry, err);
	if (status != MLM_OK)
		return status;
	reader->position += want;
	*more_out = true;
	return MLM_OK;
}

mlm_status journal_reader_next(struct journal_reader *reader, uint64_t limit,
	struct journal_entry *entry_out, bool *more_out, mlm_error *err)
{
	*more_out = false;
	memset(entry_out, 0, sizeof(*entry_out));
	if (reader->position >= limit)
		return MLM_OK;
	reader->limit = limit;
	mlm_status status = read_record(reader, entry_out, more_out, err);
	if (status != MLM_OK || !*more_out || entry_out->kind != JOURNAL_SEAL)
		return status;
	bool exists = false;
	status = journal_reader_seek_segment(reader, reader->number + 1, &exists, err);
	if (status == MLM_OK && !exists)
		status = damaged(reader, "the segment after a seal is missing", err);
	return status;
}
