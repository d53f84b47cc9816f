/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_GIT_COMMIT_H
#define CORE_GIT_COMMIT_H

#include <stdbool.h>

#define GIT_COMMIT_SIZE 65 /* 64 digits of a SHA-256 repository, and the NUL */

/**
 * Reads which commit is checked out in the repository that holds start_path, a file or a directory:
 * 40 or 64 lower-case hex digits. No process is started; only .git is read, in the layouts of a
 * plain repository, a linked worktree and a submodule. False, and an empty commit_out, where there
 * is no repository, no commit yet, or the refs are kept in another way (reftable).
 */
bool git_commit_read(const char *start_path, char commit_out[GIT_COMMIT_SIZE]);

#endif
