/* SPDX-License-Identifier: Apache-2.0 */
#include "store/filter_names.h"

#include <string.h>

struct entity_name {
	const char *name;
	enum filter_entity entity;
};

/* The spelling to suggest comes first. */
static const struct entity_name run_entities[] = {
	{ "metrics", FILTER_METRIC },
	{ "metric", FILTER_METRIC },
	{ "params", FILTER_PARAM },
	{ "param", FILTER_PARAM },
	{ "parameters", FILTER_PARAM },
	{ "parameter", FILTER_PARAM },
	{ "tags", FILTER_TAG },
	{ "tag", FILTER_TAG },
	{ "attributes", FILTER_ATTRIBUTE },
	{ "attribute", FILTER_ATTRIBUTE },
	{ "attr", FILTER_ATTRIBUTE },
	{ "run", FILTER_ATTRIBUTE },
	{ "datasets", FILTER_DATASET },
	{ "dataset", FILTER_DATASET },
	{ NULL, FILTER_METRIC },
};

static const struct entity_name experiment_entities[] = {
	{ "tags", FILTER_TAG },
	{ "tag", FILTER_TAG },
	{ "attribute", FILTER_ATTRIBUTE },
	{ NULL, FILTER_METRIC },
};

static const struct filter_attribute_name run_attributes[] = {
	{ "run_id", FILTER_RUN_ID, FILTER_KIND_ID, false },
	{ "run_name", FILTER_RUN_NAME, FILTER_KIND_TEXT, false },
	{ "run name", FILTER_RUN_NAME, FILTER_KIND_TEXT, true },
	{ "Run name", FILTER_RUN_NAME, FILTER_KIND_TEXT, true },
	{ "Run Name", FILTER_RUN_NAME, FILTER_KIND_TEXT, true },
	{ "status", FILTER_STATUS, FILTER_KIND_TEXT, false },
	{ "user_id", FILTER_USER_ID, FILTER_KIND_TEXT, false },
	{ "artifact_uri", FILTER_ARTIFACT_URI, FILTER_KIND_TEXT, false },
	{ "start_time", FILTER_START_TIME, FILTER_KIND_TIME, false },
	{ "created", FILTER_START_TIME, FILTER_KIND_TIME, false },
	{ "Created", FILTER_START_TIME, FILTER_KIND_TIME, false },
	{ "end_time", FILTER_END_TIME, FILTER_KIND_TIME, false },
	{ NULL, FILTER_NO_ATTRIBUTE, FILTER_KIND_TEXT, false },
};

static const struct filter_attribute_name experiment_attributes[] = {
	{ "name", FILTER_EXPERIMENT_NAME, FILTER_KIND_TEXT, false },
	{ "experiment_id", FILTER_EXPERIMENT_ID, FILTER_KIND_EXPERIMENT_ID, false },
	{ "creation_time", FILTER_CREATION_TIME, FILTER_KIND_EXPERIMENT_TIME, false },
	{ "last_update_time", FILTER_LAST_UPDATE_TIME, FILTER_KIND_EXPERIMENT_TIME, false },
	{ NULL, FILTER_NO_ATTRIBUTE, FILTER_KIND_TEXT, false },
};

static const struct filter_attribute_name dataset_attributes[] = {
	{ "name", FILTER_DATASET_NAME, FILTER_KIND_ID, false },
	{ "digest", FILTER_DATASET_DIGEST, FILTER_KIND_ID, false },
	{ "context", FILTER_DATASET_CONTEXT, FILTER_KIND_ID, false },
	{ NULL, FILTER_NO_ATTRIBUTE, FILTER_KIND_TEXT, false },
};

static const char *const keywords[] = { "AND", "LIKE", "ILIKE", "IN", "IS", "NOT", "NULL", "ASC",
	"DESC", NULL };

static bool equals(const char *name, const char *text, size_t size)
{
	return strlen(name) == size && memcmp(name, text, size) == 0;
}

#define NAME_MAX_SIZE 20 /* bytes: longer words are near to none of ours */

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

static int lower(char c)
{
	return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c;
}

