/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "artifact/s3_answer.h"
#include "artifact/s3_extra.h"
#include "artifact/s3_transfer.h"
#include "artifact/s3_workers.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/patience.h"
#include "base/sha256.h"
#include "transport/web_address.h"

#define ETAG_BYTES_MAX  128
#define CHECKSUM_HEADER "x-amz-checksum-sha256"
/* By which a program knows its own upload again, when the answer to its end was lost. */
#define UPLOAD_HEADER     "x-amz-meta-mlmanager-upload"
#define UPLOAD_NAME_BYTES 40
#define MEBIBYTE          (UINT64_C(1) << 20)

/* What S3 said of a part. */
struct part {
	char etag[ETAG_BYTES_MAX];
	unsigned char digest[SHA256_DIGEST_SIZE];
};

enum slot_state { SLOT_FREE, SLOT_FULL, SLOT_SENDING };

struct slot {
	enum slot_state state;
	char *bytes;
	size_t size;
	uint32_t number; /* of the part, from 1 */
};

#define SLOTS (S3_WORKERS_MAX + 1)

struct upload {
	struct s3_peer *peer;
	const mlm_allocator *allocator;
	const char *key;
	const mlm_artifact_reader *from;
	struct s3_extra extra;
	size_t part_bytes;
	char name[UPLOAD_NAME_BYTES];
	char *id; /* S3's, percent-encoded */

	struct s3_workers workers;
	/* Of all below, with the workers' lock. */
	struct slot slots[SLOTS];
	int slot_count;
	struct part *parts;
	uint32_t part_count;
	uint32_t part_capacity;
};

static mlm_status no_memory(mlm_error *err)
{
	return error_set(err, MLM_ENOMEM, "s3", "memory ran out");
}

/* ---- one request with bytes ---- */

static mlm_status damaged(const char *key, mlm_error *err)
{
	return error_set(err, MLM_ECORRUPT, "s3",
		"S3 has other bytes of '%.200s' than were sent to it", key);
}

/* PUTs bytes, an object or a part, with their checksum in two forms: one is signed, so that nobody
 * changes them on the way, the other is kept. */
static mlm_status put_bytes(struct s3_peer *peer, const char *key, const char *query,
	const struct s3_extra *extra, const void *bytes, size_t size, struct part *part,
	mlm_error *err)
{
	char hex[SHA256_HEX_SIZE];
	char base64[SHA256_BASE64_SIZE];
	struct http_answer answer;
	struct http_header headers[S3_EXTRA_MAX + 3];
	size_t count = 0;
	mlm_status status = sha256_of(bytes, size, part->digest, err);
	if (status != MLM_OK)
		return status;
	sha256_hex(part->digest, hex);
	sha256_base64(part->digest, base64);
	headers[count++] = (struct http_header){ "Content-Type", "application/octet-stream" };
	headers[count++] = (struct http_header){ "x-amz-sdk-checksum-algorithm", "SHA256" };
	headers[count++] = (struct http_header){ CHECKSUM_HEADER, base64 };
	for (size_t i = 0; extra && i < extra->count; i++)
		headers[count++] = extra->headers[i];
	const struct s3_request request = {
		.method = "PUT",
		.key = key,
		.query = query,
		.headers = headers,
		.header_count = count,
		.body = bytes,
		.body_size = size,
		.body_sha256 = hex,
	};
	status = s3_peer_send(peer, &request, &answer, err);
	if (status != MLM_OK)
		return status;
	const char *stored = s3_peer_header(peer, CHECKSUM_HEADER);
	const char *etag = s3_peer_header(peer, "ETag");
	if (stored && strcmp(stored, base64) != 0)
		return damaged(key, err);
	if (!etag || strlen(etag) >= sizeof(part->etag))
		return error_set(err, MLM_EPEER, "s3", "the service gives '%.200s' no ETag", key);
	snprintf(part->etag, sizeof(part->etag), "%s", etag);
	return MLM_OK;
}

/* ---- the workers' part ---- */

static struct slot *find_slot(struct upload *upload, enum slot_state state)
{
	struct slot *found = NULL;
	for (int i = 0; i < upload->slot_count; i++) {
		struct slot *slot = &upload->slots[i];
		if (slot->state == state && (!found || slot->number < found->number))
			found = slot;
	}
	return found;
}

static void *take_slot(void *payload)
{
	struct slot *slot = find_slot(payload, SLOT_FULL);
	if (slot)
		slot->state = SLOT_SENDING;
	return slot;
}

