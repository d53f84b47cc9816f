-- SPDX-License-Identifier: Apache-2.0
-- The types in lua/meta against the module: neither knows a name that the other does not.

local mlmanager = require "mlmanager"
local scratch = require "tests.lua.scratch"

-- As the host's help reads them.
local annotations = dofile "scripts/annotations.lua"

local function paths()
  local list = {}
  local pipe <close> = assert(io.popen("ls lua/meta/*.lua"))
  for path in pipe:lines() do
    list[#list + 1] = path
  end
  return list
end

--- { [class] = { fields = set, functions = { [name] = entry } } }, and all functions.
local function read_types()
  local classes, documented = {}, {}
  for name, class in pairs(annotations.read(paths()).classes) do
    local fields, functions = {}, {}
    for _, field in ipairs(class.fields) do
      fields[field.name] = true
    end
    for _, entry in ipairs(class.functions) do
      functions[entry.name] = entry
      documented[#documented + 1] = entry
    end
    classes[name] = { parent = class.parent, fields = fields, functions = functions }
  end
  return classes, documented
end

local classes, documented = read_types()

local function sorted(...)
  local list = {}
  for _, set in ipairs { ... } do
    for name in pairs(set) do
      list[#list + 1] = name
    end
  end
  table.sort(list)
  return list
end

--- The names of a class and of those it inherits from.
local function names_of(class, kind)
  local set = {}
  while class do
    for name in pairs(classes[class][kind]) do
      set[name] = true
    end
    class = classes[class].parent
  end
  return set
end

local function functions_in(object)
  local set = {}
  for name, value in pairs(object) do
    if type(value) == "function" and type(name) == "string" then
      set[name] = true
    end
  end
  return set
end

describe("lua/meta", function()
  it("parses", function()
    for _, path in ipairs(paths()) do
      assert(loadfile(path))
    end
    assert.is_true(#documented > 60)
  end)

  it("annotates every function of the module, and no other", function()
    local there = functions_in(mlmanager)
    -- Made at their first use.
    there.table, there.run, there.progress, there.plot = true, true, true, true
    there.find_run = true
    assert.is_function(mlmanager.run)
    assert.is_function(mlmanager.plot)
    assert.is_function(mlmanager.progress)
    assert.is_truthy(mlmanager.table)
    local annotated = names_of("mlmanager", "functions")
    assert.same(sorted(there), sorted(annotated))
    assert.same({ "MLManager", "_VERSION", "csv" }, (function()
      local others = {}
      for name, value in pairs(mlmanager) do
        if type(value) ~= "function" and name ~= "table" or name == "MLManager" then
          others[name] = true
        end
      end
      return sorted(others)
    end)())
  end)

  it("annotates every function of a manager and its properties", scratch.run(function(manager)
    local there = functions_in(manager)
    assert.is_function(manager.run)
    assert.is_function(manager.progress)
    assert.is_function(manager.plot)
    there.run, there.progress, there.plot, there.find_run = true, true, true, true
    assert.same(sorted(there), sorted(names_of("mlmanager.Manager", "functions")))
    for name in pairs(classes["mlmanager.Manager"].fields) do
      assert.is_string(manager[name], name)
    end
  end))

  it("annotates every method of runs, timers and tables", scratch.run(function(manager, run)
    assert.same(sorted(functions_in(debug.getmetatable(run).__index)),
      sorted(names_of("mlmanager.Run", "functions")))
    for name in pairs(classes["mlmanager.Run"].fields) do
      assert.is_string(run[name], name)
    end
    local timer <close> = manager:start_timer("t")
    assert.same(sorted(functions_in(debug.getmetatable(timer).__index)),
      sorted(names_of("mlmanager.Timer", "functions")))
    assert.same(sorted(functions_in(mlmanager.csv)), sorted(names_of("mlmanager.csvlib",
      "functions")))
  end))

  it("names each parameter that the function shows", function()
    for _, entry in ipairs(documented) do
      local has_comment = entry.text ~= "" or #entry.parameters + #entry.returns
        + #entry.overloads > 0
      assert(has_comment, entry.place .. " has no comment")
      local annotated = {}
      for _, parameter in ipairs(entry.parameters) do
        annotated[parameter.name] = true
      end
      for name in entry.shown:gmatch("[%w_.]+") do
        assert(annotated[name] or name == "self", entry.place .. " lacks @param " .. name)
      end
    end
  end)

  -- An unknown option makes a call list those it knows.
  local function known(f, ...)
    local ok, failure = pcall(f, ...)
    assert.is_false(ok)
    local list = failure.message:match("the known ones are ([%w_, ]+)")
    assert(list, failure.message)
    local set = {}
    for name in list:gmatch("[%w_]+") do
      set[name] = true
    end
    return sorted(set)
  end
  local unknown = { ["?"] = 1 }

  it("calls parameters as keywords do", scratch.run(function(manager)
    -- Those that take no keywords, or others than their parameters.
    local others = { close = true, delete_active_run = true, lm = true, log_batch = true,
      log_evaluator_metrics = true, log_metric = true, log_metrics = true, log_param = true,
      log_params = true, lp = true, plot = true, progress = true, reset_run = true, run = true,
      set_tag = true, set_tags = true, st = true, list_experiments = true,
      search_experiments = true, search_runs = true }
    for name, entry in pairs(classes["mlmanager.Manager"].functions) do
      if not others[name] then
        local keywords = table.concat(known(manager[name], unknown), " ")
        for _, parameter in ipairs(entry.parameters) do
          assert(keywords:find(parameter.name, 1, true) or parameter.name == "options",
            ("%s: keyword %s is not among %s"):format(name, parameter.name, keywords))
        end
      end
    end
  end))

  it("lists the options that each call takes", scratch.run(function(manager)
    local function check(class, f, ...)
      assert.same(sorted(names_of(class, "fields")), known(f, ...))
    end
    check("mlmanager.ManagerOptions", mlmanager.MLManager, unknown)
    check("mlmanager.ExperimentOptions", manager.create_experiment, unknown)
    check("mlmanager.ExperimentQuery", manager.search_experiments, unknown)
    check("mlmanager.ExperimentQuery", manager.list_experiments, unknown)
    check("mlmanager.RunOptions", manager.start_run, unknown)
    check("mlmanager.RunOptions", manager.create_new_run, unknown)
    check("mlmanager.EndOptions", manager.end_run, unknown)
    check("mlmanager.RunQuery", manager.search_runs, unknown)
    check("mlmanager.When", manager.log_metric, "loss", 1, unknown)
    check("mlmanager.When", manager.log_metrics, { loss = 1 }, unknown)
    check("mlmanager.Batch", manager.log_batch, unknown)
    check("mlmanager.TimerOptions", manager.start_timer, "t", unknown)
    check("mlmanager.PointsQuery", manager.get_metric_history, unknown)
    check("mlmanager.GcOptions", manager.gc, unknown)
  end))

  it("lists the fields of what calls return", scratch.run(function(manager, run)
    manager:log_metric("loss", 1)
    local function check(class, value)
      local annotated = names_of(class, "fields")
      for name in pairs(value) do
        assert(annotated[name], class .. " lacks " .. tostring(name))
      end
      for name in pairs(annotated) do
        assert(value[name] ~= nil, class .. "." .. name .. " is not there")
      end
    end
    local id = run.run_id
    manager:end_run()
    local stored = manager:get_run(id)
    check("mlmanager.StoredRun", stored)
    check("mlmanager.RunInfo", stored.info)
    check("mlmanager.RunData", stored.data)
    check("mlmanager.RunInputs", stored.inputs)
    check("mlmanager.Experiment", manager:get_experiment())
    check("mlmanager.Point", manager:get_metric_history(id, "loss")[1])
    check("mlmanager.PointColumns", manager:get_metric_history(id, "loss", { columns = true }))
    check("mlmanager.MetricSummary", manager:get_metric_summary(id, "loss"))
    check("mlmanager.GcResult", manager:gc())
    local _, failure = pcall(manager.search_runs, { order_by = "metrics.a b" })
    check("mlmanager.Error", failure)
  end))
end)
