/* SPDX-License-Identifier: Apache-2.0 */
#include "artifact/staged_delivery.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "artifact/artifact_file.h"
#include "base/error.h"
#include "base/memory.h"
#include "store/staging.h"

struct staged_delivery {
	struct artifact_options options;
	struct staging *staging;
	pthread_mutex_t mutex; /* what an interruption reaches for */
	struct store *tracking; /* NULL before it is needed */
	struct artifact_store *place; /* of the run under way */
	atomic_bool is_interrupted;
	/* Of one call. */
	staged_event_fn report;
	void *payload;
	struct staged_run run;
	bool is_stopped; /* by who asked for it */
	bool is_left; /* something goes on waiting */
	bool is_run_left; /* something of this run */
	mlm_error why; /* the first reason for that */
};

static mlm_status no_memory(mlm_error *err)
{
	return error_set(err, MLM_ENOMEM, "artifact", "memory ran out");
}

mlm_status staged_delivery_open(const struct artifact_options *options,
	struct staged_delivery **delivery_out, mlm_error *err)
{
	*delivery_out = NULL;
	struct staged_delivery *delivery = memory_new(&options->allocator, sizeof(*delivery));
	if (!delivery)
		return no_memory(err);
	delivery->options = *options;
	delivery->options.retry_ms = STAGED_DELIVER_TRY_MS;
	pthread_mutex_init(&delivery->mutex, NULL);
	mlm_status status = staging_open(options->tracking, &delivery->staging, err);
	if (status == MLM_OK)
		*delivery_out = delivery;
	else
		staged_delivery_close(delivery);
	return status;
}

void staged_delivery_close(struct staged_delivery *delivery)
{
	if (!delivery)
		return;
	const mlm_allocator allocator = delivery->options.allocator;
	if (delivery->tracking)
		delivery->options.tracking_ops->close(delivery->tracking);
	staging_close(delivery->staging);
	pthread_mutex_destroy(&delivery->mutex);
	memory_free(&allocator, delivery);
}

void staged_delivery_interrupt(struct staged_delivery *delivery)
{
	atomic_store(&delivery->is_interrupted, true);
	pthread_mutex_lock(&delivery->mutex);
	if (delivery->tracking && delivery->tracking->ops->interrupt)
		delivery->tracking->ops->interrupt(delivery->tracking);
	if (delivery->place && delivery->place->ops->interrupt)
		delivery->place->ops->interrupt(delivery->place);
	pthread_mutex_unlock(&delivery->mutex);
}

void staged_delivery_count(struct staged_delivery *delivery, const char *run_id, size_t *count_out,
	uint64_t *bytes_out)
{
	struct staged_run run;
	*count_out = 0;
	*bytes_out = 0;
	if (!run_id)
		staging_count(delivery->staging, NULL, count_out, bytes_out, NULL);
	else if (staging_find_run(delivery->staging, run_id, &run, NULL) == MLM_OK)
		staging_count(delivery->staging, run.id, count_out, bytes_out, NULL);
}

/* ---- telling ---- */

static void tell(struct staged_delivery *delivery, const struct staged_event *event)
{
	if (delivery->report && !delivery->report(delivery->payload, event))
		delivery->is_stopped = true;
}

static struct staged_event event_of(const struct staged_delivery *delivery,
	enum staged_event_kind kind, const struct staged *staged)
{
	return (struct staged_event){
		.kind = kind,
		.run_id = delivery->run.id,
		.server_id = delivery->run.server_id,
		.path = staged ? staged->path : "",
		.file = staged ? staged->file : "",
		.size_bytes = staged ? staged->size_bytes : -1,
	};
}

static void leave(
	struct staged_delivery *delivery, const struct staged *staged, const mlm_error *why)
{
	struct staged_event event = event_of(delivery, STAGED_LEFT, staged);
	event.why = why;
	event.is_first = !delivery->is_run_left && !delivery->run.waits;
	if (!delivery->is_left)
		delivery->why = *why;
	delivery->is_left = true;
	delivery->is_run_left = true;
	if (!atomic_load(&delivery->is_interrupted))
		tell(delivery, &event);
}

