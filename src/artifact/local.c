/* SPDX-License-Identifier: Apache-2.0 */
/* Artifacts as files of this machine, laid out as MLflow lays them out. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "artifact/artifact.h"
#include "artifact/artifact_file.h"
#include "artifact/artifact_path.h"
#include "artifact/beneath.h"
#include "artifact/listing.h"
#include "artifact/local_uri.h"
#include "artifact/upload.h"
#include "base/directory.h"
#include "base/error.h"
#include "base/memory.h"

struct local_store {
	struct artifact_store base;
	char *root;
	mlm_durability durability;
};

static struct local_store *local_of(struct artifact_store *store)
{
	return (struct local_store *)store;
}

static mlm_status no_memory(mlm_error *err)
{
	return error_set(err, MLM_ENOMEM, "artifact", "memory ran out");
}

static mlm_status open_local(
	const struct artifact_options *options, struct artifact_store **store_out, mlm_error *err)
{
	*store_out = NULL;
	struct local_store *store = memory_new(&options->allocator, sizeof(*store));
	if (!store)
		return no_memory(err);
	store->base.ops = &local_artifact_ops;
	store->base.allocator = options->allocator;
	store->durability = options->durability;
	mlm_status status = local_uri_to_path(&options->allocator, options->uri, &store->root, err);
	if (status != MLM_OK) {
		memory_free(&options->allocator, store);
		return status;
	}
	*store_out = &store->base;
	return MLM_OK;
}

static void close_local(struct artifact_store *base)
{
	struct local_store *store = local_of(base);
	mlm_allocator allocator = base->allocator;
	memory_free(&allocator, store->root);
	memory_free(&allocator, store);
}

/* A failed system call on an artifact of this path. */
static mlm_status failed(
	const struct local_store *store, const char *path, const char *doing, mlm_error *err)
{
	int errnum = errno;
	switch (errnum) {
	case ENOENT:
	case ENOTDIR:
		return error_set(err, MLM_ENOTFOUND, "artifact",
			"there is no artifact '%.200s' in '%.200s'", path, store->root);
	case EXDEV:
	case ELOOP:
		return error_set(err, MLM_EINVAL, "artifact",
			"the artifact path '%.200s' leads through a link out of '%.200s'", path,
			store->root);
	default:
		return error_set_errno(err, errnum, "artifact",
			"cannot %s the artifact '%.120s' in '%.200s'", doing, path, store->root);
	}
}

