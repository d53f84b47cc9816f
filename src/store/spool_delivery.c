/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "store/spool_store.h"

#define PARENT_TAG "mlflow.parentRunId"

static mlm_status no_memory(mlm_error *err)
{
	return error_set(err, MLM_ENOMEM, "spool", "memory ran out");
}

/* ---- sending one entry ---- */

/* The tags with the store's id of the parent. EAGAIN when it has none yet. */
static mlm_status know_parent(struct spool_store *spool, const struct store_new_run *run,
	struct spool_run *parent, mlm_text *tags, mlm_error *err)
{
	if (run->tag_count)
		memcpy(tags, run->tags, run->tag_count * sizeof(*tags));
	for (size_t i = 0; i < run->tag_count; i++) {
		if (strcmp(tags[i].key, PARENT_TAG) != 0)
			continue;
		mlm_status status = spool_find_run(spool, tags[i].value, parent, err);
		if (status != MLM_OK)
			return status;
		if (!parent->server_id[0])
			return error_set(err, MLM_EAGAIN, "spool",
				"its parent, run %s, waits as well", parent->id);
		tags[i].value = parent->server_id;
	}
	return MLM_OK;
}

/* Makes a run, or finds the one that was made when it was asked for before. EAGAIN with *asked_out
 * false: whether it was is not known yet. */
static mlm_status make_once(struct spool_store *spool, struct store_new_run *run,
	char id_out[MLM_ID_SIZE], bool *asked_out, mlm_error *err)
{
	struct store *remote = spool->remote;
	struct spool_queue *queue = &spool->queue;
	bool is_open;
	int64_t unsettled_until_ms = 0;
	mlm_error why = MLM_ERROR_INIT;
	mlm_status noted = spool_queue_open(queue, true, &is_open, err);
	if (noted == MLM_OK)
		noted = spool_queue_begin_request(
			queue, run->run_id, clock_now_ms(), &unsettled_until_ms, err);
	if (noted != MLM_OK)
		return noted;
	run->only_finds = unsettled_until_ms > 0;
	mlm_status status = remote->ops->create_run(remote, run, id_out, &why);
	spool_note(spool, status, &why);
	if (status == MLM_OK && !id_out[0]) {
		*asked_out = false;
		return error_set(err, MLM_EAGAIN, "spool",
			"the server %s may still be making it, since it was asked to a moment ago",
			queue->uri);
	}
	/* Who answered with 500 has done with it, whatever became of it. */
	bool is_settled = status == MLM_OK ||
			  (!run->only_finds && (status != MLM_ETIMEOUT || why.detail == 500));
	if (is_settled)
		noted = spool_queue_end_request(queue, run->run_id, status == MLM_OK ? err : NULL);
	if (status != MLM_OK && err)
		*err = why;
	return status != MLM_OK ? status : noted;
}

static mlm_status make(struct spool_store *spool, const struct store_new_run *run,
	char id_out[MLM_ID_SIZE], mlm_error *err)
{
	mlm_error why = MLM_ERROR_INIT;
	mlm_status status = spool->remote->ops->create_run(spool->remote, run, id_out, &why);
	spool_note(spool, status, &why);
	if (status != MLM_OK && err)
		*err = why;
	return status;
}

mlm_status spool_send_run(struct spool_store *spool, const struct store_new_run *run,
	char id_out[MLM_ID_SIZE], bool *asked_out, mlm_error *err)
{
	char experiment_id[MLM_ID_SIZE];
	struct spool_run parent;
	struct store_new_run known = *run;
	id_out[0] = '\0';
	*asked_out = false;
	mlm_text *tags = memory_array(spool->base.allocator, run->tag_count + 1, sizeof(*tags));
	if (!tags)
		return no_memory(err);
	mlm_status status = spool_know_experiment(spool, run->experiment_id, experiment_id, err);
	if (status == MLM_OK && !experiment_id[0])
		status = error_set(err, MLM_EAGAIN, "spool", "its experiment waits as well");
	if (status == MLM_OK)
		status = know_parent(spool, run, &parent, tags, err);
	if (status == MLM_OK) {
		known.experiment_id = experiment_id;
		known.tags = tags;
		*asked_out = true;
		uint32_t timeout_ms = spool->remote->request_timeout_ms;
		spool->remote->request_timeout_ms = SPOOL_WRITE_MS;
		status = run->may_exist ? make_once(spool, &known, id_out, asked_out, err)
					: make(spool, &known, id_out, err);
		spool->remote->request_timeout_ms = timeout_ms;
	}
	memory_free(spool->base.allocator, tags);
	return status;
}

