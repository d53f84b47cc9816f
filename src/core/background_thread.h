/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_BACKGROUND_THREAD_H
#define CORE_BACKGROUND_THREAD_H

#include <pthread.h>
#include <stddef.h>

/** Starts a thread of the library's own: it takes none of the host's signals, and does not inherit
 * real-time scheduling from an engine's thread. stack_bytes 0: the system's default. Returns 0 or
 * an errno. */
int background_thread_start(
	pthread_t *thread_out, size_t stack_bytes, void *(*run)(void *), void *argument);

#endif
