/* SPDX-License-Identifier: Apache-2.0 */
#include "core/adoption_thread.h"

#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#include "base/error.h"
#include "base/memory.h"
#include "core/adoption.h"
#include "core/background_thread.h"

#define THREAD_STACK_BYTES (1024u * 1024u)

struct adoption_thread {
	struct adoption_thread_options options;
	struct store *store;
	pthread_t thread;
};

static void *adopt(void *argument)
{
	struct adoption_thread *thread = argument;
	const struct adoption_thread_options *options = &thread->options;
	struct adoption_report report;
	mlm_error err = MLM_ERROR_INIT;
	mlm_status status = adoption_run(options->directory, thread->store, options->log,
		options->log_payload, &report, &err);
	if (status == MLM_OK) {
		rmdir(options->directory); /* succeeds only when it is empty */
	} else {
		char line[MLM_ERROR_MESSAGE_SIZE + 128];
		snprintf(line, sizeof(line),
			"what earlier processes logged waits in '%s' for the next start: %s",
			options->directory, err.message);
		options->log(options->log_payload, MLM_LOG_INFO, line);
	}
	return NULL;
}

static void count_orphan(void *payload, bool repaired, const char *finding)
{
	(void)repaired;
	(void)finding;
	(*(size_t *)payload)++;
}

mlm_status adoption_thread_start(const struct adoption_thread_options *options,
	struct adoption_thread **thread_out, mlm_error *err)
{
	size_t orphans = 0;
	*thread_out = NULL;
	mlm_status status =
		adoption_report_orphans(options->directory, count_orphan, &orphans, err);
	if (status != MLM_OK || orphans == 0)
		return status;
	struct adoption_thread *thread = memory_new(options->store.allocator, sizeof(*thread));
	if (!thread)
		return error_set(err, MLM_ENOMEM, "journal", "memory ran out");
	thread->options = *options;
	status = options->ops->open(&thread->options.store, &thread->store, err);
	if (status == MLM_OK) {
		int errnum =
			background_thread_start(&thread->thread, THREAD_STACK_BYTES, adopt, thread);
		if (errnum != 0)
			status = error_set_errno(err, errnum, "journal", "cannot start a thread");
	}
	if (status != MLM_OK) {
		if (thread->store)
			options->ops->close(thread->store);
		memory_free(options->store.allocator, thread);
		return status;
	}
	*thread_out = thread;
	return MLM_OK;
}

void adoption_thread_stop(struct adoption_thread *thread)
{
	if (!thread)
		return;
	if (thread->store->ops->interrupt)
		thread->store->ops->interrupt(thread->store);
	pthread_join(thread->thread, NULL);
	thread->store->ops->close(thread->store);
	memory_free(thread->options.store.allocator, thread);
}
