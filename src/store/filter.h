/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_FILTER_H
#define STORE_FILTER_H

/*
 * MLflow's search grammar, read once for every SQL backend.
 *
 *     metrics.`val loss` < 0.3 AND params.model = 'cnn' AND tags.team IS NOT NULL
 *
 * A filter is comparisons joined by AND. Entities: metrics, params, tags, datasets and attributes
 * (the default), with MLflow's other spellings. Keys stand bare or in ` or ", text in ' or ", as it
 * stands: there are no escapes inside quotes. Word operators are written in either case.
 *
 * Where MLflow's reader is only careless, this one is not the same: it also takes spaces around an
 * order_by entry, lower-case operators for experiments, keys of digits alone and 1e+5; it refuses
 * keys that no store can hold (an empty one, "metrics. a", "metrics.*").
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "mlmanager/error.h"

#define FILTER_BYTES_MAX   (1u << 20) /* of one filter or order_by entry */
#define FILTER_CLAUSES_MAX 100 /* SQL's depth of an expression is limited */
#define FILTER_LIST_MAX    10000 /* values of all IN lists together */
#define FILTER_ORDERS_MAX  20 /* each may join a table */

/* What is searched; it decides which entities and attributes there are. */
enum filter_subject { FILTER_RUNS, FILTER_EXPERIMENTS };

enum filter_entity {
	FILTER_METRIC,
	FILTER_PARAM,
	FILTER_TAG,
	FILTER_ATTRIBUTE,
	FILTER_DATASET,
};

enum filter_attribute {
	FILTER_NO_ATTRIBUTE, /* metrics, params and tags have a key instead */
	FILTER_RUN_ID,
	FILTER_RUN_NAME, /* in order_by only: a filter reads it from tag mlflow.runName */
	FILTER_STATUS,
	FILTER_USER_ID,
	FILTER_ARTIFACT_URI,
	FILTER_START_TIME,
	FILTER_END_TIME,
	FILTER_EXPERIMENT_ID,
	FILTER_EXPERIMENT_NAME,
	FILTER_CREATION_TIME,
	FILTER_LAST_UPDATE_TIME,
	FILTER_DATASET_NAME,
	FILTER_DATASET_DIGEST,
	FILTER_DATASET_CONTEXT, /* tag mlflow.data.context of the run's use of the dataset */
};

enum filter_operator {
	FILTER_EQUAL,
	FILTER_NOT_EQUAL,
	FILTER_LESS,
	FILTER_LESS_EQUAL,
	FILTER_GREATER,
	FILTER_GREATER_EQUAL,
	FILTER_LIKE, /* % and _, no escape character; minds case */
	FILTER_ILIKE, /* does not mind the case of ASCII letters */
	FILTER_IN,
	FILTER_NOT_IN,
	FILTER_IS_NULL,
	FILTER_IS_NOT_NULL,
};

struct filter_value {
	enum filter_type { FILTER_INTEGER, FILTER_REAL, FILTER_TEXT } type;
	int64_t integer;
	double real;
	const char *text;
};

/* One comparison. Operators and the types of values fit the left side: times and experiment ids
 * have integers (times of runs also reals), metrics reals, all else text. */
struct filter_clause {
	enum filter_entity entity;
	enum filter_attribute attribute;
	const char *key; /* NULL for attributes and datasets */
	enum filter_operator op;
	const struct filter_value *values; /* one, none for IS [NOT] NULL, any number for IN */
	size_t value_count;
};

struct filter {
	const struct filter_clause *clauses; /* all must hold */
	size_t count;
};

struct filter_order {
	enum filter_entity entity; /* never FILTER_DATASET; for experiments FILTER_ATTRIBUTE */
	enum filter_attribute attribute;
	const char *key;
	bool descending;
};

struct filter_order_list {
	const struct filter_order *items; /* for runs no field twice */
	size_t count;
};

/**
 * Reads a filter; NULL, "" and blanks find everything.
 *
 * Errors:  EINVAL: the message names the byte and, for a misspelt word, the near one, and
 *          err->position is its place; ENOMEM.
 * Owns:    *filter_out lives in the arena.
 */
mlm_status filter_parse(struct arena *arena, enum filter_subject subject, const char *text,
	struct filter *filter_out, mlm_error *err);

/** Reads order_by entries, "<key> [ASC|DESC]" each. As filter_parse(). */
mlm_status filter_parse_order(struct arena *arena, enum filter_subject subject,
	const char *const *entries, size_t count, struct filter_order_list *orders_out,
	mlm_error *err);

#endif
