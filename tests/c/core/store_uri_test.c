/* SPDX-License-Identifier: Apache-2.0 */
#include "core/store_uri.h"

#include <unistd.h>

#include "check.h"

static mlm_error err;
static struct store_place place;

static mlm_status resolve(const char *store)
{
	mlm_manager_options options = MLM_MANAGER_OPTIONS_INIT;
	options.store = store;
	store_place_clear(&place);
	return store_place_resolve(&options, &place, &err);
}

TEST(resolve__one_spelling_for_all_forms)
{
	CHECK_INT(resolve("sqlite:x.db"), MLM_OK);
	CHECK_STRING(place.uri, "sqlite:/tmp/x.db");
	CHECK_STRING(place.artifacts, "/tmp/mlartifacts");
	CHECK_STRING(place.journal_dir, "/tmp/x.db-journal.d");
	CHECK_INT(resolve("sqlite:///x.db"), MLM_OK);
	CHECK_STRING(place.uri, "sqlite:/tmp/x.db");
	CHECK_INT(resolve("sqlite:////tmp/x.db"), MLM_OK);
	CHECK_STRING(place.uri, "sqlite:/tmp/x.db");
	CHECK_INT(resolve("sqlite:/tmp/a b#c%20.db"), MLM_OK);
	CHECK_STRING(place.path, "/tmp/a b#c%20.db");
}

TEST(resolve__a_server_has_no_password_in_its_name_and_its_journals_at_home)
{
	setenv("XDG_STATE_HOME", "/state", 1);
	CHECK_INT(resolve("HTTPS://ada:secret@Host.example/team/"), MLM_OK);
	CHECK_STRING(place.uri, "https://host.example/team");
	CHECK_STRING(place.address, "HTTPS://ada:secret@Host.example/team/");
	CHECK(!place.path && !place.artifacts && !place.is_network);
	CHECK_CONTAINS(place.journal_dir, "/state/mlmanager/");
	char first[128];
	snprintf(first, sizeof(first), "%s", place.journal_dir);
	CHECK_INT(resolve("https://host.example:443/team"), MLM_OK);
	CHECK_STRING(place.journal_dir, first);
	CHECK_INT(resolve("https://host.example/other"), MLM_OK);
	CHECK(strcmp(place.journal_dir, first) != 0);
	unsetenv("XDG_STATE_HOME");
	CHECK_INT(resolve("http://ada:secret@/"), MLM_EINVAL);
	CHECK(!strstr(err.message, "secret"));
	mlm_manager_options options = MLM_MANAGER_OPTIONS_INIT;
	options.store = "http://host";
	options.artifacts = "/mine";
	store_place_clear(&place);
	CHECK_STATUS(store_place_resolve(&options, &place, &err), MLM_EINVAL);
	CHECK_CONTAINS(err.message, "tracking server decides");
}

TEST(resolve__a_database_server_has_no_password_in_its_name)
{
	CHECK_INT(resolve("postgresql+psycopg2://ada:se%40cret@db:5433/runs?sslmode=require"),
		MLM_OK);
	CHECK_STRING(place.uri, "postgresql://ada@db:5433/runs?sslmode=require");
	CHECK_STRING(place.address, "postgresql://ada:se%40cret@db:5433/runs?sslmode=require");
	CHECK_STRING(place.artifacts, "/tmp/mlartifacts");
	CHECK(!place.path && !place.is_network);
	CHECK_INT(resolve("postgres:///runs?host=/run/pg&password=secret&user=ada"), MLM_OK);
	CHECK_STRING(place.uri, "postgresql:///runs?host=/run/pg&user=ada");
	CHECK_INT(resolve("postgresql://ada:se@cret@db/runs"), MLM_OK);
	CHECK_STRING(place.uri, "postgresql://ada@db/runs");
	CHECK_INT(resolve("postgresql://db/runs?user=ada&password=secret"), MLM_OK);
	CHECK_STRING(place.uri, "postgresql://db/runs?user=ada");
	CHECK_INT(resolve("postgresql://db/runs?password=secret"), MLM_OK);
	CHECK_STRING(place.uri, "postgresql://db/runs");
	CHECK_STATUS(resolve("postgresql:runs"), MLM_EINVAL);
	CHECK_CONTAINS(err.message, "postgresql://USER@HOST/DATABASE");
	CHECK_STATUS(resolve("postgrest://ada:secret@db/runs"), MLM_EUNSUPPORTED);
	CHECK(!strstr(err.message, "secret"));
}

