-- SPDX-License-Identifier: Apache-2.0
return function(host, given)
  local transfer = host.load "transfer"
  if not given.to then
    host.refuse("sync needs the store to copy to: --to URI")
  end
  local manager = host.open()
  local run_ids, experiment_ids = transfer.selection(manager, given)
  local result = transfer.run(function(report)
    return manager:sync { into = given.to, run_ids = run_ids, experiment_ids = experiment_ids,
      dry_run = given.dry_run, report = report }
  end)
  host.write(("%s %s, %d of them new\n"):format(given.dry_run and "would copy" or "copied",
    transfer.sum(result), result.new_runs))
  return result.problems > 0 and 1 or 0
end
