/* SPDX-License-Identifier: Apache-2.0 */
#include "store/spool_store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/patience.h"

static mlm_status no_memory(mlm_error *err)
{
	return error_set(err, MLM_ENOMEM, "spool", "memory ran out");
}

/* ---- opening ---- */

static void close_store(struct store *base)
{
	if (!base)
		return;
	struct spool_store *spool = spool_store_of(base);
	if (spool->remote)
		spool->remote->ops->close(spool->remote);
	if (spool->queue.db.base.allocator || spool->queue.directory)
		spool_queue_close(&spool->queue);
	memory_free(base->allocator, spool);
}

static mlm_status open_store(
	const struct store_options *options, struct store **store_out, mlm_error *err)
{
	const struct store_ops *remote = options->remote;
	*store_out = NULL;
	mlm_status status = remote ? MLM_OK : store_ops_find(options->uri, &remote, err);
	if (status != MLM_OK)
		return status;
	if (!options->spool)
		return remote->open(options, store_out, err);
	struct spool_store *spool = memory_new(options->allocator, sizeof(*spool));
	if (!spool)
		return no_memory(err);
	spool->base.ops = &spool_store_ops;
	spool->base.allocator = options->allocator;
	spool->base.busy_timeout_ms = options->busy_timeout_ms;
	spool->for_flusher = options->for_flusher;
	status = spool_queue_init(&spool->queue, options, err);
	if (status == MLM_OK)
		status = remote->open(options, &spool->remote, err);
	if (status != MLM_OK) {
		close_store(&spool->base);
		return status;
	}
	*store_out = &spool->base;
	return MLM_OK;
}

static void interrupt(struct store *base)
{
	struct spool_store *spool = spool_store_of(base);
	atomic_store(&spool->is_interrupted, true);
	if (spool->remote->ops->interrupt)
		spool->remote->ops->interrupt(spool->remote);
}

static bool is_read_only(struct store *base)
{
	struct store *remote = spool_store_of(base)->remote;
	return remote->ops->is_read_only(remote);
}

/* ---- whether the store is away ---- */

bool spool_is_away(mlm_status status)
{
	return (status == MLM_EAGAIN || status == MLM_ETIMEOUT) && !patience_is_over();
}

/* Whether there is a queue. One that cannot be opened is the matter of who has to write to it. */
static bool has_queue(struct spool_store *spool)
{
	bool is_open = false;
	return spool_queue_open(&spool->queue, false, &is_open, NULL) == MLM_OK && is_open;
}

bool spool_was_away(struct spool_store *spool, mlm_error *err)
{
	int64_t now_ms = clock_now_ms();
	int64_t until_ms = 0;
	if (spool->is_delivering)
		return false;
	/* Another one may have found it back. */
	if (!has_queue(spool) || spool_queue_get_away(&spool->queue, &until_ms, NULL) != MLM_OK)
		until_ms = spool->away_until_ms;
	/* A clock that was put back shall not keep anybody from asking. */
	if (until_ms <= now_ms || until_ms > now_ms + SPOOL_AWAY_MS_MAX)
		return false;
	error_set(err, MLM_EAGAIN, "spool", "the server %s is away%s%s", spool->queue.uri,
		spool->away_ms ? ": " : "", spool->away_ms ? spool->away_why.message : "");
	return true;
}

void spool_note(struct spool_store *spool, mlm_status status, const mlm_error *why)
{
	int64_t now_ms = clock_now_ms();
	int64_t until_ms = 0;
	bool has_file = has_queue(spool);
	if (atomic_load(&spool->is_interrupted) || patience_is_over())
		return;
	if (spool_is_away(status)) {
		/* It is there, and stumbles over this one request. */
		if (why->detail == 500)
			return;
		spool->away_ms = spool->away_ms ? spool->away_ms * 2 : SPOOL_AWAY_MS_FIRST;
		if (spool->away_ms > SPOOL_AWAY_MS_MAX)
			spool->away_ms = SPOOL_AWAY_MS_MAX;
		spool->away_why = *why;
		spool->away_until_ms = now_ms + spool->away_ms;
		if (has_file)
			spool_queue_set_away(&spool->queue, spool->away_until_ms, NULL);
		return;
	}
	spool->away_ms = 0;
	spool->away_until_ms = 0;
	if (has_file && spool_queue_get_away(&spool->queue, &until_ms, NULL) == MLM_OK &&
		until_ms > now_ms)
		spool_queue_set_away(&spool->queue, 0, NULL);
}

