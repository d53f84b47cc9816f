/* SPDX-License-Identifier: Apache-2.0 */
/* Artifacts as objects of S3, or of a service like it: s3://BUCKET/PATH. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "artifact/artifact.h"
#include "artifact/artifact_path.h"
#include "artifact/listing.h"
#include "artifact/s3_answer.h"
#include "artifact/s3_transfer.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/sha256.h"
#include "transport/web_address.h"

#define SCHEME        "s3://"
#define KEYS_PER_PAGE 1000 /* as many as one request lists, or deletes */
#define KEY_BYTES_MAX 1024

struct s3_store {
	struct artifact_store base;
	struct s3_peer *peer;
	char *bucket;
	char *root; /* what keys begin with, up to the slash; "" for all of the bucket */
	/* Where a put found no file in its way. */
	char *known_directory;
	bool deletes_one_by_one; /* the service does not know how to delete several */
};

static struct s3_store *s3_of(struct artifact_store *store)
{
	return (struct s3_store *)store;
}

static mlm_status no_memory(mlm_error *err)
{
	return error_set(err, MLM_ENOMEM, "artifact", "memory ran out");
}

static void close_s3(struct artifact_store *base)
{
	struct s3_store *store = s3_of(base);
	mlm_allocator allocator = base->allocator;
	s3_peer_close(store->peer);
	memory_free(&allocator, store->bucket);
	memory_free(&allocator, store->root);
	memory_free(&allocator, store->known_directory);
	memory_free(&allocator, store);
}

static mlm_status open_s3(
	const struct artifact_options *options, struct artifact_store **store_out, mlm_error *err)
{
	*store_out = NULL;
	if (strncmp(options->uri, SCHEME, strlen(SCHEME)) != 0)
		return error_set(err, MLM_EINVAL, "artifact",
			"the artifact URI '%.200s' is not of the form s3://BUCKET/PATH",
			options->uri);
	struct s3_store *store = memory_new(&options->allocator, sizeof(*store));
	if (!store)
		return no_memory(err);
	store->base.ops = &s3_artifact_ops;
	store->base.allocator = options->allocator;
	const char *bucket = options->uri + strlen(SCHEME);
	int bucket_size = (int)strcspn(bucket, "/");
	const char *root = bucket + bucket_size;
	root += strspn(root, "/");
	int root_size = (int)strcspn(root, "?#"); /* MLflow does not look at what follows */
	while (root_size && root[root_size - 1] == '/')
		root_size--;
	store->bucket = memory_format(&options->allocator, "%.*s", bucket_size, bucket);
	store->root = memory_format(&options->allocator, "%.*s", root_size, root);
	mlm_status status = store->bucket && store->root ? MLM_OK : no_memory(err);
	if (status == MLM_OK) {
		const struct s3_peer_options peer = {
			.bucket = store->bucket,
			.retry_ms = artifact_retry_ms(options),
			.allocator = &store->base.allocator,
		};
		status = s3_peer_open(&peer, &store->peer, err);
	}
	if (status == MLM_OK)
		*store_out = &store->base;
	else
		close_s3(&store->base);
	return status;
}

/* ---- keys ---- */

/* The key of a path; ending is "" or "/". NULL when it is too long or memory ran out. */
static mlm_status key_of(const struct s3_store *store, const char *path, const char *ending,
	char **key_out, mlm_error *err)
{
	bool has_path = path[0] != '\0';
	bool has_root = store->root[0] != '\0';
	*key_out = memory_format(&store->base.allocator, "%s%s%s%s", store->root,
		has_root && has_path ? "/" : "", path, has_root || has_path ? ending : "");
	if (!*key_out)
		return no_memory(err);
	if (strlen(*key_out) <= KEY_BYTES_MAX)
		return MLM_OK;
	memory_free(&store->base.allocator, *key_out);
	*key_out = NULL;
	return error_set(err, MLM_EINVAL, "artifact",
		"the artifact '%.200s...' has a key of more than %d bytes in S3", path,
		KEY_BYTES_MAX);
}

