-- SPDX-License-Identifier: Apache-2.0
-- The command plot: which runs and metrics it draws, and what it says instead.

local program = require "tests.lua.program"

local LOG = [[
  m.create_experiment "one"
  for i, name in ipairs { "first", "second" } do
    local start = os.clock()
    while os.clock() < start + 0.005 do end -- of two that start together, neither is the newest
    m.start_run { run_name = name, tags = { odd = i % 2 } }
    for step = 1, 20 do
      m.log_metrics({ loss = 1 / step + i, accuracy = 1 - 1 / step }, { step = step })
    end
    m.end_run()
  end
  m.create_experiment "two"
  m.start_run { run_name = "third" }
  m.log_metric("loss", 3)
  m.end_run()
]]

local function contains(result, ...)
  assert.equal("", result.err)
  assert.equal(0, result.status)
  for _, part in ipairs { ... } do
    assert.truthy(result.out:find(part, 1, true), result.out)
  end
end

describe("the command plot", function()
  it("draws metrics of a run, without colour on a pipe", program.spec(function(run)
    run.script(LOG)
    local result = run("plot", "first", "accuracy", "--width", "40", "--height", "10")
    assert.equal([[
first: accuracy
    │        ⢀⣀⡠⠤⠤⠤⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉
    │   ⢀⡠⠔⠒⠉⠁
0.5 ┤  ⡰⠁
    │ ⢰⠁
    │⢀⠇
0.0 ┤⡜
    └────────────────┬─────────────────┬
                     10               20
                    step
]], result.out)
    contains(run("plot", "first", "loss", "accuracy"), "first\n", "A loss  1.05  B accuracy  0.95")
  end))

  it("draws a metric of several runs", program.spec(function(run)
    run.script(LOG)
    contains(run("plot", "--runs", "first, third", "loss"), "A first  1.05  B third  3")
    contains(run("plot", "--experiment", "one", "loss"), "A second  2.05  B first  1.05")
    contains(run("plot", "--filter", "tags.odd = '1'", "loss"), "first: loss")
    contains(run("plot", "--runs", "first", "--runs", "third", "accuracy"),
      "1 of 2 runs without points of 'accuracy'")
  end))

  it("takes several runs before the metrics", program.spec(function(run)
    run.script(LOG)
    contains(run("plot", "first", "third", "loss"), "A first  1.05  B third  3")
    contains(run("plot", "first", "second", "third", "loss", "accuracy"), "A first loss  1.05",
      "third loss", "1 of 6 curves without points")
    -- Neither a run's name nor the beginning of an id, as "acc" may be, hides a metric.
    contains(run("plot", "first", "accuracy", "loss"), "A accuracy  0.95  B loss  1.05")
    contains(run("plot", "first", "nosuch", "loss"), "nothing was logged as 'nosuch'")
  end))

  it("has the options of manager:plot", program.spec(function(run)
    run.script(LOG)
    contains(run("plot", "first", "loss", "--log-y", "--log-x", "--smooth", "5", "--kernel", "mean",
      "--x", "relative", "--title", "Über", "--clip"), "Über\n", "smoothed (mean 5), raw",
      "time since the start (s)")
  end))

  it("says what is wrong", program.spec(function(run)
    run.script(LOG)
    program.refused(1, "mlmanager: plot needs a metric's key, or several in a list: run 'first' "
      .. "has accuracy, loss\n", run("plot", "first"))
    program.refused(1, "mlmanager: nothing was logged as 'los': run 'first' has accuracy, loss\n",
      run("plot", "first", "los"))
    program.refused(1, "mlmanager: there is no run 'frist'; did you mean 'first'?\n",
      run("plot", "frist", "loss"))
    program.refused(1, "mlmanager: no run matches the filter\n",
      run("plot", "--filter", "tags.odd = '7'", "loss"))
    program.refused(2, "mlmanager: a value must follow '='\n  --filter tags.odd =\n"
      .. "                     ^\n", run("plot", "--filter", "tags.odd =", "loss"))
    program.refused(2, "mlmanager: --width is '5'; give a whole number of 20 or more\n"
      .. "'mlmanager plot --help' tells what there is\n",
      run("plot", "first", "loss", "--width", "5"))
  end))
end)