/* ---- asking the remote ---- */

static mlm_status begin_read(struct spool_store *spool, mlm_error *err)
{
	if (spool_was_away(spool, err))
		return MLM_EAGAIN;
	spool->remote->busy_timeout_ms = spool->base.busy_timeout_ms;
	spool->remote->request_timeout_ms = spool->base.request_timeout_ms;
	return MLM_OK;
}

static mlm_status end_read(
	struct spool_store *spool, mlm_status status, const mlm_error *why, mlm_error *err)
{
	spool_note(spool, status, why);
	if (status != MLM_OK && err)
		*err = *why;
	return status;
}

/* Statements of a function that reads, with spool, remote and why. */
#define READ(call)                                  \
	struct store *remote = spool->remote;       \
	mlm_error why = MLM_ERROR_INIT;             \
	mlm_status status = begin_read(spool, err); \
	return status == MLM_OK ? end_read(spool, (call), &why, err) : status

static void begin_write(struct spool_store *spool)
{
	spool->remote->busy_timeout_ms = 0;
	spool->remote->request_timeout_ms =
		spool->for_flusher || spool->is_delivering ? SPOOL_DELIVER_MS : SPOOL_WRITE_MS;
}

/* ---- experiments ---- */

static int64_t promised_number(const char *id)
{
	return id[0] == SPOOL_PROMISE_MARK ? strtoll(id + 1, NULL, 10) : 0;
}

static void copy_id(const char *id, char id_out[MLM_ID_SIZE])
{
	snprintf(id_out, MLM_ID_SIZE, "%s", id);
}

/* Finds or makes what was promised, on the remote. */
static mlm_status fetch_promised(struct spool_store *spool,
	const struct spool_experiment *experiment, char id_out[MLM_ID_SIZE], mlm_error *err)
{
	const mlm_experiment_options options = {
		.version = MLM_EXPERIMENT_OPTIONS_VERSION,
		.artifact_location = experiment->artifact_location,
		.tags = experiment->tags,
		.tag_count = experiment->tag_count,
	};
	struct store *remote = spool->remote;
	mlm_experiment_list *list = NULL;
	mlm_error why = MLM_ERROR_INIT;
	mlm_status status =
		remote->ops->get_experiment(remote, NULL, experiment->name, &list, &why);
	if (status == MLM_ENOTFOUND) {
		status = remote->ops->create_experiment(
			remote, experiment->name, &options, id_out, &why);
		if (status == MLM_EEXISTS)
			status = remote->ops->get_experiment(
				remote, NULL, experiment->name, &list, &why);
	}
	if (list) {
		copy_id(list->items[0].experiment_id, id_out);
		arena_free(list->memory);
	}
	return end_read(spool, status, &why, err);
}

