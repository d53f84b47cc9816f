/* SPDX-License-Identifier: Apache-2.0 */
#include "core/flusher.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/patience.h"
#include "core/background_thread.h"
#include "core/drain.h"

#define TICK_MS             200 /* how long a record waits for others to go along with */
#define RETRY_MS_FIRST      20
#define RETRY_MS_MAX        1000
#define REMOTE_RETRY_MS_MAX 5000 /* a server that is away is asked less often, unless one waits */
#define DELIVERY_MS_MAX     500u /* at a time, while there is a journal to drain as well */
#define THREAD_STACK_BYTES  (1024u * 1024u)

/* A waiting thread that has this much time writes by itself what is no more than this, unless
 * another writer is in its way for longer. */
#define HERE_MS_MIN    1000u
#define HERE_BYTES_MAX (64u * 1024u)
#define HERE_BUSY_MS   50u

struct flusher {
	struct journal *journal;
	const struct store_ops *ops;
	struct store_options store_options;
	store_refused_fn refused;
	store_delivery_fn delivered;
	void *payload;
	pthread_t thread;

	pthread_mutex_t draining; /* what follows; taken before the other mutex */
	/* The thread's own, opened when it has something to write; set under both. */
	struct store *store;
	struct drain drain;

	pthread_mutex_t mutex; /* what follows */
	pthread_cond_t wake;
	pthread_cond_t done;
	bool stops;
	uint32_t retry_ms;
	uint64_t wanted; /* somebody waits for this position */
	uint64_t drained;
	uint64_t failures; /* attempts that failed so far */
	mlm_error failure; /* of the last attempt; MLM_OK after a good one */

	/* Deliveries of what waits for a store that was away. */
	uint64_t deliveries; /* begun so far */
	uint64_t clean_delivery; /* the last one after which nothing waited */
	uint64_t wanted_delivery; /* somebody waits for a clean one after it */
	uint32_t delivery_retry_ms;
	int64_t deliver_at_ns;
	mlm_error delivery_failure;
};

static void until_ms(struct timespec *at_out, uint32_t milliseconds)
{
	clock_gettime(CLOCK_MONOTONIC, at_out);
	int64_t nanoseconds = at_out->tv_nsec + (int64_t)milliseconds * 1000000;
	at_out->tv_sec += nanoseconds / 1000000000;
	at_out->tv_nsec = nanoseconds % 1000000000;
}

static void succeeded(struct flusher *flusher)
{
	uint64_t position = flusher->drain.reader.position;
	journal_set_drained(flusher->journal, position);
	pthread_mutex_lock(&flusher->mutex);
	flusher->retry_ms = 0;
	flusher->drained = position;
	flusher->failure.status = MLM_OK;
	pthread_cond_broadcast(&flusher->done);
	pthread_mutex_unlock(&flusher->mutex);
}

static void failed(struct flusher *flusher, const mlm_error *failure)
{
	pthread_mutex_lock(&flusher->mutex);
	uint32_t most_ms = flusher->ops->is_remote && flusher->wanted <= flusher->drained
				   ? REMOTE_RETRY_MS_MAX
				   : RETRY_MS_MAX;
	flusher->retry_ms = flusher->retry_ms ? flusher->retry_ms * 2 : RETRY_MS_FIRST;
	if (flusher->retry_ms > most_ms)
		flusher->retry_ms = most_ms;
	flusher->failure = *failure;
	flusher->failures++;
	pthread_cond_broadcast(&flusher->done);
	pthread_mutex_unlock(&flusher->mutex);
}

static mlm_status open_store(struct flusher *flusher, mlm_error *err)
{
	struct store *store;
	mlm_status status = flusher->ops->open(&flusher->store_options, &store, err);
	if (status != MLM_OK)
		return status;
	pthread_mutex_lock(&flusher->mutex);
	flusher->store = store;
	/* Whoever stops the thread found no store to interrupt. */
	if (flusher->stops && flusher->ops->interrupt)
		flusher->ops->interrupt(store);
	pthread_mutex_unlock(&flusher->mutex);
	return MLM_OK;
}

/* One batch, through a store that the caller lends or the thread's own. False when there is nothing
 * more to do now. */
