-- SPDX-License-Identifier: Apache-2.0
-- run_table(manager, runs, experiments, options): runs, one at least, as text. experiments are
-- names by id. Options: columns ("name,loss min"), order_by (what the runs were ordered by),
-- format ("table", "tsv", "csv" or "json"), width and notes, a list that gets what is to be said
-- besides.

local host = ...
local nearest = host.load "nearest"
local query = host.load "query"
local run_columns = host.load "run_columns"

local SUMMARY_S = 1 -- how long least and greatest values may take that nobody asked for

--- Least and greatest values by run id and key; nil where they take longer than seconds.
local function summarize(manager, runs, keys, seconds)
  local deadline = seconds and host.terminal.clock() + seconds
  local summaries = {}
  for _, run in ipairs(runs) do
    local of_run = {}
    for _, key in ipairs(keys) do
      if run.data.metrics[key] then
        of_run[key] = manager:get_metric_summary(run.info.run_id, key)
      end
      if deadline and host.terminal.clock() > deadline then
        return nil
      end
    end
    summaries[run.info.run_id] = of_run
  end
  return summaries
end

--- The metrics whose least or greatest values are among the columns that were asked for.
local function summarized_keys(runs, is_asked)
  local keys = {}
  for _, entry in ipairs(run_columns.metrics_of(runs)) do
    for _, which in ipairs { " min", " max" } do
      if is_asked[entry.key .. which] or is_asked["metrics." .. entry.key .. which] then
        keys[#keys + 1] = entry.key
        break
      end
    end
  end
  return keys
end

--- A list of names with commas between, and the same as a set.
local function split(text)
  local list, set = {}, {}
  for name in text:gmatch("[^,]+") do
    name = name:match("^%s*(.-)%s*$")
    list[#list + 1] = name
    set[name] = true
  end
  return list, set
end

local function find(all, name)
  for _, column in ipairs(all) do
    if column.name == name or column.path == name then
      return column
    end
  end
end

local function check(columns, all)
  if #columns == 0 then
    host.refuse("--columns names no column")
  end
  for _, name in ipairs(columns) do
    if name ~= "..." and not find(all, name) then
      local names = {}
      for _, column in ipairs(all) do
        names[#names + 1] = column.name
        names[#names + 1] = column.path
      end
      local near = nearest(name, names)
      host.refuse("--columns names '%s', which is no column%s", name,
        near and ("; did you mean %s?"):format(near) or "")
    end
  end
end

--- What programs get: all but tags.
local function plain_columns(all)
  local list = { "run_id" }
  for _, column in ipairs(all) do
    if not column.is_uncounted or column.plain then
      list[#list + 1] = column.name
    end
  end
  return list
end

--- What people get, so that the middle may be left out: what a run is called and what was special
--- about it on the left, what came out of it on the right.
local function default_columns(all, runs)
  local several, unfinished = false, false
  for _, run in ipairs(runs) do
    several = several or run.info.experiment_id ~= runs[1].info.experiment_id
    unfinished = unfinished or run.info.status ~= "FINISHED"
  end
  local is_leading = {}
  for _, key in ipairs(run_columns.leading_metrics(runs)) do
    is_leading[key] = true
  end
  local params, lesser, leading = {}, {}, {}
  for _, column in ipairs(all) do
    local list = not column.metric and params or is_leading[column.metric] and leading or lesser
    if not column.hidden and (column.metric or (column.path or ""):find("^params%.")) then
      list[#list + 1] = column.path
    end
  end
  local list = { "name" }
  list[#list + 1] = several and "experiment" or nil
  list[#list + 1] = unfinished and "status" or nil
  table.move(params, 1, #params, #list + 1, list)
  list[#list + 1] = "started"
  list[#list + 1] = "duration"
  table.move(lesser, 1, #lesser, #list + 1, list)
  return table.move(leading, 1, #leading, #list + 1, list)
end

--- The name of the column by which the runs are ordered, if it is one.
local function sort_column(order_by, all)
  local first = order_by and order_by[1]
  if not first then
    return nil
  end
  local key = query.names(first)[1]
  local column = find(all, key and key.part .. "." .. key.key
    or first:gsub("%s+[AaDd][EeSs][SsCc][Cc]?%s*$", ""):match("([%w_ ]+)$") or "")
  return column and column.name
end

local function json_rows(runs, columns, all)
  local json = host.load "json"
  local items = {}
  for i, run in ipairs(runs) do
    local members = {}
    for _, name in ipairs(columns) do
      local column = find(all, name)
      if column then
        members[#members + 1] = { column.plain or column.name, column.get(run) }
      end
    end
    items[i] = json.object(members)
  end
  return json.lines(items)
end

return function(manager, runs, experiments, options)
  local columns, is_asked = split(options.columns or "")
  local summaries
  if options.columns then
    summaries = summarize(manager, runs, summarized_keys(runs, is_asked))
  elseif options.format == "table" and not manager.store:find "^https?:" then
    -- A server would send every point of every run that is listed.
    summaries = summarize(manager, runs, run_columns.leading_metrics(runs), SUMMARY_S)
    if not summaries then
      table.insert(options.notes, "least and greatest values take long here and are left out; "
        .. "name them: --columns '...,loss min'")
    end
  end
  local all = run_columns.of(runs, { experiments = experiments, summaries = summaries })
  if options.columns then
    check(columns, all)
  else
    columns = options.format == "table" and default_columns(all, runs) or plain_columns(all)
  end
  if options.format == "json" then
    return json_rows(runs, columns, all)
  end
  return require "mlmanager".table(runs, {
    columns = columns, experiments = experiments, summaries = summaries, width = options.width,
    sorted = options.format == "table" and sort_column(options.order_by, all) or nil,
    format = options.format == "table" and "box" or options.format,
  }) .. "\n"
end
