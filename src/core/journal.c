/* SPDX-License-Identifier: Apache-2.0 */
#include "core/journal.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "core/watermark.h"

#define PAGE_BYTES        4096u
#define FIRST_WARM_BYTES  (64u * PAGE_BYTES)
#define COLD_STRIDE_BYTES (16u * PAGE_BYTES) /* written cold before looking at the limit again */
#define PREFETCH_BYTES    512u
#define SUPPLY_WAIT_NS    1000000000 /* how long an append waits for the keeper to come round */
#define SUPPLY_NAP_NS     50000

void journal_lock_contended(struct journal *journal)
{
	unsigned spins = 0;
	do {
		while (atomic_load_explicit(&journal->lock, memory_order_relaxed) != 0)
			if (++spins % 64 == 0)
				sched_yield();
	} while (atomic_exchange_explicit(&journal->lock, 1, memory_order_acquire) != 0);
}

void journal_segment_path(
	const struct journal *journal, uint32_t number, char *path_out, size_t size)
{
	snprintf(path_out, size, "%s.%06u", journal->id_hex, number);
}

/* ---- writing records ---- */

static void write_unit(struct journal *journal, uint64_t position, uint32_t id, uint64_t head,
	int64_t step, double value)
{
	struct journal_record *record =
		(struct journal_record *)(journal->current->map +
					  (position - journal->current->position));
	uint64_t value_bits;
	memcpy(&value_bits, &value, sizeof(value_bits));
	record->id = id;
	record->head = head;
	record->step = step;
	record->value = value;
	/* The lock's exchange waits for this store, which waits for its cache line. */
	__builtin_prefetch((char *)record + PREFETCH_BYTES, 1);
	uint32_t check =
		journal_check_unit(journal->seed, position, id, head, (uint64_t)step, value_bits);
	atomic_store_explicit(&record->check, check, memory_order_release);
}

/* Text records: head, then the bytes from the record's 16th on. */
static void write_text(struct journal *journal, enum journal_kind kind, uint32_t id,
	int64_t time_ms, const void *text, size_t text_bytes)
{
	uint32_t units = journal_text_units(text_bytes);
	uint64_t position = journal->position;
	char *bytes = journal->current->map + (position - journal->current->position);
	uint64_t head = journal_head(time_ms, kind, units);
	memcpy(bytes + 4, &id, sizeof(id));
	memcpy(bytes + 8, &head, sizeof(head));
	memcpy(bytes + 16, text, text_bytes);
	uint32_t check = journal_check(journal->seed, position, bytes, units);
	atomic_store_explicit((_Atomic uint32_t *)bytes, check, memory_order_release);
	journal->position = position + (uint64_t)units * JOURNAL_UNIT;
}

static uint64_t segment_end(const struct journal_segment *segment)
{
	/* The last unit is kept for the seal. */
	return segment->position + JOURNAL_SEGMENT_BYTES - JOURNAL_UNIT;
}

static void set_limit_to_warmed(struct journal *journal)
{
	uint64_t warmed = atomic_load(&journal->current->warmed);
	uint64_t last = segment_end(journal->current);
	atomic_store(&journal->guard->append_limit, warmed < last ? warmed : last);
}

static int64_t time_now_48(void)
{
	int64_t now = clock_now_ms();
	return now < 0 ? 0 : now > JOURNAL_TIME_MAX ? JOURNAL_TIME_MAX : now;
}

/* Goes on in the segment that the keeper has made ready. */
static void rotate(struct journal *journal, struct journal_segment *next)
{
	struct journal_segment *old = journal->current;
	write_unit(
		journal, journal->position, 0, journal_head(time_now_48(), JOURNAL_SEAL, 1), 0, 0);
	journal->current = next;
	journal->position = next->position + JOURNAL_HEADER_BYTES;
	atomic_store(&journal->current_for_keeper, next);
	struct journal_segment *head = atomic_load(&journal->retired);
	do {
		old->next_retired = head;
	} while (!atomic_compare_exchange_weak(&journal->retired, &head, old));
	for (uint32_t i = 0; i < journal->open_run_count; i++)
		write_text(journal, JOURNAL_RUN_OPEN, 0, time_now_48(), journal->open_runs[i],
			JOURNAL_ID_HEX + 1);
	atomic_store_explicit(&journal->published, journal->position, memory_order_release);
	set_limit_to_warmed(journal);
	journal_keeper_nudge(journal);
}

static void nap(int64_t nanoseconds)
{
	nanosleep(&(struct timespec){ .tv_nsec = (long)nanoseconds }, NULL);
}

