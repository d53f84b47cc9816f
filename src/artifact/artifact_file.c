/* SPDX-License-Identifier: Apache-2.0 */
#include "artifact/artifact_file.h"

#include <errno.h>
#include <unistd.h>

#include "base/error.h"

#define COPY_BYTES ((size_t)16 << 20) /* at a time, for whoever wants to know how far it is */

mlm_status artifact_file_read(
	void *payload, void *bytes, size_t size, size_t *got_out, mlm_error *err)
{
	const struct artifact_file *from = payload;
	ssize_t got;
	do {
		got = read(from->file, bytes, size);
	} while (got < 0 && errno == EINTR);
	*got_out = got > 0 ? (size_t)got : 0;
	if (got < 0)
		return error_set_errno(
			err, errno, "artifact", "cannot read '%.400s'", from->local_path);
	return from->moved(from->payload, *got_out, err);
}

mlm_status artifact_file_rewind(void *payload, mlm_error *err)
{
	const struct artifact_file *from = payload;
	off_t at = lseek(from->file, 0, SEEK_CUR);
	if (at < 0 || lseek(from->file, 0, SEEK_SET) != 0)
		return error_set_errno(
			err, errno, "artifact", "cannot read '%.400s'", from->local_path);
	from->moved_back(from->payload, (uint64_t)at);
	return MLM_OK;
}

mlm_status artifact_file_write(void *payload, const void *bytes, size_t size, mlm_error *err)
{
	const struct artifact_file *to = payload;
	const char *from = bytes;
	for (size_t left = size; left > 0;) {
		ssize_t written = write(to->file, from, left);
		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return error_set_errno(
				err, errno, "artifact", "cannot write '%.400s'", to->local_path);
		from += written;
		left -= (size_t)written;
	}
	return to->moved(to->payload, size, err);
}

mlm_status artifact_file_copy(const struct artifact_file *about, int from, int to, mlm_error *err)
{
	for (;;) {
		ssize_t copied = copy_file_range(from, NULL, to, NULL, COPY_BYTES, 0);
		if (copied < 0 && errno == EINTR)
			continue;
		if (copied <= 0)
			return MLM_OK;
		mlm_status status = about->moved(about->payload, (size_t)copied, err);
		if (status != MLM_OK)
			return status;
	}
}
