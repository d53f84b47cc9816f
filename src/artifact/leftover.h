/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARTIFACT_LEFTOVER_H
#define ARTIFACT_LEFTOVER_H

#include <stdbool.h>

/* Files and directories that have a name only until the work on them is done. Whoever works holds a
 * lock on them (flock), which goes with the process, so that what the dead left is told from what
 * the living use. */

/** Locks what has just been made below the directory. False: another process took it for a leftover
 * in that moment and removes it; make another one. Where the file system has no such locks, this
 * does nothing, and nobody can take it for one. The lock goes with the descriptor. */
bool leftover_hold(int fd, int directory, const char *name);

/** Removes the files and directories of this user directly below the directory (O_PATH or not)
 * whose names begin with prefix and that nobody holds. What cannot be removed stays. */
void leftover_remove(int directory, const char *prefix);

#endif