static int open_root(const struct local_store *store)
{
	return open(store->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

/* ---- put ---- */

static mlm_status fill_upload(const struct local_store *store, struct upload *upload,
	const char *path, const mlm_artifact_reader *from, mlm_error *err)
{
	size_t got = 0;
	mlm_status status = MLM_OK;
	if (from->read == artifact_file_read) {
		const struct artifact_file *source = from->payload;
		status = artifact_file_copy(source, source->file, upload->file, err);
	}
	if (status != MLM_OK)
		return status;
	char *buffer = memory_new(&store->base.allocator, ARTIFACT_BUFFER_BYTES);
	if (!buffer)
		return no_memory(err);
	do {
		status = from->read(from->payload, buffer, ARTIFACT_BUFFER_BYTES, &got, err);
		if (status == MLM_OK && !upload_write(upload, buffer, got))
			status = failed(store, path, "write", err);
	} while (status == MLM_OK && got > 0);
	memory_free(&store->base.allocator, buffer);
	return status;
}

static mlm_status finish_upload(
	const struct local_store *store, struct upload *upload, const char *path, mlm_error *err)
{
	if (upload_finish(
		    upload, path, UPLOAD_REPLACES, store->durability == MLM_DURABILITY_SYSTEM))
		return MLM_OK;
	if (errno != EISDIR && errno != ENOTDIR && errno != EEXIST)
		return failed(store, path, "store", err);
	return error_set(err, MLM_EEXISTS, "artifact",
		"the artifact '%.200s' cannot be stored in '%.200s': %s", path, store->root,
		errno == EISDIR ? "a directory has that name"
				: "a file has the name of one of its directories");
}

static mlm_status put(struct artifact_store *base, const char *path,
	const mlm_artifact_reader *from, mlm_error *err)
{
	struct local_store *store = local_of(base);
	struct upload upload;
	int errnum = directory_make(store->root);
	if (errnum != 0)
		return error_set_errno(err, errnum, "artifact",
			"cannot make the artifact directory '%s'", store->root);
	int root = open_root(store);
	if (root < 0)
		return error_set_errno(err, errno, "artifact",
			"cannot open the artifact directory '%s'", store->root);
	mlm_status status = upload_begin(&upload, root)
				    ? fill_upload(store, &upload, path, from, err)
				    : failed(store, path, "store", err);
	if (status == MLM_OK)
		status = finish_upload(store, &upload, path, err);
	upload_end(&upload);
	close(root);
	return status;
}

/* ---- get, stat ---- */

/* Opens below the root; *about_out tells what it is. Only files and directories are artifacts. */
static mlm_status open_entry(const struct local_store *store, const char *path, int flags,
	int *file_out, struct stat *about_out, mlm_error *err)
{
	int root = open_root(store);
	*file_out = root < 0 ? -1 : beneath_open(root, path, flags);
	mlm_status status = MLM_OK;
	if (*file_out < 0)
		status = failed(store, path, "open", err);
	else if (fstat(*file_out, about_out) != 0)
		status = failed(store, path, "read", err);
	else if (!S_ISREG(about_out->st_mode) && !S_ISDIR(about_out->st_mode))
		status = error_set(err, MLM_ENOTFOUND, "artifact",
			"'%.200s' in '%.200s' is no file, so it is no artifact", path, store->root);
	if (status != MLM_OK && *file_out >= 0) {
		close(*file_out);
		*file_out = -1;
	}
	if (root >= 0)
		close(root);
	return status;
}

static mlm_status copy_out(const struct local_store *store, int file, const char *path,
	const mlm_artifact_writer *into, mlm_error *err)
{
	mlm_status status = MLM_OK;
	if (into->write == artifact_file_write) {
		const struct artifact_file *target = into->payload;
		status = artifact_file_copy(target, file, target->file, err);
	}
	if (status != MLM_OK)
		return status;
	char *buffer = memory_new(&store->base.allocator, ARTIFACT_BUFFER_BYTES);
	if (!buffer)
		return no_memory(err);
	while (status == MLM_OK) {
		ssize_t got = read(file, buffer, ARTIFACT_BUFFER_BYTES);
		if (got < 0 && errno == EINTR)
			continue;
		if (got == 0)
			break;
		status = got < 0 ? failed(store, path, "read", err)
				 : into->write(into->payload, buffer, (size_t)got, err);
	}
	memory_free(&store->base.allocator, buffer);
	return status;
}

static mlm_status get(struct artifact_store *base, const char *path,
	const mlm_artifact_writer *into, mlm_error *err)
{
	struct local_store *store = local_of(base);
	struct stat about;
	int file;
	/* A named pipe must not make the call wait for its other end. */
	mlm_status status = open_entry(store, path, O_RDONLY | O_NONBLOCK, &file, &about, err);
	if (status != MLM_OK)
		return status;
	if (S_ISDIR(about.st_mode))
		status = error_set(err, MLM_ENOTFOUND, "artifact",
			"the artifact '%.200s' in '%.200s' is a directory", path, store->root);
	else
		status = copy_out(store, file, path, into, err);
	close(file);
	return status;
}

static mlm_status stat_local(
	struct artifact_store *base, const char *path, mlm_artifact *entry_out, mlm_error *err)
{
	struct stat about;
	int file;
	mlm_status status = open_entry(local_of(base), path, O_PATH, &file, &about, err);
	if (status != MLM_OK)
		return status;
	close(file);
	entry_out->is_directory = S_ISDIR(about.st_mode);
	entry_out->size_bytes = entry_out->is_directory ? -1 : (int64_t)about.st_size;
	return MLM_OK;
}

/* ---- list ---- */

/* What an entry of a directory is; false for what is no artifact. */
static bool look_at(
	int root, int directory, const char *name, const char *path, struct stat *about_out)
{
	if (fstatat(directory, name, about_out, AT_SYMLINK_NOFOLLOW) != 0)
		return false;
	if (!S_ISLNK(about_out->st_mode))
		return S_ISREG(about_out->st_mode) || S_ISDIR(about_out->st_mode);
	int file = beneath_open(root, path, O_PATH);
	/* A directory behind a link can be read, but a walk would go round in circles. */
	bool is_found = file >= 0 && fstat(file, about_out) == 0 && S_ISREG(about_out->st_mode);
	if (file >= 0)
		close(file);
	return is_found;
}

static bool is_hidden(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ||
	       strncmp(name, ARTIFACT_TEMPORARY_PREFIX, strlen(ARTIFACT_TEMPORARY_PREFIX)) == 0;
}

static mlm_status read_entries(const struct local_store *store, int root, DIR *stream,
	const char *directory, struct listing *listing, mlm_error *err)
{
	char path[PATH_MAX];
	struct stat about;
	mlm_status status = MLM_OK;
	while (status == MLM_OK) {
		errno = 0;
		const struct dirent *found = readdir(stream);
		if (!found)
			return errno ? failed(store, directory, "list", err) : MLM_OK;
		int size = snprintf(path, sizeof(path), "%s%s%s", directory,
			directory[0] ? "/" : "", found->d_name);
		if (is_hidden(found->d_name) || (size_t)size >= sizeof(path) ||
			!look_at(root, dirfd(stream), found->d_name, path, &about))
			continue;
		status = listing_add(listing, path, (size_t)size, S_ISDIR(about.st_mode),
			(int64_t)about.st_size, err);
	}
	return status;
}

static mlm_status list(struct artifact_store *base, const char *directory, artifact_visit_fn visit,
	void *payload, mlm_error *err)
{
	struct local_store *store = local_of(base);
	struct listing listing = { 0 };
	DIR *stream = NULL;
	mlm_status status = MLM_OK;
	int root = open_root(store);
	int file = root < 0 ? -1 : beneath_open(root, directory, O_RDONLY | O_DIRECTORY);
	if (file >= 0)
		stream = fdopendir(file);
	if (!stream) {
		if (errno != ENOENT && errno != ENOTDIR)
			status = failed(store, directory, "list", err);
		if (file >= 0)
			close(file);
		goto out;
	}
	status = listing_begin(&listing, &base->allocator, err);
	if (status == MLM_OK)
		status = read_entries(store, root, stream, directory, &listing, err);
	listing_sort(&listing);
	for (size_t i = 0; i < listing.count && status == MLM_OK; i++)
		status = visit(payload, &listing.entries[i], err);
	listing_end(&listing);
out:
	if (stream)
		closedir(stream);
	if (root >= 0)
		close(root);
	return status;
}

/* ---- remove ---- */

/* A directory is gone with its last file. */
static void remove_empty_parents(const mlm_allocator *allocator, int root, const char *path)
{
	char *parent = memory_string(allocator, path);
	char *slash;
	while (parent && (slash = strrchr(parent, '/'))) {
		*slash = '\0';
		int above = beneath_open_parent(root, parent);
		bool is_gone = above >= 0 &&
			       unlinkat(above, artifact_path_name(parent), AT_REMOVEDIR) == 0;
		if (above >= 0)
			close(above);
		if (!is_gone)
			break;
	}
	memory_free(allocator, parent);
}

static mlm_status remove_local(struct artifact_store *base, const char *path, mlm_error *err)
{
	struct local_store *store = local_of(base);
	mlm_status status = MLM_OK;
	int root = open_root(store);
	if (root < 0 && path[0] == '\0' && (errno == ENOENT || errno == ENOTDIR))
		return MLM_OK;
	if (root < 0 || (path[0] ? beneath_remove(root, path) : beneath_empty(root)) != 0)
		status = failed(store, path[0] ? path : ".", "delete", err);
	else if (path[0])
		remove_empty_parents(&base->allocator, root, path);
	if (root >= 0)
		close(root);
	return status;
}

const struct artifact_ops local_artifact_ops = {
	.scheme = "file",
	.open = open_local,
	.close = close_local,
	.put = put,
	.get = get,
	.list = list,
	.remove = remove_local,
	.stat = stat_local,
};
