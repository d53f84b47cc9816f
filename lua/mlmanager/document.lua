-- SPDX-License-Identifier: Apache-2.0
-- What log_dict and log_table write: JSON as MLflow writes it, so that its load_dict and load_table
-- read it. In come number_text(n), the shortest text that reads back equal, and refuse(message).

local number_text, refuse = ...

local DEPTH_MAX = 100

-- Python's json reads and writes these; they are no JSON elsewhere.
local ODD = { nan = "NaN", inf = "Infinity", ["-inf"] = "-Infinity" }
local ESCAPES = {
  ['"'] = '\\"', ["\\"] = "\\\\", ["\b"] = "\\b", ["\f"] = "\\f", ["\n"] = "\\n", ["\r"] = "\\r",
  ["\t"] = "\\t",
}

local function escape_byte(character)
  return ESCAPES[character] or ("\92u%04x"):format(character:byte())
end

--- A character of more than one byte as \u escapes, or nil where it is not UTF-8.
local function escape_character(bytes)
  local lead, count = bytes:byte(1), #bytes
  local wanted = lead >= 0xF0 and 4 or lead >= 0xE0 and 3 or 2
  local code = lead % 2 ^ (7 - wanted)
  for i = 2, count do
    code = code * 64 + bytes:byte(i) % 64
  end
  local least = ({ 0, 0x80, 0x800, 0x10000 })[wanted]
  if lead < 0xC0 or lead > 0xF4 or count ~= wanted or code < least or code > 0x10FFFF
    or code >= 0xD800 and code < 0xE000 then
    return nil
  elseif code < 0x10000 then
    return ("\92u%04x"):format(code)
  end
  code = code - 0x10000
  return ("\92u%04x\92u%04x"):format(0xD800 + math.floor(code / 1024), 0xDC00 + code % 1024)
end

local function encode_string(text, where)
  local is_wrong = false
  local escaped = text:gsub('[%c"\\]', escape_byte):gsub("[\128-\255][\128-\191]*", function(bytes)
    local code = escape_character(bytes)
    is_wrong = is_wrong or not code
    return code
  end)
  if is_wrong then
    refuse(where .. " is a string that is not UTF-8; log bytes with log_text")
  end
  return '"' .. escaped .. '"'
end

