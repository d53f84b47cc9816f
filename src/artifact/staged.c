/* SPDX-License-Identifier: Apache-2.0 */
#include "artifact/staged.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "artifact/artifact_file.h"
#include "artifact/artifact_path.h"
#include "artifact/listing.h"
#include "artifact/upload.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/patience.h"
#include "base/temporary_file.h"
#include "store/staging.h"

#define LOCK_WAIT_MS 10000 /* a delete waits so long for who is sending */

struct staged_store {
	struct artifact_store base;
	struct staging *staging;
	struct staged_run run;
	struct artifact_store *inner; /* NULL: not known where */
	bool may_stage; /* when the inner one is away */
	mlm_error away; /* why inner is not known of a run that the server has */
};

static const struct artifact_ops staged_ops;

static struct staged_store *staged_of(struct artifact_store *store)
{
	return (struct staged_store *)store;
}

static mlm_status no_memory(mlm_error *err)
{
	return error_set(err, MLM_ENOMEM, "artifact", "memory ran out");
}

static bool is_away(mlm_status status)
{
	return (status == MLM_EAGAIN || status == MLM_ETIMEOUT) && !patience_is_over();
}

/* ---- opening ---- */

bool staged_needs_server(const char *uri)
{
	const char *scheme = mlflow_artifact_ops.scheme;
	size_t size = strlen(scheme);
	return strncmp(uri, scheme, size) == 0 && uri[size] == ':';
}

static void close_staged(struct artifact_store *base)
{
	struct staged_store *store = staged_of(base);
	mlm_allocator allocator = base->allocator;
	artifact_close(store->inner);
	staging_close(store->staging);
	memory_free(&allocator, store);
}

static mlm_status open_inner(struct staged_store *store, const struct artifact_options *options,
	const struct staged_place *place, mlm_error *err)
{
	struct artifact_options inner = *options;
	if (!place->uri[0])
		return MLM_OK;
	inner.uri = place->uri;
	store->may_stage = staged_needs_server(place->uri);
	if (store->may_stage && !inner.retry_ms)
		inner.retry_ms = STAGED_TRY_MS;
	return artifact_open(&inner, &store->inner, err);
}

mlm_status staged_open(const struct artifact_options *options, const struct staged_place *place,
	struct artifact_store **store_out, mlm_error *err)
{
	*store_out = NULL;
	struct staged_store *store = memory_new(&options->allocator, sizeof(*store));
	if (!store)
		return no_memory(err);
	store->base.ops = &staged_ops;
	store->base.allocator = options->allocator;
	if (place->away)
		store->away = *place->away;
	else
		error_set(&store->away, MLM_EAGAIN, "artifact",
			"the server has not said yet where the artifacts of run %s go",
			place->run_id);
	mlm_status status = staging_open(options->tracking, &store->staging, err);
	if (status == MLM_OK)
		status = staging_find_run(store->staging, place->run_id, &store->run, err);
	if (status == MLM_OK)
		status = open_inner(store, options, place, err);
	if (status == MLM_OK)
		*store_out = &store->base;
	else
		close_staged(&store->base);
	return status;
}

/* Where there is no place to ask: EAGAIN, unless the run is none of the server's, which then has
 * nothing of it. *has_moved_out: it was not when the store was opened, and is now. */
static mlm_status ask_nobody(struct staged_store *store, bool *has_moved_out, mlm_error *err)
{
	struct staged_run now;
	*has_moved_out = false;
	if (store->run.server_id[0]) {
		if (err)
			*err = store->away;
		return store->away.status;
	}
	mlm_status status = staging_find_run(store->staging, store->run.id, &now, err);
	*has_moved_out = status == MLM_OK && now.server_id[0];
	if (!*has_moved_out)
		return status;
	return error_set(err, MLM_EAGAIN, "artifact",
		"run %s has just got to the server; look again", store->run.id);
}

/* ---- put ---- */

