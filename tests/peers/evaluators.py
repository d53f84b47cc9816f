# SPDX-License-Identifier: Apache-2.0
"""Compares the evaluators with scikit-learn, to 1e-12, on generated cases.

MLMANAGER_HOST names the host program, which runs evaluators.lua over the cases as CSV files.
"""

import math
import os
import pathlib
import subprocess
import sys
import tempfile
import warnings

import numpy as np
from sklearn import metrics

TOLERANCE = 1e-12
MILLION = 1_000_000

warnings.filterwarnings("ignore")
rng = np.random.default_rng(20240607)


BOTH = ("prediction", "probability")


def binary(n, score=None, label=None, predict=None, weight=None, columns=BOTH):
    label = (rng.random(n) < 0.4).astype(float) if label is None else np.asarray(label, float)
    if score is None:
        score = np.clip(rng.normal(0.35 + 0.3 * label, 0.25), 0, 1)
    score = np.asarray(score, float)
    prediction = (score > 0.5).astype(float) if predict is None else np.asarray(predict, float)
    case = {"label": label}
    if "prediction" in columns:
        case["prediction"] = prediction
    if "probability" in columns:
        case["probability"] = score
    if weight is not None:
        case["weight"] = weight
    return "binary", case


def regression(n, label=None, noise=1.0, weight=None):
    label = rng.normal(3, 10, n) if label is None else np.asarray(label, float)
    case = {"label": label, "prediction": label + rng.normal(0.1, noise, len(label))}
    if weight is not None:
        case["weight"] = weight
    return "regression", case


def multiclass(n, labels, predictions, right=0.6, weight=None):
    label = rng.choice(labels, n).astype(float)
    prediction = np.where(rng.random(n) < right, label, rng.choice(predictions, n))
    if not set(predictions) >= set(labels):
        prediction = rng.choice(predictions, n).astype(float)
    case = {"label": label, "prediction": prediction}
    if weight is not None:
        case["weight"] = weight
    return "multiclass", case


def zeros_among(weight):
    weight[rng.random(len(weight)) < 0.3] = 0
    return weight


def make_cases():
    ties = np.round(rng.random(2000), 1)
    return {
        "binary_plain": binary(1000),
        "binary_ties": binary(2000, score=ties),
        "binary_ties_weights": binary(2000, score=ties, weight=rng.random(2000)),
        "binary_zero_weights": binary(900, weight=zeros_among(rng.random(900))),
        "binary_weights_far_apart": binary(500, weight=10 ** rng.uniform(-6, 6, 500)),
        "binary_one_score": binary(100, score=np.full(100, 0.25)),
        "binary_only_positives": binary(50, label=np.ones(50)),
        "binary_only_negatives": binary(50, label=np.zeros(50)),
        "binary_one_row": binary(1, label=[1], score=[0.7]),
        "binary_two_rows": binary(2, label=[0, 1], score=[0.7, 0.2]),
        "binary_perfect": binary(300, label=np.arange(300) % 2, score=np.arange(300) % 2),
        "binary_inverted": binary(300, label=np.arange(300) % 2, score=1 - np.arange(300) % 2),
        "binary_rare": binary(5000, label=np.arange(5000) % 1000 == 7),
        "binary_neighbours": binary(400, score=0.5 + np.arange(400) % 7 * 2.0**-53),
        "binary_margins": binary(800, score=rng.normal(0, 30, 800)),
        "binary_predictions_only": binary(700, columns=("prediction",)),
        "binary_probabilities_only": binary(700, columns=("probability",)),
        "binary_no_agreement": binary(600, predict=rng.random(600) < 0.5),
        "binary_predicts_no_one": binary(600, predict=np.zeros(600)),
        "binary_million": binary(MILLION),
        "binary_million_ties_weights": binary(
            MILLION, score=np.round(rng.random(MILLION), 3), weight=rng.random(MILLION)
        ),
        "regression_plain": regression(1000),
        "regression_weights": regression(1000, weight=rng.random(1000)),
        "regression_zero_weights": regression(900, weight=zeros_among(rng.random(900))),
        "regression_far_from_zero": regression(1000, label=1e9 + rng.normal(0, 1, 1000)),
        "regression_worse_than_mean": regression(100, noise=1000),
        "regression_one_label": regression(50, label=np.full(50, 2.5)),
        "regression_exact": regression(50, noise=0),
        "regression_constant_and_right": ("regression", {"label": [3, 3], "prediction": [3, 3]}),
        "regression_one_row": regression(1),
        "regression_two_rows": regression(2),
        "regression_heavy_tails": regression(5000, label=rng.standard_cauchy(5000)),
        "regression_million": regression(MILLION),
        "regression_million_weights": regression(MILLION, weight=rng.random(MILLION)),
        "multiclass_plain": multiclass(1000, [0, 1, 2], [0, 1, 2]),
        "multiclass_weights": multiclass(1000, [0, 1, 2], [0, 1, 2], weight=rng.random(1000)),
        "multiclass_zero_weights": multiclass(
            900, [0, 1, 2], [0, 1, 2], weight=zeros_among(rng.random(900))
        ),
        "multiclass_never_predicted": multiclass(500, [0, 1, 2, 3], [0, 1]),
        "multiclass_never_true": multiclass(500, [0, 1], [0, 1, 2, 3]),
        "multiclass_disjoint": multiclass(200, [0, 1], [2, 3]),
        "multiclass_gaps": multiclass(500, [-7, 3, 1000000, 42], [-7, 3, 1000000, 42, 5]),
        "multiclass_one_class": multiclass(40, [4], [4]),
        "multiclass_one_row": multiclass(1, [1], [0]),
        "multiclass_many": multiclass(20000, range(300), range(300)),
        "multiclass_million": multiclass(
            MILLION, range(50), range(60), weight=rng.random(MILLION)
        ),
    }


