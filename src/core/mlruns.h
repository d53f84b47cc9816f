/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_MLRUNS_H
#define CORE_MLRUNS_H

/*
 * A directory as MLflow's file store keeps it:
 *
 *     mlruns/<experiment id>/meta.yaml, tags/<key>, datasets/<id>/meta.yaml
 *     mlruns/<experiment id>/<run id>/meta.yaml, params/<key>, tags/<key>, inputs/<id>/meta.yaml,
 *         metrics/<key> with a line "<milliseconds> <value> <step>" a point, artifacts/
 *     mlruns/.trash/<experiment id>/: the deleted experiments
 *
 * A key with a slash is a path, so a run with keys "a" and "a/b" fits into no such directory. What
 * does not fit lies in <run id>/mlmanager/<params|tags|metrics>/<number>, which MLflow passes over:
 * the first line is the key, each byte that would not stand in a line as %XX, and the rest is the
 * content.
 */

#include "core/transfer.h"

#define MLRUNS_VERSION "1" /* in mlruns/mlmanager.yaml */

struct mlruns_source {
	struct transfer_source base;
	int root; /* mlruns/ */
	int experiment; /* the one being visited */
	int run;
	char *path; /* of root */
	struct arena *arena; /* of the experiment being visited */
	struct arena *run_arena;
	char experiment_path[512]; /* below root */
	const char **metric_paths; /* of the run's metrics, below its directory */
};

/**
 * Opens such a directory, or one that has it somewhere inside and nothing else. Nothing of it is
 * trusted: no link is followed, a file that should be short is read only if it is. given is what
 * the user calls it. The source is to be closed in either case.
 *
 * Errors:  ENOTFOUND, ECORRUPT (there is no experiment in it), EIO, ENOMEM.
 */
mlm_status mlruns_source_open(struct mlruns_source *source, struct run_transfer *transfer,
	const char *path, const char *given, mlm_error *err);
void mlruns_source_close(struct mlruns_source *source);

struct archive_writer;

/** Writes all that the source has as such a directory. directory is where long metrics may wait. */
mlm_status mlruns_write(struct transfer_source *source, struct archive_writer *writer,
	const char *directory, mlm_error *err);

#endif
