-- SPDX-License-Identifier: Apache-2.0
-- manual(version): the man page mlmanager(1), of the same source as help.

local host = ...
local commands = host.load "commands"
local topics = host.load "topics"
local words = host.load "help_words"

--- Text as roff takes it.
local function escape(text)
  return (text:gsub("\\", "\\e"):gsub("%-", "\\-"):gsub("\n([.'])", "\n\\&%1"):gsub("^([.'])",
    "\\&%1"))
end

local WIDTH = 78 -- columns of a line of the source

--- Words in lines, broken where a sentence ends, which roff spaces by itself.
local function add_words(lines, text)
  local line
  for word in text:gmatch("%S+") do
    if line and (#line + #word + 1 > WIDTH or line:find("[.]$")) then
      lines[#lines + 1] = escape(line)
      line = word
    else
      line = line and line .. " " .. word or word
    end
  end
  lines[#lines + 1] = line and escape(line)
end

local function add_text(lines, text)
  local paragraph = {}
  local function finish()
    add_words(lines, table.concat(paragraph, " "))
    paragraph = {}
  end
  local is_literal, is_new = false, false
  for line in text:gmatch("([^\n]*)\n") do
    local literal = line:find("^ ") ~= nil
    if literal or line == "" then
      finish()
    end
    if literal ~= is_literal then
      if not literal then
        lines[#lines + 1] = ".EE"
        lines[#lines + 1] = ".RE"
        is_new = true
      else
        lines[#lines + 1] = ".PP"
        lines[#lines + 1] = ".RS 2"
        lines[#lines + 1] = ".EX"
        is_new = false
      end
      is_literal = literal
    end
    if literal then
      lines[#lines + 1] = escape(line:sub(3))
    elseif line == "" then
      is_new = true
    else
      if is_new then
        lines[#lines + 1] = ".PP"
        is_new = false
      end
      paragraph[#paragraph + 1] = line
    end
  end
  finish()
  if is_literal then
    lines[#lines + 1] = ".EE"
    lines[#lines + 1] = ".RE"
  end
end

local function add_options(lines, options)
  for _, option in ipairs(options) do
    lines[#lines + 1] = ".TP"
    local name = option.short and ("\\fB%s\\fR, \\fB%s\\fR"):format(escape(option.short),
      escape(option.name)) or ("\\fB%s\\fR"):format(escape(option.name))
    lines[#lines + 1] = name .. (option.value and (" \\fI%s\\fR"):format(escape(option.value))
      or "")
    add_words(lines, words.option_text(option))
  end
end

local function first_upper(text)
  return text:sub(1, 1):upper() .. text:sub(2)
end

return function(version)
  local lines = {
    ('.TH MLMANAGER 1 "%s" "mlmanager %s" "User Commands"'):format(commands.date, version),
    ".SH NAME", "mlmanager \\- keep track of experiments", ".SH SYNOPSIS",
  }
  for i, usage in ipairs(commands.usage) do
    if i > 1 then
      lines[#lines + 1] = ".br"
    end
    lines[#lines + 1] = ("\\fBmlmanager\\fR %s"):format(escape(usage[1]))
  end
  lines[#lines + 1] = ".SH DESCRIPTION"
  add_text(lines, commands.text)
  lines[#lines + 1] = ".SH OPTIONS"
  add_options(lines, commands.global_options)
  add_options(lines, commands.script_options)
  lines[#lines + 1] = ".SH COMMANDS"
  for _, command in ipairs(commands.list) do
    lines[#lines + 1] = ".SS " .. escape("mlmanager " .. words.synopsis(command))
    add_text(lines, first_upper(command.summary) .. ".\n\n" .. (command.text or ""))
    add_options(lines, command.options or {})
  end
  for _, topic in ipairs(topics) do
    lines[#lines + 1] = ".SH " .. escape((topic.title or topic.name):upper())
    add_text(lines, first_upper(topic.summary) .. ".\n\n" .. topic.text)
  end
  lines[#lines + 1] = ".SH EXAMPLES"
  for _, command in ipairs(commands.list) do
    for _, example in ipairs(command.examples or {}) do
      lines[#lines + 1] = ".TP"
      lines[#lines + 1] = escape(first_upper(example[2])) .. ":"
      lines[#lines + 1] = "\\fB" .. escape(example[1]) .. "\\fR"
    end
  end
  return table.concat(lines, "\n") .. "\n"
end
