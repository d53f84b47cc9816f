/* SPDX-License-Identifier: Apache-2.0 */
#include "host/history_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/directory.h"

#define FILE_BYTES_MAX (HISTORY_FILE_ENTRIES_MAX * 4096l) /* a larger file is cut at its front */

/* Opens and locks the file that has this name now: a session that shortens it puts a new one in
 * its place. Returns -1 and errno. */
static int open_locked(const char *path, int flags)
{
	for (;;) {
		struct stat opened, named;
		int fd = open(path, flags | O_CLOEXEC, 0600);

		if (fd < 0)
			return -1;
		errno = 0;
		if (flock(fd, LOCK_EX) == 0 && fstat(fd, &opened) == 0 && stat(path, &named) == 0 &&
			opened.st_ino == named.st_ino && opened.st_dev == named.st_dev)
			return fd;
		close(fd);
		if (errno != 0 && errno != ENOENT && errno != EINTR)
			return -1;
	}
}

static int make_parent(const char *path)
{
	char *parent = strdup(path);
	char *slash = parent ? strrchr(parent, '/') : NULL;
	int failure = parent ? 0 : ENOMEM;

	if (slash && slash != parent) {
		*slash = '\0';
		failure = directory_make(parent);
	}
	free(parent);
	return failure;
}

static int write_all(int fd, const char *bytes, size_t size)
{
	while (size > 0) {
		ssize_t written = write(fd, bytes, size);

		if (written < 0 && errno != EINTR)
			return errno;
		if (written > 0) {
			bytes += written;
			size -= (size_t)written;
		}
	}
	return 0;
}

/* True when the file ends in the middle of a line: somebody died there. */
static bool is_torn(int fd)
{
	off_t size = lseek(fd, 0, SEEK_END);
	char last;

	return size > 0 && pread(fd, &last, 1, size - 1) == 1 && last != '\n';
}

int history_file_add(const char *path, const char *entry)
{
	size_t size = strlen(entry), used = 0;
	char *line = size <= HISTORY_ENTRY_BYTES_MAX ? malloc(2 * size + 2) : NULL;
	int failure, fd;

	if (size > HISTORY_ENTRY_BYTES_MAX)
		return 0;
	if (!line)
		return ENOMEM;
	line[used++] = '\n';
	for (size_t i = 0; i < size; i++) {
		if (entry[i] == '\n' || entry[i] == '\\')
			line[used++] = '\\';
		line[used++] = entry[i] == '\n' ? 'n' : entry[i];
	}
	line[used++] = '\n';
	failure = make_parent(path);
	fd = failure == 0 ? open_locked(path, O_RDWR | O_CREAT | O_APPEND) : -1;
	if (failure == 0 && fd < 0)
		failure = errno;
	if (fd >= 0) {
		size_t start = is_torn(fd) ? 0 : 1;

		failure = write_all(fd, line + start, used - start);
		close(fd);
	}
	free(line);
	return failure;
}

/* Undoes the escapes in place. */
static void unescape(char *line)
{
	char *out = line;

	for (const char *in = line; *in; in++) {
		if (*in == '\\' && in[1]) {
			in++;
			*out++ = *in == 'n' ? '\n' : *in;
		} else {
			*out++ = *in;
		}
	}
	*out = '\0';
}

/* The file's bytes from the first whole line on, with a NUL at the end. */
static char *read_lines(int fd)
{
	off_t size = lseek(fd, 0, SEEK_END);
	off_t from = size > FILE_BYTES_MAX ? size - FILE_BYTES_MAX : 0;
	char *bytes = size < 0 ? NULL : malloc((size_t)(size - from) + 1);
	size_t got = 0;

	while (bytes && (off_t)got < size - from) {
		ssize_t part =
			pread(fd, bytes + got, (size_t)(size - from) - got, from + (off_t)got);

		if (part <= 0)
			break;
		got += (size_t)part;
	}
	if (bytes)
		bytes[got] = '\0';
	if (bytes && from > 0) {
		const char *newline = strchr(bytes, '\n');

		memmove(bytes, newline ? newline + 1 : bytes + got,
			newline ? strlen(newline + 1) + 1 : 1);
	}
	return bytes;
}

/* Puts a file with only these lines in place of the one at path, which the caller has locked. */
static void shorten(const char *path, const char *lines)
{
	size_t size = strlen(path) + sizeof(".new");
	char *name = malloc(size);
	int fd;

	if (!name)
		return;
	snprintf(name, size, "%s.new", path);
	fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd >= 0) {
		bool is_written = write_all(fd, lines, strlen(lines)) == 0;

		if (close(fd) != 0 || !is_written || rename(name, path) != 0)
			unlink(name);
	}
	free(name);
}

int history_file_load(const char *path, history_entry_fn take, void *payload)
{
	int fd = open_locked(path, O_RDWR);
	size_t count = 0;

	if (fd < 0)
		return errno == ENOENT ? 0 : errno;
	char *bytes = read_lines(fd);
	if (!bytes) {
		close(fd);
		return ENOMEM;
	}
	for (const char *at = bytes; (at = strchr(at, '\n')) != NULL; at++)
		count++;
	char *line = bytes;
	while (count > HISTORY_FILE_ENTRIES_MAX && (line = strchr(line, '\n')) != NULL) {
		line++;
		count--;
	}
	if (line != bytes || lseek(fd, 0, SEEK_END) > FILE_BYTES_MAX)
		shorten(path, line);
	close(fd);
	for (char *newline; (newline = strchr(line, '\n')) != NULL; line = newline + 1) {
		*newline = '\0';
		if (newline > line) {
			unescape(line);
			take(payload, line);
		}
	}
	free(bytes);
	return 0;
}
