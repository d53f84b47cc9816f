/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Journals that were damaged before anybody adopted them. A child logs while the store is held so
 * that all of it lies in the journal, and kills itself; the files are changed; the next opener
 * takes what can be read, says what cannot, keeps the damaged segment, and comes up in any case.
 */
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#include "core/journal_format.h"
#include "store_reading.h"

#define FEW_POINTS 120
/* Bytes from one damage to the next: no multiple of a unit, so that all of its bytes get a turn. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define CUT_STRIDE  151
#define FLIP_STRIDE 149
#else
#define CUT_STRIDE  31
#define FLIP_STRIDE 29
#endif
#define MANY_POINTS 300000 /* three segments */
#define SEGMENTS    3
#define ADOPTERS    4

static mlm_error err;

/* Where the points of one segment lie. */
struct layout {
	int64_t first_step;
	int64_t point_count;
	uint64_t points_at; /* offset of the first; from there they stand side by side */
	uint64_t run_known_at; /* offset behind the record that opens the run */
};

/* What a killed child left, to be copied before each damage. */
struct remains {
	struct place place;
	char run_id[MLM_ID_SIZE];
	char journal_id[JOURNAL_ID_HEX + 1];
	int64_t points;
	struct layout layouts[SEGMENTS];
};

static struct remains few;
static struct remains many;
static struct place work;

/* ---- making them ---- */

static void die_with_a_full_journal(const struct place *place, int64_t points, int report)
{
	mlm_manager_options options = MLM_MANAGER_OPTIONS_INIT;
	mlm_manager *manager = NULL;
	mlm_run *run = NULL;
	char id[MLM_ID_SIZE];
	options.store = place->uri;
	options.ignore_environment = true;
	MUST(mlm_manager_open(&options, &manager, &err));
	MUST(mlm_experiment_create(manager, "damaged", NULL, id, &err));
	MUST(mlm_run_start(manager, NULL, &run, &err));
	sqlite3 *holder = reading_open(place->database);
	sqlite3_exec(holder, "BEGIN IMMEDIATE", NULL, NULL, NULL);
	for (int64_t i = 0; i < points; i++)
		MUST(mlm_run_log_metric(
			run, "loss", 0, (double)i, MLM_STEP_NEXT, MLM_TIME_NOW, &err));
	if (write(report, mlm_run_id(run), MLM_ID_SIZE) == MLM_ID_SIZE)
		raise(SIGKILL);
	_exit(1);
}

static size_t read_file(const char *path, unsigned char *bytes, size_t size)
{
	int fd = open(path, O_RDONLY);
	ssize_t got = fd < 0 ? -1 : read(fd, bytes, size);
	close(fd);
	return got < 0 ? 0 : (size_t)got;
}

static void journal_path(
	char path_out[PATH_MAX], const struct place *place, const char *id, const char *ending)
{
	snprintf(path_out, PATH_MAX, "%s/%s.%s", place->journals, id, ending);
}

static void numbered_path(
	char path_out[PATH_MAX], const struct place *place, const char *id, uint32_t number)
{
	char ending[16];
	snprintf(ending, sizeof(ending), "%06u", number);
	journal_path(path_out, place, id, ending);
}

/* Learns from the file itself where its points are. */
static void read_layout(struct remains *remains, uint32_t number, struct layout *layout)
{
	static unsigned char bytes[JOURNAL_SEGMENT_BYTES];
	char path[PATH_MAX];
	numbered_path(path, &remains->place, remains->journal_id, number);
	memset(layout, 0, sizeof(*layout));
	size_t size = read_file(path, bytes, sizeof(bytes));
	for (size_t at = JOURNAL_HEADER_BYTES; at + JOURNAL_UNIT <= size;) {
		uint32_t check;
		uint64_t head;
		memcpy(&check, bytes + at, sizeof(check));
		memcpy(&head, bytes + at + 8, sizeof(head));
		uint32_t units = journal_head_units(head);
		if (check == 0 || units == 0)
			break;
		if (journal_head_kind(head) == JOURNAL_RUN_OPEN)
			layout->run_known_at = at + (size_t)units * JOURNAL_UNIT;
		if (journal_head_kind(head) == JOURNAL_METRIC) {
			if (layout->point_count++ == 0) {
				layout->points_at = at;
				memcpy(&layout->first_step, bytes + at + 16, sizeof(int64_t));
			}
		}
		at += (size_t)units * JOURNAL_UNIT;
	}
}

