/* SPDX-License-Identifier: Apache-2.0 */
#include "base/temporary_file.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int temporary_file_open(void)
{
	const char *directory = getenv("TMPDIR");
	char name[PATH_MAX];
	if (!directory || !directory[0])
		directory = "/tmp";
	int file = open(directory, O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
	if (file >= 0)
		return file;
	/* Not every file system has files without names. */
	snprintf(name, sizeof(name), "%s/mlmanager-XXXXXX", directory);
	file = mkostemp(name, O_CLOEXEC);
	if (file >= 0)
		unlink(name);
	return file;
}
