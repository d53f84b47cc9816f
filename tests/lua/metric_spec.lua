-- SPDX-License-Identifier: Apache-2.0
-- Metrics: every form of log_metric, log_metrics and log_batch, and what they refuse.

local scratch = require "tests.lua.scratch"
local refused = scratch.refused

local function metrics(manager, run)
  return scratch.stored(manager, run).data.metrics
end

--- The points of a key as "step:value step:value …".
local function points(manager, key)
  local words = {}
  for i, point in ipairs(manager:get_metric_history(key)) do
    words[i] = ("%d:%g"):format(point.step, point.value)
  end
  return table.concat(words, " ")
end

describe("log_metric", function()
  it("takes a key and a value", scratch.run(function(manager, run)
    manager:log_metric("loss", 0.3)
    manager.log_metric("loss", 0.25) -- the dot is the same
    manager:lm("acc", 1)
    manager.lm("acc", 2)
    run:log_metric("of_run", 5)
    assert.same({ loss = 0.25, acc = 2, of_run = 5 }, metrics(manager, run))
  end))

  it("takes key= and value=, with step and timestamp", scratch.run(function(manager, run)
    manager:log_metric { key = "loss", value = 0.3 }
    manager:log_metric { key = "loss", value = 0.2, step = 7, timestamp = 1700000000123 }
    assert.same({ loss = 0.2 }, metrics(manager, run))
    local first = manager:get_metric_history("loss")[1]
    assert.same({ key = "loss", value = 0.2, step = 7, timestamp = 1700000000123 }, first)
  end))

  it("takes a map, whatever its keys are called", scratch.run(function(manager, run)
    manager:log_metric { loss = 0.3, acc = 0.9 }
    manager:log_metric { key = 1, value = 2 } -- the key of a record would be a string
    assert.same({ loss = 0.3, acc = 0.9, key = 1, value = 2 }, metrics(manager, run))
  end))

  it("takes options after a record, whose own go first", scratch.run(function(manager)
    manager:log_metric({ key = "m", value = 1 }, { step = 4, timestamp = 5 })
    manager:log_metric({ key = "m", value = 2, step = 6 }, { step = 4, timestamp = 7 })
    local history = manager:get_metric_history("m", { columns = true })
    assert.same({ 4, 6 }, history.step)
    assert.same({ 5, 7 }, history.timestamp)
  end))

  it("says which field of a record is unknown", scratch.run(function(manager)
    refused("invalid", { "log_metric: unknown field 'setp'", "key, value, step, timestamp" },
      manager.log_metric, { key = "m", value = 1, setp = 4 })
    refused("invalid", { "options must be a table {step=, timestamp=}", "the number 4" },
      manager.log_metric, "m", 1, 4)
    refused("invalid", { "'step' in a map of metrics would be a metric", "pass {step=4} as the "
      .. "second argument" }, manager.log_metric, { m = 1, step = 4 })
  end))

  it("takes the API document's numeric strings", scratch.run(function(manager, run)
    manager:log_metric { mymetric = "0.90" }
    manager:log_metric("other", "0x10")
    assert.same({ mymetric = 0.9, other = 16 }, metrics(manager, run))
  end))

  it("counts a key's steps from 0, or takes them as given", scratch.run(function(manager)
    for i = 1, 3 do
      manager:log_metric("loss", i)
    end
    manager:log_metric("loss", 40, { step = 40 })
    manager:log_metric("loss", 41)
    manager:log_metric("loss", 0.5, { step = -2 })
    manager:log_metric { other = 1 }
    local steps = {}
    for _, point in ipairs(manager:get_metric_history("loss")) do
      steps[point.step] = point.value
    end
    assert.same({ [0] = 1, 2, 3, [40] = 40, [41] = 41, [-2] = 0.5 }, steps)
    assert.equal("0:1", points(manager, "other"))
  end))

  it("stamps milliseconds since 1970, or what it is given", scratch.run(function(manager)
    local before = os.time() * 1000
    manager:log_metric("now", 1)
    manager:log_metric("then", 1, { timestamp = 12345 })
    manager:log_metric({ both = 1 }, { timestamp = 6, step = 3 })
    local now = manager:get_metric_history("now")[1].timestamp
    assert.is_true(now >= before and now <= (os.time() + 1) * 1000)
    assert.equal(12345, manager:get_metric_history("then")[1].timestamp)
    assert.same({ key = "both", value = 1, step = 3, timestamp = 6 },
      manager:get_metric_history("both")[1])
  end))

  it("stores what is no number as MLflow does", scratch.run(function(manager, run)
    manager:log_metric("nan", 0 / 0)
    manager:log_metric("inf", math.huge)
    manager:log_metric("-inf", -math.huge)
    local found = metrics(manager, run)
    assert.is_true(found.nan ~= found.nan)
    assert.is_true(found.inf >= 1.7e308)
    assert.is_true(found["-inf"] <= -1.7e308)
  end))

  it("refuses other values and names the metric", scratch.run(function(manager, run)
    refused("invalid", { "#2", "'log_metric'", "nil" }, manager.log_metric, "loss", nil)
    refused("invalid", { "#2", "'log_metric'" }, manager.log_metric, manager, "loss")
    refused("invalid", "bad argument #2 to 'log_metric' (the value of metric 'loss' must be a "
      .. "number, got a table)", manager.log_metric, "loss", {})
    refused("invalid", { "#2", "'loss'", "'ten'" }, manager.log_metric, manager, "loss", "ten")
    refused("invalid", { "'loss'", "boolean" }, manager.log_metric, { loss = true })
    refused("invalid", { "'loss'" }, manager.log_metric, { key = "loss", value = {} })
    assert.same({}, metrics(manager, run))
  end))

  it("refuses other arguments and says what is right", scratch.run(function(manager, run)
    refused("invalid", { "#1", "'log_metric'", "key" }, manager.log_metric)
    refused("invalid", { "#1", "boolean" }, manager.log_metric, true)
    refused("invalid", { "log_metrics" }, manager.log_metric, { { "loss", 1 } })
    refused("invalid", { "#3", "{step=" }, manager.log_metric, "loss", 1, 4)
    refused("invalid", { "'stp'", "step, timestamp" }, manager.log_metric, "loss", 1, { stp = 4 })
    refused("invalid", { "step", "whole number", "1.5" }, manager.log_metric, "loss", 1,
      { step = 1.5 })
    refused("invalid", "pass {step=4} as the second argument", manager.log_metric,
      { loss = 1, step = 4 })
    refused("invalid", "timestamp", manager.log_metric, { loss = 1, timestamp = 4 })
    refused("invalid", "string", manager.log_metric, { [true] = 1 })
    assert.same({}, metrics(manager, run))
  end))

  it("refuses keys that MLflow would", scratch.run(function(manager, run)
    refused("invalid", "empty", manager.log_metric, "", 1)
    refused("invalid", "allowed", manager.log_metric, "a\nb", 1)
    refused("invalid", "allowed", manager.log_metric, "a\0b", 1)
    refused("invalid", "250", manager.log_metric, ("k"):rep(251), 1)
    manager:log_metric(("k"):rep(250), 1)
    manager:log_metric("a b/c.d:e-f_g", 1)
    assert.is_equal(1, metrics(manager, run)["a b/c.d:e-f_g"])
  end))

  it("says which call is missing", scratch.store(function(manager)
    for _, name in ipairs { "log_metric", "lm" } do
      refused("state", "start_run", manager[name], "loss", 1)
    end
    refused("state", "start_run", manager.log_metrics, { loss = 1 })
    refused("state", "start_run", manager.log_batch, { metrics = { loss = 1 } })
  end))
end)

