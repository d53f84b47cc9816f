-- SPDX-License-Identifier: Apache-2.0
-- manager:plot: numbers and metrics as curves in text. The pictures here are what a reader sees.

local mlmanager = require "mlmanager"
local scratch = require "tests.lua.scratch"

local plot = mlmanager.plot

--- options without colour, in Braille, small enough to be read here.
local function small(options)
  local all = { width = 40, height = 9, color = false, ascii = false }
  for name, value in pairs(options or {}) do
    all[name] = value
  end
  return all
end

--- A picture as a spec writes it: indented, with a line's break before and after it.
local function picture(text)
  local lines = {}
  for line in text:gmatch("\n([^\n]*)") do
    lines[#lines + 1] = line:gsub("^      ", "")
  end
  lines[#lines] = nil
  return table.concat(lines, "\n")
end

local function shows(expected, ...)
  assert.equal(picture(expected), plot(...))
end

local function contains(text, part)
  assert.truthy(text:find(part, 1, true), text)
end

local function lacks(text, part)
  assert.is_nil(text:find(part, 1, true), text)
end

local function lines_of(text)
  local lines = {}
  for line in (text .. "\n"):gmatch("(.-)\n") do
    lines[#lines + 1] = line
  end
  return lines
end

local falling, higher = {}, {}
for i = 1, 60 do
  falling[i], higher[i] = 1 / i, 1 / i + 0.1
end

describe("plot of numbers", function()
  it("draws a list over its items' places", function()
    shows([[

      loss
      1.0 ┤⡇
          │⢇
          │⢸
      0.5 ┤⠸⡀
          │ ⠑⢄⡀
          │   ⠈⠑⠒⠒⠤⠤⠤⠤⠤⠤⠤⠤⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀
          └───────────┬──────────┬───────────┬
                      20         40         60
    ]], falling, small { title = "loss" })
  end)

  it("tells several apart by letters, with the last values below", function()
    shows([[

         1 ┤⣇
       0.5 ┤⢸⡄
           │ ⢏⠢⢄
       0.2 ┤  A⢄⠉⠒⠒⠤B⠤⣀⣀⣀⣀⣀⣀
       0.1 ┤    ⠑⠤⣀         ⠉⠉⠉B⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉B⠒⠒⠒
      0.05 ┤       ⠉⠒⠤⠤⣀
           │            ⠉A⠒⠒⠤⠤⣀⣀⣀
      0.02 ┤                     ⠉⠉⠉A⠒⠒⠢⠤⠤⠤⠤⣀⣀
           └───────────┬──────────┬──────────┬
                       20         40        60
      A train  0.01667  B valid  0.1167
    ]], { train = falling, valid = higher }, small { log_y = true, height = 11 })
  end)

  it("draws with those letters where there is but ASCII", function()
    shows([[

      1.0 +B
          |B
          | B
      0.5 + BB
          | ABBBBBBBBBBBBBBBBBBBBB
          |    AAAAAAAAAAAAAAAAAABBBBBBBBBBBBB
          +-----------+----------+-----------+
                      20         40         60
      A 1  0.01667  B 2  0.1167
    ]], { falling, higher }, small { ascii = true })
  end)

  it("takes x and y, and connects the points in their order", function()
    shows([[

      1.0 ┤⡏⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⢹
          │⡇                                 ⢸
          │⡇                                 ⢸
      0.5 ┤⡇                                 ⢸
          │⡇                                 ⢸
          │⡇                                 ⢸
      0.0 ┤⣇⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣸
          └┬────────────────┬────────────────┬
          0.0              0.5             1.0
    ]], { x = { 0, 1, 1, 0, 0 }, y = { 0, 0, 1, 1, 0 } }, small())
  end)

  it("marks and counts what has no place", function()
    shows([[

      5 ┤                ^   ⠈
        │            ⠁
        │                            ⠐
      2 ┤    ⡀                               ⢀
        │  ⢀⠜
        │ ⢠⠊
      1 ┤⡰⠁      x               v       v
        └────────────────┬───────────────────┬
                         5                  10
      1 nan (x at the bottom); 1 infinite (^
      or v at the edge); 2 points of 0 or less
      (v), for which a log axis has no place
    ]], { 1, 2, 0 / 0, 4, 1 / 0, 5, -3, 3, 0, 2 }, small { log_y = true, height = 12 })
  end)

  it("has a logarithmic x", function()
    shows([[

        │                                ⢀⡠⠤⠒⠉
      4 ┤                           ⣀⡠⠔⠒⠉⠁
        │                      ⣀⡠⠔⠒⠉
        │                ⢀⣀⠤⠔⠊⠉
        │          ⣀⡠⠤⠒⠒⠉⠁
      2 ┤     ⣀⠤⠔⠊⠉
        │⣀⠤⠒⠊⠉
        └┬─────────────────┬─────────────────┬
         1                100            10000
      1 point of 0 or less, for which a log
      axis has no place
    ]], { x = { 0, 1, 10, 100, 1000, 1e4 }, y = { 1, 1, 2, 3, 4, 5 } },
      small { log_x = true, height = 11 })
  end)

  it("smooths, with the raw values behind", function()
    local values = {}
    for i = 1, 40 do
      values[i] = i == 20 and 30 or i % 2
    end
    shows([[

      30 ┤                 ⠁
         │
      20 ┤
      10 ┤                 ⢀
         │                 ⡎⠢⣀
       0 ┤⠤⣀⣄⣄⣀⣄⣀⣄⣀⣄⣀⣄⣄⣀⣄⣀⣴⠁⠄⡀⠍⡒⠤⡤⡤⠤⣄⡤⣀⣄⣀⣄⣀⣄⣄⣀
         └─────────────────┬─────────────────┬
                           20               40
      smoothed (ema 5), raw values behind
    ]], values, small { smooth = 5, height = 9 })
    contains(plot(values, small { smooth = 5, kernel = "mean" }), "smoothed (mean 5), raw")
    assert.equal(plot(values, small()), plot(values, small { smooth = 1 }))
  end)

  it("clips the axis where it is asked to, and says so", function()
    local values = {}
    for i = 1, 40 do
      values[i] = i == 20 and 30 or i % 2
    end
    local clipped = plot(values, small { clip = true })
    contains(clipped, "the axis ends at 0 and 1.1; the values")
    contains(clipped, "reach from 0 to 30 (^ and v)")
    contains(clipped, "^")
    shows([[

      10 ┤                ⢸^⡇
         │                ⢸ ⡇
         │                ⢸ ⡇
       5 ┤                ⢸ ⡇
         │                ⢸ ⡇
       0 ┤⠢⡠⢆⠔⢄⠔⢄⠴⡠⠢⡠⠢⡔⢄⠔⢄⠜ ⠣⡠⠢⡠⠢⡔⢄⠔⢄⠴⡠⠢⡠⠢⡠⢆⠔⢄
         └─────────────────┬─────────────────┬
                           20               40
      the axis ends at 0 and 10; the values
      reach from 0 to 30 (^ and v)
    ]], values, small { clip = { 0, 10 }, height = 10 })
    lacks(plot({ 1, 2, 3 }, small { clip = { 0, 10 } }), "the axis ends")
    assert.equal(plot({ 1, 2 }, small()), plot({ 1, 2 }, small { clip = true }))
  end)

  it("draws a constant, one point and none", function()
    shows([[

      5.5 ┤
          │
      5.0 ┤⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉
      4.5 ┤
          └┬────────────────┬────────────────┬
           1                2                3
    ]], { 5, 5, 5 }, small { height = 6 })
    contains(plot({ 3 }, small()), "o")
    contains(plot({}, small()), "no point to show")
    contains(plot({ 0 / 0 }, small()), "1 nan (x at the bottom); no point to")
  end)

  it("labels ticks so that they differ", function()
    for _, case in ipairs {
      { { 1.5e7, 1.6e7 }, "1.55e7" }, { { 1e-7, 3e-7 }, "2e-7" },
      { { 1000001, 1000003 }, "1000002" }, { { -0.2, 0.3 }, " 0.0" }, { { 1e300, 2e300 }, "e300" },
      { { 0, 123456 }, "100000" },
    } do
      contains(plot(case[1], small()), case[2])
    end
  end)

  it("keeps to its width and height", function()
    local many = {}
    for i = 1, 9 do
      many["a series with quite a long name, " .. i] = { i, i + 1 }
    end
    for width = 20, 200, 13 do
      local lines = lines_of(plot(many, { width = width, height = 30, color = false,
        title = ("title "):rep(9) }))
      assert.equal(30, #lines)
      for _, line in ipairs(lines) do
        assert.is_true(utf8.len(line) <= width, line)
      end
    end
  end)

  it("shows 26 curves and says how many there are", function()
    local many = {}
    for i = 1, 30 do
      many[i] = { i, i }
    end
    local text = plot(many, { width = 100, height = 40, color = false })
    contains(text, "the first 26 curves; 4 more are not shown")
    contains(text, "Z 26  26")
  end)

  it("colours the curves, and nothing else differs", function()
    local numbers = { falling, higher }
    local coloured = plot(numbers, small { color = true })
    contains(coloured, "\27[36m")
    contains(coloured, "\27[35mB 2  0.1167\27[m")
    assert.equal(plot(numbers, small()), (coloured:gsub("\27%[[%d;]*m", "")))
    contains(plot(falling, small { color = true, smooth = 9 }), "\27[2;36m")
  end)

  it("draws a million points", function()
    local values = {}
    for i = 1, 1000000 do
      values[i] = 1
    end
    values[654321] = 7
    contains(lines_of(plot(values, small { smooth = 2 }))[1], "⠁") -- the raw one, at the top
  end)
end)

describe("plot of runs", function()
  local function log(manager, name, values, key)
    local run = manager:start_run { run_name = name }
    for i, value in ipairs(values) do
      run:log_metric(key or "loss", value, { step = 10 * i, timestamp = 1700000000000 + 60000 * i })
    end
    run:end_run()
    return run.run_id
  end

  it("draws metrics of one run over steps", scratch.run(function(manager, run)
    for i = 1, 3 do
      manager.log_metrics({ train = 1 / i, valid = 2 / i }, { step = 100 * i })
    end
    local one = manager:plot(run, "train", small { ascii = true })
    assert.equal("spec: train", lines_of(one)[1])
    contains(one, "step")
    contains(one, "300")
    local both = manager.plot(run.run_id, { "train", "valid" }, small())
    assert.equal("spec", lines_of(both)[1])
    contains(both, "A train  0.3333  B valid  0.6667")
    assert.equal(both, manager:plot(manager.get_run(), { "train", "valid" }, small()))
    assert.equal(plot(manager.get_metric_history("train"), small { title = "spec: train",
      ascii = true }), one)
  end))

  it("draws one metric of several runs", scratch.store(function(manager)
    manager:create_experiment "spec"
    local ids = { log(manager, "one", { 3, 1 }), log(manager, "two", { 4, 2 }),
      log(manager, "two", { 5, 1.5 }), log(manager, "other", { 1 }, "accuracy") }
    local text = manager:plot(ids, "loss", small { height = 14, width = 60 })
    assert.equal("loss", lines_of(text)[1])
    contains(text, "A one  1  B two (" .. ids[2]:sub(1, 8) .. ")  2")
    contains(text, "1 of 4 runs without points of 'loss'")
    contains(manager:plot(manager:search_runs(), { "loss", "accuracy" }, small { height = 16 }),
      "one loss  1")
  end))

  it("draws over time and over time since the start", scratch.store(function(manager)
    manager:create_experiment "spec"
    local id = log(manager, "one", { 3, 1, 2, 4, 3 })
    contains(manager:plot(id, "loss", small { x = "relative" }), "time since the start (min)")
    local text = manager:plot(id, "loss", small { x = "time" })
    contains(text, os.date("time, from %Y-%m-%d %H:%M:%S", 1700000060))
    contains(text, os.date("%H:%M", 1700000160))
  end))

  it("puts steps in order", scratch.run(function(manager, run)
    for _, step in ipairs { 5, 6, 7, 1, 2 } do
      manager.log_metric("loss", step, { step = step })
    end
    local text = manager.plot(run, "loss", small { height = 8 })
    assert.equal(picture [[

      spec: loss
      6 ┤                             ⢀⣀⣀⠤⠤⠒⠒⠉
        │                   ⣀⣀⡠⠤⠔⠒⠒⠊⠉⠉⠁
      4 ┤         ⢀⣀⣀⠤⠤⠔⠒⠊⠉⠉
      2 ┤⣀⣀⠤⠤⠤⠒⠒⠊⠉⠁
        └──────┬───────────┬───────────┬──────
               2           4           6
                         step
    ]], text)
  end))

  it("says what is not there", scratch.run(function(manager, run)
    scratch.refused("invalid", "run 'spec' has no metric yet", manager.plot, run, "loss")
    manager.log_metrics { loss = 1, accuracy = 2 }
    scratch.refused("invalid", "nothing was logged as 'los': run 'spec' has accuracy, loss",
      manager.plot, run, "los")
    scratch.refused("invalid", "plot needs a metric's key, or several in a list: run 'spec' has",
      manager.plot, run)
    scratch.refused("invalid", "plot needs a metric's key", manager.plot, manager:search_runs())
    scratch.refused("not_found", "no run", manager.plot, ("0"):rep(32), "loss")
  end))
end)

describe("plot's arguments", function()
  local function refused(part, ...)
    scratch.refused("invalid", part, plot, ...)
  end

  it("are refused in one sentence", function()
    refused("a run, or numbers in lists expected, got a nil")
    refused("a run, a run's id or a list of those expected, got a number", 3, "loss")
    refused("a metric's key, a list of keys or options expected, got a number", { 1 }, 3)
    refused("bad argument #1 to 'plot' (the series: item 2 of it has a string; give a number)",
      { 1, "2" })
    refused("series 'a': is a string", { a = "x" })
    refused("series '2': is a table without numbers", { { 1 }, { {} , "x" } })
    refused("it has 1 x and 2 y; give as many of both", { x = { 1 }, y = { 1, 2 } })
    refused("its x is no list of numbers", { x = 3, y = { 1, 2 } })
    refused("plot has no option 'colour'; its options are ascii, clip, color", { 1 },
      { colour = true })
    refused("option 'width' is a string; give a number", { 1 }, { width = "80" })
    refused("option 'width' is 5; give 20 to 900", { 1 }, { width = 5 })
    refused("option 'height' is nan; give 6 to 900", { 1 }, { height = 0 / 0 })
    refused("option 'x' is 'steps'; give 'step', 'time' or 'relative'", { 1 }, { x = "steps" })
    refused("option 'kernel' is 'box'; give 'ema' or 'mean'", { 1 }, { kernel = "box" })
    refused("option 'smooth' is 0.5; give 1 to 1000000000", { 1 }, { smooth = 0.5 })
    refused("option 'clip' takes true, or the least and the greatest value", { 1 },
      { clip = { 2, 1 } })
    refused("option 'clip' is a number; give a boolean or table", { 1 }, { clip = 3 })
    refused("begins at 0 or less, where a log axis has no place", { 1 },
      { clip = { 0, 1 }, log_y = true })
  end)
end)
