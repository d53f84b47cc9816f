-- SPDX-License-Identifier: Apache-2.0
-- mlmanager calls.lua LIBRARY DIRECTORY [quick]: log_metric and log_metrics from Lua in bursts with
-- pauses, each beside the bare call into C that keeps the same points.
local library, directory, quick = ...
package.cpath = library .. "/?.so;" .. package.cpath
local bare = require "bench_bare"
local mlmanager = require "mlmanager"

local BURST <const> = 1000
local PAUSE_US <const> = 1500
local rounds = quick == "quick" and 200 or 1000
local KEYS = { "loss", "accuracy", "val_loss", "val_accuracy", "learning_rate", "gradient_norm",
  "throughput", "epoch_time", "frame_time", "physics_time" }

bare.open(directory .. "/calls-bare", rounds * BURST * 2)
local manager = mlmanager.MLManager { store = "sqlite:" .. directory .. "/calls.db" }
manager:create_experiment("bench")
manager:start_run { run_name = "calls" }

local metrics = {}
for i, key in ipairs(KEYS) do
  metrics[key] = i * 0.37
end

local loss = manager:metric "loss"
local append, append_table, seconds = bare.append, bare.append_table, bare.seconds

local bursts = {
  bare_one = function()
    for i = 1, BURST do
      append("loss", i)
    end
  end,
  one = function()
    for i = 1, BURST do
      manager:log_metric("loss", i)
    end
  end,
  handle = function()
    for i = 1, BURST do
      loss(i)
    end
  end,
  bare_table = function()
    for _ = 1, BURST // 10 do
      append_table(metrics)
    end
  end,
  table = function()
    for _ = 1, BURST // 10 do
      manager:log_metrics(metrics)
    end
  end,
}
local order = { "bare_one", "one", "handle", "bare_table", "table" }
local times = { bare_one = {}, one = {}, handle = {}, bare_table = {}, table = {} }
for round = 1, rounds do
  for _, name in ipairs(order) do
    local burst = bursts[name]
    local start = seconds()
    burst()
    times[name][round] = (seconds() - start) * 1e9 / BURST
    bare.sleep_us(PAUSE_US)
  end
end
local function median(name)
  local list = times[name]
  table.sort(list)
  return list[#list // 2 + 1]
end

local function figure(name, unit, ours, raw, beside, bar)
  print(("figure\t%s\t%s\t%.6g\t%.6g\t%s\t%s"):format(name, unit, ours, raw, beside, bar))
end
figure("log_metric from Lua", "ns", median "one", median "bare_one",
  "bare call into C, same append", "ratio <= 1.5")
figure("metric handle from Lua", "ns", median "handle", median "bare_one",
  "bare call into C, same append", "ratio <= 1.2")
figure("log_metrics of 10 from Lua, a point", "ns", median "table", median "bare_table",
  "ten bare appends of that table", "ratio <= 1.6")
manager:end_run()
