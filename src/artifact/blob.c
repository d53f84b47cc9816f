/* SPDX-License-Identifier: Apache-2.0 */
/* Artifacts as rows of the tracking store itself: blob:/EXPERIMENT/RUN/artifacts. */
#include <string.h>

#include "artifact/artifact.h"
#include "artifact/listing.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/sha256.h"

/* Waste that a put frees before it adds bytes of its own, in the tracking store's pieces. */
#define PIECES_PER_PUT 64

struct blob_store {
	struct artifact_store base;
	const struct store_ops *tracking_ops;
	const struct store_options *tracking_options;
	const struct store_artifact_ops *ops;
	struct store *tracking; /* NULL before the first call */
	char owner[MLM_ID_SIZE];
};

static struct blob_store *blob_of(struct artifact_store *store)
{
	return (struct blob_store *)store;
}

/* The part before the last, which must be "artifacts": the id of a run, or of a model. */
static bool read_owner(const char *uri, char owner_out[MLM_ID_SIZE])
{
	static const char ending[] = "/artifacts";
	size_t size = strlen(uri);
	if (size < sizeof(ending) || strcmp(uri + size - strlen(ending), ending) != 0)
		return false;
	const char *end = uri + size - strlen(ending);
	const char *start = end;
	while (start > uri && start[-1] != '/')
		start--;
	size_t owner_size = (size_t)(end - start);
	if (start == uri || owner_size == 0 || owner_size >= MLM_ID_SIZE)
		return false;
	memcpy(owner_out, start, owner_size);
	owner_out[owner_size] = '\0';
	return true;
}

static mlm_status open_blob(
	const struct artifact_options *options, struct artifact_store **store_out, mlm_error *err)
{
	*store_out = NULL;
	if (!options->tracking_ops || !options->tracking_ops->artifacts)
		return error_set(err, MLM_EUNSUPPORTED, "artifact",
			"artifacts at '%.200s' lie in the tracking store, and this one keeps none",
			options->uri);
	struct blob_store *store = memory_new(&options->allocator, sizeof(*store));
	if (!store)
		return error_set(err, MLM_ENOMEM, "artifact", "memory ran out");
	store->base.ops = &blob_artifact_ops;
	store->base.allocator = options->allocator;
	store->tracking_ops = options->tracking_ops;
	store->tracking_options = options->tracking;
	store->ops = options->tracking_ops->artifacts;
	if (!read_owner(options->uri, store->owner)) {
		memory_free(&options->allocator, store);
		return error_set(err, MLM_EINVAL, "artifact",
			"the artifact URI '%.200s' is not of the form "
			"blob:/EXPERIMENT/RUN/artifacts",
			options->uri);
	}
	*store_out = &store->base;
	return MLM_OK;
}

static void close_blob(struct artifact_store *base)
{
	struct blob_store *store = blob_of(base);
	if (store->tracking)
		store->tracking_ops->close(store->tracking);
	mlm_allocator allocator = base->allocator;
	memory_free(&allocator, store);
}

static mlm_status need_tracking(struct blob_store *store, mlm_error *err)
{
	if (store->tracking)
		return MLM_OK;
	return store->tracking_ops->open(store->tracking_options, &store->tracking, err);
}

/* What is free already is used before the file grows. */
static mlm_status free_waste(struct blob_store *store, int pieces, mlm_error *err)
{
	bool more = true;
	mlm_status status = MLM_OK;
	for (int i = 0; (pieces == 0 || i < pieces) && more && status == MLM_OK; i++)
		status = store->ops->free_waste(store->tracking, &more, err);
	return status;
}

/* ---- put ---- */

/* One chunk, full unless the reader has come to its end. */
static mlm_status fill(
	const mlm_artifact_reader *from, unsigned char *chunk, size_t *size_out, mlm_error *err)
{
	size_t got = 0;
	*size_out = 0;
	do {
		mlm_status status = from->read(
			from->payload, chunk + *size_out, STORE_CHUNK_BYTES - *size_out, &got, err);
		if (status != MLM_OK)
			return status;
		*size_out += got;
	} while (got > 0 && *size_out < STORE_CHUNK_BYTES);
	return MLM_OK;
}

