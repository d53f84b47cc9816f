/* SPDX-License-Identifier: Apache-2.0 */
#include "core/evaluator.h"

#include <stdlib.h>

#define VALUES_MAX 24

/* A row as the curves see it. Rows of weight 0 are not on them, so the sign is free to tell the
 * label: above 0 is a positive. */
struct ranked {
	double score;
	double signed_weight;
};

struct areas {
	double roc;
	double precision_recall;
};

static int by_score_descending(const void *a, const void *b)
{
	double left = ((const struct ranked *)a)->score;
	double right = ((const struct ranked *)b)->score;
	return (left < right) - (left > right);
}

/* Rows of equal score make one point of both curves. */
static struct areas measure_curves(const struct ranked *ranked, size_t count)
{
	struct sum positives = { 0 }, negatives = { 0 }, roc = { 0 }, precision_recall = { 0 };
	double positives_before = 0, negatives_before = 0, precision_before = -1;

	for (size_t i = 0; i < count;) {
		double score = ranked[i].score;
		for (; i < count && ranked[i].score == score; i++) {
			if (ranked[i].signed_weight > 0)
				sum_add(&positives, ranked[i].signed_weight);
			else
				sum_add(&negatives, -ranked[i].signed_weight);
		}
		double tp = sum_value(&positives), fp = sum_value(&negatives);
		double precision = tp / (tp + fp);
		if (precision_before < 0)
			precision_before = precision;
		sum_add(&roc, (fp - negatives_before) * ((tp + positives_before) / 2));
		sum_add(&precision_recall,
			(tp - positives_before) * ((precision + precision_before) / 2));
		positives_before = tp;
		negatives_before = fp;
		precision_before = precision;
	}
	double tp = sum_value(&positives), fp = sum_value(&negatives);
	return (struct areas){
		.roc = tp > 0 && fp > 0 ? sum_value(&roc) / tp / fp : NAN,
		.precision_recall = evaluator_rate(sum_value(&precision_recall), tp),
	};
}

/* false without memory. */
static bool find_areas(const mlm_evaluator *evaluator, struct areas *areas_out)
{
	struct ranked *ranked = malloc(evaluator->count * sizeof(*ranked));
	if (!ranked)
		return false;
	size_t count = 0;
	for (size_t i = 0; i < evaluator->count; i++) {
		double weight = evaluator_weight(evaluator, i);
		if (weight == 0)
			continue;
		ranked[count++] = (struct ranked){
			.score = evaluator->columns[EVALUATOR_PROBABILITY][i],
			.signed_weight =
				evaluator->columns[EVALUATOR_LABEL][i] == 1 ? weight : -weight,
		};
	}
	qsort(ranked, count, sizeof(*ranked), by_score_descending);
	*areas_out = measure_curves(ranked, count);
	free(ranked);
	return true;
}

/* cells[label][prediction] */
static void count_cells(const mlm_evaluator *evaluator, double cells[2][2])
{
	struct sum sums[2][2] = { 0 };
	for (size_t i = 0; i < evaluator->count; i++) {
		bool label = evaluator->columns[EVALUATOR_LABEL][i] == 1;
		bool prediction = evaluator->columns[EVALUATOR_PREDICTION][i] == 1;
		sum_add(&sums[label][prediction], evaluator_weight(evaluator, i));
	}
	for (int i = 0; i < 4; i++)
		cells[i / 2][i % 2] = sum_value(&sums[i / 2][i % 2]);
}

/* In shares of all rows, since the product of four sums of weights could overflow; in two roots,
 * since that makes a perfect prediction exactly 1. */
static double correlation(double tp, double tn, double fp, double fn)
{
	double all = tp + tn + fp + fn;
	double a = tp / all, b = tn / all, c = fp / all, d = fn / all;
	double scale = sqrt((a + c) * (a + d)) * sqrt((b + c) * (b + d));
	return evaluator_rate(a * b - c * d, scale);
}

static size_t fill_values(
	mlm_evaluation_value values[VALUES_MAX], const struct areas *areas, double cells[2][2])
{
	double tn = cells[0][0], fp = cells[0][1], fn = cells[1][0], tp = cells[1][1];
	const mlm_evaluation_value all[] = {
		{ "areaUnderROC", areas->roc, false },
		{ "areaUnderPR", areas->precision_recall, false },
		{ "TP", tp, true },
		{ "TN", tn, true },
		{ "FP", fp, true },
		{ "FN", fn, true },
		{ "TPR", evaluator_rate(tp, tp + fn), false },
		{ "TNR", evaluator_rate(tn, tn + fp), false },
		{ "SPC", evaluator_rate(tn, tn + fp), false },
		{ "PPV", evaluator_rate(tp, tp + fp), false },
		{ "NPV", evaluator_rate(tn, tn + fn), false },
		{ "FPR", evaluator_rate(fp, fp + tn), false },
		{ "FDR", evaluator_rate(fp, fp + tp), false },
		{ "FNR", evaluator_rate(fn, fn + tp), false },
		{ "FOR", evaluator_rate(fn, fn + tn), false },
		{ "ACC", evaluator_rate(tp + tn, tp + tn + fp + fn), false },
		{ "F1", evaluator_rate(2 * tp, 2 * tp + fp + fn), false },
		{ "MCC", correlation(tp, tn, fp, fn), false },
	};
	size_t count = sizeof(all) / sizeof(all[0]);
	_Static_assert(sizeof(all) / sizeof(all[0]) <= VALUES_MAX, "the caller's array is smaller");
	for (size_t i = 0; i < count; i++)
		values[i] = all[i];
	return count;
}

mlm_status evaluator_binary(
	const mlm_evaluator *evaluator, mlm_evaluation **evaluation_out, mlm_error *err)
{
	(void)err;
	struct areas areas;
	if (!find_areas(evaluator, &areas))
		return MLM_ENOMEM;
	double cells[2][2];
	count_cells(evaluator, cells);

	mlm_evaluation_value all[VALUES_MAX];
	size_t count = fill_values(all, &areas, cells);
	mlm_evaluation_value *values;
	double *classes, *confusion;
	mlm_evaluation *evaluation = evaluation_new(count, 2, &values, &classes, &confusion);
	if (!evaluation)
		return MLM_ENOMEM;
	for (size_t i = 0; i < count; i++)
		values[i] = all[i];
	classes[0] = 0;
	classes[1] = 1;
	for (int i = 0; i < 4; i++)
		confusion[i] = cells[i / 2][i % 2];
	*evaluation_out = evaluation;
	return MLM_OK;
}
