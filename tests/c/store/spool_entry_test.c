/* SPDX-License-Identifier: Apache-2.0 */
#include "store/spool_entry.h"

#include <math.h>

#include "check.h"

static mlm_error err = MLM_ERROR_INIT;

static struct spool_entry round_trip(struct arena *arena, const struct spool_entry *entry)
{
	struct spool_record record = { .kind = entry->kind };
	struct spool_entry read;
	MUST(spool_entry_write(entry, arena, &record.body, &record.size, &err));
	MUST(spool_entry_read(&record, "run", arena, &read, &err));
	CHECK_INT(read.kind, entry->kind);
	return read;
}

TEST(create__comes_back_as_one_that_may_exist)
{
	struct arena *arena = arena_new(NULL);
	const mlm_text tag = { "mlflow.user", "Ada \"the\" \n\xc3\xa4" };
	const struct spool_entry entry = {
		.kind = SPOOL_CREATE,
		.create = { .experiment_id = "~3",
			.run_name = "a run",
			.user_id = "ada",
			.source_name = "",
			.start_time_ms = 1700000000000,
			.tags = &tag,
			.tag_count = 1 },
	};
	struct spool_entry read = round_trip(arena, &entry);
	CHECK_STRING(read.create.experiment_id, "~3");
	CHECK_STRING(read.create.run_name, "a run");
	CHECK_STRING(read.create.source_name, "");
	CHECK_INT(read.create.start_time_ms, 1700000000000);
	CHECK_INT(read.create.tag_count, 1);
	CHECK_STRING(read.create.tags[0].value, tag.value);
	CHECK(read.create.may_exist);
	arena_free(arena);
}

TEST(points__come_back_to_the_bit)
{
	struct arena *arena = arena_new(NULL);
	const struct store_series series[] = { { "other", "a" }, { "other", "b c" } };
	const struct store_point points[] = { { 0, INT64_MIN, 0, NAN }, { 0, -1, 1, -INFINITY },
		{ 1, INT64_MAX, INT64_MAX, 0.1 } };
	const struct spool_entry entry = {
		.kind = SPOOL_POINTS,
		.series = series,
		.series_count = 2,
		.points = points,
		.point_count = 3,
	};
	struct spool_entry read = round_trip(arena, &entry);
	CHECK_INT(read.series_count, 2);
	CHECK_INT(read.point_count, 3);
	CHECK_STRING(read.series[1].key, "b c");
	CHECK_STRING(read.series[1].run_id, "run");
	CHECK(isnan(read.points[0].value) && read.points[0].step == INT64_MIN);
	CHECK(isinf(read.points[1].value));
	CHECK(read.points[2].value == 0.1 && read.points[2].timestamp_ms == INT64_MAX);
	arena_free(arena);
}

TEST(the_others__come_back)
{
	struct arena *arena = arena_new(NULL);
	const mlm_text text = { "k", "v" };
	const mlm_dataset_input input = { .name = "n",
		.digest = "d",
		.source_type = "t",
		.source = "s",
		.profile = "{}",
		.tags = &text,
		.tag_count = 1 };
	const struct spool_entry texts = { .kind = SPOOL_TEXTS,
		.params = &text,
		.param_count = 1,
		.tags = &text,
		.tag_count = 1 };
	const struct spool_entry update = { .kind = SPOOL_UPDATE,
		.change = { MLM_RUN_FAILED, -1, "new name" } };
	const struct spool_entry lifecycle = { .kind = SPOOL_LIFECYCLE, .lifecycle = MLM_DELETED };
	const struct spool_entry delete_tag = { .kind = SPOOL_DELETE_TAG, .key = "k" };
	const struct spool_entry kill = { .kind = SPOOL_KILL, .change = { .end_time_ms = 7 } };
	const struct spool_entry inputs = {
		.kind = SPOOL_INPUTS, .inputs = &input, .input_count = 1
	};
	CHECK_STRING(round_trip(arena, &texts).params[0].value, "v");
	CHECK_STRING(round_trip(arena, &texts).tags[0].key, "k");
	struct spool_entry read = round_trip(arena, &update);
	CHECK_INT(read.change.status, MLM_RUN_FAILED);
	CHECK_INT(read.change.end_time_ms, -1);
	CHECK_STRING(read.change.run_name, "new name");
	CHECK_INT(round_trip(arena, &lifecycle).lifecycle, MLM_DELETED);
	CHECK_STRING(round_trip(arena, &delete_tag).key, "k");
	CHECK_INT(round_trip(arena, &kill).change.end_time_ms, 7);
	read = round_trip(arena, &inputs);
	CHECK_INT(read.input_count, 1);
	CHECK_STRING(read.inputs[0].profile, "{}");
	CHECK(read.inputs[0].schema == NULL);
	CHECK_STRING(read.inputs[0].tags[0].value, "v");
	arena_free(arena);
}

