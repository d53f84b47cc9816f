-- SPDX-License-Identifier: Apache-2.0
-- Words that help and the man page put together from commands.lua in the same way.

local words = {}

local function argument_text(argument)
  local text = argument.name .. (argument.many and "..." or "")
  if argument.many and argument.least == 2 then
    text = argument.name .. " " .. text
  end
  return argument.optional and "[" .. text .. "]" or text
end

--- "runs [OPTIONS]"
function words.synopsis(command)
  local list = { command.name }
  if #(command.options or {}) > 0 then
    list[#list + 1] = "[OPTIONS]"
  end
  for _, argument in ipairs(command.arguments or {}) do
    list[#list + 1] = argument_text(argument)
  end
  return table.concat(list, " ")
end

function words.option_text(option)
  local text = option.text
  if option.kind == "choice" then
    text = text .. "; one of " .. table.concat(option.choices, ", ")
  end
  return option.many and text .. "; may be given again" or text
end

return words