static mlm_status send_slot(void *payload, void *part, struct s3_peer *peer, mlm_error *err)
{
	struct upload *upload = payload;
	const struct slot *slot = part;
	struct part sent;
	char *query = memory_format(
		upload->allocator, "partNumber=%u&uploadId=%s", slot->number, upload->id);
	mlm_status status = query ? put_bytes(peer, upload->key, query, NULL, slot->bytes,
					    slot->size, &sent, err)
				  : no_memory(err);
	memory_free(upload->allocator, query);
	pthread_mutex_lock(&upload->workers.lock);
	if (status == MLM_OK)
		upload->parts[slot->number - 1] = sent;
	pthread_mutex_unlock(&upload->workers.lock);
	return status;
}

static void done_slot(void *payload, void *part)
{
	(void)payload;
	((struct slot *)part)->state = SLOT_FREE;
}

/* ---- the parts ---- */

static size_t part_bytes_of(int64_t size_bytes)
{
	if (size_bytes < 0)
		return S3_PART_BYTES_OF_PIPE;
	uint64_t least = ((uint64_t)size_bytes + S3_PARTS_MAX - 1) / S3_PARTS_MAX;
	uint64_t rounded = (least + MEBIBYTE - 1) / MEBIBYTE * MEBIBYTE;
	return rounded > S3_PART_BYTES ? (size_t)rounded : S3_PART_BYTES;
}

static mlm_status fill(
	const mlm_artifact_reader *from, char *bytes, size_t size, size_t *got_out, mlm_error *err)
{
	size_t got = 0;
	*got_out = 0;
	do {
		mlm_status status =
			from->read(from->payload, bytes + *got_out, size - *got_out, &got, err);
		if (status != MLM_OK)
			return status;
		*got_out += got;
	} while (got > 0 && *got_out < size);
	return MLM_OK;
}

/* A slot that nobody sends, with room for a part. */
static mlm_status wait_for_slot(struct upload *upload, struct slot **slot_out, mlm_error *err)
{
	mlm_status status = MLM_OK;
	pthread_mutex_lock(&upload->workers.lock);
	while (status == MLM_OK && !(*slot_out = find_slot(upload, SLOT_FREE)))
		status = s3_workers_wait(&upload->workers, err);
	pthread_mutex_unlock(&upload->workers.lock);
	if (status == MLM_OK && !(*slot_out)->bytes) {
		(*slot_out)->bytes = memory_new(upload->allocator, upload->part_bytes);
		status = (*slot_out)->bytes ? MLM_OK : no_memory(err);
	}
	return status;
}

static mlm_status hand_over(struct upload *upload, struct slot *slot, size_t size, mlm_error *err)
{
	mlm_status status = MLM_OK;
	if (upload->part_count == S3_PARTS_MAX)
		return error_set(err, MLM_EFULL, "s3",
			"'%.200s' has more than %u parts of %zu bytes, which is all that S3 takes "
			"of "
			"a stream without a size",
			upload->key, S3_PARTS_MAX, upload->part_bytes);
	pthread_mutex_lock(&upload->workers.lock);
	if (upload->part_count == upload->part_capacity) {
		uint32_t capacity = upload->part_capacity ? 2 * upload->part_capacity : 64;
		struct part *parts =
			memory_resize(upload->allocator, upload->parts, capacity, sizeof(*parts));
		if (parts) {
			upload->parts = parts;
			upload->part_capacity = capacity;
		} else {
			status = no_memory(err);
		}
	}
	if (status == MLM_OK) {
		slot->size = size;
		slot->number = ++upload->part_count;
		slot->state = SLOT_FULL;
		pthread_cond_broadcast(&upload->workers.changed);
	}
	pthread_mutex_unlock(&upload->workers.lock);
	return status == MLM_OK ? s3_workers_add(&upload->workers, upload->slot_count - 1, err)
				: status;
}

/* The first slot is full already. */
static mlm_status send_parts(struct upload *upload, size_t first_size, mlm_error *err)
{
	const struct s3_work work = { take_slot, send_slot, done_slot, upload };
	struct slot *slot = &upload->slots[0];
	size_t size = first_size;
	s3_workers_begin(&upload->workers, upload->peer, &work);
	mlm_status status = hand_over(upload, slot, size, err);
	while (status == MLM_OK && size == upload->part_bytes) {
		status = wait_for_slot(upload, &slot, err);
		if (status == MLM_OK)
			status = fill(upload->from, slot->bytes, upload->part_bytes, &size, err);
		if (status == MLM_OK && size > 0)
			status = hand_over(upload, slot, size, err);
	}
	if (status == MLM_OK)
		return s3_workers_end(&upload->workers, false, err);
	s3_workers_end(&upload->workers, true, NULL);
	return status;
}

