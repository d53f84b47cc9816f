/* SPDX-License-Identifier: Apache-2.0 */
#include "store/run_status.h"

#include <string.h>

/* MLflow's words, by status. */
static const char *const names[] = {
	[MLM_RUN_RUNNING] = "RUNNING",
	[MLM_RUN_SCHEDULED] = "SCHEDULED",
	[MLM_RUN_FINISHED] = "FINISHED",
	[MLM_RUN_FAILED] = "FAILED",
	[MLM_RUN_KILLED] = "KILLED",
};

#define NAME_COUNT (sizeof(names) / sizeof(names[0]))

const char *run_status_name(mlm_run_status status)
{
	return (size_t)status < NAME_COUNT ? names[status] : NULL;
}

mlm_run_status run_status_parse(const char *name)
{
	for (size_t i = 0; name && i < NAME_COUNT; i++) {
		if (names[i] && strcmp(names[i], name) == 0)
			return (mlm_run_status)i;
	}
	return MLM_RUN_UNCHANGED;
}