static mlm_status cannot_keep(
	const struct staged_store *store, const char *path, int errnum, mlm_error *err)
{
	return error_set_errno(err, errnum, "artifact",
		"the server is away, and the artifact '%.200s' cannot be kept in '%.300s' until "
		"it is back",
		path, staging_directory(store->staging));
}

static mlm_status copy(const struct staged_store *store, const char *path,
	const mlm_artifact_reader *from, struct upload *upload, mlm_error *err)
{
	mlm_status status = MLM_OK;
	if (from->read == artifact_file_read) {
		const struct artifact_file *source = from->payload;
		status = artifact_file_copy(source, source->file, upload->file, err);
	}
	if (status != MLM_OK)
		return status;
	char *buffer = memory_array(&store->base.allocator, ARTIFACT_BUFFER_BYTES, 1);
	status = buffer ? MLM_OK : no_memory(err);
	for (size_t got = 1; status == MLM_OK && got > 0;) {
		status = from->read(from->payload, buffer, ARTIFACT_BUFFER_BYTES, &got, err);
		if (status == MLM_OK && !upload_write(upload, buffer, got))
			status = cannot_keep(store, path, errno, err);
	}
	memory_free(&store->base.allocator, buffer);
	return status;
}

/* The file gets its name once it is whole and on the disk, and then its row. */
static mlm_status add(struct staged_store *store, const char *path, struct upload *upload,
	int directory, mlm_error *err)
{
	char name[STAGING_FILE_NAME_MAX];
	int64_t size_bytes = (int64_t)lseek(upload->file, 0, SEEK_END);
	staging_name(path, name);
	mlm_status status = upload_finish(upload, name, UPLOAD_IS_NEW, true)
				    ? MLM_OK
				    : cannot_keep(store, path, errno, err);
	if (status != MLM_OK)
		return status;
	status = staging_add(store->staging, store->run.id, path, name, size_bytes, err);
	if (status != MLM_OK)
		unlinkat(directory, name, 0);
	return status;
}

static mlm_status stage(struct staged_store *store, const char *path,
	const mlm_artifact_reader *from, mlm_error *err)
{
	struct upload upload;
	int directory;
	mlm_status status = staging_open_directory(store->staging, &directory, err);
	if (status != MLM_OK)
		return status;
	status = upload_begin(&upload, directory) ? MLM_OK : cannot_keep(store, path, errno, err);
	if (status == MLM_OK)
		status = copy(store, path, from, &upload, err);
	if (status == MLM_OK)
		status = add(store, path, &upload, directory, err);
	upload_end(&upload);
	close(directory);
	return status;
}

/* ---- put: through ---- */

static mlm_status nothing_moved(void *payload, size_t size, mlm_error *err)
{
	(void)payload;
	(void)size;
	(void)err;
	return MLM_OK;
}

static void nothing_moved_back(void *payload, uint64_t size)
{
	(void)payload;
	(void)size;
}

/* A file that nobody is told of. */
static struct artifact_file quiet_file(int file, const char *local_path)
{
	return (struct artifact_file){ file, local_path, nothing_moved, nothing_moved_back, NULL };
}

/* All that the reader gives, in a file that is at its beginning again. */
static mlm_status copy_pipe(const struct staged_store *store, const char *path,
	const mlm_artifact_reader *from, struct artifact_file *file_out, int64_t *size_out,
	mlm_error *err)
{
	struct upload upload = { .root = -1, .file = temporary_file_open() };
	*file_out = quiet_file(upload.file, "a temporary file");
	if (upload.file < 0)
		return error_set_errno(err, errno, "artifact",
			"cannot make a temporary file for the artifact '%.200s'", path);
	mlm_status status = copy(store, path, from, &upload, err);
	*size_out = (int64_t)lseek(upload.file, 0, SEEK_END);
	return status == MLM_OK ? artifact_file_rewind(file_out, err) : status;
}