def spark_area_under_pr(label, score, weight):
    precision, recall, _ = metrics.precision_recall_curve(label, score, sample_weight=weight)
    precision, recall = precision[-2::-1], recall[-2::-1]
    precision = np.concatenate(([precision[0]], precision))
    recall = np.concatenate(([0.0], recall))
    return math.fsum((recall[1:] - recall[:-1]) * (precision[1:] + precision[:-1]) / 2)


def expect_matrix(label, prediction, weight, classes):
    matrix = metrics.confusion_matrix(label, prediction, sample_weight=weight, labels=classes)
    return {
        **{f"classes[{i + 1}]": c for i, c in enumerate(classes)},
        **{
            f"matrix[{i + 1}][{j + 1}]": cell
            for i, row in enumerate(matrix)
            for j, cell in enumerate(row)
        },
    }


def expect_binary(case):
    label, weight = case["label"], case.get("weight")
    score = case.get("probability", case.get("prediction"))
    prediction = case["prediction"] if "prediction" in case else (score > 0.5).astype(float)
    matrix = metrics.confusion_matrix(label, prediction, sample_weight=weight, labels=[0, 1])
    (tn, fp), (fn, tp) = matrix
    truth = {"sample_weight": weight, "zero_division": 0}
    recall = metrics.recall_score(label, prediction, **truth)
    specificity = metrics.recall_score(label, prediction, pos_label=0, **truth)
    precision = metrics.precision_score(label, prediction, **truth)
    npv = metrics.precision_score(label, prediction, pos_label=0, **truth)
    return {
        "areaUnderROC": metrics.roc_auc_score(label, score, sample_weight=weight),
        "areaUnderPR": spark_area_under_pr(label, score, weight),
        "TP": tp,
        "TN": tn,
        "FP": fp,
        "FN": fn,
        "TPR": recall,
        "TNR": specificity,
        "SPC": specificity,
        "PPV": precision,
        "NPV": npv,
        "FPR": 1 - specificity if tn + fp else 0,
        "FDR": 1 - precision if tp + fp else 0,
        "FNR": 1 - recall if tp + fn else 0,
        "FOR": 1 - npv if tn + fn else 0,
        "ACC": metrics.accuracy_score(label, prediction, sample_weight=weight),
        "F1": metrics.f1_score(label, prediction, **truth),
        "MCC": metrics.matthews_corrcoef(label, prediction, sample_weight=weight),
        **expect_matrix(label, prediction, weight, [0, 1]),
    }


def expect_regression(case):
    label, prediction, weight = case["label"], case["prediction"], case.get("weight")
    return {
        "rmse": metrics.root_mean_squared_error(label, prediction, sample_weight=weight),
        "mse": metrics.mean_squared_error(label, prediction, sample_weight=weight),
        "mae": metrics.mean_absolute_error(label, prediction, sample_weight=weight),
        "r2": metrics.r2_score(label, prediction, sample_weight=weight),
    }


def expect_multiclass(case):
    label, prediction, weight = case["label"], case["prediction"], case.get("weight")
    average = {"average": "weighted", "sample_weight": weight, "zero_division": 0}
    return {
        "accuracy": metrics.accuracy_score(label, prediction, sample_weight=weight),
        "f1": metrics.f1_score(label, prediction, **average),
        "weightedPrecision": metrics.precision_score(label, prediction, **average),
        "weightedRecall": metrics.recall_score(label, prediction, **average),
        **expect_matrix(label, prediction, weight, np.union1d(label, prediction)),
    }


EXPECT = {"binary": expect_binary, "regression": expect_regression, "multiclass": expect_multiclass}


def write_cases(directory, cases):
    for name, (_, case) in cases.items():
        names = list(case)
        with open(directory / f"{name}.csv", "w", encoding="ascii") as file:
            file.write(",".join(names) + "\n")
            for row in zip(*(np.asarray(case[c], float).tolist() for c in names)):
                file.write(",".join(map(repr, row)) + "\n")
    (directory / "list").write_text("".join(f"{kind} {n}\n" for n, (kind, _) in cases.items()))


def is_near(actual, expected):
    if math.isnan(expected) or math.isnan(actual):
        return math.isnan(expected) and math.isnan(actual)
    return abs(actual - expected) <= TOLERANCE * max(1.0, abs(expected))


def differences(actual, expected):
    for key in sorted(set(actual) | set(expected)):
        if key not in actual or key not in expected:
            yield f"{key}: {actual.get(key)} is not {expected.get(key)}"
        elif not is_near(actual[key], float(expected[key])):
            yield f"{key}: {actual[key]!r} is not {float(expected[key])!r}"


def main():
    cases = make_cases()
    script = pathlib.Path(__file__).with_suffix(".lua")
    results = {name: {} for name in cases}
    with tempfile.TemporaryDirectory() as directory:
        write_cases(pathlib.Path(directory), cases)
        command = [os.environ["MLMANAGER_HOST"], str(script), directory]
        output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    for line in output.splitlines():
        name, key, value = line.split(" ")
        results[name][key] = float(value)
    failed = 0
    for name, (kind, case) in cases.items():
        case = {column: np.asarray(values, float) for column, values in case.items()}
        found = list(differences(results[name], EXPECT[kind](case)))
        failed += bool(found)
        print("FAIL" if found else "ok  ", name)
        for line in found[:10]:
            print("    " + line)
    print(f"{len(cases) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
