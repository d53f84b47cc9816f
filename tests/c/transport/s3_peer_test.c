/* SPDX-License-Identifier: Apache-2.0 */

/* What goes over the wire, and what comes of answers; signatures are checked by others' services in
 * tests/peers/s3_artifacts.py. */

#include "transport/s3_peer.h"

#include "fake_peer.h"

static mlm_error err = MLM_ERROR_INIT;

#define HASH "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

static struct s3_peer *open_at(const char *url)
{
	struct s3_peer *peer = NULL;
	const struct s3_peer_options options = { .bucket = "runs", .retry_ms = 1000 };
	setenv("MLFLOW_S3_ENDPOINT_URL", url, 1);
	MUST(s3_peer_open(&options, &peer, &err));
	return peer;
}

static mlm_status get(struct s3_peer *peer, const char *key, struct http_answer *answer)
{
	const struct s3_request request = { .method = "GET", .key = key };
	return s3_peer_send(peer, &request, answer, &err);
}

TEST(send__signs_a_path_of_bucket_and_key)
{
	static const struct fake_turn turns[] = { { .body = "bytes" } };
	struct fake_peer server;
	struct http_answer answer;
	fake_peer_start(&server, turns, 1);
	struct s3_peer *peer = open_at(server.url);
	MUST(get(peer, "a b/\xC3\xA9 #1+&.txt", &answer));
	CHECK_STRING(answer.body, "bytes");
	const char *request = fake_peer_request(&server, 0);
	CHECK_CONTAINS(request, "GET /runs/a%20b/%C3%A9%20%231%2B%26.txt HTTP/1.1");
	CHECK_CONTAINS(request, "Credential=id/");
	CHECK_CONTAINS(request, "/eu-west-1/s3/aws4_request");
	CHECK_CONTAINS(request, "x-amz-content-sha256: e3b0c44298fc");
	CHECK_CONTAINS(request, "x-amz-security-token: token");
	CHECK(!strstr(request, "secret"));
	const struct s3_request put = { .method = "PUT",
		.key = "x",
		.query = "partNumber=1&uploadId=a",
		.body = "test",
		.body_size = 4,
		.body_sha256 = HASH };
	MUST(s3_peer_send(peer, &put, &answer, &err));
	CHECK_CONTAINS(fake_peer_request(&server, 1), "PUT /runs/x?partNumber=1&uploadId=a HTTP");
	CHECK_CONTAINS(fake_peer_request(&server, 1), "x-amz-content-sha256: " HASH);
	s3_peer_close(peer);
	fake_peer_stop(&server);
}

/* What a request for a bucket begins with, at http://localhost. */
static const char *begin_of(const char *style, const char *bucket)
{
	static char text[200];
	static const struct fake_turn turns[] = { { .body = "" } };
	struct fake_peer server;
	struct s3_peer *peer = NULL;
	struct http_answer answer;
	char url[64];
	const struct s3_peer_options options = { .bucket = bucket, .retry_ms = 1000 };
	setenv("AWS_S3_ADDRESSING_STYLE", style, 1);
	fake_peer_start(&server, turns, 1);
	snprintf(url, sizeof(url), "http://localhost:%d", server.port);
	setenv("MLFLOW_S3_ENDPOINT_URL", url, 1);
	mlm_status status = s3_peer_open(&options, &peer, &err);
	if (status == MLM_OK)
		status = get(peer, "x", &answer);
	const char *request = fake_peer_request(&server, 0);
	const char *host = strstr(request, "Host: ");
	text[0] = '\0';
	if (host)
		snprintf(text, sizeof(text), "%.*s at %.*s", (int)strcspn(request, "\r") - 9,
			request, (int)strcspn(host + 6, ":"), host + 6);
	if (status != MLM_OK)
		snprintf(text, sizeof(text), "%s", mlm_status_name(status));
	s3_peer_close(peer);
	fake_peer_stop(&server);
	unsetenv("AWS_S3_ADDRESSING_STYLE");
	return text;
}

TEST(open__style_says_where_the_bucket_stands)
{
	CHECK_STRING(begin_of("auto", "runs"), "GET /runs/x at localhost");
	CHECK_STRING(begin_of("path", "runs"), "GET /runs/x at localhost");
	CHECK_STRING(begin_of("virtual", "runs"), "GET /x at runs.localhost");
	CHECK_STRING(begin_of("virtual", "two.parts"), "GET /x at two.parts.localhost");
	CHECK_STRING(begin_of("virtual", "Runs"), "GET /Runs/x at localhost");
	CHECK_STRING(begin_of("virtual", "with_line"), "GET /with_line/x at localhost");
	CHECK_STRING(begin_of("sideways", "runs"), "invalid");
	CHECK_CONTAINS(err.message, "auto, path and virtual");
}

TEST(send__goes_where_the_bucket_is_once)
{
	static const struct fake_turn turns[] = {
		{ .status = "301 Moved", .headers = "x-amz-bucket-region: ap-south-1\r\n" },
		{ .body = "there" },
		{ .status = "400 Bad Request",
			.body = "<Error><Code>AuthorizationHeaderMalformed</Code><Message>m"
				"</Message><Region>us-west-1</Region></Error>" },
	};
	struct fake_peer server;
	struct http_answer answer;
	fake_peer_start(&server, turns, 3);
	struct s3_peer *peer = open_at(server.url);
	MUST(get(peer, "x", &answer));
	CHECK_STRING(answer.body, "there");
	CHECK_CONTAINS(fake_peer_request(&server, 1), "/ap-south-1/s3/");
	CHECK_STATUS(get(peer, "x", &answer), MLM_EINVAL);
	CHECK_INT(server.request_count, 4);
	CHECK_CONTAINS(fake_peer_request(&server, 3), "/us-west-1/s3/");
	s3_peer_close(peer);
	fake_peer_stop(&server);
}