TEST(resolve__follows_the_environment)
{
	setenv("MLFLOW_TRACKING_URI", "sqlite:///env.db", 1);
	setenv("MLMANAGER_JOURNAL_DIR", "/var/tmp/journals", 1);
	CHECK_INT(resolve(NULL), MLM_OK);
	CHECK_STRING(place.path, "/tmp/env.db");
	CHECK_CONTAINS(place.journal_dir, "/var/tmp/journals/");
	CHECK_INT(resolve("sqlite:given.db"), MLM_OK);
	CHECK_STRING(place.path, "/tmp/given.db");
	unsetenv("MLFLOW_TRACKING_URI");
	unsetenv("MLMANAGER_JOURNAL_DIR");
	CHECK_INT(resolve(NULL), MLM_OK);
	CHECK_STRING(place.path, "/tmp/mlmanager.db");
}

static const char *artifacts_of(const char *artifacts)
{
	mlm_manager_options options = MLM_MANAGER_OPTIONS_INIT;
	options.store = "sqlite:x.db";
	options.artifacts = artifacts;
	store_place_clear(&place);
	MUST(store_place_resolve(&options, &place, &err));
	return place.artifacts;
}

TEST(resolve__artifacts_are_a_uri_that_mlflow_reads_as_the_path)
{
	CHECK_STRING(artifacts_of(NULL), "/tmp/mlartifacts");
	CHECK_STRING(artifacts_of("sub dir/#1"), "/tmp/sub dir/#1");
	CHECK_STRING(artifacts_of("/a%20b/c:d"), "/a%2520b/c:d");
	CHECK_STRING(artifacts_of("file:///a%20b"), "file:///a%20b");
	CHECK_STRING(artifacts_of("s3://bucket/x"), "s3://bucket/x");
	CHECK_STRING(artifacts_of("blob:"), "blob:/");
	CHECK_STRING(artifacts_of("blob:/"), "blob:/");
}

TEST(resolve__einval_on_a_blob_with_a_path)
{
	mlm_manager_options options = MLM_MANAGER_OPTIONS_INIT;
	options.store = "sqlite:x.db";
	options.artifacts = "blob:/somewhere";
	store_place_clear(&place);
	CHECK_STATUS(store_place_resolve(&options, &place, &err), MLM_EINVAL);
	CHECK_CONTAINS(err.message, "blob:");
}

TEST(resolve__einval_on_s3_without_a_bucket)
{
	static const char *const bad[] = { "s3:", "s3:bucket", "s3:/bucket", "s3://",
		"s3:///path" };
	mlm_manager_options options = MLM_MANAGER_OPTIONS_INIT;
	options.store = "sqlite:x.db";
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		options.artifacts = bad[i];
		store_place_clear(&place);
		CHECK_STATUS(store_place_resolve(&options, &place, &err), MLM_EINVAL);
		CHECK_CONTAINS(err.message, "s3://BUCKET/PATH");
	}
}

TEST(resolve__einval_shows_the_right_form)
{
	static const char *const bad[] = { "x.db", "sqlite://x.db", "sqlite:", "sqlite3:x",
		"sqlite::memory:" };
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		CHECK_STATUS(resolve(bad[i]), MLM_EINVAL);
		CHECK_CONTAINS(err.message, "sqlite:PATH");
	}
}

TEST(resolve__eunsupported_without_the_password)
{
	CHECK_STATUS(resolve("mysql://me:secret@host/db"), MLM_EUNSUPPORTED);
	CHECK(!strstr(err.message, "secret"));
	CHECK_STATUS(resolve("mysql://me:a/b@secret@host/db"), MLM_EUNSUPPORTED);
	CHECK(!strstr(err.message, "secret"));
}

TEST(resolve__enotfound_on_a_missing_directory)
{
	CHECK_STATUS(resolve("sqlite:/nonexistent/dir/x.db"), MLM_ENOTFOUND);
	CHECK_CONTAINS(err.message, "/nonexistent/dir");
}

int main(void)
{
	if (chdir("/tmp") != 0)
		return 1;
	unsetenv("MLFLOW_TRACKING_URI");
	unsetenv("MLMANAGER_JOURNAL_DIR");
	RUN(resolve__one_spelling_for_all_forms);
	RUN(resolve__a_server_has_no_password_in_its_name_and_its_journals_at_home);
	RUN(resolve__a_database_server_has_no_password_in_its_name);
	RUN(resolve__follows_the_environment);
	RUN(resolve__artifacts_are_a_uri_that_mlflow_reads_as_the_path);
	RUN(resolve__einval_on_a_blob_with_a_path);
	RUN(resolve__einval_on_s3_without_a_bucket);
	RUN(resolve__einval_shows_the_right_form);
	RUN(resolve__eunsupported_without_the_password);
	RUN(resolve__enotfound_on_a_missing_directory);
	store_place_clear(&place);
	return check_done();
}
