-- SPDX-License-Identifier: Apache-2.0
-- Sessions of the host, played by a person at a terminal (tests/terminal/terminal.c).

local process = require "tests.lua.process"

local host = os.getenv("MLMANAGER_HOST") or "build/dev/mlmanager"
if host:sub(1, 1) ~= "/" then
  host = os.getenv("PWD") .. "/" .. host
end
local terminal = host:match("^(.*)/") .. "/tests/terminal"

local CONTROL_C = "send \\x03"
-- What the editor begins a line with: typed before that, Ctrl-D would be the terminal's own. The
-- "> " itself is drawn anew at some keys.
local PROMPT = "expect \\e[?2004h\nexpect > "
local MORE = "expect \\e[?2004h\nexpect >> "
local LEAVE = PROMPT .. "\nsend \\x04\nend"
local TAB = "\\t"
local UP, DOWN = "\\e[A", "\\e[B"

describe("a session", function()
  local directory

  before_each(function()
    directory = process.directory()
  end)

  after_each(function()
    process.remove(directory)
  end)

  local environment
  before_each(function()
    environment = { MLMANAGER_HISTORY = "off", NO_COLOR = "1", LC_ALL = "C.UTF-8" }
  end)

  --- Plays steps to the program's end.
  local function play(...)
    return process.run { terminal, host, directory = directory, environment = environment,
      input = table.concat({ ... }, "\n") .. "\n" }
  end

  local function finished(result, status)
    assert.equal(status or 0, result.status, result.out)
    return result
  end

  --- Types lines, each at a prompt, and more steps after the last.
  local function typed(...)
    local steps = {}
    for _, line in ipairs { ... } do
      steps[#steps + 1] = PROMPT
      steps[#steps + 1] = "send " .. line .. "\\r"
    end
    return table.concat(steps, "\n")
  end

  --- A store in the directory, made by a script.
  local function store(code)
    local result = process.run { host, "-e", code, directory = directory }
    assert.equal("", result.err)
    return result.out
  end

  local function only_run(expression)
    return (store(([[
      for _, experiment in ipairs(mlmanager.search_experiments()) do
        local ids = { experiment.experiment_id }
        for _, run in ipairs(mlmanager.search_runs { experiment_ids = ids }) do
          print(%s)
        end
      end]]):format(expression)):gsub("\n$", ""))
  end

  describe("runs what is typed", function()
    it("and says what to type and how to end", function()
      local result = finished(play("expect type Lua", "expect help()", "expect Ctrl-D ends", LEAVE))
      assert.matches("^mlmanager %d", result.out)
    end)

    it("and shows the values of expressions, the last one as _", function()
      finished(play(PROMPT, "send 1+1, 'a b'\\r", "expect 2\ta b", PROMPT,
        "send {1, x = {y = 'z'}}\\r", 'expect { 1, x = { y = "z" } }', PROMPT,
        "send _.x.y .. '!'\\r", "expect z!", PROMPT, "send nil\\r", "expect nil",
        PROMPT, "send _\\r", "expect z!", LEAVE))
    end)

    it("with the module as a global", function()
      finished(play(typed("mlmanager.create_experiment 'shown'", "mlmanager.start_run()"), LEAVE))
      assert.equal("FINISHED", only_run "run.info.status")
    end)

    it("and goes on asking while the code is incomplete", function()
      finished(play(PROMPT, "send for i = 1, 2 do\\r", MORE, "send print(i * 7)\\r",
        MORE, "send end\\r", "expect 7", "expect 14", PROMPT, "send x = [[a\\r",
        MORE, "send b]]\\r", PROMPT, "send #x\\r", "expect 3", LEAVE))
    end)

    it("and says how long it took, if that is long", function()
      local result = finished(play(typed("for i = 1, 2e8 do if os.clock() > 0.4 then break end end",
        "7 * 6"), "expect 42", LEAVE))
      assert.matches("%(%d%.%d%d s%)", result.out)
      assert.is_nil(result.out:match("\n42.*%(%d%.%d%d s%)"))
    end)

    it("and edits characters, not bytes", function()
      finished(play(PROMPT, "send #'aé漢'\\x7f\\x7f'\\r", "expect 3", PROMPT,
        "send utf8.len '日本🚀é'\\r", "expect 4", LEAVE))
    end)

    it("without libedit where the terminal is dumb", function()
      environment.TERMINAL_TYPE = "dumb"
      local result = finished(play("expect > ", "send 40 + 2\\r", "expect 42", "expect > ",
        "send \\x04", "end"))
      assert.is_nil(result.out:find("\27", 1, true))
    end)

    it("without the rest of a hint where the terminal became narrow", function()
      finished(play(PROMPT, "send mlmanager.log_metric(", "expect log_metric(key, value, options?)",
        "resize 60", "expect \\x1b[J", "send \\x15\\r", LEAVE))
    end)

    it("in another locale and after the terminal became narrow", function()
      environment.LC_ALL = "C"
      finished(play(PROMPT, "resize 30", "send '漢字 ' .. 40 + 2 .. ' and more of it'\\r",
        "expect 漢字 42 and more of it", LEAVE))
    end)
  end)

  describe("says what is wrong", function()
    it("with a mark below the place of a syntax error", function()
      finished(play(PROMPT, "send x = = 1\\r", "expect stdin:1: unexpected symbol near '='",
        "expect \\r\\x0a  x = = 1\\r\\x0a      ^\\r\\x0a", PROMPT, "send ? = 1\\r",
        "expect \\r\\x0a  ^\\r\\x0a", PROMPT, "send x = 'a\\r", "expect unfinished string",
        "expect \\r\\x0a       ^\\r\\x0a", PROMPT, "send local a = 'é' 5\\r",
        "expect   local a = 'é' 5\\r\\x0a                ^\\r\\x0a", LEAVE))
    end)

    it("without frames of its own", function()
      local result = finished(play(typed("error 'oh'"), "expect stdin:1: oh\\r\\x0a",
        PROMPT, "send function f() error 'deep' end\\r", typed("f()"), "expect stdin:1: deep",
        "expect in function 'f'", typed("6 * 7"), "expect 42", LEAVE))
      assert.is_nil(result.out:find("mlmanager/", 1, true))
      assert.is_nil(result.out:find("field 'call'", 1, true))
    end)

    it("and what was meant", function()
      finished(play(typed("mlmanager.log_metrc('a', 1)"), "expect no function or property",
        "expect did you mean 'log_metric'?", typed("mlmanger.log_metric('a', 1)"),
        "expect did you mean 'mlmanager'?", LEAVE))
    end)
  end)

  describe("is interrupted", function()
    it("in a chunk and stays", function()
      finished(play(PROMPT, "send print 'go' while true do end\\r", "expect go\\r\\x0a",
        CONTROL_C, "expect interrupted", PROMPT, "send 40 + 2\\r", "expect 42", PROMPT,
        "send print 'go' while true do end\\r", "expect go\\r\\x0a", CONTROL_C,
        "expect interrupted",
        LEAVE))
    end)

    it("at the prompt, where the line is dropped", function()
      finished(play(PROMPT, "send error(", CONTROL_C, PROMPT,
        "send for i = 1, 2 do\\r", MORE, CONTROL_C, PROMPT, "send 40 + 2\\r",
        "expect 42", LEAVE))
    end)

    it("at Ctrl-D in the middle of an entry, which is dropped", function()
      finished(play(PROMPT, "send for i = 1, 2 do\\r", MORE, "send \\x04", PROMPT,
        "send 40 + 2\\r", "expect 42", LEAVE))
    end)

    it("by os.exit and by its name", function()
      finished(play(typed("os.exit(9)"), "end"), 9)
      finished(play(typed("exit"), "end"))
      finished(play(typed("quit()"), "end"))
    end)

    for name, status in pairs { TERM = 143, HUP = 129 } do
      it("by SIG" .. name .. ", which leaves the run KILLED", function()
        finished(play(typed("mlmanager.create_experiment 'e'", "mlmanager.start_run()",
          "io.popen 'kill -" .. name .. " $PPID':close()"), "end"), status)
        assert.equal("KILLED", only_run "run.info.status")
      end)
    end

    it("when the terminal goes away", function()
      finished(play(typed("mlmanager.create_experiment 'e'", "mlmanager.start_run()"), PROMPT,
        "hang up"), 129)
      assert.equal("KILLED", only_run "run.info.status")
    end)
  end)

  describe("remembers", function()
    it("the entries of the session", function()
      finished(play(PROMPT, "send 600 + 66\\r", "expect 666", PROMPT, "send " .. UP,
        "expect 600 + 66", "send \\r", "expect 666", LEAVE))
    end)

    it("an entry of several lines as one", function()
      finished(play(PROMPT, "send for i = 1, 2 do\\r", MORE, "send print(i * 7)\\r",
        MORE, "send end\\r", "expect 14", PROMPT, "send " .. UP, "expect end",
        "send \\r", "expect 7\\r\\x0a14", LEAVE))
    end)

    it("the lines of an entry, which Up and Down move in before they leave it", function()
      finished(play(typed("1 + 1"), "expect 2", PROMPT, "send x = {\\r", MORE,
        "send 5 }\\r", typed("x[1]"), "expect 5", PROMPT,
        -- To the first line of the entry before the last, where more is put behind "x =".
        "send " .. UP .. UP .. UP .. "{} or\\r", typed("'size ' .. #x"), "expect size 0", PROMPT,
        -- Home and End are those of the row.
        "send " .. UP .. UP .. UP .. "\\e[F" .. "6," .. "\\e[Hz, \\r",
        typed("type(z) .. type(x)"), "expect tablenil", LEAVE))
    end)

    it("what begins as what is typed, and what was typed", function()
      finished(play(typed("y = 1", "z = 2", "y = 3", "z = 4"), PROMPT,
        "send y" .. UP .. UP .. "\\r", typed("'y is ' .. y"), "expect y is 1", PROMPT,
        "send 40" .. UP .. DOWN .. " + 2\\r", "expect 42", LEAVE))
    end)

    it("what Ctrl-R finds", function()
      finished(play(typed("'first' .. 1", "'second' .. 2"), "expect second2", PROMPT,
        "send \\x12first", "send \\e", "send \\r", "expect first1", LEAVE))
    end)
  end)

  describe("keeps a history", function()
    local path

    before_each(function()
      path = directory .. "/state/mlmanager/history"
      environment.MLMANAGER_HISTORY = ""
      environment.XDG_STATE_HOME = directory .. "/state"
    end)

    local function read()
      local file <close> = assert(io.open(path))
      return file:read("a")
    end

    it("that the next session finds, entries of several lines included", function()
      finished(play(typed("x = [[a\\\\b"), MORE, "send ]] .. 1\\r", PROMPT,
        "send 5 + 5\\r", "expect 10", typed("5 + 5"), LEAVE))
      assert.equal("x = [[a\\\\b\\n]] .. 1\n5 + 5\n", read())
      finished(play(PROMPT, "send " .. UP, "expect 5 + 5", "send " .. UP, "expect ]] .. 1",
        "send \\r", typed("'size ' .. #x"), "expect size 5", LEAVE))
    end)

    it("that only its owner reads", function()
      finished(play(typed("1"), LEAVE))
      local pipe <close> = io.popen("stat -c %a " .. path)
      assert.equal("600", pipe:read("l"))
    end)

    it("that two sessions add to", function()
      process.write(directory .. "/inner", typed "'inner'" .. "\n" .. LEAVE .. "\n")
      local inner = ("os.execute '%s %s <inner >/dev/null'"):format(terminal, host)
      finished(play(typed("'first'", inner, "'last'"), LEAVE))
      local text = read()
      assert.matches("'first'\n.*'inner'\n'last'\n$", text)
    end)

    it("whose torn last line harms no other", function()
      os.execute("mkdir -p " .. directory .. "/state/mlmanager")
      process.write(path, "'whole'\n'torn")
      finished(play(typed("'new'"), LEAVE))
      assert.equal("'whole'\n'torn\n'new'\n", read())
    end)

    it("that does not grow without end", function()
      os.execute("mkdir -p " .. directory .. "/state/mlmanager")
      local lines = {}
      for i = 1, 5000 do
        lines[i] = "'entry " .. i .. "'\n"
      end
      process.write(path, table.concat(lines))
      finished(play(PROMPT, "send " .. UP, "expect entry 5000", "send \\r", LEAVE))
      local _, count = read():gsub("\n", "")
      assert.equal(2001, count)
      assert.matches("^'entry 3001'\n", read())
    end)

    it("without secrets and what begins with a blank", function()
      finished(play(typed("password = 'hunter2'", " x = 'blank'",
        "os.getenv 'API_TOKEN'", "u = 'http://me:pw@host/'", "page_size = 1"), LEAVE))
      assert.equal("page_size = 1\n", read())
    end)

    it("elsewhere, or not at all", function()
      environment.MLMANAGER_HISTORY = directory .. "/elsewhere"
      finished(play(typed("1"), LEAVE))
      assert.is_nil(io.open(path))
      assert.equal("1\n", io.open(directory .. "/elsewhere"):read("a"))
      environment.MLMANAGER_HISTORY = "off"
      finished(play(typed("1"), LEAVE))
      assert.is_nil(io.open(path))
    end)

    it("or says once that it cannot", function()
      environment.MLMANAGER_HISTORY = "/proc/none/history"
      local result = finished(play(typed("1", "2"), LEAVE))
      local _, count = result.out:gsub("no history in /proc/none/history: ", "")
      assert.equal(1, count)
    end)
  end)

  describe("takes a paste", function()
    it("as one entry that Enter runs", function()
      local result = finished(play(PROMPT,
        "send \\e[200~function double(n)\\r\\treturn n * 2\\rend\\rprint(double(21))\\r\\e[201~",
        "expect print(double(21))", "send \\r", "expect 42\\r", LEAVE))
      assert.is_nil(result.out:find("200~", 1, true))
      assert.is_nil(result.out:find(">> ", 1, true))
    end)

    it("into the middle of a line, with what is not ASCII", function()
      finished(play(PROMPT, "send print('')\\e[D\\e[D\\e[200~漢é\\e[201~", "expect 漢é')",
        "send \\r", "expect 漢é\\r", LEAVE))
    end)

    it("that Ctrl-C drops", function()
      finished(play(PROMPT, "send \\e[200~error 'pasted'", CONTROL_C, PROMPT,
        "send 40 + 2\\r", "expect 42", LEAVE))
    end)
  end)

  describe("completes", function()
    it("globals, keywords and fields", function()
      finished(play(PROMPT, "send mlman" .. TAB .. "._VER" .. TAB .. " ~= nil\\r",
        "expect true", PROMPT, "send local f <const> = func" .. TAB .. "() end\\r",
        typed("t = { inner = { deep = 5 } }"), PROMPT, "send t.in" .. TAB .. ".d" .. TAB
        .. "\\r", "expect 5", PROMPT, "send ('x'):re" .. TAB, "expect re", "send \\x15\\x04",
        "end"))
    end)

    it("what tables inherit, and calls nothing", function()
      finished(play(typed("base = { method = function() return 'base' end }",
        "object = setmetatable({}, { __index = base })",
        "trap = setmetatable({}, { __index = function() error 'called' end })"), PROMPT,
        "send object:me" .. TAB .. "()\\r", "expect base", PROMPT, "send trap.x" .. TAB,
        "expect \\x07", "send \\x15\\x04", "end"))
    end)

    it("methods of managers and runs, and lists what is ambiguous", function()
      finished(play(typed("m = mlmanager.MLManager { store = 'sqlite:other.db' }"), PROMPT,
        "send m:log_par" .. TAB, "expect log_param", "expect log_params", "expect m:log_param",
        "send ('x', 1)\\r", "expect needs an active run", PROMPT, "send m:create_ex" .. TAB
        .. " 'one'\\r", "expect 1", typed("r = m:start_run()"), PROMPT,
        "send r:set_trace" .. TAB .. " 'x'\\r", PROMPT, "send m.current_r" .. TAB
        .. " == r.run_id\\r", "expect true", LEAVE))
    end)

    it("the names of options, and the words they take", function()
      finished(play(typed("mlmanager.create_experiment 'one'"), PROMPT,
        "send mlmanager.start_run { run_n" .. TAB .. "'named' }\\r", PROMPT,
        "send mlmanager.end_run { sta" .. TAB .. "'FAI" .. TAB .. " }\\r", LEAVE))
      assert.equal("named\tFAILED", only_run "run.info.run_name, run.info.status")
    end)

    it("experiments", function()
      store [[mlmanager.create_experiment "vision: cats" mlmanager.create_experiment "other"]]
      finished(play(PROMPT, "send mlmanager.set_active_experiment 'vis" .. TAB .. "\\r",
        PROMPT, "send mlmanager.get_experiment(mlmanager.experiment_id).name\\r",
        "expect vision: cats", PROMPT, "send mlmanager.get_experiment('oth" .. TAB
        .. ").name\\r", "expect other", LEAVE))
    end)

    it("runs by id or name, and keys of their metrics and params", function()
      store [[
        mlmanager.create_experiment "one"
        mlmanager.start_run { run_name = "it's fast" }
        mlmanager.log_metric("loss/train", 0.5)
        mlmanager.log_metric("loss/test", 0.25)
        mlmanager.log_param("lr", 1)]]
      finished(play(PROMPT, "send mlmanager.get_run(\"it" .. TAB .. ").data.params.lr\\r",
        "expect 1", PROMPT, "send id = mlmanager.set_active_run('it" .. TAB .. ").run_id\\r",
        PROMPT, "send mlmanager.get_metric_history(id, 'lo" .. TAB, "expect loss/test",
        "expect loss/train", "expect (id, 'loss/t", "send e" .. TAB .. ")[1].value\\r",
        "expect 0.25", PROMPT,
        "send #mlmanager.search_runs { filter = 'metrics.l" .. TAB, "expect \\x07",
        "send \\x15\\x04", "end"))
    end)

    it("files", function()
      process.write(directory .. "/data set.csv", "a\n7\n")
      os.execute("mkdir '" .. directory .. "/sub'")
      process.write(directory .. "/sub/inner.csv", "a\n8\n")
      finished(play(PROMPT, "send mlmanager.csv.read('da" .. TAB .. ").columns.a[1]\\r",
        "expect 7", PROMPT, "send mlmanager.csv.read('su" .. TAB .. "in" .. TAB
        .. ").columns.a[1]\\r", "expect 8", PROMPT, "send io.open 'data" .. TAB
        .. ":read 'a'\\r", "expect a\\r", LEAVE))
    end)

    it("without making a store, and silently without one", function()
      finished(play(PROMPT, "send mlmanager.set_active_experiment '" .. TAB, "expect \\x07",
        "send \\x15\\x04", "end"))
      assert.is_nil(io.open(directory .. "/mlmanager.db"))
    end)
  end)

  describe("hints", function()
    it("at the arguments of a call, the one at the cursor first where room is short", function()
      finished(play(PROMPT, "send mlmanager.log_metric(", "expect log_metric(key, value, opt",
        "send 'loss', ", "expect Number", "send {", "expect { step, timestamp }", "send step =",
        "expect step: integer", "send \\x15\\x04", "end"))
    end)

    it("at those of functions that were typed", function()
      finished(play(typed("function mine(first, ...) end"), PROMPT, "send mine(",
        "expect mine(first, ...)", "send \\x15\\x04", "end"))
    end)

    it("at the active run, and not after Enter", function()
      local result = finished(play(typed("mlmanager.create_experiment 'one'",
        "mlmanager.start_run { run_name = 'the run' }"), "expect run the run", PROMPT,
        "send 6 * 7\\r", "expect 42", LEAVE))
      assert.is_nil(result.out:match("6 %* 7 +run the run\r\n42"))
    end)
  end)

  describe("shows", function()
    before_each(function()
      store [[
        mlmanager.create_experiment "one"
        for lr = 1, 2 do
          mlmanager.start_run { run_name = "run " .. lr, tags = { team = "x" } }
          mlmanager.log_param("lr", lr)
          for step = 1, 20 do
            mlmanager.log_metric("loss", lr / step)
          end
          mlmanager.end_run()
        end]]
    end)

    local ACTIVE = "mlmanager.set_active_experiment 'one'"

    local function latest_id() -- by its name: both may have started in one millisecond
      return only_run("run.info.run_name, run.info.run_id"):match("run 2\t(%x+)")
    end

    it("runs as a table", function()
      finished(play(typed(ACTIVE, "mlmanager.search_runs { order_by = 'metrics.loss DESC' }"),
        "expect name", "expect run 2", "expect run 1", "expect 2 runs",
        typed("_[1].info.run_name"), "expect run 2", LEAVE))
    end)

    it("a run as a page", function()
      finished(play(typed(ACTIVE, "mlmanager.search_runs { order_by = 'metrics.loss ASC' }[1]"),
        "expect run 1  FINISHED",
        "expect run_id", "expect params", "expect lr", "expect metrics", "expect loss  0.05",
        "expect tags", "expect team", LEAVE))
    end)

    it("the history of a metric with its least, greatest and last value", function()
      local id = latest_id()
      for _, options in ipairs { "", ", { columns = true }" } do
        finished(play(typed(("mlmanager.get_metric_history('%s', 'loss'%s)"):format(id, options)),
          "expect 20 points, steps 0 to 19, min 0.1 (step 19), max 2 (step 0), last 0.1", LEAVE))
      end
    end)

    it("what a metric came to as a line, and a long line as two", function()
      local id = latest_id()
      finished(play(typed(("mlmanager.get_metric_summary('%s', 'loss')"):format(id)),
        "expect 20 points, min 0.1 (step 19), max 2 (step 0), last 0.1 (step 19)", LEAVE))
      finished(play(typed("mlmanager.create_experiment 'two'", "mlmanager.start_run()",
        "for i = 1, 20 do mlmanager.log_metric('a', i / 7e7, { step = i * 1000 }) end",
        "mlmanager.flush()", "mlmanager.get_metric_history 'a'"),
        "expect 20 points, steps 1000 to 20000, min 1.429e-8 (step 1000),\\r\\x0a"
          .. "max 2.857e-7 (step 20000), last 2.857e-7\\r\\x0a", LEAVE))
    end)

    it("a string without what a terminal takes for commands", function()
      finished(play(typed("'a' .. string.char(27) .. '[31mb'"), "expect a\u{FFFD}[31mb", LEAVE))
    end)

    it("experiments as a table", function()
      finished(play(typed("mlmanager.search_experiments()"), "expect id", "expect name",
        "expect one", "expect 2 experiments", LEAVE))
    end)
  end)

  describe("helps", function()
    it("with an overview", function()
      finished(play(typed("help()"), "expect help(mlmanager)", "expect Ctrl-R", typed("help"),
        "expect help(mlmanager)", LEAVE))
    end)

    it("on functions of any manager, by value and by name", function()
      finished(play(typed("m = mlmanager.MLManager { store = 'sqlite:other.db' }",
        "help(m.log_metric)"), "expect manager.log_metric(key, value, options?)",
        "expect Logs a metric of the active run", "expect step?",
        typed("help 'log_metric'"), "expect manager.log_metric(key, value, options?)",
        typed("m.progress?"), "expect manager.progress(steps, options?)", "expect for epoch in",
        typed("help(mlmanager.csv.read)"), "expect mlmanager.csv.read(path, options?)", LEAVE))
    end)

    it("on methods of runs, timers and evaluators", function()
      finished(play(typed("mlmanager.create_experiment 'e'", "r = mlmanager.start_run()",
        "help(r.log_metric)"), "expect run:log_metric(key, value, options?)",
        "expect Logs a metric", typed("help(mlmanager.start_timer('t').stop)"),
        "expect timer:stop()", typed("loss = r:metric('loss')", "help(loss)"),
        "expect MetricHandle: function(value, step?, timestamp?)",
        typed("e = mlmanager.SpliceRegressionEvaluator()", "help(e.input)"),
        "expect :input(data)", typed("help(r)"), "expect mlmanager.Run", LEAVE))
    end)

    it("on the module, on tables of options and on words", function()
      finished(play(typed("help(mlmanager)"), "expect Tracks experiments", "expect Runs",
        "expect search_runs(query?)", typed("help 'RunQuery'"), "expect order_by?",
        typed("help 'RunStatus'"), 'expect "FINISHED"', LEAVE))
    end)

    it("on what is Lua's own or the user's", function()
      finished(play(typed("help(string.format)"),
        "expect string.format is part of Lua: https://www.lua.org/manual/5.4/manual.html"
        .. "#pdf-string.format", typed("help 'print'"), "expect print is part of Lua",
        typed("help(function(a, ...) end)"), "expect function(a, ...), defined at stdin:1",
        typed("help(5)"), "expect A number", LEAVE))
    end)

    it("on commands of the command line", function()
      finished(play(typed("help 'runs'"), "expect usage: mlmanager runs", typed("help 'filter'"),
        "expect metrics.KEY", LEAVE))
    end)

    it("with what was meant", function()
      finished(play(typed("help 'log_metrix'"), "expect no help on 'log_metrix', but on "
        .. "'log_metric'", typed("help 'zzzzzzzz'"), "expect help() says what there is", LEAVE))
    end)
  end)
end)
