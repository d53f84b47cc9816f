-- SPDX-License-Identifier: Apache-2.0
-- A tracking server that is away, as scripts and the command line see it. tests/peers/offline.py
-- has a server that comes back.

local program = require "tests.lua.program"

-- Nobody listens there.
local AWAY = "http://127.0.0.1:9"

local BEGIN = ([[
  local manager = require "mlmanager".MLManager { store = "%s", server_wait_ms = 50 }
]]):format(AWAY)

--- fn(log, run): log(code) runs a script on the server that is away, run a command.
local function spec(fn)
  return program.spec(function(run, directory)
    local environment = { XDG_STATE_HOME = directory, MLMANAGER_JOURNAL_DIR = "" }
    local function log(code)
      return run("-", { input = BEGIN .. code, environment = environment })
    end
    fn(log, function(...)
      local words = { ... }
      words[#words + 1] = { environment = environment }
      return run(table.unpack(words))
    end)
  end)
end

local function ran(result)
  assert.equal(0, result.status, result.err)
  return result.out
end

describe("a script whose server is away", function()
  it("goes on and ends, and is told what waits", spec(function(log)
    local result = log [[
      print(manager:create_experiment "far", manager.experiment_id)
      manager:set_active_experiment "farther"
      local run = manager:start_run { run_name = "here", tags = { team = "pd" } }
      print(run.experiment_id, #manager.current_run_id)
      manager:log_params { lr = 0.1 }
      manager:start_timer "time"
      for i = 1, 10 do manager:log_metric("loss", i) end
      manager:set_tags { a = 1, b = 2 }
      manager:delete_tag "b"
      manager:run({ run_name = "inside", nested = true }, function()
        manager:log_metric("x", 1)
      end)
      manager:log_and_stop_timer()
      local id = manager.current_run_id
      manager:end_run()
      local got = manager:get_run(id)
      print(got.info.run_id == id, got.info.status, got.data.params.lr, got.data.metrics.loss)
      print(got.info.experiment_id, got.data.tags.a, got.data.tags.b)
      print(got.data.tags["mlmanager.run_id"] == id, #manager:get_metric_history(id, "loss"))
    ]]
    assert.equal("nil\tnil\nnil\t32\ntrue\tFINISHED\t0.1\t10.0\nnil\t1\tnil\ntrue\t10\n",
      ran(result))
    assert.matches("^mlmanager: what run %x+ logged waits in '[^\n]+'mlmanager sync'[^\n]+\n$",
      result.err)
  end))

  it("fails as ever where it fails itself", spec(function(log)
    local result = log [[
      manager:create_experiment "far"
      manager:start_run()
      print(manager.current_run_id)
      io.stdout:flush()
      manager:log_param("lr", 0.1)
      print(pcall(manager.log_param, "lr", 0.2))
      error "no good"
    ]]
    assert.equal(1, result.status)
    assert.matches("'lr' of run %x+ is '0.1', the new value is '0.2'", result.out)
    local id = result.out:match "^%x+"
    local got = ran(log(([[
      local run = manager:get_run "%s"
      print(run.info.status, run.data.tags["mlmanager.traceback"])
    ]]):format(id)))
    assert.matches("^FAILED\t[^\n]*no good", got)
  end))

  it("is told of what only the server knows", spec(function(log)
    local out = ran(log [[
      local function code(...)
        local ok, why = pcall(...)
        return ok or why.code
      end
      print(code(manager.get_run, "0123"), code(manager.search_runs, { experiment_ids = { "1" } }))
      print(code(manager.create_experiment, "far", true))
      manager:create_experiment "far"
      print(code(manager.search_runs))
      print(code(manager.list_artifacts, "", "0123"), code(manager.delete_artifact, "a", "0123"))
    ]])
    assert.equal("again\tagain\nagain\nagain\nagain\tagain\n", out)
  end))

  it("keeps artifacts, which are read as if they were there", spec(function(log)
    local result = log [[
      manager:create_experiment "far"
      manager:start_run()
      manager:log_text("first", "notes/a b.txt")
      manager:log_text("second", "notes/a b.txt")
      manager:log_dict({ lr = 0.1 }, "config.json")
      manager:log_table({ x = { 1 } }, "rows.json")
      manager:log_table({ x = { 2 } }, "rows.json")
      manager:log_image(("\255\0\0\255"):rep(4), "red.png", { width = 2, height = 2 })
      manager:log_text("gone", "gone.txt")
      manager:delete_artifact "gone.txt"
      for _, artifact in ipairs(manager:list_artifacts()) do
        print(artifact.path, artifact.file_size)
      end
      print(manager:retrieve_artifact_stream(manager.current_run_id, "notes/a b.txt"))
      print(manager:retrieve_artifact_stream(manager.current_run_id, "rows.json"))
      print(select(2, pcall(manager.log_text, "", "notes")).code)
      manager:end_run()
    ]]
    assert.equal(table.concat({ "config.json\t16", "notes\tnil", "red.png\t90",
      "rows.json\t34", "second", '{"columns":["x"],"data":[[1],[2]]}', "exists", "" }, "\n"),
      ran(result))
    assert.matches("with 4 artifacts %(%d+ bytes%)", result.err)
  end))

  it("can be taken up by another one", spec(function(log)
    local id = ran(log [[
      manager:create_experiment "far"
      manager:start_run()
      manager:log_metric("loss", 1)
      print(manager.current_run_id)
      manager:end_run()
    ]]):match "%x+"
    local out = ran(log(([[
      manager:set_active_run "%s"
      manager:log_metric("loss", 2)
      for _, point in ipairs(manager:get_metric_history("%s", "loss")) do
        print(point.step, point.value)
      end
      manager:end_run()
    ]]):format(id, id)))
    assert.equal("0\t1.0\n1\t2.0\n", out)
  end))

  it("may send what waits, and sees how far that comes", spec(function(log)
    local out = ran(log [[
      manager:create_experiment "far"
      manager:start_run()
      manager:end_run()
      local kinds = {}
      local result = manager:sync { report = function(event)
        kinds[#kinds + 1] = event.kind .. (event.run_id and " run" or " " .. event.name)
      end }
      print(table.concat(kinds, ", "), result.left, result.runs, result.why:match "cannot reach")
      print(select(2, pcall(manager.sync, { report = function() error("enough", 0) end })))
      print((select(2, pcall(manager.sync, { dry_run = true })).message:match "give `into`"))
    ]])
    assert.equal("left far, left run\t2\t0\tcannot reach\nenough\ngive `into`\n", out)
  end))
end)

describe("mlmanager sync", function()
  it("says what goes on waiting, and that by its exit status", spec(function(log, run)
    log [[
      manager:create_experiment "far"
      manager:start_run()
      manager:end_run()
    ]]
    for _, words in ipairs { { "--store", AWAY }, { "--all" } } do
      local result = run("sync", table.unpack(words))
      assert.equal(1, result.status)
      assert.equal(AWAY .. ": 0 runs, 0 points delivered, 2 waiting\n", result.out)
      assert.matches("^mlmanager: experiment 'far' goes on waiting: cannot reach [^\n]+\n"
        .. "mlmanager: run %x+ goes on waiting\n$", result.err)
    end
  end))

  it("has nothing to do where nothing waits", spec(function(_, run)
    local result = run("sync", "--store", AWAY)
    assert.same({ 0, AWAY .. ": 0 runs, 0 points delivered\n", "" },
      { result.status, result.out, result.err })
    result = run("sync", "--all")
    assert.same({ 0, "", "" }, { result.status, result.out, result.err })
  end))

  it("wants a store to copy runs to", spec(function(_, run)
    program.refused(2, "mlmanager: a run goes with --to URI, the store to copy to\n",
      run("sync", "best"))
    program.refused(2, "mlmanager: --dry-run goes with --to URI, the store to copy to\n",
      run("sync", "--dry-run"))
  end))
end)

