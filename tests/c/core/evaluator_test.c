/* SPDX-License-Identifier: Apache-2.0 */
#include "evaluation_check.h"

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

int main(void)
{
	RUN(evaluator_add__inputs_accumulate);
	RUN(evaluator_add__integer_weights_are_repetitions);
	RUN(evaluator_add__weights_may_come_late_or_stop);
	RUN(evaluator_add__einval_names_column_and_row);
	RUN(evaluator_add__einval_when_probabilities_come_and_go);
	RUN(evaluator_evaluate__estate_without_rows_or_weight);
	RUN(evaluator_new__names_columns_in_errors);
	RUN(evaluator_new__einval);
	return check_done();
}
