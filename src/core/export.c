/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/archive.h"
#include "base/error.h"
#include "base/memory.h"
#include "core/manager.h"
#include "core/mlruns.h"
#include "core/transfer.h"

/* Where the archive grows until it is whole. */
struct growing {
	const char *path; /* what it will be */
	char *directory;
	char *temporary; /* beside it; NULL until it is there */
	int fd;
};

static mlm_status check_target(
	const char *path, const mlm_transfer_options *options, mlm_error *err)
{
	struct stat about;
	mlm_status status = archive_check_name(path, err);
	if (status != MLM_OK || lstat(path, &about) != 0)
		return status;
	if (S_ISDIR(about.st_mode))
		return error_set(err, MLM_EEXISTS, "export", "'%s' is a directory", path);
	if (!options->overwrite)
		return error_set(err, MLM_EEXISTS, "export",
			"there is a file '%s' already; choose another name, or say that it may be "
			"replaced",
			path);
	return MLM_OK;
}

static mlm_status begin_growing(
	struct growing *growing, const mlm_allocator *allocator, mlm_error *err)
{
	const char *slash = strrchr(growing->path, '/');
	int length = slash ? (int)(slash - growing->path) : 0;
	growing->directory = !slash ? memory_string(allocator, ".")
			     : length == 0
				     ? memory_string(allocator, "/")
				     : memory_format(allocator, "%.*s", length, growing->path);
	char *temporary = growing->directory
				  ? memory_format(allocator, "%s/.mlmanager-export-XXXXXX",
					    growing->directory)
				  : NULL;
	if (!temporary)
		return error_set(err, MLM_ENOMEM, "export", "memory ran out");
	growing->fd = mkostemp(temporary, O_CLOEXEC);
	if (growing->fd < 0) {
		memory_free(allocator, temporary);
		return error_set_errno(
			err, errno, "export", "cannot write in '%s'", growing->directory);
	}
	growing->temporary = temporary;
	return MLM_OK;
}

/* The file gets its name in one step, once its bytes are on the disk. Without overwrite the step
 * fails where somebody else was faster. */
static mlm_status name_it(struct growing *growing, bool overwrite, mlm_error *err)
{
	mode_t mask = umask(0);
	umask(mask);
	if (fchmod(growing->fd, 0666 & ~mask) != 0 || fsync(growing->fd) != 0)
		return error_set_errno(err, errno, "export", "cannot write '%s'", growing->path);
	if (overwrite ? rename(growing->temporary, growing->path) == 0
		      : link(growing->temporary, growing->path) == 0)
		return MLM_OK;
	if (!overwrite && (errno == EPERM || errno == ENOTSUP) &&
		access(growing->path, F_OK) != 0 && rename(growing->temporary, growing->path) == 0)
		return MLM_OK;
	if (errno == EEXIST)
		return error_set(err, MLM_EEXISTS, "export", "a file '%s' came to be meanwhile",
			growing->path);
	return error_set_errno(err, errno, "export", "cannot write '%s'", growing->path);
}

static void end_growing(struct growing *growing, const mlm_allocator *allocator)
{
	if (growing->fd >= 0)
		close(growing->fd);
	if (growing->temporary)
		unlink(growing->temporary);
	memory_free(allocator, growing->temporary);
	memory_free(allocator, growing->directory);
}

static mlm_status write_archive(
	struct transfer_source *source, struct growing *growing, mlm_error *err)
{
	struct archive_writer *writer = NULL;
	mlm_status status = archive_writer_open(growing->fd, growing->path, &writer, err);
	if (status == MLM_OK)
		status = mlruns_write(source, writer, growing->directory, err);
	if (status == MLM_OK)
		status = archive_writer_close(writer, err);
	archive_writer_free(writer);
	return status;
}

mlm_status mlm_export(mlm_manager *manager, const char *path, const mlm_transfer_options *options,
	mlm_transfer_result *result_out, mlm_error *err)
{
	struct run_transfer transfer;
	struct transfer_store_source source = { .arena = NULL };
	struct growing growing = { .path = path, .fd = -1 };
	struct store *store = NULL;
	if (result_out)
		*result_out = (mlm_transfer_result){ 0 };
	mlm_status status = manager_check(manager, err);
	if (status == MLM_OK && !path)
		status = error_set_null(err, "export", "path");
	if (status != MLM_OK)
		return status;
	const mlm_allocator *allocator = &manager->allocator;
	status = run_transfer_begin(&transfer, allocator, options, err);
	if (status == MLM_OK)
		status = check_target(path, &transfer.options, err);
	if (status == MLM_OK)
		status = manager_open_another(manager, false, &store, err);
	if (status == MLM_OK) {
		const struct artifact_options artifacts = manager_artifact_options(manager, NULL);
		status = transfer_store_source_open(&source, &transfer, store, &artifacts, err);
	}
	if (status == MLM_OK)
		status = begin_growing(&growing, allocator, err);
	if (status == MLM_OK)
		status = write_archive(&source.base, &growing, err);
	if (status == MLM_OK)
		status = name_it(&growing, transfer.options.overwrite, err);
	end_growing(&growing, allocator);
	transfer_store_source_close(&source);
	if (store)
		store->ops->close(store);
	if (result_out)
		*result_out = transfer.result;
	run_transfer_end(&transfer);
	return status;
}
