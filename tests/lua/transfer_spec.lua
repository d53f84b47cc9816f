-- SPDX-License-Identifier: Apache-2.0
-- mlmanager export, import, sync and gc, and the calls of a manager behind them.

local process = require "tests.lua.process"
local program = require "tests.lua.program"
local scratch = require "tests.lua.scratch"

local LOG = [[
  m.create_experiment "vision"
  m.start_run { run_name = "outer" }
  m.log_param("lr", 0.1)
  for i = 1, 10 do m.log_metric("loss", 1 / i) end
  m.start_run { run_name = "inner", nested = true }
  m.log_metric("loss", 2)
  m.end_run()
  m.end_run()
  m.create_experiment "other"
  m.start_run { run_name = "alone" }
  m.end_run()
]]

local function spec(fn)
  return program.spec(function(run, directory)
    run.script(LOG)
    fn(run, directory)
  end)
end

--- A command that went well and wrote exactly this.
local function wrote(out, result)
  assert.equal("", result.err)
  assert.equal(out, result.out)
  assert.equal(0, result.status)
end

local OTHER = { "--store", "sqlite:other.db" }

local function there(run, ...)
  return run(OTHER[1], OTHER[2], ...)
end

describe("mlmanager export and import", function()
  it("carry everything, and twice is as good as once", spec(function(run)
    wrote("wrote 3 runs, 11 points to all.tar.gz\n", run("export", "--all", "-o", "all.tar.gz"))
    wrote("would import 3 runs, 11 points, 0 of them new\n",
      run("import", "all.tar.gz", "--dry-run"))
    wrote("imported 3 runs, 11 points, 3 of them new\n", there(run, "import", "all.tar.gz"))
    wrote("imported 3 runs, 11 points, 0 of them new\n", there(run, "import", "all.tar.gz"))
    assert.equal(run("runs").out, there(run, "runs").out)
  end))

  it("take a run by its name with what is nested in it, or an experiment", spec(function(run)
    wrote("wrote 2 runs, 11 points to a.zip\n", run("export", "outer", "-o", "a.zip"))
    wrote("wrote 1 run, 0 points to b.tar\n", run("export", "-e", "other", "--output=b.tar"))
    wrote("imported 1 run, 0 points, 1 of them new\n",
      there(run, "import", "b.tar", "--experiment", "mine"))
    assert.matches("\tmine\t", there(run, "runs").out)
  end))

  it("take MLflow's directory itself", spec(function(run, directory)
    run("export", "--all", "-o", "all.tar")
    assert.equal(0, process.run { "tar", "xf", "all.tar", directory = directory }.status)
    wrote("imported 3 runs, 11 points, 3 of them new\n", there(run, "import", "mlruns"))
  end))

  it("leave a file that is there, unless forced", spec(function(run, directory)
    process.write(directory .. "/a.tar", "mine")
    local result = run("export", "--all", "-o", "a.tar")
    program.refused(1, "mlmanager: there is a file 'a.tar' already; choose another name, or "
      .. "overwrite it with --force\n", result)
    assert.equal(0, run("export", "--all", "-o", "a.tar", "--force").status)
  end))

  it("say what they need", spec(function(run)
    program.refused(2, "mlmanager: export needs a file to write: -o runs.tar.gz\n",
      run("export", "--all"))
    program.refused(2, "mlmanager: export needs a run, --experiment or --all\n",
      run("export", "-o", "a.tar"))
    program.refused(2, "mlmanager: --all is everything; leave out the names, or --all\n",
      run("export", "-o", "a.tar", "--all", "outer"))
    program.refused(1, "mlmanager: there is no run 'outter'; did you mean 'outer'?\n",
      run("export", "-o", "a.tar", "outter"))
    program.refused(1, "mlmanager: cannot read 'none.tar': No such file or directory\n",
      run("--store", "sqlite:typo.db", "import", "none.tar"))
    assert.matches("there is no store", run("--store", "sqlite:typo.db", "runs").err)
    assert.equal(2, run("import").status)
  end))

  it("tell of each conflict, and end with status 1", spec(function(run)
    run("export", "--all", "-o", "a.tar")
    there(run, "import", "a.tar")
    assert.equal("", there(run, "-e", [[
      for _, e in ipairs(mlmanager.search_experiments()) do
        for _, r in ipairs(mlmanager.search_runs { experiment_ids = { e.experiment_id },
            filter = "run_name = 'alone'" }) do
          mlmanager.delete_run(r.info.run_id)
        end
      end]]).err)
    local result = there(run, "import", "a.tar")
    assert.matches("^mlmanager: run %x+: left out, since it is deleted here; restore it first\n$",
      result.err)
    assert.equal(1, result.status)
  end))
end)

