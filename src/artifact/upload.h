/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARTIFACT_UPLOAD_H
#define ARTIFACT_UPLOAD_H

#include <stdbool.h>
#include <stddef.h>

/*
 * A file that comes to be below a directory, whole or not at all: it has no name before
 * upload_finish(), or, where the file system cannot have such files, a temporary one
 * (ARTIFACT_TEMPORARY_PREFIX), which leftover_remove() removes of the dead. The functions return
 * false and set errno.
 */
struct upload {
	int root; /* borrowed */
	int file; /* -1 for none */
	char name[64]; /* "" for none */
};

/** root is a directory's descriptor, O_PATH or not. upload_end() is due in any case. */
bool upload_begin(struct upload *upload, int root);

bool upload_write(struct upload *upload, const void *bytes, size_t size);

enum upload_target {
	UPLOAD_REPLACES, /* a file or link that has the path */
	UPLOAD_IS_NEW, /* EEXIST where something has the path */
};

/** Gives the file the path below root, and makes the directories on the way; with is_synced all of
 * it has reached the disk then. EISDIR: a directory has the path; ENOTDIR: a file has the path of
 * one of its directories. */
bool upload_finish(
	struct upload *upload, const char *path, enum upload_target target, bool is_synced);

/** Closes; what has not been finished is gone. */
void upload_end(struct upload *upload);

#endif
