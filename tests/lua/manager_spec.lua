-- SPDX-License-Identifier: Apache-2.0
-- Managers: opening, what each has of its own, closing, and being collected.

local mlmanager = require "mlmanager"
local scratch = require "tests.lua.scratch"

local refused = scratch.refused

local function points(manager)
  local list = {}
  for i, point in ipairs(manager.get_metric_history("loss")) do
    list[i] = { point.step, point.value }
  end
  return list
end

describe("MLManager", function()
  it("opens the store it is told, by either name", scratch.store(function(manager)
    assert.equal(manager.store, manager.store)
    local other = mlmanager:MLManager { tracking_uri = manager.store }
    assert.equal(manager.store, other.store)
    other:close()
  end))

  it("takes SQLAlchemy's spelling of an absolute path", scratch.store(function(_, directory, open)
    local manager = open { store = "sqlite:///" .. directory .. "/mlmanager.db" }
    manager.create_experiment("specs")
    assert.equal("1", open().get_experiment_by_name("specs").experiment_id)
  end))

  it("starts without an experiment and without a run", scratch.store(function(manager)
    assert.is_nil(manager.experiment_id)
    assert.is_nil(manager.current_run_id)
    assert.equal("Default", manager.get_experiment("0").name)
  end))

  it("takes options and lists the known ones", scratch.store(function(_, directory, open)
    local manager = open {
      artifacts = directory .. "/artifacts",
      journal_dir = directory .. "/journals",
      durability = "system",
      on_full = "block",
      journal_bytes_max = 32 << 20,
      system_metrics = false,
    }
    manager.create_experiment("specs")
    assert.equal(directory .. "/artifacts/1", manager.get_experiment().artifact_location)
    manager.start_run()
    manager.log_metric("loss", 1)
    manager.end_run()
    manager:close()
    assert(os.remove(directory .. "/journals")) -- each store's in it is gone already
    refused("invalid", { "MLManager: unknown field 'path'",
      "the known ones are store, tracking_uri, artifacts", "system_metrics" },
      mlmanager.MLManager, { path = "x" })
  end))

  it("refuses to make a store that must exist", scratch.store(function(manager, directory)
    refused("not_found", "there is no store '" .. directory .. "/other.db'", mlmanager.MLManager,
      { store = "sqlite:" .. directory .. "/other.db", must_exist = true })
    mlmanager.MLManager({ store = manager.store, must_exist = true }):close()
  end))

  it("says what is wrong with an option", scratch.store(function(manager)
    local new = mlmanager.MLManager
    refused("invalid", "durability must be one of 'process', 'system', got the string 'disk'", new,
      { store = manager.store, durability = "disk" })
    refused("invalid", "on_full must be one of 'error', 'block', got the string 'wait'", new,
      { store = manager.store, on_full = "wait" })
    refused("invalid", "system_metrics must be true or false, got the number 1", new,
      { store = manager.store, system_metrics = 1 })
    refused("invalid", "journal_bytes_max must be a whole number, got the number 1.5", new,
      { store = manager.store, journal_bytes_max = 1.5 })
    refused("invalid", "journal_bytes_max is 10; at least", new,
      { store = manager.store, journal_bytes_max = 10 })
    refused("invalid", "store must be a string, got a table", new, { store = {} })
    refused("invalid", "store and tracking_uri are one setting", new,
      { store = manager.store, tracking_uri = "sqlite:y.db" })
    refused("invalid", "options must be a table such as {store=\"sqlite:mlmanager.db\"}, got the "
      .. "string 'sqlite:x.db'", new, "sqlite:x.db")
    refused("unsupported", "mysql", new, { store = "mysql://x" })
  end))

  it("leaves the caller's option table as it was", scratch.store(function(manager)
    local options = { store = manager.store }
    mlmanager.MLManager(options):close()
    assert.same({ store = manager.store }, options)
  end))

  it("has functions that work with a dot and with a colon", scratch.store(function(manager)
    manager.create_experiment("dot")
    manager:create_experiment("colon")
    assert.equal("2", manager.experiment_id)
    manager.set_active_experiment("dot")
    assert.equal("1", manager.experiment_id)
    local log_metric = manager.log_metric
    manager:start_run()
    log_metric("loss", 1)
    manager.log_metric("loss", 2)
    manager:log_metric("loss", 3)
    assert.same({ { 0, 1 }, { 1, 2 }, { 2, 3 } }, points(manager))
    manager.end_run()
  end))

  it("keeps experiment, runs and timers to itself", scratch.store(function(first, _, open)
    local second = open()
    first.create_experiment("specs")
    local run = first.start_run()
    assert.is_nil(second.current_run_id)
    assert.is_nil(second.experiment_id)
    second.create_experiment("others")
    second.start_run()
    first.start_timer("fit")
    refused("state", "no timer is running", second.log_and_stop_timer)
    first.log_metric("loss", 1)
    second.log_metric("loss", 2)
    second.end_run()
    first.end_run()
    assert.equal(1, second.get_run(run.run_id).data.metrics.loss)
  end))

  it("works on two stores at once", scratch.store(function(first, directory, open)
    local second = open { store = "sqlite:" .. directory .. "/second.db" }
    first.create_experiment("specs")
    second.create_experiment("specs")
    local run = first.start_run()
    second.start_run()
    second.log_metric("loss", 2)
    first.log_metric("loss", 1)
    refused("not_found", run.run_id, second.get_run, run.run_id)
    assert.equal(1, first.get_run().data.metrics.loss)
    assert.equal(2, second.get_run().data.metrics.loss)
    first.end_run()
    second.end_run()
    second:close()
    assert(os.remove(directory .. "/second.db"))
  end))

  it("refuses to call one manager's function on another", scratch.store(function(first, _, open)
    local second = open()
    refused("invalid", "'log_metric' belongs to one manager and was called on another",
      first.log_metric, second, "loss", 1)
  end))

  it("has properties that cannot be assigned", scratch.store(function(manager)
    refused("invalid", "current_run_id cannot be assigned; call set_active_run(run_id)",
      function() manager.current_run_id = "x" end)
    refused("invalid", "experiment_id cannot be assigned; call set_active_experiment",
      function() manager.experiment_id = "1" end)
    refused("invalid", "store cannot be assigned; open another manager with MLManager",
      function() manager.store = "x" end)
  end))

  it("has one default manager, however often it is loaded", function()
    local first = require "mlmanager"
    package.loaded.mlmanager = nil
    local second = require "mlmanager"
    assert.equal(first, second)
  end)

  it("has no other fields", scratch.store(function(manager)
    for _, object in ipairs { manager, require "mlmanager" } do
      refused("invalid", "no function or property 'log_metrik'",
        function() return object.log_metrik end)
      refused("invalid", "no function or property 'note'", function() object.note = 1 end)
      refused("invalid", "no function or property '1'", function() return object[1] end)
    end
    -- A function can be replaced, those made at their first use as well.
    manager.log_metric = print
    manager.run = print
    assert.equal(print, manager.log_metric)
    assert.equal(print, manager.run)
    assert.is_string(getmetatable(manager))
  end))

  it("says what it is", scratch.store(function(manager)
    assert.equal("MLManager (" .. manager.store .. ")", tostring(manager))
    manager:close()
    assert.equal("MLManager (closed)", tostring(manager))
  end))
end)

