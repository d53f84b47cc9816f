-- SPDX-License-Identifier: Apache-2.0
-- any_lua.lua DIRECTORY: the module in whichever Lua runs this. Prints "ok <what>" or
-- "not ok <what>: <why>" for each check; other_luas_spec.lua runs it in all of them.

local directory = (...)
local mlmanager = require "mlmanager"

-- Else every number is a double.
local has_integers = math.type ~= nil -- luacheck: ignore 143
local unpack = table.unpack or unpack -- luacheck: ignore 113 143

local manager = mlmanager.MLManager { store = "sqlite:" .. directory .. "/any.db" }
manager:create_experiment "any"

local function equal(expected, got)
  if expected ~= got then
    error(("expected %s, got %s"):format(tostring(expected), tostring(got)), 2)
  end
end

--- What f(...) raises: an error value with this code whose message has the part.
local function refused(code, part, f, ...)
  local arguments, count = { ... }, select("#", ...)
  local ok, failure = pcall(function()
    return f(unpack(arguments, 1, count))
  end)
  assert(not ok, "nothing was raised")
  assert(type(failure) == "table", failure)
  equal(code, failure.code)
  assert(failure.message:find(part, 1, true), failure.message)
  assert(tostring(failure):find(part, 1, true))
  assert(("" .. failure):find(part, 1, true))
end

--- A check inside a run of its own.
local function in_run(fn)
  return function()
    local run = manager:start_run {}
    local ok, failure = pcall(fn, run)
    if run:is_open() then
      run:close()
    end
    if not ok then
      error(failure, 0)
    end
  end
end

