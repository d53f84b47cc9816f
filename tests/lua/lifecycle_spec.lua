-- SPDX-License-Identifier: Apache-2.0
-- mlmanager delete, restore and rename.

local program = require "tests.lua.program"

local function spec(fn)
  return program.spec(function(run)
    run.script [[
      for _, name in ipairs { "one", "two" } do
        m.create_experiment(name)
        for i = 1, 2 do
          m.start_run { run_name = name .. i }
          m.end_run()
        end
      end]]
    fn(run)
  end)
end

local function names(run, ...)
  local list = {}
  for name in run("runs", "--columns", "name", ...).out:gmatch("\n([^\n]+)") do
    list[#list + 1] = name
  end
  table.sort(list)
  return table.concat(list, " ")
end

describe("mlmanager delete", function()
  it("deletes runs and tells how to undo it", spec(function(run)
    local result = run("--store", "sqlite:mlmanager.db", "delete", "one1", "two2")
    assert.equal("", result.err)
    local first, second, undo = result.out:match("^deleted run one1 %((%x+)%)\n"
      .. "deleted run two2 %((%x+)%)\nto undo: mlmanager (.-)\n$")
    assert.equal(("--store sqlite:mlmanager.db restore %s %s"):format(first, second), undo)
    assert.equal("one2 two1", names(run))
    local words = {}
    for word in undo:gmatch("%S+") do
      words[#words + 1] = word
    end
    assert.equal(0, run(table.unpack(words)).status)
    assert.equal("one1 one2 two1 two2", names(run))
  end))

  it("deletes experiments with their runs", spec(function(run)
    local result = run("delete", "--experiment", "one", "--experiment", "2")
    assert.equal("deleted experiment one with its runs\ndeleted experiment two with its runs\n"
      .. "to undo: mlmanager restore --experiment one --experiment two\n", result.out)
    assert.equal("", names(run))
    assert.equal("restored experiment one with its runs\n",
      run("restore", "--experiment", "one").out)
    assert.equal("one1 one2", names(run))
  end))

  it("does nothing unless all is found", spec(function(run)
    program.refused(1, "mlmanager: there is no run 'on2'; did you mean 'one2'?\n",
      run("delete", "one1", "--experiment", "two", "on2"))
    program.refused(1, "mlmanager: there is no experiment 'three'\n",
      run("delete", "one1", "--experiment", "three"))
    assert.equal("one1 one2 two1 two2", names(run))
    program.refused(2, "mlmanager: delete needs a run, or an experiment with --experiment\n",
      run("delete"))
  end))

  it("knows what is deleted already, and restore what is not", spec(function(run)
    run("delete", "one1", "--experiment", "two")
    program.refused(1, "mlmanager: there is no run 'one1'; did you mean 'one2'?\n",
      run("delete", "one1"))
    program.refused(1, "mlmanager: experiment 'two' is deleted\n",
      run("delete", "--experiment", "two"))
    program.refused(1, "mlmanager: there is no deleted run 'one2'; did you mean 'one1'?\n",
      run("restore", "one2"))
    program.refused(1, "mlmanager: experiment 'one' is not deleted\n",
      run("restore", "--experiment", "one"))
    assert.matches("^restored run one1 %(%x+%)\n$", run("restore", "one1").out)
  end))
end)

describe("mlmanager rename", function()
  it("renames a run or an experiment", spec(function(run)
    assert.matches("^renamed run one1 to best run %(%x+%)\n$",
      run("rename", "one1", "best run").out)
    assert.equal("renamed experiment one to 漢字\n",
      run("rename", "--experiment", "one", "漢字").out)
    assert.equal("best run one2", names(run, "--experiment", "漢字"))
  end))

  it("refuses names that make no sense", spec(function(run)
    program.refused(2, "mlmanager: rename needs a new name for run 'one1'\n", run("rename", "one1"))
    program.refused(2,
      "mlmanager: rename takes one new name for an experiment, and was given 'b' as well\n",
      run("rename", "--experiment", "one", "a", "b"))
    local result = run("rename", "--experiment", "one", "two")
    assert.equal(1, result.status)
    assert.matches("^mlmanager: .*'two'", result.err)
  end))
end)