static void make_remains(struct remains *remains, int64_t points)
{
	int report[2];
	char head[NAME_MAX + 1] = "";
	place_make(&remains->place);
	remains->points = points;
	CHECK(pipe(report) == 0);
	fflush(stdout);
	pid_t child = fork();
	if (child == 0)
		die_with_a_full_journal(&remains->place, points, report[1]);
	waitpid(child, NULL, 0);
	CHECK(read(report[0], remains->run_id, MLM_ID_SIZE) == MLM_ID_SIZE);
	close(report[0]);
	close(report[1]);
	CHECK_INT(directory_count(remains->place.journals, ".head", head), 1);
	memcpy(remains->journal_id, head, JOURNAL_ID_HEX);
	int64_t found = 0;
	for (uint32_t i = 0; i < SEGMENTS; i++) {
		read_layout(remains, i, &remains->layouts[i]);
		found += remains->layouts[i].point_count;
	}
	CHECK_INT(found, points);
}

static void copy_remains(const struct remains *remains)
{
	char command[4 * PATH_MAX];
	place_make(&work);
	snprintf(command, sizeof(command), "cp -a --sparse=always '%s/.' '%s'",
		remains->place.directory, work.directory);
	CHECK(system(command) == 0);
}

/* ---- adopting them ---- */

struct report {
	int warnings;
	char last[1024];
};

static void note_warning(void *payload, mlm_log_level level, const char *line)
{
	struct report *report = payload;
	if (level != MLM_LOG_WARNING)
		return;
	report->warnings++;
	snprintf(report->last, sizeof(report->last), "%s", line);
}

static void note_finding(void *payload, bool repaired, const char *finding)
{
	struct report *report = payload;
	(void)repaired;
	if (!strstr(finding, ".damaged"))
		return;
	report->warnings++;
	snprintf(report->last, sizeof(report->last), "%s", finding);
}

/* Opens and closes the copy; the doctor's word on damaged files goes to doctor_out. */
static void adopt(struct report *report_out, struct report *doctor_out)
{
	mlm_manager_options options = MLM_MANAGER_OPTIONS_INIT;
	mlm_manager *manager = NULL;
	memset(report_out, 0, sizeof(*report_out));
	memset(doctor_out, 0, sizeof(*doctor_out));
	options.store = work.uri;
	options.ignore_environment = true;
	options.log = note_warning;
	options.log_payload = report_out;
	MUST(mlm_manager_open(&options, &manager, &err));
	MUST(mlm_manager_doctor(manager, false, note_finding, doctor_out, &err));
	MUST(mlm_manager_close(manager, 0, &err));
	mlm_manager_free(manager);
}

static int64_t points_between(sqlite3 *db, int64_t from, int64_t to)
{
	return reading_number(db,
		"SELECT count(DISTINCT step) FROM metrics WHERE step >= %lld AND step < %lld AND "
		"value = step",
		(long long)from, (long long)to);
}

static void check_status(sqlite3 *db, const char *run_id, const char *expected)
{
	char status[16];
	reading_text(db, status, sizeof(status), "SELECT status FROM runs WHERE run_uuid = '%s'",
		run_id);
	CHECK_STRING(status, expected);
}

/* After damage that leaves the points below kept and from resumed on. */
static void check_adopted(
	const struct remains *remains, int64_t kept, int64_t resumed, const char *status)
{
	sqlite3 *db = reading_open(work.database);
	check_integrity(db);
	CHECK_INT(reading_number(db, "SELECT count(*) FROM metrics"),
		kept + remains->points - resumed);
	CHECK_INT(points_between(db, 0, kept), kept);
	CHECK_INT(points_between(db, resumed, remains->points), remains->points - resumed);
	check_status(db, remains->run_id, status);
	sqlite3_close(db);
	CHECK_INT(directory_count(work.journals, ".head", NULL), 0);
}

static void check_reported(const struct report *report, const struct report *doctor, int expected)
{
	CHECK_INT(report->warnings, expected);
	CHECK_INT(directory_count(work.journals, ".damaged", NULL), expected);
	CHECK_INT(doctor->warnings, expected);
	if (expected)
		CHECK_CONTAINS(report->last, "damaged");
	/* And not again. */
	struct report later;
	struct report later_doctor;
	adopt(&later, &later_doctor);
	CHECK_INT(later.warnings, 0);
	CHECK_INT(later_doctor.warnings, expected);
}