mlm_status spool_know_experiment(
	struct spool_store *spool, const char *id, char id_out[MLM_ID_SIZE], mlm_error *err)
{
	struct spool_experiment experiment;
	bool is_open = false;
	copy_id(id, id_out);
	if (id[0] != SPOOL_PROMISE_MARK)
		return MLM_OK;
	id_out[0] = '\0';
	struct arena *arena = arena_new(spool->base.allocator);
	if (!arena)
		return no_memory(err);
	mlm_status status = spool_queue_open(&spool->queue, false, &is_open, err);
	if (status == MLM_OK && !is_open)
		status = error_set(err, MLM_ENOTFOUND, "experiment",
			"the experiment is not known: '%s/" SPOOL_FILE_NAME "' is gone",
			spool->queue.directory);
	if (status == MLM_OK)
		status = spool_queue_get_experiment(
			&spool->queue, promised_number(id), arena, &experiment, err);
	if (status == MLM_OK)
		copy_id(experiment.server_id, id_out);
	if (status == MLM_OK && !id_out[0] && !spool_was_away(spool, NULL)) {
		begin_write(spool);
		mlm_error why = MLM_ERROR_INIT;
		status = fetch_promised(spool, &experiment, id_out, &why);
		if (status == MLM_OK)
			status = spool_queue_keep_promise(
				&spool->queue, experiment.number, id_out, err);
		else if (spool_is_away(status))
			status = MLM_OK;
		else if (err)
			*err = why;
	}
	arena_free(arena);
	return status;
}

static mlm_status know_experiment(
	struct store *base, const char *id, char id_out[MLM_ID_SIZE], mlm_error *err)
{
	return spool_know_experiment(spool_store_of(base), id, id_out, err);
}

/* For calls that need the id now. */
static mlm_status need_experiment(
	struct spool_store *spool, const char *id, char id_out[MLM_ID_SIZE], mlm_error *err)
{
	mlm_status status = spool_know_experiment(spool, id, id_out, err);
	if (status == MLM_OK && !id_out[0])
		status = error_set(err, MLM_EAGAIN, "experiment",
			"the experiment waits for the server %s, which is away", spool->queue.uri);
	return status;
}

static mlm_status promise_experiment(struct store *base, const char *name,
	const mlm_experiment_options *options, char id_out[MLM_ID_SIZE], mlm_error *err)
{
	struct spool_store *spool = spool_store_of(base);
	struct spool_experiment experiment;
	bool is_open;
	id_out[0] = '\0';
	struct arena *arena = arena_new(base->allocator);
	if (!arena)
		return no_memory(err);
	mlm_status status = spool_queue_open(&spool->queue, true, &is_open, err);
	if (status == MLM_OK)
		status = spool_queue_promise(&spool->queue, name, options, arena, &experiment, err);
	if (status == MLM_OK)
		snprintf(id_out, MLM_ID_SIZE, "%c%lld", SPOOL_PROMISE_MARK,
			(long long)experiment.number);
	arena_free(arena);
	return status;
}

static mlm_status create_experiment(struct store *base, const char *name,
	const mlm_experiment_options *options, char id_out[MLM_ID_SIZE], mlm_error *err)
{
	struct spool_store *spool = spool_store_of(base);
	READ(remote->ops->create_experiment(remote, name, options, id_out, &why));
}

static mlm_status get_experiment(struct store *base, const char *id, const char *name,
	mlm_experiment_list **list_out, mlm_error *err)
{
	struct spool_store *spool = spool_store_of(base);
	char known[MLM_ID_SIZE];
	*list_out = NULL;
	if (id) {
		mlm_status found = need_experiment(spool, id, known, err);
		if (found != MLM_OK)
			return found;
	}
	READ(remote->ops->get_experiment(remote, id ? known : NULL, name, list_out, &why));
}

static mlm_status search_experiments(
	struct store *base, const mlm_query *query, mlm_experiment_list **list_out, mlm_error *err)
{
	struct spool_store *spool = spool_store_of(base);
	*list_out = NULL;
	READ(remote->ops->search_experiments(remote, query, list_out, &why));
}

/* Calls on an experiment that do not wait in the queue. */
#define ON_EXPERIMENT(call)                                        \
	struct spool_store *spool = spool_store_of(base);          \
	char known[MLM_ID_SIZE];                                   \
	mlm_status found = need_experiment(spool, id, known, err); \
	if (found != MLM_OK)                                       \
		return found;                                      \
	READ(call)

static mlm_status rename_experiment(
	struct store *base, const char *id, const char *name, mlm_error *err)
{
	ON_EXPERIMENT(remote->ops->rename_experiment(remote, known, name, &why));
}