static mlm_status add_chunks(struct blob_store *store, struct store_content *content,
	const mlm_artifact_reader *from, struct sha256 *hash, mlm_error *err)
{
	unsigned char *chunk = memory_new(&store->base.allocator, STORE_CHUNK_BYTES);
	if (!chunk)
		return error_set(err, MLM_ENOMEM, "artifact", "memory ran out");
	mlm_status status = MLM_OK;
	size_t size = STORE_CHUNK_BYTES;
	for (int64_t i = 0; status == MLM_OK && size == STORE_CHUNK_BYTES; i++) {
		status = fill(from, chunk, &size, err);
		if (status != MLM_OK || size == 0)
			break;
		sha256_add(hash, chunk, size);
		content->size_bytes += (int64_t)size;
		status = store->ops->add_chunk(store->tracking, content->id, i, chunk, size, err);
	}
	memory_free(&store->base.allocator, chunk);
	return status;
}

static mlm_status put(struct artifact_store *base, const char *path,
	const mlm_artifact_reader *from, mlm_error *err)
{
	struct blob_store *store = blob_of(base);
	struct store_content content = { 0 };
	struct sha256 *hash = NULL;
	mlm_status status = need_tracking(store, err);
	if (status == MLM_OK)
		status = free_waste(store, PIECES_PER_PUT, err);
	if (status == MLM_OK)
		status = sha256_begin(&hash, err);
	if (status == MLM_OK)
		status = store->ops->begin_content(
			store->tracking, from->size_bytes, &content.id, err);
	if (status != MLM_OK) {
		sha256_drop(hash);
		return status;
	}
	status = add_chunks(store, &content, from, hash, err);
	sha256_end(hash, content.sha256);
	if (status == MLM_OK)
		status = store->ops->name_content(
			store->tracking, store->owner, path, &content, err);
	mlm_error ignored;
	/* Waste that is not freed now is freed by the next put or the doctor; who was stopped wants
	 * to go. */
	if (status == MLM_OK)
		free_waste(store, PIECES_PER_PUT, &ignored);
	else
		store->ops->drop_content(store->tracking, content.id, &ignored);
	return status;
}

/* ---- get ---- */

static mlm_status give_chunks(struct blob_store *store, const struct store_content *content,
	const char *path, const mlm_artifact_writer *into, struct sha256 *hash, mlm_error *err)
{
	unsigned char *chunk = memory_new(&store->base.allocator, STORE_CHUNK_BYTES);
	if (!chunk)
		return error_set(err, MLM_ENOMEM, "artifact", "memory ran out");
	mlm_status status = MLM_OK;
	int64_t done = 0;
	for (int64_t i = 0; done < content->size_bytes && status == MLM_OK; i++) {
		size_t size;
		status = store->ops->read_chunk(store->tracking, content->id, i, chunk, &size, err);
		if (status == MLM_ECORRUPT)
			error_set(err, MLM_ECORRUPT, "artifact",
				"bytes of the artifact '%.200s' of run %s are missing from the "
				"store",
				path, store->owner);
		if (status != MLM_OK)
			break;
		done += (int64_t)size;
		sha256_add(hash, chunk, size);
		status = into->write(into->payload, chunk, size, err);
	}
	memory_free(&store->base.allocator, chunk);
	return status;
}