static bool drain_some(struct flusher *flusher, struct store *lent)
{
	mlm_error err = MLM_ERROR_INIT;
	uint64_t limit = journal_published(flusher->journal);
	bool more = false;
	mlm_status status = MLM_OK;
	if (!lent && !flusher->store)
		status = open_store(flusher, &err);
	/* A batch that failed is still there and goes first. What was read before damage goes as
	 * well. */
	mlm_status collected = MLM_OK;
	mlm_error why = MLM_ERROR_INIT;
	if (status == MLM_OK && flusher->drain.point_count < flusher->drain.points_max)
		collected = drain_collect(&flusher->drain, limit, &more, &why);
	else
		more = true;
	if (status == MLM_OK && flusher->drain.point_count > 0)
		status = drain_apply(&flusher->drain, lent ? lent : flusher->store, NULL, 0,
			flusher->refused, flusher->payload, &err);
	if (status == MLM_OK && collected != MLM_OK) {
		status = collected;
		err = why;
	}
	if (status != MLM_OK) {
		failed(flusher, &err);
		return false;
	}
	succeeded(flusher);
	return more;
}

/* ---- what waits for a store that was away ---- */

struct delivering {
	struct flusher *flusher;
	int64_t until_ns;
};

/* Ends a delivery that takes long, so that the journal gets its turn. */
static bool on_delivery(void *payload, const struct store_delivery *delivery)
{
	const struct delivering *delivering = payload;
	struct flusher *flusher = delivering->flusher;
	if (flusher->delivered)
		flusher->delivered(flusher->payload, delivery);
	pthread_mutex_lock(&flusher->mutex);
	bool goes_on = !flusher->stops;
	if (delivery->kind == STORE_DELIVERING)
		flusher->delivery_failure.status = MLM_OK;
	pthread_mutex_unlock(&flusher->mutex);
	return goes_on && clock_monotonic_ns() < delivering->until_ns;
}

static void delivery_ended(
	struct flusher *flusher, uint64_t number, mlm_status status, const mlm_error *why)
{
	pthread_mutex_lock(&flusher->mutex);
	bool is_wanted = flusher->wanted_delivery > flusher->clean_delivery;
	uint32_t most_ms = is_wanted ? RETRY_MS_MAX : REMOTE_RETRY_MS_MAX;
	if (status == MLM_OK)
		flusher->clean_delivery = number;
	/* One that was cut short goes on at once. */
	if (status == MLM_OK || status == MLM_ESTATE)
		flusher->delivery_retry_ms = 0;
	else
		flusher->delivery_retry_ms =
			flusher->delivery_retry_ms ? flusher->delivery_retry_ms * 2 : TICK_MS;
	if (flusher->delivery_retry_ms > most_ms)
		flusher->delivery_retry_ms = most_ms;
	flusher->deliver_at_ns =
		clock_monotonic_ns() + (int64_t)flusher->delivery_retry_ms * 1000000;
	if (status != MLM_ESTATE)
		flusher->delivery_failure = *why;
	pthread_cond_broadcast(&flusher->done);
	pthread_mutex_unlock(&flusher->mutex);
}

/* Call with draining. */
static void deliver(struct flusher *flusher)
{
	mlm_error why = MLM_ERROR_INIT;
	bool is_taken;
	if (!flusher->ops->deliver)
		return;
	pthread_mutex_lock(&flusher->mutex);
	bool is_due = clock_monotonic_ns() >= flusher->deliver_at_ns && !flusher->stops;
	uint64_t number = is_due ? ++flusher->deliveries : 0;
	pthread_mutex_unlock(&flusher->mutex);
	if (!is_due)
		return;
	mlm_status status = flusher->store ? MLM_OK : open_store(flusher, &why);
	struct delivering delivering = {
		.flusher = flusher,
		.until_ns = clock_monotonic_ns() + (int64_t)DELIVERY_MS_MAX * 1000000,
	};
	if (status == MLM_OK)
		status = flusher->ops->deliver(
			flusher->store, on_delivery, &delivering, &is_taken, &why);
	delivery_ended(flusher, number, status, &why);
}

static mlm_status interrupted(mlm_error *err)
{
	return error_set(err, MLM_EAGAIN, "journal", "the wait for the store was interrupted");
}