struct refusal {
	const struct store_series *sent;
	const struct store_series *told;
	store_refused_fn refused;
	void *payload;
};

static void tell_refused(
	void *payload, const struct store_series *series, size_t point_count, const mlm_error *why)
{
	const struct refusal *refusal = payload;
	if (refusal->refused)
		refusal->refused(
			refusal->payload, &refusal->told[series - refusal->sent], point_count, why);
}

static mlm_status send_points(struct spool_store *spool, const char *server_id,
	const struct spool_entry *entry, store_refused_fn refused, void *payload, mlm_error *err)
{
	struct store_series *series =
		memory_array(spool->base.allocator, entry->series_count + 1, sizeof(*series));
	if (!series)
		return no_memory(err);
	for (size_t i = 0; i < entry->series_count; i++)
		series[i] = (struct store_series){ server_id, entry->series[i].key };
	struct refusal refusal = { series, entry->series, refused, payload };
	const struct store_batch batch = {
		.series = series,
		.series_count = entry->series_count,
		.points = entry->points,
		.point_count = entry->point_count,
	};
	mlm_status status =
		spool->remote->ops->apply(spool->remote, &batch, tell_refused, &refusal, err);
	memory_free(spool->base.allocator, series);
	return status;
}

mlm_status spool_send(struct spool_store *spool, const char *server_id,
	const struct spool_entry *entry, store_refused_fn refused, void *payload, mlm_error *err)
{
	struct store *remote = spool->remote;
	const struct store_ops *ops = remote->ops;
	const struct store_killed_run killed = { server_id, entry->change.end_time_ms };
	const struct store_batch kill = { .killed_runs = &killed, .killed_run_count = 1 };
	switch (entry->kind) {
	case SPOOL_TEXTS:
		return ops->log_texts(remote, server_id, entry->params, entry->param_count,
			entry->tags, entry->tag_count, err);
	case SPOOL_DELETE_TAG:
		return ops->delete_tag(remote, server_id, entry->key, err);
	case SPOOL_UPDATE:
		return ops->update_run(remote, server_id, &entry->change, err);
	case SPOOL_LIFECYCLE:
		return ops->set_run_lifecycle(remote, server_id, entry->lifecycle, err);
	case SPOOL_POINTS:
		return send_points(spool, server_id, entry, refused, payload, err);
	case SPOOL_KILL:
		return ops->apply(remote, &kill, NULL, NULL, err);
	case SPOOL_INPUTS:
		return ops->log_inputs(remote, server_id, entry->inputs, entry->input_count, err);
	case SPOOL_CREATE:
		break;
	}
	return error_set(err, MLM_ECORRUPT, "spool", "a record that waits is damaged");
}

/* ---- one delivery ---- */

struct delivery {
	struct spool_store *spool;
	store_delivery_fn report;
	void *payload;
	struct arena *arena; /* of one entry */
	struct spool_run run;
	uint64_t records; /* of the run */
	uint64_t points;
	bool was_asked; /* the store, for the last entry */
	bool is_gone; /* that the store will not take the run's records has been told */
	bool is_stopped; /* by who asked for it */
	bool is_left; /* something goes on waiting */
	mlm_error why; /* the first reason for that */
};

static void tell(struct delivery *delivery, enum store_delivery_kind kind, const char *name,
	const mlm_error *why)
{
	const struct store_delivery told = {
		.kind = kind,
		.run_id = delivery->run.id[0] ? delivery->run.id : NULL,
		.server_id = delivery->run.server_id,
		.name = name,
		.records = delivery->records,
		.points = delivery->points,
		.why = why,
	};
	if (delivery->report && !delivery->report(delivery->payload, &told))
		delivery->is_stopped = true;
}

