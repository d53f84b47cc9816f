/* SPDX-License-Identifier: Apache-2.0 */
#include "store/filter_names.h"

#include "check.h"

static const char *near_entity(enum filter_subject subject, const char *name)
{
	const char *near = filter_near_entity(subject, name, strlen(name));
	return near ? near : "none";
}

static const char *near_attribute(enum filter_subject subject, const char *name)
{
	const char *near = filter_near_attribute(subject, FILTER_ATTRIBUTE, name, strlen(name));
	return near ? near : "none";
}

TEST(filter_find_entity__minds_case_and_length)
{
	enum filter_entity entity;
	CHECK(filter_find_entity(FILTER_RUNS, "metrics", 7, &entity));
	CHECK_INT(entity, FILTER_METRIC);
	CHECK(filter_find_entity(FILTER_RUNS, "metrics", 6, &entity));
	CHECK(!filter_find_entity(FILTER_RUNS, "metrics", 5, &entity));
	CHECK(!filter_find_entity(FILTER_RUNS, "Metrics", 7, &entity));
	CHECK(!filter_find_entity(FILTER_EXPERIMENTS, "metrics", 7, &entity));
	CHECK(!filter_find_entity(FILTER_RUNS, "", 0, &entity));
}

TEST(filter_near_entity__takes_a_third_of_the_letters)
{
	CHECK_STRING(near_entity(FILTER_RUNS, "METRICS"), "metrics");
	CHECK_STRING(near_entity(FILTER_RUNS, "metircs"), "metrics");
	CHECK_STRING(near_entity(FILTER_RUNS, "metrcis"), "metrics");
	CHECK_STRING(near_entity(FILTER_RUNS, "parms"), "params");
	CHECK_STRING(near_entity(FILTER_RUNS, "tgas"), "tags");
	CHECK_STRING(near_entity(FILTER_RUNS, "experiments"), "none");
	CHECK_STRING(near_entity(FILTER_RUNS, "x"), "none");
	CHECK_STRING(near_entity(FILTER_RUNS, ""), "none");
	CHECK_STRING(near_entity(FILTER_RUNS, "metrics_metrics_metrics"), "none");
	CHECK_STRING(near_entity(FILTER_EXPERIMENTS, "attributes"), "attribute");
}

TEST(filter_near_attribute__names_the_spelling_to_write)
{
	CHECK_STRING(near_attribute(FILTER_RUNS, "Run name"), "run_name");
	CHECK_STRING(near_attribute(FILTER_RUNS, "RunID"), "run_id");
	CHECK_STRING(near_attribute(FILTER_RUNS, "stat_time"), "start_time");
	CHECK_STRING(near_attribute(FILTER_RUNS, "lifecycle_stage"), "none");
	CHECK_STRING(near_attribute(FILTER_EXPERIMENTS, "create_time"), "creation_time");
	CHECK_STRING(filter_near_attribute(FILTER_RUNS, FILTER_DATASET, "digst", 5), "digest");
}

TEST(filter_near_keyword__finds_words_of_the_language)
{
	CHECK_STRING(filter_near_keyword("adn", 3), "AND");
	CHECK_STRING(filter_near_keyword("lik", 3), "LIKE");
	CHECK(filter_near_keyword("between", 7) == NULL);
}

int main(void)
{
	RUN(filter_find_entity__minds_case_and_length);
	RUN(filter_near_entity__takes_a_third_of_the_letters);
	RUN(filter_near_attribute__names_the_spelling_to_write);
	RUN(filter_near_keyword__finds_words_of_the_language);
	return check_done();
}
