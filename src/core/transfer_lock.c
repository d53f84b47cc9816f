/* SPDX-License-Identifier: Apache-2.0 */
#include "core/transfer_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

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
	return status;
}

void transfer_lock_release(struct transfer_lock *lock)
{
	if (!lock->directory)
		return;
	if (lock->fd >= 0) {
		/* While it is held: who waits sees then that it is another file. */
		unlink(lock->path);
		close(lock->fd);
		rmdir(lock->directory); /* succeeds only when it is empty */
	}
	memory_free(lock->allocator, lock->path);
	*lock = (struct transfer_lock){ 0 };
}
