/* SPDX-License-Identifier: Apache-2.0 */
#include "core/run_identity.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/memory.h"
#include "mlmanager/run.h"

#define PAIRS_FIRST 64u /* a power of two, as every later number */

struct pair {
	const char *there; /* NULL: free */
	const char *here;
};

/* An open-addressing hash; at most half of the pairs are taken. */
struct run_identity {
	const mlm_allocator *allocator;
	struct arena *arena; /* of the ids */
	struct pair *pairs;
	size_t capacity;
	size_t count;
};

struct run_identity *run_identity_new(const mlm_allocator *allocator)
{
	struct run_identity *identity = memory_new(allocator, sizeof(*identity));
	if (!identity)
		return NULL;
	identity->allocator = allocator;
	identity->arena = arena_new(allocator);
	identity->capacity = PAIRS_FIRST;
	identity->pairs = memory_array(allocator, PAIRS_FIRST, sizeof(*identity->pairs));
	if (identity->arena && identity->pairs)
		return identity;
	run_identity_free(identity);
	return NULL;
}

void run_identity_free(struct run_identity *identity)
{
	if (!identity)
		return;
	memory_free(identity->allocator, identity->pairs);
	arena_free(identity->arena);
	memory_free(identity->allocator, identity);
}

/* The pair of the id, or the free one where it belongs. */
static struct pair *find(struct pair *pairs, size_t capacity, const char *there)
{
	uint32_t hash = 2166136261u; /* FNV-1a */
	for (const char *c = there; *c; c++)
		hash = (hash ^ (unsigned char)*c) * 16777619u;
	size_t i = hash & (capacity - 1);
	while (pairs[i].there && strcmp(pairs[i].there, there) != 0)
		i = (i + 1) & (capacity - 1);
	return &pairs[i];
}

static mlm_status no_memory(mlm_error *err)
{
	return error_set(err, MLM_ENOMEM, "transfer", "memory ran out");
}

static mlm_status grow(struct run_identity *identity, mlm_error *err)
{
	size_t capacity = identity->capacity * 2;
	struct pair *pairs = memory_array(identity->allocator, capacity, sizeof(*pairs));
	if (!pairs)
		return no_memory(err);
	for (size_t i = 0; i < identity->capacity; i++) {
		if (identity->pairs[i].there)
			*find(pairs, capacity, identity->pairs[i].there) = identity->pairs[i];
	}
	memory_free(identity->allocator, identity->pairs);
	identity->pairs = pairs;
	identity->capacity = capacity;
	return MLM_OK;
}

mlm_status run_identity_add(
	struct run_identity *identity, const char *there, const char *here, mlm_error *err)
{
	if (strlen(there) >= MLM_ID_SIZE)
		return MLM_OK;
	if (identity->count * 2 >= identity->capacity) {
		mlm_status status = grow(identity, err);
		if (status != MLM_OK)
			return status;
	}
	struct pair *pair = find(identity->pairs, identity->capacity, there);
	if (pair->there && strcmp(pair->here, here) == 0)
		return MLM_OK;
	const struct pair added = {
		.there = pair->there ? pair->there : arena_string(identity->arena, there),
		.here = arena_string(identity->arena, here),
	};
	if (!added.there || !added.here)
		return no_memory(err);
	identity->count += !pair->there;
	*pair = added;
	return MLM_OK;
}

const char *run_identity_find(const struct run_identity *identity, const char *there)
{
	return find(identity->pairs, identity->capacity, there)->here;
}