static void leave(struct delivery *delivery, const char *name, const mlm_error *why)
{
	if (!delivery->is_left)
		delivery->why = *why;
	delivery->is_left = true;
	tell(delivery, STORE_LEFT, name, why);
}

/* Another try will not help. */
static bool is_final(mlm_status status)
{
	switch (status) {
	case MLM_EINVAL:
	case MLM_ESTATE:
	case MLM_ENOTFOUND:
	case MLM_EEXISTS:
	case MLM_ECORRUPT:
	case MLM_EUNSUPPORTED:
		return true;
	default:
		return false;
	}
}

/* The store is there and takes other requests, but not this one, or not now. */
static bool stumbles(mlm_status status, const mlm_error *why)
{
	return spool_is_away(status) && why->detail == 500;
}

static bool is_about_one(mlm_status status, const mlm_error *why)
{
	return is_final(status) || stumbles(status, why);
}

static void note_refused_points(
	void *payload, const struct store_series *series, size_t point_count, const mlm_error *why)
{
	struct delivery *delivery = payload;
	char name[300];
	if (delivery->is_gone)
		return;
	snprintf(name, sizeof(name), "%zu points of metric '%.200s'", point_count, series->key);
	delivery->is_gone = why->status == MLM_ENOTFOUND || why->status == MLM_ESTATE;
	tell(delivery, STORE_REFUSED, name, why);
}

static void refuse(struct delivery *delivery, const struct spool_entry *entry, const mlm_error *why)
{
	char name[300] = "";
	bool is_gone = why->status == MLM_ENOTFOUND || why->status == MLM_ESTATE;
	if (is_gone && delivery->is_gone)
		return;
	delivery->is_gone = delivery->is_gone || is_gone;
	if (entry->kind == SPOOL_TEXTS && entry->param_count + entry->tag_count == 1)
		snprintf(name, sizeof(name), "%s '%.200s'", entry->param_count ? "param" : "tag",
			entry->param_count ? entry->params[0].key : entry->tags[0].key);
	else if (entry->kind == SPOOL_UPDATE || entry->kind == SPOOL_KILL)
		snprintf(name, sizeof(name), "its status");
	else if (entry->kind == SPOOL_INPUTS)
		snprintf(name, sizeof(name), "%zu dataset inputs", entry->input_count);
	else
		snprintf(name, sizeof(name), "a record");
	tell(delivery, STORE_REFUSED, name, why);
}

static mlm_status send_texts(
	struct delivery *delivery, const struct spool_entry *entry, mlm_error *why)
{
	mlm_status status =
		spool_send(delivery->spool, delivery->run.server_id, entry, NULL, NULL, why);
	if (is_final(status)) {
		refuse(delivery, entry, why);
		return MLM_OK;
	}
	return status;
}

/* A store that stumbles over so many texts in a row, and takes none, is not tried with the rest. */
#define STUMBLES_MAX 3

/* The store does not take a request as a whole: each text once more by itself. The status tells
 * what it stumbles over. */
static mlm_status send_singly(
	struct delivery *delivery, const struct spool_entry *entry, mlm_error *why)
{
	size_t count = entry->param_count + entry->tag_count, taken = 0, stumbled = 0;
	for (size_t i = 0; i < count && (taken || stumbled < STUMBLES_MAX); i++) {
		bool is_param = i < entry->param_count;
		const struct spool_entry one = {
			.kind = SPOOL_TEXTS,
			.params = is_param ? entry->params + i : NULL,
			.param_count = is_param,
			.tags = is_param ? NULL : entry->tags + (i - entry->param_count),
			.tag_count = !is_param,
		};
		mlm_error problem = MLM_ERROR_INIT;
		mlm_status status = send_texts(delivery, &one, &problem);
		taken += status == MLM_OK;
		if (status != MLM_OK && (!stumbled || !stumbles(status, &problem)))
			*why = problem;
		if (status != MLM_OK && !stumbles(status, &problem))
			return status;
		stumbled += status != MLM_OK;
	}
	return stumbled ? why->status : MLM_OK;
}

