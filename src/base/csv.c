/* SPDX-License-Identifier: Apache-2.0 */
#include "mlmanager/csv.h"

#include <csv.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/csv_column.h"
#include "base/error.h"
#include "base/options.h"

#define AREA          "csv"
#define CHUNK_SIZE    65536u
#define CELLS_GROWTH  4096u /* bytes by which libcsv's own buffer grows */
#define SKIPPED       SIZE_MAX
#define NAME_SHOWN    120 /* bytes of a name or path in an error */
#define LINE_FORMAT   "%.*s, line %zu: "
#define LINE_OF(l, n) NAME_SHOWN, (l)->source, (size_t)(n)

/* The errors below say them in words. */
_Static_assert(MLM_CSV_BYTES_MAX == 1u << 30, "1 GiB");
_Static_assert(MLM_CSV_CELL_BYTES_MAX == 1u << 20, "1 MiB");
_Static_assert(MLM_CSV_COLUMNS_MAX == 16384, "16384");

struct mlm_csv {
	struct csv_column *columns;
	size_t column_count;
	size_t row_count;
};

/* The state between two callbacks of libcsv. */
struct loader {
	struct csv_parser parser;
	mlm_csv_options options;
	const char *source; /* what errors call it */
	mlm_csv *csv;
	size_t bytes; /* so far */
	size_t line; /* of the next byte, from 1 */
	size_t row_line; /* where the row being read began: a quoted cell may hold newlines */
	bool after_cr;
	bool between_rows; /* the last byte ended a row or an empty line */
	bool has_layout; /* the header, or the first row where there is none, has been seen */
	struct csv_column header; /* the cells of the first row */
	size_t *targets; /* column of the file -> column of csv, or SKIPPED */
	size_t width; /* columns of the file */
	size_t cell; /* cells of this row so far */
	mlm_status status; /* the first error; whatever follows it is ignored */
	mlm_error *err;
};

static void out_of_memory(struct loader *loader)
{
	loader->status = error_set(loader->err, MLM_ENOMEM, AREA, LINE_FORMAT "no memory",
		LINE_OF(loader, loader->line));
}

static void fail(struct loader *loader, size_t line, const char *problem)
{
	loader->status = error_set(
		loader->err, MLM_EINVAL, AREA, LINE_FORMAT "%s", LINE_OF(loader, line), problem);
}

static const char *header_cell(const struct loader *loader, size_t index)
{
	return csv_column_text(&loader->header, index, NULL);
}

static int by_name(const void *a, const void *b)
{
	const struct csv_column *const *left = a, *const *right = b;
	return strcmp((*left)->name, (*right)->name);
}

/* Sorted, so that thousands of columns do not cost their square. */
static void refuse_duplicates(struct loader *loader)
{
	size_t count = loader->csv->column_count;
	const struct csv_column **sorted = calloc(count + 1, sizeof(*sorted));
	if (!sorted) {
		out_of_memory(loader);
		return;
	}
	for (size_t i = 0; i < count; i++)
		sorted[i] = &loader->csv->columns[i];
	qsort(sorted, count, sizeof(*sorted), by_name);
	for (size_t i = 1; i < count && loader->status == MLM_OK; i++) {
		if (strcmp(sorted[i - 1]->name, sorted[i]->name) == 0)
			loader->status = error_set(loader->err, MLM_EINVAL, AREA,
				LINE_FORMAT
				"two columns are called '%.*s'; each needs its own name",
				LINE_OF(loader, loader->row_line), NAME_SHOWN, sorted[i]->name);
	}
	free(sorted);
}

/* Adds a column to the result, filled from column source of the file. */
static void add_column(struct loader *loader, const char *name, size_t source)
{
	char placed[32];
	if (!name || !*name) {
		snprintf(placed, sizeof(placed), "column%zu", source + 1);
		name = placed;
	}
	mlm_csv *csv = loader->csv;
	csv->columns[csv->column_count].name = strdup(name);
	if (!csv->columns[csv->column_count].name)
		out_of_memory(loader);
	loader->targets[source] = csv->column_count++;
}

static void keep_chosen(struct loader *loader)
{
	const mlm_csv_options *options = &loader->options;
	for (size_t i = 0; i < options->column_count && loader->status == MLM_OK; i++) {
		size_t found = SKIPPED, times = 0;
		for (size_t j = 0; j < loader->width; j++) {
			if (strcmp(header_cell(loader, j), options->columns[i]) != 0)
				continue;
			found = j;
			times++;
		}
		if (times == 1 && loader->targets[found] == SKIPPED)
			add_column(loader, options->columns[i], found);
		else
			loader->status = error_set(loader->err, MLM_EINVAL, AREA,
				LINE_FORMAT "%s '%.*s'", LINE_OF(loader, loader->row_line),
				times == 0   ? "no column is called"
				: times == 1 ? "columns names twice"
					     : "more than one column is called",
				NAME_SHOWN, options->columns[i]);
	}
}

