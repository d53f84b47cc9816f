/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARTIFACT_STAGED_DELIVERY_H
#define ARTIFACT_STAGED_DELIVERY_H

/*
 * Sends what artifact/staged.h has put off, once the tracking server has made the run: run by run
 * and each in order, under a lock that one process at a time holds. A file is removed once its
 * place has acknowledged it, and a put may be made twice without harm, so a kill at any point loses
 * and doubles nothing. What a place will never take stays in its file, which is told.
 *
 * Threads: one at a time, but for staged_delivery_interrupt().
 */

#include "artifact/artifact.h"

struct staged_delivery;

#define STAGED_DELIVER_TRY_MS 5000u /* how long a request of a delivery is tried again */

enum staged_event_kind {
	STAGED_SENDING = 1, /* some of the artifact's bytes have been read to be sent */
	STAGED_SENT = 2, /* its place has it */
	STAGED_REFUSED = 3, /* its place will never take it: its file is kept */
	STAGED_LEFT = 4, /* it, or with path "" all that is left of the run, goes on waiting */
	STAGED_RUN_SENT = 5, /* nothing of the run waits any more */
};

/* Strings are borrowed for the call. */
struct staged_event {
	enum staged_event_kind kind;
	const char *run_id; /* as it began */
	const char *server_id;
	const char *path; /* of the artifact, else "" */
	const char *file; /* where its bytes lie; "" where there is no such file */
	uint64_t done_bytes; /* SENDING */
	int64_t size_bytes;
	const mlm_error *why; /* REFUSED, LEFT */
	bool is_first; /* LEFT: of this run, of which nothing else has been told to wait */
	bool was_refused; /* REFUSED: by an earlier delivery */
};

/* False ends the delivery. */
typedef bool (*staged_event_fn)(void *payload, const struct staged_event *event);

/** options->tracking is that of a spool, and is borrowed, as tracking_ops, until the delivery is
 * closed; options->uri is not looked at. Opens nothing. Errors: as staging_open().
 * Owns: *delivery_out goes to staged_delivery_close(). */
mlm_status staged_delivery_open(const struct artifact_options *options,
	struct staged_delivery **delivery_out, mlm_error *err);
/** NULL is a no-op. */
void staged_delivery_close(struct staged_delivery *delivery);

/** Sends what waits of runs that the server has; of the others it says nothing. Also cleans up
 * after processes that were killed while they staged. report may be NULL.
 *
 * Errors:  EAGAIN: something goes on waiting, or, with *is_taken_out true, another process is
 *          sending; ESTATE: report has ended it; EIO, EFULL, ECORRUPT, ENOMEM: of the queue. */
mlm_status staged_delivery_run(struct staged_delivery *delivery, staged_event_fn report,
	void *payload, bool *is_taken_out, mlm_error *err);

/** Tells what earlier deliveries were refused, as long as the files are there. Errors: ESTATE:
 * report has ended it; EIO, EAGAIN, ECORRUPT, ENOMEM: of the queue. */
mlm_status staged_delivery_tell_refused(
	struct staged_delivery *delivery, staged_event_fn report, void *payload, mlm_error *err);

/** How much waits of a run, by either id, NULL: of all; 0 also where that cannot be told. */
void staged_delivery_count(struct staged_delivery *delivery, const char *run_id, size_t *count_out,
	uint64_t *bytes_out);

/** From any thread: what is being sent goes on waiting, and so does everything from now on. */
void staged_delivery_interrupt(struct staged_delivery *delivery);

#endif
