/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLMANAGER_CSV_H
#define MLMANAGER_CSV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mlmanager/error.h"
#include "mlmanager/options.h"

#ifdef __cplusplus
extern "C" {
#endif

#define MLM_CSV_BYTES_MAX      (1u << 30) /* of one file or text */
#define MLM_CSV_COLUMNS_MAX    16384u
#define MLM_CSV_CELL_BYTES_MAX (1u << 20)

/* A table in memory, by columns. It never changes, so any number of threads may read it. */
typedef struct mlm_csv mlm_csv;

#define MLM_CSV_OPTIONS_VERSION 1u

/* Zero (or NULL) in any member but version means its default. Copied. */
typedef struct mlm_csv_options {
	uint32_t version; /* MLM_CSV_OPTIONS_VERSION */
	bool no_header; /* the first row is data */
	char separator; /* one ASCII character; 0: a comma */
	/* With a header: the columns to keep, in this order. Without: the name of each column; NULL
	 * names them column1, column2, ... */
	const char *const *columns;
	size_t column_count;
} mlm_csv_options;

#define MLM_CSV_OPTIONS_INIT MLM_OPTIONS_INIT(mlm_csv_options, MLM_CSV_OPTIONS_VERSION)

/**
 * Reads a file of comma-separated values as RFC 4180 has them: cells may stand in double quotes,
 * and a quote in them is written twice. Lines end with LF, CRLF or CR; a UTF-8 byte order mark and
 * blank lines are skipped; blanks around a cell are dropped unless they stand in its quotes. A
 * header cell without a name is called after its place, column1 being the first.
 *
 * A column is numeric if all its cells are empty or decimal numbers with a point, in quotes or not,
 * whatever the locale (nan and inf, with any case and sign, are numbers), else it is text.
 *
 * Errors:  ENOTFOUND, EIO (path), ENOMEM, EINVAL (an option, or, with the line: a row of another
 *          length than the first, two columns of one name, a header of numbers only where columns
 *          does not name them, a quote that is open at the end or stands inside a cell, a NUL byte,
 *          UTF-16, no rows at all, a limit above).
 * Owns:    free *csv_out with mlm_csv_free(). options may be NULL.
 * Cost:    while reading, the size of the file and 5 bytes a cell; then 8 bytes a number.
 */
MLM_EXPORT mlm_status mlm_csv_read(
	const char *path, const mlm_csv_options *options, mlm_csv **csv_out, mlm_error *err);

/** As mlm_csv_read() for text in memory, size bytes of it. */
MLM_EXPORT mlm_status mlm_csv_parse(const char *text, size_t size, const mlm_csv_options *options,
	mlm_csv **csv_out, mlm_error *err);

/** NULL is a no-op. */
MLM_EXPORT void mlm_csv_free(mlm_csv *csv);

/** Rows of data; the header is none. */
MLM_EXPORT size_t mlm_csv_row_count(const mlm_csv *csv);
MLM_EXPORT size_t mlm_csv_column_count(const mlm_csv *csv);

/** NUL-ended, borrowed. column counts from 0; NULL for one that is not there. */
MLM_EXPORT const char *mlm_csv_column_name(const mlm_csv *csv, size_t column);

/** The column called name, or SIZE_MAX. */
MLM_EXPORT size_t mlm_csv_find_column(const mlm_csv *csv, const char *name);

/** The numbers of a numeric column, NaN where a cell is empty; NULL for a column of text
 * and for one that is not there. Borrowed. */
MLM_EXPORT const double *mlm_csv_numbers(const mlm_csv *csv, size_t column);

/** One cell of a column of text, NUL-ended, its bytes in *size_out (which may be NULL); NULL for a
 * numeric column and for a cell that is not there. Borrowed. row counts from 0. */
MLM_EXPORT const char *mlm_csv_text(
	const mlm_csv *csv, size_t column, size_t row, size_t *size_out);

#ifdef __cplusplus
}
#endif
#endif
