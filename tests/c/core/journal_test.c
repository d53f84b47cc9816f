/* SPDX-License-Identifier: Apache-2.0 */
/* What goes into a journal comes out of it, whatever happened to the bytes on the way. */
#include "core/journal.h"

#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "core/journal_reader.h"

static char directory[] = "/tmp/journal_test.XXXXXX";
static mlm_error err;

struct fixture {
	struct fork_guard *guard;
	struct journal *journal;
	struct journal_series loss;
};

static const char run_id[] = "0123456789abcdef0123456789abcdef";

static void set_up(struct fixture *fixture, uint64_t bytes_max)
{
	memset(fixture, 0, sizeof(*fixture));
	MUST(fork_guard_new(&fixture->guard, &err));
	struct journal_options options = {
		.directory = directory,
		.store = "sqlite:/x.db",
		.bytes_max = bytes_max,
		.guard = fixture->guard,
	};
	MUST(journal_open(&options, &fixture->journal, &err));
	fixture->loss = (struct journal_series){
		.run_id = run_id, .key = "loss", .key_size = 4, .next_step_known = true
	};
	journal_series_init(fixture->journal, &fixture->loss);
}

static void tear_down(struct fixture *fixture)
{
	journal_close(fixture->journal, true);
	journal_free(fixture->journal);
	fork_guard_free(fixture->guard);
}

static mlm_status append(struct fixture *fixture, double value, int64_t step, int64_t time_ms)
{
	journal_lock(fixture->journal);
	mlm_status status =
		journal_append_locked(fixture->journal, &fixture->loss, value, step, time_ms, &err);
	journal_unlock(fixture->journal);
	return status;
}

struct reading {
	size_t points;
	size_t series;
	size_t runs;
	int64_t first_step;
	int64_t last_step;
	int64_t last_time_ms;
	double last_value;
	mlm_status status;
};

/* Everything that can be read below limit. */
static struct reading read_all(int directory_fd, const char *id, uint64_t limit)
{
	struct reading reading = { 0 };
	struct journal_reader reader;
	bool exists = false;
	MUST(journal_reader_open(&reader, directory_fd, id, NULL, &err));
	reader.limit = limit;
	reading.status = journal_reader_seek_segment(&reader, 0, &exists, &err);
	for (bool more = exists; more && reading.status == MLM_OK;) {
		struct journal_entry entry;
		reading.status = journal_reader_next(&reader, limit, &entry, &more, &err);
		if (reading.status != MLM_OK || !more)
			break;
		if (entry.kind == JOURNAL_SERIES) {
			reading.series++;
			CHECK_STRING(entry.run_id, run_id);
			CHECK_STRING(entry.key, "loss");
		}
		if (entry.kind == JOURNAL_RUN_OPEN)
			reading.runs++;
		if (entry.kind != JOURNAL_METRIC && entry.kind != JOURNAL_METRIC_WIDE)
			continue;
		if (reading.points++ == 0)
			reading.first_step = entry.step;
		reading.last_step = entry.step;
		reading.last_time_ms = entry.time_ms;
		reading.last_value = entry.value;
	}
	journal_reader_close(&reader);
	return reading;
}

static struct reading read_live(struct fixture *fixture)
{
	return read_all(fixture->journal->directory_fd, fixture->journal->id_hex,
		journal_published(fixture->journal));
}

TEST(append__comes_back_with_step_time_and_value)
{
	struct fixture f;
	set_up(&f, 0);
	MUST(append(&f, 0.25, INT64_MIN, 1000));
	MUST(append(&f, 0.5, INT64_MIN, 1001));
	MUST(append(&f, NAN, 7, 1002));
	struct reading reading = read_live(&f);
	CHECK_INT(reading.status, MLM_OK);
	CHECK_INT(reading.points, 3);
	CHECK_INT(reading.first_step, 0);
	CHECK_INT(reading.last_step, 7);
	CHECK_INT(reading.last_time_ms, 1002);
	CHECK(isnan(reading.last_value));
	tear_down(&f);
}

