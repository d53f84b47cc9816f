/* SPDX-License-Identifier: Apache-2.0 */
/* Artifacts that a tracking server keeps for its clients: mlflow-artifacts:/EXPERIMENT/RUN/… */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "artifact/artifact.h"
#include "artifact/artifact_path.h"
#include "artifact/listing.h"
#include "artifact/proxy_download.h"
#include "base/error.h"
#include "base/memory.h"
#include "transport/mlflow_peer.h"
#include "transport/web_address.h"

#define SCHEME "mlflow-artifacts:"
#define API    "/api/2.0/mlflow-artifacts/artifacts"
/* A listing is read after each put, to see its size arrive. In a directory of more entries that
 * would cost more than the put. */
#define VERIFIED_ENTRIES_MAX 1000

struct proxy_store {
	struct artifact_store base;
	struct mlflow_peer *peer;
	char *root; /* "0/RUN/artifacts", not percent-encoded */
	/* What was last seen in a directory that puts go to; NULL: nothing yet. */
	char *seen_directory;
	struct listing seen;
};

static struct proxy_store *proxy_of(struct artifact_store *store)
{
	return (struct proxy_store *)store;
}

static mlm_status no_memory(mlm_error *err)
{
	return error_set(err, MLM_ENOMEM, "artifact", "memory ran out");
}

/* ---- where it is ---- */

/* The server's address: the tracking server's, but for a URI that names a host of its own. */
static mlm_status address_of(const struct artifact_options *options, const char *host,
	size_t host_size, char **address_out, mlm_error *err)
{
	const mlm_allocator *allocator = &options->allocator;
	const char *tracking = options->tracking ? options->tracking->uri : "";
	struct web_address address;
	*address_out = NULL;
	if (!web_address_is(tracking))
		return error_set(err, MLM_EUNSUPPORTED, "artifact",
			"artifacts at '%.200s' are reached through a tracking server, and this "
			"store is none",
			options->uri);
	if (host_size == 0) {
		*address_out = memory_string(allocator, tracking);
		return *address_out ? MLM_OK : no_memory(err);
	}
	/* The login in the tracking server's address is for that server only. */
	mlm_status status = web_address_parse(allocator, tracking, &address, err);
	if (status != MLM_OK)
		return status;
	const char *path = strchr(strstr(address.base, "://") + 3, '/');
	*address_out = memory_format(allocator, "%s://%.*s%s", address.is_https ? "https" : "http",
		(int)host_size, host, path ? path : "");
	web_address_clear(&address);
	return *address_out ? MLM_OK : no_memory(err);
}

/* Where the path begins in scheme://host/path or scheme:/path, and the host in between. */
static const char *split_uri(const char *uri, const char **host_out, size_t *host_size_out)
{
	const char *rest = uri + strlen(SCHEME);
	*host_out = rest;
	*host_size_out = 0;
	if (strncmp(rest, "//", 2) == 0) {
		*host_out = rest + 2;
		*host_size_out = strcspn(rest + 2, "/");
		rest = *host_out + *host_size_out;
	}
	return rest;
}

static mlm_status read_root(
	struct proxy_store *store, const char *uri, const char *path, mlm_error *err)
{
	const mlm_allocator *allocator = &store->base.allocator;
	/* MLflow takes the API's own path for the root of all. */
	if (strncmp(path, API, strlen(API)) == 0)
		path += strlen(API);
	path += strspn(path, "/");
	store->root = web_address_decode(allocator, path, strlen(path));
	if (!store->root)
		return no_memory(err);
	size_t size = strlen(store->root);
	while (size && store->root[size - 1] == '/')
		store->root[--size] = '\0';
	if (size && artifact_path_check(store->root, NULL) != MLM_OK)
		return error_set(err, MLM_EINVAL, "artifact",
			"the artifact URI '%.200s' is not of the form "
			"mlflow-artifacts:/EXPERIMENT/RUN/artifacts",
			uri);
	return MLM_OK;
}

static void close_proxy(struct artifact_store *base)
{
	struct proxy_store *store = proxy_of(base);
	mlm_allocator allocator = base->allocator;
	mlflow_peer_close(store->peer);
	if (store->seen_directory)
		listing_end(&store->seen);
	memory_free(&allocator, store->seen_directory);
	memory_free(&allocator, store->root);
	memory_free(&allocator, store);
}