static void flip(const char *path, uint64_t at, int bit)
{
	unsigned char byte = 0;
	int fd = open(path, O_RDWR);
	CHECK(fd >= 0 && pread(fd, &byte, 1, (off_t)at) == 1);
	byte ^= (unsigned char)(1 << bit);
	CHECK(pwrite(fd, &byte, 1, (off_t)at) == 1);
	close(fd);
}

static void zero(const char *path, uint64_t from, uint64_t to)
{
	int fd = open(path, O_RDWR);
	CHECK(fd >= 0 && fallocate(fd, 3 /* punch a hole, keep the size */, (off_t)from,
				 (off_t)(to - from)) == 0);
	close(fd);
}

static int64_t points_before(const struct layout *layout, uint64_t at)
{
	if (at < layout->points_at)
		return 0;
	int64_t points = (int64_t)((at - layout->points_at) / JOURNAL_UNIT);
	return points < layout->point_count ? points : layout->point_count;
}

/* ---- tests ---- */

TEST(adoption__without_damage_takes_all_and_says_nothing)
{
	struct report report;
	struct report doctor;
	copy_remains(&few);
	adopt(&report, &doctor);
	check_adopted(&few, few.points, few.points, "KILLED");
	CHECK_INT(directory_count(work.journals, "", NULL), 0);
	check_reported(&report, &doctor, 0);
	place_remove(&work);
}

TEST(adoption__does_not_take_a_segment_that_was_being_made_for_a_damaged_one)
{
	static const off_t lengths[] = { 0, JOURNAL_SEGMENT_BYTES };
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		struct report report;
		struct report doctor;
		char path[PATH_MAX];
		copy_remains(&few);
		numbered_path(path, &work, few.journal_id, 0);
		CHECK(truncate(path, 0) == 0);
		numbered_path(path, &work, few.journal_id, 1);
		int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0666);
		CHECK(fd >= 0 && ftruncate(fd, lengths[i]) == 0);
		close(fd);
		adopt(&report, &doctor);
		check_adopted(&few, 0, few.points, "RUNNING");
		check_reported(&report, &doctor, 1);
		place_remove(&work);
	}
}

TEST(adoption__reads_up_to_a_cut_at_any_length)
{
	const struct layout *layout = &few.layouts[0];
	uint64_t end = layout->points_at + (uint64_t)layout->point_count * JOURNAL_UNIT;
	for (uint64_t length = 0; length < JOURNAL_SEGMENT_BYTES && !check_failures_of_test;) {
		struct report report;
		struct report doctor;
		char path[PATH_MAX];
		copy_remains(&few);
		numbered_path(path, &work, few.journal_id, 0);
		CHECK(truncate(path, (off_t)length) == 0);
		adopt(&report, &doctor);
		int64_t kept = points_before(layout, length);
		check_adopted(&few, kept, few.points,
			length >= layout->run_known_at ? "KILLED" : "RUNNING");
		check_reported(&report, &doctor, 1);
		if (check_failures_of_test)
			printf("  cut to %llu bytes\n", (unsigned long long)length);
		place_remove(&work);
		/* Every unit's borders and what lies between, then some lengths behind. */
		length += length < end + JOURNAL_UNIT ? CUT_STRIDE : 1000003;
	}
}

TEST(adoption__reads_up_to_a_flipped_byte_anywhere)
{
	const struct layout *layout = &few.layouts[0];
	uint64_t end = layout->points_at + (uint64_t)layout->point_count * JOURNAL_UNIT;
	for (uint64_t at = 0; at < end && !check_failures_of_test; at += FLIP_STRIDE) {
		struct report report;
		struct report doctor;
		char path[PATH_MAX];
		copy_remains(&few);
		numbered_path(path, &work, few.journal_id, 0);
		flip(path, at, (int)(at % 8));
		adopt(&report, &doctor);
		check_adopted(&few, points_before(layout, at), few.points,
			at >= layout->run_known_at ? "KILLED" : "RUNNING");
		check_reported(&report, &doctor, 1);
		if (check_failures_of_test)
			printf("  flipped byte %llu\n", (unsigned long long)at);
		place_remove(&work);
	}
}

