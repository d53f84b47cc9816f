/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_DIRECTORY_H
#define BASE_DIRECTORY_H

/** Makes the directory and its parents; one that is there is fine. Returns 0 or an errno. */
int directory_make(const char *path);

#endif
