/* SPDX-License-Identifier: Apache-2.0 */
#include "core/watermark.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define CHECK_MASK 0x6d6c6d6472616e65ull

/* What the file holds. Both words go in with one write, which a kill does not tear. */
struct mark {
	uint64_t position;
	uint64_t check; /* position ^ CHECK_MASK: a lost or half written page is no position */
};

void watermark_name(const char *journal_id, char name_out[WATERMARK_NAME_SIZE])
{
	snprintf(name_out, WATERMARK_NAME_SIZE, "%.*s.drained", JOURNAL_ID_HEX, journal_id);
}

mlm_status watermark_read(struct store *store, int directory_fd, const char *journal_id,
	uint64_t *position_out, mlm_error *err)
{
	if (store->ops->get_watermark)
		return store->ops->get_watermark(store, journal_id, position_out, err);
	char name[WATERMARK_NAME_SIZE];
	struct mark mark = { 0 };
	*position_out = 0;
	watermark_name(journal_id, name);
	int fd = openat(directory_fd, name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return MLM_OK;
	if (pread(fd, &mark, sizeof(mark), 0) == (ssize_t)sizeof(mark) &&
		mark.check == (mark.position ^ CHECK_MASK))
		*position_out = mark.position;
	close(fd);
	return MLM_OK;
}

void watermark_write(
	const struct store *store, int directory_fd, const char *journal_id, uint64_t position)
{
	if (store->ops->get_watermark)
		return;
	char name[WATERMARK_NAME_SIZE];
	const struct mark mark = { position, position ^ CHECK_MASK };
	watermark_name(journal_id, name);
	int fd = openat(directory_fd, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
	if (fd < 0)
		return;
	/* Without it more is sent again after a crash, and nothing is lost. */
	if (pwrite(fd, &mark, sizeof(mark), 0) != (ssize_t)sizeof(mark))
		unlinkat(directory_fd, name, 0);
	close(fd);
}

mlm_status watermark_forget(
	struct store *store, int directory_fd, const char *journal_id, mlm_error *err)
{
	if (store->ops->get_watermark)
		return store->ops->forget_journal(store, journal_id, err);
	char name[WATERMARK_NAME_SIZE];
	watermark_name(journal_id, name);
	unlinkat(directory_fd, name, 0);
	return MLM_OK;
}
