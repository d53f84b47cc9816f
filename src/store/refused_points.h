/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_REFUSED_POINTS_H
#define STORE_REFUSED_POINTS_H

#include "store/store.h"

/** Tells of points that were left out: why is ENOTFOUND (there is no such run) or ESTATE (it is
 * deleted). refused may be NULL. */
void refused_points_tell(const struct store_series *series, size_t point_count, mlm_status why,
	store_refused_fn refused, void *payload);

#endif
