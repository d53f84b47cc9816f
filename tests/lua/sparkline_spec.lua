-- SPDX-License-Identifier: Apache-2.0
-- mlmanager.sparkline: a series in one line.

local mlmanager = require "mlmanager"
local scratch = require "tests.lua.scratch"

local sparkline = mlmanager.sparkline

local function draw(values, options)
  options = options or {}
  options.ascii = false
  return sparkline(values, options)
end

describe("mlmanager.sparkline", function()
  it("draws numbers and says the least, greatest and last", function()
    assert.equal("▁▃▅█  min 1  max 4  last 4", draw { 1, 2, 2.9, 4 })
    assert.equal("█▅▁  min -0.5  max 1e9  last -0.5", draw { 1e9, 5e8, -0.5 })
    assert.equal("_.*#", sparkline({ 0, 1, 5, 7 }, { ascii = true, numbers = false }))
  end)

  it("takes a metric's history in both forms", scratch.run(function(manager, run)
    for i = 1, 3 do
      manager.log_metric("loss", 1 / i)
    end
    local expected = "█▃▁  min 0.3333  max 1  last 0.3333"
    assert.equal(expected, draw(manager.get_metric_history("loss")))
    assert.equal(expected, draw(manager.get_metric_history("loss", { columns = true })))
    assert.equal("no points", draw(manager.get_metric_history(run.run_id, "other")))
  end))

  it("keeps the extremes of a long series in a few columns", function()
    local values = {}
    for i = 1, 10000 do
      values[i] = 5
    end
    values[1234], values[7777] = 0, 10
    assert.equal("▅▁▅▅▅▅▅█▅▅", draw(values, { width = 10, numbers = false }))
    assert.equal(5, utf8.len(sparkline(values, { width = 5, numbers = false })))
    assert.equal("▅▅▁▅▅▅▅▅▅▅▅▅▅▅▅█▅▅▅▅  min 0  max 10  last 5",
      (function(text) return text end)(draw(values, { width = 20 })))
  end)

  it("leaves gaps for what is not finite and counts it", function()
    assert.equal("▁ █ ▅  min 0  max 2  last 1  1 nan  1 inf", draw { 0, 0 / 0, 2, 1 / 0, 1 })
    assert.equal("▁█   min 0  max 1  last nan  1 nan", draw { 0, 1, 0 / 0 })
    assert.equal("last inf  2 inf", draw { -1 / 0, 1 / 0 })
  end)

  it("draws numbers whose difference is none", function()
    assert.equal("█▁▄  min -1.7e308  max 1.7e308  last -3e307", draw { 1.7e308, -1.7e308, -3e307 })
  end)

  it("draws a constant in the middle", function()
    assert.equal("▄▄▄  min 7  max 7  last 7", draw { 7, 7, 7 })
    assert.equal("no points", draw {})
  end)

  it("takes a width alone", function()
    assert.equal(3, utf8.len((sparkline({ 1, 2, 3, 4, 5, 6 }, 3):match("^%S+"))))
  end)

  it("refuses what it cannot draw", function()
    scratch.refused("invalid", "numbers or a metric's history expected, got nil", sparkline)
    scratch.refused("invalid", "got a table of other things", sparkline, { "a" })
    scratch.refused("invalid", "item 2 of it has a string; give a number", sparkline, { 1, "2" })
    scratch.refused("invalid", "width is 0; give 1 to 1000 columns", sparkline, { 1 }, 0)
    scratch.refused("invalid", "width is nan", sparkline, { 1 }, 0 / 0)
    scratch.refused("invalid", "a width or options expected, got a string", sparkline, { 1 }, "x")
    scratch.refused("invalid", "no option 'colour'; its options are ascii, numbers, width",
      sparkline, { 1 }, { colour = true })
    scratch.refused("invalid", "option 'ascii' is a number; give a boolean", sparkline, { 1 },
      { ascii = 1 })
  end)
end)