describe("A manager's end", function()
  local function end_of(fn)
    return scratch.store(function(manager, _, open)
      manager.create_experiment("specs")
      fn(open, function(id)
        return manager.get_run(id).info.status
      end)
    end)
  end

  local function begin(open)
    local manager = open()
    manager.set_active_experiment("specs")
    return manager
  end

  it("is close(): open runs end FINISHED, and again is fine", end_of(function(open, status_of)
    local manager = begin(open)
    local run = manager.start_run()
    local nested = manager.start_run { nested = true }
    manager.log_metric("loss", 1)
    manager:close()
    manager.close()
    assert.equal("FINISHED", status_of(run.run_id))
    assert.equal("FINISHED", status_of(nested.run_id))
    assert.is_false(run:is_open())
  end))

  it("makes every later call say so", end_of(function(open)
    local manager = begin(open)
    local run = manager.start_run()
    local timer = manager.start_timer("fit")
    manager:close()
    refused("state", "'log_metric': the manager is closed", manager.log_metric, "loss", 1)
    refused("state", "'start_run': the manager is closed", manager.start_run)
    refused("state", "'search_runs': the manager is closed", manager.search_runs)
    refused("state", "the manager of this run is closed", run.log_metric, run, "loss", 1)
    assert.is_nil(timer:stop())
    assert.is_nil(manager.current_run_id)
    assert.is_nil(manager.experiment_id)
    run:close()
  end))

  it("is the end of a block with <close>", end_of(function(open, status_of)
    local id
    do
      local manager <close> = begin(open)
      id = manager.start_run().run_id
    end
    assert.equal("FINISHED", status_of(id))
  end))

  it("leaves runs FAILED when an error leaves that block, and the error goes on",
    end_of(function(open, status_of)
      local id
      local ok, problem = pcall(function()
        local manager <close> = begin(open)
        id = manager.start_run().run_id
        error("the fit diverged", 0)
      end)
      assert.is_false(ok)
      assert.equal("the fit diverged", problem)
      assert.equal("FAILED", status_of(id))
    end))

  it("comes when nothing refers to it any more", scratch.store(function(reader)
    local id
    do
      local manager = mlmanager.MLManager { store = reader.store }
      manager.create_experiment("specs")
      id = manager.start_run().run_id
      manager.log_metric("loss", 1)
    end
    collectgarbage()
    collectgarbage()
    assert.equal("FINISHED", reader.get_run(id).info.status)
    assert.equal(1, reader.get_run(id).data.metrics.loss)
  end))

  it("does not come while one of its runs or timers is held", scratch.store(function(reader)
    local run, timer
    do
      local manager = mlmanager.MLManager { store = reader.store }
      manager.create_experiment("specs")
      run = manager.start_run()
      timer = run:start_timer("fit")
    end
    collectgarbage()
    collectgarbage()
    run:log_metric("loss", 2)
    assert.is_true(timer:stop() >= 0)
    run:end_run()
    assert.equal(2, reader.get_run(run.run_id).data.metrics.loss)
  end))
end)

describe("flush", function()
  it("brings what was logged to other readers", scratch.store(function(manager, _, open)
    local reader = open()
    manager.create_experiment("specs")
    local run = manager.start_run()
    manager.log_metric("loss", 0.5)
    manager.flush()
    assert.equal(0.5, reader.get_run(run.run_id).data.metrics.loss)
    manager:flush(10000)
    manager:flush { timeout_ms = 10000 }
    manager.end_run()
  end))

  it("takes milliseconds", scratch.store(function(manager)
    refused("invalid", "timeout_ms must be a whole number, got the string 'long'", manager.flush,
      "long")
    refused("invalid", "timeout_ms must lie between 0 and 4294967294, got -1", manager.flush, -1)
  end))
end)

describe("doctor", function()
  it("finds nothing wrong with a sound store", scratch.store(function(manager)
    manager.create_experiment("specs")
    manager.start_run()
    manager.log_metric("loss", 1)
    manager.end_run()
    assert.same({}, manager.doctor())
    assert.same({}, manager:doctor(true))
    assert.same({}, manager.doctor { repair = true })
    refused("invalid", "repair must be true or false", manager.doctor, "yes")
  end))
end)