static mlm_status refuse(struct staged_delivery *delivery, const struct staged *staged,
	const mlm_error *why, mlm_error *err)
{
	struct staged_event event = event_of(delivery, STAGED_REFUSED, staged);
	mlm_status status = staging_refuse(delivery->staging, staged, why->message, err);
	event.why = why;
	event.file = access(staged->file, F_OK) == 0 ? staged->file : "";
	if (status == MLM_OK)
		tell(delivery, &event);
	return status;
}

mlm_status staged_delivery_tell_refused(
	struct staged_delivery *delivery, staged_event_fn report, void *payload, mlm_error *err)
{
	const struct staged *items;
	size_t count;
	struct arena *arena = arena_new(&delivery->options.allocator);
	mlm_status status = arena ? MLM_OK : no_memory(err);
	if (status == MLM_OK)
		status = staging_list_refused(delivery->staging, arena, &items, &count, err);
	for (size_t i = 0; status == MLM_OK && i < count; i++) {
		mlm_error why = MLM_ERROR_INIT;
		if (access(items[i].file, F_OK) != 0)
			continue;
		status = staging_find_run(delivery->staging, items[i].run_id, &delivery->run, err);
		if (status != MLM_OK)
			break;
		struct staged_event event = event_of(delivery, STAGED_REFUSED, &items[i]);
		error_set(&why, MLM_EINVAL, "artifact", "%s", items[i].refusal);
		event.why = &why;
		event.was_refused = true;
		if (!report(payload, &event))
			status = error_set(err, MLM_ESTATE, "artifact",
				"the delivery was stopped by its caller");
	}
	arena_free(arena);
	return status;
}

/* ---- sending one ---- */

struct sending {
	struct staged_delivery *delivery;
	const struct staged *staged;
	uint64_t done_bytes;
};

static mlm_status bytes_moved(void *payload, size_t size, mlm_error *err)
{
	struct sending *sending = payload;
	struct staged_delivery *delivery = sending->delivery;
	struct staged_event event = event_of(delivery, STAGED_SENDING, sending->staged);
	sending->done_bytes += size;
	event.done_bytes = sending->done_bytes;
	tell(delivery, &event);
	if (delivery->is_stopped)
		return error_set(err, MLM_ESTATE, "artifact", "the delivery was stopped");
	if (atomic_load(&delivery->is_interrupted))
		return error_set(err, MLM_EAGAIN, "artifact", "the delivery was interrupted");
	return MLM_OK;
}

static void bytes_moved_back(void *payload, uint64_t size)
{
	struct sending *sending = payload;
	sending->done_bytes -= size;
}

/* What a place says of an artifact that it will never take, however often it is tried. */
static bool is_final(mlm_status status)
{
	return status == MLM_EINVAL || status == MLM_EEXISTS || status == MLM_EUNSUPPORTED;
}

/* Whether a row is there: it may have been replaced or deleted since it was read. */
static mlm_status look(struct staged_delivery *delivery, const struct staged *staged,
	bool *waits_out, mlm_error *err)
{
	struct staged now;
	struct arena *arena = arena_new(&delivery->options.allocator);
	mlm_status status = arena ? staging_find(delivery->staging, staged->run_id, staged->path,
					    arena, &now, err)
				  : no_memory(err);
	*waits_out = status == MLM_OK && now.number == staged->number;
	arena_free(arena);
	return status;
}

/* *why: what the place said, where that is no success. */
static mlm_status put(struct staged_delivery *delivery, const struct staged *staged,
	bool *is_final_out, mlm_error *why)
{
	struct sending sending = { delivery, staged, 0 };
	struct artifact_file file = { open(staged->file, O_RDONLY | O_CLOEXEC), staged->file,
		bytes_moved, bytes_moved_back, &sending };
	const mlm_artifact_reader reader = { artifact_file_read, &file, staged->size_bytes,
		artifact_file_rewind };
	*is_final_out = file.file < 0 && errno == ENOENT;
	if (file.file < 0)
		return error_set_errno(
			why, errno, "artifact", "cannot read '%.400s'", staged->file);
	mlm_status status = artifact_put(delivery->place, staged->path, &reader, why);
	close(file.file);
	*is_final_out = is_final(status);
	return status;
}

/* False: nothing more of the run need be tried. *err is filled only by what is wrong with the
 * queue. */