static mlm_status put_or_stage(struct staged_store *store, const char *path,
	const mlm_artifact_reader *from, mlm_error *err)
{
	mlm_error why = MLM_ERROR_INIT;
	mlm_status status = artifact_put(store->inner, path, from, &why);
	if (!is_away(status) || !store->may_stage) {
		if (status != MLM_OK && err)
			*err = why;
		return status;
	}
	status = from->rewind(from->payload, err);
	return status == MLM_OK ? stage(store, path, from, err) : status;
}

static mlm_status put(struct artifact_store *base, const char *path,
	const mlm_artifact_reader *from, mlm_error *err)
{
	struct staged_store *store = staged_of(base);
	size_t waiting;
	uint64_t bytes;
	struct artifact_file file;
	mlm_artifact_reader again = { artifact_file_read, &file, -1, artifact_file_rewind };
	mlm_status status = staging_count(store->staging, store->run.id, &waiting, &bytes, err);
	if (status != MLM_OK)
		return status;
	if (!store->inner || waiting)
		return stage(store, path, from, err);
	if (from->rewind || !store->may_stage)
		return put_or_stage(store, path, from, err);
	/* What was read of a pipe cannot be read again. */
	status = copy_pipe(store, path, from, &file, &again.size_bytes, err);
	if (status == MLM_OK)
		status = put_or_stage(store, path, &again, err);
	if (file.file >= 0)
		close(file.file);
	return status;
}

/* ---- get ---- */

/* -1 with MLM_OK: it does not wait. */
static int open_staged(
	struct staged_store *store, const char *path, mlm_status *status_out, mlm_error *err)
{
	struct staged staged;
	int file = -1;
	struct arena *arena = arena_new(&store->base.allocator);
	*status_out = arena ? MLM_OK : no_memory(err);
	/* Again where it was replaced between the two. */
	for (int64_t before = 0; *status_out == MLM_OK && file < 0; before = staged.number) {
		*status_out =
			staging_find(store->staging, store->run.id, path, arena, &staged, err);
		if (*status_out != MLM_OK || !staged.number)
			break;
		file = open(staged.file, O_RDONLY | O_CLOEXEC);
		if (file < 0 && staged.number == before)
			*status_out = error_set_errno(err, errno, "artifact",
				"cannot read the artifact '%.200s', which waits in '%.300s'", path,
				staged.file);
	}
	arena_free(arena);
	return file;
}

static mlm_status give(
	int fd, const struct staged_store *store, const mlm_artifact_writer *into, mlm_error *err)
{
	struct artifact_file file = quiet_file(fd, "an artifact that waits");
	mlm_status status = MLM_OK;
	if (into->write == artifact_file_write) {
		const struct artifact_file *target = into->payload;
		status = artifact_file_copy(target, fd, target->file, err);
	}
	if (status != MLM_OK)
		return status;
	char *buffer = memory_array(&store->base.allocator, ARTIFACT_BUFFER_BYTES, 1);
	status = buffer ? MLM_OK : no_memory(err);
	for (size_t got = 1; status == MLM_OK && got > 0;) {
		status = artifact_file_read(&file, buffer, ARTIFACT_BUFFER_BYTES, &got, err);
		if (status == MLM_OK && got > 0)
			status = into->write(into->payload, buffer, got, err);
	}
	memory_free(&store->base.allocator, buffer);
	return status;
}

/* ---- what waits ---- */

/* What waits of the run, sorted by path. listing_end() is due in any case. */
static mlm_status list_staged(struct staged_store *store, struct listing *listing, mlm_error *err)
{
	const struct staged *items;
	size_t count = 0;
	mlm_status status = listing_begin(listing, &store->base.allocator, err);
	if (status == MLM_OK)
		status = staging_list(
			store->staging, store->run.id, listing->arena, &items, &count, err);
	for (size_t i = 0; i < count && status == MLM_OK; i++)
		status = listing_add(listing, items[i].path, strlen(items[i].path), false,
			items[i].size_bytes, err);
	listing_sort(listing);
	return status;
}

