/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "artifact/beneath.h"
#include "artifact/leftover.h"
#include "base/archive.h"
#include "base/error.h"
#include "base/memory.h"
#include "core/limits.h"
#include "core/manager.h"
#include "core/mlruns.h"
#include "core/transfer.h"
#include "core/transfer_lock.h"

#define ROOM_PREFIX "mlmanager-import-"

struct unpacking {
	struct transfer_file file;
	int fd;
};

/* Before the first run comes: who waits may stop it here as well. How much it all unpacks to nobody
 * knows yet, so that how much of the archive was read is told. */
static mlm_status tell_unpacked(void *payload, size_t size, mlm_error *err)
{
	struct unpacking *unpacking = payload;
	off_t at = lseek(unpacking->fd, 0, SEEK_CUR);
	(void)size;
	unpacking->file.done_bytes = at > 0 ? (uint64_t)at : 0;
	return transfer_file_moved(&unpacking->file, 0, err);
}

/* A directory of our own below TMPDIR. */
struct room {
	char *path; /* NULL: there is none */
	int fd;
};

/* Makes the directory and holds it; *is_lost_out: another process took it for a dead one's. */
static mlm_status make_room(struct room *room, int above_fd, bool *is_lost_out, mlm_error *err)
{
	*is_lost_out = false;
	if (!mkdtemp(room->path))
		return error_set_errno(err, errno, "import",
			"cannot make '%s', to unpack in (TMPDIR names another place)", room->path);
	room->fd = open(room->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	*is_lost_out = room->fd < 0
			       ? errno == ENOENT
			       : !leftover_hold(room->fd, above_fd, strrchr(room->path, '/') + 1);
	if (room->fd < 0 && !*is_lost_out)
		return error_set_errno(err, errno, "import", "cannot open '%s'", room->path);
	return MLM_OK;
}

static void leave_room(struct room *room, const mlm_allocator *allocator)
{
	if (room->path)
		beneath_remove_directory(room->path);
	if (room->fd >= 0)
		close(room->fd);
	memory_free(allocator, room->path);
	*room = (struct room){ .fd = -1 };
}

static mlm_status find_room(struct room *room, const mlm_allocator *allocator, mlm_error *err)
{
	const char *above = getenv("TMPDIR");
	if (!above || !above[0])
		above = "/var/tmp";
	int above_fd = open(above, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (above_fd >= 0)
		leftover_remove(above_fd, ROOM_PREFIX);
	bool is_lost = true;
	mlm_status status = MLM_OK;
	while (is_lost && status == MLM_OK) {
		if (room->fd >= 0)
			close(room->fd);
		memory_free(allocator, room->path);
		room->fd = -1;
		room->path = memory_format(allocator, "%s/" ROOM_PREFIX "XXXXXX", above);
		status = room->path ? make_room(room, above_fd, &is_lost, err)
				    : error_set(err, MLM_ENOMEM, "import", "memory ran out");
	}
	if (above_fd >= 0)
		close(above_fd);
	return status;
}

/* Unpacks into the room, which is to be left in any case. */
static mlm_status unpack(struct run_transfer *transfer, const char *path, int fd,
	int64_t size_bytes, struct room *room, mlm_error *err)
{
	const mlm_transfer_options *options = &transfer->options;
	uint64_t bytes_max = options->bytes_max ? options->bytes_max : MLM_IMPORT_BYTES_MAX_DEFAULT;
	struct unpacking unpacking = {
		.file = {
			.transfer = transfer,
			.text = path,
			.what = "archive",
			.path = path,
			.total_bytes = size_bytes,
		},
		.fd = fd,
	};
	mlm_status status = find_room(room, transfer->allocator, err);
	if (status != MLM_OK)
		return status;
	return archive_extract(fd, path, room->path, bytes_max, tell_unpacked, &unpacking, err);
}

static mlm_status take(mlm_manager *manager, struct run_transfer *transfer, struct store *store,
	struct transfer_lock *lock, const char *directory, const char *path, mlm_error *err)
{
	const struct transfer_store_sink sink = {
		.transfer = transfer,
		.store = store,
		.artifacts = manager_artifact_options(manager, NULL),
		.lock = lock,
	};
	struct mlruns_source source;
	mlm_status status = mlruns_source_open(&source, transfer, directory, path, err);
	source.base.artifacts = manager_artifact_options(manager, NULL);
	if (status == MLM_OK)
		status = transfer_into_store(&source.base, &sink, err);
	mlruns_source_close(&source);
	return status;
}

static mlm_status import_from(mlm_manager *manager, struct run_transfer *transfer,
	struct store *store, struct transfer_lock *lock, const char *path, mlm_error *err)
{
	struct stat about;
	struct room room = { .fd = -1 };
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &about) != 0) {
		mlm_status status = error_set_errno(err, errno, "import", "cannot read '%s'", path);
		if (fd >= 0)
			close(fd);
		return status;
	}
	mlm_status status = MLM_OK;
	if (S_ISREG(about.st_mode))
		status = unpack(transfer, path, fd, about.st_size, &room, err);
	else if (!S_ISDIR(about.st_mode))
		status = error_set(err, MLM_ECORRUPT, "import",
			"'%s' is neither an archive nor a directory", path);
	close(fd);
	if (status == MLM_OK)
		status = take(
			manager, transfer, store, lock, room.path ? room.path : path, path, err);
	leave_room(&room, transfer->allocator);
	return status;
}

mlm_status mlm_import(mlm_manager *manager, const char *path, const mlm_transfer_options *options,
	mlm_transfer_result *result_out, mlm_error *err)
{
	struct run_transfer transfer;
	struct transfer_lock lock = { 0 };
	struct store *store = NULL;
	if (result_out)
		*result_out = (mlm_transfer_result){ 0 };
	mlm_status status = manager_check(manager, err);
	if (status == MLM_OK && !path)
		status = error_set_null(err, "import", "path");
	if (status != MLM_OK)
		return status;
	status = run_transfer_begin(&transfer, &manager->allocator, options, err);
	if (status == MLM_OK && transfer.options.experiment_name)
		status = limits_check_experiment_name(transfer.options.experiment_name, err);
	if (status == MLM_OK)
		status = manager_open_another(manager, !transfer.options.dry_run, &store, err);
	if (status == MLM_OK && !transfer.options.dry_run)
		status = transfer_lock_take(&lock, &transfer, &manager->place, err);
	if (status == MLM_OK)
		status = import_from(manager, &transfer, store, &lock, path, err);
	transfer_lock_release(&lock);
	if (store)
		store->ops->close(store);
	if (result_out)
		*result_out = transfer.result;
	run_transfer_end(&transfer);
	return status;
}
