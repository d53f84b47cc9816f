/* SPDX-License-Identifier: Apache-2.0 */
#include "base/csv_column.h"

#include <locale.h>
#include <math.h>

#include "check.h"

static bool is_number(const char *text, double expected)
{
	double value = 12345;
	if (!csv_number(text, &value))
		return false;
	return isnan(expected) ? isnan(value) : value == expected;
}

static void check_numbers(void)
{
	CHECK(is_number("1", 1));
	CHECK(is_number("-1.5", -1.5));
	CHECK(is_number("+.5", 0.5));
	CHECK(is_number("5.", 5));
	CHECK(is_number("1e-3", 0.001));
	CHECK(is_number("2E+2", 200));
	CHECK(is_number("0.1", 0.1));
	CHECK(is_number("9007199254740993", 9007199254740992.0));
	CHECK(is_number("1e999", INFINITY));
	CHECK(is_number("", NAN));
	CHECK(is_number("NaN", NAN));
	CHECK(is_number("-Inf", -INFINITY));
	CHECK(is_number("infinity", INFINITY));
}

TEST(csv_number__reads_decimals)
{
	check_numbers();
}

/* Under a locale with a decimal comma, strtod would stop at the point. */
TEST(csv_number__ignores_the_locale)
{
	static const char *const names[] = { "de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8" };
	bool found = false;
	for (size_t i = 0; i < 3 && !found; i++)
		found = setlocale(LC_ALL, names[i]) != NULL;
	if (!found)
		printf("  no locale with a decimal comma is installed\n");
	check_numbers();
	CHECK(!is_number("1,5", 1.5));
	setlocale(LC_ALL, "C");
}

TEST(csv_number__refuses_what_only_begins_as_one)
{
	static const char *const texts[] = { "0x10", "1 ", " 1", "1e", "1e+", ".", "-", "+-1",
		"1.2.3", "nan(1)", "infin", "1,5", "1f", "--1", "e5", "NA" };
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		double value = 7;
		if (csv_number(texts[i], &value) || value != 7) {
			printf("  '%s' was read as a number\n", texts[i]);
			CHECK(false);
		}
	}
}

TEST(csv_column_finish__numbers_or_text)
{
	struct csv_column column = { 0 };
	CHECK(csv_column_append(&column, "1", 1));
	CHECK(csv_column_append(&column, "", 0));
	CHECK(csv_column_append(&column, "-2.5", 4));
	CHECK(csv_column_finish(&column));
	CHECK(column.numbers && column.numbers[0] == 1 && isnan(column.numbers[1]));
	CHECK(column.numbers && column.numbers[2] == -2.5);
	csv_column_free(&column);

	column = (struct csv_column){ 0 };
	CHECK(csv_column_append(&column, "1", 1));
	CHECK(csv_column_append(&column, "x", 1));
	CHECK(csv_column_finish(&column));
	CHECK(column.numbers == NULL);
	size_t size = 9;
	CHECK_STRING(csv_column_text(&column, 0, &size), "1");
	CHECK_INT(size, 1);
	CHECK_STRING(csv_column_text(&column, 1, NULL), "x");
	csv_column_free(&column);
}

TEST(csv_column_append__grows)
{
	struct csv_column column = { 0 };
	char text[16];
	for (int i = 0; i < 5000; i++) {
		int size = snprintf(text, sizeof(text), "cell %d", i);
		CHECK(csv_column_append(&column, text, (size_t)size));
	}
	CHECK_INT(column.count, 5000);
	CHECK_STRING(csv_column_text(&column, 0, NULL), "cell 0");
	CHECK_STRING(csv_column_text(&column, 4999, NULL), "cell 4999");
	csv_column_free(&column);
}

int main(void)
{
	RUN(csv_number__reads_decimals);
	RUN(csv_number__ignores_the_locale);
	RUN(csv_number__refuses_what_only_begins_as_one);
	RUN(csv_column_finish__numbers_or_text);
	RUN(csv_column_append__grows);
	return check_done();
}
