/* SPDX-License-Identifier: Apache-2.0 */
#include "core/artifact_copy.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"
#include "base/sha256.h"
#include "core/background_thread.h"

/* A store that is read pushes its bytes, one that is written pulls them: a thread pushes into one
 * end of a socket what the caller pulls out of the other. */
struct copy {
	struct artifact_store *from;
	struct transfer_file file;
	int push_fd; /* the thread's, which closes it */
	int pull_fd;
	pthread_t thread;
	bool is_reading; /* it was started, and pull_fd is open */
	bool has_joined;
	mlm_status status; /* the thread's, once it has ended */
	mlm_error why;
};

static mlm_status push(void *payload, const void *bytes, size_t size, mlm_error *err)
{
	struct copy *copy = payload;
	const char *next = bytes;
	while (size > 0) {
		ssize_t sent = send(copy->push_fd, next, size, MSG_NOSIGNAL);
		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0)
			return error_set_errno(
				err, errno, "artifact", "cannot pass on '%s'", copy->file.path);
		next += sent;
		size -= (size_t)sent;
	}
	return MLM_OK;
}

static void *push_all(void *payload)
{
	struct copy *copy = payload;
	const mlm_artifact_writer into = { push, copy };
	copy->status = artifact_get(copy->from, copy->file.path, &into, &copy->why);
	close(copy->push_fd);
	return NULL;
}

static mlm_status begin_reading(struct copy *copy, mlm_error *err)
{
	int ends[2];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
		return error_set_errno(err, errno, "artifact", "cannot copy '%s'", copy->file.path);
	copy->push_fd = ends[0];
	copy->pull_fd = ends[1];
	copy->has_joined = false;
	copy->status = MLM_OK;
	copy->why = (mlm_error)MLM_ERROR_INIT;
	int errnum = background_thread_start(&copy->thread, 0, push_all, copy);
	if (errnum == 0) {
		copy->is_reading = true;
		return MLM_OK;
	}
	close(ends[0]);
	close(ends[1]);
	return error_set(
		err, MLM_EAGAIN, "artifact", "cannot start a thread to copy '%s'", copy->file.path);
}

static void wait_for_thread(struct copy *copy)
{
	if (!copy->has_joined)
		pthread_join(copy->thread, NULL);
	copy->has_joined = true;
}

static void end_reading(struct copy *copy)
{
	if (!copy->is_reading)
		return;
	/* Ends a push that nobody pulls any more. */
	close(copy->pull_fd);
	wait_for_thread(copy);
	copy->is_reading = false;
}

static mlm_status pull(void *payload, void *bytes, size_t size, size_t *got_out, mlm_error *err)
{
	struct copy *copy = payload;
	ssize_t got;
	*got_out = 0;
	do {
		got = recv(copy->pull_fd, bytes, size, 0);
	} while (got < 0 && errno == EINTR);
	if (got < 0)
		return error_set_errno(
			err, errno, "artifact", "cannot take over '%s'", copy->file.path);
	*got_out = (size_t)got;
	if (got > 0)
		return transfer_file_moved(&copy->file, (size_t)got, err);
	/* The end, or where reading failed: only then may the put be told that this is all. */
	wait_for_thread(copy);
	if (copy->status != MLM_OK && err)
		*err = copy->why;
	return copy->status;
}

static mlm_status read_again(void *payload, mlm_error *err)
{
	struct copy *copy = payload;
	end_reading(copy);
	copy->file.done_bytes = 0;
	return begin_reading(copy, err);
}

static struct transfer_file file_of(
	const mlm_artifact *entry, struct run_transfer *transfer, const char *name)
{
	return (struct transfer_file){
		.transfer = transfer,
		.text = name,
		.what = "artifact",
		.path = entry->path,
		.total_bytes = entry->size_bytes,
	};
}

mlm_status artifact_copy(struct artifact_store *from, const mlm_artifact *entry,
	struct artifact_store *into, struct run_transfer *transfer, const char *name,
	mlm_error *err)
{
	struct copy copy = { .from = from, .file = file_of(entry, transfer, name) };
	const mlm_artifact_reader reader = { pull, &copy, entry->size_bytes, read_again };
	mlm_status status = begin_reading(&copy, err);
	if (status == MLM_OK)
		status = artifact_put(into, entry->path, &reader, err);
	end_reading(&copy);
	return status;
}

struct hashing {
	struct sha256 *hash;
	struct transfer_file file;
};

static mlm_status add_to_hash(void *payload, const void *bytes, size_t size, mlm_error *err)
{
	struct hashing *hashing = payload;
	sha256_add(hashing->hash, bytes, size);
	return transfer_file_moved(&hashing->file, size, err);
}

static mlm_status hash_artifact(struct artifact_store *store, const struct transfer_file *file,
	char hex_out[SHA256_HEX_SIZE], mlm_error *err)
{
	struct hashing hashing = { NULL, *file };
	const mlm_artifact_writer into = { add_to_hash, &hashing };
	mlm_status status = sha256_begin(&hashing.hash, err);
	if (status != MLM_OK)
		return status;
	status = artifact_get(store, file->path, &into, err);
	sha256_end(hashing.hash, hex_out);
	return status;
}

mlm_status artifact_compare(struct artifact_store *from, const mlm_artifact *entry,
	struct artifact_store *into, struct run_transfer *transfer, const char *name,
	bool *is_same_out, mlm_error *err)
{
	char there[SHA256_HEX_SIZE], here[SHA256_HEX_SIZE];
	const struct transfer_file file = file_of(entry, transfer, name);
	*is_same_out = false;
	mlm_status status = hash_artifact(from, &file, there, err);
	if (status == MLM_OK)
		status = hash_artifact(into, &file, here, err);
	*is_same_out = status == MLM_OK && strcmp(there, here) == 0;
	return status;
}
