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

int main(void)
{
	RUN(directory_make__makes_parents_and_is_content_with_what_is_there);
	RUN(directory_make__fails_under_a_file);
	return check_done();
}