static mlm_status open_proxy(
	const struct artifact_options *options, struct artifact_store **store_out, mlm_error *err)
{
	const char *host;
	size_t host_size;
	char *address = NULL;
	const char *path = split_uri(options->uri, &host, &host_size);
	*store_out = NULL;
	struct proxy_store *store = memory_new(&options->allocator, sizeof(*store));
	if (!store)
		return no_memory(err);
	store->base.ops = &mlflow_artifact_ops;
	store->base.allocator = options->allocator;
	mlm_status status = read_root(store, options->uri, path, err);
	if (status == MLM_OK)
		status = address_of(options, host, host_size, &address, err);
	if (status == MLM_OK) {
		const struct mlflow_peer_options peer = {
			.address = address,
			.retry_ms = artifact_retry_ms(options),
			.allocator = &store->base.allocator,
		};
		status = mlflow_peer_open(&peer, &store->peer, err);
	}
	memory_free(&options->allocator, address);
	if (status == MLM_OK)
		*store_out = &store->base;
	else
		close_proxy(&store->base);
	return status;
}

/* ---- names ---- */

/* An MLflow server reads a name as a URL, again and again until nothing changes any more. That
 * decodes escapes and loses an empty query and empty parameters: "a;" and "a?" are "a" to it. It
 * refuses what has a '#'. */
static int lost_size(const char *c)
{
	if (c[0] == '%')
		return isxdigit((unsigned char)c[1]) && isxdigit((unsigned char)c[2]) ? 3 : 0;
	if (c[0] == ';' && c[1] == '?')
		return 2;
	if (c[0] == ';' || c[0] == '?')
		return !c[1] || c[1] == '/' ? 1 : 0;
	return c[0] == '#';
}

/* The beginning loses blanks and the capitals of a scheme; that of a file, and a letter of a drive,
 * make MLflow's own client refuse the listing of the whole run. */
static int changed_size(const char *path)
{
	int size = 0;
	bool has_capitals = false;
	if (path[0] == ' ')
		return 1;
	while (isalnum((unsigned char)path[size]) ||
		(size > 0 && strchr("+-.", path[size]) && path[size]))
		has_capitals |= isupper((unsigned char)path[size++]) != 0;
	if (path[size] != ':' || !isalpha((unsigned char)path[0]))
		return 0;
	bool is_drive = size == 1 && (path[2] == '\\' || path[2] == '/');
	bool is_file = size == 4 && strncasecmp(path, "file", 4) == 0;
	return has_capitals || is_drive || is_file ? size + 1 : 0;
}

static mlm_status refuse_name(
	const char *path, const char *part, int size, const char *where, mlm_error *err)
{
	return error_set(err, MLM_EINVAL, "artifact",
		"a tracking server takes no artifact whose name has '%.*s' %s, as '%.200s' has",
		size > 40 ? 40 : size, part, where, path);
}

static mlm_status check_name(const char *path, mlm_error *err)
{
	int size = changed_size(path);
	if (size > 0)
		return refuse_name(path, path, size, "at its beginning", err);
	for (const char *c = path; *c; c++) {
		size = lost_size(c);
		if (size > 0)
			return refuse_name(path, c, size,
				size == 1 && *c != '#' ? "at the end of a part" : "in it", err);
	}
	return MLM_OK;
}

static char *whole_path(const struct proxy_store *store, const char *path)
{
	return memory_format(&store->base.allocator, "%s%s%s", store->root,
		store->root[0] && path[0] ? "/" : "", path);
}

/* What follows the server's address for an artifact; as_query for the directory of a listing. */
static mlm_status url_of(const struct proxy_store *store, const char *path, bool as_query,
	char **url_out, mlm_error *err)
{
	const mlm_allocator *allocator = &store->base.allocator;
	char *whole = whole_path(store, path);
	char *encoded = whole ? web_address_encode(allocator, whole, as_query ? "" : "/") : NULL;
	*url_out =
		encoded ? memory_format(allocator, API "%s%s", as_query ? "?path=" : "/", encoded)
			: NULL;
	memory_free(allocator, encoded);
	memory_free(allocator, whole);
	return *url_out ? MLM_OK : no_memory(err);
}

static mlm_status not_found(
	const struct proxy_store *store, const char *path, const char *what, mlm_error *err)
{
	return error_set(err, MLM_ENOTFOUND, "artifact", "%s '%.200s' in '%.200s' at %s", what,
		path, store->root, mlflow_peer_address(store->peer));
}