local checks = {
  { "logs metrics and reads them back", in_run(function(run)
    manager:log_metric("loss", 0.5)
    manager.log_metric("loss", 0.25, { step = 7, timestamp = 1700000000123 })
    manager:log_metrics { accuracy = 0.9, f1 = 0.8 }
    manager:log_metrics { { "loss", 0.125 } }
    local points = manager:get_metric_history("loss")
    equal(3, #points)
    equal(7, points[1].step)
    equal(1700000000123, points[1].timestamp)
    equal(0, points[2].step)
    equal(8, points[3].step)
    equal(0.125, points[3].value)
    local columns = manager:get_metric_history("loss", { columns = true })
    equal(7, columns.step[1])
    local stored = manager:get_run()
    equal(run.run_id, stored.info.run_id)
    equal(0.9, stored.data.metrics.accuracy)
    equal(true, stored.info.start_time > 1.7e12)
  end) },

  { "logs through a metric's handle", in_run(function(run)
    local loss, gain = manager:metric "loss", run:metric "gain"
    loss(0.5)
    loss(0.25, 7)
    loss(0.125, { timestamp = 1700000000123 })
    loss { value = 0.0625, step = -2, timestamp = 1700000000124 }
    gain(1)
    local points = manager:get_metric_history "loss"
    equal(4, #points)
    equal(8, points[1].step)
    equal(1700000000123, points[1].timestamp)
    equal(-2, points[2].step)
    equal(0.25, points[4].value)
    equal(1, manager:get_run().data.metrics.gain)
    refused("invalid", "step must be a whole number", loss, 1, 1.5)
    if not has_integers then
      refused("invalid", "step must lie within 2^53 of 0", loss, 1, 2 ^ 53)
    end
    run:close()
    refused("state", "has ended", loss, 1)
  end) },

  { "logs params and tags", in_run(function()
    manager:log_params { whole = 3, half = 0.5, large = 123456789012345, text = "x", flag = true }
    manager:set_tag("team", "pd")
    local data = manager:get_run().data
    equal("3", data.params.whole)
    equal("0.5", data.params.half)
    equal("123456789012345", data.params.large)
    equal("true", data.params.flag)
    equal("pd", data.tags.team)
    manager:delete_tag "team"
    equal(nil, manager:get_run().data.tags.team)
    refused("exists", "text", manager.log_param, "text", "y")
  end) },

  { "raises what is wrong as an error value", in_run(function()
    refused("invalid", "a whole number", manager.log_metric, "loss", 1, { step = 1.5 })
    refused("invalid", "a number, got nil", manager.log_metric, "loss")
    refused("invalid", "unknown field 'setp'", manager.log_metric, "loss", 1, { setp = 1 })
    refused("invalid", "max_results must lie between 1 and", manager.search_runs,
      { max_results = 0 })
    refused("invalid", "no function or property 'log'", function()
      return manager.log
    end)
    refused("not_found", "nothing", manager.set_active_experiment, "nothing")
  end) },

  { "takes the steps that its numbers hold", in_run(function()
    for _, step in ipairs { 0, -5, 2 ^ 53 - 1, 1 - 2 ^ 53 } do
      manager:log_metric("step", 1, { step = step })
    end
    local points = manager:get_metric_history "step"
    equal(4, #points)
    if has_integers then
      manager:log_metric("step", 1, { step = 2 ^ 53 })
    else
      refused("invalid", "step must lie within 2^53 of 0", manager.log_metric, "step", 1,
        { step = 2 ^ 53 })
      refused("invalid", "step must lie within 2^53 of 0", manager.log_metric, "step", 1,
        { step = -2 ^ 60 })
    end
    refused("invalid", "whole number", manager.log_metric, "step", 1, { step = math.huge })
    refused("invalid", "whole number", manager.log_metric, "step", 1, { step = 0 / 0 })
  end) },

  { "runs a function in a run of its own", function()
    local id, a, b = manager:run({ run_name = "block" }, function(run, x)
      manager:log_metric("loss", x)
      return run.run_id, nil, "b"
    end, 0.5)
    equal("FINISHED", manager:get_run(id).info.status)
    equal(nil, a)
    equal("b", b)
    local failed
    local ok, failure = pcall(manager.run, function(run)
      failed = run.run_id
      error("on purpose")
    end)
    equal(false, ok)
    assert(failure:find("on purpose", 1, true))
    local stored = manager:get_run(failed)
    equal("FAILED", stored.info.status)
    assert(stored.data.tags["mlmanager.traceback"]:find("any_lua.lua", 1, true))
    equal(nil, manager.current_run_id)
  end },

  { "nests runs and takes them up again", function()
    local outer = manager:start_run { run_name = "outer" }
    local inner = manager:start_run { nested = true }
    equal(inner.run_id, manager.current_run_id)
    inner:close()
    equal(outer.run_id, manager.current_run_id)
    outer:end_run()
    equal(false, outer:is_open())
    refused("state", "has ended", outer.log_metric, outer, "loss", 1)
    local again = manager:set_active_run(outer.run_id)
    again:log_metric("loss", 2)
    again:close()
    equal(2, manager:get_run(outer.run_id).data.metrics.loss)
  end },

  { "times", in_run(function()
    local timer = manager:start_timer("work", { metric = true })
    equal("number", type(timer:stop()))
    manager:start_timer "rest"
    equal("number", type(manager:log_and_stop_timer()))
    local data = manager:get_run().data
    assert(data.metrics.work >= 0)
    assert(data.params.rest:find "^[%d.]+ ms$")
  end) },

  { "searches with a filter and an order", function()
    for i = 1, 3 do
      manager:run(function()
        manager:log_metric("rank", i)
      end)
    end
    local found = manager:search_runs { filter = "metrics.rank >= 2",
      order_by = "metrics.rank DESC", experiment_ids = tonumber(manager.experiment_id) }
    equal(2, #found)
    equal(3, found[1].data.metrics.rank)
    refused("invalid", "byte 14", manager.search_runs, { filter = "metrics.rank >> 2" })
  end },

  { "draws curves", function()
    local text = mlmanager.plot({ down = { 3, 2, 1 }, up = { x = { 1, 3 }, y = { 1, 3 } } },
      { width = 40, height = 8, color = false, ascii = true, log_y = true })
    assert(text:find("A down  1  B up  3", 1, true), text)
    equal("_.#  min 1  max 4  last 4", mlmanager.sparkline({ 1, 1.5, 4 }, { ascii = true }))
    refused("invalid", "plot has no option 'xlog'", mlmanager.plot, { 1 }, { xlog = true })
  end },

  { "shows tables", function()
    local text = mlmanager.table({ { name = "a", score = 1200 }, { name = "b", score = 0.25 } },
      { format = "box", width = 60, color = false })
    assert(text:find("  1200\n b ", 1, true), text)
    assert(text:find("2 rows, 2 columns", 1, true), text)
    local rows = { { when = 123456789012345, share = 0.1 } }
    equal("share\twhen\n0.1\t123456789012345", mlmanager.table(rows, { format = "tsv" }))
    assert(mlmanager.table(manager:search_runs(), { format = "box", width = 100 }):find "runs")
    local ok, why = pcall(mlmanager.table, 3)
    equal(false, ok)
    assert(tostring(why):find "list of runs or rows")
  end },

  { "steps through loops with progress", in_run(function()
    local sum, texts = 0, {}
    for i in manager:progress(3) do
      sum = sum + i
      manager:log_metric("loss", 1 / i)
    end
    equal(6, sum)
    for i, text in manager:progress({ "a", "b" }, { label = "letters" }) do
      texts[i] = text
    end
    equal("ab", table.concat(texts))
    for key, value in manager:progress(pairs { x = 1 }) do
      equal("x1", key .. value)
    end
    for i in manager:progress(100) do
      if i == 5 then
        break
      end
    end
  end) },

  { "reads CSV and evaluates", in_run(function()
    local data = mlmanager.csv.parse "label,prediction\n1,1\n0,0\n1,0\n0,0\n"
    equal(4, data.rows)
    equal(1, data:column("prediction")[1])
    local evaluator = mlmanager.SpliceBinaryClassificationEvaluator {}
    evaluator:input(data)
    equal(0.75, evaluator:get_results().ACC)
    manager:log_evaluator_metrics(evaluator)
    equal(0.75, manager:get_run().data.metrics.ACC)
    local named = mlmanager.SpliceRegressionEvaluator { labelCol = "y", predictionCol = "f" }
    named:input { y = { 1, 2 }, f = { 1, 2 } }
    refused("invalid", "column 'y', row 2", named.input, named, { y = { 1, "?" }, f = { 1, 2 } })
    refused("invalid", "column 'f' has 1 rows, but 'y' has 2", named.input, named,
      { y = { 1, 2 }, f = { 1 } })
  end) },

  { "closes a manager that nobody has any more", function()
    local id
    do
      local other = mlmanager.MLManager { store = "sqlite:" .. directory .. "/other.db" }
      other:create_experiment "other"
      id = other:start_run({}).run_id
      other:log_metric("loss", 1)
    end
    for _ = 1, 4 do
      collectgarbage()
    end
    local again = mlmanager.MLManager { store = "sqlite:" .. directory .. "/other.db" }
    equal("FINISHED", again:get_run(id).info.status)
    equal(1, again:get_run(id).data.metrics.loss)
    again:close()
    again:close()
    refused("state", "closed", again.get_run, id)
  end },

  { "keeps artifacts", in_run(function()
    local bytes = ("\0\1\255"):rep(1000)
    manager.log_text(bytes, "bytes.bin")
    equal(bytes, manager.retrieve_artifact_stream(nil, "bytes.bin"))
    local pieces = {}
    for piece in manager.retrieve_artifact_stream(nil, "bytes.bin", { chunk_bytes = 700 }) do
      pieces[#pieces + 1] = piece
    end
    equal(5, #pieces)
    equal(bytes, table.concat(pieces))
    manager.log_dict({ 1, 2.5, "\228\186\172", { a = 0 / 0 } }, "d.json")
    equal('[\n  1,\n  2.5,\n  "\92u4eac",\n  {\n    "a": NaN\n  }\n]\n',
      manager.retrieve_artifact_stream(nil, "d.json"))
    manager.log_table({ { n = 1 }, { n = 2 } }, "t.json")
    equal('{"columns":["n"],"data":[[1],[2]]}', manager.retrieve_artifact_stream(nil, "t.json"))
    equal(3, #manager.list_artifacts())
    refused("not_found", "none", manager.retrieve_artifact_stream, nil, "none")
  end) },

  { "has what closes a run, a timer and a manager", function()
    local function leave(object, failure)
      debug.getmetatable(object).__close(object, failure)
    end
    local run = manager:start_run {}
    leave(manager:start_timer "until here")
    leave(run, "an error")
    local stored = manager:get_run(run.run_id)
    assert(stored.data.params["until here"])
    equal("FAILED", stored.info.status)
    local other = mlmanager.MLManager { store = "sqlite:" .. directory .. "/any.db" }
    leave(other)
    refused("state", "closed", other.get_run, run.run_id)
  end },
}

for _, check in ipairs(checks) do
  local ok, why = pcall(check[2])
  print(ok and "ok " .. check[1] or "not ok " .. check[1] .. ": " .. tostring(why))
end
-- What is still open when the state ends, ends with it.
manager:start_run { run_name = "left open" }
manager:log_metric("last", 1)
print(#checks .. " checks")