static bool is_header_of_numbers(const struct loader *loader)
{
	for (size_t i = 0; i < loader->width; i++) {
		double value;
		if (!*header_cell(loader, i) || !csv_number(header_cell(loader, i), &value))
			return false;
	}
	return true;
}

/* The first row decides how many columns there are, what they are called and which are kept. */
static void lay_out(struct loader *loader)
{
	const mlm_csv_options *options = &loader->options;
	bool has_header = !options->no_header;

	loader->has_layout = true;
	loader->width = loader->cell;
	loader->targets = malloc(loader->width * sizeof(*loader->targets));
	loader->csv->columns = calloc(loader->width, sizeof(*loader->csv->columns));
	if (!loader->targets || !loader->csv->columns) {
		out_of_memory(loader);
		return;
	}
	for (size_t i = 0; i < loader->width; i++)
		loader->targets[i] = SKIPPED;
	if (has_header && options->columns) {
		keep_chosen(loader);
		return;
	}
	if (has_header && is_header_of_numbers(loader)) {
		fail(loader, loader->row_line,
			"every cell of the header is a number; if there is no header, say so "
			"(header = false), else name its columns");
		return;
	}
	if (!has_header && options->columns && options->column_count != loader->width) {
		loader->status = error_set(loader->err, MLM_EINVAL, AREA,
			LINE_FORMAT "%zu cells, but columns names %zu",
			LINE_OF(loader, loader->row_line), loader->width, options->column_count);
		return;
	}
	for (size_t i = 0; i < loader->width && loader->status == MLM_OK; i++)
		add_column(loader,
			has_header         ? header_cell(loader, i)
			: options->columns ? options->columns[i]
					   : NULL,
			i);
	if (loader->status == MLM_OK)
		refuse_duplicates(loader);
}

static void store_cell(struct loader *loader, size_t index, const char *text, size_t size)
{
	size_t target = loader->targets[index];
	if (target != SKIPPED && !csv_column_append(&loader->csv->columns[target], text, size))
		out_of_memory(loader);
}

static void on_cell(void *cell, size_t size, void *payload)
{
	struct loader *loader = payload;
	if (loader->status != MLM_OK)
		return;
	size_t index = loader->cell++;
	if (size > MLM_CSV_CELL_BYTES_MAX) {
		fail(loader, loader->row_line, "a cell is longer than 1 MiB");
	} else if (loader->has_layout) {
		if (index < loader->width)
			store_cell(loader, index, cell, size);
	} else if (index >= MLM_CSV_COLUMNS_MAX) {
		fail(loader, loader->row_line, "more than 16384 columns");
	} else if (!csv_column_append(&loader->header, cell, size)) {
		out_of_memory(loader);
	}
}

static void on_first_row(struct loader *loader)
{
	lay_out(loader);
	if (loader->status != MLM_OK || !loader->options.no_header)
		return;
	for (size_t i = 0; i < loader->width && loader->status == MLM_OK; i++) {
		size_t size;
		const char *text = csv_column_text(&loader->header, i, &size);
		store_cell(loader, i, text, size);
	}
	loader->csv->row_count = 1;
}

static void on_row(int terminator, void *payload)
{
	(void)terminator;
	struct loader *loader = payload;
	size_t cells = loader->cell;
	loader->between_rows = true;
	if (loader->status != MLM_OK || cells == 0)
		return;
	if (!loader->has_layout) {
		on_first_row(loader);
	} else if (cells != loader->width) {
		loader->status = error_set(loader->err, MLM_EINVAL, AREA,
			LINE_FORMAT "%zu cell%s, but the first row has %zu",
			LINE_OF(loader, loader->row_line), cells, cells == 1 ? "" : "s",
			loader->width);
	} else {
		loader->csv->row_count++;
	}
	loader->cell = 0;
}

/* One line or the part of one that a chunk holds, its end included; so a row can only end at the
 * last byte. */
