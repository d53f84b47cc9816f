/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_ARTIFACT_BYTES_H
#define STORE_ARTIFACT_BYTES_H

/*
 * What a tracking store does that keeps artifacts' bytes itself, for "blob:" locations. A content
 * is the bytes of one artifact, in chunks; it is seen once it has been given a name, and waste from
 * when it loses it. Waste is freed a piece at a time, so that no other writer waits for long.
 *
 * Threads: as the store's.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mlmanager/error.h"

struct store;

#define STORE_CHUNK_BYTES (1u << 20) /* all chunks but the last have this size */
/* A content that has no name and got no chunk for so long belongs to an upload that died. */
#define STORE_UPLOAD_STALE_MS (60 * 60 * 1000)
/* How long a content that was replaced can still be read, where no transaction holds it: that would
 * take a connection for as long as the reader takes. */
#define STORE_REPLACED_KEPT_MS (60 * 1000)

struct store_content {
	int64_t id;
	int64_t size_bytes;
	char sha256[65]; /* hex digits and a NUL */
};

/* The name is borrowed for the call. Another status than MLM_OK ends the listing with it. */
typedef mlm_status (*store_content_fn)(
	void *payload, const char *name, int64_t size_bytes, mlm_error *err);

struct store_artifact_ops {
	/* Begins a content of that size (-1: not known). EFULL: there is no room for it. */
	mlm_status (*begin_content)(
		struct store *store, int64_t size_bytes, int64_t *content_out, mlm_error *err);
	/* Adds chunk number index (0, 1, …). EAGAIN: it was taken for dead and freed. EFULL, as
	 * long as the store still has room for what is not an artifact. */
	mlm_status (*add_chunk)(struct store *store, int64_t content, int64_t index,
		const void *bytes, size_t size, mlm_error *err);
	/* Gives the content its name among those of owner (the id of a run or model). What had the
	 * name becomes waste. EEXISTS: the name is that of a directory, or goes through a file.
	 * EAGAIN as add_chunk. */
	mlm_status (*name_content)(struct store *store, const char *owner, const char *name,
		const struct store_content *content, mlm_error *err);
	/* Makes a content without a name waste. */
	mlm_status (*drop_content)(struct store *store, int64_t content, mlm_error *err);
	/* Frees a piece of the waste; *more_out: there is some left. */
	mlm_status (*free_waste)(struct store *store, bool *more_out, mlm_error *err);

	/* Finds a content by its name, to be read until end_reading(): also what is replaced
	 * meanwhile, for STORE_REPLACED_KEPT_MS at least. ENOTFOUND: *content_out is zero, and
	 * nothing is to be ended. */
	mlm_status (*begin_reading)(struct store *store, const char *owner, const char *name,
		struct store_content *content_out, mlm_error *err);
	/* bytes has room for STORE_CHUNK_BYTES. ECORRUPT: there is no such chunk. EAGAIN: the
	 * content was removed meanwhile, or replaced long ago. */
	mlm_status (*read_chunk)(struct store *store, int64_t content, int64_t index, void *bytes,
		size_t *size_out, mlm_error *err);
	void (*end_reading)(struct store *store);

	/* All names of owner below a directory ("": all), sorted. */
	mlm_status (*list_contents)(struct store *store, const char *owner, const char *directory,
		store_content_fn visit, void *payload, mlm_error *err);
	/* Takes the name, and all names below it as a directory ("": all), from their contents,
	 * which become waste. *count_out: how many. */
	mlm_status (*remove_contents)(struct store *store, const char *owner, const char *name,
		size_t *count_out, mlm_error *err);
};

#endif
