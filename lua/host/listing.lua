-- SPDX-License-Identifier: Apache-2.0
-- Rows that are not runs: write(rows, columns, given, noun) as --format wants them, box(rows,
-- columns, options) as a part of a page. A column: name, value(row), and optionally show(value) for
-- a table, right, wide, table=false where a table leaves it out, json for another name where
-- programs read.

local host = ...
local json = host.load "json"
local page = host.load "page"

local listing = {}

--- What to write where --format is not given.
function listing.format(given)
  return given.format or (host.terminal.is_terminal("stdout") and "table" or "tsv")
end

--- A table as a part of a page, and whether it has all columns: its last line is there only where
--- some are left out.
function listing.box(rows, columns, options)
  local settings = { columns = columns, format = "box" }
  for name, value in pairs(options or {}) do
    settings[name] = value
  end
  local text = require "mlmanager".table(rows, settings)
  local body, last = text:match("^(.*)\n([^\n]*)$")
  local is_whole = not last:find(" of ", 1, true)
  return is_whole and body or text, is_whole
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
  else
    local shown = {}
    for _, column in ipairs(columns) do
      if format ~= "table" then
        shown[#shown + 1] = { name = column.json or column.name, value = column.value }
      elseif column.table ~= false then
        shown[#shown + 1] = column
      end
    end
    page(require "mlmanager".table(rows, {
      columns = shown, noun = noun, format = format == "table" and "box" or format,
    }) .. "\n", given)
  end
end

return listing
