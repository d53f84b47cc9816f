/* SPDX-License-Identifier: Apache-2.0 */
#include "base/csv_column.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/decimal.h"

#define TEXT_FIRST 256u
#define ENDS_FIRST 32u

static size_t text_size(const struct csv_column *column)
{
	return column->count ? column->ends[column->count - 1] : 0;
}

/* Doubles the buffer until it holds wanted items; NULL leaves it as it was. */
static void *grow(void *items, size_t *capacity, size_t wanted, size_t first, size_t item_size)
{
	size_t larger = *capacity ? *capacity : first;
	while (larger < wanted)
		larger *= 2;
	if (larger == *capacity)
		return items;
	void *moved = realloc(items, larger * item_size);
	if (moved)
		*capacity = larger;
	return moved;
}

bool csv_column_append(struct csv_column *column, const char *text, size_t size)
{
	size_t used = text_size(column);
	if (size >= UINT32_MAX - used)
		return false;
	char *bytes = grow(column->text, &column->text_capacity, used + size + 1, TEXT_FIRST, 1);
	if (!bytes)
		return false;
	column->text = bytes;
	uint32_t *ends = grow(
		column->ends, &column->end_capacity, column->count + 1, ENDS_FIRST, sizeof(*ends));
	if (!ends)
		return false;
	column->ends = ends;
	if (size)
		memcpy(bytes + used, text, size);
	bytes[used + size] = '\0';
	ends[column->count++] = (uint32_t)(used + size + 1);
	return true;
}

const char *csv_column_text(const struct csv_column *column, size_t row, size_t *size_out)
{
	size_t start = row ? column->ends[row - 1] : 0;
	if (size_out)
		*size_out = column->ends[row] - start - 1;
	return column->text + start;
}

static const char *skip_digits(const char *text)
{
	while (*text >= '0' && *text <= '9')
		text++;
	return text;
}

/* strtod takes more than this: blanks before it, hexadecimal digits, nan(text). */
static bool is_decimal(const char *text)
{
	const char *whole = text, *end = skip_digits(text);
	size_t digits = (size_t)(end - whole);
	if (*end == '.') {
		const char *fraction = end + 1;
		end = skip_digits(fraction);
		digits += (size_t)(end - fraction);
	}
	if (digits == 0)
		return false;
	if (*end == 'e' || *end == 'E') {
		const char *exponent = end + 1;
		if (*exponent == '+' || *exponent == '-')
			exponent++;
		end = skip_digits(exponent);
		if (end == exponent)
			return false;
	}
	return *end == '\0';
}

bool csv_number(const char *text, double *value_out)
{
	const char *unsigned_text = *text == '+' || *text == '-' ? text + 1 : text;
	if (!*text || strcasecmp(unsigned_text, "nan") == 0) {
		*value_out = NAN;
	} else if (strcasecmp(unsigned_text, "inf") == 0 ||
		   strcasecmp(unsigned_text, "infinity") == 0) {
		*value_out = *text == '-' ? -INFINITY : INFINITY;
	} else if (is_decimal(unsigned_text)) {
		*value_out = decimal_read(text, NULL);
	} else {
		return false;
	}
	return true;
}

bool csv_column_finish(struct csv_column *column)
{
	double *numbers = malloc((column->count + 1) * sizeof(*numbers));
	if (!numbers)
		return false;
	for (size_t i = 0; i < column->count; i++) {
		if (!csv_number(csv_column_text(column, i, NULL), &numbers[i])) {
			free(numbers);
			return true;
		}
	}
	free(column->text);
	free(column->ends);
	column->text = NULL;
	column->ends = NULL;
	column->numbers = numbers;
	return true;
}

void csv_column_free(struct csv_column *column)
{
	free(column->name);
	free(column->text);
	free(column->ends);
	free(column->numbers);
}
