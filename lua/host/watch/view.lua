-- SPDX-License-Identifier: Apache-2.0
-- view.lines(board, width, height): the screen of watch as a list of lines. board is what
-- lua/host/command/watch.lua keeps.

local host = ...
local terminal = host.terminal
local run_columns = host.load "run_columns"

local LIST_SHARE = 0.3 -- of the screen, for the list of runs
local LIST_ROWS_MIN = 3
local CHART_COLUMNS, CHART_ROWS = 38, 8 -- of a chart, about, that many of them fit
local CHART_COLUMNS_MIN, CHART_ROWS_MIN = 20, 6
local CHARTS_ACROSS_MAX = 4
local MARK_COLUMNS, STATUS_COLUMNS, DURATION_COLUMNS = 4, 9, 12
local NAME_COLUMNS_MIN, NAME_COLUMNS_MAX = 12, 40
local VALUE_COLUMNS, METRIC_COLUMNS_MAX = 9, 16
local NUMBER_DIGITS = 4

local HELP = {
  "j, k or arrows   select a run; g goes back to the newest and stays with it",
  "space            pin the run: it stays in the charts beside the selected one",
  "/                filter the runs: a part of their names, or a filter such as",
  "                 metrics.loss < 0.1 and params.opt = 'adam'; empty for all",
  "y                logarithmic or linear y axis",
  "x                over steps, over time since the start, or over wall time",
  "s                smoothing: none, over about 10 points, over about 100",
  "tab              the next charts, where not all of them fit; back with shift",
  "q                quit; Ctrl-C does as well, Ctrl-Z stops watch until fg",
  "",
  "Letters in the list are those of the curves. A run's metrics that the machine",
  "gave it, system/..., have the last charts.",
}

local view = {}

local function paint(code, text)
  if code and terminal.has_color("stdout") and text ~= "" then
    return ("\27[%sm%s\27[m"):format(code, text)
  end
  return text
end

--- Exactly columns wide.
local function fit(text, columns)
  text = terminal.clean(text)
  if terminal.text_width(text) > columns then
    text = terminal.cut(text, columns - 1) .. (terminal.is_utf8() and "…" or "~")
  end
  return text .. (" "):rep(columns - terminal.text_width(text))
end

--- Columns of a text with colours.
function view.width(text)
  return terminal.text_width((text:gsub("\27%[[%d;]*m", "")))
end

--- With as many digits as there is room for: half a number is another number.
local function show_number(value, columns)
  local text
  for digits = NUMBER_DIGITS, 1, -1 do
    text = terminal.number(value, digits)
    if #text <= columns then
      break
    end
  end
  return text
end

--- The metrics of runs in the order in which they have columns and charts.
function view.metrics(runs)
  local names = {}
  for i, entry in ipairs(run_columns.metrics_of(runs)) do
    names[i] = entry.key
  end
  return names
end

