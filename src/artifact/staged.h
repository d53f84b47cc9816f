/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARTIFACT_STAGED_H
#define ARTIFACT_STAGED_H

/*
 * The artifacts of a run whose tracking server may be away: an artifact store before which some
 * wait (store/staging.h). A put goes through, unless the place is not known, is away, or something
 * of the run waits already; then the bytes are copied to a file beside the server's queue, and the
 * put is done. artifact/staged_delivery.h sends them.
 *
 * Reading sees both, and what waits first. While the place cannot be asked, it sees what waits and
 * nothing else.
 */

#include "artifact/artifact.h"

/* How long a put tries to reach a place before it stages. */
#define STAGED_TRY_MS 10000u

struct staged_place {
	const char *run_id; /* either id */
	/* What the tracking store has said of the run's artifact_uri; "" when it has not. */
	const char *uri;
	/* It could not be asked: why. NULL where it was, also when it says that the run waits. */
	const mlm_error *away;
};

/** options->tracking is that of a spool, whose directory is where artifacts wait; options->uri is
 * not looked at. Errors: as artifact_open(). */
mlm_status staged_open(const struct artifact_options *options, const struct staged_place *place,
	struct artifact_store **store_out, mlm_error *err);

/** Whether artifacts at that URI are reached through the tracking server. */
bool staged_needs_server(const char *uri);

#endif
