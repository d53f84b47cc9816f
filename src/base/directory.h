/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_DIRECTORY_H
#define BASE_DIRECTORY_H

/** Makes the directory and its parents; one that is there is fine. Returns 0 or an errno. */
int directory_make(const char *path);

/** Removes all that is in the directory and below, and keeps the directory; links are removed, not
 * followed. A directory that is not there is empty. Returns 0 or an errno. */
int directory_empty(const char *path);

#endif
