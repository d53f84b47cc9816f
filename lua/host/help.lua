-- SPDX-License-Identifier: Apache-2.0
-- Documentation as text for a terminal: overview(), command(c) and topic(t), from commands.lua and
-- topics.lua.

local host = ...
local commands = host.load "commands"
local topics = host.load "topics"
local words = host.load "help_words"
local terminal = host.terminal

local WIDTH_MAX = 80
local LEFT_MAX = 24 -- columns of an option; its text follows below where it is longer

local help = {}

local width = math.min(terminal.width("stdout") or WIDTH_MAX, WIDTH_MAX)
local color = terminal.has_color("stdout")

local function bold(text)
  return color and "\27[1m" .. text .. "\27[m" or text
end

local function add_text(lines, text)
  local paragraph = {}
  local function finish()
    for _, line in ipairs(terminal.wrap(table.concat(paragraph, " "), width)) do
      lines[#lines + 1] = line
    end
    paragraph = {}
  end
  for line in text:gmatch("([^\n]*)\n") do
    if line == "" or line:find("^ ") then
      finish()
      lines[#lines + 1] = line
    else
      paragraph[#paragraph + 1] = line
    end
  end
  finish()
end

--- Pairs of a word and what it means, side by side.
local function add_list(lines, pairs_of_text)
  local left = 0
  for _, pair in ipairs(pairs_of_text) do
    if #pair[1] <= LEFT_MAX then
      left = math.max(left, #pair[1])
    end
  end
  for _, pair in ipairs(pairs_of_text) do
    local texts = terminal.wrap(pair[2], width - left - 4)
    if #pair[1] > left then
      lines[#lines + 1] = "  " .. pair[1]
    else
      lines[#lines + 1] = ("  %-" .. left .. "s  %s"):format(pair[1], texts[1])
      table.remove(texts, 1)
    end
    for _, text in ipairs(texts) do
      lines[#lines + 1] = (" "):rep(left + 4) .. text
    end
  end
end

local function option_name(option)
  local text = option.short and option.short .. ", " .. option.name or option.name
  return option.value and text .. " " .. option.value or text
end

local function add_options(lines, title, options)
  local list = {}
  for i, option in ipairs(options) do
    list[i] = { option_name(option), words.option_text(option) }
  end
  lines[#lines + 1] = ""
  lines[#lines + 1] = bold(title)
  add_list(lines, list)
end

local function finish(lines)
  return table.concat(lines, "\n") .. "\n"
end

function help.overview()
  local lines = {}
  for i, usage in ipairs(commands.usage) do
    lines[i] = ("%s mlmanager %-33s %s"):format(i == 1 and "usage:" or "      ", usage[1],
      usage[2])
  end
  lines[#lines + 1] = ""
  lines[#lines + 1] = bold "Commands"
  local list = {}
  for i, command in ipairs(commands.list) do
    list[i] = { command.name, command.summary }
  end
  add_list(lines, list)
  local options = {}
  for _, group in ipairs { commands.global_options, commands.script_options } do
    table.move(group, 1, #group, #options + 1, options)
  end
  add_options(lines, "Options", options)
  lines[#lines + 1] = ""
  lines[#lines + 1] = bold "Topics"
  list = {}
  for i, topic in ipairs(topics) do
    list[i] = { topic.name, topic.summary }
  end
  add_list(lines, list)
  lines[#lines + 1] = ""
  add_text(lines, commands.text)
  lines[#lines + 1] = ""
  add_text(lines, "'mlmanager help NAME' tells more about a command or a topic.\n")
  return finish(lines)
end

function help.command(command)
  local lines = { "usage: mlmanager " .. words.synopsis(command), "" }
  add_text(lines, command.summary:sub(1, 1):upper() .. command.summary:sub(2) .. ".\n")
  if command.text then
    lines[#lines + 1] = ""
    add_text(lines, command.text)
  end
  if #(command.options or {}) > 0 then
    add_options(lines, "Options", command.options)
  end
  add_options(lines, "Options of every command", commands.global_options)
  if command.examples then
    lines[#lines + 1] = ""
    lines[#lines + 1] = bold "Examples"
    for _, example in ipairs(command.examples) do
      lines[#lines + 1] = "  # " .. example[2]
      lines[#lines + 1] = "  " .. example[1]
    end
  end
  return finish(lines)
end

function help.topic(topic)
  local lines = { bold(topic.name .. ": " .. topic.summary), "" }
  add_text(lines, topic.text)
  return finish(lines)
end

return help
