/* SPDX-License-Identifier: Apache-2.0 */
#include "mlmanager/csv.h"

#include <math.h>
#include <unistd.h>

#include "check.h"

static mlm_error err = MLM_ERROR_INIT;

static mlm_csv *parse(const char *text, const mlm_csv_options *options)
{
	mlm_csv *csv;
	MUST(mlm_csv_parse(text, strlen(text), options, &csv, &err));
	return csv;
}

static void check_refused(
	const char *text, size_t size, const mlm_csv_options *options, const char *message)
{
	mlm_csv *csv = NULL;
	CHECK_STATUS(mlm_csv_parse(text, size, options, &csv, &err), MLM_EINVAL);
	CHECK_CONTAINS(err.message, message);
	CHECK(csv == NULL);
}

static void check_einval(const char *text, const char *message)
{
	check_refused(text, strlen(text), NULL, message);
}

TEST(csv_parse__numbers_and_text)
{
	mlm_csv *csv = parse("id,name,score\n1,ann,0.5\n2,\"b, \"\"bob\"\"\",\n", NULL);
	CHECK_INT(mlm_csv_row_count(csv), 2);
	CHECK_INT(mlm_csv_column_count(csv), 3);
	CHECK_STRING(mlm_csv_column_name(csv, 1), "name");
	CHECK_INT(mlm_csv_find_column(csv, "score"), 2);
	CHECK(mlm_csv_find_column(csv, "none") == SIZE_MAX);
	const double *ids = mlm_csv_numbers(csv, 0), *scores = mlm_csv_numbers(csv, 2);
	CHECK(ids && ids[0] == 1 && ids[1] == 2);
	CHECK(scores && scores[0] == 0.5 && isnan(scores[1]));
	CHECK(mlm_csv_numbers(csv, 1) == NULL);
	CHECK(mlm_csv_text(csv, 0, 0, NULL) == NULL);
	size_t size;
	CHECK_STRING(mlm_csv_text(csv, 1, 1, &size), "b, \"bob\"");
	CHECK_INT(size, 8);
	mlm_csv_free(csv);
}

TEST(csv_parse__line_ends_mark_blanks_and_empty_lines)
{
	static const char *const texts[] = {
		"a,b\n1,x y\n2,z\n",
		"a,b\n1,x y\n2,z",
		"a,b\r\n1,x y\r\n2,z\r\n",
		"a,b\r1,x y\r2,z\r",
		"\xEF\xBB\xBF\"a\",b\n1,x y\n2,z\n",
		"\n\na,b\n\n1,x y\n  \n2,z\n\n",
		"a , b\n 1,\tx y \n2 , \"z\" \n",
	};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		mlm_csv *csv = parse(texts[i], NULL);
		CHECK_INT(mlm_csv_row_count(csv), 2);
		CHECK_STRING(mlm_csv_column_name(csv, 0), "a");
		CHECK_STRING(mlm_csv_column_name(csv, 1), "b");
		const double *numbers = mlm_csv_numbers(csv, 0);
		CHECK(numbers && numbers[0] == 1 && numbers[1] == 2);
		CHECK_STRING(mlm_csv_text(csv, 1, 0, NULL), "x y");
		CHECK_STRING(mlm_csv_text(csv, 1, 1, NULL), "z");
		mlm_csv_free(csv);
	}
}

