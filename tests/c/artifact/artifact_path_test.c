/* SPDX-License-Identifier: Apache-2.0 */
#include "artifact/artifact_path.h"

#include "check.h"

static mlm_error err = MLM_ERROR_INIT;

TEST(artifact_path_check__einval_says_what_is_wrong)
{
	static const struct {
		const char *path;
		const char *why;
	} cases[] = {
		{ "", "empty" },
		{ "/a", "is absolute" },
		{ "a/../b", "'.' or '..'" },
		{ "./a", "'.' or '..'" },
		{ "a//b", "empty part" },
		{ "a/", "empty part" },
		{ "a\tb", "control character" },
		{ "a\xC3", "UTF-8" },
		{ "d/.artifact.uploading.1", "unfinished upload" },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		CHECK_STATUS(artifact_path_check(cases[i].path, &err), MLM_EINVAL);
		CHECK_CONTAINS(err.message, cases[i].why);
	}
}

TEST(artifact_path_check__limits)
{
	char path[MLM_ARTIFACT_PATH_MAX + 2];
	memset(path, 'x', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	for (size_t i = 200; i < sizeof(path) - 1; i += 200)
		path[i] = '/';
	CHECK_STATUS(artifact_path_check(path, &err), MLM_EINVAL);
	CHECK_CONTAINS(err.message, "1025 bytes");
	path[MLM_ARTIFACT_PATH_MAX] = '\0';
	MUST(artifact_path_check(path, &err));
	path[200] = 'x';
	CHECK_STATUS(artifact_path_check(path, &err), MLM_EINVAL);
	CHECK_CONTAINS(err.message, "255 bytes");
	for (int i = 0; i <= MLM_ARTIFACT_DEPTH_MAX; i++)
		memcpy(path + 2 * i, "d/", 3);
	path[2 * MLM_ARTIFACT_DEPTH_MAX + 1] = '\0';
	CHECK_STATUS(artifact_path_check(path, &err), MLM_EINVAL);
	CHECK_CONTAINS(err.message, "64 parts");
	path[2 * MLM_ARTIFACT_DEPTH_MAX - 1] = '\0';
	MUST(artifact_path_check(path, &err));
}

TEST(artifact_path_is_below__takes_whole_parts)
{
	CHECK(artifact_path_is_below("a/b/c", "a"));
	CHECK(artifact_path_is_below("a/b/c", "a/b"));
	CHECK(artifact_path_is_below("a", ""));
	CHECK(!artifact_path_is_below("ab/c", "a"));
	CHECK(!artifact_path_is_below("a", "a"));
	CHECK(!artifact_path_is_below("", ""));
}

TEST(artifact_path_name__is_the_last_part)
{
	CHECK_STRING(artifact_path_name("a/b.txt"), "b.txt");
	CHECK_STRING(artifact_path_name("b.txt"), "b.txt");
}

int main(void)
{
	RUN(artifact_path_check__einval_says_what_is_wrong);
	RUN(artifact_path_check__limits);
	RUN(artifact_path_is_below__takes_whole_parts);
	RUN(artifact_path_name__is_the_last_part);
	return check_done();
}
