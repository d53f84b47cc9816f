/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_POINT_SUMMARY_H
#define STORE_POINT_SUMMARY_H

#include "store/store.h"

/* What points come to, one after the other in any order. Begins as zeroes. */
struct point_summary {
	mlm_metric_summary sum;
	struct store_point last;
};

void point_summary_add(struct point_summary *summary, const struct store_point *point);

#endif