/* ---- from the beginning to the end ---- */

static mlm_status create(struct upload *upload, mlm_error *err)
{
	char part_bytes[24];
	char *id;
	struct http_answer answer;
	struct http_header headers[S3_EXTRA_MAX + 4];
	size_t count = 0;
	snprintf(part_bytes, sizeof(part_bytes), "%zu", upload->part_bytes);
	snprintf(upload->name, sizeof(upload->name), "%llx-%lx",
		(unsigned long long)clock_monotonic_ns(), (long)getpid());
	headers[count++] = (struct http_header){ "Content-Type", "application/octet-stream" };
	headers[count++] = (struct http_header){ "x-amz-checksum-algorithm", "SHA256" };
	headers[count++] = (struct http_header){ S3_PART_BYTES_HEADER, part_bytes };
	headers[count++] = (struct http_header){ UPLOAD_HEADER, upload->name };
	for (size_t i = 0; i < upload->extra.count; i++)
		headers[count++] = upload->extra.headers[i];
	const struct s3_request request = {
		.method = "POST",
		.key = upload->key,
		.query = "uploads=",
		.headers = headers,
		.header_count = count,
	};
	mlm_status status = s3_peer_send(upload->peer, &request, &answer, err);
	if (status == MLM_OK)
		status = s3_answer_text(
			upload->allocator, answer.body, answer.body_size, "UploadId", &id, err);
	if (status != MLM_OK)
		return status;
	if (!id || !id[0])
		status = error_set(err, MLM_EPEER, "s3",
			"the service does not answer as S3 does: an upload has no id");
	else if (!(upload->id = web_address_encode(upload->allocator, id, "")))
		status = no_memory(err);
	memory_free(upload->allocator, id);
	return status;
}

static char *query_of_id(const struct upload *upload)
{
	return memory_format(upload->allocator, "uploadId=%s", upload->id);
}

/* What cannot be removed stays unseen; the first failure is what the caller hears of. */
static void abandon(struct upload *upload)
{
	struct http_answer answer;
	struct patience patience;
	char *query = query_of_id(upload);
	const struct s3_request request = {
		.method = "DELETE", .key = upload->key, .query = query
	};
	patience_begin_brief(&patience);
	if (query)
		s3_peer_send(upload->peer, &request, &answer, NULL);
	patience_end(&patience);
	memory_free(upload->allocator, query);
}

