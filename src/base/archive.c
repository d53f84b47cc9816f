/* SPDX-License-Identifier: Apache-2.0 */
#include "base/archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <locale.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/directory.h"
#include "base/error.h"
#include "base/library.h"
#include "base/memory.h"

#define BLOCK_BYTES 65536u
#define ENTRY_BYTES 512u /* what an entry without content counts */
#define SHOWN_BYTES 160 /* of an entry's name in a message */

static struct {
	struct archive *(*write_new)(void);
	int (*write_free)(struct archive *);
	int (*write_close)(struct archive *);
	int (*write_open)(struct archive *, void *, archive_open_callback *,
		archive_write_callback *, archive_close_callback *);
	int (*set_bytes_in_last_block)(struct archive *, int);
	int (*write_header)(struct archive *, struct archive_entry *);
	la_ssize_t (*write_data)(struct archive *, const void *, size_t);
	int (*write_finish_entry)(struct archive *);
	int (*set_format_pax)(struct archive *);
	int (*set_format_zip)(struct archive *);
	int (*add_filter_gzip)(struct archive *);
	int (*add_filter_zstd)(struct archive *);
	struct archive *(*read_new)(void);
	int (*read_free)(struct archive *);
	int (*read_open_fd)(struct archive *, int, size_t);
	int (*read_next_header)(struct archive *, struct archive_entry **);
	la_ssize_t (*read_data)(struct archive *, void *, size_t);
	int (*support_tar)(struct archive *);
	int (*support_zip)(struct archive *);
	int (*support_gzip)(struct archive *);
	int (*support_zstd)(struct archive *);
	int (*support_bzip2)(struct archive *);
	int (*support_xz)(struct archive *);
	const char *(*error_string)(struct archive *);
	int (*error_number)(struct archive *);
	void (*set_error)(struct archive *, int, const char *, ...);
	struct archive_entry *(*entry_new)(void);
	void (*entry_free)(struct archive_entry *);
	struct archive_entry *(*entry_clear)(struct archive_entry *);
	void (*set_pathname)(struct archive_entry *, const char *);
	void (*set_size)(struct archive_entry *, la_int64_t);
	void (*set_filetype)(struct archive_entry *, unsigned);
	void (*set_perm)(struct archive_entry *, __LA_MODE_T);
	void (*set_mtime)(struct archive_entry *, time_t, long);
	const char *(*pathname)(struct archive_entry *);
	const char *(*hardlink)(struct archive_entry *);
	__LA_MODE_T (*filetype)(struct archive_entry *);
} la;

static const char *const names[] = { "libarchive.so.13", NULL };

static const struct library_function functions[] = {
	{ "archive_write_new", &la.write_new },
	{ "archive_write_free", &la.write_free },
	{ "archive_write_close", &la.write_close },
	{ "archive_write_open", &la.write_open },
	{ "archive_write_set_bytes_in_last_block", &la.set_bytes_in_last_block },
	{ "archive_write_header", &la.write_header },
	{ "archive_write_data", &la.write_data },
	{ "archive_write_finish_entry", &la.write_finish_entry },
	{ "archive_write_set_format_pax_restricted", &la.set_format_pax },
	{ "archive_write_set_format_zip", &la.set_format_zip },
	{ "archive_write_add_filter_gzip", &la.add_filter_gzip },
	{ "archive_write_add_filter_zstd", &la.add_filter_zstd },
	{ "archive_read_new", &la.read_new },
	{ "archive_read_free", &la.read_free },
	{ "archive_read_open_fd", &la.read_open_fd },
	{ "archive_read_next_header", &la.read_next_header },
	{ "archive_read_data", &la.read_data },
	{ "archive_read_support_format_tar", &la.support_tar },
	{ "archive_read_support_format_zip", &la.support_zip },
	{ "archive_read_support_filter_gzip", &la.support_gzip },
	{ "archive_read_support_filter_zstd", &la.support_zstd },
	{ "archive_read_support_filter_bzip2", &la.support_bzip2 },
	{ "archive_read_support_filter_xz", &la.support_xz },
	{ "archive_error_string", &la.error_string },
	{ "archive_errno", &la.error_number },
	{ "archive_set_error", &la.set_error },
	{ "archive_entry_new", &la.entry_new },
	{ "archive_entry_free", &la.entry_free },
	{ "archive_entry_clear", &la.entry_clear },
	{ "archive_entry_set_pathname", &la.set_pathname },
	{ "archive_entry_set_size", &la.set_size },
	{ "archive_entry_set_filetype", &la.set_filetype },
	{ "archive_entry_set_perm", &la.set_perm },
	{ "archive_entry_set_mtime", &la.set_mtime },
	{ "archive_entry_pathname", &la.pathname },
	{ "archive_entry_hardlink", &la.hardlink },
	{ "archive_entry_filetype", &la.filetype },
};

