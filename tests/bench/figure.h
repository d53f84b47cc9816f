/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_FIGURE_H
#define BENCH_FIGURE_H

/* A figure is one line on standard output, its fields parted by tabs; table.lua makes the table of
 * them and judges. */

#include <stddef.h>
#include <stdint.h>

/**
 * Prints one figure beside its raw limit. bar is a Lua condition over ours, raw and ratio
 * (ours / raw), "" where there is none. raw NAN: there is no limit beside it.
 */
void figure_print(const char *name, const char *unit, double ours, double raw, const char *raw_name,
	const char *bar);

/** A line below the last figure. */
__attribute__((format(printf, 1, 2))) void figure_note(const char *format, ...);

/** Sorts values and returns the middle one. */
double figure_median(double *values, size_t count);
/** The value that a share of all lies at or below; sorts. share is 0..1. */
uint32_t figure_quantile(uint32_t *values, size_t count, double share);

/* One way of waiting and one clock for all. */
double figure_seconds(void);
void figure_sleep_us(int64_t microseconds);

#endif