mlm_status flusher_wait_delivered(struct flusher *flusher, uint32_t timeout_ms, mlm_error *err)
{
	struct timespec at;
	mlm_status status = MLM_OK;
	if (!flusher->ops->deliver)
		return MLM_OK;
	if (timeout_ms != MLM_FOREVER)
		until_ms(&at, timeout_ms);
	pthread_mutex_lock(&flusher->mutex);
	uint64_t begun = flusher->deliveries;
	flusher->wanted_delivery = begun + 1;
	flusher->deliver_at_ns = 0;
	pthread_cond_signal(&flusher->wake);
	while (flusher->clean_delivery <= begun) {
		int errnum = patience_wait(
			&flusher->done, &flusher->mutex, timeout_ms == MLM_FOREVER ? NULL : &at);
		if (patience_is_over() && flusher->clean_delivery <= begun) {
			status = interrupted(err);
			break;
		}
		if (errnum != ETIMEDOUT || flusher->clean_delivery > begun)
			continue;
		status = error_set(err, MLM_ETIMEOUT, "journal",
			"the store did not take what waits for it within %u ms%s%s", timeout_ms,
			flusher->delivery_failure.status != MLM_OK ? ": " : "",
			flusher->delivery_failure.status != MLM_OK
				? flusher->delivery_failure.message
				: "");
		break;
	}
	pthread_mutex_unlock(&flusher->mutex);
	return status;
}

static void *flush(void *argument)
{
	struct flusher *flusher = argument;
	pthread_mutex_lock(&flusher->mutex);
	while (!flusher->stops) {
		bool is_wanted = flusher->wanted > flusher->drained ||
				 (flusher->wanted_delivery > flusher->clean_delivery &&
					 clock_monotonic_ns() >= flusher->deliver_at_ns);
		uint32_t wait_ms = flusher->retry_ms ? flusher->retry_ms : is_wanted ? 0 : TICK_MS;
		if (wait_ms) {
			struct timespec at;
			until_ms(&at, wait_ms);
			pthread_cond_timedwait(&flusher->wake, &flusher->mutex, &at);
			if (flusher->stops)
				break;
		}
		pthread_mutex_unlock(&flusher->mutex);
		pthread_mutex_lock(&flusher->draining);
		if (journal_published(flusher->journal) > flusher->drain.reader.position ||
			flusher->drain.point_count > 0)
			while (drain_some(flusher, NULL))
				continue;
		deliver(flusher);
		pthread_mutex_unlock(&flusher->draining);
		pthread_mutex_lock(&flusher->mutex);
	}
	pthread_mutex_unlock(&flusher->mutex);
	return NULL;
}

static mlm_status start_thread(struct flusher *flusher, mlm_error *err)
{
	pthread_condattr_t clock;
	pthread_condattr_init(&clock);
	pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
	pthread_cond_init(&flusher->wake, &clock);
	pthread_cond_init(&flusher->done, &clock);
	pthread_condattr_destroy(&clock);
	pthread_mutex_init(&flusher->mutex, NULL);
	pthread_mutex_init(&flusher->draining, NULL);
	int errnum = background_thread_start(&flusher->thread, THREAD_STACK_BYTES, flush, flusher);
	return errnum ? error_set_errno(err, errnum, "journal", "cannot start a thread") : MLM_OK;
}

mlm_status flusher_open(
	const struct flusher_options *options, struct flusher **flusher_out, mlm_error *err)
{
	*flusher_out = NULL;
	struct flusher *flusher = memory_new(options->store.allocator, sizeof(*flusher));
	if (!flusher)
		return error_set(err, MLM_ENOMEM, "journal", "memory ran out");
	flusher->journal = options->journal;
	flusher->ops = options->ops;
	flusher->store_options = options->store;
	flusher->refused = options->refused;
	flusher->delivered = options->delivered;
	flusher->payload = options->payload;
	flusher->drained = JOURNAL_HEADER_BYTES;
	bool exists = false;
	mlm_status status = drain_open(&flusher->drain, options->journal->directory_fd,
		options->journal->id_hex, options->store.allocator, err);
	drain_fit(&flusher->drain, options->ops);
	if (status == MLM_OK) {
		flusher->drain.reader.limit = journal_published(options->journal);
		status = journal_reader_seek_segment(&flusher->drain.reader, 0, &exists, err);
	}
	if (status == MLM_OK && !exists)
		status = error_set(err, MLM_EIO, "journal",
			"the journal in '%s' was deleted as it was made",
			options->journal->directory);
	if (status == MLM_OK)
		status = start_thread(flusher, err);
	if (status != MLM_OK) {
		drain_close(&flusher->drain);
		memory_free(flusher->store_options.allocator, flusher);
		return status;
	}
	*flusher_out = flusher;
	return MLM_OK;
}