static void parse_line(struct loader *loader, const char *bytes, size_t size)
{
	size_t used = csv_parse(&loader->parser, bytes, size, on_cell, on_row, loader);
	if (loader->status != MLM_OK)
		return;
	if (used != size && csv_error(&loader->parser) == CSV_EPARSE)
		fail(loader, loader->line,
			"a quote stands inside a cell; put the cell in quotes and write it twice");
	else if (used != size)
		out_of_memory(loader);
	else if (csv_get_buffer_size(&loader->parser) > MLM_CSV_CELL_BYTES_MAX + CHUNK_SIZE)
		fail(loader, loader->row_line,
			"a cell is longer than 1 MiB; is a quote not closed?");
}

static void count_line(struct loader *loader, char last)
{
	bool is_crlf = last == '\n' && loader->after_cr;
	loader->after_cr = last == '\r';
	if (!is_crlf && (last == '\n' || last == '\r'))
		loader->line++;
}

static void add_bytes(struct loader *loader, size_t size)
{
	loader->bytes += size;
	if (loader->bytes > MLM_CSV_BYTES_MAX)
		fail(loader, loader->line, "larger than 1 GiB");
}

static void parse_chunk(struct loader *loader, const char *bytes, size_t size)
{
	size_t start = 0;
	while (start < size && loader->status == MLM_OK) {
		size_t end = start;
		while (end < size && bytes[end] != '\n' && bytes[end] != '\r' && bytes[end])
			end++;
		if (end < size && !bytes[end]) {
			fail(loader, loader->line, "a NUL byte, which no text has");
			return;
		}
		if (end < size)
			end++;
		loader->between_rows = false;
		parse_line(loader, bytes + start, end - start);
		count_line(loader, bytes[end - 1]);
		if (loader->between_rows)
			loader->row_line = loader->line;
		start = end;
	}
}

/* What the first bytes tell; returns how many of them to skip. */
static size_t skip_mark(struct loader *loader, const char *bytes, size_t size)
{
	if (loader->status != MLM_OK)
		return 0;
	if (size >= 3 && memcmp(bytes, "\xEF\xBB\xBF", 3) == 0)
		return 3;
	if (size >= 2 && (memcmp(bytes, "\xFF\xFE", 2) == 0 || memcmp(bytes, "\xFE\xFF", 2) == 0))
		fail(loader, 1, "UTF-16; it must be UTF-8");
	return 0;
}

static mlm_status check_options(const mlm_csv_options *options, mlm_error *err)
{
	char separator = options->separator;
	if (separator && (separator < 0 || strchr("\"\r\n", separator)))
		return error_set(err, MLM_EINVAL, AREA,
			"separator: it must be one ASCII character, neither a quote nor a newline");
	if (options->columns && options->column_count == 0)
		return error_set(err, MLM_EINVAL, AREA, "columns: the list is empty");
	for (size_t i = 0; options->columns && i < options->column_count; i++) {
		if (!options->columns[i] || !*options->columns[i])
			return error_set(
				err, MLM_EINVAL, AREA, "columns: name %zu is empty", i + 1);
	}
	return MLM_OK;
}

static mlm_status start(
	struct loader *loader, const mlm_csv_options *options, const char *source, mlm_error *err)
{
	static const struct options_layout layout = OPTIONS_LAYOUT(mlm_csv_options, column_count);
	*loader = (struct loader){
		.source = source,
		.line = 1,
		.row_line = 1,
		.err = err,
	};
	mlm_status status = options_take(&loader->options, options, &layout, err);
	if (status == MLM_OK)
		status = check_options(&loader->options, err);
	if (status != MLM_OK)
		return status;
	loader->csv = calloc(1, sizeof(*loader->csv));
	if (!loader->csv)
		return error_set(err, MLM_ENOMEM, AREA, "no memory for a table");
	csv_init(&loader->parser, CSV_STRICT | CSV_STRICT_FINI | CSV_REPALL_NL);
	csv_set_blk_size(&loader->parser, CELLS_GROWTH);
	if (loader->options.separator)
		csv_set_delim(&loader->parser, (unsigned char)loader->options.separator);
	return MLM_OK;
}

/* Gives the table to the caller, or frees it after an error. */
static mlm_status finish(struct loader *loader, mlm_csv **csv_out)
{
	if (loader->status == MLM_OK && csv_fini(&loader->parser, on_cell, on_row, loader) != 0)
		fail(loader, loader->row_line, "a quote that opens in this row is never closed");
	if (loader->status == MLM_OK && !loader->has_layout)
		fail(loader, loader->line,
			loader->options.no_header ? "there is no row" : "there is no header");
	mlm_csv *csv = loader->csv;
	for (size_t i = 0; i < csv->column_count && loader->status == MLM_OK; i++) {
		if (!csv_column_finish(&csv->columns[i]))
			out_of_memory(loader);
	}
	csv_free(&loader->parser);
	csv_column_free(&loader->header);
	free(loader->targets);
	if (loader->status == MLM_OK)
		*csv_out = csv;
	else
		mlm_csv_free(csv);
	return loader->status;
}

