-- SPDX-License-Identifier: Apache-2.0
-- What all commands share: how they are told apart from scripts, read their options, fail, and
-- write.

local cjson = require "cjson"
local process = require "tests.lua.process"
local program = require "tests.lua.program"

local HINT = "'mlmanager %s --help' tells what there is\n"

describe("a command", function()
  it("is a word that a file of that name does not hide", program.spec(function(run, directory)
    process.write(directory .. "/help", "print 'a script'")
    assert.matches("^usage: mlmanager", run("help").out)
    assert.equal("a script\n", run("./help").out)
    assert.equal("a script\n", run("--", "help").out)
    assert.equal("1\na script\n", run("-e", "print(1)", "help").out)
  end))

  it("that is misspelt is a script that is not there", program.spec(function(run)
    program.refused(1, "mlmanager: cannot open experiment: No such file or directory; "
      .. "did you mean the command experiments?\n", run("experiment"))
    program.refused(1, "mlmanager: cannot open a.lua: No such file or directory\n", run("a.lua"))
  end))

  it("takes the global options before and after its name", program.spec(function(run)
    run.script "m.MLManager { store = 'sqlite:other.db' }.create_experiment 'there'"
    for _, words in ipairs { { "--store", "sqlite:other.db", "experiments" },
      { "experiments", "--store=sqlite:other.db" } } do
      assert.matches("\nthere\t1\t", run(table.unpack(words)).out)
    end
  end))

  it("refuses what it does not know, and names the near one", program.spec(function(run)
    program.refused(2, "mlmanager: experiments has no option '--fitler'; did you mean --filter?\n"
      .. HINT:format "experiments", run("experiments", "--fitler", "x"))
    program.refused(2, "mlmanager: experiments has no option '-q'\n" .. HINT:format "experiments",
      run("experiments", "-q"))
    program.refused(2, "mlmanager: experiments takes no argument 'x'\n"
      .. HINT:format "experiments", run("experiments", "x"))
    program.refused(2, "mlmanager: --format is 'jsn'; did you mean json?\n"
      .. HINT:format "experiments", run("experiments", "--format", "jsn"))
    program.refused(2, "mlmanager: --format is 'excel'; give one of table, json, csv, tsv\n"
      .. HINT:format "experiments", run("experiments", "--format=excel"))
    program.refused(2, "mlmanager: --limit is '0'; give a whole number of 1 or more\n"
      .. HINT:format "experiments", run("experiments", "-n", "0"))
    program.refused(2, "mlmanager: --filter needs a value: FILTER\n" .. HINT:format "experiments",
      run("experiments", "--filter"))
    program.refused(2, "mlmanager: --all takes no value\n" .. HINT:format "experiments",
      run("experiments", "--all=yes"))
  end))

  it("that only looks makes no store", program.spec(function(run, directory)
    program.refused(1, "mlmanager: there is no store '" .. directory .. "/mlmanager.db'\n"
      .. "a script that logs makes one; --store names another\n", run("experiments"))
    assert.is_nil(io.open(directory .. "/mlmanager.db"))
  end))

  it("says that it could not write", program.spec(function(run)
    run.script "m.create_experiment 'e'"
    local result = process.run { "sh", "-c", program.path .. " help >/dev/full", directory = "/" }
    assert.equal("mlmanager: could not write to standard output: No space left on device\n",
      result.err)
    assert.equal(1, result.status)
  end))

  it("hands what is longer than the screen to a pager, unless told not to",
    program.spec(function(run)
      local pager = { environment = { PAGER = "sed 's/^/paged: /'" } }
      assert.matches("paged: usage", run.terminal("end\n", "help", pager).out)
      assert.not_matches("paged", run.terminal("end\n", "help", "status", pager).out)
      assert.not_matches("paged", run("help", pager).out)
      assert.matches("usage: mlmanager", run.terminal("end\n", "help",
        { environment = { PAGER = "no-such-pager" } }).out)
    end))
end)

describe("mlmanager help", function()
  it("tells about every command and topic", program.spec(function(run)
    local overview = run("--help").out
    assert.equal(overview, run("help").out)
    local count = 0
    for name in overview:gmatch("\n  (%l+) %s+%l") do
      local result = run("help", name)
      assert.equal(0, result.status, name)
      assert.equal("", result.err)
      count = count + 1
    end
    assert.is_true(count >= 7)
  end))

  it("is what --help of a command prints", program.spec(function(run)
    for _, name in ipairs { "experiments", "doctor", "help" } do
      local result = run(name, "--help")
      assert.matches("^usage: mlmanager " .. name, result.out)
      assert.equal(result.out, run("help", name).out)
      assert.equal(result.out, run(name, "-h").out)
      assert.equal(0, result.status)
    end
  end))

  it("names the topic that was meant", program.spec(function(run)
    program.refused(2,
      "mlmanager: there is no command and no topic 'filtr'; did you mean filter?\n",
      run("help", "filtr"))
    program.refused(2,
      "mlmanager: there is no command and no topic 'cake'; 'mlmanager help' lists them\n",
      run("help", "cake"))
  end))
end)

describe("mlmanager experiments", function()
  local function names(out)
    local list = {}
    for name in out:gmatch("\n([^\t\n]+)") do
      list[#list + 1] = name
    end
    return table.concat(list, " ")
  end

  local function log(run)
    run.script [[
      for _, name in ipairs { "a", "漢字", "gone" } do
        m.create_experiment { name = name, tags = { team = "t" } }
      end
      m.delete_experiment(m.get_experiment_by_name("gone").experiment_id)]]
  end

  it("lists them, the latest first", program.spec(function(run)
    log(run)
    assert.equal("漢字 a Default", names(run("experiments").out))
    assert.equal("漢字", names(run("experiments", "--limit", "1").out))
    assert.equal("gone", names(run("experiments", "--deleted").out))
    assert.equal("gone 漢字 a Default", names(run("experiments", "--all").out))
    assert.equal("a", names(run("experiments", "--filter", "name = 'a'").out))
  end))

  it("shows where a filter is wrong", program.spec(function(run)
    log(run)
    program.refused(2, "mlmanager: unknown experiment attribute 'nam', did you mean 'name'?\n"
      .. "  --filter nam = 'a'\n"
      .. "           ^^^\n", run("experiments", "--filter", "nam = 'a'"))
  end))

  it("as JSON and CSV for programs", program.spec(function(run)
    log(run)
    local list = cjson.decode(run("experiments", "--format", "json").out)
    assert.equal("漢字", list[1].name)
    assert.equal("2", list[1].experiment_id)
    assert.same({ team = "t" }, list[1].tags)
    assert.is_number(list[1].creation_time)
    assert.equal("[]\n", run("experiments", "--format", "json", "--filter", "name = 'x'").out)
    assert.matches("^name,experiment_id,creation_time,.-\n漢字,2,%d+,%d+,active,/",
      run("experiments", "--format", "csv").out)
  end))

  it("as a table on a terminal", program.spec(function(run)
    log(run)
    local out = run.terminal("end\n", "experiments").out
    assert.matches(" name    │ id │ created", out)
    assert.matches("3 experiments, 4 columns", out)
  end))
end)
