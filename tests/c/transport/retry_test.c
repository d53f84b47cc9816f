/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/retry.h"

#include "base/clock.h"
#include "fake_peer.h"

static mlm_error err = MLM_ERROR_INIT;

static struct http_client *new_client(void)
{
	struct http_client *client;
	MUST(http_client_new(NULL, &client, &err));
	return client;
}

TEST(retry_again__waits_longer_each_time_up_to_its_ceiling)
{
	const struct http_request request = { .method = "GET" };
	const struct http_answer answer = { .status = 503 };
	struct retry retry;
	uint32_t wait_ms = 0;
	retry_begin(&retry, UINT32_MAX);
	for (uint32_t i = 0; i < 40; i++) {
		uint64_t most_ms = i < 7 ? (uint64_t)RETRY_WAIT_MS_FIRST << i : RETRY_WAIT_MS_MAX;
		if (most_ms > RETRY_WAIT_MS_MAX)
			most_ms = RETRY_WAIT_MS_MAX;
		CHECK(retry_again(&retry, &request, MLM_OK, &answer, &wait_ms));
		CHECK(wait_ms >= most_ms / 2 && wait_ms <= most_ms);
	}
}

TEST(retry_again__follows_retry_after_and_ends_with_the_time)
{
	const struct http_request request = { .method = "GET" };
	const struct http_answer answer = { .status = 429, .retry_after_ms = 5000 };
	struct retry retry;
	uint32_t wait_ms = 0;
	retry_begin(&retry, 6000);
	CHECK(retry_again(&retry, &request, MLM_OK, &answer, &wait_ms));
	CHECK_INT(wait_ms, 5000);
	retry_begin(&retry, 4000);
	CHECK(!retry_again(&retry, &request, MLM_OK, &answer, &wait_ms));
	retry_begin(&retry, 0);
	CHECK(!retry_again(&retry, &request, MLM_EAGAIN, &answer, &wait_ms));
}

TEST(retry_again__only_what_another_try_can_mend)
{
	static const int passing[] = { 408, 429, 500, 502, 503, 504 };
	static const int final[] = { 200, 301, 400, 401, 403, 404, 409, 413, 501 };
	const struct http_request request = { .method = "GET" };
	struct http_answer answer = { .was_sent = true };
	struct retry retry;
	uint32_t wait_ms;
	retry_begin(&retry, UINT32_MAX);
	for (size_t i = 0; i < sizeof(passing) / sizeof(passing[0]); i++) {
		answer.status = passing[i];
		CHECK(retry_again(&retry, &request, MLM_OK, &answer, &wait_ms));
	}
	for (size_t i = 0; i < sizeof(final) / sizeof(final[0]); i++) {
		answer.status = final[i];
		CHECK(!retry_again(&retry, &request, MLM_OK, &answer, &wait_ms));
	}
	CHECK(retry_again(&retry, &request, MLM_EAGAIN, &answer, &wait_ms));
	CHECK(retry_again(&retry, &request, MLM_ETIMEOUT, &answer, &wait_ms));
	CHECK(!retry_again(&retry, &request, MLM_EPEER, &answer, &wait_ms));
	CHECK(!retry_again(&retry, &request, MLM_EIO, &answer, &wait_ms));
}

TEST(retry_again__what_must_be_seen_once_only_where_the_peer_did_nothing)
{
	const struct http_request request = { .method = "POST", .is_once = true };
	const struct http_answer refused = { 0 }, cut = { .was_sent = true },
				 busy = { .status = 429, .was_sent = true },
				 broken = { .status = 500, .was_sent = true };
	struct retry retry;
	uint32_t wait_ms;
	retry_begin(&retry, UINT32_MAX);
	CHECK(retry_again(&retry, &request, MLM_EAGAIN, &refused, &wait_ms));
	CHECK(!retry_again(&retry, &request, MLM_EAGAIN, &cut, &wait_ms));
	CHECK(retry_again(&retry, &request, MLM_OK, &busy, &wait_ms));
	CHECK(!retry_again(&retry, &request, MLM_OK, &broken, &wait_ms));
}

/* ---- whole series ---- */

struct body {
	size_t at;
	int restarts;
};

static mlm_status read_body(
	void *payload, void *bytes, size_t size, size_t *got_out, mlm_error *why)
{
	struct body *body = payload;
	(void)why;
	size_t got = 5 - body->at < size ? 5 - body->at : size;
	memcpy(bytes, "bytes" + body->at, got);
	body->at += got;
	*got_out = got;
	return MLM_OK;
}

static mlm_status rewind_body(void *payload, mlm_error *why)
{
	struct body *body = payload;
	(void)why;
	body->at = 0;
	body->restarts++;
	return MLM_OK;
}

static mlm_status write_body(void *payload, const void *bytes, size_t size, mlm_error *why)
{
	struct body *body = payload;
	(void)bytes;
	(void)why;
	body->at += size;
	return MLM_OK;
}

