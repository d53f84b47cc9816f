/* SPDX-License-Identifier: Apache-2.0 */
#include "artifact/leftover.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "artifact/beneath.h"

static bool has_name(int fd, int directory, const char *name)
{
	struct stat held, named;
	return fstat(fd, &held) == 0 &&
	       fstatat(directory, name, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
	       held.st_ino == named.st_ino && held.st_dev == named.st_dev;
}

bool leftover_hold(int fd, int directory, const char *name)
{
	if (flock(fd, LOCK_EX | LOCK_NB) != 0)
		return errno != EWOULDBLOCK;
	return has_name(fd, directory, name);
}

static void remove_if_dead(int directory, const char *name)
{
	struct stat about;
	if (fstatat(directory, name, &about, AT_SYMLINK_NOFOLLOW) != 0 ||
		about.st_uid != geteuid() || !(S_ISREG(about.st_mode) || S_ISDIR(about.st_mode)))
		return;
	/* A lock over a network wants a file that may be written. */
	int mode = S_ISDIR(about.st_mode) ? O_RDONLY | O_DIRECTORY : O_RDWR | O_NONBLOCK;
	int fd = openat(directory, name, mode | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0 && has_name(fd, directory, name))
		beneath_remove(directory, name);
	close(fd);
}

void leftover_remove(int directory, const char *prefix)
{
	int copy = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *entries = copy < 0 ? NULL : fdopendir(copy);
	if (!entries) {
		if (copy >= 0)
			close(copy);
		return;
	}
	for (struct dirent *entry; (entry = readdir(entries));) {
		if (strncmp(entry->d_name, prefix, strlen(prefix)) == 0)
			remove_if_dead(directory, entry->d_name);
	}
	closedir(entries);
}
