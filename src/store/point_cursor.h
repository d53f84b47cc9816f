/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_POINT_CURSOR_H
#define STORE_POINT_CURSOR_H

/* Where a page of points ended, for SQL stores: they give them by (step, timestamp,
 * value, is_nan). */

#include "store/store.h"

struct stored_point {
	int64_t timestamp_ms;
	int64_t step;
	double stored; /* as the column has it: 0 for NaN */
	bool is_nan;
};

/** False for a token that no page ended with. */
bool point_cursor_read(const struct store_cursor *cursor, struct stored_point *last_out);
void point_cursor_write(struct store_cursor *cursor, const struct stored_point *last);

#endif
