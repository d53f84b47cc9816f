-- SPDX-License-Identifier: Apache-2.0
-- lifecycle(given, direction): deletes or restores the runs, and the experiments of --experiment,
-- that a command names. All are found first: either all that was named is there, or nothing is
-- done.

local host = ...

local DIRECTIONS = {
  delete = { view = "active", done = "deleted", run = "delete_run",
    experiment = "delete_experiment" },
  restore = { view = "deleted", done = "restored", run = "restore_run",
    experiment = "restore_experiment" },
}

--- As a shell takes it.
local function quote(word)
  return word:find("^[%w_./:-]+$") and word or "'" .. word:gsub("'", "'\\''") .. "'"
end

return function(given, direction)
  local words = DIRECTIONS[direction]
  local reference = host.load "reference"
  local clean = host.terminal.clean
  local named = given.experiment or {}
  if #given + #named == 0 then
    host.refuse("%s needs a run, or an experiment with --experiment", direction)
  end
  local manager = host.open()
  local experiments = reference.experiments(manager, named, words.view)
  local runs = reference.runs(manager, given, words.view)
  local undo = { "mlmanager" }
  if host.store then
    undo[2] = "--store " .. quote(host.store)
  end
  undo[#undo + 1] = "restore"
  for _, experiment in ipairs(experiments) do
    manager[words.experiment](experiment.experiment_id)
    host.write(("%s experiment %s with its runs\n"):format(words.done, clean(experiment.name)))
    undo[#undo + 1] = "--experiment " .. quote(experiment.name)
  end
  for _, run in ipairs(runs) do
    manager[words.run](run.info.run_id)
    host.write(("%s run %s (%s)\n"):format(words.done, clean(run.info.run_name), run.info.run_id))
    undo[#undo + 1] = run.info.run_id
  end
  if direction == "delete" then
    host.write("to undo: " .. table.concat(undo, " ") .. "\n")
  end
end
