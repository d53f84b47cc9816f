/* SPDX-License-Identifier: Apache-2.0 */
#include "store/sqlite_store.h"

#include "store/sqlite_artifact.h"
#include "store/sqlite_experiment.h"
#include "store/sqlite_fork.h"
#include "store/sqlite_run.h"

/* Each operation once more, as one that a fork of this process waits for. */
#define GUARDED(operation, parameters, arguments)               \
	static mlm_status operation parameters                  \
	{                                                       \
		mlm_status before = err ? err->status : MLM_OK; \
		mlm_status status;                              \
		do {                                            \
			if (err)                                \
				err->status = before;           \
			sqlite_fork_enter();                    \
			status = sqlite_##operation arguments;  \
		} while (sqlite_fork_leave(status));            \
		return status;                                  \
	}

GUARDED(create_experiment,
	(struct store * store, const char *name, const mlm_experiment_options *options,
		char id_out[MLM_ID_SIZE], mlm_error *err),
	(store, name, options, id_out, err))
GUARDED(get_experiment,
	(struct store * store, const char *id, const char *name, mlm_experiment_list **list_out,
		mlm_error *err),
	(store, id, name, list_out, err))
GUARDED(search_experiments,
	(struct store * store, const mlm_query *query, mlm_experiment_list **list_out,
		mlm_error *err),
	(store, query, list_out, err))
GUARDED(rename_experiment, (struct store * store, const char *id, const char *name, mlm_error *err),
	(store, id, name, err))
GUARDED(set_experiment_lifecycle,
	(struct store * store, const char *id, mlm_lifecycle lifecycle, mlm_error *err),
	(store, id, lifecycle, err))
GUARDED(set_experiment_tag,
	(struct store * store, const char *id, const char *key, const char *value, mlm_error *err),
	(store, id, key, value, err))
GUARDED(delete_experiment_runs, (struct store * store, const char *id, mlm_error *err),
	(store, id, err))
GUARDED(create_run,
	(struct store * store, const struct store_new_run *run, char id_out[MLM_ID_SIZE],
		mlm_error *err),
	(store, run, id_out, err))
GUARDED(get_run,
	(struct store * store, const char *run_id, mlm_run_list **list_out, mlm_error *err),
	(store, run_id, list_out, err))
GUARDED(each_origin, (struct store * store, store_origin_fn visit, void *payload, mlm_error *err),
	(store, visit, payload, err))
GUARDED(search_runs,
	(struct store * store, const mlm_query *query, mlm_run_list **list_out, mlm_error *err),
	(store, query, list_out, err))
GUARDED(update_run,
	(struct store * store, const char *run_id, const struct store_run_change *change,
		mlm_error *err),
	(store, run_id, change, err))
GUARDED(set_run_lifecycle,
	(struct store * store, const char *run_id, mlm_lifecycle lifecycle, mlm_error *err),
	(store, run_id, lifecycle, err))
GUARDED(clear_run, (struct store * store, const char *run_id, mlm_error *err), (store, run_id, err))
GUARDED(log_texts,
	(struct store * store, const char *run_id, const mlm_text *params, size_t param_count,
		const mlm_text *tags, size_t tag_count, mlm_error *err),
	(store, run_id, params, param_count, tags, tag_count, err))
GUARDED(delete_tag, (struct store * store, const char *run_id, const char *key, mlm_error *err),
	(store, run_id, key, err))
GUARDED(get_metric_history,
	(struct store * store, const char *run_id, const char *key,
		mlm_metric_history **history_out, mlm_error *err),
	(store, run_id, key, history_out, err))
GUARDED(get_points,
	(struct store * store, const char *run_id, const char *key, struct store_cursor *cursor,
		struct store_point *points, size_t capacity, size_t *count_out, mlm_error *err),
	(store, run_id, key, cursor, points, capacity, count_out, err))
GUARDED(summarize_metric,
	(struct store * store, const char *run_id, const char *key, mlm_metric_summary *summary_out,
		mlm_error *err),
	(store, run_id, key, summary_out, err))
GUARDED(log_inputs,
	(struct store * store, const char *run_id, const mlm_dataset_input *inputs, size_t count,
		mlm_error *err),
	(store, run_id, inputs, count, err))
GUARDED(purge_run, (struct store * store, const char *run_id, mlm_error *err), (store, run_id, err))
GUARDED(purge_experiment, (struct store * store, const char *id, mlm_error *err), (store, id, err))
GUARDED(get_size, (struct store * store, struct store_size *size_out, mlm_error *err),
	(store, size_out, err))
GUARDED(compact, (struct store * store, mlm_error *err), (store, err))
GUARDED(get_max_step,
	(struct store * store, const char *run_id, const char *key, bool *found_out,
		int64_t *step_out, mlm_error *err),
	(store, run_id, key, found_out, step_out, err))
