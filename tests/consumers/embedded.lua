-- SPDX-License-Identifier: Apache-2.0
-- What the programs of examples/embed have logged.

local mlmanager = require "mlmanager"

--- The one run of an experiment.
local function run_of(experiment)
  mlmanager.set_active_experiment(experiment)
  local runs = mlmanager.search_runs()
  assert(#runs == 1)
  return runs[1]
end

local function count(run, key)
  return #mlmanager.get_metric_history(run.info.run_id, key)
end

local simulation = run_of "simulation"
assert(simulation.info.status == "FINISHED")
local keys = 0
for key in pairs(simulation.data.metrics) do
  keys = keys + 1
  assert(count(simulation, key) == 480, key)
end
assert(keys == 50)
-- A drum full of boxes that touch each other.
assert(simulation.data.metrics.contacts > 10)

local game = run_of "embedded game"
assert(game.info.status == "FINISHED")
assert(game.data.tags["mlflow.source.name"]:find("game.lua", 1, true))
assert(count(game, "height") == 90 and count(game, "speed") == 90)

local broken = run_of "broken"
assert(broken.info.status == "FAILED")
local traceback = broken.data.tags["mlmanager.traceback"]
assert(traceback:find("on purpose", 1, true) and traceback:find("in function 'update'", 1, true))