describe("mlmanager sync", function()
  it("copies, and then only what is new", spec(function(run)
    wrote("copied 3 runs, 11 points, 3 of them new\n", run("sync", "--to", "sqlite:other.db"))
    run.script [[
      m.set_active_experiment "other"
      m.start_run { run_name = "later" }
      m.end_run()
    ]]
    wrote("copied 4 runs, 11 points, 1 of them new\n", run("sync", "--to", "sqlite:other.db"))
    assert.equal(run("runs").out, there(run, "runs").out)
  end))

  it("puts the artifacts of new experiments where it is told", spec(function(run)
    run.script [[
      m.create_experiment "with files"
      m.start_run { run_name = "with a file" }
      m.log_text("hello", "note.txt")
      m.end_run()
    ]]
    wrote("copied 1 run, 0 points, 1 artifact (5 bytes), 1 of them new\n",
      run("sync", "with a file", "--to", "sqlite:other.db", "--artifacts", "blob:"))
    assert.matches("\nrun\tartifact_uri\tblob:", there(run, "show", "with a file").out)
  end))

  it("tells what a first copy would bring, and makes nothing", spec(function(run)
    wrote("would copy 3 runs, 11 points, 3 of them new\n",
      run("sync", "--to", "sqlite:other.db", "--dry-run"))
    assert.matches("there is no store", there(run, "runs").err)
    wrote("copied 3 runs, 11 points, 3 of them new\n", run("sync", "--to", "sqlite:other.db"))
    wrote("would copy 3 runs, 11 points, 0 of them new\n",
      run("sync", "--to", "sqlite:other.db", "--dry-run"))
  end))

  it("tells beforehand of a directory that is missing", spec(function(run)
    program.refused(1, "mlmanager: cannot reach the store's directory 'none': No such file or "
      .. "directory\n", run("sync", "--to", "sqlite:none/other.db", "--dry-run"))
  end))

  it("needs another store", spec(function(run, directory)
    program.refused(1, ("mlmanager: 'sqlite:%s/mlmanager.db' is both where runs come from and "
      .. "where they go\n"):format(directory), run("sync", "--to", "sqlite:mlmanager.db"))
  end))
end)

describe("a file that takes its time", function()
  -- Zeros that no disk holds: 4 TB of them are a file at once, and never come to an end.
  local BYTES = "4T"
  local SHOWN = "expect artifact 'a model.bin', \nexpect B of 4\nsend \\x03\nend\n"

  local function with_file(fn)
    return spec(function(run, directory)
      run.script [[
        m.create_experiment "large files"
        m.start_run { run_name = "large" }
        m.log_text("x", "a model.bin")
        m.end_run()
      ]]
      fn(run, function()
        local result = process.run { "find", directory, "-name", "*.bin", "-exec", "truncate",
          "-s", BYTES, "{}", "+", directory = directory }
        assert.equal(0, result.status, result.err)
      end)
    end)
  end

  it("is shown by export with its bytes", with_file(function(run, grow)
    grow()
    local result = run.terminal(SHOWN, "export", "large", "-o", "a.tar.gz")
    assert.equal(130, result.status, result.out)
  end))

  it("is shown by sync", with_file(function(run, grow)
    assert.equal(0, run("sync", "large", "--to", "sqlite:other.db").status)
    -- It ended otherwise, so that the file there may differ and is read.
    run.script [[
      m.set_active_experiment "large files"
      m.set_active_run(m.search_runs { filter = "run_name = 'large'" }[1].info.run_id)
      m.end_run "FAILED"
    ]]
    grow()
    local result = run.terminal(SHOWN, "sync", "large", "--to", "sqlite:other.db")
    assert.equal(130, result.status, result.out)
  end))
end)

