/* SPDX-License-Identifier: Apache-2.0 */
#include "store/postgres_store.h"

#include <endian.h>
#include <string.h>

#include "base/memory.h"

/* The header: dimensions, whether there are NULLs, the element's type, its count and lower bound.
 * Then each element as its size and its bytes, all in network order. */
#define HEADER_BYTES 20
#define COUNT_OFFSET 12
#define BYTES_FIRST  4096

/* The types' oids are fixed in PostgreSQL's catalogue. */
static const uint32_t oids[] = {
	[POSTGRES_BOOL] = 16,
	[POSTGRES_INT4] = 23,
	[POSTGRES_INT8] = 20,
	[POSTGRES_FLOAT8] = 701,
	[POSTGRES_TEXT] = 25,
};

static unsigned char *extend(struct postgres_array *array, size_t more)
{
	if (array->failed)
		return NULL;
	if (array->size + more > array->capacity) {
		size_t capacity = array->capacity ? array->capacity : BYTES_FIRST;
		while (capacity < array->size + more)
			capacity *= 2;
		unsigned char *bytes = memory_resize(array->allocator, array->bytes, capacity, 1);
		if (!bytes) {
			array->failed = true;
			return NULL;
		}
		array->bytes = bytes;
		array->capacity = capacity;
	}
	unsigned char *at = array->bytes + array->size;
	array->size += more;
	return at;
}

static void put32(unsigned char *at, uint32_t value)
{
	value = htobe32(value);
	memcpy(at, &value, sizeof(value));
}

static void put64(unsigned char *at, uint64_t value)
{
	value = htobe64(value);
	memcpy(at, &value, sizeof(value));
}

void postgres_array_init(
	struct postgres_array *array, const mlm_allocator *allocator, enum postgres_element element)
{
	*array = (struct postgres_array){ .allocator = allocator };
	unsigned char *at = extend(array, HEADER_BYTES);
	if (!at)
		return;
	put32(at, 1);
	put32(at + 4, 0);
	put32(at + 8, oids[element]);
	put32(at + COUNT_OFFSET, 0);
	put32(at + 16, 1);
}

static unsigned char *element(struct postgres_array *array, size_t size)
{
	unsigned char *at = extend(array, 4 + size);
	if (!at)
		return NULL;
	put32(at, (uint32_t)size);
	array->count++;
	return at + 4;
}

void postgres_array_bool(struct postgres_array *array, bool value)
{
	unsigned char *at = element(array, 1);
	if (at)
		*at = value;
}

void postgres_array_int4(struct postgres_array *array, int32_t value)
{
	unsigned char *at = element(array, 4);
	if (at)
		put32(at, (uint32_t)value);
}

void postgres_array_int8(struct postgres_array *array, int64_t value)
{
	unsigned char *at = element(array, 8);
	if (at)
		put64(at, (uint64_t)value);
}

void postgres_array_float8(struct postgres_array *array, double value)
{
	uint64_t bits;
	unsigned char *at = element(array, 8);
	memcpy(&bits, &value, sizeof(bits));
	if (at)
		put64(at, bits);
}

void postgres_array_text(struct postgres_array *array, const char *text)
{
	size_t size = strlen(text);
	unsigned char *at = element(array, size);
	if (at)
		memcpy(at, text, size);
}

void postgres_add_array(struct postgres_values *values, struct postgres_array *array)
{
	if (!array->failed)
		put32(array->bytes + COUNT_OFFSET, (uint32_t)array->count);
	postgres_add_binary(values, array->bytes, array->size);
}

void postgres_array_free(struct postgres_array *array)
{
	memory_free(array->allocator, array->bytes);
	array->bytes = NULL;
}
