-- SPDX-License-Identifier: Apache-2.0
-- Lua source that is being typed: its tokens, and what the cursor at its end stands in.

local source = {}

local KEYWORDS = {}
for word in ([[and break do else elseif end false for function goto if in local nil not or repeat
  return then true until while]]):gmatch("%a+") do
  KEYWORDS[word] = true
end
source.KEYWORDS = KEYWORDS

local OPERATORS = { "...", "<<", ">>", "//", "==", "~=", "<=", ">=", "::", ".." }

local function read_string(text, from)
  local quote = text:sub(from, from)
  local at = from + 1
  while at <= #text do
    local character = text:sub(at, at)
    if character == "\\" then
      at = at + 1
    elseif character == quote then
      return { kind = "string", from = from, to = at, quote = quote,
        value = text:sub(from + 1, at - 1) }
    elseif character == "\n" then
      break
    end
    at = at + 1
  end
  return { kind = "string", from = from, to = #text, quote = quote, is_open = true,
    value = text:sub(from + 1) }
end

local function read_long(text, from, kind)
  local level, first = text:match("^%[(=*)%[()", from)
  if not level then
    return nil
  end
  local last, to = text:find("]" .. level .. "]", first, true)
  return { kind = kind, from = from, to = to or #text, is_open = not to or nil,
    value = text:sub(first, last and last - 1 or -1) }
end

