-- SPDX-License-Identifier: Apache-2.0
-- mlmanager.table(rows [, options]): runs or rows as a table that fits the terminal. In come what
-- it cannot do in Lua (src/binding/terminal.h), and a table with load(name), for the module's other
-- sources, and refuse(message).

local terminal, kit = ...
local number_type = terminal.number_type

local refuse, check_types = kit.refuse, kit.load "options"
local run_columns = kit.load "run_columns"
local is_run, parent_of, sorted_keys = run_columns.is_run, run_columns.parent_of,
  run_columns.sorted_keys

local CELL_COLUMNS_MAX = 32 -- of one cell's text; longer ones end with an ellipsis
local CELL_COLUMNS_LEAST = 16 -- what a cell keeps where not all columns fit
local DIGITS = 5 -- significant ones of a number
local REST = "..." -- among columns: those that are shown where none is named
local INDENT = "  " -- of a nested run's name

local OPTIONS = {
  columns = "table", sort = "string", descending = "boolean", limit = "number",
  width = "number", format = "string", color = "boolean", print = "boolean", noun = "string",
  sorted = "string", experiments = "table", summaries = "table",
}

local function check_options(options)
  if options == nil or type(options) == "string" then
    return {} -- a string: search_runs also returns the next page's token
  elseif type(options) ~= "table" then
    refuse(("bad argument #2 to 'table' (options as a table expected, got %s)"):format(
      type(options)))
  end
  check_types("table", options, OPTIONS, refuse)
  if options.format and options.format ~= "box" and options.format ~= "tsv"
    and options.format ~= "csv" then
    refuse(("table's option 'format' is '%s'; give 'box', 'tsv' or 'csv'"):format(options.format))
  end
  return options
end

-- Columns are those of run_columns.lua.

local function row_columns(rows, asked)
  local columns, keys = {}, {}
  if asked and type(asked[1]) == "table" then
    return columns -- whoever computes columns knows what the rows are
  end
  for _, row in ipairs(rows) do
    for key in pairs(row) do
      keys[key] = true
    end
  end
  for _, key in ipairs(sorted_keys(keys)) do
    -- Rows that are lists have their columns' names in the option.
    columns[#columns + 1] = {
      name = tostring(number_type(key) and asked and asked[key] or key),
      get = function(row) return row[key] end,
    }
  end
  return columns
end

--- A loaded CSV's own order; a row is its number in a table.
local function csv_columns(data)
  local columns = {}
  for i, name in ipairs(data.names) do
    local values = data.columns[name]
    columns[i] = { name = name, get = function(row) return values[row[1]] end }
  end
  return columns
end

local function find_column(columns, name)
  for _, column in ipairs(columns) do
    if column.name == name or column.path == name then
      return column
    end
  end
end