static mlm_status supply_error(struct journal *journal, int supply, mlm_error *err)
{
	if (supply == JOURNAL_SUPPLY_CEILING)
		return error_set(err, MLM_EFULL, "journal",
			"the journal has reached its ceiling of %llu bytes, because the store does "
			"not take the records as fast as they come; log less, wait, or raise "
			"journal_bytes_max",
			(unsigned long long)journal->bytes_max);
	int errnum = atomic_load(&journal->supply_errno);
	return error_set_errno(
		err, errnum, "journal", "the journal in '%s' cannot grow", journal->directory);
}

/* The way of an append that does not fit below the limit: cold page, full segment, no segment, or a
 * forked child. Called and left with the lock held; let go of while it waits. */
static mlm_status make_room(struct journal *journal, uint64_t bytes, mlm_error *err)
{
	int64_t give_up_at_ns = clock_monotonic_ns() + SUPPLY_WAIT_NS;
	for (;;) {
		if (!fork_guard_is_owner(journal->guard))
			return error_set(err, MLM_ESTATE, "journal",
				"this manager was opened before a fork and belongs to the parent "
				"process; open another one in the child");
		if (journal->is_closed)
			return error_set(err, MLM_ESTATE, "journal", "the manager is closed");
		uint64_t end = journal->position + bytes;
		uint64_t last = segment_end(journal->current);
		if (end <= last) {
			/* Reserved on disk, only not yet warm: the fault is the price of being
			 * faster than the keeper. */
			uint64_t limit = end + COLD_STRIDE_BYTES;
			uint64_t warmed = atomic_load(&journal->current->warmed);
			limit = limit < warmed ? warmed : limit;
			atomic_store(&journal->guard->append_limit, limit < last ? limit : last);
			journal_keeper_nudge(journal);
			return MLM_OK;
		}
		struct journal_segment *next = atomic_exchange(&journal->next, NULL);
		if (next) {
			rotate(journal, next);
			continue;
		}
		int supply = atomic_load(&journal->supply);
		bool waits =
			supply == JOURNAL_SUPPLY_COMING ||
			(supply == JOURNAL_SUPPLY_CEILING && journal->on_full == MLM_ON_FULL_BLOCK);
		if (!waits)
			return supply_error(journal, supply, err);
		if (supply == JOURNAL_SUPPLY_COMING && clock_monotonic_ns() > give_up_at_ns)
			return error_set(err, MLM_EAGAIN, "journal",
				"the disk takes more than a second to give the journal room");
		journal->waiting++;
		journal_unlock(journal);
		journal_keeper_nudge(journal);
		nap(SUPPLY_NAP_NS);
		journal_lock(journal);
		journal->waiting--;
	}
}

static inline mlm_status need_room(struct journal *journal, uint64_t bytes, mlm_error *err)
{
	uint64_t limit = atomic_load_explicit(&journal->guard->append_limit, memory_order_relaxed);
	if (__builtin_expect(journal->position + bytes <= limit, 1))
		return MLM_OK;
	return make_room(journal, bytes, err);
}

static inline void publish(struct journal *journal)
{
	atomic_store_explicit(&journal->published, journal->position, memory_order_release);
}

void journal_series_init(struct journal *journal, struct journal_series *series)
{
	series->id = journal->series_count++;
	series->defined_in = 0;
}

/* Says what a series' id means, once a segment; room for both this and the point that follows is
 * made before either is written, so that they stand in one segment. */
static mlm_status define_series(
	struct journal *journal, struct journal_series *series, mlm_error *err)
{
	char text[JOURNAL_TEXT_MAX];
	size_t run_size = strlen(series->run_id) + 1;
	size_t size = run_size + series->key_size + 1;
	if (size > sizeof(text))
		return error_set(err, MLM_EINVAL, "journal", "metric key is too long");
	memcpy(text, series->run_id, run_size);
	memcpy(text + run_size, series->key, series->key_size);
	text[size - 1] = '\0';
	uint64_t bytes = (uint64_t)journal_text_units(size) * JOURNAL_UNIT + 2 * JOURNAL_UNIT;
	mlm_status status = need_room(journal, bytes, err);
	if (status != MLM_OK)
		return status;
	write_text(journal, JOURNAL_SERIES, series->id, time_now_48(), text, size);
	publish(journal);
	series->defined_in = journal->current->number + 1;
	return MLM_OK;
}

static void write_wide(struct journal *journal, const struct journal_series *series, double value,
	int64_t step, int64_t time_ms)
{
	struct journal_record unit = {
		.id = series->id,
		.head = journal_head(0, JOURNAL_METRIC_WIDE, 2),
		.step = step,
		.value = value,
	};
	char bytes[2 * JOURNAL_UNIT] = { 0 };
	memcpy(bytes, &unit, sizeof(unit));
	memcpy(bytes + JOURNAL_UNIT, &time_ms, sizeof(time_ms));
	char *to = journal->current->map + (journal->position - journal->current->position);
	memcpy(to + 4, bytes + 4, sizeof(bytes) - 4);
	uint32_t check = journal_check(journal->seed, journal->position, bytes, 2);
	atomic_store_explicit((_Atomic uint32_t *)to, check, memory_order_release);
	journal->position += 2 * JOURNAL_UNIT;
}

