/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_TEMPORARY_FILE_H
#define BASE_TEMPORARY_FILE_H

/** A file without a name in TMPDIR, else in /tmp, open for reading and writing: it is gone with its
 * descriptor. -1 with errno set. */
int temporary_file_open(void);

#endif
