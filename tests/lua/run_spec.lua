-- SPDX-License-Identifier: Apache-2.0
-- Runs: starting, nesting, ending, taking up, deleting, and the object that stands for one.

local scratch = require "tests.lua.scratch"
local refused = scratch.refused

local function status(manager, id)
  return manager:get_run(id).info.status
end

describe("start_run", function()
  it("makes a run active and returns it", scratch.store(function(manager)
    local id = manager:create_experiment("e")
    local run = manager:start_run { run_name = "x", tags = { team = "pd", n = 1 } }
    assert.equal(run.run_id, manager.current_run_id)
    assert.truthy(run.run_id:match("^%x+$") and #run.run_id == 32)
    assert.equal("x", run.run_name)
    assert.equal(id, run.experiment_id)
    assert.is_true(run:is_open())
    local stored = manager:get_run(run.run_id)
    assert.equal("RUNNING", stored.info.status)
    assert.same({ "pd", "1" }, { stored.data.tags.team, stored.data.tags.n })
    manager:end_run()
    assert.is_nil(manager.current_run_id)
    assert.is_false(run:is_open())
  end))

  it("takes its arguments by position, too", scratch.store(function(manager)
    local id = manager:create_experiment("e")
    manager:create_experiment("other")
    local run = manager.start_run({ a = 1 }, "named", id)
    assert.equal(id, run.experiment_id)
    assert.equal("named", run.run_name)
    local inner = manager.start_run({ { "b", 2 } }, nil, nil, true)
    assert.equal("2", manager:get_run(inner.run_id).data.tags.b)
    manager:end_run()
    manager:end_run()
  end))

  it("names a run that has no name, and sets MLflow's tags", scratch.run(function(manager)
    manager:end_run()
    local run = manager:start_run()
    local tags = manager:get_run(run.run_id).data.tags
    assert.truthy(#run.run_name > 0)
    assert.equal(run.run_name, tags["mlflow.runName"])
    assert.truthy(tags["mlflow.user"])
    assert.equal("LOCAL", tags["mlflow.source.type"])
    assert.truthy(tags["mlflow.source.name"])
    run:end_run()
  end))

  it("nests where it is told to", scratch.run(function(manager, run)
    local inner = manager:start_run { run_name = "inner", nested = true }
    local innermost = manager:create_new_run { nested = true }
    local function parent(of)
      return manager:get_run(of.run_id).data.tags["mlflow.parentRunId"]
    end
    assert.equal(run.run_id, parent(inner))
    assert.equal(inner.run_id, parent(innermost))
    assert.is_nil(parent(run))
    refused("state", "nested", inner.end_run, inner)
    manager:log_metric("m", 1)
    manager:end_run()
    assert.equal(inner.run_id, manager.current_run_id)
    inner:log_metric("m", 2)
    run:log_metric("m", 3) -- a run that waits can be logged to
    manager:end_run()
    assert.equal(run.run_id, manager.current_run_id)
    for i, one in ipairs { innermost, inner, run } do
      assert.equal(i, manager:get_run(one.run_id).data.metrics.m)
    end
  end))

  it("nests 64 deep, and ends from the top", scratch.run(function(manager, run)
    local runs = { run }
    for i = 2, 64 do
      runs[i] = manager:start_run { nested = true }
    end
    refused("state", "64 runs are open already; end one before starting another",
      manager.start_run, { nested = true })
    refused("state", { "run " .. run.run_id .. " has the nested run " .. runs[2].run_id,
      "end that one first" }, run.end_run, run)
    for i = 64, 2, -1 do
      assert.equal(runs[i].run_id, manager.current_run_id)
      manager:end_run()
    end
    assert.equal(run.run_id, manager.current_run_id)
  end))

  it("takes an experiment's id as a number, and leaves the caller's table alone", scratch.store(
    function(manager)
      manager:create_experiment("a")
      manager:create_experiment("b")
      local options = { experiment_id = 1, run_name = 5 }
      local run = manager:start_run(options)
      assert.equal("1", run.experiment_id)
      assert.equal("5", run.run_name)
      assert.same({ experiment_id = 1, run_name = 5 }, options)
      assert.equal("2", manager.experiment_id)
      manager:end_run()
    end))

  it("names the active run and the two ways out", scratch.run(function(manager, run)
    refused("state", { run.run_id, "end_run", "nested=true" }, manager.start_run)
    refused("state", { run.run_id }, manager.create_new_run)
    assert.equal(run.run_id, manager.current_run_id)
  end))

  it("refuses what it does not know", scratch.store(function(manager)
    refused("state", "create_experiment", manager.start_run)
    manager:create_experiment("e")
    refused("invalid", { "'team'", "tags=", "run_name" }, manager.start_run, { team = "pd" })
    refused("invalid", { "run_name", "table" }, manager.start_run, { run_name = {} })
    refused("invalid", { "nested", "true or false" }, manager.start_run, { nested = 1 })
    refused("invalid", { "tags", "a map" }, manager.start_run, { tags = "x" })
    refused("invalid", { "'a'" }, manager.start_run, { tags = { a = {} } })
    refused("invalid", { "#2", "run_name" }, manager.start_run, {}, {})
    refused("invalid", { "#4", "nested" }, manager.start_run, {}, "x", nil, 1)
    refused("not_found", "99", manager.start_run, { experiment_id = "99" })
    assert.is_nil(manager.current_run_id)
    assert.equal(0, #manager:search_runs())
  end))
end)

describe("create_new_run", function()
  it("takes the user", scratch.store(function(manager)
    manager:create_experiment("e")
    local one = manager:create_new_run { user_id = "firstrun" }
    one:end_run()
    local two = manager.create_new_run("second")
    two:end_run()
    assert.equal("firstrun", manager:get_run(one.run_id).info.user_id)
    assert.equal("second", manager:get_run(two.run_id).info.user_id)
    assert.equal("second", manager:get_run(two.run_id).data.tags["mlflow.user"])
    refused("invalid", { "#1", "user_id" }, manager.create_new_run, true)
  end))
end)

describe("end_run", function()
  it("ends FINISHED, or as it is told", scratch.store(function(manager)
    manager:create_experiment("e")
    for _, word in ipairs { "FINISHED", "FAILED", "KILLED" } do
      local run = manager:start_run()
      manager:end_run { status = word }
      local info = manager:get_run(run.run_id).info
      assert.equal(word, info.status)
      assert.is_true(info.end_time >= info.start_time)
    end
    local run = manager:start_run()
    refused("invalid", { "status", "FINISHED", "'DONE'" }, manager.end_run, { status = "DONE" })
    refused("invalid", { "'statuz'", "status" }, manager.end_run, { statuz = "FAILED" })
    assert.is_true(run:is_open())
    run:end_run()
    assert.equal("FINISHED", status(manager, run.run_id))
  end))

  it("starts another with create, metadata being its tags", scratch.run(function(manager, run)
    local second = manager:end_run(true, { stage = "two" })
    assert.equal("FINISHED", status(manager, run.run_id))
    assert.equal(second.run_id, manager.current_run_id)
    assert.equal("two", manager:get_run(second.run_id).data.tags.stage)
    local third = manager.end_run { status = "FAILED", create = true, metadata = { stage = 3 } }
    assert.equal("FAILED", status(manager, second.run_id))
    assert.equal("3", manager:get_run(third.run_id).data.tags.stage)
    manager:end_run(false)
    assert.is_nil(manager.current_run_id)
  end))

  it("says that nothing is open", scratch.run(function(manager, run)
    manager:end_run()
    refused("state", "start_run", manager.end_run)
    refused("state", run.run_id, run.end_run, run)
    refused("state", { run.run_id, "set_active_run" }, run.log_metric, run, "m", 1)
    refused("state", run.run_id, run.log_param, run, "p", 1)
  end))
end)

describe("set_active_run", function()
  it("takes up a finished run, which stays as it ended", scratch.run(function(manager, run)
    manager:log_metric("m", 1)
    manager:end_run { status = "FAILED" }
    local ended = manager:get_run(run.run_id).info
    local again = manager:set_active_run(run.run_id)
    assert.equal(run.run_id, manager.current_run_id)
    assert.equal("spec", again.run_name)
    manager:log_metric("m", 2)
    manager:log_param("p", 3)
    manager:end_run()
    assert.same(ended, manager:get_run(run.run_id).info)
    assert.equal("0 1", manager:get_metric_history(run.run_id, "m", { columns = true }).step[1]
      .. " " .. manager:get_metric_history(run.run_id, "m")[2].step)
    manager:set_active_run(run.run_id)
    manager:end_run { status = "FINISHED" }
    assert.equal("FINISHED", status(manager, run.run_id))
  end))

  it("replaces the whole stack; what lay on it stays open", scratch.run(function(manager, run)
    local old = manager:start_run { nested = true }
    manager:end_run { status = "KILLED" }
    local inner = manager:start_run { nested = true }
    manager:set_active_run(old.run_id)
    assert.equal(old.run_id, manager.current_run_id)
    manager:end_run()
    assert.is_nil(manager.current_run_id)
    assert.equal("KILLED", status(manager, old.run_id))
    assert.equal("RUNNING", status(manager, inner.run_id))
    inner:log_metric("m", 1)
    inner:end_run()
    run:end_run { status = "FAILED" }
    assert.equal("FINISHED", status(manager, inner.run_id))
    assert.equal("FAILED", status(manager, run.run_id))
  end))

  it("takes up the active run, too", scratch.run(function(manager, run)
    manager:set_active_run(run.run_id)
    manager:set_active_run { run_id = run.run_id }
    manager:end_run()
    assert.equal("FINISHED", status(manager, run.run_id))
  end))

  it("says what is not there, or deleted", scratch.run(function(manager, run)
    refused("not_found", ("0"):rep(32), manager.set_active_run, ("0"):rep(32))
    refused("invalid", { "#1", "run_id" }, manager.set_active_run)
    manager:end_run()
    manager:delete_run(run.run_id)
    refused("state", "deleted", manager.set_active_run, run.run_id)
  end))
end)

describe("a run", function()
  it("can be deleted while it is active", scratch.run(function(manager, run)
    local inner = manager:start_run { nested = true }
    manager:delete_active_run()
    assert.equal(run.run_id, manager.current_run_id)
    assert.equal("deleted", manager:get_run(inner.run_id).info.lifecycle_stage)
    assert.is_false(inner:is_open())
    manager:delete_active_run()
    refused("state", "start_run", manager.delete_active_run)
  end))

  it("can be deleted, restored and renamed by its id", scratch.run(function(manager, run)
    local id = run.run_id
    manager:rename_run("active one")
    assert.equal("active one", manager:get_run(id).info.run_name)
    manager:end_run()
    manager:delete_run(id)
    assert.equal("deleted", manager:get_run(id).info.lifecycle_stage)
    manager:restore_run(id)
    assert.equal("active", manager:get_run(id).info.lifecycle_stage)
    manager:rename_run(id, "renamed")
    assert.equal("renamed", manager:get_run(id).data.tags["mlflow.runName"])
    for _, name in ipairs { "delete_run", "restore_run" } do
      refused("not_found", ("0"):rep(32), manager[name], ("0"):rep(32))
      refused("invalid", { "#1", "run_id" }, manager[name])
    end
    refused("not_found", ("0"):rep(32), manager.rename_run, ("0"):rep(32), "x")
  end))

  it("is emptied by reset_run and stays", scratch.run(function(manager, run)
    manager:log_metric("m", 1)
    manager:log_param("p", 1)
    manager:set_tag("t", 1)
    manager:reset_run()
    local stored = scratch.stored(manager, run)
    assert.same({}, stored.data.metrics)
    assert.same({}, stored.data.params)
    assert.is_nil(stored.data.tags.t)
    assert.equal("spec", stored.data.tags["mlflow.runName"])
    assert.equal(run.run_id, manager.current_run_id)
    manager:log_param("p", 2) -- another value is fine now
    manager:log_metric("m", 5)
    assert.equal(0, manager:get_metric_history("m")[1].step)
  end))

  it("says which call is missing", scratch.store(function(manager)
    for _, name in ipairs { "end_run", "delete_active_run", "reset_run", "get_run",
      "delete_tag" } do
      refused("state", "start_run", manager[name], name == "delete_tag" and "t" or nil)
    end
  end))
end)

describe("a run object", function()
  it("logs to its run, active or not", scratch.run(function(manager, run)
    local inner = manager:start_run { nested = true }
    run:log_metric("m", 1)
    run:log_metrics { a = 1 }
    run:log_batch { params = { p = 1 } }
    run:lp("q", 2)
    run:st("t", 3)
    manager:end_run()
    local data = scratch.stored(manager, run).data
    assert.same({ m = 1, a = 1 }, data.metrics)
    assert.same({ p = "1", q = "2" }, data.params)
    assert.equal("3", data.tags.t)
    assert.same({}, manager:get_run(inner.run_id).data.metrics)
    assert.truthy(tostring(run):find(run.run_id, 1, true))
  end))

  it("ends its run at the end of the block", scratch.store(function(manager)
    manager:create_experiment("e")
    local id
    do
      local run <close> = manager:start_run()
      id = run.run_id
    end
    assert.is_nil(manager.current_run_id)
    assert.equal("FINISHED", status(manager, id))
    pcall(function()
      local run <close> = manager:start_run()
      id = run.run_id
      error("on purpose")
    end)
    assert.is_nil(manager.current_run_id)
    assert.equal("FAILED", status(manager, id))
  end))

  it("takes what was started inside it and left open along", scratch.store(function(manager)
    manager:create_experiment("e")
    for _, word in ipairs { "FINISHED", "FAILED" } do
      local outer, inner
      pcall(function()
        local run <close> = manager:start_run()
        outer, inner = run.run_id, manager:start_run { nested = true }.run_id
        manager:start_run { nested = true }
        assert(word == "FINISHED")
      end)
      assert.is_nil(manager.current_run_id)
      assert.equal(word, status(manager, outer))
      assert.equal(word, status(manager, inner))
    end
  end))

  it("keeps what the error said", scratch.store(function(manager)
    manager:create_experiment("e")
    local function said(failure)
      local id
      pcall(function()
        local run <close> = manager:start_run()
        id = run.run_id
        error(failure, 0)
      end)
      return manager:get_run(id).data.tags["mlmanager.traceback"]
    end
    assert.equal("on purpose", said("on purpose"))
    assert.equal("bad \u{e9} ?", said("bad \u{e9} \xff"))
    assert.equal("(error object is a table value)",
      said(setmetatable({}, { __tostring = function() error("no") end })))
    local _, failure = pcall(manager.end_run)
    assert.equal(failure.message, said(failure))
  end))

  it("cannot be made or changed by scripts", scratch.run(function(manager, run)
    assert.is_string(getmetatable(run))
    local copy = {}
    for key, value in pairs(run) do
      copy[key] = value
    end
    run.log_metric(copy, "m", 1)
    assert.same({ m = 1 }, scratch.stored(manager, run).data.metrics)
    for key in pairs(copy) do
      if type(key) ~= "string" then
        for _, other in ipairs { io.stdout, 5, {}, "x" } do
          copy[key] = other
          refused("invalid", "run:log_metric(", run.log_metric, copy, "m", 1)
          refused("invalid", "run:close(", run.close, copy)
        end
      end
    end
    local timer <close> = run:start_timer("t")
    assert.is_string(getmetatable(timer))
    refused("invalid", "run:log_metric(", run.log_metric, timer, "m", 1)
    refused("invalid", "timer:stop(", timer.stop, run)
    timer.name = {}
    assert.is_nil(timer:stop())
  end))

  it("leaves a run alone that has ended", scratch.store(function(manager)
    manager:create_experiment("e")
    local run <close> = manager:start_run()
    manager:end_run { status = "KILLED" }
    run:close()
    assert.equal("KILLED", status(manager, run.run_id))
  end))

  it("outlives its manager's name", scratch.store(function(_, directory)
    local mlmanager = require "mlmanager"
    local run = (function()
      local other = mlmanager.MLManager { store = "sqlite:" .. directory .. "/mlmanager.db" }
      other:create_experiment("other")
      return other:start_run()
    end)()
    collectgarbage()
    collectgarbage()
    run:log_metric("m", 1)
    local timer = run:start_timer("t")
    run = nil -- luacheck: ignore 311
    collectgarbage()
    collectgarbage()
    assert.is_number(timer:stop())
    timer = nil -- luacheck: ignore 311
    collectgarbage()
    collectgarbage()
  end))

  it("says what it was called on wrongly", scratch.run(function(_, run)
    refused("invalid", "run:close(", run.close)
    refused("invalid", "run:close(", run.close, 1)
    refused("invalid", "run:is_open(", run.is_open)
    refused("invalid", "run:log_metric(", run.log_metric, "loss", 1)
    local timer = run:start_timer("fit")
    refused("invalid", "timer:stop(", timer.stop)
    assert.is_number(timer:stop())
  end))
end)

describe("get_run", function()
  it("gives a run as MLflow names its parts", scratch.run(function(manager, run)
    manager:log_metric("m", 1)
    manager:log_param("p", 2)
    local stored = manager:get_run(run.run_id)
    assert.same(stored, manager:get_run()) -- the active one
    local info = stored.info
    assert.equal(run.run_id, info.run_id)
    assert.equal(run.run_id, info.run_uuid)
    assert.equal("spec", info.run_name)
    assert.equal(manager.experiment_id, info.experiment_id)
    assert.is_string(info.user_id)
    assert.equal("RUNNING", info.status)
    assert.equal("integer", math.type(info.start_time))
    assert.is_nil(info.end_time)
    assert.equal("active", info.lifecycle_stage)
    assert.truthy(info.artifact_uri:find(run.run_id .. "/artifacts", 1, true))
    assert.same({ m = 1 }, stored.data.metrics)
    assert.same({ p = "2" }, stored.data.params)
    assert.equal("spec", stored.data.tags["mlflow.runName"])
    assert.same({ dataset_inputs = {} }, stored.inputs)
    refused("not_found", ("0"):rep(32), manager.get_run, ("0"):rep(32))
    refused("invalid", { "get_run: unknown field 'id'", "known ones are run_id" }, manager.get_run,
      { id = run.run_id })
    assert.same(stored, manager.get_run { run_id = run.run_id })
  end))
end)

describe("search_runs", function()
  local function fill(manager)
    for i = 1, 5 do
      local run = manager:start_run { run_name = "r" .. i, nested = true }
      run:log_metric("loss", i / 10)
      run:log_param("depth", i)
      manager:end_run()
    end
  end

  local function names(runs)
    local list = {}
    for i, run in ipairs(runs) do
      list[i] = run.info.run_name
    end
    return table.concat(list, " ")
  end

  it("filters, orders and pages", scratch.run(function(manager)
    fill(manager)
    assert.equal(6, #manager:search_runs())
    assert.equal("r4 r5", names(manager.search_runs {
      filter = "metrics.loss > 0.35", order_by = { "metrics.loss ASC" } }))
    local query = { filter = "params.depth != '3'", order_by = "metrics.loss DESC",
      max_results = 3 }
    local page, token = manager:search_runs(query)
    assert.equal("r5 r4 r2", names(page))
    query.page_token = token
    local rest, none = manager:search_runs(query)
    assert.equal("r1", names(rest))
    assert.is_nil(none)
  end))

  it("looks into the active experiment, or those named", scratch.run(function(manager)
    fill(manager)
    local one = manager.experiment_id
    local two = manager:create_experiment("two")
    assert.equal(0, #manager:search_runs())
    assert.equal(6, #manager:search_runs { experiment_ids = { two, one } })
    assert.equal(6, #manager:search_runs { experiment_ids = one })
    manager:set_active_experiment(one)
  end))

  it("sees deleted runs by view", scratch.run(function(manager)
    fill(manager)
    local runs = manager:search_runs { filter = "metrics.loss = 0.1" }
    manager:delete_run(runs[1].info.run_id)
    assert.equal(5, #manager:search_runs { view = "active" })
    assert.equal("r1", names(manager:search_runs { view = "deleted" }))
    assert.equal(6, #manager:search_runs { view = "all" })
  end))

  it("says where a query is wrong", scratch.store(function(manager)
    refused("state", "experiment", manager.search_runs)
    manager:create_experiment("e")
    refused("invalid", "filter", manager.search_runs, { filter = "metrics.loss <" })
    refused("invalid", "", manager.search_runs, { order_by = "metrics.loss UPWARDS" })
    refused("invalid", "order_by", manager.search_runs, { order_by = { {} } })
    refused("invalid", "experiment_ids", manager.search_runs, { experiment_ids = true })
    refused("invalid", { "view", "'none'" }, manager.search_runs, { view = "none" })
    refused("invalid", { "'filtr'", "filter" }, manager.search_runs, { filtr = "" })
    refused("invalid", "max_results", manager.search_runs, { max_results = 50001 })
    refused("invalid", "#1", manager.search_runs, "metrics.loss < 1")
  end))
end)

describe("find_run", function()
  it("takes an id, its beginning, or a name", scratch.run(function(manager, run)
    local id = run.run_id
    for _, text in ipairs { id, id:sub(1, 12), id:upper(), "spec" } do
      assert.equal(id, manager:find_run(text).info.run_id)
    end
    assert.equal(id, manager.find_run("spec", "active").info.run_id)
    assert.equal(id, manager.find_run { text = "spec", view = "all" }.info.run_id)
  end))

  it("finds the deleted ones, too, unless told otherwise", scratch.run(function(manager, run)
    manager:delete_active_run()
    assert.equal("deleted", manager:find_run("spec").info.lifecycle_stage)
    refused("not_found", "there is no run 'spec'", manager.find_run, "spec", "active")
    assert.equal(run.run_id, manager.find_run("spec", "deleted").info.run_id)
  end))

  it("says what it cannot find", scratch.run(function(manager)
    manager:start_run { run_name = "spec", nested = true }
    refused("invalid", "'spec' is the name of several runs: ", manager.find_run, "spec")
    manager:end_run()
    refused("not_found", "there is no run ''", manager.find_run, "")
    refused("invalid", "(a run's name, id or the beginning of its id expected, got nil)",
      manager.find_run)
    refused("invalid", "find_run: view must be one of 'active', 'deleted', 'all', got the "
      .. "string 'gone'", manager.find_run, "spec", "gone")
  end))
end)