static mlm_status set_experiment_lifecycle(
	struct store *base, const char *id, mlm_lifecycle lifecycle, mlm_error *err)
{
	ON_EXPERIMENT(remote->ops->set_experiment_lifecycle(remote, known, lifecycle, &why));
}

static mlm_status set_experiment_tag(
	struct store *base, const char *id, const char *key, const char *value, mlm_error *err)
{
	ON_EXPERIMENT(remote->ops->set_experiment_tag(remote, known, key, value, &why));
}

static mlm_status delete_experiment_runs(struct store *base, const char *id, mlm_error *err)
{
	ON_EXPERIMENT(remote->ops->delete_experiment_runs(remote, known, &why));
}

/* ---- runs: writing ---- */

mlm_status spool_find_run(
	struct spool_store *spool, const char *run_id, struct spool_run *run_out, mlm_error *err)
{
	bool is_open;
	mlm_status status = spool_queue_open(&spool->queue, false, &is_open, err);
	if (status == MLM_OK && is_open)
		return spool_queue_find_run(&spool->queue, run_id, run_out, err);
	*run_out = (struct spool_run){ 0 };
	copy_id(run_id, run_out->id);
	copy_id(run_id, run_out->server_id);
	return status;
}

/* asked_ms: as spool_queue_add_run() has it. */
static mlm_status add_to_queue(struct spool_store *spool, const char *run_id, int64_t asked_ms,
	const struct spool_entry *entry, mlm_error *err)
{
	const void *body;
	size_t size;
	bool is_open;
	struct arena *arena = arena_new(spool->base.allocator);
	if (!arena)
		return no_memory(err);
	mlm_status status = spool_queue_open(&spool->queue, true, &is_open, err);
	if (status == MLM_OK)
		status = spool_entry_write(entry, arena, &body, &size, err);
	if (status == MLM_OK)
		status = entry->kind == SPOOL_CREATE
				 ? spool_queue_add_run(
					   &spool->queue, run_id, asked_ms, body, size, err)
				 : spool_queue_add(&spool->queue, run_id, entry->kind, body, size,
					   entry->params, entry->param_count, err);
	/* A file that is new does not know yet. */
	if (status == MLM_OK && spool->away_until_ms > clock_now_ms())
		spool_queue_set_away(&spool->queue, spool->away_until_ms, NULL);
	arena_free(arena);
	return status;
}

/* What every write does. A write that could not be checked, and is none of a run that was begun
 * here or waits already, is not acknowledged. */
static mlm_status write(struct spool_store *spool, const char *run_id,
	const struct spool_entry *entry, store_refused_fn refused, void *payload, mlm_error *err)
{
	struct spool_run run;
	mlm_error why = MLM_ERROR_INIT;
	mlm_status status = spool_find_run(spool, run_id, &run, err);
	if (status != MLM_OK)
		return status;
	bool is_queued = run.waits || !run.server_id[0];
	if (!is_queued && !spool_was_away(spool, &why)) {
		begin_write(spool);
		status = spool_send(spool, run.server_id, entry, refused, payload, &why);
		spool_note(spool, status, &why);
		if (!spool_is_away(status)) {
			if (status != MLM_OK && err)
				*err = why;
			return status;
		}
	}
	bool is_unsure = entry->kind == SPOOL_LIFECYCLE || entry->change.run_name;
	if (!is_queued && is_unsure && strcmp(run.id, run.server_id) == 0) {
		if (err)
			*err = why;
		return why.status;
	}
	return add_to_queue(spool, run.id, 0, entry, err);
}

