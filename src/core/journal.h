/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_JOURNAL_H
#define CORE_JOURNAL_H

/*
 * The writing half of a journal: appends are stores into mapped pages. A thread of the journal's
 * own, the keeper, reserves, maps and write-populates what lies ahead of the cursor and unmaps what
 * lies behind, because a page fault in the caller costs microseconds and a growing mapping
 * milliseconds.
 *
 * Threads: any number may append; they take turns on a spin lock that no background thread takes.
 */

#include <pthread.h>
#include <sched.h>

#include "core/fork_guard.h"
#include "core/journal_format.h"
#include "mlmanager/manager.h"

#define JOURNAL_OPEN_RUNS_MAX 64 /* runs that one journal can hold open at a time */
#define JOURNAL_BYTES_MIN     (16ull << 20)

/* What a run logs under one key. Owned by the run; written under the journal's lock. */
struct journal_series {
	uint32_t id; /* unique in the journal */
	uint32_t defined_in; /* number of the segment that says what id means, plus one */
	int64_t next_step; /* for points without a step */
	bool next_step_known; /* false: the store must be asked first */
	double latest; /* the last value appended; none while defined_in is 0 */
	const char *run_id;
	const char *key;
	size_t key_size;
};

struct journal_segment {
	char *map;
	uint64_t position; /* of the first byte */
	uint32_t number;
	int fd;
	_Atomic uint64_t warmed; /* positions below it are mapped for writing */
	struct journal_segment *next_retired;
};

enum journal_supply {
	JOURNAL_SUPPLY_COMING = 0, /* the keeper is making the next segment */
	JOURNAL_SUPPLY_CEILING = 1, /* the journal is as long as it may get */
	JOURNAL_SUPPLY_FAILED = 2, /* the file system refused; supply_errno says why */
};

struct journal_options {
	const char *directory; /* exists */
	const char *store; /* for the head file: what the journal belongs to */
	uint64_t bytes_max;
	mlm_on_full on_full;
	mlm_durability durability;
	struct fork_guard *guard;
	const mlm_allocator *allocator; /* outlives the journal */
};

struct journal {
	/* Written on every append, under lock. */
	_Atomic uint32_t lock;
	uint64_t position;
	uint64_t seed;
	struct journal_segment *current;
	struct fork_guard *guard;
	_Atomic uint64_t published; /* position, for the threads that read */

	/* Between the appender and the keeper. */
	_Atomic(struct journal_segment *) next;
	_Atomic(struct journal_segment *) retired;
	_Atomic(struct journal_segment *) current_for_keeper;
	_Atomic int supply;
	_Atomic int supply_errno;
	_Atomic uint64_t drained; /* the flusher has put everything below it into the store */

	/* The keeper's. */
	pthread_t keeper;
	pthread_mutex_t keeper_mutex;
	pthread_cond_t keeper_wake;
	bool keeper_runs;
	bool keeper_stops; /* under keeper_mutex */
	uint32_t next_number;
	uint32_t first_number; /* segments below it are unlinked */
	uint64_t rate_position; /* position when the rate was last looked at */
	int64_t rate_at_ns;
	uint64_t lead_bytes;
	int64_t synced_at_ns;

	/* Runs that this process started and has not ended, said again in each segment. */
	char open_runs[JOURNAL_OPEN_RUNS_MAX][JOURNAL_ID_HEX + 1];
	uint32_t open_run_count;

	uint32_t series_count;
	bool is_closed; /* under lock; the struct stays for appends that come late */
	uint32_t waiting; /* appends that have let go of the lock and hold a series */
	const mlm_allocator *allocator;
	unsigned char id[16];
	char id_hex[JOURNAL_ID_HEX + 1];
	char *directory;
	int directory_fd;
	int head_fd;
	uint64_t bytes_max;
	mlm_on_full on_full;
	mlm_durability durability;
};

/** Creates a journal with its first segment warmed and starts the keeper.
 * Errors: EIO, EFULL, ENOMEM. Owns: *journal_out goes to journal_close(). */
mlm_status journal_open(
	const struct journal_options *options, struct journal **journal_out, mlm_error *err);

/** Stops the keeper and closes the files; with remove, deletes them (all is in the store). Appends
 * in other threads go before it or fail with ESTATE. In a forked child nothing of the parent's is
 * touched. Closing again and NULL are no-ops. */
void journal_close(struct journal *journal, bool remove);

/** Frees a closed journal, which nobody may use any more. NULL is a no-op. */
void journal_free(struct journal *journal);

/** Makes a series of this journal; ids are never used twice. */
void journal_series_init(struct journal *journal, struct journal_series *series);

/** Appends one point of a series whose step, where it is MLM_STEP_NEXT, is known.
 * Errors: EFULL, EIO, ESTATE (forked child). Call with the journal locked. */
mlm_status journal_append_locked(struct journal *journal, struct journal_series *series,
	double value, int64_t step, int64_t time_ms, mlm_error *err);

/** Says that the owner has started (or ended) a run, so that who adopts the journal can end it. */
mlm_status journal_append_run(
	struct journal *journal, const char *run_id, bool is_open, mlm_error *err);

/** Everything below is in the store; segments that lie below may go. */
void journal_set_drained(struct journal *journal, uint64_t position);

static inline uint64_t journal_published(struct journal *journal)
{
	return atomic_load_explicit(&journal->published, memory_order_acquire);
}

void journal_lock_contended(struct journal *journal);

static inline void journal_lock(struct journal *journal)
{
	if (atomic_exchange_explicit(&journal->lock, 1, memory_order_acquire) != 0)
		journal_lock_contended(journal);
}

static inline void journal_unlock(struct journal *journal)
{
	atomic_store_explicit(&journal->lock, 0, memory_order_release);
}

/* ---- between journal.c and journal_keeper.c ---- */

mlm_status journal_keeper_start(struct journal *journal, mlm_error *err);
void journal_keeper_stop(struct journal *journal);
/** Asks the keeper to look now instead of at its next tick. */
void journal_keeper_nudge(struct journal *journal);
/** Reserves, maps and warms a segment. Returns 0 or an errno. */
int journal_segment_new(
	struct journal *journal, uint32_t number, struct journal_segment **segment_out);
void journal_segment_free(const struct journal *journal, struct journal_segment *segment);
/** Write-populates up to the position; false when the kernel would not. */
bool journal_segment_warm(struct journal_segment *segment, uint64_t position);
void journal_segment_path(
	const struct journal *journal, uint32_t number, char *path_out, size_t size);

#endif
