-- SPDX-License-Identifier: Apache-2.0
local RUNS_MAX = 1000 -- that a filter may find

--- The runs that --experiment and --filter find, the newest first.
local function search(host, manager, given)
  local reference = host.load "reference"
  local _, ids = reference.all_experiments(manager, "active")
  if given.experiment then
    ids = {}
    for i, experiment in ipairs(reference.experiments(manager, given.experiment)) do
      ids[i] = experiment.experiment_id
    end
  end
  local ok, runs = true, {}
  if #ids > 0 then
    ok, runs = pcall(manager.search_runs, manager, { experiment_ids = ids, filter = given.filter,
      max_results = RUNS_MAX })
  end
  if not ok then
    host.load "query".explain(runs, given)
  elseif #runs == 0 then
    host.fail(given.filter and "no run matches the filter" or "there is no run yet")
  end
  return runs
end

--- The runs that are named before the metrics, which are taken from words. A word after the first
--- is a run where the runs before it have no such metric and a run is called so; the last word is a
--- metric in any case.
local function leading_runs(host, manager, words)
  local reference, search_run = host.load "reference", host.load "run_search"
  local runs = { reference.run(manager, table.remove(words, 1)) }
  while #words > 1 do
    for _, run in ipairs(runs) do
      if run.data.metrics[words[1]] then
        return runs
      end
    end
    if #search_run(manager, words[1]) == 0 then
      return runs
    end
    runs[#runs + 1] = reference.run(manager, table.remove(words, 1))
  end
  return runs
end

return function(host, given)
  local manager = host.open()
  local reference = host.load "reference"
  local keys = { table.unpack(given) }
  local runs
  if given.runs then
    local names = {}
    for _, list in ipairs(given.runs) do
      for name in list:gmatch("[^,]+") do
        names[#names + 1] = name:match("^%s*(.-)%s*$")
      end
    end
    runs = reference.runs(manager, names)
  elseif given.experiment or given.filter then
    runs = search(host, manager, given)
  else
    runs = leading_runs(host, manager, keys)
  end
  host.write(manager:plot(runs, #keys > 0 and keys or nil, {
    x = given.x, log_x = given.log_x, log_y = given.log_y, smooth = given.smooth,
    kernel = given.kernel, clip = given.clip, title = given.title, width = given.width,
    height = given.height,
  }) .. "\n")
end
