/* SPDX-License-Identifier: Apache-2.0 */
#include "core/adoption.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "core/drain.h"
#include "core/watermark.h"

#define SEGMENT_NUMBER_NONE UINT32_MAX
#define HEX_DIGITS          "0123456789abcdef"

struct adoption {
	int directory_fd;
	const char *directory;
	struct store *store;
	mlm_log_fn log;
	void *log_payload;
	struct adoption_report report;
};

__attribute__((format(printf, 3, 4))) static void say(
	const struct adoption *adoption, mlm_log_level level, const char *format, ...)
{
	char line[MLM_ERROR_MESSAGE_SIZE + 256];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	adoption->log(adoption->log_payload, level, line);
}

/* "<id>.head" or "<id>.000012". */
static bool has_suffix(const char *name, const char *suffix)
{
	return strlen(name) == JOURNAL_ID_HEX + strlen(suffix) &&
	       strcmp(name + JOURNAL_ID_HEX, suffix) == 0;
}

static bool parse_segment_name(const char *name, const char *id_hex, uint32_t *number_out)
{
	if (strncmp(name, id_hex, JOURNAL_ID_HEX) != 0 || name[JOURNAL_ID_HEX] != '.')
		return false;
	const char *digits = name + JOURNAL_ID_HEX + 1;
	char *end = NULL;
	if (digits[0] < '0' || digits[0] > '9')
		return false;
	unsigned long number = strtoul(digits, &end, 10);
	if (end - digits < 6 || *end != '\0' || number >= SEGMENT_NUMBER_NONE)
		return false;
	*number_out = (uint32_t)number;
	return true;
}

