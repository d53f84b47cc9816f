/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "artifact/artifact_path.h"
#include "artifact/leftover.h"
#include "artifact/upload.h"
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
	int directory_fd;
	struct upload upload;
};

static mlm_status error_exists(const char *path, mlm_error *err)
{
	return error_set(err, MLM_EEXISTS, "export",
		"there is a file '%s' already; choose another name, or overwrite it", path);
}

static mlm_status check_target(
	const char *path, const mlm_transfer_options *options, mlm_error *err)
{
	struct stat about;
	mlm_status status = archive_check_name(path, err);
	if (status != MLM_OK || lstat(path, &about) != 0)
		return status;
	if (S_ISDIR(about.st_mode))
		return error_set(
			err, MLM_EINVAL, "export", "'%s' is a directory; name a file in it", path);
	if (!options->overwrite)
		return error_exists(path, err);
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
	if (!growing->directory)
		return error_set(err, MLM_ENOMEM, "export", "memory ran out");
	growing->directory_fd = open(growing->directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (growing->directory_fd >= 0)
		leftover_remove(growing->directory_fd, ARTIFACT_TEMPORARY_PREFIX);
	if (growing->directory_fd < 0 || !upload_begin(&growing->upload, growing->directory_fd))
		return error_set_errno(
			err, errno, "export", "cannot write in '%s'", growing->directory);
	return MLM_OK;
}

/* The file gets its name in one step, once its bytes are on the disk. Without overwrite the step
 * fails where somebody else was faster. */
static mlm_status name_it(struct growing *growing, bool overwrite, mlm_error *err)
{
	const char *slash = strrchr(growing->path, '/');
	const char *name = slash ? slash + 1 : growing->path;
	if (upload_finish(
		    &growing->upload, name, overwrite ? UPLOAD_REPLACES : UPLOAD_IS_NEW, true))
		return MLM_OK;
	if (errno == EEXIST)
		return error_exists(growing->path, err);
	return error_set_errno(err, errno, "export", "cannot write '%s'", growing->path);
}

static void end_growing(struct growing *growing, const mlm_allocator *allocator)
{
	upload_end(&growing->upload);
	if (growing->directory_fd >= 0)
		close(growing->directory_fd);
	memory_free(allocator, growing->directory);
}

static mlm_status write_archive(
	struct transfer_source *source, struct growing *growing, mlm_error *err)
{
	struct archive_writer *writer = NULL;
	mlm_status status = archive_writer_open(growing->upload.file, growing->path, &writer, err);
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
	struct growing growing = { .path = path, .directory_fd = -1, .upload = { .file = -1 } };
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
