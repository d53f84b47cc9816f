-- SPDX-License-Identifier: Apache-2.0
-- keys(bytes): what was typed, as a list of names ("up", "enter", "escape", …) and characters.

local SEQUENCES = {
  ["[A"] = "up", ["[B"] = "down", ["OA"] = "up", ["OB"] = "down", ["[H"] = "home", ["[F"] = "end",
  ["OH"] = "home", ["OF"] = "end", ["[1~"] = "home", ["[4~"] = "end", ["[5~"] = "page up",
  ["[6~"] = "page down", ["[Z"] = "back tab", ["[C"] = "right", ["[D"] = "left",
  ["OC"] = "right", ["OD"] = "left",
}
local CONTROLS = {
  ["\r"] = "enter", ["\n"] = "enter", ["\t"] = "tab", ["\127"] = "backspace", ["\8"] = "backspace",
  ["\21"] = "clear", ["\12"] = "redraw",
}

return function(bytes)
  local keys, at = {}, 1
  while at <= #bytes do
    local text = bytes:match("^\27[%[O][%d;]*[%a~]", at)
    if text then
      keys[#keys + 1] = SEQUENCES[text:sub(2)] -- a key without a meaning here is none
    elseif bytes:sub(at, at) == "\27" then
      text = "\27"
      keys[#keys + 1] = "escape"
    else
      text = bytes:match("^" .. utf8.charpattern, at)
      if text == nil or text == "" then
        text = bytes:sub(at, at)
      elseif text:find("%c") then
        keys[#keys + 1] = CONTROLS[text]
      else
        keys[#keys + 1] = text
      end
    end
    at = at + #text
  end
  return keys
end
