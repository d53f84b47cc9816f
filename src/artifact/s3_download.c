/* SPDX-License-Identifier: Apache-2.0 */
/* A small object comes in one answer. Of a larger one that answer says size, state and checksum,
 * and is left; parts of it come over several connections, and leave in order. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "artifact/s3_checksum.h"
#include "artifact/s3_transfer.h"
#include "artifact/s3_workers.h"
#include "base/error.h"
#include "base/memory.h"

#define ETAG_BYTES_MAX 128
#define SLOTS          (S3_WORKERS_MAX + 1)
/* At a time, for a writer that shows how far it is. */
#define GIVEN_BYTES_MAX ((size_t)1 << 20)

enum slot_state { SLOT_FREE, SLOT_FILLING, SLOT_FULL };

/* Room for one part. */
struct slot {
	enum slot_state state;
	uint64_t number; /* of the part, from 0 */
	char *bytes;
	size_t size; /* of the part */
	size_t got;
	unsigned char digest[SHA256_DIGEST_SIZE];
};

struct download {
	struct s3_peer *peer;
	const mlm_allocator *allocator;
	const mlm_artifact_writer *into;
	const char *key;
	uint64_t given; /* bytes that the writer has */
	uint64_t given_before; /* this try */
	bool has_begun; /* the answer's headers are read */
	bool is_large; /* it is to come in parts */
	uint64_t size; /* of all, where is_large */
	char etag[ETAG_BYTES_MAX]; /* of the state that is read */
	struct s3_checksum checksum;
	bool has_failed; /* the writer */

	struct s3_workers workers;
	/* Of all below, with the workers' lock. */
	size_t part_bytes;
	uint64_t part_count;
	uint64_t parts_taken;
	struct slot slots[SLOTS];
	int slot_count;
};

static const char *header(struct s3_peer *peer, const char *name)
{
	const char *value = s3_peer_header(peer, name);
	return value ? value : "";
}

/* Asks for bytes of the state that is read, from first up to last (UINT64_MAX: the end). */
static mlm_status send_range(const struct download *download, struct s3_peer *peer, uint64_t first,
	uint64_t last, const struct http_sink *sink, mlm_error *err)
{
	char range[64];
	struct http_answer answer;
	bool is_all = first == 0 && last == UINT64_MAX;
	const struct http_header headers[] = {
		{ "x-amz-checksum-mode", "ENABLED" },
		{ "Range", range },
		{ "If-Match", download->etag },
	};
	const struct s3_request request = {
		.method = "GET",
		.key = download->key,
		.headers = headers,
		.header_count = is_all              ? 1
				: download->etag[0] ? 3
						    : 2,
		.sink = sink,
	};
	if (last == UINT64_MAX)
		snprintf(range, sizeof(range), "bytes=%llu-", (unsigned long long)first);
	else
		snprintf(range, sizeof(range), "bytes=%llu-%llu", (unsigned long long)first,
			(unsigned long long)last);
	mlm_status status = s3_peer_send(peer, &request, &answer, err);
	if (answer.status == 412)
		return error_set(err, MLM_EAGAIN, "s3",
			"'%.200s' was replaced while it was read; read it again", download->key);
	return status;
}

/* Whether the answer is that to a range from this byte on. */
static bool begins_at(struct s3_peer *peer, uint64_t first)
{
	char wanted[40];
	snprintf(wanted, sizeof(wanted), "bytes %llu-", (unsigned long long)first);
	return strncmp(header(peer, "Content-Range"), wanted, strlen(wanted)) == 0;
}

/* ---- in one answer ---- */

static mlm_status begin(struct download *download, mlm_error *err)
{
	struct s3_peer *peer = download->peer;
	download->has_begun = true;
	if (download->given == 0) {
		snprintf(download->etag, sizeof(download->etag), "%s", header(peer, "ETag"));
		download->size = strtoull(header(peer, "Content-Length"), NULL, 10);
		download->is_large = download->size > 2 * (uint64_t)S3_PART_BYTES &&
				     strcmp(header(peer, "Accept-Ranges"), "bytes") == 0;
		return s3_checksum_begin(&download->checksum, header(peer, "x-amz-checksum-sha256"),
			header(peer, S3_PART_BYTES_HEADER), header(peer, "x-amz-checksum-crc32"),
			err);
	}
	if (begins_at(peer, download->given))
		return MLM_OK;
	return error_set(err, MLM_EPEER, "s3",
		"the connection was cut after %llu bytes of '%.200s', and the service does not "
		"give the rest alone",
		(unsigned long long)download->given, download->key);
}

