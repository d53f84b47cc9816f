-- SPDX-License-Identifier: Apache-2.0
-- The programs of rest_store.py: mlmanager rest_store.lua URL PROGRAM [ARGUMENT…]. "environment"
-- as the URL leaves it to MLFLOW_TRACKING_URI.
local mlmanager = require "mlmanager"

local url, program = arg[1], arg[2]
-- Servers that are made to fail are waited for, so that the end of a run means that it is there.
local manager = mlmanager.MLManager{
  store = url ~= "environment" and url or nil, server_wait_ms = 120000,
}
local serial = 0

local function say(...)
  io.write(table.concat({ ... }, " "), "\n")
  io.flush()
end

local function new_name(what)
  serial = serial + 1
  return ("%s %d %s"):format(what, serial, tostring({}):match("%x+$") .. os.time())
end

local function refused(code, call, ...)
  local ok, why = pcall(call, ...)
  assert(not ok, "a call went through that was to fail")
  assert(why.code == code, ("%s, not %s: %s"):format(why.code, code, why))
  return tostring(why)
end

local programs = {}

function programs.everything()
  local name = new_name("é / #%41 ü")
  local experiment_id = manager.create_experiment(name)
  assert(manager.create_experiment(name) == experiment_id, "found, not made again")
  manager.set_active_experiment(name)
  assert(manager.experiment_id == experiment_id)
  assert(manager.get_experiment(experiment_id).name == name)
  manager.rename_experiment(experiment_id, name .. " renamed")
  assert(manager.get_experiment_by_name(name .. " renamed").experiment_id == experiment_id)
  manager.set_experiment_tag(experiment_id, "team", "pd")
  local found = manager.search_experiments{filter = "tags.team = 'pd'"}
  assert(#found >= 1)

  -- a run with everything in it
  manager.start_run{run_name = "läuft", tags = { team = "pd", ["mlflow.note.content"] = "n" }}
  local run_id = manager.current_run_id
  assert(#run_id == 32)
  manager.log_param("lr", 0.1)
  manager.log_param("lr", "0.1")
  local why = refused("exists", manager.log_param, "lr", 0.2)
  for _, part in ipairs{"'lr'", "'0.1'", "'0.2'"} do
    assert(why:find(part, 1, true), why)
  end
  manager.log_params{opt = "adam", layers = 3}
  manager.log_metric("loss", 0.5)
  manager.log_metric("loss", 0.25)
  manager.log_metric("loss", 0.125, { step = 10, timestamp = 1700000000000 })
  manager.log_metrics{acc = 0.9, f1 = 0.8}
  manager.log_metric("odd", 0 / 0)
  manager.log_metric("odd", math.huge)
  manager.set_tag("k", "v")
  manager.set_tags{a = "1", b = "2"}
  manager.delete_tag("a")
  refused("not_found", manager.delete_tag, "a")
  manager.log_batch{metrics = { m = 1 }, params = { p = "1" }, tags = { t = "x" }}
  manager.start_timer("fit")
  manager.log_and_stop_timer()

  local run = manager.get_run(run_id)
  assert(run.info.run_name == "läuft" and run.info.status == "RUNNING")
  assert(run.data.params.lr == "0.1" and run.data.params.layers == "3")
  assert(run.data.params.fit:find(" ms$"))
  assert(run.data.metrics.loss == 0.125 and run.data.metrics.acc == 0.9)
  assert(run.data.metrics.odd == 1.7976931348623157e308)
  assert(run.data.tags.k == "v" and run.data.tags.a == nil and run.data.tags.b == "2")
  assert(run.data.tags["mlmanager.run_id"] and run.data.tags["mlflow.user"])
  local history = manager.get_metric_history(run_id, "loss")
  assert(#history == 3 and history[1].step == 10 and history[1].value == 0.125)
  assert(history[2].step == 0 and history[3].step == 1)

  -- nested, ended, taken up again: it goes on with the next step
  manager.start_run{nested = true}
  local child = manager.current_run_id
  manager.log_metric("loss", 1)
  manager.end_run{status = "FAILED"}
  assert(manager.current_run_id == run_id)
  assert(manager.get_run(child).data.tags["mlflow.parentRunId"] == run_id)
  manager.end_run()
  assert(manager.current_run_id == nil)
  assert(manager.get_run(run_id).info.status == "FINISHED")
  manager.set_active_run(run_id)
  manager.log_metric("loss", 2)
  assert(manager.get_metric_history(run_id, "loss")[4].step == 11)
  manager.end_run()

  -- searching
  local runs = manager.search_runs{filter = "params.lr = '0.1' and metrics.acc > 0.5"}
  assert(#runs == 1 and runs[1].info.run_id == run_id)
  assert(#manager.search_runs{order_by = { "metrics.loss DESC" }} == 2)
  refused("invalid", manager.search_runs, { filter = "params.lr =" })
  refused("not_found", manager.get_run, ("0"):rep(32))

  -- a reset takes another run's place, since the server cannot delete params
  manager.start_run{run_name = "reset", tags = { team = "pd" }}
  local before = manager.current_run_id
  manager.log_param("lr", 1)
  manager.log_metric("loss", 1)
  manager.reset_run()
  local after = manager.current_run_id
  assert(after and after ~= before)
  local fresh = manager.get_run(after)
  assert(fresh.info.run_name == "reset")
  assert(not next(fresh.data.params) and not next(fresh.data.metrics))
  assert(fresh.data.tags.team == nil and fresh.data.tags["mlflow.user"])
  assert(manager.get_run(before).info.lifecycle_stage == "deleted")
  manager.log_param("lr", 2)
  manager.log_metric("loss", 2)
  assert(manager.get_metric_history(after, "loss")[1].step == 0)
  manager.delete_active_run()
  assert(manager.current_run_id == nil)

  -- deleting and restoring
  manager.delete_run(run_id)
  assert(manager.get_run(run_id).info.lifecycle_stage == "deleted")
  refused("state", manager.set_active_run, run_id)
  manager.restore_run(run_id)
  manager.rename_run(run_id, "anders")
  assert(manager.get_run(run_id).info.run_name == "anders")
  manager.delete_experiment(experiment_id)
  refused("state", manager.set_active_experiment, name .. " renamed")
  manager.restore_experiment(experiment_id)
  manager.close()
  say("everything")
end

function programs.ask()
  local ok, why = pcall(manager.search_experiments)
  say("asked", ok and "ok" or why.code)
end

function programs.flood(points)
  manager.create_experiment(new_name("flood"))
  manager.start_run()
  say("started", manager.current_run_id)
  io.read()
  for i = 1, points do
    manager.log_metric("loss", i)
  end
  say("logged")
  io.read()
  manager.end_run()
  say("ended")
end

function programs.several(count, points)
  manager.create_experiment(new_name("several"))
  local ids = {}
  for i = 1, count do
    manager.start_run()
    ids[i] = manager.current_run_id
    manager.log_param("lr", 0.1)
    for k = 1, points do
      manager.log_metric("loss", k)
    end
    manager.end_run()
  end
  say("ended", table.unpack(ids))
end

-- Opening the manager adopts in the background what a dead process left.
function programs.wait_for_end(run_id)
  local status
  repeat
    status = manager.get_run(run_id).info.status
  until status ~= "RUNNING"
  manager.close()
  say("status", status)
end

programs[program](table.unpack(arg, 3))
