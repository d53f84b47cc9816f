/* SPDX-License-Identifier: Apache-2.0 */
#include "base/directory.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"

TEST(directory_make__makes_parents_and_is_content_with_what_is_there)
{
	char root[] = "/tmp/directory_test.XXXXXX";
	char path[64];
	CHECK(mkdtemp(root));
	snprintf(path, sizeof(path), "%s/a/b/c", root);
	CHECK_INT(directory_make(path), 0);
	CHECK_INT(directory_make(path), 0);
	struct stat about;
	CHECK(stat(path, &about) == 0 && S_ISDIR(about.st_mode));
	for (int i = 0; i < 4; i++) {
		CHECK(rmdir(path) == 0);
		*strrchr(path, '/') = '\0';
	}
}

TEST(directory_make__fails_under_a_file)
{
	CHECK_INT(directory_make("/dev/null/x"), ENOTDIR);
}

TEST(directory_empty__removes_trees_and_follows_no_link)
{
	char root[] = "/tmp/directory_test.XXXXXX";
	char path[96];
	char link[96];
	CHECK(mkdtemp(root));
	snprintf(path, sizeof(path), "%s/kept", root);
	CHECK_INT(directory_make(path), 0);
	FILE *file = fopen(strcat(path, "/file"), "w");
	CHECK(file && fclose(file) == 0);
	snprintf(path, sizeof(path), "%s/emptied/a/b", root);
	CHECK_INT(directory_make(path), 0);
	snprintf(link, sizeof(link), "%s/emptied/link", root);
	CHECK(symlink("../kept", link) == 0);
	snprintf(path, sizeof(path), "%s/emptied", root);
	CHECK_INT(directory_empty(path), 0);
	CHECK(rmdir(path) == 0);
	CHECK_INT(directory_empty(path), 0); /* not there: empty */
	snprintf(path, sizeof(path), "%s/kept/file", root);
	CHECK(unlink(path) == 0);
	snprintf(path, sizeof(path), "%s/kept", root);
	CHECK(rmdir(path) == 0 && rmdir(root) == 0);
}

int main(void)
{
	RUN(directory_make__makes_parents_and_is_content_with_what_is_there);
	RUN(directory_make__fails_under_a_file);
	RUN(directory_empty__removes_trees_and_follows_no_link);
	return check_done();
}
