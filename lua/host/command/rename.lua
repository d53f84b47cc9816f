-- SPDX-License-Identifier: Apache-2.0
return function(host, given)
  local reference = host.load "reference"
  local clean = host.terminal.clean
  if given.experiment and #given > 1 then
    host.refuse("rename takes one new name for an experiment, and was given '%s' as well", given[2])
  elseif not given.experiment and #given < 2 then
    host.refuse("rename needs a new name for run '%s'", given[1])
  end
  local manager = host.open()
  if given.experiment then
    local experiment = reference.experiment(manager, given.experiment)
    manager.rename_experiment(experiment.experiment_id, given[1])
    host.write(("renamed experiment %s to %s\n"):format(clean(experiment.name), clean(given[1])))
  else
    local run = reference.run(manager, given[1], "active")
    manager.rename_run(run.info.run_id, given[2])
    host.write(("renamed run %s to %s (%s)\n"):format(clean(run.info.run_name), clean(given[2]),
      run.info.run_id))
  end
end