/* How many letters must be put in, left out, changed or swapped with the next one. */
static size_t distance(const char *a, size_t a_size, const char *b, size_t b_size)
{
	size_t rows[3][NAME_MAX_SIZE + 1];
	size_t *before = rows[0], *above = rows[1], *row = rows[2];
	for (size_t j = 0; j <= b_size; j++)
		above[j] = before[j] = j;
	for (size_t i = 1; i <= a_size; i++) {
		row[0] = i;
		for (size_t j = 1; j <= b_size; j++) {
			bool same = lower(a[i - 1]) == lower(b[j - 1]);
			row[j] = least(least(row[j - 1], above[j]) + 1, above[j - 1] + !same);
			if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) &&
				lower(a[i - 2]) == lower(b[j - 1]))
				row[j] = least(row[j], before[j - 2] + 1);
		}
		size_t *free_row = before;
		before = above;
		above = row;
		row = free_row;
	}
	return above[b_size];
}

/* The candidate becomes *best when it is nearer than the nearest until now. A third of a word may
 * differ, so that short words are not taken for one another. */
static void consider(const char *candidate, const char *name, size_t size, const char **best,
	size_t *best_distance)
{
	size_t candidate_size = strlen(candidate);
	if (size == 0 || size > NAME_MAX_SIZE || candidate_size > NAME_MAX_SIZE)
		return;
	size_t found = distance(name, size, candidate, candidate_size);
	if (found <= (candidate_size + 1) / 3 && found < *best_distance) {
		*best = candidate;
		*best_distance = found;
	}
}

static const struct entity_name *entities_of(enum filter_subject subject)
{
	return subject == FILTER_RUNS ? run_entities : experiment_entities;
}

static const struct filter_attribute_name *attributes_of(
	enum filter_subject subject, enum filter_entity entity)
{
	if (entity == FILTER_DATASET)
		return dataset_attributes;
	return subject == FILTER_RUNS ? run_attributes : experiment_attributes;
}

bool filter_find_entity(
	enum filter_subject subject, const char *name, size_t size, enum filter_entity *entity_out)
{
	for (const struct entity_name *e = entities_of(subject); e->name; e++) {
		if (equals(e->name, name, size)) {
			*entity_out = e->entity;
			return true;
		}
	}
	return false;
}

const struct filter_attribute_name *filter_find_attribute(
	enum filter_subject subject, enum filter_entity entity, const char *name, size_t size)
{
	const struct filter_attribute_name *a = attributes_of(subject, entity);
	for (; a->name; a++) {
		if (equals(a->name, name, size))
			return a;
	}
	return NULL;
}

const char *filter_near_entity(enum filter_subject subject, const char *name, size_t size)
{
	const char *best = NULL;
	size_t best_distance = SIZE_MAX;
	for (const struct entity_name *e = entities_of(subject); e->name; e++)
		consider(e->name, name, size, &best, &best_distance);
	return best;
}

const char *filter_near_attribute(
	enum filter_subject subject, enum filter_entity entity, const char *name, size_t size)
{
	const char *best = NULL;
	size_t best_distance = SIZE_MAX;
	const struct filter_attribute_name *attributes = attributes_of(subject, entity), *first;
	for (const struct filter_attribute_name *a = attributes; a->name; a++)
		consider(a->name, name, size, &best, &best_distance);
	if (!best)
		return NULL;
	/* "Run name" is near, run_name is what to write. */
	const struct filter_attribute_name *near =
		filter_find_attribute(subject, entity, best, strlen(best));
	for (first = attributes; first->attribute != near->attribute; first++)
		;
	return first->name;
}

const char *filter_near_keyword(const char *name, size_t size)
{
	const char *best = NULL;
	size_t best_distance = SIZE_MAX;
	for (size_t i = 0; keywords[i]; i++)
		consider(keywords[i], name, size, &best, &best_distance);
	return best;
}

const char *filter_entities_text(enum filter_subject subject)
{
	if (subject == FILTER_RUNS)
		return "metrics, params, tags, attributes and datasets";
	return "tags and attribute";
}

const char *filter_attributes_text(enum filter_subject subject, enum filter_entity entity)
{
	if (entity == FILTER_DATASET)
		return "name, digest and context";
	if (subject == FILTER_RUNS)
		return "run_id, run_name, status, user_id, artifact_uri, start_time and end_time";
	return "name, experiment_id, creation_time and last_update_time";
}
