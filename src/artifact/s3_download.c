/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "artifact/s3_transfer.h"
#include "base/error.h"
#include "base/sha256.h"

#define ETAG_BYTES_MAX 128

struct download {
	struct s3_peer *peer;
	const mlm_artifact_writer *into;
	const char *key;
	uint64_t given; /* bytes that the writer has */
	uint64_t given_before; /* this try */
	bool has_begun; /* the answer's headers are read */
	char etag[ETAG_BYTES_MAX]; /* of the state that is read */
	char checksum[SHA256_BASE64_SIZE + 8]; /* "" for none; "-N" after it: of N parts */
	uint64_t part_bytes; /* 0: one checksum of all */
	uint64_t part_left;
	struct sha256 *hash; /* of the part, or of all */
	struct sha256 *whole; /* of the parts' checksums */
	bool has_failed; /* the writer */
};

static const char *header(const struct download *download, const char *name)
{
	const char *value = s3_peer_header(download->peer, name);
	return value ? value : "";
}

/* What can be checked: a checksum of all, or of parts whose size is known. */
static mlm_status begin_check(struct download *download, mlm_error *err)
{
	const char *checksum = header(download, "x-amz-checksum-sha256");
	bool is_of_parts = strchr(checksum, '-') != NULL;
	if (!checksum[0] || strlen(checksum) >= sizeof(download->checksum))
		return MLM_OK;
	if (is_of_parts) {
		download->part_bytes = strtoull(header(download, S3_PART_BYTES_HEADER), NULL, 10);
		download->part_left = download->part_bytes;
		if (download->part_bytes == 0)
			return MLM_OK;
	}
	snprintf(download->checksum, sizeof(download->checksum), "%s", checksum);
	mlm_status status = sha256_begin(&download->hash, err);
	if (status == MLM_OK && is_of_parts)
		status = sha256_begin(&download->whole, err);
	return status;
}

static mlm_status begin(struct download *download, mlm_error *err)
{
	const char *range = header(download, "Content-Range");
	char wanted[40];
	download->has_begun = true;
	if (download->given == 0) {
		snprintf(download->etag, sizeof(download->etag), "%s", header(download, "ETag"));
		return begin_check(download, err);
	}
	snprintf(wanted, sizeof(wanted), "bytes %llu-", (unsigned long long)download->given);
	if (strncmp(range, wanted, strlen(wanted)) == 0)
		return MLM_OK;
	return error_set(err, MLM_EPEER, "s3",
		"the connection was cut after %llu bytes of '%.200s', and the service does not "
		"give "
		"the rest alone",
		(unsigned long long)download->given, download->key);
}

static mlm_status end_part(struct download *download, mlm_error *err)
{
	unsigned char digest[SHA256_DIGEST_SIZE];
	sha256_end_digest(download->hash, digest);
	sha256_add(download->whole, digest, sizeof(digest));
	download->hash = NULL;
	download->part_left = download->part_bytes;
	return sha256_begin(&download->hash, err);
}

static mlm_status add(struct download *download, const char *bytes, size_t size, mlm_error *err)
{
	mlm_status status = MLM_OK;
	if (download->part_bytes == 0) {
		sha256_add(download->hash, bytes, size);
		return MLM_OK;
	}
	while (size > 0 && status == MLM_OK) {
		size_t count = size < download->part_left ? size : (size_t)download->part_left;
		sha256_add(download->hash, bytes, count);
		bytes += count;
		size -= count;
		download->part_left -= count;
		if (download->part_left == 0)
			status = end_part(download, err);
	}
	return status;
}

static mlm_status take(void *payload, const void *bytes, size_t size, mlm_error *err)
{
	struct download *download = payload;
	mlm_status status = download->has_begun ? MLM_OK : begin(download, err);
	if (status == MLM_OK && download->checksum[0])
		status = add(download, bytes, size, err);
	if (status != MLM_OK)
		return status;
	download->given += size;
	status = download->into->write(download->into->payload, bytes, size, err);
	download->has_failed = status != MLM_OK;
	return status;
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

static mlm_status send(struct download *download, mlm_error *err)
{
	char range[40];
	struct http_answer answer;
	const struct http_sink sink = { take, begin_again, download };
	const struct http_header headers[] = {
		{ "x-amz-checksum-mode", "ENABLED" },
		{ "Range", range },
		{ "If-Match", download->etag },
	};
	const struct s3_request request = {
		.method = "GET",
		.key = download->key,
		.headers = headers,
		.header_count = download->given == 0 ? 1
				: download->etag[0]  ? 3
						     : 2,
		.sink = &sink,
	};
	snprintf(range, sizeof(range), "bytes=%llu-", (unsigned long long)download->given);
	download->given_before = download->given;
	download->has_begun = false;
	mlm_status status = s3_peer_send(download->peer, &request, &answer, err);
	if (status == MLM_OK && !download->has_begun)
		status = begin(download, err);
	if (answer.status == 412)
		return error_set(err, MLM_EAGAIN, "s3",
			"'%.200s' was replaced while it was read; read it again", download->key);
	return status;
}

static mlm_status check(struct download *download, mlm_error *err)
{
	unsigned char digest[SHA256_DIGEST_SIZE];
	char checksum[SHA256_BASE64_SIZE];
	if (!download->checksum[0])
		return MLM_OK;
	sha256_end_digest(download->hash, digest);
	download->hash = NULL;
	if (download->whole) {
		if (download->part_left < download->part_bytes)
			sha256_add(download->whole, digest, sizeof(digest));
		sha256_end_digest(download->whole, digest);
		download->whole = NULL;
	}
	sha256_base64(digest, checksum);
	if (strncmp(checksum, download->checksum, strlen(checksum)) == 0)
		return MLM_OK;
	return error_set(err, MLM_ECORRUPT, "s3",
		"the bytes of '%.200s' do not have the checksum that they were stored with",
		download->key);
}

mlm_status s3_download(
	struct s3_peer *peer, const char *key, const mlm_artifact_writer *into, mlm_error *err)
{
	struct download download = { .peer = peer, .into = into, .key = key };
	mlm_status status;
	/* As long as something comes. */
	do {
		status = send(&download, err);
	} while ((status == MLM_EAGAIN || status == MLM_ETIMEOUT) && !download.has_failed &&
		 download.given > download.given_before);
	if (status == MLM_OK)
		status = check(&download, err);
	sha256_drop(download.hash);
	sha256_drop(download.whole);
	return status;
}
