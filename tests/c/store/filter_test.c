/* SPDX-License-Identifier: Apache-2.0 */
#include "store/filter.h"

#include <locale.h>
#include <math.h>

#include "check.h"

static struct arena *arena;
static mlm_error err;
static struct filter filter;
static struct filter_order_list orders;

static mlm_status parse(enum filter_subject subject, const char *text)
{
	arena_reset(arena);
	err = (mlm_error)MLM_ERROR_INIT;
	return filter_parse(arena, subject, text, &filter, &err);
}

static mlm_status parse_order(enum filter_subject subject, const char *entry)
{
	arena_reset(arena);
	err = (mlm_error)MLM_ERROR_INIT;
	return filter_parse_order(arena, subject, &entry, 1, &orders, &err);
}

/* The clause of a filter that must have one only; a harmless one where it has not. */
static struct filter_clause only(enum filter_subject subject, const char *text)
{
	static const struct filter_value none[1];
	static const struct filter_clause empty = { .key = "", .values = none, .value_count = 99 };
	if (parse(subject, text) != MLM_OK)
		printf("  %s: %s\n", text, err.message);
	CHECK_INT(filter.count, 1);
	return filter.count == 1 ? filter.clauses[0] : empty;
}

static void check_fault(enum filter_subject subject, const char *text, size_t position, size_t size,
	const char *part)
{
	CHECK_STATUS(parse(subject, text), MLM_EINVAL);
	CHECK_CONTAINS(err.message, part);
	CHECK_INT(filter.count, 0);
	if (err.position != position + 1 || err.size != size) {
		printf("  %s: \"%s\" at %u, %u\n", text, err.message, err.position, err.size);
		CHECK(false);
	}
	char place[40];
	snprintf(place, sizeof(place), "filter, byte %zu: ", position + 1);
	CHECK(strncmp(err.message, place, strlen(place)) == 0);
}

TEST(filter_parse__nothing_finds_everything)
{
	static const char *const texts[] = { NULL, "", " \t\n", "and", "AND And" };
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		MUST(parse(FILTER_RUNS, texts[i]));
		CHECK_INT(filter.count, 0);
	}
}

TEST(filter_parse__reads_each_entity)
{
	static const struct {
		const char *text;
		enum filter_entity entity;
		enum filter_attribute attribute;
		const char *key;
	} cases[] = {
		{ "metrics.a > 1", FILTER_METRIC, FILTER_NO_ATTRIBUTE, "a" },
		{ "metric.a.b > 1", FILTER_METRIC, FILTER_NO_ATTRIBUTE, "a.b" },
		{ "`metrics`.a > 1", FILTER_METRIC, FILTER_NO_ATTRIBUTE, "a" },
		{ "metrics.`a b/c` > 1", FILTER_METRIC, FILTER_NO_ATTRIBUTE, "a b/c" },
		{ "metrics.\"a-b\" > 1", FILTER_METRIC, FILTER_NO_ATTRIBUTE, "a-b" },
		{ "metrics.'a-b' > 1", FILTER_METRIC, FILTER_NO_ATTRIBUTE, "a-b" },
		{ "metrics.\"`a`\" > 1", FILTER_METRIC, FILTER_NO_ATTRIBUTE, "a" },
		{ "metrics.1a > 1", FILTER_METRIC, FILTER_NO_ATTRIBUTE, "1a" },
		{ "metrics.7 > 1", FILTER_METRIC, FILTER_NO_ATTRIBUTE, "7" },
		{ "metrics.and > 1", FILTER_METRIC, FILTER_NO_ATTRIBUTE, "and" },
		{ "metrics.\xd0\xb6\xc3\xa9 > 1", FILTER_METRIC, FILTER_NO_ATTRIBUTE,
			"\xd0\xb6\xc3\xa9" },
		{ "param.a = ''", FILTER_PARAM, FILTER_NO_ATTRIBUTE, "a" },
		{ "parameters.a = ''", FILTER_PARAM, FILTER_NO_ATTRIBUTE, "a" },
		{ "tags.mlflow.source.name = ''", FILTER_TAG, FILTER_NO_ATTRIBUTE,
			"mlflow.source.name" },
		{ "status = ''", FILTER_ATTRIBUTE, FILTER_STATUS, NULL },
		{ "\"status\" = ''", FILTER_ATTRIBUTE, FILTER_STATUS, NULL },
		{ "attr.`user_id` = ''", FILTER_ATTRIBUTE, FILTER_USER_ID, NULL },
		{ "run.run_id = ''", FILTER_ATTRIBUTE, FILTER_RUN_ID, NULL },
		{ "Created > 1", FILTER_ATTRIBUTE, FILTER_START_TIME, NULL },
		{ "end_time > 1", FILTER_ATTRIBUTE, FILTER_END_TIME, NULL },
		{ "artifact_uri = ''", FILTER_ATTRIBUTE, FILTER_ARTIFACT_URI, NULL },
		{ "dataset.name = ''", FILTER_DATASET, FILTER_DATASET_NAME, NULL },
		{ "datasets.context = ''", FILTER_DATASET, FILTER_DATASET_CONTEXT, NULL },
		/* a run's name is looked for in its tag */
		{ "run_name = ''", FILTER_TAG, FILTER_NO_ATTRIBUTE, "mlflow.runName" },
		{ "attributes.`Run name` = ''", FILTER_TAG, FILTER_NO_ATTRIBUTE, "mlflow.runName" },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct filter_clause clause = only(FILTER_RUNS, cases[i].text);
		CHECK_INT(clause.entity, cases[i].entity);
		CHECK_INT(clause.attribute, cases[i].attribute);
		if (cases[i].key)
			CHECK_STRING(clause.key, cases[i].key);
		else
			CHECK(clause.key == NULL);
	}
}

