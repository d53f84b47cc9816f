/* SPDX-License-Identifier: Apache-2.0 */
#include "base/curve.h"

#include <math.h>

#include "check.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static bool is_near(double value, double expected)
{
	return fabs(value - expected) <= 1e-12 * fmax(1, fabs(expected));
}

TEST(curve_range__leaves_out_what_the_axes_have_no_place_for)
{
	double x[] = { -1, 0, 1, 2, 3, 4, NAN };
	double y[] = { 5, 7, NAN, INFINITY, -INFINITY, -2, 1 };
	struct curve curve = { COUNT(x), x, y };
	struct curve_range linear = curve_range(&curve, false, false);

	CHECK_INT(linear.shown, 3);
	CHECK_INT(linear.nan, 2);
	CHECK_INT(linear.positive_infinite, 1);
	CHECK_INT(linear.negative_infinite, 1);
	CHECK_INT(linear.not_positive, 0);
	CHECK(linear.x_min == -1 && linear.x_max == 4);
	CHECK(linear.y_min == -2 && linear.y_max == 7);

	struct curve_range log_y = curve_range(&curve, false, true);
	CHECK_INT(log_y.shown, 2);
	CHECK_INT(log_y.not_positive, 1);
	CHECK(log_y.y_min == 5);

	struct curve_range both = curve_range(&curve, true, true);
	CHECK_INT(both.shown, 0);
	CHECK_INT(both.not_positive, 3);
	CHECK(both.x_min == 0 && both.y_max == 0);
}

TEST(curve_sort__keeps_equal_x_in_order)
{
	double x[] = { 2, NAN, 1, 2, 0 }, y[] = { 1, 2, 3, 4, 5 };
	static const double sorted_y[] = { 5, 3, 1, 4, 2 };
	struct curve curve = { COUNT(x), x, y };

	CHECK(!curve_is_sorted(&curve));
	CHECK(curve_sort(&curve));
	for (size_t i = 0; i < COUNT(y); i++)
		CHECK(y[i] == sorted_y[i]);
	curve.count = 4;
	CHECK(curve_is_sorted(&curve));
	curve.count = 0;
	CHECK(curve_sort(&curve) && curve_is_sorted(&curve));
}

/* pandas.Series([1, 2, 6, 3]).ewm(span=3).mean() */
TEST(curve_smooth_ema__is_that_of_pandas_for_even_spacing)
{
	double x[] = { 0, 10, 20, 30 }, y[] = { 1, 2, 6, 3 }, out[4];
	static const double expected[] = { 1, 5.0 / 3, 29.0 / 7, 53.0 / 15 };
	struct curve curve = { 4, x, y };

	curve_smooth_ema(&curve, 3, out);
	for (size_t i = 0; i < 4; i++)
		CHECK(is_near(out[i], expected[i]));
}

TEST(curve_smooth_ema__forgets_by_distance)
{
	/* The mean spacing is 1, so that the last lies two of it behind the others. */
	double x[] = { 0, 0, 1, 3 }, y[] = { 0, 0, 0, 1 }, out[4];
	struct curve curve = { 4, x, y };

	curve_smooth_ema(&curve, 3, out);
	double before = (0.5 + 0.5 + 1) * 0.25;
	CHECK(is_near(out[3], 1 / (before + 1)));
}

TEST(curve_smooth__keeps_a_constant_and_what_is_not_finite)
{
	double x[100], y[100], out[100];
	struct curve curve = { 100, x, y };

	for (int i = 0; i < 100; i++) {
		x[i] = i;
		y[i] = i == 50 ? NAN : i == 60 ? INFINITY : 0.1;
	}
	for (int kernel = 0; kernel < 2; kernel++) {
		if (kernel == 0)
			curve_smooth_ema(&curve, 7, out);
		else
			curve_smooth_mean(&curve, 7, out);
		CHECK(isnan(out[50]));
		CHECK(isinf(out[60]));
		for (int i = 0; i < 100; i++)
			CHECK(i == 50 || i == 60 || out[i] == 0.1);
	}
}

TEST(curve_smooth_mean__shrinks_on_both_sides_at_the_ends)
{
	double x[] = { 1, 2, 3, 4, 5 }, y[] = { 1, 2, 6, 3, 8 }, out[5];
	static const double of_3[] = { 1, 3, 11.0 / 3, 17.0 / 3, 8 };
	static const double of_all[] = { 1, 3, 4, 17.0 / 3, 8 };
	struct curve curve = { 5, x, y };

	curve_smooth_mean(&curve, 3, out);
	for (size_t i = 0; i < 5; i++)
		CHECK(is_near(out[i], of_3[i]));
	curve_smooth_mean(&curve, 1000, out);
	for (size_t i = 0; i < 5; i++)
		CHECK(is_near(out[i], of_all[i]));
	curve_smooth_mean(&curve, 1, out);
	for (size_t i = 0; i < 5; i++)
		CHECK(out[i] == y[i]);
}

TEST(curve_quantiles__are_those_of_what_is_finite)
{
	double x[201], y[201], low = 0, high = 0;
	struct curve curve = { 201, x, y };

	/* 0 … 199 in some order, and an infinity. */
	for (int i = 0; i < 200; i++) {
		x[i] = i;
		y[i] = i * 37 % 200;
	}
	x[200] = 200;
	y[200] = -INFINITY;
	CHECK(curve_quantiles(&curve, false, 0.01, 0.99, &low, &high));
	CHECK(low == 2 && high == 197);
	CHECK(curve_quantiles(&curve, false, 0, 1, &low, &high));
	CHECK(low == 0 && high == 199);
	CHECK(curve_quantiles(&curve, true, 0, 0.5, &low, &high));
	CHECK(low == 1 && high == 100);
	for (int i = 0; i < 201; i++)
		y[i] = 3;
	CHECK(curve_quantiles(&curve, false, 0.01, 0.99, &low, &high));
	CHECK(low == 3 && high == 3);
	y[0] = NAN;
	curve.count = 1;
	CHECK(!curve_quantiles(&curve, false, 0, 1, &low, &high));
}

int main(void)
{
	RUN(curve_range__leaves_out_what_the_axes_have_no_place_for);
	RUN(curve_sort__keeps_equal_x_in_order);
	RUN(curve_smooth_ema__is_that_of_pandas_for_even_spacing);
	RUN(curve_smooth_ema__forgets_by_distance);
	RUN(curve_smooth__keeps_a_constant_and_what_is_not_finite);
	RUN(curve_smooth_mean__shrinks_on_both_sides_at_the_ends);
	RUN(curve_quantiles__are_those_of_what_is_finite);
	return check_done();
}
