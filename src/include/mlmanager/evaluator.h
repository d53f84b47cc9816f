/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLMANAGER_EVALUATOR_H
#define MLMANAGER_EVALUATOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mlmanager/error.h"
#include "mlmanager/options.h"

#ifdef __cplusplus
extern "C" {
#endif

#define MLM_EVALUATOR_ROWS_MAX           (1u << 30) /* rows of one evaluator */
#define MLM_EVALUATOR_MATRIX_CLASSES_MAX 1000u /* with more classes there is no matrix */

/* Judges predictions by their labels. Rows accumulate; the results are over all of them. */
typedef struct mlm_evaluator mlm_evaluator;

typedef enum mlm_evaluator_kind {
	/* areaUnderROC, areaUnderPR, TP, TN, FP, FN, TPR, TNR, SPC, PPV, NPV, FPR, FDR, FNR, FOR,
	 * ACC, F1, MCC and the confusion matrix. */
	MLM_EVALUATOR_BINARY = 1,
	/* rmse, mse, mae, r2. */
	MLM_EVALUATOR_REGRESSION = 2,
	/* accuracy, f1, weightedPrecision, weightedRecall (each class weighs as much as its labels)
	 * and the confusion matrix. */
	MLM_EVALUATOR_MULTICLASS = 3,
} mlm_evaluator_kind;

#define MLM_EVALUATOR_OPTIONS_VERSION 1u

/* What the columns are called in errors; NULL means the name in the comment. Copied. */
typedef struct mlm_evaluator_options {
	uint32_t version; /* MLM_EVALUATOR_OPTIONS_VERSION */
	const char *label_name; /* "label" */
	const char *prediction_name; /* "prediction" */
	const char *probability_name; /* "probability" */
	const char *weight_name; /* "weight" */
} mlm_evaluator_options;

#define MLM_EVALUATOR_OPTIONS_INIT \
	MLM_OPTIONS_INIT(mlm_evaluator_options, MLM_EVALUATOR_OPTIONS_VERSION)

/* Columns of count numbers each; every number is finite. */
typedef struct mlm_evaluator_rows {
	size_t count;
	/* The truth. Binary: 0 or 1. Multiclass: whole numbers up to 2^53 either way. */
	const double *labels;
	/* Regression: the estimate. Multiclass: the class. Binary: the class, 0 or 1, or NULL where
	 * there are probabilities; without probabilities it may be a probability itself. */
	const double *predictions;
	/* Binary only, else NULL: the score of class 1, higher is likelier. Where predictions is
	 * NULL it lies in 0..1 and the class is 1 above one half. Given in all inputs or none. */
	const double *probabilities;
	const double *weights; /* not negative; NULL: 1 for each row */
} mlm_evaluator_rows;

/**
 * Makes an evaluator without rows.
 *
 * Errors:  EINVAL (kind, version), ENOMEM.
 * Owns:    free *evaluator_out with mlm_evaluator_free(). options may be NULL.
 * Threads: one call at a time on an evaluator.
 */
MLM_EXPORT mlm_status mlm_evaluator_new(mlm_evaluator_kind kind,
	const mlm_evaluator_options *options, mlm_evaluator **evaluator_out, mlm_error *err);

/** NULL is a no-op. */
MLM_EXPORT void mlm_evaluator_free(mlm_evaluator *evaluator);

MLM_EXPORT mlm_evaluator_kind mlm_evaluator_get_kind(const mlm_evaluator *evaluator);
MLM_EXPORT size_t mlm_evaluator_row_count(const mlm_evaluator *evaluator);

/**
 * Adds rows, all of them or none.
 *
 * Shape:   count 0 is a no-op.
 * Errors:  EINVAL (names the column and the row, counted from 1), ENOMEM.
 * Owns:    copies the rows: 24 bytes each, 32 from the first weight on.
 */
MLM_EXPORT mlm_status mlm_evaluator_add(
	mlm_evaluator *evaluator, const mlm_evaluator_rows *rows, mlm_error *err);

typedef struct mlm_evaluation_value {
	const char *name; /* static */
	double value;
	bool is_count; /* a number of rows (their weight, where they have one), not a rate */
} mlm_evaluation_value;

typedef struct mlm_evaluation {
	const mlm_evaluation_value *values; /* in the order the kind lists them */
	size_t count;
	/* The labels and predictions that occur, ascending; binary: always 0 and 1. */
	const double *classes;
	size_t class_count; /* 0: regression, or more than MLM_EVALUATOR_MATRIX_CLASSES_MAX */
	/* class_count rows of class_count cells: row i, column j holds how many (of what weight)
	 * are labelled classes[i] and predicted as classes[j]. Binary: TN, FP, FN, TP. */
	const double *confusion;
	void *memory;
} mlm_evaluation;

/**
 * Evaluates all rows so far; more may be added afterwards.
 *
 * A rate whose denominator is 0 is 0 (no positive label: TPR 0). areaUnderROC of labels that are
 * all alike is NaN, as no curve exists; areaUnderPR is then 0 without positives and 1 without
 * negatives. areaUnderPR is the area under straight lines through every (recall, precision), from
 * recall 0 at the first precision, which is Spark's. r2 of one row is NaN; of labels that are all
 * equal it is 1 where every prediction is right, else 0. Rows of weight 0 change nothing but the
 * classes.
 *
 * Errors:  ESTATE (no rows, or all weights are 0), ENOMEM.
 * Owns:    free *evaluation_out with mlm_evaluation_free().
 * Cost:    binary sorts the rows; the others are linear.
 */
MLM_EXPORT mlm_status mlm_evaluator_evaluate(
	const mlm_evaluator *evaluator, mlm_evaluation **evaluation_out, mlm_error *err);

/** NULL is a no-op. */
MLM_EXPORT void mlm_evaluation_free(mlm_evaluation *evaluation);

#ifdef __cplusplus
}
#endif
#endif