static mlm_status get(struct artifact_store *base, const char *path,
	const mlm_artifact_writer *into, mlm_error *err)
{
	struct blob_store *store = blob_of(base);
	struct store_content content;
	struct sha256 *hash = NULL;
	char sha256[SHA256_HEX_SIZE];
	mlm_artifact entry;
	mlm_status status = need_tracking(store, err);
	if (status == MLM_OK)
		status = sha256_begin(&hash, err);
	if (status == MLM_OK)
		status = store->ops->begin_reading(
			store->tracking, store->owner, path, &content, err);
	if (status == MLM_ENOTFOUND && base->ops->stat(base, path, &entry, NULL) == MLM_OK)
		error_set(err, MLM_ENOTFOUND, "artifact",
			"the artifact '%.200s' of run %s is a directory", path, store->owner);
	if (status != MLM_OK) {
		sha256_drop(hash);
		return status;
	}
	status = give_chunks(store, &content, path, into, hash, err);
	store->ops->end_reading(store->tracking);
	sha256_end(hash, sha256);
	if (status == MLM_OK && strcmp(sha256, content.sha256) != 0)
		return error_set(err, MLM_ECORRUPT, "artifact",
			"the bytes of the artifact '%.200s' of run %s do not have the checksum "
			"that they were stored with",
			path, store->owner);
	return status;
}

/* ---- list, stat, remove ---- */

struct list_below {
	struct listing *listing;
	const char *directory;
};

static mlm_status add_name(void *payload, const char *name, int64_t size_bytes, mlm_error *err)
{
	const struct list_below *below = payload;
	return listing_add_below(below->listing, below->directory, name, size_bytes, err);
}

static mlm_status collect(
	struct blob_store *store, const char *directory, struct listing *listing, mlm_error *err)
{
	struct list_below below = { listing, directory };
	mlm_status status = listing_begin(listing, &store->base.allocator, err);
	if (status == MLM_OK)
		status = need_tracking(store, err);
	if (status == MLM_OK)
		status = store->ops->list_contents(
			store->tracking, store->owner, directory, add_name, &below, err);
	listing_sort(listing);
	return status;
}

static mlm_status list(struct artifact_store *base, const char *directory, artifact_visit_fn visit,
	void *payload, mlm_error *err)
{
	struct listing listing;
	mlm_status status = collect(blob_of(base), directory, &listing, err);
	for (size_t i = 0; i < listing.count && status == MLM_OK; i++)
		status = visit(payload, &listing.entries[i], err);
	listing_end(&listing);
	return status;
}

static mlm_status stat_blob(
	struct artifact_store *base, const char *path, mlm_artifact *entry_out, mlm_error *err)
{
	struct blob_store *store = blob_of(base);
	struct store_content content;
	struct listing listing;
	mlm_status status = need_tracking(store, err);
	if (status != MLM_OK)
		return status;
	status = store->ops->begin_reading(store->tracking, store->owner, path, &content, err);
	if (status == MLM_OK) {
		store->ops->end_reading(store->tracking);
		entry_out->size_bytes = content.size_bytes;
	}
	if (status != MLM_ENOTFOUND)
		return status;
	mlm_status listed = collect(store, path, &listing, err);
	entry_out->is_directory = listing.count > 0;
	listing_end(&listing);
	return listed == MLM_OK && !entry_out->is_directory ? status : listed;
}

static mlm_status remove_blob(struct artifact_store *base, const char *path, mlm_error *err)
{
	struct blob_store *store = blob_of(base);
	size_t count = 0;
	mlm_error ignored;
	mlm_status status = need_tracking(store, err);
	if (status == MLM_OK)
		status = store->ops->remove_contents(
			store->tracking, store->owner, path, &count, err);
	if (status == MLM_OK && count == 0 && path[0])
		return error_set(err, MLM_ENOTFOUND, "artifact",
			"there is no artifact '%.200s' of run %s", path, store->owner);
	/* They are gone; bytes that cannot be freed now are freed by the next put. */
	if (status == MLM_OK)
		free_waste(store, 0, &ignored);
	return status;
}

const struct artifact_ops blob_artifact_ops = {
	.scheme = "blob",
	.open = open_blob,
	.close = close_blob,
	.put = put,
	.get = get,
	.list = list,
	.remove = remove_blob,
	.stat = stat_blob,
};
