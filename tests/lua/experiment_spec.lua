-- SPDX-License-Identifier: Apache-2.0
-- Experiments: create, choose, look up, rename, delete, restore.

local scratch = require "tests.lua.scratch"

local refused = scratch.refused

describe("create_experiment", function()
  it("makes the experiment, makes it active, and returns its id", scratch.store(function(manager)
    assert.equal("1", manager.create_experiment("myFirstExperiment"))
    assert.equal("1", manager.experiment_id)
    assert.equal("myFirstExperiment", manager.get_experiment().name)
  end))

  it("takes up the experiment of that name", scratch.store(function(manager)
    manager.create_experiment("a")
    manager.create_experiment("b")
    assert.equal("1", manager:create_experiment("a"))
    assert.equal("1", manager.experiment_id)
  end))

  it("takes keywords", scratch.store(function(manager)
    manager.create_experiment {
      experiment_name = "a",
      tags = { team = "pd", size = 3 },
      artifact_location = "/data/a",
    }
    local experiment = manager.get_experiment()
    assert.equal("/data/a", experiment.artifact_location)
    assert.same({ team = "pd", size = "3" }, experiment.tags)
    assert.equal("1", manager.create_experiment { name = "a" })
  end))

  it("deletes the runs with reset, restorably", scratch.store(function(manager)
    manager.create_experiment("a")
    local run = manager.start_run()
    manager.end_run()
    manager.create_experiment("a", true)
    assert.same({}, (manager.search_runs()))
    assert.equal(1, #manager.search_runs { view = "deleted" })
    manager.restore_run(run.run_id)
    assert.equal(1, #manager.search_runs())
    manager.create_experiment { experiment_name = "a", reset = true }
    assert.same({}, (manager.search_runs()))
    manager.create_experiment("a", false)
  end))

  it("does not reset under an active run", scratch.store(function(manager)
    manager.create_experiment("specs")
    local run = manager.start_run()
    refused("state", { "reset would delete the active run " .. run.run_id, "end it first" },
      manager.create_experiment, "specs", true)
    manager.end_run()
  end))

  it("says what to do about the name of a deleted experiment", scratch.store(function(manager)
    local id = manager.create_experiment("a")
    manager.delete_experiment(id)
    refused("state", { "experiment 'a' (id 1) is deleted", "restore_experiment",
      "choose another name" }, manager.create_experiment, "a")
  end))

  it("says what is wrong with its arguments", scratch.store(function(manager)
    refused("invalid", "bad argument #1 to 'create_experiment' (experiment_name must be a string, "
      .. "got nil)", manager.create_experiment)
    refused("invalid", "bad argument #1 to 'create_experiment'", manager.create_experiment, manager)
    refused("invalid", "create_experiment: experiment_name must be a string, got nil",
      manager.create_experiment, { reset = true })
    refused("invalid", "bad argument #2 to 'create_experiment' (reset must be true or false, got "
      .. "the number 1)", manager.create_experiment, "a", 1)
    refused("invalid", "experiment_name must be a string, got a boolean", manager.create_experiment,
      true)
    refused("invalid", "experiment_name must be text, and holds a zero byte",
      manager.create_experiment, "a\0b")
    refused("invalid", "the experiment's name is empty", manager.create_experiment, "")
    refused("invalid", "has 501 characters; at most 500", manager.create_experiment,
      ("x"):rep(501))
    refused("invalid", { "create_experiment: unknown field 'rest'", "the known ones are "
      .. "experiment_name, reset, tags, artifact_location" }, manager.create_experiment,
      { experiment_name = "a", rest = true })
    refused("invalid", "create_experiment: a list where fields are wanted",
      manager.create_experiment, { "a" })
  end))
end)

describe("set_active_experiment", function()
  it("takes a name or an id", scratch.store(function(manager)
    manager.create_experiment("a")
    manager.create_experiment("b")
    manager.set_active_experiment("a")
    assert.equal("1", manager.experiment_id)
    manager.set_active_experiment(2)
    assert.equal("2", manager.experiment_id)
    manager.set_active_experiment("1")
    assert.equal("1", manager.experiment_id)
    manager.set_active_experiment { experiment_name = "b" }
    assert.equal("2", manager.experiment_id)
    manager.set_active_experiment { experiment_id = 1 }
    assert.equal("1", manager.experiment_id)
  end))

  it("takes a string as a name first, a number as an id only", scratch.store(function(manager)
    manager.create_experiment("2") -- its id is 1
    manager.create_experiment("x") -- its id is 2
    manager.set_active_experiment("2")
    assert.equal("1", manager.experiment_id)
    manager.set_active_experiment(2)
    assert.equal("2", manager.experiment_id)
    manager.set_active_experiment { experiment_name = 1 }
    assert.equal("1", manager.experiment_id)
  end))

  it("leaves runs that exist where they are", scratch.store(function(manager)
    manager.create_experiment("a")
    local run = manager.start_run()
    manager.create_experiment("b")
    assert.equal("1", manager.get_run(run.run_id).info.experiment_id)
    manager.end_run()
    assert.equal("2", manager.start_run().experiment_id)
    manager.end_run()
  end))

  it("says what is missing", scratch.store(function(manager)
    refused("not_found", "there is no experiment 'a'; create it with create_experiment",
      manager.set_active_experiment, "a")
    refused("not_found", "7", manager.set_active_experiment, 7)
    refused("invalid", "experiment_name must be a string, got nil", manager.set_active_experiment)
    refused("invalid", "got the number 1.5", manager.set_active_experiment, 1.5)
    manager.create_experiment("a")
    manager.delete_experiment("1")
    refused("state", "is deleted", manager.set_active_experiment, "a")
  end))
end)

describe("An experiment", function()
  it("is read by id, by name, or as the active one", scratch.store(function(manager)
    refused("state", "'get_experiment' needs an experiment: call create_experiment or "
      .. "set_active_experiment first, or pass its id", manager.get_experiment)
    manager.create_experiment("a")
    local experiment = manager.get_experiment()
    assert.same(experiment, manager.get_experiment("1"))
    assert.same(experiment, manager.get_experiment(1))
    assert.same(experiment, manager.get_experiment { experiment_id = 1 })
    assert.same(experiment, manager.get_experiment_by_name("a"))
    assert.equal("active", experiment.lifecycle_stage)
    assert.equal("integer", math.type(experiment.creation_time))
    assert.is_nil(manager.get_experiment_by_name("b"))
    refused("not_found", "9", manager.get_experiment, 9)
  end))

  it("is renamed", scratch.store(function(manager)
    manager.create_experiment("a")
    manager.create_experiment("b")
    manager.rename_experiment("1", "c")
    manager.rename_experiment { experiment_id = 1, new_name = "d" }
    assert.equal("d", manager.get_experiment(1).name)
    refused("exists", "b", manager.rename_experiment, "1", "b")
    refused("invalid", "bad argument #2 to 'rename_experiment' (new_name must be a string",
      manager.rename_experiment, "1")
    refused("not_found", "9", manager.rename_experiment, 9, "x")
  end))

  it("is deleted with its runs, and comes back with them", scratch.store(function(manager)
    manager.create_experiment("specs")
    manager.start_run()
    refused("state", "end it first", manager.delete_experiment, manager.experiment_id)
    manager.end_run()
    manager.delete_experiment(1)
    assert.is_nil(manager.experiment_id)
    assert.equal("deleted", manager.get_experiment(1).lifecycle_stage)
    assert.same({}, (manager.search_runs { experiment_ids = 1 }))
    manager.restore_experiment(1)
    assert.equal(1, #manager.search_runs { experiment_ids = "1" })
    refused("invalid", "experiment_id must be a string, got nil", manager.delete_experiment)
    refused("not_found", "9", manager.delete_experiment, 9)
    refused("not_found", "9", manager.restore_experiment, 9)
  end))

  it("has tags", scratch.store(function(manager)
    refused("state", "'set_experiment_tag' needs an experiment", manager.set_experiment_tag, "a", 1)
    manager.create_experiment("a")
    manager.set_experiment_tag("team", "pd")
    manager.set_experiment_tag(1, "size", 0.5)
    manager.set_experiment_tag { key = "ok", value = true }
    manager.set_experiment_tag { experiment_id = "1", key = "team", value = "ml" }
    assert.same({ team = "ml", size = "0.5", ok = "true" }, manager.get_experiment().tags)
    refused("invalid", "bad argument #1 to 'set_experiment_tag' (key must be a string, got nil)",
      manager.set_experiment_tag)
    refused("invalid", "the value of tag 'team' must be a string, number or boolean, got nil",
      manager.set_experiment_tag, "team")
  end))
end)

describe("search_experiments", function()
  it("finds by filter, in order, page by page", scratch.store(function(manager)
    for _, name in ipairs { "b", "a", "other" } do
      manager.create_experiment(name)
    end
    local function names(query)
      local list, token = manager.search_experiments(query)
      local result = {}
      for i, experiment in ipairs(list) do
        result[i] = experiment.name
      end
      return result, token
    end
    assert.same({ "a", "b" }, (names { filter = "name LIKE '_'", order_by = { "name ASC" } }))
    local first, token = names { order_by = "name", max_results = 3 }
    assert.same({ "Default", "a", "b" }, first)
    assert.same({ "other" }, (names { order_by = "name", max_results = 3, page_token = token }))
    assert.equal(4, #manager.list_experiments())
    manager.delete_experiment(1)
    assert.same({ "b" }, (names { view = "deleted" }))
    assert.equal(4, #names { view = "all" })
  end))

  it("says what is wrong with a query", scratch.store(function(manager)
    local search = manager.search_experiments
    refused("invalid", "the query must be a table such as {filter=", search, "name = 'a'")
    refused("invalid", { "unknown field 'filtr'; the known ones are filter, order_by, max_results, "
      .. "page_token, view" }, search, { filtr = "x" })
    refused("invalid", "view must be one of 'active', 'deleted', 'all', got the string 'old'",
      search, { view = "old" })
    refused("invalid", "max_results must lie between 1 and 50000, got 0", search,
      { max_results = 0 })
    refused("invalid", "item 2 of order_by must be a string, got a boolean", search,
      { order_by = { "name", true } })
    refused("invalid", "order_by must be a string or a list of strings, got a boolean", search,
      { order_by = true })
  end))
end)