static mlm_status not_found(
	const struct s3_store *store, const char *path, const char *what, mlm_error *err)
{
	return error_set(err, MLM_ENOTFOUND, "artifact", "%s '%.200s' in 's3://%s/%.200s'", what,
		path, store->bucket, store->root);
}

static bool is_bucket_missing(const struct s3_store *store)
{
	return strcmp(s3_peer_error_code(store->peer), "NoSuchBucket") == 0;
}

/* ---- listings ---- */

/* One page of keys with a prefix; with is_deep also those below further slashes. */
static mlm_status fetch_page(struct s3_store *store, const char *prefix, bool is_deep, int keys_max,
	const char *token, s3_key_fn visit, void *payload, char **next_out, mlm_error *err)
{
	const mlm_allocator *allocator = &store->base.allocator;
	struct http_answer answer;
	*next_out = NULL;
	char *encoded_token = web_address_encode(allocator, token ? token : "", "");
	char *encoded_prefix = web_address_encode(allocator, prefix, "");
	char *query =
		encoded_token && encoded_prefix
			? memory_format(allocator, "%s%s%s%slist-type=2&max-keys=%d&prefix=%s",
				  token ? "continuation-token=" : "", encoded_token,
				  token ? "&" : "", is_deep ? "" : "delimiter=%2F&", keys_max,
				  encoded_prefix)
			: NULL;
	const struct s3_request request = { .method = "GET", .query = query };
	mlm_status status =
		query ? s3_peer_send(store->peer, &request, &answer, err) : no_memory(err);
	if (status == MLM_OK)
		status = s3_answer_keys(
			allocator, answer.body, answer.body_size, visit, payload, next_out, err);
	memory_free(allocator, query);
	memory_free(allocator, encoded_prefix);
	memory_free(allocator, encoded_token);
	return status;
}

struct collecting {
	struct listing *listing;
	size_t root_size; /* what keys have before an artifact's path */
	size_t prefix_size; /* the key of the directory itself, which some clients make */
};

static mlm_status collect(void *payload, const char *key, int64_t size_bytes, mlm_error *err)
{
	const struct collecting *collecting = payload;
	size_t size = strlen(key);
	bool is_directory = size_bytes < 0;
	if (size <= collecting->prefix_size)
		return MLM_OK;
	if (is_directory)
		size--; /* the slash */
	mlm_status status = listing_add(collecting->listing, key + collecting->root_size,
		size - collecting->root_size, is_directory, size_bytes, err);
	if (status != MLM_OK)
		return status;
	/* What cannot be named here cannot be asked for either. */
	const mlm_artifact *added = &collecting->listing->entries[collecting->listing->count - 1];
	if (artifact_path_check(added->path, NULL) != MLM_OK)
		collecting->listing->count--;
	return MLM_OK;
}

static mlm_status list(struct artifact_store *base, const char *directory, artifact_visit_fn visit,
	void *payload, mlm_error *err)
{
	struct s3_store *store = s3_of(base);
	struct listing listing;
	char *prefix = NULL, *token = NULL;
	mlm_status status = listing_begin(&listing, &base->allocator, err);
	if (status == MLM_OK)
		status = key_of(store, directory, "/", &prefix, err);
	struct collecting collecting = {
		.listing = &listing,
		.root_size = store->root[0] ? strlen(store->root) + 1 : 0,
		.prefix_size = prefix ? strlen(prefix) : 0,
	};
	while (status == MLM_OK) {
		char *next;
		status = fetch_page(store, prefix, false, KEYS_PER_PAGE, token, collect,
			&collecting, &next, err);
		memory_free(&base->allocator, token);
		token = next;
		if (!token)
			break;
	}
	listing_sort(&listing);
	for (size_t i = 0; i < listing.count && status == MLM_OK; i++)
		status = visit(payload, &listing.entries[i], err);
	listing_end(&listing);
	memory_free(&base->allocator, token);
	memory_free(&base->allocator, prefix);
	return status;
}

static mlm_status note_one(void *payload, const char *key, int64_t size_bytes, mlm_error *err)
{
	(void)key;
	(void)size_bytes;
	(void)err;
	*(bool *)payload = true;
	return MLM_OK;
}

