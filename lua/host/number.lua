-- SPDX-License-Identifier: Apache-2.0
-- number(value): a number for people, six digits long at most where that says enough.

return function(value)
  if value == nil then
    return ""
  elseif math.type(value) == "integer" then
    return tostring(value)
  elseif value ~= value then
    return "nan"
  elseif value == math.floor(value) and math.abs(value) < 1e15 then
    return ("%.0f"):format(value)
  end
  return ("%.6g"):format(value)
end
