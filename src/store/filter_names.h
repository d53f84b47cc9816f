/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_FILTER_NAMES_H
#define STORE_FILTER_NAMES_H

/* The names a filter may use: entities and attributes, and which is near to a misspelt one. */

#include "store/filter.h"

/* What the values of an attribute are, and with it which operators it has. */
enum filter_kind {
	FILTER_KIND_TEXT, /* = != LIKE ILIKE */
	FILTER_KIND_ID, /* as TEXT, and IN, NOT IN */
	FILTER_KIND_TIME, /* = != < <= > >=, integers and reals */
	FILTER_KIND_EXPERIMENT_TIME, /* the same with integers only */
	FILTER_KIND_EXPERIMENT_ID, /* = != IN NOT IN, integers written as text */
};

struct filter_attribute_name {
	const char *name; /* NULL ends a table */
	enum filter_attribute attribute;
	enum filter_kind kind;
	bool filter_only; /* MLflow knows the spelling in filters alone */
};

/** False when the subject has no such entity. */
bool filter_find_entity(
	enum filter_subject subject, const char *name, size_t size, enum filter_entity *entity_out);

/** The attribute, or a dataset's when entity is FILTER_DATASET; NULL when there is none. */
const struct filter_attribute_name *filter_find_attribute(
	enum filter_subject subject, enum filter_entity entity, const char *name, size_t size);

/** A known entity or attribute that a misspelt name may mean, else NULL. */
const char *filter_near_entity(enum filter_subject subject, const char *name, size_t size);
const char *filter_near_attribute(
	enum filter_subject subject, enum filter_entity entity, const char *name, size_t size);
/** AND, LIKE, ASC, …: a word where one of the language was wanted. */
const char *filter_near_keyword(const char *name, size_t size);

/** "metrics, params, tags, attributes and datasets" */
const char *filter_entities_text(enum filter_subject subject);
/** The attributes by their first spelling, "run_id, run_name, …". */
const char *filter_attributes_text(enum filter_subject subject, enum filter_entity entity);

#endif