local function sorted_names(value, where)
  local names, texts = {}, {}
  local first
  for name in pairs(value) do
    local kind = type(name)
    if kind ~= "string" and kind ~= "number" then
      refuse(("%s has a %s as a key; JSON takes strings and numbers"):format(where, kind))
    elseif first and kind ~= first then
      refuse(where .. " mixes list items and named fields; JSON has lists and objects")
    end
    first = kind
    names[#names + 1] = name
    texts[name] = kind == "string" and name or number_text(name)
  end
  table.sort(names)
  return names, texts
end

--- A list has the keys 1..n and no others. An empty table is an object, unless its metatable has
--- the field __jsontype = "array".
local function is_list(value)
  local meta = getmetatable(value)
  local kind = type(meta) == "table" and meta.__jsontype
  if kind then
    return kind == "array"
  end
  local count = 0
  for _ in pairs(value) do
    count = count + 1
  end
  return count > 0 and count == #value
end

local encode

local function encode_table(value, where, depth, style)
  if depth > DEPTH_MAX then
    refuse(("%s… lies deeper than %d tables, or holds itself"):format(where:sub(1, 40), DEPTH_MAX))
  end
  local parts, open, close = {}, "{", "}"
  if is_list(value) then
    open, close = "[", "]"
    for i = 1, #value do
      parts[i] = encode(value[i], ("%s[%d]"):format(where, i), depth + 1, style)
    end
  else
    local names, texts = sorted_names(value, where)
    for i, name in ipairs(names) do
      local inner = where .. "." .. texts[name]
      parts[i] = encode_string(texts[name], inner) .. (style.indent and ": " or ":")
        .. encode(value[name], inner, depth + 1, style)
    end
  end
  if #parts == 0 then
    return open .. close
  elseif not style.indent then
    return open .. table.concat(parts, ",") .. close
  end
  local line = "\n" .. style.indent:rep(depth)
  return open .. line .. table.concat(parts, "," .. line) .. "\n" .. style.indent:rep(depth - 1)
    .. close
end

encode = function(value, where, depth, style)
  local kind = type(value)
  if kind == "string" then
    local text = encode_string(value, where)
    return style.slash and text:gsub("/", "\\/") or text
  elseif kind == "number" then
    local text = number_text(value)
    return ODD[text] and (style.odd or ODD[text]) or text
  elseif kind == "boolean" then
    return tostring(value)
  elseif kind == "table" then
    return encode_table(value, where, depth, style)
  elseif value == nil or kind == "userdata" and tostring(value):find("0x0+$")
    or kind == "userdata" and tostring(value):find("NULL") then
    return "null" -- nil in a row, and the null of lua-cjson
  end
  return refuse(("%s is a %s; JSON takes strings, numbers, booleans and tables"):format(where,
    kind))
end

local document = {}

--- A dict as a JSON text, indented, its names sorted.
function document.encode(value)
  return encode(value, "dict", 1, { indent = "  " }) .. "\n"
end

-- As pandas writes a table: no NaN, and slashes escaped.
local TABLE_STYLE = { odd = "null", slash = true }

local function check_columns(names, where)
  if type(names) ~= "table" or #names == 0 then
    refuse(where .. " must be a list of the columns' names")
  end
  for i, name in ipairs(names) do
    if type(name) ~= "string" then
      refuse(("%s: name %d is a %s; a column's name is a string"):format(where, i, type(name)))
    end
  end
  return names
end

local function names_of_rows(rows)
  local seen, names = {}, {}
  for i, row in ipairs(rows) do
    if type(row) ~= "table" then
      refuse(("row %d is a %s; a row is a table of values by column"):format(i, type(row)))
    end
    for name in pairs(row) do
      if not seen[name] then
        seen[name] = true
        names[#names + 1] = name
      end
    end
  end
  for _, name in ipairs(names) do
    if type(name) ~= "string" then
      refuse("a row has values without a column's name; write {loss=0.3, step=1}")
    end
  end
  table.sort(names)
  return names
end

--- The table's columns in order, its number of rows, and value(row, name).
local function read_table(data, columns)
  if type(data[1]) == "table" then
    local names = columns and check_columns(columns, "columns") or names_of_rows(data)
    return names, #data, function(i, name)
      return data[i][name]
    end
  end
  local names, count = {}, nil
  for name in pairs(data) do
    names[#names + 1] = name
  end
  if #names == 0 then
    refuse("data has neither columns nor rows")
  end
  for _, name in ipairs(names) do
    if type(name) ~= "string" then
      refuse("data must be columns by name, {loss={0.3, 0.2}}, or a list of rows, {{loss=0.3}}")
    end
  end
  table.sort(names)
  names = columns and check_columns(columns, "columns") or names
  for _, name in ipairs(names) do
    local column = data[name]
    if type(column) ~= "table" then
      refuse(("column '%s' is a %s; a column is a list of values"):format(name, type(column)))
    elseif count and #column ~= count then
      refuse(("column '%s' has %d values and column '%s' has %d; all columns are equally long")
        :format(names[1], count, name, #column))
    end
    count = #column
  end
  return names, count, function(i, name)
    return data[name][i]
  end
end

--- A table as MLflow keeps it, behind the rows that the artifact holds already.
function document.add_rows(data, columns, before, artifact)
  local names, count, value = read_table(data, columns)
  local header = {}
  for i, name in ipairs(names) do
    header[i] = encode(name, "a column's name", 1, TABLE_STYLE)
  end
  local start = '{"columns":[' .. table.concat(header, ",") .. '],"data":['
  local parts = {}
  if before then
    local rows = before:sub(1, #start) == start and before:sub(#start + 1):match("^(.*)%]}%s*$")
    if not rows then
      refuse(("the artifact '%s' is there and is no table with the columns %s, so no rows can be "
        .. "added to it"):format(artifact, table.concat(names, ", ")))
    end
    parts[1] = rows ~= "" and rows or nil
  end
  for i = 1, count do
    local row = {}
    for j, name in ipairs(names) do
      row[j] = encode(value(i, name), ("row %d, column '%s',"):format(i, name), 1, TABLE_STYLE)
    end
    parts[#parts + 1] = "[" .. table.concat(row, ",") .. "]"
  end
  return start .. table.concat(parts, ",") .. "]}"
end

--- The value of the tag by which MLflow finds tables, with this one in it; nil where it is already.
function document.add_tag(run, artifact)
  local entry = ('{"path": %s, "type": "table"}'):format(encode_string(artifact, "name"))
  local before = run.data.tags["mlflow.loggedArtifacts"]
  local list = before and before:match("^%s*%[%s*(.-)%s*%]%s*$")
  if not list or list == "" then
    return "[" .. entry .. "]"
  end
  return not list:find(entry, 1, true) and "[" .. list .. ", " .. entry .. "]" or nil
end

return document
