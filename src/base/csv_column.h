/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_CSV_COLUMN_H
#define BASE_CSV_COLUMN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The cells of one column, all zero at first: text while they come in, numbers or text once all are
 * there. */
struct csv_column {
	char *name; /* freed with the column */
	char *text; /* each cell and a NUL */
	size_t text_capacity;
	/* Where each cell's NUL lies, plus one; a file's bytes and its cells' NULs fit. */
	uint32_t *ends;
	size_t end_capacity;
	size_t count;
	double *numbers; /* NULL: the column is text */
};

/** Adds a cell, whose text holds no NUL. false when memory ran out. */
bool csv_column_append(struct csv_column *column, const char *text, size_t size);

/** Turns the text into numbers if all of it is numbers or empty. false when memory ran out. */
bool csv_column_finish(struct csv_column *column);

/** A cell of a column that is text, NUL-ended; its bytes in *size_out unless NULL. */
const char *csv_column_text(const struct csv_column *column, size_t row, size_t *size_out);

/** Frees what the column holds, not the struct. */
void csv_column_free(struct csv_column *column);

/** Reads a decimal number, nan or inf that fills text; an empty text is NaN. With a point, whatever
 * the locale. false leaves *value_out as it was. */
bool csv_number(const char *text, double *value_out);

#endif
