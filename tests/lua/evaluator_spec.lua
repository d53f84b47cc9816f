-- SPDX-License-Identifier: Apache-2.0
local mlmanager = require "mlmanager"
local process = require "tests.lua.process"

local function near(expected, actual)
  assert.is_true(math.abs(expected - actual) <= 1e-14,
    ("%.17g is not %.17g"):format(actual, expected))
end

-- What f raises, as text.
local function error_of(f, ...)
  local ok, err = pcall(f, ...)
  assert.is_false(ok, "nothing was raised")
  return err
end

local function refused(part, f, ...)
  local err = error_of(f, ...)
  assert.equal("invalid", err.code)
  assert.truthy(tostring(err):find(part, 1, true), tostring(err) .. "\n  without: " .. part)
end

local function binary(options)
  return mlmanager.SpliceBinaryClassificationEvaluator(options)
end

local labels = { 1, 0, 1, 1, 0 }
local predictions = { 1, 0, 0, 1, 1 }
local probabilities = { 0.8, 0.1, 0.3, 0.9, 0.8 }

describe("SpliceBinaryClassificationEvaluator", function()
  local function check(results)
    near(0.75, results.areaUnderROC)
    near(1 / 3 + 5 / 18 + 17 / 72, results.areaUnderPR)
    assert.same({ 2, 1, 1, 1 }, { results.TP, results.TN, results.FP, results.FN })
    near(2 / 3, results.TPR)
    near(0.5, results.TNR)
    near(0.5, results.SPC)
    near(2 / 3, results.PPV)
    near(0.5, results.NPV)
    near(0.5, results.FPR)
    near(1 / 3, results.FDR)
    near(1 / 3, results.FNR)
    near(0.5, results.FOR)
    near(0.6, results.ACC)
    near(2 / 3, results.F1)
    near(1 / 6, results.MCC)
    assert.same({ { 1, 1 }, { 1, 2 } }, results.confusion_matrix)
    assert.same({ 0, 1 }, results.classes)
  end

  it("takes columns", function()
    local evaluator = binary { labelCol = "label", predictionCol = "prediction",
      probabilityCol = "probability" }
    evaluator:input { label = labels, prediction = predictions, probability = probabilities }
    check(evaluator:get_results())
    assert.equal("integer", math.type(evaluator:get_results().TP))
  end)

  it("takes rows, booleans and Spark's vectors", function()
    local rows = {}
    for i, label in ipairs(labels) do
      local p = probabilities[i]
      rows[i] = { label = label == 1, prediction = predictions[i] == 1, probability = { 1 - p, p } }
    end
    local evaluator = binary()
    evaluator:input(rows)
    check(evaluator:get_results())
  end)

  it("takes a CSV and what a script added to it", function()
    local lines = { "y,p" }
    for i, label in ipairs(labels) do
      lines[#lines + 1] = ("%d,%.1f"):format(label, probabilities[i])
    end
    local data = mlmanager.csv.parse(table.concat(lines, "\n"))
    data.columns.guess = predictions
    local evaluator = binary { labelCol = "y", predictionCol = "guess", probabilityCol = "p" }
    evaluator:input(data)
    check(evaluator:get_results())
  end)

  it("accumulates inputs and gives a fresh table", function()
    local evaluator = binary {}
    for i = 1, 5 do
      evaluator:input { label = { labels[i] }, prediction = { predictions[i] },
        probability = { probabilities[i] } }
    end
    local results = evaluator:get_results()
    check(results)
    results.TP = nil
    results.confusion_matrix[1][1] = 99
    check(evaluator:get_results())
  end)

  it("weighs rows", function()
    local evaluator = binary { weightCol = "w" }
    evaluator:input { label = labels, prediction = predictions, w = { 0.5, 1, 1, 1, 3 } }
    local results = evaluator:get_results()
    near(1.5, results.TP)
    near(3, results.FP)
    assert.equal("integer", math.type(results.FP))
    near(1.5 / 4.5, results.PPV)
  end)

  it("takes the prediction for the probability where there is none", function()
    local evaluator = binary()
    evaluator:input { label = labels, prediction = probabilities }
    check(evaluator:get_results())
    evaluator = binary()
    evaluator:input { label = labels, probability = probabilities }
    check(evaluator:get_results())
  end)

  it("has no areaUnderROC for one class", function()
    local evaluator = binary()
    evaluator:input { label = { 1, 1 }, prediction = { 1, 0 } }
    local results = evaluator:get_results()
    assert.is_true(results.areaUnderROC ~= results.areaUnderROC)
    near(1, results.areaUnderPR)
    near(0, results.TNR)
  end)

  it("says what is wrong with its options", function()
    refused("unknown field 'labelcol'; the known ones are labelCol, predictionCol, "
      .. "probabilityCol, weightCol", binary, { labelcol = "x" })
    refused("labelCol must be the name of a column", binary, { labelCol = 3 })
    refused("the options must be a table, not string", binary, "label")
    refused("unknown field 'probabilityCol'", mlmanager.SpliceRegressionEvaluator,
      { probabilityCol = "p" })
  end)

  it("names the column and the row that are wrong", function()
    local function input(data, options)
      local evaluator = binary(options)
      return function()
        evaluator:input(data)
      end
    end
    refused("column 'label' is missing", input {})
    refused("column 'label' is missing", input { prediction = { 1 } })
    refused("column 'label' is missing", input { { prediction = 1 } })
    refused("columns 'prediction' and 'probability' are both missing", input { label = { 1 } })
    refused("column 'p' is missing",
      input({ label = { 1 }, prediction = { 1 } }, { probabilityCol = "p" }))
    refused("column 'w' is missing",
      input({ label = { 1 }, prediction = { 1 } }, { weightCol = "w" }))
    refused("column 'prediction' has 1 rows, but 'label' has 2",
      input { label = { 1, 0 }, prediction = { 1 } })
    refused("column 'label' must be an array, not number", input { label = 1 })
    refused("column 'y', row 2: 2 is not 0 or 1",
      input({ y = { 1, 2 }, prediction = { 1, 1 } }, { labelCol = "y" }))
    refused("column 'label', row 2: a number is wanted, not string",
      input { label = { 1, "1" }, prediction = { 1, 1 } })
    refused("column 'prediction', row 2: a number is wanted, not nil",
      input { { label = 1, prediction = 1 }, { label = 0 } })
    refused("row 2 has a 'probability', but row 1 has none",
      input { { label = 1, prediction = 1 }, { label = 0, prediction = 1, probability = 0.5 } })
    refused("row 2 must be a table, not number", input { { label = 1, prediction = 1 }, 7 })
    refused("column 'probability', row 1: 3 probabilities, where two are wanted",
      input { label = { 1 }, probability = { { 0.1, 0.2, 0.7 } } })
    refused("row 1: the probability of class 1 is no number but boolean",
      input { label = { 1 }, probability = { { 0.1, true } } })
    refused("columns, rows or a CSV are wanted, not nil", input(nil))
    refused("column 'prediction', row 1: nan is not a finite number",
      input { label = { 1 }, prediction = { 0 / 0 } })
    local evaluator = binary()
    refused("call input with a colon", evaluator.input, { label = { 1 }, prediction = { 1 } })
  end)

  it("keeps what it had when an input is refused", function()
    local evaluator = binary()
    evaluator:input { label = labels, prediction = predictions, probability = probabilities }
    refused("row 2: 5 is not 0 or 1", evaluator.input, evaluator,
      { label = { 1, 5 }, prediction = { 1, 1 }, probability = { 0, 0 } })
    check(evaluator:get_results())
  end)

  it("has no results without rows", function()
    local err = error_of(binary().get_results, binary())
    assert.equal("state", err.code)
    assert.truthy(tostring(err):find("no rows", 1, true))
  end)
end)

describe("SpliceRegressionEvaluator", function()
  it("gives rmse, mse, mae and r2", function()
    local evaluator = mlmanager.SpliceRegressionEvaluator { labelCol = "y", predictionCol = "f" }
    evaluator:input { y = { 3, -0.5 }, f = { 2.5, 0 } }
    evaluator:input { { y = 2, f = 2 }, { y = 7, f = 8 } }
    local results = evaluator:get_results()
    near(0.375, results.mse)
    near(math.sqrt(0.375), results.rmse)
    near(0.5, results.mae)
    near(1 - 1.5 / 29.1875, results.r2)
    assert.is_nil(results.confusion_matrix)
  end)
end)

describe("SpliceMultiClassificationEvaluator", function()
  it("gives accuracy, f1, weightedPrecision and weightedRecall", function()
    local evaluator = mlmanager.SpliceMultiClassificationEvaluator()
    evaluator:input { label = { 0, 1, 2, 2, 2, -1 }, prediction = { 0, 7, 2, 2, 1, 0 } }
    local results = evaluator:get_results()
    near(0.5, results.accuracy)
    near((2 / 3 + 3 * 4 / 5) / 6, results.f1)
    near(3.5 / 6, results.weightedPrecision)
    near(0.5, results.weightedRecall)
    assert.same({ -1, 0, 1, 2, 7 }, results.classes)
    assert.same({
      { 0, 1, 0, 0, 0 },
      { 0, 1, 0, 0, 0 },
      { 0, 0, 0, 0, 1 },
      { 0, 0, 1, 2, 0 },
      { 0, 0, 0, 0, 0 },
    }, results.confusion_matrix)
  end)

  it("refuses classes that are no whole numbers", function()
    local evaluator = mlmanager.SpliceMultiClassificationEvaluator()
    refused("column 'label', row 1: 0.5 is not a whole number", evaluator.input, evaluator,
      { label = { 0.5 }, prediction = { 1 } })
  end)
end)

describe("log_evaluator_metrics", function()
  local directory, manager

  before_each(function()
    directory = process.directory()
    manager = mlmanager.MLManager { store = "sqlite:" .. directory .. "/a.db" }
    manager:create_experiment("evaluators")
    manager:start_run()
  end)

  after_each(function()
    manager:close()
    process.remove(directory)
  end)

  it("logs every number and returns the dictionary", function()
    local evaluator = binary()
    evaluator:input { label = labels, prediction = predictions, probability = probabilities }
    local results = manager:log_evaluator_metrics(evaluator)
    local expected = evaluator:get_results()
    assert.same(expected, results)
    expected.confusion_matrix, expected.classes = nil, nil
    assert.same(expected, manager:get_run(manager.current_run_id).data.metrics)
    manager:end_run()
  end)

  it("refuses what is no evaluator", function()
    refused("an evaluator is wanted", manager.log_evaluator_metrics, manager, {})
    manager:end_run()
  end)
end)
