/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "core/manager.h"
#include "mlmanager/metric.h"

mlm_status mlm_metric_summary_get(mlm_manager *manager, const char *run_id, const char *key,
	mlm_metric_summary *summary_out, mlm_error *err)
{
	if (!run_id)
		return error_set_null(err, "run", "run_id");
	if (!key)
		return error_set_null(err, "run", "key");
	if (!summary_out)
		return error_set_null(err, "run", "summary_out");
	*summary_out = (mlm_metric_summary){ 0 };
	mlm_status status = manager_enter(manager, err);
	if (status != MLM_OK)
		return status;
	status = manager_flush_inside(manager, MANAGER_FLUSH_WAIT_MS, err);
	if (status == MLM_OK)
		status = manager->ops->summarize_metric(
			manager->store, run_id, key, summary_out, err);
	manager_leave(manager);
	return status;
}
