/* SPDX-License-Identifier: Apache-2.0 */
#include "store/point_summary.h"

#include "store/stored_value.h"

void point_summary_add(struct point_summary *summary, const struct store_point *point)
{
	mlm_metric_summary *sum = &summary->sum;
	if (sum->count == 0 || stored_is_later(point, &summary->last))
		summary->last = *point;
	sum->last = summary->last.value;
	sum->last_step = summary->last.step;
	sum->count++;
	if (isnan(point->value)) {
		sum->nan_count++;
		return;
	}
	bool is_first = sum->count == sum->nan_count + 1;
	if (is_first || point->value < sum->min ||
		(point->value == sum->min && point->step < sum->min_step)) {
		sum->min = point->value;
		sum->min_step = point->step;
	}
	if (is_first || point->value > sum->max ||
		(point->value == sum->max && point->step < sum->max_step)) {
		sum->max = point->value;
		sum->max_step = point->step;
	}
}
