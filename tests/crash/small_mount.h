/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_CRASH_SMALL_MOUNT_H
#define TESTS_CRASH_SMALL_MOUNT_H

/* Mounts that only this process sees: as root, or else in a user namespace of its own. They vanish
 * with the process. */

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/vfs.h>

#include "store_reading.h"

static inline bool mount_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);
	bool done = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
	if (fd >= 0)
		close(fd);
	return done;
}

/* Must come before any thread. False where neither way is allowed. */
static inline bool mount_prepare(void)
{
	uid_t user = geteuid();
	gid_t group = getegid();
	char map[64];
	if (unshare(CLONE_NEWNS) != 0) {
		if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0)
			return false;
		snprintf(map, sizeof(map), "0 %ld 1", (long)user);
		if (!mount_write("/proc/self/setgroups", "deny") ||
			!mount_write("/proc/self/uid_map", map))
			return false;
		snprintf(map, sizeof(map), "0 %ld 1", (long)group);
		if (!mount_write("/proc/self/gid_map", map))
			return false;
	}
	return mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
}

/* An empty file system of that size at the path, which is a directory. */
static inline bool mount_small(const char *path, size_t size_bytes)
{
	char options[64];
	snprintf(options, sizeof(options), "size=%zu", size_bytes);
	return mount("mlmanager-test", path, "tmpfs", 0, options) == 0;
}

static inline bool mount_grow(const char *path, size_t size_bytes)
{
	char options[64];
	snprintf(options, sizeof(options), "size=%zu", size_bytes);
	return mount("mlmanager-test", path, "tmpfs", MS_REMOUNT, options) == 0;
}

static inline size_t mount_free_bytes(const char *path)
{
	struct statfs about;
	return statfs(path, &about) == 0 ? (size_t)about.f_bfree * (size_t)about.f_bsize : 0;
}

#endif
