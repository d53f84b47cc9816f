/* SPDX-License-Identifier: Apache-2.0 */
#include "base/directory.h"

#include <errno.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

int directory_make(const char *path)
{
	if (mkdir(path, 0777) == 0 || errno == EEXIST)
		return 0;
	if (errno != ENOENT)
		return errno;
	char parents[PATH_MAX];
	size_t size = strlen(path) + 1;
	if (size > sizeof(parents))
		return ENAMETOOLONG;
	memcpy(parents, path, size);
	int errnum = 0;
	for (char *slash = strchr(parents + 1, '/'); slash && errnum == 0;
		slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(parents, 0777) != 0 && errno != EEXIST)
			errnum = errno;
		*slash = '/';
	}
	if (errnum == 0 && mkdir(path, 0777) != 0 && errno != EEXIST)
		errnum = errno;
	return errnum;
}

#define OPEN_DIRECTORIES_MAX 16 /* descriptors that the walk holds at a time */

static int remove_entry(const char *path, const struct stat *about, int type, struct FTW *place)
{
	(void)about;
	(void)type;
	return place->level > 0 && remove(path) != 0 ? errno : 0;
}

int directory_empty(const char *path)
{
	int result = nftw(path, remove_entry, OPEN_DIRECTORIES_MAX, FTW_DEPTH | FTW_PHYS);
	if (result == -1)
		return errno == ENOENT ? 0 : errno;
	return result;
}