TEST(append__without_step_goes_on_after_the_greatest)
{
	struct fixture f;
	set_up(&f, 0);
	MUST(append(&f, 1, 41, 1));
	MUST(append(&f, 1, 3, 1));
	MUST(append(&f, 1, INT64_MIN, 1));
	CHECK_INT(read_live(&f).last_step, 42);
	tear_down(&f);
}

TEST(append__keeps_times_of_any_size)
{
	static const int64_t times[] = { 0, -1, INT64_MIN + 1, INT64_MAX, JOURNAL_TIME_MAX,
		JOURNAL_TIME_MAX + 1 };
	struct fixture f;
	set_up(&f, 0);
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		MUST(append(&f, 1, INT64_MIN, times[i]));
		struct reading reading = read_live(&f);
		CHECK_INT(reading.points, i + 1);
		CHECK(reading.last_time_ms == times[i]);
	}
	tear_down(&f);
}

TEST(append__goes_on_over_many_segments)
{
	struct fixture f;
	const size_t count = 3 * JOURNAL_SEGMENT_BYTES / JOURNAL_UNIT;
	set_up(&f, 0);
	MUST(journal_append_run(f.journal, run_id, true, &err));
	for (size_t i = 0; i < count; i++)
		MUST(append(&f, (double)i, INT64_MIN, 5));
	struct reading reading = read_live(&f);
	CHECK_INT(reading.status, MLM_OK);
	CHECK_INT(reading.points, count);
	CHECK_INT(reading.last_step, (int64_t)count - 1);
	CHECK_INT(reading.series, 4); /* once a segment */
	CHECK_INT(reading.runs, 4);
	tear_down(&f);
}

TEST(append__efull_at_the_ceiling_and_on_once_drained)
{
	struct fixture f;
	set_up(&f, JOURNAL_BYTES_MIN);
	size_t count = 0;
	while (append(&f, 1, INT64_MIN, 5) == MLM_OK && count < 10000000)
		count++;
	CHECK_INT(err.status, MLM_EFULL);
	CHECK_CONTAINS(err.message, "ceiling");
	CHECK_INT(read_live(&f).points, count);
	journal_set_drained(f.journal, journal_published(f.journal));
	mlm_status status = MLM_EFULL;
	for (int i = 0; i < 2000 && status == MLM_EFULL; i++) {
		usleep(1000);
		status = append(&f, 1, INT64_MIN, 5);
	}
	CHECK_INT(status, MLM_OK);
	tear_down(&f);
}

struct waiter {
	struct fixture *fixture;
	mlm_status status;
};

static void *append_until_refused(void *argument)
{
	struct waiter *waiter = argument;
	waiter->status = MLM_OK;
	while (waiter->status == MLM_OK) {
		journal_lock(waiter->fixture->journal);
		waiter->status = journal_append_locked(
			waiter->fixture->journal, &waiter->fixture->loss, 1, 1, 1, NULL);
		journal_unlock(waiter->fixture->journal);
	}
	return NULL;
}

TEST(journal_close__ends_an_append_that_waits_for_room)
{
	struct fixture f;
	struct waiter waiter = { &f, MLM_OK };
	pthread_t thread;
	bool waits = false;
	set_up(&f, JOURNAL_BYTES_MIN);
	f.journal->on_full = MLM_ON_FULL_BLOCK;
	pthread_create(&thread, NULL, append_until_refused, &waiter);
	while (!waits) {
		sched_yield();
		journal_lock(f.journal);
		waits = f.journal->waiting > 0 &&
			atomic_load(&f.journal->supply) == JOURNAL_SUPPLY_CEILING;
		journal_unlock(f.journal);
	}
	journal_close(f.journal, true);
	pthread_join(thread, NULL);
	CHECK_INT(waiter.status, MLM_ESTATE);
	CHECK_STATUS(append(&f, 1, 1, 1), MLM_ESTATE);
	tear_down(&f);
}

