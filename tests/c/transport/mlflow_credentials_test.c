/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/mlflow_credentials.h"

#include <sys/stat.h>
#include <unistd.h>

#include "check.h"

static mlm_error err = MLM_ERROR_INIT;
static char home[] = "/tmp/mlm-home-XXXXXX";

static void forget_environment(void)
{
	unsetenv("MLFLOW_TRACKING_USERNAME");
	unsetenv("MLFLOW_TRACKING_PASSWORD");
	unsetenv("MLFLOW_TRACKING_TOKEN");
}

static void write_file(const char *text)
{
	char path[128];
	snprintf(path, sizeof(path), "%s/.mlflow", home);
	mkdir(path, 0700);
	snprintf(path, sizeof(path), "%s/.mlflow/credentials", home);
	unlink(path);
	if (!text)
		return;
	FILE *file = fopen(path, "w");
	if (!file)
		exit(1);
	fputs(text, file);
	fclose(file);
}

static void check(const char *user, const char *password, const char *token)
{
	struct mlflow_credentials credentials;
	MUST(mlflow_credentials_read(NULL, &credentials, &err));
	const char *actual[] = { credentials.user, credentials.password, credentials.token };
	const char *expected[] = { user, password, token };
	for (int i = 0; i < 3; i++) {
		CHECK_INT(actual[i] != NULL, expected[i] != NULL);
		if (actual[i] && expected[i])
			CHECK_STRING(actual[i], expected[i]);
	}
	mlflow_credentials_clear(&credentials);
	CHECK(!credentials.user && !credentials.password && !credentials.token);
}

TEST(mlflow_credentials_read__environment)
{
	write_file(NULL);
	forget_environment();
	check(NULL, NULL, NULL);
	setenv("MLFLOW_TRACKING_TOKEN", "t", 1);
	check(NULL, NULL, "t");
	setenv("MLFLOW_TRACKING_USERNAME", "ada", 1);
	check(NULL, NULL, "t"); /* a user without a password is no login */
	setenv("MLFLOW_TRACKING_PASSWORD", "secret", 1);
	check("ada", "secret", NULL);
	forget_environment();
}

TEST(mlflow_credentials_read__file_as_mlflow_writes_it)
{
	forget_environment();
	write_file("# mine\n[other]\nmlflow_tracking_username = nobody\n"
		   "[mlflow]\nmlflow_tracking_username = ada\n"
		   "MLFLOW_TRACKING_PASSWORD:  p=a:s s \n");
	check("ada", "p=a:s s", NULL);
	setenv("MLFLOW_TRACKING_PASSWORD", "other", 1);
	check("ada", "other", NULL);
	forget_environment();
	write_file("[mlflow]\nmlflow_tracking_username = ada\n");
	check(NULL, NULL, NULL);
	write_file("no section\n=\n[mlflow\nmlflow_tracking_username\n");
	check(NULL, NULL, NULL);
	write_file(NULL);
}

int main(void)
{
	if (!mkdtemp(home))
		return 1;
	setenv("HOME", home, 1);
	RUN(mlflow_credentials_read__environment);
	RUN(mlflow_credentials_read__file_as_mlflow_writes_it);
	char path[128];
	snprintf(path, sizeof(path), "%s/.mlflow", home);
	rmdir(path);
	rmdir(home);
	return check_done();
}
