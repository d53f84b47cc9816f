/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/http.h"

#include <sys/wait.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/patience.h"
#include "fake_peer.h"

static mlm_error err = MLM_ERROR_INIT;

static struct http_client *new_client(uint32_t stall_ms)
{
	const struct http_client_options options = { .stall_ms = stall_ms };
	struct http_client *client;
	MUST(http_client_new(&options, &client, &err));
	return client;
}

static struct fake_peer peer;
static struct http_client *client;
static struct http_answer answer;

static void begin(const struct fake_turn *turns, size_t turn_count)
{
	fake_peer_start(&peer, turns, turn_count);
	client = new_client(0);
}

static void end(void)
{
	http_client_free(client);
	fake_peer_stop(&peer);
}

static struct http_request get(void)
{
	return (struct http_request){ .method = "GET", .url = peer.url };
}

TEST(http_send__brings_status_headers_and_body)
{
	static const struct fake_turn turn = { .status = "404 Not Found",
		.headers = "ETag:  \"x\" \r\nX-Empty:\r\n",
		.body = "nothing here" };
	begin(&turn, 1);
	struct http_request request = get();
	MUST(http_send(client, &request, &answer, &err));
	CHECK_INT(answer.status, 404);
	CHECK_STRING(answer.body, "nothing here");
	CHECK_INT(answer.body_size, 12);
	CHECK_STRING(http_answer_header(client, "etag"), "\"x\"");
	CHECK_STRING(http_answer_header(client, "X-Empty"), "");
	CHECK(!http_answer_header(client, "X-Other"));
	end();
}

TEST(http_send__keeps_one_connection_open)
{
	static const struct fake_turn turn = { .body = "{}" };
	begin(&turn, 1);
	struct http_request request = get();
	for (int i = 0; i < 5; i++)
		MUST(http_send(client, &request, &answer, &err));
	request.method = "POST";
	request.body = "{\"a\":1}";
	request.body_size = 7;
	MUST(http_send(client, &request, &answer, &err));
	CHECK_INT(peer.connection_count, 1);
	CHECK_CONTAINS(fake_peer_request(&peer, 5), "POST / HTTP/1.1");
	CHECK_CONTAINS(fake_peer_request(&peer, 5), "\r\n\r\n{\"a\":1}");
	request.is_once = true;
	MUST(http_send(client, &request, &answer, &err));
	CHECK_INT(peer.connection_count, 2);
	end();
}

TEST(http_send__sends_headers_and_login)
{
	static const struct fake_turn turn = { .body = "{}" };
	const struct http_header headers[] = { { "Content-Type", "application/json" },
		{ "X-Empty", "" } };
	const struct http_login basic = { .user = "ada", .password = "pass:word" };
	const struct http_login bearer = { .bearer = "token-1" };
	const struct http_login aws = {
		.user = "key", .password = "secret", .aws_sigv4 = "aws:amz:eu-central-1:s3"
	};
	begin(&turn, 1);
	struct http_request request = get();
	request.headers = headers;
	request.header_count = 2;
	request.login = &basic;
	MUST(http_send(client, &request, &answer, &err));
	request.login = &bearer;
	MUST(http_send(client, &request, &answer, &err));
	request.login = &aws;
	request.header_count = 1;
	MUST(http_send(client, &request, &answer, &err));
	request.login = NULL;
	MUST(http_send(client, &request, &answer, &err));
	CHECK_CONTAINS(fake_peer_request(&peer, 0), "Authorization: Basic YWRhOnBhc3M6d29yZA==");
	CHECK_CONTAINS(fake_peer_request(&peer, 0), "Content-Type: application/json\r\n");
	CHECK_CONTAINS(fake_peer_request(&peer, 0), "X-Empty:\r\n");
	CHECK_CONTAINS(fake_peer_request(&peer, 1), "Authorization: Bearer token-1");
	CHECK_CONTAINS(
		fake_peer_request(&peer, 2), "Authorization: AWS4-HMAC-SHA256 Credential=key/");
	CHECK(!strstr(fake_peer_request(&peer, 3), "Authorization"));
	end();
}

