-- SPDX-License-Identifier: Apache-2.0
-- Draws curves with axes, legend and notes as text. In come the terminal's functions, and a table
-- with those of src/binding/curve.h, and what axis.lua returns under its name.
--
-- draw(chart, look): chart is {curves = {{line=, raw=, name=}, …}, title=, x_label=, x_kind=,
-- notes=, log_x=, log_y=, clip=, has_legend=}, where line is what is shown and raw what stands
-- behind it; x_kind is "number" or "time". look is {width=, height=, color=, ascii=}.

local terminal, curve = ...

local axis = curve.axis

-- The basic colours that show on light and on dark; the bright ones follow.
local COLORS = { "36", "35", "33", "32", "31", "34", "96", "95", "93", "92", "91", "94" }
local MARKS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
local MARK_EVERY = 24 -- columns, about, from a curve's mark to its next
local RAW = 100 -- added to a curve's number: the owner of its raw line's cells
local NAME_COLUMNS_MAX = 40
local CLIP_LOW, CLIP_HIGH = 0.01, 0.99 -- of the values
local Y_MAX = 2.0 ^ 1022 -- on an axis from minus that, whose length is still a number
local CLIP_ROOM = 0.1 -- of what lies between these, at both ends of the axis

local LINES = { vertical = "│", tick = "┤", corner = "└", line = "─", below = "┬" }
local ASCII_LINES = { vertical = "|", tick = "+", corner = "+", line = "-", below = "+" }

-- The character of each pattern of a cell's dots, which our canvas counts row by row.
local BRAILLE
local function make_braille()
  local weights = { 1, 8, 2, 16, 4, 32, 64, 128 }
  BRAILLE = {}
  for pattern = 0, 255 do
    local code, rest = 0, pattern
    for bit = 1, 8 do
      if rest % 2 == 1 then
        code = code + weights[bit]
      end
      rest = math.floor(rest / 2)
    end
    -- U+2800 + code, as UTF-8.
    BRAILLE[pattern] = string.char(0xE2, 0xA0 + math.floor(code / 64), 0x80 + code % 64)
  end
end

local function paint(look, code, text)
  return look.color and code and text ~= "" and ("\27[%sm%s\27[m"):format(code, text) or text
end

local function mark_of(number)
  return MARKS:sub(number, number)
end