static bool deliver_one(
	struct staged_delivery *delivery, const struct staged *staged, mlm_error *err)
{
	mlm_error why = MLM_ERROR_INIT;
	bool waits, will_never_do;
	if (look(delivery, staged, &waits, err) != MLM_OK)
		return false;
	if (!waits)
		return true;
	mlm_status status = put(delivery, staged, &will_never_do, &why);
	if (status == MLM_OK) {
		struct staged_event event = event_of(delivery, STAGED_SENT, staged);
		if (staging_remove(delivery->staging, &staged, 1, err) != MLM_OK)
			return false;
		tell(delivery, &event);
	} else if (delivery->is_stopped) {
		return false;
	} else if (will_never_do) {
		if (look(delivery, staged, &waits, err) != MLM_OK)
			return false;
		if (waits && refuse(delivery, staged, &why, err) != MLM_OK)
			return false;
	} else {
		leave(delivery, staged, &why);
		/* What stumbles over one may take others; what is away takes none. */
		if ((status == MLM_EAGAIN || status == MLM_ETIMEOUT) && why.detail != 500)
			return false;
	}
	return !delivery->is_stopped && !atomic_load(&delivery->is_interrupted);
}

/* ---- one run ---- */

static mlm_status need_tracking(struct staged_delivery *delivery, mlm_error *err)
{
	const struct store_ops *ops = delivery->options.tracking_ops;
	struct store *tracking = NULL;
	if (delivery->tracking)
		return MLM_OK;
	mlm_status status = ops->open(delivery->options.tracking, &tracking, err);
	pthread_mutex_lock(&delivery->mutex);
	delivery->tracking = tracking;
	if (tracking && atomic_load(&delivery->is_interrupted) && ops->interrupt)
		ops->interrupt(tracking);
	pthread_mutex_unlock(&delivery->mutex);
	return status;
}

static void set_place(struct staged_delivery *delivery, struct artifact_store *place)
{
	struct artifact_store *before = delivery->place;
	pthread_mutex_lock(&delivery->mutex);
	delivery->place = place;
	if (place && atomic_load(&delivery->is_interrupted) && place->ops->interrupt)
		place->ops->interrupt(place);
	pthread_mutex_unlock(&delivery->mutex);
	artifact_close(before);
}

/* Where the run's artifacts go, as the server says. */
static mlm_status open_place(struct staged_delivery *delivery, bool *is_server_away, mlm_error *why)
{
	struct artifact_options options = delivery->options;
	struct artifact_store *place = NULL;
	mlm_run_list *list = NULL;
	*is_server_away = false;
	mlm_status status = need_tracking(delivery, why);
	if (status == MLM_OK) {
		const struct store_ops *ops = delivery->tracking->ops;
		status = ops->get_run(delivery->tracking, delivery->run.server_id, &list, why);
		*is_server_away = status == MLM_EAGAIN || status == MLM_ETIMEOUT;
	}
	if (status != MLM_OK)
		return status;
	options.uri = list->items[0].artifact_uri;
	if (options.uri && options.uri[0])
		status = artifact_open(&options, &place, why);
	else
		status = error_set(why, MLM_EUNSUPPORTED, "artifact",
			"the run has no place for artifacts in this store");
	arena_free(list->memory);
	set_place(delivery, place);
	return status;
}

static bool refuse_all(struct staged_delivery *delivery, const struct staged *items, size_t count,
	const mlm_error *why, mlm_error *err)
{
	bool goes_on = true;
	for (size_t i = 0; i < count && goes_on; i++)
		goes_on = refuse(delivery, &items[i], why, err) == MLM_OK && !delivery->is_stopped;
	return goes_on;
}

