-- SPDX-License-Identifier: Apache-2.0
-- manager:progress: what the loop gets anywhere, and what a terminal of 80 columns shows.

local mlmanager = require "mlmanager"
local process = require "tests.lua.process"
local scratch = require "tests.lua.scratch"

local host = os.getenv("MLMANAGER_HOST") or "build/dev/mlmanager"
if host:sub(1, 1) ~= "/" then
  host = os.getenv("PWD") .. "/" .. host
end
local terminal = host:match("^(.*)/") .. "/tests/terminal"

local ERASE = "\r\27[K"

local function refused(part, ...)
  scratch.refused("invalid", part, mlmanager.progress, ...)
end

describe("progress off a terminal", function()
  -- Specs may run on one; their standard error is not looked at here.
  it("counts", function()
    local seen = {}
    for i in mlmanager:progress(3) do
      seen[#seen + 1] = i
    end
    assert.same({ 1, 2, 3 }, seen)
    for _ in mlmanager.progress(0) do
      error("none were asked for")
    end
    for i in mlmanager:progress(2.0, { label = "x" }) do
      assert.equal("integer", math.type(i))
    end
  end)

  it("walks a list with its indices, up to the first hole", function()
    local seen = {}
    for i, value in mlmanager:progress({ "a", "b", nil, "d" }, { every = 1 }) do
      seen[i] = value
    end
    assert.same("a", seen[1])
    assert.same("b", seen[2])
    for _ in mlmanager:progress({}) do
      error("it is empty")
    end
  end)

  it("passes an iterator's values on, all of them", function()
    local seen = {}
    for key, value in mlmanager:progress(pairs { x = 1, y = 2 }) do
      seen[key] = value
    end
    assert.same({ x = 1, y = 2 }, seen)
    local text = {}
    local options = { label = "words", total = 2 }
    for a, b in mlmanager:progress(options, ("k=v m=n"):gmatch("(%w)=(%w)")) do
      text[#text + 1] = a .. b
    end
    assert.same({ "kv", "mn" }, text)
    for i in mlmanager:progress(setmetatable({}, { __call = function(_, _, i)
      return (i or 0) < 3 and (i or 0) + 1 or nil
    end })) do
      seen.last = i
    end
    assert.equal(3, seen.last)
  end)

  it("closes what the iterator wants closed", function()
    local closed = 0
    local guard = setmetatable({}, { __close = function() closed = closed + 1 end })
    for i in mlmanager:progress(ipairs { 1, 2, 3 }) do
      assert(i)
    end
    local function once(_, before)
      return not before or nil
    end
    for _ in mlmanager:progress(once, nil, nil, guard) do
      assert.equal(0, closed)
    end
    assert.equal(1, closed)
  end)

  it("says what it does not take", function()
    refused("a whole number, a list or an iterator expected, got 2.5", 2.5)
    refused("a whole number, a list or an iterator expected, got nil")
    refused("a whole number, a list or an iterator expected, got string", "ten")
    refused("progress has no option 'lable'; its options are every, label, total", 3,
      { lable = "x" })
    refused("option 'label' is a number; give a string", 3, { label = 3 })
    refused("option 'every' is -1; give a number of 0 or more", { 1 }, { every = -1 })
  end)
end)

describe("progress of a script", function()
  local directory

  before_each(function()
    directory = process.directory()
  end)

  after_each(function()
    process.remove(directory)
  end)

  -- spin(s) uses up time; the host's own functions do not sleep.
  local SPIN = [[
    local mlmanager = require "mlmanager"
    local function spin(s)
      local start = os.clock()
      while os.clock() - start < s do end
    end
  ]]

  local function on_terminal(script, environment)
    process.write(directory .. "/script.lua", SPIN .. script)
    environment = environment or {}
    environment.LC_ALL = environment.LC_ALL or "C.UTF-8"
    return process.run { terminal, host, "script.lua", directory = directory, input = "end\n",
      environment = environment }
  end

  --- What was drawn, a text each time, without colours and with a bar of # and -.
  local function drawings(out)
    local list = {}
    for drawn in out:gmatch("\r([^\r\n]-)\27%[K") do
      list[#list + 1] = drawn:gsub("\27%[%d*m", ""):gsub("━", "#"):gsub("─", "-")
    end
    return list
  end

  it("writes nothing on a pipe", function()
    process.write(directory .. "/script.lua",
      SPIN .. "spin(0) for i in mlmanager:progress(3, { label = 'x' }) do print(i) end")
    local result = process.run { host, "script.lua", directory = directory }
    assert.same({ status = 0, out = "1\n2\n3\n", err = "" }, result)
  end)

  it("shows bar, rate, time left and the active run's metrics, then gives the line back", function()
    local result = on_terminal [[
      mlmanager.create_experiment "progress"
      mlmanager.start_run()
      for i in mlmanager:progress(50, { label = "epochs" }) do
        mlmanager.log_metric("loss", 1 / i)
        mlmanager.log_metric("accuracy", 0.5)
        spin(0.01)
      end
      mlmanager.end_run()
      print "done" ]]
    assert.equal(0, result.status)
    local drawn = drawings(result.out)
    assert.is_true(#drawn >= 3 and #drawn <= 40, #drawn .. " drawings")
    assert.truthy(drawn[1]:find("^epochs  %-+  0/50$"), drawn[1])
    local last = drawn[#drawn - 1]
    assert.truthy(last:find("^epochs  #+%-*  %d+/50  [%d.]+/s"), last)
    assert.truthy(last:find("  loss 0%.0%d+  accuracy 0%.5$"), last)
    assert.truthy(drawn[2]:find("0:0%d left"), drawn[2])
    for _, text in ipairs(drawn) do
      assert.is_true(utf8.len(text) <= 79, text)
    end
    assert.equal(ERASE .. "done\r\n", result.out:sub(-#ERASE - 6))
  end)

  it("shows nested loops in one line", function()
    local result = on_terminal [[
      for _ in mlmanager:progress(2, { label = "outer" }) do
        for _ in mlmanager:progress({ 1, 2, 3, 4 }, { label = "inner" }) do
          spin(0.11)
        end
      end ]]
    local drawn = drawings(result.out)
    local found
    for _, text in ipairs(drawn) do
      found = found or text:find("^outer 1/2  inner  #+%-+  2/4")
    end
    assert.truthy(found, table.concat(drawn, "\n"))
    -- Only the end of the outer loop gives the line back.
    assert.equal("", drawn[#drawn])
    for i = 1, #drawn - 1 do
      assert.is_true(#drawn[i] > 0)
    end
  end)

  it("gives the line back at a break and at an error", function()
    local result = on_terminal [[
      for i in mlmanager:progress(5) do if i == 2 then break end end
      print "after"
      for i in mlmanager:progress(5) do spin(0.11) if i == 2 then error "stop here" end end ]]
    assert.equal(1, result.status)
    assert.truthy(result.out:find(ERASE .. "after\r\n", 1, true), result.out)
    assert.truthy(result.out:find(ERASE .. "mlmanager: script.lua:", 1, true), result.out)
    assert.truthy(result.out:find("stop here", 1, true), result.out)
  end)

  it("counts up where the end is not known", function()
    local result = on_terminal [[
      local n = 0
      for _ in mlmanager:progress({ label = "lines" }, function() n = n + 1; spin(0.06)
        return n < 6 or nil end) do end ]]
    local drawn = drawings(result.out)
    assert.equal("lines  0  0:00", drawn[1])
    assert.truthy(drawn[3]:find("^lines  %d  %d+%.?%d*/s  0:00"), drawn[3])
  end)

  it("keeps to ASCII, no colour and no terminal tricks where asked", function()
    local loop = "for _ in mlmanager:progress(4, { label = 'x' }) do spin(0.11) end"
    local result = on_terminal(loop, { LC_ALL = "C" })
    assert.truthy(result.out:find("#", 1, true))
    assert.is_nil(result.out:find("[\x80-\xff]"))
    assert.truthy(result.out:find("\27[36m", 1, true))
    result = on_terminal(loop, { NO_COLOR = "1" })
    assert.is_nil(result.out:find("\27%[%d*m"))
    process.write(directory .. "/script.lua", SPIN .. loop)
    result = process.run { terminal, "env", "TERM=dumb", host, "script.lua",
      directory = directory, input = "end\n" }
    assert.same("", result.out)
  end)
end)