local function next_token(text, from)
  local rest = text:sub(from, from + 2)
  local name = text:match("^[%a_][%w_]*", from)
  if name then
    return { kind = KEYWORDS[name] and "keyword" or "name", from = from, to = from + #name - 1 }
  elseif rest:find("^%-%-") then
    local long = read_long(text, from + 2, "comment")
    if long then
      long.from = from
      return long
    end
    local to = text:find("\n", from, true)
    return { kind = "comment", from = from, to = to and to - 1 or #text, is_open = not to }
  elseif rest:find("^[\"']") then
    return read_string(text, from)
  elseif rest:find("^%d") or rest:find("^%.%d") then
    local to = from
    while text:find("^[eEpP][+-]", to) or text:find("^[%w.]", to) do
      to = to + (text:find("^[eEpP][+-]", to) and 2 or 1)
    end
    return { kind = "number", from = from, to = to - 1 }
  end
  local long = read_long(text, from, "string")
  if long then
    return long
  end
  for _, operator in ipairs(OPERATORS) do
    if text:sub(from, from + #operator - 1) == operator then
      return { kind = "operator", from = from, to = from + #operator - 1 }
    end
  end
  return { kind = "operator", from = from, to = from }
end

--- The tokens of text: { kind=, text=, from=, to= }, kind being "name", "keyword", "number",
--- "string", "comment" or "operator". A string has value (as written), quote (nil: a long one) and
--- is_open, when text ends in it; so has a comment. Comments in the middle are left out.
function source.tokens(text)
  local tokens, at = {}, 1
  while true do
    at = text:find("%S", at)
    if not at then
      return tokens
    end
    local token = next_token(text, at)
    token.text = text:sub(token.from, token.to)
    if token.kind ~= "comment" or token.is_open then
      tokens[#tokens + 1] = token
    end
    at = token.to + 1
  end
end

local CLOSING = { [")"] = "(", ["}"] = "{", ["]"] = "[" }

--- The token that opens the bracket which closes at i; nil when it does not.
local function opening(tokens, i)
  local depth = 0
  while i > 0 do
    local token = tokens[i]
    if token.kind == "operator" then
      if CLOSING[token.text] then
        depth = depth + 1
      elseif token.text == "(" or token.text == "{" or token.text == "[" then
        depth = depth - 1
        if depth == 0 then
          return i
        end
      end
    end
    i = i - 1
  end
end

local function is(token, text)
  return token and token.kind == "operator" and token.text == text
end

--- The value of a literal token, for strings without escapes; nil for others.
function source.literal(token)
  if token and token.kind == "string" and not token.value:find("\\", 1, true) then
    return token.value
  elseif token and token.kind == "number" then
    return tonumber(token.text)
  end
end

--- The expression a.b:c["d"](…) that ends at token i, as steps from its first name on:
--- { kind="global"|"field"|"method"|"index"|"call", name= or value= }. nil for another one.
function source.chain(tokens, i)
  local steps = {}
  while true do
    local token = tokens[i]
    if token and token.kind == "name" then
      local before = tokens[i - 1]
      local kind = is(before, ".") and "field" or is(before, ":") and "method" or "global"
      table.insert(steps, 1, { kind = kind, name = token.text })
      if kind == "global" then
        return steps
      end
      i = i - 2
    elseif is(token, ")") then
      local open = opening(tokens, i)
      if not open or not tokens[open - 1] or tokens[open - 1].kind == "keyword" then
        return nil
      end
      table.insert(steps, 1, { kind = "call" })
      i = open - 1
    elseif is(token, "]") then
      local open = opening(tokens, i)
      local value = open and i == open + 2 and source.literal(tokens[open + 1])
      if not value then
        return nil
      end
      table.insert(steps, 1, { kind = "index", value = value })
      i = open - 1
    elseif token and token.kind == "string" and #steps > 0 and tokens[i - 1]
      and tokens[i - 1].kind == "name" then
      table.insert(steps, 1, { kind = "call" })
      i = i - 1
    else
      return nil
    end
  end
end

--- The call whose arguments the end of the tokens stands in: { chain=, argument=, arguments=,
--- keyword= }. argument counts from 1; arguments has the literals before it; keyword is the field
--- of a table that is the argument, "" between fields. nil outside of calls.
function source.call(tokens)
  local argument, depth, keyword, in_table = 1, 0, nil, false
  local arguments = {}
  for i = #tokens, 1, -1 do
    local token = tokens[i]
    if token.kind == "keyword" and depth == 0
      and (token.text == "do" or token.text == "then" or token.text == "end"
        or token.text == "function") then
      return nil
    elseif token.kind ~= "operator" then
      -- f "text": a call without parentheses.
      local before = tokens[i - 1]
      if i == #tokens and token.kind == "string" and token.is_open and before
        and before.kind == "name" then
        return { chain = source.chain(tokens, i - 1), argument = 1, arguments = {} }
      end
    elseif CLOSING[token.text] then
      depth = depth + 1
    elseif token.text == "(" or token.text == "{" or token.text == "[" then
      depth = depth - 1
      if depth < 0 then
        local before = tokens[i - 1]
        local is_call = before and (before.kind == "name" or is(before, ")") or is(before, "]"))
        if token.text == "(" then
          if not is_call then
            return nil
          end
          -- Counted from the end until now.
          local list, count = {}, argument
          for place, value in pairs(arguments) do
            list[count - place] = value
          end
          return { chain = source.chain(tokens, i - 1), argument = count, arguments = list,
            keyword = keyword }
        elseif token.text == "[" or in_table then
          return nil
        end
        keyword = keyword or ""
        if is_call then
          return { chain = source.chain(tokens, i - 1), argument = 1, arguments = {},
            keyword = keyword }
        end
        depth, argument, arguments, in_table = 0, 1, {}, true
      end
    elseif depth == 0 then
      if token.text == "," then
        if not in_table then
          arguments[argument] = source.literal(tokens[i - 1])
        end
        argument = argument + 1
        -- Inside of a table that is an argument, its own commas do not count.
      elseif token.text == "=" and argument == 1 and not in_table and not keyword
        and tokens[i - 1] and tokens[i - 1].kind == "name"
        and (is(tokens[i - 2], "{") or is(tokens[i - 2], ",")) then
        keyword = tokens[i - 1].text
      elseif token.text == ";" then
        return nil
      end
    end
  end
end

return source
