/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_MEMORY_H
#define BASE_MEMORY_H

/*
 * Memory from where its owner wants it. What belongs to a manager carries the manager's allocator
 * and gives its memory back through the same one. NULL, and an allocator without functions, stand
 * for malloc() and free().
 */

#include <stddef.h>

#include "mlmanager/allocator.h"

/** size bytes, zeroed. NULL when memory ran out. */
void *memory_new(const mlm_allocator *allocator, size_t size);
/** count * size bytes, zeroed. NULL when memory ran out or the product overflows. */
void *memory_array(const mlm_allocator *allocator, size_t count, size_t size);
/** Makes an array (or NULL) count * size bytes long; what is new in it is not zeroed. NULL, with
 * the array as it was, when memory ran out or the product overflows. */
void *memory_resize(const mlm_allocator *allocator, void *array, size_t count, size_t size);
/** NULL is a no-op. */
void memory_free(const mlm_allocator *allocator, void *memory);
/** A copy of a NUL-ended string. NULL when memory ran out. */
char *memory_string(const mlm_allocator *allocator, const char *text);
/** What printf() would write. NULL when memory ran out. */
__attribute__((format(printf, 2, 3))) char *memory_format(
	const mlm_allocator *allocator, const char *format, ...);

#endif
