/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOST_HISTORY_FILE_H
#define HOST_HISTORY_FILE_H

/*
 * What was typed in sessions, one entry a line, with its newlines as \n and backslashes as \\.
 * Sessions add to one file side by side: an entry is one write under a lock, so that a crash loses
 * at most that one. Only its owner can read the file.
 */

#include <stddef.h>

#define HISTORY_FILE_ENTRIES_MAX 2000 /* a load leaves the newest of them in the file */
#define HISTORY_ENTRY_BYTES_MAX  (64u << 10) /* longer ones are not kept */

/** Called with each entry, the oldest first. */
typedef void (*history_entry_fn)(void *payload, const char *entry);

/** Reads the newest entries. A file that is not there has none. Returns 0 or an errno. */
int history_file_load(const char *path, history_entry_fn take, void *payload);

/** Adds an entry, and makes the file and its directory if need be. Returns 0 or an errno. */
int history_file_add(const char *path, const char *entry);

#endif
