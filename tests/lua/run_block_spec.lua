-- SPDX-License-Identifier: Apache-2.0
-- manager:run(options, fn, ...): a run around a function, FAILED with the traceback anywhere.

local scratch = require "tests.lua.scratch"

local refused = scratch.refused

local function block(fn)
  return scratch.store(function(manager, directory, open)
    manager.create_experiment("specs")
    fn(manager, directory, open)
  end)
end

describe("manager:run", function()
  it("gives the function a run and ends it FINISHED", block(function(manager)
    local id
    manager:run({ run_name = "block", tags = { team = "pd" } }, function(run)
      id = run.run_id
      assert.equal(id, manager.current_run_id)
      manager.log_metric("loss", 1)
    end)
    assert.is_nil(manager.current_run_id)
    local stored = manager.get_run(id)
    assert.equal("FINISHED", stored.info.status)
    assert.equal("block", stored.info.run_name)
    assert.equal("pd", stored.data.tags.team)
    assert.is_nil(stored.data.tags["mlmanager.traceback"])
  end))

  it("passes arguments and results on, nils among them", block(function(manager)
    local function swap(run, ...)
      assert.is_true(run:is_open())
      return select("#", ...), ...
    end
    assert.same({ n = 4, 3, nil, "b" }, table.pack(manager:run({}, swap, nil, "b", nil)))
    assert.same({ n = 3, 2, "a", "b" }, table.pack(manager:run(swap, "a", "b")))
    assert.same({ n = 1, 0 }, table.pack(manager:run(swap)))
    assert.same({ n = 2, 1 }, table.pack(manager.run(nil, swap, nil)))
  end))

  it("works with a dot", block(function(manager)
    assert.equal("done", manager.run({}, function() return "done" end))
    assert.equal("done", manager.run(function() return "done" end))
  end))

  it("leaves the run FAILED with the traceback, and the error goes on", block(function(manager)
    local id
    local function diverge()
      error("the fit diverged", 0)
    end
    local ok, failure = pcall(manager.run, {}, function(run)
      id = run.run_id
      diverge()
    end)
    assert.is_false(ok)
    assert.equal("the fit diverged", failure)
    local stored = manager.get_run(id)
    assert.equal("FAILED", stored.info.status)
    local traceback = stored.data.tags["mlmanager.traceback"]
    assert.matches("^the fit diverged\nstack traceback:\n", traceback)
    assert.matches("in upvalue 'diverge'", traceback)
    assert.is_nil(manager.current_run_id)
  end))

  it("passes any error value on as it is", block(function(manager)
    local value = setmetatable({}, { __tostring = function() error("no text") end })
    for _, thrown in ipairs { value, 3, false } do
      local ok, failure = pcall(manager.run, function() error(thrown) end)
      assert.is_false(ok)
      assert.equal(thrown, failure)
    end
    local ok, failure = pcall(manager.run, function() error() end)
    assert.is_false(ok)
    assert.is_nil(failure)
    for _, run in ipairs((manager.search_runs())) do
      assert.equal("FAILED", run.info.status)
      assert.is_string(run.data.tags["mlmanager.traceback"])
    end
  end))

  it("survives a stack that overflows", block(function(manager)
    local function deeper() return 1 + deeper() end
    local ok, failure = pcall(manager.run, deeper)
    assert.is_false(ok)
    assert.matches("stack overflow", failure)
    assert.equal("FAILED", manager.search_runs()[1].info.status)
  end))

  it("nests", block(function(manager)
    local parent
    manager:run({ run_name = "grid" }, function(outer)
      for i = 1, 2 do
        manager:run({ run_name = "cell " .. i, nested = true }, function(run)
          run:log_metric("loss", i)
        end)
        assert.equal(outer.run_id, manager.current_run_id)
      end
      parent = outer.run_id
    end)
    local filter = ("tags.`mlflow.parentRunId` = '%s'"):format(parent)
    assert.equal(2, #manager.search_runs { filter = filter })
    refused("state", "nested=true", function()
      manager:run(function()
        manager:run(function() end)
      end)
    end)
  end))

  it("ends runs that the function left open inside it", block(function(manager)
    local inner
    manager:run(function()
      inner = manager.start_run { nested = true }
      manager.start_run { nested = true }
    end)
    assert.is_nil(manager.current_run_id)
    assert.equal("FINISHED", manager.get_run(inner.run_id).info.status)
    pcall(manager.run, function()
      inner = manager.start_run { nested = true }
      error("x")
    end)
    assert.equal("FAILED", manager.get_run(inner.run_id).info.status)
  end))

  it("lets the function end its run itself", block(function(manager)
    local id
    manager:run(function(run)
      id = run.run_id
      run:end_run { status = "KILLED" }
    end)
    assert.equal("KILLED", manager.get_run(id).info.status)
    manager:run(function()
      manager.delete_active_run()
    end)
    assert.is_nil(manager.current_run_id)
  end))

  it("does not touch a run that the function took up", block(function(manager)
    local old = manager.start_run()
    manager.end_run { status = "KILLED" }
    local before = manager.get_run(old.run_id).info
    local id
    manager:run(function(run)
      id = run.run_id
      manager.set_active_run(old.run_id)
      manager.log_metric("late", 1)
    end)
    assert.equal("FINISHED", manager.get_run(id).info.status)
    assert.equal(old.run_id, manager.current_run_id)
    assert.same(before, manager.get_run(old.run_id).info)
    manager.end_run()
  end))

  it("lets the function yield", block(function(manager)
    local thread = coroutine.wrap(function()
      return manager:run(function(run)
        run:log_metric("frame", 1)
        local more = coroutine.yield("first")
        run:log_metric("frame", more)
        return "second"
      end)
    end)
    assert.equal("first", thread())
    assert.is_string(manager.current_run_id)
    assert.equal("second", thread(7))
    assert.equal(7, manager.search_runs()[1].data.metrics.frame)
    assert.equal("FINISHED", manager.search_runs()[1].info.status)
  end))

  it("says what is wrong with its arguments", block(function(manager)
    refused("invalid", "bad argument #2 to 'run' (fn must be a function that takes the run, got "
      .. "nil)", manager.run, {})
    refused("invalid", "bad argument #1 to 'run' (options must be a table as start_run takes it, "
      .. "got a string)", manager.run, "name", function() end)
    refused("invalid", "unknown field 'team'", manager.run, { team = "pd" }, function() end)
    assert.is_nil(manager.current_run_id)
  end))
end)