TEST(filter_parse__reads_each_operator)
{
	static const struct {
		const char *text;
		enum filter_operator op;
		size_t value_count;
	} cases[] = {
		{ "metrics.a=1", FILTER_EQUAL, 1 },
		{ "metrics.a!=1", FILTER_NOT_EQUAL, 1 },
		{ "metrics.a<1", FILTER_LESS, 1 },
		{ "metrics.a<=1", FILTER_LESS_EQUAL, 1 },
		{ "metrics.a>1", FILTER_GREATER, 1 },
		{ "metrics.a >= 1", FILTER_GREATER_EQUAL, 1 },
		{ "tags.a like 'x'", FILTER_LIKE, 1 },
		{ "tags.a ILIKE'x'", FILTER_ILIKE, 1 },
		{ "tags.a is null", FILTER_IS_NULL, 0 },
		{ "tags.a IS  NOT\nNULL", FILTER_IS_NOT_NULL, 0 },
		{ "run_id IN ('a', \"b\" , 'c')", FILTER_IN, 3 },
		{ "run_id not  in('a',)", FILTER_NOT_IN, 1 },
		{ "dataset.digest IN ('a')", FILTER_IN, 1 },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct filter_clause clause = only(FILTER_RUNS, cases[i].text);
		CHECK_INT(clause.op, cases[i].op);
		CHECK_INT(clause.value_count, cases[i].value_count);
	}
	CHECK_STRING(only(FILTER_RUNS, "run_id IN ('a', \"b\" , 'c')").values[1].text, "b");
}

TEST(filter_parse__reads_numbers)
{
	static const struct {
		const char *text;
		double value;
	} cases[] = {
		{ "metrics.a > 1", 1 },
		{ "metrics.a > -1", -1 },
		{ "metrics.a>-.5", -.5 },
		{ "metrics.a > 1.", 1 },
		{ "metrics.a > 1e5", 1e5 },
		{ "metrics.a > 1.5E-5", 1.5e-5 },
		{ "metrics.a > 1e+5", 1e5 },
		{ "metrics.a > 1e999", INFINITY },
		{ "metrics.a > 123456789012345678901234567890", 123456789012345678901234567890.0 },
		{ "start_time > 1.5", 1.5 },
		{ "start_time > 1e12", 1e12 },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct filter_clause clause = only(FILTER_RUNS, cases[i].text);
		CHECK_INT(clause.values[0].type, FILTER_REAL);
		CHECK(clause.values[0].real == cases[i].value);
	}
	struct filter_clause time = only(FILTER_RUNS, "start_time != 9223372036854775807");
	CHECK_INT(time.values[0].type, FILTER_INTEGER);
	CHECK_INT(time.values[0].integer, INT64_MAX);
	struct filter_clause id = only(FILTER_EXPERIMENTS, "experiment_id IN ('3', ' -4 ')");
	CHECK_INT(id.values[1].type, FILTER_INTEGER);
	CHECK_INT(id.values[1].integer, -4);
}