TEST(read__refuses_what_is_damaged)
{
	struct arena *arena = arena_new(NULL);
	struct spool_entry read;
	uint64_t counts[8] = { 1, 0 };
	struct spool_record record = { .kind = SPOOL_TEXTS, .body = "{", .size = 1 };
	CHECK_STATUS(spool_entry_read(&record, "run", arena, &read, &err), MLM_ECORRUPT);
	record = (struct spool_record){
		.kind = SPOOL_TEXTS, .body = "{\"tags\":[[1]]}", .size = 14
	};
	CHECK_STATUS(spool_entry_read(&record, "run", arena, &read, &err), MLM_ECORRUPT);
	record = (struct spool_record){ .kind = SPOOL_CREATE, .body = "{}", .size = 2 };
	CHECK_STATUS(spool_entry_read(&record, "run", arena, &read, &err), MLM_ECORRUPT);
	record =
		(struct spool_record){ .kind = SPOOL_UPDATE, .body = "{\"status\":6}", .size = 12 };
	CHECK_STATUS(spool_entry_read(&record, "run", arena, &read, &err), MLM_ECORRUPT);
	record = (struct spool_record){
		.kind = SPOOL_LIFECYCLE, .body = "{\"lifecycle\":-1}", .size = 16
	};
	CHECK_STATUS(spool_entry_read(&record, "run", arena, &read, &err), MLM_ECORRUPT);
	record = (struct spool_record){ .kind = (enum spool_kind)99, .body = "{}", .size = 2 };
	CHECK_STATUS(spool_entry_read(&record, "run", arena, &read, &err), MLM_ECORRUPT);
	/* Points: too short, more of them than bytes, keys without an end, a series of none. */
	record = (struct spool_record){ .kind = SPOOL_POINTS, .body = counts, .size = 8 };
	CHECK_STATUS(spool_entry_read(&record, "run", arena, &read, &err), MLM_ECORRUPT);
	counts[1] = UINT64_MAX / 16;
	record.size = sizeof(counts);
	CHECK_STATUS(spool_entry_read(&record, "run", arena, &read, &err), MLM_ECORRUPT);
	counts[0] = UINT64_MAX;
	counts[1] = 0;
	CHECK_STATUS(spool_entry_read(&record, "run", arena, &read, &err), MLM_ECORRUPT);
	counts[0] = 1;
	memset(counts + 2, 'k', sizeof(counts) - 16);
	CHECK_STATUS(spool_entry_read(&record, "run", arena, &read, &err), MLM_ECORRUPT);
	counts[0] = 0;
	counts[1] = 1;
	CHECK_STATUS(spool_entry_read(&record, "run", arena, &read, &err), MLM_ECORRUPT);
	arena_free(arena);
}

int main(void)
{
	RUN(create__comes_back_as_one_that_may_exist);
	RUN(points__come_back_to_the_bit);
	RUN(the_others__come_back);
	RUN(read__refuses_what_is_damaged);
	return check_done();
}