/* Whether something lies below a path. */
static mlm_status has_below(
	struct s3_store *store, const char *path, bool *found_out, mlm_error *err)
{
	char *prefix, *next = NULL;
	*found_out = false;
	mlm_status status = key_of(store, path, "/", &prefix, err);
	if (status == MLM_OK)
		status = fetch_page(store, prefix, true, 1, NULL, note_one, found_out, &next, err);
	memory_free(&store->base.allocator, next);
	memory_free(&store->base.allocator, prefix);
	return status;
}

/* The size of a file. ENOTFOUND. */
static mlm_status look_at(
	struct s3_store *store, const char *path, int64_t *size_out, mlm_error *err)
{
	char *key;
	struct http_answer answer;
	mlm_status status = key_of(store, path, "", &key, err);
	if (status != MLM_OK)
		return status;
	const struct s3_request request = { .method = "HEAD", .key = key };
	status = s3_peer_send(store->peer, &request, &answer, err);
	memory_free(&store->base.allocator, key);
	if (status == MLM_OK) {
		const char *size = s3_peer_header(store->peer, "Content-Length");
		*size_out = size ? strtoll(size, NULL, 10) : 0;
	}
	return status;
}

static mlm_status stat_s3(
	struct artifact_store *base, const char *path, mlm_artifact *entry_out, mlm_error *err)
{
	struct s3_store *store = s3_of(base);
	mlm_error why = MLM_ERROR_INIT;
	mlm_status status = look_at(store, path, &entry_out->size_bytes, &why);
	if (status == MLM_ENOTFOUND) {
		status = has_below(store, path, &entry_out->is_directory, &why);
		if (status == MLM_OK && !entry_out->is_directory)
			return not_found(store, path, "there is no artifact", err);
	}
	if (status != MLM_OK && err)
		*err = why;
	return status;
}

/* ---- put ---- */

/* The directory that a path lies in. Owns: memory_free(). */
static char *parent_of(const struct s3_store *store, const char *path)
{
	const char *name = artifact_path_name(path);
	int size = name > path ? (int)(name - path) - 1 : 0;
	return memory_format(&store->base.allocator, "%.*s", size, path);
}

/* EEXISTS where a directory on the way to path is a file. Whoever may write and not look is let
 * through. */
static mlm_status check_way(struct s3_store *store, const char *path, mlm_error *err)
{
	char *parent = parent_of(store, path);
	mlm_status status = parent ? MLM_OK : no_memory(err);
	if (status != MLM_OK ||
		(store->known_directory && strcmp(parent, store->known_directory) == 0)) {
		memory_free(&store->base.allocator, parent);
		return status;
	}
	for (char *slash = parent; slash && parent[0] && status == MLM_OK;) {
		int64_t size;
		mlm_error why = MLM_ERROR_INIT;
		slash = strchr(slash, '/');
		if (slash)
			*slash = '\0';
		mlm_status there = look_at(store, parent, &size, &why);
		if (there == MLM_OK)
			status = error_set(err, MLM_EEXISTS, "artifact",
				"the artifact '%.200s' cannot be stored: '%.200s' is a file", path,
				parent);
		else if (there != MLM_ENOTFOUND && there != MLM_EAUTH) {
			status = there;
			if (err)
				*err = why;
		}
		if (slash)
			*slash++ = '/';
	}
	if (status == MLM_OK) {
		memory_free(&store->base.allocator, store->known_directory);
		store->known_directory = parent;
	} else {
		memory_free(&store->base.allocator, parent);
	}
	return status;
}

static mlm_status put(struct artifact_store *base, const char *path,
	const mlm_artifact_reader *from, mlm_error *err)
{
	struct s3_store *store = s3_of(base);
	bool is_directory;
	char *key;
	mlm_error why = MLM_ERROR_INIT;
	mlm_status status = key_of(store, path, "", &key, err);
	if (status != MLM_OK)
		return status;
	status = has_below(store, path, &is_directory, &why);
	if (status == MLM_EAUTH)
		status = MLM_OK; /* as in check_way() */
	else if (status != MLM_OK && err)
		*err = why;
	if (status == MLM_OK && is_directory)
		status = error_set(err, MLM_EEXISTS, "artifact",
			"the artifact '%.200s' cannot be stored: a directory has that name", path);
	if (status == MLM_OK)
		status = check_way(store, path, err);
	if (status == MLM_OK)
		status = s3_upload(store->peer, &base->allocator, key, from, err);
	memory_free(&base->allocator, key);
	return status;
}

