/* SPDX-License-Identifier: Apache-2.0 */
/* The journal's own thread: it stays about a second of traffic ahead of the cursor, so that no
 * append meets a page fault, a file that grows or a mapping that is taken down. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/error.h"
#include "core/background_thread.h"
#include "core/journal.h"

#define PAGE_BYTES         4096u
#define LEAD_BYTES_MIN     (64u * PAGE_BYTES)
#define WARM_CHUNK_BYTES   (256u * PAGE_BYTES) /* published piece by piece */
#define TICK_BUSY_NS       5000000 /* while records come */
#define TICK_IDLE_NS       50000000
#define RETRY_NS           100000000 /* after the file system refused a segment */
#define SYNC_NS            1000000000 /* durability "system" */
#define THREAD_STACK_BYTES (256u * 1024u)

bool journal_segment_warm(struct journal_segment *segment, uint64_t position)
{
	uint64_t end = segment->position + JOURNAL_SEGMENT_BYTES;
	uint64_t from = atomic_load_explicit(&segment->warmed, memory_order_relaxed);
	position = (position + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
	if (position > end)
		position = end;
	if (position <= from)
		return true;
	if (madvise(segment->map + (from - segment->position), position - from,
		    MADV_POPULATE_WRITE) != 0)
		return false;
	atomic_store_explicit(&segment->warmed, position, memory_order_release);
	return true;
}

int journal_segment_new(
	struct journal *journal, uint32_t number, struct journal_segment **segment_out)
{
	*segment_out = NULL;
	struct journal_segment *segment = memory_new(journal->allocator, sizeof(*segment));
	if (!segment)
		return ENOMEM;
	char name[64];
	journal_segment_path(journal, number, name, sizeof(name));
	segment->number = number;
	segment->position = journal_segment_position(number);
	segment->map = MAP_FAILED;
	atomic_store(&segment->warmed, segment->position);
	segment->fd =
		openat(journal->directory_fd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	int errnum = segment->fd < 0 ? errno : 0;
	/* Space is reserved before it is mapped: a full disk is an error here, not a SIGBUS
	 * later. */
	if (errnum == 0)
		errnum = posix_fallocate(segment->fd, 0, JOURNAL_SEGMENT_BYTES);
	if (errnum == 0) {
		segment->map = mmap(NULL, JOURNAL_SEGMENT_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED,
			segment->fd, 0);
		if (segment->map == MAP_FAILED)
			errnum = errno;
	}
	if (errnum != 0) {
		if (segment->fd >= 0)
			unlinkat(journal->directory_fd, name, 0);
		journal_segment_free(journal, segment);
		return errnum;
	}
	/* A child must neither write into the parent's journal nor pay for its page tables. */
	madvise(segment->map, JOURNAL_SEGMENT_BYTES, MADV_DONTFORK);
	/* There is nothing to read ahead in a new file: the kernel would fill megabytes of cache
	 * with zeros at the first fault, a millisecond or more, in the keeper or in a cold
	 * append. */
	madvise(segment->map, JOURNAL_SEGMENT_BYTES, MADV_RANDOM);
	struct journal_header header = {
		.position = segment->position,
		.segment_bytes = JOURNAL_SEGMENT_BYTES,
		.number = number,
		.created_ms = clock_now_ms(),
	};
	memcpy(header.magic, JOURNAL_MAGIC, sizeof(header.magic));
	memcpy(header.journal_id, journal->id, sizeof(header.journal_id));
	header.check = journal_header_check(&header);
	memcpy(segment->map, &header, sizeof(header));
	*segment_out = segment;
	return 0;
}

void journal_segment_free(const struct journal *journal, struct journal_segment *segment)
{
	if (!segment)
		return;
	if (segment->map != MAP_FAILED)
		munmap(segment->map, JOURNAL_SEGMENT_BYTES);
	if (segment->fd >= 0)
		close(segment->fd);
	memory_free(journal->allocator, segment);
}

static void supply_next(struct journal *journal)
{
	if (atomic_load(&journal->next))
		return;
	uint64_t length = journal_segment_position(journal->next_number + 1) -
			  journal_segment_position(journal->first_number);
	if (length > journal->bytes_max) {
		atomic_store(&journal->supply, JOURNAL_SUPPLY_CEILING);
		return;
	}
	struct journal_segment *segment = NULL;
	int errnum = journal_segment_new(journal, journal->next_number, &segment);
	if (errnum != 0) {
		atomic_store(&journal->supply_errno, errnum);
		atomic_store(&journal->supply, JOURNAL_SUPPLY_FAILED);
		return;
	}
	journal->next_number++;
	journal_segment_warm(segment, segment->position + LEAD_BYTES_MIN);
	atomic_store(&journal->supply, JOURNAL_SUPPLY_COMING);
	atomic_store(&journal->next, segment);
}

/* Warms the current segment up to the lead and lets the appender know chunk by chunk. */
static void warm_ahead(struct journal *journal)
{
	struct journal_segment *current = atomic_load(&journal->current_for_keeper);
	uint64_t published = journal_published(journal);
	uint64_t target = published + journal->lead_bytes;
	uint64_t end = current->position + JOURNAL_SEGMENT_BYTES;
	uint64_t last = end - JOURNAL_UNIT;
	uint64_t goal = target < end ? target : end;
	for (;;) {
		uint64_t warmed = atomic_load(&current->warmed);
		if (warmed >= goal)
			break;
		uint64_t upto = warmed + WARM_CHUNK_BYTES < goal ? warmed + WARM_CHUNK_BYTES : goal;
		if (!journal_segment_warm(current, upto))
			break;
		/* The appender may be in the next segment by now: there this limit is merely low,
		 * and a low limit costs a look, never a wrong write. */
		uint64_t limit = atomic_load(&current->warmed);
		if (limit > last)
			limit = last;
		uint64_t old = atomic_load(&journal->guard->append_limit);
		while (old < limit &&
			!atomic_compare_exchange_weak(&journal->guard->append_limit, &old, limit))
			continue;
	}
	struct journal_segment *next = atomic_load(&journal->next);
	if (next && target > end)
		journal_segment_warm(next, target);
}

static void measure_rate(struct journal *journal, int64_t now_ns)
{
	int64_t elapsed_ns = now_ns - journal->rate_at_ns;
	if (elapsed_ns < TICK_BUSY_NS)
		return;
	uint64_t published = journal_published(journal);
	uint64_t per_second =
		(uint64_t)((double)(published - journal->rate_position) * 1e9 / (double)elapsed_ns);
	/* Rises at once, falls slowly: a pause between bursts should not let the pages go cold. */
	uint64_t lead = per_second > journal->lead_bytes
				? per_second
				: journal->lead_bytes - (journal->lead_bytes - per_second) / 64;
	if (lead < LEAD_BYTES_MIN)
		lead = LEAD_BYTES_MIN;
	if (lead > JOURNAL_SEGMENT_BYTES)
		lead = JOURNAL_SEGMENT_BYTES;
	journal->lead_bytes = lead;
	journal->rate_position = published;
	journal->rate_at_ns = now_ns;
}

static void retire(struct journal *journal)
{
	struct journal_segment *segment = atomic_exchange(&journal->retired, NULL);
	while (segment) {
		struct journal_segment *next = segment->next_retired;
		if (journal->durability == MLM_DURABILITY_SYSTEM)
			fdatasync(segment->fd);
		journal_segment_free(journal, segment);
		segment = next;
	}
	uint32_t current = (uint32_t)(atomic_load(&journal->drained) / JOURNAL_SEGMENT_BYTES);
	while (journal->first_number < current) {
		char name[64];
		journal_segment_path(journal, journal->first_number, name, sizeof(name));
		unlinkat(journal->directory_fd, name, 0);
		journal->first_number++;
	}
}

static void sync_to_disk(struct journal *journal, int64_t now_ns)
{
	if (journal->durability != MLM_DURABILITY_SYSTEM ||
		now_ns - journal->synced_at_ns < SYNC_NS)
		return;
	fdatasync(atomic_load(&journal->current_for_keeper)->fd);
	journal->synced_at_ns = now_ns;
}

static void wait_ns(struct journal *journal, int64_t nanoseconds)
{
	struct timespec until;
	clock_gettime(CLOCK_MONOTONIC, &until);
	int64_t sum = until.tv_nsec + nanoseconds;
	until.tv_sec += sum / 1000000000;
	until.tv_nsec = sum % 1000000000;
	pthread_cond_timedwait(&journal->keeper_wake, &journal->keeper_mutex, &until);
}

static void *keep(void *argument)
{
	struct journal *journal = argument;
	uint64_t seen = 0;
	int64_t active_at_ns = clock_monotonic_ns();
	pthread_mutex_lock(&journal->keeper_mutex);
	while (!journal->keeper_stops) {
		pthread_mutex_unlock(&journal->keeper_mutex);
		int64_t now_ns = clock_monotonic_ns();
		measure_rate(journal, now_ns);
		retire(journal);
		supply_next(journal);
		warm_ahead(journal);
		sync_to_disk(journal, now_ns);
		uint64_t published = journal_published(journal);
		if (published != seen)
			active_at_ns = now_ns;
		seen = published;
		int64_t wait = now_ns - active_at_ns < 1000000000 ? TICK_BUSY_NS : TICK_IDLE_NS;
		if (atomic_load(&journal->supply) == JOURNAL_SUPPLY_FAILED)
			wait = RETRY_NS;
		pthread_mutex_lock(&journal->keeper_mutex);
		if (!journal->keeper_stops)
			wait_ns(journal, wait);
	}
	pthread_mutex_unlock(&journal->keeper_mutex);
	return NULL;
}

mlm_status journal_keeper_start(struct journal *journal, mlm_error *err)
{
	pthread_condattr_t clock;
	pthread_condattr_init(&clock);
	pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
	pthread_cond_init(&journal->keeper_wake, &clock);
	pthread_condattr_destroy(&clock);
	pthread_mutex_init(&journal->keeper_mutex, NULL);
	journal->lead_bytes = LEAD_BYTES_MIN;
	journal->rate_at_ns = clock_monotonic_ns();
	journal->synced_at_ns = journal->rate_at_ns;

	int errnum = background_thread_start(&journal->keeper, THREAD_STACK_BYTES, keep, journal);
	if (errnum != 0)
		return error_set_errno(err, errnum, "journal", "cannot start a thread");
	journal->keeper_runs = true;
	return MLM_OK;
}

void journal_keeper_stop(struct journal *journal)
{
	if (!journal->keeper_runs)
		return;
	pthread_mutex_lock(&journal->keeper_mutex);
	journal->keeper_stops = true;
	pthread_cond_signal(&journal->keeper_wake);
	pthread_mutex_unlock(&journal->keeper_mutex);
	pthread_join(journal->keeper, NULL);
	journal->keeper_runs = false;
}

void journal_keeper_nudge(struct journal *journal)
{
	/* Without the mutex: a wake that comes between the keeper's look and its wait is lost, and
	 * the next tick makes up for it. The appender must not wait for the keeper's mutex. */
	pthread_cond_signal(&journal->keeper_wake);
}
