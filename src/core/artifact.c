/* SPDX-License-Identifier: Apache-2.0 */
/* Logging artifacts. */
#include "mlmanager/artifact.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "artifact/artifact_file.h"
#include "base/archive.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/temporary_file.h"
#include "core/artifact_source.h"
#include "core/artifact_transfer.h"

static mlm_status put_file(struct artifact_store *store, const char *name, int file,
	const char *local_path, struct transfer *transfer, mlm_error *err)
{
	struct artifact_file payload = transfer_file(transfer, file, local_path);
	const mlm_artifact_reader reader = { artifact_file_read, &payload,
		(int64_t)lseek(file, 0, SEEK_END), artifact_file_rewind };
	if (lseek(file, 0, SEEK_SET) != 0)
		return error_set_errno(err, errno, "artifact", "cannot read '%.400s'", local_path);
	return artifact_put(store, name, &reader, err);
}

static mlm_status pack_member(struct archive_writer *writer, const struct artifact_source *member,
	struct transfer *transfer, mlm_error *err)
{
	char block[65536];
	int file = open(member->local_path, O_RDONLY | O_CLOEXEC);
	if (file < 0)
		return error_set_errno(
			err, errno, "artifact", "cannot read '%.400s'", member->local_path);
	struct artifact_file reader = transfer_file(transfer, file, member->local_path);
	mlm_status status =
		archive_writer_begin(writer, member->name, (uint64_t)member->size_bytes, err);
	for (size_t got = 1; got > 0 && status == MLM_OK;) {
		status = artifact_file_read(&reader, block, sizeof(block), &got, err);
		if (status == MLM_OK)
			status = archive_writer_write(writer, block, got, err);
	}
	close(file);
	return status == MLM_OK ? archive_writer_end(writer, err) : status;
}

static mlm_status pack(
	int file, const struct artifact_sources *members, struct transfer *transfer, mlm_error *err)
{
	struct archive_writer *writer;
	mlm_status status = archive_writer_open(file, "artifact.zip", &writer, err);
	for (size_t i = 0; i < members->count && status == MLM_OK; i++)
		status = pack_member(writer, &members->items[i], transfer, err);
	if (status == MLM_OK)
		status = archive_writer_close(writer, err);
	archive_writer_free(writer);
	return status;
}

/* Packed first, into a file without a name: an archive is written, and a store wants to read. */
static mlm_status put_archive(struct artifact_store *store, const struct artifact_source *source,
	struct transfer *transfer, mlm_error *err)
{
	int file = temporary_file_open();
	if (file < 0)
		return error_set_errno(err, errno, "artifact",
			"cannot make a temporary file for the archive of '%.300s'",
			source->local_path);
	mlm_status status = pack(file, source->members, transfer, err);
	if (status == MLM_OK)
		status = put_file(store, source->name, file, source->local_path, transfer, err);
	close(file);
	return status;
}

static mlm_status put_source(struct artifact_store *store, const struct artifact_source *source,
	struct transfer *transfer, mlm_error *err)
{
	transfer->name = source->name;
	if (source->members)
		return put_archive(store, source, transfer, err);
	int file = open(source->local_path, O_RDONLY | O_CLOEXEC);
	if (file < 0)
		return error_set_errno(
			err, errno, "artifact", "cannot read '%.400s'", source->local_path);
	mlm_status status = put_file(store, source->name, file, source->local_path, transfer, err);
	close(file);
	return status;
}