describe("log_metrics", function()
  it("keeps the order of a list", scratch.run(function(manager)
    manager:log_metrics { { "loss", 3 }, { "loss", 1 }, { "loss", 2 } }
    manager.log_metrics({ { "loss", "4" }, { "other", 9 } }, { step = 8 })
    assert.equal("0:3 1:1 2:2 8:4", points(manager, "loss"))
    assert.equal("8:9", points(manager, "other"))
  end))

  it("takes maps of any size", scratch.run(function(manager, run)
    for _, count in ipairs { 0, 1, 10, 64, 65, 300 } do
      local map = {}
      for i = 1, count do
        map[("m%d/%d"):format(count, i)] = i
      end
      manager:log_metrics(map)
      for key, value in pairs(metrics(manager, run)) do
        if map[key] then
          assert.equal(map[key], value)
          map[key] = nil
        end
      end
      assert.is_nil(next(map))
    end
  end))

  it("is not confused by maps that differ", scratch.run(function(manager, run)
    for i = 1, 20 do
      manager:log_metrics { a = i, b = i, c = i }
      manager:log_metrics { x = i, c = i, b = i }
      manager:log_metrics { a = i }
    end
    assert.same({ a = 20, b = 20, c = 20, x = 20 }, metrics(manager, run))
    assert.equal(40, #manager:get_metric_history("a"))
    assert.equal(40, #manager:get_metric_history("c"))
  end))

  it("reads key and value as any other names", scratch.run(function(manager, run)
    manager:log_metrics { key = 1, value = 2 }
    refused("invalid", "'key'", manager.log_metrics, { key = "loss", value = 1 })
    assert.same({ key = 1, value = 2 }, metrics(manager, run))
  end))

  it("logs all or none", scratch.run(function(manager, run)
    refused("invalid", { "2", "{key, value}" }, manager.log_metrics, { { "a", 1 }, "b" })
    refused("invalid", { "'b'", "nil" }, manager.log_metrics, { { "a", 1 }, { "b" } })
    refused("invalid", { "2", "key" }, manager.log_metrics, { { "a", 1 }, { 5, 1 } })
    refused("invalid", "allowed", manager.log_metrics, { { "a", 1 }, { "b\n", 1 } })
    refused("invalid", "{step=4}", manager.log_metrics, { a = 1, step = 4 })
    refused("invalid", { "#1", "list", "map" }, manager.log_metrics, "a", 1)
    refused("invalid", { "#1", "nil" }, manager.log_metrics)
    assert.same({}, metrics(manager, run))
  end))
end)

describe("log_batch", function()
  local function check(manager, run)
    local data = scratch.stored(manager, run).data
    assert.same({ loss = 0.5, acc = 1 }, data.metrics)
    assert.same({ lr = "0.1", depth = "3" }, data.params)
    assert.same({ "pd", "7" }, { data.tags.team, data.tags.seed })
  end

  it("takes three lists", scratch.run(function(manager, run)
    manager:log_batch({ { "loss", 0.5 }, { "acc", 1 } }, { { "lr", 0.1 }, { "depth", 3 } },
      { { "team", "pd" }, { "seed", 7 } })
    check(manager, run)
  end))

  it("takes keywords, maps and either word for params", scratch.run(function(manager, run)
    manager.log_batch { metrics = { loss = 0.5, acc = 1 }, parameters = { lr = 0.1 } }
    manager:log_batch { params = { { "depth", 3 } }, tags = { team = "pd", seed = 7 } }
    check(manager, run)
  end))

  it("takes records in its lists, the only way to their steps", scratch.run(function(manager)
    manager:log_batch {
      metrics = { { key = "m", value = 1, step = 10 }, { "m", 2 }, { key = "m", value = "3" } },
      params = { { key = "p", value = 1 }, { "q", 2 } },
      tags = { { key = "t", value = true } },
    }
    assert.same({ 10, 11, 12 }, manager:get_metric_history("m", { columns = true }).step)
    local data = manager:get_run().data
    assert.same({ p = "1", q = "2" }, data.params)
    assert.equal("true", data.tags.t)
    refused("invalid", { "item 2 of the list of metrics is no pair", "{\"loss\", 0.3}",
      "{key=\"loss\", value=0.3, step=4}" }, manager.log_batch, { { "m", 1 }, { "m", 1, 2 } })
    refused("invalid", { "item 1 of the list of params has 3 values", "{\"key\", value}" },
      manager.log_batch, {}, { { "p", 1, 2 } })
    refused("invalid", { "log_batch: unknown field 'step'", "key, value" }, manager.log_batch, {},
      { { key = "p", value = 1, step = 2 } })
    refused("invalid", { "'step' in a map of metrics", "{key=\"loss\", value=0.3, step=4}" },
      manager.log_batch, { step = 1 }, {})
    refused("invalid", "params and parameters are one list", manager.log_batch,
      { params = {}, parameters = {} })
  end))

  it("takes some of the three", scratch.run(function(manager, run)
    manager:log_batch(nil, { { "lr", 0.1 }, { "depth", 3 } })
    manager:log_batch({ { "loss", 0.5 }, { "acc", 1 } })
    manager:log_batch({}, {}, { { "team", "pd" }, { "seed", 7 } })
    manager:log_batch()
    check(manager, run)
  end))

  it("writes all or nothing", scratch.run(function(manager, run)
    refused("invalid", { "'metricz'", "metrics, params" }, manager.log_batch, { metricz = {} })
    refused("invalid", "metrics", manager.log_batch, { metrics = 1 })
    refused("invalid", "'team'", manager.log_batch,
      { { "loss", 1 } }, { { "lr", 1 } }, { { "team", {} } })
    refused("invalid", "allowed", manager.log_batch,
      { { "loss", 1 } }, { { "lr", 1 } }, { { "te\nam", "x" } })
    local data = scratch.stored(manager, run).data
    assert.same({}, data.metrics)
    assert.same({}, data.params)
    assert.is_nil(data.tags.team)
  end))

  it("takes more than MLflow takes at once", scratch.run(function(manager, run)
    local many, params = {}, {}
    for i = 1, 2500 do
      many[i] = { "loss", i }
    end
    for i = 1, 250 do
      params["p" .. i] = i
    end
    manager:log_batch { metrics = many, params = params }
    assert.equal(2500, #manager:get_metric_history("loss"))
    assert.equal("250", scratch.stored(manager, run).data.params.p250)
  end))
end)

describe("get_metric_history", function()
  it("gives the points of a key, by the active run or any", scratch.run(function(manager, run)
    manager:log_metrics { { "loss", 3 }, { "loss", 2 } }
    local id = run.run_id
    assert.equal("0:3 1:2", points(manager, "loss"))
    assert.same(manager:get_metric_history("loss"), manager:get_metric_history(id, "loss"))
    assert.same(manager:get_metric_history("loss"),
      manager:get_metric_history { run_id = id, key = "loss" })
    assert.same({}, manager:get_metric_history("never"))
    run:end_run()
    assert.equal(2, #manager:get_metric_history(id, "loss"))
  end))

  it("gives columns", scratch.run(function(manager, run)
    manager:log_metrics { { "loss", 3 }, { "loss", 2 } }
    local id = run.run_id
    for _, columns in ipairs {
      manager:get_metric_history("loss", { columns = true }),
      manager:get_metric_history(id, "loss", { columns = true }),
      manager:get_metric_history { key = "loss", columns = true },
    } do
      assert.same({ 0, 1 }, columns.step)
      assert.same({ 3, 2 }, columns.value)
      assert.equal("integer", math.type(columns.step[1]))
      assert.equal("float", math.type(columns.value[1]))
      assert.equal(2, #columns.timestamp)
    end
  end))

  it("refuses what it does not know", scratch.run(function(manager)
    refused("invalid", "key", manager.get_metric_history)
    refused("invalid", "'columnz'", manager.get_metric_history, { key = "x", columnz = true })
    refused("not_found", "", manager.get_metric_history, ("0"):rep(32), "loss")
  end))
end)

describe("get_metric_summary", function()
  it("tells what a metric came to, of any run", scratch.run(function(manager, run)
    for _, value in ipairs { 3, 1, 0 / 0, 5, 2 } do
      manager:log_metric("loss", value)
    end
    local expected = { count = 5, nan_count = 1, min = 1, min_step = 1, max = 5, max_step = 3,
      last = 2, last_step = 4 }
    assert.same(expected, manager:get_metric_summary("loss"))
    assert.same(expected, manager.get_metric_summary(run.run_id, "loss"))
    assert.same(expected, manager.get_metric_summary { run_id = run.run_id, key = "loss" })
  end))

  it("has no values where there are none", scratch.run(function(manager)
    assert.same({ count = 0, nan_count = 0 }, manager:get_metric_summary("none"))
    manager:log_metric("nan", 0 / 0)
    local summary = manager:get_metric_summary("nan")
    assert.equal(1, summary.nan_count)
    assert.is_nil(summary.min)
  end))
end)