static bool is_worth_waiting(mlm_status status)
{
	return status == MLM_EAGAIN || status == MLM_ETIMEOUT;
}

/* A script that is over before the thread's first tick has logged little. The thread would have to
 * open a connection and read the schema for it, and on a busy machine each hand-over between the
 * two waits for the scheduler. */
static void drain_here(struct flusher *flusher, struct store *store)
{
	if (pthread_mutex_trylock(&flusher->draining) != 0)
		return;
	if (!flusher->store) {
		uint32_t busy_timeout_ms = store->busy_timeout_ms;
		store->busy_timeout_ms = HERE_BUSY_MS;
		while (drain_some(flusher, store))
			continue;
		store->busy_timeout_ms = busy_timeout_ms;
	}
	pthread_mutex_unlock(&flusher->draining);
}

mlm_status flusher_wait(struct flusher *flusher, struct store *store, uint64_t position,
	uint32_t timeout_ms, mlm_error *err)
{
	struct timespec at;
	mlm_status status = MLM_OK;
	if (timeout_ms != MLM_FOREVER)
		until_ms(&at, timeout_ms);
	pthread_mutex_lock(&flusher->mutex);
	uint64_t failures = flusher->failures;
	if (flusher->drained < position && position - flusher->drained <= HERE_BYTES_MAX &&
		timeout_ms >= HERE_MS_MIN && !flusher->ops->is_remote) {
		pthread_mutex_unlock(&flusher->mutex);
		drain_here(flusher, store);
		pthread_mutex_lock(&flusher->mutex);
	}
	if (flusher->drained < position) {
		if (flusher->wanted < position)
			flusher->wanted = position;
		pthread_cond_signal(&flusher->wake);
	}
	while (flusher->drained < position) {
		if (flusher->failures > failures && flusher->failure.status != MLM_OK &&
			!is_worth_waiting(flusher->failure.status)) {
			status = flusher->failure.status;
			if (err)
				*err = flusher->failure;
			break;
		}
		int errnum = patience_wait(
			&flusher->done, &flusher->mutex, timeout_ms == MLM_FOREVER ? NULL : &at);
		if (patience_is_over() && flusher->drained < position) {
			status = interrupted(err);
			break;
		}
		if (errnum == ETIMEDOUT && flusher->drained < position) {
			status = error_set(err, MLM_ETIMEOUT, "journal",
				"the store did not take all records within %u ms%s%s; they stay in "
				"the journal%s",
				timeout_ms, flusher->failure.status != MLM_OK ? ": " : "",
				flusher->failure.status != MLM_OK ? flusher->failure.message : "",
				flusher->ops->is_remote
					? ", and go to the server when it is used again"
					: "");
			break;
		}
	}
	pthread_mutex_unlock(&flusher->mutex);
	return status;
}

void flusher_close(struct flusher *flusher, bool is_owner)
{
	if (!flusher)
		return;
	if (!is_owner) {
		/* The thread, its connection and whatever it held belong to the parent. */
		return;
	}
	pthread_mutex_lock(&flusher->mutex);
	flusher->stops = true;
	if (flusher->store && flusher->ops->interrupt)
		flusher->ops->interrupt(flusher->store);
	pthread_cond_signal(&flusher->wake);
	pthread_mutex_unlock(&flusher->mutex);
	pthread_join(flusher->thread, NULL);
	if (flusher->store)
		flusher->ops->close(flusher->store);
	drain_close(&flusher->drain);
	pthread_cond_destroy(&flusher->wake);
	pthread_cond_destroy(&flusher->done);
	pthread_mutex_destroy(&flusher->mutex);
	pthread_mutex_destroy(&flusher->draining);
	memory_free(flusher->store_options.allocator, flusher);
}