mlm_status mlm_run_log_artifacts(mlm_run *run, const char *const *local_paths,
	const char *const *names, size_t count, const mlm_artifact_options *options, mlm_error *err)
{
	struct artifact_sources sources;
	struct artifact_store *store = NULL;
	struct transfer transfer;
	mlm_status status = run_check(run, err);
	if (status != MLM_OK)
		return status;
	status = artifact_sources_begin(&sources, &run->manager->allocator, err);
	if (status == MLM_OK)
		status = transfer_begin(&transfer, options, "", -1, err);
	if (status != MLM_OK) {
		artifact_sources_end(&sources);
		return status;
	}
	status = transfer_open_run(run, &store, err);
	for (size_t i = 0; i < count && status == MLM_OK; i++)
		if (!local_paths || !local_paths[i])
			status = error_set_null(err, "artifact", "local_path");
	for (size_t i = 0; i < count && status == MLM_OK; i++)
		status = artifact_sources_add(&sources, local_paths[i], names ? names[i] : NULL,
			transfer.options.zip, err);
	if (status == MLM_OK)
		status = artifact_sources_check_names(&sources, err);
	transfer.total_bytes = sources.size_bytes;
	for (size_t i = 0; i < sources.count && status == MLM_OK; i++)
		status = put_source(store, &sources.items[i], &transfer, err);
	artifact_close(store);
	status = transfer_end(&transfer, status, err);
	artifact_sources_end(&sources);
	return status;
}

mlm_status mlm_run_log_artifact(mlm_run *run, const char *local_path, const char *name,
	const mlm_artifact_options *options, mlm_error *err)
{
	return mlm_run_log_artifacts(run, &local_path, &name, 1, options, err);
}

struct counted_reader {
	const mlm_artifact_reader *inner;
	struct transfer *transfer;
	uint64_t read; /* bytes since the beginning */
};

static mlm_status read_counted(
	void *payload, void *bytes, size_t size, size_t *got_out, mlm_error *err)
{
	struct counted_reader *reader = payload;
	mlm_status status = reader->inner->read(reader->inner->payload, bytes, size, got_out, err);
	if (status != MLM_OK)
		return status;
	reader->read += *got_out;
	return transfer_moved(reader->transfer, *got_out, err);
}

static mlm_status rewind_counted(void *payload, mlm_error *err)
{
	struct counted_reader *reader = payload;
	transfer_moved_back(reader->transfer, reader->read);
	reader->read = 0;
	return reader->inner->rewind(reader->inner->payload, err);
}

mlm_status mlm_run_log_stream(mlm_run *run, const char *name, const mlm_artifact_reader *reader,
	const mlm_artifact_options *options, mlm_error *err)
{
	struct artifact_store *store = NULL;
	struct transfer transfer;
	if (!name)
		return error_set_null(err, "artifact", "name");
	if (!reader)
		return error_set_null(err, "artifact", "reader");
	struct counted_reader payload = { reader, &transfer, 0 };
	const mlm_artifact_reader counted = { read_counted, &payload, reader->size_bytes,
		reader->rewind ? rewind_counted : NULL };
	mlm_status status = transfer_begin(&transfer, options, name, reader->size_bytes, err);
	if (status != MLM_OK)
		return status;
	status = transfer_open_run(run, &store, err);
	if (status == MLM_OK)
		status = artifact_put(store, name, &counted, err);
	artifact_close(store);
	return transfer_end(&transfer, status, err);
}

struct memory_reader {
	const char *bytes;
	size_t size;
	size_t at;
};

static mlm_status read_memory(
	void *payload, void *bytes, size_t size, size_t *got_out, mlm_error *err)
{
	struct memory_reader *reader = payload;
	(void)err;
	size_t left = reader->size - reader->at;
	*got_out = left < size ? left : size;
	if (*got_out > 0)
		memcpy(bytes, reader->bytes + reader->at, *got_out);
	reader->at += *got_out;
	return MLM_OK;
}

static mlm_status rewind_memory(void *payload, mlm_error *err)
{
	(void)err;
	((struct memory_reader *)payload)->at = 0;
	return MLM_OK;
}

mlm_status mlm_run_log_bytes(
	mlm_run *run, const char *name, const void *bytes, size_t size, mlm_error *err)
{
	if (!bytes && size > 0)
		return error_set_null(err, "artifact", "bytes");
	struct memory_reader payload = { bytes, size, 0 };
	const mlm_artifact_reader reader = { read_memory, &payload, (int64_t)size, rewind_memory };
	return mlm_run_log_stream(run, name, &reader, NULL, err);
}
