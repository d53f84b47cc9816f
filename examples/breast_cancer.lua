-- SPDX-License-Identifier: Apache-2.0
-- Tells malignant from benign tumours: logistic regression, trained by mini-batch gradient descent
-- for each combination of three hyperparameters, a nested run each.
--
--   scripts/run.sh examples/breast_cancer.lua [epochs]
--
-- The data and where it comes from: examples/README.md.

local mlmanager = require "mlmanager"

local EPOCHS = tonumber(arg[1]) or 400
local SEED = 1995
local GRID = {
  learning_rate = { 0.3, 0.1, 0.03 },
  batch_size = { 16, 64 },
  l2 = { 0, 0.001, 0.01, 0.1 },
}

-- The data: a list of examples, {x = {30 numbers}, y = 1 for malignant or 0}.

local function load_examples(path)
  local data = mlmanager.csv.read(path)
  local label = data:column("malignant")
  local examples = {}
  for i = 1, data.rows do
    local x = {}
    for _, name in ipairs(data.names) do
      if name ~= "malignant" then
        x[#x + 1] = data.columns[name][i]
      end
    end
    examples[i] = { x = x, y = label[i] }
  end
  return examples
end

local function shuffle(list)
  for i = #list, 2, -1 do
    local j = math.random(i)
    list[i], list[j] = list[j], list[i]
  end
end

--- 60 % to train, 20 % to choose hyperparameters, 20 % to test; each with the same share of
--- malignant cases.
local function split(examples)
  local parts = { train = {}, valid = {}, test = {} }
  for class = 0, 1 do
    local members = {}
    for _, example in ipairs(examples) do
      if example.y == class then
        members[#members + 1] = example
      end
    end
    shuffle(members)
    for i, example in ipairs(members) do
      local share = (i - 1) / #members
      local part = share < 0.6 and parts.train or share < 0.8 and parts.valid or parts.test
      part[#part + 1] = example
    end
  end
  return parts
end

--- Brings each feature to mean 0 and deviation 1, as measured on the part that trains.
local function standardise(parts)
  for f = 1, #parts.train[1].x do
    local sum, squares = 0, 0
    for _, example in ipairs(parts.train) do
      sum = sum + example.x[f]
      squares = squares + example.x[f] ^ 2
    end
    local mean = sum / #parts.train
    local deviation = math.sqrt(squares / #parts.train - mean ^ 2)
    for _, part in pairs(parts) do
      for _, example in ipairs(part) do
        example.x[f] = (example.x[f] - mean) / deviation
      end
    end
  end
end

-- The model: the probability of malignant is sigmoid(bias + weights · x).

local function new_model(features)
  local weights = {}
  for f = 1, features do
    weights[f] = 0
  end
  return { weights = weights, bias = 0 }
end

local function score(model, x)
  local weights, z = model.weights, model.bias
  for f = 1, #weights do
    z = z + weights[f] * x[f]
  end
  return z
end

local function sigmoid(z)
  return 1 / (1 + math.exp(-z))
end

--- Mean log loss, and the share of examples on the right side of 0.5.
local function measure(model, examples)
  local loss, right = 0, 0
  for _, example in ipairs(examples) do
    local z = score(model, example.x)
    -- log(1 + e^z) - y z, without overflow for a large z
    loss = loss + math.max(z, 0) + math.log(1 + math.exp(-math.abs(z))) - example.y * z
    right = right + ((z > 0) == (example.y == 1) and 1 or 0)
  end
  return loss / #examples, right / #examples
end

local function train_epoch(model, examples, settings)
  local weights, features = model.weights, #model.weights
  local gradient = {}
  shuffle(examples)
  for first = 1, #examples, settings.batch_size do
    local last = math.min(first + settings.batch_size - 1, #examples)
    local bias_gradient = 0
    for f = 1, features do
      gradient[f] = 0
    end
    for i = first, last do
      local x = examples[i].x
      local wrong_by = sigmoid(score(model, x)) - examples[i].y
      bias_gradient = bias_gradient + wrong_by
      for f = 1, features do
        gradient[f] = gradient[f] + wrong_by * x[f]
      end
    end
    local rate, count = settings.learning_rate, last - first + 1
    for f = 1, features do
      weights[f] = weights[f] - rate * (gradient[f] / count + settings.l2 * weights[f])
    end
    model.bias = model.bias - rate * bias_gradient / count
  end
end

-- The experiment.

local function combinations(grid)
  local list = {}
  for _, learning_rate in ipairs(grid.learning_rate) do
    for _, batch_size in ipairs(grid.batch_size) do
      for _, l2 in ipairs(grid.l2) do
        list[#list + 1] = { learning_rate = learning_rate, batch_size = batch_size, l2 = l2 }
      end
    end
  end
  return list
end

math.randomseed(SEED)
local here = arg[0]:match("^.*/") or ""
local parts = split(load_examples(here .. "data/breast_cancer_wisconsin.csv"))
standardise(parts)

local manager = mlmanager.MLManager()
manager:create_experiment("breast cancer")
manager:start_run { run_name = "grid search", tags = { data = "Breast Cancer Wisconsin" } }
manager:log_params { seed = SEED, epochs = EPOCHS }
manager:start_timer("search time")

local best = { valid_loss = math.huge }
for number, settings in manager:progress(combinations(GRID), { label = "trial" }) do
  local name = ("trial %d"):format(number)
  manager:run({ run_name = name, nested = true }, function()
    manager:log_params(settings)
    manager:start_timer("training time")
    local model = new_model(#parts.train[1].x)
    for epoch in manager:progress(EPOCHS, { label = "epoch" }) do
      train_epoch(model, parts.train, settings)
      local train_loss, train_accuracy = measure(model, parts.train)
      local valid_loss, valid_accuracy = measure(model, parts.valid)
      manager:log_metrics({
        train_loss = train_loss, train_accuracy = train_accuracy,
        valid_loss = valid_loss, valid_accuracy = valid_accuracy,
      }, { step = epoch })
    end
    manager:log_and_stop_timer()
    local valid_loss = measure(model, parts.valid)
    if valid_loss < best.valid_loss then
      best = { valid_loss = valid_loss, model = model, name = name, settings = settings }
    end
  end)
end
manager:log_and_stop_timer()

-- Only the chosen model sees the test part, and only once.
local input = { label = {}, prediction = {}, probability = {} }
for i, example in ipairs(parts.test) do
  local probability = sigmoid(score(best.model, example.x))
  input.label[i] = example.y
  input.probability[i] = probability
  input.prediction[i] = probability > 0.5 and 1 or 0
end
local evaluator = mlmanager.SpliceBinaryClassificationEvaluator()
evaluator:input(input)
manager:set_tag("chosen", best.name)
local results = manager:log_evaluator_metrics(evaluator)
local search_id = manager.current_run_id
manager:end_run()

local runs = manager:search_runs {
  filter = ("tags.`mlflow.parentRunId` = '%s'"):format(search_id),
  order_by = { "metrics.valid_loss ASC" },
}
print(mlmanager.table(runs, { sort = "valid_loss ASC" }))
print(("\nchosen: %s (learning rate %g, batches of %d, l2 %g)"):format(best.name,
  best.settings.learning_rate, best.settings.batch_size, best.settings.l2))
print(("on the test part: accuracy %.4f, F1 %.4f, area under ROC %.4f"):format(
  results.ACC, results.F1, results.areaUnderROC))

for _, run in ipairs(runs) do
  if run.info.run_name == best.name then
    print("\nthe losses of " .. manager:plot(run, { "train_loss", "valid_loss" }, { log_y = true }))
  end
end
