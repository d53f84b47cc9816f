/* SPDX-License-Identifier: Apache-2.0 */
#include "scratch_store.h"

static struct scratch s;
static mlm_run *run;

static const char pixels[] = "\1\2\3\4\5\6\7\10\11\12\13\14";

static void start(void)
{
	scratch_make(&s);
	mlm_manager_options options = scratch_options(&s);
	options.artifacts = "blob:";
	MUST(mlm_manager_open(&options, &s.manager, &err));
	MUST(mlm_experiment_create(s.manager, "tests", NULL, NULL, &err));
	MUST(mlm_run_start(s.manager, NULL, &run, &err));
}

static void end(void)
{
	scratch_remove(&s);
}

TEST(log_image__stores_a_png)
{
	mlm_artifact about;
	start();
	MUST(mlm_run_log_image(run, "i.png", pixels, 2, 2, 3, &err));
	MUST(mlm_artifact_find(s.manager, mlm_run_id(run), "i.png", &about, &err));
	CHECK(about.size_bytes > 50);
	CHECK_STATUS(mlm_run_log_image(run, "j.png", "", 0, 2, 3, &err), MLM_EINVAL);
	CHECK_STATUS(mlm_run_log_image(run, "j.jpg", "\1", 1, 1, 1, &err), MLM_EINVAL);
	CHECK_CONTAINS(err.message, "ends with .png");
	end();
}

TEST(log_image_step__stores_a_png_and_a_webp_and_a_tag)
{
	mlm_artifact_list *list;
	mlm_run_list *stored;
	start();
	MUST(mlm_run_log_image_step(run, "a dog/left", -3, 1700000000123, pixels, 2, 2, 3, &err));
	MUST(mlm_artifact_list_directory(s.manager, mlm_run_id(run), "images", &list, &err));
	CHECK_INT(list->count, 2);
	/* images/a dog~left+step+-3+timestamp+1700000000123+ID and two endings */
	static const char start_of_name[] = "images/a dog~left+step+-3+timestamp+1700000000123+";
	const size_t id_end = strlen(start_of_name) + 36;
	for (size_t i = 0; i < list->count; i++)
		CHECK(strncmp(list->items[i].path, start_of_name, strlen(start_of_name)) == 0);
	CHECK_STRING(list->items[0].path + id_end, "+compressed.webp");
	CHECK_STRING(list->items[1].path + id_end, ".png");
	CHECK(strncmp(list->items[0].path, list->items[1].path, id_end) == 0);
	mlm_artifact_list_free(list);
	MUST(mlm_run_get(s.manager, mlm_run_id(run), &stored, &err));
	const char *tag = NULL;
	for (size_t i = 0; i < stored->items[0].tag_count; i++)
		if (strcmp(stored->items[0].tags[i].key, "mlflow.loggedImages") == 0)
			tag = stored->items[0].tags[i].value;
	CHECK_STRING(tag, "True");
	mlm_run_list_free(stored);
	end();
}

TEST(log_image_step__two_at_one_time_are_two)
{
	mlm_artifact_list *list;
	start();
	MUST(mlm_run_log_image_step(run, "k", 1, 5, pixels, 2, 2, 3, &err));
	MUST(mlm_run_log_image_step(run, "k", 1, 5, pixels, 2, 2, 3, &err));
	MUST(mlm_artifact_list_directory(s.manager, mlm_run_id(run), "images", &list, &err));
	CHECK_INT(list->count, 4);
	mlm_artifact_list_free(list);
	end();
}

TEST(log_image_step__einval_and_nothing_stored)
{
	mlm_artifact_list *list;
	char key[MLM_IMAGE_KEY_MAX + 2];
	start();
	memset(key, 'x', sizeof(key) - 1);
	key[sizeof(key) - 1] = '\0';
	static const char *const keys[] = { "", "a+b", "50%", "\xc3\xbc", "a\nb" };
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		CHECK_STATUS(mlm_run_log_image_step(run, keys[i], 0, 0, pixels, 2, 2, 3, &err),
			MLM_EINVAL);
	CHECK_CONTAINS(err.message, "has others");
	CHECK_STATUS(mlm_run_log_image_step(run, key, 0, 0, pixels, 2, 2, 3, &err), MLM_EINVAL);
	CHECK_CONTAINS(err.message, "1 to 128 bytes");
	CHECK_STATUS(mlm_run_log_image_step(run, "k", 0, -5, pixels, 2, 2, 3, &err), MLM_EINVAL);
	CHECK_CONTAINS(err.message, "-5");
	CHECK_STATUS(mlm_run_log_image_step(run, "k", 0, 0, pixels, 2, 0, 3, &err), MLM_EINVAL);
	CHECK_STATUS(mlm_run_log_image_step(run, NULL, 0, 0, pixels, 2, 2, 3, &err), MLM_EINVAL);
	CHECK_STATUS(mlm_run_log_image_step(run, "k", 0, 0, NULL, 2, 2, 3, &err), MLM_EINVAL);
	MUST(mlm_artifact_list_directory(s.manager, mlm_run_id(run), "images", &list, &err));
	CHECK_INT(list->count, 0);
	mlm_artifact_list_free(list);
	key[MLM_IMAGE_KEY_MAX] = '\0';
	MUST(mlm_run_log_image_step(run, key, INT64_MIN, INT64_MAX, pixels, 2, 2, 3, &err));
	end();
}

int main(void)
{
	RUN(log_image__stores_a_png);
	RUN(log_image_step__stores_a_png_and_a_webp_and_a_tag);
	RUN(log_image_step__two_at_one_time_are_two);
	RUN(log_image_step__einval_and_nothing_stored);
	return check_done();
}