static DIR *list(const struct adoption *adoption, mlm_error *err)
{
	int fd = openat(adoption->directory_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *directory = fd < 0 ? NULL : fdopendir(fd);
	if (!directory) {
		error_set_errno(err, errno, "journal", "cannot read the directory '%s'",
			adoption->directory);
		if (fd >= 0)
			close(fd);
	}
	return directory;
}

/* The lowest segment number of a journal that is at least from, and the highest;
 * SEGMENT_NUMBER_NONE for none. */
static uint32_t find_segments(
	const struct adoption *adoption, const char *id_hex, uint32_t from, uint32_t *highest_out)
{
	uint32_t lowest = SEGMENT_NUMBER_NONE;
	*highest_out = SEGMENT_NUMBER_NONE;
	DIR *directory = list(adoption, NULL);
	if (!directory)
		return lowest;
	for (struct dirent *entry; (entry = readdir(directory));) {
		uint32_t number;
		if (!parse_segment_name(entry->d_name, id_hex, &number) || number < from)
			continue;
		if (lowest == SEGMENT_NUMBER_NONE || number < lowest)
			lowest = number;
		if (*highest_out == SEGMENT_NUMBER_NONE || number > *highest_out)
			*highest_out = number;
	}
	closedir(directory);
	return lowest;
}

static uint32_t first_segment(const struct adoption *adoption, const char *id_hex, uint32_t from)
{
	uint32_t highest;
	return find_segments(adoption, id_hex, from, &highest);
}

static void note_refused(
	void *payload, const struct store_series *series, size_t point_count, const mlm_error *why)
{
	say(payload, MLM_LOG_WARNING,
		"%zu points of metric '%s' of run %s from an adopted journal were refused: %s",
		point_count, series->key, series->run_id, why->message);
}

static mlm_status apply(
	struct adoption *adoption, struct drain *drain, bool is_last, mlm_error *err)
{
	struct store_killed_run *killed = NULL;
	size_t killed_count = 0;
	if (is_last && drain->open_run_count) {
		killed = memory_array(
			adoption->store->allocator, drain->open_run_count, sizeof(*killed));
		if (!killed)
			return error_set(err, MLM_ENOMEM, "journal", "memory ran out");
		int64_t now_ms = clock_now_ms();
		for (size_t i = 0; i < drain->open_run_count; i++) {
			const struct drain_run *run = &drain->open_runs[i];
			int64_t last_ms = drain_run_last_ms(drain, run);
			killed[killed_count].run_id = run->run_id;
			/* A point may carry a time of the script's choosing. */
			killed[killed_count++].end_time_ms =
				last_ms <= now_ms ? last_ms : run->seen_ms;
		}
	}
	mlm_status status = drain_apply(
		drain, adoption->store, killed, killed_count, note_refused, adoption, err);
	memory_free(adoption->store->allocator, killed);
	return status;
}

/* Keeps what could not be read for a person to look at; it is out of the way of later openers. */
static void set_aside(struct adoption *adoption, const char *id_hex, uint32_t number)
{
	char name[64];
	char aside[80];
	snprintf(name, sizeof(name), "%s.%06u", id_hex, number);
	snprintf(aside, sizeof(aside), "%s.damaged", name);
	renameat(adoption->directory_fd, name, adoption->directory_fd, aside);
}

/* Whether a segment has records. The one that the keeper had made ahead has none. */
static bool has_records(struct drain *drain, uint32_t number)
{
	bool exists = false;
	bool more = false;
	struct journal_entry entry;
	return number != SEGMENT_NUMBER_NONE &&
	       journal_reader_seek_segment(&drain->reader, number, &exists, NULL) == MLM_OK &&
	       exists &&
	       journal_reader_next(&drain->reader, UINT64_MAX, &entry, &more, NULL) == MLM_OK &&
	       more;
}

/* One segment, or several up to a seal that leads nowhere. *why_out is what ended the reading:
 * nothing, damage, or a file that cannot be read. Returns the store's trouble. */
static mlm_status read_segments(struct adoption *adoption, struct drain *drain, uint32_t number,
	mlm_error *why_out, mlm_error *err)
{
	bool exists = false;
	bool more = true;
	mlm_status status = journal_reader_seek_segment(&drain->reader, number, &exists, why_out);
	while (status == MLM_OK && exists && more) {
		status = drain_collect(drain, UINT64_MAX, &more, why_out);
		mlm_status applied = more ? apply(adoption, drain, false, err) : MLM_OK;
		if (applied != MLM_OK)
			return applied;
	}
	return MLM_OK;
}

/* The segment that the keeper was in the middle of making: a name with nothing in it yet. */
static bool is_unmade(const struct adoption *adoption, const char *id_hex, uint32_t number)
{
	char name[64];
	char header[JOURNAL_HEADER_BYTES] = "";
	snprintf(name, sizeof(name), "%s.%06u", id_hex, number);
	int fd = openat(adoption->directory_fd, name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	ssize_t got = pread(fd, header, sizeof(header), 0);
	close(fd);
	for (ssize_t i = 0; i < got; i++)
		if (header[i] != 0)
			return false;
	return got >= 0;
}

/* The segment to go on with after one that was damaged. */
static uint32_t segment_after(const struct adoption *adoption, const char *id_hex, uint32_t number)
{
	uint32_t highest;
	uint32_t next = find_segments(adoption, id_hex, number + 1, &highest);
	if (next != SEGMENT_NUMBER_NONE && next == highest && is_unmade(adoption, id_hex, next))
		return SEGMENT_NUMBER_NONE;
	return next;
}

/* Reads a journal segment by segment; damage ends a segment, not the journal, since each segment
 * can be read by itself. A damaged one is set aside once what comes before is in the store:
 * whenever this is cut short, the next adopter finds either. *is_readable_out false: it has to
 * stay. */
static mlm_status read_all(struct adoption *adoption, struct drain *drain, uint32_t number,
	bool *is_readable_out, mlm_error *err)
{
	const char *id_hex = drain->reader.id_hex;
	mlm_status status = MLM_OK;
	*is_readable_out = true;
	while (status == MLM_OK && number != SEGMENT_NUMBER_NONE) {
		mlm_error why = MLM_ERROR_INIT;
		status = read_segments(adoption, drain, number, &why, err);
		if (status != MLM_OK)
			return status;
		if (why.status == MLM_ENOMEM)
			return error_set(err, MLM_ENOMEM, "journal", "memory ran out");
		if (why.status != MLM_OK && why.status != MLM_ECORRUPT) {
			*is_readable_out = false;
			say(adoption, MLM_LOG_WARNING, "journal %s stays in '%s': %s", id_hex,
				adoption->directory, why.message);
			return MLM_OK;
		}
		uint32_t ended = drain->reader.number;
		uint64_t position = drain->reader.position;
		uint32_t next = segment_after(adoption, id_hex, ended);
		if (why.status == MLM_OK && !has_records(drain, next))
			return MLM_OK;
		if (why.status == MLM_OK)
			error_set(&why, MLM_ECORRUPT, "journal",
				"journal segment %s.%06u is damaged: it ends before the journal "
				"does",
				id_hex, ended);
		drain->reader.position = position;
		status = apply(adoption, drain, false, err);
		if (status != MLM_OK)
			return status;
		set_aside(adoption, id_hex, ended);
		adoption->report.damaged_segments++;
		say(adoption, MLM_LOG_WARNING, "%s; what comes before is in the store",
			why.message);
		number = next;
	}
	return status;
}

/* From the last to the first: whenever this is cut short, what is left begins as a journal does. */
static void remove_segments(const struct adoption *adoption, const char *id_hex)
{
	for (uint32_t number; find_segments(adoption, id_hex, 0, &number) != SEGMENT_NUMBER_NONE;) {
		char name[64];
		snprintf(name, sizeof(name), "%s.%06u", id_hex, number);
		if (unlinkat(adoption->directory_fd, name, 0) != 0)
			return;
	}
}

static mlm_status adopt_journal(struct adoption *adoption, const char *id_hex, mlm_error *err)
{
	struct drain drain;
	uint64_t watermark = 0;
	bool is_readable = true;
	mlm_status status =
		drain_open(&drain, adoption->directory_fd, id_hex, adoption->store->allocator, err);
	if (status != MLM_OK)
		return status;
	status = watermark_read(adoption->store, adoption->directory_fd, id_hex, &watermark, err);
	if (status != MLM_OK)
		goto out;
	drain_fit(&drain, adoption->store->ops);
	drain.skip_below = watermark;
	uint32_t number =
		first_segment(adoption, id_hex, (uint32_t)(watermark / JOURNAL_SEGMENT_BYTES));
	if (number != SEGMENT_NUMBER_NONE) {
		status = read_all(adoption, &drain, number, &is_readable, err);
		if (status == MLM_OK)
			status = apply(adoption, &drain, is_readable, err);
	}
	if (status != MLM_OK || !is_readable)
		goto out;
	/* The watermark goes last but one: as long as there is a head, somebody comes back. */
	remove_segments(adoption, id_hex);
	status = watermark_forget(adoption->store, adoption->directory_fd, id_hex, err);
	if (status == MLM_OK) {
		char name[64];
		snprintf(name, sizeof(name), "%s.head", id_hex);
		unlinkat(adoption->directory_fd, name, 0);
		adoption->report.journals++;
		say(adoption, MLM_LOG_INFO, "adopted journal %s of a process that died", id_hex);
	}
out:
	drain_close(&drain);
	return status;
}

static bool is_unfinished_name(const char *name)
{
	size_t size = strlen(name);
	return name[0] == '.' && strspn(name + 1, HEX_DIGITS) == JOURNAL_ID_HEX &&
	       size == 1 + JOURNAL_ID_HEX + strlen(".new") &&
	       strcmp(name + 1 + JOURNAL_ID_HEX, ".new") == 0;
}

/* A journal that its process did not live to finish making: nothing was acknowledged from it. */
static void remove_unfinished(const struct adoption *adoption, const char *name)
{
	char id_hex[JOURNAL_ID_HEX + 1] = "";
	struct stat held;
	struct stat named;
	int fd = openat(adoption->directory_fd, name, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return;
	memcpy(id_hex, name + 1, JOURNAL_ID_HEX);
	/* It may have become a head, or gone, between our look and our lock. */
	if (flock(fd, LOCK_EX | LOCK_NB) == 0 && fstat(fd, &held) == 0 &&
		fstatat(adoption->directory_fd, name, &named, 0) == 0 &&
		held.st_ino == named.st_ino && held.st_dev == named.st_dev) {
		remove_segments(adoption, id_hex);
		unlinkat(adoption->directory_fd, name, 0);
	}
	close(fd);
}

/* Segments whose head is lost get a new one, and are then adopted as any others. Asked in this
 * order, a journal that its owner is making or removing shows one of the two names, or is gone. */
static void restore_head(const struct adoption *adoption, const char *segment)
{
	char id_hex[JOURNAL_ID_HEX + 1] = "";
	char unfinished[64];
	char head[64];
	uint32_t number;
	if (strspn(segment, HEX_DIGITS) != JOURNAL_ID_HEX)
		return;
	memcpy(id_hex, segment, JOURNAL_ID_HEX);
	journal_unfinished_name(id_hex, unfinished);
	snprintf(head, sizeof(head), "%s.head", id_hex);
	if (!parse_segment_name(segment, id_hex, &number) ||
		faccessat(adoption->directory_fd, unfinished, F_OK, 0) == 0 ||
		faccessat(adoption->directory_fd, head, F_OK, 0) == 0 ||
		faccessat(adoption->directory_fd, segment, F_OK, 0) != 0)
		return;
	int fd =
		openat(adoption->directory_fd, head, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (fd >= 0)
		close(fd);
}

/* Makes every journal either a whole one or none. */
static mlm_status tidy(const struct adoption *adoption, mlm_error *err)
{
	DIR *entries = list(adoption, err);
	if (!entries)
		return MLM_EIO;
	for (struct dirent *entry; (entry = readdir(entries));) {
		if (is_unfinished_name(entry->d_name))
			remove_unfinished(adoption, entry->d_name);
		else
			restore_head(adoption, entry->d_name);
	}
	closedir(entries);
	return MLM_OK;
}

/* True with *fd_out locked when nobody owns the journal any more. */
static bool lock_orphan(const struct adoption *adoption, const char *head, int *fd_out)
{
	int fd = openat(adoption->directory_fd, head, O_RDWR | O_CLOEXEC);
	struct stat about;
	if (fd < 0)
		return false;
	/* Without a link another adopter has finished with it between our look and our lock. */
	if (flock(fd, LOCK_EX | LOCK_NB) != 0 || fstat(fd, &about) != 0 || about.st_nlink == 0) {
		close(fd);
		return false;
	}
	*fd_out = fd;
	return true;
}

mlm_status adoption_run(const char *directory, struct store *store, mlm_log_fn log,
	void *log_payload, struct adoption_report *report_out, mlm_error *err)
{
	struct adoption adoption = {
		.directory = directory,
		.store = store,
		.log = log,
		.log_payload = log_payload,
	};
	*report_out = (struct adoption_report){ 0 };
	adoption.directory_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (adoption.directory_fd < 0 && errno == ENOENT)
		return MLM_OK;
	if (adoption.directory_fd < 0)
		return error_set_errno(
			err, errno, "journal", "cannot open the directory '%s'", directory);
	mlm_status status = tidy(&adoption, err);
	DIR *entries = status == MLM_OK ? list(&adoption, err) : NULL;
	if (!entries) {
		close(adoption.directory_fd);
		return MLM_EIO;
	}
	for (struct dirent *entry; status == MLM_OK && (entry = readdir(entries));) {
		int fd;
		if (!has_suffix(entry->d_name, ".head") ||
			strspn(entry->d_name, HEX_DIGITS) != JOURNAL_ID_HEX ||
			!lock_orphan(&adoption, entry->d_name, &fd))
			continue;
		char id_hex[JOURNAL_ID_HEX + 1] = "";
		memcpy(id_hex, entry->d_name, JOURNAL_ID_HEX);
		status = adopt_journal(&adoption, id_hex, err);
		close(fd);
	}
	closedir(entries);
	close(adoption.directory_fd);
	*report_out = adoption.report;
	return status;
}

mlm_status adoption_report_orphans(
	const char *directory, mlm_doctor_fn report, void *payload, mlm_error *err)
{
	struct adoption adoption = { .directory = directory };
	DIR *entries = opendir(directory);
	if (!entries && errno == ENOENT)
		return MLM_OK;
	if (!entries)
		return error_set_errno(
			err, errno, "journal", "cannot read the directory '%s'", directory);
	adoption.directory_fd = dirfd(entries);
	for (struct dirent *entry; (entry = readdir(entries));) {
		int fd;
		if (!has_suffix(entry->d_name, ".head") ||
			!lock_orphan(&adoption, entry->d_name, &fd))
			continue;
		close(fd);
		char finding[MLM_ERROR_MESSAGE_SIZE];
		snprintf(finding, sizeof(finding),
			"journal %.*s of a process that died is not in the store yet",
			JOURNAL_ID_HEX, entry->d_name);
		report(payload, false, finding);
	}
	closedir(entries);
	return MLM_OK;
}

mlm_status adoption_report_damaged(
	const char *directory, mlm_doctor_fn report, void *payload, mlm_error *err)
{
	DIR *entries = opendir(directory);
	if (!entries && errno == ENOENT)
		return MLM_OK;
	if (!entries)
		return error_set_errno(
			err, errno, "journal", "cannot read the directory '%s'", directory);
	for (struct dirent *entry; (entry = readdir(entries));) {
		const char *ending = strstr(entry->d_name, ".damaged");
		if (!ending || ending[strlen(".damaged")] != '\0')
			continue;
		char finding[MLM_ERROR_MESSAGE_SIZE];
		snprintf(finding, sizeof(finding),
			"%s/%s was damaged; its readable records are in the store, delete it when "
			"it is of no more use",
			directory, entry->d_name);
		report(payload, false, finding);
	}
	closedir(entries);
	return MLM_OK;
}
