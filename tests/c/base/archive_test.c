/* SPDX-License-Identifier: Apache-2.0 */
#include "base/archive.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "check.h"

static mlm_error err = MLM_ERROR_INIT;
static char scratch[] = "/tmp/mlmanager-archive-XXXXXX";

struct path {
	char text[512];
};

static struct path path_of(const char *name)
{
	struct path path;
	snprintf(path.text, sizeof(path.text), "%s/%s", scratch, name);
	return path;
}

static void shell(const char *command)
{
	char line[1024];
	snprintf(line, sizeof(line), "cd %s && %s", scratch, command);
	CHECK_INT(system(line), 0);
}

static size_t moved_left = SIZE_MAX; /* bytes until moved_most() has enough */

static mlm_status moved_most(void *payload, size_t size, mlm_error *why)
{
	size_t *left = payload;
	if (size > *left)
		return error_set(why, MLM_ESTATE, "test", "enough");
	*left -= size;
	return MLM_OK;
}

static mlm_status extract(const char *name, uint64_t bytes_max)
{
	shell("rm -rf out && mkdir out");
	int fd = open(path_of(name).text, O_RDONLY);
	CHECK(fd >= 0);
	mlm_status status = archive_extract(
		fd, name, path_of("out").text, bytes_max, moved_most, &moved_left, &err);
	close(fd);
	return status;
}

static void put(struct archive_writer *writer, const char *path, const char *text)
{
	MUST(archive_writer_begin(writer, path, strlen(text), &err));
	MUST(archive_writer_write(writer, text, strlen(text), &err));
	MUST(archive_writer_end(writer, &err));
}

static void check_file(const char *name, const char *text)
{
	char content[256] = "";
	FILE *file = fopen(path_of(name).text, "rb");
	CHECK(file);
	if (file) {
		content[fread(content, 1, sizeof(content) - 1, file)] = '\0';
		fclose(file);
	}
	CHECK_STRING(content, text);
}

TEST(extract__gives_back_what_the_writer_took_in_every_format)
{
	static const char *const names[] = { "a.tar.gz", "a.tgz", "a.tar.zst", "a.tar", "a.zip" };
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct archive_writer *writer;
		int fd = open(path_of(names[i]).text, O_WRONLY | O_CREAT | O_TRUNC, 0600);
		MUST(archive_writer_open(fd, names[i], &writer, &err));
		put(writer, "m/läßt 100% #1/ü", "värde");
		put(writer, "m/empty", "");
		MUST(archive_writer_directory(writer, "m/directory", &err));
		MUST(archive_writer_close(writer, &err));
		archive_writer_free(writer);
		close(fd);
		MUST(extract(names[i], 1 << 20));
		check_file("out/m/läßt 100% #1/ü", "värde");
		check_file("out/m/empty", "");
		struct stat about;
		CHECK(stat(path_of("out/m/directory").text, &about) == 0 && S_ISDIR(about.st_mode));
	}
}

