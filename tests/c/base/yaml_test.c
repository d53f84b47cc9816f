/* SPDX-License-Identifier: Apache-2.0 */
#include "base/yaml.h"

#include "check.h"

static mlm_error err = MLM_ERROR_INIT;
static struct arena *arena;

static struct yaml_map read_text(const char *text)
{
	struct yaml_map map;
	MUST(yaml_read(text, strlen(text), "meta.yaml", arena, &map, &err));
	return map;
}

TEST(read__takes_what_pyyaml_writes)
{
	struct yaml_map map = read_text("artifact_uri: file:///x y/ä\nend_time: null\n"
					"run_name: 'it''s: 1'\nstatus: 3\ntags: []\nnone:\n");
	CHECK_STRING(yaml_get(&map, "artifact_uri"), "file:///x y/ä");
	CHECK_STRING(yaml_get(&map, "run_name"), "it's: 1");
	CHECK_STRING(yaml_get(&map, "status"), "3");
	CHECK(!yaml_get(&map, "end_time"));
	CHECK(!yaml_get(&map, "none"));
	CHECK(!yaml_get(&map, "tags"));
	CHECK(!yaml_get(&map, "missing"));
}

TEST(read__tells_null_from_the_word)
{
	struct yaml_map map = read_text("a: \"null\"\nb: ~\n\"c\": ''\n");
	CHECK_STRING(yaml_get(&map, "a"), "null");
	CHECK(!yaml_get(&map, "b"));
	CHECK_STRING(yaml_get(&map, "c"), "");
}

TEST(read__gives_a_mapping_below_with_its_parent)
{
	struct yaml_map map = read_text("source_id: d1\ntags:\n  a: \"1\"\n  deep: {x: {y: z}}\n"
					"  list: [1, {k: v}]\n  b: two\nlast: 1\n");
	CHECK_INT(map.count, 4);
	CHECK_STRING(map.entries[1].parent, "tags");
	CHECK_STRING(map.entries[1].key, "a");
	CHECK_STRING(map.entries[2].key, "b");
	CHECK_STRING(map.entries[2].value, "two");
	CHECK_STRING(yaml_get(&map, "last"), "1");
	CHECK(!yaml_get(&map, "a"));
}

TEST(read__passes_over_aliases)
{
	struct yaml_map map = read_text("a: &x [1, 1]\nb: *x\nc: 1\n");
	CHECK(!yaml_get(&map, "b"));
	CHECK_STRING(yaml_get(&map, "c"), "1");
}

TEST(read__last_of_equal_keys_counts)
{
	struct yaml_map map = read_text("a: 1\na: 2\n");
	CHECK_STRING(yaml_get(&map, "a"), "2");
}

TEST(read__ecorrupt_says_where)
{
	static const char *const broken[] = { "", "just text", "- a\n- b\n", "a: [1\nb: 2\n",
		"a: \"\xff\"\n", "a: b: c\n" };
	struct yaml_map map;
	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
		CHECK_STATUS(
			yaml_read(broken[i], strlen(broken[i]), "7/meta.yaml", arena, &map, &err),
			MLM_ECORRUPT);
		CHECK_CONTAINS(err.message, "7/meta.yaml");
	}
	char deep[200];
	memset(deep, '[', sizeof(deep));
	CHECK_STATUS(yaml_read(deep, sizeof(deep), "m", arena, &map, &err), MLM_ECORRUPT);
}

TEST(write__is_read_back)
{
	static const char hard[] = "tab\t \"quotes\" 'single' \\ line\nend: # ä 😀 \x01";
	const struct yaml_value values[] = {
		{ .key = "text", .text = hard },
		{ .key = "number", .number = -5, .is_number = true },
		{ .key = "nothing" },
		{ .parent = "tags", .key = "a", .text = "1" },
		{ .parent = "tags", .key = "1.0", .text = "" },
		{ .key = "last", .text = "x" },
		{ .parent = "empty" },
	};
	const char *text;
	size_t size;
	MUST(yaml_write(values, 7, arena, &text, &size, &err));
	struct yaml_map map;
	MUST(yaml_read(text, size, "m", arena, &map, &err));
	CHECK_STRING(yaml_get(&map, "text"), hard);
	CHECK_STRING(yaml_get(&map, "number"), "-5");
	CHECK(!yaml_get(&map, "nothing"));
	CHECK_STRING(yaml_get(&map, "last"), "x");
	CHECK_INT(map.count, 6);
	CHECK_STRING(map.entries[4].parent, "tags");
	CHECK_STRING(map.entries[4].key, "1.0");
}

TEST(write__einval_for_what_is_not_utf8)
{
	const struct yaml_value value = { .key = "k", .text = "\xff" };
	const char *text;
	size_t size;
	CHECK_STATUS(yaml_write(&value, 1, arena, &text, &size, &err), MLM_EINVAL);
}

int main(void)
{
	arena = arena_new(NULL);
	RUN(read__takes_what_pyyaml_writes);
	RUN(read__tells_null_from_the_word);
	RUN(read__gives_a_mapping_below_with_its_parent);
	RUN(read__passes_over_aliases);
	RUN(read__last_of_equal_keys_counts);
	RUN(read__ecorrupt_says_where);
	RUN(write__is_read_back);
	RUN(write__einval_for_what_is_not_utf8);
	arena_free(arena);
	return check_done();
}
