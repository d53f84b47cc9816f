/* SPDX-License-Identifier: Apache-2.0 */
#include "core/evaluator_classes.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS_FIRST 64u /* a power of two, as every later size */

/* An open-addressing hash of positions in values; at most half of the slots are taken. */
struct classes {
	double *values;
	size_t count;
	uint32_t *slots; /* position in values plus one; 0: free */
	size_t slot_count;
};

struct classes *classes_new(void)
{
	struct classes *classes = calloc(1, sizeof(*classes));
	if (!classes)
		return NULL;
	classes->slot_count = SLOTS_FIRST;
	classes->slots = calloc(SLOTS_FIRST, sizeof(*classes->slots));
	classes->values = malloc(SLOTS_FIRST / 2 * sizeof(*classes->values));
	if (!classes->slots || !classes->values) {
		classes_free(classes);
		return NULL;
	}
	return classes;
}

void classes_free(struct classes *classes)
{
	if (!classes)
		return;
	free(classes->slots);
	free(classes->values);
	free(classes);
}

/* The slot of value, or the free one where it belongs. */
static size_t find_slot(const struct classes *classes, double value)
{
	value += 0.0; /* -0 is 0 */
	uint64_t hash;
	memcpy(&hash, &value, sizeof(hash));
	hash ^= hash >> 32;
	hash *= 0x9E3779B97F4A7C15u; /* 2^64 / golden ratio spreads neighbours */
	size_t mask = classes->slot_count - 1;
	size_t slot = (size_t)(hash >> 32) & mask;
	while (classes->slots[slot] && classes->values[classes->slots[slot] - 1] != value)
		slot = (slot + 1) & mask;
	return slot;
}

static void fill_slots(struct classes *classes)
{
	memset(classes->slots, 0, classes->slot_count * sizeof(*classes->slots));
	for (size_t i = 0; i < classes->count; i++)
		classes->slots[find_slot(classes, classes->values[i])] = (uint32_t)(i + 1);
}

static bool grow(struct classes *classes)
{
	size_t slot_count = classes->slot_count * 2;
	double *values = realloc(classes->values, slot_count / 2 * sizeof(*values));
	if (!values)
		return false;
	classes->values = values;
	uint32_t *slots = realloc(classes->slots, slot_count * sizeof(*slots));
	if (!slots)
		return false;
	classes->slots = slots;
	classes->slot_count = slot_count;
	fill_slots(classes);
	return true;
}

bool classes_add(struct classes *classes, double value)
{
	size_t slot = find_slot(classes, value);
	if (classes->slots[slot])
		return true;
	if (classes->count == classes->slot_count / 2) {
		if (!grow(classes))
			return false;
		slot = find_slot(classes, value);
	}
	classes->values[classes->count++] = value + 0.0;
	classes->slots[slot] = (uint32_t)classes->count;
	return true;
}

static int ascending(const void *a, const void *b)
{
	double left = *(const double *)a, right = *(const double *)b;
	return (left > right) - (left < right);
}

void classes_sort(struct classes *classes)
{
	qsort(classes->values, classes->count, sizeof(*classes->values), ascending);
	fill_slots(classes);
}

size_t classes_count(const struct classes *classes)
{
	return classes->count;
}

double classes_value(const struct classes *classes, size_t index)
{
	return classes->values[index];
}

size_t classes_index(const struct classes *classes, double value)
{
	return classes->slots[find_slot(classes, value)] - 1;
}
