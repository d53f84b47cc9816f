/* SPDX-License-Identifier: Apache-2.0 */

/* The places in their order. The services are played by a peer of our own, which stands where
 * AWS_EC2_METADATA_SERVICE_ENDPOINT and AWS_CONTAINER_CREDENTIALS_FULL_URI point. */

#include "transport/aws_credentials.h"

#include <sys/stat.h>

#include "fake_peer.h"

static mlm_error err = MLM_ERROR_INIT;
static char home[] = "/tmp/mlm aws credentials.XXXXXX";

static void begin(void)
{
	static const char *const names[] = { "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY",
		"AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN", "AWS_PROFILE", "AWS_DEFAULT_PROFILE",
		"AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE",
		"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI",
		"AWS_CONTAINER_AUTHORIZATION_TOKEN", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
		"AWS_EC2_METADATA_SERVICE_ENDPOINT" };
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		unsetenv(names[i]);
	setenv("AWS_EC2_METADATA_DISABLED", "true", 1);
}

static void write_file(const char *name, const char *text)
{
	char path[200];
	snprintf(path, sizeof(path), "%s/%s", home, name);
	FILE *file = fopen(path, "w");
	if (!file || fputs(text, file) < 0 || fclose(file) != 0)
		exit(1);
}

/* "key/secret/token of origin", or the status's name. */
static const char *take_from(struct aws_credentials *credentials)
{
	static char text[300];
	struct aws_keys keys;
	mlm_status status = aws_credentials_take(credentials, &keys, &err);
	if (status != MLM_OK)
		return mlm_status_name(status);
	snprintf(text, sizeof(text), "%s/%s/%s of %s", keys.access_key, keys.secret_key,
		keys.session_token ? keys.session_token : "-", keys.origin);
	aws_keys_clear(&keys);
	return text;
}

static const char *take(void)
{
	struct aws_credentials *credentials;
	MUST(aws_credentials_new(NULL, &credentials, &err));
	const char *text = take_from(credentials);
	aws_credentials_free(credentials);
	return text;
}

TEST(environment__goes_first)
{
	begin();
	write_file(".aws/credentials",
		"[default]\naws_access_key_id = a\naws_secret_access_key = b\n");
	setenv("AWS_ACCESS_KEY_ID", "id", 1);
	setenv("AWS_SECRET_ACCESS_KEY", "secret", 1);
	CHECK_STRING(take(), "id/secret/- of the environment");
	setenv("AWS_SESSION_TOKEN", "token", 1);
	CHECK_STRING(take(), "id/secret/token of the environment");
	unsetenv("AWS_SECRET_ACCESS_KEY");
	CHECK_STRING(take(), "auth");
	CHECK_CONTAINS(err.message, "AWS_SECRET_ACCESS_KEY is not");
}

TEST(profile__comes_next)
{
	begin();
	CHECK_STRING(take(), "a/b/- of the profile of ~/.aws");
	setenv("AWS_PROFILE", "team", 1);
	CHECK_STRING(take(), "auth");
	CHECK_CONTAINS(err.message, "no AWS profile 'team'");
	write_file(".aws/config", "[profile team]\nrole_arn = arn:aws:iam::1:role/x\n"
				  "source_profile = default\n");
	CHECK_STRING(take(), "auth");
	CHECK_CONTAINS(err.message, "role_arn");
	CHECK_CONTAINS(err.message, "export-credentials --profile team");
}

TEST(nothing__eauth_says_what_to_set)
{
	begin();
	write_file(".aws/credentials", "");
	CHECK_STRING(take(), "auth");
	CHECK_CONTAINS(err.message, "set AWS_ACCESS_KEY_ID");
}

static const char keys_of_role[] = "{\"AccessKeyId\": \"role\", \"SecretAccessKey\": \"s\", "
				   "\"Token\": \"t\", \"Expiration\": \"2099-01-01T00:00:00Z\"}";