TEST(append__estate_in_a_forked_child)
{
	struct fixture f;
	set_up(&f, 0);
	MUST(append(&f, 1, INT64_MIN, 5));
	pid_t child = fork();
	if (child == 0) {
		mlm_status status = append(&f, 2, INT64_MIN, 6);
		journal_close(f.journal, true);
		journal_free(f.journal);
		_exit(status == MLM_ESTATE ? 0 : 1);
	}
	int how = 0;
	waitpid(child, &how, 0);
	CHECK(WIFEXITED(how) && WEXITSTATUS(how) == 0);
	MUST(append(&f, 3, INT64_MIN, 7));
	struct reading reading = read_live(&f);
	CHECK_INT(reading.points, 2);
	CHECK(reading.last_value == 3);
	tear_down(&f);
}

struct writer {
	struct fixture *fixture;
	struct journal_series series;
};

static void *write_many(void *argument)
{
	struct writer *writer = argument;
	for (int i = 0; i < 20000; i++) {
		journal_lock(writer->fixture->journal);
		mlm_status status = journal_append_locked(
			writer->fixture->journal, &writer->series, i, INT64_MIN, 5, NULL);
		journal_unlock(writer->fixture->journal);
		if (status != MLM_OK)
			return writer;
	}
	return NULL;
}

TEST(append__from_four_threads_loses_nothing)
{
	struct fixture f;
	struct writer writers[4];
	pthread_t threads[4];
	set_up(&f, 0);
	for (int i = 0; i < 4; i++) {
		writers[i].fixture = &f;
		writers[i].series = f.loss;
		journal_series_init(f.journal, &writers[i].series);
		pthread_create(&threads[i], NULL, write_many, &writers[i]);
	}
	for (int i = 0; i < 4; i++) {
		void *failed = NULL;
		pthread_join(threads[i], &failed);
		CHECK(!failed);
	}
	struct reading reading = read_live(&f);
	CHECK_INT(reading.points, 80000);
	CHECK_INT(reading.status, MLM_OK);
	tear_down(&f);
}

/* ---- damage: a journal of 60 points whose file is changed behind its back ---- */

#define DAMAGE_POINTS 60
#define DAMAGE_BYTES  (JOURNAL_HEADER_BYTES + 2 * JOURNAL_UNIT + DAMAGE_POINTS * JOURNAL_UNIT)

static void segment_path(const struct fixture *fixture, char *path_out, size_t size)
{
	snprintf(path_out, size, "%s/%s.000000", directory, fixture->journal->id_hex);
}

TEST(reader__sees_every_flipped_byte)
{
	struct fixture f;
	set_up(&f, 0);
	for (int i = 0; i < DAMAGE_POINTS; i++)
		MUST(append(&f, i, INT64_MIN, 1700000000000 + i));
	CHECK_INT(journal_published(f.journal), DAMAGE_BYTES);
	char *bytes = f.journal->current->map;
	size_t unseen = 0;
	size_t wrong = 0;
	for (size_t at = 0; at < DAMAGE_BYTES; at++) {
		for (int bit = 0; bit < 8; bit++) {
			bytes[at] ^= (char)(1 << bit);
			struct reading reading =
				read_all(f.journal->directory_fd, f.journal->id_hex, UINT64_MAX);
			size_t before = at < JOURNAL_HEADER_BYTES + 2 * JOURNAL_UNIT
						? 0
						: (at - JOURNAL_HEADER_BYTES) / JOURNAL_UNIT - 2;
			unseen += reading.status != MLM_ECORRUPT;
			wrong += reading.points != before;
			bytes[at] ^= (char)(1 << bit);
		}
	}
	CHECK_INT(unseen, 0);
	CHECK_INT(wrong, 0);
	CHECK_INT(read_all(f.journal->directory_fd, f.journal->id_hex, UINT64_MAX).points,
		DAMAGE_POINTS);
	tear_down(&f);
}

