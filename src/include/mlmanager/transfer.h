/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLMANAGER_TRANSFER_H
#define MLMANAGER_TRANSFER_H

/* Runs on their way: from one store into another, into an archive, out of one. A run that arrives
 * is complete: its experiment by name, its own id, its times, status, params, tags, whole metric
 * histories, dataset inputs, artifacts, and the run that it is nested in. A tracking server gives
 * it another id; the first one goes along as the tag mlmanager.run_id, by which the run is known
 * again whatever way it comes. */

#include "mlmanager/options.h"
#include "mlmanager/run.h"

#ifdef __cplusplus
extern "C" {
#endif

#define MLM_IMPORT_BYTES_MAX_DEFAULT (16ull << 30)

typedef enum mlm_transfer_kind {
	MLM_TRANSFER_PROBLEM = 1, /* text says what was left out, and the rest goes on */
	MLM_TRANSFER_EXPERIMENT = 2, /* it begins; text is its name */
	MLM_TRANSFER_RUN = 3, /* it is done; text is its name */
	MLM_TRANSFER_PROGRESS = 4, /* a part of a run, or of an archive that is unpacked; text is
				      its name. Or the wait for another transfer, as text says */
} mlm_transfer_kind;

/* The sums of a transfer. */
typedef struct mlm_transfer_result {
	size_t experiments;
	size_t runs;
	size_t new_runs; /* that the destination did not have */
	uint64_t points; /* of metrics; those that were there already count */
	size_t artifacts; /* that were copied */
	uint64_t artifact_bytes;
	size_t problems;
} mlm_transfer_result;

/* Strings are borrowed for the call. */
typedef struct mlm_transfer_event {
	mlm_transfer_kind kind;
	const char *text;
	/* PROGRESS inside a file: "artifact 'models/model.bin'", or the "archive 'runs.tar'" that
	 * is unpacked; else "". */
	const char *name;
	uint64_t done_bytes; /* of that file; fewer than before where a cut upload begins again */
	int64_t total_bytes; /* of that file; else -1 */
	const mlm_transfer_result *so_far;
} mlm_transfer_event;

/** Tells what happened, and must not use the manager. Called often, inside a file with each buffer.
 * False ends the transfer with MLM_ESTATE: what has arrived stays, and the same call completes it.
 */
typedef bool (*mlm_transfer_fn)(void *payload, const mlm_transfer_event *event);

#define MLM_TRANSFER_OPTIONS_VERSION 1u
typedef struct mlm_transfer_options {
	uint32_t version;
	/* Which ones: runs with those nested in them, and experiments. Neither: everything. */
	const char *const *run_ids;
	size_t run_count;
	const char *const *experiment_ids;
	size_t experiment_count;
	bool overwrite; /* an export replaces the file that is there */
	/* Imports: the experiment that takes all runs; NULL: those that they come from, by name. */
	const char *experiment_name;
	bool dry_run; /* imports and syncs: says what would arrive, and changes nothing */
	uint64_t bytes_max; /* an archive unpacks to no more; 0: MLM_IMPORT_BYTES_MAX_DEFAULT */
	mlm_transfer_fn report; /* NULL: nobody is told */
	void *payload;
} mlm_transfer_options;
#define MLM_TRANSFER_OPTIONS_INIT \
	MLM_OPTIONS_INIT(mlm_transfer_options, MLM_TRANSFER_OPTIONS_VERSION)

/**
 * Writes runs into one archive that holds a directory mlruns/ as MLflow's file store has it, so
 * MLflow opens it where it is unpacked. The file is there once it is whole.
 *
 * Shape:   the end of path tells the format: .tar.gz, .tgz, .tar.zst, .tar or .zip.
 * Errors:  EINVAL (path; an experiment or run has an id that no directory can have), EEXISTS (the
 *          file, without overwrite), ENOTFOUND (a run or an experiment), EIO, EFULL, EUNSUPPORTED
 *          (libarchive or libyaml is not installed).
 * Cost:    metrics too long for memory wait in an unnamed file beside the archive.
 */
MLM_EXPORT mlm_status mlm_export(mlm_manager *manager, const char *path,
	const mlm_transfer_options *options, mlm_transfer_result *result_out, mlm_error *err);

/**
 * Puts the runs of an archive, or of a directory as MLflow's file store has it, into the store. A
 * run keeps its id; one that is there already gets what it lacks, and nothing of it changes, so
 * importing again is fine.
 *
 * Shape:   what cannot be taken is a problem of its own and does not hold up the rest: a param with
 *          another value, a key or value that breaks a limit, an experiment or run that is deleted
 *          here, a file that is broken.
 * Errors:  ENOTFOUND (path), ECORRUPT (no such archive or directory, a damaged archive, or one with
 *          links, names that lead out of it, or more than bytes_max bytes; nothing has arrived),
 *          EIO, EFULL, EAGAIN, EUNSUPPORTED.
 * Cost:    an archive is unpacked first, under TMPDIR, else /var/tmp. What an import that was
 *          killed left there, the next one removes.
 */
MLM_EXPORT mlm_status mlm_import(mlm_manager *manager, const char *path,
	const mlm_transfer_options *options, mlm_transfer_result *result_out, mlm_error *err);

/**
 * Copies runs from one manager's store into another's. Runs arrive as with mlm_import(), and the
 * source is taken to be the newer: tags, status, end time and artifacts that differ become its. An
 * artifact of the same size is compared by checksum, unless the run has ended here as it has there;
 * then it is taken to be the same.
 *
 * Shape:   into may be NULL in a dry run, and is then a store that is still to be made.
 * Errors:  EINVAL (both are one store), ENOTFOUND (a run or an experiment), EIO, EFULL, EAGAIN.
 */
MLM_EXPORT mlm_status mlm_sync(mlm_manager *from, mlm_manager *into,
	const mlm_transfer_options *options, mlm_transfer_result *result_out, mlm_error *err);

#ifdef __cplusplus
}
#endif
#endif
