/* SPDX-License-Identifier: Apache-2.0 */
#include "core/evaluator.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/options.h"

#define AREA           "evaluator"
#define CAPACITY_FIRST 64u
#define WHOLE_MAX      9007199254740992.0 /* 2^53: above it not every whole number is a double */

static void set_name(char out[EVALUATOR_NAME_SIZE], const char *name, const char *otherwise)
{
	snprintf(out, EVALUATOR_NAME_SIZE, "%s", name ? name : otherwise);
}

mlm_status mlm_evaluator_new(mlm_evaluator_kind kind, const mlm_evaluator_options *options,
	mlm_evaluator **evaluator_out, mlm_error *err)
{
	if (!evaluator_out)
		return error_set_null(err, "evaluator", "evaluator_out");
	static const struct options_layout layout =
		OPTIONS_LAYOUT(mlm_evaluator_options, weight_name);
	mlm_evaluator_options taken;
	*evaluator_out = NULL;
	mlm_status status = options_take(&taken, options, &layout, err);
	if (status != MLM_OK)
		return status;
	if (kind < MLM_EVALUATOR_BINARY || kind > MLM_EVALUATOR_MULTICLASS)
		return error_set(err, MLM_EINVAL, AREA,
			"kind: %d is none of binary, regression and multiclass", (int)kind);
	mlm_evaluator *evaluator = calloc(1, sizeof(*evaluator));
	if (!evaluator)
		return error_set(err, MLM_ENOMEM, AREA, "no memory for an evaluator");
	evaluator->kind = kind;
	set_name(evaluator->names[EVALUATOR_LABEL], taken.label_name, "label");
	set_name(evaluator->names[EVALUATOR_PREDICTION], taken.prediction_name, "prediction");
	set_name(evaluator->names[EVALUATOR_PROBABILITY], taken.probability_name, "probability");
	set_name(evaluator->names[EVALUATOR_WEIGHT], taken.weight_name, "weight");
	*evaluator_out = evaluator;
	return MLM_OK;
}

void mlm_evaluator_free(mlm_evaluator *evaluator)
{
	if (!evaluator)
		return;
	for (int i = 0; i < EVALUATOR_COLUMNS; i++)
		free(evaluator->columns[i]);
	free(evaluator);
}

mlm_evaluator_kind mlm_evaluator_get_kind(const mlm_evaluator *evaluator)
{
	return evaluator ? evaluator->kind : (mlm_evaluator_kind)0;
}

size_t mlm_evaluator_row_count(const mlm_evaluator *evaluator)
{
	return evaluator ? evaluator->count : 0;
}

/* What a column's numbers must be. */
enum domain { FINITE, NOT_NEGATIVE, WHOLE, ZERO_OR_ONE, ZERO_TO_ONE };

static const char *refuse(double value, enum domain domain)
{
	if (!isfinite(value))
		return "a finite number";
	switch (domain) {
	case FINITE:
		return NULL;
	case NOT_NEGATIVE:
		return value >= 0 ? NULL : "0 or more";
	case WHOLE:
		return value == floor(value) && fabs(value) <= WHOLE_MAX
			       ? NULL
			       : "a whole number up to 2^53";
	case ZERO_OR_ONE:
		return value == 0 || value == 1 ? NULL : "0 or 1";
	case ZERO_TO_ONE:
		return value >= 0 && value <= 1 ? NULL : "between 0 and 1";
	}
	return NULL;
}

static mlm_status check_column(const mlm_evaluator *evaluator, int column, const double *values,
	size_t count, enum domain domain, mlm_error *err)
{
	for (size_t i = 0; i < count; i++) {
		const char *wanted = refuse(values[i], domain);
		if (!wanted)
			continue;
		/* fabs: a NaN's sign says nothing and would be printed. */
		double shown = isnan(values[i]) ? fabs(values[i]) : values[i];
		return error_set(err, MLM_EINVAL, AREA, "column '%s', row %zu: %.17g is not %s%s",
			evaluator->names[column], i + 1, shown, wanted,
			isnan(shown) ? " (an empty cell?)" : "");
	}
	return MLM_OK;
}

