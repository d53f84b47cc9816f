/* SPDX-License-Identifier: Apache-2.0 */
/* Artifacts of any run: listing, reading, downloading, deleting. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "artifact/artifact_path.h"
#include "artifact/beneath.h"
#include "artifact/listing.h"
#include "artifact/upload.h"
#include "base/archive.h"
#include "base/clock.h"
#include "base/directory.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/sha256.h"
#include "base/temporary_file.h"
#include "core/artifact_transfer.h"

/* ---- listing ---- */

mlm_status mlm_artifact_list_directory(mlm_manager *manager, const char *run_id, const char *path,
	mlm_artifact_list **list_out, mlm_error *err)
{
	struct artifact_store *store = NULL;
	struct listing listing = { 0 };
	*list_out = NULL;
	mlm_status status = transfer_open_store(manager, run_id, false, &store, err);
	if (status != MLM_OK)
		return status;
	status = listing_begin(&listing, &manager->allocator, err);
	if (status == MLM_OK)
		status = artifact_list(store, path ? path : "", listing_keep, &listing, err);
	mlm_artifact_list *list =
		status == MLM_OK ? arena_alloc(listing.arena, sizeof(*list)) : NULL;
	mlm_artifact *items =
		list ? arena_array(listing.arena, listing.count + 1, sizeof(*items)) : NULL;
	if (items) {
		if (listing.count > 0)
			memcpy(items, listing.entries, listing.count * sizeof(*items));
		*list = (mlm_artifact_list){ items, listing.count, listing.arena };
		listing.arena = NULL; /* the list's now */
		*list_out = list;
	} else if (status == MLM_OK) {
		status = error_set(err, MLM_ENOMEM, "artifact", "memory ran out");
	}
	listing_end(&listing);
	artifact_close(store);
	return status;
}

void mlm_artifact_list_free(mlm_artifact_list *list)
{
	if (list)
		arena_free(list->memory);
}

mlm_status mlm_artifact_find(mlm_manager *manager, const char *run_id, const char *name,
	mlm_artifact *artifact_out, mlm_error *err)
{
	struct artifact_store *store = NULL;
	*artifact_out = (mlm_artifact){ .size_bytes = -1 };
	if (!name)
		return error_set_null(err, "artifact", "name");
	mlm_status status = transfer_open_store(manager, run_id, false, &store, err);
	if (status == MLM_OK)
		status = artifact_stat(store, name, artifact_out, err);
	artifact_close(store);
	return status;
}

/* ---- reading ---- */

struct counted_writer {
	const mlm_artifact_writer *inner;
	struct transfer *transfer;
};

static mlm_status write_counted(void *payload, const void *bytes, size_t size, mlm_error *err)
{
	const struct counted_writer *writer = payload;
	mlm_status status = writer->inner->write(writer->inner->payload, bytes, size, err);
	return status == MLM_OK ? transfer_moved(writer->transfer, size, err) : status;
}

mlm_status mlm_artifact_read(mlm_manager *manager, const char *run_id, const char *name,
	const mlm_artifact_writer *writer, const mlm_artifact_options *options, mlm_error *err)
{
	struct artifact_store *store = NULL;
	struct transfer transfer;
	struct counted_writer payload = { writer, &transfer };
	const mlm_artifact_writer counted = { write_counted, &payload };
	if (!name)
		return error_set_null(err, "artifact", "name");
	if (!writer)
		return error_set_null(err, "artifact", "writer");
	mlm_status status = transfer_begin(&transfer, options, name, -1, err);
	if (status != MLM_OK)
		return status;
	status = transfer_open_store(manager, run_id, false, &store, err);
	if (status == MLM_OK)
		status = artifact_get(store, name, &counted, err);
	artifact_close(store);
	return transfer_end(&transfer, status, err);
}

static mlm_status hash_bytes(void *payload, const void *bytes, size_t size, mlm_error *err)
{
	(void)err;
	sha256_add(payload, bytes, size);
	return MLM_OK;
}

mlm_status mlm_artifact_sha256(mlm_manager *manager, const char *run_id, const char *name,
	char hex_out[65], mlm_error *err)
{
	struct sha256 *hash = NULL;
	hex_out[0] = '\0';
	mlm_status status = sha256_begin(&hash, err);
	if (status != MLM_OK)
		return status;
	const mlm_artifact_writer writer = { hash_bytes, hash };
	status = mlm_artifact_read(manager, run_id, name, &writer, NULL, err);
	if (status == MLM_OK)
		sha256_end(hash, hex_out);
	else
		sha256_drop(hash);
	return status;
}

/* ---- downloading ---- */

