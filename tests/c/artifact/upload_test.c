/* SPDX-License-Identifier: Apache-2.0 */

/* The end of an upload, of a file without a name and of one that has a temporary one. Everything
 * else is the artifacts' contract's on files. */

#include "artifact/upload.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "artifact/artifact_path.h"
#include "check.h"
#include "store/store_directory.h"

static int root;

static struct upload begin(bool has_name)
{
	struct upload upload;
	CHECK(upload_begin(&upload, root));
	if (has_name && !upload.name[0]) {
		close(upload.file);
		snprintf(upload.name, sizeof(upload.name), "%stest", ARTIFACT_TEMPORARY_PREFIX);
		upload.file =
			openat(root, upload.name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	}
	CHECK(upload.file >= 0);
	CHECK(upload_write(&upload, "new", 3));
	return upload;
}

static off_t size_of(const char *name)
{
	struct stat about;
	return fstatat(root, name, &about, AT_SYMLINK_NOFOLLOW) == 0 ? about.st_size : -1;
}

TEST(upload_finish__replaces_what_is_there_only_where_it_may)
{
	for (int has_name = 0; has_name < 2; has_name++) {
		struct upload upload = begin(has_name);
		close(openat(root, "old", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
		CHECK(!upload_finish(&upload, "old", UPLOAD_IS_NEW, true));
		CHECK_INT(errno, EEXIST);
		CHECK_INT(size_of("old"), 0);
		CHECK(upload_finish(&upload, "old", UPLOAD_REPLACES, true));
		CHECK_INT(size_of("old"), 3);
		upload_end(&upload);
		upload = begin(has_name);
		CHECK(upload_finish(&upload, "new", UPLOAD_IS_NEW, false));
		upload_end(&upload);
		CHECK_INT(size_of("new"), 3);
		CHECK(unlinkat(root, "new", 0) == 0 && unlinkat(root, "old", 0) == 0);
	}
}

TEST(upload_end__leaves_nothing_of_what_was_not_finished)
{
	for (int has_name = 0; has_name < 2; has_name++) {
		struct upload upload = begin(has_name);
		char name[sizeof(upload.name)];
		snprintf(name, sizeof(name), "%s", upload.name);
		upload_end(&upload);
		CHECK(!name[0] || size_of(name) == -1);
	}
}

int main(void)
{
	directory_make();
	root = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	RUN(upload_finish__replaces_what_is_there_only_where_it_may);
	RUN(upload_end__leaves_nothing_of_what_was_not_finished);
	close(root);
	directory_remove();
	return check_done();
}