TEST(send__tries_again_what_passes)
{
	static const struct fake_turn turns[] = {
		{ .status = "503 Slow Down" },
		{ .cuts_early = true },
		{ .status = "400 Bad Request",
			.body = "<Error><Code>XAmzContentSHA256Mismatch</Code></Error>" },
		{ .status = "200 OK" },
	};
	struct fake_peer server;
	struct http_answer answer;
	fake_peer_start(&server, turns, 4);
	struct s3_peer *peer = open_at(server.url);
	MUST(get(peer, "x", &answer));
	CHECK_INT(server.request_count, 4);
	s3_peer_close(peer);
	fake_peer_stop(&server);
}

static const char *failure_of(const char *status, const char *body)
{
	static char text[MLM_ERROR_MESSAGE_SIZE + 20];
	const struct fake_turn turns[] = { { .status = status, .body = body } };
	struct fake_peer server;
	struct http_answer answer;
	fake_peer_start(&server, turns, 1);
	struct s3_peer *peer = open_at(server.url);
	err = (mlm_error)MLM_ERROR_INIT;
	get(peer, "key", &answer);
	snprintf(text, sizeof(text), "%s: %s", mlm_status_name(err.status), err.message);
	CHECK_INT(server.request_count, 1);
	s3_peer_close(peer);
	fake_peer_stop(&server);
	return text;
}

#define ERROR(code) "<Error><Code>" code "</Code><Message>Words.</Message></Error>"

TEST(send__says_what_was_refused)
{
	const char *text = failure_of("403 Forbidden", ERROR("SignatureDoesNotMatch"));
	CHECK_CONTAINS(text, "auth: 127.0.0.1:");
	CHECK_CONTAINS(text, "refused the AWS secret key of the environment");
	CHECK(!strstr(text, "secret/"));
	CHECK_CONTAINS(failure_of("403 Forbidden", ERROR("InvalidAccessKeyId")), "access key id");
	CHECK_CONTAINS(failure_of("403 Forbidden", ERROR("AccessDenied")), "auth: ");
	CHECK_CONTAINS(failure_of("403 Forbidden", NULL), "in the bucket 'runs'");
	CHECK_CONTAINS(failure_of("400 Bad", ERROR("ExpiredToken")), "session token");
	CHECK_CONTAINS(failure_of("403 Bad", ERROR("RequestTimeTooSkewed")), "clock");
	CHECK_CONTAINS(
		failure_of("404 No", ERROR("NoSuchBucket")), "not_found: there is no bucket");
	CHECK_CONTAINS(failure_of("404 No", ERROR("NoSuchKey")), "not_found: ");
	CHECK_CONTAINS(failure_of("412 No", ERROR("PreconditionFailed")), "again: ");
	CHECK_CONTAINS(failure_of("501 No", ERROR("NotImplemented")), "unsupported: ");
	CHECK_CONTAINS(failure_of("400 No", ERROR("InvalidPart")), "InvalidPart, Words");
	CHECK_CONTAINS(failure_of("418 Teapot", "<html>"), "peer: ");
}

TEST(send__finds_an_error_behind_200)
{
	static const struct fake_turn turns[] = { { .body = "  " ERROR("EntityTooSmall") } };
	struct fake_peer server;
	struct http_answer answer;
	fake_peer_start(&server, turns, 1);
	struct s3_peer *peer = open_at(server.url);
	const struct s3_request request = { .method = "POST", .key = "x", .query = "uploadId=1" };
	CHECK_STATUS(s3_peer_send(peer, &request, &answer, &err), MLM_EPEER);
	CHECK_STRING(s3_peer_error_code(peer), "EntityTooSmall");
	s3_peer_close(peer);
	fake_peer_stop(&server);
}

TEST(open__einval_names_what_is_wrong)
{
	struct s3_peer *peer;
	struct s3_peer_options options = { .bucket = "b/c" };
	CHECK_STATUS(s3_peer_open(&options, &peer, &err), MLM_EINVAL);
	CHECK_CONTAINS(err.message, "'b/c'");
	options.bucket = "runs";
	setenv("MLFLOW_S3_ENDPOINT_URL", "localhost:9000", 1);
	CHECK_STATUS(s3_peer_open(&options, &peer, &err), MLM_EINVAL);
	CHECK_CONTAINS(err.message, "MLFLOW_S3_ENDPOINT_URL is 'localhost:9000'");
	unsetenv("MLFLOW_S3_ENDPOINT_URL");
}

int main(void)
{
	setenv("HOME", "/nowhere", 1);
	setenv("AWS_ACCESS_KEY_ID", "id", 1);
	setenv("AWS_SECRET_ACCESS_KEY", "secret", 1);
	setenv("AWS_SESSION_TOKEN", "token", 1);
	setenv("AWS_REGION", "eu-west-1", 1);
	unsetenv("MLFLOW_BOTO_CLIENT_ADDRESSING_STYLE");
	RUN(send__signs_a_path_of_bucket_and_key);
	RUN(open__style_says_where_the_bucket_stands);
	RUN(send__goes_where_the_bucket_is_once);
	RUN(send__tries_again_what_passes);
	RUN(send__says_what_was_refused);
	RUN(send__finds_an_error_behind_200);
	RUN(open__einval_names_what_is_wrong);
	return check_done();
}
