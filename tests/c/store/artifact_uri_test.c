/* SPDX-License-Identifier: Apache-2.0 */
#include "store/artifact_uri.h"

#include "check.h"

/* What MLflow 3.17 answers for these. */
static const struct sample {
	const char *root;
	const char *joined;
} samples[] = {
	{ "/a/b", "/a/b/5" },
	{ "/a/b/", "/a/b/5" },
	{ "/", "/5" },
	{ "s3://b", "s3://b/5" },
	{ "s3://b/", "s3://b/5" },
	{ "s3://b/p?x=1", "s3://b/p/5?x=1" },
	{ "s3://b/p/?x=1#f", "s3://b/p/5?x=1#f" },
	{ "s3://b?x=1", "s3://b/5?x=1" },
	{ "file:///a", "file:///a/5" },
	{ "mlflow-artifacts:/", "mlflow-artifacts:/5" },
	{ "/a?b", "/a?b/5" },
	{ "a#b", "a#b/5" },
	{ "relative", "relative/5" },
	{ "", "5" },
	{ "blob:", "blob:5" },
	{ "s3://b/p#f", "s3://b/p/5#f" },
};

TEST(artifact_uri_append__joins_as_mlflow_does)
{
	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		char *joined = artifact_uri_append(NULL, samples[i].root, "5");
		CHECK_STRING(joined, samples[i].joined);
		free(joined);
	}
}

int main(void)
{
	RUN(artifact_uri_append__joins_as_mlflow_does);
	return check_done();
}
