/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLMANAGER_ALLOCATOR_H
#define MLMANAGER_ALLOCATOR_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Where memory comes from: all three functions, or none of them for malloc(), realloc() and free().
 * (They are not called so, since engines define macros of those names.) The struct is copied;
 * payload must outlive all that was allocated.
 *
 * Threads: called from any thread, several at a time, and with locks held: they must not call back
 *          into the library.
 */
typedef struct mlm_allocator {
	/* size bytes, more than 0, aligned for any type; NULL makes the call fail with
	 * MLM_ENOMEM. */
	void *(*allocate)(void *payload, size_t size);
	/* Moves memory to where size bytes are, more than 0, and gives back the old place; memory
	 * is never NULL. NULL leaves it as it was. */
	void *(*reallocate)(void *payload, void *memory, size_t size);
	/* memory is never NULL. */
	void (*release)(void *payload, void *memory);
	void *payload;
} mlm_allocator;

#ifdef __cplusplus
}
#endif
#endif
