-- SPDX-License-Identifier: Apache-2.0
-- arguments(command, words): reads the words that follow a command, as its documentation in
-- commands.lua says: options by their names ("--order-by" as order_by), arguments as items 1 to n.
-- Raises { message=, status=2 } where they make no sense.

local host = ...
local nearest = host.load "nearest"

local function refuse(command, format, ...)
  error({ status = 2, message = format:format(...),
    hint = ("'mlmanager %s --help' tells what there is"):format(command.name) }, 0)
end

local function field_of(option)
  return (option.name:gsub("^%-+", ""):gsub("%-", "_"))
end

local function options_of(command)
  local list = {}
  for _, option in ipairs(command.options or {}) do
    list[#list + 1] = option
  end
  for _, option in ipairs(host.load "commands".global_options) do
    list[#list + 1] = option
  end
  return list
end

local function find(command, word)
  local names = {}
  for _, option in ipairs(options_of(command)) do
    if option.name == word or option.short == word then
      return option
    end
    names[#names + 1] = option.name
  end
  local near = nearest(word, names)
  if near then
    refuse(command, "%s has no option '%s'; did you mean %s?", command.name, word, near)
  end
  refuse(command, "%s has no option '%s'", command.name, word)
end

--- The value as the command gets it: a number where that is wanted.
local function check(command, option, text)
  if text == nil or text == "" then
    refuse(command, "%s needs a value: %s", option.name, option.value)
  end
  if option.kind == "integer" then
    local number = math.tointeger(tonumber(text))
    if not number or number < (option.min or 0) then
      refuse(command, "%s is '%s'; give a whole number of %d or more", option.name, text,
        option.min or 0)
    end
    return number
  elseif option.kind == "number" then
    local number = tonumber(text)
    if not number then
      refuse(command, "%s is '%s'; give a number", option.name, text)
    end
    return number
  elseif option.kind == "choice" then
    for _, choice in ipairs(option.choices) do
      if choice == text then
        return text
      end
    end
    local near = nearest(text, option.choices)
    refuse(command, "%s is '%s'; %s", option.name, text, near and
      ("did you mean %s?"):format(near) or "give one of " .. table.concat(option.choices, ", "))
  end
  return text
end

local function check_count(command, given)
  local wanted = command.arguments or {}
  local least, most = 0, 0
  for _, argument in ipairs(wanted) do
    least = least + (argument.optional and 0 or argument.least or 1)
    most = argument.many and math.huge or most + 1
  end
  if #given < least then
    local missing = wanted[math.min(#given + 1, #wanted)]
    refuse(command, least > 1 and "%s needs %s, %d at least" or "%s needs %s", command.name,
      missing.text or missing.name, least)
  elseif #given > most then
    refuse(command, "%s takes no argument '%s'", command.name, given[most + 1])
  end
end

return function(command, words)
  local given, i, only_arguments = {}, 1, false
  while i <= #words do
    local word = words[i]
    if word == "--" and not only_arguments then
      only_arguments = true
    elseif only_arguments or word:sub(1, 1) ~= "-" or word == "-" then
      given[#given + 1] = word
    else
      local name, value = word:match("^(%-%-[^=]+)=(.*)$")
      local option = find(command, name or word)
      local field = field_of(option)
      if not option.value then
        if value then
          refuse(command, "%s takes no value", option.name)
        end
        given[field] = true
      else
        if not value then
          i = i + 1
          value = words[i]
        end
        value = check(command, option, value)
        if option.many then
          given[field] = given[field] or {}
          table.insert(given[field], value)
        else
          given[field] = value
        end
      end
    end
    i = i + 1
  end
  if not given.help then
    check_count(command, given)
  end
  return given
end
