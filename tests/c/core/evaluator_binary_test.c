/* SPDX-License-Identifier: Apache-2.0 */
#include "evaluation_check.h"

TEST(evaluator_evaluate__binary_by_hand)
{
	mlm_evaluation *e = evaluate(
		MLM_EVALUATOR_BINARY, &(mlm_evaluator_rows){ 5, labels5, classes5, scores5, NULL });
	/* Points (fp, tp): (0,1) (1,2) (1,3) (2,3); areas 0 + 1.5 + 0 + 3 of 2 * 3. */
	CHECK_NEAR(value_of(e, "areaUnderROC"), 4.5 / 6);
	/* (r, p): (1/3, 1) (2/3, 2/3) (1, 3/4) (1, 3/5), from (0, 1). */
	CHECK_NEAR(
		value_of(e, "areaUnderPR"), 1.0 / 3 + (1 + 2.0 / 3) / 6 + (2.0 / 3 + 3.0 / 4) / 6);
	static const struct {
		const char *name;
		double value;
		bool is_count;
	} wanted[] = {
		{ "areaUnderROC", 0.75, false },
		{ "areaUnderPR", 0.84722222222222222, false },
		{ "TP", 2, true },
		{ "TN", 1, true },
		{ "FP", 1, true },
		{ "FN", 1, true },
		{ "TPR", 2.0 / 3, false },
		{ "TNR", 0.5, false },
		{ "SPC", 0.5, false },
		{ "PPV", 2.0 / 3, false },
		{ "NPV", 0.5, false },
		{ "FPR", 0.5, false },
		{ "FDR", 1.0 / 3, false },
		{ "FNR", 1.0 / 3, false },
		{ "FOR", 0.5, false },
		{ "ACC", 0.6, false },
		{ "F1", 2.0 / 3, false },
		{ "MCC", 1.0 / 6, false },
	};
	CHECK_INT(e->count, sizeof(wanted) / sizeof(wanted[0]));
	for (size_t i = 0; i < e->count; i++) {
		CHECK_STRING(e->values[i].name, wanted[i].name);
		CHECK_NEAR(e->values[i].value, wanted[i].value);
		CHECK_INT(e->values[i].is_count, wanted[i].is_count);
	}
	CHECK_INT(e->class_count, 2);
	CHECK(e->classes[0] == 0 && e->classes[1] == 1);
	CHECK(e->confusion[0] == 1 && e->confusion[1] == 1);
	CHECK(e->confusion[2] == 1 && e->confusion[3] == 2);
	mlm_evaluation_free(e);
}

TEST(evaluator_add__either_of_prediction_and_probability_will_do)
{
	mlm_evaluation *both = evaluate(
		MLM_EVALUATOR_BINARY, &(mlm_evaluator_rows){ 5, labels5, classes5, scores5, NULL });
	mlm_evaluation *probability = evaluate(
		MLM_EVALUATOR_BINARY, &(mlm_evaluator_rows){ 5, labels5, NULL, scores5, NULL });
	mlm_evaluation *prediction = evaluate(
		MLM_EVALUATOR_BINARY, &(mlm_evaluator_rows){ 5, labels5, scores5, NULL, NULL });
	check_same(both, probability);
	check_same(both, prediction);
	mlm_evaluation *hard = evaluate(
		MLM_EVALUATOR_BINARY, &(mlm_evaluator_rows){ 5, labels5, classes5, NULL, NULL });
	/* One threshold: (fp, tp) = (1, 2), (2, 3). */
	CHECK_NEAR(value_of(hard, "areaUnderROC"), (1 + 2.5) / 6);
	mlm_evaluation_free(both);
	mlm_evaluation_free(probability);
	mlm_evaluation_free(prediction);
	mlm_evaluation_free(hard);
}

TEST(evaluator_evaluate__one_class_has_no_roc)
{
	static const double ones[] = { 1, 1 }, zeros[] = { 0, 0 }, scores[] = { 0.2, 0.7 };
	mlm_evaluation *e = evaluate(
		MLM_EVALUATOR_BINARY, &(mlm_evaluator_rows){ 2, ones, NULL, scores, NULL });
	CHECK(isnan(value_of(e, "areaUnderROC")));
	CHECK_NEAR(value_of(e, "areaUnderPR"), 1);
	CHECK_NEAR(value_of(e, "TPR"), 0.5);
	CHECK_NEAR(value_of(e, "TNR"), 0);
	CHECK_NEAR(value_of(e, "MCC"), 0);
	mlm_evaluation_free(e);
	e = evaluate(MLM_EVALUATOR_BINARY, &(mlm_evaluator_rows){ 2, zeros, NULL, scores, NULL });
	CHECK(isnan(value_of(e, "areaUnderROC")));
	CHECK_NEAR(value_of(e, "areaUnderPR"), 0);
	CHECK_NEAR(value_of(e, "TPR"), 0);
	CHECK_NEAR(value_of(e, "F1"), 0);
	mlm_evaluation_free(e);
}

TEST(evaluator_evaluate__perfect_is_exactly_one)
{
	static double labels[97], scores[97];
	for (int i = 0; i < 97; i++) {
		labels[i] = i % 3 == 0;
		scores[i] = labels[i] == 1 ? 0.6 : 0.2;
	}
	mlm_evaluation *e = evaluate(
		MLM_EVALUATOR_BINARY, &(mlm_evaluator_rows){ 97, labels, NULL, scores, NULL });
	CHECK(value_of(e, "areaUnderROC") == 1);
	CHECK(value_of(e, "areaUnderPR") == 1);
	CHECK(value_of(e, "MCC") == 1);
	mlm_evaluation_free(e);
}

/* The sum of a million tenths is known; adding them one by one is off by 1e-6. */
TEST(evaluator_evaluate__a_million_rows_lose_no_digits)
{
	enum { ROWS = 1000000 };
	double *labels = malloc(ROWS * sizeof(double));
	double *predictions = malloc(ROWS * sizeof(double));
	double *weights = malloc(ROWS * sizeof(double));
	for (int i = 0; i < ROWS; i++) {
		labels[i] = i % 2;
		predictions[i] = (i / 2 % 1000) / 1000.0;
		weights[i] = 0.1;
	}
	mlm_evaluation *e = evaluate(MLM_EVALUATOR_BINARY,
		&(mlm_evaluator_rows){ ROWS, labels, NULL, predictions, weights });
	CHECK_NEAR(value_of(e, "areaUnderROC"), 0.5);
	CHECK_NEAR(value_of(e, "areaUnderPR"), 0.5);
	CHECK_NEAR(value_of(e, "TP") / 1e5, 0.2495);
	mlm_evaluation_free(e);
	free(labels);
	free(predictions);
	free(weights);
}

int main(void)
{
	RUN(evaluator_evaluate__binary_by_hand);
	RUN(evaluator_add__either_of_prediction_and_probability_will_do);
	RUN(evaluator_evaluate__one_class_has_no_roc);
	RUN(evaluator_evaluate__perfect_is_exactly_one);
	RUN(evaluator_evaluate__a_million_rows_lose_no_digits);
	return check_done();
}