TEST(reader__sees_bytes_after_the_end)
{
	struct fixture f;
	set_up(&f, 0);
	MUST(append(&f, 1, INT64_MIN, 1));
	f.journal->current->map[JOURNAL_SEGMENT_BYTES - 100000] = 1;
	struct reading reading = read_all(f.journal->directory_fd, f.journal->id_hex, UINT64_MAX);
	CHECK_INT(reading.points, 1);
	CHECK_INT(reading.status, MLM_ECORRUPT);
	tear_down(&f);
}

TEST(reader__reads_up_to_any_cut)
{
	struct fixture f;
	char path[512];
	set_up(&f, 0);
	for (int i = 0; i < DAMAGE_POINTS; i++)
		MUST(append(&f, i, INT64_MIN, 1700000000000 + i));
	segment_path(&f, path, sizeof(path));
	char whole[DAMAGE_BYTES];
	memcpy(whole, f.journal->current->map, sizeof(whole));
	size_t wrong = 0;
	for (size_t length = 0; length <= DAMAGE_BYTES; length++) {
		int fd = open(path, O_RDWR | O_TRUNC);
		CHECK(fd >= 0 && write(fd, whole, length) == (ssize_t)length);
		close(fd);
		struct reading reading =
			read_all(f.journal->directory_fd, f.journal->id_hex, UINT64_MAX);
		size_t before = length < JOURNAL_HEADER_BYTES + 2 * JOURNAL_UNIT
					? 0
					: (length - JOURNAL_HEADER_BYTES) / JOURNAL_UNIT - 2;
		wrong += reading.status != MLM_ECORRUPT || reading.points != before;
	}
	CHECK_INT(wrong, 0);
	/* The mapping lies beyond the file's end now. */
	CHECK(truncate(path, JOURNAL_SEGMENT_BYTES) == 0);
	tear_down(&f);
}

TEST(reader__takes_a_torn_last_record_for_the_end)
{
	struct fixture f;
	set_up(&f, 0);
	MUST(append(&f, 1, INT64_MIN, 1));
	/* What kill -9 leaves: everything but the check word. */
	memset(f.journal->current->map + journal_published(f.journal) + 4, 0x5A, JOURNAL_UNIT - 4);
	struct reading reading = read_all(f.journal->directory_fd, f.journal->id_hex, UINT64_MAX);
	CHECK_INT(reading.status, MLM_OK);
	CHECK_INT(reading.points, 1);
	tear_down(&f);
}

TEST(reader_open__einval_on_a_wrong_id)
{
	struct journal_reader reader;
	CHECK_STATUS(journal_reader_open(&reader, -1, "nonsense", NULL, &err), MLM_EINVAL);
}

TEST(journal_open__fails_without_its_directory)
{
	struct fork_guard *guard = NULL;
	struct journal *journal = NULL;
	MUST(fork_guard_new(&guard, &err));
	struct journal_options options = {
		.directory = "/nonexistent/journal", .store = "", .guard = guard
	};
	CHECK_STATUS(journal_open(&options, &journal, &err), MLM_ENOTFOUND);
	CHECK(!journal);
	fork_guard_free(guard);
}

int main(void)
{
	err = (mlm_error)MLM_ERROR_INIT;
	if (!mkdtemp(directory))
		return 1;
	RUN(append__comes_back_with_step_time_and_value);
	RUN(append__without_step_goes_on_after_the_greatest);
	RUN(append__keeps_times_of_any_size);
	RUN(append__goes_on_over_many_segments);
	RUN(append__efull_at_the_ceiling_and_on_once_drained);
	RUN(journal_close__ends_an_append_that_waits_for_room);
	RUN(append__estate_in_a_forked_child);
	RUN(append__from_four_threads_loses_nothing);
	RUN(reader__sees_every_flipped_byte);
	RUN(reader__sees_bytes_after_the_end);
	RUN(reader__reads_up_to_any_cut);
	RUN(reader__takes_a_torn_last_record_for_the_end);
	RUN(reader_open__einval_on_a_wrong_id);
	RUN(journal_open__fails_without_its_directory);
	/* A journal that closed cleanly leaves nothing. */
	return rmdir(directory) == 0 ? check_done() : 1;
}