TEST(adoption__reads_up_to_lost_pages_and_says_so)
{
	const struct layout *layout = &few.layouts[0];
	/* A check word of zero is how a journal ends; here others follow it. */
	static const int64_t lost[][2] = { { 10, 11 }, { 50, 100 }, { 118, 119 } };
	for (size_t i = 0; i < sizeof(lost) / sizeof(lost[0]); i++) {
		struct report report;
		struct report doctor;
		char path[PATH_MAX];
		copy_remains(&few);
		numbered_path(path, &work, few.journal_id, 0);
		zero(path, layout->points_at + (uint64_t)lost[i][0] * JOURNAL_UNIT,
			layout->points_at + (uint64_t)lost[i][1] * JOURNAL_UNIT);
		adopt(&report, &doctor);
		check_adopted(&few, lost[i][0], few.points, "KILLED");
		check_reported(&report, &doctor, 1);
		place_remove(&work);
	}
}

struct middle {
	const char *what;
	int64_t kept_of_the_middle; /* -1: half of it */
	void (*damage)(const char *path, const struct layout *layout);
};

static void flip_half(const char *path, const struct layout *layout)
{
	flip(path, layout->points_at + (uint64_t)layout->point_count / 2 * JOURNAL_UNIT + 5, 3);
}

static void zero_second_half(const char *path, const struct layout *layout)
{
	zero(path, layout->points_at + (uint64_t)layout->point_count / 2 * JOURNAL_UNIT,
		JOURNAL_SEGMENT_BYTES);
}

static void cut_half(const char *path, const struct layout *layout)
{
	uint64_t half = (uint64_t)layout->point_count / 2;
	CHECK(truncate(path, (off_t)(layout->points_at + half * JOURNAL_UNIT)) == 0);
}

static void cut_all(const char *path, const struct layout *layout)
{
	(void)layout;
	CHECK(truncate(path, 0) == 0);
}

static void zero_all(const char *path, const struct layout *layout)
{
	(void)layout;
	zero(path, 0, JOURNAL_SEGMENT_BYTES);
}

static void flip_header(const char *path, const struct layout *layout)
{
	(void)layout;
	flip(path, 20, 1);
}

TEST(adoption__goes_on_after_a_damaged_segment)
{
	static const struct middle cases[] = {
		{ "flipped", -1, flip_half },
		{ "zeroed from the middle", -1, zero_second_half },
		{ "cut in the middle", -1, cut_half },
		{ "empty", 0, cut_all },
		{ "zeroed", 0, zero_all },
		{ "flipped in its header", 0, flip_header },
	};
	const struct layout *layout = &many.layouts[1];
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct report report;
		struct report doctor;
		char path[PATH_MAX];
		int64_t kept = layout->first_step + (cases[i].kept_of_the_middle < 0
								    ? layout->point_count / 2
								    : cases[i].kept_of_the_middle);
		copy_remains(&many);
		numbered_path(path, &work, many.journal_id, 1);
		cases[i].damage(path, layout);
		adopt(&report, &doctor);
		check_adopted(&many, kept, many.layouts[2].first_step, "KILLED");
		check_reported(&report, &doctor, 1);
		if (check_failures_of_test)
			printf("  the second segment was %s: %s\n", cases[i].what, report.last);
		place_remove(&work);
	}
}

TEST(adoption__goes_on_after_a_missing_segment)
{
	struct report report;
	struct report doctor;
	char path[PATH_MAX];
	copy_remains(&many);
	numbered_path(path, &work, many.journal_id, 1);
	CHECK(unlink(path) == 0);
	adopt(&report, &doctor);
	check_adopted(&many, many.layouts[1].first_step, many.layouts[2].first_step, "KILLED");
	CHECK_INT(report.warnings, 1);
	place_remove(&work);
}

TEST(adoption__needs_nothing_of_the_head)
{
	for (int i = 0; i < 2; i++) {
		struct report report;
		struct report doctor;
		char path[PATH_MAX];
		copy_remains(&few);
		journal_path(path, &work, few.journal_id, "head");
		CHECK(i ? unlink(path) == 0 : truncate(path, 0) == 0);
		adopt(&report, &doctor);
		check_adopted(&few, few.points, few.points, "KILLED");
		CHECK_INT(report.warnings, 0);
		CHECK_INT(directory_count(work.journals, "", NULL), 0);
		place_remove(&work);
	}
}

static void put_file(const char *name, const char *content)
{
	char path[PATH_MAX];
	snprintf(path, sizeof(path), "%s/%s", work.journals, name);
	FILE *file = fopen(path, "w");
	CHECK(file && fputs(content, file) >= 0);
	if (file)
		fclose(file);
}