/* *entry_out stays as it is where nothing that waits has the path. */
static mlm_status look(struct staged_store *store, const char *path, mlm_artifact *entry_out,
	bool *is_there_out, mlm_error *err)
{
	struct listing all;
	*is_there_out = false;
	mlm_status status = list_staged(store, &all, err);
	for (size_t i = 0; i < all.count && status == MLM_OK && !*is_there_out; i++) {
		bool is_file = strcmp(all.entries[i].path, path) == 0;
		if (!is_file && !artifact_path_is_below(all.entries[i].path, path))
			continue;
		*is_there_out = true;
		entry_out->is_directory = !is_file;
		entry_out->size_bytes = is_file ? all.entries[i].size_bytes : -1;
	}
	listing_end(&all);
	return status;
}

/* ENOTFOUND, or why it cannot be said. */
static mlm_status not_found(struct staged_store *store, const char *path, mlm_error *err)
{
	mlm_artifact entry = { 0 };
	bool is_there, has_moved;
	mlm_status status = look(store, path, &entry, &is_there, err);
	if (status == MLM_OK && is_there)
		return error_set(err, MLM_ENOTFOUND, "artifact", "'%.200s' is a directory", path);
	if (status == MLM_OK)
		status = ask_nobody(store, &has_moved, err);
	return status == MLM_OK ? error_set(err, MLM_ENOTFOUND, "artifact",
					  "there is no artifact '%.200s' in run %s, which waits "
					  "for its server",
					  path, store->run.id)
				: status;
}

/* ---- get, list, stat ---- */

static mlm_status get(struct artifact_store *base, const char *path,
	const mlm_artifact_writer *into, mlm_error *err)
{
	struct staged_store *store = staged_of(base);
	mlm_status status;
	int file = open_staged(store, path, &status, err);
	if (status != MLM_OK)
		return status;
	if (file >= 0) {
		status = give(file, store, into, err);
		close(file);
		return status;
	}
	return store->inner ? artifact_get(store->inner, path, into, err)
			    : not_found(store, path, err);
}

static mlm_status list_below(
	struct staged_store *store, const char *directory, struct listing *below, mlm_error *err)
{
	struct listing all;
	mlm_status status = list_staged(store, &all, err);
	for (size_t i = 0; i < all.count && status == MLM_OK; i++)
		if (artifact_path_is_below(all.entries[i].path, directory))
			status = listing_add_below(below, directory, all.entries[i].path,
				all.entries[i].size_bytes, err);
	listing_end(&all);
	listing_sort(below);
	return status;
}

/* Both are sorted; what waits is newer. */
static mlm_status visit_both(const struct listing *staged, const struct listing *there,
	artifact_visit_fn visit, void *payload, mlm_error *err)
{
	mlm_status status = MLM_OK;
	size_t i = 0, k = 0;
	while ((i < staged->count || k < there->count) && status == MLM_OK) {
		int order = i == staged->count ? 1
			    : k == there->count
				    ? -1
				    : strcmp(staged->entries[i].path, there->entries[k].path);
		const mlm_artifact *entry = order <= 0 ? &staged->entries[i] : &there->entries[k];
		i += order <= 0;
		k += order >= 0;
		status = visit(payload, entry, err);
	}
	return status;
}

static mlm_status list(struct artifact_store *base, const char *directory, artifact_visit_fn visit,
	void *payload, mlm_error *err)
{
	struct staged_store *store = staged_of(base);
	struct listing staged = { 0 }, there = { 0 };
	bool has_moved = false;
	mlm_error why = MLM_ERROR_INIT;
	mlm_status status = listing_begin(&staged, &base->allocator, err);
	if (status == MLM_OK)
		status = listing_begin(&there, &base->allocator, err);
	if (status == MLM_OK)
		status = list_below(store, directory, &staged, err);
	if (status == MLM_OK) {
		status = store->inner ? artifact_list(
						store->inner, directory, listing_keep, &there, &why)
				      : ask_nobody(store, &has_moved, &why);
		if (is_away(status) && staged.count > 0 && !has_moved)
			status = MLM_OK;
		if (status != MLM_OK && err)
			*err = why;
	}
	if (status == MLM_OK)
		status = visit_both(&staged, &there, visit, payload, err);
	listing_end(&there);
	listing_end(&staged);
	return status;
}