/* ---- get ---- */

static mlm_status get(struct artifact_store *base, const char *path,
	const mlm_artifact_writer *into, mlm_error *err)
{
	struct s3_store *store = s3_of(base);
	char *key;
	bool is_directory;
	mlm_error why = MLM_ERROR_INIT;
	mlm_status status = key_of(store, path, "", &key, err);
	if (status != MLM_OK)
		return status;
	status = s3_download(store->peer, &base->allocator, key, into, &why);
	memory_free(&base->allocator, key);
	if (status == MLM_ENOTFOUND && why.detail == 404 && !is_bucket_missing(store)) {
		status = has_below(store, path, &is_directory, &why);
		if (status == MLM_OK)
			return not_found(store, path,
				is_directory ? "a directory is what is called"
					     : "there is no artifact",
				err);
	}
	if (status != MLM_OK && err)
		*err = why;
	return status;
}

/* ---- remove ---- */

static mlm_status remove_key(struct s3_store *store, const char *key, mlm_error *err)
{
	struct http_answer answer;
	const struct s3_request request = { .method = "DELETE", .key = key };
	mlm_status status = s3_peer_send(store->peer, &request, &answer, err);
	return status == MLM_ENOTFOUND && !is_bucket_missing(store) ? MLM_OK : status;
}

static mlm_status add_key(void *payload, const char *key, int64_t size_bytes, mlm_error *err)
{
	return listing_add(payload, key, strlen(key), false, size_bytes, err);
}

/* The request that deletes several: 6 bytes for each that may have to be escaped. NULL when memory
 * ran out. */
static char *make_deletion(const struct s3_store *store, const struct listing *keys)
{
	static const char begin[] = "<Delete xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
				    "<Quiet>true</Quiet>";
	static const char before[] = "<Object><Key>", after[] = "</Key></Object>";
	size_t size = sizeof(begin) + sizeof("</Delete>");
	for (size_t i = 0; i < keys->count; i++)
		size += sizeof(before) + sizeof(after) + 6 * strlen(keys->entries[i].path);
	char *text = memory_new(&store->base.allocator, size);
	if (!text)
		return NULL;
	char *at = stpcpy(text, begin);
	for (size_t i = 0; i < keys->count; i++) {
		at = stpcpy(at, before);
		for (const char *c = keys->entries[i].path; *c; c++) {
			if (*c == '&' || *c == '<' || *c == '>')
				at += snprintf(at, 7, "&#%d;", *c);
			else
				*at++ = *c;
		}
		at = stpcpy(at, after);
	}
	stpcpy(at, "</Delete>");
	return text;
}

static mlm_status read_deletion(
	struct s3_store *store, const struct http_answer *answer, mlm_error *err)
{
	const mlm_allocator *allocator = &store->base.allocator;
	char *key = NULL, *code = NULL;
	mlm_status status =
		s3_answer_text(allocator, answer->body, answer->body_size, "Code", &code, err);
	if (status == MLM_OK && code)
		status = s3_answer_text(
			allocator, answer->body, answer->body_size, "Key", &key, err);
	if (status == MLM_OK && code)
		status = error_set(err, strcmp(code, "AccessDenied") == 0 ? MLM_EAUTH : MLM_EAGAIN,
			"artifact", "'%.200s' of the bucket '%s' cannot be deleted: %.100s",
			key ? key : "", store->bucket, code);
	memory_free(allocator, key);
	memory_free(allocator, code);
	return status;
}

