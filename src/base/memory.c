/* SPDX-License-Identifier: Apache-2.0 */
#include "base/memory.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int is_own(const mlm_allocator *allocator)
{
	return allocator && allocator->allocate;
}

static void *allocate(const mlm_allocator *allocator, size_t size)
{
	if (size == 0)
		size = 1;
	return is_own(allocator) ? allocator->allocate(allocator->payload, size) : malloc(size);
}

void *memory_new(const mlm_allocator *allocator, size_t size)
{
	if (!is_own(allocator)) /* calloc() knows which pages are zero already */
		return calloc(1, size ? size : 1);
	void *memory = allocate(allocator, size);
	return memory ? memset(memory, 0, size) : NULL;
}

void *memory_array(const mlm_allocator *allocator, size_t count, size_t size)
{
	if (size && count > SIZE_MAX / size)
		return NULL;
	return memory_new(allocator, count * size);
}

void *memory_resize(const mlm_allocator *allocator, void *array, size_t count, size_t size)
{
	if (size && count > SIZE_MAX / size)
		return NULL;
	size_t bytes = count * size;
	if (bytes == 0)
		bytes = 1;
	if (!array)
		return allocate(allocator, bytes);
	return is_own(allocator) ? allocator->reallocate(allocator->payload, array, bytes)
				 : realloc(array, bytes);
}

void memory_free(const mlm_allocator *allocator, void *memory)
{
	if (!memory)
		return;
	if (is_own(allocator))
		allocator->release(allocator->payload, memory);
	else
		free(memory);
}

char *memory_string(const mlm_allocator *allocator, const char *text)
{
	size_t size = strlen(text) + 1;
	char *copy = allocate(allocator, size);
	return copy ? memcpy(copy, text, size) : NULL;
}

char *memory_format(const mlm_allocator *allocator, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	int length = vsnprintf(NULL, 0, format, arguments);
	va_end(arguments);
	if (length < 0)
		return NULL;
	size_t size = (size_t)length + 1;
	char *text = allocate(allocator, size);
	if (!text)
		return NULL;
	va_start(arguments, format);
	vsnprintf(text, size, format, arguments);
	va_end(arguments);
	return text;
}