/* The list of parts in XML, with the checksum of their checksums. */
static mlm_status list_parts(
	const struct upload *upload, char **text_out, char *checksum, mlm_error *err)
{
	static const char format[] = "<Part><PartNumber>%u</PartNumber><ETag>%s</ETag>"
				     "<ChecksumSHA256>%s</ChecksumSHA256></Part>";
	size_t room = sizeof(format) + ETAG_BYTES_MAX + SHA256_BASE64_SIZE + 12;
	size_t size = upload->part_count * room + 128;
	char base64[SHA256_BASE64_SIZE];
	unsigned char digest[SHA256_DIGEST_SIZE];
	struct sha256 *hash;
	char *text = memory_new(upload->allocator, size);
	*text_out = text;
	mlm_status status = text ? sha256_begin(&hash, err) : no_memory(err);
	if (status != MLM_OK)
		return status;
	size_t at = (size_t)snprintf(text, size,
		"<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">");
	for (uint32_t i = 0; i < upload->part_count; i++) {
		sha256_add(hash, upload->parts[i].digest, SHA256_DIGEST_SIZE);
		sha256_base64(upload->parts[i].digest, base64);
		at += (size_t)snprintf(
			text + at, size - at, format, i + 1, upload->parts[i].etag, base64);
	}
	snprintf(text + at, size - at, "</CompleteMultipartUpload>");
	sha256_end_digest(hash, digest);
	sha256_base64(digest, checksum);
	return MLM_OK;
}

/* Whether the object is that of this upload, whose end was answered to nobody. */
static bool is_there(struct upload *upload)
{
	struct http_answer answer;
	const struct s3_request request = { .method = "HEAD", .key = upload->key };
	if (s3_peer_send(upload->peer, &request, &answer, NULL) != MLM_OK)
		return false;
	const char *name = s3_peer_header(upload->peer, UPLOAD_HEADER);
	return name && strcmp(name, upload->name) == 0;
}

static mlm_status complete(struct upload *upload, mlm_error *err)
{
	static const struct http_header type = { "Content-Type", "application/xml" };
	char checksum[SHA256_BASE64_SIZE];
	char hex[SHA256_HEX_SIZE];
	unsigned char digest[SHA256_DIGEST_SIZE];
	char *text = NULL, *stored = NULL;
	struct http_answer answer = { .tries = 0 };
	char *query = query_of_id(upload);
	mlm_error why = MLM_ERROR_INIT;
	mlm_status status = query ? list_parts(upload, &text, checksum, err) : no_memory(err);
	if (status == MLM_OK)
		status = sha256_of(text, strlen(text), digest, err);
	if (status == MLM_OK) {
		sha256_hex(digest, hex);
		const struct s3_request request = {
			.method = "POST",
			.key = upload->key,
			.query = query,
			.headers = &type,
			.header_count = 1,
			.body = text,
			.body_size = strlen(text),
			.body_sha256 = hex,
		};
		status = s3_peer_send(upload->peer, &request, &answer, &why);
		if (status == MLM_OK)
			status = s3_answer_text(upload->allocator, answer.body, answer.body_size,
				"ChecksumSHA256", &stored, &why);
		else if (status == MLM_ENOTFOUND && answer.tries > 1 && is_there(upload))
			status = MLM_OK;
		if (status == MLM_OK && stored && strncmp(stored, checksum, strlen(checksum)) != 0)
			status = damaged(upload->key, &why);
		if (status != MLM_OK && err)
			*err = why;
	}
	memory_free(upload->allocator, stored);
	memory_free(upload->allocator, text);
	memory_free(upload->allocator, query);
	return status;
}

static mlm_status upload_parts(struct upload *upload, size_t first_size, mlm_error *err)
{
	size_t at_a_time = S3_PARTS_BYTES_MAX / upload->part_bytes;
	upload->slot_count = at_a_time > SLOTS ? SLOTS : at_a_time < 2 ? 2 : (int)at_a_time;
	mlm_status status = create(upload, err);
	if (status != MLM_OK)
		return status;
	status = send_parts(upload, first_size, err);
	if (status == MLM_OK)
		status = complete(upload, err);
	if (status != MLM_OK)
		abandon(upload);
	return status;
}

mlm_status s3_upload(struct s3_peer *peer, const mlm_allocator *allocator, const char *key,
	const mlm_artifact_reader *from, mlm_error *err)
{
	struct upload upload = {
		.peer = peer,
		.allocator = allocator,
		.key = key,
		.from = from,
		.part_bytes = part_bytes_of(from->size_bytes),
	};
	size_t size = 0;
	struct part whole;
	/* One byte more than there are shows that they are all. */
	size_t room = upload.part_bytes;
	if (from->size_bytes >= 0 && (uint64_t)from->size_bytes < room)
		room = (size_t)from->size_bytes + 1;
	mlm_status status = s3_extra_read(&upload.extra, err);
	if (status != MLM_OK)
		return status;
	upload.slots[0].bytes = memory_new(allocator, room);
	status = upload.slots[0].bytes ? fill(from, upload.slots[0].bytes, room, &size, err)
				       : no_memory(err);
	if (status == MLM_OK && size == room && room < upload.part_bytes) {
		/* It has grown meanwhile. */
		char *bytes = memory_resize(allocator, upload.slots[0].bytes, upload.part_bytes, 1);
		size_t more = 0;
		if (bytes)
			upload.slots[0].bytes = bytes;
		status = bytes ? fill(from, bytes + size, upload.part_bytes - size, &more, err)
			       : no_memory(err);
		size += more;
	}
	if (status == MLM_OK && size < upload.part_bytes)
		status = put_bytes(
			peer, key, NULL, &upload.extra, upload.slots[0].bytes, size, &whole, err);
	else if (status == MLM_OK)
		status = upload_parts(&upload, size, err);
	for (int i = 0; i < SLOTS; i++)
		memory_free(allocator, upload.slots[i].bytes);
	memory_free(allocator, upload.parts);
	memory_free(allocator, upload.id);
	s3_extra_clear(&upload.extra);
	return status;
}
