-- SPDX-License-Identifier: Apache-2.0
local LIMIT_DEFAULT = 100 -- rows of a table
local PAGE = 1000 -- runs that are read at once
local NAMED_RUNS = 200 -- runs whose keys tell what a misspelt one means

local function variable(name)
  local value = os.getenv(name)
  return value ~= "" and value or nil
end

--- The experiments to look in: their names and their ids.
local function find_experiments(host, manager, given, view)
  local reference = host.load "reference"
  local names, ids = reference.all_experiments(manager, view == "active" and "active" or "all")
  local asked = given.experiment
    or { variable "MLFLOW_EXPERIMENT_NAME" or variable "MLFLOW_EXPERIMENT_ID" }
  if #asked > 0 then
    ids = {}
    for i, experiment in ipairs(reference.experiments(manager, asked)) do
      ids[i] = experiment.experiment_id
      names[experiment.experiment_id] = experiment.name
    end
  end
  return names, ids
end

--- Runs up to a limit, and whether there are more.
local function search(host, manager, given, wanted, limit)
  local runs, token = {}, nil
  if #wanted.experiment_ids == 0 then
    return runs, false
  end
  repeat
    wanted.page_token = token
    wanted.max_results = limit and math.min(limit - #runs, PAGE) or PAGE
    local ok, found, next_token = pcall(manager.search_runs, manager, wanted)
    if not ok then
      host.load "query".explain(found, given, function()
        return (manager:search_runs { experiment_ids = wanted.experiment_ids,
          max_results = NAMED_RUNS })
      end)
    end
    token = next_token
    table.move(found, 1, #found, #runs + 1, runs)
  until not token or limit and #runs >= limit
  return runs, token ~= nil
end

local function json_records(host, runs, names)
  local items = {}
  for i, run in ipairs(runs) do
    items[i] = host.load "run_record"(run, names)
  end
  return host.load "json".lines(items)
end

--- Tells of keys in --order-by that no run has, and in a --filter that found nothing.
local function note_unknown(host, manager, given, runs, wanted, notes)
  local texts = table.move(given.order_by or {}, 1, #(given.order_by or {}), 1, {})
  if #runs == 0 then
    texts[#texts + 1] = given.filter
  end
  if #texts == 0 then
    return
  end
  if #runs == 0 then
    wanted.filter, wanted.order_by = nil, nil
    runs = search(host, manager, given, wanted, NAMED_RUNS)
  end
  for _, sentence in ipairs(host.load "query".unknown(texts, runs)) do
    notes[#notes + 1] = sentence
  end
end

return function(host, given)
  local manager = host.open()
  local view = given.all and "all" or given.deleted and "deleted" or "active"
  local format = host.load "listing".format(given)
  local names, ids = find_experiments(host, manager, given, view)
  local wanted = { experiment_ids = ids, filter = given.filter, order_by = given.order_by,
    view = view }
  local limit = given.limit or format == "table" and LIMIT_DEFAULT or nil
  local runs, has_more = search(host, manager, given, wanted, limit)
  local notes = {}
  local text
  note_unknown(host, manager, given, runs, wanted, notes)
  if format == "json" and not given.columns then
    text = json_records(host, runs, names)
  elseif #runs > 0 then
    text = host.load "run_table"(manager, runs, names, {
      columns = given.columns, order_by = given.order_by, format = format, notes = notes,
    })
  elseif format == "json" then
    text = "[]\n"
  else
    text = format == "table" and (given.filter and "no run matches\n" or "no runs\n") or ""
  end
  if format == "table" and has_more then
    text = text:gsub("\n([^\n]*)\n$", function(footer)
      return ("\nthe first %s; --limit shows more\n"):format(footer:gsub("^1 run", "run"))
    end)
  end
  host.load "page"(text, given)
  io.stdout:flush()
  for _, note in ipairs(notes) do
    io.stderr:write("note: ", note, "\n")
  end
end
