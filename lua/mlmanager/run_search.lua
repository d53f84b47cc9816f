-- SPDX-License-Identifier: Apache-2.0
-- What people call a run by: run_search(manager, text, view) finds the runs that text may mean. It
-- is a run's id, else a name, else the beginning of an id. Returns a list, what text is of each
-- ("id", "name" or "beginning of the id"), and the names of all experiments by id.

local NAMED_MAX = 1000 -- runs of one name
local BEGUN_MAX = 11 -- runs whose ids begin so: more are no use to anyone
local ID_SIZE = 32

local function experiments_of(manager)
  local names, ids, token = {}, {}, nil
  repeat
    local found
    found, token = manager.search_experiments { view = "all", page_token = token }
    for _, experiment in ipairs(found) do
      names[experiment.experiment_id] = experiment.name
      ids[#ids + 1] = experiment.experiment_id
    end
  until not token
  return names, ids
end

--- A comparison that holds for the name, and maybe for others: a filter knows no escapes.
local function comparison(name)
  if not name:find("'", 1, true) then
    return ("run_name = '%s'"):format(name)
  end
  return ("run_name LIKE '%s'"):format((name:gsub("'", "_")))
end

local function by_id(manager, text, view)
  if #text ~= ID_SIZE or not text:find("^%x+$") then
    return nil
  end
  local ok, run = pcall(manager.get_run, text:lower())
  if not ok and run.code ~= "not_found" then
    error(run, 0)
  end
  return ok and (view == "all" or run.info.lifecycle_stage == view) and run or nil
end

return function(manager, text, view)
  view = view or "all"
  local names, ids = experiments_of(manager)
  local run = by_id(manager, text, view)
  if run then
    return { run }, "id", names
  elseif #ids == 0 then
    return {}, "name", names
  end
  local found = {}
  for _, named in ipairs((manager.search_runs { experiment_ids = ids, view = view,
    filter = comparison(text), max_results = NAMED_MAX })) do
    if named.info.run_name == text then
      found[#found + 1] = named
    end
  end
  if #found > 0 or #text > ID_SIZE or not text:find("^%x+$") then
    return found, "name", names
  end
  return (manager.search_runs { experiment_ids = ids, view = view, max_results = BEGUN_MAX,
    filter = ("run_id LIKE '%s%%'"):format(text:lower()) }), "beginning of the id", names
end
