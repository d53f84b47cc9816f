-- SPDX-License-Identifier: Apache-2.0
return function(host, given)
  local transfer = host.load "transfer"
  -- A misspelt name shall not leave an empty store behind.
  local file, problem = io.open(given[1])
  if not file then
    host.fail("cannot read '%s': %s", given[1], problem:match "[^:]*$":sub(2))
  end
  file:close()
  local manager = host.open { create = not given.dry_run }
  local result = transfer.run(function(report)
    return manager:import { file = given[1], experiment_name = given.experiment,
      dry_run = given.dry_run, bytes_max = given.max_bytes, report = report }
  end)
  host.write(("%s %s, %d of them new\n"):format(given.dry_run and "would import" or "imported",
    transfer.sum(result), result.new_runs))
  return result.problems > 0 and 1 or 0
end
