-- SPDX-License-Identifier: Apache-2.0
-- suggest(word): the command that may have been meant where there is no script of that name.

local host = ...

return function(word)
  if word:find("[/.]") then
    return nil
  end
  local names = {}
  for i, command in ipairs(host.load "commands".list) do
    names[i] = command.name
  end
  return host.load "nearest"(word, names)
end
