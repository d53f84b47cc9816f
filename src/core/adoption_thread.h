/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_ADOPTION_THREAD_H
#define CORE_ADOPTION_THREAD_H

/* Adoption for a store that may be away or slow: on a thread and a connection of its own, once,
 * while the manager is at its work. What is cut short goes on with the next opener. */

#include "store/store.h"

struct adoption_thread;

struct adoption_thread_options {
	const char *directory; /* of the journals; strings are borrowed until the stop */
	const struct store_ops *ops;
	struct store_options store;
	mlm_log_fn log;
	void *log_payload;
};

/** Starts it if there is a journal of a dead process; *thread_out NULL when there is none.
 * Errors: EIO, ENOMEM. Owns: *thread_out goes to adoption_thread_stop(). */
mlm_status adoption_thread_start(const struct adoption_thread_options *options,
	struct adoption_thread **thread_out, mlm_error *err);

/** Interrupts it and waits for its end, which takes no longer than a request that is given up. NULL
 * is a no-op. Not in a forked child. */
void adoption_thread_stop(struct adoption_thread *thread);

#endif
