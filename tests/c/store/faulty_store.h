/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_FAULTY_STORE_H
#define TESTS_FAULTY_STORE_H

/*
 * A remote store that fails as it is told to: an SQLite store that names runs itself and keeps no
 * watermark, as a tracking server does, behind calls that do not arrive or whose answer is lost.
 */

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/error.h"
#include "store/store.h"

enum fault {
	FAULT_NONE = 0,
	FAULT_AWAY, /* nothing arrives */
	FAULT_LOST, /* done, and the answer is lost */
	FAULT_STUMBLE, /* HTTP status 500, and nothing is done */
	FAULT_LATE, /* of create_run: no answer, and done by faulty_arrive() */
};

/* Points and texts with this value make the server stumble, whenever they come. */
#define FAULTY_POISON      -1.0
#define FAULTY_POISON_TEXT "poison"

/* What the next call meets, and how many there have been. */
static enum fault (*faulty_next)(void);
static unsigned faulty_calls;
static unsigned faulty_runs; /* made so far */

struct faulty_store {
	struct store base;
	struct store *inner;
};

static struct store *faulty_inner(struct store *base)
{
	return ((struct faulty_store *)base)->inner;
}

static enum fault faulty_meet(void)
{
	faulty_calls++;
	return faulty_next ? faulty_next() : FAULT_NONE;
}

static mlm_status faulty_fail(enum fault fault, mlm_error *why)
{
	mlm_status status = error_set(why, MLM_EAGAIN, "faulty",
		fault == FAULT_LOST      ? "no answer came"
		: fault == FAULT_STUMBLE ? "HTTP status 500"
					 : "nobody answers");
	if (why && fault == FAULT_STUMBLE)
		why->detail = 500;
	return status;
}

/* Makes the call on the store inside; reads whose answer is lost are not made. */
#define FAULTY_WRITE(call)                                 \
	struct store *inner = faulty_inner(base);          \
	enum fault fault = faulty_meet();                  \
	if (fault == FAULT_AWAY || fault == FAULT_STUMBLE) \
		return faulty_fail(fault, why);            \
	mlm_status status = (call);                        \
	return fault == FAULT_LOST ? faulty_fail(fault, why) : status

#define FAULTY_READ(call)                         \
	struct store *inner = faulty_inner(base); \
	enum fault fault = faulty_meet();         \
	return fault ? faulty_fail(fault, why) : (call)

static mlm_status faulty_open(
	const struct store_options *options, struct store **store_out, mlm_error *why)
{
	struct store_options inner = *options;
	struct faulty_store *store = calloc(1, sizeof(*store));
	inner.busy_timeout_ms = 10000;
	store->base.ops = NULL;
	store->base.allocator = options->allocator;
	mlm_status status = sqlite_store_ops.open(&inner, &store->inner, why);
	extern const struct store_ops faulty_store_ops;
	store->base.ops = &faulty_store_ops;
	*store_out = &store->base;
	return status;
}

static void faulty_close(struct store *base)
{
	sqlite_store_ops.close(faulty_inner(base));
	free(base);
}

static bool faulty_is_read_only(struct store *base)
{
	return sqlite_store_ops.is_read_only(faulty_inner(base));
}

static mlm_status faulty_create_experiment(struct store *base, const char *name,
	const mlm_experiment_options *options, char id_out[MLM_ID_SIZE], mlm_error *why)
{
	FAULTY_WRITE(sqlite_store_ops.create_experiment(inner, name, options, id_out, why));
}

static mlm_status faulty_get_experiment(struct store *base, const char *id, const char *name,
	mlm_experiment_list **list_out, mlm_error *why)
{
	FAULTY_READ(sqlite_store_ops.get_experiment(inner, id, name, list_out, why));
}

static mlm_status faulty_search_experiments(
	struct store *base, const mlm_query *query, mlm_experiment_list **list_out, mlm_error *why)
{
	FAULTY_READ(sqlite_store_ops.search_experiments(inner, query, list_out, why));
}

static mlm_status faulty_rename_experiment(
	struct store *base, const char *id, const char *name, mlm_error *why)
{
	FAULTY_WRITE(sqlite_store_ops.rename_experiment(inner, id, name, why));
}

static mlm_status faulty_set_experiment_lifecycle(
	struct store *base, const char *id, mlm_lifecycle lifecycle, mlm_error *why)
{
	FAULTY_WRITE(sqlite_store_ops.set_experiment_lifecycle(inner, id, lifecycle, why));
}

static mlm_status faulty_set_experiment_tag(
	struct store *base, const char *id, const char *key, const char *value, mlm_error *why)
{
	FAULTY_WRITE(sqlite_store_ops.set_experiment_tag(inner, id, key, value, why));
}

