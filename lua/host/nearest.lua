-- SPDX-License-Identifier: Apache-2.0
-- nearest(word, names): the name that a misspelt word most likely means, or nil.

--- How many letters must be put in, left out, changed or swapped with the next one.
local function distance(a, b)
  local before, above = {}, {}
  for j = 0, #b do
    above[j] = j
  end
  for i = 1, #a do
    local row = { [0] = i }
    for j = 1, #b do
      local same = a:byte(i) == b:byte(j)
      row[j] = math.min(row[j - 1] + 1, above[j] + 1, above[j - 1] + (same and 0 or 1))
      if i > 1 and j > 1 and a:byte(i) == b:byte(j - 1) and a:byte(i - 1) == b:byte(j) then
        row[j] = math.min(row[j], before[j - 2] + 1)
      end
    end
    before, above = above, row
  end
  return above[#b]
end

local BYTES_MAX = 64 -- longer words are not compared
local CASE_WEIGHT = 1000 -- of two as near names, the one whose capitals are as typed

return function(word, names)
  local best, best_distance
  local wanted = word:lower()
  for _, name in ipairs(names) do
    if #word <= BYTES_MAX and #name <= BYTES_MAX then
      local given = name:lower()
      local found = distance(wanted, given)
      -- "loss" for "val_loss": a part that was left out is a smaller mistake than it measures.
      if #wanted >= 3 and (given:find(wanted, 1, true) or wanted:find(given, 1, true))
        and #given >= 3 then
        found = math.min(found, 1)
      end
      if found <= (math.max(#word, #name) + 1) // 3 then
        found = found + distance(word, name) / CASE_WEIGHT
        if not best or found < best_distance then
          best, best_distance = name, found
        end
      end
    end
  end
  return best
end