TEST(http_send__goes_through_the_proxy_of_the_environment)
{
	static const struct fake_turn turn = { .body = "by proxy" };
	struct fake_peer proxy;
	fake_peer_start(&proxy, &turn, 1);
	setenv("http_proxy", proxy.url, 1);
	client = new_client(0);
	const struct http_request request = { .method = "GET", .url = "http://mlflow.invalid/api" };
	MUST(http_send(client, &request, &answer, &err));
	CHECK_STRING(answer.body, "by proxy");
	CHECK_CONTAINS(fake_peer_request(&proxy, 0), "GET http://mlflow.invalid/api HTTP/1.1");
	setenv("no_proxy", "mlflow.invalid", 1);
	CHECK_STATUS(http_send(client, &request, &answer, &err), MLM_EAGAIN);
	unsetenv("http_proxy");
	unsetenv("no_proxy");
	http_client_free(client);
	fake_peer_stop(&proxy);
}

/* ---- streams ---- */

struct counted {
	size_t size;
	size_t at;
	int rewinds;
	mlm_status fails;
};

static mlm_status read_counted(
	void *payload, void *bytes, size_t size, size_t *got_out, mlm_error *why)
{
	struct counted *counted = payload;
	if (counted->fails != MLM_OK && counted->at > 0)
		return error_set(why, counted->fails, "test", "the file went away");
	size_t got = counted->size - counted->at < size ? counted->size - counted->at : size;
	memset(bytes, 'a', got);
	counted->at += got;
	*got_out = got;
	return MLM_OK;
}

static mlm_status rewind_counted(void *payload, mlm_error *why)
{
	struct counted *counted = payload;
	(void)why;
	counted->at = 0;
	counted->rewinds++;
	return MLM_OK;
}

static mlm_status write_counted(void *payload, const void *bytes, size_t size, mlm_error *why)
{
	struct counted *counted = payload;
	(void)bytes;
	if (counted->fails != MLM_OK)
		return error_set(why, counted->fails, "test", "the disk is full");
	counted->at += size;
	return MLM_OK;
}

TEST(http_send__streams_a_body_of_known_and_of_unknown_size)
{
	static const struct fake_turn turn = { .body = "{}" };
	begin(&turn, 1);
	struct counted counted = { .size = 1000000 };
	struct http_source source = { read_counted, rewind_counted, &counted, 1000000 };
	struct http_request request = get();
	request.method = "PUT";
	request.source = &source;
	MUST(http_send(client, &request, &answer, &err));
	CHECK_CONTAINS(fake_peer_request(&peer, 0), "PUT / HTTP/1.1");
	CHECK_CONTAINS(fake_peer_request(&peer, 0), "Content-Length: 1000000\r\n");
	CHECK_INT(strlen(strstr(fake_peer_request(&peer, 0), "\r\n\r\n")), 1000004);
	counted.at = 0;
	source.size = -1;
	MUST(http_send(client, &request, &answer, &err));
	CHECK_CONTAINS(fake_peer_request(&peer, 1), "Transfer-Encoding: chunked\r\n");
	CHECK_INT(counted.at, 1000000);
	end();
}

TEST(http_send__streams_only_a_good_answer_into_the_sink)
{
	static const struct fake_turn turns[] = { { .body = "0123456789", .repeats = 100000 },
		{ .status = "404 Not Found", .body = "no such file" } };
	begin(turns, 2);
	struct counted counted = { 0 };
	struct http_sink sink = { write_counted, NULL, &counted };
	struct http_request request = get();
	request.sink = &sink;
	MUST(http_send(client, &request, &answer, &err));
	CHECK_INT(counted.at, 1000000);
	CHECK_INT(answer.body_size, 0);
	MUST(http_send(client, &request, &answer, &err));
	CHECK_INT(counted.at, 1000000);
	CHECK_STRING(answer.body, "no such file");
	end();
}

TEST(http_send__passes_on_what_source_and_sink_say)
{
	static const struct fake_turn turn = { .body = "0123456789" };
	begin(&turn, 1);
	struct counted counted = { .size = 10u << 20, .fails = MLM_EIO };
	struct http_source source = { read_counted, rewind_counted, &counted, 10 << 20 };
	struct http_sink sink = { write_counted, NULL, &counted };
	struct http_request request = get();
	request.sink = &sink;
	CHECK_STATUS(http_send(client, &request, &answer, &err), MLM_EIO);
	CHECK_STRING(err.message, "the disk is full");
	request.sink = NULL;
	request.method = "PUT";
	request.source = &source;
	CHECK_STATUS(http_send(client, &request, &answer, &err), MLM_EIO);
	CHECK_STRING(err.message, "the file went away");
	end();
}

/* ---- faults ---- */

