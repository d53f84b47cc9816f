-- SPDX-License-Identifier: Apache-2.0
local host = ...

local function copy(given)
  local transfer = host.load "transfer"
  -- Only the store to copy to makes experiments, and so has a use for --artifacts.
  local artifacts = host.artifacts
  host.artifacts = nil
  local manager = host.open()
  local run_ids, experiment_ids = transfer.selection(manager, given)
  local result = transfer.run(function(report)
    return manager:sync { into = given.to, run_ids = run_ids, experiment_ids = experiment_ids,
      dry_run = given.dry_run, artifacts = artifacts, report = report }
  end)
  host.write(("%s %s, %d of them new\n"):format(given.dry_run and "would copy" or "copied",
    transfer.sum(result), result.new_runs))
  return result.problems > 0 and 1 or 0
end

return function(_, given)
  if given.to then
    return copy(given)
  end
  local what = (given[1] and "a run" or given.experiment and "--experiment"
    or given.dry_run and "--dry-run")
  if what then
    host.refuse("%s goes with --to URI, the store to copy to", what)
  end
  return host.load "delivery"(given.all)
end