static mlm_status cannot_write(const char *local_path, mlm_error *err)
{
	return error_set_errno(err, errno, "artifact", "cannot write '%.400s'", local_path);
}

static mlm_status get_file(struct artifact_store *store, const char *name, int file,
	const char *local_path, struct transfer *transfer, mlm_error *err)
{
	struct artifact_file payload = transfer_file(transfer, file, local_path);
	const mlm_artifact_writer writer = { artifact_file_write, &payload };
	transfer->name = name;
	return artifact_get(store, name, &writer, err);
}

/* One file to path below the open directory. */
static mlm_status download_file(struct artifact_store *store, const char *name, int directory,
	const char *path, struct transfer *transfer, mlm_error *err)
{
	struct stat about;
	struct upload upload;
	/* A rename would put a file in the place of a device such as /dev/null. */
	if (fstatat(directory, path, &about, 0) == 0 && !S_ISREG(about.st_mode) &&
		!S_ISDIR(about.st_mode))
		return error_set(err, MLM_EEXISTS, "artifact",
			"'%.200s' cannot be downloaded to '%.300s', which is no file", name, path);
	mlm_status status = upload_begin(&upload, directory)
				    ? get_file(store, name, upload.file, path, transfer, err)
				    : cannot_write(path, err);
	if (status == MLM_OK && !upload_finish(&upload, path, UPLOAD_REPLACES, false))
		status = cannot_write(path, err);
	upload_end(&upload);
	return status;
}

