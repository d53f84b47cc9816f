-- SPDX-License-Identifier: Apache-2.0
-- Where the axes of a plot have their ticks, and how those are written. Each function takes the
-- least and greatest value and how many ticks there is room for, and returns a list of
-- {value, label}.

local axis = {}

local EXPONENTS_FROM, EXPONENTS_TO = -5, 6 -- beyond, numbers are written as 1e-5 and 1e6
local YEAR_10000_MS = 253402300800000

-- Seconds between ticks that a reader of clocks expects.
local TIME_STEPS = {
  0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900,
  1800, 3600, 7200, 10800, 21600, 43200, 86400, 2 * 86400, 7 * 86400, 14 * 86400, 30 * 86400,
  90 * 86400, 365 * 86400, 3650 * 86400,
}
local UNITS = { { "d", 86400000 }, { "h", 3600000 }, { "min", 60000 }, { "s", 1000 } }

local function log10(value)
  return math.log(value) / math.log(10)
end

-- The power of ten that value is or that lies below it, exact where value is one.
local function exponent_of(value)
  return tonumber((("%.15e"):format(value):match("e([+-]%d+)$")))
end

local function tidy(text)
  return (text:gsub("e%+?(%-?)0*(%d)", "e%1%2"))
end

--- A round step that gives at most count ticks, and the power of ten that it is made of.
local function round_step(range, count)
  local rough = range / math.max(1, count)
  local exponent = exponent_of(rough)
  local power = 10 ^ exponent
  for _, factor in ipairs { 1, 2, 5 } do
    if factor * power >= rough * (1 - 1e-9) then
      return factor * power, exponent
    end
  end
  return 10 * power, exponent + 1
end

function axis.linear(min, max, count)
  local range = max - min
  if not (range > 0 and range < math.huge) then
    return { { min, tidy(("%.6g"):format(min)) } }
  end
  local step, exponent = round_step(range, count)
  local first, last = math.ceil(min / step - 1e-9), math.floor(max / step + 1e-9)
  local size = math.max(math.abs(min), math.abs(max))
  local top = exponent_of(size)
  local format
  if top >= EXPONENTS_TO or exponent < EXPONENTS_FROM then
    format = ("%%.%dg"):format(math.min(17, math.max(1, top - exponent + 1)))
  else
    format = ("%%.%df"):format(math.max(0, -exponent))
  end
  local ticks = {}
  -- Beyond 2^53 the multiples of the step are no different numbers.
  for i = 0, math.min(last - first, count + 1) do
    local value = (first + i) * step
    if first + i == 0 then
      value = 0.0
    end
    ticks[#ticks + 1] = { value, tidy(format:format(value)) }
  end
  return ticks
end

local function log_label(value)
  local exponent = exponent_of(value)
  if exponent < EXPONENTS_FROM + 1 or exponent >= EXPONENTS_TO then
    return tidy(("%.0e"):format(value))
  end
  return tidy(("%.6g"):format(value))
end

function axis.log(min, max, count)
  local first, last = exponent_of(min), exponent_of(max)
  local decades = log10(max) - log10(min)
  local every, factors = 1, { 1 }
  if decades < 2 and count >= 3 then
    factors = { 1, 2, 5 }
  end
  while decades / every > count do
    every = every + 1
  end
  local ticks = {}
  for exponent = first, last do
    if exponent % every == 0 then
      for _, factor in ipairs(factors) do
        -- As text: 10 ^ -5 is not quite 1e-5.
        local value = tonumber(("%de%d"):format(factor, exponent))
        if value >= min * (1 - 1e-12) and value <= max * (1 + 1e-12) then
          ticks[#ticks + 1] = { value, log_label(value) }
        end
      end
    end
  end
  if #ticks < 2 or #ticks < 3 and decades < 1 then
    return axis.linear(min, max, count)
  end
  return ticks
end

-- Seconds that local time is ahead of UTC.
local function zone_offset(seconds)
  local utc = os.date("!*t", seconds)
  utc.isdst = os.date("*t", seconds).isdst
  return os.difftime(seconds, os.time(utc))
end

--- Milliseconds since 1970, written in local time.
function axis.time(min, max, count)
  if min < 0 or max >= YEAR_10000_MS then
    return axis.linear(min, max, count)
  end
  local rough, step = (max - min) / 1000 / math.max(1, count), TIME_STEPS[#TIME_STEPS]
  for i = #TIME_STEPS, 1, -1 do
    step = TIME_STEPS[i] >= rough and TIME_STEPS[i] or step
  end
  local offset = zone_offset(math.floor(min / 1000))
  local format = step < 60 and "%H:%M:%S" or step < 86400 and "%H:%M"
    or step < 365 * 86400 and "%m-%d" or "%Y-%m"
  local ticks = {}
  local first = math.ceil((min / 1000 + offset) / step - 1e-6)
  local last = math.floor((max / 1000 + offset) / step + 1e-6)
  for i = first, math.min(last, first + count + 1) do
    local seconds = i * step - offset
    local label = os.date(format, math.floor(seconds + 1e-6))
    if step < 1 then
      label = label .. ("%.3f"):format(seconds % 1):sub(2)
    end
    ticks[#ticks + 1] = { seconds * 1000, label }
  end
  return ticks
end

--- The largest unit of time that a range in milliseconds has at least two of, and its length.
function axis.unit(range_ms)
  for _, unit in ipairs(UNITS) do
    if range_ms >= 2 * unit[2] then
      return unit[1], unit[2]
    end
  end
  return "s", 1000
end

return axis
