/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stddef.h>

#include "mlmanager/allocator.h"

/* Memory that is given back all at once: the rows of one answer, the records of one batch. */
struct arena;

/** NULL when memory ran out. The allocator is copied; NULL stands for malloc() and free(). */
struct arena *arena_new(const mlm_allocator *allocator);
/** NULL is a no-op. */
void arena_free(struct arena *arena);
/** size bytes, zeroed, aligned for any type. NULL when memory ran out. */
void *arena_alloc(struct arena *arena, size_t size);
/** count * size bytes, zeroed. NULL when memory ran out or the product overflows. */
void *arena_array(struct arena *arena, size_t count, size_t size);
/** A NUL-ended copy of size bytes. NULL when memory ran out. */
char *arena_copy(struct arena *arena, const char *text, size_t size);
/** A copy of a NUL-ended string; NULL stays NULL. */
char *arena_string(struct arena *arena, const char *text);
/** Forgets what was allocated and keeps the memory for the next round. */
void arena_reset(struct arena *arena);

#endif
