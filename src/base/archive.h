/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_ARCHIVE_H
#define BASE_ARCHIVE_H

/* Files in one file, through libarchive: tar.gz, tar.zst, tar and zip. Both directions stream. What
 * is read may come from anywhere, so nothing in it is trusted. */

#include <stddef.h>
#include <stdint.h>

#include "mlmanager/error.h"

/** Fails with EINVAL, which lists what there is, unless the name ends as one of the formats. */
mlm_status archive_check_name(const char *name, mlm_error *err);

struct archive_writer;

/**
 * Begins an archive in fd, in the format that the end of name tells.
 *
 * Errors:  EINVAL (name), EUNSUPPORTED (libarchive is missing, or was built without the
 *          compression), ENOMEM.
 * Owns:    fd and name are borrowed until the writer is freed.
 */
mlm_status archive_writer_open(
	int fd, const char *name, struct archive_writer **writer_out, mlm_error *err);
/** Begins a file of size bytes; the parts of its path are separated by '/'. */
mlm_status archive_writer_begin(
	struct archive_writer *writer, const char *path, uint64_t size, mlm_error *err);
/** Begins and ends an empty directory. */
mlm_status archive_writer_directory(
	struct archive_writer *writer, const char *path, mlm_error *err);
/** The next bytes of the file that was begun. Errors: EIO, EFULL; EINVAL for more than its size. */
mlm_status archive_writer_write(
	struct archive_writer *writer, const void *bytes, size_t size, mlm_error *err);
/** Errors: EINVAL when the file got less than its size. */
mlm_status archive_writer_end(struct archive_writer *writer, mlm_error *err);
/** Writes what ends the archive; until then it is incomplete. */
mlm_status archive_writer_close(struct archive_writer *writer, mlm_error *err);
/** NULL is a no-op. */
void archive_writer_free(struct archive_writer *writer);

#define ARCHIVE_DEPTH_MAX 128 /* directories in directories */

/** Told of bytes that were unpacked; another status than MLM_OK ends the extraction with it. */
typedef mlm_status (*archive_moved_fn)(void *payload, size_t size, mlm_error *err);

/**
 * Unpacks fd into a directory that is empty and that nobody else can write to. Only files and
 * directories are taken; anything else, a name that is absolute or has "..", more than bytes_max
 * bytes in all (each entry counts 512 more) or more than ARCHIVE_DEPTH_MAX levels end it.
 *
 * Shape:   moved may be NULL.
 * Errors:  ECORRUPT (damaged, cut off or not an archive, or one of the above; the message names the
 *          entry), EFULL, EIO, EUNSUPPORTED, ENOMEM, moved's. What was unpacked until then is left.
 */
mlm_status archive_extract(int fd, const char *name, const char *directory, uint64_t bytes_max,
	archive_moved_fn moved, void *payload, mlm_error *err);

#endif
