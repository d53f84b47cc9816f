/* SPDX-License-Identifier: Apache-2.0 */
#include "artifact/upload.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "artifact/artifact_path.h"
#include "artifact/beneath.h"
#include "artifact/leftover.h"
#include "base/clock.h"

#define FILE_MODE 0666 /* less the umask */

static void make_name(struct upload *upload)
{
	snprintf(upload->name, sizeof(upload->name), "%s%ld-%llx", ARTIFACT_TEMPORARY_PREFIX,
		(long)getpid(), (unsigned long long)clock_monotonic_ns());
}

bool upload_begin(struct upload *upload, int root)
{
	*upload = (struct upload){ .root = root };
	upload->file = openat(root, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, FILE_MODE);
	/* A file without a name gets one through /proc. */
	if (upload->file >= 0 && access("/proc/self/fd", X_OK) == 0)
		return true;
	if (upload->file >= 0)
		close(upload->file);
	else if (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL && errno != ENOENT)
		return false;
	do {
		make_name(upload);
		upload->file = openat(
			root, upload->name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, FILE_MODE);
		if (upload->file >= 0 && leftover_hold(upload->file, root, upload->name))
			return true;
		if (upload->file >= 0) {
			close(upload->file);
			upload->file = -1;
			errno = EEXIST;
		}
	} while (errno == EEXIST);
	upload->name[0] = '\0';
	return false;
}

bool upload_write(struct upload *upload, const void *bytes, size_t size)
{
	const char *from = bytes;
	while (size > 0) {
		ssize_t written = write(upload->file, from, size);
		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return false;
		from += written;
		size -= (size_t)written;
	}
	return true;
}

static bool sync_directory(int path_handle)
{
	int directory = openat(path_handle, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (directory < 0)
		return false;
	bool is_done = fsync(directory) == 0;
	close(directory);
	return is_done;
}

static bool link_to(struct upload *upload, int directory, const char *name)
{
	char self[32];
	snprintf(self, sizeof(self), "/proc/self/fd/%d", upload->file);
	return linkat(AT_FDCWD, self, directory, name, AT_SYMLINK_FOLLOW) == 0;
}

/* At once where the name is free, else by a rename over what has it. */
static bool place(struct upload *upload, int parent, const char *name, enum upload_target target)
{
	bool replaces = target == UPLOAD_REPLACES;
	if (!upload->name[0]) {
		if (link_to(upload, parent, name))
			return true;
		if (errno != EEXIST || !replaces)
			return false;
		make_name(upload);
		if (!link_to(upload, upload->root, upload->name)) {
			upload->name[0] = '\0';
			return false;
		}
		leftover_hold(upload->file, upload->root, upload->name);
	}
	unsigned flags = replaces ? 0 : RENAME_NOREPLACE;
	int result = renameat2(upload->root, upload->name, parent, name, flags);
	/* What a file system cannot do in one step leaves a moment for somebody else. */
	if (result != 0 && errno == EINVAL && !replaces) {
		errno = EEXIST;
		if (faccessat(parent, name, F_OK, AT_SYMLINK_NOFOLLOW) != 0)
			result = renameat(upload->root, upload->name, parent, name);
	}
	if (result == 0)
		upload->name[0] = '\0';
	return result == 0;
}

bool upload_finish(
	struct upload *upload, const char *path, enum upload_target target, bool is_synced)
{
	if (is_synced && fsync(upload->file) != 0)
		return false;
	int parent = beneath_make_parent(upload->root, path);
	if (parent < 0)
		return false;
	bool is_done = place(upload, parent, artifact_path_name(path), target) &&
		       (!is_synced || sync_directory(parent));
	int kept = errno;
	close(parent);
	errno = kept;
	return is_done;
}

void upload_end(struct upload *upload)
{
	if (upload->file >= 0)
		close(upload->file);
	if (upload->name[0])
		unlinkat(upload->root, upload->name, 0);
	upload->file = -1;
	upload->name[0] = '\0';
}