TEST(write__einval_for_a_file_that_is_not_as_long_as_was_said)
{
	struct archive_writer *writer;
	int fd = open(path_of("w.tar").text, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	MUST(archive_writer_open(fd, "w.tar", &writer, &err));
	MUST(archive_writer_begin(writer, "f", 3, &err));
	CHECK_STATUS(archive_writer_write(writer, "abcd", 4, &err), MLM_EINVAL);
	CHECK_STATUS(archive_writer_end(writer, &err), MLM_EINVAL);
	CHECK_CONTAINS(err.message, "'f'");
	archive_writer_free(writer);
	close(fd);
}

TEST(free__writes_no_more_of_a_file_that_was_given_up)
{
	struct archive_writer *writer;
	struct stat about;
	int fd = open(path_of("g.tar").text, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	MUST(archive_writer_open(fd, "g.tar", &writer, &err));
	MUST(archive_writer_begin(writer, "f", 64 << 20, &err));
	MUST(archive_writer_write(writer, "abc", 3, &err));
	archive_writer_free(writer);
	CHECK(fstat(fd, &about) == 0 && about.st_size < 1 << 20);
	close(fd);
}

TEST(check_name__einval_lists_the_formats)
{
	MUST(archive_check_name("runs.tar.gz", &err));
	CHECK_STATUS(archive_check_name("runs.rar", &err), MLM_EINVAL);
	CHECK_CONTAINS(err.message, ".tar.zst");
	CHECK_STATUS(archive_check_name(".zip", &err), MLM_EINVAL);
}

TEST(extract__refuses_what_would_land_elsewhere)
{
	shell("mkdir -p in && echo x >in/f && ln -sf /etc/passwd in/l && ln -f in/f in/h && "
	      "mkfifo in/p; cd in && "
	      "tar cPf ../up.tar --transform='s:^:../:' f && tar cPf ../abs.tar --transform="
	      "'s:^:/tmp/:' f && tar cf ../link.tar l && tar cf ../hard.tar f h && "
	      "tar cf ../pipe.tar p && tar cPf ../deep.tar --transform='s:^:a/../../:' f");
	static const char *const names[] = { "up.tar", "abs.tar", "link.tar", "hard.tar",
		"pipe.tar", "deep.tar" };
	static const char *const reasons[] = { "..", "absolute", "link", "link", "neither", ".." };
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		CHECK_STATUS(extract(names[i], 1 << 20), MLM_ECORRUPT);
		CHECK_CONTAINS(err.message, reasons[i]);
		CHECK_CONTAINS(err.message, names[i]);
	}
}

TEST(extract__ends_when_its_caller_has_had_enough)
{
	shell("head -c 300000 /dev/zero >zeros && tar czf zeros.tgz zeros");
	moved_left = 300000;
	MUST(extract("zeros.tgz", 1 << 20));
	CHECK_INT(moved_left, 0);
	moved_left = 299999;
	CHECK_STATUS(extract("zeros.tgz", 1 << 20), MLM_ESTATE);
	CHECK_STRING(err.message, "enough");
	moved_left = SIZE_MAX;
}

TEST(extract__ends_a_bomb_at_the_ceiling)
{
	shell("head -c 4000000 /dev/zero >zeros && tar czf bomb.tar.gz zeros");
	CHECK_STATUS(extract("bomb.tar.gz", 1000000), MLM_ECORRUPT);
	CHECK_CONTAINS(err.message, "1000000 bytes");
	struct stat about;
	CHECK(stat(path_of("out/zeros").text, &about) == 0 && about.st_size <= 1000000);
	MUST(extract("bomb.tar.gz", 5000000));
}

TEST(extract__counts_empty_entries)
{
	shell("mkdir -p many && cd many && touch $(seq 1 100) && tar czf ../many.tar.gz .");
	CHECK_STATUS(extract("many.tar.gz", 20000), MLM_ECORRUPT);
	MUST(extract("many.tar.gz", 100000));
}

TEST(extract__says_that_an_archive_is_cut_off_or_none)
{
	shell("head -c 100000 /dev/urandom >noise && tar czf whole.tar.gz noise && "
	      "head -c 50000 whole.tar.gz >cut.tar.gz && cp noise none.tar.gz && : >nothing.tar");
	static const char *const names[] = { "cut.tar.gz", "none.tar.gz" };
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		CHECK_STATUS(extract(names[i], 1 << 20), MLM_ECORRUPT);
		CHECK_CONTAINS(err.message, names[i]);
	}
}

int main(void)
{
	CHECK(mkdtemp(scratch));
	RUN(extract__gives_back_what_the_writer_took_in_every_format);
	RUN(write__einval_for_a_file_that_is_not_as_long_as_was_said);
	RUN(free__writes_no_more_of_a_file_that_was_given_up);
	RUN(check_name__einval_lists_the_formats);
	RUN(extract__refuses_what_would_land_elsewhere);
	RUN(extract__ends_when_its_caller_has_had_enough);
	RUN(extract__ends_a_bomb_at_the_ceiling);
	RUN(extract__counts_empty_entries);
	RUN(extract__says_that_an_archive_is_cut_off_or_none);
	shell("rm -rf -- *");
	rmdir(scratch);
	return check_done();
}
