/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/mlflow_peer.h"

#include "fake_peer.h"

static mlm_error err = MLM_ERROR_INIT;

static struct mlflow_peer *open_peer(const char *address, uint32_t retry_ms)
{
	const struct mlflow_peer_options options = { .address = address, .retry_ms = retry_ms };
	struct mlflow_peer *peer;
	MUST(mlflow_peer_open(&options, &peer, &err));
	return peer;
}

static mlm_status call(struct mlflow_peer *peer, json_t **answer_out)
{
	const struct mlflow_call request = { .method = "GET", .path = "/api/2.0/mlflow/runs/get" };
	return mlflow_peer_call(peer, &request, answer_out, &err);
}

TEST(mlflow_peer_call__sends_and_reads_json_below_the_path_of_the_address)
{
	static const struct fake_turn turns[] = { { .body = "{\"a\": 12345678901234567}" },
		{ .body = "" } };
	struct fake_peer fake;
	char address[128];
	json_t *answer;
	fake_peer_start(&fake, turns, 2);
	snprintf(address, sizeof(address), "http://ada:pass@127.0.0.1:%d/team/ml/", fake.port);
	struct mlflow_peer *peer = open_peer(address, 0);
	const char *shown = mlflow_peer_address(peer);
	CHECK(!strchr(shown, '@') && !strstr(shown, "pass"));
	json_t *body = json_pack("{s:s}", "k", "läßt");
	const struct mlflow_call request = {
		.method = "POST", .path = "/api/2.0/mlflow/runs/create", .body = body
	};
	MUST(mlflow_peer_call(peer, &request, &answer, &err));
	CHECK_INT(json_integer_value(json_object_get(answer, "a")), 12345678901234567);
	json_decref(answer);
	const char *sent = fake_peer_request(&fake, 0);
	CHECK_CONTAINS(sent, "POST /team/ml/api/2.0/mlflow/runs/create HTTP/1.1");
	CHECK_CONTAINS(sent, "Authorization: Basic YWRhOnBhc3M=");
	CHECK_CONTAINS(sent, "Content-Type: application/json");
	CHECK_CONTAINS(sent, "{\"k\":\"läßt\"}");
	/* Nothing is nothing to say. */
	MUST(call(peer, &answer));
	CHECK_INT(json_object_size(answer), 0);
	json_decref(answer);
	json_decref(body);
	mlflow_peer_close(peer);
	fake_peer_stop(&fake);
}

TEST(mlflow_peer_call__maps_errors)
{
#define NAMED(code) \
	"{\"error_code\": \"" code "\", \"message\": \"Run '<x>' \\n is  not\\u0007 there.\"}"
	static const struct {
		struct fake_turn turn;
		mlm_status status;
		const char *message;
	} cases[] = {
		{ { .status = "404 Not Found", .body = NAMED("RESOURCE_DOES_NOT_EXIST") },
			MLM_ENOTFOUND, "Run '<x>' is not there" },
		{ { .status = "400 Bad Request", .body = NAMED("RESOURCE_ALREADY_EXISTS") },
			MLM_EEXISTS, "is not there" },
		{ { .status = "400 Bad Request", .body = NAMED("INVALID_PARAMETER_VALUE") },
			MLM_EINVAL, "is not there" },
		{ { .status = "500 Oops", .body = NAMED("INVALID_STATE") }, MLM_ESTATE, "" },
		{ { .status = "403 Forbidden", .body = NAMED("PERMISSION_DENIED") }, MLM_EAUTH,
			"" },
		{ { .status = "429 Slow", .body = NAMED("REQUEST_LIMIT_EXCEEDED") }, MLM_EAGAIN,
			"" },
		{ { .status = "500 Oops", .body = NAMED("INTERNAL_ERROR") }, MLM_EAGAIN, "" },
		{ { .status = "501 No", .body = NAMED("NOT_IMPLEMENTED") }, MLM_EUNSUPPORTED, "" },
		{ { .status = "400 Bad Request", .body = NAMED("NEVER_HEARD_OF") }, MLM_EINVAL,
			"" },
		{ { .status = "401 Unauthorized", .body = "You are not authenticated." }, MLM_EAUTH,
			"MLFLOW_TRACKING_USERNAME" },
		{ { .status = "429 Too Many Requests" }, MLM_EAGAIN, "HTTP status 429" },
		{ { .status = "502 Bad Gateway", .body = "<html>\n<b>nginx</b></html>" },
			MLM_EAGAIN, "HTTP status 502: nginx" },
		{ { .status = "404 Not Found", .body = "<h1>Nothing</h1>" }, MLM_EPEER,
			"no MLflow server" },
		{ { .status = "302 Found", .headers = "Location: /ring\r\n" }, MLM_EPEER,
			"redirects" },
		{ { .body = "<html>Welcome</html>" }, MLM_EPEER, "not answer in JSON: Welcome" },
		{ { .body = "[1, 2]" }, MLM_EPEER, "not answer in JSON" },
		{ { .body = "{\"a\": " }, MLM_EPEER, "not answer in JSON" },
		{ { .body = "{\"a\": \"\xff\"}" }, MLM_EPEER, "not answer in JSON" },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fake_peer fake;
		json_t *answer;
		fake_peer_start(&fake, &cases[i].turn, 1);
		struct mlflow_peer *peer = open_peer(fake.url, 0);
		CHECK_STATUS(call(peer, &answer), cases[i].status);
		CHECK(!answer);
		CHECK_CONTAINS(err.message, cases[i].message);
		CHECK(!strpbrk(err.message, "\n\a"));
		mlflow_peer_close(peer);
		fake_peer_stop(&fake);
	}
}

