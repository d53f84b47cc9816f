/* SPDX-License-Identifier: Apache-2.0 */
#include "artifact/local_uri.h"

#include "check.h"

static mlm_error err = MLM_ERROR_INIT;

static const char *path_of(const char *uri)
{
	static char kept[200];
	char *path = NULL;
	if (local_uri_to_path(NULL, uri, &path, &err) != MLM_OK)
		return mlm_status_name(err.status);
	snprintf(kept, sizeof(kept), "%s", path);
	free(path);
	return kept;
}

/* What Python's urlparse and url2pathname, and so MLflow, make of the same. */
TEST(local_uri_to_path__reads_uris_as_mlflow_does)
{
	CHECK_STRING(path_of("file:///a/b"), "/a/b");
	CHECK_STRING(path_of("file:/a/b"), "/a/b");
	CHECK_STRING(path_of("file://localhost/a"), "/a");
	CHECK_STRING(path_of("file:///a%20b/%C3%A4%23"), "/a b/\xC3\xA4#");
	CHECK_STRING(path_of("file:///a%2Fb"), "/a/b");
	CHECK_STRING(path_of("file:///100%/%4"), "/100%/%4");
	CHECK_STRING(path_of("file:///a?x#y"), "/a");
	CHECK_STRING(path_of("/a b/c#d?e"), "/a b/c#d?e");
	CHECK_STRING(path_of("/a%20b"), "/a b");
	CHECK_STRING(path_of("relative/x"), "relative/x");
}

TEST(local_uri_to_path__einval_eunsupported)
{
	CHECK_STRING(path_of("file:"), "invalid");
	CHECK_STRING(path_of("file://"), "invalid");
	CHECK_STRING(path_of("file:///a%00b"), "invalid");
	CHECK_STRING(path_of("file://otherhost/a"), "unsupported");
	CHECK_CONTAINS(err.message, "another machine");
	CHECK_STRING(path_of("file://local/a"), "unsupported");
}

TEST(local_uri_of_path__is_read_back)
{
	char *uri = local_uri_of_path(NULL, "/a%20b/100%/#?");
	CHECK_STRING(uri, "/a%2520b/100%25/#?");
	CHECK_STRING(path_of(uri), "/a%20b/100%/#?");
	free(uri);
}

int main(void)
{
	RUN(local_uri_to_path__reads_uris_as_mlflow_does);
	RUN(local_uri_to_path__einval_eunsupported);
	RUN(local_uri_of_path__is_read_back);
	return check_done();
}