/* ---- listings ---- */

static mlm_status read_entries(
	struct listing *listing, const char *directory, const json_t *answer, mlm_error *err)
{
	size_t i;
	json_t *file;
	mlm_status status = MLM_OK;
	json_array_foreach(json_object_get(answer, "files"), i, file)
	{
		const char *name = json_string_value(json_object_get(file, "path"));
		bool is_directory = json_is_true(json_object_get(file, "is_dir"));
		json_t *size = json_object_get(file, "file_size");
		int64_t size_bytes = json_is_string(size)
					     ? strtoll(json_string_value(size), NULL, 10)
					     : json_integer_value(size);
		/* A name that leads elsewhere is none of a file that can be asked for. */
		if (!name || artifact_path_check(name, NULL) != MLM_OK || strchr(name, '/'))
			continue;
		char *path = memory_format(
			listing->allocator, "%s%s%s", directory, directory[0] ? "/" : "", name);
		status = path ? listing_add(
					listing, path, strlen(path), is_directory, size_bytes, err)
			      : no_memory(err);
		memory_free(listing->allocator, path);
		if (status != MLM_OK)
			break;
	}
	return status;
}

/* A server whose own store is a bucket may list a file as the one thing in itself. */
static void drop_itself(struct listing *listing, const char *directory)
{
	const mlm_artifact *only = &listing->entries[0];
	if (listing->count == 1 && !only->is_directory && directory[0] &&
		strcmp(artifact_path_name(only->path), artifact_path_name(directory)) == 0)
		listing->count = 0;
}

/* listing_end() is due in any case. */
static mlm_status fetch_listing(
	struct proxy_store *store, const char *directory, struct listing *listing, mlm_error *err)
{
	char *url = NULL;
	json_t *answer = NULL;
	mlm_status status = listing_begin(listing, &store->base.allocator, err);
	if (status == MLM_OK)
		status = url_of(store, directory, true, &url, err);
	if (status == MLM_OK) {
		const struct mlflow_call call = { .method = "GET", .path = url };
		status = mlflow_peer_call(store->peer, &call, &answer, err);
	}
	if (status == MLM_OK)
		status = read_entries(listing, directory, answer, err);
	else if (status == MLM_ENOTFOUND)
		status = MLM_OK;
	if (status == MLM_OK)
		drop_itself(listing, directory);
	listing_sort(listing);
	json_decref(answer);
	memory_free(&store->base.allocator, url);
	return status;
}

static const mlm_artifact *find_entry(const struct listing *listing, const char *path)
{
	for (size_t i = 0; i < listing->count; i++)
		if (strcmp(listing->entries[i].path, path) == 0)
			return &listing->entries[i];
	return NULL;
}

static mlm_status list(struct artifact_store *base, const char *directory, artifact_visit_fn visit,
	void *payload, mlm_error *err)
{
	struct listing listing;
	if (check_name(directory, NULL) != MLM_OK)
		return MLM_OK;
	mlm_status status = fetch_listing(proxy_of(base), directory, &listing, err);
	for (size_t i = 0; i < listing.count && status == MLM_OK; i++)
		status = visit(payload, &listing.entries[i], err);
	listing_end(&listing);
	return status;
}

/* "a/b" of "a/b/c", "" of "a". Owns: memory_free(). */
static char *parent_of(const struct proxy_store *store, const char *path)
{
	const char *name = artifact_path_name(path);
	int size = name > path ? (int)(name - path) - 1 : 0;
	return memory_format(&store->base.allocator, "%.*s", size, path);
}

static mlm_status stat_proxy(
	struct artifact_store *base, const char *path, mlm_artifact *entry_out, mlm_error *err)
{
	struct proxy_store *store = proxy_of(base);
	struct listing listing;
	if (check_name(path, NULL) != MLM_OK)
		return not_found(store, path, "there is no artifact", err);
	char *parent = parent_of(store, path);
	if (!parent)
		return no_memory(err);
	mlm_status status = fetch_listing(store, parent, &listing, err);
	const mlm_artifact *found = find_entry(&listing, path);
	if (status == MLM_OK && !found)
		status = not_found(store, path, "there is no artifact", err);
	if (status == MLM_OK) {
		entry_out->is_directory = found->is_directory;
		entry_out->size_bytes = found->size_bytes;
	}
	listing_end(&listing);
	memory_free(&base->allocator, parent);
	return status;
}

