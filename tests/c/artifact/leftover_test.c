/* SPDX-License-Identifier: Apache-2.0 */
#include "artifact/leftover.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"
#include "store/store_directory.h"

static int root;

static bool is_there(const char *name)
{
	return faccessat(root, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static int make_file(const char *name)
{
	return openat(root, name, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
}

static int make_directory(const char *name)
{
	CHECK(mkdirat(root, name, 0700) == 0);
	return openat(root, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

TEST(leftover_remove__removes_what_nobody_holds)
{
	close(make_file("left-file"));
	int dead = make_directory("left-tree");
	CHECK(mkdirat(dead, "below", 0700) == 0);
	close(make_file("left-tree/below/file"));
	close(dead);
	int file = make_file("left-held"), tree = make_directory("left-held-tree");
	CHECK(leftover_hold(file, root, "left-held"));
	CHECK(leftover_hold(tree, root, "left-held-tree"));
	leftover_remove(root, "left-");
	CHECK(!is_there("left-file"));
	CHECK(!is_there("left-tree"));
	CHECK(is_there("left-held"));
	CHECK(is_there("left-held-tree"));
	close(file);
	close(tree);
	leftover_remove(root, "left-");
	CHECK(!is_there("left-held"));
	CHECK(!is_there("left-held-tree"));
}

TEST(leftover_remove__leaves_what_is_called_otherwise_and_what_links_lead_to)
{
	close(make_file("mine"));
	close(make_directory("tree"));
	CHECK(symlinkat("tree", root, "left-link") == 0);
	leftover_remove(root, "left-");
	CHECK(is_there("mine") && is_there("tree") && is_there("left-link"));
	CHECK(unlinkat(root, "left-link", 0) == 0);
}

TEST(leftover_hold__false_when_it_was_taken_for_a_leftover)
{
	int file = make_file("left-gone");
	leftover_remove(root, "left-");
	CHECK(!leftover_hold(file, root, "left-gone"));
	close(file);
	file = make_file("left-going");
	int other = make_file("left-going");
	CHECK(flock(other, LOCK_EX) == 0);
	CHECK(!leftover_hold(file, root, "left-going"));
	close(other);
	close(file);
	leftover_remove(root, "left-");
}

int main(void)
{
	directory_make();
	root = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	RUN(leftover_remove__removes_what_nobody_holds);
	RUN(leftover_remove__leaves_what_is_called_otherwise_and_what_links_lead_to);
	RUN(leftover_hold__false_when_it_was_taken_for_a_leftover);
	close(root);
	directory_remove();
	return check_done();
}
