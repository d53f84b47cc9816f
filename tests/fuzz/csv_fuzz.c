/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mlmanager/csv.h"

/* Whatever a CSV held, writing it with every cell in quotes and reading that again gives the same
 * table. The input's first byte chooses the options. */

static void require(bool holds, const char *what)
{
	if (!holds) {
		fprintf(stderr, "%s\n", what);
		abort();
	}
}

static void write_quoted(FILE *out, const char *text, size_t size)
{
	fputc('"', out);
	for (size_t i = 0; i < size; i++) {
		if (text[i] == '"')
			fputc('"', out);
		fputc(text[i], out);
	}
	fputc('"', out);
}

static void write_cell(FILE *out, const mlm_csv *csv, size_t column, size_t row)
{
	const double *numbers = mlm_csv_numbers(csv, column);
	if (numbers) {
		fprintf(out, "\"%.17g\"", numbers[row]);
		return;
	}
	size_t size;
	const char *text = mlm_csv_text(csv, column, row, &size);
	require(strlen(text) == size, "a cell holds a NUL byte");
	write_quoted(out, text, size);
}

static void write_table(FILE *out, const mlm_csv *csv, const mlm_csv_options *options)
{
	size_t columns = mlm_csv_column_count(csv);
	char separator = options->separator ? options->separator : ',';
	for (size_t i = 0; i < columns && !options->no_header; i++) {
		const char *name = mlm_csv_column_name(csv, i);
		write_quoted(out, name, strlen(name));
		fputc(i + 1 < columns ? separator : '\n', out);
	}
	for (size_t row = 0; row < mlm_csv_row_count(csv); row++) {
		for (size_t i = 0; i < columns; i++) {
			write_cell(out, csv, i, row);
			fputc(i + 1 < columns ? separator : '\n', out);
		}
	}
}

static bool is_same_cell(const mlm_csv *a, const mlm_csv *b, size_t column, size_t row)
{
	const double *left = mlm_csv_numbers(a, column), *right = mlm_csv_numbers(b, column);
	if (left && right)
		return left[row] == right[row] || (isnan(left[row]) && isnan(right[row]));
	if (left || right)
		return false;
	return strcmp(mlm_csv_text(a, column, row, NULL), mlm_csv_text(b, column, row, NULL)) == 0;
}

static void check_same(const mlm_csv *a, const mlm_csv *b)
{
	require(mlm_csv_row_count(a) == mlm_csv_row_count(b), "another number of rows");
	require(mlm_csv_column_count(a) == mlm_csv_column_count(b), "another number of columns");
	for (size_t i = 0; i < mlm_csv_column_count(a); i++) {
		require(mlm_csv_find_column(b, mlm_csv_column_name(a, i)) == i, "another name");
		for (size_t row = 0; row < mlm_csv_row_count(a); row++)
			require(is_same_cell(a, b, i, row), "another cell");
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static const char separators[] = { 0, ';', '\t', ' ' };
	mlm_csv_options options = MLM_CSV_OPTIONS_INIT;
	mlm_error err = MLM_ERROR_INIT;
	mlm_csv *csv = NULL, *again = NULL;

	if (size == 0)
		return 0;
	options.no_header = bytes[0] & 1;
	options.separator = separators[bytes[0] >> 1 & 3];
	mlm_status status = mlm_csv_parse((const char *)bytes + 1, size - 1, &options, &csv, &err);
	if (status != MLM_OK) {
		require(!csv && err.message[0], "a failure that says nothing");
		return 0;
	}
	char *text = NULL;
	size_t text_size = 0;
	FILE *out = open_memstream(&text, &text_size);
	require(out != NULL, "no memory");
	write_table(out, csv, &options);
	fclose(out);
	if (mlm_csv_row_count(csv) > 0 || !options.no_header) {
		status = mlm_csv_parse(text, text_size, &options, &again, &err);
		require(status == MLM_OK, err.message);
		check_same(csv, again);
	}
	free(text);
	mlm_csv_free(again);
	mlm_csv_free(csv);
	return 0;
}
