/* SPDX-License-Identifier: Apache-2.0 */

#include "transport/aws_profile.h"

#include <sys/stat.h>
#include <unistd.h>

#include "check.h"

static mlm_error err = MLM_ERROR_INIT;
static char home[] = "/tmp/mlm aws profile.XXXXXX";

static void write_file(const char *name, const char *text)
{
	char path[200];
	snprintf(path, sizeof(path), "%s/.aws/%s", home, name);
	FILE *file = fopen(path, "w");
	if (!file || fputs(text, file) < 0 || fclose(file) != 0)
		exit(1);
}

static const char *value_of(const char *profile, const char *key)
{
	static char text[100];
	char *value;
	MUST(aws_profile_read(NULL, profile, key, &value, NULL, &err));
	snprintf(text, sizeof(text), "%s", value ? value : "none");
	free(value);
	return text;
}

TEST(profile__is_read_from_both_files)
{
	write_file("credentials", "# ours\n[default]\naws_access_key_id = first\n\n"
				  "[team]\r\nAWS_ACCESS_KEY_ID=second\r\n; x = y\nempty =\n");
	write_file("config", "[default]\nregion = eu-central-1\naws_access_key_id = hidden\n"
			     "[profile team]\ns3 =\n  region = no\n  endpoint_url = no\n"
			     "region=us-west-2\n[profile \"two words\"]\nregion = there\n"
			     "[bare]\nregion = not of a profile\n");
	CHECK_STRING(value_of("default", "aws_access_key_id"), "first");
	CHECK_STRING(value_of("default", "region"), "eu-central-1");
	CHECK_STRING(value_of("team", "aws_access_key_id"), "second");
	CHECK_STRING(value_of("team", "region"), "us-west-2");
	CHECK_STRING(value_of("team", "endpoint_url"), "none");
	CHECK_STRING(value_of("team", "empty"), "none");
	CHECK_STRING(value_of("two words", "region"), "there");
	CHECK_STRING(value_of("bare", "region"), "none");
	char *region, *style;
	setenv("AWS_PROFILE", "team", 1);
	MUST(aws_profile_read_s3(NULL, "region", &region, &err));
	CHECK_STRING(region, "no");
	MUST(aws_profile_read_s3(NULL, "addressing_style", &style, &err));
	CHECK(!style);
	free(region);
	unsetenv("AWS_PROFILE");
	bool exists;
	char *value;
	MUST(aws_profile_read(NULL, "nobody", "region", &value, &exists, &err));
	CHECK(!exists && !value);
}

TEST(profile__is_named_by_the_environment_and_so_are_the_files)
{
	char path[200];
	CHECK_STRING(aws_profile_name(), "default");
	setenv("AWS_DEFAULT_PROFILE", "other", 1);
	CHECK_STRING(aws_profile_name(), "other");
	setenv("AWS_PROFILE", "team", 1);
	CHECK_STRING(aws_profile_name(), "team");
	snprintf(path, sizeof(path), "%s/.aws/elsewhere", home);
	write_file("elsewhere", "[team]\nregion = of elsewhere\n");
	setenv("AWS_SHARED_CREDENTIALS_FILE", path, 1);
	CHECK_STRING(value_of("team", "region"), "of elsewhere");
	setenv("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/elsewhere", 1);
	CHECK_STRING(value_of("team", "region"), "of elsewhere");
	setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere", 1);
	CHECK_STRING(value_of("team", "region"), "us-west-2");
	unsetenv("AWS_SHARED_CREDENTIALS_FILE");
}

TEST(region__is_of_the_environment_the_profile_or_the_first_of_all)
{
	char *region;
	MUST(aws_region_read(NULL, &region, &err));
	CHECK_STRING(region, "us-west-2");
	free(region);
	setenv("AWS_DEFAULT_REGION", "sa-east-1", 1);
	MUST(aws_region_read(NULL, &region, &err));
	CHECK_STRING(region, "sa-east-1");
	free(region);
	setenv("AWS_REGION", "eu-west-3", 1);
	MUST(aws_region_read(NULL, &region, &err));
	CHECK_STRING(region, "eu-west-3");
	free(region);
	unsetenv("AWS_REGION");
	unsetenv("AWS_DEFAULT_REGION");
	setenv("AWS_PROFILE", "bare", 1);
	MUST(aws_region_read(NULL, &region, &err));
	CHECK_STRING(region, "us-east-1");
	free(region);
}

int main(void)
{
	char command[200];
	static const char *const names[] = { "AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_REGION",
		"AWS_DEFAULT_REGION", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE" };
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		unsetenv(names[i]);
	if (!mkdtemp(home))
		return 1;
	setenv("HOME", home, 1);
	snprintf(command, sizeof(command), "%s/.aws", home);
	mkdir(command, 0700);
	RUN(profile__is_read_from_both_files);
	RUN(profile__is_named_by_the_environment_and_so_are_the_files);
	RUN(region__is_of_the_environment_the_profile_or_the_first_of_all);
	snprintf(command, sizeof(command), "rm -rf '%s'", home);
	return system(command) == 0 ? check_done() : 1;
}
