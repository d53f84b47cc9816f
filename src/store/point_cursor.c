/* SPDX-License-Identifier: Apache-2.0 */
#include "store/point_cursor.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

bool point_cursor_read(const struct store_cursor *cursor, struct stored_point *last_out)
{
	long long step, timestamp_ms;
	uint64_t bits;
	int is_nan, end = 0;
	if (sscanf(cursor->token, "%lld %lld %" SCNx64 " %d%n", &step, &timestamp_ms, &bits,
		    &is_nan, &end) != 4 ||
		cursor->token[end])
		return false;
	last_out->step = step;
	last_out->timestamp_ms = timestamp_ms;
	last_out->is_nan = is_nan != 0;
	memcpy(&last_out->stored, &bits, sizeof(bits));
	return true;
}

void point_cursor_write(struct store_cursor *cursor, const struct stored_point *last)
{
	uint64_t bits;
	memcpy(&bits, &last->stored, sizeof(bits));
	snprintf(cursor->token, sizeof(cursor->token), "%lld %lld %" PRIx64 " %d",
		(long long)last->step, (long long)last->timestamp_ms, bits, (int)last->is_nan);
}