static mlm_status check_binary(
	const mlm_evaluator *evaluator, const mlm_evaluator_rows *rows, mlm_error *err)
{
	const char *probability = evaluator->names[EVALUATOR_PROBABILITY];
	bool has_probabilities = rows->probabilities != NULL;

	if (!rows->predictions && !has_probabilities)
		return error_set(err, MLM_EINVAL, AREA,
			"columns '%s' and '%s' are both missing; pass one of them",
			evaluator->names[EVALUATOR_PREDICTION], probability);
	if (evaluator->count > 0 && has_probabilities != evaluator->has_probabilities)
		return error_set(err, MLM_EINVAL, AREA,
			"column '%s' must be in every input or in none; the rows so far came %s it",
			probability, has_probabilities ? "without" : "with");
	mlm_status status = check_column(
		evaluator, EVALUATOR_LABEL, rows->labels, rows->count, ZERO_OR_ONE, err);
	if (status == MLM_OK && rows->predictions)
		status = check_column(evaluator, EVALUATOR_PREDICTION, rows->predictions,
			rows->count, has_probabilities ? ZERO_OR_ONE : ZERO_TO_ONE, err);
	if (status == MLM_OK && has_probabilities)
		status = check_column(evaluator, EVALUATOR_PROBABILITY, rows->probabilities,
			rows->count, rows->predictions ? FINITE : ZERO_TO_ONE, err);
	return status;
}

static mlm_status check_rows(
	const mlm_evaluator *evaluator, const mlm_evaluator_rows *rows, mlm_error *err)
{
	if (!rows->labels)
		return error_set(err, MLM_EINVAL, AREA, "column '%s' is missing",
			evaluator->names[EVALUATOR_LABEL]);
	if (rows->count > MLM_EVALUATOR_ROWS_MAX - evaluator->count)
		return error_set(err, MLM_EINVAL, AREA, "an evaluator takes at most %u rows",
			MLM_EVALUATOR_ROWS_MAX);
	mlm_status status = MLM_OK;
	if (evaluator->kind == MLM_EVALUATOR_BINARY) {
		status = check_binary(evaluator, rows, err);
	} else {
		enum domain domain = evaluator->kind == MLM_EVALUATOR_MULTICLASS ? WHOLE : FINITE;
		if (!rows->predictions)
			return error_set(err, MLM_EINVAL, AREA, "column '%s' is missing",
				evaluator->names[EVALUATOR_PREDICTION]);
		if (rows->probabilities)
			return error_set(err, MLM_EINVAL, AREA,
				"column '%s' is for the binary evaluator only",
				evaluator->names[EVALUATOR_PROBABILITY]);
		status = check_column(
			evaluator, EVALUATOR_LABEL, rows->labels, rows->count, domain, err);
		if (status == MLM_OK)
			status = check_column(evaluator, EVALUATOR_PREDICTION, rows->predictions,
				rows->count, domain, err);
	}
	if (status == MLM_OK && rows->weights)
		status = check_column(
			evaluator, EVALUATOR_WEIGHT, rows->weights, rows->count, NOT_NEGATIVE, err);
	return status;
}

static bool grow_column(mlm_evaluator *evaluator, int column, size_t capacity)
{
	double *values = realloc(evaluator->columns[column], capacity * sizeof(double));
	if (values)
		evaluator->columns[column] = values;
	return values != NULL;
}

/* Makes room for count more rows; on failure the columns hold what they held. */
static bool reserve(mlm_evaluator *evaluator, size_t count, bool weighted)
{
	size_t capacity = evaluator->capacity ? evaluator->capacity : CAPACITY_FIRST;
	while (capacity < evaluator->count + count)
		capacity *= 2;
	bool scored = evaluator->kind == MLM_EVALUATOR_BINARY;
	bool had_weights = evaluator->columns[EVALUATOR_WEIGHT] != NULL;
	if (capacity > evaluator->capacity) {
		if (!grow_column(evaluator, EVALUATOR_LABEL, capacity) ||
			!grow_column(evaluator, EVALUATOR_PREDICTION, capacity) ||
			(scored && !grow_column(evaluator, EVALUATOR_PROBABILITY, capacity)) ||
			(had_weights && !grow_column(evaluator, EVALUATOR_WEIGHT, capacity)))
			return false;
		evaluator->capacity = capacity;
	}
	if (weighted && !had_weights) {
		if (!grow_column(evaluator, EVALUATOR_WEIGHT, capacity))
			return false;
		for (size_t i = 0; i < evaluator->count; i++)
			evaluator->columns[EVALUATOR_WEIGHT][i] = 1.0;
	}
	return true;
}

