-- SPDX-License-Identifier: Apache-2.0
-- The hint at the right edge while a call is typed: its parameters, with the one at the cursor
-- marked, and what that one is.

local source, reference, signature, terminal = ...

-- What the terminal does not show is between two of these (src/host/line_editor.h).
local MARK = "\1"

--- Parts { text, is_current } as one text. libedit hangs what is not shown on the character that
--- follows it, so that there is one after each, and a blank at the end.
local function render(parts)
  local has_color = terminal.has_color("stdout")
  local texts = {}
  for i, part in ipairs(parts) do
    local text = terminal.clean(part[1])
    if has_color and text ~= "" then
      text = MARK .. "\27[0;" .. (part[2] and "1" or "2") .. "m" .. MARK .. text
    end
    texts[i] = text
  end
  return table.concat(texts) .. (has_color and MARK .. "\27[0m" .. MARK or "") .. " "
end

local function width_of(parts)
  local width = 1
  for _, part in ipairs(parts) do
    width = width + terminal.text_width(part[1])
  end
  return width
end

--- The names of a function that is written in Lua, without documentation.
local function own_parameters(f)
  local info = debug.getinfo(f, "u")
  local names = {}
  for i = 1, info.nparams do
    names[i] = debug.getlocal(f, i)
  end
  if info.isvararg then
    names[#names + 1] = "..."
  end
  return names, debug.getinfo(f, "S").what ~= "C"
end

local function describe(parameter)
  local text = signature.type(parameter.type)
  if parameter.text ~= "" then
    text = text .. ", " .. parameter.text
  end
  return text
end

--- name(a, b, c?), the one at the cursor marked.
local function signature_parts(name, names, current)
  local parts = { { name .. "(" } }
  for i, parameter in ipairs(names) do
    parts[#parts + 1] = { parameter, i == current }
    parts[#parts + 1] = i < #names and { ", " } or nil
  end
  parts[#parts + 1] = { ")" }
  return parts
end

local function current_parts(name, description)
  return { { name, true }, { ": " .. description } }
end

--- The longest of the texts that fits, the last one cut if none does.
local function choose(columns, ...)
  local last
  for _, parts in ipairs { ... } do
    if width_of(parts) <= columns then
      return render(parts)
    end
    last = parts
  end
  local left, cut = columns - 4, {}
  for _, part in ipairs(last) do
    local text, width = terminal.cut(part[1], math.max(left, 0))
    cut[#cut + 1] = { text, part[2] }
    left = left - width
  end
  cut[#cut + 1] = { "..." }
  return render(cut)
end

local function table_hint(entry, call, columns)
  if call.keyword ~= "" then
    local field = signature.field(entry, call.argument, call.keyword)
    return field and choose(columns, current_parts(field.name, describe(field)))
  end
  local names = {}
  for i, field in ipairs(signature.fields(entry, call.argument)) do
    names[i] = field.name
  end
  return #names > 0 and choose(columns, { { entry.name .. " { " .. table.concat(names, ", ")
    .. " }" } })
end

--- The hint for text, in so many columns; nil for none.
return function(text, columns)
  local call = source.call(source.tokens(text))
  if not call or not call.chain then
    return nil
  end
  local entry = reference.function_at(call.chain)
  local name = call.chain[#call.chain].name
  if not entry then
    local at = reference.resolve(call.chain)
    if not at or type(at.value) ~= "function" or not name then
      return nil
    end
    local names, is_lua = own_parameters(at.value)
    return is_lua and choose(columns, signature_parts(name, names, call.argument)) or nil
  elseif call.keyword then
    return table_hint(entry, call, columns) or nil
  end
  local names = signature.names(entry)
  local current = math.min(call.argument, #names)
  name = entry.alias and name or entry.name
  local parts = signature_parts(name, names, current)
  local parameter = entry.parameters[current]
  if not parameter then
    return choose(columns, parts)
  end
  local long = signature_parts(name, names, current)
  long[#long + 1] = { "  " .. describe(parameter) }
  return choose(columns, long, parts, current_parts(names[current], describe(parameter)))
end
