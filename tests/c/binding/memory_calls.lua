-- SPDX-License-Identifier: Apache-2.0
-- What memory_test.c calls with ever more memory until it succeeds: limit(n, f).

local mlmanager = require "mlmanager"
local directory, limit = ...
local uri = "sqlite:" .. directory .. "/memory.db"

-- luaL_Buffer leaves a metatable half made where memory runs out at its first large use in a state.
assert(#("x"):rep(100000) == 100000)

local manager = mlmanager.MLManager { store = uri }
local experiment = manager.create_experiment("memory")

--- Calls f until it has memory enough. before and after are made with plenty; what f did before
--- its memory ran out may have been done.
local function exhaust(name, f, before, after)
  local count, failures = -1, 0
  repeat
    count = count + 1
    if before then
      before()
    end
    local ok, was_empty, failure = limit(count, f)
    if not ok then
      failures = failures + 1
      assert(was_empty, name .. ": " .. tostring(failure))
      assert(failure == "not enough memory" or failure.code == "memory",
        name .. ": " .. tostring(failure))
    end
    if after then
      after()
    end
  until ok and not was_empty
  return failures
end

local function end_all()
  while manager.current_run_id do
    manager.end_run()
  end
end

-- Without a run around them.
exhaust("create_experiment", function()
  manager.create_experiment { name = "memory", tags = { a = 1.5, b = "x" } }
end)
exhaust("set_active_experiment", function() manager.set_active_experiment("memory") end)
exhaust("start_run", function()
  manager.start_run { run_name = "r", tags = { { "a", 1.5 }, { "b", true } } }
end, nil, end_all)
exhaust("end_run", function()
  manager.end_run(true, { a = 0.25 })
end, manager.start_run, end_all)
exhaust("run", function()
  manager.run({ run_name = "block" }, function(run) run:log_metric("m", 1) end)
end, nil, end_all)
exhaust("<close>", function()
  local run <close> = manager.start_run()
  local _ <close> = run:start_timer("t" .. math.random(1 << 40))
end, nil, end_all)
exhaust("an error through <close>", function()
  local ok = pcall(function()
    local _ <close> = manager.start_run()
    error("x")
  end)
  assert(not ok)
  manager.get_run(experiment == "" and "x" or manager.start_run().run_id)
end, nil, end_all)

local run = manager.start_run { run_name = "around" }
local number = 0
local function next_name()
  number = number + 1
  return "k" .. number
end
local many, pairs_of = {}, {}
for i = 1, 80 do
  many["m" .. i] = i / 7
  pairs_of[i] = { "p" .. i, i / 7 }
end
local rows = { { name = "a", loss = 0.5 }, { name = "b", loss = 0.25 } }
local evaluator = mlmanager.SpliceRegressionEvaluator()
evaluator:input { label = { 1, 2, 3 }, prediction = { 1, 2, 4 } }

local file = directory .. "/file"
io.open(file, "w"):write("bytes"):close()
manager.log_text("what is read", "kept")

local calls = {
  log_metric = function() manager:log_metric(next_name(), 1) end,
  log_metric_record = function() manager.log_metric { key = "r", value = "0.5", step = 3 } end,
  log_metric_map = function() manager.log_metric { a = 1, b = 2, c = 3 } end,
  log_metric_refused = function()
    local ok, failure = pcall(manager.log_metric, "a", {})
    assert(not ok)
    if failure == "not enough memory" then
      error(failure, 0)
    end
    assert(tostring(failure))
  end,
  log_metrics = function() manager.log_metrics(many) end,
  log_metrics_list = function() manager.log_metrics(pairs_of) end,
  metric = function()
    local handle = manager:metric(next_name())
    handle(1)
    handle(2, { step = 7 })
    handle { value = 3 }
  end,
  log_param = function() manager.log_param(next_name(), number / 3) end,
  log_params = function() manager.log_params(pairs_of) end,
  set_tags = function() manager.set_tags(many) end,
  log_batch = function()
    manager.log_batch { metrics = many, params = pairs_of, tags = { a = 1.5 } }
  end,
  log_evaluator_metrics = function() manager.log_evaluator_metrics(evaluator) end,
  start_timer = function() manager.start_timer(next_name(), { metric = true }) end,
  get_run = function() manager.get_run() end,
  search_runs = function()
    manager.search_runs { filter = "metrics.m1 > 0", order_by = { "metrics.m1 DESC" } }
  end,
  search_experiments = function() manager.search_experiments { order_by = "name ASC" } end,
  get_experiment = function() manager.get_experiment() end,
  get_metric_history = function() manager.get_metric_history("m1") end,
  get_metric_summary = function() manager.get_metric_summary("m1") end,
  get_metric_history_columns = function()
    manager.get_metric_history { key = "m1", columns = true }
  end,
  doctor = function() manager.doctor() end,
  flush = function() manager.flush() end,
  table = function() mlmanager.table(rows, { width = 60 }) end,
  plot = function() manager.plot(run, { "m1", "m2" }, { width = 40, height = 8, smooth = 2 }) end,
  sparkline = function() mlmanager.sparkline({ 1, 2, 3 }) end,
  properties = function()
    assert(manager.current_run_id == run.run_id)
    assert(manager.experiment_id == experiment)
    assert(tostring(manager) ~= tostring(run))
  end,
  csv = function() mlmanager.csv.parse("a,b\n1,x\n2,y\n") end,
  log_text = function() manager.log_text("text", "a/text") end,
  log_dict = function() manager.log_dict({ a = { 1, 2.5 } }, "dict.json") end,
  log_table = function() manager.log_table({ a = { 1 }, b = { "x" } }, "table.json") end,
  log_image = function()
    manager.log_image("1234", "i.png", { width = 2, height = 2 })
    manager.log_image("1234", { width = 2, height = 2, key = "k", step = 1 })
  end,
  log_artifacts = function() manager.log_artifacts({ file }, { "file" }) end,
  list_artifacts = function() manager.list_artifacts() end,
  retrieve_artifact = function() manager.retrieve_artifact_stream(nil, "kept") end,
  iterate_artifact = function()
    for piece in manager.retrieve_artifact_stream(nil, "kept", { chunk_bytes = 10 }) do
      assert(#piece <= 10)
    end
  end,
  download_artifact = function() manager.download_artifact("kept", directory .. "/copy") end,
  another_manager = function()
    local other <close> = mlmanager.MLManager { store = uri, durability = "process" }
    assert(other.experiment_id == nil)
  end,
}
local frugal = { flush = true, properties = true, log_text = true }
local names = {}
for name in pairs(calls) do
  names[#names + 1] = name
end
table.sort(names)
for _, name in ipairs(names) do
  local failures = exhaust(name, calls[name])
  assert(failures > 0 or frugal[name], name .. " asked for no memory")
  assert(manager.current_run_id == run.run_id, name)
end
collectgarbage()

os.remove(file)
os.remove(directory .. "/copy")

-- The manager is as good as new.
local data = manager.get_run().data
assert(data.params.p7 == "1.0" and data.params.p80 and data.tags.m80 and data.metrics.m80)
manager.log_and_stop_timer()
manager.end_run()
manager.close()