static void append_binary(mlm_evaluator *evaluator, const mlm_evaluator_rows *rows)
{
	const double *scores = rows->probabilities ? rows->probabilities : rows->predictions;
	const double *classes = rows->predictions ? rows->predictions : scores;
	double *class_at = evaluator->columns[EVALUATOR_PREDICTION] + evaluator->count;
	double *score_at = evaluator->columns[EVALUATOR_PROBABILITY] + evaluator->count;
	for (size_t i = 0; i < rows->count; i++) {
		class_at[i] = classes[i] > 0.5 ? 1.0 : 0.0;
		score_at[i] = scores[i];
	}
	evaluator->has_probabilities = rows->probabilities != NULL;
}

mlm_status mlm_evaluator_add(
	mlm_evaluator *evaluator, const mlm_evaluator_rows *rows, mlm_error *err)
{
	if (!evaluator)
		return error_set_null(err, "evaluator", "evaluator");
	if (!rows)
		return error_set_null(err, "evaluator", "rows");
	if (rows->count == 0)
		return MLM_OK;
	mlm_status status = check_rows(evaluator, rows, err);
	if (status != MLM_OK)
		return status;
	if (!reserve(evaluator, rows->count, rows->weights != NULL))
		return error_set(err, MLM_ENOMEM, AREA, "no memory for %zu more rows", rows->count);

	size_t size_bytes = rows->count * sizeof(double);
	memcpy(evaluator->columns[EVALUATOR_LABEL] + evaluator->count, rows->labels, size_bytes);
	if (evaluator->kind == MLM_EVALUATOR_BINARY)
		append_binary(evaluator, rows);
	else
		memcpy(evaluator->columns[EVALUATOR_PREDICTION] + evaluator->count,
			rows->predictions, size_bytes);
	double *weight_at = evaluator->columns[EVALUATOR_WEIGHT];
	for (size_t i = 0; weight_at && i < rows->count; i++)
		weight_at[evaluator->count + i] = rows->weights ? rows->weights[i] : 1.0;
	evaluator->count += rows->count;
	return MLM_OK;
}

mlm_evaluation *evaluation_new(size_t count, size_t class_count, mlm_evaluation_value **values_out,
	double **classes_out, double **confusion_out)
{
	size_t doubles = class_count + class_count * class_count;
	mlm_evaluation *evaluation = calloc(
		1, sizeof(*evaluation) + count * sizeof(**values_out) + doubles * sizeof(double));
	if (!evaluation)
		return NULL;
	*values_out = (mlm_evaluation_value *)(evaluation + 1);
	*classes_out = (double *)(*values_out + count);
	*confusion_out = *classes_out + class_count;
	evaluation->values = *values_out;
	evaluation->count = count;
	evaluation->classes = class_count ? *classes_out : NULL;
	evaluation->class_count = class_count;
	evaluation->confusion = class_count ? *confusion_out : NULL;
	evaluation->memory = evaluation;
	return evaluation;
}

void mlm_evaluation_free(mlm_evaluation *evaluation)
{
	if (evaluation)
		free(evaluation->memory);
}

static bool has_weight(const mlm_evaluator *evaluator)
{
	for (size_t i = 0; i < evaluator->count; i++) {
		if (evaluator_weight(evaluator, i) > 0)
			return true;
	}
	return false;
}

mlm_status mlm_evaluator_evaluate(
	const mlm_evaluator *evaluator, mlm_evaluation **evaluation_out, mlm_error *err)
{
	if (!evaluation_out)
		return error_set_null(err, "evaluator", "evaluation_out");
	if (!evaluator)
		return error_set_null(err, "evaluator", "evaluator");
	*evaluation_out = NULL;
	if (evaluator->count == 0)
		return error_set(err, MLM_ESTATE, AREA,
			"the evaluator has no rows; give it some with input first");
	if (!has_weight(evaluator))
		return error_set(err, MLM_ESTATE, AREA,
			"column '%s' is 0 in every row, so there is nothing to evaluate",
			evaluator->names[EVALUATOR_WEIGHT]);
	mlm_status status = MLM_EINVAL;
	switch (evaluator->kind) {
	case MLM_EVALUATOR_BINARY:
		status = evaluator_binary(evaluator, evaluation_out, err);
		break;
	case MLM_EVALUATOR_REGRESSION:
		status = evaluator_regression(evaluator, evaluation_out, err);
		break;
	case MLM_EVALUATOR_MULTICLASS:
		status = evaluator_multiclass(evaluator, evaluation_out, err);
		break;
	}
	if (status == MLM_ENOMEM)
		error_set(
			err, MLM_ENOMEM, AREA, "no memory to evaluate %zu rows", evaluator->count);
	return status;
}
