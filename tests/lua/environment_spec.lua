-- SPDX-License-Identifier: Apache-2.0
-- The names that MLflow's users have set in their environment, the default manager that follows
-- them, and the module in a stock lua5.4: each in a process of its own.

local process = require "tests.lua.process"

local here = os.getenv("PWD")
local host = os.getenv("MLMANAGER_HOST") or "build/dev/mlmanager"
if host:sub(1, 1) ~= "/" then
  host = here .. "/" .. host
end

-- The directory in which the stock Lua finds mlmanager.so: the first of LUA_CPATH.
local module_path = (os.getenv("LUA_CPATH") or ""):match("^([^;]+)")

local directory

local function setup_directory()
  directory = process.directory()
end

local function remove_directory()
  process.remove(directory)
end

local function run(command)
  command.directory = directory
  return process.run(command)
end

--- What code prints in the host, whose environment has these names.
local function printed(environment, code, ...)
  local result = run { host, environment = environment, "-e", code, ... }
  assert.equal("", result.err)
  assert.equal(0, result.status)
  return (result.out:gsub("\n$", ""))
end

local function failed(environment, code)
  local result = run { host, environment = environment, "-e", code }
  assert.equal(1, result.status)
  return result.err
end

--- A store in the directory with experiment "first" (id 1); returns the id of a finished run in it.
local function make_store(name)
  return printed({}, ([[
    local manager = mlmanager.MLManager { store = "sqlite:%s" }
    manager.create_experiment("first")
    print(manager.start_run().run_id)
    manager.log_metric("loss", 1)
    manager.end_run()]]):format(name))
end