static mlm_status send_deletion(struct s3_store *store, const char *text, mlm_error *err)
{
	char hex[SHA256_HEX_SIZE], base64[SHA256_BASE64_SIZE];
	unsigned char digest[SHA256_DIGEST_SIZE];
	struct http_answer answer;
	mlm_status status = sha256_of(text, strlen(text), digest, err);
	if (status != MLM_OK)
		return status;
	sha256_hex(digest, hex);
	sha256_base64(digest, base64);
	const struct http_header headers[] = {
		{ "Content-Type", "application/xml" },
		{ "x-amz-checksum-sha256", base64 },
	};
	const struct s3_request request = {
		.method = "POST",
		.query = "delete=",
		.headers = headers,
		.header_count = 2,
		.body = text,
		.body_size = strlen(text),
		.body_sha256 = hex,
	};
	status = s3_peer_send(store->peer, &request, &answer, err);
	return status == MLM_OK ? read_deletion(store, &answer, err) : status;
}

static mlm_status remove_keys(struct s3_store *store, const struct listing *keys, mlm_error *err)
{
	mlm_status status = MLM_EUNSUPPORTED;
	if (!store->deletes_one_by_one && keys->count > 0) {
		mlm_error why = MLM_ERROR_INIT;
		char *text = make_deletion(store, keys);
		status = text ? send_deletion(store, text, &why) : no_memory(&why);
		memory_free(&store->base.allocator, text);
		/* Not every service deletes several at once, or by this checksum. */
		store->deletes_one_by_one =
			status == MLM_EUNSUPPORTED || status == MLM_EINVAL || status == MLM_EPEER;
		if (!store->deletes_one_by_one) {
			if (status != MLM_OK && err)
				*err = why;
			return status;
		}
	}
	status = MLM_OK;
	for (size_t i = 0; i < keys->count && status == MLM_OK; i++)
		status = remove_key(store, keys->entries[i].path, err);
	return status;
}

/* A page of keys at a time; a token says where the next begins, whatever is gone by then. */
static mlm_status remove_below(
	struct s3_store *store, const char *prefix, size_t *count_out, mlm_error *err)
{
	char *token = NULL;
	mlm_status status;
	*count_out = 0;
	do {
		struct listing keys;
		char *next = NULL;
		status = listing_begin(&keys, &store->base.allocator, err);
		if (status == MLM_OK)
			status = fetch_page(store, prefix, true, KEYS_PER_PAGE, token, add_key,
				&keys, &next, err);
		if (status == MLM_OK)
			status = remove_keys(store, &keys, err);
		*count_out += keys.count;
		listing_end(&keys);
		memory_free(&store->base.allocator, token);
		token = next;
	} while (status == MLM_OK && token);
	memory_free(&store->base.allocator, token);
	return status;
}

static mlm_status remove_s3(struct artifact_store *base, const char *path, mlm_error *err)
{
	struct s3_store *store = s3_of(base);
	char *key = NULL, *prefix = NULL;
	int64_t size;
	size_t count = 0;
	mlm_status status = key_of(store, path, "", &key, err);
	if (status == MLM_OK)
		status = key_of(store, path, "/", &prefix, err);
	mlm_status there = MLM_ENOTFOUND;
	mlm_error why = MLM_ERROR_INIT;
	if (status == MLM_OK && path[0])
		there = look_at(store, path, &size, &why);
	if (status == MLM_OK && there == MLM_OK) {
		status = remove_key(store, key, err);
	} else if (status == MLM_OK && there != MLM_ENOTFOUND) {
		status = there;
		if (err)
			*err = why;
	} else if (status == MLM_OK) {
		status = remove_below(store, prefix, &count, err);
	}
	if (status == MLM_OK && there != MLM_OK && count == 0 && path[0])
		status = not_found(store, path, "there is no artifact", err);
	memory_free(&base->allocator, key);
	memory_free(&base->allocator, prefix);
	return status;
}

static void interrupt(struct artifact_store *base)
{
	s3_peer_interrupt(s3_of(base)->peer);
}

const struct artifact_ops s3_artifact_ops = {
	.scheme = "s3",
	.open = open_s3,
	.close = close_s3,
	.put = put,
	.get = get,
	.list = list,
	.remove = remove_s3,
	.stat = stat_s3,
	.interrupt = interrupt,
};