/* libarchive turns names into the characters of the locale and back; a program that never called
 * setlocale() would lose all but ASCII. */
static locale_t utf8_locale;

static mlm_status begin(mlm_error *err)
{
	utf8_locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
	return utf8_locale ? MLM_OK
			   : error_set(err, MLM_EUNSUPPORTED, "archive",
				     "archives need the locale C.UTF-8, which is not installed");
}

static struct library library = {
	.package = "libarchive13",
	.purpose = "reading and writing archives",
	.names = names,
	.functions = functions,
	.function_count = sizeof(functions) / sizeof(functions[0]),
	.begin = begin,
};

static const struct format {
	const char *ending;
	int (**set_format)(struct archive *);
	int (**add_filter)(struct archive *);
} formats[] = {
	{ ".tar.gz", &la.set_format_pax, &la.add_filter_gzip },
	{ ".tgz", &la.set_format_pax, &la.add_filter_gzip },
	{ ".tar.zst", &la.set_format_pax, &la.add_filter_zstd },
	{ ".tar", &la.set_format_pax, NULL },
	{ ".zip", &la.set_format_zip, NULL },
};

static const struct format *find_format(const char *name)
{
	size_t size = strlen(name);
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		size_t ending = strlen(formats[i].ending);
		if (size > ending && strcmp(name + size - ending, formats[i].ending) == 0)
			return &formats[i];
	}
	return NULL;
}

mlm_status archive_check_name(const char *name, mlm_error *err)
{
	if (find_format(name))
		return MLM_OK;
	return error_set(err, MLM_EINVAL, "archive",
		"the name of an archive says its format, '%s' does not; end it with .tar.gz, "
		".tgz, .tar.zst, .tar or .zip",
		name);
}

/* ---- writing ---- */

struct archive_writer {
	struct archive *archive;
	struct archive_entry *entry;
	const char *name;
	char *path; /* of the file that was begun */
	uint64_t left; /* bytes that it still takes */
	time_t now;
	int fd; /* -1: nothing more goes there */
};

static mlm_status write_failed(struct archive_writer *writer, mlm_error *err)
{
	int errnum = la.error_number(writer->archive);
	const char *why = la.error_string(writer->archive);
	if (errnum > 0)
		return error_set_errno(
			err, errnum, "archive", "cannot write the archive '%s'", writer->name);
	return error_set(err, MLM_EIO, "archive", "cannot write the archive '%s': %s", writer->name,
		why ? why : "no reason given");
}

static la_ssize_t on_write(struct archive *archive, void *payload, const void *bytes, size_t size)
{
	const struct archive_writer *writer = payload;
	ssize_t written;
	do {
		written = write(writer->fd, bytes, size);
	} while (written < 0 && errno == EINTR);
	if (written < 0)
		la.set_error(archive, errno, "%s", strerror(errno));
	return written;
}

