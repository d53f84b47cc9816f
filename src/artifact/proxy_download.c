/* SPDX-License-Identifier: Apache-2.0 */
#include "artifact/proxy_download.h"

#include <string.h>

#include "base/error.h"
#include "base/sha256.h"

struct download {
	const mlm_artifact_writer *into;
	const char *path;
	uint64_t given; /* bytes that the writer has */
	uint64_t seen; /* bytes of this try */
	struct sha256 *hash; /* of the bytes seen */
	/* Of the first repeated bytes, which the try before has seen. */
	char repeated_sha256[SHA256_HEX_SIZE];
	uint64_t repeated;
	struct sha256 *repeated_hash;
	bool is_changed; /* they were others */
};

static void drop_hashes(struct download *download)
{
	sha256_drop(download->hash);
	sha256_drop(download->repeated_hash);
	download->hash = NULL;
	download->repeated_hash = NULL;
}

static mlm_status changed(const struct download *download, mlm_error *err)
{
	return error_set(err, MLM_EAGAIN, "artifact",
		"the artifact '%.200s' has changed while it was read; read it again",
		download->path);
}

/* Bytes that the writer has already. */
static mlm_status pass_over(
	struct download *download, const void *bytes, size_t size, mlm_error *err)
{
	char sha256[SHA256_HEX_SIZE];
	sha256_add(download->repeated_hash, bytes, size);
	download->seen += size;
	if (download->seen < download->repeated)
		return MLM_OK;
	sha256_end(download->repeated_hash, sha256);
	download->repeated_hash = NULL;
	download->is_changed = strcmp(sha256, download->repeated_sha256) != 0;
	return download->is_changed ? changed(download, err) : MLM_OK;
}

static mlm_status take(void *payload, const void *bytes, size_t size, mlm_error *err)
{
	struct download *download = payload;
	const char *from = bytes;
	sha256_add(download->hash, bytes, size);
	if (download->seen < download->repeated) {
		uint64_t left = download->repeated - download->seen;
		size_t skipped = size < left ? size : (size_t)left;
		mlm_status status = pass_over(download, from, skipped, err);
		if (status != MLM_OK)
			return status;
		from += skipped;
		size -= skipped;
	}
	if (size == 0)
		return MLM_OK;
	download->seen += size;
	download->given += size;
	return download->into->write(download->into->payload, from, size, err);
}

static mlm_status begin_again(void *payload, mlm_error *err)
{
	struct download *download = payload;
	if (download->is_changed)
		return changed(download, err);
	if (download->seen >= download->repeated && download->hash) {
		download->repeated = download->seen;
		sha256_end(download->hash, download->repeated_sha256);
		download->hash = NULL;
	}
	drop_hashes(download);
	download->seen = 0;
	mlm_status status = sha256_begin(&download->hash, err);
	return status == MLM_OK ? sha256_begin(&download->repeated_hash, err) : status;
}

mlm_status proxy_download(struct mlflow_peer *peer, const char *url, const char *path,
	const mlm_artifact_writer *into, mlm_error *err)
{
	struct download download = { .into = into, .path = path };
	struct http_answer answer;
	const struct http_sink sink = { take, begin_again, &download };
	const struct http_request request = {
		.method = "GET",
		.url = url,
		.sink = &sink,
		.follows_redirects = true,
	};
	mlm_status status = sha256_begin(&download.hash, err);
	if (status == MLM_OK)
		status = mlflow_peer_send(peer, &request, &answer, err);
	drop_hashes(&download);
	/* The same artifact, and less of it than before. */
	if (status == MLM_OK && download.seen < download.repeated)
		return changed(&download, err);
	return status;
}