static mlm_status give(struct download *download, const void *bytes, size_t size, mlm_error *err)
{
	mlm_status status = download->into->write(download->into->payload, bytes, size, err);
	download->given += size;
	download->has_failed = status != MLM_OK;
	return status;
}

static mlm_status take(void *payload, const void *bytes, size_t size, mlm_error *err)
{
	struct download *download = payload;
	mlm_status status = download->has_begun ? MLM_OK : begin(download, err);
	if (status == MLM_OK && download->is_large)
		return MLM_ESTATE; /* ends the answer: nobody hears of it */
	if (status == MLM_OK)
		status = s3_checksum_add(&download->checksum, bytes, size, err);
	return status == MLM_OK ? give(download, bytes, size, err) : status;
}

/* The same request would begin at the same byte. */
static mlm_status begin_again(void *payload, mlm_error *err)
{
	struct download *download = payload;
	download->has_begun = false;
	if (download->given == download->given_before)
		return MLM_OK;
	return error_set(err, MLM_EAGAIN, "s3",
		"the connection was cut after %llu bytes of '%.200s'",
		(unsigned long long)download->given, download->key);
}

static mlm_status receive(struct download *download, mlm_error *err)
{
	const struct http_sink sink = { take, begin_again, download };
	download->given_before = download->given;
	download->has_begun = false;
	mlm_status status =
		send_range(download, download->peer, download->given, UINT64_MAX, &sink, err);
	return status == MLM_OK && !download->has_begun ? begin(download, err) : status;
}

/* ---- in parts ---- */

struct filling {
	struct download *download;
	struct slot *slot;
	struct s3_peer *peer;
};

static mlm_status fill(void *payload, const void *bytes, size_t size, mlm_error *err)
{
	const struct filling *filling = payload;
	const struct download *download = filling->download;
	struct slot *slot = filling->slot;
	uint64_t first = slot->number * download->part_bytes;
	if ((slot->got == 0 && !begins_at(filling->peer, first)) || size > slot->size - slot->got)
		return error_set(err, MLM_EPEER, "s3",
			"the service gives other bytes of '%.200s' than it was asked for",
			download->key);
	memcpy(slot->bytes + slot->got, bytes, size);
	slot->got += size;
	return MLM_OK;
}

static mlm_status fill_again(void *payload, mlm_error *err)
{
	(void)err;
	((struct filling *)payload)->slot->got = 0;
	return MLM_OK;
}

static void *take_slot(void *payload)
{
	struct download *download = payload;
	for (int i = 0; i < download->slot_count; i++) {
		struct slot *slot = &download->slots[i];
		if (slot->state != SLOT_FREE || download->parts_taken == download->part_count)
			continue;
		slot->number = download->parts_taken++;
		slot->state = SLOT_FILLING;
		return slot;
	}
	return NULL;
}

static mlm_status fill_slot(void *payload, void *part, struct s3_peer *peer, mlm_error *err)
{
	struct download *download = payload;
	struct slot *slot = part;
	struct filling filling = { download, slot, peer };
	const struct http_sink sink = { fill, fill_again, &filling };
	uint64_t first = slot->number * download->part_bytes;
	uint64_t left = download->size - first;
	slot->size = left < download->part_bytes ? (size_t)left : download->part_bytes;
	slot->got = 0;
	if (!slot->bytes)
		slot->bytes = memory_new(download->allocator, download->part_bytes);
	if (!slot->bytes)
		return error_set(err, MLM_ENOMEM, "s3", "memory ran out");
	mlm_status status = send_range(download, peer, first, first + slot->size - 1, &sink, err);
	if (status == MLM_OK && slot->got < slot->size)
		return error_set(err, MLM_EPEER, "s3",
			"the service gives fewer bytes of '%.200s' than it was asked for",
			download->key);
	if (status == MLM_OK && download->checksum.part_bytes == download->part_bytes)
		status = sha256_of(slot->bytes, slot->size, slot->digest, err);
	return status;
}

static void done_slot(void *payload, void *part)
{
	(void)payload;
	((struct slot *)part)->state = SLOT_FULL;
}