static mlm_status faulty_delete_experiment_runs(struct store *base, const char *id, mlm_error *why)
{
	FAULTY_WRITE(sqlite_store_ops.delete_experiment_runs(inner, id, why));
}

/* The run that bears the core's id. */
static bool faulty_find(struct store *inner, const char *run_id, char *id_out)
{
	char filter[128];
	const char *ids[256];
	mlm_experiment_list *experiments;
	mlm_run_list *list;
	mlm_query query = MLM_QUERY_INIT;
	query.view = MLM_VIEW_ALL;
	if (sqlite_store_ops.search_experiments(inner, &query, &experiments, NULL) != MLM_OK)
		return false;
	for (size_t i = 0; i < experiments->count && i < 256; i++)
		ids[i] = experiments->items[i].experiment_id;
	snprintf(filter, sizeof(filter), "tags.`" STORE_ORIGIN_TAG "` = '%s'", run_id);
	query.experiment_ids = ids;
	query.experiment_count = experiments->count < 256 ? experiments->count : 256;
	query.filter = filter;
	mlm_status status = sqlite_store_ops.search_runs(inner, &query, &list, NULL);
	arena_free(experiments->memory);
	if (status != MLM_OK)
		return false;
	bool found = list->count > 0;
	if (found)
		snprintf(id_out, MLM_ID_SIZE, "%s", list->items[0].run_id);
	arena_free(list->memory);
	return found;
}

static mlm_status faulty_make_run(
	struct store *inner, const struct store_new_run *run, char *id_out, mlm_error *why)
{
	struct store_new_run named = *run;
	char id[MLM_ID_SIZE];
	mlm_text tags[32];
	if (run->may_exist && faulty_find(inner, run->run_id, id_out))
		return MLM_OK;
	snprintf(id, sizeof(id), "5e57e4%010x%016x", (unsigned)getpid(), ++faulty_runs);
	for (size_t i = 0; i < run->tag_count; i++)
		tags[i] = run->tags[i];
	tags[run->tag_count] = (mlm_text){ STORE_ORIGIN_TAG, run->run_id };
	named.run_id = id;
	named.tags = tags;
	named.tag_count = run->tag_count + 1;
	return sqlite_store_ops.create_run(inner, &named, id_out, why);
}

/* A request that is under way when its sender has gone. */
static struct {
	struct store_new_run run;
	char run_id[MLM_ID_SIZE];
	char experiment_id[MLM_ID_SIZE];
} faulty_late;

static inline mlm_status faulty_arrive(struct store *base, mlm_error *why)
{
	char id[MLM_ID_SIZE];
	return faulty_make_run(faulty_inner(base), &faulty_late.run, id, why);
}

static mlm_status faulty_create_run(struct store *base, const struct store_new_run *run,
	char id_out[MLM_ID_SIZE], mlm_error *why)
{
	struct store *inner = faulty_inner(base);
	enum fault fault = faulty_meet();
	if (fault == FAULT_AWAY || fault == FAULT_STUMBLE)
		return faulty_fail(fault, why);
	if (run->only_finds) {
		id_out[0] = '\0';
		faulty_find(inner, run->run_id, id_out);
		return fault == FAULT_NONE ? MLM_OK : faulty_fail(fault, why);
	}
	if (fault == FAULT_LATE) {
		snprintf(faulty_late.run_id, MLM_ID_SIZE, "%s", run->run_id);
		snprintf(faulty_late.experiment_id, MLM_ID_SIZE, "%s", run->experiment_id);
		faulty_late.run = (struct store_new_run){
			.run_id = faulty_late.run_id,
			.experiment_id = faulty_late.experiment_id,
			.run_name = "late",
			.user_id = "ada",
			.source_name = "",
			.start_time_ms = run->start_time_ms,
		};
		return error_set(why, MLM_ETIMEOUT, "faulty", "no answer came");
	}
	mlm_status status = faulty_make_run(inner, run, id_out, why);
	return fault == FAULT_LOST ? error_set(why, MLM_ETIMEOUT, "faulty", "no answer came")
				   : status;
}

static mlm_status faulty_get_run(
	struct store *base, const char *run_id, mlm_run_list **list_out, mlm_error *why)
{
	char id[MLM_ID_SIZE];
	const char *known = faulty_find(faulty_inner(base), run_id, id) ? id : run_id;
	FAULTY_READ(sqlite_store_ops.get_run(inner, known, list_out, why));
}

static mlm_status faulty_search_runs(
	struct store *base, const mlm_query *query, mlm_run_list **list_out, mlm_error *why)
{
	FAULTY_READ(sqlite_store_ops.search_runs(inner, query, list_out, why));
}