TEST(csv_parse__header_options)
{
	static const char *const names[] = { "y", "x" };
	static const char *const picks[] = { "c", "a" };
	mlm_csv_options options = MLM_CSV_OPTIONS_INIT;

	options.no_header = true;
	options.separator = ';';
	mlm_csv *csv = parse("1;2\n3;4\n", &options);
	CHECK_INT(mlm_csv_row_count(csv), 2);
	CHECK_STRING(mlm_csv_column_name(csv, 0), "column1");
	CHECK_STRING(mlm_csv_column_name(csv, 1), "column2");
	CHECK(mlm_csv_numbers(csv, 1)[0] == 2);
	mlm_csv_free(csv);

	options.columns = names;
	options.column_count = 2;
	csv = parse("1;2\n3;4\n", &options);
	CHECK_STRING(mlm_csv_column_name(csv, 0), "y");
	CHECK(mlm_csv_numbers(csv, 0)[1] == 3);
	mlm_csv_free(csv);
	check_refused("1;2;3", 5, &options, "line 1: 3 cells, but columns names 2");

	options = (mlm_csv_options){ .version = 1, .columns = picks, .column_count = 2 };
	csv = parse("a,b,b,c\n1,2,3,4\n", &options);
	CHECK_INT(mlm_csv_column_count(csv), 2);
	CHECK_STRING(mlm_csv_column_name(csv, 0), "c");
	CHECK(mlm_csv_numbers(csv, 0)[0] == 4 && mlm_csv_numbers(csv, 1)[0] == 1);
	mlm_csv_free(csv);
	check_refused("a,b\n", 4, &options, "line 1: no column is called 'c'");
	check_refused("a,c,c\n", 6, &options, "line 1: more than one column is called 'c'");

	csv = parse(",a\n7,8\n", NULL);
	CHECK_STRING(mlm_csv_column_name(csv, 0), "column1");
	mlm_csv_free(csv);
	csv = parse("a,b\n", NULL);
	CHECK_INT(mlm_csv_row_count(csv), 0);
	CHECK(mlm_csv_numbers(csv, 0) != NULL);
	mlm_csv_free(csv);
}

TEST(csv_parse__einval_says_the_line)
{
	check_einval("a,b\n1,2\n\n3\n", "CSV text, line 4: 1 cell, but the first row has 2");
	check_einval("a,b\r\n1,2\r\n3,4,5\r\n", "line 3: 3 cells, but the first row has 2");
	check_einval("a,b\r1,2\r3,4,5\r", "line 3: 3 cells");
	check_einval("a,b\n\"x\ny\",2\n3\n", "line 4: 1 cell");
	check_einval("a,b\n1,2\n\"x\n\ny,2\n3,4", "line 3: a quote that opens in this row");
	check_einval("a,b\n1,2\nx\"y,2\n", "line 3: a quote stands inside a cell");
	check_einval("a,b\n1,2\n\"x\"y,2\n", "line 3: a quote stands inside a cell");
	check_einval("a,b,a\n1,2,3\n", "line 1: two columns are called 'a'");
	check_einval("1,2\n3,4\n", "line 1: every cell of the header is a number");
	check_einval("", "line 1: there is no header");
	check_einval("\n\n", "there is no header");
	check_einval("\xEF\xBB\xBF", "there is no header");
	check_einval("\xFF\xFE"
		     "a",
		"line 1: UTF-16");
	check_refused("a,b\n1,\0\n", 8, NULL, "line 2: a NUL byte");
	mlm_csv_options options = { .version = 1, .no_header = true };
	check_refused("", 0, &options, "line 1: there is no row");
}

TEST(csv_parse__einval_on_options)
{
	static const char *const nameless[] = { "a", "" }, *const twice[] = { "a", "a" };
	mlm_csv_options options = { .version = 9 };
	check_refused("a", 1, &options, "version is 9");
	options = (mlm_csv_options){ .version = 1, .separator = '"' };
	check_refused("a", 1, &options, "separator");
	options = (mlm_csv_options){ .version = 1, .columns = nameless };
	check_refused("a", 1, &options, "columns: the list is empty");
	options.column_count = 2;
	check_refused("a", 1, &options, "columns: name 2 is empty");
	options.columns = twice;
	check_refused("a,b", 3, &options, "columns names twice 'a'");
	options.no_header = true;
	check_refused("1,2", 3, &options, "two columns are called 'a'");
}