describe("mlmanager gc", function()
  local DELETE = [[
    m.set_active_experiment "vision"
    for _, run in ipairs(m.search_runs { filter = "run_name = 'inner'" }) do
      m.delete_run(run.info.run_id)
    end
    m.delete_experiment(m.get_experiment_by_name "other".experiment_id)
  ]]

  it("says what it would remove, and removes it", spec(function(run)
    run.script(DELETE)
    local dry = run("gc", "--dry-run").out
    assert.matches("would remove run inner %(%x+%)\n", dry)
    assert.matches("would remove run alone %(%x+%)\n", dry)
    assert.matches("would remove experiment other %(%d+%)\n", dry)
    assert.matches("would remove 2 runs and 1 experiment\n$", dry)
    wrote("removed 2 runs and 1 experiment\n", run("gc", "--yes"))
    wrote("nothing to remove\n", run("gc", "--yes"))
    assert.equal("", run("doctor").err)
  end))

  it("asks on a terminal and refuses on a pipe", spec(function(run)
    run.script(DELETE)
    program.refused(2, "mlmanager: gc removes for good, and there is no terminal to ask on; say "
      .. "--yes or --dry-run\n", run("gc"))
    local asked = run.terminal("expect [y/N]\nsend n\\n\nexpect nothing was removed\n", "gc")
    assert.matches("Remove 2 runs and 1 experiment for good%?", asked.out)
    assert.matches("would remove 2 runs", run("gc", "--dry-run").out)
  end))

  it("reads ages and ids", spec(function(run)
    run.script(DELETE)
    wrote("nothing to remove\n", run("gc", "--older-than", "1d12h", "--yes"))
    program.refused(2, "mlmanager: --older-than is 'soon'; give a time such as 30d, 12h or "
      .. "1d12h30m\n", run("gc", "--older-than", "soon"))
    program.refused(1, "mlmanager: there is no deleted run 'outer'\n",
      run("gc", "--run-ids", "outer"))
    wrote("removed 1 run\n", run("gc", "--run-ids", "inner", "-y"))
  end))
end)

describe("manager:export, import, sync and gc", function()
  it("return what they did and report it", scratch.store(function(manager, directory)
    manager:create_experiment "e"
    manager:start_run { run_name = "r" }
    manager:log_metric("loss", 1)
    manager:end_run()
    local file = directory .. "/x.tar"
    local seen = {}
    local result = manager:export { file = file, report = function(event)
      seen[#seen + 1] = event.kind .. " " .. event.text
    end }
    assert.equal(1, result.runs)
    assert.equal(1, result.points)
    assert.truthy(table.concat(seen, ","):find("run r", 1, true))
    assert.equal(0, manager:import(file).new_runs)
    os.remove(file)
    local run_id = manager:search_runs()[1].info.run_id
    manager:delete_run(run_id)
    assert.equal(1, manager:gc { dry_run = true }.runs)
    assert.equal(1, manager:gc().runs)
    assert.error_matches(function()
      manager:get_run(run_id)
    end, "there is no run")
  end))

  it("raise what report raises", scratch.store(function(manager, directory)
    local ok, failure = pcall(manager.export, manager, { file = directory .. "/x.tar",
      report = function()
        error("enough", 0)
      end })
    assert.is_false(ok)
    assert.equal("enough", failure)
    assert.is_nil(io.open(directory .. "/x.tar"))
  end))

  it("refuse what is no function", scratch.store(function(manager)
    assert.error_matches(function()
      manager:gc { report = 1 }
    end, "report must be a function, got the number 1")
  end))
end)
