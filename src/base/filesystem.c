/* SPDX-License-Identifier: Apache-2.0 */
#include "base/filesystem.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

bool filesystem_magic_is_network(uint64_t magic)
{
	switch (magic & 0xffffffffu) {
	case 0x6969: /* NFS */
	case 0x517B: /* SMB */
	case 0xFF534D42: /* CIFS */
	case 0xFE534D42: /* SMB2 */
	case 0x01021997: /* 9p: shares of virtual machines and WSL */
	case 0x65735546: /* FUSE: sshfs, s3fs, gluster; a local one loses only WAL */
	case 0x00C36400: /* Ceph */
	case 0x0BD00BD0: /* Lustre */
	case 0x47504653: /* GPFS */
	case 0x5346414F: /* AFS */
	case 0x6B414653: /* kAFS */
	case 0x73757245: /* Coda */
	case 0x564C: /* NCP */
	case 0x7461636F: /* OCFS2 */
	case 0x01161970: /* GFS2 */
	case 0x786F4256: /* vboxsf */
	case 0xBACBACBC: /* VMware's hgfs */
	case 0x19830326: /* BeeGFS */
	case 0xAAD7AAEA: /* PanFS */
		return true;
	default:
		return false;
	}
}

bool filesystem_is_network(const char *path)
{
	struct statfs status;
	if (statfs(path, &status) == 0)
		return filesystem_magic_is_network((uint64_t)status.f_type);
	const char *slash = strrchr(path, '/');
	char directory[PATH_MAX] = ".";
	if (slash)
		snprintf(directory, sizeof(directory), "%.*s", (int)(slash - path) + 1, path);
	return statfs(directory, &status) == 0 &&
	       filesystem_magic_is_network((uint64_t)status.f_type);
}

int64_t filesystem_free_bytes(const char *path)
{
	struct statfs status;
	/* Some that are made up have no blocks at all. */
	if (statfs(path, &status) != 0 || status.f_blocks == 0)
		return INT64_MAX;
	/* What is kept for root, root may use. */
	uint64_t blocks = geteuid() == 0 ? status.f_bfree : status.f_bavail;
	uint64_t block_bytes = (uint64_t)status.f_bsize;
	return block_bytes && blocks > INT64_MAX / block_bytes ? INT64_MAX
							       : (int64_t)(blocks * block_bytes);
}