/* ---- put ---- */

static mlm_status look_at(struct proxy_store *store, const char *directory, mlm_error *err)
{
	struct listing listing;
	mlm_status status = fetch_listing(store, directory, &listing, err);
	char *copy = memory_string(&store->base.allocator, directory);
	if (status == MLM_OK && !copy)
		status = no_memory(err);
	if (status != MLM_OK) {
		listing_end(&listing);
		memory_free(&store->base.allocator, copy);
		return status;
	}
	if (store->seen_directory)
		listing_end(&store->seen);
	memory_free(&store->base.allocator, store->seen_directory);
	store->seen_directory = copy;
	store->seen = listing;
	return MLM_OK;
}

/* EEXISTS where what is at path, a file's way, is a file. */
static mlm_status check_way(
	struct proxy_store *store, const char *wanted, const char *directory, mlm_error *err)
{
	mlm_artifact entry = { 0 };
	if (!directory[0])
		return MLM_OK;
	mlm_status status = stat_proxy(&store->base, directory, &entry, err);
	if (status == MLM_ENOTFOUND) {
		char *parent = parent_of(store, directory);
		status = parent ? check_way(store, wanted, parent, err) : no_memory(err);
		memory_free(&store->base.allocator, parent);
		return status;
	}
	if (status == MLM_OK && !entry.is_directory)
		return error_set(err, MLM_EEXISTS, "artifact",
			"the artifact '%.200s' cannot be stored: '%.200s' is a file", wanted,
			directory);
	return status;
}

static mlm_status check_free(
	struct proxy_store *store, const char *path, const char *parent, mlm_error *err)
{
	mlm_status status = MLM_OK;
	if (!store->seen_directory || strcmp(store->seen_directory, parent) != 0)
		status = look_at(store, parent, err);
	if (status == MLM_OK && store->seen.count == 0)
		status = check_way(store, path, parent, err);
	if (status != MLM_OK)
		return status;
	const mlm_artifact *there = find_entry(&store->seen, path);
	if (there && there->is_directory)
		return error_set(err, MLM_EEXISTS, "artifact",
			"the artifact '%.200s' cannot be stored: a directory has that name", path);
	return MLM_OK;
}

/* The bytes on their way, counted. */
struct upload {
	const mlm_artifact_reader *from;
	int64_t size;
};

/* Whether all went well up to the end, before the last bytes are sent: a server stores what has the
 * size that was announced. What has grown meanwhile is stored as large as it was. */
static mlm_status check_end(struct upload *upload, size_t *got, mlm_error *err)
{
	int64_t announced = upload->from->size_bytes;
	char more;
	size_t more_size;
	if (*got == 0 && upload->size < announced)
		return error_set(err, MLM_EIO, "artifact",
			"what was to be stored ended after %lld of %lld bytes",
			(long long)upload->size, (long long)announced);
	if (upload->size < announced)
		return MLM_OK;
	if (upload->size == announced)
		return upload->from->read(upload->from->payload, &more, 1, &more_size, err);
	*got -= (size_t)(upload->size - announced);
	upload->size = announced;
	return MLM_OK;
}

static mlm_status read_upload(
	void *payload, void *bytes, size_t size, size_t *got_out, mlm_error *err)
{
	struct upload *upload = payload;
	mlm_status status = upload->from->read(upload->from->payload, bytes, size, got_out, err);
	if (status != MLM_OK)
		return status;
	upload->size += (int64_t)*got_out;
	return upload->from->size_bytes < 0 ? MLM_OK : check_end(upload, got_out, err);
}

static mlm_status rewind_upload(void *payload, mlm_error *err)
{
	struct upload *upload = payload;
	upload->size = 0;
	return upload->from->rewind(upload->from->payload, err);
}

static mlm_status send_upload(
	struct proxy_store *store, const char *path, struct upload *upload, mlm_error *err)
{
	char *url;
	struct http_answer answer;
	const struct http_source source = {
		.read = read_upload,
		.rewind = upload->from->rewind ? rewind_upload : NULL,
		.payload = upload,
		.size = upload->from->size_bytes,
	};
	static const struct http_header type = { "Content-Type", "application/octet-stream" };
	mlm_status status = url_of(store, path, false, &url, err);
	if (status != MLM_OK)
		return status;
	const struct http_request request = {
		.method = "PUT",
		.url = url,
		.headers = &type,
		.header_count = 1,
		.source = &source,
	};
	status = mlflow_peer_send(store->peer, &request, &answer, err);
	memory_free(&store->base.allocator, url);
	return status;
}

