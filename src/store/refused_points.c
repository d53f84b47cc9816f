/* SPDX-License-Identifier: Apache-2.0 */
#include "store/refused_points.h"

#include "base/error.h"

void refused_points_tell(const struct store_series *series, size_t point_count, mlm_status why,
	store_refused_fn refused, void *payload)
{
	mlm_error error = MLM_ERROR_INIT;
	if (!refused)
		return;
	error_set(&error, why, "metric",
		why == MLM_ENOTFOUND
			? "%zu points of metric '%s' were left out: there is no run %s"
			: "%zu points of metric '%s' were left out: the run %s is deleted",
		point_count, series->key, series->run_id);
	refused(payload, series, point_count, &error);
}
