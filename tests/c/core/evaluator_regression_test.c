/* SPDX-License-Identifier: Apache-2.0 */
#include "evaluation_check.h"

TEST(evaluator_evaluate__regression_by_hand)
{
	static const double labels[] = { 3, -0.5, 2, 7 }, predictions[] = { 2.5, 0, 2, 8 };
	mlm_evaluation *e = evaluate(MLM_EVALUATOR_REGRESSION,
		&(mlm_evaluator_rows){ 4, labels, predictions, NULL, NULL });
	CHECK_INT(e->count, 4);
	CHECK_STRING(e->values[0].name, "rmse");
	CHECK_NEAR(e->values[0].value, sqrt(0.375));
	CHECK_STRING(e->values[1].name, "mse");
	CHECK_NEAR(e->values[1].value, 0.375);
	CHECK_STRING(e->values[2].name, "mae");
	CHECK_NEAR(e->values[2].value, 0.5);
	CHECK_STRING(e->values[3].name, "r2");
	CHECK_NEAR(e->values[3].value, 1 - 1.5 / 29.1875);
	CHECK_INT(e->class_count, 0);
	CHECK(e->confusion == NULL);
	mlm_evaluation_free(e);
}

TEST(evaluator_evaluate__r2_without_spread)
{
	static const double same[] = { 4, 4 }, off[] = { 4, 5 };
	mlm_evaluation *e = evaluate(
		MLM_EVALUATOR_REGRESSION, &(mlm_evaluator_rows){ 2, same, same, NULL, NULL });
	CHECK(value_of(e, "r2") == 1);
	mlm_evaluation_free(e);
	e = evaluate(MLM_EVALUATOR_REGRESSION, &(mlm_evaluator_rows){ 2, same, off, NULL, NULL });
	CHECK(value_of(e, "r2") == 0);
	mlm_evaluation_free(e);
	e = evaluate(MLM_EVALUATOR_REGRESSION, &(mlm_evaluator_rows){ 1, same, off, NULL, NULL });
	CHECK(isnan(value_of(e, "r2")));
	CHECK(value_of(e, "mae") == 0);
	mlm_evaluation_free(e);
}

TEST(evaluator_evaluate__squares_past_the_largest_double_are_infinite)
{
	static const double labels[] = { 1e200, 0 }, predictions[] = { -1e200, 0 };
	mlm_evaluation *e = evaluate(MLM_EVALUATOR_REGRESSION,
		&(mlm_evaluator_rows){ 2, labels, predictions, NULL, NULL });
	CHECK(value_of(e, "mse") == INFINITY);
	CHECK_NEAR(value_of(e, "mae") / 1e200, 1);
	mlm_evaluation_free(e);
}

int main(void)
{
	RUN(evaluator_evaluate__regression_by_hand);
	RUN(evaluator_evaluate__r2_without_spread);
	RUN(evaluator_evaluate__squares_past_the_largest_double_are_infinite);
	return check_done();
}
