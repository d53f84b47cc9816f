/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORE_EVALUATOR_H
#define CORE_EVALUATOR_H

#include <math.h>

#include "mlmanager/evaluator.h"

enum {
	EVALUATOR_LABEL,
	EVALUATOR_PREDICTION,
	EVALUATOR_PROBABILITY,
	EVALUATOR_WEIGHT,
	EVALUATOR_COLUMNS
};

#define EVALUATOR_NAME_SIZE 128 /* bytes, with the NUL; longer names are cut in errors */

struct mlm_evaluator {
	mlm_evaluator_kind kind;
	size_t count;
	size_t capacity;
	/* The weights are NULL while every weight is 1. Binary rows keep the class in
	 * EVALUATOR_PREDICTION and the score in EVALUATOR_PROBABILITY, wherever they came from;
	 * the other kinds leave EVALUATOR_PROBABILITY NULL. */
	double *columns[EVALUATOR_COLUMNS];
	bool has_probabilities; /* the first rows came with them, so all must */
	char names[EVALUATOR_COLUMNS][EVALUATOR_NAME_SIZE];
};

static inline double evaluator_weight(const mlm_evaluator *evaluator, size_t row)
{
	const double *weights = evaluator->columns[EVALUATOR_WEIGHT];
	return weights ? weights[row] : 1.0;
}

/* A sum that carries what each addition rounds off, so that a million terms cost no digits. */
struct sum {
	double total;
	double lost;
};

static inline void sum_add(struct sum *sum, double term)
{
	double total = sum->total + term;
	sum->lost += fabs(sum->total) >= fabs(term) ? (sum->total - total) + term
						    : (term - total) + sum->total;
	sum->total = total;
}

static inline double sum_value(const struct sum *sum)
{
	/* Past the largest double, lost is inf - inf. */
	return isfinite(sum->total) ? sum->total + sum->lost : sum->total;
}

/** a / b, and 0 where b is 0. */
static inline double evaluator_rate(double a, double b)
{
	return b != 0 ? a / b : 0;
}

/** An evaluation with room for count values and class_count classes, all zero. NULL without
 * memory. The caller fills it through the pointers that it gets back. */
mlm_evaluation *evaluation_new(size_t count, size_t class_count, mlm_evaluation_value **values_out,
	double **classes_out, double **confusion_out);

/* Each evaluates at least one row of positive weight. */
mlm_status evaluator_binary(
	const mlm_evaluator *evaluator, mlm_evaluation **evaluation_out, mlm_error *err);
mlm_status evaluator_regression(
	const mlm_evaluator *evaluator, mlm_evaluation **evaluation_out, mlm_error *err);
mlm_status evaluator_multiclass(
	const mlm_evaluator *evaluator, mlm_evaluation **evaluation_out, mlm_error *err);

#endif