--- How many rows the list has and how the charts are laid out in the rest: `fits` is how many.
function view.layout(board, width, height)
  local free = height - 4 -- without title, header, notice and keys
  local rows = math.max(LIST_ROWS_MIN, math.floor(height * LIST_SHARE))
  rows = math.max(1, math.min(rows, #board.source.runs, free - CHART_ROWS_MIN))
  local room = free - rows
  if room < CHART_ROWS_MIN or width < CHART_COLUMNS_MIN then
    return { rows = math.max(1, free), room = 0, across = 0, down = 0, fits = 0 }
  end
  local across = math.max(1, math.min(CHARTS_ACROSS_MAX, math.floor((width + 1) / CHART_COLUMNS)))
  local down = math.max(1, math.floor(room / CHART_ROWS))
  return { rows = rows, room = room, across = across, down = down, fits = across * down }
end

local function title_line(board, width)
  local running = 0
  for _, run in ipairs(board.source.runs) do
    running = running + (run.info.status == "RUNNING" and 1 or 0)
  end
  local store = board.source.manager and board.source.manager.store or ""
  local counts = ("%d run%s, %d running"):format(#board.source.runs,
    #board.source.runs == 1 and "" or "s", running)
  local parts = { counts }
  if board.log_y then
    parts[#parts + 1] = "log y"
  end
  if board.smooth then
    parts[#parts + 1] = "smooth " .. board.smooth
  end
  if board.x ~= "step" then
    parts[#parts + 1] = board.x == "time" and "wall time" or "relative time"
  end
  if (board.source.filter or "") ~= "" then
    parts[#parts + 1] = "filter: " .. board.source.filter
  end
  parts[#parts + 1] = store
  return paint("1", fit("mlmanager  " .. table.concat(parts, "  "), width))
end

--- What the list shows: how wide the names are, and the metrics that there is room for.
local function list_columns(board, width)
  local name_width = math.min(NAME_COLUMNS_MAX, math.max(NAME_COLUMNS_MIN, math.floor(width / 4)))
  local left = width - MARK_COLUMNS - name_width - STATUS_COLUMNS - DURATION_COLUMNS - 3
  local columns = {}
  for _, name in ipairs(view.metrics(board.source.runs)) do
    local columns_of_one = math.max(VALUE_COLUMNS, math.min(METRIC_COLUMNS_MAX,
      terminal.text_width(terminal.clean(name))))
    if columns_of_one + 2 > left then
      break
    end
    left = left - columns_of_one - 2
    columns[#columns + 1] = { name = name, width = columns_of_one }
  end
  return name_width, columns
end

local function align_right(text, columns)
  text = fit(text, columns)
  local blanks = text:match(" *$")
  return blanks .. text:sub(1, #text - #blanks)
end

local function header_line(board, width)
  local name_width, columns = list_columns(board, width)
  local parts = { (" "):rep(MARK_COLUMNS) .. fit("name", name_width), fit("status",
    STATUS_COLUMNS), fit("duration", DURATION_COLUMNS) }
  local text = table.concat(parts, " ")
  for _, column in ipairs(columns) do
    text = text .. "  " .. align_right(column.name, column.width)
  end
  return paint("2", fit(text, width))
end

local function run_line(board, run, letter, width)
  local is_selected = board:selected() == run
  local name_width, columns = list_columns(board, width)
  local duration = run_columns.duration_ms(run)
  local head = (is_selected and ">" or " ") .. (board.pinned[run.info.run_id] and "*" or " ")
    .. (letter or " ") .. " " .. fit(run.info.run_name or run.info.run_id, name_width) .. " "
  local status = fit(run.info.status, STATUS_COLUMNS)
  local tail = " " .. fit(duration and run_columns.show_duration(duration) or "", DURATION_COLUMNS)
  for _, column in ipairs(columns) do
    local value = run.data.metrics[column.name]
    local text = value and show_number(value, column.width) or ""
    tail = tail .. "  " .. align_right(text, column.width)
  end
  if is_selected or terminal.text_width(head .. status .. tail) > width then
    return paint(is_selected and "7" or nil, fit(head .. status .. tail, width))
  end
  return head .. paint(run_columns.status_colors[run.info.status], status) .. tail
end

local function list_lines(board, rows, width)
  local runs = board.source.runs
  local letters = {}
  if #board:shown() > 1 then
    for i, run in ipairs(board:shown()) do
      letters[run.info.run_id] = ("ABCDEFGHIJKLMNOPQRSTUVWXYZ"):sub(i, i)
    end
  end
  local at = board:place()
  local first = math.max(1, math.min(board.first or 1, at, #runs - rows + 1))
  if at >= first + rows then
    first = at - rows + 1
  end
  board.first = first
  local lines = {}
  for i = first, first + rows - 1 do
    local run = runs[i]
    lines[#lines + 1] = run and run_line(board, run, letters[run.info.run_id], width) or ""
  end
  return lines
end

--- The charts that the layout has room for: their metrics.
function view.page(board, layout)
  local metrics = view.metrics(board:shown())
  if layout.fits == 0 then
    return {}, metrics
  end
  local pages = math.max(1, math.ceil(#metrics / layout.fits))
  board.page = (board.page or 0) % pages
  local page = {}
  for i = board.page * layout.fits + 1, math.min(#metrics, (board.page + 1) * layout.fits) do
    page[#page + 1] = metrics[i]
  end
  return page, metrics
end

--- The lines of one metric's chart, made anew only where something in it changed.
local function chart_lines(board, name, width, height)
  local series, runs, version = {}, {}, { name, width, height, board.x, tostring(board.log_y),
    tostring(board.smooth) }
  for i, run in ipairs(board:shown()) do
    local history = board.source:history(run, name)
    series[i] = { value = {}, step = {}, timestamp = {}, label = run.info.run_name }
    if history then
      series[i].value, series[i].step = history.columns.value, history.columns.step
      series[i].timestamp = history.columns.timestamp
    end
    runs[i] = run
    version[#version + 1] = run.info.run_id .. (history and history.version or "")
  end
  version = table.concat(version, "\0")
  local kept = board.charts[name]
  if kept and kept.version == version then
    return kept.lines
  end
  local title, value = name, runs[1].data.metrics[name]
  if #runs == 1 and value then
    title = name .. "  " .. terminal.number(value)
  end
  local text = require "mlmanager".plot(series, {
    title = title, width = width, height = height, x = board.x, log_y = board.log_y,
    smooth = board.smooth, x_label = board.x == "step" and "" or nil, legend = false,
  })
  local lines = {}
  for line in (text .. "\n"):gmatch("(.-)\n") do
    lines[#lines + 1] = line
  end
  board.charts[name] = { version = version, lines = lines }
  return lines
end

local function chart_rows(board, layout, width)
  local page = view.page(board, layout)
  local lines = {}
  if #page == 0 then
    return lines
  end
  local down = math.min(layout.down, math.ceil(#page / layout.across))
  local across = math.min(layout.across, #page)
  local chart_width, chart_height = math.floor((width + 1) / across) - 1,
    math.floor(layout.room / down)
  for row = 0, down - 1 do
    local charts = {}
    for column = 1, across do
      local name = page[row * across + column]
      charts[column] = name and chart_lines(board, name, chart_width, chart_height) or {}
    end
    for i = 1, chart_height do
      local parts = {}
      for column = 1, across do
        local text = charts[column][i] or ""
        parts[column] = column < across and text .. (" "):rep(chart_width - view.width(text))
          or text
      end
      lines[#lines + 1] = table.concat(parts, " ")
    end
  end
  return lines
end

local function notice_line(board, layout, width)
  local source = board.source
  if board.editing then
    return paint("1", "filter: ") .. fit(board.editing .. "_", width - 8)
  elseif source.problem then
    return paint("33", fit(source.problem, width))
  elseif #source.runs == 0 then
    return fit((source.filter or "") ~= "" and "no run matches the filter"
      or "no run yet; waiting for one", width)
  end
  local page, metrics = view.page(board, layout)
  if #metrics == 0 then
    return fit("this run has no metric yet", width)
  elseif layout.fits == 0 then
    return fit("no room for charts", width)
  elseif #page < #metrics then
    local first = board.page * layout.fits + 1
    return paint("2", fit(("charts %d to %d of %d; tab shows the next"):format(first,
      first + #page - 1, #metrics), width))
  end
  return ""
end

local KEYS = "j/k run  space pin  / filter  y log  x axis  s smooth  tab more  ? help  q quit"
local EDIT_KEYS = "enter filters  escape leaves it as it was  Ctrl-U empties it"
local HELP_KEYS = "any key goes back"

function view.lines(board, width, height)
  local lines = { title_line(board, width) }
  if board.is_helping then
    for i = 1, height - 2 do
      lines[#lines + 1] = fit(HELP[i - 1] and "  " .. HELP[i - 1] or "", width)
    end
    lines[#lines + 1] = paint("2", fit(HELP_KEYS, width))
    return lines
  end
  local layout = view.layout(board, width, height)
  local function add(more)
    table.move(more, 1, #more, #lines + 1, lines)
  end
  if #board.source.runs > 0 then
    lines[2] = header_line(board, width)
    add(list_lines(board, layout.rows, width))
    add(chart_rows(board, layout, width))
  end
  while #lines < height - 2 do
    lines[#lines + 1] = ""
  end
  for i = #lines, height - 1, -1 do
    lines[i] = nil
  end
  lines[#lines + 1] = notice_line(board, layout, width)
  lines[#lines + 1] = paint("2", fit(board.editing and EDIT_KEYS or KEYS, width))
  return lines
end

return view
