-- SPDX-License-Identifier: Apache-2.0
-- listing(rows, columns, given, noun): rows as --format wants them. A column: name, value(row),
-- and optionally show(value) for a table, right, table=false where a table leaves it out, json for
-- another name where programs read.

local host = ...
local json = host.load "json"
local page = host.load "page"

local function csv_cell(value)
  if value == nil then
    return ""
  end
  local text = type(value) == "number" and json.encode(value):gsub('"', "") or tostring(value)
  -- RFC 4180, and what a blank at either end would not survive.
  if text:find('[",\r\n]') or text:find("^%s") or text:find("%s$") then
    return '"' .. text:gsub('"', '""') .. '"'
  end
  return text
end

local function csv(rows, columns)
  local lines, cells = {}, {}
  for i, column in ipairs(columns) do
    cells[i] = csv_cell(column.json or column.name)
  end
  lines[1] = table.concat(cells, ",")
  for _, row in ipairs(rows) do
    for i, column in ipairs(columns) do
      cells[i] = csv_cell(column.value(row))
    end
    lines[#lines + 1] = table.concat(cells, ",")
  end
  return table.concat(lines, "\n") .. "\n"
end

local listing = {}

--- What to write where --format is not given.
function listing.format(given)
  return given.format or (host.terminal.is_terminal("stdout") and "table" or "tsv")
end

function listing.write(rows, columns, given, noun)
  local format = listing.format(given)
  if format == "json" then
    local items = {}
    for i, row in ipairs(rows) do
      local members = {}
      for j, column in ipairs(columns) do
        members[j] = { column.json or column.name, column.value(row) }
      end
      items[i] = json.object(members)
    end
    page(json.lines(items), given)
  elseif format == "csv" then
    page(csv(rows, columns), given)
  else
    local shown = {}
    for _, column in ipairs(columns) do
      if format == "tsv" then
        shown[#shown + 1] = { name = column.json or column.name, value = column.value }
      elseif column.table ~= false then
        shown[#shown + 1] = column
      end
    end
    page(require "mlmanager".table(rows, {
      columns = shown, noun = noun, format = format == "table" and "box" or "tsv",
    }) .. "\n", given)
  end
end

return listing