TEST(http_send__eagain_where_nobody_listens)
{
	static const struct fake_turn turn = { .body = "{}" };
	fake_peer_start(&peer, &turn, 1);
	fake_peer_stop(&peer);
	client = new_client(0);
	struct http_request request = get();
	CHECK_STATUS(http_send(client, &request, &answer, &err), MLM_EAGAIN);
	CHECK_CONTAINS(err.message, "cannot reach 127.0.0.1:");
	CHECK(!answer.was_sent);
	request.url = "http://no-such-host.invalid/";
	CHECK_STATUS(http_send(client, &request, &answer, &err), MLM_EAGAIN);
	CHECK_CONTAINS(err.message, "no-such-host.invalid");
	http_client_free(client);
}

TEST(http_send__eagain_for_a_name_that_is_not_found_and_the_client_goes_on)
{
	static const struct fake_turn turn = { .body = "{}" };
	begin(&turn, 1);
	struct http_request request = { .method = "GET", .url = "http://nowhere.invalid/" };
	for (int i = 0; i < 2; i++) {
		CHECK_STATUS(http_send(client, &request, &answer, &err), MLM_EAGAIN);
		CHECK_CONTAINS(err.message, "resolve host");
	}
	request = get();
	MUST(http_send(client, &request, &answer, &err));
	end();
}

TEST(http_send__eagain_when_cut_off)
{
	static const struct fake_turn turns[] = { { .cuts_early = true },
		{ .raw = "HTTP/1.1 200 OK\r\nServer: none\r\n", .cuts = true },
		{ .body = "half", .promises = true, .cuts = true }, { .cuts_unread = true } };
	begin(turns, 4);
	struct http_request request = get();
	CHECK_STATUS(http_send(client, &request, &answer, &err), MLM_EAGAIN);
	CHECK(answer.was_sent);
	CHECK_STATUS(http_send(client, &request, &answer, &err), MLM_EAGAIN);
	CHECK_STATUS(http_send(client, &request, &answer, &err), MLM_EAGAIN);
	CHECK_INT(answer.body_size, 0);
	struct counted counted = { .size = 32u << 20 };
	struct http_source source = { read_counted, rewind_counted, &counted, 32 << 20 };
	request.method = "PUT";
	request.source = &source;
	CHECK_STATUS(http_send(client, &request, &answer, &err), MLM_EAGAIN);
	end();
}

TEST(http_send__etimeout_for_a_peer_that_stalls)
{
	static const struct fake_turn turns[] = { { .stalls = true },
		{ .body = "half", .promises = true, .stalls = true } };
	fake_peer_start(&peer, turns, 2);
	client = new_client(1000);
	struct http_request request = get();
	CHECK_STATUS(http_send(client, &request, &answer, &err), MLM_ETIMEOUT);
	CHECK_CONTAINS(err.message, "did not answer in time");
	request.total_ms = 100;
	CHECK_STATUS(http_send(client, &request, &answer, &err), MLM_ETIMEOUT);
	end();
}

struct wish {
	int asked; /* so often it is still wanted */
	char host[128];
	uint32_t idle_ms;
};

static bool is_wanted(void *payload, const char *host, uint32_t idle_ms)
{
	struct wish *wish = payload;
	snprintf(wish->host, sizeof(wish->host), "%s", host);
	wish->idle_ms = idle_ms;
	return wish->asked-- > 0;
}

TEST(http_send__ends_when_a_silent_peer_is_no_longer_wanted)
{
	static const struct fake_turn turns[] = { { .stalls = true }, { .body = "fine" } };
	struct wish wish = { .asked = 2 };
	struct patience patience;
	begin(turns, 2);
	struct http_request request = get();
	patience_begin(&patience, is_wanted, &wish);
	CHECK_STATUS(http_send(client, &request, &answer, &err), MLM_EAGAIN);
	CHECK_CONTAINS(err.message, "was interrupted");
	CHECK_CONTAINS(peer.url, wish.host);
	CHECK(wish.idle_ms >= 2 * PATIENCE_ASK_MS);
	CHECK(!http_client_wait(client, 60000));
	CHECK_STATUS(http_send(client, &request, &answer, &err), MLM_EAGAIN);
	CHECK_INT(fake_peer_requests(&peer), 1);
	patience_end(&patience);
	MUST(http_send(client, &request, &answer, &err));
	end();
}