/* Items are all of one run. False ends the delivery. */
static bool deliver_run(
	struct staged_delivery *delivery, const struct staged *items, size_t count, mlm_error *err)
{
	mlm_error why = MLM_ERROR_INIT;
	bool is_server_away;
	size_t left;
	uint64_t bytes;
	delivery->is_run_left = false;
	if (staging_find_run(delivery->staging, items[0].run_id, &delivery->run, err) != MLM_OK)
		return false;
	if (!delivery->run.server_id[0]) {
		if (!delivery->is_left)
			error_set(&delivery->why, MLM_EAGAIN, "artifact",
				"the server has not made run %s yet", delivery->run.id);
		delivery->is_left = true;
		return true;
	}
	mlm_status status = open_place(delivery, &is_server_away, &why);
	if (status == MLM_ENOTFOUND)
		return refuse_all(delivery, items, count, &why, err);
	if (status != MLM_OK) {
		leave(delivery, NULL, &why);
		return !is_server_away && !delivery->is_stopped;
	}
	for (size_t i = 0; i < count && deliver_one(delivery, &items[i], err); i++)
		continue;
	set_place(delivery, NULL);
	if (err->status != MLM_OK || delivery->is_stopped ||
		atomic_load(&delivery->is_interrupted) ||
		staging_count(delivery->staging, items[0].run_id, &left, &bytes, err) != MLM_OK ||
		staging_find_run(delivery->staging, items[0].run_id, &delivery->run, err) != MLM_OK)
		return false;
	if (left == 0 && !delivery->run.waits) {
		const struct staged_event event = event_of(delivery, STAGED_RUN_SENT, NULL);
		tell(delivery, &event);
	}
	return !delivery->is_stopped;
}

/* ---- all of them ---- */

static mlm_status outcome_of(
	struct staged_delivery *delivery, const mlm_error *trouble, mlm_error *err)
{
	if (trouble->status != MLM_OK) {
		if (err)
			*err = *trouble;
		return trouble->status;
	}
	if (delivery->is_stopped)
		return error_set(
			err, MLM_ESTATE, "artifact", "the delivery was stopped by its caller");
	if (atomic_load(&delivery->is_interrupted))
		return error_set(err, MLM_EAGAIN, "artifact", "the delivery was interrupted");
	if (!delivery->is_left)
		return MLM_OK;
	if (err) {
		*err = delivery->why;
		err->status = MLM_EAGAIN;
	}
	return MLM_EAGAIN;
}

/* The server is away: whatever else it has a run for waits as well. */
static void leave_untried(
	struct staged_delivery *delivery, const struct staged *items, size_t count)
{
	const mlm_error why = delivery->why;
	for (size_t i = 0; i < count && !delivery->is_stopped; i++) {
		bool is_of_last = i > 0 && strcmp(items[i].run_id, items[i - 1].run_id) == 0;
		delivery->is_run_left = false;
		if (!is_of_last &&
			staging_find_run(delivery->staging, items[i].run_id, &delivery->run,
				NULL) == MLM_OK &&
			delivery->run.server_id[0])
			leave(delivery, NULL, &why);
	}
}

static mlm_status deliver_locked(
	struct staged_delivery *delivery, struct arena *arena, mlm_error *err)
{
	const struct staged *items;
	size_t count = 0, begin = 0;
	mlm_error trouble = MLM_ERROR_INIT;
	bool goes_on = true;
	staging_list(delivery->staging, NULL, arena, &items, &count, &trouble);
	while (begin < count && goes_on && trouble.status == MLM_OK) {
		size_t end = begin + 1;
		while (end < count && strcmp(items[end].run_id, items[begin].run_id) == 0)
			end++;
		goes_on = deliver_run(delivery, items + begin, end - begin, &trouble);
		begin = end;
	}
	if (trouble.status == MLM_OK && delivery->is_left)
		leave_untried(delivery, items + begin, count - begin);
	return outcome_of(delivery, &trouble, err);
}

mlm_status staged_delivery_run(struct staged_delivery *delivery, staged_event_fn report,
	void *payload, bool *is_taken_out, mlm_error *err)
{
	int lock = -1;
	delivery->report = report;
	delivery->payload = payload;
	delivery->is_stopped = false;
	delivery->is_left = false;
	*is_taken_out = false;
	if (access(staging_directory(delivery->staging), F_OK) != 0)
		return MLM_OK;
	struct arena *arena = arena_new(&delivery->options.allocator);
	mlm_status status =
		arena ? staging_lock(delivery->staging, &lock, is_taken_out, err) : no_memory(err);
	if (status == MLM_OK)
		status = staging_clean(delivery->staging, err);
	if (status == MLM_OK)
		status = deliver_locked(delivery, arena, err);
	if (lock >= 0)
		staging_unlock(lock);
	arena_free(arena);
	return status;
}
