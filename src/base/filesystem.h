/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_FILESYSTEM_H
#define BASE_FILESYSTEM_H

#include <stdbool.h>
#include <stdint.h>

/** Whether a file system of this statfs() magic number is reached over a network or another
 * kernel, so that mapped files are not shared between its clients and locks may be weak. */
bool filesystem_magic_is_network(uint64_t magic);

/** Whether the file lies on such a file system. A file that does not exist yet is looked for by its
 * directory; one that cannot be asked counts as local. */
bool filesystem_is_network(const char *path);

/** How many bytes this process may still write to the file system of that path; INT64_MAX where it
 * does not say. */
int64_t filesystem_free_bytes(const char *path);

#endif
