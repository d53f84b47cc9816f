-- SPDX-License-Identifier: Apache-2.0
-- What the documentation says of a call's arguments: which parameter a place in the call is, and
-- how a function is written down.

local reference = ...

local signature = {}

--- All that an argument may be: its parameter, then those of the overloads.
function signature.at(entry, argument)
  local found, seen = {}, {}
  local function add(parameters)
    local parameter = parameters[argument]
    local last = parameters[#parameters]
    if not parameter and last and last.name == "..." then
      parameter = last
    end
    if parameter and not seen[parameter.name .. " " .. parameter.type] then
      seen[parameter.name .. " " .. parameter.type] = true
      found[#found + 1] = parameter
    end
  end
  add(entry.parameters)
  for _, overload in ipairs(entry.overloads) do
    add(reference.parameters(overload))
  end
  return found
end

--- The fields that a table at this argument may have, as { name=, type=, text= }…: those of a class
--- of options, else, for a sole table, the parameters by their names.
function signature.fields(entry, argument)
  local list, seen = {}, {}
  local function add(field)
    if not seen[field.name] and field.name ~= "..." then
      seen[field.name] = true
      list[#list + 1] = field
    end
  end
  for _, parameter in ipairs(signature.at(entry, argument)) do
    local class = reference.class_of_type(parameter.type)
    if class and #class.functions == 0 then
      reference.each_member(class, add)
    end
  end
  if #list == 0 and argument == 1 then
    for _, parameter in ipairs(entry.parameters) do
      add(parameter)
    end
  end
  return list
end

--- The field called name among them.
function signature.field(entry, argument, name)
  for _, field in ipairs(signature.fields(entry, argument)) do
    if field.name == name then
      return field
    end
  end
end

--- A type as it is shown: without the module's name in front of each.
function signature.type(text)
  return (text:gsub("mlmanager%.(%u)", "%1"))
end

--- The names of the parameters as they are shown.
function signature.names(entry)
  local names = {}
  for i, parameter in ipairs(entry.parameters) do
    names[i] = parameter.name .. (parameter.optional and "?" or "")
  end
  return names
end

return signature
