/* SPDX-License-Identifier: Apache-2.0 */
#include "base/options.h"
#include "check.h"
#include "mlmanager/mlmanager.h"

/* A struct of three versions, as a program that was compiled against each of them has it. */
struct first {
	uint32_t version;
	const char *name;
	bool fast;
};

struct second {
	uint32_t version;
	const char *name;
	bool fast;
	bool safe; /* where the first version has padding */
	int64_t size_bytes;
};

struct third {
	uint32_t version;
	const char *name;
	bool fast;
	bool safe;
	int64_t size_bytes;
	double rate;
};

static const struct options_layout layout = {
	.name = "mlm_example_options",
	.ends = { OPTIONS_END(struct first, fast), OPTIONS_END(struct second, size_bytes),
		OPTIONS_END(struct third, rate) },
	.newest = 3,
	.size = sizeof(struct third),
};

static mlm_error err;

TEST(options_take__copies_the_present_version)
{
	struct third theirs = { 3, "x", true, true, 17, 0.5 };
	struct third ours;
	MUST(options_take(&ours, &theirs, &layout, &err));
	CHECK_STRING(ours.name, "x");
	CHECK(ours.fast && ours.safe && ours.size_bytes == 17 && ours.rate == 0.5);
}

TEST(options_take__has_zeros_where_an_older_struct_ends)
{
	struct third ours;
	struct first *oldest = malloc(sizeof(*oldest)); /* so that reading more is an error */
	memset(oldest, 0xFF, sizeof(*oldest));
	oldest->version = 1;
	oldest->name = "old";
	oldest->fast = true;
	MUST(options_take(&ours, oldest, &layout, &err));
	free(oldest);
	CHECK_INT(ours.version, 3);
	CHECK_STRING(ours.name, "old");
	CHECK(ours.fast && !ours.safe && ours.size_bytes == 0 && ours.rate == 0);

	struct second newer = { 2, "newer", false, true, 17 };
	MUST(options_take(&ours, &newer, &layout, &err));
	CHECK(!ours.fast && ours.safe && ours.size_bytes == 17 && ours.rate == 0);
}

TEST(options_take__has_zeros_for_null)
{
	struct third ours;
	memset(&ours, 0xFF, sizeof(ours));
	MUST(options_take(&ours, NULL, &layout, &err));
	CHECK_INT(ours.version, 3);
	CHECK(!ours.name && !ours.fast && !ours.safe && ours.size_bytes == 0 && ours.rate == 0);
}

TEST(options_take__einval_for_a_version_of_the_future_and_for_none)
{
	struct third theirs = { 4, "x", true, true, 17, 0.5 };
	struct third ours;
	CHECK_STATUS(options_take(&ours, &theirs, &layout, &err), MLM_EINVAL);
	CHECK_CONTAINS(err.message, "mlm_example_options.version is 4");
	theirs.version = 0;
	CHECK_STATUS(options_take(&ours, &theirs, &layout, &err), MLM_EINVAL);
	CHECK_CONTAINS(err.message, "_INIT");
}

/* Every call that takes options looks at their version first. */
TEST(every_call_with_options__einval_for_a_version_of_the_future)
{
	mlm_manager_options manager_options = MLM_MANAGER_OPTIONS_INIT;
	mlm_experiment_options experiment_options = MLM_EXPERIMENT_OPTIONS_INIT;
	mlm_run_options run_options = MLM_RUN_OPTIONS_INIT;
	mlm_query query = MLM_QUERY_INIT;
	mlm_csv_options csv_options = MLM_CSV_OPTIONS_INIT;
	mlm_evaluator_options evaluator_options = MLM_EVALUATOR_OPTIONS_INIT;
	mlm_manager *manager = NULL;
	mlm_run_list *runs = NULL;
	mlm_experiment_list *experiments = NULL;
	mlm_csv *csv = NULL;
	mlm_evaluator *evaluator = NULL;
	manager_options.version++;
	experiment_options.version++;
	run_options.version++;
	query.version++;
	csv_options.version++;
	evaluator_options.version++;
	CHECK_STATUS(mlm_manager_open(&manager_options, &manager, &err), MLM_EINVAL);
	CHECK_CONTAINS(err.message, "mlm_manager_options.version");
	CHECK_STATUS(mlm_experiment_create(NULL, "x", &experiment_options, NULL, &err), MLM_EINVAL);
	CHECK_STATUS(mlm_run_start(NULL, &run_options, NULL, &err), MLM_EINVAL);
	CHECK_STATUS(mlm_run_search(NULL, &query, &runs, &err), MLM_EINVAL);
	CHECK_STATUS(mlm_experiment_search(NULL, &query, &experiments, &err), MLM_EINVAL);
	CHECK_STATUS(mlm_csv_parse("a\n1\n", 4, &csv_options, &csv, &err), MLM_EINVAL);
	CHECK_STATUS(mlm_csv_read("/dev/null", &csv_options, &csv, &err), MLM_EINVAL);
	CHECK_STATUS(mlm_evaluator_new(MLM_EVALUATOR_BINARY, &evaluator_options, &evaluator, &err),
		MLM_EINVAL);
}

int main(void)
{
	RUN(options_take__copies_the_present_version);
	RUN(options_take__has_zeros_where_an_older_struct_ends);
	RUN(options_take__has_zeros_for_null);
	RUN(options_take__einval_for_a_version_of_the_future_and_for_none);
	RUN(every_call_with_options__einval_for_a_version_of_the_future);
	return check_done();
}
