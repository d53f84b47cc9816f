/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TRANSPORT_RETRY_H
#define TRANSPORT_RETRY_H

/* When a request is sent again: after failures and answers that say "not now", each time after a
 * longer wait, for as long as the caller has. */

#include "transport/http.h"

#define RETRY_WAIT_MS_FIRST 100u
#define RETRY_WAIT_MS_MAX   10000u

struct retry {
	uint32_t total_ms; /* no try begins later than this after the first; 0: there is one try */
	int64_t started_ns;
	uint32_t tries;
	uint64_t random; /* state of the jitter */
};

/** Begins a series of tries. */
void retry_begin(struct retry *retry, uint32_t total_ms);

/**
 * Whether to try again after this outcome, and after which wait: half to all of RETRY_WAIT_MS_FIRST
 * doubled each time up to RETRY_WAIT_MS_MAX, or what the peer asks for, if that is longer.
 * False for what another try cannot mend, or when the time is over. A request that must be seen
 * once is tried again only where the peer surely did nothing.
 */
bool retry_again(struct retry *retry, const struct http_request *request, mlm_status status,
	const struct http_answer *answer, uint32_t *wait_ms_out);

/** Whether an answer of that HTTP status says that the same request may be taken later: 408, 429,
 * 500, 502, 503 and 504. */
bool retry_is_passing(int http_status);

/** Whether an answer, of whatever status, is not to be asked for again. */
typedef bool (*retry_final_fn)(const struct http_answer *answer);

/**
 * http_send() until it works out or total_ms are over; the last outcome is handed back, with the
 * number of tries.
 *
 * Errors:  as http_send(); EAGAIN when the client is interrupted or the patience over.
 * Shape:   is_final NULL: the status alone decides.
 */
mlm_status retry_send(struct http_client *client, const struct http_request *request,
	uint32_t total_ms, retry_final_fn is_final, struct http_answer *answer_out, mlm_error *err);

#endif
