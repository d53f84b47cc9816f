/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLMANAGER_ARTIFACT_H
#define MLMANAGER_ARTIFACT_H

#include "mlmanager/run.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * The files of runs. An artifact has a path from its run's root: relative, UTF-8, parts separated
 * by '/', none of them "." or "..", no control characters. There are no empty directories: one
 * comes with its first file and goes with its last. Bytes stream: no call holds more than a few
 * megabytes (80 while large ones go to S3 or come from there), and none holds the manager's lock
 * while they move, so other threads log meanwhile.
 *
 * While a tracking server is away, what is logged waits on this machine and is read as if it were
 * there; delivery.h has the rest. A delete, and reading what does not wait, then fail with EAGAIN.
 */

#define MLM_ARTIFACT_PATH_MAX  1024 /* bytes of an artifact's path, without the NUL */
#define MLM_ARTIFACT_PART_MAX  255 /* bytes of a part: what file systems take */
#define MLM_ARTIFACT_DEPTH_MAX 64 /* parts of a path */
/* What an archive may expand to unless options say otherwise. */
#define MLM_ARTIFACT_EXPANDED_BYTES_MAX (UINT64_C(16) << 30)

/**
 * Where bytes come from. read fills up to size bytes and says how many in *got_out; 0 is the end.
 * size_bytes is how many come in all, -1 when that is not known. rewind goes back to the first
 * byte, so that a connection that was cut can be tried again; NULL where that cannot be done.
 */
typedef struct mlm_artifact_reader {
	mlm_status (*read)(
		void *payload, void *bytes, size_t size, size_t *got_out, mlm_error *err);
	void *payload;
	int64_t size_bytes;
	mlm_status (*rewind)(void *payload, mlm_error *err);
} mlm_artifact_reader;

/** Where bytes go. write takes all size bytes or fails. */
typedef struct mlm_artifact_writer {
	mlm_status (*write)(void *payload, const void *bytes, size_t size, mlm_error *err);
	void *payload;
} mlm_artifact_writer;

/* One entry of a listing. */
typedef struct mlm_artifact {
	const char *path; /* from the run's root */
	bool is_directory;
	int64_t size_bytes; /* -1 for a directory */
} mlm_artifact;

/* All memory of the items belongs to the list. */
typedef struct mlm_artifact_list {
	const mlm_artifact *items; /* sorted by path */
	size_t count;
	void *memory;
} mlm_artifact_list;

/** How far a call is; false ends it with MLM_ESTATE. name is what its bytes belong to now,
 * total_bytes -1 where that is not known. Called in the caller's thread every 100 ms or so, also
 * while a server is waited for and nothing moves, when the manager may be locked: it makes no calls
 * on the manager. */
typedef bool (*mlm_artifact_progress_fn)(
	void *payload, const char *name, uint64_t done_bytes, int64_t total_bytes);

#define MLM_ARTIFACT_OPTIONS_VERSION 1u
typedef struct mlm_artifact_options {
	uint32_t version;
	bool zip; /* logging: a directory becomes one zip archive */
	bool extract; /* downloading: an archive becomes the directory it holds */
	uint64_t expanded_bytes_max; /* 0: MLM_ARTIFACT_EXPANDED_BYTES_MAX */
	mlm_artifact_progress_fn progress; /* NULL: none */
	void *progress_payload;
} mlm_artifact_options;
#define MLM_ARTIFACT_OPTIONS_INIT                       \
	{                                               \
		.version = MLM_ARTIFACT_OPTIONS_VERSION \
	}

/* ---- logging ---- */

/**
 * Stores a file as the artifact called name, replacing one of that name; whoever reads it sees the
 * old bytes or the new. name NULL: the file's base name. A directory is stored as a tree below
 * name, each file for itself, or with options.zip as one archive (name NULL: with ".zip" behind its
 * base name). Links to files are followed, links to directories refused.
 *
 * Errors:  ENOTFOUND, EIO (local_path; of a directory all is looked at before anything is stored),
 *          EINVAL (name, or a name in the directory; what is neither a file nor a directory),
 *          EEXISTS (a directory has that name, or a file
 *          that of one of its directories), ESTATE (the run has ended or is deleted), EUNSUPPORTED
 *          (the run's artifacts lie where this build cannot reach), EFULL.
 */
MLM_EXPORT mlm_status mlm_run_log_artifact(mlm_run *run, const char *local_path, const char *name,
	const mlm_artifact_options *options, mlm_error *err);

/** Several at once: all files are looked at and all names checked before the first is stored. names
 * NULL, or one of them: base names. Errors: as mlm_run_log_artifact(), and EINVAL for a name that
 * is given twice, or that another's directory would have. */
MLM_EXPORT mlm_status mlm_run_log_artifacts(mlm_run *run, const char *const *local_paths,
	const char *const *names, size_t count, const mlm_artifact_options *options,
	mlm_error *err);

/** Stores what the reader gives; its errors are passed on, and then nothing has changed. */
MLM_EXPORT mlm_status mlm_run_log_stream(mlm_run *run, const char *name,
	const mlm_artifact_reader *reader, const mlm_artifact_options *options, mlm_error *err);

/** Stores size bytes of memory. */
MLM_EXPORT mlm_status mlm_run_log_bytes(
	mlm_run *run, const char *name, const void *bytes, size_t size, mlm_error *err);

