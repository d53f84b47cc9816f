-- SPDX-License-Identifier: Apache-2.0
-- JSON with what lua-cjson leaves out: every digit of a number, objects in the order they were
-- given, lists that stay lists when they are empty. NaN and infinities are the strings that
-- MLflow's REST API writes.

local json = {}

local LIST, OBJECT = {}, {}

json.null = setmetatable({}, { __name = "null" })

--- Marks a table as a list, which it stays when it is empty.
function json.list(items)
  return setmetatable(items or {}, LIST)
end

--- An object of { name, value } pairs, in their order; a pair without a value is left out.
function json.object(members)
  return setmetatable(members, OBJECT)
end

local ESCAPES = {
  ['"'] = '\\"', ["\\"] = "\\\\", ["\b"] = "\\b", ["\f"] = "\\f", ["\n"] = "\\n", ["\r"] = "\\r",
  ["\t"] = "\\t",
}

local function escape(character)
  return ESCAPES[character] or ("\\u%04x"):format(character:byte())
end

local function valid(text)
  local _, bad = utf8.len(text)
  while bad do
    text = text:sub(1, bad - 1) .. "\u{FFFD}" .. text:sub(bad + 1)
    _, bad = utf8.len(text, bad)
  end
  return text
end

local function encode_string(text)
  return '"' .. valid(text):gsub('[%c"\\]', escape) .. '"'
end

local function encode_number(value)
  if math.type(value) == "integer" then
    return tostring(value)
  elseif value ~= value then
    return '"NaN"'
  elseif value == math.huge then
    return '"Infinity"'
  elseif value == -math.huge then
    return '"-Infinity"'
  end
  for digits = 15, 17 do
    local text = ("%." .. digits .. "g"):format(value)
    if tonumber(text) == value then
      return text
    end
  end
end

--- One line.
function json.encode(value)
  local kind = type(value)
  if kind == "string" then
    return encode_string(value)
  elseif kind == "number" then
    return encode_number(value)
  elseif kind == "boolean" then
    return tostring(value)
  elseif value == json.null then
    return "null"
  end
  local parts, meta = {}, getmetatable(value)
  if meta == LIST then
    for i, item in ipairs(value) do
      parts[i] = json.encode(item)
    end
    return "[" .. table.concat(parts, ",") .. "]"
  elseif meta == OBJECT then
    for _, member in ipairs(value) do
      if member[2] ~= nil then
        parts[#parts + 1] = encode_string(member[1]) .. ":" .. json.encode(member[2])
      end
    end
  else
    local names = {}
    for name in pairs(value) do
      names[#names + 1] = name
    end
    table.sort(names)
    for i, name in ipairs(names) do
      parts[i] = encode_string(name) .. ":" .. json.encode(value[name])
    end
  end
  return "{" .. table.concat(parts, ",") .. "}"
end

--- A list with an item on each line.
function json.lines(items)
  local parts = {}
  for i, item in ipairs(items) do
    parts[i] = json.encode(item)
  end
  return #parts == 0 and "[]\n" or "[\n" .. table.concat(parts, ",\n") .. "\n]\n"
end

return json
