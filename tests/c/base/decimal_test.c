/* SPDX-License-Identifier: Apache-2.0 */

#include "base/decimal.h"

#include <float.h>
#include <locale.h>
#include <math.h>

#include "check.h"

static const char *exact(double value)
{
	static char text[DECIMAL_BYTES];
	decimal_print_exact(value, text);
	return text;
}

static const char *printed(double value, int digits)
{
	static char text[DECIMAL_BYTES];
	decimal_print(value, digits, text);
	return text;
}

TEST(decimal_print_exact__is_the_shortest_that_reads_back)
{
	CHECK_STRING(exact(0.1), "0.1");
	CHECK_STRING(exact(0.1 + 0.2), "0.30000000000000004");
	CHECK_STRING(exact(1.0 / 3), "0.3333333333333333");
	CHECK_STRING(exact(100000), "100000");
	CHECK_STRING(exact(-0.0), "-0");
	CHECK_STRING(exact(DBL_MAX), "1.7976931348623157e+308");
	CHECK_STRING(exact(-DBL_TRUE_MIN), "-4.94065645841247e-324");
	const double values[] = { 2.5e-308, 123456789.123456789, 1e22, 1e23, 5e-324, 0x1p-1074 };
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		CHECK(decimal_read(exact(values[i]), NULL) == values[i]);
}

TEST(decimal_print__rounds_to_so_many_digits)
{
	CHECK_STRING(printed(3.14159, 3), "3.14");
	CHECK_STRING(printed(-DBL_MAX, 17), "-1.7976931348623157e+308");
	CHECK_STRING(printed(0, 17), "0");
}

TEST(what_is_not_finite__has_one_text)
{
	CHECK_STRING(exact(NAN), "nan");
	CHECK_STRING(printed(-NAN, 5), "nan");
	CHECK_STRING(exact(INFINITY), "inf");
	CHECK_STRING(exact(-INFINITY), "-inf");
	CHECK(isnan(decimal_read("nan", NULL)));
	CHECK(decimal_read("-inf", NULL) == -INFINITY);
}

TEST(decimal_read__tells_where_the_number_ends)
{
	const char *text = " 1.5e2,7";
	char *end;
	CHECK(decimal_read(text, &end) == 150);
	CHECK_STRING(end, ",7");
	CHECK(decimal_read("none", &end) == 0);
	CHECK_STRING(end, "none");
}

/* Whichever of these is installed; none may be. */
static const char *const comma_locales[] = { "de_DE.UTF-8", "fr_FR.UTF-8", "nl_NL.UTF-8" };

TEST(the_programs_locale__changes_nothing)
{
	bool has_comma = false;
	for (size_t i = 0; i < sizeof(comma_locales) / sizeof(comma_locales[0]); i++)
		has_comma = has_comma || setlocale(LC_ALL, comma_locales[i]);
	CHECK_STRING(exact(0.5), "0.5");
	CHECK(decimal_read("0.5", NULL) == 0.5);
	if (has_comma) {
		char text[8];
		snprintf(text, sizeof(text), "%.1f", 0.5);
		CHECK_STRING(text, "0,5"); /* and the program's own numbers keep theirs */
	}
	setlocale(LC_ALL, "C");
}

int main(void)
{
	RUN(decimal_print_exact__is_the_shortest_that_reads_back);
	RUN(decimal_print__rounds_to_so_many_digits);
	RUN(what_is_not_finite__has_one_text);
	RUN(decimal_read__tells_where_the_number_ends);
	RUN(the_programs_locale__changes_nothing);
	return check_done();
}
