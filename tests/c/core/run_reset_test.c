/* SPDX-License-Identifier: Apache-2.0 */
#include "base/directory.h"
#include "scratch_store.h"

static const mlm_text text = { "k", "v" };

TEST(run_reset__deletes_the_files_in_its_artifact_directory)
{
	struct scratch s;
	mlm_run *run = NULL;
	mlm_run_list *list = NULL;
	char directory[512];
	char path[600];
	scratch_start(&s, &run);
	MUST(mlm_run_get(s.manager, mlm_run_id(run), &list, &err));
	snprintf(directory, sizeof(directory), "%s/sub", list->items[0].artifact_uri);
	mlm_run_list_free(list);
	CHECK_INT(directory_make(directory), 0);
	snprintf(path, sizeof(path), "%s/model.bin", directory);
	FILE *file = fopen(path, "w");
	CHECK(file && fclose(file) == 0);
	MUST(mlm_run_reset(run, &err));
	CHECK(access(path, F_OK) != 0 && access(directory, F_OK) != 0);
	*strrchr(directory, '/') = '\0';
	CHECK(access(directory, F_OK) == 0);
	for (int i = 0; i < 4; i++) { /* mlartifacts/<experiment>/<run>/artifacts */
		CHECK(rmdir(directory) == 0);
		*strrchr(directory, '/') = '\0';
	}
	scratch_remove(&s);
}

TEST(run_reset__eunsupported_where_artifacts_are_elsewhere_and_nothing_is_lost)
{
	struct scratch s;
	mlm_run *run = NULL;
	mlm_run_list *list = NULL;
	mlm_experiment_options elsewhere = MLM_EXPERIMENT_OPTIONS_INIT;
	elsewhere.artifact_location = "gs://bucket/path";
	scratch_open(&s);
	MUST(mlm_experiment_create(s.manager, "remote", &elsewhere, NULL, &err));
	MUST(mlm_run_start(s.manager, NULL, &run, &err));
	MUST(mlm_run_log_params(run, &text, 1, &err));
	CHECK_STATUS(mlm_run_reset(run, &err), MLM_EUNSUPPORTED);
	CHECK_CONTAINS(err.message, "gs://bucket/path");
	MUST(mlm_run_get(s.manager, mlm_run_id(run), &list, &err));
	CHECK_INT(list->items[0].param_count, 1);
	mlm_run_list_free(list);
	scratch_remove(&s);
}

TEST(run_reset__estate_after_the_end)
{
	struct scratch s;
	mlm_run *run = NULL;
	scratch_start(&s, &run);
	MUST(mlm_run_end(run, MLM_RUN_UNCHANGED, &err));
	CHECK_STATUS(mlm_run_reset(run, &err), MLM_ESTATE);
	scratch_remove(&s);
}

int main(void)
{
	RUN(run_reset__deletes_the_files_in_its_artifact_directory);
	RUN(run_reset__eunsupported_where_artifacts_are_elsewhere_and_nothing_is_lost);
	RUN(run_reset__estate_after_the_end);
	return check_done();
}
