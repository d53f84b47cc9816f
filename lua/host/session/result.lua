-- SPDX-License-Identifier: Apache-2.0
-- Results as the session shows them: runs and experiments as tables, a run as a page, the history
-- of a metric as a line. Other values are show.lua's.

local show, mlmanager, terminal, run_columns = ...

local result = {}

local function is_run(value)
  return type(value) == "table" and not debug.getmetatable(value)
    and type(rawget(value, "info")) == "table" and type(rawget(value, "data")) == "table"
end

local function is_experiment(value)
  return type(value) == "table" and not debug.getmetatable(value)
    and type(rawget(value, "experiment_id")) == "string" and rawget(value, "lifecycle_stage")
    and type(rawget(value, "name")) == "string" and not rawget(value, "run_id")
end

local function is_point(value)
  return type(value) == "table" and not debug.getmetatable(value) and rawget(value, "key")
    and type(rawget(value, "value")) == "number" and math.type(rawget(value, "step"))
    and math.type(rawget(value, "timestamp"))
end

local function is_point_columns(value)
  return not debug.getmetatable(value) and type(rawget(value, "step")) == "table"
    and type(rawget(value, "timestamp")) == "table" and type(rawget(value, "value")) == "table"
end

local function all(list, test)
  if #list == 0 or debug.getmetatable(list) then
    return false
  end
  for _, item in ipairs(list) do
    if not test(item) then
      return false
    end
  end
  return next(list, #list) == nil
end

local function bold(text)
  return terminal.has_color("stdout") and "\27[1m" .. text .. "\27[m" or text
end

local function time(ms)
  return ms and os.date("%Y-%m-%d %H:%M:%S", ms // 1000) or ""
end

local function number(value)
  return terminal.number(value, 6)
end

local function count_of(count, noun)
  return ("%d %s%s"):format(count, noun, count == 1 and "" or "s")
end

--- A section of key and value, the keys below one another.
local function add_map(lines, title, map, text_of)
  local keys, widest = {}, 0
  for key in pairs(map or {}) do
    keys[#keys + 1] = key
    widest = math.max(widest, terminal.text_width(terminal.clean(key)))
  end
  if #keys == 0 then
    return
  end
  table.sort(keys)
  widest = math.min(widest, 40)
  lines[#lines + 1] = bold(title)
  local room = (terminal.width("stdout") or 80) - widest - 5
  for _, key in ipairs(keys) do
    local name = terminal.clean(key)
    local text = terminal.clean(text_of(map[key]))
    if terminal.text_width(text) > room and room > 10 then
      text = terminal.cut(text, room - 3) .. "..."
    end
    lines[#lines + 1] = "  " .. name .. (" "):rep(widest - terminal.text_width(name)) .. "  "
      .. text
  end
end

local function show_run(run)
  local info, data = run.info, run.data
  local took = info.start_time and info.end_time and info.end_time - info.start_time
  local lines = {
    bold(terminal.clean(info.run_name or info.run_id)) .. "  " .. tostring(info.status)
      .. (info.lifecycle_stage == "deleted" and ", deleted" or ""),
    "  run_id      " .. info.run_id,
    "  experiment  " .. tostring(info.experiment_id),
    "  started     " .. time(info.start_time)
      .. (took and ", took " .. run_columns.show_duration(took) or "")
      .. (info.user_id and info.user_id ~= "" and ", by " .. terminal.clean(info.user_id) or ""),
    "  artifacts   " .. terminal.clean(info.artifact_uri or ""),
  }
  add_map(lines, "params", data.params, tostring)
  add_map(lines, "metrics", data.metrics, number)
  local tags, machine = {}, 0
  for key, value in pairs(data.tags or {}) do
    if key:find("^mlflow%.") then
      machine = machine + 1
    else
      tags[key] = value
    end
  end
  add_map(lines, "tags", tags, tostring)
  if machine > 0 then
    lines[#lines + 1] = ("(%s of mlflow.* in .data.tags)"):format(count_of(machine, "tag"))
  end
  return table.concat(lines, "\n")
end

local function show_experiments(list)
  local rows = {}
  for i, experiment in ipairs(list) do
    rows[i] = { experiment.experiment_id, experiment.name, experiment.lifecycle_stage,
      time(experiment.creation_time) }
  end
  return (mlmanager.table(rows, { columns = { "id", "name", "stage", "created" },
    format = "box" }):gsub("(%d+) rows?, %d+ columns?$", function(count)
      return count_of(tonumber(count), "experiment")
    end))
end

--- Texts with a separator between, in lines that fit.
local function join(texts, separator)
  local width, lines = terminal.width("stdout") or 80, { texts[1] }
  for i = 2, #texts do
    local line = lines[#lines] .. separator .. texts[i]
    if terminal.text_width(line) < width then
      lines[#lines] = line
    else
      lines[#lines] = lines[#lines] .. separator:match("^%S*")
      lines[#lines + 1] = texts[i]
    end
  end
  return table.concat(lines, "\n")
end

local function is_summary(value)
  return not debug.getmetatable(value) and math.type(rawget(value, "count"))
    and math.type(rawget(value, "nan_count")) and math.type(rawget(value, "last_step"))
    and type(rawget(value, "last")) == "number"
end

--- What a metric came to, as get_metric_summary has it.
local function facts_of(summary)
  local facts = { count_of(summary.count, "point") }
  local function add(format, ...)
    facts[#facts + 1] = format:format(...)
  end
  if summary.first_step then
    add("steps %d to %d", summary.first_step, summary.last_step)
  end
  if summary.min then
    add("min %s (step %d)", terminal.number(summary.min), summary.min_step)
    add("max %s (step %d)", terminal.number(summary.max), summary.max_step)
  end
  if summary.last then
    add(summary.first_step and "last %s" or "last %s (step %d)", terminal.number(summary.last),
      summary.last_step)
  end
  if summary.nan_count > 0 then
    add("%d nan", summary.nan_count)
  end
  return join(facts, ", ")
end

local function show_points(values, steps, key)
  local summary = { count = #values, nan_count = 0, first_step = steps[1],
    last_step = steps[#steps], last = values[#values] }
  for i, value in ipairs(values) do
    if value ~= value then
      summary.nan_count = summary.nan_count + 1
    elseif not summary.min then
      summary.min, summary.min_step, summary.max, summary.max_step = value, steps[i], value,
        steps[i]
    elseif value < summary.min then
      summary.min, summary.min_step = value, steps[i]
    elseif value > summary.max then
      summary.max, summary.max_step = value, steps[i]
    end
  end
  local text, heads = facts_of(summary), { key and terminal.clean(key) }
  if #values > 1 then
    heads[#heads + 1] = mlmanager.sparkline(values, { numbers = false })
  end
  if text:find("\n", 1, true) then
    return table.concat(heads, "  ") .. (#heads > 0 and "\n" or "") .. text
  end
  heads[#heads + 1] = text
  return join(heads, "  ")
end

--- The text of a value.
function result.text(value)
  if type(value) == "string" then
    -- A name in a store may hold what a terminal takes for commands.
    return (value:gsub("[^\n\t]+", function(text) return terminal.clean(text) end))
  elseif type(value) ~= "table" then
    return show(value)
  elseif is_run(value) then
    return show_run(value)
  elseif all(value, is_run) then
    return mlmanager.table(value, { format = "box" })
  elseif all(value, is_experiment) then
    return show_experiments(value)
  elseif all(value, is_point) then
    local values, steps, keys = {}, {}, {}
    for i, point in ipairs(value) do
      values[i], steps[i], keys[point.key] = point.value, point.step, true
    end
    if next(keys, next(keys)) == nil then
      return show_points(values, steps, value[1].key)
    end
  elseif is_point_columns(value) and #value.value > 0 then
    return show_points(value.value, value.step)
  elseif is_summary(value) then
    return facts_of(value)
  end
  return show(value)
end

return result