static mlm_status faulty_update_run(struct store *base, const char *run_id,
	const struct store_run_change *change, mlm_error *why)
{
	FAULTY_WRITE(sqlite_store_ops.update_run(inner, run_id, change, why));
}

static mlm_status faulty_set_run_lifecycle(
	struct store *base, const char *run_id, mlm_lifecycle lifecycle, mlm_error *why)
{
	FAULTY_WRITE(sqlite_store_ops.set_run_lifecycle(inner, run_id, lifecycle, why));
}

static mlm_status faulty_log_texts(struct store *base, const char *run_id, const mlm_text *params,
	size_t param_count, const mlm_text *tags, size_t tag_count, mlm_error *why)
{
	for (size_t i = 0; i < param_count + tag_count; i++) {
		const mlm_text *text = i < param_count ? &params[i] : &tags[i - param_count];
		if (strcmp(text->value, FAULTY_POISON_TEXT) == 0)
			return faulty_fail(FAULT_STUMBLE, why);
	}
	FAULTY_WRITE(sqlite_store_ops.log_texts(
		inner, run_id, params, param_count, tags, tag_count, why));
}

static mlm_status faulty_delete_tag(
	struct store *base, const char *run_id, const char *key, mlm_error *why)
{
	FAULTY_WRITE(sqlite_store_ops.delete_tag(inner, run_id, key, why));
}

static mlm_status faulty_log_inputs(struct store *base, const char *run_id,
	const mlm_dataset_input *inputs, size_t count, mlm_error *why)
{
	FAULTY_WRITE(sqlite_store_ops.log_inputs(inner, run_id, inputs, count, why));
}

static mlm_status faulty_get_metric_history(struct store *base, const char *run_id, const char *key,
	mlm_metric_history **history_out, mlm_error *why)
{
	FAULTY_READ(sqlite_store_ops.get_metric_history(inner, run_id, key, history_out, why));
}

static mlm_status faulty_get_points(struct store *base, const char *run_id, const char *key,
	struct store_cursor *cursor, struct store_point *points, size_t capacity, size_t *count_out,
	mlm_error *why)
{
	FAULTY_READ(sqlite_store_ops.get_points(
		inner, run_id, key, cursor, points, capacity, count_out, why));
}

static mlm_status faulty_summarize_metric(struct store *base, const char *run_id, const char *key,
	mlm_metric_summary *summary_out, mlm_error *why)
{
	FAULTY_READ(sqlite_store_ops.summarize_metric(inner, run_id, key, summary_out, why));
}

static mlm_status faulty_get_max_step(struct store *base, const char *run_id, const char *key,
	bool *found_out, int64_t *step_out, mlm_error *why)
{
	FAULTY_READ(sqlite_store_ops.get_max_step(inner, run_id, key, found_out, step_out, why));
}

static mlm_status faulty_apply(struct store *base, const struct store_batch *batch,
	store_refused_fn refused, void *payload, mlm_error *why)
{
	struct store_batch unmarked = *batch;
	for (size_t i = 0; i < batch->point_count; i++)
		if (batch->points[i].value == FAULTY_POISON)
			return faulty_fail(FAULT_STUMBLE, why);
	unmarked.journal_id = NULL;
	FAULTY_WRITE(sqlite_store_ops.apply(inner, &unmarked, refused, payload, why));
}

const struct store_ops faulty_store_ops;
const struct store_ops faulty_store_ops = {
	.scheme = "faulty",
	.is_remote = true,
	.open = faulty_open,
	.close = faulty_close,
	.is_read_only = faulty_is_read_only,
	.create_experiment = faulty_create_experiment,
	.get_experiment = faulty_get_experiment,
	.search_experiments = faulty_search_experiments,
	.rename_experiment = faulty_rename_experiment,
	.set_experiment_lifecycle = faulty_set_experiment_lifecycle,
	.set_experiment_tag = faulty_set_experiment_tag,
	.delete_experiment_runs = faulty_delete_experiment_runs,
	.create_run = faulty_create_run,
	.get_run = faulty_get_run,
	.search_runs = faulty_search_runs,
	.update_run = faulty_update_run,
	.set_run_lifecycle = faulty_set_run_lifecycle,
	.log_texts = faulty_log_texts,
	.delete_tag = faulty_delete_tag,
	.log_inputs = faulty_log_inputs,
	.get_metric_history = faulty_get_metric_history,
	.get_points = faulty_get_points,
	.summarize_metric = faulty_summarize_metric,
	.get_max_step = faulty_get_max_step,
	.apply = faulty_apply,
};

#endif
