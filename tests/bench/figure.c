/* SPDX-License-Identifier: Apache-2.0 */
#include "figure.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

void figure_print(const char *name, const char *unit, double ours, double raw, const char *raw_name,
	const char *bar)
{
	printf("figure\t%s\t%s\t%.6g\t%.6g\t%s\t%s\n", name, unit, ours, raw, raw_name, bar);
	fflush(stdout);
}

void figure_note(const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	printf("note\t");
	vprintf(format, arguments);
	printf("\n");
	va_end(arguments);
	fflush(stdout);
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a;
	double y = *(const double *)b;
	return (x > y) - (x < y);
}

double figure_median(double *values, size_t count)
{
	qsort(values, count, sizeof(*values), by_value);
	return values[count / 2];
}

static int by_count(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a;
	uint32_t y = *(const uint32_t *)b;
	return (x > y) - (x < y);
}

uint32_t figure_quantile(uint32_t *values, size_t count, double share)
{
	qsort(values, count, sizeof(*values), by_count);
	size_t index = (size_t)((double)count * share);
	return values[index < count ? index : count - 1];
}

double figure_seconds(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

void figure_sleep_us(int64_t microseconds)
{
	struct timespec pause = { microseconds / 1000000, microseconds % 1000000 * 1000 };
	nanosleep(&pause, NULL);
}
