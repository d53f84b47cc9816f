-- SPDX-License-Identifier: Apache-2.0
local CELL_COLUMNS_MIN, CELL_COLUMNS_MAX = 9, 40
local KEY_COLUMNS_MAX = 30
local DIGITS = 6
local ID_SHOWN = 8 -- digits of an id, where several runs have one name
local COMMON_MIN = 5 -- bytes: where all begin alike, what follows is what tells them apart

--- What is compared: sections of rows, each with a value a run.
local function sections_of(host, manager, runs, experiments)
  local run_columns = host.load "run_columns"
  local function show_number(value)
    return host.terminal.number(value, DIGITS)
  end
  local function row(name, get, show, plain)
    local values, texts = {}, {}
    for i, run in ipairs(runs) do
      values[i] = get(run)
      if values[i] ~= nil then
        texts[i] = show and show(values[i]) or tostring(values[i])
      end
    end
    return { name = name, plain = plain or name, values = values, texts = texts }
  end
  local function of_keys(part, show)
    local rows = {}
    for _, entry in ipairs(part == "metrics" and run_columns.metrics_of(runs)
      or run_columns.keys_of(runs, part)) do
      local key = entry.key
      if not (part == "tags" and key:find("^mlflow%.") and key ~= "mlflow.source.name"
        and key ~= "mlflow.source.git.commit") and key ~= "mlmanager.traceback"
        and key ~= "mlmanager.run_id" then
        rows[#rows + 1] = row(key, function(run) return run.data[part][key] end, show)
      end
    end
    return rows
  end
  local metrics = {}
  for _, last in ipairs(of_keys("metrics", show_number)) do
    metrics[#metrics + 1] = last
    local best = run_columns.best_of(last.name)
    local summaries = {}
    for _, run in ipairs(runs) do
      summaries[run] = run.data.metrics[last.name]
        and manager:get_metric_summary(run.info.run_id, last.name)
    end
    for _, which in ipairs { "min", "max" } do
      if not best or best == which then
        local of_run = row(last.name .. " " .. which, function(run)
          return summaries[run] and summaries[run][which]
        end, show_number)
        local says_more = false
        for i in ipairs(runs) do
          says_more = says_more or of_run.values[i] ~= last.values[i]
            and of_run.values[i] ~= nil
        end
        metrics[#metrics + 1] = says_more and of_run or nil
      end
    end
  end
  return {
    { name = "run", rows = {
      row("experiment", function(run) return experiments[run.info.experiment_id] end),
      row("status", function(run) return run.info.status end),
      row("started", function(run) return run.info.start_time end, function(ms)
        return os.date("%Y-%m-%d %H:%M:%S", ms // 1000)
      end, "start_time"),
      row("duration", run_columns.duration_ms, run_columns.show_duration, "duration_ms"),
      row("user", function(run) return run.info.user_id end),
    } },
    { name = "params", rows = of_keys "params" },
    { name = "metrics", rows = metrics },
    { name = "tags", rows = of_keys "tags" },
  }
end

local function differs(row, count)
  for i = 2, count do
    local a, b = row.values[1], row.values[i]
    if a ~= b and not (a ~= a and b ~= b) then
      return true
    end
  end
  return false
end

--- Texts with as many columns as there is room for. Where all begin alike, that is what is cut.
local function shorten(terminal, texts, count, room)
  local first, common, shortened = nil, math.huge, {}
  for i = 1, count do
    local text = texts[i]
    if text and not first then
      first = text
    elseif text then
      local same = 0
      while same < common and same < #text and text:byte(same + 1) == first:byte(same + 1) do
        same = same + 1
      end
      common = same
    end
  end
  for i = 1, count do
    local text = texts[i]
    if text and terminal.text_width(text) > room then
      local tail = text
      while common < math.huge and common >= COMMON_MIN
        and terminal.text_width(tail) > room - 1 do
        tail = tail:sub(utf8.offset(tail, 2) or #tail + 1)
      end
      text = tail ~= text and "…" .. tail or terminal.cut(text, room - 1) .. "…"
    end
    shortened[i] = text
  end
  return shortened
end

local function json_of(host, runs, sections)
  local json = host.load "json"
  local members = {}
  local ids = json.list()
  for i, run in ipairs(runs) do
    ids[i] = run.info.run_id
  end
  members[1] = { "run_ids", ids }
  for _, section in ipairs(sections) do
    local rows = {}
    for i, row in ipairs(section.rows) do
      local values = json.list()
      for j in ipairs(runs) do
        local value = row.values[j]
        values[j] = value == nil and json.null or value
      end
      rows[i] = { row.plain, values }
    end
    members[#members + 1] = { section.name, json.object(rows) }
  end
  return json.encode(json.object(members)) .. "\n"
end

--- A table a section, with the same columns in each: all runs where they have room.
local function pages_of(host, runs, sections)
  local terminal = host.terminal
  local count = #runs
  local key_columns = 0
  for _, section in ipairs(sections) do
    key_columns = math.max(key_columns, terminal.text_width(section.name))
    for _, row in ipairs(section.rows) do
      key_columns = math.max(key_columns, terminal.text_width(row.name))
    end
  end
  local width = terminal.width("stdout") or 80
  key_columns = math.min(key_columns, KEY_COLUMNS_MAX, width // 4)
  local room = math.max(CELL_COLUMNS_MIN, math.min(CELL_COLUMNS_MAX,
    (width - key_columns - 2) // count - 3))
  local names, bearers = {}, {}
  for _, run in ipairs(runs) do
    bearers[run.info.run_name] = (bearers[run.info.run_name] or 0) + 1
  end
  for i, run in ipairs(runs) do
    names[i] = terminal.clean(run.info.run_name)
    if bearers[run.info.run_name] > 1 then
      names[i] = names[i] .. " " .. run.info.run_id:sub(1, ID_SHOWN)
    end
  end
  names = shorten(terminal, names, count, room)
  local parts = {}
  for _, section in ipairs(sections) do
    local rows = {}
    for i, row in ipairs(section.rows) do
      local texts = {}
      for j = 1, count do
        texts[j] = row.texts[j] and terminal.clean(row.texts[j])
      end
      rows[i] = { name = row.name, texts = shorten(terminal, texts, count, room) }
    end
    local columns = { { name = section.name, wide = key_columns,
      value = function(row) return row.name end } }
    for i = 1, count do
      columns[i + 1] = { name = names[i], right = section.name == "metrics", show = tostring,
        wide = room, value = function(row) return row.texts[i] end }
    end
    if #rows > 0 then
      parts[#parts + 1] = host.load "listing".box(rows, columns, { width = width })
    end
  end
  return parts
end

--- One table of all sections, for programs.
local function plain_of(runs, sections, format)
  local rows = {}
  for _, section in ipairs(sections) do
    for _, row in ipairs(section.rows) do
      rows[#rows + 1] = { part = section.name, row = row }
    end
  end
  local columns = {
    { name = "part", value = function(line) return line.part end },
    { name = "key", value = function(line) return line.row.plain end },
  }
  for i, run in ipairs(runs) do
    columns[i + 2] = { name = run.info.run_id, value = function(line)
      return line.row.values[i]
    end }
  end
  return require "mlmanager".table(rows, { columns = columns, format = format }) .. "\n"
end

return function(host, given)
  local reference = host.load "reference"
  local manager = host.open()
  local runs = reference.runs(manager, given)
  if #runs < 2 then
    host.refuse("compare needs two runs; these names are of one")
  end
  local sections = sections_of(host, manager, runs, (reference.all_experiments(manager)))
  local format = host.load "listing".format(given)
  local equal_count, shown = 0, {}
  for _, section in ipairs(sections) do
    local rows, equal = {}, {}
    for _, row in ipairs(section.rows) do
      table.insert(differs(row, #runs) and rows or equal, row)
    end
    equal_count = equal_count + #equal
    if given.all then
      table.move(equal, 1, #equal, #rows + 1, rows)
    end
    shown[#shown + 1] = { name = section.name, rows = rows }
  end
  local page = host.load "page"
  if format == "json" then
    return page(json_of(host, runs, shown), given)
  end
  if format ~= "table" then
    return page(plain_of(runs, shown, format), given)
  end
  local parts = pages_of(host, runs, shown)
  local last = #parts == 0 and "the runs do not differ" or nil
  if not given.all and equal_count > 0 then
    last = (last and last .. "; " or "") .. ("%d %s equal; --all shows %s"):format(equal_count,
      equal_count == 1 and "value is" or "values are", equal_count == 1 and "it" or "them")
  end
  parts[#parts + 1] = last
  return page(table.concat(parts, "\n\n") .. "\n", given)
end
