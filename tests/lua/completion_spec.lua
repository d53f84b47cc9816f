-- SPDX-License-Identifier: Apache-2.0
-- Completion: what `mlmanager __complete` answers, and that bash, zsh and fish complete with it.

local process = require "tests.lua.process"
local program = require "tests.lua.program"

local LOG = [[
  m.create_experiment "sweep"
  m.start_run { run_name = "calm crane" }
  m.log_param("lr", 0.1)
  m.log_metric("val loss", 1)
  m.log_metric("accuracy", 1)
  m.end_run()
  m.start_run { run_name = "brave-otter" }
  m.end_run()
]]

--- A spec with these runs: complete(words...) gives the candidates for the last of words as a set,
--- and whether files fit as well.
local function spec(fn)
  return program.spec(function(run, directory)
    run.script(LOG)
    fn(function(...)
      local result = run("__complete", ...)
      assert.equal("", result.err)
      assert.equal(0, result.status)
      local found = {}
      for word, text in result.out:gmatch("\n([^\t\n]+)\t([^\n]*)") do
        found[word] = text
      end
      return found, result.out:match("^[^\n]*") == "files"
    end, run, directory)
  end)
end

local function words_of(found)
  local list = {}
  for word in pairs(found) do
    list[#list + 1] = word
  end
  table.sort(list)
  return table.concat(list, " | ")
end

describe("mlmanager __complete", function()
  it("knows commands and scripts", spec(function(complete)
    local found, files = complete ""
    assert.equal("list runs, their params and metrics", found.runs)
    assert.is_true(files)
    assert.equal("runs", words_of(complete "ru"))
    assert.equal("--store", words_of(complete "--st"))
    found, files = complete("a.lua", "ru")
    assert.equal("", words_of(found))
    assert.is_true(files)
  end))

  it("knows the options of a command and their values", spec(function(complete)
    assert.equal("--filter | --format", words_of(complete("runs", "--f")))
    assert.equal("json", words_of(complete("runs", "--format", "j")))
    assert.equal("--format=json", words_of(complete("runs", "--format=j")))
    assert.equal("sweep", words_of(complete("runs", "--experiment", "s")))
    assert.equal("bash", words_of(complete("completion", "b")))
    assert.equal("filter", words_of(complete("help", "filt")))
    assert.equal("", words_of(complete("runs", "--limit", "")))
    assert.is_true(select(2, complete("runs", "--store", "")))
  end))

  it("knows runs by name, and by id once that is begun", spec(function(complete, run)
    local found = complete("show", "")
    assert.equal("brave-otter | calm crane", words_of(found))
    assert.equal("sweep, just now", found["calm crane"])
    assert.equal("", words_of(complete("show", "brave-otter", "")))
    assert.truthy(complete("compare", "brave-otter", "c")["calm crane"])
    local id = run("runs", "--format", "tsv", "--columns", "run_id", "--filter",
      "run_name = 'brave-otter'").out:match("\n(%x+)")
    assert.equal("brave-otter in sweep, just now", complete("show", id:sub(1, 6))[id:sub(1, 8)])
    assert.equal("", words_of(complete("restore", "")))
  end))

  it("knows metrics and params in columns, filters and orders", spec(function(complete)
    assert.equal("name,val loss", words_of(complete("runs", "--columns", "name,val")))
    assert.equal("params.lr", words_of(complete("runs", "--filter", "params.")))
    assert.equal("metrics.accuracy < 1 AND metrics.`val loss`",
      words_of(complete("runs", "--filter", "metrics.accuracy < 1 AND metrics.`v")))
    assert.equal("metrics.accuracy DESC", words_of(complete("runs", "--order-by",
      "metrics.accuracy DE")))
  end))

  it("looks in the store that is named, and is silent where there is none",
    spec(function(complete, _, directory)
      assert.equal("", words_of(complete("--store", "sqlite:none.db", "show", "")))
      assert.equal("", words_of(complete("show", "--store=nonsense:x", "")))
      assert.equal("", words_of(complete("--store", "https://127.0.0.1:1", "show", "")))
      assert.equal("brave-otter", words_of(complete("show", "--store",
        "sqlite:" .. directory .. "/mlmanager.db", "br"))) -- an id may begin with b
      assert.is_nil(io.open(directory .. "/none.db"))
    end))
end)

-- What is typed, with a tab, and what the completed command prints.
local TYPED = {
  { "mlmanager show cal\\t\\r", "calm crane  FINISHED" },
  { "mlmanager show \"cal\\t\\r", "calm crane  FINISHED" },
  { "mlmanager help filt\\t\\r", "filter: how --filter" },
  { "mlmanager runs --format=js\\t\\r", "\"name\":\"brave-otter\"" },
  { "mlmanager runs --columns run_id,accu\\t --format tsv\\r", "run_id\\taccuracy" },
  { "mlmanager runs --format tsv --order-by \"metrics.acc\\t\\r", "\\tcalm crane\\t" },
  { "mlmanager scr\\t\\r", "the script ran" },
}

local function has(shell)
  local found = process.run { "sh", "-c", "command -v " .. shell, directory = "/" }
  return found.status == 0
end

describe("mlmanager completion", function()
  local function plays(shell, start, setup)
    if not has(shell) then
      return pending(shell .. " is not installed")
    end
    it("completes in " .. shell, spec(function(_, run, directory)
      process.write(directory .. "/script.lua", "print 'the script ran'")
      process.write(directory .. "/completion", run("completion", shell).out)
      local steps = { setup }
      for _, case in ipairs(TYPED) do
        steps[#steps + 1] = "send " .. case[1]
        steps[#steps + 1] = "expect " .. case[2]
        steps[#steps + 1] = "expect ready> "
      end
      steps[#steps + 1] = "send exit\\r"
      steps[#steps + 1] = "end"
      local folder = program.path:match("^(.*)/")
      local result = process.run { folder .. "/tests/terminal", table.unpack(start),
        directory = directory, input = table.concat(steps, "\n") .. "\n",
        environment = { PATH = folder .. ":" .. os.getenv "PATH", TERM = "dumb", PAGER = "cat",
          NO_COLOR = "1",
          LC_ALL = "C.UTF-8", HOME = directory, ZDOTDIR = directory } }
      assert(result.status == 0, result.out .. result.err)
    end))
  end

  plays("bash", { "bash", "--norc", "-i" },
    "send PS1='rea'dy'> ' && source ./completion\\r\nexpect ready> ")
  plays("zsh", { "zsh", "-f", "-i" }, "send autoload -Uz compinit && compinit -u && "
    .. "source ./completion && PS1='rea'dy'> '\\r\nexpect ready> ")

  if has "fish" then
    it("completes in fish", spec(function(_, run, directory)
      process.write(directory .. "/completion.fish", run("completion", "fish").out)
      local folder = program.path:match("^(.*)/")
      local function complete(line)
        return process.run { "fish", "-c", "source completion.fish; complete -C $argv[1]", line,
          directory = directory, environment = { PATH = folder .. ":" .. os.getenv "PATH",
            HOME = directory, LC_ALL = "C.UTF-8" } }.out
      end
      assert.equal("calm crane\tsweep, just now\n", complete "mlmanager show cal")
      assert.matches("^%-%-format=json", complete "mlmanager runs --format=js")
      assert.matches("^metrics%.accuracy\t", complete 'mlmanager runs --filter "metrics.acc')
      assert.matches("^runs\t", complete "mlmanager ru")
    end))
  end

  it("prints the scripts that the build makes", program.spec(function(run)
    local folder = program.path:match("^(.*)/") .. "/documentation/"
    for shell, name in pairs { bash = "mlmanager.bash", zsh = "_mlmanager",
      fish = "mlmanager.fish" } do
      local file <close> = assert(io.open(folder .. name))
      assert.equal(file:read "a", run("completion", shell).out)
    end
    program.refused(2, "mlmanager: there is no completion for 'tcsh'; give bash, zsh or fish\n",
      run("completion", "tcsh"))
  end))
end)

describe("the man page", function()
  it("is sound, and tells of every command and topic", program.spec(function(run)
    local path = program.path:match("^(.*)/") .. "/documentation/mlmanager.1"
    local lint = process.run { "mandoc", "-T", "lint", "-W", "style", path, directory = "/" }
    assert.equal("", lint.out)
    assert.equal(0, lint.status)
    local file <close> = assert(io.open(path))
    local text = file:read "a"
    for name in run("--help").out:gmatch("\n  (%l+) %s+%l") do
      assert(text:find(".SS mlmanager " .. name, 1, true) or text:find(name:upper(), 1, true), name)
    end
  end))
end)
