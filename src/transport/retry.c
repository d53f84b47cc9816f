/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/retry.h"

#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"

void retry_begin(struct retry *retry, uint32_t total_ms)
{
	*retry = (struct retry){ .total_ms = total_ms, .started_ns = clock_monotonic_ns() };
	/* Processes that a server's end has hit together shall not come back together. */
	retry->random = (uint64_t)retry->started_ns ^ ((uint64_t)getpid() << 32) ^ (uintptr_t)retry;
}

/* xorshift64: spreads, secures nothing. */
static uint64_t next_random(struct retry *retry)
{
	uint64_t x = retry->random | 1;
	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return retry->random = x;
}

bool retry_is_passing(int http_status)
{
	switch (http_status) {
	case 408:
	case 429:
	case 500:
	case 502:
	case 503:
	case 504:
		return true;
	default:
		return false;
	}
}

static bool may_repeat(
	const struct http_request *request, mlm_status status, const struct http_answer *answer)
{
	if (status != MLM_OK && status != MLM_EAGAIN && status != MLM_ETIMEOUT)
		return false;
	if (status == MLM_OK && !retry_is_passing(answer->status))
		return false;
	if (request->source && !request->source->rewind && answer->was_sent)
		return false;
	if (!request->is_once)
		return true;
	/* Those two refuse before they look. */
	return status == MLM_OK ? answer->status == 429 || answer->status == 503
				: !answer->was_sent;
}

bool retry_again(struct retry *retry, const struct http_request *request, mlm_status status,
	const struct http_answer *answer, uint32_t *wait_ms_out)
{
	*wait_ms_out = 0;
	if (!may_repeat(request, status, answer))
		return false;
	uint32_t shift = retry->tries < 16 ? retry->tries : 16;
	uint64_t wait_ms = (uint64_t)RETRY_WAIT_MS_FIRST << shift;
	if (wait_ms > RETRY_WAIT_MS_MAX)
		wait_ms = RETRY_WAIT_MS_MAX;
	wait_ms = wait_ms / 2 + next_random(retry) % (wait_ms / 2 + 1);
	if (wait_ms < answer->retry_after_ms)
		wait_ms = answer->retry_after_ms;
	int64_t spent_ms = (clock_monotonic_ns() - retry->started_ns) / 1000000;
	if (spent_ms + (int64_t)wait_ms > (int64_t)retry->total_ms)
		return false;
	retry->tries++;
	*wait_ms_out = (uint32_t)wait_ms;
	return true;
}

static mlm_status begin_again(const struct http_request *request, mlm_error *err)
{
	mlm_status status = MLM_OK;
	if (request->source && request->source->rewind)
		status = request->source->rewind(request->source->payload, err);
	if (status == MLM_OK && request->sink && request->sink->restart)
		status = request->sink->restart(request->sink->payload, err);
	return status;
}

mlm_status retry_send(struct http_client *client, const struct http_request *request,
	uint32_t total_ms, retry_final_fn is_final, struct http_answer *answer_out, mlm_error *err)
{
	struct retry retry;
	uint32_t wait_ms;
	retry_begin(&retry, total_ms);
	for (;;) {
		mlm_error why = MLM_ERROR_INIT;
		mlm_status status = http_send(client, request, answer_out, &why);
		answer_out->tries = retry.tries + 1;
		bool is_over = status == MLM_OK && is_final && is_final(answer_out);
		if (!is_over && retry_again(&retry, request, status, answer_out, &wait_ms) &&
			http_client_wait(client, wait_ms)) {
			status = begin_again(request, &why);
			if (status == MLM_OK)
				continue;
		}
		if (status != MLM_OK && err)
			*err = why;
		return status;
	}
}