static mlm_status stat_staged(
	struct artifact_store *base, const char *path, mlm_artifact *entry_out, mlm_error *err)
{
	struct staged_store *store = staged_of(base);
	bool is_there;
	mlm_status status = look(store, path, entry_out, &is_there, err);
	if (status != MLM_OK || is_there)
		return status;
	return store->inner ? artifact_stat(store->inner, path, entry_out, err)
			    : not_found(store, path, err);
}

/* ---- remove ---- */

static mlm_status wait_for_lock(struct staged_store *store, int *lock_out, mlm_error *err)
{
	static const struct timespec pause = { .tv_nsec = 20000000 };
	int64_t until_ns = clock_monotonic_ns() + (int64_t)LOCK_WAIT_MS * 1000000;
	for (;;) {
		bool is_taken;
		mlm_error why = MLM_ERROR_INIT;
		mlm_status status = staging_lock(store->staging, lock_out, &is_taken, &why);
		if (status == MLM_OK)
			return MLM_OK;
		if (!is_taken || clock_monotonic_ns() > until_ns) {
			if (err)
				*err = why;
			return status;
		}
		nanosleep(&pause, NULL);
	}
}

/* What waits at the path or below it, in the arena. */
static mlm_status choose(struct staged_store *store, const char *path, struct arena *arena,
	const struct staged *const **chosen_out, size_t *count_out, mlm_error *err)
{
	const struct staged *items;
	size_t count;
	*count_out = 0;
	mlm_status status = staging_list(store->staging, store->run.id, arena, &items, &count, err);
	if (status != MLM_OK)
		return status;
	const struct staged **chosen = arena_array(arena, count + 1, sizeof(*chosen));
	*chosen_out = chosen;
	if (!chosen)
		return no_memory(err);
	for (size_t i = 0; i < count; i++)
		if (strcmp(items[i].path, path) == 0 || artifact_path_is_below(items[i].path, path))
			chosen[(*count_out)++] = &items[i];
	return MLM_OK;
}

/* The place first: if it cannot be asked, nothing has changed. */
static mlm_status remove_both(struct staged_store *store, const char *path,
	const struct staged *const *chosen, size_t count, mlm_error *err)
{
	bool has_moved;
	mlm_error why = MLM_ERROR_INIT;
	mlm_status status = store->inner ? artifact_remove(store->inner, path, &why)
					 : ask_nobody(store, &has_moved, &why);
	if (status == MLM_OK && !store->inner && count == 0 && path[0])
		status = not_found(store, path, &why);
	if (status == MLM_ENOTFOUND && count > 0)
		status = MLM_OK;
	if (status == MLM_OK)
		return staging_remove(store->staging, chosen, count, err);
	if (err)
		*err = why;
	return status;
}

static mlm_status remove_staged(struct artifact_store *base, const char *path, mlm_error *err)
{
	struct staged_store *store = staged_of(base);
	const struct staged *const *chosen = NULL;
	size_t count = 0;
	int lock = -1;
	struct arena *arena = arena_new(&base->allocator);
	mlm_status status =
		arena ? choose(store, path, arena, &chosen, &count, err) : no_memory(err);
	/* One that is on its way would arrive after it was deleted. */
	if (status == MLM_OK && count > 0) {
		status = wait_for_lock(store, &lock, err);
		if (status == MLM_OK)
			status = choose(store, path, arena, &chosen, &count, err);
	}
	if (status == MLM_OK)
		status = remove_both(store, path, chosen, count, err);
	if (lock >= 0)
		staging_unlock(lock);
	arena_free(arena);
	return status;
}

/* Opened by staged_open(), which no URI names. */
static const struct artifact_ops staged_ops = {
	.scheme = "staged",
	.close = close_staged,
	.put = put,
	.get = get,
	.list = list,
	.remove = remove_staged,
	.stat = stat_staged,
};
