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
		"AWS_EC2_METADATA_SERVICE_ENDPOINT", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN",
		"AWS_ROLE_SESSION_NAME", "AWS_ENDPOINT_URL_STS", "AWS_ENDPOINT_URL", "AWS_REGION",
		"AWS_DEFAULT_REGION" };
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
	write_file(".aws/config", "[profile team]\nsso_session = s\nsso_account_id = 1\n"
				  "aws_access_key_id = hidden\naws_secret_access_key = b\n");
	CHECK_STRING(take(), "auth"); /* and not another identity */
	CHECK_CONTAINS(err.message, "sso_account_id");
	CHECK_CONTAINS(err.message, "export-credentials --profile team");
}

static const char lent[] = "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>lent"
			   "</AccessKeyId><SecretAccessKey>s/+</SecretAccessKey><SessionToken>t="
			   "</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration>"
			   "</Credentials></AssumeRoleResult></AssumeRoleResponse>";

TEST(role__is_taken_up_by_the_keys_of_another_profile)
{
	static const struct fake_turn turns[] = { { .body = lent }, { .body = lent },
		{ .status = "403 No",
			.body = "<ErrorResponse><Error><Code>AccessDenied</Code><Message>not you"
				"</Message></Error></ErrorResponse>" } };
	struct fake_peer peer;
	struct aws_credentials *credentials;
	begin();
	fake_peer_start(&peer, turns, 3);
	setenv("AWS_ENDPOINT_URL_STS", peer.url, 1);
	setenv("AWS_PROFILE", "chain", 1);
	write_file(".aws/credentials",
		"[base]\naws_access_key_id = base\naws_secret_access_key = b\n");
	write_file(".aws/config",
		"[profile chain]\nrole_arn = arn:aws:iam::1:role/outer\nsource_profile = inner\n"
		"external_id = a b\nduration_seconds = 900\nregion = eu-west-3\n"
		"[profile inner]\nrole_arn = arn:aws:iam::1:role/inner\nsource_profile = base\n"
		"[profile base]\nrole_arn = arn:aws:iam::1:role/unused\nsource_profile = base\n"
		"[profile round]\nrole_arn = a\nsource_profile = round\n"
		"[profile half]\nrole_arn = a\n"
		"[profile code]\nrole_arn = a\nsource_profile = base\nmfa_serial = m\n"
		"[profile odd]\nrole_arn = a\ncredential_source = Moon\n");
	MUST(aws_credentials_new(NULL, &credentials, &err));
	CHECK_STRING(take_from(credentials), "lent/s/+/t= of the role of ~/.aws/config");
	CHECK_STRING(take_from(credentials), "lent/s/+/t= of the role of ~/.aws/config");
	CHECK_INT(peer.request_count, 2);
	CHECK_CONTAINS(fake_peer_request(&peer, 0), "Credential=base/");
	CHECK_CONTAINS(fake_peer_request(&peer, 0), "/eu-west-3/sts/aws4_request");
	CHECK_CONTAINS(fake_peer_request(&peer, 0),
		"Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Finner"
		"&RoleSessionName=mlmanager-");
	CHECK_CONTAINS(fake_peer_request(&peer, 1), "Credential=lent/");
	CHECK_CONTAINS(fake_peer_request(&peer, 1), "x-amz-security-token: t=");
	CHECK_CONTAINS(fake_peer_request(&peer, 1), "&DurationSeconds=900&ExternalId=a%20b");
	aws_credentials_expire(credentials);
	CHECK_STRING(take_from(credentials), "auth");
	CHECK_CONTAINS(err.message, "role/inner");
	CHECK_CONTAINS(err.message, "AccessDenied, not you");
	aws_credentials_free(credentials);
	static const char *const wrong[][2] = { { "round", "round in circles" },
		{ "half", "source_profile or credential_source" }, { "code", "mfa_serial" },
		{ "odd", "Ec2InstanceMetadata" } };
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		setenv("AWS_PROFILE", wrong[i][0], 1);
		CHECK_STRING(take(), "auth");
		CHECK_CONTAINS(err.message, wrong[i][1]);
	}
	fake_peer_stop(&peer);
}

TEST(role__is_taken_up_by_a_token_that_is_read_each_time)
{
	static const struct fake_turn turn = { .body = lent };
	char path[200];
	struct fake_peer peer;
	begin();
	fake_peer_start(&peer, &turn, 1);
	write_file(".aws/credentials",
		"[default]\naws_access_key_id = a\naws_secret_access_key = b\n");
	write_file(".aws/config", "");
	snprintf(path, sizeof(path), "%s/token", home);
	setenv("AWS_ENDPOINT_URL_STS", peer.url, 1);
	setenv("AWS_WEB_IDENTITY_TOKEN_FILE", path, 1);
	CHECK_STRING(take(), "auth");
	CHECK_CONTAINS(err.message, "AWS_ROLE_ARN");
	setenv("AWS_ROLE_ARN", "arn:aws:iam::1:role/pod", 1);
	setenv("AWS_ROLE_SESSION_NAME", "a pod", 1);
	remove(path);
	CHECK_STRING(take(), "not_found");
	write_file("token", "one\n");
	CHECK_STRING(take(), "lent/s/+/t= of the role of the web identity");
	write_file("token", "two");
	CHECK_STRING(take(), "lent/s/+/t= of the role of the web identity");
	CHECK_CONTAINS(fake_peer_request(&peer, 0),
		"Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn="
		"arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fpod&RoleSessionName=a%20pod&WebIdentityToken=one");
	CHECK(!strstr(fake_peer_request(&peer, 0), "Authorization"));
	CHECK_CONTAINS(fake_peer_request(&peer, 1), "WebIdentityToken=two");
	setenv("AWS_ACCESS_KEY_ID", "id", 1);
	setenv("AWS_SECRET_ACCESS_KEY", "secret", 1);
	CHECK_STRING(take(), "id/secret/- of the environment");
	fake_peer_stop(&peer);
}

TEST(process__prints_keys)
{
	begin();
	write_file(".aws/credentials", "");
	write_file(".aws/config",
		"[default]\naws_access_key_id = later\naws_secret_access_key = b\n"
		"credential_process = printf '{\"Version\": 1, \"AccessKeyId\": \"%s\", "
		"\"SecretAccessKey\": \"s\", \"SessionToken\": \"t\"}' \"of a program\"\n"
		"[profile fails]\ncredential_process = sh -c 'exit 3'\n"
		"[profile odd]\ncredential_process = echo {\"Version\":2}\n");
	CHECK_STRING(take(), "of a program/s/t of the credential_process of ~/.aws/config");
	setenv("AWS_PROFILE", "fails", 1);
	CHECK_STRING(take(), "auth");
	CHECK_CONTAINS(err.message, "'fails' failed: it ended with status 3");
	setenv("AWS_PROFILE", "odd", 1);
	CHECK_STRING(take(), "auth");
	CHECK_CONTAINS(err.message, "printed no keys");
	write_file(".aws/config", "");
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
	RUN(role__is_taken_up_by_the_keys_of_another_profile);
	RUN(role__is_taken_up_by_a_token_that_is_read_each_time);
	RUN(process__prints_keys);
	RUN(nothing__eauth_says_what_to_set);
	RUN(instance__is_asked_with_a_token_and_once);
	RUN(keys__that_expire_soon_are_renewed);
	RUN(container__is_shown_the_token_of_a_file);
	RUN(container__is_not_asked_over_the_network_in_plain);
	snprintf(text, sizeof(text), "rm -rf '%s'", home);
	return system(text) == 0 ? check_done() : 1;
}
