-- SPDX-License-Identifier: Apache-2.0
---@meta

---What the evaluators of predictions take and give. Types only; the module itself is C.

---Columns by their configured names, equally long.
---@alias mlmanager.EvaluatorColumns table<string, (number|boolean|number[])[]>

---One table a row; the first row says which columns there are.
---@alias mlmanager.EvaluatorRows table<string, number|boolean|number[]>[]

---@alias mlmanager.EvaluatorInput
---| mlmanager.EvaluatorColumns
---| mlmanager.EvaluatorRows
---| mlmanager.Csv

---@class mlmanager.Evaluator
local Evaluator = {}

---Adds rows, all of them or none; the results are over all inputs so far.
---
---Numbers must be finite; an error names the column and the row. In the binary evaluator labels and
---predictions are 0 or 1 (or false and true), a probability may be Spark's vector `{p0, p1}`; where
---there is no probability column the prediction may itself be a probability, and where there is no
---prediction column the class is 1 above one half.
---@param data mlmanager.EvaluatorInput
function Evaluator:input(data) end

---@class mlmanager.BinaryEvaluator: mlmanager.Evaluator
local BinaryEvaluator = {}

---A fresh table. A rate whose denominator is 0 is 0; areaUnderROC of labels all alike is NaN.
---@return mlmanager.BinaryResults
function BinaryEvaluator:get_results() end

---@class mlmanager.RegressionEvaluator: mlmanager.Evaluator
local RegressionEvaluator = {}

---A fresh table. r2 of one row is NaN.
---@return mlmanager.RegressionResults
function RegressionEvaluator:get_results() end

---@class mlmanager.MultiClassEvaluator: mlmanager.Evaluator
local MultiClassEvaluator = {}

---A fresh table. A class that is never predicted has precision 0.
---@return mlmanager.MultiClassResults
function MultiClassEvaluator:get_results() end

---@class mlmanager.BinaryResults
---@field areaUnderROC number
---@field areaUnderPR number as Spark: straight lines from (0, first precision)
---@field TP number rows, or their weight; likewise TN, FP and FN
---@field TN number
---@field FP number
---@field FN number
---@field TPR number recall, TP / (TP + FN)
---@field TNR number TN / (TN + FP)
---@field SPC number the same: specificity
---@field PPV number precision, TP / (TP + FP)
---@field NPV number TN / (TN + FN)
---@field FPR number FP / (FP + TN)
---@field FDR number FP / (FP + TP)
---@field FNR number FN / (FN + TP)
---@field FOR number FN / (FN + TN)
---@field ACC number (TP + TN) / all
---@field F1 number
---@field MCC number Matthews' correlation
---@field confusion_matrix number[][] `{{TN, FP}, {FN, TP}}`: rows are labels, columns predictions
---@field classes integer[] `{0, 1}`

---@class mlmanager.RegressionResults
---@field rmse number
---@field mse number
---@field mae number
---@field r2 number

---@class mlmanager.MultiClassResults
---@field accuracy number
---@field f1 number each class weighs as much as its labels, here and in the next two
---@field weightedPrecision number
---@field weightedRecall number
---@field confusion_matrix? number[][] rows are labels, columns predictions; nil past 1000 classes
---@field classes? integer[] what the rows and columns are, ascending

---@class mlmanager.EvaluatorOptions
---@field labelCol? string default "label"
---@field predictionCol? string default "prediction"
---@field weightCol? string the weight of each row; without it all weigh 1

---@class mlmanager.BinaryEvaluatorOptions: mlmanager.EvaluatorOptions
---@field probabilityCol? string default "probability", used if it is there; another must be there

---@class mlmanager
local mlmanager = {}

---Evaluates predictions of two classes.
---@param options? mlmanager.BinaryEvaluatorOptions
---@return mlmanager.BinaryEvaluator
function mlmanager.SpliceBinaryClassificationEvaluator(options) end

---Evaluates predictions of numbers.
---@param options? mlmanager.EvaluatorOptions
---@return mlmanager.RegressionEvaluator
function mlmanager.SpliceRegressionEvaluator(options) end

---Evaluates predictions of any number of classes.
---@param options? mlmanager.EvaluatorOptions
---@return mlmanager.MultiClassEvaluator
function mlmanager.SpliceMultiClassificationEvaluator(options) end
