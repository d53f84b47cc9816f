/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_EVALUATION_CHECK_H
#define TESTS_EVALUATION_CHECK_H

/* What the tests of the evaluators share: five rows, and how to evaluate rows and compare. */

#include <math.h>

#include "check.h"
#include "mlmanager/evaluator.h"

static mlm_error err = MLM_ERROR_INIT;

#define CHECK_NEAR(actual, expected)                                                             \
	do {                                                                                     \
		double actual_ = (actual), expected_ = (expected);                               \
		if (!(fabs(actual_ - expected_) <= 1e-14)) {                                     \
			printf("  %s:%d: %s is %.17g, not %.17g\n", __FILE__, __LINE__, #actual, \
				actual_, expected_);                                             \
			check_failures_of_test++;                                                \
		}                                                                                \
	} while (0)

static inline mlm_evaluator *make(mlm_evaluator_kind kind)
{
	mlm_evaluator *evaluator;
	MUST(mlm_evaluator_new(kind, NULL, &evaluator, &err));
	return evaluator;
}

static inline double value_of(const mlm_evaluation *evaluation, const char *name)
{
	for (size_t i = 0; i < evaluation->count; i++) {
		if (strcmp(evaluation->values[i].name, name) == 0)
			return evaluation->values[i].value;
	}
	printf("  no value is called %s\n", name);
	check_failures_of_test++;
	return 0;
}

static inline mlm_evaluation *evaluate(mlm_evaluator_kind kind, const mlm_evaluator_rows *rows)
{
	mlm_evaluator *evaluator = make(kind);
	mlm_evaluation *evaluation;
	MUST(mlm_evaluator_add(evaluator, rows, &err));
	MUST(mlm_evaluator_evaluate(evaluator, &evaluation, &err));
	mlm_evaluator_free(evaluator);
	return evaluation;
}

/* Worked by hand: scores 0.9+ 0.8- 0.8+ 0.3+ 0.1-, in the order of the rows shuffled. */
static const double labels5[] = { 1, 0, 1, 1, 0 };
static const double scores5[] = { 0.8, 0.1, 0.3, 0.9, 0.8 };
static const double classes5[] = { 1, 0, 0, 1, 1 };

static inline void check_same(const mlm_evaluation *a, const mlm_evaluation *b)
{
	CHECK_INT(a->count, b->count);
	for (size_t i = 0; i < a->count; i++)
		CHECK_NEAR(a->values[i].value, b->values[i].value);
	CHECK_INT(a->class_count, b->class_count);
	for (size_t i = 0; i < a->class_count * a->class_count; i++)
		CHECK_NEAR(a->confusion[i], b->confusion[i]);
}

#endif
