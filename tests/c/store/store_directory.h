/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_STORE_DIRECTORY_H
#define TESTS_STORE_DIRECTORY_H

/* A directory of the test's own for its stores, removed at the end. */

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>

static char directory[] = "/tmp/mlm-store-XXXXXX";

static inline void directory_make(void)
{
	if (!mkdtemp(directory)) {
		perror(directory);
		exit(1);
	}
}

static int directory_remove_entry(
	const char *path, const struct stat *status, int flag, struct FTW *place)
{
	(void)status;
	(void)flag;
	(void)place;
	return remove(path);
}

static inline void directory_remove(void)
{
	nftw(directory, directory_remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

struct store_path {
	char text[128];
};

static inline struct store_path path_of(const char *name)
{
	struct store_path path;
	snprintf(path.text, sizeof(path.text), "%s/%s", directory, name);
	return path;
}

static inline struct store_path uri_of(const char *name)
{
	struct store_path uri;
	snprintf(uri.text, sizeof(uri.text), "sqlite:%s/%s", directory, name);
	return uri;
}

#endif
