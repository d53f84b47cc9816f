-- SPDX-License-Identifier: Apache-2.0
-- Values as the session shows them: a string as it is, a table with what is in it.

local DEPTH_MAX = 4
local ITEMS_MAX = 40 -- of one table
local WIDTH_MAX = 76 -- of a line, in bytes
local SHORT = 20 -- bytes of a list's value that may share a line

local function sort_keys(a, b)
  local ta, tb = type(a), type(b)
  if ta ~= tb then
    return ta < tb
  end
  if ta == "number" or ta == "string" then
    return a < b
  end
  return tostring(a) < tostring(b)
end

local function has_own_text(value)
  local meta = debug.getmetatable(value) -- which its owner may have hidden
  return type(meta) == "table" and (rawget(meta, "__tostring") or rawget(meta, "__name"))
end

local show_inner

local function show_key(key)
  if type(key) == "string" and key:match("^[%a_][%w_]*$") then
    return key
  end
  return "[" .. show_inner(key, 0, {}) .. "]"
end

local function show_table(value, depth, inside)
  if inside[value] then
    return "{ ... } -- itself"
  end
  if next(value) == nil then
    return "{}"
  end
  if depth == DEPTH_MAX then
    return "{ ... }"
  end
  inside[value] = true
  local items, length = {}, 0
  local count = rawlen(value)
  for i = 1, math.min(count, ITEMS_MAX) do
    items[i] = show_inner(rawget(value, i), depth + 1, inside)
  end
  local keys = {}
  for key in next, value do
    if not (math.type(key) == "integer" and key >= 1 and key <= count) then
      keys[#keys + 1] = key
    end
  end
  table.sort(keys, sort_keys)
  for i = 1, math.min(#keys, ITEMS_MAX - #items) do
    local key = keys[i]
    items[#items + 1] = show_key(key) .. " = " .. show_inner(rawget(value, key), depth + 1, inside)
  end
  local left = count + #keys - #items
  if left > 0 then
    items[#items + 1] = ("... -- and %d more"):format(left)
  end
  inside[value] = nil
  local is_wide = left > 0
  for _, item in ipairs(items) do
    length = length + #item + 2
    is_wide = is_wide or item:find("[\n]") or item:find("-- ", 1, true)
  end
  if not is_wide and length + 2 * depth <= WIDTH_MAX then
    return "{ " .. table.concat(items, ", ") .. " }"
  end
  local outer = ("  "):rep(depth)
  local inner = outer .. "  "
  local lines, line = {}, items[1]
  for i = 2, #items do
    -- Short values of a list share a line.
    if i <= count and #items[i] <= SHORT and #line + #items[i] + #inner < WIDTH_MAX
      and not line:find("\n", 1, true) then
      line = line .. ", " .. items[i]
    else
      lines[#lines + 1] = line
      line = items[i]
    end
  end
  lines[#lines + 1] = line
  return "{\n" .. inner .. table.concat(lines, ",\n" .. inner) .. ",\n" .. outer .. "}"
end

function show_inner(value, depth, inside)
  if type(value) == "string" then
    return (("%q"):format(value):gsub("\\\n", "\\n"))
  elseif type(value) == "table" and not has_own_text(value) then
    return show_table(value, depth, inside)
  end
  return tostring(value)
end

return function(value)
  if type(value) == "string" then
    return value
  end
  return show_inner(value, 0, {})
end