TEST(filter_parse__numbers_have_a_point_in_any_locale)
{
	const char *name = setlocale(LC_NUMERIC, "de_DE.UTF-8");
	if (!name)
		printf("  this machine has no locale with a decimal comma, shown for C only\n");
	CHECK(only(FILTER_RUNS, "metrics.a > 0.5").values[0].real == 0.5);
	if (name)
		setlocale(LC_NUMERIC, "C");
}

TEST(filter_parse__text_stands_as_it_is)
{
	static const struct {
		const char *text, *value;
	} cases[] = {
		{ "tags.a = ''", "" },
		{ "tags.a = 'say \"hi\"'", "say \"hi\"" },
		{ "tags.a = \"it's\"", "it's" },
		{ "tags.a = 'it''s'", "it''s" },
		{ "tags.a = 'it\\'s'", "it\\'s" },
		{ "tags.a = 'C:\\'", "C:\\" },
		{ "tags.a = '100%_'", "100%_" },
		{ "tags.a = 'a\nb'", "a\nb" },
		{ "tags.a = 'x AND y'", "x AND y" },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		CHECK_STRING(only(FILTER_RUNS, cases[i].text).values[0].text, cases[i].value);
}

TEST(filter_parse__joins_by_and)
{
	static const char *const texts[] = {
		"metrics.a > 1 AND params.b = 'x'",
		"metrics.a > 1 and params.b = 'x' AND",
		"and metrics.a>1 and and params.b='x'",
		"metrics.a > 1 params.b = 'x'",
		"metrics.a\xc2\xa0> 1\n\tAND params.b = 'x'and",
	};
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		MUST(parse(FILTER_RUNS, texts[i]));
		CHECK_INT(filter.count, 2);
		CHECK_STRING(filter.clauses[0].key, "a");
		CHECK_STRING(filter.clauses[1].key, "b");
	}
}