static mlm_status create_run(struct store *base, const struct store_new_run *run,
	char id_out[MLM_ID_SIZE], mlm_error *err)
{
	struct spool_store *spool = spool_store_of(base);
	mlm_error why = MLM_ERROR_INIT;
	bool was_asked;
	int64_t asked_ms = 0;
	id_out[0] = '\0';
	if (run->may_exist && spool_was_away(spool, err))
		return MLM_EAGAIN;
	if (!spool_was_away(spool, NULL)) {
		begin_write(spool);
		mlm_status status = spool_send_run(spool, run, id_out, &was_asked, &why);
		/* Who looks for it first comes again, and one that is known need not begin here. */
		if (!spool_is_away(status) || run->may_exist) {
			if (status != MLM_OK && err)
				*err = why;
			return status;
		}
		asked_ms = status == MLM_ETIMEOUT && why.detail != 500 ? clock_now_ms() : 0;
	}
	const struct spool_entry entry = { .kind = SPOOL_CREATE, .create = *run };
	mlm_status status = add_to_queue(spool, run->run_id, asked_ms, &entry, err);
	if (status == MLM_OK)
		copy_id(run->run_id, id_out);
	return status;
}

static mlm_status update_run(struct store *base, const char *run_id,
	const struct store_run_change *change, mlm_error *err)
{
	const struct spool_entry entry = { .kind = SPOOL_UPDATE, .change = *change };
	return write(spool_store_of(base), run_id, &entry, NULL, NULL, err);
}

static mlm_status set_run_lifecycle(
	struct store *base, const char *run_id, mlm_lifecycle lifecycle, mlm_error *err)
{
	const struct spool_entry entry = { .kind = SPOOL_LIFECYCLE, .lifecycle = lifecycle };
	return write(spool_store_of(base), run_id, &entry, NULL, NULL, err);
}

static mlm_status log_texts(struct store *base, const char *run_id, const mlm_text *params,
	size_t param_count, const mlm_text *tags, size_t tag_count, mlm_error *err)
{
	const struct spool_entry entry = {
		.kind = SPOOL_TEXTS,
		.params = params,
		.param_count = param_count,
		.tags = tags,
		.tag_count = tag_count,
	};
	return write(spool_store_of(base), run_id, &entry, NULL, NULL, err);
}

static mlm_status delete_tag(
	struct store *base, const char *run_id, const char *key, mlm_error *err)
{
	const struct spool_entry entry = { .kind = SPOOL_DELETE_TAG, .key = key };
	return write(spool_store_of(base), run_id, &entry, NULL, NULL, err);
}

static mlm_status log_inputs(struct store *base, const char *run_id,
	const mlm_dataset_input *inputs, size_t count, mlm_error *err)
{
	const struct spool_entry entry = {
		.kind = SPOOL_INPUTS, .inputs = inputs, .input_count = count
	};
	return write(spool_store_of(base), run_id, &entry, NULL, NULL, err);
}

/* ---- the journal ---- */

/* Points [begin, end), all of one run. */
static mlm_status apply_run(struct spool_store *spool, const struct store_batch *batch,
	size_t begin, size_t end, struct arena *arena, store_refused_fn refused, void *payload,
	mlm_error *err)
{
	uint32_t first = batch->points[begin].series;
	struct store_point *points = arena_array(arena, end - begin, sizeof(*points));
	if (!points)
		return no_memory(err);
	memcpy(points, batch->points + begin, (end - begin) * sizeof(*points));
	for (size_t i = 0; i < end - begin; i++)
		points[i].series -= first;
	const struct spool_entry entry = {
		.kind = SPOOL_POINTS,
		.series = batch->series + first,
		.series_count = batch->points[end - 1].series - first + 1,
		.points = points,
		.point_count = end - begin,
	};
	return write(spool, batch->series[first].run_id, &entry, refused, payload, err);
}