static mlm_status open_writer(struct archive_writer *writer, mlm_error *err)
{
	const struct format *format = find_format(writer->name);
	writer->archive = la.write_new();
	writer->entry = la.entry_new();
	if (!writer->archive || !writer->entry)
		return error_set(err, MLM_ENOMEM, "archive", "memory ran out");
	if ((*format->set_format)(writer->archive) != ARCHIVE_OK ||
		(format->add_filter && (*format->add_filter)(writer->archive) != ARCHIVE_OK))
		return error_set(err, MLM_EUNSUPPORTED, "archive",
			"this libarchive does not write %s: %s", format->ending,
			la.error_string(writer->archive));
	if (la.set_bytes_in_last_block(writer->archive, 1) != ARCHIVE_OK ||
		la.write_open(writer->archive, writer, NULL, on_write, NULL) != ARCHIVE_OK)
		return write_failed(writer, err);
	return MLM_OK;
}

mlm_status archive_writer_open(
	int fd, const char *name, struct archive_writer **writer_out, mlm_error *err)
{
	*writer_out = NULL;
	mlm_status status = archive_check_name(name, err);
	if (status == MLM_OK)
		status = library_load(&library, err);
	if (status != MLM_OK)
		return status;
	struct archive_writer *writer = memory_new(NULL, sizeof(*writer));
	if (!writer)
		return error_set(err, MLM_ENOMEM, "archive", "memory ran out");
	writer->name = name;
	writer->now = time(NULL);
	writer->fd = fd;
	status = open_writer(writer, err);
	if (status != MLM_OK)
		archive_writer_free(writer);
	else
		*writer_out = writer;
	return status;
}

static mlm_status put_header(struct archive_writer *writer, const char *path, unsigned type,
	uint64_t size, mlm_error *err)
{
	locale_t before = uselocale(utf8_locale);
	la.entry_clear(writer->entry);
	la.set_pathname(writer->entry, path);
	la.set_filetype(writer->entry, type);
	la.set_perm(writer->entry, type == AE_IFDIR ? 0755 : 0644);
	la.set_size(writer->entry, (la_int64_t)size);
	la.set_mtime(writer->entry, writer->now, 0);
	int result = la.write_header(writer->archive, writer->entry);
	uselocale(before);
	return result < ARCHIVE_WARN ? write_failed(writer, err) : MLM_OK;
}

mlm_status archive_writer_begin(
	struct archive_writer *writer, const char *path, uint64_t size, mlm_error *err)
{
	memory_free(NULL, writer->path);
	writer->path = memory_string(NULL, path);
	if (!writer->path)
		return error_set(err, MLM_ENOMEM, "archive", "memory ran out");
	writer->left = size;
	return put_header(writer, path, AE_IFREG, size, err);
}

mlm_status archive_writer_directory(struct archive_writer *writer, const char *path, mlm_error *err)
{
	mlm_status status = put_header(writer, path, AE_IFDIR, 0, err);
	if (status == MLM_OK && la.write_finish_entry(writer->archive) != ARCHIVE_OK)
		status = write_failed(writer, err);
	return status;
}

static mlm_status changed(struct archive_writer *writer, mlm_error *err)
{
	return error_set(err, MLM_EINVAL, "archive",
		"'%.*s' changed its size while it was written to '%s'", SHOWN_BYTES, writer->path,
		writer->name);
}

mlm_status archive_writer_write(
	struct archive_writer *writer, const void *bytes, size_t size, mlm_error *err)
{
	const char *next = bytes;
	if (size > writer->left)
		return changed(writer, err);
	writer->left -= size;
	while (size > 0) {
		la_ssize_t written = la.write_data(writer->archive, next, size);
		if (written <= 0)
			return write_failed(writer, err);
		next += written;
		size -= (size_t)written;
	}
	return MLM_OK;
}

mlm_status archive_writer_end(struct archive_writer *writer, mlm_error *err)
{
	if (writer->left > 0)
		return changed(writer, err);
	return la.write_finish_entry(writer->archive) == ARCHIVE_OK ? MLM_OK
								    : write_failed(writer, err);
}

