/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_SCRATCH_STORE_H
#define TESTS_SCRATCH_STORE_H

/* A store in a directory of its own, which must be gone when the test is: what a closed manager
 * leaves behind beside its database fails the test. */

#include <dirent.h>
#include <unistd.h>

#include "check.h"
#include "mlmanager/mlmanager.h"

static mlm_error err;

struct scratch {
	char directory[64];
	char path[128];
	char uri[160];
	mlm_manager *manager;
};

static inline mlm_manager_options scratch_options(const struct scratch *scratch)
{
	mlm_manager_options options = MLM_MANAGER_OPTIONS_INIT;
	options.store = scratch->uri;
	options.ignore_environment = true;
	return options;
}

static inline void scratch_reopen(struct scratch *scratch)
{
	mlm_manager_options options = scratch_options(scratch);
	MUST(mlm_manager_open(&options, &scratch->manager, &err));
}

static inline void scratch_make(struct scratch *scratch)
{
	memset(scratch, 0, sizeof(*scratch));
	snprintf(scratch->directory, sizeof(scratch->directory), "/tmp/mlmanager_test.XXXXXX");
	if (!mkdtemp(scratch->directory))
		exit(1);
	snprintf(scratch->path, sizeof(scratch->path), "%s/store.db", scratch->directory);
	snprintf(scratch->uri, sizeof(scratch->uri), "sqlite:%s", scratch->path);
}

static inline void scratch_open(struct scratch *scratch)
{
	scratch_make(scratch);
	scratch_reopen(scratch);
}

static inline void scratch_start(struct scratch *scratch, mlm_run **run_out)
{
	scratch_open(scratch);
	MUST(mlm_experiment_create(scratch->manager, "tests", NULL, NULL, &err));
	MUST(mlm_run_start(scratch->manager, NULL, run_out, &err));
}

static inline void scratch_remove(struct scratch *scratch)
{
	mlm_manager_free(scratch->manager);
	CHECK(unlink(scratch->path) == 0 || access(scratch->path, F_OK) != 0);
	if (rmdir(scratch->directory) != 0) {
		CHECK(!"nothing is left beside the database");
		DIR *entries = opendir(scratch->directory);
		for (struct dirent *entry; entries && (entry = readdir(entries));)
			printf("  left behind: %s\n", entry->d_name);
		if (entries)
			closedir(entries);
	}
}

#endif
