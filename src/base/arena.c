/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <string.h>

#include "base/memory.h"

#define BLOCK_SIZE 16384u

struct block {
	struct block *next;
	size_t capacity;
	size_t used;
	alignas(max_align_t) unsigned char bytes[];
};

struct arena {
	mlm_allocator allocator;
	struct block *first; /* the newest block; older ones follow */
};

struct arena *arena_new(const mlm_allocator *allocator)
{
	struct arena *arena = memory_new(allocator, sizeof(*arena));
	if (arena && allocator)
		arena->allocator = *allocator;
	return arena;
}

static void free_blocks(const struct arena *arena, struct block *block)
{
	while (block) {
		struct block *next = block->next;
		memory_free(&arena->allocator, block);
		block = next;
	}
}

void arena_free(struct arena *arena)
{
	if (!arena)
		return;
	free_blocks(arena, arena->first);
	mlm_allocator allocator = arena->allocator;
	memory_free(&allocator, arena);
}

void arena_reset(struct arena *arena)
{
	if (!arena->first)
		return;
	free_blocks(arena, arena->first->next);
	arena->first->next = NULL;
	arena->first->used = 0;
}

static struct block *add_block(struct arena *arena, size_t size)
{
	/* Doubling keeps a large answer to a few mallocs. */
	size_t capacity = arena->first ? arena->first->capacity * 2 : BLOCK_SIZE;
	if (capacity > BLOCK_SIZE * 256)
		capacity = BLOCK_SIZE * 256;
	if (capacity < size)
		capacity = size;
	if (capacity > SIZE_MAX - sizeof(struct block))
		return NULL;
	struct block *block =
		memory_resize(&arena->allocator, NULL, 1, sizeof(struct block) + capacity);
	if (!block)
		return NULL;
	block->capacity = capacity;
	block->used = 0;
	block->next = arena->first;
	arena->first = block;
	return block;
}

void *arena_alloc(struct arena *arena, size_t size)
{
	const size_t align = alignof(max_align_t);
	if (size > SIZE_MAX - align)
		return NULL;
	size = (size + align - 1) & ~(align - 1);
	struct block *block = arena->first;
	if (!block || block->capacity - block->used < size) {
		block = add_block(arena, size);
		if (!block)
			return NULL;
	}
	void *memory = block->bytes + block->used;
	block->used += size;
	memset(memory, 0, size);
	return memory;
}

void *arena_array(struct arena *arena, size_t count, size_t size)
{
	if (size && count > SIZE_MAX / size)
		return NULL;
	return arena_alloc(arena, count * size);
}

char *arena_copy(struct arena *arena, const char *text, size_t size)
{
	if (size == SIZE_MAX)
		return NULL;
	char *copy = arena_alloc(arena, size + 1);
	if (copy && size)
		memcpy(copy, text, size);
	return copy;
}

char *arena_string(struct arena *arena, const char *text)
{
	return text ? arena_copy(arena, text, strlen(text)) : NULL;
}