static mlm_status apply(struct store *base, const struct store_batch *batch,
	store_refused_fn refused, void *payload, mlm_error *err)
{
	struct spool_store *spool = spool_store_of(base);
	struct arena *arena = arena_new(base->allocator);
	mlm_status status = arena ? MLM_OK : no_memory(err);
	for (size_t begin = 0, end = 0; begin < batch->point_count && status == MLM_OK;
		begin = end) {
		const char *run_id = batch->series[batch->points[begin].series].run_id;
		while (end < batch->point_count &&
			strcmp(batch->series[batch->points[end].series].run_id, run_id) == 0)
			end++;
		status = apply_run(spool, batch, begin, end, arena, refused, payload, err);
		arena_reset(arena);
	}
	for (size_t i = 0; i < batch->killed_run_count && status == MLM_OK; i++) {
		const struct spool_entry entry = {
			.kind = SPOOL_KILL,
			.change = { .end_time_ms = batch->killed_runs[i].end_time_ms },
		};
		status = write(spool, batch->killed_runs[i].run_id, &entry, NULL, NULL, err);
	}
	arena_free(arena);
	return status;
}

/* ---- runs: reading ---- */

/* Sends what waits of a run, or of all, so that a read sees it, as far as the remote takes it soon.
 * Who else is sending is waited for. */
static void catch_up(struct spool_store *spool, const char *run_id)
{
	static const struct timespec pause = { .tv_nsec = 20000000 };
	int64_t begun_ns = clock_monotonic_ns();
	while (!spool_was_away(spool, NULL) && !atomic_load(&spool->is_interrupted) &&
		patience_lasts(NULL)) {
		bool is_taken;
		mlm_status status = spool_deliver(spool, run_id, NULL, NULL, &is_taken, NULL);
		uint32_t wait_ms = is_taken ? spool->base.busy_timeout_ms : SPOOL_CATCH_UP_MS;
		if (status != MLM_EAGAIN ||
			clock_monotonic_ns() - begun_ns > (int64_t)wait_ms * 1000000)
			break;
		nanosleep(&pause, NULL);
	}
}

/* The run whose id the remote knows; *is_here_out: it knows none yet. */
static mlm_status find_for_read(struct spool_store *spool, const char *run_id,
	struct spool_run *run_out, bool *is_here_out, mlm_error *err)
{
	*is_here_out = false;
	mlm_status status = spool_find_run(spool, run_id, run_out, err);
	if (status == MLM_OK && run_out->waits) {
		catch_up(spool, run_out->id);
		status = spool_find_run(spool, run_id, run_out, err);
	}
	if (status == MLM_OK)
		*is_here_out = !run_out->server_id[0];
	return status;
}

static mlm_status get_run(
	struct store *base, const char *run_id, mlm_run_list **list_out, mlm_error *err)
{
	struct spool_store *spool = spool_store_of(base);
	struct store *remote = spool->remote;
	struct spool_run run;
	bool is_here;
	*list_out = NULL;
	mlm_status status = find_for_read(spool, run_id, &run, &is_here, err);
	if (status == MLM_OK && is_here)
		return spool_read_run(spool, run.id, list_out, err);
	if (status == MLM_OK)
		status = begin_read(spool, err);
	if (status != MLM_OK)
		return status;
	mlm_error why = MLM_ERROR_INIT;
	status = remote->ops->get_run(remote, run.server_id, list_out, &why);
	status = end_read(spool, status, &why, err);
	if (status == MLM_OK && run.waits)
		status = spool_add_metrics(spool, run.id, *list_out, err);
	if (status != MLM_OK && *list_out) {
		arena_free((*list_out)->memory);
		*list_out = NULL;
	}
	return status;
}

static mlm_status search_runs(
	struct store *base, const mlm_query *query, mlm_run_list **list_out, mlm_error *err)
{
	struct spool_store *spool = spool_store_of(base);
	struct store *remote = spool->remote;
	mlm_query known = *query;
	mlm_status status = MLM_OK;
	*list_out = NULL;
	struct arena *arena = arena_new(base->allocator);
	char(*ids)[MLM_ID_SIZE] =
		arena ? arena_array(arena, query->experiment_count + 1, sizeof(*ids)) : NULL;
	const char **pointers =
		ids ? arena_array(arena, query->experiment_count + 1, sizeof(*pointers)) : NULL;
	if (!pointers)
		status = no_memory(err);
	catch_up(spool, NULL);
	for (size_t i = 0; i < query->experiment_count && status == MLM_OK; i++) {
		status = need_experiment(spool, query->experiment_ids[i], ids[i], err);
		pointers[i] = ids[i];
	}
	known.experiment_ids = pointers;
	if (status == MLM_OK)
		status = begin_read(spool, err);
	if (status == MLM_OK) {
		mlm_error why = MLM_ERROR_INIT;
		status = remote->ops->search_runs(remote, &known, list_out, &why);
		status = end_read(spool, status, &why, err);
	}
	arena_free(arena);
	return status;
}

