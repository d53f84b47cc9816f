/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "artifact/s3_checksum.h"
#include "artifact/s3_transfer.h"
#include "base/error.h"

#define ETAG_BYTES_MAX 128

struct download {
	struct s3_peer *peer;
	const mlm_artifact_writer *into;
	const char *key;
	uint64_t given; /* bytes that the writer has */
	uint64_t given_before; /* this try */
	bool has_begun; /* the answer's headers are read */
	char etag[ETAG_BYTES_MAX]; /* of the state that is read */
	struct s3_checksum checksum;
	bool has_failed; /* the writer */
};

static const char *header(const struct download *download, const char *name)
{
	const char *value = s3_peer_header(download->peer, name);
	return value ? value : "";
}

static mlm_status begin(struct download *download, mlm_error *err)
{
	const char *range = header(download, "Content-Range");
	char wanted[40];
	download->has_begun = true;
	if (download->given == 0) {
		snprintf(download->etag, sizeof(download->etag), "%s", header(download, "ETag"));
		return s3_checksum_begin(&download->checksum,
			header(download, "x-amz-checksum-sha256"),
			header(download, S3_PART_BYTES_HEADER),
			header(download, "x-amz-checksum-crc32"), err);
	}
	snprintf(wanted, sizeof(wanted), "bytes %llu-", (unsigned long long)download->given);
	if (strncmp(range, wanted, strlen(wanted)) == 0)
		return MLM_OK;
	return error_set(err, MLM_EPEER, "s3",
		"the connection was cut after %llu bytes of '%.200s', and the service does not "
		"give the rest alone",
		(unsigned long long)download->given, download->key);
}

static mlm_status take(void *payload, const void *bytes, size_t size, mlm_error *err)
{
	struct download *download = payload;
	mlm_status status = download->has_begun ? MLM_OK : begin(download, err);
	if (status == MLM_OK)
		status = s3_checksum_add(&download->checksum, bytes, size, err);
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
	if (status == MLM_OK && !s3_checksum_end(&download.checksum))
		status = error_set(err, MLM_ECORRUPT, "s3",
			"the bytes of '%.200s' do not have the checksum that they were stored with",
			key);
	s3_checksum_drop(&download.checksum);
	return status;
}
