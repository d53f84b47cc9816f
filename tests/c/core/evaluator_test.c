/* SPDX-License-Identifier: Apache-2.0 */
#include "mlmanager/evaluator.h"

#include <math.h>

#include "check.h"

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

static mlm_evaluator *make(mlm_evaluator_kind kind)
{
	mlm_evaluator *evaluator;
	MUST(mlm_evaluator_new(kind, NULL, &evaluator, &err));
	return evaluator;
}

static double value_of(const mlm_evaluation *evaluation, const char *name)
{
	for (size_t i = 0; i < evaluation->count; i++) {
		if (strcmp(evaluation->values[i].name, name) == 0)
			return evaluation->values[i].value;
	}
	printf("  no value is called %s\n", name);
	check_failures_of_test++;
	return 0;
}

/* Evaluates rows alone. */
static mlm_evaluation *evaluate(mlm_evaluator_kind kind, const mlm_evaluator_rows *rows)
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

static void check_same(const mlm_evaluation *a, const mlm_evaluation *b)
{
	CHECK_INT(a->count, b->count);
	for (size_t i = 0; i < a->count; i++)
		CHECK_NEAR(a->values[i].value, b->values[i].value);
	CHECK_INT(a->class_count, b->class_count);
	for (size_t i = 0; i < a->class_count * a->class_count; i++)
		CHECK_NEAR(a->confusion[i], b->confusion[i]);
}

TEST(evaluator_add__inputs_accumulate)
{
	mlm_evaluation *whole = evaluate(
		MLM_EVALUATOR_BINARY, &(mlm_evaluator_rows){ 5, labels5, classes5, scores5, NULL });
	mlm_evaluator *evaluator = make(MLM_EVALUATOR_BINARY);
	mlm_evaluation *between, *parts;
	MUST(mlm_evaluator_add(
		evaluator, &(mlm_evaluator_rows){ 2, labels5, classes5, scores5, NULL }, &err));
	MUST(mlm_evaluator_evaluate(evaluator, &between, &err));
	CHECK_NEAR(value_of(between, "ACC"), 1);
	MUST(mlm_evaluator_add(
		evaluator, &(mlm_evaluator_rows){ 0, NULL, NULL, NULL, NULL }, &err));
	MUST(mlm_evaluator_add(evaluator,
		&(mlm_evaluator_rows){ 3, labels5 + 2, classes5 + 2, scores5 + 2, NULL }, &err));
	CHECK_INT(mlm_evaluator_row_count(evaluator), 5);
	MUST(mlm_evaluator_evaluate(evaluator, &parts, &err));
	check_same(parts, whole);
	mlm_evaluation_free(between);
	mlm_evaluation_free(parts);
	mlm_evaluation_free(whole);
	mlm_evaluator_free(evaluator);
}

TEST(evaluator_add__integer_weights_are_repetitions)
{
	static const double weights[] = { 2, 1, 0, 3, 1 };
	static const double labels[] = { 1, 1, 0, 1, 1, 1, 0 };
	static const double classes[] = { 1, 1, 0, 1, 1, 1, 1 };
	static const double scores[] = { 0.8, 0.8, 0.1, 0.9, 0.9, 0.9, 0.8 };
	static const mlm_evaluator_kind kinds[] = { MLM_EVALUATOR_BINARY, MLM_EVALUATOR_REGRESSION,
		MLM_EVALUATOR_MULTICLASS };
	for (size_t i = 0; i < 3; i++) {
		bool binary = kinds[i] == MLM_EVALUATOR_BINARY;
		mlm_evaluation *weighted =
			evaluate(kinds[i], &(mlm_evaluator_rows){ 5, labels5, classes5,
						   binary ? scores5 : NULL, weights });
		mlm_evaluation *repeated = evaluate(kinds[i],
			&(mlm_evaluator_rows){ 7, labels, classes, binary ? scores : NULL, NULL });
		check_same(weighted, repeated);
		mlm_evaluation_free(weighted);
		mlm_evaluation_free(repeated);
	}
}

