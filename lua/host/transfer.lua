-- SPDX-License-Identifier: Apache-2.0
-- What export, import and sync have in common: transfer.report() makes the function that shows how
-- far they are and what goes wrong, transfer.sum(result) the words for what was done. The delivery
-- to a server that was away has these words as well.

local host = ...
local quantity = host.load "quantity"

local transfer = {}

--- The function for `report`, and one to call at the end.
function transfer.report()
  local line = host.load "status_line"()
  local function report(event)
    if event.kind == "problem" then
      line.clear()
      io.stderr:write("mlmanager: ", host.terminal.clean(event.text), "\n")
    else
      line.show(transfer.sum(event) .. ": " .. (event.name or event.text), transfer.bytes(event))
    end
  end
  return report, line.clear
end

--- Calls run(report) and gives the terminal's line back, whatever happens.
function transfer.run(run)
  local report, clear = transfer.report()
  local ok, result = pcall(run, report)
  clear()
  if not ok then
    error(result, 0)
  end
  return result
end

function transfer.sum(result)
  local parts = { quantity.count(result.runs, "run"), quantity.count(result.points, "point") }
  if result.artifacts > 0 then
    parts[#parts + 1] = ("%s (%s)"):format(quantity.count(result.artifacts, "artifact"),
      quantity.bytes(result.artifact_bytes))
  end
  return table.concat(parts, ", ")
end

--- How far the file is that is on its way, to follow its name; "" where none is.
function transfer.bytes(event)
  if not event.total_bytes then
    return ""
  end
  return (", %s of %s"):format(quantity.bytes(event.done_bytes), quantity.bytes(event.total_bytes))
end

--- The ids of the experiments and runs that a command line names.
function transfer.selection(manager, given)
  local reference = host.load "reference"
  local experiments, runs = {}, {}
  for i, experiment in ipairs(reference.experiments(manager, given.experiment or {})) do
    experiments[i] = experiment.experiment_id
  end
  for i, run in ipairs(reference.runs(manager, given)) do
    runs[i] = run.info.run_id
  end
  if #experiments + #runs > 0 and given.all then
    host.refuse("--all is everything; leave out the names, or --all")
  end
  return runs, experiments
end

return transfer
