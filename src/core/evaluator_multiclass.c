/* SPDX-License-Identifier: Apache-2.0 */
#include "core/evaluator.h"

#include <stdlib.h>
#include <string.h>

#include "core/evaluator_classes.h"

/* Of one class. */
struct tally {
	struct sum labelled;
	struct sum predicted;
	struct sum right;
};

struct averages {
	double accuracy;
	double f1;
	double precision;
	double recall;
};

/* Each class weighs as much as its labels. */
static struct averages average(const struct tally *tallies, size_t count)
{
	struct sum all = { 0 }, right = { 0 }, f1 = { 0 }, precision = { 0 }, recall = { 0 };
	for (size_t i = 0; i < count; i++) {
		double labelled = sum_value(&tallies[i].labelled);
		double predicted = sum_value(&tallies[i].predicted);
		double hits = sum_value(&tallies[i].right);
		sum_add(&all, labelled);
		sum_add(&right, hits);
		sum_add(&f1, labelled * evaluator_rate(2 * hits, labelled + predicted));
		sum_add(&precision, labelled * evaluator_rate(hits, predicted));
		sum_add(&recall, labelled * evaluator_rate(hits, labelled));
	}
	double weight = sum_value(&all);
	return (struct averages){
		.accuracy = sum_value(&right) / weight,
		.f1 = sum_value(&f1) / weight,
		.precision = sum_value(&precision) / weight,
		.recall = sum_value(&recall) / weight,
	};
}

/* cells is NULL where there are too many classes for a matrix. */
static void count_rows(const mlm_evaluator *evaluator, const struct classes *classes,
	struct tally *tallies, struct sum *cells)
{
	size_t class_count = classes_count(classes);
	for (size_t i = 0; i < evaluator->count; i++) {
		double weight = evaluator_weight(evaluator, i);
		size_t label = classes_index(classes, evaluator->columns[EVALUATOR_LABEL][i]);
		size_t prediction =
			classes_index(classes, evaluator->columns[EVALUATOR_PREDICTION][i]);
		sum_add(&tallies[label].labelled, weight);
		sum_add(&tallies[prediction].predicted, weight);
		if (label == prediction)
			sum_add(&tallies[label].right, weight);
		if (cells)
			sum_add(&cells[label * class_count + prediction], weight);
	}
}

static mlm_evaluation *evaluate(const mlm_evaluator *evaluator, const struct classes *classes,
	struct tally *tallies, struct sum *cells)
{
	mlm_evaluation_value *values;
	double *names, *confusion;
	size_t class_count = cells ? classes_count(classes) : 0;
	mlm_evaluation *evaluation = evaluation_new(4, class_count, &values, &names, &confusion);
	if (!evaluation)
		return NULL;
	count_rows(evaluator, classes, tallies, cells);
	struct averages averages = average(tallies, classes_count(classes));
	values[0] = (mlm_evaluation_value){ .name = "accuracy", .value = averages.accuracy };
	values[1] = (mlm_evaluation_value){ .name = "f1", .value = averages.f1 };
	values[2] = (mlm_evaluation_value){
		.name = "weightedPrecision",
		.value = averages.precision,
	};
	values[3] = (mlm_evaluation_value){ .name = "weightedRecall", .value = averages.recall };
	for (size_t i = 0; i < class_count; i++)
		names[i] = classes_value(classes, i);
	for (size_t i = 0; i < class_count * class_count; i++)
		confusion[i] = sum_value(&cells[i]);
	return evaluation;
}

mlm_status evaluator_multiclass(
	const mlm_evaluator *evaluator, mlm_evaluation **evaluation_out, mlm_error *err)
{
	(void)err;
	struct tally *tallies = NULL;
	struct sum *cells = NULL;
	struct classes *classes = classes_new();
	mlm_status status = MLM_ENOMEM;

	if (!classes)
		goto out;
	for (size_t i = 0; i < evaluator->count; i++) {
		if (!classes_add(classes, evaluator->columns[EVALUATOR_LABEL][i]) ||
			!classes_add(classes, evaluator->columns[EVALUATOR_PREDICTION][i]))
			goto out;
	}
	classes_sort(classes);
	size_t count = classes_count(classes);
	tallies = calloc(count, sizeof(*tallies));
	if (!tallies)
		goto out;
	if (count <= MLM_EVALUATOR_MATRIX_CLASSES_MAX) {
		cells = calloc(count * count, sizeof(*cells));
		if (!cells)
			goto out;
	}
	*evaluation_out = evaluate(evaluator, classes, tallies, cells);
	if (*evaluation_out)
		status = MLM_OK;
out:
	free(cells);
	free(tallies);
	classes_free(classes);
	return status;
}
