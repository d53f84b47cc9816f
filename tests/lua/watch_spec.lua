-- SPDX-License-Identifier: Apache-2.0
-- The command watch, played on a terminal of 24 rows and 80 columns.

local process = require "tests.lua.process"
local program = require "tests.lua.program"

local ENTER, LEAVE = "\27[?1049h", "\27[?1049l"

local LOG = [[
  m.create_experiment "watched"
  for i, name in ipairs { "first", "second", "third" } do
    local start = os.clock()
    while os.clock() < start + 0.005 do end -- of two that start together, neither is the newest
    m.start_run { run_name = name }
    for step = 1, 50 do
      m.log_metrics({ loss = 1 / step + i, accuracy = 1 - 1 / step, gain = step }, { step = step })
    end
    m.end_run { status = name == "second" and "FAILED" or "FINISHED" }
  end
]]

local function steps(list)
  return table.concat(list, "\n") .. "\n"
end

--- Plays at the program that watches, and checks that it gave the screen back.
local function watch(run, status, list, ...)
  local result = run.terminal(steps(list), "watch", ...)
  assert.equal(status, result.status, result.out)
  local _, entered = result.out:gsub("\27%[%?1049h", "")
  local _, left = result.out:gsub("\27%[%?1049l", "")
  assert.equal(1, entered)
  assert.equal(1, left)
  assert.truthy(result.out:find("\27[?25h", 1, true), "the cursor is back")
  return result.out
end

--- The screen after everything that was written, by lines, without colours.
local function screen_of(out)
  local rows = {}
  for row, text in out:match("^(.*)\27%[%?7h"):gmatch("\27%[(%d+);1H([^\27]*[^%c]*)") do
    rows[tonumber(row)] = text
  end
  for place, text in (out:gsub("\27%[%d*;?%d*m", "")):gmatch("\27%[(%d+);1H([^\27]*)") do
    rows[tonumber(place)] = text:gsub(" +$", "")
  end
  return rows
end