mlm_status mlm_csv_parse(const char *text, size_t size, const mlm_csv_options *options,
	mlm_csv **csv_out, mlm_error *err)
{
	if (!csv_out)
		return error_set_null(err, "csv", "csv_out");
	if (!text && size)
		return error_set_null(err, "csv", "text");
	struct loader loader;
	*csv_out = NULL;
	mlm_status status = start(&loader, options, "CSV text", err);
	if (status != MLM_OK)
		return status;
	add_bytes(&loader, size);
	size_t skipped = skip_mark(&loader, text, size);
	for (size_t at = skipped; at < size && loader.status == MLM_OK; at += CHUNK_SIZE)
		parse_chunk(&loader, text + at, size - at < CHUNK_SIZE ? size - at : CHUNK_SIZE);
	return finish(&loader, csv_out);
}

/* Fills the buffer unless the file ends first: a pipe gives what it has. */
static ssize_t read_chunk(int file, char *bytes, size_t size)
{
	size_t got = 0;
	while (got < size) {
		ssize_t count = read(file, bytes + got, size - got);
		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0)
			return -1;
		if (count == 0)
			break;
		got += (size_t)count;
	}
	return (ssize_t)got;
}

mlm_status mlm_csv_read(
	const char *path, const mlm_csv_options *options, mlm_csv **csv_out, mlm_error *err)
{
	if (!path)
		return error_set_null(err, "csv", "path");
	if (!csv_out)
		return error_set_null(err, "csv", "csv_out");
	struct loader loader;
	char bytes[CHUNK_SIZE];

	*csv_out = NULL;
	int file = open(path, O_RDONLY | O_CLOEXEC);
	if (file < 0)
		return error_set_errno(err, errno, AREA, "cannot open '%.*s'", NAME_SHOWN, path);
	mlm_status status = start(&loader, options, path, err);
	if (status != MLM_OK) {
		close(file);
		return status;
	}
	/* A file that is too large is refused at once, a pipe when it has said too much. */
	struct stat info;
	if (fstat(file, &info) == 0 && S_ISREG(info.st_mode) && info.st_size > MLM_CSV_BYTES_MAX)
		add_bytes(&loader, (size_t)info.st_size);
	bool is_first = true;
	ssize_t size;
	while (loader.status == MLM_OK && (size = read_chunk(file, bytes, sizeof(bytes))) != 0) {
		if (size < 0) {
			loader.status = error_set_errno(
				err, errno, AREA, "cannot read '%.*s'", NAME_SHOWN, path);
			break;
		}
		add_bytes(&loader, (size_t)size);
		size_t skipped = is_first ? skip_mark(&loader, bytes, (size_t)size) : 0;
		is_first = false;
		if (loader.status == MLM_OK)
			parse_chunk(&loader, bytes + skipped, (size_t)size - skipped);
	}
	close(file);
	return finish(&loader, csv_out);
}

void mlm_csv_free(mlm_csv *csv)
{
	if (!csv)
		return;
	for (size_t i = 0; i < csv->column_count; i++)
		csv_column_free(&csv->columns[i]);
	free(csv->columns);
	free(csv);
}

size_t mlm_csv_row_count(const mlm_csv *csv)
{
	return csv ? csv->row_count : 0;
}

size_t mlm_csv_column_count(const mlm_csv *csv)
{
	return csv ? csv->column_count : 0;
}

const char *mlm_csv_column_name(const mlm_csv *csv, size_t column)
{
	return column < mlm_csv_column_count(csv) ? csv->columns[column].name : NULL;
}

size_t mlm_csv_find_column(const mlm_csv *csv, const char *name)
{
	for (size_t i = 0; name && i < mlm_csv_column_count(csv); i++) {
		if (strcmp(csv->columns[i].name, name) == 0)
			return i;
	}
	return SIZE_MAX;
}

const double *mlm_csv_numbers(const mlm_csv *csv, size_t column)
{
	return column < mlm_csv_column_count(csv) ? csv->columns[column].numbers : NULL;
}

const char *mlm_csv_text(const mlm_csv *csv, size_t column, size_t row, size_t *size_out)
{
	if (column >= mlm_csv_column_count(csv) || row >= csv->row_count ||
		csv->columns[column].numbers)
		return NULL;
	return csv_column_text(&csv->columns[column], row, size_out);
}