TEST(retry_send__sends_a_streamed_body_again_from_its_beginning)
{
	static const struct fake_turn turns[] = { { .cuts_early = true }, { .status = "503 Busy" },
		{ .body = "ok" } };
	struct fake_peer peer;
	struct http_answer answer;
	struct body body = { 0 };
	const struct http_source source = { read_body, rewind_body, &body, 5 };
	fake_peer_start(&peer, turns, 3);
	struct http_client *client = new_client();
	const struct http_request request = { .method = "PUT", .url = peer.url, .source = &source };
	MUST(retry_send(client, &request, 60000, NULL, &answer, &err));
	CHECK_INT(answer.status, 200);
	CHECK_INT(answer.tries, 3);
	CHECK_INT(body.restarts, 2);
	CHECK_CONTAINS(fake_peer_request(&peer, 2), "\r\n\r\nbytes");
	http_client_free(client);
	fake_peer_stop(&peer);
}

TEST(retry_send__begins_a_sink_again_after_a_cut)
{
	static const struct fake_turn turns[] = {
		{ .body = "half", .promises = true, .cuts = true }, { .body = "whole" }
	};
	struct fake_peer peer;
	struct http_answer answer;
	struct body body = { 0 };
	const struct http_sink sink = { write_body, rewind_body, &body };
	fake_peer_start(&peer, turns, 2);
	struct http_client *client = new_client();
	const struct http_request request = { .method = "GET", .url = peer.url, .sink = &sink };
	MUST(retry_send(client, &request, 60000, NULL, &answer, &err));
	CHECK_INT(body.at, 5);
	CHECK_INT(body.restarts, 1);
	http_client_free(client);
	fake_peer_stop(&peer);
}

TEST(retry_send__hands_back_the_last_outcome)
{
	static const struct fake_turn turns[] = { { .status = "500 Oops", .body = "first" },
		{ .status = "502 Oops", .body = "last" } };
	struct fake_peer peer;
	struct http_answer answer;
	fake_peer_start(&peer, turns, 2);
	struct http_client *client = new_client();
	const struct http_request request = { .method = "GET", .url = peer.url };
	MUST(retry_send(client, &request, 1000, NULL, &answer, &err));
	CHECK_INT(answer.status, 502);
	CHECK_STRING(answer.body, "last");
	fake_peer_halt(&peer);
	CHECK_STATUS(retry_send(client, &request, 0, NULL, &answer, &err), MLM_EAGAIN);
	http_client_free(client);
	fake_peer_stop(&peer);
}

static bool is_final(const struct http_answer *answer)
{
	return strstr(answer->body, "never") != NULL;
}

TEST(retry_send__ends_with_an_answer_that_is_said_to_be_final)
{
	static const struct fake_turn turns[] = { { .status = "500 Oops", .body = "perhaps" },
		{ .status = "500 Oops", .body = "never" }, { .body = "ok" } };
	struct fake_peer peer;
	struct http_answer answer;
	fake_peer_start(&peer, turns, 3);
	struct http_client *client = new_client();
	const struct http_request request = { .method = "GET", .url = peer.url };
	MUST(retry_send(client, &request, 60000, is_final, &answer, &err));
	CHECK_STRING(answer.body, "never");
	CHECK_INT(answer.tries, 2);
	http_client_free(client);
	fake_peer_stop(&peer);
}

static void *interrupt_soon(void *client)
{
	usleep(50000);
	http_client_interrupt(client);
	return NULL;
}

TEST(retry_send__does_not_wait_out_a_pause_when_interrupted)
{
	static const struct fake_turn turn = { .status = "429 Later",
		.headers = "Retry-After: 50\r\n" };
	struct fake_peer peer;
	struct http_answer answer;
	pthread_t thread;
	fake_peer_start(&peer, &turn, 1);
	struct http_client *client = new_client();
	const struct http_request request = { .method = "GET", .url = peer.url };
	int64_t begin_ns = clock_monotonic_ns();
	pthread_create(&thread, NULL, interrupt_soon, client);
	MUST(retry_send(client, &request, 60000, NULL, &answer, &err));
	CHECK_INT(answer.status, 429);
	CHECK(clock_monotonic_ns() - begin_ns < 40000000000);
	CHECK_INT(peer.request_count, 1);
	pthread_join(thread, NULL);
	http_client_free(client);
	fake_peer_stop(&peer);
}

int main(void)
{
	unsetenv("http_proxy");
	RUN(retry_again__waits_longer_each_time_up_to_its_ceiling);
	RUN(retry_again__follows_retry_after_and_ends_with_the_time);
	RUN(retry_again__only_what_another_try_can_mend);
	RUN(retry_again__what_must_be_seen_once_only_where_the_peer_did_nothing);
	RUN(retry_send__sends_a_streamed_body_again_from_its_beginning);
	RUN(retry_send__begins_a_sink_again_after_a_cut);
	RUN(retry_send__hands_back_the_last_outcome);
	RUN(retry_send__ends_with_an_answer_that_is_said_to_be_final);
	RUN(retry_send__does_not_wait_out_a_pause_when_interrupted);
	return check_done();
}
