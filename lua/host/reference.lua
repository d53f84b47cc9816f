-- SPDX-License-Identifier: Apache-2.0
-- What people call runs and experiments by: run(manager, text, view), runs(manager, list, view),
-- experiment(manager, text, view), experiments(manager, list, view). A run is called by its id, by
-- a part of it from the beginning that no other run's id has, or by its name where no other run has
-- it; an experiment by its name or its id. view is "active", "deleted" or "all", the default.
-- Nothing is returned unless all are found; what is not, or is ambiguous, ends the command.

local host = ...
local nearest = host.load "nearest"
local search = host.load "run_search"
local show_ago = host.load "run_columns".show_ago

local CANDIDATES_MAX = 10
local NAMES_MAX = 1000 -- of the latest runs, to find the one that a misspelt name means
local ID_SHOWN = 8 -- digits of an id that tell runs apart in most stores

local reference = {}

--- All experiments as { name by id }, and their ids as search_runs takes them.
function reference.all_experiments(manager, view)
  local names, ids, list, token = {}, {}, {}, nil
  repeat
    local found
    found, token = manager:search_experiments { view = view or "all", page_token = token }
    for _, experiment in ipairs(found) do
      names[experiment.experiment_id] = experiment.name
      ids[#ids + 1] = experiment.experiment_id
      list[#list + 1] = experiment
    end
  until not token
  return names, ids, list
end

--- Lines that tell runs of one name, or ids of one beginning, apart.
local function candidates(runs, names)
  local lines = {}
  for i, run in ipairs(runs) do
    if i > CANDIDATES_MAX then
      lines[i] = "  ..."
      break
    end
    -- As much of the id as tells them apart, and no less than is shown elsewhere.
    local size = ID_SHOWN
    for _, other in ipairs(runs) do
      while other ~= run and size < 32
        and other.info.run_id:sub(1, size) == run.info.run_id:sub(1, size) do
        size = size + 1
      end
    end
    local clean = host.terminal.clean
    lines[i] = ("  %s  %s  in %s, started %s%s"):format(run.info.run_id:sub(1, size),
      clean(run.info.run_name), clean(names[run.info.experiment_id] or "?"),
      show_ago(run.info.start_time),
      run.info.lifecycle_stage == "deleted" and ", deleted" or "")
  end
  return table.concat(lines, "\n")
end

local function not_found(manager, text, view)
  local names = {}
  local _, ids = reference.all_experiments(manager)
  for _, run in ipairs(#ids > 0 and manager:search_runs { experiment_ids = ids, view = view,
    max_results = NAMES_MAX } or {}) do
    names[#names + 1] = run.info.run_name
  end
  local near = nearest(text, names)
  host.fail("there is no %srun '%s'%s", view == "deleted" and "deleted " or "",
    text, near and ("; did you mean '%s'?"):format(near) or "")
end

function reference.run(manager, text, view)
  local found, what, names = search(manager, text, view)
  if #found == 0 then
    not_found(manager, text, view)
  elseif #found > 1 then
    error({ status = 1, message = ("'%s' is the %s of several runs; name one by its id"):format(
      text, what), hint = candidates(found, names) }, 0)
  end
  return found[1]
end

function reference.runs(manager, list, view)
  local runs, is_taken = {}, {}
  for _, text in ipairs(list) do
    local run = reference.run(manager, text, view)
    if not is_taken[run.info.run_id] then
      is_taken[run.info.run_id] = true
      runs[#runs + 1] = run
    end
  end
  return runs
end

function reference.experiment(manager, text, view)
  view = view or "all"
  local experiment = manager:get_experiment_by_name(text)
  if not experiment and text:find("^%d+$") then
    local ok, found = pcall(manager.get_experiment, manager, text)
    if ok then
      experiment = found
    elseif found.code ~= "not_found" then
      error(found, 0)
    end
  end
  if experiment and (view == "all" or experiment.lifecycle_stage == view) then
    return experiment
  elseif experiment then
    host.fail("experiment '%s' is %s", text,
      experiment.lifecycle_stage == "deleted" and "deleted" or "not deleted")
  end
  local known = {}
  for _, name in pairs((reference.all_experiments(manager, view))) do
    known[#known + 1] = name
  end
  table.sort(known)
  local near = nearest(text, known)
  host.fail("there is no experiment '%s'%s", text,
    near and ("; did you mean '%s'?"):format(near) or "")
end

function reference.experiments(manager, list, view)
  local experiments, is_taken = {}, {}
  for _, text in ipairs(list) do
    local experiment = reference.experiment(manager, text, view)
    if not is_taken[experiment.experiment_id] then
      is_taken[experiment.experiment_id] = true
      experiments[#experiments + 1] = experiment
    end
  end
  return experiments
end

return reference