TEST(evaluator_add__weights_may_come_late_or_stop)
{
	static const double twos[] = { 2, 2 };
	static const double ones_and_twos[] = { 1, 2, 2, 1, 1 };
	mlm_evaluator *evaluator = make(MLM_EVALUATOR_BINARY);
	MUST(mlm_evaluator_add(
		evaluator, &(mlm_evaluator_rows){ 1, labels5, classes5, scores5, NULL }, &err));
	MUST(mlm_evaluator_add(evaluator,
		&(mlm_evaluator_rows){ 2, labels5 + 1, classes5 + 1, scores5 + 1, twos }, &err));
	MUST(mlm_evaluator_add(evaluator,
		&(mlm_evaluator_rows){ 2, labels5 + 3, classes5 + 3, scores5 + 3, NULL }, &err));
	mlm_evaluation *parts;
	MUST(mlm_evaluator_evaluate(evaluator, &parts, &err));
	mlm_evaluation *whole = evaluate(MLM_EVALUATOR_BINARY,
		&(mlm_evaluator_rows){ 5, labels5, classes5, scores5, ones_and_twos });
	check_same(parts, whole);
	mlm_evaluation_free(parts);
	mlm_evaluation_free(whole);
	mlm_evaluator_free(evaluator);
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

static void check_refused(mlm_evaluator_kind kind, const mlm_evaluator_rows *rows, const char *part)
{
	mlm_evaluator *evaluator = make(kind);
	CHECK_STATUS(mlm_evaluator_add(evaluator, rows, &err), MLM_EINVAL);
	CHECK_CONTAINS(err.message, part);
	CHECK_INT(mlm_evaluator_row_count(evaluator), 0);
	mlm_evaluator_free(evaluator);
}

TEST(evaluator_add__einval_names_column_and_row)
{
	static const double fine[] = { 0, 1, 1 }, two[] = { 0, 1, 2 }, half[] = { 0, 0.5, 1 };
	static const double nans[] = { 0, 1, NAN }, infinite[] = { 0, INFINITY, 1 };
	static const double negative[] = { -1, 1, 1 };
	const mlm_evaluator_kind b = MLM_EVALUATOR_BINARY, r = MLM_EVALUATOR_REGRESSION,
				 m = MLM_EVALUATOR_MULTICLASS;
#define ROWS(...) (&(mlm_evaluator_rows){ 3, __VA_ARGS__ })
	check_refused(b, ROWS(two, fine, NULL, NULL), "column 'label', row 3: 2 is not 0 or 1");
	check_refused(b, ROWS(negative, fine, NULL, NULL), "'label', row 1: -1 is not 0 or 1");
	check_refused(b, ROWS(fine, half, fine, NULL), "'prediction', row 2: 0.5 is not 0 or 1");
	check_refused(b, ROWS(fine, two, NULL, NULL), "row 3: 2 is not between 0 and 1");
	check_refused(b, ROWS(fine, NULL, two, NULL), "'probability', row 3: 2 is not between");
	check_refused(b, ROWS(fine, NULL, NULL, NULL), "'prediction' and 'probability' are both");
	check_refused(b, ROWS(fine, fine, nans, NULL), "'probability', row 3: nan is not a finite");
	check_refused(b, ROWS(fine, fine, NULL, negative), "'weight', row 1: -1 is not 0 or more");
	check_refused(b, ROWS(fine, fine, NULL, infinite), "'weight', row 2: inf is not a finite");
	check_refused(r, ROWS(nans, fine, NULL, NULL), "(an empty cell?)");
	check_refused(r, ROWS(fine, infinite, NULL, NULL), "'prediction', row 2: inf");
	check_refused(r, ROWS(fine, NULL, NULL, NULL), "column 'prediction' is missing");
	check_refused(r, ROWS(NULL, fine, NULL, NULL), "column 'label' is missing");
	check_refused(r, ROWS(fine, fine, fine, NULL), "'probability' is for the binary");
	check_refused(m, ROWS(fine, half, NULL, NULL), "row 2: 0.5 is not a whole number");
#undef ROWS
}

TEST(evaluator_add__einval_when_probabilities_come_and_go)
{
	mlm_evaluator *evaluator = make(MLM_EVALUATOR_BINARY);
	MUST(mlm_evaluator_add(
		evaluator, &(mlm_evaluator_rows){ 5, labels5, classes5, scores5, NULL }, &err));
	CHECK_STATUS(mlm_evaluator_add(evaluator,
			     &(mlm_evaluator_rows){ 5, labels5, classes5, NULL, NULL }, &err),
		MLM_EINVAL);
	CHECK_CONTAINS(err.message, "in every input or in none; the rows so far came with it");
	CHECK_INT(mlm_evaluator_row_count(evaluator), 5);
	mlm_evaluator_free(evaluator);
}

TEST(evaluator_evaluate__estate_without_rows_or_weight)
{
	static const double zeros[] = { 0, 0, 0, 0, 0 };
	mlm_evaluator *evaluator = make(MLM_EVALUATOR_BINARY);
	mlm_evaluation *evaluation = NULL;
	CHECK_STATUS(mlm_evaluator_evaluate(evaluator, &evaluation, &err), MLM_ESTATE);
	CHECK_CONTAINS(err.message, "no rows");
	MUST(mlm_evaluator_add(
		evaluator, &(mlm_evaluator_rows){ 5, labels5, classes5, NULL, zeros }, &err));
	CHECK_STATUS(mlm_evaluator_evaluate(evaluator, &evaluation, &err), MLM_ESTATE);
	CHECK_CONTAINS(err.message, "column 'weight' is 0 in every row");
	CHECK(evaluation == NULL);
	mlm_evaluator_free(evaluator);
}

TEST(evaluator_new__names_columns_in_errors)
{
	static const double two[] = { 2 };
	mlm_evaluator_options options = MLM_EVALUATOR_OPTIONS_INIT;
	mlm_evaluator *evaluator;
	options.label_name = "diagnosis";
	MUST(mlm_evaluator_new(MLM_EVALUATOR_BINARY, &options, &evaluator, &err));
	CHECK_INT(mlm_evaluator_get_kind(evaluator), MLM_EVALUATOR_BINARY);
	CHECK_STATUS(mlm_evaluator_add(
			     evaluator, &(mlm_evaluator_rows){ 1, two, two, NULL, NULL }, &err),
		MLM_EINVAL);
	CHECK_CONTAINS(err.message, "column 'diagnosis', row 1");
	mlm_evaluator_free(evaluator);
}

TEST(evaluator_new__einval)
{
	mlm_evaluator_options options = { .version = 7 };
	mlm_evaluator *evaluator;
	CHECK_STATUS(
		mlm_evaluator_new(MLM_EVALUATOR_BINARY, &options, &evaluator, &err), MLM_EINVAL);
	CHECK_STATUS(mlm_evaluator_new((mlm_evaluator_kind)4, NULL, &evaluator, &err), MLM_EINVAL);
	CHECK(evaluator == NULL);
	mlm_evaluator_free(NULL);
	mlm_evaluation_free(NULL);
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
	RUN(evaluator_add__inputs_accumulate);
	RUN(evaluator_add__integer_weights_are_repetitions);
	RUN(evaluator_add__weights_may_come_late_or_stop);
	RUN(evaluator_add__either_of_prediction_and_probability_will_do);
	RUN(evaluator_evaluate__one_class_has_no_roc);
	RUN(evaluator_evaluate__perfect_is_exactly_one);
	RUN(evaluator_evaluate__regression_by_hand);
	RUN(evaluator_evaluate__r2_without_spread);
	RUN(evaluator_evaluate__squares_past_the_largest_double_are_infinite);
	RUN(evaluator_evaluate__multiclass_by_hand);
	RUN(evaluator_evaluate__many_classes_have_no_matrix);
	RUN(evaluator_add__einval_names_column_and_row);
	RUN(evaluator_add__einval_when_probabilities_come_and_go);
	RUN(evaluator_evaluate__estate_without_rows_or_weight);
	RUN(evaluator_new__names_columns_in_errors);
	RUN(evaluator_new__einval);
	RUN(evaluator_evaluate__a_million_rows_lose_no_digits);
	return check_done();
}
