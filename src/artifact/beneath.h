/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARTIFACT_BENEATH_H
#define ARTIFACT_BENEATH_H

/* System calls on relative paths that cannot leave the directory they start from, whatever links
 * there are and whoever changes them meanwhile. All return -1 and set errno, EXDEV or ELOOP for a
 * path that would leave. "" is the root itself. */

/** As openat(), close-on-exec, for what is there. Links that stay inside are followed where the
 * kernel can see to that (Linux 5.6, and a container that lets it); else none is. */
int beneath_open(int root, const char *path, int flags);

/** beneath_open() of those that cannot: part by part, following no link. */
int beneath_open_by_parts(int root, const char *path, int flags);

/** Opens the directory that path lies in, O_PATH. */
int beneath_open_parent(int root, const char *path);

/** As beneath_open_parent(), and makes the directories that are not there. */
int beneath_make_parent(int root, const char *path);

/** Removes a file, a link (not what it points to), or a directory with all that is in it. */
int beneath_remove(int root, const char *path);

/** Removes all that is in the directory. */
int beneath_empty(int directory);

/** Removes a directory with all that is in it; path is anywhere, and no link itself. */
int beneath_remove_directory(const char *path);

#endif
