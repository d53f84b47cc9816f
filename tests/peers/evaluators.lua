-- SPDX-License-Identifier: Apache-2.0
-- Evaluates the cases that evaluators.py wrote: arg[1] is the directory, its list has one
-- "kind name" a line, each with a <name>.csv. Prints "name key value" for each result.
local mlmanager = require "mlmanager"

local makers = {
  binary = mlmanager.SpliceBinaryClassificationEvaluator,
  regression = mlmanager.SpliceRegressionEvaluator,
  multiclass = mlmanager.SpliceMultiClassificationEvaluator,
}

-- The rows of a CSV in three inputs: a CSV, columns and rows all have to agree with scikit-learn.
local function input_in_parts(evaluator, data)
  local first, second = data.rows // 3, 2 * data.rows // 3
  local columns, rows = {}, {}
  for name, values in pairs(data.columns) do
    columns[name] = table.move(values, first + 1, second, 1, {})
    for i = second + 1, data.rows do
      rows[i - second] = rows[i - second] or {}
      rows[i - second][name] = values[i]
    end
    data.columns[name] = table.move(values, 1, first, 1, {})
  end
  evaluator:input(data)
  evaluator:input(columns)
  evaluator:input(rows)
end

for line in io.lines(arg[1] .. "/list") do
  local kind, name = line:match("^(%S+) (%S+)$")
  local data = mlmanager.csv.read(arg[1] .. "/" .. name .. ".csv")
  local evaluator = makers[kind] { weightCol = data.columns.weight and "weight" }
  if data.rows >= 30 and data.rows < 100000 then
    input_in_parts(evaluator, data)
  else
    evaluator:input(data)
  end
  local results = evaluator:get_results()
  for key, value in pairs(results) do
    if key == "confusion_matrix" then
      for i, row in ipairs(value) do
        for j, cell in ipairs(row) do
          print(("%s matrix[%d][%d] %.17g"):format(name, i, j, cell))
        end
      end
    elseif key == "classes" then
      for i, class in ipairs(value) do
        print(("%s classes[%d] %.17g"):format(name, i, class))
      end
    else
      print(("%s %s %.17g"):format(name, key, value))
    end
  end
end
