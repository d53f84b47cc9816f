-- SPDX-License-Identifier: Apache-2.0
-- manager:metric and run:metric: a function for one metric of one run.

local mlmanager = require "mlmanager"
local scratch = require "tests.lua.scratch"

local refused = scratch.refused

--- The metric's points as "step=value", in the order of their steps.
local function points(manager, run, key)
  local list = manager:get_metric_history(run.run_id, key)
  table.sort(list, function(a, b)
    return a.step < b.step
  end)
  for i, point in ipairs(list) do
    list[i] = ("%d=%g"):format(point.step, point.value)
  end
  return table.concat(list, " ")
end

describe("A metric's handle", function()
  it("logs a value at the next step, or at a given one", scratch.run(function(manager, run)
    local loss = manager:metric("loss")
    loss(0.5)
    loss(0.25)
    loss(0.125, 10)
    loss(0.0625, nil)
    loss("3", 20)
    assert.equal("0=0.5 1=0.25 10=0.125 11=0.0625 20=3", points(manager, run, "loss"))
  end))

  it("takes the step and the timestamp by their names", scratch.run(function(manager, run)
    local loss = manager.metric { key = "loss" }
    loss(1, { step = 4 })
    loss(2, { timestamp = 1700000000123 })
    loss(3, {})
    loss { value = 4, step = 9, timestamp = 1700000000124 }
    loss { value = 5 }
    loss(6, 20, 1700000000125)
    assert.equal("4=1 5=2 6=3 9=4 10=5 20=6", points(manager, run, "loss"))
    local columns = manager:get_metric_history(run.run_id, "loss", { columns = true })
    assert.same({ 1700000000123, 1700000000124, 1700000000125 },
      { table.unpack(columns.timestamp, 1, 3) })
  end))

  it("shares its steps with log_metric", scratch.run(function(manager, run)
    local loss = run:metric("loss")
    manager:log_metric("loss", 1)
    loss(2)
    run:log_metric("loss", 3)
    run:metric("loss")(4)
    assert.equal("0=1 1=2 2=3 3=4", points(manager, run, "loss"))
  end))

  it("is of the run that was active when it was made", scratch.run(function(manager, run)
    local outer = manager:metric("loss")
    local nested = manager:start_run { nested = true }
    local inner = manager:metric("loss")
    outer(1)
    inner(2)
    nested:end_run()
    refused("state", { nested.run_id, "has ended", "set_active_run" }, inner, 3)
    outer(4)
    assert.equal("0=1 1=4", points(manager, run, "loss"))
    assert.equal("0=2", points(manager, nested, "loss"))
  end))

  it("works again where its run is taken up", scratch.run(function(manager, run)
    local loss = manager:metric("loss")
    loss(1)
    run:end_run()
    refused("state", "has ended", loss, 2)
    manager:set_active_run(run.run_id)
    loss(3)
    manager:end_run()
    assert.equal("0=1 1=3", points(manager, run, "loss"))
  end))

  it("goes on from the store's steps in a run that is taken up", scratch.store(
    function(manager, _, open)
      manager:create_experiment("spec")
      local id = manager:start_run({}).run_id
      manager:log_metric("loss", 1, { step = 41 })
      manager:end_run()
      local other = open()
      local run = other:set_active_run(id)
      run:metric("loss")(2)
      other:end_run()
      assert.equal("41=1 42=2", points(other, run, "loss"))
    end))

  it("keeps its manager, and says when that is closed", scratch.run(function(_, _, directory)
    local function make()
      local other = mlmanager.MLManager(scratch.options(directory))
      other:set_active_experiment("spec")
      local run = other:start_run {}
      return run:metric("loss"), run.run_id, other.close
    end
    local loss, id, close = make()
    for _ = 1, 3 do
      collectgarbage()
    end
    loss(1)
    close()
    refused("state", "the manager of this metric is closed", loss, 2)
    local other <close> = mlmanager.MLManager(scratch.options(directory))
    assert.equal(1, other:get_run(id).data.metrics.loss)
  end))

  it("refuses what log_metric refuses, and logs nothing then", scratch.run(function(manager, run)
    local loss = manager:metric("loss")
    refused("invalid", { "metric 'loss' must be a number", "nil" }, loss)
    refused("invalid", { "metric 'loss' must be a number", "'x'" }, loss, "x")
    refused("invalid", "must be a number", loss, nil, 3)
    refused("invalid", { "step must be a whole number", "1.5" }, loss, 1, 1.5)
    refused("invalid", { "step must be a whole number", "'2'" }, loss, 1, "2")
    refused("invalid", "step must lie between", loss, 1, math.mininteger)
    refused("invalid", "unknown field 'setp'; the known ones are step, timestamp", loss, 1,
      { setp = 1 })
    refused("invalid", "unknown field 'vale'; the known ones are value, step, timestamp", loss,
      { vale = 1 })
    refused("invalid", "the timestamp of metric 'loss' is -5", loss, 1, { timestamp = -5 })
    assert.equal("", points(manager, run, "loss"))
    refused("invalid", "key must be a string, got nil", manager.metric)
    refused("invalid", "'a//b' is not a plain path", manager.metric, "a//b")
    refused("invalid", "zero byte", manager.metric, "a\0b")
  end))
end)
