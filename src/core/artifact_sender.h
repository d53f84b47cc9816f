/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_ARTIFACT_SENDER_H
#define CORE_ARTIFACT_SENDER_H

/* One background thread that sends the artifacts that wait for a tracking server, of any run, once
 * it has them (artifact/staged_delivery.h). A thread of its own: a file may take minutes, and the
 * journal is drained meanwhile. */

#include "artifact/staged_delivery.h"

struct artifact_sender;

struct artifact_sender_options {
	struct artifact_options artifacts; /* as staged_delivery_open() wants them */
	staged_event_fn report; /* on the thread */
	void *payload;
};

/** Errors: EAGAIN (no thread), EINVAL, ENOMEM.
 * Owns: *sender_out goes to artifact_sender_close(). */
mlm_status artifact_sender_open(const struct artifact_sender_options *options,
	struct artifact_sender **sender_out, mlm_error *err);

/** Waits until no artifact waits any more. Errors: ETIMEOUT, with the reason why one still does. */
mlm_status artifact_sender_wait(
	struct artifact_sender *sender, uint32_t timeout_ms, mlm_error *err);

/** Stops at once: what is on its way goes on waiting. NULL is a no-op. */
void artifact_sender_close(struct artifact_sender *sender);

#endif