/**
 * Stores an image as a PNG.
 *
 * Shape:   pixels is height rows of width pixels of channels bytes, the top row first: 1 grey,
 *          2 grey and alpha, 3 RGB, 4 RGBA; 0..255 each.
 * Limits:  width and height 1..65535; name ends with ".png".
 * Errors:  as mlm_run_log_stream(), EINVAL (a size or name), EUNSUPPORTED (libpng is not
 *          installed).
 */
MLM_EXPORT mlm_status mlm_run_log_image(mlm_run *run, const char *name, const void *pixels,
	uint32_t width, uint32_t height, uint32_t channels, mlm_error *err);

#define MLM_IMAGE_KEY_MAX 128 /* bytes */

/**
 * Stores an image as one of a row that a key has, as MLflow's log_image(key=, step=) does, so that
 * its page shows them in a grid with a slider: a PNG
 * "images/KEY+step+STEP+timestamp+MS+ID.png" (with '~' for each '/' of the key), beside it a
 * WebP of at most 256 x 256 pixels, and a tag of the run.
 *
 * Shape:   pixels as for mlm_run_log_image(); timestamp_ms may be MLM_TIME_NOW.
 * Limits:  key has 1 to MLM_IMAGE_KEY_MAX letters and digits of ASCII, '_', '-', '.', '/', ' '.
 * Errors:  as mlm_run_log_image(), EINVAL (key, timestamp_ms), EUNSUPPORTED (libwebp is not
 *          installed).
 */
MLM_EXPORT mlm_status mlm_run_log_image_step(mlm_run *run, const char *key, int64_t step,
	int64_t timestamp_ms, const void *pixels, uint32_t width, uint32_t height,
	uint32_t channels, mlm_error *err);

/* ---- reading, of any run by its id ---- */

/** What lies directly in a directory of the run; path NULL or "" is its root. What is no directory
 * has nothing in it. Errors: ENOTFOUND (run_id), EINVAL, EUNSUPPORTED, EIO.
 * Owns: free *list_out with mlm_artifact_list_free(). */
MLM_EXPORT mlm_status mlm_artifact_list_directory(mlm_manager *manager, const char *run_id,
	const char *path, mlm_artifact_list **list_out, mlm_error *err);

/** NULL is a no-op. */
MLM_EXPORT void mlm_artifact_list_free(mlm_artifact_list *list);

/** What has that name: *artifact_out without a path. Errors: as
 * mlm_artifact_list_directory(), ENOTFOUND. */
MLM_EXPORT mlm_status mlm_artifact_find(mlm_manager *manager, const char *run_id, const char *name,
	mlm_artifact *artifact_out, mlm_error *err);

/** Gives the writer all bytes of an artifact; its errors are passed on. Bytes whose checksum is
 * known are checked: ECORRUPT, after they went out. Errors: as
 * mlm_artifact_list_directory(), ENOTFOUND. */
MLM_EXPORT mlm_status mlm_artifact_read(mlm_manager *manager, const char *run_id, const char *name,
	const mlm_artifact_writer *writer, const mlm_artifact_options *options, mlm_error *err);

/**
 * Copies an artifact to local_path: a file to a file of that name (or into it, where it is a
 * directory or ends with '/'), a directory's files below it. name "" is all of the run. With
 * options.extract a zip or tar archive is extracted into the directory local_path. A file is there
 * whole or not at all.
 *
 * Errors:  ENOTFOUND (run_id, name, local_path's directory), EIO, EFULL, EUNSUPPORTED. EEXISTS (to
 *          be extracted into what is not an empty directory; a device or pipe where the file goes).
 *          ECORRUPT: damaged bytes; an archive with names that lead out of local_path, with links
 *          or devices, or of more than options.expanded_bytes_max. Nothing of it is extracted then.
 */
MLM_EXPORT mlm_status mlm_artifact_download(mlm_manager *manager, const char *run_id,
	const char *name, const char *local_path, const mlm_artifact_options *options,
	mlm_error *err);

/** The SHA-256 of an artifact's bytes, as 64 hex digits and a NUL; they are read for it. Errors: as
 * mlm_artifact_read(), EUNSUPPORTED (libcrypto is not installed). */
MLM_EXPORT mlm_status mlm_artifact_sha256(mlm_manager *manager, const char *run_id,
	const char *name, char hex_out[65], mlm_error *err);

/** Deletes an artifact for good, a directory with all in it. Errors: ENOTFOUND, ESTATE (the run is
 * deleted), EINVAL, EUNSUPPORTED, EIO. */
MLM_EXPORT mlm_status mlm_artifact_delete(
	mlm_manager *manager, const char *run_id, const char *name, mlm_error *err);

/* An artifact that is read piece by piece, by a thread of its own that waits for the reader. */
typedef struct mlm_artifact_stream mlm_artifact_stream;

/** Errors: as mlm_artifact_list_directory(), ENOTFOUND.
 * Owns: mlm_artifact_stream_close() *stream_out. */
MLM_EXPORT mlm_status mlm_artifact_stream_open(mlm_manager *manager, const char *run_id,
	const char *name, mlm_artifact_stream **stream_out, mlm_error *err);

/** The next bytes, at most size; *got_out 0 is the end. Errors: as mlm_artifact_read().
 * Threads: one at a time. */
MLM_EXPORT mlm_status mlm_artifact_stream_read(
	mlm_artifact_stream *stream, void *bytes, size_t size, size_t *got_out, mlm_error *err);

/** At any time before mlm_manager_free(); NULL is a no-op. */
MLM_EXPORT void mlm_artifact_stream_close(mlm_artifact_stream *stream);

#ifdef __cplusplus
}
#endif
#endif