TEST(filter_parse__einval_says_what_and_where)
{
	static const struct {
		const char *text;
		size_t position, size;
		const char *part;
	} cases[] = {
		{ "metrcs.a > 1", 0, 6, "did you mean 'metrics'?" },
		{ "Params.a = 'x'", 0, 6, "did you mean 'params'?" },
		{ "\"metrics\".a > 1", 0, 9, "unknown entity" },
		{ "foo.a = 'x'", 0, 3,
			"metrics, params, tags, attributes and datasets can be searched for" },
		{ "statsu = 'x'", 0, 6, "unknown run attribute 'statsu', did you mean 'status'?" },
		{ "lifecycle_stage = 'x'", 0, 15, "it must be one of run_id, run_name" },
		{ "attributes.lifecycle_stage = 'x'", 11, 15, "unknown run attribute" },
		{ "dataset.nam = 'x'", 8, 3, "did you mean 'name'?" },
		{ "'status' = 'x'", 0, 8, "in ` or \"" },
		{ "metrics.a > 1 OR metrics.b > 1", 14, 2, "OR is not supported" },
		{ "or", 0, 2, "OR is not supported" },
		{ "(metrics.a > 1)", 0, 1, "parentheses are not supported" },
		{ "metrics.a > 1 and (status = 'x')", 18, 1, "parentheses are not supported" },
		{ "metrics.a > 1)", 13, 1, "parentheses are not supported" },
		{ "not metrics.a > 1", 0, 3, "NOT goes with IN and NULL only" },
		{ "tags.a not like 'x'", 7, 8, "NOT goes with IN and NULL only" },
		{ "metrics.a == 1", 10, 2, "write = instead" },
		{ "metrics.a <> 1", 10, 2, "write != instead" },
		{ "metrics.a => 1", 10, 2, "an operator must stand here, not '=>'" },
		{ "metrics.a ! = 1", 10, 1, "an operator must stand here" },
		{ "tags.a likes 'x'", 7, 5, "did you mean 'LIKE'?" },
		{ "tags.a rlike 'x'", 7, 5, "did you mean" },
		{ "metrics.a between 1 and 2", 10, 7, "an operator must stand here" },
		{ "metrics.a-b > 1", 9, 1,
			"a key with '-' must be in quotes, as in metrics.`a-b`" },
		{ "metrics.a/b > 1", 9, 1, "a key with '/' must be in quotes" },
		{ "metrics. a > 1", 8, 0, "a key must follow the dot" },
		{ "metrics.`` > 1", 8, 2, "a key must follow the dot" },
		{ "metrics.`a`.b > 1", 11, 1, "quoted as a whole" },
		{ "metrics .a > 1", 0, 7, "unknown run attribute 'metrics'" },
		{ "metrics.a", 9, 0, "an operator and a value must follow 'metrics.a'" },
		{ "metrics.a >", 11, 0, "a value must follow '>'" },
		{ "metrics.a > 'x'", 12, 3, "is compared with a number, not with 'x'" },
		{ "metrics.a > 1and metrics.b > 2", 12, 4, "not with '1and'" },
		{ "metrics.a > 1.2.3", 12, 5, "not with '1.2.3'" },
		{ "metrics.a > nan", 12, 3, "is compared with a number" },
		{ "metrics.a > - 1", 12, 1, "is compared with a number" },
		{ "metrics.a > 0x10", 12, 4, "is compared with a number" },
		{ "metrics.a LIKE 'x'", 10, 4, "it has =, !=, <, <=, > and >=" },
		{ "metrics.a IS NULL", 10, 7, "cannot be compared by IS NULL" },
		{ "end_time IS NOT NULL", 9, 11, "cannot be compared by IS NOT NULL" },
		{ "start_time > 99999999999999999999", 13, 20, "a 64-bit integer" },
		{ "start_time > '5'", 13, 3, "is compared with a number" },
		{ "params.a > 'x'", 9, 1, "cannot be compared by >" },
		{ "params.a = x", 11, 1, "must be a text in ' or \"" },
		{ "params.a = 5", 11, 1, "must be a text in ' or \"" },
		{ "params.a = `x`", 11, 3, "must be a text in ' or \"" },
		{ "params.a = ('x')", 11, 1, "must be a text" },
		{ "params.a = 'x", 11, 2, "the quote ' is not closed" },
		{ "params.`a = 'x'", 7, 8, "the quote ` is not closed" },
		{ "params.a = 'x' 'y'", 15, 3, "AND must follow a comparison" },
		{ "params.a = 'x', params.b = 'y'", 14, 1, "AND must follow a comparison" },
		{ "params.a = 'x';", 14, 1, "AND must follow a comparison" },
		{ "params.a = 'x' adn params.b = 'y'", 15, 3, "did you mean 'AND'?" },
		{ "params.a IN ('a')", 9, 2, "cannot be compared by IN" },
		{ "params.a IS 'x'", 12, 3, "NULL or NOT NULL must follow IS" },
		{ "status in ('a')", 7, 2, "IN is for run_id and datasets" },
		{ "run_id > 'a'", 7, 1, "cannot be compared by >" },
		{ "run_id IN 'a'", 10, 3, "a list such as ('a', 'b') must follow IN" },
		{ "run_id IN ()", 11, 1, "at least one value" },
		{ "run_id IN (1)", 11, 1, "must be a text" },
		{ "run_id IN ('a' 'b')", 15, 3, "texts with commas between" },
		{ "run_id IN ('a'", 14, 0, "closed by ')'" },
		{ "> 1", 0, 1, "a key such as metrics.loss must stand here, not '>'" },
		{ "1 < metrics.a", 0, 1, "a key such as metrics.loss must stand here" },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		check_fault(FILTER_RUNS, cases[i].text, cases[i].position, cases[i].size,
			cases[i].part);
}

TEST(filter_parse__experiments_have_their_own_fields)
{
	CHECK_INT(only(FILTER_EXPERIMENTS, "name ilike 'x%'").attribute, FILTER_EXPERIMENT_NAME);
	CHECK_INT(only(FILTER_EXPERIMENTS, "attribute.creation_time > 5").values[0].type,
		FILTER_INTEGER);
	CHECK_STRING(only(FILTER_EXPERIMENTS, "tag.a IS NULL").key, "a");
	check_fault(FILTER_EXPERIMENTS, "params.a = 'x'", 0, 6, "tags and attribute can be");
	check_fault(FILTER_EXPERIMENTS, "attributes.name = 'x'", 0, 10, "did you mean 'attribute'");
	check_fault(FILTER_EXPERIMENTS, "status = 'x'", 0, 6, "unknown experiment attribute");
	check_fault(FILTER_EXPERIMENTS, "experiment_id = 1", 16, 1, "must be a text");
	check_fault(FILTER_EXPERIMENTS, "experiment_id = 'a'", 16, 3, "a text of digits");
	check_fault(FILTER_EXPERIMENTS, "experiment_id = '4 a'", 16, 5, "a text of digits");
	check_fault(FILTER_EXPERIMENTS, "experiment_id LIKE '1'", 14, 4, "cannot be compared by");
	check_fault(FILTER_EXPERIMENTS, "creation_time > 5.5", 16, 3, "a 64-bit integer");
	check_fault(FILTER_EXPERIMENTS, "name IN ('x')", 5, 2, "cannot be compared by IN");
	check_fault(FILTER_EXPERIMENTS, "name IS NULL", 5, 7, "cannot be compared by IS NULL");
}

TEST(filter_parse__einval_beyond_its_limits)
{
	static char text[FILTER_BYTES_MAX + 2];
	memset(text, ' ', FILTER_BYTES_MAX);
	MUST(parse(FILTER_RUNS, text));
	text[FILTER_BYTES_MAX] = ' ';
	check_fault(FILTER_RUNS, text, 0, FILTER_BYTES_MAX + 1, "more than 1048576");

	size_t used = 0;
	for (int i = 0; i < FILTER_CLAUSES_MAX; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "status='x' ");
	MUST(parse(FILTER_RUNS, text));
	CHECK_INT(filter.count, FILTER_CLAUSES_MAX);
	snprintf(text + used, sizeof(text) - used, "status='x'");
	check_fault(FILTER_RUNS, text, used, 6, "at most 100 comparisons");

	used = (size_t)snprintf(text, sizeof(text), "run_id IN (");
	for (int i = 0; i < FILTER_LIST_MAX; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "'a',");
	snprintf(text + used, sizeof(text) - used, ")");
	CHECK_INT(only(FILTER_RUNS, text).value_count, FILTER_LIST_MAX);
	snprintf(text + used, sizeof(text) - used, "'a')");
	check_fault(FILTER_RUNS, text, used, 3, "at most 10000 values");
}

TEST(filter_parse__messages_are_one_line)
{
	check_fault(FILTER_RUNS, "params.a = `x\n\x1b[2J`", 11, 8, "not '`x  [2J`'");
}

TEST(filter_parse__long_text_is_cut_on_a_character)
{
	char text[200];
	size_t used = (size_t)snprintf(text, sizeof(text), "params.a = ");
	for (int i = 0; i < 30; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "\xe2\x82\xac");
	CHECK_STATUS(parse(FILTER_RUNS, text), MLM_EINVAL);
	CHECK_CONTAINS(err.message, "\xe2\x82\xac'");
	CHECK(strlen(err.message) < 150);
}

TEST(filter_parse_order__reads_keys_and_directions)
{
	static const struct {
		const char *text;
		enum filter_entity entity;
		enum filter_attribute attribute;
		const char *key;
		bool descending;
	} cases[] = {
		{ "metrics.loss", FILTER_METRIC, FILTER_NO_ATTRIBUTE, "loss", false },
		{ "metrics.loss DESC", FILTER_METRIC, FILTER_NO_ATTRIBUTE, "loss", true },
		{ "metrics.`val loss`\tasc", FILTER_METRIC, FILTER_NO_ATTRIBUTE, "val loss",
			false },
		{ "params.\"a b\" desc", FILTER_PARAM, FILTER_NO_ATTRIBUTE, "a b", true },
		{ "tags.mlflow.user", FILTER_TAG, FILTER_NO_ATTRIBUTE, "mlflow.user", false },
		{ "metrics.desc DESC", FILTER_METRIC, FILTER_NO_ATTRIBUTE, "desc", true },
		{ "  start_time DESC ", FILTER_ATTRIBUTE, FILTER_START_TIME, NULL, true },
		{ "attr.created", FILTER_ATTRIBUTE, FILTER_START_TIME, NULL, false },
		{ "run_name", FILTER_ATTRIBUTE, FILTER_RUN_NAME, NULL, false },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		MUST(parse_order(FILTER_RUNS, cases[i].text));
		CHECK_INT(orders.count, 1);
		CHECK_INT(orders.items[0].entity, cases[i].entity);
		CHECK_INT(orders.items[0].attribute, cases[i].attribute);
		CHECK_INT(orders.items[0].descending, cases[i].descending);
		if (cases[i].key)
			CHECK_STRING(orders.items[0].key, cases[i].key);
	}
	MUST(parse_order(FILTER_EXPERIMENTS, "creation_time DESC"));
	CHECK_INT(orders.items[0].attribute, FILTER_CREATION_TIME);
}

TEST(filter_parse_order__einval_says_what_and_where)
{
	static const struct {
		const char *text;
		size_t position, size;
		const char *part;
	} cases[] = {
		{ "", 0, 0, "a key such as metrics.loss is missing" },
		{ "metrics.a DESC NULLS LAST", 15, 5, "only ASC or DESC may follow the key" },
		{ "metrics.a down", 10, 4, "only ASC or DESC may follow the key" },
		{ "metrics.a, metrics.b", 9, 1, "give a list of entries" },
		{ "metrics.a-b", 9, 1, "only ASC or DESC" },
		{ "metrics.a > 1", 10, 1, "only ASC or DESC" },
		{ "`run name`", 0, 10, "did you mean 'run_name'?" },
		{ "dataset.name", 0, 12, "cannot be ordered by a dataset" },
		{ "strt_time", 0, 9, "did you mean 'start_time'?" },
		{ "DESC", 0, 4, "unknown run attribute 'DESC'" },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		CHECK_STATUS(parse_order(FILTER_RUNS, cases[i].text), MLM_EINVAL);
		CHECK_CONTAINS(err.message, cases[i].part);
		CHECK_CONTAINS(err.message, "order_by entry 1, byte ");
		CHECK_INT(err.position, cases[i].position + 1);
		CHECK_INT(err.size, cases[i].size);
		CHECK_INT(orders.count, 0);
	}
	CHECK_STATUS(parse_order(FILTER_EXPERIMENTS, "tags.a"), MLM_EINVAL);
	CHECK_CONTAINS(err.message, "experiments cannot be ordered by a tag");
}

TEST(filter_parse_order__einval_on_a_field_twice)
{
	const char *const entries[] = { "metrics.a", "start_time", "attr.Created DESC" };
	arena_reset(arena);
	CHECK_STATUS(filter_parse_order(arena, FILTER_RUNS, entries, 3, &orders, &err), MLM_EINVAL);
	CHECK_INT(err.entry, 3);
	CHECK_CONTAINS(err.message, "order_by entry 3, byte 1: 'attr.Created' is entry 2 already");
	const char *many[FILTER_ORDERS_MAX + 1] = { "metrics.a" };
	CHECK_STATUS(
		filter_parse_order(arena, FILTER_RUNS, many, FILTER_ORDERS_MAX + 1, &orders, &err),
		MLM_EINVAL);
	CHECK_CONTAINS(err.message, "more than 20");
}

int main(void)
{
	arena = arena_new(NULL);
	RUN(filter_parse__nothing_finds_everything);
	RUN(filter_parse__reads_each_entity);
	RUN(filter_parse__reads_each_operator);
	RUN(filter_parse__reads_numbers);
	RUN(filter_parse__numbers_have_a_point_in_any_locale);
	RUN(filter_parse__text_stands_as_it_is);
	RUN(filter_parse__joins_by_and);
	RUN(filter_parse__einval_says_what_and_where);
	RUN(filter_parse__experiments_have_their_own_fields);
	RUN(filter_parse__einval_beyond_its_limits);
	RUN(filter_parse__messages_are_one_line);
	RUN(filter_parse__long_text_is_cut_on_a_character);
	RUN(filter_parse_order__reads_keys_and_directions);
	RUN(filter_parse_order__einval_says_what_and_where);
	RUN(filter_parse_order__einval_on_a_field_twice);
	arena_free(arena);
	return check_done();
}
