-- SPDX-License-Identifier: Apache-2.0
-- examples/breast_cancer.lua with few epochs: what it prints, and what is in the store afterwards.

local process = require "tests.lua.process"

local root = os.getenv("PWD")
local host = os.getenv("MLMANAGER_HOST") or "build/dev/mlmanager"
if host:sub(1, 1) ~= "/" then
  host = root .. "/" .. host
end

local EPOCHS, TRIALS = 25, 24

describe("examples/breast_cancer.lua", function()
  local directory, result

  setup(function()
    directory = process.directory()
    result = process.run { host, root .. "/examples/breast_cancer.lua", EPOCHS,
      directory = directory }
  end)

  teardown(function()
    process.remove(directory)
  end)

  --- What an expression over the runs of the experiment gives, a line each.
  local function query(filter, expression)
    local answer = process.run { host, "-e", ([[
      mlmanager.set_active_experiment "breast cancer"
      for _, run in ipairs(mlmanager.search_runs { filter = %q }) do
        print(%s)
      end]]):format(filter, expression), directory = directory }
    assert.equal("", answer.err)
    local lines = {}
    for line in answer.out:gmatch("[^\n]+") do
      lines[#lines + 1] = line
    end
    return lines
  end

  it("ends well and writes nothing to standard error", function()
    assert.equal("", result.err)
    assert.equal(0, result.status)
  end)

  it("tells at least 96 of 100 tumours of the test part apart", function()
    local accuracy = tonumber(result.out:match("on the test part: accuracy ([%d.]+)"))
    assert.is_true(accuracy >= 0.96, result.out)
    local stored = query("attributes.run_name = 'grid search'", "run.data.metrics.ACC")
    assert.equal(1, #stored)
    assert.is_true(math.abs(tonumber(stored[1]) - accuracy) < 1e-4)
  end)

  it("prints the trials, best first", function()
    local header = result.out:match("^[^\n]+")
    local names = {}
    for name in (header .. "\t"):gmatch("(.-)\t") do
      names[#names + 1] = name
      names[name] = #names
    end
    local losses, first = {}, nil
    for line in result.out:gmatch("[^\n]+") do
      if line:find("^trial ") then
        local cells = {}
        for cell in (line .. "\t"):gmatch("(.-)\t") do
          cells[#cells + 1] = cell
        end
        assert.equal("FINISHED", cells[names.status])
        losses[#losses + 1] = tonumber(cells[names.valid_loss])
        first = first or cells[names.name]
      end
    end
    assert.equal(TRIALS, #losses)
    for i = 2, #losses do
      assert.is_true(losses[i - 1] <= losses[i])
    end
    assert.equal(first, result.out:match("chosen: (trial %d+) %("))
    assert.same({ first }, query("attributes.run_name = 'grid search'", "run.data.tags.chosen"))
  end)

  it("ends with a plot of the chosen trial's losses", function()
    local chosen = result.out:match("chosen: (trial %d+) %(")
    local plot = result.out:match("\nthe losses of (.*)$")
    assert.equal(chosen, plot:match("^[^\n]+"))
    assert.truthy(plot:find("\nA train_loss  0%.[%d]+  B valid_loss  0%.[%d]+\n$"), plot)
    assert.truthy(plot:find("\n +step\nA"), plot)
  end)

  it("logs a nested run for each point of the grid, with every epoch", function()
    local settings = query("attributes.run_name LIKE 'trial %' and attributes.status = 'FINISHED'",
      "run.data.params.learning_rate, run.data.params.batch_size, run.data.params.l2")
    assert.equal(TRIALS, #settings)
    local seen = {}
    for _, line in ipairs(settings) do
      assert.is_nil(seen[line])
      seen[line] = true
    end
    local counts = query("attributes.run_name = 'trial 7'",
      "#mlmanager.get_metric_history(run.info.run_id, 'train_loss'), "
      .. "mlmanager.get_metric_history(run.info.run_id, 'train_loss')[1].step, "
      .. "run.data.params['training time']:match('^[%d.]+ ms$') ~= nil")
    assert.same({ EPOCHS .. "\t1\ttrue" }, counts)
    local parents = query("attributes.run_name LIKE 'trial %'",
      "run.data.tags['mlflow.parentRunId']")
    local search = query("attributes.run_name = 'grid search'", "run.info.run_id")
    for _, parent in ipairs(parents) do
      assert.equal(search[1], parent)
    end
  end)

  it("comes to the same result again", function()
    local again = process.run { host, root .. "/examples/breast_cancer.lua", EPOCHS,
      directory = directory }
    assert.equal(result.out:match("chosen:.*"), again.out:match("chosen:.*"))
  end)
end)