TEST(http_send__epeer_for_garbage_and_for_too_much)
{
	static const struct fake_turn turns[] = { { .raw = "SSH-2.0-OpenSSH_9.2\r\n",
							  .cuts = true },
		{ .body = "0123456789", .repeats = 100000 } };
	begin(turns, 2);
	struct http_request request = get();
	CHECK_STATUS(http_send(client, &request, &answer, &err), MLM_EPEER);
	CHECK_CONTAINS(err.message, "does not answer as an HTTP server");
	request.answer_bytes_max = 999999;
	CHECK_STATUS(http_send(client, &request, &answer, &err), MLM_EPEER);
	CHECK_CONTAINS(err.message, "larger than 999999 bytes");
	request.answer_bytes_max = 1000000;
	MUST(http_send(client, &request, &answer, &err));
	CHECK_INT(answer.body_size, 1000000);
	end();
}

TEST(http_send__epeer_for_headers_without_end)
{
	static char headers[HTTP_HEADER_BYTES_MAX + 4096] = "HTTP/1.1 200 OK\r\n";
	while (strlen(headers) + 100 < sizeof(headers))
		strcat(headers, "X-Filler: 0123456789012345678901234567890123456789\r\n");
	const struct fake_turn turn = { .raw = headers, .cuts = true };
	begin(&turn, 1);
	struct http_request request = get();
	CHECK_STATUS(http_send(client, &request, &answer, &err), MLM_EPEER);
	end();
}

TEST(http_send__einval_for_an_address_that_is_none)
{
	client = new_client(0);
	const struct http_request request = { .method = "GET", .url = "http://[::1/" };
	CHECK_STATUS(http_send(client, &request, &answer, &err), MLM_EINVAL);
	const struct http_request other = { .method = "GET", .url = "file:///etc/passwd" };
	CHECK_STATUS(http_send(client, &other, &answer, &err), MLM_EINVAL);
	http_client_free(client);
}

/* ---- redirects ---- */

TEST(http_send__takes_no_login_to_another_host)
{
	static const struct fake_turn good = { .body = "there" };
	struct fake_peer other;
	fake_peer_start(&other, &good, 1);
	char headers[128];
	snprintf(headers, sizeof(headers), "Location: %s/there\r\n", other.url);
	const struct fake_turn redirect = { .status = "302 Found", .headers = headers };
	fake_peer_start(&peer, &redirect, 1);
	const struct http_login basic = { .user = "ada", .password = "secret" };
	const struct http_login bearer = { .bearer = "token-1" };
	client = new_client(0);
	struct http_request request = get();
	request.login = &basic;
	MUST(http_send(client, &request, &answer, &err));
	CHECK_INT(answer.status, 302); /* only where it was asked for */
	request.follows_redirects = true;
	MUST(http_send(client, &request, &answer, &err));
	CHECK_STRING(answer.body, "there");
	request.login = &bearer;
	MUST(http_send(client, &request, &answer, &err));
	CHECK_CONTAINS(fake_peer_request(&peer, 2), "Authorization: Bearer");
	CHECK_INT(other.request_count, 2);
	CHECK(!strstr(fake_peer_request(&other, 0), "Authorization"));
	CHECK(!strstr(fake_peer_request(&other, 1), "Authorization"));
	request.method = "POST";
	request.body = "{}";
	request.body_size = 2;
	MUST(http_send(client, &request, &answer, &err));
	CHECK_INT(answer.status, 302);
	end();
	fake_peer_stop(&other);
}

TEST(http_send__epeer_for_a_ring_of_redirects)
{
	static const struct fake_turn turn = { .status = "302 Found",
		.headers = "Location: /again\r\n" };
	begin(&turn, 1);
	struct http_request request = get();
	request.follows_redirects = true;
	CHECK_STATUS(http_send(client, &request, &answer, &err), MLM_EPEER);
	CHECK_INT(peer.request_count, HTTP_REDIRECTS_MAX + 1);
	end();
}

/* ---- Retry-After ---- */

TEST(http_send__reads_retry_after)
{
	static const struct fake_turn turns[] = {
		{ .status = "429 Too Many Requests", .headers = "Retry-After: 2\r\n" },
		{ .status = "503 Busy",
			.headers = "Retry-After: Fri, 31 Dec 2100 23:59:59 GMT\r\n" },
		{ .status = "503 Busy",
			.headers = "Retry-After: Fri, 31 Dec 1999 23:59:59 GMT\r\n" },
		{ .status = "503 Busy", .headers = "Retry-After: soon\r\n" },
	};
	static const uint32_t expected_ms[] = { 2000, HTTP_RETRY_AFTER_MS_MAX, 0, 0 };
	begin(turns, 4);
	struct http_request request = get();
	for (int i = 0; i < 4; i++) {
		MUST(http_send(client, &request, &answer, &err));
		CHECK_INT(answer.retry_after_ms, expected_ms[i]);
	}
	end();
}

