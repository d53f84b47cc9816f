-- SPDX-License-Identifier: Apache-2.0
-- What is raised: a value with code, message and area that prints as one sentence.

local mlmanager = require "mlmanager"
local scratch = require "tests.lua.scratch"

-- What f(...) raises.
local function raised(f, ...)
  local ok, failure = pcall(f, ...)
  assert.is_false(ok, "nothing was raised")
  return failure
end

describe("An error value", function()
  it("has code, message and area", scratch.store(function(manager)
    local failure = raised(manager.log_metric, "loss", 1)
    assert.equal("state", failure.code)
    assert.equal("'log_metric' needs an active run: call start_run first", failure.message)
    assert.equal("run", failure.area)
  end))

  it("prints as one sentence, with the place in the script", scratch.store(function(manager)
    local failure = raised(function()
      manager.log_metric("loss", 1)
    end)
    assert.matches("error_spec.lua:%d+: 'log_metric' needs an active run: call start_run first$",
      tostring(failure))
    assert.equal(failure.where .. failure.message, tostring(failure))
    assert.equal(tostring(failure), ("%s"):format(failure))
  end))

  it("has the script's place also where the module is written in Lua", scratch.store(
    function(manager)
      local failure = raised(function()
        manager:run(function() end)
      end)
      assert.matches("error_spec.lua:%d+: no experiment is active", tostring(failure))
      failure = raised(function()
        manager:run({}, 3)
      end)
      assert.matches("error_spec.lua:%d+: bad argument #2 to 'run'", tostring(failure))
    end))

  it("joins with text on both sides", scratch.store(function(manager)
    local failure = raised(manager.log_metric, "loss", 1)
    assert.equal("oh: " .. tostring(failure), "oh: " .. failure)
    assert.equal(tostring(failure) .. "!", failure .. "!")
    assert.equal(tostring(failure) .. tostring(failure), failure .. failure)
  end))

  it("goes through error, xpcall and coroutines unchanged", scratch.store(function(manager)
    local failure = raised(manager.log_metric, "loss", 1)
    assert.equal(failure, raised(error, failure))
    assert.equal(failure, raised(error, failure, 2))
    assert.equal(failure, select(2, xpcall(error, debug.traceback, failure)))
    local thread = coroutine.create(function()
      manager.log_metric("loss", 1)
    end)
    local ok, inner = coroutine.resume(thread)
    assert.is_false(ok)
    assert.equal("state", inner.code)
    assert.equal("state", raised(coroutine.wrap(function()
      manager.log_metric("loss", 1)
    end)).code)
  end))

  it("shows what was passed, cut where it is long, whole characters only", scratch.store(
    function(manager)
      local get = manager.search_runs
      assert.matches("got the string 'short'$", raised(get, { view = "short" }).message)
      assert.matches("got the string '" .. ("x"):rep(40) .. "%.%.%.'$",
        raised(get, { view = ("x"):rep(41) }).message)
      assert.matches("got the string 'x" .. ("é"):rep(19) .. "%.%.%.'$",
        raised(get, { view = "x" .. ("é"):rep(40) }).message)
      assert.matches("got a function$", raised(get, { view = print }).message)
    end))

  it("says which call is missing, for every call that needs a run", scratch.store(function(manager)
    manager.create_experiment("specs")
    local arguments = {
      log_metric = { "loss", 1 },
      lm = { "loss", 1 },
      log_metrics = { { { "loss", 1 } } },
      metric = { "loss" },
      log_param = { "depth", 1 },
      lp = { "depth", 1 },
      log_params = { { { "depth", 1 } } },
      set_tag = { "team", "pd" },
      st = { "team", "pd" },
      set_tags = { { { "team", "pd" } } },
      delete_tag = { "team" },
      log_batch = { {}, {}, {} },
      start_timer = { "fit" },
      log_and_stop_timer = {},
      log_evaluator_metrics = { mlmanager.SpliceRegressionEvaluator() },
      end_run = {},
      delete_active_run = {},
      reset_run = {},
      get_run = {},
      get_metric_history = { "loss" },
      get_metric_summary = { "loss" },
      rename_run = { "name" },
    }
    for name, passed in pairs(arguments) do
      scratch.refused("state", { "needs an active run: call start_run first" }, manager[name],
        table.unpack(passed))
    end
  end))

  it("says which call is missing, for every call that needs an experiment", scratch.store(
    function(manager)
      for _, name in ipairs { "start_run", "create_new_run", "search_runs", "get_experiment" } do
        scratch.refused("state", "create_experiment", manager[name])
      end
    end))
end)

describe("An error of the script", function()
  it("in a block of <close> run, timer and manager comes through", scratch.store(
    function(manager, _, open)
      manager.create_experiment("specs")
      local id
      local failure = raised(function()
        local other <close> = open()
        other.set_active_experiment("specs")
        local run <close> = other.start_run()
        id = run.run_id
        local timer <close> = run:start_timer("fit")
        error({ "the script's own" .. timer.name })
      end)
      assert.same({ "the script's ownfit" }, failure)
      local stored = manager.get_run(id)
      assert.equal("FAILED", stored.info.status)
      assert.matches("^%d+%.%d+ ms$", stored.data.params.fit)
    end))

  it("in a __close of its own leaves the run FAILED", scratch.store(function(manager)
    manager.create_experiment("specs")
    local id
    local failure = raised(function()
      local run <close> = manager.start_run()
      id = run.run_id
      local own <close> = setmetatable({}, { __close = function()
        error("in __close", 0)
      end })
      assert(own)
    end)
    assert.equal("in __close", failure)
    assert.equal("FAILED", manager.get_run(id).info.status)
  end))

  it("is UTF-8 whatever it repeats", scratch.run(function(manager)
    local failure = scratch.refused("invalid", "'caf\u{e9} ?' must be a number",
      manager.log_metric, "caf\u{e9} \xff", {})
    assert.truthy(utf8.len(failure.message))
    scratch.refused("invalid", "the string '??'", manager.flush, "\xff\xfe")
  end))

  it("is not hidden by one of ours on the way", scratch.store(function(manager, _, open)
    manager.create_experiment("specs")
    local outer
    local failure = raised(function()
      local run <close> = manager.start_run()
      outer = run
      manager.start_timer("t")
      -- Now the timer cannot be logged, which ending the run raises.
      local other = open()
      other.set_active_run(run.run_id)
      other.log_param("t", 1)
      other.end_run()
      error("first", 0)
    end)
    assert.equal("first", failure)
    assert.is_false(outer:is_open())
    assert.equal("FAILED", manager.get_run(outer.run_id).info.status)
  end))

  it("leaves no coroutine that cannot be closed", scratch.store(function(manager)
    manager.create_experiment("specs")
    local id
    local thread = coroutine.create(function()
      local run <close> = manager.start_run()
      id = run.run_id
      coroutine.yield()
    end)
    assert(coroutine.resume(thread))
    assert.equal(id, manager.current_run_id)
    assert.is_true(coroutine.close(thread))
    assert.is_nil(manager.current_run_id)
    assert.equal("FINISHED", manager.get_run(id).info.status)
  end))
end)
