/* SPDX-License-Identifier: Apache-2.0 */
#include "base/options.h"

#include <string.h>

#include "base/error.h"

mlm_status options_take(
	void *ours, const void *theirs, const struct options_layout *layout, mlm_error *err)
{
	uint32_t version = layout->newest;
	memset(ours, 0, layout->size);
	if (theirs)
		memcpy(&version, theirs, sizeof(version));
	if (version > layout->newest)
		return error_set(err, MLM_EINVAL, "options",
			"%s.version is %u, and this library knows no later one than %u",
			layout->name, version, layout->newest);
	if (version == 0)
		return error_set(err, MLM_EINVAL, "options",
			"%s.version is 0; start from the struct's _INIT macro", layout->name);
	if (theirs)
		memcpy(ours, theirs, layout->ends[version - 1]);
	memcpy(ours, &layout->newest, sizeof(layout->newest));
	return MLM_OK;
}
