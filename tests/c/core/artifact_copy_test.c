/* SPDX-License-Identifier: Apache-2.0 */
/* From a store that gives its bytes into one whose connection is cut half way. */
#include "core/artifact_copy.h"

#include "base/error.h"
#include "check.h"

#define SIZE (3u << 20) /* more than what lies between the two ends */
#define NAME "models/a b.bin"

static mlm_error err = MLM_ERROR_INIT;
static char content[SIZE];
static char arrived[SIZE];
static size_t arrived_size;
static int times_read;
static int cuts; /* before all of it arrives */
static int reads_until_it_fails; /* 0: it does not */

/* What the caller was told. */
static uint64_t done_bytes;
static int times_back;
static uint64_t stop_at;

static mlm_status give(struct artifact_store *store, const char *path,
	const mlm_artifact_writer *into, mlm_error *why)
{
	mlm_status status = MLM_OK;
	(void)store;
	CHECK_STRING(path, NAME);
	if (++times_read == reads_until_it_fails)
		return error_set(why, MLM_EIO, "artifact", "the disk is broken");
	for (size_t at = 0; at < SIZE && status == MLM_OK; at += SIZE / 8)
		status = into->write(into->payload, content + at, SIZE / 8, why);
	return status;
}

static mlm_status take_some(const mlm_artifact_reader *from, size_t most, mlm_error *why)
{
	size_t got = 1;
	mlm_status status = MLM_OK;
	arrived_size = 0;
	while (status == MLM_OK && got > 0 && arrived_size < most) {
		status = from->read(
			from->payload, arrived + arrived_size, most - arrived_size, &got, why);
		arrived_size += got;
	}
	if (status == MLM_OK && arrived_size == SIZE) {
		char more;
		status = from->read(from->payload, &more, 1, &got, why);
		CHECK_INT(got, 0);
	}
	return status;
}

static mlm_status take(struct artifact_store *store, const char *path,
	const mlm_artifact_reader *from, mlm_error *why)
{
	mlm_status status = MLM_OK;
	(void)store;
	CHECK_STRING(path, NAME);
	CHECK_INT(from->size_bytes, SIZE);
	for (int i = 0; i < cuts && status == MLM_OK; i++) {
		/* The last cut comes after everything was sent, before the answer. */
		status = take_some(from, i + 1 < cuts ? SIZE / 2 : SIZE, why);
		if (status == MLM_OK)
			status = from->rewind(from->payload, why);
	}
	return status == MLM_OK ? take_some(from, SIZE, why) : status;
}

static bool note(void *payload, const mlm_transfer_event *event)
{
	(void)payload;
	CHECK_INT(event->kind, MLM_TRANSFER_PROGRESS);
	CHECK_STRING(event->text, "the run");
	CHECK_STRING(event->name, "artifact '" NAME "'");
	CHECK_INT(event->total_bytes, SIZE);
	times_back += event->done_bytes < done_bytes;
	done_bytes = event->done_bytes;
	return !stop_at || done_bytes < stop_at;
}

static const struct artifact_ops giving_ops = { .get = give };
static const struct artifact_ops taking_ops = { .put = take, .get = give };
static struct artifact_store giving = { .ops = &giving_ops };
static struct artifact_store taking = { .ops = &taking_ops };
static const mlm_artifact entry = { .path = NAME, .size_bytes = SIZE };

static mlm_status copy(void)
{
	struct run_transfer transfer = { .options = { .report = note } };
	times_read = times_back = 0;
	done_bytes = 0;
	return artifact_copy(&giving, &entry, &taking, &transfer, "the run", &err);
}

TEST(artifact_copy__tells_the_bytes_up_to_the_last)
{
	MUST(copy());
	CHECK_INT(done_bytes, SIZE);
	CHECK_INT(times_back, 0);
	CHECK_INT(times_read, 1);
	CHECK(arrived_size == SIZE && memcmp(arrived, content, SIZE) == 0);
}

TEST(artifact_copy__reads_again_for_an_upload_that_was_cut)
{
	memset(arrived, 0, SIZE);
	cuts = 2;
	MUST(copy());
	CHECK_INT(times_read, 3);
	CHECK_INT(times_back, 2);
	CHECK_INT(done_bytes, SIZE);
	CHECK(arrived_size == SIZE && memcmp(arrived, content, SIZE) == 0);
	cuts = 0;
}

TEST(artifact_copy__eio_where_it_cannot_be_read_again)
{
	cuts = 2;
	reads_until_it_fails = 2;
	CHECK_STATUS(copy(), MLM_EIO);
	CHECK_STRING(err.message, "the disk is broken");
	reads_until_it_fails = 0;
	cuts = 0;
}

TEST(artifact_copy__estate_when_the_caller_stops_it_inside)
{
	stop_at = SIZE / 2;
	CHECK_STATUS(copy(), MLM_ESTATE);
	CHECK(done_bytes < SIZE);
	stop_at = 0;
}

TEST(artifact_compare__tells_the_bytes_of_either_side)
{
	struct run_transfer transfer = { .options = { .report = note } };
	bool is_same = false;
	times_back = 0;
	done_bytes = 0;
	MUST(artifact_compare(&giving, &entry, &taking, &transfer, "the run", &is_same, &err));
	CHECK(is_same);
	CHECK_INT(times_back, 1);
	CHECK_INT(done_bytes, SIZE);
}

int main(void)
{
	for (size_t i = 0; i < SIZE; i++)
		content[i] = (char)(i * 7 + i / 4096);
	RUN(artifact_copy__tells_the_bytes_up_to_the_last);
	RUN(artifact_copy__reads_again_for_an_upload_that_was_cut);
	RUN(artifact_copy__eio_where_it_cannot_be_read_again);
	RUN(artifact_copy__estate_when_the_caller_stops_it_inside);
	RUN(artifact_compare__tells_the_bytes_of_either_side);
	return check_done();
}
