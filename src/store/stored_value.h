/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_STORED_VALUE_H
#define STORE_STORED_VALUE_H

/* MLflow's two rules about points, for the stores that keep its columns themselves. */

#include <float.h>
#include <math.h>

#include "store/store.h"

/** What the value column holds: it has no NaN, which is 0 with is_nan, and bounds infinities. */
static inline double stored_value(double value, bool *is_nan_out)
{
	*is_nan_out = isnan(value) != 0;
	if (*is_nan_out)
		return 0;
	if (isinf(value))
		return value > 0 ? DBL_MAX : -DBL_MAX;
	return value;
}

/** The latest point is the greatest (step, timestamp, value), not the last one written. */
static inline bool stored_is_later(const struct store_point *a, const struct store_point *b)
{
	bool is_nan;
	if (a->step != b->step)
		return a->step > b->step;
	if (a->timestamp_ms != b->timestamp_ms)
		return a->timestamp_ms > b->timestamp_ms;
	return stored_value(a->value, &is_nan) > stored_value(b->value, &is_nan);
}

#endif
