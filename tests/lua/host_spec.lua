-- SPDX-License-Identifier: Apache-2.0
-- The host program, from outside: what it prints and how it ends. Sessions are repl_spec's.

local process = require "tests.lua.process"

local host = os.getenv("MLMANAGER_HOST") or "build/dev/mlmanager"
if host:sub(1, 1) ~= "/" then
  host = os.getenv("PWD") .. "/" .. host
end

-- signal(name [, after_seconds]) sends the program a signal. Not os.execute, which ignores SIGINT
-- as long as it runs.
local SIGNAL = [[
  function signal(name, after)
    local delay = after and "sleep " .. after .. "; " or ""
    local command = ("(%skill -%s $PPID) >/dev/null 2>&1"):format(delay, name)
    io.popen(command .. (after and " &" or "")):close()
  end]]

describe("mlmanager", function()
  local directory

  before_each(function()
    directory = process.directory()
  end)

  after_each(function()
    process.remove(directory)
  end)

  local function run(...)
    return process.run { host, directory = directory, ... }
  end

  local function write(name, text)
    process.write(directory .. "/" .. name, text)
  end

  --- The one run in the store, as the module reads it in another process.
  local function only_run(expression)
    local result = run("-e", ([[
      for _, experiment in ipairs(mlmanager.search_experiments()) do
        local ids = { experiment.experiment_id }
        for _, run in ipairs(mlmanager.search_runs { experiment_ids = ids }) do
          print(%s)
        end
      end]]):format(expression))
    assert.equal("", result.err)
    return (result.out:gsub("\n$", ""))
  end

  it("fails where what it prints cannot be written", function()
    local text = "mlmanager: could not write all of standard output\n"
    run("--store", "sqlite:x.db", "-e", "mlmanager.search_experiments()")
    for _, arguments in ipairs { "-e 'print(1)'", "--version", "--store sqlite:x.db doctor" } do
      local result = process.run { "sh", "-c", ("%s %s >/dev/full"):format(host, arguments),
        directory = directory }
      assert.equal(text, result.err)
      assert.equal(1, result.status)
    end
  end)

  it("opens no file where a standard stream is closed", function()
    write("a.lua", "io.open('other', 'w') print('printed') io.stdout:flush()")
    local result = process.run { "sh", "-c", host .. " a.lua >&-", directory = directory }
    assert.equal(1, result.status)
    assert.equal("", io.open(directory .. "/other"):read "a")
  end)

  describe("runs a script", function()
    it("with its arguments in arg and ...", function()
      write("a.lua", "print(arg[0], arg[1], arg[2], #arg, arg[-1] ~= nil, ...)")
      local result = run("--store", "sqlite:x.db", "a.lua", "--store", "b c")
      assert.equal("a.lua\t--store\tb c\t2\ttrue\t--store\tb c\n", result.out)
      assert.equal("", result.err)
      assert.equal(0, result.status)
    end)

    it("that begins with a shebang line", function()
      write("a", "#!" .. host .. "\nprint('ran', ...)")
      os.execute("chmod +x " .. directory .. "/a")
      assert.equal("ran\tx\n", process.run({ "./a", "x", directory = directory }).out)
    end)

    it("from standard input", function()
      local input = "print('read', ...) return 3"
      local result = process.run { host, "-", "x", directory = directory, input = input }
      assert.equal("read\tx\n", result.out)
      assert.equal(0, result.status)
      result = process.run { host, directory = directory, input = input }
      assert.equal("read\n", result.out)
    end)

    it("given as -e, several times and before a file", function()
      write("a.lua", "print(x, y, ...)")
      assert.equal("1\t2\tz\n", run("-e", "x = 1", "-ey = 2", "a.lua", "z").out)
    end)

    it("whose name begins with a dash or is a command's, after --", function()
      write("-a", "print 'dash'")
      write("doctor", "print 'doctor'")
      assert.equal("dash\n", run("--", "-a").out)
      assert.equal("doctor\n", run("--", "doctor").out)
    end)

    it("that leaves by os.exit with its status", function()
      for code, status in pairs { ["0"] = 0, ["7"] = 7, ["true"] = 0, ["false"] = 1, [""] = 0 } do
        local result = run("-e", "io.write('before') os.exit(" .. code .. ")")
        assert.equal(status, result.status)
        assert.equal("before", result.out)
      end
      assert.equal(3, run("-e", "os.exit(3, true)").status)
      assert.equal(4, run("-e", "coroutine.wrap(function() os.exit(4) end)()").status)
    end)

    it("and says where it failed, with status 1", function()
      write("a.lua", "local function f()\n  error 'broken'\nend\nf()\n")
      local result = run("a.lua")
      assert.equal(1, result.status)
      assert.equal("", result.out)
      assert.matches("^mlmanager: a%.lua:2: broken\nstack traceback:\n", result.err)
      assert.matches("a%.lua:4: in main chunk", result.err)
    end)

    it("whose error is no text", function()
      local result = run("-e", "\nerror { code = 5 }")
      assert.equal(1, result.status)
      assert.matches("^mlmanager: %(command line%):2: %(error object is a table value%)\n",
        result.err)
      result = run("-e", "error(setmetatable({}, { __tostring = function() return 'own' end }))")
      assert.matches("^mlmanager: %(command line%):1: own\nstack traceback:", result.err)
      assert.matches("^mlmanager: %(command line%):1: %(error object is a nil value%)",
        run("-e", "error()").err)
    end)

    it("whose error cannot be shown", function()
      local result = run("-e", "error(setmetatable({}, { __tostring = function() error {} end }))")
      assert.equal(1, result.status)
      assert.matches("^mlmanager: .", result.err)
      result = run("-e", "local function f() return f() + 1 end f()")
      assert.equal(1, result.status)
      assert.matches("stack overflow", result.err)
    end)

    it("whose error the module raised", function()
      local result = run("-e", "\nmlmanager.end_run()")
      assert.equal(1, result.status)
      assert.matches("^mlmanager: %(command line%):2: 'end_run' needs", result.err)
    end)

    it("that does not compile or does not exist", function()
      write("a.lua", "x = = 1")
      local result = run("a.lua")
      assert.equal(1, result.status)
      assert.equal("mlmanager: a.lua:1: unexpected symbol near '='\n", result.err)
      result = run("none.lua")
      assert.equal(1, result.status)
      assert.equal("mlmanager: cannot open none.lua: No such file or directory\n", result.err)
    end)

    it("that takes C modules built for a stock Lua", function()
      assert.equal("[1,2]\n", run("-e", "print(require('cjson').encode { 1, 2 })").out)
    end)

    it("with a module that files do not hide", function()
      write("mlmanager.lua", "return 'a file'")
      assert.equal("table\n", run("-e", "print(type(require 'mlmanager'))").out)
      write("other.lua", "return 'found'")
      assert.equal("found\n", run("-e", "print((require 'other'))").out)
    end)
  end)

  describe("reads its options", function()
    local cases = {
      { "--frob", "unknown option '--frob'; 'mlmanager --help' lists the options" },
      { "-x", "unknown option '-x'; 'mlmanager --help' lists the options" },
      { "--store", "--store needs a value, such as sqlite:mlmanager.db" },
      { "--store=", "--store needs a value, such as sqlite:mlmanager.db" },
      { "--artifacts", "--artifacts needs a value: a directory for artifacts" },
      { "-e", "-e needs Lua code, such as 'print(_VERSION)'" },
    }
    for _, case in ipairs(cases) do
      it("and refuses " .. case[1], function()
        local result = run(case[1])
        assert.equal("mlmanager: " .. case[2] .. "\n", result.err)
        assert.equal("", result.out)
        assert.equal(2, result.status)
      end)
    end

    it("and refuses what doctor does not know", function()
      local result = run("doctor", "x.db")
      assert.equal("mlmanager: doctor takes no argument 'x.db'; --store names the store\n",
        result.err)
      assert.equal(2, result.status)
      assert.equal(2, run("doctor", "--frob").status)
    end)

    it("and says its version and how it is used", function()
      local result = run("--version")
      assert.matches("^mlmanager %d+%.%d+%.%d+ %(Lua 5%.4%.%d+%)\n$", result.out)
      assert.equal(0, result.status)
      result = run("--help")
      assert.matches("^usage: mlmanager ", result.out)
      for _, word in ipairs { "--store", "--artifacts", "--version", "--help", "-e", "doctor" } do
        assert.truthy(result.out:find(word, 1, true), word)
      end
      assert.equal(0, result.status)
    end)

    it("and lets the script find its store and artifacts", function()
      write("a.lua", "local m = require 'mlmanager' m.create_experiment 'e' m.start_run()")
      local result = run("--store=sqlite:deep.db", "--artifacts", directory .. "/kept", "a.lua")
      assert.equal("", result.err)
      assert.equal(0, result.status)
      result = run("--store", "sqlite:deep.db", "-e", [[
        for _, e in ipairs(mlmanager.search_experiments()) do
          if e.name == "e" then print(e.artifact_location) end
        end]])
      assert.equal(1, result.out:find(directory .. "/kept", 1, true), result.out .. result.err)
      assert.is_nil(io.open(directory .. "/mlmanager.db"))
    end)
  end)

  describe("leaves an open run", function()
    local start = "local m = require 'mlmanager' m.create_experiment 'e' m.start_run() "

    it("FINISHED at a normal end", function()
      write("a.lua", start .. "m.log_metric('loss', 1)")
      local result = run("a.lua")
      assert.equal("", result.err)
      assert.equal(0, result.status)
      assert.equal("FINISHED\t1.0\ta.lua",
        only_run "run.info.status, run.data.metrics.loss, run.data.tags['mlflow.source.name']")
    end)

    it("with no file and no commit where the code came from none", function()
      assert.equal(0, run("-e", start).status)
      assert.equal("<console>\tnil", only_run(
        "run.data.tags['mlflow.source.name'], run.data.tags['mlflow.source.git.commit']"))
    end)

    it("FAILED with the traceback after an error", function()
      write("a.lua", start .. "\nerror 'broken'")
      assert.equal(1, run("a.lua").status)
      assert.equal("FAILED", only_run "run.info.status")
      assert.matches("^a%.lua:2: broken\nstack traceback:\n",
        only_run "run.data.tags['mlmanager.traceback']")
    end)

    it("FINISHED or FAILED as os.exit says", function()
      assert.equal(0, run("-e", start .. "os.exit(0)").status)
      assert.equal("FINISHED", only_run "run.info.status")
      process.remove(directory)
      directory = process.directory()
      assert.equal(5, run("-e", start .. "os.exit(5)").status)
      assert.equal("FAILED", only_run "run.info.status")
    end)

    for name, status in pairs { INT = 130, TERM = 143, HUP = 129 } do
      it("KILLED by SIG" .. name .. ", with status " .. status, function()
        local result = run("-e", SIGNAL, "-e", start .. "signal '" .. name .. "' while true do end")
        assert.equal(status, result.status)
        assert.matches("^mlmanager: %(command line%):%d: interrupted\nstack traceback:", result.err)
        assert.equal("KILLED", only_run "run.info.status")
      end)
    end
  end)

  describe("is interrupted", function()
    it("inside a coroutine", function()
      local result = run("-e", SIGNAL, "-e", [[
        coroutine.wrap(function()
          local co = coroutine.create(function() signal "INT" while true do end end)
          assert(coroutine.resume(co))
        end)()]])
      assert.equal(130, result.status)
      assert.matches("interrupted", result.err)
    end)

    it("inside manager:run, which leaves its run KILLED too", function()
      local result = run("-e", SIGNAL, "-e", [[
        mlmanager.create_experiment 'e'
        mlmanager:run({}, function() signal "INT" while true do end end)]])
      assert.equal(130, result.status)
      assert.equal("KILLED\tnil",
        only_run "run.info.status, run.data.tags['mlmanager.traceback']")
    end)

    it("while it waits for input", function()
      local result = process.run { "sh", "-c", "sleep 3 | \"$0\" \"$@\"", host, "-e", SIGNAL, "-e",
        "signal('INT', 0.2) io.read() while true do end", directory = directory }
      assert.equal(130, result.status)
      assert.matches("interrupted", result.err)
    end)

    it("and may catch that and end well", function()
      local result = run("-e", SIGNAL, "-e",
        "print(pcall(function() signal 'INT' while true do end end)) print 'saved'")
      assert.matches("^false\t%(command line%):%d: interrupted\nsaved\n$", result.out)
      assert.equal(0, result.status)
    end)

    it("at once by a second signal", function()
      local result = run("-e", SIGNAL, "-e", [[
        pcall(function() signal "TERM" while true do end end)
        print "first"
        io.stdout:flush()
        signal "TERM"
        while true do end]])
      assert.equal("first\n", result.out)
      assert.equal("", result.err:gsub("Terminated\n", ""))
      assert.equal(143, result.status)
    end)
  end)

  describe("runs coroutines as the stock ones", function()
    it("whatever they return, raise or refuse", function()
      local code = [[
        print(coroutine.resume(coroutine.create(function(...) return ... end), 1, nil, 3))
        local co = coroutine.create(function(a) local b = coroutine.yield(a + 1) error(b) end)
        print(coroutine.resume(co, 1))
        print(coroutine.resume(co, "thrown"))
        print(coroutine.resume(co))
        print(pcall(coroutine.wrap(function() error "in wrap" end)))
        print(pcall(coroutine.wrap(function() error({}) end)))
        print(pcall(coroutine.resume, 5))
        print(pcall(coroutine.wrap, 5))
        local closed
        local wrapped = coroutine.wrap(function()
          local x <close> = setmetatable({}, { __close = function() closed = true end })
          error "late"
        end)
        print(pcall(wrapped))
        print(closed, pcall(wrapped))
        local function deep(n) return n == 0 and 0 or 1 + coroutine.wrap(deep)(n - 1) end
        print(deep(60))
        print(select("#", coroutine.resume(coroutine.create(function() return
          table.unpack({}, 1, 5000) end))))
      ]]
      write("a.lua", code)
      local stock = process.run { "lua5.4", "a.lua", directory = directory }
      local ours = run("a.lua")
      local function same(text)
        -- Lua 5.4's releases differ in what they call it.
        return (text:gsub("0x%x+", "ADDRESS"):gsub("thread expected", "coroutine expected"))
      end
      assert.equal(0, stock.status)
      assert.equal(same(stock.out), same(ours.out))
    end)
  end)

  describe("doctor", function()
    local start = "local m = require 'mlmanager' m.create_experiment 'e' m.start_run() "

    it("finds a sound store in order", function()
      assert.equal(0, run("-e", start .. "m.log_metric('loss', 1)").status)
      local result = run("doctor", "--store", "sqlite:mlmanager.db")
      assert.equal("", result.err)
      assert.matches("in order", result.out)
      assert.equal(0, result.status)
      assert.equal(0, run("--store", "sqlite:mlmanager.db", "doctor").status)
    end)

    it("makes no store where there is none", function()
      local result = run("doctor", "--store", "sqlite:none.db")
      assert.equal(1, result.status)
      assert.matches("none%.db", result.err)
      assert.is_nil(io.open(directory .. "/none.db"))
    end)

    it("reports a file that is no store", function()
      write("x.db", ("no database "):rep(1000))
      local result = run("doctor", "--store", "sqlite:x.db")
      assert.equal(1, result.status)
      assert.matches("^mlmanager: doctor: ", result.err)
    end)

    it("puts right what a killed process left, once", function()
      local result = run("-e", start .. "m.log_metric('loss', 0.5) os.execute 'kill -9 $PPID'")
      assert.equal(137, result.status)
      result = run("doctor", "--dry-run")
      assert.equal(1, result.status, result.out .. result.err)
      assert.matches("problem: ", result.out)
      result = run("doctor")
      assert.equal(0, result.status, result.out .. result.err)
      assert.matches("repaired: ", result.out)
      assert.equal("KILLED\t0.5", only_run "run.info.status, run.data.metrics.loss")
      result = run("doctor")
      assert.equal(0, result.status)
      assert.matches("in order", result.out)
    end)
  end)
end)