TEST(adoption__leaves_alone_what_is_not_a_journal)
{
	static const char *const names[] = {
		"README",
		"notes.head",
		".hidden",
		"zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz.head",
		"zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz.000000",
		"0123456789ABCDEF0123456789ABCDEF.000000",
		"00112233445566778899aabbccddeeff.00000x",
		"00112233445566778899aabbccddeeff.0",
		".zzz.new",
	};
	struct report report;
	struct report doctor;
	char path[PATH_MAX];
	copy_remains(&few);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		put_file(names[i], "not a journal\n");
	snprintf(path, sizeof(path), "%s/ffffffffffffffffffffffffffffffff.head", work.journals);
	CHECK(mkdir(path, 0755) == 0);
	snprintf(path, sizeof(path), "%s/eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee.head", work.journals);
	CHECK(symlink("nowhere", path) == 0);
	adopt(&report, &doctor);
	sqlite3 *db = reading_open(work.database);
	CHECK_INT(points_between(db, 0, few.points), few.points);
	sqlite3_close(db);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", work.journals, names[i]);
		if (access(path, F_OK) != 0)
			printf("  %s is gone\n", names[i]);
		CHECK(access(path, F_OK) == 0);
	}
	CHECK_INT(report.warnings, 0);
	place_remove(&work);
}

TEST(adoption__of_a_head_without_segments_is_none)
{
	struct report report;
	struct report doctor;
	copy_remains(&few);
	put_file("00112233445566778899aabbccddeeff.head", "mlmanager journal 1\n");
	adopt(&report, &doctor);
	check_adopted(&few, few.points, few.points, "KILLED");
	CHECK_INT(report.warnings, 0);
	place_remove(&work);
}

TEST(adoption__of_a_journal_that_cannot_be_read_leaves_it_and_opens)
{
	struct report report;
	struct report doctor;
	char path[PATH_MAX];
	copy_remains(&few);
	put_file("00112233445566778899aabbccddeeff.head", "mlmanager journal 1\n");
	snprintf(path, sizeof(path), "%s/00112233445566778899aabbccddeeff.000000", work.journals);
	CHECK(mkdir(path, 0755) == 0); /* reading it fails, whoever asks */
	adopt(&report, &doctor);
	CHECK_INT(report.warnings, 1);
	CHECK_CONTAINS(report.last, "00112233445566778899aabbccddeeff");
	CHECK(access(path, F_OK) == 0);
	CHECK_INT(directory_count(work.journals, "", NULL), 2);
	sqlite3 *db = reading_open(work.database);
	CHECK_INT(points_between(db, 0, few.points), few.points);
	sqlite3_close(db);
	place_remove(&work);
}

TEST(adoption__by_several_at_once_is_one)
{
	pid_t adopters[ADOPTERS];
	copy_remains(&many);
	fflush(stdout);
	for (int i = 0; i < ADOPTERS; i++) {
		adopters[i] = fork();
		if (adopters[i] == 0) {
			struct report report;
			struct report doctor;
			adopt(&report, &doctor);
			_exit(report.warnings);
		}
	}
	for (int i = 0; i < ADOPTERS; i++) {
		int how = 0;
		waitpid(adopters[i], &how, 0);
		CHECK(WIFEXITED(how) && WEXITSTATUS(how) == 0);
	}
	check_adopted(&many, many.points, many.points, "KILLED");
	CHECK_INT(directory_count(work.journals, "", NULL), 0);
	place_remove(&work);
}

int main(void)
{
	err = (mlm_error)MLM_ERROR_INIT;
	make_remains(&few, FEW_POINTS);
	make_remains(&many, MANY_POINTS);
	if (check_failures_of_test)
		return 1;
	RUN(adoption__without_damage_takes_all_and_says_nothing);
	RUN(adoption__does_not_take_a_segment_that_was_being_made_for_a_damaged_one);
	RUN(adoption__reads_up_to_a_cut_at_any_length);
	RUN(adoption__reads_up_to_a_flipped_byte_anywhere);
	RUN(adoption__reads_up_to_lost_pages_and_says_so);
	RUN(adoption__goes_on_after_a_damaged_segment);
	RUN(adoption__goes_on_after_a_missing_segment);
	RUN(adoption__needs_nothing_of_the_head);
	RUN(adoption__leaves_alone_what_is_not_a_journal);
	RUN(adoption__of_a_head_without_segments_is_none);
	RUN(adoption__of_a_journal_that_cannot_be_read_leaves_it_and_opens);
	RUN(adoption__by_several_at_once_is_one);
	place_remove(&few.place);
	place_remove(&many.place);
	return check_done();
}