mlm_status journal_append_locked(struct journal *journal, struct journal_series *series,
	double value, int64_t step, int64_t time_ms, mlm_error *err)
{
	mlm_status status = need_room(journal, 2 * JOURNAL_UNIT, err);
	if (status != MLM_OK)
		return status;
	if (__builtin_expect(series->defined_in != journal->current->number + 1, 0)) {
		status = define_series(journal, series, err);
		if (status != MLM_OK)
			return status;
	}
	if (step == INT64_MIN)
		step = series->next_step;
	if (__builtin_expect(time_ms >= 0 && time_ms <= JOURNAL_TIME_MAX, 1)) {
		write_unit(journal, journal->position, series->id,
			journal_head(time_ms, JOURNAL_METRIC, 1), step, value);
		journal->position += JOURNAL_UNIT;
	} else {
		write_wide(journal, series, value, step, time_ms);
	}
	publish(journal);
	series->latest = value;
	if (step >= series->next_step)
		series->next_step = step < INT64_MAX ? step + 1 : INT64_MAX;
	return MLM_OK;
}

mlm_status journal_append_run(
	struct journal *journal, const char *run_id, bool is_open, mlm_error *err)
{
	journal_lock(journal);
	mlm_status status;
	if (is_open && journal->open_run_count == JOURNAL_OPEN_RUNS_MAX) {
		status = error_set(err, MLM_ESTATE, "run",
			"%d runs are open already; end one before starting another",
			JOURNAL_OPEN_RUNS_MAX);
		goto out;
	}
	char text[JOURNAL_ID_HEX + 1] = { 0 };
	memcpy(text, run_id, strnlen(run_id, JOURNAL_ID_HEX));
	status = need_room(journal, (uint64_t)journal_text_units(sizeof(text)) * JOURNAL_UNIT, err);
	if (status != MLM_OK)
		goto out;
	write_text(journal, is_open ? JOURNAL_RUN_OPEN : JOURNAL_RUN_CLOSE, 0, time_now_48(), text,
		sizeof(text));
	publish(journal);
	if (is_open) {
		memcpy(journal->open_runs[journal->open_run_count++], text, sizeof(text));
		goto out;
	}
	for (uint32_t i = 0; i < journal->open_run_count; i++) {
		if (memcmp(journal->open_runs[i], text, sizeof(text)) != 0)
			continue;
		memmove(journal->open_runs[i], journal->open_runs[journal->open_run_count - 1],
			sizeof(text));
		journal->open_run_count--;
		break;
	}
out:
	journal_unlock(journal);
	return status;
}

void journal_set_drained(struct journal *journal, uint64_t position)
{
	atomic_store_explicit(&journal->drained, position, memory_order_release);
}

/* ---- opening and closing ---- */

static void hex_of(const unsigned char id[16], char hex_out[JOURNAL_ID_HEX + 1])
{
	for (int i = 0; i < 16; i++)
		snprintf(hex_out + 2 * i, 3, "%02x", id[i]);
}

/* The head is locked before it gets its name, so whoever sees it unlocked knows that its owner is
 * dead; and it gets its name when the first segment stands, so a journal with a head is a whole
 * one. Whoever finds the temporary name unlocked may remove everything of that journal. */