static mlm_status get_metric_history(struct store *base, const char *run_id, const char *key,
	mlm_metric_history **history_out, mlm_error *err)
{
	struct spool_store *spool = spool_store_of(base);
	struct spool_run run;
	bool is_here;
	*history_out = NULL;
	mlm_status found = find_for_read(spool, run_id, &run, &is_here, err);
	if (found != MLM_OK)
		return found;
	if (is_here)
		return spool_read_history(spool, run.id, key, history_out, err);
	READ(remote->ops->get_metric_history(remote, run.server_id, key, history_out, &why));
}

static mlm_status get_points(struct store *base, const char *run_id, const char *key,
	struct store_cursor *cursor, struct store_point *points, size_t capacity, size_t *count_out,
	mlm_error *err)
{
	struct spool_store *spool = spool_store_of(base);
	struct spool_run run;
	bool is_here;
	*count_out = 0;
	mlm_status found = find_for_read(spool, run_id, &run, &is_here, err);
	if (found == MLM_OK && is_here)
		found = error_set(err, MLM_EAGAIN, "spool",
			"run %s waits for the server %s, which is away", run.id, spool->queue.uri);
	if (found != MLM_OK)
		return found;
	READ(remote->ops->get_points(
		remote, run.server_id, key, cursor, points, capacity, count_out, &why));
}

static mlm_status summarize_metric(struct store *base, const char *run_id, const char *key,
	mlm_metric_summary *summary_out, mlm_error *err)
{
	struct spool_store *spool = spool_store_of(base);
	struct spool_run run;
	bool is_here;
	*summary_out = (mlm_metric_summary){ 0 };
	mlm_status found = find_for_read(spool, run_id, &run, &is_here, err);
	if (found != MLM_OK)
		return found;
	if (is_here)
		return spool_summarize_metric(spool, run.id, key, summary_out, err);
	READ(remote->ops->summarize_metric(remote, run.server_id, key, summary_out, &why));
}

static mlm_status get_max_step(struct store *base, const char *run_id, const char *key,
	bool *found_out, int64_t *step_out, mlm_error *err)
{
	struct spool_store *spool = spool_store_of(base);
	struct spool_run run;
	bool is_here;
	*found_out = false;
	*step_out = 0;
	mlm_status found = find_for_read(spool, run_id, &run, &is_here, err);
	if (found != MLM_OK)
		return found;
	if (is_here)
		return spool_read_max_step(spool, run.id, key, found_out, step_out, err);
	READ(remote->ops->get_max_step(remote, run.server_id, key, found_out, step_out, &why));
}

const struct store_ops spool_store_ops = {
	.scheme = "http",
	.is_remote = true,
	.batch_points_max = 1000, /* of one log-batch request */
	.open = open_store,
	.close = close_store,
	.interrupt = interrupt,
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
	.search_runs = search_runs,
	.update_run = update_run,
	.set_run_lifecycle = set_run_lifecycle,
	.log_texts = log_texts,
	.delete_tag = delete_tag,
	.log_inputs = log_inputs,
	.get_metric_history = get_metric_history,
	.get_points = get_points,
	.summarize_metric = summarize_metric,
	.get_max_step = get_max_step,
	.apply = apply,
	.promise_experiment = promise_experiment,
	.know_experiment = know_experiment,
	.deliver = spool_deliver_all,
};