local function color_of(owner)
  local number = owner % RAW
  return (owner > RAW and "2;" or "") .. COLORS[(number - 1) % #COLORS + 1]
end

local function shorten(text, columns)
  text = terminal.clean(text)
  if terminal.text_width(text) > columns then
    text = terminal.cut(text, columns - 1) .. (terminal.is_utf8() and "…" or "~")
  end
  return text
end

--- Puts {text, code} items into lines of at most width columns, two blanks between them.
local function wrap(items, width, look)
  local lines, line, used = {}, {}, 0
  for _, item in ipairs(items) do
    local text = shorten(item[1], width)
    local columns = terminal.text_width(text)
    if used > 0 and used + 2 + columns > width then
      lines[#lines + 1] = table.concat(line, "  ")
      line, used = {}, 0
    end
    line[#line + 1] = paint(look, item[2], text)
    used = used + columns + (used > 0 and 2 or 0)
  end
  if #line > 0 then
    lines[#lines + 1] = table.concat(line, "  ")
  end
  return lines
end

--- Words of one sentence in lines of at most width columns.
local function wrap_words(sentence, width, look)
  local lines = terminal.wrap(sentence, width)
  for i, line in ipairs(lines) do
    lines[i] = paint(look, "2", shorten(line, width))
  end
  return lines
end

-- Ranges.

--- Some room around a range that is none.
local function widen(min, max, is_log)
  if max > min then
    return min, max
  elseif is_log then
    return min / 2, max * 2
  end
  local room = min == 0 and 1 or math.abs(min) * 0.1
  return min - room, max + room
end

local function join(ranges, name)
  local min, max
  for _, range in ipairs(ranges) do
    if range.shown > 0 then
      min = math.min(min or math.huge, range[name .. "_min"])
      max = math.max(max or -math.huge, range[name .. "_max"])
    end
  end
  return min, max
end

--- The limits of y as chart.clip wants them.
local function clipped(chart, min, max)
  if type(chart.clip) == "table" then
    return chart.clip[1], chart.clip[2]
  end
  local low, high
  for _, item in ipairs(chart.curves) do
    local a, b = curve.quantiles(item.raw or item.line, chart.log_y, CLIP_LOW, CLIP_HIGH)
    if a and a <= b then
      low, high = math.min(low or a, a), math.max(high or b, b)
    end
  end
  if not low then
    return min, max
  elseif chart.log_y then
    local room = (high / low) ^ CLIP_ROOM
    return math.max(low / room, min), math.min(high * room, max)
  end
  local room = (high - low) * CLIP_ROOM
  return math.max(low - room, min), math.min(high + room, max)
end

--- What there is to say of points that have no place on the axes. The ranges are of raw lines.
local function count_odd(chart, ranges, notes)
  local nan, infinite, not_positive = 0, 0, 0
  for _, range in ipairs(ranges) do
    nan = nan + range.nan
    infinite = infinite + range.positive_infinite + range.negative_infinite
    not_positive = not_positive + range.not_positive
  end
  if nan > 0 then
    notes[#notes + 1] = ("%d nan (x at the bottom)"):format(nan)
  end
  if infinite > 0 then
    notes[#notes + 1] = ("%d infinite (^ or v at the edge)"):format(infinite)
  end
  if not_positive > 0 then
    local axes = chart.log_x and chart.log_y and "axes have" or "axis has"
    notes[#notes + 1] = ("%d %s of 0 or less%s, for which a log %s no place"):format(not_positive,
      not_positive == 1 and "point" or "points", chart.log_y and " (v)" or "", axes)
  end
end

local function find_axes(chart, notes)
  local shown, raw = {}, {}
  for i, item in ipairs(chart.curves) do
    raw[i] = curve.range(item.raw or item.line, chart.log_x, chart.log_y)
    shown[i] = raw[i]
  end
  count_odd(chart, raw, notes)
  local axes = { log_x = chart.log_x, log_y = chart.log_y }
  axes.x_min, axes.x_max = join(shown, "x")
  axes.y_min, axes.y_max = join(shown, "y")
  axes.is_empty = axes.x_min == nil
  if axes.is_empty then
    notes[#notes + 1] = "no point to show"
    axes.x_min, axes.x_max, axes.y_min, axes.y_max = 1, 1, 1, 1
  else
    local low, high = axes.y_min, axes.y_max
    if chart.clip then
      low, high = clipped(chart, low, high)
    end
    if high - low == math.huge then -- more than a double can say
      low, high = math.max(low, -Y_MAX), math.min(high, Y_MAX)
    end
    axes.is_clipped = low > axes.y_min or high < axes.y_max
    if axes.is_clipped then
      notes[#notes + 1] = ("the axis ends at %s and %s; the values reach from %s to %s (^ and v)")
        :format(terminal.number(low), terminal.number(high), terminal.number(axes.y_min),
          terminal.number(axes.y_max))
    end
    axes.y_min, axes.y_max = low, high
  end
  if chart.x_kind == "time" and axes.x_max == axes.x_min then
    axes.x_min, axes.x_max = axes.x_min - 1000, axes.x_max + 1000
  end
  axes.x_min, axes.x_max = widen(axes.x_min, axes.x_max, axes.log_x)
  axes.y_min, axes.y_max = widen(axes.y_min, axes.y_max, axes.log_y)
  return axes, raw
end

--- The share of the way from min to max at which value lies.
local function share(value, min, max, is_log)
  if is_log then
    value, min, max = math.log(value), math.log(min), math.log(max)
  end
  return (value - min) / (max - min)
end

-- Parts of the picture.

--- The labels at the left by row, and their width.
local function label_rows(axes, rows, dots)
  local ticks = (axes.log_y and axis.log or axis.linear)(axes.y_min, axes.y_max,
    math.max(3, math.floor(rows / 3)))
  local labels, columns = {}, 0
  for _, tick in ipairs(ticks) do
    local place = 1 - share(tick[1], axes.y_min, axes.y_max, axes.log_y)
    local row = math.floor(math.floor(place * (rows * dots - 1) + 0.5) / dots) + 1
    if row >= 1 and row <= rows and not labels[row] then
      labels[row] = tick[2]
      columns = math.max(columns, #tick[2])
    end
  end
  return labels, columns
end

--- The line under the canvas and the line of labels under that.
local function bottom_lines(chart, axes, columns, left, lines)
  local fit = math.max(3, math.floor(columns / 12))
  local make = chart.x_kind == "time" and axis.time or axes.log_x and axis.log or axis.linear
  local rule, labels, free = {}, {}, 1 - left
  for i = 1, columns do
    rule[i] = lines.line
  end
  local text, used = "", 0
  for _, tick in ipairs(make(axes.x_min, axes.x_max, fit)) do
    local column = math.floor(share(tick[1], axes.x_min, axes.x_max, axes.log_x)
      * (columns - 1) + 0.5) + 1
    local first = math.min(column - math.floor((#tick[2] - 1) / 2), columns - #tick[2] + 1)
    if column >= 1 and column <= columns and first >= free then
      rule[column] = lines.below
      free = first + #tick[2] + 1
      labels[#labels + 1] = { left + first, tick[2] }
    end
  end
  for _, label in ipairs(labels) do
    text = text .. (" "):rep(label[1] - 1 - used) .. label[2]
    used = label[1] - 1 + #label[2]
  end
  return table.concat(rule), text
end

--- Letters on the curves, so that they can be told apart without colour: {[row] = {[column] =
--- number}}. Curves take turns in where they have theirs.
local function place_marks(traces, columns)
  local marks, count = {}, #traces
  local every = math.max(count + 1, math.min(MARK_EVERY, math.floor(columns / 3)))
  local function put(number, column)
    local row = traces[number][column]
    local line = row and (marks[row] or {})
    if not row or line[column] then
      return false
    end
    marks[row] = line
    line[column] = number
    return true
  end
  for number = 1, count do
    local has_mark = false
    local column = math.floor(every * (number - 0.5) / count) + 1
    while column <= columns do
      has_mark = put(number, column) or has_mark
      column = column + every
    end
    for other = columns, 1, -1 do
      has_mark = has_mark or put(number, other)
    end
  end
  return marks
end

--- The canvas's rows as text.
local function canvas_rows(canvas, columns, rows, marks, look, count)
  local lines, edges = {}, curve.edges(canvas)
  if not look.ascii and not BRAILLE then
    make_braille()
  end
  local function cell(row, column, dots, owner)
    local edge = edges[column]
    if row == 1 and edge % 2 == 1 then
      return "^", "1"
    elseif row == rows and edge >= 4 then
      return "x", "1"
    elseif row == rows and edge % 4 >= 2 then
      return "v", "1"
    end
    local number = marks[row] and marks[row][column]
    if number then
      return count > 1 and mark_of(number) or "o", "1;" .. color_of(number)
    elseif dots == 0 then
      return " "
    elseif not look.ascii then
      return BRAILLE[dots], color_of(owner)
    elseif owner > RAW then
      return ".", color_of(owner)
    end
    return count > 1 and mark_of(owner) or "*", color_of(owner)
  end
  for row = 1, rows do
    local dots, owners = curve.row(canvas, row)
    local parts, run, code = {}, {}, nil
    for column = 1, columns do
      local text, color = cell(row, column, dots[column], owners[column])
      if color ~= code then
        parts[#parts + 1] = paint(look, code, table.concat(run))
        run, code = {}, color
      end
      run[#run + 1] = text
    end
    parts[#parts + 1] = paint(look, code, table.concat(run))
    lines[row] = table.concat(parts)
  end
  return lines
end

local function draw_curves(chart, axes, columns, rows, look, ranges)
  local canvas = curve.canvas(columns, rows, not look.ascii)
  local traces, marks = {}, {}
  if axes.is_empty then
    return canvas, marks
  end
  for number, item in ipairs(chart.curves) do
    if item.raw then
      -- Without colour a second line would be as loud as the first.
      curve.draw(canvas, item.raw, axes, look.color and not look.ascii and "line" or "extremes",
        RAW + number)
    end
  end
  for number, item in ipairs(chart.curves) do
    traces[number] = curve.draw(canvas, item.line, axes, "line", number)
  end
  if #traces > 1 and not look.ascii or #traces == 1 and ranges[1].shown == 1 then
    marks = place_marks(traces, columns)
  end
  return canvas, marks
end

local function legend(chart)
  local items = {}
  for number, item in ipairs(chart.curves) do
    local last = curve.last(item.raw or item.line)
    items[number] = { ("%s %s  %s"):format(mark_of(number),
      shorten(item.name, NAME_COLUMNS_MAX), last and terminal.number(last) or "no points"),
      color_of(number) }
  end
  return items
end

local function append(list, more)
  for _, item in ipairs(more) do
    list[#list + 1] = item
  end
end

return function(chart, look)
  local notes, tail = {}, {}
  append(notes, chart.notes)
  local axes, ranges = find_axes(chart, notes)
  if chart.x_label ~= "" then
    tail[1] = false -- where the label is centred is not known yet
  end
  if chart.has_legend then
    append(tail, wrap(legend(chart), look.width, look))
  end
  if #notes > 0 then
    append(tail, wrap_words(table.concat(notes, "; "), look.width, look))
  end
  local has_title = chart.title ~= ""
  local rows = math.max(2, look.height - #tail - 2 - (has_title and 1 or 0))
  local labels, label_columns = label_rows(axes, rows, look.ascii and 1 or 4)
  if axes.is_empty then
    labels, label_columns = {}, 0
  end
  local columns = math.max(2, look.width - label_columns - 2)
  local canvas, marks = draw_curves(chart, axes, columns, rows, look, ranges)
  local lines, pen = {}, look.ascii and ASCII_LINES or LINES
  if has_title then
    lines[1] = paint(look, "1", shorten(chart.title, look.width))
  end
  for row, text in ipairs(canvas_rows(canvas, columns, rows, marks, look, #chart.curves)) do
    local label = labels[row]
    local left = (" "):rep(label_columns - #(label or "")) .. (label or "") .. " "
    lines[#lines + 1] = paint(look, "2", left .. (label and pen.tick or pen.vertical)) .. text
  end
  local rule, text = bottom_lines(chart, axes, columns, label_columns + 2, pen)
  if axes.is_empty then
    rule, text = pen.line:rep(columns), ""
  end
  lines[#lines + 1] = paint(look, "2", (" "):rep(label_columns + 1) .. pen.corner .. rule)
  lines[#lines + 1] = paint(look, "2", text)
  for _, line in ipairs(tail) do
    if not line then
      local label = shorten(chart.x_label, columns)
      line = paint(look, "2", (" "):rep(label_columns + 2 + math.floor((columns
        - terminal.text_width(label)) / 2)) .. label)
    end
    lines[#lines + 1] = line
  end
  for i, line in ipairs(lines) do
    lines[i] = line:gsub(" +$", "")
  end
  return table.concat(lines, "\n")
end