static mlm_status send_some_points(struct delivery *delivery, const struct spool_entry *entry,
	size_t begin, size_t end, mlm_error *why)
{
	struct spool_entry some = *entry;
	some.points += begin;
	some.point_count = end - begin;
	return spool_send(delivery->spool, delivery->run.server_id, &some, note_refused_points,
		delivery, why);
}

/* One point that the store stumbles over does not hold up the others that lie with it. */
static mlm_status send_points_apart(
	struct delivery *delivery, const struct spool_entry *entry, mlm_error *why)
{
	size_t begin = 0, end = entry->point_count;
	while (end - begin > 1) {
		size_t middle = begin + (end - begin) / 2;
		mlm_error left_why = MLM_ERROR_INIT, right_why = MLM_ERROR_INIT;
		mlm_status left = send_some_points(delivery, entry, begin, middle, &left_why);
		mlm_status right = MLM_OK;
		if (left == MLM_OK || stumbles(left, &left_why))
			right = send_some_points(delivery, entry, middle, end, &right_why);
		if (left == MLM_OK && right == MLM_OK)
			return MLM_OK;
		*why = left == MLM_OK ? right_why : left_why;
		/* It stumbles over all, or is away. */
		if ((left != MLM_OK && right != MLM_OK) || !stumbles(why->status, why))
			break;
		if (left == MLM_OK)
			begin = middle;
		else
			end = middle;
	}
	return why->status;
}

static mlm_status send_entry(
	struct delivery *delivery, const struct spool_entry *entry, mlm_error *why)
{
	mlm_status status = spool_send(delivery->spool, delivery->run.server_id, entry,
		note_refused_points, delivery, why);
	spool_note(delivery->spool, status, why);
	/* It was there when it was to be deleted, or an earlier delivery did it. */
	if (entry->kind == SPOOL_DELETE_TAG && status == MLM_ENOTFOUND)
		return MLM_OK;
	bool are_many = entry->kind == SPOOL_TEXTS && entry->param_count + entry->tag_count > 1;
	if (are_many && (status == MLM_EINVAL || status == MLM_EEXISTS || stumbles(status, why)))
		return send_singly(delivery, entry, why);
	if (entry->kind == SPOOL_POINTS && stumbles(status, why))
		return send_points_apart(delivery, entry, why);
	if (is_final(status)) {
		refuse(delivery, entry, why);
		return MLM_OK;
	}
	return status;
}

static mlm_status deliver_entry(struct delivery *delivery, const struct spool_record *record,
	mlm_error *why, mlm_error *err)
{
	struct spool_queue *queue = &delivery->spool->queue;
	struct spool_run *run = &delivery->run;
	struct spool_entry entry;
	delivery->was_asked = true;
	mlm_status status = spool_entry_read(record, run->id, delivery->arena, &entry, why);
	if (status == MLM_ECORRUPT) {
		tell(delivery, STORE_REFUSED, "a record", why);
	} else if (status == MLM_OK && record->kind == SPOOL_CREATE) {
		entry.create.run_id = run->id;
		status = spool_send_run(
			delivery->spool, &entry.create, run->server_id, &delivery->was_asked, why);
		if (status != MLM_OK)
			return status;
		return spool_queue_run_made(queue, record->entry_id, run->id, run->server_id, err);
	} else if (status == MLM_OK) {
		status = send_entry(delivery, &entry, why);
		delivery->points += status == MLM_OK ? entry.point_count : 0;
	}
	if (status != MLM_OK && status != MLM_ECORRUPT)
		return status;
	return spool_queue_remove(queue, record->entry_id, run->id, err);
}

/* What an entry sets, of which the last one that was made counts; none of them passes another. */
enum {
	ORDER_TEXTS = 1,
	ORDER_STATUS = 2,
	ORDER_ALL = 4,
};

static unsigned order_of(enum spool_kind kind)
{
	switch (kind) {
	case SPOOL_TEXTS:
	case SPOOL_DELETE_TAG:
		return ORDER_TEXTS;
	case SPOOL_UPDATE:
	case SPOOL_KILL:
		return ORDER_STATUS;
	case SPOOL_POINTS:
	case SPOOL_INPUTS:
		return 0;
	default:
		return ORDER_ALL;
	}
}

