/* SPDX-License-Identifier: Apache-2.0 */
/* What a drain keeps of a journal that is longer than its memory should be. */
#include "core/drain.h"

#include <fcntl.h>
#include <unistd.h>

#include "check.h"
#include "core/journal.h"

#define RUNS             3000u
#define FIRST_ID         3000000u /* of a process that has logged to many runs before */
#define POINTS_OF_LAST   (3u * JOURNAL_SEGMENT_BYTES / JOURNAL_UNIT)
#define LATE_MS          INT64_C(9000000000000)
#define CEILING_OF_TESTS (64ull << 20)

static char directory[] = "/tmp/drain_test.XXXXXX";
static mlm_error err;

/* A store that only looks: a point's value says which run it belongs to. */
struct looking_store {
	struct store base;
	size_t points;
	size_t wrong;
};

static mlm_status look(struct store *base, const struct store_batch *batch,
	store_refused_fn refused, void *payload, mlm_error *unused)
{
	struct looking_store *store = (struct looking_store *)base;
	(void)refused;
	(void)payload;
	(void)unused;
	for (size_t i = 0; i < batch->point_count; i++) {
		const struct store_series *series = &batch->series[batch->points[i].series];
		char expected[JOURNAL_ID_HEX + 1];
		snprintf(expected, sizeof(expected), "%032x", (unsigned)batch->points[i].value);
		if (strcmp(series->run_id, expected) != 0 || strcmp(series->key, "loss") != 0)
			store->wrong++;
	}
	store->points += batch->point_count;
	return MLM_OK;
}

static const struct store_ops looking_ops = { .scheme = "look", .apply = look };

static void append(struct journal *journal, struct journal_series *series, unsigned run,
	size_t count, int64_t time_ms)
{
	char run_id[JOURNAL_ID_HEX + 1];
	snprintf(run_id, sizeof(run_id), "%032x", run);
	series->run_id = run_id;
	series->key = "loss";
	series->key_size = 4;
	for (size_t i = 0; i < count; i++) {
		journal_lock(journal);
		MUST(journal_append_locked(journal, series, run, INT64_MIN, time_ms, &err));
		journal_unlock(journal);
	}
}

/* One run after the other logs a point, all of which end but the first; then one logs so many that
 * segments follow in which the others are not named. */
static void fill(struct journal *journal)
{
	char first[JOURNAL_ID_HEX + 1];
	snprintf(first, sizeof(first), "%032x", 0u);
	MUST(journal_append_run(journal, first, true, &err));
	journal->series_count = FIRST_ID;
	struct journal_series series = { .next_step_known = true };
	for (unsigned run = 0; run < RUNS; run++) {
		journal_series_init(journal, &series);
		append(journal, &series, run, 1, run == 0 ? LATE_MS : 1000);
	}
	append(journal, &series, RUNS - 1, POINTS_OF_LAST, 1000);
}

TEST(drain__forgets_series_that_later_segments_do_not_name)
{
	struct fork_guard *guard = NULL;
	struct journal *journal = NULL;
	struct drain drain;
	struct looking_store store = { .base = { &looking_ops } };
	bool exists = false;
	MUST(fork_guard_new(&guard, &err));
	struct journal_options options = {
		.directory = directory,
		.store = "sqlite:/x.db",
		.bytes_max = CEILING_OF_TESTS,
		.guard = guard,
	};
	MUST(journal_open(&options, &journal, &err));
	fill(journal);
	MUST(drain_open(&drain, journal->directory_fd, journal->id_hex, NULL, &err));
	MUST(journal_reader_seek_segment(&drain.reader, 0, &exists, &err));
	for (bool more = exists; more;) {
		MUST(drain_collect(&drain, journal_published(journal), &more, &err));
		MUST(drain_apply(&drain, &store.base, NULL, 0, NULL, NULL, &err));
	}
	CHECK_INT(store.points, RUNS + POINTS_OF_LAST);
	CHECK_INT(store.wrong, 0);
	CHECK_INT(drain.series_count, 1);
	/* A run that is still open ends at its latest point, wherever that was. */
	CHECK_INT(drain.open_run_count, 1);
	CHECK_INT(drain_run_last_ms(&drain, &drain.open_runs[0]), LATE_MS);
	drain_close(&drain);
	journal_close(journal, true);
	journal_free(journal);
	fork_guard_free(guard);
}

int main(void)
{
	if (!mkdtemp(directory))
		return 1;
	RUN(drain__forgets_series_that_later_segments_do_not_name);
	rmdir(directory);
	return check_done();
}