/* ---- threads and processes ---- */

static void *interrupt_soon(void *interrupted)
{
	usleep(50000);
	http_client_interrupt(interrupted);
	return NULL;
}

TEST(http_client_interrupt__ends_a_request_and_a_wait)
{
	static const struct fake_turn turn = { .stalls = true };
	pthread_t thread;
	begin(&turn, 1);
	struct http_request request = get();
	pthread_create(&thread, NULL, interrupt_soon, client);
	CHECK_STATUS(http_send(client, &request, &answer, &err), MLM_EAGAIN);
	CHECK_CONTAINS(err.message, "interrupted");
	pthread_join(thread, NULL);
	CHECK(!http_client_wait(client, 3600000));
	CHECK_STATUS(http_send(client, &request, &answer, &err), MLM_EAGAIN);
	http_client_free(client);
	client = new_client(0);
	pthread_create(&thread, NULL, interrupt_soon, client);
	CHECK(!http_client_wait(client, 3600000));
	pthread_join(thread, NULL);
	end();
}

TEST(http_send__estate_in_a_forked_child_and_the_parent_goes_on)
{
	static const struct fake_turn turn = { .body = "{}" };
	begin(&turn, 1);
	struct http_request request = get();
	MUST(http_send(client, &request, &answer, &err));
	pid_t child = fork();
	if (child == 0) {
		bool refused = http_send(client, &request, &answer, &err) == MLM_ESTATE;
		http_client_free(client);
		_exit(refused ? 0 : 1);
	}
	int status = -1;
	CHECK(waitpid(child, &status, 0) == child);
	CHECK_INT(status, 0);
	MUST(http_send(client, &request, &answer, &err));
	CHECK_INT(peer.connection_count, 1);
	end();
}

static void *ask_often(void *payload)
{
	struct http_client *own;
	mlm_error why = MLM_ERROR_INIT;
	size_t good = 0;
	if (http_client_new(NULL, &own, &why) != MLM_OK)
		return NULL;
	struct http_request request = { .method = "GET", .url = payload };
	for (int i = 0; i < 50; i++) {
		struct http_answer its;
		if (http_send(own, &request, &its, &why) == MLM_OK && its.status == 200)
			good++;
	}
	http_client_free(own);
	return good == 50 ? payload : NULL;
}

TEST(http_client__one_for_each_of_several_threads)
{
	static const struct fake_turn turn = { .body = "{}" };
	pthread_t threads[4];
	fake_peer_start(&peer, &turn, 1);
	for (int i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, ask_often, peer.url);
	for (int i = 0; i < 4; i++) {
		void *good = NULL;
		pthread_join(threads[i], &good);
		CHECK(good != NULL);
	}
	fake_peer_stop(&peer);
}

int main(void)
{
	unsetenv("http_proxy");
	RUN(http_send__brings_status_headers_and_body);
	RUN(http_send__keeps_one_connection_open);
	RUN(http_send__sends_headers_and_login);
	RUN(http_send__goes_through_the_proxy_of_the_environment);
	RUN(http_send__streams_a_body_of_known_and_of_unknown_size);
	RUN(http_send__streams_only_a_good_answer_into_the_sink);
	RUN(http_send__passes_on_what_source_and_sink_say);
	RUN(http_send__eagain_where_nobody_listens);
	RUN(http_send__eagain_for_a_name_that_is_not_found_and_the_client_goes_on);
	RUN(http_send__eagain_when_cut_off);
	RUN(http_send__etimeout_for_a_peer_that_stalls);
	RUN(http_send__ends_when_a_silent_peer_is_no_longer_wanted);
	RUN(http_send__epeer_for_garbage_and_for_too_much);
	RUN(http_send__epeer_for_headers_without_end);
	RUN(http_send__einval_for_an_address_that_is_none);
	RUN(http_send__takes_no_login_to_another_host);
	RUN(http_send__epeer_for_a_ring_of_redirects);
	RUN(http_send__reads_retry_after);
	RUN(http_client_interrupt__ends_a_request_and_a_wait);
	RUN(http_send__estate_in_a_forked_child_and_the_parent_goes_on);
	RUN(http_client__one_for_each_of_several_threads);
	return check_done();
}