/* An entry that the store stumbles over is passed by those that do not depend on it. */
struct passing {
	int64_t after; /* entries up to here are behind */
	unsigned held; /* what they set */
	bool are_some_held;
	mlm_error why; /* the first is */
};

static void pass(struct passing *passing, const struct spool_record *record, const mlm_error *why)
{
	if (!passing->are_some_held)
		passing->why = *why;
	passing->are_some_held = true;
	passing->held |= order_of(record->kind);
	passing->after = record->entry_id;
}

/* False: the store takes nothing, and other runs need not be tried. *err is filled only by what is
 * wrong with the queue. */
static bool deliver_run(struct delivery *delivery, const char *run_id, mlm_error *err)
{
	struct spool_queue *queue = &delivery->spool->queue;
	struct passing passing = { 0 };
	delivery->records = delivery->points = 0;
	delivery->is_gone = false;
	if (spool_queue_find_run(queue, run_id, &delivery->run, err) != MLM_OK)
		return false;
	for (;;) {
		struct spool_record record;
		mlm_error why = MLM_ERROR_INIT;
		arena_reset(delivery->arena);
		if (spool_queue_next(queue, run_id, passing.after, delivery->arena, &record, err) !=
			MLM_OK)
			return false;
		unsigned order = order_of(record.kind);
		if (record.entry_id == 0 || (passing.are_some_held && order == ORDER_ALL))
			break;
		if (order & passing.held) {
			pass(&passing, &record, &passing.why);
			continue;
		}
		mlm_status status = deliver_entry(delivery, &record, &why, err);
		if (err->status != MLM_OK)
			return false;
		if (status != MLM_OK && order != ORDER_ALL && stumbles(status, &why)) {
			pass(&passing, &record, &why);
			continue;
		}
		if (status != MLM_OK) {
			/* A run that waits for another one does not hold up a third. */
			leave(delivery, "", &why);
			return is_about_one(status, &why) || !delivery->was_asked;
		}
		delivery->records++;
		tell(delivery, STORE_DELIVERING, "", NULL);
		if (delivery->is_stopped)
			return false;
	}
	if (passing.are_some_held)
		leave(delivery, "", &passing.why);
	else if (delivery->records)
		tell(delivery, STORE_DELIVERED, "", NULL);
	return true;
}

static void leave_untried(struct delivery *delivery, const char *run_id)
{
	delivery->records = delivery->points = 0;
	if (spool_queue_find_run(&delivery->spool->queue, run_id, &delivery->run, NULL) == MLM_OK)
		tell(delivery, STORE_LEFT, "", &delivery->why);
}

static bool deliver_experiments(struct delivery *delivery, mlm_error *err)
{
	struct spool_store *spool = delivery->spool;
	delivery->run = (struct spool_run){ 0 };
	for (int64_t number = 0;;) {
		char promise[MLM_ID_SIZE], id[MLM_ID_SIZE];
		struct spool_experiment experiment;
		mlm_error why = MLM_ERROR_INIT;
		arena_reset(delivery->arena);
		if (spool_queue_next_promise(&spool->queue, number, &number, err) != MLM_OK)
			return false;
		if (number == 0)
			return true;
		if (spool_queue_get_experiment(
			    &spool->queue, number, delivery->arena, &experiment, err) != MLM_OK)
			return false;
		snprintf(promise, sizeof(promise), "%c%lld", SPOOL_PROMISE_MARK, (long long)number);
		mlm_status status = spool_know_experiment(spool, promise, id, &why);
		if (status == MLM_OK && id[0])
			continue;
		if (status == MLM_OK) {
			error_set(&why, MLM_EAGAIN, "spool", "%s", spool->away_why.message);
			status = MLM_EAGAIN;
		}
		leave(delivery, experiment.name, &why);
		if (!is_about_one(status, &why))
			return false;
	}
}