mlm_status archive_writer_close(struct archive_writer *writer, mlm_error *err)
{
	return la.write_close(writer->archive) == ARCHIVE_OK ? MLM_OK : write_failed(writer, err);
}

void archive_writer_free(struct archive_writer *writer)
{
	if (!writer)
		return;
	if (writer->entry)
		la.entry_free(writer->entry);
	/* libarchive ends a file that is not whole with zeros, gigabytes of them, until a write
	 * fails. */
	writer->fd = -1;
	if (writer->archive)
		la.write_free(writer->archive);
	memory_free(NULL, writer->path);
	memory_free(NULL, writer);
}

/* ---- reading ---- */

struct extraction {
	struct archive *archive;
	const char *name;
	const char *directory;
	uint64_t bytes_max;
	uint64_t bytes_left;
	archive_moved_fn moved;
	void *payload;
	char *block; /* BLOCK_BYTES */
};

static mlm_status read_failed(struct extraction *extraction, mlm_error *err)
{
	const char *why = la.error_string(extraction->archive);
	return error_set(err, MLM_ECORRUPT, "archive",
		"'%s' cannot be read to its end as an archive: %s", extraction->name,
		why && why[0] ? why : "it is damaged or cut off");
}

static mlm_status refuse(
	struct extraction *extraction, const char *path, const char *why, mlm_error *err)
{
	return error_set(err, MLM_ECORRUPT, "archive", "the entry '%.*s' of '%s' %s", SHOWN_BYTES,
		path, extraction->name, why);
}

/* NULL, or what is wrong with a name. */
static const char *fault_of(const char *path)
{
	int depth = 0;
	if (!path[0])
		return "has no name";
	if (path[0] == '/')
		return "has an absolute name, and would be written outside";
	if (strchr(path, '\\'))
		return "has a backslash in its name, which other systems take for a separator";
	if (strlen(path) >= PATH_MAX / 2)
		return "has too long a name";
	for (const char *part = path; *part;) {
		size_t size = strcspn(part, "/");
		if (size == 2 && part[0] == '.' && part[1] == '.')
			return "has .. in its name, and would be written outside";
		if (size > NAME_MAX)
			return "has too long a name";
		depth++;
		part += size;
		part += strspn(part, "/");
	}
	return depth > ARCHIVE_DEPTH_MAX ? "lies in too many directories" : NULL;
}

static mlm_status take_bytes(
	struct extraction *extraction, const char *path, uint64_t bytes, mlm_error *err)
{
	if (bytes > extraction->bytes_left)
		return error_set(err, MLM_ECORRUPT, "archive",
			"'%s' unpacks to more than the %llu bytes that are allowed, at the entry "
			"'%.*s'",
			extraction->name, (unsigned long long)extraction->bytes_max, SHOWN_BYTES,
			path);
	extraction->bytes_left -= bytes;
	return MLM_OK;
}

/* Returns 0 or an errno. */
static int write_block(int fd, const char *bytes, size_t size)
{
	while (size > 0) {
		ssize_t written = write(fd, bytes, size);
		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return errno;
		bytes += written;
		size -= (size_t)written;
	}
	return 0;
}

static mlm_status extract_content(
	struct extraction *extraction, int fd, const char *path, mlm_error *err)
{
	for (;;) {
		la_ssize_t size = la.read_data(extraction->archive, extraction->block, BLOCK_BYTES);
		if (size == 0)
			return MLM_OK;
		if (size < 0)
			return read_failed(extraction, err);
		mlm_status status = take_bytes(extraction, path, (uint64_t)size, err);
		if (status != MLM_OK)
			return status;
		int errnum = write_block(fd, extraction->block, (size_t)size);
		if (errnum != 0)
			return error_set_errno(
				err, errnum, "archive", "cannot unpack '%.*s'", SHOWN_BYTES, path);
		if (extraction->moved)
			status = extraction->moved(extraction->payload, (size_t)size, err);
		if (status != MLM_OK)
			return status;
	}
}

