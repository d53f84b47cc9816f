-- SPDX-License-Identifier: Apache-2.0
-- check(call, options, known, refuse): refuses an option that a call does not know, or of another
-- type. known has their types by name: "number", or of two "boolean or table".

local function names_of(known)
  local names = {}
  for name in pairs(known) do
    names[#names + 1] = name
  end
  table.sort(names)
  return table.concat(names, ", ")
end

return function(call, options, known, refuse)
  for name, value in pairs(options) do
    local want, got = known[name], type(value)
    if not want then
      refuse(("%s has no option '%s'; its options are %s"):format(call, tostring(name),
        names_of(known)))
    elseif got ~= want and not (" " .. want .. " "):find(" " .. got .. " ", 1, true) then
      refuse(("%s's option '%s' is a %s; give a %s"):format(call, name, got, want))
    end
  end
end