static struct slot *find_full(struct download *download, uint64_t number)
{
	for (int i = 0; i < download->slot_count; i++) {
		struct slot *slot = &download->slots[i];
		if (slot->state == SLOT_FULL && slot->number == number)
			return slot;
	}
	return NULL;
}

static mlm_status give_slot(struct download *download, const struct slot *slot, mlm_error *err)
{
	mlm_status status = MLM_OK;
	bool is_hashed = download->checksum.part_bytes == download->part_bytes;
	if (is_hashed)
		s3_checksum_add_part(&download->checksum, slot->digest);
	for (size_t at = 0; at < slot->size && status == MLM_OK; at += GIVEN_BYTES_MAX) {
		size_t left = slot->size - at;
		size_t size = left < GIVEN_BYTES_MAX ? left : GIVEN_BYTES_MAX;
		if (!is_hashed)
			status = s3_checksum_add(&download->checksum, slot->bytes + at, size, err);
		if (status == MLM_OK)
			status = give(download, slot->bytes + at, size, err);
	}
	return status;
}

static mlm_status give_parts(struct download *download, mlm_error *err)
{
	struct s3_workers *workers = &download->workers;
	mlm_status status = MLM_OK;
	for (uint64_t number = 0; number < download->part_count && status == MLM_OK; number++) {
		struct slot *slot = NULL;
		status = s3_workers_add(workers, download->slot_count - 1, err);
		pthread_mutex_lock(&workers->lock);
		while (status == MLM_OK && !(slot = find_full(download, number)))
			status = s3_workers_wait(workers, err);
		pthread_mutex_unlock(&workers->lock);
		if (status == MLM_OK)
			status = give_slot(download, slot, err);
		if (status != MLM_OK)
			break;
		pthread_mutex_lock(&workers->lock);
		slot->state = SLOT_FREE;
		pthread_cond_broadcast(&workers->changed);
		pthread_mutex_unlock(&workers->lock);
	}
	return status;
}

static mlm_status receive_parts(struct download *download, mlm_error *err)
{
	const struct s3_work work = { take_slot, fill_slot, done_slot, download };
	/* As they were put, where it was us: each has a checksum of its own, which whoever fetched
	 * it computes. */
	uint64_t part_bytes = download->checksum.part_bytes;
	bool is_ours = part_bytes > 0 && part_bytes <= S3_PARTS_BYTES_MAX / 2;
	download->part_bytes = is_ours ? (size_t)part_bytes : S3_PART_BYTES;
	download->part_count = (download->size + download->part_bytes - 1) / download->part_bytes;
	size_t at_a_time = S3_PARTS_BYTES_MAX / download->part_bytes;
	download->slot_count = at_a_time > SLOTS ? SLOTS : (int)at_a_time;
	s3_workers_begin(&download->workers, download->peer, &work);
	/* Each takes one at once. */
	mlm_status status = MLM_OK;
	for (int i = 0; i < download->slot_count - 1 && status == MLM_OK; i++)
		status = s3_workers_add(&download->workers, (int)download->part_count, err);
	if (status == MLM_OK)
		status = give_parts(download, err);
	s3_workers_end(&download->workers, status != MLM_OK, NULL);
	for (int i = 0; i < SLOTS; i++)
		memory_free(download->allocator, download->slots[i].bytes);
	return status;
}

mlm_status s3_download(struct s3_peer *peer, const mlm_allocator *allocator, const char *key,
	const mlm_artifact_writer *into, mlm_error *err)
{
	struct download download = {
		.peer = peer, .allocator = allocator, .into = into, .key = key
	};
	mlm_error why = MLM_ERROR_INIT;
	mlm_status status;
	/* As long as something comes. */
	do {
		status = receive(&download, &why);
	} while ((status == MLM_EAGAIN || status == MLM_ETIMEOUT) && !download.has_failed &&
		 download.given > download.given_before);
	if (download.is_large)
		status = receive_parts(&download, &why);
	if (status == MLM_OK && !s3_checksum_end(&download.checksum))
		status = error_set(&why, MLM_ECORRUPT, "s3",
			"the bytes of '%.200s' do not have the checksum that they were stored with",
			key);
	s3_checksum_drop(&download.checksum);
	if (status != MLM_OK && err)
		*err = why;
	return status;
}