describe("The environment", function()
  before_each(setup_directory)
  after_each(remove_directory)

  it("names the store by MLFLOW_TRACKING_URI, after store= and --store", function()
    local code = "print((mlmanager.store:match('[^/]*$')))"
    assert.equal("mlmanager.db", printed({}, code))
    local environment = { MLFLOW_TRACKING_URI = "sqlite:///named.db" }
    assert.equal("named.db", printed(environment, code))
    assert.equal("option.db", printed(environment, code, "--store", "sqlite:option.db"))
    assert.equal("mine.db", printed(environment, [[
      local manager = mlmanager.MLManager { store = "sqlite:mine.db" }
      print((manager.store:match('[^/]*$')))]]))
  end)

  it("chooses the experiment by MLFLOW_EXPERIMENT_NAME or _ID", function()
    make_store("mlmanager.db")
    local code = "print(mlmanager.experiment_id, mlmanager.current_run_id)"
    assert.equal("1\tnil", printed({ MLFLOW_EXPERIMENT_NAME = "first" }, code))
    assert.equal("1\tnil", printed({ MLFLOW_EXPERIMENT_ID = "1" }, code))
    assert.equal("0\tnil", printed({ MLFLOW_EXPERIMENT_ID = "0" }, code))
    assert.equal("nil\tnil", printed({ MLFLOW_EXPERIMENT_NAME = "" }, code))
    assert.matches("environment variable MLFLOW_EXPERIMENT_NAME: there is no experiment 'no'; "
      .. "create it with create_experiment", failed({ MLFLOW_EXPERIMENT_NAME = "no" }, code))
    assert.matches("environment variable MLFLOW_EXPERIMENT_ID: .*9",
      failed({ MLFLOW_EXPERIMENT_ID = "9" }, code))
  end)

  it("takes up a run by MLFLOW_RUN_ID, whose status stays", function()
    local id = make_store("mlmanager.db")
    assert.equal(id .. "\tFINISHED\t0\t1", printed({ MLFLOW_RUN_ID = id }, [[
      mlmanager.log_metric("late", 2)
      mlmanager.log_metric("loss", 2)
      local points = mlmanager.get_metric_history("loss")
      print(mlmanager.current_run_id, mlmanager.get_run().info.status,
        points[1].step, points[2].step)]]))
    assert.equal("FINISHED\t2.0", printed({}, ([[
      local run = mlmanager.get_run("%s")
      print(run.info.status, run.data.metrics.late)]]):format(id)))
    local unknown = ("0"):rep(32)
    assert.matches("environment variable MLFLOW_RUN_ID: .*" .. unknown,
      failed({ MLFLOW_RUN_ID = unknown }, "print(mlmanager.current_run_id)"))
  end)

  it("cuts long values with MLFLOW_TRUNCATE_LONG_VALUES", function()
    local code = [[
      mlmanager.create_experiment("cut")
      mlmanager.start_run()
      mlmanager.log_param("long", ("x"):rep(6001))
      print(#mlmanager.get_run().data.params.long)]]
    assert.equal("6000", printed({ MLFLOW_TRUNCATE_LONG_VALUES = "true" }, code))
    assert.matches("param 'long' has 6001 characters; at most 6000 are allowed "
      .. "%(MLFLOW_TRUNCATE_LONG_VALUES=true cuts it%)", failed({}, code))
  end)

  it("cuts a run's long names with it too", function()
    assert.equal("8000 8000", printed({ MLFLOW_TRUNCATE_LONG_VALUES = "true" }, [[
      mlmanager.create_experiment("cut")
      local run = mlmanager.start_run { run_name = ("a"):rep(8001) }
      local size = #mlmanager.get_run().info.run_name
      mlmanager.rename_run(run.run_id, ("b"):rep(8001))
      print(size .. " " .. #mlmanager.get_run().info.run_name)]]))
  end)

  it("keeps journals in MLMANAGER_JOURNAL_DIR", function()
    printed({ MLMANAGER_JOURNAL_DIR = directory .. "/journals" }, [[
      mlmanager.create_experiment("e")
      mlmanager.start_run()
      mlmanager.log_metric("loss", 1)
      assert(not io.open("mlmanager.db-journal.d"))
      assert(io.open("journals"))]])
  end)

  it("samples the machine with MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING", function()
    local code = [[
      mlmanager.create_experiment("e")
      mlmanager.start_run()
      local wait = os.time() + 30
      local function sampled()
        return mlmanager.get_run().data.metrics["system/cpu_utilization_percentage"]
      end
      repeat until sampled() or os.time() > wait
      print(type(sampled()))]]
    assert.equal("number", printed({
      MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING = "true",
      MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL = "0.2",
      MLFLOW_SYSTEM_METRICS_SAMPLES_BEFORE_LOGGING = "1",
    }, code))
  end)
end)

describe("The default manager", function()
  before_each(setup_directory)
  after_each(remove_directory)

  it("is the module itself, opened at its first call", function()
    assert.equal("false\ttrue", printed({}, [[
      local first = io.open("mlmanager.db")
      mlmanager.create_experiment("e")
      print(first ~= nil, io.open("mlmanager.db") ~= nil)]]))
  end)

  it("works with a dot and with a colon", function()
    assert.equal("2", printed({}, [[
      mlmanager:create_experiment("e")
      mlmanager:start_run()
      mlmanager.log_metric("loss", 1)
      mlmanager:log_metric("loss", 2)
      print(#mlmanager:get_metric_history("loss"))]]))
  end)

  it("is apart from those that a script opens", function()
    assert.equal("nil\t1", printed({}, [[
      local manager = mlmanager.MLManager {}
      manager.create_experiment("e")
      manager.start_run()
      print(mlmanager.experiment_id, manager.experiment_id)
      manager.end_run()]]))
  end)

  it("runs a block", function()
    assert.equal("FINISHED", printed({}, [[
      mlmanager.create_experiment("e")
      mlmanager:run(function() mlmanager.lm("loss", 1) end)
      print(mlmanager.search_runs()[1].info.status)]]))
  end)

  it("says why the store cannot be opened, at each call again", function()
    process.write(directory .. "/mlmanager.db", "not a database at all, but some text\n")
    local _, count = failed({}, [[
      print(pcall(mlmanager.create_experiment, "e"))
      mlmanager.create_experiment("e")]]):gsub("mlmanager%.db", "")
    assert.is_true(count >= 1)
  end)
end)

describe("A stock lua5.4", function()
  if not module_path or not module_path:find("%?%.so$") then
    return -- this process is the sanitized host, which no stock Lua can load
  end

  before_each(setup_directory)
  after_each(remove_directory)

  local function stock(code)
    local environment = { LUA_CPATH = module_path, LUA_PATH = "none" }
    return run { "lua5.4", environment = environment, "-e", code }
  end

  it("loads the one file, and logs", function()
    local result = stock [[
      local mlmanager = require "mlmanager"
      mlmanager.create_experiment("e")
      mlmanager.start_run { run_name = "stock" }
      for _ in mlmanager:progress(2) do
        mlmanager.log_metric("loss", 1)
      end
      mlmanager.end_run()
      mlmanager:run(function() end)
      print(mlmanager._VERSION, #mlmanager.search_runs())]]
    assert.equal("", result.err)
    assert.matches("^%d+%.%d+%.%d+\t2\n$", result.out)
    assert.equal(0, result.status)
  end)

  it("leaves an open run FINISHED when the state closes, whatever else is collected then",
    function()
      local result = stock [[
        local mlmanager = require "mlmanager"
        mlmanager.create_experiment("e")
        run = mlmanager.start_run { run_name = "default" }
        other = mlmanager.MLManager {}
        other.set_active_experiment("e")
        timer = other.start_timer and other.start_run { run_name = "other" }:start_timer("fit")
        mlmanager.log_metric("loss", 1)
        setmetatable({}, { __gc = function()
          -- Managers made later are gone by now, earlier ones are there.
          print(pcall(run.log_metric, run, "loss", 2))
          print(pcall(function() return timer:stop() end))
        end })]]
      assert.equal("", result.err)
      assert.equal(0, result.status)
      assert.equal("default\tFINISHED\nother\tFINISHED", printed({}, [[
        mlmanager.set_active_experiment("e")
        for _, run in ipairs((mlmanager.search_runs { order_by = "attributes.run_name" })) do
          print(run.info.run_name, run.info.status)
        end]]))
    end)

  it("is what the rockspec is for", function()
    local rock = {}
    assert(loadfile("scripts/mlmanager-0.1.0-1.rockspec", "t", rock))()
    assert.equal(require "mlmanager"._VERSION .. "-1", rock.version)
    assert.matches("/mlmanager%.so$", rock.build.install.lib.mlmanager)
  end)

  it("ends with the error's sentence", function()
    local result = stock [[require "mlmanager".start_run()]]
    assert.matches("^lua5%.4: .*no experiment is active: call create_experiment or "
      .. "set_active_experiment first\n", result.err)
    assert.equal(1, result.status)
  end)
end)
