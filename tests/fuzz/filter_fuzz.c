/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads any bytes as a filter and as an order_by entry, for runs and for experiments. Beyond not
 * crashing: a fault lies within the text, and what is accepted keeps the promises of filter.h that
 * the SQL backends build on.
 */
#include <stdlib.h>
#include <string.h>

#include "store/filter.h"

#define MUST_HOLD(condition)      \
	do {                      \
		if (!(condition)) \
			abort();  \
	} while (0)

static void check_fault(const char *text, const mlm_error *err)
{
	MUST_HOLD(err->status == MLM_EINVAL && err->message[0] != '\0');
	MUST_HOLD(err->position >= 1 && err->position - 1 <= strlen(text));
	MUST_HOLD(err->size <= strlen(text) - (err->position - 1));
}

static void check_clause(const struct filter_clause *clause)
{
	bool has_key = clause->entity <= FILTER_TAG;
	MUST_HOLD(has_key == (clause->key != NULL));
	MUST_HOLD(has_key == (clause->attribute == FILTER_NO_ATTRIBUTE));
	MUST_HOLD(!has_key || clause->key[0] != '\0');
	bool is_null_test = clause->op == FILTER_IS_NULL || clause->op == FILTER_IS_NOT_NULL;
	bool is_list = clause->op == FILTER_IN || clause->op == FILTER_NOT_IN;
	MUST_HOLD(is_null_test ? clause->value_count == 0 : clause->value_count > 0);
	MUST_HOLD(is_list || clause->value_count <= 1);
	for (size_t i = 0; i < clause->value_count; i++) {
		const struct filter_value *value = &clause->values[i];
		MUST_HOLD(clause->entity != FILTER_METRIC || value->type == FILTER_REAL);
		MUST_HOLD((value->type == FILTER_TEXT) == (value->text != NULL) ||
			  clause->attribute == FILTER_EXPERIMENT_ID);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new(NULL);
	char *text = arena ? arena_copy(arena, (const char *)data, size) : NULL;
	for (int subject = FILTER_RUNS; text && subject <= FILTER_EXPERIMENTS; subject++) {
		struct filter filter;
		struct filter_order_list orders;
		mlm_error err = MLM_ERROR_INIT;
		if (filter_parse(arena, subject, text, &filter, &err) != MLM_OK)
			check_fault(text, &err);
		for (size_t i = 0; i < filter.count; i++)
			check_clause(&filter.clauses[i]);

		const char *const entry = text;
		if (filter_parse_order(arena, subject, &entry, 1, &orders, &err) != MLM_OK)
			check_fault(text, &err);
		for (size_t i = 0; i < orders.count; i++)
			MUST_HOLD(orders.items[i].entity != FILTER_DATASET);
	}
	arena_free(arena);
	return 0;
}
