-- SPDX-License-Identifier: Apache-2.0
-- Series of numbers as plot and sparkline take them. In come the terminal's functions and those of
-- src/binding/curve.h.

local _, curve = ...

local series = {}

local function is_list(value)
  return type(value) == "table" and (#value > 0 or next(value) == nil)
end

--- Whether value is one series: points in columns, or a list of numbers or points.
function series.is_one(value)
  if type(value) ~= "table" then
    return false
  elseif type(value.y) == "table" or type(value.value) == "table" then
    return true
  end
  local first = value[1]
  return type(first) == "number" or is_list(value) and first == nil
    or type(first) == "table" and (type(first.y) == "number" or type(first.value) == "number")
end

--- The curve of one series, points with the field x ("step" or "timestamp") across, and whether it
--- has those; or nil and what is wrong.
function series.read(value, x)
  local xs, ys, x_field, y_field, name
  local has_steps = false
  if type(value.value) == "table" then
    xs, ys, name, has_steps = value[x], value.value, "value", true
  elseif type(value.y) == "table" then
    xs, ys, name = value.x, value.y, "y"
  else
    local first = value[1]
    ys, name = value, "item"
    if type(first) == "table" then
      xs = value
      has_steps = type(first.y) ~= "number"
      x_field, y_field = has_steps and x or "x", has_steps and "value" or "y"
    end
  end
  if xs ~= nil and not is_list(xs) then
    return nil, "its x is no list of numbers"
  elseif xs and #xs ~= #ys then
    return nil, ("it has %d x and %d y; give as many of both"):format(#xs, #ys)
  end
  local result, place, wrong = curve.read(xs, ys, x_field, y_field)
  if not result then
    return nil, ("%s %d of it has a %s; give a number"):format(name, place, type(wrong))
  end
  return result, has_steps
end

return series
