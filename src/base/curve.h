/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_CURVE_H
#define BASE_CURVE_H

#include <stdbool.h>
#include <stddef.h>

/* Points of one series, in the order in which a line connects them. */
struct curve {
	size_t count;
	double *x;
	double *y;
};

/* What axes can show of a curve. On a logarithmic axis, values of 0 or less have no place. */
struct curve_range {
	size_t shown; /* points with a place on both axes; without one, the limits are 0 */
	size_t nan;
	size_t positive_infinite;
	size_t negative_infinite;
	size_t not_positive; /* finite, and 0 or less on a logarithmic axis */
	double x_min, x_max;
	double y_min, y_max;
};

struct curve_range curve_range(const struct curve *curve, bool log_x, bool log_y);

/** Whether x never falls; NaN does not. */
bool curve_is_sorted(const struct curve *curve);

/** Orders the points by x, equal ones as they were and NaN last. False when memory ran out. */
bool curve_sort(struct curve *curve);

/**
 * Writes to y_out, as long as y, an exponential moving average whose weights fall with the distance
 * in x: for evenly spaced points, that of pandas' ewm(span). It starts at the first value, without
 * a pull to 0. span is 1 or more, in points of mean spacing. Points that are not finite stay.
 */
void curve_smooth_ema(const struct curve *curve, double span, double *y_out);

/**
 * Writes to y_out the mean of the window's points around each; towards the ends the window shrinks
 * on both sides, so that it never leans. An even window counts as the next odd one. Points that are
 * not finite stay, and no mean takes them in.
 */
void curve_smooth_mean(const struct curve *curve, size_t window, double *y_out);

/**
 * Of the finite y, in log_y of the positive ones: the least that has the share low (0 to 1) of them
 * below it, and the greatest that has 1 - high above it. For a few points, the first may be greater
 * than the second. False without any, or when memory ran out.
 */
bool curve_quantiles(const struct curve *curve, bool log_y, double low, double high,
	double *low_out, double *high_out);

#endif