GUARDED(apply,
	(struct store * store, const struct store_batch *batch, store_refused_fn refused,
		void *payload, mlm_error *err),
	(store, batch, refused, payload, err))
GUARDED(get_watermark,
	(struct store * store, const char *journal_id, uint64_t *position_out, mlm_error *err),
	(store, journal_id, position_out, err))
GUARDED(forget_journal, (struct store * store, const char *journal_id, mlm_error *err),
	(store, journal_id, err))
GUARDED(check,
	(struct store * store, bool repair, mlm_doctor_fn report, void *payload, mlm_error *err),
	(store, repair, report, payload, err))

GUARDED(begin_content,
	(struct store * store, int64_t size_bytes, int64_t *content_out, mlm_error *err),
	(store, size_bytes, content_out, err))
GUARDED(add_chunk,
	(struct store * store, int64_t content, int64_t index, const void *bytes, size_t size,
		mlm_error *err),
	(store, content, index, bytes, size, err))
GUARDED(name_content,
	(struct store * store, const char *owner, const char *name,
		const struct store_content *content, mlm_error *err),
	(store, owner, name, content, err))
GUARDED(drop_content, (struct store * store, int64_t content, mlm_error *err),
	(store, content, err))
GUARDED(free_waste, (struct store * store, bool *more_out, mlm_error *err), (store, more_out, err))
GUARDED(begin_reading,
	(struct store * store, const char *owner, const char *name,
		struct store_content *content_out, mlm_error *err),
	(store, owner, name, content_out, err))
GUARDED(read_chunk,
	(struct store * store, int64_t content, int64_t index, void *bytes, size_t *size_out,
		mlm_error *err),
	(store, content, index, bytes, size_out, err))
GUARDED(list_contents,
	(struct store * store, const char *owner, const char *directory, store_content_fn visit,
		void *payload, mlm_error *err),
	(store, owner, directory, visit, payload, err))
GUARDED(remove_contents,
	(struct store * store, const char *owner, const char *name, size_t *count_out,
		mlm_error *err),
	(store, owner, name, count_out, err))

static void end_reading(struct store *store)
{
	sqlite_fork_enter();
	sqlite_end_reading(store);
	sqlite_fork_leave(MLM_OK);
}

static const struct store_artifact_ops artifact_ops = {
	.begin_content = begin_content,
	.add_chunk = add_chunk,
	.name_content = name_content,
	.drop_content = drop_content,
	.free_waste = free_waste,
	.begin_reading = begin_reading,
	.read_chunk = read_chunk,
	.end_reading = end_reading,
	.list_contents = list_contents,
	.remove_contents = remove_contents,
};

static mlm_status open_store(
	const struct store_options *options, struct store **store_out, mlm_error *err)
{
	mlm_status status;
	do {
		sqlite_fork_enter();
		status = sqlite_store_open(options, store_out, err);
		if (status == MLM_OK)
			sqlite_fork_add(sqlite_store_of(*store_out));
	} while (sqlite_fork_leave(status));
	return status;
}

static void close_store(struct store *store)
{
	if (!store)
		return;
	sqlite_fork_enter();
	sqlite_fork_remove(sqlite_store_of(store));
	sqlite_store_close(store);
	sqlite_fork_leave(MLM_OK);
}

static bool is_read_only(struct store *store)
{
	return sqlite_store_of(store)->read_only;
}

const struct store_ops sqlite_store_ops = {
	.scheme = "sqlite",
	.open = open_store,
	.close = close_store,
	.is_read_only = is_read_only,
	.create_experiment = create_experiment,
	.get_experiment = get_experiment,
	.search_experiments = search_experiments,
	.rename_experiment = rename_experiment,
	.set_experiment_lifecycle = set_experiment_lifecycle,
	.set_experiment_tag = set_experiment_tag,
	.delete_experiment_runs = delete_experiment_runs,
	.create_run = create_run,
	.get_run = get_run,
	.each_origin = each_origin,
	.search_runs = search_runs,
	.update_run = update_run,
	.set_run_lifecycle = set_run_lifecycle,
	.clear_run = clear_run,
	.log_texts = log_texts,
	.delete_tag = delete_tag,
	.get_metric_history = get_metric_history,
	.get_points = get_points,
	.summarize_metric = summarize_metric,
	.log_inputs = log_inputs,
	.get_max_step = get_max_step,
	.apply = apply,
	.get_watermark = get_watermark,
	.forget_journal = forget_journal,
	.purge_run = purge_run,
	.purge_experiment = purge_experiment,
	.get_size = get_size,
	.compact = compact,
	.artifacts = &artifact_ops,
	.check = check,
};