TEST(csv_parse__einval_past_the_limits)
{
	size_t size = MLM_CSV_CELL_BYTES_MAX + 200000;
	char *text = malloc(size);
	memset(text, 'x', size);
	check_refused(text, size, NULL, "line 1: a cell is longer than 1 MiB");
	text[0] = 'a';
	text[1] = '\n';
	text[2] = '"';
	text[50] = '\n';
	check_refused(text, size, NULL, "line 2: a cell is longer than 1 MiB; is a quote");
	memset(text, ',', MLM_CSV_COLUMNS_MAX);
	check_refused(text, MLM_CSV_COLUMNS_MAX, NULL, "more than 16384 columns");
	free(text);
}

TEST(csv_parse__more_bytes_than_one_chunk)
{
	enum { ROWS = 30000 };
	char *text = malloc(64 * ROWS);
	size_t size = (size_t)snprintf(text, 64, "n,half,note\r\n");
	for (int i = 0; i < ROWS; i++)
		size += (size_t)snprintf(
			text + size, 64, "%d,%.1f,\"line\r\n%d\"\r\n", i, i / 2.0, i);
	mlm_csv *csv;
	MUST(mlm_csv_parse(text, size, NULL, &csv, &err));
	CHECK_INT(mlm_csv_row_count(csv), ROWS);
	size_t wrong = 0;
	char note[64];
	for (int i = 0; i < ROWS; i++) {
		snprintf(note, sizeof(note), "line\r\n%d", i);
		wrong += mlm_csv_numbers(csv, 0)[i] != i || mlm_csv_numbers(csv, 1)[i] != i / 2.0 ||
			 strcmp(mlm_csv_text(csv, 2, (size_t)i, NULL), note) != 0;
	}
	CHECK_INT(wrong, 0);
	mlm_csv_free(csv);
	size += (size_t)snprintf(text + size, 64, "1,2\r\n");
	check_refused(text, size, NULL, "line 60002: 2 cells, but the first row has 3");
	free(text);
}

TEST(csv_read__files_and_errors)
{
	char path[] = "csv_test_XXXXXX";
	int file = mkstemp(path);
	CHECK(file >= 0);
	CHECK_INT(write(file, "a,b\n1,2\n3\n", 10), 10);
	mlm_csv *csv = NULL;
	CHECK_STATUS(mlm_csv_read(path, NULL, &csv, &err), MLM_EINVAL);
	CHECK_CONTAINS(err.message, path);
	CHECK_CONTAINS(err.message, ", line 3: 1 cell");
	CHECK_INT(ftruncate(file, 8), 0);
	MUST(mlm_csv_read(path, NULL, &csv, &err));
	CHECK_INT(mlm_csv_row_count(csv), 1);
	CHECK(mlm_csv_numbers(csv, 1)[0] == 2);
	mlm_csv_free(csv);
	CHECK_INT(ftruncate(file, (off_t)MLM_CSV_BYTES_MAX + 1), 0);
	CHECK_STATUS(mlm_csv_read(path, NULL, &csv, &err), MLM_EINVAL);
	CHECK_CONTAINS(err.message, "larger than 1 GiB");
	close(file);
	unlink(path);
	CHECK_STATUS(mlm_csv_read(path, NULL, &csv, &err), MLM_ENOTFOUND);
	CHECK_CONTAINS(err.message, "cannot open");
	CHECK_STATUS(mlm_csv_read(".", NULL, &csv, &err), MLM_EIO);
	CHECK_CONTAINS(err.message, "cannot read '.'");
	CHECK(csv == NULL);
	mlm_csv_free(NULL);
}

int main(void)
{
	RUN(csv_parse__numbers_and_text);
	RUN(csv_parse__line_ends_mark_blanks_and_empty_lines);
	RUN(csv_parse__header_options);
	RUN(csv_parse__einval_says_the_line);
	RUN(csv_parse__einval_on_options);
	RUN(csv_parse__einval_past_the_limits);
	RUN(csv_parse__more_bytes_than_one_chunk);
	RUN(csv_read__files_and_errors);
	return check_done();
}
