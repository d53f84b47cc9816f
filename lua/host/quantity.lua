-- SPDX-License-Identifier: Apache-2.0
-- Amounts for people: count(2, "run") is "2 runs", bytes(1536) is "1.5 kB".

local quantity = {}

function quantity.count(number, noun)
  return ("%d %s%s"):format(number, noun, number == 1 and "" or "s")
end

function quantity.bytes(bytes)
  local units = { "kB", "MB", "GB", "TB" }
  if bytes < 1000 then
    return ("%d bytes"):format(bytes)
  end
  local unit = 0
  local value = bytes
  repeat
    value, unit = value / 1000, unit + 1
  until value < 999.5 or unit == #units
  return (value < 9.95 and "%.1f %s" or "%.0f %s"):format(value, units[unit])
end

return quantity