TEST(mlflow_peer_call__tries_again_but_not_what_is_final)
{
	static const struct fake_turn turns[] = { { .cuts_early = true },
		{ .status = "500 Oops", .body = NAMED("INTERNAL_ERROR") }, { .body = "{}" },
		{ .status = "500 Oops", .body = NAMED("INVALID_STATE") } };
	struct fake_peer fake;
	json_t *answer;
	fake_peer_start(&fake, turns, 4);
	struct mlflow_peer *peer = open_peer(fake.url, 60000);
	MUST(call(peer, &answer));
	json_decref(answer);
	CHECK_INT(mlflow_peer_tries(peer), 3);
	CHECK_STATUS(call(peer, &answer), MLM_ESTATE);
	CHECK_STRING(mlflow_peer_error_code(peer), "INVALID_STATE");
	CHECK_INT(mlflow_peer_tries(peer), 1);
	CHECK_INT(fake.request_count, 4);
	mlflow_peer_close(peer);
	fake_peer_stop(&fake);
}

TEST(mlflow_peer_call__says_when_it_is_unsure)
{
	static const struct fake_turn turns[] = { { .cuts_early = true },
		{ .status = "504 Gateway Timeout" },
		{ .status = "429 Slow", .headers = "Retry-After: 7\r\n" } };
	struct fake_peer fake;
	json_t *answer;
	fake_peer_start(&fake, turns, 3);
	struct mlflow_peer *peer = open_peer(fake.url, 0);
	CHECK_STATUS(call(peer, &answer), MLM_EAGAIN);
	CHECK(mlflow_peer_is_unsure(peer));
	CHECK_STATUS(call(peer, &answer), MLM_EAGAIN);
	CHECK(mlflow_peer_is_unsure(peer));
	CHECK_STATUS(call(peer, &answer), MLM_EAGAIN);
	CHECK(!mlflow_peer_is_unsure(peer));
	CHECK_INT(mlflow_peer_retry_after_ms(peer), 7000);
	fake_peer_halt(&fake);
	CHECK_STATUS(call(peer, &answer), MLM_EAGAIN);
	mlflow_peer_close(peer);
	fake_peer_stop(&fake);
}

TEST(mlflow_peer_open__follows_the_environment)
{
	static const struct fake_turn turn = { .body = "{}" };
	struct fake_peer fake;
	json_t *answer;
	fake_peer_start(&fake, &turn, 1);
	setenv("MLFLOW_TRACKING_TOKEN", "token-1", 1);
	struct mlflow_peer *peer = open_peer(fake.url, 0);
	MUST(call(peer, &answer));
	json_decref(answer);
	mlflow_peer_close(peer);
	setenv("MLFLOW_TRACKING_USERNAME", "bob", 1);
	setenv("MLFLOW_TRACKING_PASSWORD", "b", 1);
	peer = open_peer(fake.url, 0);
	MUST(call(peer, &answer));
	json_decref(answer);
	mlflow_peer_close(peer);
	CHECK_CONTAINS(fake_peer_request(&fake, 0), "Authorization: Bearer token-1");
	CHECK_CONTAINS(fake_peer_request(&fake, 1), "Authorization: Basic Ym9iOmI=");
	unsetenv("MLFLOW_TRACKING_TOKEN");
	unsetenv("MLFLOW_TRACKING_USERNAME");
	unsetenv("MLFLOW_TRACKING_PASSWORD");
	fake_peer_stop(&fake);
}

TEST(mlflow_peer_open__einval)
{
	struct mlflow_peer *peer;
	struct mlflow_peer_options options = { .address = "http://ada:secret@" };
	CHECK_STATUS(mlflow_peer_open(&options, &peer, &err), MLM_EINVAL);
	CHECK(!strstr(err.message, "secret"));
	options.address = "http://localhost";
	setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "soon", 1);
	CHECK_STATUS(mlflow_peer_open(&options, &peer, &err), MLM_EINVAL);
	CHECK_CONTAINS(err.message, "MLFLOW_HTTP_REQUEST_TIMEOUT is 'soon'");
	unsetenv("MLFLOW_HTTP_REQUEST_TIMEOUT");
	setenv("MLFLOW_TRACKING_INSECURE_TLS", "true", 1);
	setenv("MLFLOW_TRACKING_SERVER_CERT_PATH", "/ca.pem", 1);
	CHECK_STATUS(mlflow_peer_open(&options, &peer, &err), MLM_EINVAL);
	CHECK(!peer);
	unsetenv("MLFLOW_TRACKING_INSECURE_TLS");
	unsetenv("MLFLOW_TRACKING_SERVER_CERT_PATH");
}

TEST(mlflow_peer_call__einval_for_a_certificate_file_that_is_none)
{
	json_t *answer;
	setenv("MLFLOW_TRACKING_SERVER_CERT_PATH", "/no/such/ca.pem", 1);
	struct mlflow_peer *peer = open_peer("https://127.0.0.1:9", 0);
	mlm_status status = call(peer, &answer);
	CHECK(status == MLM_EINVAL || status == MLM_EAGAIN); /* whichever is looked at first */
	mlflow_peer_close(peer);
	unsetenv("MLFLOW_TRACKING_SERVER_CERT_PATH");
}

int main(void)
{
	unsetenv("http_proxy");
	setenv("HOME", "/nonexistent", 1);
	RUN(mlflow_peer_call__sends_and_reads_json_below_the_path_of_the_address);
	RUN(mlflow_peer_call__maps_errors);
	RUN(mlflow_peer_call__tries_again_but_not_what_is_final);
	RUN(mlflow_peer_call__says_when_it_is_unsure);
	RUN(mlflow_peer_open__follows_the_environment);
	RUN(mlflow_peer_open__einval);
	RUN(mlflow_peer_call__einval_for_a_certificate_file_that_is_none);
	return check_done();
}
