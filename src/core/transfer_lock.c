/* SPDX-License-Identifier: Apache-2.0 */
#include "core/transfer_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/directory.h"
#include "base/error.h"
#include "base/memory.h"

#define LOOK_AGAIN_MS 50

/* *fd_out -1: another holds it, or took it away between our look and our lock. */
static mlm_status try_to_take(const struct transfer_lock *lock, int *fd_out, mlm_error *err)
{
	struct stat held, named;
	*fd_out = -1;
	int errnum = directory_make(lock->directory);
	if (errnum != 0)
		return error_set_errno(
			err, errnum, "transfer", "cannot make the directory '%s'", lock->directory);
	int fd = open(lock->path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
	if (fd < 0 && errno == ENOENT) /* who is done removes the empty directory */
		return MLM_OK;
	if (fd < 0)
		return error_set_errno(
			err, errno, "transfer", "cannot open the lock '%s'", lock->path);
	if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
		if (fstat(fd, &held) == 0 && stat(lock->path, &named) == 0 &&
			held.st_ino == named.st_ino && held.st_dev == named.st_dev)
			*fd_out = fd;
		else
			close(fd);
		return MLM_OK;
	}
	errnum = errno;
	close(fd);
	if (errnum == EWOULDBLOCK || errnum == EINTR)
		return MLM_OK;
	return error_set_errno(err, errnum, "transfer", "cannot lock '%s'", lock->path);
}

static void read_note(struct transfer_lock *lock)
{
	ssize_t size = pread(lock->fd, &lock->asked, sizeof(lock->asked), 0);
	bool is_whole = size == (ssize_t)sizeof(lock->asked) &&
			memchr(lock->asked.run_id, '\0', MLM_ID_SIZE);
	if (!is_whole)
		memset(&lock->asked, 0, sizeof(lock->asked));
}

static bool write_note(const struct transfer_lock *lock)
{
	return pwrite(lock->fd, &lock->asked, sizeof(lock->asked), 0) ==
	       (ssize_t)sizeof(lock->asked);
}

mlm_status transfer_lock_ask(struct transfer_lock *lock, const char *run_id, mlm_error *err)
{
	memset(&lock->asked, 0, sizeof(lock->asked));
	lock->asked.since_ms = clock_now_ms();
	snprintf(lock->asked.run_id, MLM_ID_SIZE, "%s", run_id);
	return write_note(lock) ? MLM_OK
				: error_set_errno(err, errno, "transfer", "cannot write to '%s'",
					  lock->path);
}

void transfer_lock_answered(struct transfer_lock *lock)
{
	memset(&lock->asked, 0, sizeof(lock->asked));
	/* What stays written costs the next one a wait, and nothing else. */
	(void)write_note(lock);
}

bool transfer_lock_is_unsettled(const struct transfer_lock *lock, const char *run_id)
{
	int64_t age_ms = clock_now_ms() - lock->asked.since_ms;
	return strcmp(lock->asked.run_id, run_id) == 0 && age_ms >= 0 && age_ms < STORE_SETTLE_MS;
}

mlm_status transfer_lock_take(struct transfer_lock *lock, struct run_transfer *transfer,
	const struct store_place *place, mlm_error *err)
{
	static const struct timespec pause = { .tv_nsec = LOOK_AGAIN_MS * 1000000 };
	*lock = (struct transfer_lock){
		.directory = place->journal_dir,
		.allocator = transfer->allocator,
		.path = memory_format(transfer->allocator, "%s/transfer.lock", place->journal_dir),
		.fd = -1,
	};
	if (!lock->path)
		return error_set(err, MLM_ENOMEM, "transfer", "memory ran out");
	mlm_status status = try_to_take(lock, &lock->fd, err);
	while (status == MLM_OK && lock->fd < 0) {
		status = run_transfer_report(transfer, MLM_TRANSFER_PROGRESS,
			"waiting for another transfer into the same store", err);
		if (status == MLM_OK)
			nanosleep(&pause, NULL);
		if (status == MLM_OK)
			status = try_to_take(lock, &lock->fd, err);
	}
	if (status == MLM_OK)
		read_note(lock);
	return status;
}

void transfer_lock_release(struct transfer_lock *lock)
{
	if (!lock->directory)
		return;
	if (lock->fd >= 0) {
		/* While it is held: who waits sees then that it is another file. */
		if (!lock->asked.run_id[0])
			unlink(lock->path);
		close(lock->fd);
		rmdir(lock->directory); /* succeeds only when it is empty */
	}
	memory_free(lock->allocator, lock->path);
	*lock = (struct transfer_lock){ 0 };
}