local function need_column(columns, name, option)
  local column = find_column(columns, name)
  if not column then
    local names = {}
    for _, known in ipairs(columns) do
      if not known.is_uncounted then
        names[#names + 1] = known.name
      end
    end
    refuse(("table's option '%s' names '%s', which is no column; there are %s"):format(
      option, name, table.concat(names, ", ")))
  end
  return column
end

--- A column as a script describes it: { name=, value=function(row), show=, right= }.
local function computed_column(described)
  if type(described.name) ~= "string" or type(described.value) ~= "function" then
    refuse("table's option 'columns' has a table without a text 'name' and a function 'value'")
  end
  return {
    name = described.name, get = described.value, show = described.show,
    is_left = described.show and not described.right, is_status = described.name == "status",
    wide = described.wide,
  }
end

local function add_shown(chosen, columns, is_named)
  for _, column in ipairs(columns) do
    if not column.hidden and not is_named[column] then
      chosen[#chosen + 1] = column
    end
  end
  return chosen
end

--- The columns that were asked for; those computed join all columns there are.
local function choose_columns(columns, asked)
  if asked then
    local chosen, is_named = {}, {}
    for i, wanted in ipairs(asked) do
      if type(wanted) == "table" then
        chosen[i] = computed_column(wanted)
        columns[#columns + 1] = chosen[i]
      elseif wanted ~= REST then
        chosen[i] = need_column(columns, wanted, "columns")
        is_named[chosen[i]] = true
      else
        chosen[i] = REST
      end
    end
    local all = {}
    for _, column in ipairs(chosen) do
      if column ~= REST then
        all[#all + 1] = column
      else
        add_shown(all, columns, is_named)
      end
    end
    return all
  end
  return add_shown({}, columns, {})
end

-- Order.

--- Numbers before texts; what is missing or NaN comes last in both directions.
local function sort_rows(rows, column, descending)
  local keys, places = {}, {}
  for i, row in ipairs(rows) do
    local value = column.get(row)
    keys[row] = tonumber(value) or value
    places[row] = i
  end
  local function rank(value)
    if value == nil or value ~= value then
      return 3
    end
    return type(value) == "number" and 1 or 2
  end
  table.sort(rows, function(a, b)
    local x, y = keys[a], keys[b]
    local rx, ry = rank(x), rank(y)
    if rx ~= ry then
      return rx < ry
    elseif rx == 3 or x == y then
      return places[a] < places[b]
    elseif rx == 2 then
      x, y = tostring(x), tostring(y)
    end
    if descending then
      return x > y
    end
    return x < y
  end)
end

--- Puts nested runs under their parent, where that is in the list; returns the depth of each.
local function nest(runs)
  local by_id, children, depths, ordered = {}, {}, {}, {}
  for _, run in ipairs(runs) do
    if run.info.run_id then
      by_id[run.info.run_id] = run
    end
  end
  local tops = {}
  for _, run in ipairs(runs) do
    local parent = by_id[parent_of(run)]
    local list = tops
    if parent and parent ~= run then
      children[parent] = children[parent] or {}
      list = children[parent]
    end
    list[#list + 1] = run
  end
  local function place(list, depth)
    for _, run in ipairs(list) do
      if not depths[run] then
        depths[run] = depth
        ordered[#ordered + 1] = run
        place(children[run] or {}, depth + 1)
      end
    end
  end
  place(tops, 0)
  place(runs, 0) -- runs that are each other's parents have no top
  return ordered, depths
end

-- Cells.

local function exact_number(value)
  if number_type(value) == "integer" then
    return ("%d"):format(value)
  elseif value ~= value then
    return "nan"
  end
  local text
  for digits = 15, 17 do
    text = ("%." .. digits .. "g"):format(value)
    if tonumber(text) == value then
      break
    end
  end
  return text
end

--- How to write the numbers of one column: with as many decimals as its largest value has digits
--- to spare, or each by itself where that would leave nothing of the small ones.
local function number_format(values)
  local largest, smallest, all_integers, has_floats = 0, math.huge, true, false
  for _, value in pairs(values) do
    if number_type(value) == "float" and value == value and math.abs(value) ~= math.huge then
      local size = math.abs(value)
      has_floats = true
      largest = math.max(largest, size)
      if size > 0 then
        smallest = math.min(smallest, size)
      end
      all_integers = all_integers and value == math.floor(value)
    elseif number_type(value) == "integer" then
      largest = math.max(largest, math.abs(value + 0.0))
    end
  end
  if all_integers and (largest < 1e7 or not has_floats) then
    return "%.0f"
  end
  local magnitude = largest > 0 and tonumber(("%.16e"):format(largest):match("[-+]%d+$")) or 0
  local decimals = math.min(DIGITS - 1 - magnitude, DIGITS - 1)
  if decimals < 0 or smallest < 10 ^ (1 - decimals) and smallest < 0.01 * largest
    or magnitude < -1 then
    return "%." .. DIGITS - 1 .. "g"
  end
  return "%." .. decimals .. "f"
end

local function shorten(text, most)
  text = terminal.clean(text)
  if #text > most and terminal.text_width(text) > most then
    text = terminal.cut(text, most - 1) .. (terminal.is_utf8() and "…" or "~")
  end
  return text
end

--- Fills column.texts, column.is_number and column.columns for a box whose cells have at most
--- most columns.
local function lay_out(column, rows, most)
  if column.most == most then
    return
  end
  column.most = most
  most = column.wide or most
  local numbers, texts, is_number = {}, {}, true
  for i, row in ipairs(rows) do
    local value = column.get(row)
    if type(value) == "number" then
      numbers[i] = value
    elseif value ~= nil then
      is_number = is_number and tonumber(value) ~= nil
    end
  end
  local format = number_format(numbers)
  for i, row in ipairs(rows) do
    local value = column.get(row)
    if value == nil then
      texts[i] = ""
    elseif column.show then
      texts[i] = column.show(value)
    elseif numbers[i] then
      if value ~= value then
        texts[i] = "nan"
      elseif format == "%.0f" and number_type(value) == "integer" then
        texts[i] = ("%d"):format(value) -- exact beyond 2^53
      else
        texts[i] = format:format(value)
      end
    else
      texts[i] = shorten(tostring(value), most)
    end
  end
  column.texts, column.is_number = texts, is_number
  column.header = shorten(column.name, most)
  column.columns = terminal.text_width(column.header)
  for _, text in ipairs(texts) do
    column.columns = math.max(column.columns, terminal.text_width(text))
  end
end

--- Which of the columns fit into width: the first and the sort column, then from both ends inwards.
--- Returns them in their order, with false where some are left out.
local function fit(columns, rows, width, most)
  local chosen = {}
  local function select_shown()
    local shown = {}
    for i, column in ipairs(columns) do
      if chosen[i] then
        shown[#shown + 1] = column
      elseif shown[#shown] ~= false then
        shown[#shown + 1] = false
      end
    end
    return shown
  end
  local function fits()
    local used = -1 -- each column has a blank on both sides, and a border to the next
    for _, column in ipairs(select_shown()) do
      used = used + (column and column.columns or 1) + 3
    end
    return used <= width
  end
  local function take(i)
    local before = chosen[i]
    chosen[i] = true
    lay_out(columns[i], rows, most) -- not sooner: a run may have thousands of metrics
    if not before and not fits() then
      chosen[i] = nil
      return false
    end
    return true
  end
  for i, column in ipairs(columns) do
    if i == 1 or column.is_sort then
      chosen[i] = true
      lay_out(column, rows, most)
    end
  end
  local left, right, left_goes, right_goes = 1, #columns, true, true
  while left <= right and (left_goes or right_goes) do
    left_goes = left_goes and take(left)
    left = left_goes and left + 1 or left
    right_goes = right_goes and left <= right and take(right)
    right = right_goes and right - 1 or right
  end
  return select_shown()
end

local function box(shown, row_count, color)
  local vertical, line, cross = "│", "─", "┼"
  local gap_mark = "…"
  if not terminal.is_utf8() then
    vertical, line, cross, gap_mark = "|", "-", "+", "~"
  end
  local function paint(code, text)
    return color and code and text ~= "" and ("\27[%sm%s\27[m"):format(code, text) or text
  end
  local bar = " " .. paint("2", vertical) .. " "
  local function pad(column, text, is_last)
    local blanks = (" "):rep(column.columns - terminal.text_width(text))
    if not column.is_left and (column.is_number or column.show) then
      return blanks, ""
    end
    return "", is_last and "" or blanks
  end
  local lines = {}
  local function add_line(text_of, code_of, mark)
    local parts = {}
    for i, column in ipairs(shown) do
      if column then
        local text = text_of(column)
        local before, after = pad(column, text, i == #shown)
        parts[i] = before .. paint(code_of(column, text), text) .. after
      else
        parts[i] = paint("2", mark)
      end
    end
    lines[#lines + 1] = (" " .. table.concat(parts, bar)):gsub(" +$", "")
  end
  add_line(function(column)
    return column.header
  end, function()
    return "1"
  end, gap_mark)
  local rules = {}
  for i, column in ipairs(shown) do
    rules[i] = line:rep((column and column.columns or 1) + 2)
  end
  lines[#lines + 1] = paint("2", table.concat(rules, cross))
  for row = 1, row_count do
    add_line(function(column)
      return column.texts[row]
    end, function(column, text)
      return column.is_status and run_columns.status_colors[text] or nil
    end, gap_mark)
  end
  return lines
end

local function count(number, noun)
  return ("%d %s%s"):format(number, noun, number == 1 and "" or "s")
end

--- RFC 4180, and what blanks at an end would not survive.
local function csv_cell(text)
  if text:find('[",\r\n]') or text:find("^%s") or text:find("%s$") then
    return '"' .. text:gsub('"', '""') .. '"'
  end
  return text
end

local ESCAPES = { ["\t"] = "\\t", ["\n"] = "\\n", ["\r"] = "\\r", ["\\"] = "\\\\" }

local function tsv_cell(text)
  return (text:gsub("[\t\n\r\\]", ESCAPES))
end

--- For programs: every digit of every row.
local function plain(columns, rows, separator, cell)
  local lines, cells = {}, {}
  for i, column in ipairs(columns) do
    cells[i] = cell(column.plain or column.name)
  end
  lines[1] = table.concat(cells, separator)
  for _, row in ipairs(rows) do
    for i, column in ipairs(columns) do
      local value = column.get(row)
      if value == nil then
        cells[i] = ""
      elseif type(value) == "number" then
        cells[i] = exact_number(value)
      else
        cells[i] = cell(tostring(value))
      end
    end
    lines[#lines + 1] = table.concat(cells, separator)
  end
  return table.concat(lines, "\n")
end

local function render_box(columns, all, rows, depths, options, width, has_runs, total)
  if depths and columns[1] then
    local get = columns[1].get
    columns[1] = setmetatable({
      get = function(row)
        local value = get(row)
        return value and INDENT:rep(depths[row] or 0) .. tostring(value)
      end,
    }, { __index = columns[1] })
  end
  local shown = fit(columns, rows, width, CELL_COLUMNS_MAX)
  local least = math.max(CELL_COLUMNS_LEAST, math.floor(width / 4))
  if #shown < #columns and least < CELL_COLUMNS_MAX then
    shown = fit(columns, rows, width, least)
  end
  local color = options.color
  if color == nil then
    color = terminal.has_color("stdout")
  end
  local lines = #columns > 0 and box(shown, #rows, color) or {}
  local shown_count, all_count = 0, 0
  for _, column in ipairs(shown) do
    shown_count = shown_count + (column and 1 or 0)
  end
  for _, column in ipairs(all) do
    all_count = all_count + (column.is_uncounted and not find_column(columns, column.name)
      and 0 or 1)
  end
  local noun = options.noun or has_runs and "run" or "row"
  local footer = #rows < total and ("%d of %s"):format(#rows, count(total, noun))
    or count(total, noun)
  if all_count > 0 then
    footer = footer .. ", " .. (shown_count < all_count
      and ("%d of %s"):format(shown_count, count(all_count, "column"))
      or count(all_count, "column"))
  end
  lines[#lines + 1] = footer
  return table.concat(lines, "\n")
end

local function is_csv(value)
  return type(value.names) == "table" and type(value.columns) == "table"
    and number_type(value.rows) == "integer"
end

--- The rows in a list of our own, and all columns there are.
local function check_rows(rows, options)
  if type(rows) ~= "table" then
    refuse(("bad argument #1 to 'table' (a list of runs or rows expected, got %s)"):format(
      type(rows)))
  end
  local copy = {}
  if is_csv(rows) then
    for i = 1, rows.rows do
      copy[i] = { i }
    end
    return copy, csv_columns(rows), false
  elseif is_run(rows) then
    rows = { rows }
  elseif #rows == 0 and next(rows) ~= nil then
    refuse("bad argument #1 to 'table' (a list of runs or rows expected, got a table without "
      .. "item 1)")
  end
  local has_runs = #rows > 0
  for i, row in ipairs(rows) do
    if type(row) ~= "table" then
      refuse(("bad argument #1 to 'table' (row %d is a %s; each row is a table)"):format(
        i, type(row)))
    end
    has_runs = has_runs and is_run(row)
    copy[i] = row
  end
  return copy, has_runs and run_columns.of(copy, options)
    or row_columns(copy, options.columns), has_runs
end

return function(rows, options)
  options = check_options(options)
  local list, all, has_runs = check_rows(rows, options)
  local sort, descending = options.sort, options.descending
  if sort then
    -- As MLflow's order_by writes it.
    local name, direction = sort:match("^(.-)%s+([AaDd][EeSs][SsCc][Cc]?)$")
    direction = direction and direction:upper()
    if direction == "ASC" or direction == "DESC" then
      sort, descending = name, direction == "DESC"
    end
  end
  local columns = choose_columns(all, options.columns)
  if (sort or options.sorted) and #list > 0 then
    local column = need_column(all, sort or options.sorted, sort and "sort" or "sorted")
    column.is_sort = true
    if not find_column(columns, column.name) then
      columns[#columns + 1] = column
    end
    if sort then
      sort_rows(list, column, descending)
    end
  end
  local depths
  if has_runs then
    list, depths = nest(list)
  end
  local total = #list
  for i = total, math.floor(options.limit or total) + 1, -1 do
    list[i] = nil
  end
  local width = options.width or terminal.width("stdout")
  local text
  if options.format == "csv" then
    text = plain(columns, list, ",", csv_cell)
  elseif options.format == "tsv" or (not options.format and not width) then
    text = plain(columns, list, "\t", tsv_cell)
  else
    text = render_box(columns, all, list, depths, options, width or 80, has_runs, total)
  end
  if options.print then
    io.stdout:write(text, "\n")
  end
  return text
end
