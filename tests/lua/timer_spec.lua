-- SPDX-License-Identifier: Apache-2.0
-- Timers: wall time in milliseconds, logged as a param or, in loops, as a metric.

local scratch = require "tests.lua.scratch"
local refused = scratch.refused

local function wait(seconds)
  os.execute(("sleep %g"):format(seconds))
end

describe("a timer", function()
  it("logs its milliseconds as a param", scratch.run(function(manager, run)
    manager:start_timer("fit")
    wait(0.02)
    local total = manager:log_and_stop_timer()
    local text = scratch.stored(manager, run).data.params.fit
    assert.is_true(total >= 20 and total < 5000)
    assert.is_true(math.abs(tonumber(text:match("^([%d.]+) ms$")) - total) < 5)
  end))

  it("may overlap others; the total is from the earliest start", scratch.run(
    function(manager, run)
      manager.start_timer("outer")
      wait(0.02)
      manager.start_timer("inner")
      local total = manager.log_and_stop_timer()
      local params = scratch.stored(manager, run).data.params
      local outer = tonumber(params.outer:match("^[%d.]+"))
      local inner = tonumber(params.inner:match("^[%d.]+"))
      assert.is_true(outer >= inner + 20)
      assert.is_true(total >= outer - 1 and total < outer + 100)
    end))

  it("can be a metric, again and again", scratch.run(function(manager)
    for _ = 1, 3 do
      local timer <close> = manager:start_timer("epoch", { metric = true })
      assert.equal("epoch", timer.name)
    end
    local points = manager:get_metric_history("epoch")
    assert.equal(3, #points)
    assert.same({ 0, 2 }, { points[1].step, points[3].step })
  end))

  it("stops alone at its end of the block or by stop()", scratch.run(function(manager, run)
    manager:start_timer("outer")
    local elapsed
    do
      local timer <close> = run:start_timer("closed")
      local other = manager:start_timer("stopped")
      elapsed = other:stop()
      assert.is_string(tostring(timer))
    end
    assert.is_number(elapsed)
    local params = scratch.stored(manager, run).data.params
    assert.truthy(params.closed)
    assert.truthy(params.stopped)
    assert.is_nil(params.outer)
    assert.is_number(manager:log_and_stop_timer())
  end))

  it("is stopped and logged by end_run", scratch.run(function(manager, run)
    manager:start_timer("late")
    manager:end_run()
    assert.truthy(manager:get_run(run.run_id).data.params.late:match("^[%d.]+ ms$"))
  end))

  it("belongs to its run", scratch.run(function(manager, run)
    manager:start_timer("t")
    local inner = manager:start_run { nested = true }
    refused("state", "start_timer", manager.log_and_stop_timer)
    manager:start_timer("t")
    manager:end_run()
    assert.truthy(manager:get_run(inner.run_id).data.params.t)
    assert.is_nil(scratch.stored(manager, run).data.params.t)
    manager:log_and_stop_timer()
    assert.truthy(scratch.stored(manager, run).data.params.t)
  end))

  it("is refused where its param could not be logged", scratch.run(function(manager)
    manager:log_param("taken", 1)
    refused("exists", "'taken'", manager.start_timer, "taken")
    manager:start_timer("t")
    refused("exists", "'t'", manager.start_timer, "t")
    manager:log_and_stop_timer()
    refused("exists", "'t'", manager.start_timer, "t")
    refused("state", "start_timer", manager.log_and_stop_timer)
    refused("invalid", { "#1", "start_timer" }, manager.start_timer)
    refused("invalid", "allowed", manager.start_timer, "a\nb")
    refused("invalid", "metric=true", manager.start_timer, "u", true)
    refused("invalid", { "'metrik'", "metric" }, manager.start_timer, "u", { metrik = true })
  end))

  it("keeps its name from params while it runs", scratch.run(function(manager, run)
    manager:start_timer("fit")
    manager:start_timer("load", { metric = true })
    refused("exists", { "param 'fit' is what the running timer 'fit' will be logged as",
      "stop it first or choose another name" }, manager.log_param, "fit", 1)
    manager:log_param("load", 1)
    manager:log_and_stop_timer()
    assert.matches(" ms$", manager:get_run(run.run_id).data.params.fit)
  end))

  it("does not keep a run from its end when another took its name", scratch.store(
    function(manager, _, open)
      manager:create_experiment("specs")
      local run = manager:start_run()
      manager:start_timer("fit")
      manager:start_timer("load")
      local other = open()
      other:set_active_run(run.run_id)
      other:log_param("fit", 1)
      other:end_run()
      refused("exists", "'fit'", manager.log_and_stop_timer)
      refused("exists", "'fit'", manager.end_run)
      local stored = manager:get_run(run.run_id)
      assert.equal("FINISHED", stored.info.status)
      assert.equal("1", stored.data.params.fit)
      assert.matches(" ms$", stored.data.params.load)
    end))

  it("needs a run", scratch.store(function(manager)
    refused("state", "start_run", manager.start_timer, "t")
    refused("state", "start_run", manager.log_and_stop_timer)
  end))
end)
