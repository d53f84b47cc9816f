/* SPDX-License-Identifier: Apache-2.0 */
#include "artifact/beneath.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "artifact/artifact_path.h"

static void close_keeping_errno(int file)
{
	int kept = errno;
	close(file);
	errno = kept;
}

int beneath_open_by_parts(int root, const char *path, int flags)
{
	int at = root;
	for (;;) {
		char part[NAME_MAX + 1];
		size_t size = strcspn(path, "/");
		bool is_last = path[size] == '\0';
		if (size > NAME_MAX) {
			errno = ENAMETOOLONG;
			break;
		}
		memcpy(part, path, size);
		part[size] = '\0';
		if (strcmp(part, "..") == 0) {
			errno = EXDEV;
			break;
		}
		int next =
			is_last ? openat(at, part, flags | O_NOFOLLOW | O_CLOEXEC)
				: openat(at, part, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (at != root)
			close_keeping_errno(at);
		if (next < 0 || is_last)
			return next;
		at = next;
		path += size + 1;
	}
	if (at != root)
		close_keeping_errno(at);
	return -1;
}

int beneath_open(int root, const char *path, int flags)
{
	struct open_how how = {
		.flags = (unsigned)(flags | O_CLOEXEC),
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
	};
	if (!path[0])
		path = ".";
	for (;;) {
		int file = (int)syscall(SYS_openat2, root, path, &how, sizeof(how));
		if (file >= 0)
			return file;
		if (errno == ENOSYS || errno == EPERM)
			return beneath_open_by_parts(root, path, flags);
		/* EAGAIN: something was renamed meanwhile. */
		if (errno != EAGAIN && errno != EINTR)
			return -1;
	}
}

/* The part of path before its name; "" when it is all name. */
static bool copy_parent(const char *path, char parent[PATH_MAX])
{
	size_t size = (size_t)(artifact_path_name(path) - path);
	if (size >= PATH_MAX) {
		errno = ENAMETOOLONG;
		return false;
	}
	memcpy(parent, path, size);
	parent[size ? size - 1 : 0] = '\0';
	return true;
}

int beneath_open_parent(int root, const char *path)
{
	char parent[PATH_MAX];
	if (!copy_parent(path, parent))
		return -1;
	return beneath_open(root, parent, O_PATH | O_DIRECTORY);
}

int beneath_make_parent(int root, const char *path)
{
	char parent[PATH_MAX];
	if (!copy_parent(path, parent))
		return -1;
	int at = beneath_open(root, "", O_PATH | O_DIRECTORY);
	for (char *slash = parent; at >= 0 && parent[0] && slash;) {
		slash = strchr(slash, '/');
		if (slash)
			*slash = '\0';
		int next = beneath_open(root, parent, O_PATH | O_DIRECTORY);
		if (next < 0 && errno == ENOENT) {
			if (mkdirat(at, artifact_path_name(parent), 0777) == 0 || errno == EEXIST)
				next = beneath_open(root, parent, O_PATH | O_DIRECTORY);
		}
		close_keeping_errno(at);
		at = next;
		if (slash)
			*slash++ = '/';
	}
	return at;
}

static int remove_at(int directory, const char *name)
{
	if (unlinkat(directory, name, 0) == 0)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return -1;
	int inner = openat(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (inner < 0)
		return -1;
	int result = beneath_empty(inner);
	close_keeping_errno(inner);
	return result == 0 ? unlinkat(directory, name, AT_REMOVEDIR) : -1;
}

int beneath_empty(int directory)
{
	int copy = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *entries = copy >= 0 ? fdopendir(copy) : NULL;
	if (!entries) {
		if (copy >= 0)
			close_keeping_errno(copy);
		return -1;
	}
	int result = 0;
	while (result == 0) {
		errno = 0;
		const struct dirent *entry = readdir(entries);
		if (!entry) {
			result = errno ? -1 : 0;
			break;
		}
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		result = remove_at(dirfd(entries), entry->d_name);
		if (result != 0 && errno == ENOENT)
			result = 0; /* somebody else removed it */
	}
	int kept = errno;
	closedir(entries);
	errno = kept;
	return result;
}

int beneath_remove(int root, const char *path)
{
	int parent = beneath_open_parent(root, path);
	if (parent < 0)
		return -1;
	int result = remove_at(parent, artifact_path_name(path));
	close_keeping_errno(parent);
	return result;
}

int beneath_remove_directory(const char *path)
{
	int directory = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (directory < 0)
		return -1;
	int result = beneath_empty(directory);
	close_keeping_errno(directory);
	return result == 0 ? rmdir(path) : result;
}