/* The server answers without a word about the bytes, so their number is looked up. */
static mlm_status check_arrival(struct proxy_store *store, const char *path, const char *parent,
	int64_t size, mlm_error *err)
{
	if (store->seen.count > VERIFIED_ENTRIES_MAX)
		return MLM_OK;
	mlm_status status = look_at(store, parent, err);
	if (status != MLM_OK)
		return status;
	const mlm_artifact *there = find_entry(&store->seen, path);
	if (there && there->size_bytes == size)
		return MLM_OK;
	return error_set(err, MLM_ECORRUPT, "artifact",
		"%s says that it stored '%.200s', and lists it with %lld bytes instead of %lld",
		mlflow_peer_address(store->peer), path, there ? (long long)there->size_bytes : 0ll,
		(long long)size);
}

static mlm_status put(struct artifact_store *base, const char *path,
	const mlm_artifact_reader *from, mlm_error *err)
{
	struct proxy_store *store = proxy_of(base);
	struct upload upload = { .from = from };
	mlm_status status = check_name(path, err);
	if (status != MLM_OK)
		return status;
	char *parent = parent_of(store, path);
	if (!parent)
		return no_memory(err);
	status = check_free(store, path, parent, err);
	if (status == MLM_OK)
		status = send_upload(store, path, &upload, err);
	if (status == MLM_OK)
		status = check_arrival(store, path, parent, upload.size, err);
	memory_free(&base->allocator, parent);
	return status;
}

/* ---- get, remove ---- */

static mlm_status get(struct artifact_store *base, const char *path,
	const mlm_artifact_writer *into, mlm_error *err)
{
	struct proxy_store *store = proxy_of(base);
	char *url;
	mlm_artifact entry = { 0 };
	mlm_error why = MLM_ERROR_INIT;
	if (check_name(path, NULL) != MLM_OK)
		return not_found(store, path, "there is no artifact", err);
	mlm_status status = url_of(store, path, false, &url, err);
	if (status != MLM_OK)
		return status;
	status = proxy_download(store->peer, url, path, into, &why);
	memory_free(&base->allocator, url);
	/* Of a directory the server says one thing or another, by where it keeps its files. */
	if (status != MLM_OK && why.detail >= 400) {
		mlm_status there = base->ops->stat(base, path, &entry, NULL);
		if (there == MLM_OK && entry.is_directory)
			return not_found(store, path, "a directory is what is called", err);
		if (there == MLM_ENOTFOUND)
			return not_found(store, path, "there is no artifact", err);
	}
	if (status != MLM_OK && err)
		*err = why;
	return status;
}

static mlm_status remove_proxy(struct artifact_store *base, const char *path, mlm_error *err)
{
	struct proxy_store *store = proxy_of(base);
	char *url = NULL;
	struct http_answer answer;
	mlm_artifact entry;
	mlm_status status = MLM_OK;
	if (check_name(path, NULL) != MLM_OK)
		return not_found(store, path, "there is no artifact", err);
	if (path[0])
		status = base->ops->stat(base, path, &entry, err);
	if (status == MLM_OK)
		status = url_of(store, path, false, &url, err);
	if (status != MLM_OK)
		return status;
	const struct http_request request = { .method = "DELETE", .url = url };
	status = mlflow_peer_send(store->peer, &request, &answer, err);
	memory_free(&base->allocator, url);
	if (store->seen_directory) {
		listing_end(&store->seen);
		memory_free(&base->allocator, store->seen_directory);
		store->seen_directory = NULL;
	}
	return status == MLM_ENOTFOUND && !path[0] ? MLM_OK : status;
}

static void interrupt(struct artifact_store *base)
{
	mlflow_peer_interrupt(proxy_of(base)->peer);
}

const struct artifact_ops mlflow_artifact_ops = {
	.scheme = "mlflow-artifacts",
	.open = open_proxy,
	.close = close_proxy,
	.put = put,
	.get = get,
	.list = list,
	.remove = remove_proxy,
	.stat = stat_proxy,
	.interrupt = interrupt,
};
