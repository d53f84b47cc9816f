/* SPDX-License-Identifier: Apache-2.0 */
#include "core/evaluator.h"

struct error_sums {
	double mean_squared;
	double mean_absolute;
	double squared; /* of label - prediction */
	double spread; /* of label - mean label, squared */
};

/* Two passes: the squares of labels far from 0 would drown their spread. */
static struct error_sums sum_errors(const mlm_evaluator *evaluator)
{
	const double *labels = evaluator->columns[EVALUATOR_LABEL];
	const double *predictions = evaluator->columns[EVALUATOR_PREDICTION];
	struct sum weight = { 0 }, label = { 0 }, absolute = { 0 }, squared = { 0 }, spread = { 0 };

	for (size_t i = 0; i < evaluator->count; i++) {
		double w = evaluator_weight(evaluator, i);
		double miss = labels[i] - predictions[i];
		if (w == 0)
			continue; /* 0 * inf, where a difference or a square overflows */
		sum_add(&weight, w);
		sum_add(&label, w * labels[i]);
		sum_add(&absolute, w * fabs(miss));
		sum_add(&squared, w * (miss * miss));
	}
	double mean = sum_value(&label) / sum_value(&weight);
	for (size_t i = 0; i < evaluator->count; i++) {
		double w = evaluator_weight(evaluator, i);
		double distance = labels[i] - mean;
		if (w != 0)
			sum_add(&spread, w * (distance * distance));
	}
	return (struct error_sums){
		.mean_squared = sum_value(&squared) / sum_value(&weight),
		.mean_absolute = sum_value(&absolute) / sum_value(&weight),
		.squared = sum_value(&squared),
		.spread = sum_value(&spread),
	};
}

static double determination(const struct error_sums *sums, size_t count)
{
	if (count < 2)
		return NAN;
	if (sums->spread == 0)
		return sums->squared == 0 ? 1 : 0;
	return 1 - sums->squared / sums->spread;
}

mlm_status evaluator_regression(
	const mlm_evaluator *evaluator, mlm_evaluation **evaluation_out, mlm_error *err)
{
	(void)err;
	mlm_evaluation_value *values;
	double *classes, *confusion;
	mlm_evaluation *evaluation = evaluation_new(4, 0, &values, &classes, &confusion);
	if (!evaluation)
		return MLM_ENOMEM;
	struct error_sums sums = sum_errors(evaluator);
	values[0] = (mlm_evaluation_value){ .name = "rmse", .value = sqrt(sums.mean_squared) };
	values[1] = (mlm_evaluation_value){ .name = "mse", .value = sums.mean_squared };
	values[2] = (mlm_evaluation_value){ .name = "mae", .value = sums.mean_absolute };
	values[3] = (mlm_evaluation_value){
		.name = "r2",
		.value = determination(&sums, evaluator->count),
	};
	*evaluation_out = evaluation;
	return MLM_OK;
}