static mlm_status download_tree(struct artifact_store *store, const char *name,
	const char *local_path, struct transfer *transfer, mlm_error *err)
{
	struct listing files;
	int directory = -1;
	size_t skipped = name[0] ? strlen(name) + 1 : 0;
	mlm_status status = listing_begin(&files, &store->allocator, err);
	if (status == MLM_OK)
		status = artifact_walk(store, name, listing_keep, &files, err);
	int errnum = status == MLM_OK ? directory_make(local_path) : 0;
	if (errnum == 0 && status == MLM_OK)
		directory = open(local_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (status == MLM_OK && directory < 0)
		status = error_set_errno(err, errnum ? errnum : errno, "artifact",
			"cannot make the directory '%.400s'", local_path);
	transfer->total_bytes = 0;
	for (size_t i = 0; i < files.count; i++)
		transfer->total_bytes += files.entries[i].size_bytes;
	for (size_t i = 0; i < files.count && status == MLM_OK; i++) {
		const char *path = files.entries[i].path;
		status = download_file(store, path, directory, path + skipped, transfer, err);
	}
	if (directory >= 0)
		close(directory);
	listing_end(&files);
	return status;
}

/* The directory that a file goes to, opened, and its name there. */
static mlm_status open_target(const char *name, const char *local_path, int *directory_out,
	char target_out[PATH_MAX], mlm_error *err)
{
	struct stat about;
	char parent[PATH_MAX];
	size_t size = strlen(local_path);
	if (size == 0 || size >= sizeof(parent))
		return error_set(err, MLM_EINVAL, "artifact",
			"local_path '%.300s' is empty or too long", local_path);
	bool is_slashed = local_path[size - 1] == '/';
	int errnum = is_slashed ? directory_make(local_path) : 0;
	memcpy(parent, local_path, size + 1);
	if (is_slashed || (stat(local_path, &about) == 0 && S_ISDIR(about.st_mode))) {
		snprintf(target_out, PATH_MAX, "%s", artifact_path_name(name));
	} else {
		const char *file = artifact_path_name(local_path);
		snprintf(target_out, PATH_MAX, "%s", file);
		parent[file - local_path] = '\0';
	}
	*directory_out =
		errnum ? -1 : open(parent[0] ? parent : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (*directory_out >= 0)
		return MLM_OK;
	return error_set_errno(err, errnum ? errnum : errno, "artifact",
		"cannot download '%.200s' to '%.300s'", name, local_path);
}

static mlm_status is_taken(const char *name, const char *local_path, mlm_error *err)
{
	return error_set(err, MLM_EEXISTS, "artifact",
		"'%.200s' cannot be extracted to '%.300s', which is there and not an empty "
		"directory",
		name, local_path);
}

/* Whether nothing has that name, or an empty directory: for what it would be a pity to find out
 * after gigabytes were extracted. */
static bool may_be_replaced(const char *local_path)
{
	struct stat about;
	if (lstat(local_path, &about) != 0)
		return true;
	DIR *stream = S_ISDIR(about.st_mode) ? opendir(local_path) : NULL;
	int count = stream ? 0 : 3;
	while (count < 3 && readdir(stream))
		count++; /* "." and ".." */
	if (stream)
		closedir(stream);
	return count < 3;
}

static mlm_status count_extracted(void *payload, size_t size, mlm_error *err)
{
	return transfer_moved(payload, size, err);
}

/* Extracted beside its place and then moved there: what is refused half way leaves nothing. */
static mlm_status extract_into(int file, const char *name, const char *local_path,
	struct transfer *transfer, mlm_error *err)
{
	char temporary[PATH_MAX];
	size_t size = strlen(local_path);
	while (size > 1 && local_path[size - 1] == '/')
		size--;
	if (size == 0 || size >= sizeof(temporary) - 48)
		return error_set(err, MLM_EINVAL, "artifact",
			"local_path '%.300s' is empty or too long", local_path);
	snprintf(temporary, sizeof(temporary), "%.*s.%ld-%llx", (int)size, local_path,
		(long)getpid(), (unsigned long long)clock_monotonic_ns());
	if (mkdir(temporary, 0777) != 0)
		return error_set_errno(err, errno, "artifact",
			"cannot make a directory beside '%.400s'", local_path);
	/* Their sum is not known before the end. */
	transfer->done_bytes = 0;
	transfer->total_bytes = -1;
	mlm_status status = archive_extract(file, name, temporary,
		transfer->options.expanded_bytes_max, count_extracted, transfer, err);
	/* An empty directory is replaced by the rename. */
	if (status == MLM_OK && rename(temporary, local_path) != 0)
		status = errno == EEXIST || errno == ENOTEMPTY || errno == ENOTDIR
				 ? is_taken(name, local_path, err)
				 : cannot_write(local_path, err);
	if (status != MLM_OK)
		beneath_remove_directory(temporary);
	return status;
}

static mlm_status download_archive(struct artifact_store *store, const char *name,
	const char *local_path, struct transfer *transfer, mlm_error *err)
{
	int file = temporary_file_open();
	if (file < 0)
		return error_set_errno(err, errno, "artifact",
			"cannot make a temporary file for the archive '%.300s'", name);
	mlm_status status = may_be_replaced(local_path) ? MLM_OK : is_taken(name, local_path, err);
	if (status == MLM_OK)
		status = get_file(store, name, file, "a temporary file", transfer, err);
	if (status == MLM_OK && lseek(file, 0, SEEK_SET) != 0)
		status = cannot_write(local_path, err);
	if (status == MLM_OK)
		status = extract_into(file, name, local_path, transfer, err);
	close(file);
	return status;
}

static mlm_status download(struct artifact_store *store, const char *name, const char *local_path,
	struct transfer *transfer, mlm_error *err)
{
	mlm_artifact about = { .is_directory = true };
	mlm_status status = name[0] ? artifact_stat(store, name, &about, err) : MLM_OK;
	if (status != MLM_OK)
		return status;
	if (about.is_directory && transfer->options.extract)
		return error_set(err, MLM_EINVAL, "artifact",
			"'%.300s' is a directory, so there is nothing to extract", name);
	if (about.is_directory)
		return download_tree(store, name, local_path, transfer, err);
	transfer->total_bytes = about.size_bytes;
	if (transfer->options.extract)
		return download_archive(store, name, local_path, transfer, err);
	char target[PATH_MAX];
	int directory = -1;
	status = open_target(name, local_path, &directory, target, err);
	if (status != MLM_OK)
		return status;
	status = download_file(store, name, directory, target, transfer, err);
	close(directory);
	return status;
}

mlm_status mlm_artifact_download(mlm_manager *manager, const char *run_id, const char *name,
	const char *local_path, const mlm_artifact_options *options, mlm_error *err)
{
	struct artifact_store *store = NULL;
	struct transfer transfer;
	if (!name)
		return error_set_null(err, "artifact", "name");
	if (!local_path)
		return error_set_null(err, "artifact", "local_path");
	mlm_status status = transfer_begin(&transfer, options, name, -1, err);
	if (status != MLM_OK)
		return status;
	status = transfer_open_store(manager, run_id, false, &store, err);
	if (status == MLM_OK)
		status = download(store, name, local_path, &transfer, err);
	artifact_close(store);
	return transfer_end(&transfer, status, err);
}

/* ---- deleting ---- */

mlm_status mlm_artifact_delete(
	mlm_manager *manager, const char *run_id, const char *name, mlm_error *err)
{
	struct artifact_store *store = NULL;
	if (!name)
		return error_set_null(err, "artifact", "name");
	mlm_status status = artifact_path_check(name, err);
	if (status == MLM_OK)
		status = transfer_open_store(manager, run_id, true, &store, err);
	if (status == MLM_OK)
		status = artifact_remove(store, name, err);
	artifact_close(store);
	return status;
}