static mlm_status extract_file(
	struct extraction *extraction, const char *target, const char *path, mlm_error *err)
{
	/* Nothing in the directory is a link: none was taken, and it is ours alone. */
	int fd = open(target, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return error_set_errno(
			err, errno, "archive", "cannot unpack '%.*s'", SHOWN_BYTES, path);
	mlm_status status = extract_content(extraction, fd, path, err);
	if (close(fd) != 0 && status == MLM_OK)
		status = error_set_errno(
			err, errno, "archive", "cannot unpack '%.*s'", SHOWN_BYTES, path);
	return status;
}

static mlm_status extract_entry(
	struct extraction *extraction, struct archive_entry *entry, mlm_error *err)
{
	char target[PATH_MAX];
	const char *path = la.pathname(entry);
	if (!path)
		return refuse(extraction, "?", "has a name that is not UTF-8", err);
	const char *fault = fault_of(path);
	if (!fault && la.hardlink(entry))
		fault = "is a link";
	unsigned type = la.filetype(entry);
	if (!fault && type != AE_IFREG && type != AE_IFDIR)
		fault = type == AE_IFLNK ? "is a link" : "is neither a file nor a directory";
	if (fault)
		return refuse(extraction, path, fault, err);
	if (snprintf(target, sizeof(target), "%s/%s", extraction->directory, path) >=
		(int)sizeof(target))
		return refuse(extraction, path, "has too long a name", err);
	mlm_status status = take_bytes(extraction, path, ENTRY_BYTES, err);
	if (status != MLM_OK)
		return status;
	size_t size = strlen(target);
	while (target[size - 1] == '/')
		target[--size] = '\0';
	char *slash = type == AE_IFREG ? strrchr(target, '/') : NULL;
	if (slash)
		*slash = '\0';
	int errnum = directory_make(target);
	if (errnum != 0)
		return error_set_errno(
			err, errnum, "archive", "cannot unpack '%.*s'", SHOWN_BYTES, path);
	if (!slash)
		return MLM_OK;
	*slash = '/';
	return extract_file(extraction, target, path, err);
}

static mlm_status extract_all(struct extraction *extraction, int fd, mlm_error *err)
{
	struct archive *archive = extraction->archive;
	/* Not support_filter_all: some of them start programs. */
	la.support_tar(archive);
	la.support_zip(archive);
	la.support_gzip(archive);
	la.support_zstd(archive);
	la.support_bzip2(archive);
	la.support_xz(archive);
	if (la.read_open_fd(archive, fd, BLOCK_BYTES) != ARCHIVE_OK)
		return read_failed(extraction, err);
	for (;;) {
		struct archive_entry *entry;
		int result = la.read_next_header(archive, &entry);
		if (result == ARCHIVE_EOF)
			return MLM_OK;
		if (result < ARCHIVE_WARN)
			return read_failed(extraction, err);
		mlm_status status = extract_entry(extraction, entry, err);
		if (status != MLM_OK)
			return status;
	}
}

mlm_status archive_extract(int fd, const char *name, const char *directory, uint64_t bytes_max,
	archive_moved_fn moved, void *payload, mlm_error *err)
{
	mlm_status status = library_load(&library, err);
	if (status != MLM_OK)
		return status;
	struct extraction extraction = {
		.archive = la.read_new(),
		.name = name,
		.directory = directory,
		.bytes_max = bytes_max,
		.bytes_left = bytes_max,
		.moved = moved,
		.payload = payload,
		.block = memory_new(NULL, BLOCK_BYTES),
	};
	locale_t before = uselocale(utf8_locale);
	if (extraction.archive && extraction.block)
		status = extract_all(&extraction, fd, err);
	else
		status = error_set(err, MLM_ENOMEM, "archive", "memory ran out");
	if (extraction.archive)
		la.read_free(extraction.archive);
	uselocale(before);
	memory_free(NULL, extraction.block);
	return status;
}