TEST(instance__is_asked_with_a_token_and_once)
{
	const struct fake_turn turns[] = { { .body = "a token" }, { .body = "my-role\n" },
		{ .body = keys_of_role } };
	struct fake_peer peer;
	struct aws_credentials *credentials;
	begin();
	fake_peer_start(&peer, turns, 3);
	setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", peer.url, 1);
	CHECK_STRING(take(), "auth"); /* AWS_EC2_METADATA_DISABLED */
	CHECK_INT(peer.request_count, 0);
	setenv("AWS_EC2_METADATA_DISABLED", "false", 1);
	MUST(aws_credentials_new(NULL, &credentials, &err));
	CHECK_STRING(take_from(credentials), "role/s/t of the metadata of this instance");
	CHECK_STRING(take_from(credentials), "role/s/t of the metadata of this instance");
	CHECK_INT(peer.request_count, 3);
	CHECK_CONTAINS(fake_peer_request(&peer, 0), "PUT /latest/api/token ");
	CHECK_CONTAINS(fake_peer_request(&peer, 0), "ttl-seconds: 21600");
	CHECK_CONTAINS(fake_peer_request(&peer, 2), "/security-credentials/my-role ");
	CHECK_CONTAINS(fake_peer_request(&peer, 2), "X-aws-ec2-metadata-token: a token");
	aws_credentials_expire(credentials); /* looked up again; the last turn is no token, */
	CHECK_STRING(take_from(credentials), "auth"); /* so its URL leads nowhere */
	aws_credentials_free(credentials);
	fake_peer_stop(&peer);
}

TEST(keys__that_expire_soon_are_renewed)
{
	static const char body[] = "{\"AccessKeyId\": \"old\", \"SecretAccessKey\": \"s\", "
				   "\"Expiration\": \"2001-01-01T00:00:00Z\"}";
	const struct fake_turn turns[] = { { .body = body }, { .body = keys_of_role } };
	struct fake_peer peer;
	struct aws_credentials *credentials;
	begin();
	fake_peer_start(&peer, turns, 2);
	setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", peer.url, 1);
	MUST(aws_credentials_new(NULL, &credentials, &err));
	CHECK_STRING(take_from(credentials), "old/s/- of the container");
	CHECK_STRING(take_from(credentials), "role/s/t of the container");
	CHECK_STRING(take_from(credentials), "role/s/t of the container");
	CHECK_INT(peer.request_count, 2);
	aws_credentials_free(credentials);
	fake_peer_stop(&peer);
}

TEST(container__is_shown_the_token_of_a_file)
{
	const struct fake_turn turns[] = { { .body = keys_of_role }, { .status = "403 No" },
		{ .body = "{}" } };
	char path[200];
	struct fake_peer peer;
	begin();
	fake_peer_start(&peer, turns, 3);
	setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", peer.url, 1);
	setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", "of the environment", 1);
	write_file("token", "of the file\n");
	snprintf(path, sizeof(path), "%s/token", home);
	setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", path, 1);
	CHECK_STRING(take(), "role/s/t of the container");
	CHECK_CONTAINS(fake_peer_request(&peer, 0), "Authorization: of the file\r\n");
	CHECK_STRING(take(), "auth");
	CHECK_CONTAINS(err.message, "HTTP status 403");
	CHECK_STRING(take(), "auth");
	CHECK_CONTAINS(err.message, "without AWS credentials");
	setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "/nowhere", 1);
	CHECK_STRING(take(), "not_found");
	CHECK_CONTAINS(err.message, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
	fake_peer_stop(&peer);
}

TEST(container__is_not_asked_over_the_network_in_plain)
{
	static const char *const far[] = { "http://example.org/x", "http://127.evil.example/",
		"http://localhost.example.org/", "http://169.254.170.2.example.org/", "ftp://x" };
	begin();
	for (size_t i = 0; i < sizeof(far) / sizeof(far[0]); i++) {
		setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", far[i], 1);
		CHECK_STRING(take(), "auth");
		CHECK_CONTAINS(err.message, "AWS_CONTAINER_CREDENTIALS_FULL_URI");
	}
}

int main(void)
{
	char text[200];
	if (!mkdtemp(home))
		return 1;
	setenv("HOME", home, 1);
	snprintf(text, sizeof(text), "%s/.aws", home);
	mkdir(text, 0700);
	RUN(environment__goes_first);
	RUN(profile__comes_next);
	RUN(nothing__eauth_says_what_to_set);
	RUN(instance__is_asked_with_a_token_and_once);
	RUN(keys__that_expire_soon_are_renewed);
	RUN(container__is_shown_the_token_of_a_file);
	RUN(container__is_not_asked_over_the_network_in_plain);
	snprintf(text, sizeof(text), "rm -rf '%s'", home);
	return system(text) == 0 ? check_done() : 1;
}
