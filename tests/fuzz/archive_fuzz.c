/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Extracts any bytes as an archive. Whatever they are, nothing appears beside the directory that
 * they are extracted to, nor is there anything in it but files and directories of no more bytes
 * than allowed.
 */
#include <dirent.h>
#include <ftw.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/archive.h"
#include "base/temporary_file.h"

#define BYTES_MAX (1u << 20)

static uint64_t found_bytes;

static void must_hold(int condition)
{
	if (!condition)
		abort();
}

static int remove_entry(const char *path, const struct stat *about, int type, struct FTW *place)
{
	must_hold(S_ISREG(about->st_mode) || S_ISDIR(about->st_mode));
	(void)type;
	if (S_ISREG(about->st_mode))
		found_bytes += (uint64_t)about->st_size;
	return place->level > 0 ? remove(path) : 0;
}

static size_t count_entries(const char *directory)
{
	size_t count = 0;
	DIR *entries = opendir(directory);
	must_hold(entries != NULL);
	while (readdir(entries))
		count++;
	closedir(entries);
	return count;
}

static char root[64];

static void remove_root(void)
{
	rmdir(root);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char target[80];
	mlm_error err = MLM_ERROR_INIT;
	if (!root[0]) {
		snprintf(root, sizeof(root), "/tmp/archive_fuzz.XXXXXX");
		must_hold(mkdtemp(root) != NULL);
		atexit(remove_root);
		snprintf(target, sizeof(target), "%s/target", root);
	}
	must_hold(mkdir(target, 0777) == 0);
	int file = temporary_file_open();
	must_hold(file >= 0 && write(file, data, size) == (ssize_t)size);
	lseek(file, 0, SEEK_SET);
	if (archive_extract(file, "fuzzed", target, BYTES_MAX, NULL, NULL, &err) != MLM_OK)
		must_hold(err.message[0] != '\0');
	close(file);
	must_hold(count_entries(root) == 3); /* with "." and ".." */
	found_bytes = 0;
	nftw(target, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
	must_hold(found_bytes <= BYTES_MAX);
	must_hold(rmdir(target) == 0);
	return 0;
}