static mlm_status make_head(struct journal *journal, const char *store, mlm_error *err)
{
	char temporary[64];
	journal_unfinished_name(journal->id_hex, temporary);
	journal->head_fd = openat(
		journal->directory_fd, temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	char host[128] = "";
	gethostname(host, sizeof(host) - 1);
	/* Waits where an adopter found the file before it was locked: it is gone then. */
	if (journal->head_fd < 0 || flock(journal->head_fd, LOCK_EX) != 0 ||
		dprintf(journal->head_fd, "mlmanager journal 1\nstore %s\nhost %s\npid %ld\n",
			store, host, (long)getpid()) < 0)
		return error_set_errno(err, errno, "journal", "cannot create a journal in '%s'",
			journal->directory);
	return MLM_OK;
}

static mlm_status name_head(struct journal *journal, mlm_error *err)
{
	char temporary[64];
	char name[64];
	journal_unfinished_name(journal->id_hex, temporary);
	snprintf(name, sizeof(name), "%s.head", journal->id_hex);
	if (renameat(journal->directory_fd, temporary, journal->directory_fd, name) != 0)
		return error_set_errno(err, errno, "journal", "cannot create a journal in '%s'",
			journal->directory);
	return MLM_OK;
}

static void remove_files(struct journal *journal)
{
	char name[64];
	/* From the last: whenever this is cut short, what is left begins as a journal does. */
	for (uint32_t i = journal->next_number; i > journal->first_number; i--) {
		journal_segment_path(journal, i - 1, name, sizeof(name));
		unlinkat(journal->directory_fd, name, 0);
	}
	watermark_name(journal->id_hex, name);
	unlinkat(journal->directory_fd, name, 0);
	snprintf(name, sizeof(name), "%s.head", journal->id_hex);
	unlinkat(journal->directory_fd, name, 0);
	journal_unfinished_name(journal->id_hex, name);
	unlinkat(journal->directory_fd, name, 0);
}

mlm_status journal_open(
	const struct journal_options *options, struct journal **journal_out, mlm_error *err)
{
	*journal_out = NULL;
	struct journal *journal = memory_new(options->allocator, sizeof(*journal));
	if (!journal)
		return error_set(err, MLM_ENOMEM, "journal", "memory ran out");
	journal->head_fd = -1;
	journal->allocator = options->allocator;
	journal->guard = options->guard;
	journal->bytes_max =
		options->bytes_max < JOURNAL_BYTES_MIN ? JOURNAL_BYTES_MIN : options->bytes_max;
	journal->on_full = options->on_full;
	journal->durability = options->durability;
	journal->directory = memory_string(options->allocator, options->directory);
	journal->directory_fd = open(options->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	mlm_status status = MLM_OK;
	if (!journal->directory)
		status = error_set(err, MLM_ENOMEM, "journal", "memory ran out");
	else if (journal->directory_fd < 0)
		status = error_set_errno(err, errno, "journal",
			"cannot open the journal's directory '%s'", options->directory);
	else if (getrandom(journal->id, sizeof(journal->id), 0) != sizeof(journal->id))
		status = error_set_errno(err, errno, "journal", "no random bytes");
	if (status != MLM_OK)
		goto fail;
	hex_of(journal->id, journal->id_hex);
	journal->seed = journal_seed(journal->id);
	status = make_head(journal, options->store, err);
	if (status != MLM_OK)
		goto fail;
	struct journal_segment *first = NULL;
	int errnum = journal_segment_new(journal, 0, &first);
	if (errnum != 0) {
		status = error_set_errno(err, errnum, "journal",
			"cannot reserve %u bytes for a journal in '%s'", JOURNAL_SEGMENT_BYTES,
			journal->directory);
		goto fail;
	}
	journal->next_number = 1;
	journal->current = first;
	status = name_head(journal, err);
	if (status != MLM_OK)
		goto fail;
	journal_segment_warm(first, FIRST_WARM_BYTES);
	atomic_store(&journal->current_for_keeper, first);
	journal->position = JOURNAL_HEADER_BYTES;
	publish(journal);
	atomic_store(&journal->drained, JOURNAL_HEADER_BYTES);
	set_limit_to_warmed(journal);
	status = journal_keeper_start(journal, err);
	if (status != MLM_OK)
		goto fail;
	*journal_out = journal;
	return MLM_OK;
fail:
	journal_close(journal, true);
	journal_free(journal);
	return status;
}

static void free_segment(
	const struct journal *journal, bool is_owner, struct journal_segment *segment)
{
	/* MADV_DONTFORK: in a child something else may have been mapped at that address. */
	if (segment && !is_owner)
		segment->map = MAP_FAILED;
	journal_segment_free(journal, segment);
}

void journal_close(struct journal *journal, bool remove)
{
	if (!journal || journal->is_closed)
		return;
	bool is_owner = fork_guard_is_owner(journal->guard);
	if (is_owner) {
		journal_keeper_stop(journal);
		/* From here on every append finds its way to make_room() and ends there. */
		journal_lock(journal);
		journal->is_closed = true;
		atomic_store(&journal->guard->append_limit, 0);
		journal_unlock(journal);
		if (remove && journal->id_hex[0] && journal->directory_fd >= 0)
			remove_files(journal);
	} else {
		journal->is_closed = true;
	}
	free_segment(journal, is_owner, journal->current);
	free_segment(journal, is_owner, atomic_load(&journal->next));
	for (struct journal_segment *segment = atomic_load(&journal->retired); segment;) {
		struct journal_segment *next = segment->next_retired;
		free_segment(journal, is_owner, segment);
		segment = next;
	}
	if (journal->head_fd >= 0)
		close(journal->head_fd);
	if (journal->directory_fd >= 0)
		close(journal->directory_fd);
	memory_free(journal->allocator, journal->directory);
	journal->directory = NULL;
}

void journal_free(struct journal *journal)
{
	if (!journal)
		return;
	if (fork_guard_is_owner(journal->guard)) {
		pthread_cond_destroy(&journal->keeper_wake);
		pthread_mutex_destroy(&journal->keeper_mutex);
	}
	memory_free(journal->allocator, journal);
}
