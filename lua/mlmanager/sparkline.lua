-- SPDX-License-Identifier: Apache-2.0
-- mlmanager.sparkline(values [, width or options]): a series in one line. In come the terminal's
-- functions, and a table with those of src/binding/curve.h, load(name), refuse(message), and what
-- series.lua returns under its name.

local terminal, curve = ...

local series, refuse, check_types = curve.series, curve.refuse, curve.load "options"

local WIDTH_DEFAULT, WIDTH_MAX = 24, 1000
local BLOCKS = { "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" }
local LETTERS = { "_", ".", "-", "=", "+", "*", "%", "#" }

local OPTIONS = { width = "number", numbers = "boolean", ascii = "boolean" }

local function check_options(options)
  if type(options) == "number" then
    options = { width = options }
  elseif options == nil then
    options = {}
  elseif type(options) ~= "table" then
    refuse(("bad argument #2 to 'sparkline' (a width or options expected, got a %s)"):format(
      type(options)))
  end
  check_types("sparkline", options, OPTIONS, refuse)
  local width = options.width or WIDTH_DEFAULT
  if not (width >= 1 and width <= WIDTH_MAX) then
    refuse(("sparkline's width is %s; give 1 to %d columns"):format(terminal.number(width),
      WIDTH_MAX))
  end
  return options, math.floor(width)
end

local function draw(line, range, width, blocks)
  -- Halves, since the difference of two great numbers need not be one.
  local parts, low, height = {}, range.y_min / 2, range.y_max / 2 - range.y_min / 2
  for i, value in ipairs(curve.buckets(line, width)) do
    if not value then
      parts[i] = " "
    elseif height > 0 then
      parts[i] = blocks[1 + math.floor((value / 2 - low) / height * (#blocks - 1) + 0.5)]
    else
      parts[i] = blocks[4] -- all the same: neither low nor high
    end
  end
  return table.concat(parts)
end

return function(values, options)
  local width
  options, width = check_options(options)
  if not series.is_one(values) then
    refuse(("bad argument #1 to 'sparkline' (numbers or a metric's history expected, got %s)")
      :format(type(values) == "table" and "a table of other things" or type(values)))
  end
  local line, problem = series.read(values, "step")
  if not line then
    refuse(("bad argument #1 to 'sparkline' (%s)"):format(problem))
  end
  local range = curve.range(line, false, false)
  local ascii = options.ascii
  if ascii == nil then
    ascii = not terminal.is_utf8()
  end
  local text = range.shown > 0 and draw(line, range, width, ascii and LETTERS or BLOCKS) or ""
  if options.numbers == false then
    return text
  elseif range.count == 0 then
    return "no points"
  end
  local words = {}
  if range.shown > 0 then
    words[1] = "min " .. terminal.number(range.y_min)
    words[2] = "max " .. terminal.number(range.y_max)
  end
  words[#words + 1] = "last " .. terminal.number(curve.last(line))
  local infinite = range.positive_infinite + range.negative_infinite
  if range.nan > 0 then
    words[#words + 1] = ("%d nan"):format(range.nan)
  end
  if infinite > 0 then
    words[#words + 1] = ("%d inf"):format(infinite)
  end
  return text .. (text ~= "" and "  " or "") .. table.concat(words, "  ")
end
