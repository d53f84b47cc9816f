/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARTIFACT_ARTIFACT_H
#define ARTIFACT_ARTIFACT_H

/*
 * What the core asks of a place that keeps artifacts. A backend's struct starts with
 * `struct artifact_store` and fills one `static const struct artifact_ops`. A store is one root,
 * that of a run; paths are relative to it, separated by '/', and have been through
 * artifact_path_check() before a backend sees them. There are no empty directories: one comes with
 * its first file and is gone with its last.
 *
 * Threads: a store is used by one thread at a time. Several stores may have the same root.
 */

#include "mlmanager/artifact.h"
#include "mlmanager/manager.h"
#include "store/store.h"

struct artifact_store;

#define ARTIFACT_BUFFER_BYTES (1u << 20) /* what a stream holds in memory */
#define ARTIFACT_RETRY_MS     60000u /* how long a request to a server is tried again */

struct artifact_options {
	const char *uri; /* an artifact_uri as the tracking store has it; borrowed for the call */
	mlm_durability durability;
	mlm_allocator allocator;
	uint32_t retry_ms; /* instead of ARTIFACT_RETRY_MS; 0: that */
	/* The tracking store, for what keeps its bytes there; a backend opens one of its own.
	 * Borrowed until the artifact store is closed. */
	const struct store_ops *tracking_ops;
	const struct store_options *tracking;
};

/* Path and entry are borrowed for the call. Another status than MLM_OK ends the listing with it. */
typedef mlm_status (*artifact_visit_fn)(void *payload, const mlm_artifact *entry, mlm_error *err);

struct artifact_ops {
	/* Every slot must be there; what a backend cannot do is EUNSUPPORTED and says so. */
	const char *scheme; /* "file" */

	/* Checks the URI; reaches for nothing that the first call would not need. EINVAL. */
	mlm_status (*open)(const struct artifact_options *options,
		struct artifact_store **store_out, mlm_error *err);
	void (*close)(struct artifact_store *store);
	/* Stores all that the reader gives, replacing an artifact of that path: whoever reads sees
	 * the old bytes or the new, never a part. When the reader or the store fails, or the
	 * process dies, nothing has changed. EEXISTS: a directory has that path, or a file the
	 * path of one of its directories. */
	mlm_status (*put)(struct artifact_store *store, const char *path,
		const mlm_artifact_reader *from, mlm_error *err);
	/* Gives the writer all bytes of one state of the artifact. What the backend knows a
	 * checksum of is verified: ECORRUPT, after the bytes went out. ENOTFOUND, also for a
	 * directory. */
	mlm_status (*get)(struct artifact_store *store, const char *path,
		const mlm_artifact_writer *into, mlm_error *err);
	/* Visits what lies directly in a directory ("" is the root), sorted by path. What is no
	 * directory has nothing in it, which is no error. */
	mlm_status (*list)(struct artifact_store *store, const char *directory,
		artifact_visit_fn visit, void *payload, mlm_error *err);
	/* Removes a file, or a directory with all below it; "" empties the root and is fine with
	 * nothing there. ENOTFOUND. */
	mlm_status (*remove)(struct artifact_store *store, const char *path, mlm_error *err);
	/* What has that path: entry_out->path stays NULL. ENOTFOUND. */
	mlm_status (*stat)(struct artifact_store *store, const char *path, mlm_artifact *entry_out,
		mlm_error *err);
	/* From any thread: a call that waits for a network, and later ones, fail with EAGAIN soon.
	 * The one slot that may be NULL: there is no network. */
	void (*interrupt)(struct artifact_store *store);
};

/* First member of every backend's struct. */
struct artifact_store {
	const struct artifact_ops *ops;
	mlm_allocator allocator;
};

extern const struct artifact_ops local_artifact_ops;
extern const struct artifact_ops mlflow_artifact_ops;
extern const struct artifact_ops s3_artifact_ops;
extern const struct artifact_ops blob_artifact_ops;

/** Opens the store of options->uri. EUNSUPPORTED: a scheme without a backend; EINVAL. */
mlm_status artifact_open(
	const struct artifact_options *options, struct artifact_store **store_out, mlm_error *err);
/** NULL is a no-op. */
void artifact_close(struct artifact_store *store);
/** How long its requests to a server are tried again. */
uint32_t artifact_retry_ms(const struct artifact_options *options);

/* The operations, with their paths checked: EINVAL. */

mlm_status artifact_put(struct artifact_store *store, const char *path,
	const mlm_artifact_reader *from, mlm_error *err);
mlm_status artifact_get(struct artifact_store *store, const char *path,
	const mlm_artifact_writer *into, mlm_error *err);
mlm_status artifact_list(struct artifact_store *store, const char *directory,
	artifact_visit_fn visit, void *payload, mlm_error *err);
mlm_status artifact_remove(struct artifact_store *store, const char *path, mlm_error *err);
mlm_status artifact_stat(
	struct artifact_store *store, const char *path, mlm_artifact *entry_out, mlm_error *err);

/** Visits every file below a directory, in the order of listings. EINVAL: more than
 * MLM_ARTIFACT_DEPTH_MAX levels, which others may have made. */
mlm_status artifact_walk(struct artifact_store *store, const char *directory,
	artifact_visit_fn visit, void *payload, mlm_error *err);

#endif
