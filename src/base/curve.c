/* SPDX-License-Identifier: Apache-2.0 */
#include "base/curve.h"

#include <math.h>
#include <stdlib.h>

static void count_odd(struct curve_range *range, double x, double y)
{
	if (isnan(x) || isnan(y))
		range->nan++;
	else if (isinf(y) ? y > 0 : isinf(x) && x > 0)
		range->positive_infinite++;
	else if (isinf(y) || isinf(x))
		range->negative_infinite++;
	else
		range->not_positive++;
}

struct curve_range curve_range(const struct curve *curve, bool log_x, bool log_y)
{
	struct curve_range range = {
		.x_min = INFINITY, .x_max = -INFINITY, .y_min = INFINITY, .y_max = -INFINITY
	};

	for (size_t i = 0; i < curve->count; i++) {
		double x = curve->x[i], y = curve->y[i];

		if (!isfinite(x) || !isfinite(y) || (log_x && x <= 0) || (log_y && y <= 0)) {
			count_odd(&range, x, y);
			continue;
		}
		range.shown++;
		range.x_min = x < range.x_min ? x : range.x_min;
		range.x_max = x > range.x_max ? x : range.x_max;
		range.y_min = y < range.y_min ? y : range.y_min;
		range.y_max = y > range.y_max ? y : range.y_max;
	}
	if (range.shown == 0)
		range.x_min = range.x_max = range.y_min = range.y_max = 0;
	return range;
}

bool curve_is_sorted(const struct curve *curve)
{
	for (size_t i = 1; i < curve->count; i++) {
		if (!(curve->x[i] >= curve->x[i - 1]))
			return false;
	}
	return true;
}

struct point {
	double x;
	double y;
	size_t place;
};

static int by_x(const void *left, const void *right)
{
	const struct point *a = left, *b = right;

	if (isnan(a->x) != isnan(b->x))
		return isnan(a->x) ? 1 : -1;
	if (a->x != b->x && !isnan(a->x))
		return a->x < b->x ? -1 : 1;
	return a->place < b->place ? -1 : a->place > b->place;
}

bool curve_sort(struct curve *curve)
{
	struct point *points;

	if (curve->count < 2)
		return true;
	points = calloc(curve->count, sizeof(*points));
	if (!points)
		return false;
	for (size_t i = 0; i < curve->count; i++)
		points[i] = (struct point){ curve->x[i], curve->y[i], i };
	qsort(points, curve->count, sizeof(*points), by_x);
	for (size_t i = 0; i < curve->count; i++) {
		curve->x[i] = points[i].x;
		curve->y[i] = points[i].y;
	}
	free(points);
	return true;
}

/* The first finite value: sums of differences from it keep a constant curve constant. */
static double reference(const struct curve *curve)
{
	for (size_t i = 0; i < curve->count; i++) {
		if (isfinite(curve->y[i]))
			return curve->y[i];
	}
	return 0;
}

static double mean_spacing(const struct curve *curve)
{
	struct curve_range range = curve_range(curve, false, false);

	return range.shown > 1 ? (range.x_max - range.x_min) / (double)(range.shown - 1) : 0;
}

void curve_smooth_ema(const struct curve *curve, double span, double *y_out)
{
	double keep = (span - 1) / (span + 1), spacing = mean_spacing(curve);
	double sum = 0, weight = 0, zero = reference(curve), before = 0;

	for (size_t i = 0; i < curve->count; i++) {
		double x = curve->x[i], y = curve->y[i];

		y_out[i] = y;
		if (!isfinite(x) || !isfinite(y))
			continue;
		if (weight > 0) {
			double steps = spacing > 0 ? fabs(x - before) / spacing : 1;
			double decay = steps == 1 ? keep : pow(keep, steps);

			sum *= decay;
			weight *= decay;
		}
		sum += y - zero;
		weight += 1;
		before = x;
		y_out[i] = zero + sum / weight;
	}
}

/* A window's sum of what is finite. A long double, so that a million additions leave no trace. */
struct window {
	long double sum;
	size_t count;
	double zero;
};

static void window_add(struct window *window, double y, int sign)
{
	if (!isfinite(y))
		return;
	window->sum += sign * ((long double)y - window->zero);
	window->count += (size_t)sign;
}

void curve_smooth_mean(const struct curve *curve, size_t window_size, double *y_out)
{
	struct window window = { .zero = reference(curve) };
	size_t half = window_size / 2, first = 0, end = 0; /* the window is first … end - 1 */

	for (size_t i = 0; i < curve->count; i++) {
		size_t reach = half < i ? half : i;

		if (reach > curve->count - 1 - i)
			reach = curve->count - 1 - i;
		while (end < i + reach + 1)
			window_add(&window, curve->y[end++], 1);
		while (first < i - reach)
			window_add(&window, curve->y[first++], -1);
		y_out[i] = isfinite(curve->y[i]) ? (double)(window.zero + window.sum / window.count)
						 : curve->y[i];
	}
}

static void swap(double *a, double *b)
{
	double before = *a;

	*a = *b;
	*b = before;
}

/* The value that would stand at rank if values were sorted; orders them only around it. */
static double select_rank(double *values, size_t count, size_t rank)
{
	size_t low = 0, high = count - 1;

	while (low < high) {
		double pivot = values[low + (high - low) / 2];
		size_t i = low, j = high;

		/* Hoare's partition, with unsigned indices that never leave low … high. */
		for (;;) {
			while (values[i] < pivot)
				i++;
			while (values[j] > pivot)
				j--;
			if (i >= j)
				break;
			swap(&values[i++], &values[j--]);
		}
		if (rank <= j && j < high)
			high = j;
		else if (rank > j)
			low = j + 1;
		else
			high = j;
	}
	return values[rank];
}

bool curve_quantiles(const struct curve *curve, bool log_y, double low, double high,
	double *low_out, double *high_out)
{
	size_t count = 0;
	double *values = malloc((curve->count + 1) * sizeof(*values));

	if (!values)
		return false;
	for (size_t i = 0; i < curve->count; i++) {
		if (isfinite(curve->y[i]) && !(log_y && curve->y[i] <= 0))
			values[count++] = curve->y[i];
	}
	if (count > 0) {
		*low_out = select_rank(values, count, (size_t)ceil(low * (double)(count - 1)));
		*high_out = select_rank(values, count, (size_t)(high * (double)(count - 1)));
	}
	free(values);
	return count > 0;
}
