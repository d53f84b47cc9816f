/* SPDX-License-Identifier: Apache-2.0 */
#include "core/artifact_sender.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/patience.h"
#include "core/background_thread.h"

#define LOOK_MS           5000u /* another process may have staged something */
#define RETRY_MS_FIRST    200u
#define RETRY_MS_MAX      5000u
#define RETRY_MS_WANTED   1000u /* while somebody waits */
#define REPEAT_MS_MIN     5000u /* after bytes were sent in vain */
#define REPEAT_MS_MAX     60000u
#define THREAD_STACK_SIZE (1024u * 1024u)

struct artifact_sender {
	struct artifact_sender_options options;
	struct staged_delivery *delivery;
	pthread_t thread;
	bool has_sent; /* the thread's: in this pass */
	bool has_tried;

	pthread_mutex_t mutex; /* what follows */
	pthread_cond_t wake;
	pthread_cond_t done;
	bool stops;
	uint64_t passes; /* begun so far */
	uint64_t clean; /* the last one after which nothing waited */
	uint64_t wanted; /* somebody waits for a clean one after it */
	uint32_t retry_ms;
	int64_t due_ns;
	mlm_error failure; /* of the last pass; MLM_OK after a clean one */
};

static bool on_event(void *payload, const struct staged_event *event)
{
	struct artifact_sender *sender = payload;
	sender->has_sent = sender->has_sent || event->kind == STAGED_SENT;
	sender->has_tried = sender->has_tried || event->kind == STAGED_SENDING;
	return sender->options.report(sender->options.payload, event);
}

/* Call with the mutex. */
static void pass_ended(
	struct artifact_sender *sender, uint64_t number, mlm_status status, const mlm_error *why)
{
	bool is_wanted = sender->wanted > sender->clean;
	uint32_t most_ms = is_wanted ? RETRY_MS_WANTED : RETRY_MS_MAX;
	sender->failure = *why;
	if (status == MLM_OK) {
		sender->clean = number;
		sender->retry_ms = LOOK_MS;
	} else {
		bool is_first = sender->has_sent || sender->retry_ms == LOOK_MS;
		bool is_in_vain = sender->has_tried && !sender->has_sent;
		sender->retry_ms = is_first ? RETRY_MS_FIRST : sender->retry_ms * 2;
		if (is_in_vain)
			most_ms = REPEAT_MS_MAX;
		if (is_in_vain && sender->retry_ms < REPEAT_MS_MIN)
			sender->retry_ms = REPEAT_MS_MIN;
		if (sender->retry_ms > most_ms)
			sender->retry_ms = most_ms;
	}
	sender->due_ns = clock_monotonic_ns() + (int64_t)sender->retry_ms * 1000000;
	pthread_cond_broadcast(&sender->done);
}

static struct timespec time_of(int64_t ns)
{
	return (struct timespec){ .tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000 };
}

static void *send_all(void *argument)
{
	struct artifact_sender *sender = argument;
	pthread_mutex_lock(&sender->mutex);
	while (!sender->stops) {
		if (clock_monotonic_ns() < sender->due_ns) {
			struct timespec at = time_of(sender->due_ns);
			pthread_cond_timedwait(&sender->wake, &sender->mutex, &at);
			continue;
		}
		uint64_t number = ++sender->passes;
		pthread_mutex_unlock(&sender->mutex);
		mlm_error why = MLM_ERROR_INIT;
		bool is_taken;
		sender->has_sent = sender->has_tried = false;
		mlm_status status =
			staged_delivery_run(sender->delivery, on_event, sender, &is_taken, &why);
		pthread_mutex_lock(&sender->mutex);
		pass_ended(sender, number, status, &why);
	}
	pthread_mutex_unlock(&sender->mutex);
	return NULL;
}

mlm_status artifact_sender_open(const struct artifact_sender_options *options,
	struct artifact_sender **sender_out, mlm_error *err)
{
	pthread_condattr_t clock;
	*sender_out = NULL;
	const mlm_allocator allocator = options->artifacts.allocator;
	struct artifact_sender *sender = memory_new(&allocator, sizeof(*sender));
	if (!sender)
		return error_set(err, MLM_ENOMEM, "artifact", "memory ran out");
	sender->options = *options;
	sender->retry_ms = LOOK_MS;
	mlm_status status = staged_delivery_open(&options->artifacts, &sender->delivery, err);
	if (status != MLM_OK) {
		memory_free(&allocator, sender);
		return status;
	}
	pthread_condattr_init(&clock);
	pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
	pthread_cond_init(&sender->wake, &clock);
	pthread_cond_init(&sender->done, &clock);
	pthread_condattr_destroy(&clock);
	pthread_mutex_init(&sender->mutex, NULL);
	int errnum = background_thread_start(&sender->thread, THREAD_STACK_SIZE, send_all, sender);
	if (errnum != 0) {
		staged_delivery_close(sender->delivery);
		memory_free(&allocator, sender);
		return error_set_errno(err, errnum, "artifact", "cannot start a thread");
	}
	*sender_out = sender;
	return MLM_OK;
}

mlm_status artifact_sender_wait(struct artifact_sender *sender, uint32_t timeout_ms, mlm_error *err)
{
	struct timespec at = time_of(clock_monotonic_ns() + (int64_t)timeout_ms * 1000000);
	mlm_status status = MLM_OK;
	pthread_mutex_lock(&sender->mutex);
	uint64_t begun = sender->passes;
	sender->wanted = begun + 1;
	sender->due_ns = 0;
	pthread_cond_signal(&sender->wake);
	while (sender->clean <= begun && status == MLM_OK) {
		int errnum = patience_wait(
			&sender->done, &sender->mutex, timeout_ms == MLM_FOREVER ? NULL : &at);
		if (patience_is_over())
			status = error_set(err, MLM_EAGAIN, "artifact",
				"the wait for the artifacts was interrupted");
		if (errnum != ETIMEDOUT || sender->clean > begun)
			continue;
		bool has_failed = sender->failure.status != MLM_OK;
		status = error_set(err, MLM_ETIMEOUT, "artifact",
			"the artifacts that wait were not sent within %u ms%s%s", timeout_ms,
			has_failed ? ": " : "", has_failed ? sender->failure.message : "");
	}
	pthread_mutex_unlock(&sender->mutex);
	return status;
}

void artifact_sender_close(struct artifact_sender *sender)
{
	if (!sender)
		return;
	const mlm_allocator allocator = sender->options.artifacts.allocator;
	pthread_mutex_lock(&sender->mutex);
	sender->stops = true;
	pthread_cond_signal(&sender->wake);
	pthread_mutex_unlock(&sender->mutex);
	staged_delivery_interrupt(sender->delivery);
	pthread_join(sender->thread, NULL);
	staged_delivery_close(sender->delivery);
	pthread_cond_destroy(&sender->wake);
	pthread_cond_destroy(&sender->done);
	pthread_mutex_destroy(&sender->mutex);
	memory_free(&allocator, sender);
}