describe("watch", function()
  it("shows the newest runs, the curves of one and every key", program.spec(function(run)
    run.script(LOG)
    local out = watch(run, 0, { "expect loss  3.02", "expect q quit", "send q", "end" })
    local rows = screen_of(out)
    assert.truthy(rows[1]:find("3 runs, 0 running", 1, true), rows[1])
    assert.truthy(rows[2]:find("name +status +duration +accuracy +gain"), rows[2])
    assert.truthy(rows[3]:find("> +third +FINISHED"), rows[3])
    assert.truthy(rows[4]:find("second +FAILED"), rows[4])
    assert.truthy(rows[5]:find("first +FINISHED"), rows[5])
    assert.truthy(rows[6]:find("^accuracy  0.98 +gain  50$"), rows[6])
    for _, key in ipairs { "j/k", "space pin", "/ filter", "y log", "? help", "q quit" } do
      assert.truthy(rows[24]:find(key, 1, true), rows[24])
    end
    for row, text in pairs(rows) do
      assert.is_true(row <= 24)
      assert.is_true(utf8.len(text) <= 80, text)
    end
  end))

  it("writes nothing while nothing changes", program.spec(function(run)
    run.script(LOG)
    local out = watch(run, 0, { "expect loss  3.02", "send ?", "expect any key goes back", "send x",
      "expect q quit", "run sleep 1.5", "send q", "end" })
    assert.truthy(out:find("q quit *\27%[%?7h"), "something after the last picture")
  end))

  it("selects, pins and draws what is pinned with it", program.spec(function(run)
    run.script(LOG)
    local out = watch(run, 0, { "expect loss  3.02", "send j", "expect > ", "send  ", "expect >*",
      "send \\e[B", "expect  *A second", "send q", "end" })
    local rows = screen_of(out)
    assert.truthy(rows[4]:find("^ %*A second"), rows[4])
    assert.truthy(rows[5]:find("^> B first"), rows[5])
    assert.truthy(rows[6]:find("^accuracy +gain$"), rows[6])
    assert.truthy(table.concat(rows, "\n"):find("B", 1, true))
  end))

  it("filters by a part of the name and by MLflow's grammar", program.spec(function(run)
    run.script(LOG)
    local out = watch(run, 0, { "expect loss  3.02", "send /SEC\\r", "expect 1 run, 0 running",
      "send /\\x15metrics.loss < 2\\r", "expect filter: metrics.loss", "expect first",
      "send /\\x15metrics.loss <<\\r", "expect filter: an operator must stand here", "send q",
      "end" })
    assert.truthy(out:find("second", 1, true))
    out = watch(run, 0, { "expect third", "send /nothing\\r", "expect no run matches the filter",
      "send /x", "expect filter: nothingx_", "send \\x7f", "expect filter: nothing_",
      "send \\x15first\\eq", "end" })
    assert.is_nil(screen_of(out)[1]:find("first", 1, true), "escape leaves it as it was")
    assert.truthy(watch(run, 0, { "expect 1 run, 0 running  filter: FIRST", "send q", "end" },
      "--filter", "FIRST"))
  end))

  it("has a logarithmic axis, other x axes, smoothing and more charts", program.spec(function(run)
    run.script(LOG)
    watch(run, 0, { "expect loss  3.02", "send y", "expect log y", "send x",
      "expect relative time", "expect time since the start", "send x", "expect wall time", "send s",
      "expect smooth 10", "resize 60 12", "expect charts 1 to 1 of 3", "send \\t",
      "expect charts 2 to 2 of 3", "send q", "end" })
  end))

  it("follows what another program logs", program.spec(function(run, directory)
    run.script(LOG)
    process.write(directory .. "/more.lua", [[
      local m = require "mlmanager"
      m.create_experiment "watched"
      m.start_run { run_name = "newest" }
      m.log_metric("loss", 0.125)
      m.flush()
      io.stdout:write("logged\n"):flush()
      os.execute "while [ ! -e done ]; do sleep 0.05; done"
      m.log_metric("loss", 0.0625)
      m.end_run()
    ]])
    watch(run, 0, { "expect third",
      ("run %s more.lua >out & until [ -s out ]; do sleep 0.05; done"):format(program.path),
      "expect newest", "expect RUNNING", "expect loss  0.125", "run touch done",
      "expect FINISHED", "expect loss  0.0625", "send q", "end" })
  end))

  it("begins with the run that is named", program.spec(function(run)
    run.script(LOG)
    local rows = screen_of(watch(run, 0, { "expect loss  1.02", "send q", "end" }, "first"))
    assert.truthy(rows[5]:find("^> +first"), rows[5])
    local result = run.terminal("end\n", "watch", "frist")
    assert.equal(1, result.status)
    assert.equal("mlmanager: there is no run 'frist'; did you mean 'first'?\r\n", result.out)
  end))

  it("waits for a store and survives its end", program.spec(function(run, directory)
    process.write(directory .. "/log.lua", "local m = require 'mlmanager'\n" .. LOG)
    local log = ("run %s log.lua"):format(program.path)
    local out = watch(run, 0, { "expect waiting for it", log, "expect loss  3.02",
      "run rm mlmanager.db*", "expect is gone; waiting for it", log, "expect 3 runs", "send q",
      "end" })
    assert.truthy(out:find("mlmanager.db", 1, true))
  end))

  it("takes the size that the terminal gets", program.spec(function(run)
    run.script(LOG)
    local out = watch(run, 0, { "expect loss  3.02", "resize 140 40", "expect \\e[2J",
      "expect \\e[40;1H", "resize 30 8", "expect \\e[2J", "expect \\e[8;1H", "send q", "end" })
    local rows = screen_of(out:match("^.*\27%[2J(.*)$"))
    assert.equal(8, #rows)
    assert.equal("no room for charts", rows[7])
  end))

  it("gives the screen back at Ctrl-C and at SIGTERM", program.spec(function(run)
    run.script(LOG)
    watch(run, 130, { "expect loss", "send \\x03", "end" })
    watch(run, 143, { "expect loss", "signal 15", "end" })
  end))

  it("gives it back while it is stopped, and takes it again", program.spec(function(run, where)
    run.script(LOG)
    local result = process.run { program.path:match("^(.*)/") .. "/tests/terminal", "bash",
      "--norc", "-i", directory = where, environment = { PS1 = "$ ", LC_ALL = "C.UTF-8" },
      input = steps { "expect $ ", ("send %s watch\\r"):format(program.path),
        "expect loss  3.02", "send \\x1a", "expect \\e[?1049l", "expect Stopped",
        "send fg\\r", "expect \\e[?1049h", "expect loss  3.02", "send q", "expect \\e[?1049l",
        "expect $ ", "send exit 7\\r", "end" } }
    assert.equal(7, result.status, result.out)
  end))

  it("needs a terminal", program.spec(function(run)
    run.script(LOG)
    program.refused(1, "mlmanager: watch: it needs a terminal for its input and output\n",
      run "watch")
    local result = run.terminal("end\n", "watch", "--experiment", "nothing")
    assert.equal("mlmanager: there is no experiment 'nothing'\r\n", result.out)
    result = run.terminal("end\n", "watch", "--store", "nowhere:at/all")
    assert.equal(1, result.status)
    assert.is_nil(result.out:find(ENTER, 1, true), result.out)
    assert.truthy(result.out:find("^mlmanager: "), result.out)
  end))

  it("has no colour where NO_COLOR forbids it", program.spec(function(run)
    run.script(LOG)
    local out = watch(run, 0, { "expect loss  3.02", "send q", "end" })
    assert.is_nil(out:find("\27%[[%d;]*m"))
    assert.truthy(out:find(ENTER, 1, true) and out:find(LEAVE, 1, true))
    out = watch(run, 0, { "expect loss", "send q", "end" },
      { environment = { NO_COLOR = "" } })
    assert.truthy(out:find("\27[7m>", 1, true))
  end))
end)
