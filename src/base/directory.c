/* SPDX-License-Identifier: Apache-2.0 */
#include "base/directory.h"

#include <errno.h>
#include <limits.h>
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
