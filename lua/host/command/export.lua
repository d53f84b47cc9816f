-- SPDX-License-Identifier: Apache-2.0
return function(host, given)
  local transfer = host.load "transfer"
  if not given.output then
    host.refuse("export needs a file to write: -o runs.tar.gz")
  elseif #given == 0 and not given.experiment and not given.all then
    host.refuse("export needs a run, --experiment or --all")
  end
  local manager = host.open()
  local run_ids, experiment_ids = transfer.selection(manager, given)
  local ok, result = pcall(transfer.run, function(report)
    return manager:export { file = given.output, run_ids = run_ids,
      experiment_ids = experiment_ids, overwrite = given.force, report = report }
  end)
  if not ok and type(result) == "table" and result.code == "exists" then
    host.fail("%s with --force", result.message)
  elseif not ok then
    error(result, 0)
  end
  host.write(("wrote %s to %s\n"):format(transfer.sum(result),
    host.terminal.clean(given.output)))
  return result.problems > 0 and 1 or 0
end
