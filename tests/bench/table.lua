-- SPDX-License-Identifier: Apache-2.0
-- Reads what the benchmarks print and prints the table as the figures come. A bar is a condition
-- over ours, raw and ratio; a figure that does not hold it is a MISS, which is shown and no more.
--
--   figure <name> <unit> <ours> <raw or nan> <what raw is> <bar>   fields parted by tabs
--   peer   <name of a figure> <unit> <value> <what the peer did>
--   note   <text>

local function number(value)
  if value ~= value then
    return "-"
  end
  local size = math.abs(value)
  return (size >= 100 and "%.0f" or size >= 10 and "%.1f" or "%.2f"):format(value)
end

-- lua's own %-30s counts bytes.
local function pad(text, width)
  return text .. (" "):rep(width - utf8.len(text))
end

local function judge(bar, ours, raw)
  if bar == "" then
    return ""
  end
  local env = { ours = ours, raw = raw, ratio = ours / raw, max = math.max }
  return assert(load("return " .. bar, "=bar", "t", env))() and "ok" or "MISS"
end

local figures, units, notes, peers, misses = {}, {}, {}, {}, {}

local row = "%s %11s %11s %6s  %s %s %s"
local function print_row(name, ours, raw, ratio, beside, bar, verdict)
  local line = row:format(pad(name, 41), ours, raw, ratio, pad(beside, 34), pad(bar, 23), verdict)
  print((line:gsub(" +$", "")))
end

local function take_figure(name, unit, ours, raw, beside, bar)
  ours, raw = tonumber(ours), tonumber(raw) or 0 / 0
  figures[name], units[name] = ours, unit
  local verdict = judge(bar, ours, raw)
  if verdict == "MISS" then
    misses[#misses + 1] = name
  end
  print_row(name, number(ours) .. " " .. unit, raw == raw and number(raw) .. " " .. unit or "-",
    raw == raw and number(ours / raw) or "-", beside, bar, verdict)
end

print_row("figure", "ours", "raw limit", "ratio", "which is", "bar", "")
for line in io.lines() do
  local fields = {}
  for field in (line .. "\t"):gmatch("([^\t]*)\t") do
    fields[#fields + 1] = field
  end
  local kind = table.remove(fields, 1)
  if kind == "figure" then
    take_figure(table.unpack(fields))
  elseif kind == "note" then
    notes[#notes + 1] = fields[1]
  elseif kind == "peer" then
    peers[#peers + 1] = fields
  else
    print(line)
  end
  io.stdout:flush()
end

if #peers > 0 then
  print()
  print(("%s %11s %11s %8s  %s"):format(pad("beside MLflow", 41), "ours", "MLflow", "times",
    "MLflow's call"))
  for _, peer in ipairs(peers) do
    local name, unit, value, what = table.unpack(peer)
    value = tonumber(value)
    local ours = figures[name]
    -- What is counted by the second is better when it is more.
    local times = ours and (unit:find("/s$") and ours / value or value / ours)
    print(("%s %11s %11s %8s  %s"):format(pad(name, 41),
      ours and number(ours) .. " " .. units[name] or "-", number(value) .. " " .. unit,
      times and number(times) or "-", what))
  end
end

print()
for _, note in ipairs(notes) do
  print(note)
end
print(#misses == 0 and "every bar holds" or "MISS: " .. table.concat(misses, "; "))
