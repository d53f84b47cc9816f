/* SPDX-License-Identifier: Apache-2.0 */
#include "evaluation_check.h"

TEST(evaluator_evaluate__multiclass_by_hand)
{
	/* Class 7 is predicted and never true; class -1 is true and never predicted. */
	static const double labels[] = { 0, 1, 2, 2, 2, -1 };
	static const double predictions[] = { 0, 7, 2, 2, 1, -0.0 };
	mlm_evaluation *e = evaluate(MLM_EVALUATOR_MULTICLASS,
		&(mlm_evaluator_rows){ 6, labels, predictions, NULL, NULL });
	CHECK_STRING(e->values[0].name, "accuracy");
	CHECK_NEAR(e->values[0].value, 0.5);
	CHECK_STRING(e->values[1].name, "f1");
	CHECK_NEAR(e->values[1].value, (2.0 / 3 + 3 * 4.0 / 5) / 6);
	CHECK_STRING(e->values[2].name, "weightedPrecision");
	CHECK_NEAR(e->values[2].value, (0.5 + 3) / 6);
	CHECK_STRING(e->values[3].name, "weightedRecall");
	CHECK_NEAR(e->values[3].value, 0.5);
	static const double classes[] = { -1, 0, 1, 2, 7 };
	static const double confusion[] = { 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 1, 2,
		0, 0, 0, 0, 0, 0 };
	CHECK_INT(e->class_count, 5);
	CHECK(memcmp(e->classes, classes, sizeof(classes)) == 0);
	CHECK(memcmp(e->confusion, confusion, sizeof(confusion)) == 0);
	mlm_evaluation_free(e);
}

TEST(evaluator_evaluate__many_classes_have_no_matrix)
{
	static double labels[2500], predictions[2500];
	for (int i = 0; i < 2500; i++) {
		labels[i] = i * 4097.0;
		predictions[i] = i < 625 ? i * 4097.0 : 0;
	}
	mlm_evaluation *e = evaluate(MLM_EVALUATOR_MULTICLASS,
		&(mlm_evaluator_rows){ 2500, labels, predictions, NULL, NULL });
	CHECK_NEAR(value_of(e, "accuracy"), 0.25);
	CHECK_INT(e->class_count, 0);
	CHECK(e->confusion == NULL);
	mlm_evaluation_free(e);
}

int main(void)
{
	RUN(evaluator_evaluate__multiclass_by_hand);
	RUN(evaluator_evaluate__many_classes_have_no_matrix);
	return check_done();
}