static mlm_status take_lock(
	struct spool_store *spool, int *fd_out, bool *is_taken_out, mlm_error *err)
{
	int fd = open(spool->queue.lock_path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
	*fd_out = fd;
	if (fd < 0)
		return error_set_errno(
			err, errno, "spool", "cannot open the lock '%s'", spool->queue.lock_path);
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return MLM_OK;
	int errnum = errno;
	close(fd);
	*fd_out = -1;
	if (errnum != EWOULDBLOCK)
		return error_set_errno(
			err, errnum, "spool", "cannot lock '%s'", spool->queue.lock_path);
	*is_taken_out = true;
	return error_set(err, MLM_EAGAIN, "spool",
		"another process is sending what waits for the server %s", spool->queue.uri);
}

/* Whether anything waits; without a lock, since most often nothing does. */
static mlm_status look(struct spool_store *spool, struct arena *arena,
	const char *const **run_ids_out, size_t *count_out, bool *waits_out, mlm_error *err)
{
	bool is_open = false;
	int64_t number = 0;
	*waits_out = false;
	*count_out = 0;
	mlm_status status = spool_queue_open(&spool->queue, false, &is_open, err);
	if (status != MLM_OK || !is_open)
		return status;
	status = spool_queue_next_promise(&spool->queue, 0, &number, err);
	if (status == MLM_OK)
		status = spool_queue_list_runs(&spool->queue, arena, run_ids_out, count_out, err);
	*waits_out = number > 0 || *count_out > 0;
	return status;
}

static mlm_status deliver_locked(struct delivery *delivery, const char *run_id,
	const char *const *run_ids, size_t count, mlm_error *err)
{
	struct spool_store *spool = delivery->spool;
	mlm_error trouble = MLM_ERROR_INIT;
	/* To be asked although it was away. */
	spool->is_delivering = true;
	bool goes_on = run_id || deliver_experiments(delivery, &trouble);
	size_t tried = 0;
	for (; tried < count && goes_on && !delivery->is_stopped; tried++)
		goes_on = deliver_run(delivery, run_id ? run_id : run_ids[tried], &trouble);
	spool->is_delivering = false;
	for (; tried < count && delivery->is_left && !delivery->is_stopped; tried++)
		leave_untried(delivery, run_id ? run_id : run_ids[tried]);
	if (trouble.status != MLM_OK) {
		if (err)
			*err = trouble;
		return trouble.status;
	}
	if (delivery->is_stopped)
		return error_set(
			err, MLM_ESTATE, "spool", "the delivery was stopped by its caller");
	if (!delivery->is_left)
		return MLM_OK;
	if (err) {
		*err = delivery->why;
		err->status = MLM_EAGAIN;
	}
	return MLM_EAGAIN;
}

mlm_status spool_deliver(struct spool_store *spool, const char *run_id, store_delivery_fn report,
	void *payload, bool *is_taken_out, mlm_error *err)
{
	struct delivery delivery = { .spool = spool, .report = report, .payload = payload };
	const char *const *run_ids = NULL;
	size_t count = 0;
	int fd = -1;
	bool waits = false;
	*is_taken_out = false;
	struct arena *arena = arena_new(spool->base.allocator);
	delivery.arena = arena_new(spool->base.allocator);
	mlm_status status = arena && delivery.arena ? MLM_OK : no_memory(err);
	if (status == MLM_OK)
		status = look(spool, arena, &run_ids, &count, &waits, err);
	if (status == MLM_OK && waits)
		status = take_lock(spool, &fd, is_taken_out, err);
	if (status == MLM_OK && waits) {
		spool->remote->busy_timeout_ms = 0;
		spool->remote->request_timeout_ms = SPOOL_DELIVER_MS;
		status = deliver_locked(&delivery, run_id, run_ids, run_id ? 1 : count, err);
	}
	if (fd >= 0) {
		/* A forked child may have the file open as well. */
		flock(fd, LOCK_UN);
		close(fd);
	}
	arena_free(delivery.arena);
	arena_free(arena);
	return status;
}

mlm_status spool_deliver_all(struct store *base, store_delivery_fn report, void *payload,
	bool *is_taken_out, mlm_error *err)
{
	return spool_deliver(spool_store_of(base), NULL, report, payload, is_taken_out, err);
}
