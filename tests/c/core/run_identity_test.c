/* SPDX-License-Identifier: Apache-2.0 */
#include "core/run_identity.h"

#include "check.h"
#include "mlmanager/run.h"

static mlm_error err = MLM_ERROR_INIT;

TEST(run_identity_find__gives_what_was_added_last)
{
	struct run_identity *identity = run_identity_new(NULL);
	CHECK(!run_identity_find(identity, "a"));
	MUST(run_identity_add(identity, "a", "1", &err));
	MUST(run_identity_add(identity, "b", "2", &err));
	MUST(run_identity_add(identity, "a", "3", &err));
	CHECK_STRING(run_identity_find(identity, "a"), "3");
	CHECK_STRING(run_identity_find(identity, "b"), "2");
	CHECK(!run_identity_find(identity, "3"));
	run_identity_free(identity);
	run_identity_free(NULL);
}

TEST(run_identity_find__finds_among_many)
{
	struct run_identity *identity = run_identity_new(NULL);
	char there[MLM_ID_SIZE], here[MLM_ID_SIZE];
	for (int i = 0; i < 5000; i++) {
		snprintf(there, sizeof(there), "%032x", i);
		snprintf(here, sizeof(here), "%032x", 5000 - i);
		MUST(run_identity_add(identity, there, here, &err));
	}
	for (int i = 0; i < 5000; i++) {
		snprintf(there, sizeof(there), "%032x", i);
		snprintf(here, sizeof(here), "%032x", 5000 - i);
		CHECK_STRING(run_identity_find(identity, there), here);
	}
	snprintf(there, sizeof(there), "%032x", 5000);
	CHECK(!run_identity_find(identity, there));
	run_identity_free(identity);
}

/* A tag may hold anything. */
TEST(run_identity_add__passes_over_what_is_no_id)
{
	struct run_identity *identity = run_identity_new(NULL);
	char text[MLM_ID_SIZE + 1];
	memset(text, 'x', MLM_ID_SIZE);
	text[MLM_ID_SIZE] = '\0';
	MUST(run_identity_add(identity, text, "1", &err));
	CHECK(!run_identity_find(identity, text));
	MUST(run_identity_add(identity, text + 1, "1", &err));
	CHECK_STRING(run_identity_find(identity, text + 1), "1");
	run_identity_free(identity);
}

int main(void)
{
	RUN(run_identity_find__gives_what_was_added_last);
	RUN(run_identity_find__finds_among_many);
	RUN(run_identity_add__passes_over_what_is_no_id);
	return check_done();
}
