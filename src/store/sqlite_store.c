/* SPDX-License-Identifier: Apache-2.0 */
#include "store/sqlite_store.h"

#include "store/sqlite_experiment.h"
#include "store/sqlite_run.h"

static bool is_read_only(struct store *store)
{
	return sqlite_store_of(store)->read_only;
}

const struct store_ops sqlite_store_ops = {
	.scheme = "sqlite",
	.open = sqlite_store_open,
	.close = sqlite_store_close,
	.is_read_only = is_read_only,
	.create_experiment = sqlite_create_experiment,
	.get_experiment = sqlite_get_experiment,
	.search_experiments = sqlite_search_experiments,
	.rename_experiment = sqlite_rename_experiment,
	.set_experiment_lifecycle = sqlite_set_experiment_lifecycle,
	.set_experiment_tag = sqlite_set_experiment_tag,
	.delete_experiment_runs = sqlite_delete_experiment_runs,
	.create_run = sqlite_create_run,
	.get_run = sqlite_get_run,
	.search_runs = sqlite_search_runs,
	.update_run = sqlite_update_run,
	.set_run_lifecycle = sqlite_set_run_lifecycle,
	.clear_run = sqlite_clear_run,
	.log_texts = sqlite_log_texts,
	.delete_tag = sqlite_delete_tag,
	.get_metric_history = sqlite_get_metric_history,
	.get_max_step = sqlite_get_max_step,
	.apply = sqlite_apply,
	.get_watermark = sqlite_get_watermark,
	.forget_journal = sqlite_forget_journal,
	.check = sqlite_check,
};
