/* SPDX-License-Identifier: Apache-2.0 */
#include "core/limits.h"

#include "check.h"

static mlm_error err;

static mlm_status check(const char *key)
{
	return limits_check_key(key, strlen(key), "metric key", &err);
}

TEST(check_key__takes_what_mlflow_takes)
{
	static const char *const good[] = { "loss", "val/loss", "a b", "a-b_c.d:e", "größe", "損失",
		"x/y/z", ".hidden", "1", "½" };
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		CHECK_INT(check(good[i]), MLM_OK);
}

TEST(check_key__einval_on_characters_and_paths)
{
	static const char *const bad[] = { "a#b", "a%b", "a\nb", "a=b", "../x", "a/../b", "..", ".",
		"a//b", "/a", "a/", "./a", "..a", "\xff", "\xc3", "😀" };
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		CHECK_STATUS(check(bad[i]), MLM_EINVAL);
		CHECK_CONTAINS(err.message, "metric key");
	}
	CHECK_STATUS(check(""), MLM_EINVAL);
	CHECK_CONTAINS(err.message, "empty");
	CHECK_STATUS(limits_check_key("a\0b", 3, "metric key", &err), MLM_EINVAL);
}

TEST(check_key__counts_characters_and_not_bytes)
{
	char key[3 * MLM_KEY_MAX + 10] = "";
	for (int i = 0; i < MLM_KEY_MAX; i++)
		memcpy(key + 3 * i, "損", 3);
	CHECK_INT(check(key), MLM_OK);
	key[3 * MLM_KEY_MAX] = 'a';
	CHECK_STATUS(check(key), MLM_EINVAL);
	CHECK_CONTAINS(err.message, "251 characters");
}

TEST(check_value__einval_over_the_limit_unless_truncating)
{
	struct arena *arena = arena_new(NULL);
	const char *value = NULL;
	unsetenv("MLFLOW_TRUNCATE_LONG_VALUES");
	CHECK_INT(limits_check_value("k", "äöü", 3, "param", arena, &value, &err), MLM_OK);
	CHECK_STATUS(limits_check_value("k", "äöüx", 3, "param", arena, &value, &err), MLM_EINVAL);
	CHECK_CONTAINS(err.message, "param 'k' has 4 characters");
	setenv("MLFLOW_TRUNCATE_LONG_VALUES", "true", 1);
	CHECK_INT(limits_check_value("k", "äöüx", 3, "param", arena, &value, &err), MLM_OK);
	CHECK_STRING(value, "äöü");
	unsetenv("MLFLOW_TRUNCATE_LONG_VALUES");
	arena_free(arena);
}

TEST(check_value__einval_on_what_is_not_utf8)
{
	const char *value = NULL;
	CHECK_STATUS(limits_check_value("k", "\xfe", 10, "tag", NULL, &value, &err), MLM_EINVAL);
	CHECK_CONTAINS(err.message, "not UTF-8");
	CHECK_STATUS(limits_check_value("k", NULL, 10, "tag", NULL, &value, &err), MLM_EINVAL);
}

TEST(check_experiment_name__einval_on_empty_and_long)
{
	char name[MLM_EXPERIMENT_NAME_MAX + 2];
	memset(name, 'x', sizeof(name));
	name[MLM_EXPERIMENT_NAME_MAX] = '\0';
	CHECK_INT(limits_check_experiment_name(name, &err), MLM_OK);
	name[MLM_EXPERIMENT_NAME_MAX] = 'x';
	name[MLM_EXPERIMENT_NAME_MAX + 1] = '\0';
	CHECK_STATUS(limits_check_experiment_name(name, &err), MLM_EINVAL);
	CHECK_STATUS(limits_check_experiment_name("", &err), MLM_EINVAL);
	CHECK_STATUS(limits_check_experiment_name(NULL, &err), MLM_EINVAL);
}

int main(void)
{
	RUN(check_key__takes_what_mlflow_takes);
	RUN(check_key__einval_on_characters_and_paths);
	RUN(check_key__counts_characters_and_not_bytes);
	RUN(check_value__einval_over_the_limit_unless_truncating);
	RUN(check_value__einval_on_what_is_not_utf8);
	RUN(check_experiment_name__einval_on_empty_and_long);
	return check_done();
}
