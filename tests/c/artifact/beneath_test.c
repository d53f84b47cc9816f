/* SPDX-License-Identifier: Apache-2.0 */
#include "artifact/beneath.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"

static int root;

static int (*open_function)(int, const char *, int) = beneath_open;

static int open_errno(const char *path)
{
	int file = open_function(root, path, O_RDONLY);
	if (file < 0)
		return errno;
	close(file);
	return 0;
}

TEST(beneath_open__stays_below)
{
	CHECK(mkdirat(root, "d", 0777) == 0);
	CHECK(symlinkat("/etc", root, "d/out") == 0);
	CHECK(symlinkat("../..", root, "d/up") == 0);
	CHECK_INT(open_errno("d"), 0);
	CHECK_INT(open_errno(""), 0);
	CHECK_INT(open_errno("d/none"), ENOENT);
	CHECK_INT(open_errno("d/out/passwd") == 0, 0);
	CHECK_INT(open_errno("d/up") == 0, 0);
	CHECK_INT(open_errno("../x") == 0, 0);
	CHECK_INT(open_errno("d/../../x") == 0, 0);
	CHECK_INT(open_errno("/etc/passwd") == 0, 0);
}

TEST(beneath_open_by_parts__follows_no_link_at_all)
{
	open_function = beneath_open_by_parts;
	CHECK(symlinkat("d", root, "inside") == 0);
	CHECK_INT(open_errno("."), 0);
	CHECK_INT(open_errno("d"), 0);
	CHECK_INT(open_errno("d/none"), ENOENT);
	CHECK_INT(open_errno("inside") == 0, 0);
	CHECK_INT(open_errno("d/out/passwd") == 0, 0);
	CHECK_INT(open_errno("d/../../x"), EXDEV);
	open_function = beneath_open;
	CHECK_INT(open_errno("inside"), 0);
	CHECK_INT(beneath_remove(root, "inside"), 0);
}

TEST(beneath_make_parent__makes_what_is_missing)
{
	struct stat about;
	int parent = beneath_make_parent(root, "p/q/r/file");
	CHECK(parent >= 0);
	CHECK(fstatat(root, "p/q/r", &about, 0) == 0 && S_ISDIR(about.st_mode));
	close(parent);
	CHECK_INT(beneath_make_parent(root, "d/out/x/file"), -1);
	CHECK(fstatat(AT_FDCWD, "/etc/x", &about, 0) != 0);
}

TEST(beneath_remove__takes_trees_and_follows_no_link)
{
	struct stat about;
	CHECK_INT(beneath_remove(root, "p"), 0);
	CHECK_INT(beneath_remove(root, "d"), 0);
	CHECK(fstatat(root, "d", &about, AT_SYMLINK_NOFOLLOW) != 0);
	CHECK(stat("/etc/passwd", &about) == 0);
	CHECK_INT(beneath_remove(root, "d"), -1);
	CHECK_INT(errno, ENOENT);
}

int main(void)
{
	char path[] = "/tmp/beneath_test.XXXXXX";
	if (!mkdtemp(path))
		return 1;
	root = open(path, O_RDONLY | O_DIRECTORY);
	RUN(beneath_open__stays_below);
	RUN(beneath_open_by_parts__follows_no_link_at_all);
	RUN(beneath_make_parent__makes_what_is_missing);
	RUN(beneath_remove__takes_trees_and_follows_no_link);
	CHECK(rmdir(path) == 0);
	return check_done();
}
